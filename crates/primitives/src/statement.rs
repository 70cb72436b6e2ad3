//! What Waybill's keys sign: typed statements, each under a domain of its own and bound to one
//! chain.

use crate::{BlockNumber, BountyId, Cid, DeviceIndex, Digest, Hash32, Lock, ModelId, ReleaseId, ReleaseKey, Version};
use alloc::vec::Vec;
use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// The most keys that a key set may hold.
pub const MAX_RELEASE_KEYS: u32 = 16;

/// A statement that a key can sign.
///
/// A key signs the bytes `SCALE(DOMAIN) ++ genesis ++ SCALE(statement)`. `SCALE(DOMAIN)` is the
/// domain's length and its ASCII bytes; `genesis` is the 32-byte hash of the chain's first block.
/// No domain's encoding is the prefix of another's, so a signature over one kind of statement is
/// never one over another.
pub trait Statement: Encode {
	/// Names the kind of statement and its layout's version.
	const DOMAIN: &'static str;

	/// The bytes to sign on the chain with this genesis hash.
	fn signing_bytes(&self, genesis: &Hash32) -> Vec<u8> {
		(Self::DOMAIN, genesis, self).encode()
	}
}

/// "I am this device and I speak to this distributor": proves a device's identity to one
/// distributor.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct HelloStatement<AccountId> {
	/// The distributor that sent the invitation.
	pub distributor: AccountId,
	/// The distributor's nonce, from the invitation.
	pub distributor_nonce: [u8; 32],
	/// The device's nonce.
	pub device_nonce: [u8; 32],
	/// The X25519 public key to which the distributor encrypts the mask.
	pub exchange_key: [u8; 32],
}

impl<AccountId: Encode> Statement for HelloStatement<AccountId> {
	const DOMAIN: &'static str = "waybill/hello/1";
}

/// The proof of distribution: "I hold the ciphertext of the payload with this digest, and pay this
/// distributor for the key behind this lock" (the paper's `sign{U_id, s}`, section 4.4.3, with the
/// distributor named).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ReceiptStatement<AccountId> {
	/// The bounty that pays.
	pub bounty: BountyId,
	/// The device's place in the bounty's fleet.
	pub device_index: DeviceIndex,
	/// The payload's digest, from the release.
	pub digest: Digest,
	/// The lock `s = H(r)`.
	pub lock: Lock,
	/// The account that is paid.
	pub distributor: AccountId,
	/// The last block in which the receipt can be reserved.
	pub valid_until: BlockNumber,
}

impl<AccountId: Encode> Statement for ReceiptStatement<AccountId> {
	const DOMAIN: &'static str = "waybill/receipt/1";
}

/// A release as its vendor's release keys sign it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen)]
pub struct ReleaseStatement {
	/// The model it is for.
	pub model: ModelId,
	/// Its version.
	pub version: Version,
	/// Orders releases by what a device may go back to. Devices refuse a release with a lower one
	/// than they have seen.
	pub security_version: u32,
	/// The payload in IPFS.
	pub payload: Cid,
	/// The payload's length in bytes.
	pub size: u64,
	/// The payload's SHA-256, which a device checks last before it installs.
	pub sha256: Hash32,
	/// The payload's digest under its suite, which receipts and proofs name.
	pub digest: Digest,
}

impl Statement for ReleaseStatement {
	const DOMAIN: &'static str = "waybill/release/1";
}

/// The keys that sign a vendor's releases, and how many of them must.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen)]
pub struct KeySet {
	/// How many different keys must sign.
	pub threshold: u8,
	/// The keys, all different.
	pub keys: BoundedVec<ReleaseKey, ConstU32<MAX_RELEASE_KEYS>>,
}

impl KeySet {
	/// Whether the threshold can be met, all keys differ and none is weak.
	pub fn is_valid(&self) -> bool {
		let differ =
			self.keys.iter().enumerate().all(|(i, key)| !self.keys.iter().skip(i.saturating_add(1)).any(|k| k == key));
		let reachable = self.threshold > 0 && usize::from(self.threshold) <= self.keys.len();
		reachable && differ && !self.keys.iter().any(ReleaseKey::is_weak)
	}
}

/// One version of a vendor's key set. The set before it and the set itself sign it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct KeySetStatement<AccountId> {
	/// The vendor's account.
	pub vendor: AccountId,
	/// The set's version; exactly one more than the version it follows.
	pub version: u32,
	/// The set.
	pub key_set: KeySet,
}

impl<AccountId: Encode> Statement for KeySetStatement<AccountId> {
	const DOMAIN: &'static str = "waybill/key-set/1";
}

/// Why a release was yanked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen)]
pub enum Yank {
	/// It does not work as it should.
	#[codec(index = 0)]
	Faulty,
	/// It can be attacked.
	#[codec(index = 1)]
	Vulnerable,
	/// A release key or the build was in a stranger's hands.
	#[codec(index = 2)]
	Compromised,
}

/// The yanking of a release, signed by the release keys.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct YankStatement {
	/// The release.
	pub release: ReleaseId,
	/// The reason.
	pub reason: Yank,
}

impl Statement for YankStatement {
	const DOMAIN: &'static str = "waybill/yank/1";
}

/// What an attester found when it fetched a release.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen)]
pub enum Verdict {
	/// Every block was fetched and everything fits what the release declares.
	#[codec(index = 0)]
	Available,
	/// Repeated attempts did not get every block.
	#[codec(index = 1)]
	Unreachable,
	/// What was fetched is not what the release declares.
	#[codec(index = 2)]
	Mismatch,
}

/// An attester's vote on a release.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct VoteStatement {
	/// The release.
	pub release: ReleaseId,
	/// The round of checks.
	pub round: u32,
	/// What was found.
	pub verdict: Verdict,
}

impl Statement for VoteStatement {
	const DOMAIN: &'static str = "waybill/vote/1";
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn domains_should_not_be_prefixes_of_each_other() {
		let domains = [
			HelloStatement::<[u8; 32]>::DOMAIN,
			ReceiptStatement::<[u8; 32]>::DOMAIN,
			ReleaseStatement::DOMAIN,
			KeySetStatement::<[u8; 32]>::DOMAIN,
			YankStatement::DOMAIN,
			VoteStatement::DOMAIN,
		];
		for (i, one) in domains.iter().enumerate() {
			for other in &domains[i + 1..] {
				assert!(!one.encode().starts_with(&other.encode()) && !other.encode().starts_with(&one.encode()));
			}
		}
	}

	#[test]
	fn signing_bytes_should_bind_domain_chain_and_statement() {
		let statement = VoteStatement { release: 1, round: 2, verdict: Verdict::Mismatch };
		let mut expected = alloc::vec![14 << 2];
		expected.extend(b"waybill/vote/1");
		expected.extend([9; 32]);
		expected.extend([1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2]);
		assert_eq!(statement.signing_bytes(&[9; 32]), expected);
	}

	#[test]
	fn key_sets_should_be_checked() {
		let key = |seed| {
			let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
			ReleaseKey::Ed25519(key.to_bytes())
		};
		let set = |threshold, keys: &[ReleaseKey]| KeySet { threshold, keys: keys.to_vec().try_into().unwrap() };
		assert!(set(1, &[key(1)]).is_valid());
		assert!(set(2, &[key(1), key(2), key(3)]).is_valid());
		assert!(!set(0, &[key(1)]).is_valid());
		assert!(!set(2, &[key(1)]).is_valid());
		assert!(!set(1, &[]).is_valid());
		assert!(!set(1, &[key(1), key(2), key(1)]).is_valid());
		assert!(!set(1, &[ReleaseKey::Ed25519([0; 32])]).is_valid());
	}
}
