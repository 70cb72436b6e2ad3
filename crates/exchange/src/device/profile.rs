//! What a device is and what runs on it.

use crate::{AccountId, TrustedKeys};
use waybill_primitives::{BountyId, Hash32, ModelId, ReleaseStatement, Version};

/// What a device knows from its maker, and what is installed on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
	/// The hash of the chain's first block.
	pub genesis: Hash32,
	/// The device's vendor.
	pub vendor: AccountId,
	/// The device's model.
	pub model: ModelId,
	/// The vendor's release keys.
	pub keys: TrustedKeys,
	/// What is installed.
	pub installed: Installed,
}

/// The release that runs on a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Installed {
	/// Its version.
	pub version: Version,
	/// The highest security version ever installed.
	pub security_version: u32,
}

impl Installed {
	/// What is installed after this release.
	pub fn after(self, release: &ReleaseStatement) -> Self {
		Self { version: release.version, security_version: self.security_version.max(release.security_version) }
	}
}

/// What a device asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
	/// The distributor it asks, as announced on chain or configured.
	pub distributor: AccountId,
	/// The bounty under which it wants the update.
	pub bounty: BountyId,
}
