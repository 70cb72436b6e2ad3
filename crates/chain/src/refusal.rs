//! Names and words for what the chain refuses.

use crate::error::Refused;
use subxt::{
	error::{BackendError, DispatchError, ExtrinsicError, RpcError},
	rpcs::{Error as RpcsError, UserError},
};

/// JSON-RPC codes of the transaction pool's refusals (`sc-rpc-api`, author errors).
mod code {
	pub const INVALID: i32 = 1010;
	pub const UNKNOWN: i32 = 1011;
	pub const BANNED: i32 = 1012;
	pub const ALREADY_IMPORTED: i32 = 1013;
	pub const LOW_PRIORITY: i32 = 1014;
	pub const POOL_FULL: i32 = 1016;
}

/// What the runtime's validation says, our name for it, and what to do.
const INVALID: [(&str, &str, &str); 6] = [
	("Inability to pay", "Transaction.Payment", "the account cannot pay the fee; send it some funds"),
	("outdated", "Transaction.Stale", "another transaction of the account came first; try again"),
	("bad signature", "Transaction.BadProof", "the signature is for another chain or runtime; try again"),
	("ancient birth", "Transaction.AncientBirthBlock", "the transaction waited too long; try again"),
	("exhaust the resources", "Transaction.ExhaustsResources", "the block is full, or the batch too large; try again"),
	("will be valid in the future", "Transaction.Future", "an earlier transaction of the account is missing; try again"),
];

/// The failure of a transaction that is in a block.
pub fn dispatch(error: &DispatchError) -> Refused {
	let (name, words) = match error {
		DispatchError::Module(module) => match module.details() {
			Ok(details) => {
				let docs = details.variant.docs.join(" ");
				(format!("{}.{}", details.pallet.name(), details.variant.name), docs.trim().to_owned())
			},
			Err(_) => (format!("Module.{}.{}", module.pallet_index(), module.error_index()), String::new()),
		},
		DispatchError::Token(token) => (format!("Token.{token:?}"), token.to_string()),
		DispatchError::Arithmetic(arithmetic) => (format!("Arithmetic.{arithmetic:?}"), arithmetic.to_string()),
		DispatchError::Transactional(layers) => (format!("Transactional.{layers:?}"), layers.to_string()),
		other => (format!("{other:?}"), other.to_string()),
	};
	let words = if words.is_empty() { String::new() } else { format!(": {words}") };
	let message = format!("the chain refused: {name}{words}");
	Refused { name, message }
}

/// The refusal of a transaction by the node's pool; `None` for any other error.
pub fn pool(error: &ExtrinsicError) -> Option<Refused> {
	let ExtrinsicError::ErrorSubmittingTransaction(BackendError::Rpc(RpcError::ClientError(RpcsError::User(error)))) = error
	else {
		return None;
	};
	user(error)
}

fn user(error: &UserError) -> Option<Refused> {
	let data = error.data.as_ref().map(|data| data.get().trim_matches('"').to_owned()).unwrap_or_default();
	let (name, words) = match error.code {
		code::INVALID => INVALID
			.iter()
			.find(|(sign, _, _)| data.contains(sign))
			.map_or(("Transaction.Invalid", data.as_str()), |(_, name, words)| (*name, *words)),
		code::UNKNOWN => ("Transaction.Unknown", data.as_str()),
		code::BANNED => ("Transaction.Banned", "the same transaction was refused a short while ago; wait half an hour"),
		code::ALREADY_IMPORTED => ("Transaction.AlreadyImported", "the node already has it; wait for its block"),
		code::LOW_PRIORITY => ("Transaction.LowPriority", "another transaction of the account is waiting; try again"),
		code::POOL_FULL => ("Transaction.PoolFull", "the node's transaction pool is full; try again later"),
		_ => return None,
	};
	Some(Refused { name: name.into(), message: format!("the chain refused the transaction: {name}: {words}") })
}

#[cfg(test)]
mod tests {
	use super::*;
	use subxt::rpcs::client::RawValue;

	fn refused(code: i32, data: &str) -> Option<Refused> {
		let data = RawValue::from_string(format!("\"{data}\"")).ok();
		let error = UserError { code, message: "Invalid Transaction".into(), data };
		pool(&ExtrinsicError::ErrorSubmittingTransaction(RpcsError::User(error).into()))
	}

	#[test]
	fn pool_refusals_should_have_names() {
		let error = refused(1010, "Inability to pay some fees (e.g. account balance too low)").unwrap();
		assert_eq!(error.name, "Transaction.Payment");
		assert!(error.to_string().contains("send it some funds"), "{error}");
		assert!(refused(1010, "Custom error: 7").unwrap().to_string().contains("Custom error: 7"));
		assert_eq!(refused(1016, "").unwrap().name, "Transaction.PoolFull");
		assert_eq!(refused(-32601, "Method not found"), None);
	}

	#[test]
	fn dispatch_errors_should_have_names() {
		let error = dispatch(&DispatchError::Token(subxt::error::TokenError::FundsUnavailable));
		assert_eq!(error.name, "Token.FundsUnavailable");
		assert_eq!(dispatch(&DispatchError::BadOrigin).name, "BadOrigin");
	}
}
