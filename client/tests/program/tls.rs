//! Everything over TLS, with certificates of a private authority.

use std::{
	fs,
	thread::sleep,
	time::{Duration, Instant},
};
use waybill_testkit::{
	program::{free_port, program, release_of, vendor, Ipfs, Node, Service, Waybill},
	tls::Authority,
};

/// The checksum file of the dependencies names what the build links.
const LOCK: &str = include_str!("../../../Cargo.lock");

#[test]
fn update_should_come_over_https_from_a_gateway_and_a_distributor_whose_authority_is_named() {
	let (ipfs, authority) = (Ipfs::start_in_thread(), Authority::new("private"));
	let tls_ipfs = authority.before(&ipfs.url());
	let gateway = tls_ipfs.url("https");
	// The node that votes on the release, too. One of its gateways is away.
	let node = Node::trusting(&format!("http://127.0.0.1:1,{gateway}"), authority.file());
	let vendor = vendor(&node, &ipfs);
	let ca = authority.file().to_str().unwrap().to_owned();
	let tls_node = authority.before(&node.url());

	// The node too, and kubo: a distributor that calls nothing in plain text.
	let shop = program(&node, &ipfs);
	shop.account("account.key", "1000");
	let folder = shop.file(".");
	authority.issue(&folder);
	let listen = format!("127.0.0.1:{}", free_port());
	let flags = format!("--account-file account.key --ca-file {ca} --gateway {gateway} --kubo {gateway}");
	let shop = shop.without_flags().flag("--node", &tls_node.url("wss"));
	let tls = "--tls-certificate server.pem --tls-key server.key.pem";
	let serve = format!("distributor run --listen {listen} {tls} --data shop --max-delay 1 {flags}");
	let mut distributor = Service::start(shop.command(&serve).env("SSL_CERT_FILE", &ca));

	let firmware: Vec<u8> = (0..600_000u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 8) as u8).collect();
	release_of(&vendor, 0, 1, &firmware);
	let port = listen.rsplit(':').next().unwrap();
	let device = vendor.without_flags();
	let run = |timeout: u32, more: &str| {
		let distributor = format!("--distributor https://localhost:{port}");
		let once = format!("device run --state devices/000 {distributor} --once --timeout {timeout}");
		device.run(&format!("{once} --node {} --gateway {gateway} {more}", node.url()))
	};

	// A device that does not know the authority takes nothing, and says what to do.
	let started = Instant::now();
	loop {
		let refused = run(8, "").exits(4);
		if refused.stderr.contains("--ca-file") {
			break;
		}
		assert!(started.elapsed() < Duration::from_secs(90), "{}", refused.stderr);
	}
	run(150, &format!("--ca-file {ca}")).exits(0);
	assert_eq!(fs::read(device.file("devices/000/current/firmware.bin")).unwrap(), firmware);

	// The distributor takes a new certificate while it runs, as certbot leaves it. It has no status on
	// this address.
	let next = Authority::new("next");
	next.issue(&folder);
	let next = next.file().to_str().unwrap().to_owned();
	let status = |ca: &str| shop.run(&format!("distributor status --url https://localhost:{port} --ca-file {ca}"));
	let renewed = Instant::now();
	while !status(&next).stderr.contains("HTTP 404") {
		assert!(renewed.elapsed() < Duration::from_secs(30), "the new certificate is not served");
		sleep(Duration::from_millis(500));
	}
	status(&ca).exits(4).says("--ca-file");
	distributor.stop();
}

#[test]
fn node_should_be_reached_over_tls_and_a_strange_authority_be_named() {
	let (ipfs, authority) = (Ipfs::start_in_thread(), Authority::new("private"));
	let node = Node::start(&ipfs.url());
	let proxy = authority.before(&node.url());
	let (waybill, ca) = (Waybill::offline(), authority.file());
	let query = format!("query chain --node {}", proxy.url("wss"));
	waybill.command(&query).env("SSL_CERT_FILE", ca.to_str().unwrap()).run().exits(0);
	waybill.run(&query).exits(4).says("SSL_CERT_FILE");
	waybill.run(&format!("query chain --node {} --ca-file missing.pem", node.url())).exits(0);
	let serve = "distributor run --tls-certificate server.pem --account //Alice";
	waybill.run(serve).exits(2).says("--tls-key");
	waybill
		.run("distributor run --account //Alice --ca-file missing.pem")
		.exits(5)
		.says("--ca-file: cannot read missing.pem");
}

/// Rustls with ring is the only TLS of the programs. The node's network library brings a part of
/// OpenSSL for WebRTC, which nothing else may use.
#[test]
fn no_other_implementation_of_tls_should_be_linked() {
	let lock: toml::Table = LOCK.parse().unwrap();
	let packages: Vec<_> = lock["package"].as_array().unwrap().iter().map(|package| package.as_table().unwrap()).collect();
	let name = |package: &toml::Table| package["name"].as_str().unwrap().to_owned();
	let users = |of: &str| {
		let uses = |package: &&&toml::Table| {
			let needs = package.get("dependencies").and_then(toml::Value::as_array);
			needs.into_iter().flatten().any(|other| other.as_str().unwrap().split(' ').next() == Some(of))
		};
		let mut users: Vec<_> = packages.iter().filter(uses).map(|package| name(package)).collect();
		users.sort();
		users
	};
	let banned = ["aws-lc-rs", "aws-lc-sys", "aws-lc-fips-sys", "native-tls", "boring", "boring-sys"];
	let found: Vec<_> =
		packages.iter().map(|package| name(package)).filter(|name| banned.contains(&name.as_str())).collect();
	assert_eq!(found, [""; 0]);
	let others: Vec<_> = [users("openssl"), users("openssl-sys")].concat();
	assert!(others.iter().all(|user| user == "openssl" || user.starts_with("str0m")), "{others:?}");
}
