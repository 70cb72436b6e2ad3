//! Who authors blocks, who votes for finality and who attests releases.
//!
//! Anybody can bond and join the block authors. Only appointed collators (CollatorSelection's
//! invulnerables) vote in GRANDPA and attest releases: money that can be borrowed for a day must
//! not buy finality.

use crate::{
	parameters::{dynamic_params::session::Length, Within},
	slot::Blocks,
	time::DAY,
	AccountId, Aura, BlockNumber, CollatorSelection, Firmware, Grandpa, Runtime, RuntimeOrigin, Session, Voters,
};
use alloc::vec::Vec;
use core::marker::PhantomData;
use frame_support::traits::{ConstU32, Get, OneSessionHandler};
use pallet_session::SessionManager;
use sp_runtime::BoundToRuntimeAppPublic;
use sp_staking::SessionIndex;

sp_runtime::impl_opaque_keys! {
	/// The public keys of a collator's node.
	pub struct SessionKeys {
		/// Authors blocks.
		pub aura: Aura,
		/// Votes for finality, when the collator is appointed.
		pub grandpa: Appointed<Voters>,
		/// Attests releases, when the collator is appointed.
		pub attester: Appointed<Firmware>,
	}
}

/// The shortest session, in blocks, whatever the parameter is set to.
pub const MIN_SESSION_LENGTH: BlockNumber = 5;

/// The longest session, whatever the parameter is set to. Changes of collators take effect from
/// session to session, and a bonded collator that authors nothing leaves after [`KickThreshold`].
pub type MaxSessionLength = Blocks<DAY>;

/// The length of a session.
pub type SessionLength = Within<Length, ConstU32<MIN_SESSION_LENGTH>, MaxSessionLength>;

/// The number of blocks after which a bonded collator that authors nothing has to leave.
pub struct KickThreshold;

impl Get<BlockNumber> for KickThreshold {
	fn get() -> BlockNumber {
		<SessionLength as Get<BlockNumber>>::get().saturating_mul(6)
	}
}

/// Plans the sessions: takes [`CollatorSelection`]'s choice if it differs from the current
/// collators.
///
/// A new set makes every session handler start over, so a set counts as new only if it is
/// different.
pub struct Collators;

impl SessionManager<AccountId> for Collators {
	fn new_session(index: SessionIndex) -> Option<Vec<AccountId>> {
		let chosen = <CollatorSelection as SessionManager<AccountId>>::new_session(index)?;
		different_from(Session::validators(), with_keys(chosen))
	}

	fn start_session(index: SessionIndex) {
		<CollatorSelection as SessionManager<AccountId>>::start_session(index);
	}

	fn end_session(index: SessionIndex) {
		<CollatorSelection as SessionManager<AccountId>>::end_session(index);
	}
}

/// Drops collators without session keys, as `pallet_session` does. Otherwise the two sets would
/// never be equal.
fn with_keys(mut collators: Vec<AccountId>) -> Vec<AccountId> {
	collators.retain(|who| Session::load_keys(who).is_some());
	collators
}

/// The chosen set, unless it is empty or has the same collators in a different order.
fn different_from(mut current: Vec<AccountId>, chosen: Vec<AccountId>) -> Option<Vec<AccountId>> {
	let mut sorted = chosen.clone();
	sorted.sort_unstable();
	current.sort_unstable();
	(!chosen.is_empty() && sorted != current).then_some(chosen)
}

/// A session handler that can tell whether keys are new to it.
pub trait KnowsItsKeys: OneSessionHandler<AccountId> {
	/// Whether these keys, in this order, differ from the current ones.
	fn are_new(keys: &[&Self::Key]) -> bool;
}

impl KnowsItsKeys for Voters {
	fn are_new(keys: &[&Self::Key]) -> bool {
		!Grandpa::grandpa_authorities().iter().map(|(key, _)| key).eq(keys.iter().copied())
	}
}

impl KnowsItsKeys for Firmware {
	/// The registry compares the keys itself.
	fn are_new(_: &[&Self::Key]) -> bool {
		true
	}
}

/// A session handler that sees only the appointed collators.
///
/// It reports a change to the handler only when that handler's own keys change. Other collators
/// that come and go do not disturb it.
pub struct Appointed<Handler>(PhantomData<Handler>);

impl<Handler: BoundToRuntimeAppPublic> BoundToRuntimeAppPublic for Appointed<Handler> {
	type Public = Handler::Public;
}

impl<Handler: KnowsItsKeys> OneSessionHandler<AccountId> for Appointed<Handler> {
	type Key = Handler::Key;

	fn on_genesis_session<'a, I>(validators: I)
	where
		I: 'a + Iterator<Item = (&'a AccountId, Self::Key)>,
		AccountId: 'a,
	{
		Handler::on_genesis_session(appointed_of(validators).into_iter());
	}

	fn on_new_session<'a, I>(_changed: bool, validators: I, queued_validators: I)
	where
		I: 'a + Iterator<Item = (&'a AccountId, Self::Key)>,
		AccountId: 'a,
	{
		let validators = appointed_of(validators);
		if validators.is_empty() {
			log::error!(target: "runtime::session", "no appointed collator has session keys; the current ones stay");
			return;
		}
		let changed = Handler::are_new(&validators.iter().map(|(_, key)| key).collect::<Vec<_>>());
		Handler::on_new_session(changed, validators.into_iter(), appointed_of(queued_validators).into_iter());
	}

	fn on_before_session_ending() {
		Handler::on_before_session_ending();
	}

	fn on_disabled(index: u32) {
		let validators = Session::validators();
		let (before, rest) = validators.split_at((index as usize).min(validators.len()));
		let appointed = appointed();
		if rest.first().is_some_and(|disabled| appointed.contains(disabled)) {
			// The handler counts only appointed collators.
			let place = before.iter().filter(|who| appointed.contains(who)).count();
			Handler::on_disabled(place as u32);
		}
	}
}

/// Ends the appointment of collators that voted twice in one round.
pub struct Appointments;

impl pallet_voters::Appointments<AccountId> for Appointments {
	fn end(who: &AccountId) -> bool {
		let others = appointed().into_iter().any(|other| other != *who && Session::load_keys(&other).is_some());
		others && CollatorSelection::remove_invulnerable(RuntimeOrigin::root(), who.clone()).is_ok()
	}
}

/// The appointed collators.
pub fn appointed() -> Vec<AccountId> {
	pallet_collator_selection::Invulnerables::<Runtime>::get().into_inner()
}

fn appointed_of<'a, Key>(validators: impl Iterator<Item = (&'a AccountId, Key)>) -> Vec<(&'a AccountId, Key)> {
	let appointed = appointed();
	validators.filter(|(who, _)| appointed.contains(who)).collect()
}
