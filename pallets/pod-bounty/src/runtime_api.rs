//! What clients ask of the escrow.

use alloc::vec::Vec;
use codec::Codec;
use waybill_primitives::{
	view::{BountyView, DeviceStatus, DistributorView, ReservationView},
	BountyId, DeviceIndex, ReleaseId, ReservationId,
};

sp_api::decl_runtime_apis! {
	/// Bounties, reservations, payments and distributors.
	#[api_version(2)]
	pub trait PodBountyApi<AccountId, Balance>
	where
		AccountId: Codec,
		Balance: Codec,
	{
		/// The bounties for a release that have not started closing.
		fn bounties(release: ReleaseId) -> Vec<BountyView<AccountId, Balance>>;

		/// A bounty, until its last remains are removed.
		fn bounty(bounty: BountyId) -> Option<BountyView<AccountId, Balance>>;

		/// The bounties that take reservations: neither expired nor closing. Whether the release is yanked is not checked.
		fn open_bounties() -> Vec<BountyView<AccountId, Balance>>;

		/// A standing reservation.
		fn reservation(bounty: BountyId, reservation: ReservationId) -> Option<ReservationView<AccountId, Balance>>;

		/// Where a device stands; nothing for a bounty that does not exist or is closing, or a device that does not exist.
		fn device_status(bounty: BountyId, index: DeviceIndex) -> Option<DeviceStatus>;

		/// 512 bytes of the bitmap of paid devices, 4096 devices a page; device `i` of the page is bit `i % 8`, from the
		/// lowest, of byte `i / 8`. Nothing for a bounty that does not exist or is closing, or a page beyond its fleet.
		fn paid_page(bounty: BountyId, page: u32) -> Option<Vec<u8>>;

		/// The distributors and where devices reach them.
		fn distributors() -> Vec<DistributorView<AccountId>>;
	}
}
