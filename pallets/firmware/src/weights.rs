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
//! | decoding, hashing and encoding a page of a fleet's cap | 400,000,000 |
//!
//! The chain is no parachain: nothing is proved to anybody, and the proof size is 0.

use core::marker::PhantomData;
use frame_support::weights::{constants::ParityDbWeight, Weight};
use sp_core::Get;
use waybill_primitives::MAX_RELEASE_KEYS;

const CALL: u64 = 30_000_000;
const DEPOSIT: u64 = 60_000_000;
const SIGNATURE: u64 = 120_000_000;
const KEY: u64 = 1_000_000;
const COUNT: u64 = 20_000_000;
const CAP_PAGE: u64 = 400_000_000;

/// The weights that the pallet needs.
pub trait WeightInfo {
	/// Registering a vendor with `k` keys.
	fn register_vendor(k: u32) -> Weight;
	/// Changing a vendor's metadata.
	fn update_vendor() -> Weight;
	/// Registering a model.
	fn register_model() -> Weight;
	/// Registering a fleet with a cap of `p` pages.
	fn register_fleet(p: u32) -> Weight;
	/// Removing a fleet with a cap of `p` pages.
	fn remove_fleet(p: u32) -> Weight;
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
	/// Proposing a key set with `o` signatures by the old and `n` by the new one.
	fn rotate_key_set(o: u32, n: u32) -> Weight;
	/// Vetoing a key set.
	fn veto_key_set() -> Weight;
	/// Adopting a key set.
	fn adopt_key_set() -> Weight;
	/// Replacing a release's signatures by `s` others.
	fn resign_release(s: u32) -> Weight;
	/// Moving a fleet from storage version 1 to 2.
	fn migrate_fleet() -> Weight;
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

	/// Reads: `Models`, `NextFleetId`, `System::Account`, `Balances::Holds`. Writes: the latter three, `FleetIds`, `Fleets`, and
	/// `FleetCaps` for each page.
	fn register_fleet(p: u32) -> Weight {
		let own = CALL.saturating_add(DEPOSIT).saturating_add(CAP_PAGE.saturating_mul(p.into()));
		work(own).saturating_add(T::DbWeight::get().reads_writes(4, u64::from(p).saturating_add(5)))
	}

	/// Reads: `Fleets`, `Models`, `System::Account`, `Balances::Holds`. Writes: `Fleets`, `FleetIds`, the latter two, and
	/// `FleetCaps` for each page.
	fn remove_fleet(p: u32) -> Weight {
		work(CALL.saturating_add(DEPOSIT)).saturating_add(T::DbWeight::get().reads_writes(4, u64::from(p).saturating_add(4)))
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

	/// Reads: `Vendors`, `PendingKeySets`, `System::BlockHash`, `VetoedKeySets`, `KeySets`, a parameter, `System::Account`,
	/// `Balances::Holds`. Writes: `PendingKeySets` and the latter two.
	fn rotate_key_set(o: u32, n: u32) -> Weight {
		let keys = KEY.saturating_mul(MAX_RELEASE_KEYS.into());
		work(CALL.saturating_add(DEPOSIT).saturating_add(keys))
			.saturating_add(signatures(o.saturating_add(n)))
			.saturating_add(T::DbWeight::get().reads_writes(8, 3))
	}

	/// Reads: `PendingKeySets`, `Vendors`, `System::BlockHash`. Writes: `PendingKeySets`, `VetoedKeySets`.
	fn veto_key_set() -> Weight {
		work(CALL).saturating_add(T::DbWeight::get().reads_writes(3, 2))
	}

	/// Reads: `PendingKeySets`, `Vendors`. Writes: those, `KeySets`, `KeySetSignatures`.
	fn adopt_key_set() -> Weight {
		work(CALL).saturating_add(T::DbWeight::get().reads_writes(2, 4))
	}

	/// Reads: `Releases`, `System::BlockHash`, `Vendors`, `KeySets`, `System::Account`, `Balances::Holds`. Writes: `Releases`,
	/// `ReleaseSignatures` and the latter two.
	fn resign_release(s: u32) -> Weight {
		work(CALL.saturating_add(DEPOSIT))
			.saturating_add(signatures(s))
			.saturating_add(T::DbWeight::get().reads_writes(6, 4))
	}

	/// Reads: the storage's version, `Fleets` twice. Writes: `FleetCaps`, `Fleets`, the storage's version.
	fn migrate_fleet() -> Weight {
		work(CALL).saturating_add(T::DbWeight::get().reads_writes(3, 3))
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

	fn register_fleet(p: u32) -> Weight {
		let own = CALL.saturating_add(DEPOSIT).saturating_add(CAP_PAGE.saturating_mul(p.into()));
		work(own).saturating_add(ParityDbWeight::get().reads_writes(4, u64::from(p).saturating_add(5)))
	}

	fn remove_fleet(p: u32) -> Weight {
		work(CALL.saturating_add(DEPOSIT))
			.saturating_add(ParityDbWeight::get().reads_writes(4, u64::from(p).saturating_add(4)))
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

	fn rotate_key_set(o: u32, n: u32) -> Weight {
		let keys = KEY.saturating_mul(MAX_RELEASE_KEYS.into());
		work(CALL.saturating_add(DEPOSIT).saturating_add(keys))
			.saturating_add(signatures(o.saturating_add(n)))
			.saturating_add(ParityDbWeight::get().reads_writes(8, 3))
	}

	fn veto_key_set() -> Weight {
		work(CALL).saturating_add(ParityDbWeight::get().reads_writes(3, 2))
	}

	fn adopt_key_set() -> Weight {
		work(CALL).saturating_add(ParityDbWeight::get().reads_writes(2, 4))
	}

	fn resign_release(s: u32) -> Weight {
		work(CALL.saturating_add(DEPOSIT))
			.saturating_add(signatures(s))
			.saturating_add(ParityDbWeight::get().reads_writes(6, 4))
	}

	fn migrate_fleet() -> Weight {
		work(CALL).saturating_add(ParityDbWeight::get().reads_writes(3, 3))
	}
}
