//! Weights of the calls.
//!
//! These are estimates, not measurements, until `frame-omni-bencher` has run on the reference machine. Reads and writes are counted
//! from the code and priced by the runtime's `DbWeight`; on top come these times, assumed on the high side:
//!
//! | what | ps |
//! |---|---|
//! | a call's own work (decoding, hashing of keys, encoding, events) | 30,000,000 |
//! | taking or returning a deposit | 60,000,000 |
//! | one ed25519 or sr25519 verification | 120,000,000 |
//! | checking one key of a new key set | 1,000,000 |
//! | counting the votes of a full round | 20,000,000 |
//!
//! The chain is no parachain: nothing is proved to anybody, and the proof size is 0.

use core::marker::PhantomData;
use frame_support::weights::{constants::ParityDbWeight, Weight};
use sp_core::Get;

const CALL: u64 = 30_000_000;
const DEPOSIT: u64 = 60_000_000;
const SIGNATURE: u64 = 120_000_000;
const KEY: u64 = 1_000_000;
const COUNT: u64 = 20_000_000;

/// The weights that the pallet needs.
pub trait WeightInfo {
	/// Registering a vendor with `k` keys.
	fn register_vendor(k: u32) -> Weight;
	/// Changing a vendor's metadata.
	fn update_vendor() -> Weight;
	/// Registering a model.
	fn register_model() -> Weight;
	/// Registering a fleet.
	fn register_fleet() -> Weight;
	/// Removing a fleet.
	fn remove_fleet() -> Weight;
	/// Publishing a release with `s` signatures.
	fn publish_release(s: u32) -> Weight;
	/// Yanking by the vendor's account.
	fn yank_release() -> Weight;
	/// Yanking with `s` signatures.
	fn yank_release_signed(s: u32) -> Weight;
	/// Counting a vote that decides.
	fn attest() -> Weight;
	/// Checking a vote.
	fn authorize_attest() -> Weight;
}

fn work(ps: u64) -> Weight {
	Weight::from_parts(ps, 0)
}

fn signatures(count: u32) -> Weight {
	work(SIGNATURE.saturating_mul(count.into()))
}

/// Weights with the database costs of a runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Reads: `Vendors`, `System::Account`, `Balances::Holds`. Writes: those and `KeySets`.
	fn register_vendor(k: u32) -> Weight {
		let own = CALL.saturating_add(DEPOSIT).saturating_add(KEY.saturating_mul(k.into()));
		work(own).saturating_add(T::DbWeight::get().reads_writes(3, 4))
	}

	/// Reads and writes: `Vendors`, `System::Account`, `Balances::Holds`.
	fn update_vendor() -> Weight {
		work(CALL.saturating_add(DEPOSIT)).saturating_add(T::DbWeight::get().reads_writes(3, 3))
	}

	/// Reads: `Vendors`, `NextModelId`, `System::Account`, `Balances::Holds`. Writes: the latter three and `Models`.
	fn register_model() -> Weight {
		work(CALL.saturating_add(DEPOSIT)).saturating_add(T::DbWeight::get().reads_writes(4, 4))
	}

	/// Reads: `Models`, `NextFleetId`, `System::Account`, `Balances::Holds`. Writes: the latter three, `FleetIds`, `Fleets`.
	fn register_fleet() -> Weight {
		work(CALL.saturating_add(DEPOSIT)).saturating_add(T::DbWeight::get().reads_writes(4, 5))
	}

	/// Reads: `Fleets`, `Models`, `System::Account`, `Balances::Holds`. Writes: `Fleets`, `FleetIds` and the latter two.
	fn remove_fleet() -> Weight {
		work(CALL.saturating_add(DEPOSIT)).saturating_add(T::DbWeight::get().reads_writes(4, 4))
	}

	/// Reads: `Models`, `ReleaseIds`, `Vendors`, `KeySets`, `System::BlockHash`, `NextReleaseId`, `System::Account`,
	/// `Balances::Holds`. Writes: `Models`, `ReleaseIds`, `NextReleaseId`, `ReleaseSignatures`, `Rounds`, `Releases`, account, holds.
	fn publish_release(s: u32) -> Weight {
		work(CALL.saturating_add(DEPOSIT))
			.saturating_add(signatures(s))
			.saturating_add(T::DbWeight::get().reads_writes(8, 8))
	}

	/// Reads: `Releases`. Writes: `Releases`, `Rounds`.
	fn yank_release() -> Weight {
		work(CALL).saturating_add(T::DbWeight::get().reads_writes(1, 2))
	}

	/// Reads: `Releases`, `Vendors`, `KeySets`, `System::BlockHash`. Writes: `Releases`, `Rounds`.
	fn yank_release_signed(s: u32) -> Weight {
		work(CALL).saturating_add(signatures(s)).saturating_add(T::DbWeight::get().reads_writes(4, 2))
	}

	/// Reads: `Attesters`, `Rounds`, `Releases`, two parameters. Writes: `Rounds`, `Releases`.
	fn attest() -> Weight {
		work(CALL.saturating_add(COUNT)).saturating_add(T::DbWeight::get().reads_writes(5, 2))
	}

	/// Reads: `Attesters`, `Rounds`, two parameters, `System::BlockHash`.
	fn authorize_attest() -> Weight {
		work(CALL).saturating_add(signatures(1)).saturating_add(T::DbWeight::get().reads(5))
	}
}

/// The database costs of ParityDB, for tests.
impl WeightInfo for () {
	fn register_vendor(k: u32) -> Weight {
		let own = CALL.saturating_add(DEPOSIT).saturating_add(KEY.saturating_mul(k.into()));
		work(own).saturating_add(ParityDbWeight::get().reads_writes(3, 4))
	}

	fn update_vendor() -> Weight {
		work(CALL.saturating_add(DEPOSIT)).saturating_add(ParityDbWeight::get().reads_writes(3, 3))
	}

	fn register_model() -> Weight {
		work(CALL.saturating_add(DEPOSIT)).saturating_add(ParityDbWeight::get().reads_writes(4, 4))
	}

	fn register_fleet() -> Weight {
		work(CALL.saturating_add(DEPOSIT)).saturating_add(ParityDbWeight::get().reads_writes(4, 5))
	}

	fn remove_fleet() -> Weight {
		work(CALL.saturating_add(DEPOSIT)).saturating_add(ParityDbWeight::get().reads_writes(4, 4))
	}

	fn publish_release(s: u32) -> Weight {
		work(CALL.saturating_add(DEPOSIT))
			.saturating_add(signatures(s))
			.saturating_add(ParityDbWeight::get().reads_writes(8, 8))
	}

	fn yank_release() -> Weight {
		work(CALL).saturating_add(ParityDbWeight::get().reads_writes(1, 2))
	}

	fn yank_release_signed(s: u32) -> Weight {
		work(CALL).saturating_add(signatures(s)).saturating_add(ParityDbWeight::get().reads_writes(4, 2))
	}

	fn attest() -> Weight {
		work(CALL.saturating_add(COUNT)).saturating_add(ParityDbWeight::get().reads_writes(5, 2))
	}

	fn authorize_attest() -> Weight {
		work(CALL).saturating_add(signatures(1)).saturating_add(ParityDbWeight::get().reads(5))
	}
}
