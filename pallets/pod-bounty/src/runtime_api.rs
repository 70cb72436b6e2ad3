//! The runtime API by which clients read the escrow.

use alloc::vec::Vec;
use codec::Codec;
use waybill_primitives::{
	view::{BountyView, DeviceStatus, DistributorView, ReservationView},
	BountyId, DeviceIndex, ReleaseId, ReservationId,
};

sp_api::decl_runtime_apis! {
	/// Read access to bounties, reservations, payments and distributors.
	#[api_version(2)]
	pub trait PodBountyApi<AccountId, Balance>
	where
		AccountId: Codec,
		Balance: Codec,
	{
		/// The bounties for a release that have not started closing.
		fn bounties(release: ReleaseId) -> Vec<BountyView<AccountId, Balance>>;

		/// A bounty, until the last step of closing removes it.
		fn bounty(bounty: BountyId) -> Option<BountyView<AccountId, Balance>>;

		/// The bounties that take reservations: those neither expired nor closing. It does not
		/// check whether the release is yanked.
		fn open_bounties() -> Vec<BountyView<AccountId, Balance>>;

		/// A standing reservation.
		fn reservation(bounty: BountyId, reservation: ReservationId) -> Option<ReservationView<AccountId, Balance>>;

		/// Whether a device is paid or reserved. `None` if the bounty does not exist or is closing,
		/// or if the device does not exist.
		fn device_status(bounty: BountyId, index: DeviceIndex) -> Option<DeviceStatus>;

		/// A page of the bitmap of paid devices: 512 bytes for 4096 devices. Device `i` of the page
		/// is bit `i % 8`, from the lowest, of byte `i / 8`. `None` if the bounty does not exist or
		/// is closing, or if the page is beyond its fleet.
		fn paid_page(bounty: BountyId, page: u32) -> Option<Vec<u8>>;

		/// The distributors and where devices reach them.
		fn distributors() -> Vec<DistributorView<AccountId>>;
	}
}
