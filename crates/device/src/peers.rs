//! Which distributor to ask next.
//!
//! A distributor is an account at an address. Anyone can announce anyone's address. What the device
//! learns at an announced address counts only for the account that announced it, so a stranger
//! cannot discredit the distributor at that address.

use crate::{
	endpoint::{Candidate, Endpoint},
	error::Result,
	failures::{Failing, Failures, Record},
	http,
	invitations::Round,
	peer::Peer,
	reach::{is_private_literal, PublicOnly},
};
use rand::{rngs::StdRng, seq::SliceRandom, RngExt, SeedableRng};
use rand_core::{OsRng, TryRngCore};
use std::{
	collections::{HashMap, HashSet},
	sync::Arc,
	time::{Duration, Instant},
};
use waybill_chain::types::{text, AccountId, Distributor};
use waybill_daemon::{clock::Time, roots::Roots};

/// With more addresses than these the device has a choice, and need not come back soon to one that
/// failed it.
const CHOICE: usize = 16;
/// How long a distributor may take to answer, if any answers in that time.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it may take at most, on a link on which none was faster.
const MOST_PATIENCE: Duration = Duration::from_secs(20);

/// The known distributors, and which of them to leave alone for a while.
#[derive(Debug)]
pub struct Peers {
	/// For addresses that somebody near configured.
	near: reqwest::Client,
	/// For addresses that anyone announced.
	far: reqwest::Client,
	configured: Vec<String>,
	/// Whether announced addresses may be private.
	may_be_private: bool,
	failures: Failures,
	/// How long a distributor may take to answer.
	patience: Duration,
	has_choice: bool,
}

impl Peers {
	/// The configured distributors, and what the disk remembers of all.
	pub fn new(roots: &Roots, configured: Vec<String>, may_be_private: bool, record: Record) -> Result<Self> {
		let near = http::client(roots)?;
		let far = match may_be_private {
			true => near.clone(),
			false => http::built(http::builder(roots).dns_resolver(Arc::new(PublicOnly)))?,
		};
		for endpoint in &configured {
			Peer::new(near.clone(), endpoint)?;
		}
		let failures = Failures::new(record);
		Ok(Self { near, far, configured, may_be_private, failures, patience: PATIENCE, has_choice: false })
	}

	/// The endpoints that the device can ask now: the last good one, those that are configured, and then
	/// the others, those first that have failed it least.
	pub fn ranked(&mut self, announced: &[Distributor], is_cheat: impl Fn(&AccountId) -> bool) -> Vec<Endpoint> {
		let now = Time::now();
		let mut endpoints = self.endpoints(announced);
		self.has_choice = endpoints.len() > CHOICE;
		for endpoint in &mut endpoints {
			endpoint.candidates.retain(|candidate| {
				let is_cheat = candidate.account.as_ref().is_some_and(&is_cheat);
				!is_cheat && !self.failures.is_paused(&candidate.who(), now)
			});
		}
		endpoints.retain(|endpoint| !endpoint.candidates.is_empty());
		endpoints.shuffle(&mut random());
		let times = |candidate: &Candidate| self.failures.times(&candidate.who());
		endpoints.sort_by_cached_key(|endpoint| {
			let is_configured = endpoint.candidates.iter().any(|candidate| candidate.account.is_none());
			let times = endpoint.candidates.iter().map(times).min();
			(!self.is_last_good(endpoint), !is_configured, times)
		});
		endpoints
	}

	/// Asks these endpoints for their invitations.
	pub fn invite(&self, endpoints: Vec<Endpoint>) -> Round {
		let first_alone = endpoints.first().is_some_and(|endpoint| self.is_last_good(endpoint));
		Round::new(endpoints, first_alone, self.patience)
	}

	/// How long a distributor may take to make an offer.
	pub fn greeting_patience(&self) -> Duration {
		(self.patience * 3).min(MOST_PATIENCE)
	}

	/// Notes who gave no answer in a round, whether anybody gave one, and whether more are to be asked.
	/// If nobody answered, that may be the device's own fault, so it soon asks again; if those were
	/// all, its link may be slow.
	pub fn heard(&mut self, silent: &[Candidate], anybody: bool, is_cut_off: bool) {
		if anybody {
			self.patience = PATIENCE;
		} else if !is_cut_off && !silent.is_empty() {
			self.patience = (self.patience * 2).min(MOST_PATIENCE);
		}
		for candidate in silent {
			self.fail(candidate, Failing::Silent, self.has_choice && anybody);
		}
	}

	fn is_last_good(&self, endpoint: &Endpoint) -> bool {
		let url = endpoint.candidates.first().map(|candidate| candidate.peer.url().as_str());
		url.is_some() && url == self.failures.last_good()
	}

	/// All addresses that the chain or the configuration names, each with the accounts that announced
	/// it.
	fn endpoints(&self, announced: &[Distributor]) -> Vec<Endpoint> {
		let mut endpoints: Vec<Endpoint> = Vec::new();
		let mut at = HashMap::new();
		for candidate in self.all(announced) {
			let is_configured = candidate.account.is_none();
			let endpoint = *at.entry(candidate.peer.url().to_string()).or_insert_with(|| {
				endpoints.push(Endpoint { candidates: Vec::new(), may_be_private: self.may_be_private });
				endpoints.len().saturating_sub(1)
			});
			let Some(endpoint) = endpoints.get_mut(endpoint) else { continue };
			endpoint.may_be_private |= is_configured;
			match is_configured {
				// Its client may call private addresses.
				true => endpoint.candidates.insert(0, candidate),
				false => endpoint.candidates.push(candidate),
			}
		}
		endpoints
	}

	/// All distributors that the chain or the configuration names.
	pub fn all(&self, announced: &[Distributor]) -> Vec<Candidate> {
		let configured = self.configured.iter().map(|endpoint| (None, endpoint.clone()));
		let announced = announced.iter().map(|distributor| (Some(distributor.account), text(&distributor.endpoint)));
		let (mut candidates, mut known) = (Vec::new(), HashSet::new());
		for (account, endpoint) in announced.chain(configured) {
			let http = if account.is_none() { &self.near } else { &self.far };
			match Peer::new(http.clone(), &endpoint) {
				Ok(peer) => {
					let candidate = Candidate { account, peer };
					if known.insert(candidate.who()) {
						candidates.push(candidate);
					}
				},
				Err(error) => tracing::debug!(%error, "an announced address is not usable"),
			}
		}
		candidates
	}

	/// The addresses where an account may be: those that it announced, and those that are configured.
	/// An account may have announced a private one since it made its offer.
	pub fn ways(&self, announced: &[Distributor], is_its_own: impl Fn(&Candidate) -> bool) -> Vec<Candidate> {
		let mut candidates = self.all(announced);
		candidates.retain(|candidate| {
			candidate.account.is_none()
				|| is_its_own(candidate) && (self.may_be_private || !is_private_literal(candidate.peer.url()))
		});
		candidates.sort_by_key(|candidate| !is_its_own(candidate));
		let mut known = HashSet::new();
		candidates.retain(|candidate| known.insert(candidate.peer.url().to_string()));
		candidates
	}

	/// Leaves a distributor alone for a while, longer each time.
	pub fn pause(&mut self, candidate: &Candidate, failing: Failing) {
		self.fail(candidate, failing, self.has_choice);
	}

	fn fail(&mut self, candidate: &Candidate, failing: Failing, has_choice: bool) {
		let spread = random().random_range(0.5..1.5);
		self.failures.fail(candidate.who(), failing, has_choice, spread, Time::now());
	}

	/// Notes that a distributor served well, which ends its pauses.
	pub fn praise(&mut self, candidate: &Candidate) {
		self.failures.praise(&candidate.who());
	}

	/// What the disk is to remember, if it is time to store it.
	pub fn due(&mut self) -> Option<Record> {
		self.failures.due(Instant::now())
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
		let configured = configured.iter().map(|one| (*one).into()).collect();
		Peers::new(&Roots::default(), configured, false, Record::default()).unwrap()
	}

	fn accounts<'a>(candidates: impl IntoIterator<Item = &'a Candidate>) -> Vec<Option<u8>> {
		let mut accounts: Vec<_> =
			candidates.into_iter().map(|candidate| candidate.account.map(|account| account.0[0])).collect();
		accounts.sort_unstable();
		accounts
	}

	fn asked(endpoints: &[Endpoint]) -> Vec<Option<u8>> {
		accounts(endpoints.iter().flat_map(|endpoint| &endpoint.candidates))
	}

	fn first_url(endpoints: &[Endpoint]) -> &str {
		endpoints[0].candidates[0].peer.url().as_str()
	}

	#[test]
	fn stranger_should_not_push_out_whose_address_it_announces() {
		let announced = [distributor(9, "http://one:1"), distributor(1, "http://one:1/"), distributor(2, "http://two:1")];
		let mut peers = peers(&["http://one:1"]);
		assert_eq!(accounts(&peers.all(&announced)), [None, Some(1), Some(2), Some(9)]);
		let stranger = peers.all(&announced).remove(0);
		for _ in 0..3 {
			peers.pause(&stranger, Failing::Silent);
			let endpoints = peers.ranked(&announced, |_| false);
			// Two addresses, each asked once.
			assert_eq!((endpoints.len(), asked(&endpoints)), (2, vec![None, Some(1), Some(2)]));
		}
		// A stranger that is known to cheat takes none of the announced addresses with it.
		assert_eq!(asked(&peers.ranked(&announced, |account| account.0[0] == 9)), [None, Some(1), Some(2)]);
		peers.praise(&stranger);
		assert_eq!(asked(&peers.ranked(&announced, |_| false)), [None, Some(1), Some(2), Some(9)]);
	}

	#[test]
	fn announcement_should_count_once_however_it_is_written() {
		let announced = [distributor(1, "http://one:1"), distributor(1, "http://ONE:1/"), distributor(2, "nonsense")];
		assert_eq!(accounts(&peers(&[]).all(&announced)), [Some(1)]);
	}

	#[test]
	fn last_good_one_should_be_asked_first_then_the_configured_then_who_failed_least() {
		let announced: Vec<_> = (1..=40).map(|number| distributor(number, &format!("http://a{number}:1"))).collect();
		let mut peers = peers(&["http://near:1"]);
		let find = |peers: &Peers, account: u8| {
			peers.all(&announced).into_iter().find(|one| one.account == Some(AccountId([account; 32]))).unwrap()
		};
		let good = find(&peers, 7);
		peers.praise(&good);
		let failed = find(&peers, 8);
		peers.failures.fail(failed.who(), Failing::Silent, true, 1.0, Time(0));
		let endpoints = peers.ranked(&announced, |_| false);
		assert_eq!(first_url(&endpoints), "http://a7:1/");
		assert_eq!(first_url(&endpoints[1..]), "http://near:1/");
		assert_eq!(first_url(&endpoints[40..]), "http://a8:1/");
		assert!(endpoints[1].may_be_private && !endpoints[0].may_be_private);
	}

	#[test]
	fn key_should_be_sought_only_where_its_account_may_be() {
		let announced = [distributor(9, "http://one:1"), distributor(1, "http://one:1"), distributor(2, "http://two:1")];
		let its_own = |candidate: &Candidate| candidate.account == Some(AccountId([1; 32]));
		let ways = peers(&["http://two:1", "http://three:1"]).ways(&announced, its_own);
		let urls: Vec<_> = ways.iter().map(|candidate| candidate.peer.url().as_str()).collect();
		assert_eq!(urls, ["http://one:1/", "http://two:1/", "http://three:1/"]);
		assert!(its_own(&ways[0]));
	}

	#[test]
	fn receipt_should_not_be_sent_to_a_private_address_that_was_announced_later() {
		let announced = [distributor(1, "http://192.168.1.1:1"), distributor(1, "http://[fd00::1]:1")];
		assert!(peers(&[]).ways(&announced, |_| true).is_empty());
		assert_eq!(peers(&["http://192.168.1.1:1"]).ways(&announced, |_| true).len(), 1);
	}

	#[test]
	fn long_pauses_should_need_somebody_who_answered() {
		let announced: Vec<_> = (1..=40).map(|number| distributor(number, &format!("http://a{number}:1"))).collect();
		for (anybody, is_stored) in [(false, false), (true, true)] {
			let mut peers = peers(&[]);
			peers.ranked(&announced, |_| false);
			let silent = peers.all(&announced);
			peers.heard(&silent, anybody, false);
			assert_eq!(peers.due().is_some(), is_stored);
		}
	}

	#[test]
	fn patience_should_grow_while_nobody_answers() {
		let mut peers = peers(&[]);
		let mut seconds = Vec::new();
		let silent = peers.all(&[distributor(1, "http://one:1")]);
		peers.heard(&[], false, false);
		// Others may answer yet.
		peers.heard(&silent, false, true);
		for anybody in [false, false, false, false, true] {
			peers.heard(&silent, anybody, false);
			seconds.push(peers.patience.as_secs());
		}
		assert_eq!(seconds, [6, 12, 20, 20, 3]);
	}
}
