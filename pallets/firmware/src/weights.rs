//! The calls' weights, measured on the runtime's wasm by `make weights`. Generated: do not edit.
//!
//! DATE: 2026-11-20, STEPS: 20, REPEAT: 10, CPU: AMD EPYC, by frame-omni-bencher.
//! Proof sizes are left out: no relay chain checks this chain.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens, clippy::unnecessary_cast)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// The weight of each benchmark. The benchmark says what its components count.
pub trait WeightInfo {
	/// `register_vendor`; `k` from 1 to 16.
	fn register_vendor(k: u32, ) -> Weight;
	/// `update_vendor`.
	fn update_vendor() -> Weight;
	/// `register_model`.
	fn register_model() -> Weight;
	/// `register_fleet`; `p` from 1 to 16.
	fn register_fleet(p: u32, ) -> Weight;
	/// `remove_fleet`; `p` from 1 to 16.
	fn remove_fleet(p: u32, ) -> Weight;
	/// `publish_release`; `s` from 1 to 16.
	fn publish_release(s: u32, ) -> Weight;
	/// `yank_release`.
	fn yank_release() -> Weight;
	/// `yank_release_signed`; `s` from 1 to 16.
	fn yank_release_signed(s: u32, ) -> Weight;
	/// `attest`.
	fn attest() -> Weight;
	/// `authorize_attest`.
	fn authorize_attest() -> Weight;
	/// `rotate_key_set`; `o` from 1 to 16; `n` from 1 to 16.
	fn rotate_key_set(o: u32, n: u32, ) -> Weight;
	/// `veto_key_set`.
	fn veto_key_set() -> Weight;
	/// `adopt_key_set`.
	fn adopt_key_set() -> Weight;
	/// `resign_release`; `s` from 1 to 16.
	fn resign_release(s: u32, ) -> Weight;
	/// `migrate_fleet`.
	fn migrate_fleet() -> Weight;
}

/// The weights, with the storage prices of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	// Minimum execution time: 47_922 ns.
	fn register_vendor(_k: u32, ) -> Weight {
		Weight::from_parts(57_377_417, 0)
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	// Minimum execution time: 42_654 ns.
	fn update_vendor() -> Weight {
		Weight::from_parts(45_118_000, 0)
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	// Minimum execution time: 46_560 ns.
	fn register_model() -> Weight {
		Weight::from_parts(49_725_000, 0)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	// Minimum execution time: 150_957 ns.
	fn register_fleet(p: u32, ) -> Weight {
		Weight::from_parts(51_278_872, 0)
			// Standard error: 192_482
			.saturating_add(Weight::from_parts(103_921_140, 0).saturating_mul(p.into()))
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
			.saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(p.into())))
	}
	// Minimum execution time: 46_139 ns.
	fn remove_fleet(p: u32, ) -> Weight {
		Weight::from_parts(48_081_851, 0)
			// Standard error: 14_672
			.saturating_add(Weight::from_parts(1_402_394, 0).saturating_mul(p.into()))
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
			.saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(p.into())))
	}
	// Minimum execution time: 102_444 ns.
	fn publish_release(s: u32, ) -> Weight {
		Weight::from_parts(73_791_568, 0)
			// Standard error: 67_108
			.saturating_add(Weight::from_parts(32_271_741, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(8_u64))
			.saturating_add(T::DbWeight::get().writes(8_u64))
	}
	// Minimum execution time: 12_649 ns.
	fn yank_release() -> Weight {
		Weight::from_parts(16_104_000, 0)
			.saturating_add(T::DbWeight::get().reads(1_u64))
			.saturating_add(T::DbWeight::get().writes(2_u64))
	}
	// Minimum execution time: 58_688 ns.
	fn yank_release_signed(s: u32, ) -> Weight {
		Weight::from_parts(29_812_715, 0)
			// Standard error: 102_431
			.saturating_add(Weight::from_parts(33_873_654, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(2_u64))
	}
	// Minimum execution time: 32_108 ns.
	fn attest() -> Weight {
		Weight::from_parts(50_696_000, 0)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(2_u64))
	}
	// Minimum execution time: 51_297 ns.
	fn authorize_attest() -> Weight {
		Weight::from_parts(62_954_000, 0)
			.saturating_add(T::DbWeight::get().reads(4_u64))
	}
	// Minimum execution time: 615_133 ns.
	fn rotate_key_set(o: u32, n: u32, ) -> Weight {
		Weight::from_parts(38_121_011, 0)
			// Standard error: 297_533
			.saturating_add(Weight::from_parts(36_482_282, 0).saturating_mul(o.into()))
			// Standard error: 297_533
			.saturating_add(Weight::from_parts(33_103_167, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(8_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	// Minimum execution time: 22_694 ns.
	fn veto_key_set() -> Weight {
		Weight::from_parts(27_471_000, 0)
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().writes(2_u64))
	}
	// Minimum execution time: 24_016 ns.
	fn adopt_key_set() -> Weight {
		Weight::from_parts(28_253_000, 0)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	// Minimum execution time: 92_649 ns.
	fn resign_release(s: u32, ) -> Weight {
		Weight::from_parts(65_703_513, 0)
			// Standard error: 255_609
			.saturating_add(Weight::from_parts(31_963_077, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	// Minimum execution time: 13_771 ns.
	fn migrate_fleet() -> Weight {
		Weight::from_parts(15_223_000, 0)
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
}
