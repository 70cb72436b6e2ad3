//! The time after a start, while transactions from before it may still get into the chain.

use super::context::Context;
use crate::error::Result;
use waybill_chain::ledger::Payee;
use waybill_primitives::BlockNumber;

/// Until when to wait for transactions from before the start. Sending them again would only cost
/// fees.
#[derive(Debug, Default)]
pub struct Quiet {
	/// The first block without waiting; `None` before the first state.
	until: Option<BlockNumber>,
}

impl Quiet {
	/// Whether to send only what cannot wait.
	pub async fn holds<L: Payee>(&mut self, context: &Context<L>, head: BlockNumber) -> Result<bool> {
		let until = *self.until.get_or_insert(head.saturating_add(context.rules.margins.patience));
		if head < until && context.ledger.is_pending(&context.account).await? {
			tracing::debug!("transactions from before the start are not final yet");
			return Ok(true);
		}
		self.until = Some(0);
		Ok(false)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{settle::rules::Rules, store::Store};
	use waybill_testkit::{
		ledger::{Fake, GENESIS},
		scene::account,
	};

	#[tokio::test]
	async fn quiet_should_last_while_old_transactions_are_pending_and_not_come_back() {
		let folder = tempfile::tempdir().unwrap();
		let store = Store::open(&folder.path().join("store.redb"), &GENESIS, &[1; 32]).unwrap();
		let (ledger, rules) = (Fake::new(), Rules::hasty());
		let reporter = crate::report::Reporter::default();
		let context = Context { ledger: ledger.clone(), account: account(&folder, "payee"), store, rules, reporter };
		let pending = |pending| ledger.edit(|world| world.pending = pending);

		pending(true);
		let mut quiet = Quiet::default();
		assert!(quiet.holds(&context, 10).await.unwrap());
		assert!(quiet.holds(&context, 10 + rules.margins.patience - 1).await.unwrap());
		assert!(!quiet.holds(&context, 10 + rules.margins.patience).await.unwrap());

		let mut quiet = Quiet::default();
		assert!(quiet.holds(&context, 10).await.unwrap());
		pending(false);
		assert!(!quiet.holds(&context, 11).await.unwrap());
		// These transactions are of this run.
		pending(true);
		assert!(!quiet.holds(&context, 12).await.unwrap());
	}
}
