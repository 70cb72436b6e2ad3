//! Which distributor to ask next.

use super::peer::Peer;
use crate::{chain::types::AccountId, chain::types::Distributor, error::Result};
use rand_core::{OsRng, TryRngCore};
use std::{
	collections::HashMap,
	time::{Duration, Instant},
};

const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// A distributor that can be asked.
#[derive(Clone, Debug)]
pub struct Candidate {
	/// Its account; one that was configured by its address alone says who it is.
	pub account: Option<AccountId>,
	/// The way to it.
	pub peer: Peer,
}

/// The distributors that there are, and those that are left alone for a while.
#[derive(Debug)]
pub struct Peers {
	http: reqwest::Client,
	configured: Vec<String>,
	pauses: HashMap<String, (Instant, Duration)>,
}

impl Peers {
	/// The configured distributors.
	pub fn new(http: reqwest::Client, configured: Vec<String>) -> Result<Self> {
		for endpoint in &configured {
			Peer::new(http.clone(), endpoint)?;
		}
		Ok(Self { http, configured, pauses: HashMap::new() })
	}

	/// Those that can be asked now, in random order.
	pub fn shuffled(&self, announced: &[Distributor], is_cheat: impl Fn(&AccountId) -> bool) -> Vec<Candidate> {
		let now = Instant::now();
		let mut candidates: Vec<_> = self
			.all(announced)
			.into_iter()
			.filter(|candidate| !candidate.account.as_ref().is_some_and(&is_cheat))
			.filter(|candidate| self.pauses.get(candidate.peer.url().as_str()).is_none_or(|(until, _)| *until <= now))
			.collect();
		for place in (1..candidates.len()).rev() {
			candidates.swap(place, random_below(place + 1));
		}
		candidates
	}

	/// All of them.
	pub fn all(&self, announced: &[Distributor]) -> Vec<Candidate> {
		let configured = self.configured.iter().map(|endpoint| (None, endpoint.as_str()));
		let announced = announced.iter().map(|distributor| (Some(distributor.account), distributor.endpoint.as_str()));
		let mut candidates: Vec<Candidate> = Vec::new();
		for (account, endpoint) in announced.chain(configured) {
			match Peer::new(self.http.clone(), endpoint) {
				Ok(peer) if candidates.iter().any(|known| known.peer.url() == peer.url()) => {},
				Ok(peer) => candidates.push(Candidate { account, peer }),
				Err(error) => tracing::debug!(%error, "an announced address is of no use"),
			}
		}
		candidates
	}

	/// Leaves a distributor alone for a while, longer each time.
	pub fn pause(&mut self, peer: &Peer) {
		let length =
			self.pauses.get(peer.url().as_str()).map_or(FIRST_PAUSE, |(_, length)| (*length * 2).min(LONGEST_PAUSE));
		// Spread out, so that not all devices come back at once.
		let spread = length.mul_f64(0.5 + random_below(1_000) as f64 / 1_000.0);
		self.pauses.insert(peer.url().to_string(), (Instant::now() + spread, length));
	}

	/// A distributor served well.
	pub fn praise(&mut self, peer: &Peer) {
		self.pauses.remove(peer.url().as_str());
	}
}

/// A random number below `limit`.
pub fn random_below(limit: usize) -> usize {
	let random = OsRng.try_next_u64().unwrap_or_default();
	usize::try_from(random % limit.max(1) as u64).unwrap_or_default()
}
