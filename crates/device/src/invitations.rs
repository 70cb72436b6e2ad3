//! Asks several distributors at once for their invitations. Most of those that are announced may be
//! silent; together they cost the device no more than a few of them would one after the other.

use crate::{
	endpoint::Endpoint,
	peer::{Peer, PeerError},
	reach::{is_public, not_public},
};
use std::{
	collections::{HashSet, VecDeque},
	io,
	net::{IpAddr, ToSocketAddrs},
	time::Duration,
};
use tokio::{
	sync::Semaphore,
	task::{spawn_blocking, JoinSet},
	time::{timeout, Instant},
};
use url::Host;
use waybill_exchange::Invite;

/// How many distributors to ask at once.
const WIDTH: usize = 48;
/// How many names may be looked up at once.
static LOOKUPS: Semaphore = Semaphore::const_new(64);
/// How long to ask before the device looks at the chain again.
const BUDGET: Duration = Duration::from_secs(20);

/// What an endpoint answered.
pub type Answer = Result<Invite, Silence>;

/// Why there is no invitation.
#[derive(Debug, thiserror::Error)]
pub enum Silence {
	/// The name has no address that may be called.
	#[error("cannot be resolved: {0}")]
	Unresolved(io::Error),
	/// It did not answer in time.
	#[error("did not answer within {0:?}")]
	Late(Duration),
	/// Its answer is none.
	#[error(transparent)]
	Peer(#[from] PeerError),
}

/// Asks endpoints for their invitations, in their order, until all were asked or the budget is used up.
/// No host is asked twice at once.
#[derive(Debug)]
pub struct Round {
	endpoints: VecDeque<Endpoint>,
	/// Endpoints whose host is known, and is asked already about another.
	held: VecDeque<(Endpoint, IpAddr)>,
	busy: HashSet<IpAddr>,
	running: JoinSet<Done>,
	/// Ask the first endpoint alone.
	first_alone: bool,
	patience: Duration,
	until: Instant,
}

#[derive(Debug)]
enum Done {
	Resolved(Endpoint, io::Result<IpAddr>),
	Asked(Endpoint, IpAddr, Answer),
}

impl Round {
	/// A round among these endpoints. Each has so much `patience` to answer.
	pub fn new(endpoints: Vec<Endpoint>, first_alone: bool, patience: Duration) -> Self {
		Self {
			endpoints: endpoints.into(),
			held: VecDeque::new(),
			busy: HashSet::new(),
			running: JoinSet::new(),
			first_alone,
			patience,
			until: Instant::now() + BUDGET,
		}
	}

	/// The next answer; `None` after the last one.
	pub async fn next(&mut self) -> Option<(Endpoint, Answer)> {
		loop {
			self.fill();
			match self.running.join_next().await?.ok()? {
				Done::Resolved(endpoint, Ok(host)) => self.held.push_back((endpoint, host)),
				Done::Resolved(endpoint, Err(error)) => {
					self.first_alone = false;
					return Some((endpoint, Err(Silence::Unresolved(error))));
				},
				Done::Asked(endpoint, host, answer) => {
					self.busy.remove(&host);
					self.first_alone = false;
					return Some((endpoint, answer));
				},
			}
		}
	}

	/// Whether the budget is used up.
	pub fn is_over(&self) -> bool {
		Instant::now() >= self.until
	}

	/// Whether endpoints are left whose answers nobody has seen.
	pub fn is_cut_off(&self) -> bool {
		!self.endpoints.is_empty() || !self.held.is_empty() || !self.running.is_empty()
	}

	fn fill(&mut self) {
		let width = if self.first_alone { 1 } else { WIDTH };
		while self.running.len() < width && Instant::now() < self.until {
			let free = self.held.iter().position(|(_, host)| !self.busy.contains(host));
			if let Some((endpoint, host)) = free.and_then(|at| self.held.remove(at)) {
				self.busy.insert(host);
				self.running.spawn(ask(endpoint, host, self.patience));
			} else if let Some(endpoint) = self.endpoints.pop_front() {
				self.running.spawn(resolve(endpoint, self.patience));
			} else {
				return;
			}
		}
	}
}

async fn resolve(endpoint: Endpoint, patience: Duration) -> Done {
	let Some(peer) = endpoint.candidates.first().map(|candidate| candidate.peer.clone()) else {
		return Done::Resolved(endpoint, Err(io::ErrorKind::NotFound.into()));
	};
	let found = timeout(patience, host_of(&peer, endpoint.may_be_private)).await;
	Done::Resolved(endpoint, found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())))
}

/// An address of a peer's host.
async fn host_of(peer: &Peer, may_be_private: bool) -> io::Result<IpAddr> {
	let url = peer.url();
	let found = match url.host() {
		Some(Host::Ipv4(address)) => vec![IpAddr::V4(address)],
		Some(Host::Ipv6(address)) => vec![IpAddr::V6(address)],
		Some(Host::Domain(name)) => looked_up(name.to_owned()).await?,
		None => Vec::new(),
	};
	let mut found = found.into_iter().map(|address| address.to_canonical()).peekable();
	let is_none = found.peek().is_none();
	match found.find(|address| may_be_private || is_public(*address)) {
		Some(address) => Ok(address),
		None if is_none => Err(io::ErrorKind::NotFound.into()),
		None => Err(not_public()),
	}
}

/// The addresses of a name. A resolver that hangs keeps its thread, so their number is bounded.
async fn looked_up(name: String) -> io::Result<Vec<IpAddr>> {
	let permit = LOOKUPS.acquire().await.map_err(io::Error::other)?;
	let look = move || -> io::Result<Vec<IpAddr>> {
		let _permit = permit;
		Ok((name.as_str(), 0).to_socket_addrs()?.map(|address| address.ip()).collect())
	};
	spawn_blocking(look).await.map_err(io::Error::other)?
}

async fn ask(endpoint: Endpoint, host: IpAddr, patience: Duration) -> Done {
	let invited = async {
		match endpoint.candidates.first() {
			Some(candidate) => Ok(candidate.peer.invite().await?),
			None => Err(Silence::Unresolved(io::ErrorKind::NotFound.into())),
		}
	};
	let answer = timeout(patience, invited).await.unwrap_or(Err(Silence::Late(patience)));
	Done::Asked(endpoint, host, answer)
}
