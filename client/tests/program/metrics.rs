//! What operators read: status, metrics, and events, of the real programs.

use serde_json::Value;
use std::{
	collections::BTreeSet,
	thread::sleep,
	time::{Duration, Instant},
};
use waybill_testkit::{
	program::{fetched, free_port, program, release_of, Ipfs, Node, Service, Waybill, World},
	tls::Authority,
};

const RULES: &str = include_str!("../../../contrib/monitoring/waybill.rules.yml");
const DASHBOARD: &str = include_str!("../../../contrib/monitoring/grafana-dashboard.json");
const DOCS: &str = include_str!("../../../docs/metrics.md");

/// The names of metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
	let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
	let is_metric = |word: &&str| {
		["waybill_distributor_", "waybill_hub_", "waybill_gateway_", "waybill_certificate_", "substrate_"]
			.iter()
			.any(|prefix| word.starts_with(prefix))
	};
	words.filter(is_metric).map(str::to_owned).collect()
}

/// The names of the metrics in a page, which the lines above their values declare.
fn declared(page: &str) -> BTreeSet<String> {
	page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).map(str::to_owned).collect()
}

/// Every expression of the dashboard.
fn expressions(value: &Value) -> Vec<String> {
	match value {
		Value::Object(fields) => fields
			.iter()
			.flat_map(|(key, value)| match (key.as_str(), value) {
				("expr", Value::String(text)) => vec![text.clone()],
				(_, value) => expressions(value),
			})
			.collect(),
		Value::Array(values) => values.iter().flat_map(expressions).collect(),
		_ => Vec::new(),
	}
}

#[test]
fn dashboard_rules_and_docs_should_name_what_the_programs_tell() {
	let (ipfs, authority) = (Ipfs::start_in_thread(), Authority::new("private"));
	let world = World::on(Node::with_metrics(&ipfs.url()), ipfs, &[]);
	release_of(&world.vendor, 0, 1, &[7; 100_000]);
	world.until_serving();

	let hub = program(&world.node, &world.ipfs);
	hub.json("key generate hub.key");
	authority.issue(&hub.file("."));
	let tls = "--tls-certificate server.pem --tls-key server.key.pem";
	let mut running = Service::start(hub.command(&format!("hub run --key hub.key --listen 127.0.0.1:0 --json {tls}")));
	let said: Value = serde_json::from_str(running.first_line()).unwrap();
	let hub_page = fetched(&format!("http://{}/metrics", said["status"].as_str().unwrap())).1;
	let shop_page = fetched(&format!("{}/metrics", world.operators)).1;
	let node_page = fetched(&world.node.metrics()).1;
	let told: BTreeSet<_> = [&shop_page, &hub_page, &node_page].into_iter().flat_map(|page| declared(page)).collect();

	let dashboard = expressions(&serde_json::from_str(DASHBOARD).unwrap()).join("\n");
	assert!(names(&dashboard).len() > 20 && names(RULES).len() > 10);
	for (what, text) in [("the dashboard", dashboard.as_str()), ("a rule", RULES), ("docs/metrics.md", DOCS)] {
		let unknown: Vec<_> = names(text).into_iter().filter(|name| !told.contains(name)).collect();
		assert!(unknown.is_empty(), "{what} names metrics that no program has: {unknown:?}");
	}
	let ours = told.iter().filter(|name| name.starts_with("waybill_"));
	let missing: Vec<_> = ours.filter(|name| !DOCS.contains(&format!("| `{name}` |"))).collect();
	assert!(missing.is_empty(), "docs/metrics.md lacks {missing:?}");
	running.stop();
}

/// Waits for a line of a distributor's status.
fn until(world: &World, what: &str, is_like: impl Fn(&Value) -> bool) {
	let started = Instant::now();
	loop {
		let status = world.shop.json(&format!("distributor status --url {}", world.operators));
		if is_like(&status) {
			return;
		}
		assert!(started.elapsed() < Duration::from_secs(150), "{what}: {status}");
		sleep(Duration::from_millis(500));
	}
}

#[test]
fn distributor_should_tell_payments_and_bounties_and_that_its_node_is_down() {
	let mut world = World::new();
	release_of(&world.vendor, 0, 1, &[7; 100_000]);
	world.distributor_says("serving version 1.0.0 (release 0) to 4 devices");
	world.vendor.run(&world.update("")).exits(0).prints("checked by this device in");
	world.distributor_says("bounty 0: reserved 1 devices in block");
	world.distributor_says("bounty 0: paid 2 UNIT for 1 devices in block");

	let health = |world: &World| fetched(&format!("{}/health", world.distributor));
	assert_eq!(health(&world).0, 200);
	world.node.kill();
	until(&world, "the node is not down", |status| status["node"]["up"] == false);
	world.distributor_says("the chain's node does not answer");
	let (code, body) = health(&world);
	assert_eq!((code, body.contains("\"node\":false")), (503, true), "{body}");
	let shown = world.shop.run(&format!("distributor status --url {}", world.operators)).exits(0);
	assert!(shown.stdout.contains("node      does not answer since "), "{}", shown.stdout);
	world.node.restart();
	until(&world, "the node is not up", |status| status["node"]["up"] == true);
	world.distributor_says("the chain's node answers again");
	assert_eq!(fetched(&format!("{}/status", world.distributor)).0, 404);
}

#[test]
fn status_should_have_an_address_of_its_own_that_can_be_chosen_or_turned_off() {
	let waybill = Waybill::offline();
	waybill.json("key generate hub.key");
	let serve = |more: &str| {
		let command = format!("hub run --key hub.key --listen 127.0.0.1:0 --data {} --json {more}", more.len());
		let mut hub = Service::start(waybill.command(&command));
		let said: Value = serde_json::from_str(hub.first_line()).unwrap();
		hub.stop();
		said["status"].clone()
	};
	assert!(serve("").as_str().unwrap().starts_with("127.0.0.1:"));
	assert_eq!(serve("--status-listen off"), Value::Null);
	let port = free_port();
	assert_eq!(serve(&format!("--status-listen 127.0.0.1:{port}")), format!("127.0.0.1:{port}"));
	let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
	let run = format!("hub run --key hub.key --listen 127.0.0.1:0 --status-listen 127.0.0.1:{port}");
	waybill.run(&run).exits(1).says("--status-listen");
	waybill.run("hub run --key hub.key --status-listen 4181").exits(2).says("127.0.0.1:4181, or off");
}
