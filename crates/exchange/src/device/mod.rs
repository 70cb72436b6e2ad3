//! The device's side of an exchange.

mod checks;
mod decryption;
mod profile;
mod state;
mod verification;

pub use decryption::{Decrypted, Decryption};
pub use profile::{Installed, Profile, Wanted};
pub use state::{Fault, Terms};
pub use verification::{ProofFault, ProofQuery, ProofVerdict, Verification, Verified};

use crate::{
	cbor::{Message, V1},
	chain::{ChainHead, ChainView, ReleaseView, Slot},
	mask::{self, MaskContext, MaskTerms},
	message::{Evidence, Hello, Invite, Offer, Proofs, Receipt},
	sign::sign,
	AccountId, ContentKey, DecodeError, Policy, Refusal, Secret, Signer, StreamCheck, TrustedKeys, Unsent,
};
use alloc::vec::Vec;
use core::mem;
use rand_core::CryptoRng;
use state::{Contract, Greeted, Keyed, Seen, Signed, State, Step};
use subtle::ConstantTimeEq;
use waybill_primitives::{
	BlockNumber, Cid, DeviceKey, HelloStatement, IndexedSignature, KeySetStatement, LockKey, ReceiptStatement,
};
use zeroize::Zeroizing;

/// The number of signed contracts that are remembered after they ended, because their keys may
/// still come.
pub const MAX_EARLIER: usize = 8;

/// Where an exchange stands and what it needs next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage<'a> {
	/// An invitation: [`DeviceExchange::hello`].
	Idle,
	/// An offer of this distributor: [`DeviceExchange::offer`].
	AwaitOffer(Wanted),
	/// The ciphertext, by its CID: [`DeviceExchange::ciphertext_check`],
	/// [`DeviceExchange::ciphertext_complete`].
	NeedCiphertext(&'a Terms),
	/// The proofs, by their CIDs: [`DeviceExchange::verification`], [`DeviceExchange::verified`].
	NeedProofs(&'a Terms, &'a Proofs),
	/// To sign: [`DeviceExchange::sign_receipt`].
	NeedReceipt(&'a Terms),
	/// The key. Until it comes, look at the chain: [`DeviceExchange::observe`],
	/// [`DeviceExchange::key`].
	AwaitKey(&'a Terms, BlockNumber),
	/// To decrypt: [`DeviceExchange::decryption`], [`DeviceExchange::decrypted`].
	NeedDecryption(&'a Terms),
	/// To install: [`DeviceExchange::approve`], [`DeviceExchange::installed`].
	Ready(&'a Terms),
	/// Nothing more: the distributor cheated. [`DeviceExchange::abandon`].
	Failed(&'a Terms, Fault),
}

/// What the chain says about a receipt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Observation {
	/// Not reserved yet; the receipt stands.
	Waiting,
	/// Reserved by the distributor; the receipt stands.
	Reserved,
	/// Paid: a key is public. The receipt no longer stands.
	Paid,
	/// Not reserved in time, or reserved and not claimed in time, or the bounty is closing. The
	/// receipt no longer stands, and the device can turn to another distributor. The key may still
	/// come.
	Lapsed,
}

/// Permission to install the release now.
#[derive(Debug)]
#[must_use = "install, then call `installed`"]
pub struct Approval(());

/// The device's side of the exchange: one at a time, restartable at every step.
///
/// After every method that changes something, store the new state ([`DeviceExchange::to_bytes`])
/// before the device goes on. For the receipt, [`Unsent`] enforces this.
#[derive(Debug)]
pub struct DeviceExchange {
	profile: Profile,
	policy: Policy,
	state: State,
}

impl DeviceExchange {
	/// A device that has not exchanged anything yet.
	pub fn new(profile: Profile, policy: Policy, device_key: DeviceKey) -> Self {
		let state = State {
			version: V1,
			genesis: profile.genesis,
			device_key,
			seen: Seen::default(),
			step: Step::Idle,
			earlier: Vec::new(),
		};
		Self { profile, policy, state }
	}

	/// Continues from stored state.
	pub fn restore(profile: Profile, policy: Policy, device_key: DeviceKey, bytes: &[u8]) -> Result<Self, RestoreError> {
		let state = State::from_cbor(bytes).map_err(RestoreError::Decode)?;
		if state.genesis != profile.genesis || state.device_key != device_key {
			return Err(RestoreError::Foreign);
		}
		let mut exchange = Self { profile, policy, state };
		exchange.forget_what_is_installed();
		Ok(exchange)
	}

	/// The state to store. It holds secrets: protect it like the device's key.
	pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
		Zeroizing::new(self.state.to_cbor())
	}

	/// Where the exchange stands.
	pub fn stage(&self) -> Stage<'_> {
		match &self.state.step {
			Step::Idle => Stage::Idle,
			Step::Greeted(greeted) => {
				Stage::AwaitOffer(Wanted { distributor: greeted.hello.distributor, bounty: greeted.bounty })
			},
			Step::Fetching(contract) => Stage::NeedCiphertext(&contract.terms),
			Step::Holding(Contract { terms, .. }) | Step::Unverified(Contract { terms, .. }) => {
				match (&self.state.step, terms.evidence.proofs()) {
					(Step::Unverified(_), Some(proofs)) => Stage::NeedProofs(terms, proofs),
					_ => Stage::NeedReceipt(terms),
				}
			},
			Step::Signed(signed) => Stage::AwaitKey(&signed.contract.terms, signed.receipt.valid_until),
			Step::Keyed(keyed) => Stage::NeedDecryption(&keyed.terms),
			Step::Ready(terms) => Stage::Ready(terms),
			Step::Failed(terms, fault) => Stage::Failed(terms, *fault),
		}
	}

	/// The device's profile.
	pub const fn profile(&self) -> &Profile {
		&self.profile
	}

	/// Every contract whose key may still come, the newest last.
	pub fn awaited(&self) -> impl Iterator<Item = &Terms> {
		let standing = match &self.state.step {
			Step::Signed(signed) => Some(&signed.contract.terms),
			_ => None,
		};
		self.state.earlier.iter().map(|signed| &signed.contract.terms).chain(standing)
	}

	/// Every file from IPFS to keep on disk: ciphertexts, and the proofs that are still needed. Of
	/// the contracts that no longer stand, only the newest one's files are kept, so that they do not
	/// pile up. If the key of an older one comes, IPFS may still have its files.
	pub fn files(&self) -> impl Iterator<Item = Cid> + '_ {
		let lapsed = self.state.earlier.last().map(|signed| &signed.contract.terms);
		self.current_files().chain(lapsed.into_iter().flat_map(Self::kept))
	}

	/// The files of contracts that no longer stand, the oldest first, without those that are needed
	/// for the current one. A device that lacks room may remove them.
	pub fn lapsed_files(&self) -> impl Iterator<Item = Cid> + '_ {
		let lapsed = self.state.earlier.iter().flat_map(|signed| Self::kept(&signed.contract.terms));
		lapsed.filter(|cid| self.current_files().all(|current| current != *cid))
	}

	/// What is kept of a contract: its ciphertext, and the proof of the data, which decrypting takes.
	fn kept(terms: &Terms) -> impl Iterator<Item = Cid> {
		let data = terms.evidence.proofs().map(|proofs| proofs.data.cid);
		data.into_iter().chain([terms.ciphertext.cid])
	}

	fn current_files(&self) -> impl Iterator<Item = Cid> + '_ {
		let (current, unverified) = match &self.state.step {
			Step::Unverified(contract) => (Some(&contract.terms), contract.terms.evidence.proofs()),
			Step::Fetching(contract) | Step::Holding(contract) => (Some(&contract.terms), None),
			Step::Keyed(keyed) => (Some(&keyed.terms), None),
			Step::Signed(signed) => (Some(&signed.contract.terms), None),
			Step::Idle | Step::Greeted(_) | Step::Ready(_) | Step::Failed(..) => (None, None),
		};
		current.into_iter().flat_map(Self::kept).chain(unverified.map(|proofs| proofs.locks.cid))
	}

	/// The newest finalised block that a decision was based on: its number, and its timestamp in
	/// milliseconds since 1970. Both are zero if there was none.
	pub const fn seen(&self) -> (BlockNumber, u64) {
		(self.state.seen.number, self.state.seen.timestamp_ms)
	}

	/// The lowest security version of a release that the device still takes.
	pub fn least_security_version(&self) -> u32 {
		self.profile.installed.security_version.max(self.state.seen.security_version)
	}

	/// Takes no release of a lower security version than this from now on. For devices that remember
	/// it outside of the exchange, too.
	pub fn require_security_version(&mut self, least: u32) {
		self.state.seen.security_version = self.state.seen.security_version.max(least);
	}

	/// Checks that decisions can be based on this block: it is of this chain, recent, and not older
	/// than an earlier one. From now on, older blocks are refused.
	pub fn look(&mut self, head: &ChainHead, now_ms: u64) -> Result<(), Refusal> {
		self.state.seen = self.fresh(head, now_ms)?;
		Ok(())
	}

	/// Replaces the trusted release keys by the vendor's next set (see [`TrustedKeys::rotate`]).
	/// The new set is then part of the [profile](Self::profile): store that before anything else.
	///
	/// From now on, releases that the older set signed are refused, unless the newer set signs
	/// them, too.
	pub fn rotate(
		&mut self,
		statement: &KeySetStatement<AccountId>,
		old_signatures: &[IndexedSignature],
		new_signatures: &[IndexedSignature],
	) -> Result<&TrustedKeys, Refusal> {
		let Profile { keys, vendor, genesis, .. } = &self.profile;
		let next = keys.rotate(vendor, genesis, statement, old_signatures, new_signatures).map_err(Refusal::KeySet)?;
		self.profile.keys = next;
		Ok(&self.profile.keys)
	}

	/// Checks whether the device may take this release, by a block that it has [looked](Self::look)
	/// at. These are all checks of an offer that concern only the release. If they pass, releases
	/// of a lower security version are refused from now on.
	pub fn judge(&mut self, release: &ReleaseView) -> Result<(), Refusal> {
		checks::release(release, &release.signatures, &self.profile, self.state.seen)?;
		checks::acceptable(&release.statement, &self.policy)?;
		self.state.seen = self.state.seen.with(&release.statement);
		Ok(())
	}

	/// Answers an invitation. May be repeated until an offer is taken.
	pub fn hello<R: CryptoRng>(
		&mut self,
		signer: &impl Signer,
		invite: &Invite,
		wanted: Wanted,
		rng: &mut R,
	) -> Result<Hello, Refusal> {
		match &self.state.step {
			Step::Idle | Step::Greeted(_) => (),
			Step::Signed(signed) => return Err(Refusal::ReceiptStanding(signed.receipt.valid_until)),
			_ => return Err(Refusal::OutOfOrder),
		}
		self.own(signer)?;
		if invite.genesis != self.profile.genesis {
			return Err(Refusal::ForeignChain);
		}
		if invite.distributor != wanted.distributor {
			return Err(Refusal::ForeignDistributor);
		}
		let (exchange_secret, exchange_key) = mask::exchange_keys(rng);
		let mut device_nonce = [0; 32];
		rng.fill_bytes(&mut device_nonce);
		let statement =
			HelloStatement { distributor: invite.distributor, distributor_nonce: invite.nonce, device_nonce, exchange_key };
		let hello = Hello {
			version: V1,
			bounty: wanted.bounty,
			device_key: self.state.device_key,
			distributor: statement.distributor,
			distributor_nonce: statement.distributor_nonce,
			device_nonce,
			exchange_key,
			signature: sign(signer, &statement, &self.profile.genesis),
		};
		self.state.step = Step::Greeted(Greeted { bounty: wanted.bounty, hello: statement, exchange_secret });
		Ok(hello)
	}

	/// Checks an offer against the device, its vendor's keys and the chain, and takes it.
	pub fn offer(&mut self, offer: &Offer, view: &ChainView, now_ms: u64) -> Result<(), Refusal> {
		let Step::Greeted(greeted) = &self.state.step else {
			return Err(Refusal::OutOfOrder);
		};
		if offer.distributor != greeted.hello.distributor {
			return Err(Refusal::ForeignDistributor);
		}
		if offer.bounty != greeted.bounty {
			return Err(Refusal::WrongBounty);
		}
		let seen = self.fresh(&view.head, now_ms)?;
		checks::offer(offer, &self.state.device_key, &self.profile, seen, &self.policy, view)?;
		let mask = self.open_mask(greeted, offer).ok_or(Refusal::MaskUnreadable)?;
		let terms = Terms {
			bounty: offer.bounty,
			device_index: offer.device_index,
			distributor: offer.distributor,
			release_id: offer.release_id,
			release: offer.release.clone(),
			ciphertext: offer.ciphertext,
			epoch: offer.epoch,
			commitment: offer.commitment,
			lock: offer.lock,
			evidence: offer.evidence.clone(),
		};
		self.state.seen = seen.with(&terms.release);
		self.state.step = Step::Fetching(Contract { terms, mask });
		Ok(())
	}

	/// A check of the ciphertext's bytes as they come from the network or from disk.
	pub fn ciphertext_check(&self) -> Result<StreamCheck, Refusal> {
		match &self.state.step {
			Step::Fetching(Contract { terms, .. }) => Ok(StreamCheck::new(terms.ciphertext.size, terms.ciphertext.sha256)),
			_ => Err(Refusal::OutOfOrder),
		}
	}

	/// Takes the finished [`DeviceExchange::ciphertext_check`]: the whole ciphertext is on disk.
	pub fn ciphertext_complete(&mut self, check: StreamCheck) -> Result<(), Refusal> {
		let Step::Fetching(Contract { terms, .. }) = &self.state.step else {
			return Err(Refusal::OutOfOrder);
		};
		if !check.expects(terms.ciphertext.size, &terms.ciphertext.sha256) {
			return Err(Refusal::OutOfOrder);
		}
		check.finish().map_err(Refusal::Ciphertext)?;
		if let Step::Fetching(contract) = mem::take(&mut self.state.step) {
			self.state.step = match contract.terms.evidence {
				Evidence::Unproven => Step::Holding(contract),
				Evidence::Proven(..) => Step::Unverified(contract),
			};
		}
		Ok(())
	}

	/// Starts to check the proofs, against the ciphertext on disk or by asking a hub.
	pub fn verification(&self) -> Result<Verification, Refusal> {
		match &self.state.step {
			Step::Unverified(contract) => {
				Verification::new(contract, self.profile.genesis).ok_or(Refusal::Proof(ProofFault::Malformed))
			},
			_ => Err(Refusal::OutOfOrder),
		}
	}

	/// Takes the result of a verification. After a [`Refusal::Proof`] the offer is dropped, unless
	/// the work was cancelled. Offers are unsigned, so this does not convict the distributor.
	pub fn verified(&mut self, verified: Verified) -> Result<(), Refusal> {
		match &self.state.step {
			Step::Unverified(contract) if verified.contract == contract.id() => (),
			_ => return Err(Refusal::OutOfOrder),
		}
		if verified.outcome == Err(ProofFault::Cancelled) {
			return Err(Refusal::Proof(ProofFault::Cancelled));
		}
		if let Step::Unverified(contract) = mem::take(&mut self.state.step) {
			if verified.outcome.is_ok() {
				self.state.step = Step::Holding(contract);
			}
		}
		verified.outcome.map_err(Refusal::Proof)
	}

	/// Checks the chain's state once more and signs the receipt. Send it only when the state is
	/// stored.
	pub fn sign_receipt(&mut self, signer: &impl Signer, view: &ChainView, now_ms: u64) -> Result<Unsent<Receipt>, Refusal> {
		let Step::Holding(Contract { terms, .. }) = &self.state.step else {
			return Err(Refusal::OutOfOrder);
		};
		self.own(signer)?;
		let seen = self.fresh(&view.head, now_ms)?;
		let valid_until = checks::receipt(terms, &self.profile, seen, &self.policy, view)?;
		let statement = ReceiptStatement {
			bounty: terms.bounty,
			device_index: terms.device_index,
			digest: terms.release.digest,
			lock: terms.lock,
			distributor: terms.distributor,
			valid_until,
		};
		let receipt = Receipt {
			version: V1,
			bounty: terms.bounty,
			device_index: terms.device_index,
			lock: terms.lock,
			valid_until,
			signature: sign(signer, &statement, &self.profile.genesis),
		};
		self.state.seen = seen;
		if let Step::Holding(contract) = mem::take(&mut self.state.step) {
			self.state.step = Step::Signed(Signed { contract, receipt });
		}
		self.receipt()
	}

	/// The standing receipt, to send it again.
	pub fn receipt(&self) -> Result<Unsent<Receipt>, Refusal> {
		match &self.state.step {
			Step::Signed(signed) => Ok(Unsent { state: self.to_bytes(), message: signed.receipt.clone() }),
			_ => Err(Refusal::OutOfOrder),
		}
	}

	/// Checks whether the receipt still stands. Once it does not, the device can greet again.
	pub fn observe(&mut self, view: &ChainView, now_ms: u64) -> Result<Observation, Refusal> {
		let Step::Signed(Signed { contract: Contract { terms, .. }, receipt }) = &self.state.step else {
			return Err(Refusal::OutOfOrder);
		};
		let seen = self.fresh(&view.head, now_ms)?;
		let number = view.head.number;
		let observation = match &view.place {
			None => Observation::Lapsed,
			Some(place) if place.bounty.id != terms.bounty || place.device_index != terms.device_index => {
				return Err(Refusal::MismatchedView)
			},
			Some(place) => match &place.slot {
				Slot::Paid => Observation::Paid,
				_ if place.bounty.closing => Observation::Lapsed,
				Slot::Reserved { distributor, lock, .. } if *lock == terms.lock && *distributor == terms.distributor => {
					match place.slot.is_taken(number) {
						true => Observation::Reserved,
						false => Observation::Lapsed,
					}
				},
				Slot::Open | Slot::Reserved { .. } if number > receipt.valid_until => Observation::Lapsed,
				Slot::Open | Slot::Reserved { .. } => Observation::Waiting,
			},
		};
		self.state.seen = seen;
		if matches!(observation, Observation::Paid | Observation::Lapsed) {
			self.retire();
		}
		Ok(observation)
	}

	/// Takes a lock key `r` from any source: the chain, the distributor, or anyone else.
	pub fn key(&mut self, key: &LockKey) -> Result<(), Refusal> {
		if let Step::Keyed(_) | Step::Ready(_) | Step::Failed(..) = &self.state.step {
			return Err(Refusal::OutOfOrder);
		}
		let Contract { terms, mask } = self.take_opened(key)?;
		let content = ContentKey::combine(&terms.context(self.profile.genesis), &mask, &Secret::new(*key));
		match content.filter(|content| content.commitment().ct_eq(&terms.commitment).into()) {
			Some(content) => {
				self.state.step = Step::Keyed(Keyed { terms, content_key: content.secret().clone() });
				Ok(())
			},
			None => {
				self.state.step = Step::Failed(terms, Fault::WrongContentKey);
				Err(Refusal::WrongContentKey)
			},
		}
	}

	/// Starts to decrypt.
	pub fn decryption(&self) -> Result<Decryption, Refusal> {
		match &self.state.step {
			Step::Keyed(keyed) => Decryption::new(keyed, self.profile.genesis).ok_or(Refusal::CiphertextSizeMismatch),
			_ => Err(Refusal::OutOfOrder),
		}
	}

	/// Takes the result of a decryption. After [`Refusal::Ciphertext`] and [`Refusal::Proof`] a
	/// file on disk is damaged and must be fetched again, unless the work was cancelled
	/// ([`ProofFault::Cancelled`]). [`Refusal::PayloadMismatch`] means that the distributor
	/// cheated.
	pub fn decrypted(&mut self, decrypted: Decrypted) -> Result<(), Refusal> {
		match &self.state.step {
			Step::Keyed(keyed) if keyed.terms.commitment == decrypted.commitment => (),
			_ => return Err(Refusal::OutOfOrder),
		}
		if let Err(refusal @ (Refusal::Ciphertext(_) | Refusal::Proof(_))) = decrypted.outcome {
			return Err(refusal);
		}
		if let Step::Keyed(Keyed { terms, .. }) = mem::take(&mut self.state.step) {
			self.state.step = match decrypted.outcome {
				Ok(()) => Step::Ready(terms),
				Err(_) => Step::Failed(terms, Fault::PayloadMismatch),
			};
		}
		decrypted.outcome
	}

	/// A second check of the payload, at the place from which it will be started. The decrypted
	/// file may have been replaced since.
	pub fn payload_check(&self) -> Result<StreamCheck, Refusal> {
		match &self.state.step {
			Step::Ready(terms) => Ok(StreamCheck::new(terms.release.size, terms.release.sha256)),
			_ => Err(Refusal::OutOfOrder),
		}
	}

	/// Checks the chain's state a last time before the release is installed.
	pub fn approve(&mut self, view: &ChainView, now_ms: u64) -> Result<Approval, Refusal> {
		let Step::Ready(terms) = &self.state.step else {
			return Err(Refusal::OutOfOrder);
		};
		let seen = self.fresh(&view.head, now_ms)?;
		checks::install(terms, &self.profile, seen, view)?;
		self.state.seen = seen;
		Ok(Approval(()))
	}

	/// Records that the release is installed, and returns it. Store it in the profile.
	pub fn installed(&mut self, _approval: Approval) -> Result<Installed, Refusal> {
		let Step::Ready(terms) = &self.state.step else {
			return Err(Refusal::OutOfOrder);
		};
		self.profile.installed = self.profile.installed.after(&terms.release);
		self.state.step = Step::Idle;
		self.forget_what_is_installed();
		Ok(self.profile.installed)
	}

	/// Abandons what was begun. A standing receipt cannot be abandoned.
	pub fn abandon(&mut self) -> Result<(), Refusal> {
		if let Step::Signed(signed) = &self.state.step {
			return Err(Refusal::ReceiptStanding(signed.receipt.valid_until));
		}
		self.state.step = Step::Idle;
		Ok(())
	}

	fn own(&self, signer: &impl Signer) -> Result<(), Refusal> {
		if signer.public() == self.state.device_key {
			Ok(())
		} else {
			Err(Refusal::ForeignSigner)
		}
	}

	/// Checks that the block is recent, of this chain, and not older than an earlier one.
	fn fresh(&self, head: &ChainHead, now_ms: u64) -> Result<Seen, Refusal> {
		if head.genesis != self.profile.genesis {
			return Err(Refusal::ForeignChain);
		}
		let seen = Seen { number: head.number, timestamp_ms: head.timestamp_ms, ..self.state.seen };
		if seen.number < self.state.seen.number || seen.timestamp_ms < self.state.seen.timestamp_ms {
			return Err(Refusal::ChainViewRollback);
		}
		if now_ms.saturating_sub(head.timestamp_ms) > self.policy.max_view_age_ms {
			return Err(Refusal::StaleChainView);
		}
		if head.timestamp_ms.saturating_sub(now_ms) > self.policy.max_clock_skew_ms {
			return Err(Refusal::FutureChainView);
		}
		Ok(seen)
	}

	fn open_mask(&self, greeted: &Greeted, offer: &Offer) -> Option<Secret> {
		let context = MaskContext {
			genesis: &self.profile.genesis,
			hello: &greeted.hello,
			terms: MaskTerms {
				bounty: offer.bounty,
				device_index: offer.device_index,
				device_key: &self.state.device_key,
				distributor: &offer.distributor,
				digest: &offer.release.digest,
				ciphertext: (&offer.ciphertext).into(),
				epoch: offer.epoch,
				commitment: &offer.commitment,
				lock: &offer.lock,
				evidence: (&offer.evidence).into(),
			},
		};
		mask::open(&offer.mask, &greeted.exchange_secret, &context)
	}

	/// Takes out the contract whose lock this key opens. A receipt that stands for another bounty
	/// must be settled first.
	fn take_opened(&mut self, key: &LockKey) -> Result<Contract, Refusal> {
		let opens = |signed: &Signed| {
			let terms = &signed.contract.terms;
			terms.release.digest.suite.lock(key).is_some_and(|lock| lock.ct_eq(&terms.lock).into())
		};
		let standing = match &self.state.step {
			Step::Signed(signed) if opens(signed) => {
				return match mem::take(&mut self.state.step) {
					Step::Signed(signed) => Ok(signed.contract),
					_ => Err(Refusal::WrongKey),
				}
			},
			Step::Signed(signed) => Some((signed.receipt.bounty, signed.receipt.valid_until)),
			_ => None,
		};
		let place = self.state.earlier.iter().position(opens).ok_or(Refusal::WrongKey)?;
		let bounty = self.state.earlier.get(place).map(|signed| signed.receipt.bounty);
		match standing {
			// The device is paid for under this bounty, so its standing receipt cannot be paid any
			// more.
			Some((other, _)) if Some(other) == bounty => self.retire(),
			Some((_, until)) => return Err(Refusal::ReceiptStanding(until)),
			None => (),
		}
		let place = self.state.earlier.iter().position(opens).ok_or(Refusal::WrongKey)?;
		Ok(self.state.earlier.remove(place).contract)
	}

	/// Moves a signed contract to the earlier ones, if its release could still be taken.
	fn retire(&mut self) {
		match mem::take(&mut self.state.step) {
			Step::Signed(signed) => {
				if checks::newer(&signed.contract.terms.release, &self.profile, self.state.seen).is_err() {
					return;
				}
				if self.state.earlier.len() >= MAX_EARLIER {
					self.state.earlier.remove(0);
				}
				self.state.earlier.push(signed);
			},
			other => self.state.step = other,
		}
	}

	fn forget_what_is_installed(&mut self) {
		let (profile, seen) = (&self.profile, self.state.seen);
		let useful = |terms: &Terms| checks::newer(&terms.release, profile, seen).is_ok();
		self.state.earlier.retain(|signed| useful(&signed.contract.terms));
		match &self.state.step {
			Step::Keyed(Keyed { terms, .. }) | Step::Ready(terms) | Step::Failed(terms, _) if !useful(terms) => {
				self.state.step = Step::Idle;
			},
			_ => (),
		}
	}
}

/// Why an exchange cannot continue from stored state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RestoreError {
	/// It is damaged, or of another version.
	Decode(DecodeError),
	/// It is another device's or another chain's.
	Foreign,
}

impl core::fmt::Display for RestoreError {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		match self {
			Self::Decode(error) => write!(f, "the stored state is damaged: {error}"),
			Self::Foreign => f.write_str("the stored state is another device's or another chain's"),
		}
	}
}

impl core::error::Error for RestoreError {}
