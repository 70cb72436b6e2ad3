use crate::shop::config;
use std::{
	sync::{Arc, Mutex},
	time::Duration,
};
use tempfile::TempDir;
use tokio::{
	net::TcpListener,
	sync::oneshot,
	time::{sleep, timeout},
};
use waybill_daemon::Listening;
use waybill_distributor::{open_store, run, Event, Parts, PublicHealth, Reporter, Status};
use waybill_ipfs_http::{Gateway, Kubo};
use waybill_primitives::{Suite, Version};
use waybill_testkit::{
	ipfs::Ipfs,
	ledger::{Fake, Fault, GENESIS},
	scene::{account, Scene},
};

const LIMIT: Duration = Duration::from_secs(120);

/// A distributor's parts.
fn parts(folder: &TempDir, scene: &Scene, ipfs: &str) -> Parts<Fake> {
	let mut config = config(folder.path());
	config.check_content = 1;
	Parts {
		ledger: scene.chain.clone(),
		account: account(folder, "payee"),
		gateway: Gateway::new(&[ipfs]).unwrap(),
		kubo: Kubo::new(&[ipfs]).unwrap(),
		config,
		reporter: Reporter::default(),
	}
}

/// Waits until the distributor's status meets the condition.
async fn until(addresses: Listening, is_like: impl Fn(&Status) -> bool) {
	let shows = || async {
		let status: Status =
			reqwest::get(format!("http://{}/status", addresses.status.unwrap())).await.unwrap().json().await.unwrap();
		is_like(&status)
	};
	let waited = timeout(LIMIT, async {
		while !shows().await {
			sleep(Duration::from_millis(50)).await;
		}
	});
	waited.await.unwrap();
}

fn serves(status: &Status) -> bool {
	status.bounties.iter().any(|bounty| bounty.serving && bounty.trouble.is_none())
}

/// Waits until the distributor says this about kubo to everybody.
async fn until_kubo_is(addresses: Listening, up: bool) {
	let says = || async {
		let health: PublicHealth =
			reqwest::get(format!("http://{}/health", addresses.listen)).await.unwrap().json().await.unwrap();
		health.kubo == up
	};
	let waited = timeout(LIMIT, async {
		while !says().await {
			sleep(Duration::from_millis(50)).await;
		}
	});
	waited.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn distributor_should_wait_for_its_node_and_serve_without_kubo_when_it_starts() {
	let (folder, scene) = (tempfile::tempdir().unwrap(), Scene::new(1));
	let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
	scene.chain.edit(|world| world.down = true);
	let (tell, mut told) = oneshot::channel();
	let running = tokio::spawn(run(
		parts(&folder, &scene, &format!("http://{free}")),
		|addresses| tell.send(addresses).unwrap(),
		std::future::pending(),
	));
	assert!(timeout(Duration::from_secs(1), &mut told).await.is_err());
	scene.chain.edit(|world| world.down = false);
	// What was promised before is settled although kubo is away.
	let addresses = timeout(LIMIT, told).await.unwrap().unwrap();
	until_kubo_is(addresses, false).await;
	let _ipfs = Ipfs::start_on(TcpListener::bind(free).await.unwrap());
	until_kubo_is(addresses, true).await;
	running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn content_that_kubo_has_lost_should_be_made_again_as_it_was() {
	for suite in [Suite::Plain, Suite::Zkcp] {
		let (folder, scene, ipfs) = (tempfile::tempdir().unwrap(), Scene::new(1), Ipfs::start().await);
		scene.publish_manifest(&ipfs);
		let payload = vec![0x5a; 70_000];
		let cid = ipfs.add(&payload, 262_144);
		scene.release_under(suite, 0, Version::new(1, 0, 0), 1, &payload, cid);
		let parts = parts(&folder, &scene, &ipfs.url());
		// A restart changes nothing about it.
		for is_restarted in [false, true] {
			let (tell, told) = oneshot::channel();
			let (stop, stopped) = oneshot::channel::<()>();
			let stopped = async { stopped.await.unwrap() };
			let running = tokio::spawn(run(parts.clone(), |address| tell.send(address).unwrap(), stopped));
			let address = timeout(LIMIT, told).await.unwrap().unwrap();
			scene.chain.advance(1);
			until(address, serves).await;
			let mut lost = ipfs.lose_pins();
			lost.sort();
			assert_eq!(lost.len(), if suite == Suite::Plain { 1 } else { 3 }, "{is_restarted}");
			timeout(LIMIT, async {
				while ipfs.pinned() != lost {
					sleep(Duration::from_millis(50)).await;
				}
			})
			.await
			.unwrap();
			until(address, serves).await;
			stop.send(()).unwrap();
			running.await.unwrap().unwrap();
		}
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn bounties_that_are_passed_over_taken_up_and_left_should_be_told() {
	let (folder, scene, ipfs) = (tempfile::tempdir().unwrap(), Scene::new(1), Ipfs::start().await);
	scene.publish_manifest(&ipfs);
	for (id, payload) in [(0, vec![1; 5_000]), (1, vec![2; 70_000])] {
		let cid = ipfs.add(&payload, 262_144);
		scene.release(id, Version::new(1, 0, id as u32), 1, &payload, cid);
	}
	let mut parts = parts(&folder, &scene, &ipfs.url());
	parts.config.max_payload = 10_000;
	let told = Arc::new(Mutex::new(Vec::new()));
	let hears = told.clone();
	parts.reporter = Reporter::new(move |event: &Event| hears.lock().unwrap().push(event.to_string()));
	let running = tokio::spawn(run(parts, |_| (), std::future::pending()));
	let until_told = async |expected: &[&str]| {
		let has = |words: &str| told.lock().unwrap().iter().any(|event| event.contains(words));
		let waited = timeout(LIMIT, async {
			while !expected.iter().all(|words| has(words)) {
				sleep(Duration::from_millis(50)).await;
			}
		});
		waited.await.unwrap_or_else(|_| panic!("{:?}", told.lock().unwrap()));
	};
	scene.chain.advance(1);
	until_told(&["bounty 0: serving version 1.0.0", "bounty 1: not served, because the payload has 70000 bytes"]).await;
	scene.chain.edit(|world| world.bounties.get_mut(&0).unwrap().closing = true);
	scene.chain.advance(1);
	until_told(&["bounty 0: no longer served, because it is closing"]).await;
	running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn address_should_be_announced_again_after_a_refusal_while_the_distributor_works() {
	let (folder, scene, ipfs) = (tempfile::tempdir().unwrap(), Scene::new(1), Ipfs::start().await);
	scene.chain.edit(|world| world.faults = vec![Fault::Refused]);
	let mut parts = parts(&folder, &scene, &ipfs.url());
	parts.config.announce = Some("http://firmware.example:4180".into());
	let (tell, told) = oneshot::channel();
	let running = tokio::spawn(run(parts, |addresses| tell.send(addresses).unwrap(), std::future::pending()));
	timeout(LIMIT, told).await.unwrap().unwrap();
	let announced =
		|| scene.chain.edit(|world| world.distributors.iter().any(|one| one.endpoint.starts_with(b"http://firmware")));
	timeout(LIMIT, async {
		while !announced() {
			sleep(Duration::from_millis(50)).await;
		}
	})
	.await
	.unwrap();
	assert_eq!(scene.chain.edit(|world| world.sent), 2);
	running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn store_that_turns_out_damaged_should_be_replaced_while_the_distributor_runs() {
	let (folder, scene, ipfs) = (tempfile::tempdir().unwrap(), Scene::new(1), Ipfs::start().await);
	scene.publish_manifest(&ipfs);
	let payload = vec![0x5a; 70_000];
	let cid = ipfs.add(&payload, 262_144);
	scene.release(0, Version::new(1, 0, 0), 1, &payload, cid);
	let parts = parts(&folder, &scene, &ipfs.url());
	let data = parts.config.data.clone();
	std::fs::create_dir(&data).unwrap();
	drop(open_store(&data, &GENESIS, &parts.account.id().0).unwrap());
	// The checksums are right, and the content key is none.
	let db = redb::Database::open(data.join("distributor.redb")).unwrap();
	let txn = db.begin_write().unwrap();
	let epochs = redb::TableDefinition::<(u64, u32), &[u8]>::new("epochs");
	txn.open_table(epochs).unwrap().insert((0, 0), b"no content key".as_slice()).unwrap();
	txn.commit().unwrap();
	drop(db);

	let (tell, told) = oneshot::channel();
	let running = tokio::spawn(run(parts, |address| tell.send(address).unwrap(), std::future::pending()));
	let address = timeout(LIMIT, told).await.unwrap().unwrap();
	scene.chain.advance(1);
	let replaced = || {
		std::fs::read_dir(&data)
			.unwrap()
			.any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with("distributor.redb.before-"))
	};
	timeout(LIMIT, async {
		while !replaced() {
			sleep(Duration::from_millis(50)).await;
		}
	})
	.await
	.unwrap();
	timeout(LIMIT, async {
		while reqwest::get(format!("http://{}/health", address.listen)).await.is_err() {
			sleep(Duration::from_millis(50)).await;
		}
	})
	.await
	.unwrap();
	until(address, serves).await;
	running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn distributor_should_stop_at_once_when_what_it_waits_for_gives_no_answer() {
	let (folder, scene) = (tempfile::tempdir().unwrap(), Scene::new(1));
	// Accepts connections, and never answers.
	let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let url = format!("http://{}", silent.local_addr().unwrap());
	let payee = account(&folder, "payee");
	// The second run finds the store free and whole.
	for _ in 0..2 {
		let parts = Parts {
			ledger: scene.chain.clone(),
			account: payee.clone(),
			gateway: Gateway::new(&[&url]).unwrap(),
			kubo: Kubo::new(&[&url]).unwrap(),
			config: config(folder.path()),
			reporter: Reporter::default(),
		};
		let stop = tokio::time::sleep(Duration::from_millis(100));
		timeout(Duration::from_secs(30), run(parts, |_| (), stop)).await.unwrap().unwrap();
	}
}
