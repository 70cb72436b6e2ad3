//! What holds whatever accounts do.

use super::{chain::Chain, world};
use frame_support::traits::{fungible::InspectHold, PalletsInfoAccess, TryState, TryStateSelect};
use pallet_balances::{Freezes, Holds, Locks};
use pallet_pod_bounty::{Bounties, HoldReason, Reservations};
use sp_runtime::transaction_validity::InvalidTransaction;
use waybill_runtime::{
	AccountId, AllPalletsWithSystem, Balance, Balances, BlockNumber, Firmware, PodBounty, Runtime, RuntimeCall,
	RuntimeHoldReason,
};

/// More calls than that close no bounty that one input can make.
const MAX_CLOSES: u32 = 8;

/// After each block: money and the two pallets. Answers how much money there is.
pub fn block(number: BlockNumber, before: Balance) -> Balance {
	let issuance = money();
	assert!(issuance <= before, "money was made");
	Firmware::try_state(number, TryStateSelect::All).expect("the registry's invariants hold");
	PodBounty::try_state(number, TryStateSelect::All).expect("the escrow's invariants hold");
	issuance
}

/// After the last block: every pallet. Except who the author is: that check looks among the session's new authors for one of the old.
pub fn all_pallets(number: BlockNumber) {
	for pallet in AllPalletsWithSystem::infos().into_iter().filter(|pallet| pallet.name != "Authorship") {
		let only = TryStateSelect::Only(vec![pallet.name.into()]);
		let outcome = AllPalletsWithSystem::try_state(number, only);
		assert!(outcome.is_ok(), "the invariants of {}: {outcome:?}", pallet.name);
	}
}

/// Accounts own all the money there is, what is on hold is theirs, and who is needed can exist.
fn money() -> Balance {
	let mut sum: Balance = 0;
	for (who, account) in frame_system::Account::<Runtime>::iter() {
		assert!(account.consumers == 0 || account.providers > 0, "{who:?} is needed and cannot exist");
		sum += account.data.free + account.data.reserved;
		let held: Balance = Holds::<Runtime>::get(&who).iter().map(|hold| hold.amount).sum();
		assert!(held <= account.data.reserved, "{who:?} has more on hold than it owns");
		let locks = Locks::<Runtime>::get(&who).iter().map(|lock| lock.amount).max().unwrap_or_default();
		let freezes = Freezes::<Runtime>::get(&who).iter().map(|freeze| freeze.amount).max().unwrap_or_default();
		assert_eq!(account.data.frozen, locks.max(freezes), "{who:?} has frozen what nothing freezes");
	}
	let issuance = Balances::total_issuance();
	assert_eq!(sum, issuance, "money is nobody's");
	issuance
}

/// Every bounty can be closed once its time is over, by anybody, and leaves nothing on hold and no fleet in use.
pub fn settle(chain: &mut Chain) {
	let ids: Vec<_> =
		Bounties::<Runtime>::iter().map(|(id, bounty)| (id, bounty.expires_at.max(bounty.exclusive_until))).collect();
	let over = ids.iter().map(|(_, over)| *over).max().unwrap_or_default();
	chain.pass(over.saturating_sub(chain.number()).max(1));
	for (id, _) in ids {
		let mut calls = 0;
		while Bounties::<Runtime>::contains_key(id) {
			let close = pallet_pod_bounty::Call::close { bounty: id, max_pages: 64 };
			let outcome = chain.send(&world::JANITOR, RuntimeCall::PodBounty(close));
			// The block that ends a session is full from its start: pallet-session says so.
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
