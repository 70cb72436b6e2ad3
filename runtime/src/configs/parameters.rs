//! The parameters that root can change.

use super::RuntimeParameters;
use crate::{AccountId, Runtime, RuntimeEvent};
use frame_support::traits::AsEnsureOriginWithArg;
use frame_system::EnsureRoot;

impl pallet_parameters::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeParameters = RuntimeParameters;
	type AdminOrigin = AsEnsureOriginWithArg<EnsureRoot<AccountId>>;
	type WeightInfo = ();
}

impl crate::parameters::genesis::Config for Runtime {}

impl crate::slot::Config for Runtime {}

#[cfg(feature = "runtime-benchmarks")]
impl Default for RuntimeParameters {
	fn default() -> Self {
		use crate::parameters::dynamic_params::session;
		RuntimeParameters::Session(session::Parameters::Length(session::Length, Some(600)))
	}
}
