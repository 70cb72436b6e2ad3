//! The calls' weights, measured on the runtime's wasm by `make weights`. Generated: do not edit.
//!
//! DATE: 2026-11-20, STEPS: 16, REPEAT: 8, CPU: AMD EPYC, by frame-omni-bencher.
//! Proof sizes are left out: no relay chain checks this chain. `claim` was measured separately,
//! with the lock hash of the suite Zkcp.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens, clippy::unnecessary_cast)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// The weight of each benchmark. The benchmark says what its components count.
pub trait WeightInfo {
	/// `open`.
	fn open() -> Weight;
	/// `raise`.
	fn raise() -> Weight;
	/// `reserve`; `n` from 1 to 512.
	fn reserve(n: u32, ) -> Weight;
	/// `prove`; `h` from 0 to 10240.
	fn prove(h: u32, ) -> Weight;
	/// `read_cap`; `c` from 0 to 16.
	fn read_cap(c: u32, ) -> Weight;
	/// `mark_reserved`; `p` from 0 to 512.
	fn mark_reserved(p: u32, ) -> Weight;
	/// `replace`; `r` from 0 to 512.
	fn replace(r: u32, ) -> Weight;
	/// `claim`; `n` from 1 to 512.
	fn claim(n: u32, ) -> Weight;
	/// `mark_paid`; `p` from 0 to 512.
	fn mark_paid(p: u32, ) -> Weight;
	/// `close`; `r` from 0 to 100; `p` from 1 to 100.
	fn close(r: u32, p: u32, ) -> Weight;
	/// `announce`.
	fn announce() -> Weight;
	/// `withdraw`.
	fn withdraw() -> Weight;
}

/// The weights, with the storage prices of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	// Minimum execution time: 101_983 ns.
	fn open() -> Weight {
		Weight::from_parts(110_876_000, 0)
			.saturating_add(T::DbWeight::get().reads(7_u64))
			.saturating_add(T::DbWeight::get().writes(6_u64))
	}
	// Minimum execution time: 57_846 ns.
	fn raise() -> Weight {
		Weight::from_parts(64_156_000, 0)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	// Minimum execution time: 173_811 ns.
	fn reserve(n: u32, ) -> Weight {
		Weight::from_parts(356_922_842, 0)
			// Standard error: 122_217
			.saturating_add(Weight::from_parts(32_588_144, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(10_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	// Minimum execution time: 140 ns.
	fn prove(h: u32, ) -> Weight {
		Weight::from_parts(160_000, 0)
			// Standard error: 73
			.saturating_add(Weight::from_parts(538_018, 0).saturating_mul(h.into()))
	}
	// Minimum execution time: 151 ns.
	fn read_cap(c: u32, ) -> Weight {
		Weight::from_parts(5_887_007, 0)
			// Standard error: 21_166
			.saturating_add(Weight::from_parts(3_695_448, 0).saturating_mul(c.into()))
			.saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(c.into())))
	}
	// Minimum execution time: 140 ns.
	fn mark_reserved(p: u32, ) -> Weight {
		Weight::from_parts(170_000, 0)
			// Standard error: 5_387
			.saturating_add(Weight::from_parts(7_255_579, 0).saturating_mul(p.into()))
			.saturating_add(T::DbWeight::get().reads((2_u64).saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(p.into())))
	}
	// Minimum execution time: 942 ns.
	fn replace(r: u32, ) -> Weight {
		Weight::from_parts(1_332_000, 0)
			// Standard error: 178_174
			.saturating_add(Weight::from_parts(41_132_407, 0).saturating_mul(r.into()))
			.saturating_add(T::DbWeight::get().reads((3_u64).saturating_mul(r.into())))
			.saturating_add(T::DbWeight::get().writes((3_u64).saturating_mul(r.into())))
	}
	// Minimum execution time: 174_101 ns.
	fn claim(n: u32, ) -> Weight {
		Weight::from_parts(189_794_807, 0)
			// Standard error: 13_715
			.saturating_add(Weight::from_parts(4_092_467, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(8_u64))
			.saturating_add(T::DbWeight::get().writes(8_u64))
	}
	// Minimum execution time: 140 ns.
	fn mark_paid(p: u32, ) -> Weight {
		Weight::from_parts(161_000, 0)
			// Standard error: 8_335
			.saturating_add(Weight::from_parts(8_951_825, 0).saturating_mul(p.into()))
			.saturating_add(T::DbWeight::get().reads((2_u64).saturating_mul(p.into())))
			.saturating_add(T::DbWeight::get().writes((2_u64).saturating_mul(p.into())))
	}
	// Minimum execution time: 345_718 ns.
	fn close(r: u32, p: u32, ) -> Weight {
		Weight::from_parts(127_703_291, 0)
			// Standard error: 311_279
			.saturating_add(Weight::from_parts(36_667_472, 0).saturating_mul(r.into()))
			// Standard error: 314_234
			.saturating_add(Weight::from_parts(2_168_393, 0).saturating_mul(p.into()))
			.saturating_add(T::DbWeight::get().reads(5_u64))
			.saturating_add(T::DbWeight::get().reads((3_u64).saturating_mul(r.into())))
			.saturating_add(T::DbWeight::get().writes(5_u64))
			.saturating_add(T::DbWeight::get().writes((3_u64).saturating_mul(r.into())))
			.saturating_add(T::DbWeight::get().writes((2_u64).saturating_mul(p.into())))
	}
	// Minimum execution time: 40_972 ns.
	fn announce() -> Weight {
		Weight::from_parts(43_385_000, 0)
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	// Minimum execution time: 35_984 ns.
	fn withdraw() -> Weight {
		Weight::from_parts(37_977_000, 0)
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
}
