//! The messages that device and distributor exchange.

use crate::{
	cbor::{self, Message, V1},
	AccountId, Rejection, SealedMask,
};
use alloc::{string::String, vec::Vec};
use minicbor::{Decode, Encode};
use waybill_primitives::{
	BlockNumber, BountyId, Cid, DeviceIndex, DeviceKey, DeviceSignature, Hash32, HelloStatement, IndexedSignature, Lock,
	LockKey, ReceiptStatement, ReleaseId, ReleaseStatement,
};

/// The version of every message.
pub const PROTOCOL_VERSION: u8 = 1;

/// A distributor's invitation to a device to identify itself.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Invite {
	#[n(0)]
	pub(crate) version: V1,
	/// The chain, by its genesis hash.
	#[cbor(n(1), with = "minicbor::bytes")]
	pub genesis: Hash32,
	/// The distributor's account.
	#[cbor(n(2), with = "minicbor::bytes")]
	pub distributor: AccountId,
	/// The nonce for the device to sign.
	#[cbor(n(3), with = "minicbor::bytes")]
	pub nonce: [u8; 32],
}

impl Invite {
	/// The invitation of `distributor` on the chain with this genesis hash.
	pub const fn new(genesis: Hash32, distributor: AccountId, nonce: [u8; 32]) -> Self {
		Self { version: V1, genesis, distributor, nonce }
	}
}

impl Message for Invite {
	const MAX_LEN: usize = 128;
}

/// A device's greeting. It identifies the device to one distributor, and names the bounty for which
/// it wants an offer.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Hello {
	#[n(0)]
	pub(crate) version: V1,
	/// The bounty under which the device wants the update.
	#[n(1)]
	pub bounty: BountyId,
	/// The device.
	#[cbor(n(2), with = "cbor::scale")]
	pub device_key: DeviceKey,
	/// The distributor that the device greets.
	#[cbor(n(3), with = "minicbor::bytes")]
	pub distributor: AccountId,
	/// The nonce of the invitation.
	#[cbor(n(4), with = "minicbor::bytes")]
	pub distributor_nonce: [u8; 32],
	/// The device's own nonce.
	#[cbor(n(5), with = "minicbor::bytes")]
	pub device_nonce: [u8; 32],
	/// The X25519 key to which the mask is encrypted.
	#[cbor(n(6), with = "minicbor::bytes")]
	pub exchange_key: [u8; 32],
	/// The signature over the [`HelloStatement`] of these fields.
	#[cbor(n(7), with = "cbor::scale")]
	pub signature: DeviceSignature,
}

impl Hello {
	/// What the device signs.
	pub fn statement(&self) -> HelloStatement<AccountId> {
		HelloStatement {
			distributor: self.distributor,
			distributor_nonce: self.distributor_nonce,
			device_nonce: self.device_nonce,
			exchange_key: self.exchange_key,
		}
	}
}

impl Message for Hello {
	const MAX_LEN: usize = 384;
}

/// The ciphertext's CID, size and checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Ciphertext {
	/// Its root in IPFS.
	#[cbor(n(0), with = "cbor::cid")]
	pub cid: Cid,
	/// Its length in bytes.
	#[n(1)]
	pub size: u64,
	/// The SHA-256 of its bytes.
	#[cbor(n(2), with = "minicbor::bytes")]
	pub sha256: Hash32,
}

/// A file in IPFS.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Stored {
	/// Its root.
	#[cbor(n(0), with = "cbor::cid")]
	pub cid: Cid,
	/// Its length in bytes.
	#[n(1)]
	pub size: u64,
}

/// The proofs of one content key, in IPFS.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Proofs {
	/// The proof that the ciphertext decrypts under the committed key to the payload.
	#[n(0)]
	pub data: Stored,
	/// The proof that each lock of a table opens a mask of the committed key.
	#[n(1)]
	pub locks: Stored,
}

/// Where a device's lock stands in the table of locks.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct LockPlace {
	/// The group.
	#[n(0)]
	pub group: u32,
	/// The place in the group.
	#[n(1)]
	pub index: u8,
	/// The leaves of the group's other locks, in order.
	#[cbor(n(2), with = "cbor::hashes")]
	pub others: Vec<Hash32>,
}

impl LockPlace {
	/// The place as `waybill_zkcp` takes it; `None` if the group is not whole.
	pub fn proved(&self) -> Option<waybill_zkcp::LockPlace> {
		let others = self.others.as_slice().try_into().ok()?;
		Some(waybill_zkcp::LockPlace { group: self.group, index: self.index, others })
	}
}

impl From<waybill_zkcp::LockPlace> for LockPlace {
	fn from(place: waybill_zkcp::LockPlace) -> Self {
		Self { group: place.group, index: place.index, others: place.others.to_vec() }
	}
}

/// The distributor's evidence that lock, mask, key and ciphertext belong together.
///
/// On the wire it is an array: the kind's number, then what the kind carries. Each
/// [`Suite`](waybill_primitives::Suite) names the kinds that it takes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum Evidence {
	/// No evidence. The device learns only after its receipt is paid whether the key fits.
	#[n(0)]
	Unproven,
	/// Proofs, to be checked before the receipt is signed, and the lock's place in them.
	#[n(1)]
	Proven(#[n(0)] Proofs, #[n(1)] LockPlace),
}

impl Evidence {
	/// The proofs, if there are any.
	pub const fn proofs(&self) -> Option<&Proofs> {
		match self {
			Self::Unproven => None,
			Self::Proven(proofs, _) => Some(proofs),
		}
	}
}

/// A distributor's offer: the ciphertext of an update against a receipt.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Offer {
	#[n(0)]
	pub(crate) version: V1,
	/// The bounty that pays.
	#[n(1)]
	pub bounty: BountyId,
	/// The distributor's account.
	#[cbor(n(2), with = "minicbor::bytes")]
	pub distributor: AccountId,
	/// The device's place in the bounty's fleet.
	#[n(3)]
	pub device_index: DeviceIndex,
	/// The proof that it is the device's place.
	#[cbor(n(4), with = "cbor::hashes")]
	pub membership: Vec<Hash32>,
	/// The release's number on chain.
	#[n(5)]
	pub release_id: ReleaseId,
	/// The release as its vendor signed it.
	#[cbor(n(6), with = "cbor::scale")]
	pub release: ReleaseStatement,
	/// The version of the vendor's key set that signed it.
	#[n(7)]
	pub key_set_version: u32,
	/// The vendor's signatures.
	#[cbor(n(8), with = "cbor::signatures")]
	pub signatures: Vec<IndexedSignature>,
	/// The encrypted payload.
	#[n(9)]
	pub ciphertext: Ciphertext,
	/// The number of the distributor's content key that encrypts it.
	#[n(10)]
	pub epoch: u32,
	/// The commitment `C_K` to that content key.
	#[cbor(n(11), with = "minicbor::bytes")]
	pub commitment: Hash32,
	/// The lock `s = H(r)` under which the device's receipt is paid.
	#[cbor(n(12), with = "minicbor::bytes")]
	pub lock: Lock,
	/// The evidence that lock, mask, key and ciphertext belong together.
	#[n(13)]
	pub evidence: Evidence,
	/// The mask `m`, which only this device can read.
	#[n(14)]
	pub mask: SealedMask,
}

impl Message for Offer {
	const MAX_LEN: usize = 4096;
}

/// A device's proof of distribution.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Receipt {
	#[n(0)]
	pub(crate) version: V1,
	/// The bounty that pays.
	#[n(1)]
	pub bounty: BountyId,
	/// The device's place in the bounty's fleet.
	#[n(2)]
	pub device_index: DeviceIndex,
	/// The lock under which it is paid.
	#[cbor(n(3), with = "minicbor::bytes")]
	pub lock: Lock,
	/// The last block in which it can be reserved.
	#[n(4)]
	pub valid_until: BlockNumber,
	/// The signature over the [`ReceiptStatement`].
	#[cbor(n(5), with = "cbor::scale")]
	pub signature: DeviceSignature,
}

impl Receipt {
	/// What the device signs, for this digest and distributor.
	pub fn statement(&self, digest: waybill_primitives::Digest, distributor: AccountId) -> ReceiptStatement<AccountId> {
		ReceiptStatement {
			bounty: self.bounty,
			device_index: self.device_index,
			digest,
			lock: self.lock,
			distributor,
			valid_until: self.valid_until,
		}
	}
}

impl Message for Receipt {
	const MAX_LEN: usize = 160;
}

/// A key `r` that its claim has made public.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct RevealedKey {
	#[n(0)]
	version: V1,
	/// The bounty that paid.
	#[n(1)]
	pub bounty: BountyId,
	/// The device's place in the bounty's fleet.
	#[n(2)]
	pub device_index: DeviceIndex,
	/// The key `r`.
	#[cbor(n(3), with = "minicbor::bytes")]
	pub key: LockKey,
}

impl RevealedKey {
	/// The key revealed for the device at `device_index` under `bounty`.
	pub const fn new(bounty: BountyId, device_index: DeviceIndex, key: LockKey) -> Self {
		Self { version: V1, bounty, device_index, key }
	}
}

impl Message for RevealedKey {
	const MAX_LEN: usize = 64;
}

/// Why a distributor does not give the expected answer.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct RejectionMessage {
	#[n(0)]
	version: V1,
	/// The reason's number, [`Rejection::code`].
	#[n(1)]
	pub code: u8,
	/// The reason in words, for people.
	#[n(2)]
	pub reason: String,
}

impl RejectionMessage {
	/// The reason, if its number is known here.
	pub fn rejection(&self) -> Option<Rejection> {
		Rejection::from_code(self.code)
	}
}

impl From<Rejection> for RejectionMessage {
	fn from(rejection: Rejection) -> Self {
		Self { version: V1, code: rejection.code(), reason: alloc::format!("{rejection}") }
	}
}

impl Message for RejectionMessage {
	const MAX_LEN: usize = 256;
}
