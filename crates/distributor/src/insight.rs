//! What operators see of a distributor.

use crate::{
	health::{Health, PublicHealth},
	report::{Part, Reporter},
	tally::Tally,
};
use std::time::Duration;
use waybill_chain::types::{AccountId, Hash};
use waybill_daemon::{certificate::Certificate, clock::Time};
use waybill_ipfs_http::Gateway;

/// What does not change while a distributor runs.
#[derive(Clone, Debug)]
pub struct About {
	/// The account that the chain pays.
	pub account: AccountId,
	/// The chain's genesis hash.
	pub genesis: Hash,
	/// The address that is announced on chain.
	pub endpoint: Option<String>,
	/// When it began, in milliseconds since 1970.
	pub started_ms: u64,
}

/// What operators see of a distributor, beside its store and its desk.
#[derive(Debug)]
pub struct Insight {
	/// What does not change.
	pub about: About,
	/// Who is told what happens.
	pub reporter: Reporter,
	/// Whether the node and kubo answer.
	pub health: Health,
	/// What happened since the start.
	pub tally: Tally,
	/// The gateways that it fetches from.
	pub gateway: Option<Gateway>,
	/// The certificate that it serves HTTPS with.
	pub certificate: Option<Certificate>,
	/// How old the newest final block may be.
	pub max_block_age: Duration,
}

impl Insight {
	/// Of a distributor that has just begun.
	pub fn new(about: About, reporter: Reporter) -> Self {
		Self {
			about,
			health: Health::new(reporter.clone()),
			reporter,
			tally: Tally::default(),
			gateway: None,
			certificate: None,
			max_block_age: Duration::MAX,
		}
	}

	/// What everyone may know, by the time of the newest final block.
	pub fn public(&self, block_ms: Option<u64>) -> PublicHealth {
		let (node, kubo) = (self.health.answers(Part::Node).up, self.health.answers(Part::Kubo).up);
		let age = |block_ms| Duration::from_millis(Time::now().0.saturating_sub(block_ms));
		let recent = block_ms.is_some_and(|block_ms| age(block_ms) <= self.max_block_age);
		PublicHealth { healthy: node && kubo && recent, node, recent, kubo }
	}
}
