//! Following the vendor's release keys from one set to the next.

use crate::{
	context::Context,
	error::{Error, Result},
	report::Event,
};
use waybill_chain::{ledger::State, types::AccountId};
use waybill_exchange::{DeviceExchange, Refusal, TrustedKeys};
use waybill_primitives::{view::KeySetLink, KeySetStatement};

/// Moves an exchange's trust from its key set to the chain's current one, one step for each set in
/// between. `keep` stores the set of each step before the next step.
///
/// # Errors
/// [`Error::KeySet`], [`Error::UnknownVendor`] or [`Error::MissingKeySets`] if the chain's key sets
/// do not follow from the trusted one. The step that failed has changed nothing.
pub async fn follow<S: State>(
	exchange: &mut DeviceExchange,
	state: &S,
	mut keep: impl FnMut(&TrustedKeys) -> Result<()>,
) -> Result<()> {
	let vendor = AccountId(exchange.profile().vendor);
	let newest = state.key_set_version(&vendor).await?.ok_or(Error::UnknownVendor(vendor))?;
	loop {
		let trusted = exchange.profile().keys.version;
		if newest < trusted {
			let about = format!("the chain has key set {newest}, but the device trusts {trusted}");
			return Err(Error::KeySet { about, refusal: Refusal::KeySetRollback });
		}
		if newest == trusted {
			return Ok(());
		}
		let links = state.key_sets(&vendor, trusted).await?;
		if links.is_empty() {
			return Err(Error::MissingKeySets { newest, trusted });
		}
		for link in links {
			let version = link.version;
			let keys = step(exchange, vendor, link);
			keep(keys.map_err(|refusal| Error::KeySet { about: format!("key set {version}"), refusal })?)?;
		}
	}
}

fn step(exchange: &mut DeviceExchange, vendor: AccountId, link: KeySetLink) -> Result<&TrustedKeys, Refusal> {
	let KeySetLink { version, key_set, old_signatures, new_signatures } = link;
	let statement = KeySetStatement { vendor: vendor.0, version, key_set };
	exchange.rotate(&statement, &old_signatures, &new_signatures)
}

/// Follows the vendor's key sets. Each is on the disk before the next.
///
/// Returns whether the device could follow them. If not, it decides nothing by this state.
pub(crate) async fn follow_keys<S: State>(context: &mut Context, state: &S) -> Result<bool> {
	let Context { exchange, home, reporter, .. } = context;
	let followed = follow(exchange, state, |keys| {
		home.trust(keys)?;
		reporter.tell(&Event::KeysFollowed { version: keys.version });
		Ok(())
	});
	match followed.await {
		Err(error @ (Error::KeySet { .. } | Error::UnknownVendor(_) | Error::MissingKeySets { .. })) => {
			tracing::error!(%error, "the device refuses the vendor's key sets");
			reporter.hindered_by(error);
			Ok(false)
		},
		followed => followed.map(|()| true),
	}
}
