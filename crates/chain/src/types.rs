//! What the chain says, in the types of `waybill-primitives`.

use crate::amount::Amount;
use serde::{de::Error, Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};
use waybill_primitives::{
	BlockNumber, BountyId, Cid, DeviceIndex, DeviceKey, DeviceSignature, Digest, FleetId, Hash32, KeySet, Lock, LockKey,
	ModelId, ReleaseId, ReleaseSignature, ReleaseStatement, ReservationId, Verdict, Yank,
};

pub use subxt::utils::AccountId32 as AccountId;

/// A hash, in JSON and in words `0x` and hex digits.
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
		String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
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
	/// Where the vendor can be found.
	pub url: String,
	/// Where vulnerabilities are reported.
	pub security_contact: String,
	/// The version of the current key set.
	pub key_set_version: u32,
	/// The current key set.
	pub key_set: KeySet,
}

/// A key set of a vendor, with the signatures that carry it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeySetLink {
	/// Its version.
	pub version: u32,
	/// The set.
	pub key_set: KeySet,
	/// Signatures by the set before, each with the key's place in that; none for version 1.
	pub old_signatures: Vec<(u8, ReleaseSignature)>,
	/// Signatures by the set itself, each with the key's place in it; none for version 1.
	pub new_signatures: Vec<(u8, ReleaseSignature)>,
}

/// A key set that waits to be adopted.
#[derive(Clone, Debug)]
pub struct PendingKeySet {
	/// The set.
	pub link: KeySetLink,
	/// The first block in which it can be adopted; until it is, the vendor can veto it.
	pub effective_at: BlockNumber,
}

/// A model.
#[derive(Clone, Debug)]
pub struct Model {
	/// Its id.
	pub id: ModelId,
	/// Whose it is.
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

/// What is known about a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseState {
	/// The attesters have not agreed yet.
	Pending,
	/// It can be fetched and is what it says.
	Available,
	/// It cannot be fetched, or is not what it says.
	Unavailable,
	/// Its vendor withdrew it.
	Yanked,
}

impl fmt::Display for ReleaseState {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::Pending => "pending",
			Self::Available => "available",
			Self::Unavailable => "unavailable",
			Self::Yanked => "yanked",
		})
	}
}

/// A release.
#[derive(Clone, Debug)]
pub struct Release {
	/// Its id.
	pub id: ReleaseId,
	/// Whose it is.
	pub vendor: AccountId,
	/// What the release keys signed.
	pub statement: ReleaseStatement,
	/// Where to read about it.
	pub advisory: Option<String>,
	/// The version of the vendor's key set that signed it.
	pub key_set_version: u32,
	/// The signatures: the key's place in the key set, and the signature.
	pub signatures: Vec<(u8, ReleaseSignature)>,
	/// The block of its publication.
	pub published_at: BlockNumber,
	/// Its state.
	pub state: ReleaseState,
	/// Why it was withdrawn, if it was.
	pub yank: Option<Yank>,
}

/// How the votes on a release stand.
#[derive(Clone, Debug)]
pub struct Attestations {
	/// The round that is open, or the next one.
	pub round: u32,
	/// The first block in which that round takes votes.
	pub opens_at: BlockNumber,
	/// The latest votes, by the attesters' session keys.
	pub votes: Vec<(Hash32, Verdict)>,
	/// The block in which those votes decided, if they did.
	pub decided_at: Option<BlockNumber>,
	/// The number of attesters now.
	pub attesters: u32,
	/// How many equal votes decide.
	pub needed: u32,
}

/// A bounty.
#[derive(Clone, Debug)]
pub struct Bounty {
	/// Its id.
	pub id: BountyId,
	/// Who pays.
	pub vendor: AccountId,
	/// The release to deliver.
	pub release: ReleaseId,
	/// The fleet to deliver to.
	pub fleet: FleetId,
	/// The fleet's Merkle root.
	pub root: Hash32,
	/// The number of the fleet's devices.
	pub count: u32,
	/// The digest that receipts name.
	pub digest: Digest,
	/// The reward for one device.
	pub reward: Amount,
	/// The first block in which nothing can be reserved.
	pub expires_at: BlockNumber,
	/// What is still held for it.
	pub held: Amount,
	/// How many devices are paid.
	pub paid: u32,
	/// How many devices are in standing reservations.
	pub reserved: u32,
	/// The end of the last exclusive window of all reservations.
	pub exclusive_until: BlockNumber,
	/// Whether it is being closed: nothing can be reserved or claimed any more.
	pub closing: bool,
}

/// A device's standing in a bounty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct DeviceStatus {
	/// Whether its delivery was paid.
	pub paid: bool,
	/// The reservation that holds it, if one does.
	pub reserved: Option<ReservationId>,
}

/// A reservation.
#[derive(Clone, Debug)]
pub struct Reservation {
	/// Who reserved.
	pub distributor: AccountId,
	/// The reward for one device, as it was then.
	pub reward: Amount,
	/// The deposit for one device.
	pub deposit: Amount,
	/// The first block in which others can take its slots.
	pub exclusive_until: BlockNumber,
	/// The devices that are not claimed yet, with their locks.
	pub slots: Vec<(DeviceIndex, Lock)>,
}

/// Receipts that are reserved together.
#[derive(Clone, Debug)]
pub struct ReceiptBatch {
	/// The receipts, in rising order of their devices.
	pub receipts: Vec<Receipt>,
	/// The multiproof of all their devices' places, up to the fleet's cap.
	pub proof: Vec<Hash32>,
}

/// A device's receipt, with what the chain needs to check it.
#[derive(Clone, Debug)]
pub struct Receipt {
	/// The device's place in the fleet.
	pub device_index: DeviceIndex,
	/// The device's key.
	pub device_key: DeviceKey,
	/// The lock `s = H(r)`.
	pub lock: Lock,
	/// The last block in which the receipt can be reserved.
	pub valid_until: BlockNumber,
	/// The device's signature over the `ReceiptStatement`.
	pub signature: DeviceSignature,
	/// The lapsed reservation that holds the slot, if one does.
	pub replaces: Option<ReservationId>,
}

/// A distributor that announced itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Distributor {
	/// The account that is paid.
	pub account: AccountId,
	/// Its HTTP address.
	pub endpoint: String,
}

/// What happened in a block, as far as clients care.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
	/// A release was published.
	ReleasePublished {
		/// The release.
		release: ReleaseId,
		/// Its model.
		model: ModelId,
	},
	/// A release was withdrawn.
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
		/// Who reserved.
		distributor: AccountId,
		/// The first block in which others can take the slots.
		exclusive_until: BlockNumber,
	},
	/// A key came out: the device can decrypt.
	KeyRevealed {
		/// The bounty.
		bounty: BountyId,
		/// The device.
		device_index: DeviceIndex,
		/// The key `r`.
		key: LockKey,
		/// Who was paid.
		distributor: AccountId,
	},
	/// A batch was paid.
	Paid {
		/// The bounty.
		bounty: BountyId,
		/// Who was paid.
		distributor: AccountId,
		/// For how many devices.
		devices: u32,
		/// How much.
		amount: Amount,
	},
	/// A bounty is being closed; what was left went back to the vendor.
	BountyClosing {
		/// The bounty.
		bounty: BountyId,
		/// What went back.
		refunded: Amount,
	},
	/// A bounty is gone.
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
