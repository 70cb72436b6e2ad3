use super::{chain::Chain, collators::root};
use crate::{
	configs::MinExclusiveWindow,
	parameters::{
		dynamic_params::{
			firmware::{self, KeySetDelay, RecheckPeriod, RetryPeriod},
			pod_bounty::{self, ExclusiveWindow, MinDuration},
			session,
		},
		MIN_PERIOD,
	},
	session::{KickThreshold, SessionLength, MIN_SESSION_LENGTH},
	BlockNumber, Runtime, RuntimeCall, RuntimeParameters, Session,
};
use frame_support::traits::{dynamic_params::AggregatedKeyValue, Get};

/// A chain on which root has set this parameter.
fn chain_with(key_value: RuntimeParameters) -> Chain {
	let mut chain = Chain::new("local_testnet");
	let (key, value) = key_value.clone().into_parts();
	chain.author(root(RuntimeCall::Parameters(pallet_parameters::Call::set_parameter { key_value })));
	chain.with(|| assert_eq!(pallet_parameters::Parameters::<Runtime>::get(key), value));
	chain
}

#[test]
fn session_should_keep_a_least_length_when_the_parameter_is_zero() {
	let mut chain = chain_with(RuntimeParameters::Session(session::Parameters::Length(session::Length, Some(0))));
	chain.run_to(15);
	chain.with(|| {
		assert_eq!(<SessionLength as Get<BlockNumber>>::get(), MIN_SESSION_LENGTH);
		assert_eq!(Session::current_index(), 3);
	});
}

#[test]
fn recheck_period_should_keep_a_least_length_when_the_parameter_is_zero() {
	let zero = firmware::Parameters::RecheckPeriod(RecheckPeriod, Some(0));
	chain_with(RuntimeParameters::Firmware(zero))
		.with(|| assert_eq!(<<Runtime as pallet_firmware::Config>::RecheckPeriod as Get<_>>::get(), MIN_PERIOD));
}

#[test]
fn retry_period_should_keep_a_least_length_when_the_parameter_is_zero() {
	let zero = firmware::Parameters::RetryPeriod(RetryPeriod, Some(0));
	chain_with(RuntimeParameters::Firmware(zero))
		.with(|| assert_eq!(<<Runtime as pallet_firmware::Config>::RetryPeriod as Get<_>>::get(), MIN_PERIOD));
}

#[test]
fn key_set_delay_should_keep_a_least_length_when_the_parameter_is_zero() {
	let zero = firmware::Parameters::KeySetDelay(KeySetDelay, Some(0));
	chain_with(RuntimeParameters::Firmware(zero))
		.with(|| assert_eq!(<<Runtime as pallet_firmware::Config>::KeySetDelay as Get<_>>::get(), MIN_PERIOD));
}

#[test]
fn exclusive_window_should_keep_a_least_length_when_the_parameter_is_zero() {
	let zero = pod_bounty::Parameters::ExclusiveWindow(ExclusiveWindow, Some(0));
	chain_with(RuntimeParameters::PodBounty(zero)).with(|| {
		// 30 s, with slots of one.
		assert_eq!(<<Runtime as pallet_pod_bounty::Config>::ExclusiveWindow as Get<_>>::get(), 30);
		assert_eq!(MinExclusiveWindow::get(), 30);
	});
}

#[test]
fn shortest_bounty_should_keep_a_least_length_when_the_parameter_is_zero() {
	let zero = pod_bounty::Parameters::MinDuration(MinDuration, Some(0));
	chain_with(RuntimeParameters::PodBounty(zero))
		.with(|| assert_eq!(<<Runtime as pallet_pod_bounty::Config>::MinDuration as Get<_>>::get(), MIN_PERIOD));
}

#[test]
fn parameters_should_be_what_root_set_when_they_are_long_enough() {
	let longer = firmware::Parameters::KeySetDelay(KeySetDelay, Some(MIN_PERIOD + 1));
	chain_with(RuntimeParameters::Firmware(longer))
		.with(|| assert_eq!(<<Runtime as pallet_firmware::Config>::KeySetDelay as Get<_>>::get(), MIN_PERIOD + 1));
}

/// The value that a getter returns after root has set its parameter to the largest number.
fn greatest<G: Get<BlockNumber>>(key_value: RuntimeParameters) -> BlockNumber {
	chain_with(key_value).with(G::get)
}

#[test]
fn periods_should_keep_a_greatest_length_when_a_parameter_is_too_large() {
	const TOO_LARGE: Option<BlockNumber> = Some(BlockNumber::MAX);
	let session = || RuntimeParameters::Session(session::Parameters::Length(session::Length, TOO_LARGE));
	assert_eq!(greatest::<SessionLength>(session()), 86_400);
	assert_eq!(greatest::<KickThreshold>(session()), 6 * 86_400);

	let parameter = firmware::Parameters::RecheckPeriod(RecheckPeriod, TOO_LARGE);
	type Recheck = <Runtime as pallet_firmware::Config>::RecheckPeriod;
	assert_eq!(greatest::<Recheck>(RuntimeParameters::Firmware(parameter)), 30 * 86_400);
	let parameter = firmware::Parameters::RetryPeriod(RetryPeriod, TOO_LARGE);
	type Retry = <Runtime as pallet_firmware::Config>::RetryPeriod;
	assert_eq!(greatest::<Retry>(RuntimeParameters::Firmware(parameter)), 30 * 86_400);
	let parameter = firmware::Parameters::KeySetDelay(KeySetDelay, TOO_LARGE);
	type Delay = <Runtime as pallet_firmware::Config>::KeySetDelay;
	assert_eq!(greatest::<Delay>(RuntimeParameters::Firmware(parameter)), 30 * 86_400);

	let parameter = pod_bounty::Parameters::ExclusiveWindow(ExclusiveWindow, TOO_LARGE);
	type Window = <Runtime as pallet_pod_bounty::Config>::ExclusiveWindow;
	assert_eq!(greatest::<Window>(RuntimeParameters::PodBounty(parameter)), 86_400);
	let parameter = pod_bounty::Parameters::MinDuration(MinDuration, TOO_LARGE);
	type Shortest = <Runtime as pallet_pod_bounty::Config>::MinDuration;
	assert_eq!(greatest::<Shortest>(RuntimeParameters::PodBounty(parameter)), 30 * 86_400);
}
