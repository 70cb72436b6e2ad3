//! Trying a transaction before it is sent, so that a refusal costs no fee.

use crate::{
	amount::Amount,
	connect::Chain,
	error::{Refused, Result},
	refusal,
	types::AccountId,
	view::View,
};
use codec::Decode;
use subxt::error::DispatchError;
use waybill_primitives::view::Shortfall;

const API: &str = "TransactionDryRunApi";
const CALL: &str = "TransactionDryRunApi_dry_run";

impl Chain {
	/// Fails if the transaction would fail in the block after the newest one.
	///
	/// Only what the chain answers counts. If the node cannot say, the transaction is sent, and the
	/// chain decides.
	pub(crate) async fn dry_run(&self, transaction: &[u8]) -> Result<()> {
		match self.foretold(transaction).await {
			Ok(Some(refused)) => Err(refused.into()),
			Ok(None) => Ok(()),
			Err(why) => {
				tracing::debug!(why, "the transaction is sent without a dry run");
				Ok(())
			},
		}
	}

	/// How the chain would refuse a transaction; an error if the node does not say.
	async fn foretold(&self, transaction: &[u8]) -> Result<Option<Refused>, String> {
		let view = self.best().await.map_err(|error| error.to_string())?;
		let metadata = view.at().metadata();
		if metadata.runtime_api_trait_by_name(API).is_none() {
			return Err(format!("the chain's runtime has no {API}"));
		}
		let answer = ask(&view, transaction).await?;
		let mut rest = answer.as_slice();
		let short = Option::<Shortfall<AccountId, Amount>>::decode(&mut rest).map_err(|error| error.to_string())?;
		// The rest is a Result<Result<(), DispatchError>, TransactionValidityError>.
		match rest {
			[0, 0] => Ok(None),
			[0, 1, error @ ..] => {
				let error = DispatchError::decode_from(error, metadata).map_err(|error| error.to_string())?;
				Ok(Some(refusal::foretold(refusal::dispatch(&error), short.as_ref())))
			},
			// The pool decides. It also takes a transaction whose turn comes after one that waits there.
			[1, ..] => Ok(short.map(|short| refusal::unpayable(&short))),
			_ => Err("the node answered nonsense".into()),
		}
	}
}

async fn ask(view: &View, transaction: &[u8]) -> Result<Vec<u8>, String> {
	let parameters = [transaction, &view.block().hash.0].concat();
	view.at().runtime_apis().call_raw(CALL, Some(&parameters)).await.map_err(|error| error.to_string())
}
