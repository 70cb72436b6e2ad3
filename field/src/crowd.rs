//! A thousand announced addresses that take connections and stay silent, and two distributors.

use crate::report::Report;
use std::{
	collections::VecDeque,
	net::{Ipv4Addr, TcpListener},
	thread,
	time::{Duration, Instant},
};
use tokio::{runtime::Runtime, task::JoinSet};
use waybill_chain::{api, Account, Chain, Patience, Until, UNIT};
use waybill_testkit::program::{free_port, program, release_of, Service, World};

const TARPITS: u32 = 1_000;
/// How many devices update, one after the other.
const RUNS: usize = 20;
/// The longest median that is good enough.
const GOAL: Duration = Duration::from_secs(30);
/// How many connections the tarpits hold open together.
const HELD: usize = 500;

/// Plays it.
pub fn play(report: &mut Report) {
	report.case("crowd/tarpits");
	let world = World::new();
	let homes = [(), ()].map(|()| program(&world.node, &world.ipfs));
	let mut honest = homes.each_ref().map(|home| {
		home.account("account.key", "1000");
		let address = format!("127.0.0.1:{}", free_port());
		let run = format!("distributor run --account-file account.key --data data --listen {address}");
		Service::start(home.command(&format!("{run} --status-listen off --announce http://{address} --max-delay 1")))
	});
	let port = tarpits();
	let runtime = Runtime::new().unwrap();
	runtime.block_on(announce(&world.node.url(), port));

	world.vendor.json(&format!("device provision crowd --count {RUNS} --keys crowd.txt"));
	world.vendor.json("vendor fleet --model 0 crowd.txt");
	for index in 0..RUNS {
		world.vendor.json(&format!("device bind crowd/{index:03} --fleet 1"));
	}
	release_of(&world.vendor, 0, 1, &vec![7; 65_536]);
	world.vendor.json("bounty open --release 0 --fleet 1 --reward 2 --expires 2h");
	for service in &mut honest {
		service.until_line("bounty 1: serving");
	}
	let mut seconds = Vec::new();
	for index in 0..RUNS {
		let begun = Instant::now();
		let run = format!("device run --state crowd/{index:03} --once --timeout 280 --private-addresses");
		world.vendor.run(&run).exits(0);
		seconds.push(begun.elapsed());
		eprintln!("    device {index}: {:.1} s", begun.elapsed().as_secs_f64());
	}
	seconds.sort();
	let median = (seconds[RUNS / 2 - 1] + seconds[RUNS / 2]) / 2;
	report.figure("serve_seconds", &format!("tarpits={TARPITS}"), median.as_secs_f64(), "s");
	assert!(median <= GOAL, "{median:?} in the median");
	report.holds();
}

/// Takes connections at every address of this machine and stays silent. Returns the port.
fn tarpits() -> u16 {
	let listener = TcpListener::bind("0.0.0.0:0").unwrap();
	let port = listener.local_addr().unwrap().port();
	thread::spawn(move || {
		let mut held = VecDeque::new();
		for stream in listener.incoming().flatten() {
			held.push_back(stream);
			if held.len() > HELD {
				held.pop_front();
			}
		}
	});
	port
}

/// Announces the tarpits, each by an account of its own at an address of its own.
async fn announce(node: &str, port: u16) {
	let chain = Chain::connect(node, Patience::Brief, None).await.unwrap();
	let alice: Account = "//Alice".parse().unwrap();
	let accounts: Vec<Account> = (0..TARPITS).map(|number| format!("//Tarpit//{number}").parse().unwrap()).collect();
	let (mut funding, mut announcing) = (JoinSet::new(), JoinSet::new());
	for account in &accounts {
		let (chain, alice, to) = (chain.clone(), alice.clone(), account.id().into());
		funding.spawn(async move {
			let call = api::transactions().balances().transfer_keep_alive(to, UNIT);
			chain.submit(&alice, &call, Until::InBlock).await.unwrap();
		});
	}
	funding.join_all().await;
	for (number, account) in (0..).zip(accounts) {
		let address = Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + number);
		let chain = chain.clone();
		announcing.spawn(async move {
			chain.announce(&account, &format!("http://{address}:{port}"), Until::InBlock).await.unwrap();
		});
	}
	announcing.join_all().await;
}
