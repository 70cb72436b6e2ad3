//! What the chain says, in the types of `waybill-primitives`.

use crate::amount::Amount;
use serde::{de::Error, Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};
use waybill_primitives::{
	view::{self, ReleaseState},
	BlockNumber, BountyId, Cid, DeviceIndex, FleetId, Hash32, KeySet, LockKey, ModelId, ReleaseId, ReservationId, Yank,
};

pub use subxt::utils::AccountId32 as AccountId;

/// A release on chain.
pub type Release = view::ReleaseView<AccountId>;
/// A bounty on chain.
pub type Bounty = view::BountyView<AccountId, Amount>;
/// A standing reservation.
pub type Reservation = view::ReservationView<AccountId, Amount>;
/// A distributor that announced itself.
pub type Distributor = view::DistributorView<AccountId>;

/// A text from the chain. Replaces control characters, which could manipulate a terminal.
pub fn text(bytes: &[u8]) -> String {
	String::from_utf8_lossy(bytes).chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A hash, written as `0x` and hex digits in text and in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Hash(pub Hash32);

impl fmt::Display for Hash {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "0x{}", hex::encode(self.0))
	}
}

impl Serialize for Hash {
	fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.collect_str(self)
	}
}

impl FromStr for Hash {
	type Err = &'static str;

	fn from_str(text: &str) -> Result<Self, Self::Err> {
		const WRONG: &str = "not a hash; write 0x and 64 hex digits";
		let mut hash = Hash32::default();
		hex::decode_to_slice(text.strip_prefix("0x").ok_or(WRONG)?, &mut hash).map_err(|_| WRONG)?;
		Ok(Self(hash))
	}
}

impl<'de> Deserialize<'de> for Hash {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		// Files may leave out the `0x`.
		let text = String::deserialize(deserializer)?;
		let digits = text.strip_prefix("0x").unwrap_or(&text);
		format!("0x{digits}").parse().map_err(D::Error::custom)
	}
}

/// A block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct BlockId {
	/// Its number.
	pub number: BlockNumber,
	/// Its hash.
	pub hash: Hash,
}

/// A vendor.
#[derive(Clone, Debug)]
pub struct Vendor {
	/// The vendor's account.
	pub account: AccountId,
	/// The vendor's name.
	pub name: String,
	/// The vendor's web site.
	pub url: String,
	/// Where to report vulnerabilities.
	pub security_contact: String,
	/// The version of the current key set.
	pub key_set_version: u32,
	/// The current key set.
	pub key_set: KeySet,
}

/// A model.
#[derive(Clone, Debug)]
pub struct Model {
	/// Its id.
	pub id: ModelId,
	/// The vendor that it belongs to.
	pub vendor: AccountId,
	/// Its name.
	pub name: String,
	/// The highest security version released for it.
	pub security_version: u32,
}

/// A fleet.
#[derive(Clone, Debug)]
pub struct Fleet {
	/// Its id.
	pub id: FleetId,
	/// The model of its devices.
	pub model: ModelId,
	/// The Merkle root over its devices.
	pub root: Hash32,
	/// The number of its devices.
	pub count: u32,
	/// The height of its stored cap above the devices.
	pub cap_height: u32,
	/// The list of its devices' keys, in IPFS.
	pub manifest: Cid,
	/// How many bounties rely on it.
	pub bounties: u32,
}

/// An event that clients use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
	/// A release was published.
	ReleasePublished {
		/// The release.
		release: ReleaseId,
		/// Its model.
		model: ModelId,
	},
	/// A release was yanked.
	ReleaseYanked {
		/// The release.
		release: ReleaseId,
		/// Why.
		reason: Yank,
	},
	/// The attesters' votes moved a release to another state.
	ReleaseStateChanged {
		/// The release.
		release: ReleaseId,
		/// Its state from now on.
		state: ReleaseState,
	},
	/// A bounty was opened.
	BountyOpened {
		/// The bounty.
		bounty: BountyId,
		/// Its release.
		release: ReleaseId,
		/// Its fleet.
		fleet: FleetId,
	},
	/// A bounty's reward or expiry was raised.
	BountyRaised {
		/// The bounty.
		bounty: BountyId,
	},
	/// Slots were reserved.
	Reserved {
		/// The bounty.
		bounty: BountyId,
		/// The reservation.
		reservation: ReservationId,
		/// The distributor that reserved them.
		distributor: AccountId,
		/// The first block in which others can take the slots.
		exclusive_until: BlockNumber,
	},
	/// A claim revealed a key: the device can decrypt.
	KeyRevealed {
		/// The bounty.
		bounty: BountyId,
		/// The device.
		device_index: DeviceIndex,
		/// The key that opens the device's lock.
		key: LockKey,
		/// The distributor that was paid.
		distributor: AccountId,
	},
	/// A batch was paid.
	Paid {
		/// The bounty.
		bounty: BountyId,
		/// The distributor that was paid.
		distributor: AccountId,
		/// The number of devices.
		devices: u32,
		/// What it was paid for all of them.
		amount: Amount,
	},
	/// A bounty is closing; the vendor got back what nobody had earned.
	BountyClosing {
		/// The bounty.
		bounty: BountyId,
		/// What the vendor got back.
		refunded: Amount,
	},
	/// A bounty was removed.
	BountyClosed {
		/// The bounty.
		bounty: BountyId,
	},
	/// A distributor announced its address.
	DistributorAnnounced {
		/// The distributor.
		account: AccountId,
	},
	/// A distributor withdrew its address.
	DistributorWithdrawn {
		/// The distributor.
		account: AccountId,
	},
}
