use crate::shop::config;
use std::time::Duration;
use tokio::{net::TcpListener, time::timeout};
use waybill_distributor::{run, Parts};
use waybill_ipfs_http::{Gateway, Kubo};
use waybill_testkit::scene::{account, Scene};

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
			kubo: Kubo::new(&url).unwrap(),
			config: config(folder.path()),
		};
		let stop = tokio::time::sleep(Duration::from_millis(100));
		let ready = |_| panic!("it is not ready");
		timeout(Duration::from_secs(30), run(parts, ready, stop)).await.unwrap().unwrap();
	}
}
