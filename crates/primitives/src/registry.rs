//! What the escrow asks of the registry.

use crate::{Digest, FleetId, Hash32, ModelId, ReleaseId};
use alloc::vec::Vec;

/// A release as the escrow sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReleaseInfo<AccountId> {
	/// The vendor.
	pub vendor: AccountId,
	/// The model it is for.
	pub model: ModelId,
	/// The digest that receipts name.
	pub digest: Digest,
	/// Whether the attesters found it available.
	pub available: bool,
	/// Whether it was yanked.
	pub yanked: bool,
}

/// A fleet as the escrow sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FleetInfo {
	/// The model of all its devices.
	pub model: ModelId,
	/// The Merkle root over its devices (see [`crate::fleet`]).
	pub root: Hash32,
	/// The number of its devices.
	pub count: u32,
	/// The height of its stored cap above the devices.
	pub cap_height: u32,
}

/// Read access to the registry, and a count of the bounties that rely on a fleet.
pub trait Registry<AccountId> {
	/// The release, if it is registered.
	fn release(id: ReleaseId) -> Option<ReleaseInfo<AccountId>>;

	/// The fleet, if it is registered.
	fn fleet(id: FleetId) -> Option<FleetInfo>;

	/// A page of [`CAP_PAGE_NODES`](crate::fleet::CAP_PAGE_NODES) nodes of the fleet's cap. The
	/// last page may be shorter; a page that does not exist is empty.
	fn cap_page(id: FleetId, page: u32) -> Vec<Hash32>;

	/// A bounty starts to rely on the fleet, which cannot be removed until
	/// [`Registry::fleet_released`].
	fn fleet_in_use(id: FleetId);

	/// A bounty no longer relies on the fleet.
	fn fleet_released(id: FleetId);

	/// How many bounties rely on the fleet, if it is registered.
	fn users(id: FleetId) -> Option<u32>;

	/// Makes an available release with a fleet of `count` devices under `cap` and returns their
	/// ids.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_release(vendor: &AccountId, digest: Digest, cap: Vec<Hash32>, count: u32) -> (ReleaseId, FleetId);
}
