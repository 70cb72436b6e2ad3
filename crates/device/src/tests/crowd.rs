//! A crowd of announced addresses at which nobody helps.

use super::*;
use std::{
	collections::HashSet,
	net::{IpAddr, Ipv4Addr},
};
use tokio::net::TcpStream;

/// Takes connections at every address of 127.0.0.0/8 and stays silent.
struct Tarpits {
	port: u16,
	/// The addresses that were called, and how many connections were open at once at most.
	called: Arc<Mutex<HashSet<IpAddr>>>,
	most: Arc<AtomicUsize>,
	task: JoinHandle<()>,
}

impl Drop for Tarpits {
	fn drop(&mut self) {
		self.task.abort();
	}
}

impl Tarpits {
	async fn start() -> Self {
		let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
		let port = listener.local_addr().unwrap().port();
		let (called, most, open) = (Arc::<Mutex<HashSet<_>>>::default(), Arc::<AtomicUsize>::default(), Arc::default());
		let (calls, peak) = (called.clone(), most.clone());
		let task = tokio::spawn(async move {
			loop {
				let (stream, _) = listener.accept().await.unwrap();
				calls.lock().unwrap().insert(stream.local_addr().unwrap().ip());
				tokio::spawn(hold(stream, Arc::clone(&open), peak.clone()));
			}
		});
		Self { port, called, most, task }
	}

	/// Announces so many of them, each at an address of its own.
	fn announce(&self, field: &Field, count: u32) {
		field.scene.chain.edit(|world| {
			world.distributors.extend((0..count).map(|number| {
				let address = Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + number);
				let mut account = [0xee; 32];
				account[..4].copy_from_slice(&number.to_le_bytes());
				Distributor { account: AccountId(account), endpoint: format!("http://{address}:{}", self.port).into() }
			}));
		});
	}

	fn calls(&self) -> usize {
		self.called.lock().unwrap().len()
	}
}

async fn hold(mut stream: TcpStream, open: Arc<AtomicUsize>, peak: Arc<AtomicUsize>) {
	peak.fetch_max(open.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
	let mut request = [0; 1_024];
	while tokio::io::AsyncReadExt::read(&mut stream, &mut request).await.is_ok_and(|read| read > 0) {}
	open.fetch_sub(1, Ordering::Relaxed);
}

/// Lets a device do what it can until it waits for a block.
async fn settle(field: &Field, agent: &mut Agent<Fake>) {
	let round = async {
		loop {
			let state = field.scene.chain.newest().await.unwrap();
			if agent.step(&state).await.unwrap() == Outcome::Wait {
				return;
			}
		}
	};
	timeout(LIMIT, round).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tarpits_should_be_asked_together_and_be_remembered_across_restarts() {
	let field = Field::new(2).await;
	let image_bytes = field.release(0, 1);
	let tarpits = Tarpits::start().await;
	tarpits.announce(&field, 100);
	// If nobody answered at all, the device would blame its own network.
	let idler = Idler::start(&field, &account(&field.folder, "idler"), |offer| offer.release_id = 77, None).await;
	idler.announce(&field);
	let path = field.provision(0);
	let (mut agent, _) = field.agent(&path, &lenient()).unwrap();
	settle(&field, &mut agent).await;
	assert_eq!(tarpits.calls(), 100);
	let most = tarpits.most.load(Ordering::Relaxed);
	assert!((32..=64).contains(&most), "{most} at once");
	drop(agent);

	// The disk knows them all. The next start asks none of them.
	tarpits.called.lock().unwrap().clear();
	let (mut agent, _) = field.agent(&path, &lenient()).unwrap();
	settle(&field, &mut agent).await;
	assert_eq!(tarpits.calls(), 0);

	let running = field.distributor(&account(&field.folder, "honest"), |_| ()).await;
	timeout(LIMIT, agent.run(true)).await.unwrap().unwrap();
	assert_eq!(image(&path), image_bytes);
	// The one that kept its word is asked first, and alone.
	drop(agent);
	let newer = field.release(1, 1);
	running.shows(|status| status.bounties.iter().any(|bounty| bounty.bounty == 1 && bounty.serving)).await;
	fs::write(path.join("peers.json"), {
		let mut record: serde_json::Value = serde_json::from_slice(&fs::read(path.join("peers.json")).unwrap()).unwrap();
		record["failed"] = serde_json::json!([]);
		record["last_good"] = format!("http://{}/", running.address).into();
		record.to_string()
	})
	.unwrap();
	tarpits.called.lock().unwrap().clear();
	field.update(&path).await;
	assert_eq!((image(&path), tarpits.calls()), (newer, 0));
	running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn host_should_be_asked_once_at_a_time_however_many_announce_it() {
	let field = Field::new(1).await;
	field.release(0, 1);
	let tarpits = Tarpits::start().await;
	let endpoint = |path: u8| format!("http://127.0.0.1:{}/{path}", tarpits.port);
	field.scene.chain.edit(|world| {
		world.distributors.extend(
			(1..=5).map(|number| Distributor { account: AccountId([number; 32]), endpoint: endpoint(number).into() }),
		);
	});
	let path = field.provision(0);
	let (mut agent, _) = field.agent(&path, &lenient()).unwrap();
	let state = field.scene.chain.newest().await.unwrap();
	agent.step(&state).await.unwrap();
	// One that the device has just given up may not have ended yet.
	let most = tarpits.most.load(Ordering::Relaxed);
	assert!(most <= 2, "{most} at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn private_address_should_be_called_only_if_it_is_configured() {
	let field = Field::new(1).await;
	let image_bytes = field.release(0, 1);
	let running = field.distributor(&account(&field.folder, "one"), |_| ()).await;
	let path = field.provision(0);
	let agent = |config: Config| {
		let gateway = Gateway::new(&[field.ipfs.url()]).unwrap();
		let config = Config { receipt_lifetime: LIFETIME, ..config };
		Agent::new(field.scene.chain.clone(), Home::open(&path).unwrap(), gateway, &config, Box::new(|_| ())).unwrap()
	};
	let mut careful = agent(lenient());
	let state = field.scene.chain.newest().await.unwrap();
	assert_eq!(careful.step(&state).await.unwrap(), Outcome::Wait);
	assert!(careful.obstacle().contains("private_addresses"), "{}", careful.obstacle());
	drop(careful);
	let near = Config { distributors: vec![format!("http://{}", running.address)], ..lenient() };
	timeout(LIMIT, agent(near).run(true)).await.unwrap().unwrap();
	assert_eq!(image(&path), image_bytes);
	running.stop().await;
}
