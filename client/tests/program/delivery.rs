//! Distributor and devices as programs, on a development chain.

use std::{
	fs,
	net::TcpListener,
	thread::sleep,
	time::{Duration, Instant},
};
use waybill_testkit::program::{amount, free_port, program, release_of, vendor, Ipfs, Node, Service, Waybill, DEVICES};

const UNIT: u128 = 1_000_000_000_000;

/// Publishes a release and opens its bounty.
fn release(waybill: &Waybill, id: u32, security_version: u32) -> Vec<u8> {
	let image: Vec<u8> = (0..100_000u32).map(|number| (number.wrapping_mul(2_654_435_761) >> (8 + id)) as u8).collect();
	release_of(waybill, id, security_version, &image);
	image
}

fn image(waybill: &Waybill, index: u32) -> Vec<u8> {
	fs::read(waybill.file(&format!("devices/{index:03}/current/firmware.bin"))).unwrap()
}

#[test]
fn devices_should_update_and_each_be_paid_for_once_when_programs_are_killed() {
	let ipfs = Ipfs::start_in_thread();
	let node = Node::start(&ipfs.url());
	let vendor = vendor(&node, &ipfs);
	let shop = program(&node, &ipfs);
	shop.account("account.key", "1000");
	let shop = shop.flag("--account-file", "account.key");
	let url = format!("http://127.0.0.1:{}", free_port());
	let (listen, operators) = (url.trim_start_matches("http://"), format!("127.0.0.1:{}", free_port()));
	let serve = format!("distributor run --listen {listen} --status-listen {operators} --announce {url} --data shop");
	let serve = || Service::start(shop.command(&serve));
	let mut distributor = serve();
	let update = |index: u32| {
		vendor
			.command(&format!("device run --state devices/{index:03} --once --timeout 200 --private-addresses --json"))
			.start()
	};

	for (id, security_version) in [(0, 1), (1, 2)] {
		let firmware = release(&vendor, id, security_version);
		let devices: Vec<_> = (0..DEVICES).map(update).collect();
		for pause in [2_500, 4_000, 5_500] {
			sleep(Duration::from_millis(pause));
			distributor.kill();
			distributor = serve();
		}
		for device in devices {
			device.wait().exits(0).prints(r#""event":"installed""#);
		}
		for index in 0..DEVICES {
			assert_eq!(image(&vendor, index), firmware);
			let status = vendor.json(&format!("device status --state devices/{index:03}"));
			assert_eq!((&status["version"], &status["exchange"]["stage"]), (&format!("1.0.{id}").into(), &"idle".into()));
		}
	}

	let status = shop.json(&format!("distributor status --url http://{operators}"));
	assert_eq!(status["total"]["devices"], 2 * DEVICES);
	assert_eq!(amount(&status["total"]["earned"]), u128::from(2 * DEVICES) * 2 * UNIT);
	let free = amount(&shop.json("account balance")["free"]);
	assert!(free > (1000 + 4 * u128::from(DEVICES) - 1) * UNIT, "{free}");
	for bounty in 0..2 {
		assert_eq!(vendor.json(&format!("bounty show {bounty}"))["paid"], DEVICES);
	}

	// Nothing newer, and nothing older either.
	update(0).wait().exits(0).prints(r#""event":"up_to_date""#);
	let (code, error) = vendor.failure("device check --state devices/000 --release 0");
	assert_eq!((code, error["name"].as_str()), (7, Some("SecurityRollback")));
	vendor.run("device check --state devices/000 --release 1").exits(0).prints("is installed");

	drop(distributor);
	shop.json("distributor withdraw");
	shop.refused("distributor withdraw", "PodBounty.NotAnnounced");
}

#[test]
fn device_killed_at_any_moment_should_carry_on() {
	let ipfs = Ipfs::start_in_thread();
	let node = Node::start(&ipfs.url());
	let vendor = vendor(&node, &ipfs);
	let shop = program(&node, &ipfs);
	shop.account("account.key", "1000");
	let shop = shop.flag("--account-file", "account.key");
	let listen = format!("127.0.0.1:{}", free_port());
	let _distributor = Service::start(shop.command(&format!("distributor run --listen {listen} --data shop --max-delay 1")));
	let firmware = release(&vendor, 0, 1);
	let programs = "--hook /bin/true --health /bin/true";
	let run = format!("device run --state devices/002 --distributor http://{listen} {programs}");
	// The device is killed after the first line that it prints, again and again.
	for _ in 0..100 {
		Service::start(vendor.command(&run)).kill();
		if image_is(&vendor, 2, &firmware) {
			break;
		}
		sleep(Duration::from_millis(500));
	}
	vendor.run(&format!("{run} --once --timeout 120")).exits(0);
	assert!(image_is(&vendor, 2, &firmware));
	assert_eq!(vendor.json("bounty show 0")["paid"], 1);
}

#[test]
fn nothing_should_be_shown_or_installed_before_it_is_final() {
	let ipfs = Ipfs::start_in_thread();
	let mut node = Node::start(&ipfs.url());
	let vendor = vendor(&node, &ipfs);
	let shop = program(&node, &ipfs);
	let account = shop.account("account.key", "1000").parse().unwrap();
	let shop = shop.flag("--account-file", "account.key");
	let listen = format!("127.0.0.1:{}", free_port());
	let serve = || Service::start(shop.command(&format!("distributor run --listen {listen} --data shop --max-delay 1")));
	let distributor = serve();
	let firmware = release(&vendor, 0, 1);
	let run = format!("device run --state devices/000 --distributor http://{listen} --json");
	let mut device = Service::start(vendor.command(&run));
	device.until_line(r#""event":"acknowledged""#);

	// The reservation is in blocks that a reorganisation can take back: no key is shown.
	node.restart_without_finality();
	let until = |node: &Node, count: u32| {
		let started = Instant::now();
		while node.transactions(&account) < count {
			assert!(started.elapsed() < Duration::from_secs(120), "transaction {count} is in no block");
			sleep(Duration::from_millis(500));
		}
	};
	until(&node, 1);
	sleep(Duration::from_secs(12));
	assert_eq!(node.transactions(&account), 1);
	drop(distributor);
	node.restart();
	let started = Instant::now();
	while vendor.run("query reservation --bounty 0 0").code() != 0 {
		assert!(started.elapsed() < Duration::from_secs(60), "the reservation is not final");
		sleep(Duration::from_secs(1));
	}

	// The claim is in such blocks: its key is public, and the device waits.
	node.restart_without_finality();
	let distributor = serve();
	until(&node, 2);
	sleep(Duration::from_secs(12));
	assert!(!image_is(&vendor, 0, &firmware));
	let shown = vendor.json("bounty show 0");
	assert_eq!(shown["paid"], 0, "{shown}");

	node.restart();
	device.until_line(r#""event":"installed""#);
	assert!(image_is(&vendor, 0, &firmware));
	assert_eq!(vendor.json("bounty show 0")["paid"], 1);
	drop(distributor);
}

fn image_is(waybill: &Waybill, index: u32, firmware: &[u8]) -> bool {
	fs::read(waybill.file(&format!("devices/{index:03}/current/firmware.bin"))).is_ok_and(|image| image == firmware)
}

#[test]
fn programs_should_say_what_to_do_when_something_is_missing_or_wrong() {
	let ipfs = Ipfs::start_in_thread();
	let node = Node::start(&ipfs.url());
	let vendor = vendor(&node, &ipfs);
	let free = free_port();

	vendor.run("device run --state nobody --once").exits(5).says("waybill device provision");
	vendor.run("device provision devices/000").exits(5).says("never overwritten");
	vendor.run("device provision stranger").exits(0);
	vendor.run("device run --state stranger --once").exits(5).says("waybill device bind");
	vendor.run("device bind stranger --fleet 0").exits(6).says("not in fleet 0");
	vendor.run("device bind devices/000 --fleet 9").exits(6).says("no fleet 9");
	let other = "--vendor 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
	vendor.run(&format!("device bind devices/000 --fleet 0 {other}")).exits(7).says("and not");
	// A person says whom to trust, and the node only which version that is.
	let release_key = fs::read_to_string(vendor.file("release.key.pub")).unwrap().trim().to_owned();
	let bound = vendor.json(&format!("device bind devices/000 --fleet 0 --release-key {release_key}"));
	let device = &bound["devices"][0];
	assert_eq!((&device["trust"], &device["release_keys"][0]), (&"given".into(), &release_key.clone().into()));
	assert_eq!(vendor.json("device bind devices/000 --fleet 0")["devices"][0]["trust"], "kept");
	vendor.json("key generate other.key");
	let other_key = "device bind devices/000 --fleet 0 --release-key other.key.pub";
	vendor.run(other_key).exits(7).says("never had these release keys").says(&release_key);
	vendor.run(&format!("{other_key} --release-key release.key.pub")).exits(2).says("--threshold");
	// No node can replace the key set that the device has come to trust.
	let identity = vendor.file("devices/000/device.toml");
	let trusted = fs::read_to_string(&identity).unwrap();
	let followed = trusted.replace("version = 1\nthreshold", "version = 7\nthreshold");
	assert_ne!(followed, trusted);
	fs::write(&identity, &followed).unwrap();
	vendor.run("device bind devices/000 --fleet 0").exits(0);
	assert_eq!(fs::read_to_string(&identity).unwrap(), followed);
	// The first node lied about the version of keys that a person names again.
	vendor.run(&format!("device bind devices/000 --fleet 0 --release-key {release_key}")).exits(0);
	assert_eq!(fs::read_to_string(&identity).unwrap(), trusted);
	let lock = fs::File::create(vendor.file("devices/000/lock")).unwrap();
	lock.lock().unwrap();
	vendor.run("device bind devices/000 --fleet 0").exits(5).says("another program works in");
	drop(lock);
	vendor.run("device check --state devices/000 --release 7").exits(6).says("no release 7");
	vendor.run("device run --state devices/000 --once").exits(0).says("");
	// Another node is asked when one is away.
	let away = format!("--node ws://127.0.0.1:{free}");
	vendor.run(&format!("query chain {away}")).exits(0);
	vendor.run(&format!("device run --state devices/000 --once --timeout 60 {away}")).exits(0);
	let gone = Waybill::offline().flag("--node", &format!("ws://127.0.0.1:{free}"));
	let devices = vendor.arg("devices/000");
	gone.run(&format!("device run --state {devices} --once")).exits(4).says("--node");

	vendor.run("distributor status --url http://127.0.0.1:1").exits(4).says("no distributor answers");
	vendor.run("distributor run --min-reward x").exits(2).says("--min-reward");
	vendor.run("distributor run --epoch-size 0").exits(2).says("--epoch-size");
	vendor.run("distributor run --announce ftp://here").exits(2).says("http://");
	let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
	let listen = taken.local_addr().unwrap();
	vendor.run(&format!("distributor run --data d --listen {listen}")).exits(2).says("--listen");
	let no_kubo = Waybill::with(&node).flag("--kubo", &format!("http://127.0.0.1:{free}"));
	no_kubo.account("account.key", "10");
	no_kubo.command("distributor run --data d --account-file account.key").start().until_said("ipfs daemon").kill();
	no_kubo.run("distributor run --data d").exits(2).says("--account-file");
}
