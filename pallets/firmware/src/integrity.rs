//! What the runtime's configuration must satisfy.

use crate::{pallet::*, WeightInfo};
use frame_support::{dispatch::DispatchClass, weights::Weight};
use sp_core::Get;
use sp_runtime::traits::Zero;
use waybill_primitives::{fleet::MAX_CAP_NODES, MAX_RELEASE_KEYS};

impl<T: Config> Pallet<T> {
	/// Panics if the registry cannot work as it is configured. Runs in the runtime's tests and when
	/// a build of the node checks the runtime.
	pub(crate) fn check_config() {
		assert!(T::MaxAttesters::get() > 0, "nobody could attest");
		assert!(T::MaxNameLen::get() > 0, "every name would be empty");
		assert!(T::MaxPayloadSize::get() > 0, "every payload would be too large");
		assert!(!T::RetryPeriod::get().is_zero(), "no round would take votes");
		assert!(!T::RecheckPeriod::get().is_zero(), "rounds would follow each other within a block");
		assert!(!T::KeySetDelay::get().is_zero(), "nobody could veto a key set in time");
		let limit = T::BlockWeights::get().get(DispatchClass::Normal).max_extrinsic.unwrap_or(Weight::MAX);
		let vote = T::WeightInfo::attest().saturating_add(T::WeightInfo::authorize_attest());
		assert!(vote.all_lte(limit), "a vote would not fit into a block");
		let publish = T::WeightInfo::publish_release(MAX_RELEASE_KEYS);
		assert!(publish.all_lte(limit), "a release with all signatures would not fit into a block");
		let rotation = T::WeightInfo::rotate_key_set(MAX_RELEASE_KEYS, MAX_RELEASE_KEYS);
		assert!(rotation.all_lte(limit), "a key set with all signatures would not fit into a block");
		let fleet = T::WeightInfo::register_fleet(Self::cap_pages(MAX_CAP_NODES));
		assert!(fleet.all_lte(limit), "a fleet with the largest cap would not fit into a block");
	}
}
