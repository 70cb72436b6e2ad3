//! What must hold whatever accounts do.

use frame_support::traits::{PalletsInfoAccess, TryState, TryStateSelect};
use pallet_balances::{Freezes, Holds, Locks};
use waybill_runtime::{AllPalletsWithSystem, Balance, Balances, BlockNumber, Firmware, PodBounty, Runtime};

/// Checks the money and the two pallets after a block. Returns the total issuance.
pub fn block(number: BlockNumber, before: Balance) -> Balance {
	let issuance = money();
	assert!(issuance <= before, "the issuance rose");
	Firmware::try_state(number, TryStateSelect::All).expect("the registry's invariants hold");
	PodBounty::try_state(number, TryStateSelect::All).expect("the escrow's invariants hold");
	issuance
}

/// Checks every pallet after the last block, except Authorship: its check looks for the block's
/// author, who may be of the old session, among the authors of the new one.
pub fn all_pallets(number: BlockNumber) {
	for pallet in AllPalletsWithSystem::infos().into_iter().filter(|pallet| pallet.name != "Authorship") {
		let only = TryStateSelect::Only(vec![pallet.name.into()]);
		let outcome = AllPalletsWithSystem::try_state(number, only);
		assert!(outcome.is_ok(), "the invariants of {}: {outcome:?}", pallet.name);
	}
}

/// Checks that accounts own all money, that no more is on hold than they own, and that every
/// account that others refer to exists.
fn money() -> Balance {
	let mut sum: Balance = 0;
	for (who, account) in frame_system::Account::<Runtime>::iter() {
		assert!(account.consumers == 0 || account.providers > 0, "{who:?} has consumers and no provider");
		sum += account.data.free + account.data.reserved;
		let held: Balance = Holds::<Runtime>::get(&who).iter().map(|hold| hold.amount).sum();
		assert!(held <= account.data.reserved, "{who:?} has more on hold than it owns");
		let locks = Locks::<Runtime>::get(&who).iter().map(|lock| lock.amount).max().unwrap_or_default();
		let freezes = Freezes::<Runtime>::get(&who).iter().map(|freeze| freeze.amount).max().unwrap_or_default();
		assert_eq!(
			account.data.frozen,
			locks.max(freezes),
			"{who:?} has an amount frozen that is not its locks and freezes"
		);
	}
	let issuance = Balances::total_issuance();
	assert_eq!(sum, issuance, "the accounts do not own all the money");
	issuance
}
