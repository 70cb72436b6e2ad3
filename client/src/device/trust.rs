//! Following the vendor's release keys from one set to the next.

use super::{
	agent::{refused, Agent},
	report::Event,
};
use crate::error::{Error, Kind, Result};
use waybill_chain::{
	ledger::{Ledger, State},
	types::{AccountId, KeySetLink},
};
use waybill_exchange::{DeviceExchange, IndexedSignature, Refusal, TrustedKeys};
use waybill_primitives::{KeySetStatement, ReleaseSignature};

/// Takes an exchange's trust from the key set that it has to the chain's current one, a step for each set in between. `keep` stores
/// the set of each step before the next.
///
/// # Errors
/// A [`Refusal`] as a check that failed, under its name: nothing has changed by the step that failed.
pub async fn follow<S: State>(
	exchange: &mut DeviceExchange,
	state: &S,
	mut keep: impl FnMut(&TrustedKeys) -> Result<()>,
) -> Result<()> {
	let vendor = AccountId(exchange.profile().vendor);
	let unknown = || Error::check(format!("the chain knows no vendor {vendor}, whose device this is"));
	let newest = state.key_set_version(&vendor).await?.ok_or_else(unknown)?;
	loop {
		let trusted = exchange.profile().keys.version;
		if newest < trusted {
			let words = format!("the chain has key set {newest}, and the device trusts {trusted}");
			return Err(refused(Refusal::KeySetRollback).context(words));
		}
		if newest == trusted {
			return Ok(());
		}
		let links = state.key_sets(&vendor, trusted).await?;
		if links.is_empty() {
			return Err(Error::check(format!("the chain has key set {newest}, but tells none after {trusted}")));
		}
		for link in links {
			let version = link.version;
			let keys = step(exchange, vendor, link);
			keep(keys.map_err(|refusal| refused(refusal).context(format!("key set {version}")))?)?;
		}
	}
}

fn step(exchange: &mut DeviceExchange, vendor: AccountId, link: KeySetLink) -> Result<&TrustedKeys, Refusal> {
	let KeySetLink { version, key_set, old_signatures, new_signatures } = link;
	let statement = KeySetStatement { vendor: vendor.0, version, key_set };
	exchange.rotate(&statement, &indexed(old_signatures), &indexed(new_signatures))
}

/// The chain's signatures as the exchange takes them.
pub fn indexed(signatures: Vec<(u8, ReleaseSignature)>) -> Vec<IndexedSignature> {
	signatures.into_iter().map(|(key, signature)| IndexedSignature { key, signature }).collect()
}

impl<L: Ledger> Agent<L> {
	/// Follows the vendor's key sets; each is on the disk before the next. Whether they could be followed: if not, nothing is decided
	/// by this state.
	pub(super) async fn follow_keys(&mut self, state: &L::State) -> Result<bool> {
		let Self { exchange, home, tell, .. } = self;
		let followed = follow(exchange, state, |keys| {
			home.trust(keys)?;
			tell(&Event::KeysFollowed { version: keys.version });
			Ok(())
		});
		match followed.await {
			Err(error) if error.kind() == Kind::Check => {
				tracing::error!(%error, "the vendor's key sets are refused");
				self.obstacle = Some(error.to_string());
				Ok(false)
			},
			followed => followed.map(|()| true),
		}
	}
}
