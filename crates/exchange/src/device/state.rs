//! What a device must remember between any two steps.

use crate::{
	cbor::{self, Message, V1},
	content::ContentContext,
	message::{Ciphertext, Evidence, Receipt},
	AccountId, Secret,
};
use alloc::vec::Vec;
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};
use waybill_primitives::{
	BlockNumber, BountyId, DeviceIndex, DeviceKey, Hash32, HelloStatement, Lock, ReleaseId, ReleaseStatement,
};
use zeroize::Zeroizing;

/// What device and distributor agreed on.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Terms {
	/// The bounty that pays.
	#[n(0)]
	pub bounty: BountyId,
	/// The device's place in the bounty's fleet.
	#[n(1)]
	pub device_index: DeviceIndex,
	/// The distributor that is paid.
	#[cbor(n(2), with = "minicbor::bytes")]
	pub distributor: AccountId,
	/// The release's number on chain.
	#[n(3)]
	pub release_id: ReleaseId,
	/// The release.
	#[cbor(n(4), with = "cbor::scale")]
	pub release: ReleaseStatement,
	/// The encrypted payload.
	#[n(5)]
	pub ciphertext: Ciphertext,
	/// Which of the distributor's content keys encrypts it.
	#[n(6)]
	pub epoch: u32,
	/// The commitment to that key.
	#[cbor(n(7), with = "minicbor::bytes")]
	pub commitment: Hash32,
	/// The lock under which the receipt is paid.
	#[cbor(n(8), with = "minicbor::bytes")]
	pub lock: Lock,
	/// The evidence that lock, mask, key and ciphertext belong together.
	#[n(9)]
	pub evidence: Evidence,
}

impl Terms {
	pub(crate) fn context(&self, genesis: Hash32) -> ContentContext {
		ContentContext {
			genesis,
			bounty: self.bounty,
			distributor: self.distributor,
			digest: self.release.digest,
			epoch: self.epoch,
		}
	}
}

/// A greeting that waits for an offer.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Greeted {
	#[n(0)]
	pub bounty: BountyId,
	#[cbor(n(1), with = "cbor::scale")]
	pub hello: HelloStatement<AccountId>,
	#[n(2)]
	pub exchange_secret: Secret,
}

/// Terms with the mask that came with them.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Contract {
	#[n(0)]
	pub terms: Terms,
	#[n(1)]
	pub mask: Secret,
}

impl Contract {
	/// Its hash, which ties the result of a verification to this contract.
	pub fn id(&self) -> Hash32 {
		// Writing to memory does not fail.
		let bytes = Zeroizing::new(minicbor::to_vec(self).unwrap_or_default());
		Sha256::digest(&*bytes).into()
	}
}

/// A contract whose receipt is signed.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Signed {
	#[n(0)]
	pub contract: Contract,
	#[n(1)]
	pub receipt: Receipt,
}

/// Terms with their content key.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Keyed {
	#[n(0)]
	pub terms: Terms,
	#[n(1)]
	pub content_key: Secret,
}

/// How a distributor cheated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Fault {
	/// Mask and key do not give the committed content key.
	#[n(0)]
	WrongContentKey,
	/// The ciphertext does not decrypt to the release.
	#[n(1)]
	PayloadMismatch,
}

#[derive(Debug, Default, Encode, Decode)]
#[cbor(flat)]
pub(super) enum Step {
	#[n(0)]
	#[default]
	Idle,
	#[n(1)]
	Greeted(#[n(0)] Greeted),
	#[n(2)]
	Fetching(#[n(0)] Contract),
	#[n(3)]
	Holding(#[n(0)] Contract),
	#[n(4)]
	Signed(#[n(0)] Signed),
	#[n(5)]
	Keyed(#[n(0)] Keyed),
	#[n(6)]
	Ready(#[n(0)] Terms),
	#[n(7)]
	Failed(#[n(0)] Terms, #[n(1)] Fault),
	#[n(8)]
	Unverified(#[n(0)] Contract),
}

/// The newest state that a device has seen. It accepts nothing older.
#[derive(Clone, Copy, Debug, Default, Encode, Decode)]
#[cbor(array)]
pub(super) struct Seen {
	/// The newest finalised block that a decision was based on.
	#[n(0)]
	pub number: BlockNumber,
	/// That block's timestamp.
	#[n(1)]
	pub timestamp_ms: u64,
	/// The highest security version of a release that the device could have taken.
	#[n(2)]
	pub security_version: u32,
}

impl Seen {
	/// Raises the security version to that of a release that the device could have taken.
	pub fn with(self, release: &ReleaseStatement) -> Self {
		Self { security_version: self.security_version.max(release.security_version), ..self }
	}
}

#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct State {
	#[n(0)]
	pub version: V1,
	#[cbor(n(1), with = "minicbor::bytes")]
	pub genesis: Hash32,
	#[cbor(n(2), with = "cbor::scale")]
	pub device_key: DeviceKey,
	#[n(3)]
	pub seen: Seen,
	#[n(4)]
	pub step: Step,
	/// Signed contracts that no longer stand, whose keys may still come; the newest last.
	#[n(5)]
	pub earlier: Vec<Signed>,
}

impl Message for State {
	const MAX_LEN: usize = 16_384;
}
