//! Checks an offer's proofs, so the device knows that it gets the release for its receipt.

use super::state::Contract;
use crate::{
	cbor::{self, Message, V1},
	message::{Ciphertext, Evidence, Proofs},
	Secret,
};
use core::fmt;
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use waybill_primitives::{Digest, Hash32, Lock, Suite};
use waybill_zkcp::{
	ChunkDigests, Key, Layout, LockTable, Nonce, ReadAt, SweepError, VerifyError, Watch, MOST_CHUNKS, SAMPLE,
};

/// The most bytes of a proof's file that are fetched: for the digest of each chunk, and for each
/// part of the proof.
const MOST_PER_CHUNK: u64 = 32;
const MOST_PER_PART: u64 = 1 << 20;

/// Why proofs are refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProofFault {
	/// The offer's evidence cannot be checked.
	Malformed,
	/// A file is larger than such a proof can be.
	TooLarge,
	/// The ciphertext is not in its canonical form.
	Ciphertext,
	/// The proof that the ciphertext decrypts to the release does not hold.
	Data(VerifyError),
	/// The proof of the locks does not hold.
	Locks(VerifyError),
	/// The device's lock and mask are not among those that were proved.
	Lock,
	/// The hub says that the proofs do not hold.
	Hub,
	/// The work was cancelled, so nothing is known about the proofs. The exchange is where it was.
	Cancelled,
}

impl fmt::Display for ProofFault {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Malformed => f.write_str("the offer's evidence cannot be checked"),
			Self::TooLarge => f.write_str("a proof's file is larger than such a proof can be"),
			Self::Ciphertext => f.write_str("the ciphertext is not in its canonical form"),
			Self::Data(error) => write!(f, "proof of the data: {error}"),
			Self::Locks(error) => write!(f, "proof of the locks: {error}"),
			Self::Lock => f.write_str("this device's lock and mask are not among those that were proved"),
			Self::Hub => f.write_str("the hub reports that they do not hold"),
			Self::Cancelled => f.write_str("the check was cancelled"),
		}
	}
}

/// A question to a hub, from a device that is too small to check proofs: do these proofs hold? It
/// does not reveal the device's lock or mask.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ProofQuery {
	#[n(0)]
	version: V1,
	/// The nonce, a hash of everything that the ciphertext is for.
	#[cbor(n(1), with = "minicbor::bytes")]
	pub nonce: Hash32,
	/// The payload's digest, as its vendor signed it.
	#[cbor(n(2), with = "cbor::scale")]
	pub digest: Digest,
	/// The payload's length in bytes.
	#[n(3)]
	pub size: u64,
	/// The ciphertext.
	#[n(4)]
	pub ciphertext: Ciphertext,
	/// The commitment `C_K`.
	#[cbor(n(5), with = "minicbor::bytes")]
	pub commitment: Hash32,
	/// The proofs.
	#[n(6)]
	pub proofs: Proofs,
	/// The group of locks that holds the device's.
	#[n(7)]
	pub group: u32,
}

impl Message for ProofQuery {
	const MAX_LEN: usize = 512;
}

impl ProofQuery {
	/// The SHA-256 of the query's bytes, which identifies it.
	pub fn id(&self) -> Hash32 {
		Sha256::digest(self.to_cbor()).into()
	}

	/// Checks, before anything is fetched, that the ciphertext has the right length and that the
	/// proofs' files are no larger than such proofs can be.
	pub fn check_sizes(&self) -> Result<(), ProofFault> {
		let layout = Layout::new(self.size).ok_or(ProofFault::Malformed)?;
		if self.digest.suite != Suite::Zkcp || self.ciphertext.size != layout.ciphertext_length() {
			return Err(ProofFault::Malformed);
		}
		let total = u64::from(layout.total());
		let parts = if layout.is_extended() { SAMPLE as u64 } else { total }.div_ceil(MOST_CHUNKS as u64);
		let most = total.saturating_mul(MOST_PER_CHUNK).saturating_add(parts.saturating_mul(MOST_PER_PART));
		if self.proofs.data.size > most || self.proofs.locks.size > MOST_PER_PART {
			return Err(ProofFault::TooLarge);
		}
		Ok(())
	}

	/// Checks the proofs against the ciphertext at hand, which must be the one of the query.
	/// Returns the digest of the group of locks.
	pub fn check<R: ReadAt + ?Sized>(
		&self,
		ciphertext: &R,
		data: &[u8],
		locks: &[u8],
		watch: Watch<'_>,
	) -> Result<Result<Hash32, ProofFault>, R::Error> {
		let table = self.table(ciphertext, data, locks, watch)?;
		Ok(table.and_then(|table| table.group(self.group).ok_or(ProofFault::Lock)))
	}

	/// Like [`Self::check`], but returns the whole table of locks. A hub answers for several groups
	/// from it.
	pub fn table<R: ReadAt + ?Sized>(
		&self,
		ciphertext: &R,
		data: &[u8],
		locks: &[u8],
		watch: Watch<'_>,
	) -> Result<Result<LockTable, ProofFault>, R::Error> {
		let Some(layout) = Layout::new(self.size) else { return Ok(Err(ProofFault::Malformed)) };
		// The smaller proof first.
		let nonce = Nonce(self.nonce);
		let table = match LockTable::verify(locks, &nonce, &self.commitment) {
			Ok(table) => table,
			Err(error) => return Ok(Err(ProofFault::Locks(error))),
		};
		let digests = match ChunkDigests::of_ciphertext(ciphertext, layout, watch) {
			Ok(digests) => digests,
			Err(SweepError::Storage(error)) => return Err(error),
			Err(SweepError::NotCanonical { .. }) => return Ok(Err(ProofFault::Ciphertext)),
			Err(SweepError::Cancelled) => return Ok(Err(ProofFault::Cancelled)),
		};
		let held = waybill_zkcp::verify(data, &nonce, &self.digest.bytes, &self.commitment, &digests);
		Ok(held.map(|_| table).map_err(ProofFault::Data))
	}
}

/// A hub's answer to a [`ProofQuery`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ProofVerdict {
	#[n(0)]
	version: V1,
	/// The digest of the group that was asked for, if the proofs hold.
	#[cbor(n(1), with = "cbor::hashes")]
	group: alloc::vec::Vec<Hash32>,
}

impl ProofVerdict {
	/// The verdict of a check.
	pub fn new(outcome: &Result<Hash32, ProofFault>) -> Self {
		Self { version: V1, group: outcome.iter().copied().collect() }
	}

	/// The digest of the group that was asked for; `None` if the proofs do not hold.
	pub fn group(&self) -> Option<&Hash32> {
		self.group.first()
	}
}

impl Message for ProofVerdict {
	const MAX_LEN: usize = 64;
}

/// A check of an offer's proofs.
#[derive(Debug)]
pub struct Verification {
	contract: Hash32,
	query: ProofQuery,
	place: waybill_zkcp::LockPlace,
	lock: Lock,
	mask: Secret,
}

/// The result of a [`Verification`], for
/// [`DeviceExchange::verified`](super::DeviceExchange::verified).
#[derive(Debug)]
#[must_use = "tell the exchange"]
pub struct Verified {
	pub(super) contract: Hash32,
	pub(super) outcome: Result<(), ProofFault>,
}

impl Verification {
	pub(super) fn new(contract: &Contract, genesis: Hash32) -> Option<Self> {
		let Contract { terms, mask } = contract;
		let Evidence::Proven(proofs, place) = &terms.evidence else { return None };
		let query = ProofQuery {
			version: V1,
			nonce: terms.context(genesis).nonce(),
			digest: terms.release.digest,
			size: terms.release.size,
			ciphertext: terms.ciphertext,
			commitment: terms.commitment,
			proofs: *proofs,
			group: place.group,
		};
		let place = place.proved()?;
		Some(Self { contract: contract.id(), query, place, lock: terms.lock, mask: mask.clone() })
	}

	/// What to check, and with which files.
	pub const fn query(&self) -> &ProofQuery {
		&self.query
	}

	/// Checks the proofs against the ciphertext on disk. Fails only if that cannot be read.
	pub fn run<R: ReadAt + ?Sized>(
		&self,
		ciphertext: &R,
		data: &[u8],
		locks: &[u8],
		watch: Watch<'_>,
	) -> Result<Verified, R::Error> {
		let outcome = self.query.check(ciphertext, data, locks, watch)?;
		Ok(self.conclude(outcome))
	}

	/// Takes the verdict of the hub that the device trusts. `data` is the file with the proof of
	/// the data. The device needs its digests to decrypt, and must have it now: later nobody may
	/// serve it any more.
	pub fn believe(&self, verdict: &ProofVerdict, data: &[u8]) -> Verified {
		let ProofQuery { size, digest, .. } = &self.query;
		let digests = Layout::new(*size)
			.ok_or(ProofFault::Malformed)
			.and_then(|layout| waybill_zkcp::payload_digests(data, layout, &digest.bytes).map_err(ProofFault::Data));
		self.conclude(digests.and_then(|_| verdict.group().copied().ok_or(ProofFault::Hub)))
	}

	/// Refuses the offer without a look at the files.
	pub const fn refuse(&self, fault: ProofFault) -> Verified {
		Verified { contract: self.contract, outcome: Err(fault) }
	}

	/// Checks that the device's own lock and mask are in the group that was proved.
	fn conclude(&self, outcome: Result<Hash32, ProofFault>) -> Verified {
		let outcome = outcome.and_then(|group| {
			let mask = Key::from_bytes(self.mask.expose()).ok_or(ProofFault::Lock)?;
			let own = self.place.group_digest(&self.lock, &mask).ok_or(ProofFault::Lock)?;
			if own.ct_eq(&group).into() {
				Ok(())
			} else {
				Err(ProofFault::Lock)
			}
		});
		Verified { contract: self.contract, outcome }
	}
}
