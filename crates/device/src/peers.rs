//! Which distributor to ask next.
//!
//! A distributor is an account at an address. Anyone can announce anyone's address. What the device
//! learns at an announced address counts only for the account that announced it, so a stranger
//! cannot discredit the distributor at that address.

use crate::{error::Result, peer::Peer};
use rand::{rngs::StdRng, seq::SliceRandom, RngExt, SeedableRng};
use rand_core::{OsRng, TryRngCore};
use std::{
	collections::{HashMap, HashSet},
	time::{Duration, Instant},
};
use waybill_chain::types::{text, AccountId, Distributor};

const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// A distributor that can be asked.
#[derive(Clone, Debug)]
pub struct Candidate {
	/// Its account; `None` if only its address is configured. Its invitation then names the
	/// account.
	pub account: Option<AccountId>,
	/// The distributor at its address.
	pub peer: Peer,
}

/// An account, if it is known, and an address.
type Key = (Option<[u8; 32]>, String);

impl Candidate {
	fn key(&self) -> Key {
		(self.account.map(|account| account.0), self.peer.url().to_string())
	}
}

/// The known distributors, and which of them to leave alone for a while.
#[derive(Debug)]
pub struct Peers {
	http: reqwest::Client,
	configured: Vec<String>,
	pauses: HashMap<Key, (Instant, Duration)>,
}

impl Peers {
	/// The configured distributors.
	pub fn new(http: reqwest::Client, configured: Vec<String>) -> Result<Self> {
		for endpoint in &configured {
			Peer::new(http.clone(), endpoint)?;
		}
		Ok(Self { http, configured, pauses: HashMap::new() })
	}

	/// The distributors that the device can ask now, in random order.
	pub fn shuffled(&self, announced: &[Distributor], is_cheat: impl Fn(&AccountId) -> bool) -> Vec<Candidate> {
		let mut candidates: Vec<_> = self
			.all(announced)
			.into_iter()
			.filter(|candidate| !candidate.account.as_ref().is_some_and(&is_cheat))
			.filter(|candidate| !self.is_paused(candidate))
			.collect();
		candidates.shuffle(&mut random());
		candidates
	}

	/// All distributors that the chain or the configuration names.
	pub fn all(&self, announced: &[Distributor]) -> Vec<Candidate> {
		let configured = self.configured.iter().map(|endpoint| (None, endpoint.clone()));
		let announced = announced.iter().map(|distributor| (Some(distributor.account), text(&distributor.endpoint)));
		let (mut candidates, mut known) = (Vec::new(), HashSet::new());
		for (account, endpoint) in announced.chain(configured) {
			match Peer::new(self.http.clone(), &endpoint) {
				Ok(peer) => {
					let candidate = Candidate { account, peer };
					if known.insert(candidate.key()) {
						candidates.push(candidate);
					}
				},
				Err(error) => tracing::debug!(%error, "an announced address is not usable"),
			}
		}
		candidates
	}

	/// Every address once; those of candidates for which `first` is true come before the others.
	pub fn addresses(&self, announced: &[Distributor], first: impl Fn(&Candidate) -> bool) -> Vec<Candidate> {
		let mut candidates = self.all(announced);
		candidates.sort_by_key(|candidate| !first(candidate));
		let mut known = HashSet::new();
		candidates.retain(|candidate| known.insert(candidate.peer.url().to_string()));
		candidates
	}

	/// Whether the device leaves a distributor alone now.
	pub fn is_paused(&self, candidate: &Candidate) -> bool {
		self.pauses.get(&candidate.key()).is_some_and(|(until, _)| *until > Instant::now())
	}

	/// Leaves a distributor alone for a while, longer each time.
	pub fn pause(&mut self, candidate: &Candidate) {
		let key = candidate.key();
		let length = self.pauses.get(&key).map_or(FIRST_PAUSE, |(_, length)| (*length * 2).min(LONGEST_PAUSE));
		// Spread out, so that the devices of a fleet do not all come back at once.
		let spread = length.mul_f64(random().random_range(0.5..1.5));
		self.pauses.insert(key, (Instant::now() + spread, length));
	}

	/// Notes that a distributor served well, which ends its pauses.
	pub fn praise(&mut self, candidate: &Candidate) {
		self.pauses.remove(&candidate.key());
	}
}

/// Random numbers that only spread devices out. Without the system's randomness they are the same
/// each time.
fn random() -> StdRng {
	let mut seed = [0; 32];
	let _ = OsRng.try_fill_bytes(&mut seed);
	StdRng::from_seed(seed)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn distributor(account: u8, endpoint: &str) -> Distributor {
		Distributor { account: AccountId([account; 32]), endpoint: endpoint.into() }
	}

	fn peers(configured: &[&str]) -> Peers {
		Peers::new(reqwest::Client::new(), configured.iter().map(|one| (*one).into()).collect()).unwrap()
	}

	fn accounts(candidates: &[Candidate]) -> Vec<Option<u8>> {
		let mut accounts: Vec<_> =
			candidates.iter().map(|candidate| candidate.account.map(|account| account.0[0])).collect();
		accounts.sort_unstable();
		accounts
	}

	#[test]
	fn stranger_should_not_push_out_whose_address_it_announces() {
		let announced = [distributor(9, "http://one:1"), distributor(1, "http://one:1/"), distributor(2, "http://two:1")];
		let mut peers = peers(&["http://one:1"]);
		assert_eq!(accounts(&peers.all(&announced)), [None, Some(1), Some(2), Some(9)]);
		let stranger = peers.all(&announced).remove(0);
		for _ in 0..3 {
			peers.pause(&stranger);
			assert!(peers.is_paused(&stranger));
			assert_eq!(accounts(&peers.shuffled(&announced, |_| false)), [None, Some(1), Some(2)]);
		}
		// A stranger that is known to cheat takes none of the announced addresses with it.
		assert_eq!(accounts(&peers.shuffled(&announced, |account| account.0[0] == 9)), [None, Some(1), Some(2)]);
		peers.praise(&stranger);
		assert!(!peers.is_paused(&stranger));
	}

	#[test]
	fn announcement_should_count_once_however_it_is_written() {
		let announced = [distributor(1, "http://one:1"), distributor(1, "http://ONE:1/"), distributor(2, "nonsense")];
		assert_eq!(accounts(&peers(&[]).all(&announced)), [Some(1)]);
	}

	#[test]
	fn every_address_should_be_tried_once_the_right_account_first() {
		let announced = [distributor(9, "http://one:1"), distributor(1, "http://one:1"), distributor(2, "http://two:1")];
		let first = |candidate: &Candidate| candidate.account == Some(AccountId([1; 32]));
		let addresses = peers(&["http://two:1", "http://three:1"]).addresses(&announced, first);
		let urls: Vec<_> = addresses.iter().map(|candidate| candidate.peer.url().as_str()).collect();
		assert_eq!(urls, ["http://one:1/", "http://two:1/", "http://three:1/"]);
		assert!(first(&addresses[0]));
	}
}
