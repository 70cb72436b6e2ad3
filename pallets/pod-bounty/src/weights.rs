//! What the calls cost.
//!
//! These figures are estimates until `frame-omni-bencher` has run against the runtime: storage accesses counted by hand,
//! each at the price of the runtime's `DbWeight`, plus computing time. In a native release build on two virtual cores, in
//! batches of 512, a receipt took 33 to 41 µs (one Ed25519 verification above all), 32 hashes of a proof 6 µs, a claimed
//! device 2 µs. The figures here are twice that and more, for wasm, and rounded up. Proof sizes are zero: no relay
//! chain checks this chain.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// The weight of each call.
pub trait WeightInfo {
	/// Opens a bounty.
	fn open() -> Weight;
	/// Raises a bounty.
	fn raise() -> Weight;
	/// Reserves `n` devices on one bitmap page, proved without further hashes.
	fn reserve(n: u32) -> Weight;
	/// What reserving adds for `h` hashes of the proof.
	fn prove(h: u32) -> Weight;
	/// What reserving adds for `c` pages of the fleet's cap.
	fn read_cap(c: u32) -> Weight;
	/// What reserving adds for `p` bitmap pages.
	fn mark_reserved(p: u32) -> Weight;
	/// What reserving adds for `r` lapsed reservations that lose devices.
	fn replace(r: u32) -> Weight;
	/// Claims `n` devices on one bitmap page.
	fn claim(n: u32) -> Weight;
	/// What claiming adds for `p` bitmap pages.
	fn mark_paid(p: u32) -> Weight;
	/// Closes a bounty, removing `r` reservations and `p` bitmap pages.
	fn close(r: u32, p: u32) -> Weight;
	/// Publishes an endpoint.
	fn announce() -> Weight;
	/// Removes an endpoint.
	fn withdraw() -> Weight;
}

/// Microseconds of computing.
const fn micros(us: u64) -> Weight {
	Weight::from_parts(us.saturating_mul(1_000_000), 0)
}

/// The estimates, with the storage prices of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	// Reads: release, fleet, users of the fleet, active bounty, next id, account, holds, a parameter. Writes: bounty, active
	// bounty, next id, users of the fleet, account, holds.
	fn open() -> Weight {
		micros(80).saturating_add(T::DbWeight::get().reads_writes(8, 6))
	}

	// Bounty, release, account, holds.
	fn raise() -> Weight {
		micros(60).saturating_add(T::DbWeight::get().reads_writes(4, 3))
	}

	// Bounty, release, fleet, genesis hash, account, holds, a parameter, reservation.
	fn reserve(n: u32) -> Weight {
		micros(100).saturating_add(T::DbWeight::get().reads_writes(7, 4)).saturating_add(micros(90).saturating_mul(n.into()))
	}

	fn prove(h: u32) -> Weight {
		micros(1).saturating_mul(h.into())
	}

	fn read_cap(c: u32) -> Weight {
		micros(20).saturating_add(T::DbWeight::get().reads(1)).saturating_mul(c.into())
	}

	// Two bitmaps read, one written.
	fn mark_reserved(p: u32) -> Weight {
		micros(3).saturating_add(T::DbWeight::get().reads_writes(2, 1)).saturating_mul(p.into())
	}

	// The reservation, its distributor's account and holds.
	fn replace(r: u32) -> Weight {
		micros(100).saturating_add(T::DbWeight::get().reads_writes(3, 3)).saturating_mul(r.into())
	}

	// Bounty, reservation, both accounts and their holds.
	fn claim(n: u32) -> Weight {
		micros(150).saturating_add(T::DbWeight::get().reads_writes(6, 6)).saturating_add(micros(6).saturating_mul(n.into()))
	}

	// Two bitmaps read and written.
	fn mark_paid(p: u32) -> Weight {
		micros(4).saturating_add(T::DbWeight::get().reads_writes(2, 2)).saturating_mul(p.into())
	}

	// Bounty, active bounty, users of the fleet, account, holds. A reservation: its key, itself, its distributor's account
	// and holds. A page: two bitmaps removed.
	fn close(r: u32, p: u32) -> Weight {
		let db = T::DbWeight::get();
		micros(120)
			.saturating_add(db.reads_writes(5, 5))
			.saturating_add(micros(60).saturating_add(db.reads_writes(4, 3)).saturating_mul(r.into()))
			.saturating_add(micros(2).saturating_add(db.writes(2)).saturating_mul(p.into()))
	}

	// Announcement, account, holds.
	fn announce() -> Weight {
		micros(50).saturating_add(T::DbWeight::get().reads_writes(3, 3))
	}

	// Announcement, account, holds.
	fn withdraw() -> Weight {
		micros(50).saturating_add(T::DbWeight::get().reads_writes(3, 3))
	}
}
