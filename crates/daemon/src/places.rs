//! Who may keep a connection open when there are more than a server takes.
//!
//! The address with the most connections gives way first, and of its connections the one for whose
//! client the server has waited longest. So a client that holds many connections open and sends
//! little takes places only from itself. A connection that the server works for is left alone for a
//! moment.

use std::{
	cmp::Reverse,
	collections::HashMap,
	net::{IpAddr, Ipv6Addr},
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};
use tokio::{sync::Notify, time::timeout};

/// How long work for a client keeps its place. Long polls take longer, and are begun again.
const WORK: Duration = Duration::from_secs(2);

/// The places of a server.
#[derive(Clone, Debug)]
pub struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
	most: usize,
	state: Mutex<State>,
	/// A place is free, or may be taken from somebody.
	changed: Notify,
}

#[derive(Debug, Default)]
struct State {
	held: HashMap<u64, Held>,
	by_network: HashMap<IpAddr, usize>,
	next: u64,
}

#[derive(Debug)]
struct Held {
	network: IpAddr,
	/// Since when the server has waited for the client, or worked for it.
	since: Instant,
	works: bool,
	/// Notified once the place is taken away.
	end: Arc<Notify>,
}

/// A place that a connection holds until this value is dropped.
#[derive(Debug)]
pub struct Place {
	places: Places,
	id: u64,
	end: Arc<Notify>,
}

/// The server works for a client until this value is dropped.
pub struct Working<'a>(&'a Place);

impl Places {
	/// The places of a server that takes `most` connections.
	pub fn new(most: usize) -> Self {
		Self(Arc::new(Shared { most, state: Mutex::default(), changed: Notify::new() }))
	}

	/// A place for a client at this address. Waits for one if nobody has to give way.
	pub async fn take(&self, address: IpAddr) -> Place {
		loop {
			let changed = self.0.changed.notified();
			if let Some(place) = self.try_take(address) {
				return place;
			}
			// Work that takes long gives way after a while, too.
			let _ = timeout(WORK, changed).await;
		}
	}

	fn try_take(&self, address: IpAddr) -> Option<Place> {
		let network = network(address);
		let mut state = self.state();
		if state.held.len() >= self.0.most {
			let id = state.who_gives_way(network)?;
			if let Some(held) = state.remove(id) {
				held.end.notify_one();
			}
		}
		let (id, end) = (state.next, Arc::new(Notify::new()));
		state.next = state.next.wrapping_add(1);
		state.held.insert(id, Held { network, since: Instant::now(), works: false, end: end.clone() });
		let count = state.by_network.entry(network).or_default();
		*count = count.saturating_add(1);
		Some(Place { places: self.clone(), id, end })
	}

	fn state(&self) -> MutexGuard<'_, State> {
		self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
	}

	fn set_working(&self, id: u64, works: bool) {
		if let Some(held) = self.state().held.get_mut(&id) {
			(held.works, held.since) = (works, Instant::now());
		}
	}
}

impl State {
	/// The connection that gives way to a newcomer from this network. That is one of its own, unless
	/// it has none or another network has more.
	fn who_gives_way(&self, newcomer: IpAddr) -> Option<u64> {
		let count = |network: &IpAddr| self.by_network.get(network).copied().unwrap_or_default();
		let has = count(&newcomer);
		let idle = self.held.iter().filter(|(_, held)| !held.works || held.since.elapsed() >= WORK);
		let counted = idle.map(|(id, held)| (count(&held.network), held, id));
		let may = counted.filter(|(holds, held, _)| has == 0 || *holds > has || held.network == newcomer);
		may.max_by_key(|(holds, held, _)| (*holds, Reverse(held.since))).map(|(.., id)| *id)
	}

	fn remove(&mut self, id: u64) -> Option<Held> {
		let held = self.held.remove(&id)?;
		if let Some(count) = self.by_network.get_mut(&held.network) {
			*count = count.saturating_sub(1);
			if *count == 0 {
				self.by_network.remove(&held.network);
			}
		}
		Some(held)
	}
}

impl Place {
	/// Waits until the place is taken away.
	pub async fn ended(&self) {
		self.end.notified().await;
	}

	/// Begins to work for the client.
	pub fn work(&self) -> Working<'_> {
		self.places.set_working(self.id, true);
		Working(self)
	}
}

impl Drop for Place {
	fn drop(&mut self) {
		self.places.state().remove(self.id);
		self.places.0.changed.notify_one();
	}
}

impl Drop for Working<'_> {
	fn drop(&mut self) {
		self.0.places.set_working(self.0.id, false);
		self.0.places.0.changed.notify_one();
	}
}

/// The network that counts as one client: an IPv4 address, or the 64 bits of an IPv6 address that a
/// provider gives to one customer at least.
fn network(address: IpAddr) -> IpAddr {
	match address.to_canonical() {
		IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
		address => address,
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn v4(last: u8) -> IpAddr {
		[127, 0, 0, last].into()
	}

	fn has_ended(place: &Place) -> bool {
		!place.places.state().held.contains_key(&place.id)
	}

	#[test]
	fn busiest_address_should_give_way_to_others_and_its_longest_wait_first() {
		let places = Places::new(3);
		let [first, second] = [(), ()].map(|()| places.try_take(v4(1)).unwrap());
		let other = places.try_take(v4(2)).unwrap();
		let newcomer = places.try_take(v4(3)).unwrap();
		assert!(has_ended(&first) && !has_ended(&second) && !has_ended(&other) && !has_ended(&newcomer));
		// Nobody has more than another now. The one that has waited longest gives way.
		let _fourth = places.try_take(v4(4)).unwrap();
		assert!(has_ended(&second) && !has_ended(&other));
	}

	#[test]
	fn client_with_many_connections_should_take_places_only_from_itself() {
		let places = Places::new(8);
		let others: Vec<_> = (10..13).map(|last| places.try_take(v4(last)).unwrap()).collect();
		let many: Vec<_> = (0..100).map(|_| places.try_take(v4(1)).unwrap()).collect();
		assert!(others.iter().all(|place| !has_ended(place)));
		assert_eq!(many.iter().filter(|place| !has_ended(place)).count(), 5);
	}

	#[test]
	fn second_connection_should_be_taken_from_nobody_who_has_one() {
		let places = Places::new(2);
		let [one, two] = [1, 2].map(|last| places.try_take(v4(last)).unwrap());
		let again = places.try_take(v4(1)).unwrap();
		assert!(has_ended(&one) && !has_ended(&two) && !has_ended(&again));
	}

	#[test]
	fn connection_that_is_worked_for_should_be_left_alone() {
		let places = Places::new(1);
		let place = places.try_take(v4(1)).unwrap();
		let working = place.work();
		assert!(places.try_take(v4(2)).is_none());
		drop(working);
		let newcomer = places.try_take(v4(2)).unwrap();
		assert!(has_ended(&place));
		// It has no say any more.
		drop(place.work());
		drop(place);
		assert!(!has_ended(&newcomer));
		drop(newcomer);
		assert!(places.state().held.is_empty() && places.state().by_network.is_empty());
	}

	#[tokio::test]
	async fn newcomer_should_wait_until_a_place_is_free() {
		let places = Places::new(1);
		let place = places.try_take(v4(1)).unwrap();
		let working = place.work();
		let (taken, ()) = tokio::join!(places.take(v4(2)), async {
			tokio::task::yield_now().await;
			drop(working);
		});
		place.ended().await;
		assert!(has_ended(&place) && !has_ended(&taken));
	}

	#[test]
	fn addresses_of_one_network_should_count_as_one() {
		let of = |text: &str| network(text.parse().unwrap());
		assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::1"));
		assert_ne!(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
		assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
		assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
	}
}
