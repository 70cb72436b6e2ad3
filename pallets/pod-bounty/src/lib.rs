#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs)]
#![cfg_attr(
	not(any(test, feature = "runtime-benchmarks")),
	deny(
		clippy::unwrap_used,
		clippy::expect_used,
		clippy::panic,
		clippy::indexing_slicing,
		clippy::arithmetic_side_effects
	)
)]

extern crate alloc;

mod announce;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod bitmap;
mod claim;
mod close;
#[cfg(feature = "std")]
mod integrity;
mod members;
#[cfg(test)]
mod mock;
mod open;
mod queries;
mod replace;
mod reserve;
pub mod runtime_api;
mod signature;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state;
mod types;
pub mod weights;

pub use bitmap::{page_count, page_of, pages_touched, Page, PAGE_BYTES, PAGE_DEVICES};
pub use members::MaxProof;
pub use pallet::*;
pub use types::{Announcement, Bounty, Reservation};
pub use weights::WeightInfo;

use frame_support::traits::fungible::Inspect;
use waybill_primitives::{
	view::{ClaimFault, ReceiptFault, ReservedSlot, SubmittedReceipt},
	BlockNumber,
};

/// The balance type of the currency.
pub type BalanceOf<T> = <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;

/// The shortest exclusive window, in blocks. A reservation can become final seven blocks late, and
/// its claim still gets into one of the next two.
pub const LEAST_EXCLUSIVE_WINDOW: BlockNumber = 10;

/// The target of the pallet's log lines.
pub(crate) const LOG_TARGET: &str = "runtime::pod-bounty";

// The storage macro's own code uses `expect`. The calls delegate to the other modules.
#[allow(clippy::expect_used)]
#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::{
		pallet_prelude::*,
		traits::{fungible::MutateHold, Consideration, Footprint},
	};
	use frame_system::pallet_prelude::*;
	use sp_core::H256;
	use waybill_primitives::{BountyId, DeviceIndex, FleetId, LockKey, Registry, ReleaseId, ReservationId};

	/// The version of the storage layout.
	pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// The escrow.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What the pallet needs of the runtime.
	#[pallet::config]
	pub trait Config: frame_system::Config<Hash = H256> {
		/// Holds and moves the money.
		type Currency: MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;

		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;

		/// Answers questions about releases and fleets.
		type Registry: Registry<Self::AccountId>;

		/// The deposit that a vendor pays for a bounty's storage.
		type BountyDeposit: Consideration<Self::AccountId, Footprint>;

		/// The deposit that a distributor pays for its announcement.
		type AnnounceDeposit: Consideration<Self::AccountId, Footprint>;

		/// The deposit that a distributor pays for each device it reserves. It is burnt if the
		/// reservation is replaced, or closed before it is claimed. A change applies to new
		/// reservations.
		#[pallet::constant]
		type ReservationDeposit: Get<BalanceOf<Self>>;

		/// The lowest `max_pages` of a `close`.
		///
		/// A `close` looks for reservations from the first one on and steps over each that was
		/// removed earlier in the block. Its weight does not count these steps. With `n` removals
		/// in a block and `m` in a call, a block has `n² / 2m` steps: 94,000, or 40 ms, for the
		/// 3,460 removals that fit the runtime's blocks and its 64 in a call. There would be a
		/// million if a call could remove one.
		#[pallet::constant]
		type MinClosePages: Get<u32>;

		/// The lowest reward for a device. It is not below the existential deposit, so every payee
		/// can be paid.
		#[pallet::constant]
		type MinReward: Get<BalanceOf<Self>>;

		/// The largest number of devices in a `reserve` or `claim`. It must not fall while there
		/// are reservations.
		#[pallet::constant]
		type MaxBatch: Get<u32>;

		/// The number of blocks in which a reservation cannot be replaced and its bounty cannot be
		/// closed. Values outside [`LEAST_EXCLUSIVE_WINDOW`] to [`Config::MaxExclusiveWindow`] are
		/// clamped.
		#[pallet::constant]
		type ExclusiveWindow: Get<BlockNumber>;

		/// The longest exclusive window, in blocks. A reservation that is never claimed keeps the
		/// vendor's money for that long.
		#[pallet::constant]
		type MaxExclusiveWindow: Get<BlockNumber>;

		/// The shortest time from opening to expiry, in blocks. A value of 0 counts as 1.
		#[pallet::constant]
		type MinDuration: Get<BlockNumber>;

		/// The longest time from opening or raising to expiry, in blocks.
		#[pallet::constant]
		type MaxDuration: Get<BlockNumber>;

		/// The longest endpoint, in bytes. It must not fall while there are announcements.
		#[pallet::constant]
		type MaxEndpointLen: Get<u32>;

		/// The weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// Why money is on hold.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// The rewards that a vendor promised.
		#[codec(index = 0)]
		Reward,
		/// A distributor's deposit for the devices it reserved.
		#[codec(index = 1)]
		Reservation,
		/// A deposit for storage.
		#[codec(index = 2)]
		Storage,
	}

	/// The id of the next bounty.
	#[pallet::storage]
	pub type NextBounty<T> = StorageValue<_, BountyId, ValueQuery>;

	/// The bounties, until the last step of closing removes them.
	#[pallet::storage]
	pub type Bounties<T: Config> = StorageMap<_, Twox64Concat, BountyId, Bounty<T>>;

	/// The bounty for a release and a fleet, until closing starts.
	#[pallet::storage]
	pub type ActiveBounties<T> = StorageDoubleMap<_, Twox64Concat, ReleaseId, Twox64Concat, FleetId, BountyId>;

	/// Pages of the bitmap of paid devices. A page without bits is not stored.
	#[pallet::storage]
	pub type PaidPages<T> = StorageDoubleMap<_, Twox64Concat, BountyId, Twox64Concat, u32, Page, ValueQuery>;

	/// Pages of the bitmap of devices in standing reservations. A page without bits is not stored.
	#[pallet::storage]
	pub type ReservedPages<T> = StorageDoubleMap<_, Twox64Concat, BountyId, Twox64Concat, u32, Page, ValueQuery>;

	/// The standing reservations.
	#[pallet::storage]
	pub type Reservations<T: Config> =
		StorageDoubleMap<_, Twox64Concat, BountyId, Twox64Concat, ReservationId, Reservation<T>>;

	/// The distributors' announcements of where devices reach them.
	#[pallet::storage]
	pub type Distributors<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Announcement<T>>;

	/// What happened.
	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A vendor promised a reward for each device of a fleet that receives a release.
		BountyOpened {
			/// The bounty.
			bounty: BountyId,
			/// The vendor, who pays.
			vendor: T::AccountId,
			/// The release to deliver.
			release: ReleaseId,
			/// The fleet to deliver it to.
			fleet: FleetId,
			/// The number of devices.
			devices: u32,
			/// The reward for each device.
			reward: BalanceOf<T>,
			/// The first block in which nothing can be reserved.
			expires_at: BlockNumber,
		},
		/// A bounty's reward rose, its expiry moved to a later block, or both.
		BountyRaised {
			/// The bounty.
			bounty: BountyId,
			/// The reward for each device reserved from now on.
			reward: BalanceOf<T>,
			/// The first block in which nothing can be reserved.
			expires_at: BlockNumber,
		},
		/// Devices were reserved for a distributor.
		Reserved {
			/// The bounty.
			bounty: BountyId,
			/// The reservation.
			reservation: ReservationId,
			/// The distributor, who may claim.
			distributor: T::AccountId,
			/// The number of devices.
			devices: u32,
			/// The reward for each device.
			reward: BalanceOf<T>,
			/// The first block in which others may take the devices.
			exclusive_until: BlockNumber,
		},
		/// A receipt of a batch was not reserved.
		ReceiptRejected {
			/// The bounty.
			bounty: BountyId,
			/// The device.
			device_index: DeviceIndex,
			/// Why.
			reason: ReceiptFault,
		},
		/// Devices of a lapsed reservation moved to another one, and the deposit for them was
		/// burnt.
		SlotsReplaced {
			/// The bounty.
			bounty: BountyId,
			/// The reservation that lost the devices.
			reservation: ReservationId,
			/// Its distributor.
			distributor: T::AccountId,
			/// The reservation that gained the devices.
			replaced_by: ReservationId,
			/// The number of devices.
			devices: u32,
			/// The deposit burnt.
			burnt: BalanceOf<T>,
		},
		/// A claim revealed the key to a device's lock. The device can decrypt its update with it.
		KeyRevealed {
			/// The bounty.
			bounty: BountyId,
			/// The device.
			device_index: DeviceIndex,
			/// The key.
			key: LockKey,
			/// The distributor that is paid for it.
			distributor: T::AccountId,
		},
		/// A key of a batch was refused, and nothing was paid for it.
		ClaimRejected {
			/// The bounty.
			bounty: BountyId,
			/// The device.
			device_index: DeviceIndex,
			/// Why.
			reason: ClaimFault,
		},
		/// A distributor was paid for a batch of devices.
		Paid {
			/// The bounty.
			bounty: BountyId,
			/// The distributor.
			distributor: T::AccountId,
			/// The number of devices.
			devices: u32,
			/// The sum of their rewards.
			amount: BalanceOf<T>,
		},
		/// The vendor got the rest of its money back. From now on nothing can be reserved or
		/// claimed.
		BountyClosing {
			/// The bounty.
			bounty: BountyId,
			/// The amount that the vendor got back.
			refunded: BalanceOf<T>,
		},
		/// The deposit of a reservation that was never claimed was burnt.
		DepositBurnt {
			/// The bounty.
			bounty: BountyId,
			/// The reservation.
			reservation: ReservationId,
			/// Its distributor.
			distributor: T::AccountId,
			/// The deposit.
			amount: BalanceOf<T>,
		},
		/// The last storage of the bounty was removed.
		BountyClosed {
			/// The bounty.
			bounty: BountyId,
		},
		/// A distributor published where devices reach it.
		DistributorAnnounced {
			/// The distributor.
			distributor: T::AccountId,
			/// The endpoint.
			endpoint: BoundedVec<u8, T::MaxEndpointLen>,
		},
		/// A distributor withdrew its endpoint.
		DistributorWithdrawn {
			/// The distributor.
			distributor: T::AccountId,
		},
	}

	/// Why a call failed. A failed call changes nothing.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such release.
		UnknownRelease,
		/// There is no such fleet.
		UnknownFleet,
		/// There is no such bounty.
		UnknownBounty,
		/// There is no such reservation, or it was claimed, replaced or removed.
		UnknownReservation,
		/// Only the vendor may do this.
		NotVendor,
		/// Only the distributor of the reservation may do this.
		NotDistributor,
		/// The release and the fleet are for different models.
		WrongModel,
		/// The attesters have not found the release available.
		ReleaseUnavailable,
		/// The release was yanked.
		ReleaseYanked,
		/// The fleet has no devices.
		EmptyFleet,
		/// A bounty for this release and fleet is already open.
		AlreadyOpen,
		/// The reward is below [`Config::MinReward`].
		RewardTooLow,
		/// The time to expiry is below [`Config::MinDuration`].
		DurationTooShort,
		/// The time to expiry is above [`Config::MaxDuration`].
		DurationTooLong,
		/// Neither reward nor expiry may fall.
		CannotReduce,
		/// Neither reward nor expiry rises.
		NothingRaised,
		/// Every device is already paid.
		FullyPaid,
		/// The bounty has expired.
		Expired,
		/// The bounty is being closed.
		Closing,
		/// The bounty has not expired, and not all devices are paid.
		NotExpired,
		/// A reservation's exclusive window has not passed.
		ReservationsExclusive,
		/// The batch is empty.
		EmptyBatch,
		/// No more reservations can be made in this bounty.
		TooManyReservations,
		/// The distributor's account cannot receive the reward.
		PayeeBlocked,
		/// The fleet has no device with this index.
		NoSuchDevice,
		/// The receipt's `valid_until` has passed.
		ReceiptExpired,
		/// An earlier receipt of the batch is from the same device or one with a higher index.
		OutOfOrder,
		/// The device is already paid.
		AlreadyPaid,
		/// A standing reservation holds the device.
		AlreadyReserved,
		/// The reservation to replace does not hold the device.
		WrongReservation,
		/// The reservation to replace is still exclusive.
		StillExclusive,
		/// The device's key is weak: anybody could sign for it.
		WeakKey,
		/// The device's key is not the one at its place in the fleet. Or this is so for another
		/// receipt under the same node of the fleet's cap.
		InvalidProof,
		/// The signature is not the device's over this receipt.
		InvalidSignature,
		/// The reservation does not hold the device, or no longer holds it.
		NotInReservation,
		/// The key does not open the device's lock, or is not a key of the release's suite.
		WrongKey,
		/// The endpoint is empty or contains characters other than printable ASCII.
		InvalidEndpoint,
		/// The account has no announcement.
		NotAnnounced,
		/// The proof has more or fewer hashes than the receipts' devices need.
		MalformedProof,
		/// `max_pages` is below [`Config::MinClosePages`].
		TooFewPages,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		#[cfg(feature = "std")]
		fn integrity_test() {
			Self::check_config();
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Promises `reward` for each device of `fleet` that receives `release`, to whoever
		/// delivers it.
		///
		/// The caller is the release's vendor. The call puts `reward` times the number of devices
		/// on hold on its account, and a deposit for the storage. Nothing can be reserved from
		/// block `expires_at` on.
		///
		/// # Events
		/// [`Event::BountyOpened`]
		///
		/// # Errors
		/// [`Error::UnknownRelease`], [`Error::NotVendor`], [`Error::ReleaseYanked`],
		/// [`Error::ReleaseUnavailable`], [`Error::UnknownFleet`], [`Error::WrongModel`],
		/// [`Error::EmptyFleet`], [`Error::AlreadyOpen`], [`Error::RewardTooLow`],
		/// [`Error::DurationTooShort`], [`Error::DurationTooLong`]; `Arithmetic(Overflow)` if the
		/// sum exceeds every balance; `Token(FundsUnavailable)` if the account does not have it.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::open())]
		pub fn open(
			origin: OriginFor<T>,
			release: ReleaseId,
			fleet: FleetId,
			reward: BalanceOf<T>,
			expires_at: BlockNumber,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_open(who, release, fleet, reward, expires_at)
		}

		/// Raises the reward of devices reserved from now on, the time to expiry, or both.
		///
		/// The caller is the vendor. Both values replace the old ones. The call puts enough on hold
		/// to pay the new reward for every unpaid device, because a reservation made at the old
		/// reward may lapse and be replaced.
		///
		/// # Events
		/// [`Event::BountyRaised`]
		///
		/// # Errors
		/// [`Error::UnknownBounty`], [`Error::NotVendor`], [`Error::Closing`], [`Error::Expired`],
		/// [`Error::FullyPaid`], [`Error::ReleaseYanked`], [`Error::CannotReduce`],
		/// [`Error::NothingRaised`], [`Error::DurationTooLong`]; `Arithmetic(Overflow)` and
		/// `Token(FundsUnavailable)` as for [`Pallet::open`].
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::raise())]
		pub fn raise(
			origin: OriginFor<T>,
			bounty: BountyId,
			reward: BalanceOf<T>,
			expires_at: BlockNumber,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_raise(who, bounty, reward, expires_at)
		}

		/// Reserves the devices whose receipts name the caller.
		///
		/// The receipts come in ascending order of their devices. `proof` is one
		/// [multiproof](waybill_primitives::fleet) up to the fleet's cap. It covers all receipts
		/// that are in order and of devices that exist, whether they are valid or not.
		///
		/// The reward of this block is fixed for the devices. A deposit for each is put on hold
		/// until the claim. An event rejects a receipt that is not valid, and the others go
		/// through. There is one exception: keys under one node of the cap are right together or
		/// wrong together.
		///
		/// # Events
		/// [`Event::Reserved`], [`Event::ReceiptRejected`] for each bad receipt,
		/// [`Event::SlotsReplaced`] for each reservation that lost devices.
		///
		/// # Errors
		/// [`Error::EmptyBatch`], [`Error::UnknownBounty`], [`Error::Closing`], [`Error::Expired`],
		/// [`Error::UnknownRelease`], [`Error::ReleaseYanked`], [`Error::UnknownFleet`],
		/// [`Error::TooManyReservations`], [`Error::MalformedProof`], [`Error::PayeeBlocked`]; if
		/// no receipt is valid, the first one's fault: [`Error::NoSuchDevice`],
		/// [`Error::OutOfOrder`], [`Error::ReceiptExpired`], [`Error::AlreadyPaid`],
		/// [`Error::AlreadyReserved`], [`Error::WrongReservation`], [`Error::StillExclusive`],
		/// [`Error::WeakKey`], [`Error::InvalidProof`], [`Error::InvalidSignature`];
		/// `Token(FundsUnavailable)` if the account does not have the deposit.
		#[pallet::call_index(2)]
		#[pallet::weight(Pallet::<T>::weight_of_reserve(receipts, proof))]
		pub fn reserve(
			origin: OriginFor<T>,
			bounty: BountyId,
			receipts: BoundedVec<SubmittedReceipt, T::MaxBatch>,
			proof: BoundedVec<H256, MaxProof<T>>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_reserve(who, bounty, receipts, proof)
		}

		/// Reveals the keys behind the locks of reserved devices and is paid for them.
		///
		/// The caller is the distributor of the reservation. It must send the call only once the
		/// reservation is final, because whoever sees the call sees the keys. The sum of the
		/// rewards comes from the vendor's hold; the deposits are released. An event rejects a key
		/// that does not fit, and the others go through. A batch that is sorted by device costs the
		/// least.
		///
		/// # Events
		/// [`Event::KeyRevealed`] for each device, [`Event::Paid`], [`Event::ClaimRejected`] for
		/// each bad key.
		///
		/// # Errors
		/// [`Error::EmptyBatch`], [`Error::UnknownBounty`], [`Error::Closing`],
		/// [`Error::UnknownReservation`], [`Error::NotDistributor`]; if no key fits, the first
		/// one's fault: [`Error::NotInReservation`], [`Error::WrongKey`].
		#[pallet::call_index(3)]
		#[pallet::weight(Pallet::<T>::weight_of_claim(keys))]
		pub fn claim(
			origin: OriginFor<T>,
			bounty: BountyId,
			reservation: ReservationId,
			keys: BoundedVec<(DeviceIndex, LockKey), T::MaxBatch>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_claim(who, bounty, reservation, keys)
		}

		/// Closes a bounty whose devices are all paid, or which has expired and has no exclusive
		/// reservation.
		///
		/// Anyone may call this, as often as it takes until [`Event::BountyClosed`]. The first call
		/// gives the vendor the rest of its money back and ends all claims. Money that the account
		/// cannot take back is burnt: less than the existential deposit, if the account has nothing
		/// else free. Each call removes up to `max_pages` pieces of storage: first reservations,
		/// whose deposits are burnt, then bitmap pages. It returns the weight of pieces that it did
		/// not need. `max_pages` is at least [`Config::MinClosePages`].
		///
		/// # Events
		/// [`Event::BountyClosing`] on the first call, [`Event::DepositBurnt`] for each
		/// reservation, [`Event::BountyClosed`] on the last call.
		///
		/// # Errors
		/// [`Error::TooFewPages`], [`Error::UnknownBounty`], [`Error::NotExpired`],
		/// [`Error::ReservationsExclusive`]
		#[pallet::call_index(4)]
		#[pallet::weight(Pallet::<T>::weight_of_close(*max_pages))]
		pub fn close(origin: OriginFor<T>, bounty: BountyId, max_pages: u32) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			Self::do_close(bounty, max_pages)
		}

		/// Publishes where devices reach the caller. It replaces an earlier endpoint and holds a
		/// deposit.
		///
		/// # Events
		/// [`Event::DistributorAnnounced`]
		///
		/// # Errors
		/// [`Error::InvalidEndpoint`]; `Token(FundsUnavailable)` if the account does not have the
		/// deposit.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::announce())]
		pub fn announce(origin: OriginFor<T>, endpoint: BoundedVec<u8, T::MaxEndpointLen>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_announce(who, endpoint)
		}

		/// Withdraws the caller's endpoint and returns the deposit.
		///
		/// # Events
		/// [`Event::DistributorWithdrawn`]
		///
		/// # Errors
		/// [`Error::NotAnnounced`]
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::withdraw())]
		pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw(who)
		}
	}
}
