//! The exchange with one device under one bounty.

use super::{Distributor, Epoch, Greeting};
use crate::{
	cbor::{self, Message, V1},
	chain::Slot,
	mask::{self, MaskContext, MaskTerms},
	message::{Ciphertext, Evidence, Offer, Receipt, RevealedKey},
	sign::verify,
	AccountId, DecodeError, Rejection, Secret, Unsent,
};
use alloc::vec::Vec;
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use waybill_primitives::{
	fleet::{self, Blake2b256},
	view::SubmittedReceipt,
	BlockNumber, BountyId, DeviceIndex, DeviceKey, Digest, Hash32, IndexedSignature, Lock, LockKey, ReleaseId,
	ReleaseStatement, ReservationId,
};
use zeroize::Zeroizing;

/// A bounty that a distributor serves, as the chain has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
	/// The bounty.
	pub bounty: BountyId,
	/// The root of its fleet.
	pub root: Hash32,
	/// The number of devices in its fleet.
	pub count: u32,
	/// The first block in which nothing can be reserved.
	pub expires_at: BlockNumber,
	/// Whether closing has started.
	pub closing: bool,
	/// The release's number.
	pub release_id: ReleaseId,
	/// The release as its vendor signed it.
	pub release: ReleaseStatement,
	/// The version of the key set that signed it.
	pub key_set_version: u32,
	/// The vendor's signatures.
	pub signatures: Vec<IndexedSignature>,
	/// Whether the release is yanked.
	pub yanked: bool,
}

/// A device's place in the fleet of a bounty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
	/// Its index.
	pub device_index: DeviceIndex,
	/// The proof of it.
	pub proof: Vec<Hash32>,
	/// Whether it has been paid for, at block `number`.
	pub slot: Slot,
	/// The block of this state.
	pub number: BlockNumber,
}

/// A receipt to reserve, with the proof of its device's place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Submission {
	/// The bounty.
	pub bounty: BountyId,
	/// The receipt as the chain takes it; it replaces no reservation.
	pub receipt: SubmittedReceipt,
	/// The proof of the device's place in the fleet.
	pub proof: Vec<Hash32>,
}

/// How far the exchange with a device has come.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum SessionStage {
	/// An offer is made.
	#[n(0)]
	Offered,
	/// The device has signed; to be reserved.
	#[n(1)]
	Signed(#[n(0)] Receipt),
	/// Reserved in a finalised block; to be claimed.
	#[n(2)]
	Reserved(#[n(0)] Receipt, #[n(1)] ReservationId),
	/// Claimed: the key is public.
	#[n(3)]
	Revealed,
}

#[derive(Debug, Encode, Decode)]
#[cbor(map)]
struct State {
	#[n(0)]
	version: V1,
	#[cbor(n(1), with = "minicbor::bytes")]
	genesis: Hash32,
	#[cbor(n(2), with = "minicbor::bytes")]
	distributor: AccountId,
	#[n(3)]
	bounty: BountyId,
	#[n(4)]
	device_index: DeviceIndex,
	#[cbor(n(5), with = "cbor::scale")]
	device_key: DeviceKey,
	#[cbor(n(6), with = "cbor::hashes")]
	proof: Vec<Hash32>,
	#[cbor(n(7), with = "cbor::scale")]
	digest: Digest,
	#[n(8)]
	epoch: u32,
	#[cbor(n(9), with = "minicbor::bytes")]
	commitment: Hash32,
	#[n(10)]
	ciphertext: Ciphertext,
	#[n(11)]
	key: Secret,
	#[n(12)]
	mask: Secret,
	#[cbor(n(13), with = "minicbor::bytes")]
	lock: Lock,
	#[n(14)]
	progress: SessionStage,
	#[n(15)]
	evidence: Evidence,
}

impl Message for State {
	const MAX_LEN: usize = 4096;
}

/// The distributor's side of the exchange with one device under one bounty, restartable at every
/// step.
///
/// It keeps one lock for the device, however often the device asks. Asking again therefore does no
/// harm.
#[derive(Debug)]
pub struct Session {
	state: State,
}

impl Session {
	/// Checks that the device can be paid for, draws its lock and makes the offer. Send the offer
	/// only when the session's state ([`Unsent::state`]) and the epoch are stored.
	pub fn open<R: CryptoRng>(
		distributor: &Distributor,
		greeting: &Greeting,
		job: &Job,
		member: Member,
		epoch: &mut Epoch,
		rng: &mut R,
	) -> Result<(Self, Unsent<Offer>), Rejection> {
		let context = epoch.context();
		if greeting.bounty != job.bounty || context.bounty != job.bounty || context.digest != job.release.digest {
			return Err(Rejection::NotServed);
		}
		if context.genesis != *distributor.genesis() || context.distributor != *distributor.account() {
			return Err(Rejection::ForeignDistributor);
		}
		servable(job, member.number)?;
		if !fleet::verify::<Blake2b256>(&job.root, job.count, member.device_index, &greeting.device_key, &member.proof) {
			return Err(Rejection::NotInFleet);
		}
		match &member.slot {
			Slot::Paid => return Err(Rejection::AlreadyPaid),
			slot if slot.is_taken(member.number) => return Err(Rejection::SlotReserved),
			Slot::Reserved { .. } | Slot::Open => (),
		}
		let ciphertext = *epoch.ciphertext().ok_or(Rejection::NotReady)?;
		let commitment = epoch.content_key().ok_or(Rejection::NotReady)?.commitment();
		let (secrets, evidence) = epoch.issue(rng)?;
		let state = State {
			version: V1,
			genesis: context.genesis,
			distributor: context.distributor,
			bounty: job.bounty,
			device_index: member.device_index,
			device_key: greeting.device_key,
			proof: member.proof,
			digest: context.digest,
			epoch: context.epoch,
			commitment,
			ciphertext,
			key: secrets.key,
			mask: secrets.mask,
			lock: secrets.lock,
			progress: SessionStage::Offered,
			evidence,
		};
		let session = Self { state };
		let offer = session.make_offer(greeting, job, rng)?;
		let unsent = Unsent { state: session.to_bytes(), message: offer };
		Ok((session, unsent))
	}

	/// Makes the offer again, for a device that greets again: the same lock, the mask encrypted
	/// anew.
	pub fn offer<R: CryptoRng>(
		&self,
		greeting: &Greeting,
		job: &Job,
		number: BlockNumber,
		rng: &mut R,
	) -> Result<Offer, Rejection> {
		if greeting.bounty != self.state.bounty || job.bounty != self.state.bounty || job.release.digest != self.state.digest
		{
			return Err(Rejection::NotServed);
		}
		if greeting.device_key != self.state.device_key || greeting.statement.distributor != self.state.distributor {
			return Err(Rejection::NotInFleet);
		}
		servable(job, number)?;
		if self.state.progress == SessionStage::Revealed {
			return Err(Rejection::AlreadyPaid);
		}
		self.make_offer(greeting, job, rng)
	}

	/// Continues from stored state.
	pub fn restore(bytes: &[u8]) -> Result<Self, DecodeError> {
		State::from_cbor(bytes).map(|state| Self { state })
	}

	/// The state to store. It holds secrets.
	pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
		Zeroizing::new(self.state.to_cbor())
	}

	/// The bounty.
	pub const fn bounty(&self) -> BountyId {
		self.state.bounty
	}

	/// The device's place in the bounty's fleet.
	pub const fn device_index(&self) -> DeviceIndex {
		self.state.device_index
	}

	/// The device.
	pub const fn device_key(&self) -> &DeviceKey {
		&self.state.device_key
	}

	/// The lock of this device.
	pub const fn lock(&self) -> &Lock {
		&self.state.lock
	}

	/// Whether the stored key opens the lock. It does, unless what was stored is damaged.
	pub fn opens_lock(&self) -> bool {
		self.state.digest.suite.lock(self.state.key.expose()) == Some(self.state.lock)
	}

	/// The number of the content key that serves the device.
	pub const fn epoch(&self) -> u32 {
		self.state.epoch
	}

	/// How far it has come.
	pub const fn progress(&self) -> &SessionStage {
		&self.state.progress
	}

	/// Checks a receipt. Acknowledge it only when the state is stored; the message of [`Unsent`] is
	/// empty.
	///
	/// `number` is the newest block. The receipt must be valid for at least `min_blocks` more. A
	/// receipt that comes again is acknowledged again. A device may also replace a receipt that is
	/// not reserved yet.
	pub fn receipt(
		&mut self,
		receipt: &Receipt,
		number: BlockNumber,
		min_blocks: BlockNumber,
	) -> Result<Unsent<()>, Rejection> {
		let state = &self.state;
		if receipt.bounty != state.bounty || receipt.device_index != state.device_index || receipt.lock != state.lock {
			return Err(Rejection::WrongOffer);
		}
		let statement = receipt.statement(state.digest, state.distributor);
		verify(&state.device_key, &statement, &state.genesis, &receipt.signature)?;
		match &state.progress {
			SessionStage::Reserved(..) | SessionStage::Revealed => (),
			SessionStage::Signed(held) if held == receipt => (),
			SessionStage::Offered | SessionStage::Signed(_) => {
				if receipt.valid_until < number.saturating_add(min_blocks) {
					return Err(Rejection::ReceiptTooShort);
				}
				self.state.progress = SessionStage::Signed(receipt.clone());
			},
		}
		Ok(Unsent { state: self.to_bytes(), message: () })
	}

	/// What to call `reserve` with, while the device's receipt is not reserved.
	pub fn submission(&self) -> Option<Submission> {
		match &self.state.progress {
			SessionStage::Signed(receipt) => Some(Submission {
				bounty: self.state.bounty,
				receipt: SubmittedReceipt {
					device_index: self.state.device_index,
					device_key: self.state.device_key,
					lock: self.state.lock,
					valid_until: receipt.valid_until,
					signature: receipt.signature,
					replaces: None,
				},
				proof: self.state.proof.clone(),
			}),
			_ => None,
		}
	}

	/// Records that a finalised block holds this distributor's reservation for this lock.
	pub fn reserved(&mut self, reservation: ReservationId) -> Result<(), Rejection> {
		match &self.state.progress {
			SessionStage::Signed(receipt) => {
				self.state.progress = SessionStage::Reserved(receipt.clone(), reservation);
				Ok(())
			},
			SessionStage::Reserved(_, held) if *held == reservation => Ok(()),
			_ => Err(Rejection::OutOfOrder),
		}
	}

	/// The key to claim with, once the reservation is final. From the moment it is sent it is
	/// public.
	pub fn claim_key(&self) -> Option<(ReservationId, DeviceIndex, LockKey)> {
		match &self.state.progress {
			SessionStage::Reserved(_, reservation) => {
				Some((*reservation, self.state.device_index, *self.state.key.expose()))
			},
			_ => None,
		}
	}

	/// Records that, by a finalised block, the receipt was not reserved in time, or the reservation
	/// was replaced unclaimed.
	pub fn lapsed(&mut self) -> Result<(), Rejection> {
		match &self.state.progress {
			SessionStage::Signed(_) | SessionStage::Reserved(..) => {
				self.state.progress = SessionStage::Offered;
				Ok(())
			},
			SessionStage::Offered => Ok(()),
			SessionStage::Revealed => Err(Rejection::OutOfOrder),
		}
	}

	/// Records that it is too late to claim the reservation safely. The receipt must be reserved
	/// again in its place.
	pub fn missed(&mut self) -> Result<(), Rejection> {
		match &self.state.progress {
			SessionStage::Reserved(receipt, _) => {
				self.state.progress = SessionStage::Signed(receipt.clone());
				Ok(())
			},
			SessionStage::Offered | SessionStage::Signed(_) | SessionStage::Revealed => Err(Rejection::OutOfOrder),
		}
	}

	/// Records that a block holds the claim, so the key is public.
	pub fn revealed(&mut self) -> Result<(), Rejection> {
		match &self.state.progress {
			SessionStage::Reserved(..) | SessionStage::Revealed => {
				self.state.progress = SessionStage::Revealed;
				Ok(())
			},
			SessionStage::Offered | SessionStage::Signed(_) => Err(Rejection::OutOfOrder),
		}
	}

	/// The key for anyone who asks, once it is public.
	pub fn revealed_key(&self) -> Result<RevealedKey, Rejection> {
		match &self.state.progress {
			SessionStage::Revealed => {
				Ok(RevealedKey::new(self.state.bounty, self.state.device_index, *self.state.key.expose()))
			},
			_ => Err(Rejection::NotRevealed),
		}
	}

	fn make_offer<R: CryptoRng>(&self, greeting: &Greeting, job: &Job, rng: &mut R) -> Result<Offer, Rejection> {
		let state = &self.state;
		let context = MaskContext {
			genesis: &state.genesis,
			hello: &greeting.statement,
			terms: MaskTerms {
				bounty: state.bounty,
				device_index: state.device_index,
				device_key: &state.device_key,
				distributor: &state.distributor,
				digest: &state.digest,
				ciphertext: (&state.ciphertext).into(),
				epoch: state.epoch,
				commitment: &state.commitment,
				lock: &state.lock,
				evidence: (&state.evidence).into(),
			},
		};
		let mask = mask::seal(&state.mask, &context, rng).ok_or(Rejection::WeakExchangeKey)?;
		Ok(Offer {
			version: V1,
			bounty: state.bounty,
			distributor: state.distributor,
			device_index: state.device_index,
			membership: state.proof.clone(),
			release_id: job.release_id,
			release: job.release.clone(),
			key_set_version: job.key_set_version,
			signatures: job.signatures.clone(),
			ciphertext: state.ciphertext,
			epoch: state.epoch,
			commitment: state.commitment,
			lock: state.lock,
			evidence: state.evidence.clone(),
			mask,
		})
	}
}

fn servable(job: &Job, number: BlockNumber) -> Result<(), Rejection> {
	if job.yanked {
		return Err(Rejection::ReleaseYanked);
	}
	if job.closing || number >= job.expires_at {
		return Err(Rejection::BountyNotOpen);
	}
	Ok(())
}
