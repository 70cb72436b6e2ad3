//! Names and words for what the chain refuses.

use crate::{amount::Amount, error::Refused, types::AccountId};
use subxt::{
	error::{BackendError, DispatchError, ExtrinsicError, RpcError},
	rpcs::{Error as RpcsError, UserError},
};
use waybill_primitives::view::Shortfall;

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

/// The failure of a transaction, in a block or in a dry run.
pub fn dispatch(error: &DispatchError) -> Refused {
	let (name, words) = match error {
		DispatchError::Module(module) => match module.details() {
			Ok(details) => {
				// The figures of the pallet's configuration that the documentation names are the chain's.
				let words = with_figures(details.variant.docs.join(" ").trim(), |name| {
					let constant = details.pallet.constant_by_name(name)?;
					let docs = constant.docs().join(" ");
					let unit = ["blocks", "bytes"].into_iter().find(|unit| docs.contains(&format!("in {unit}")));
					figure(constant.value(), unit)
				});
				(format!("{}.{}", details.pallet.name(), details.variant.name), words)
			},
			Err(_) => (format!("Module.{}.{}", module.pallet_index(), module.error_index()), String::new()),
		},
		DispatchError::Token(token) => (format!("Token.{token:?}"), token.to_string()),
		DispatchError::Arithmetic(arithmetic) => (format!("Arithmetic.{arithmetic:?}"), arithmetic.to_string()),
		DispatchError::Transactional(layers) => (format!("Transactional.{layers:?}"), layers.to_string()),
		other => (format!("{other:?}"), other.to_string()),
	};
	let words = if words.is_empty() { String::new() } else { format!(": {}", words.trim_end_matches('.')) };
	let message = format!("the chain refused: {name}{words}");
	Refused { name, message }
}

/// The failure that a dry run foretold. `short` is the account that has too little, if only money
/// stands in the way.
pub fn foretold(refused: Refused, short: Option<&Shortfall<AccountId, Amount>>) -> Refused {
	let Refused { name, message } = refused;
	let figures = short.map(figures).unwrap_or_default();
	Refused { name, message: format!("{message}{figures}; nothing was sent") }
}

/// A dry run foretold that an account cannot pay the fee, or the fee and what comes with it.
pub fn unpayable(short: &Shortfall<AccountId, Amount>) -> Refused {
	let name = "Transaction.Payment".to_owned();
	let message = format!("the chain refused the transaction: {name}{}; nothing was sent", figures(short));
	Refused { name, message }
}

fn figures(short: &Shortfall<AccountId, Amount>) -> String {
	let Shortfall { account, needs, has } = short;
	format!(": {account} needs {needs} and can spend {has}")
}

/// Replaces each ``[`Config::Name`]`` by its name and its figure.
fn with_figures(docs: &str, figure: impl Fn(&str) -> Option<String>) -> String {
	let mut text = String::new();
	let mut rest = docs;
	while let Some((before, (name, after))) =
		rest.split_once("[`Config::").and_then(|(before, link)| Some((before, link.split_once("`]")?)))
	{
		text.push_str(before);
		text.push_str(name);
		if let Some(figure) = figure(name) {
			text.push_str(&format!(" ({figure})"));
		}
		rest = after;
	}
	text + rest
}

/// A number in the chain's encoding. Only amounts have 16 bytes.
fn figure(bytes: &[u8], unit: Option<&str>) -> Option<String> {
	let number = match bytes.len() {
		16 => return Some(Amount(u128::from_le_bytes(bytes.try_into().ok()?)).to_string()),
		8 => u64::from_le_bytes(bytes.try_into().ok()?),
		4 => u32::from_le_bytes(bytes.try_into().ok()?).into(),
		_ => return None,
	};
	Some(unit.map_or_else(|| number.to_string(), |unit| format!("{number} {unit}")))
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

	#[test]
	fn figures_should_stand_where_documentation_names_them() {
		let known = |name: &str| match name {
			"MinReward" => figure(&Amount(1_500_000_000_000).0.to_le_bytes(), None),
			"MaxSize" => figure(&7u64.to_le_bytes(), Some("bytes")),
			_ => None,
		};
		for (docs, shown) in [
			("The reward is below [`Config::MinReward`].", "The reward is below MinReward (1.5 UNIT)."),
			("[`Config::MaxSize`] or [`Config::Other`]", "MaxSize (7 bytes) or Other"),
			("Nothing [`Config::MaxSize", "Nothing [`Config::MaxSize"),
		] {
			assert_eq!(with_figures(docs, known), shown);
		}
	}

	#[test]
	fn foretold_refusals_should_say_what_is_missing() {
		let short = Shortfall { account: AccountId([0; 32]), needs: Amount(3_000_000_000_000), has: Amount(1) };
		let error = foretold(dispatch(&DispatchError::Token(subxt::error::TokenError::FundsUnavailable)), Some(&short));
		assert!(error.to_string().ends_with("needs 3 UNIT and can spend 0.000000000001 UNIT; nothing was sent"), "{error}");
		assert_eq!(
			(error.name.as_str(), unpayable(&short).name.as_str()),
			("Token.FundsUnavailable", "Transaction.Payment")
		);
	}
}
