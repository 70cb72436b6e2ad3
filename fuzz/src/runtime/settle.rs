//! The end of every run: all bounties can be closed.

use super::{chain::Chain, world::JANITOR};
use frame_support::traits::fungible::InspectHold;
use pallet_pod_bounty::{Bounties, HoldReason, Reservations};
use sp_runtime::transaction_validity::InvalidTransaction;
use waybill_runtime::{AccountId, Balance, Balances, Runtime, RuntimeCall, RuntimeHoldReason};

/// The number of calls after which every bounty that one input can make must be closed.
const MAX_CLOSES: u32 = 8;

/// Checks that anybody can close every bounty once its time is over, and that nothing stays on hold
/// and no fleet in use.
pub fn settle(chain: &mut Chain) {
	let ids: Vec<_> =
		Bounties::<Runtime>::iter().map(|(id, bounty)| (id, bounty.expires_at.max(bounty.exclusive_until))).collect();
	let over = ids.iter().map(|(_, over)| *over).max().unwrap_or_default();
	chain.pass(over.saturating_sub(chain.number()).max(1));
	for (id, _) in ids {
		let mut calls = 0;
		while Bounties::<Runtime>::contains_key(id) {
			let close = pallet_pod_bounty::Call::close { bounty: id, max_pages: 64 };
			let outcome = chain.send(&JANITOR, RuntimeCall::PodBounty(close));
			// The block that ends a session is full from the start: pallet-session declares it so.
			let full = outcome == Err(InvalidTransaction::ExhaustsResources.into());
			assert!(full || outcome == Ok(Ok(())), "bounty {id} cannot be closed: {outcome:?}");
			chain.pass(1);
			calls += 1;
			assert!(calls <= MAX_CLOSES, "bounty {id} does not close");
		}
	}
	assert_eq!(Reservations::<Runtime>::iter_keys().count(), 0);
	assert!(pallet_firmware::Fleets::<Runtime>::iter_values().all(|fleet| fleet.users == 0), "a fleet stays in use");
	for who in frame_system::Account::<Runtime>::iter_keys() {
		assert_eq!(on_hold(&who, HoldReason::Reward) + on_hold(&who, HoldReason::Reservation), 0, "{who:?}");
	}
}

fn on_hold(who: &AccountId, reason: HoldReason) -> Balance {
	Balances::balance_on_hold(&RuntimeHoldReason::PodBounty(reason), who)
}
