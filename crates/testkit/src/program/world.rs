//! A vendor with devices, and a distributor, on a chain of their own.

use super::{free_port, Ipfs, Node, Service, Waybill};
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt, thread::sleep, time::Duration};

/// For transactions whose result no query reads afterwards: queries see final blocks.
const SOON: &str = "--wait in-block";
/// The devices of a vendor.
pub const DEVICES: u32 = 4;

/// The program, with this node and this IPFS.
pub fn program(node: &Node, ipfs: &Ipfs) -> Waybill {
	Waybill::with(node).flag("--kubo", &ipfs.url()).flag("--gateway", &ipfs.url())
}

/// A vendor with a model and a fleet whose devices are in `devices/000` and so on.
pub fn vendor(node: &Node, ipfs: &Ipfs) -> Waybill {
	vendor_of(program(node, ipfs))
}

/// Like the function above, by a program that has what it needs.
pub fn vendor_of(waybill: Waybill) -> Waybill {
	waybill.account("account.key", "1000");
	let waybill = waybill.flag("--account-file", "account.key");
	waybill.json("key generate release.key");
	waybill.json(&format!("vendor register --name Acme --key release.key {SOON}"));
	waybill.json(&format!("vendor model Hub {SOON}"));
	let provisioned = waybill.json(&format!("device provision devices --count {DEVICES} --keys keys.txt"));
	assert_eq!(provisioned["devices"].as_array().unwrap().len(), DEVICES as usize);
	waybill.json("vendor fleet --model 0 keys.txt");
	for index in 0..DEVICES {
		let bound = waybill.json(&format!("device bind devices/{index:03} --fleet 0"));
		assert_eq!(bound["devices"][0]["index"], index);
	}
	waybill
}

/// Publishes a release of this image and opens its bounty.
pub fn release_of(waybill: &Waybill, id: u32, security_version: u32, image: &[u8]) {
	fs::write(waybill.file("firmware.bin"), image).unwrap();
	let about = format!("--model 0 --version 1.0.{id} --security-version {security_version}");
	waybill.json(&format!("vendor publish firmware.bin {about} --key release.key --wait-available 3m"));
	waybill.json(&format!("bounty open --release {id} --fleet 0 --reward 2 --expires 15m"));
}

/// A chain with a vendor, its devices, and a distributor.
pub struct World {
	/// IPFS.
	pub ipfs: Ipfs,
	/// The chain's node.
	pub node: Node,
	/// The vendor, in whose home the devices are.
	pub vendor: Waybill,
	running: Service,
	/// The distributor's account.
	pub shop: Waybill,
	/// The distributor's address.
	pub distributor: String,
	/// The distributor's address for operators.
	pub operators: String,
}

impl Default for World {
	fn default() -> Self {
		Self::new()
	}
}

impl World {
	/// Starts all of them.
	pub fn new() -> Self {
		Self::with(&[])
	}

	/// Starts all of them, the distributor with these variables in its environment.
	pub fn with(environment: &[(&str, &str)]) -> Self {
		let ipfs = Ipfs::start_in_thread();
		Self::on(Node::start(&ipfs.url()), ipfs, environment)
	}

	/// Like the function above, on this node.
	pub fn on(node: Node, ipfs: Ipfs, environment: &[(&str, &str)]) -> Self {
		let vendor = vendor(&node, &ipfs);
		let shop = program(&node, &ipfs);
		shop.account("account.key", "1000");
		let shop = shop.flag("--account-file", "account.key");
		let (listen, operators) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
		let serve = format!("distributor run --listen {listen} --status-listen {operators} --data shop --max-delay 1");
		let command = environment.iter().fold(shop.command(&serve), |command, (name, value)| command.env(name, value));
		let running = Service::start(command);
		Self {
			ipfs,
			node,
			vendor,
			running,
			shop,
			distributor: format!("http://{listen}"),
			operators: format!("http://{operators}"),
		}
	}

	/// Waits until the distributor prints a line with this.
	pub fn distributor_says(&mut self, text: &str) {
		self.running.until_line(text);
	}

	/// Waits until the distributor serves a bounty.
	pub fn until_serving(&self) {
		let status = format!("distributor status --url {}", self.operators);
		for _ in 0..600 {
			let bounties = self.shop.json(&status)["bounties"].as_array().cloned().unwrap_or_default();
			if bounties.iter().any(|bounty| bounty["serving"] == true) {
				return;
			}
			sleep(Duration::from_millis(200));
		}
		panic!("the distributor serves nothing");
	}

	/// The arguments with which device 0 updates once.
	pub fn update(&self, more: &str) -> String {
		format!("device run --state devices/000 --distributor {} --once --timeout 150 {more}", self.distributor)
	}

	/// The status of device 0.
	pub fn status(&self) -> Value {
		self.vendor.json("device status --state devices/000")
	}

	/// Writes a program for devices.
	pub fn program(&self, name: &str, text: &str) -> String {
		let path = self.vendor.file(name);
		fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
		fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
		self.vendor.arg(name)
	}
}
