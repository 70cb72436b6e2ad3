//! A vendor's way, from registering to the refund, on a development chain.

use std::{fs, thread::sleep, time::Duration};
use waybill_testkit::program::{amount, Ipfs, Node, Waybill};

const UNIT: u128 = 1_000_000_000_000;
/// For transactions whose result no query reads afterwards: queries see final blocks.
const SOON: &str = "--wait in-block";

/// An account with money of its own, which signs every command.
fn vendor(node: &Node, ipfs: &Ipfs) -> (Waybill, String) {
	let waybill = Waybill::with(node).flag("--kubo", &ipfs.url());
	let address = waybill.account("account.key", "1000");
	(waybill.flag("--account-file", "account.key"), address)
}

/// Three release keys, of which two must sign.
fn register(waybill: &Waybill, name: &str) {
	for key in ["one.key", "two.key", "three.key"] {
		waybill.json(&format!("key generate {key}"));
	}
	let keys = "--key one.key --key two.key.pub --key three.key";
	let report =
		waybill.json(&format!("vendor register --name {name} --url https://acme.example {keys} --threshold 2 {SOON}"));
	assert_eq!(report["release_keys"].as_array().unwrap().len(), 3);
	assert!(amount(&report["fee"]) > 0);
}

fn until_available(waybill: &Waybill, release: u64) {
	for _ in 0..120 {
		if waybill.json(&format!("query release {release}"))["state"] == "available" {
			return;
		}
		sleep(Duration::from_secs(1));
	}
	panic!("release {release} is not available");
}

fn fleet(waybill: &Waybill, model: u64) -> u64 {
	let keys =
		(0..3).map(|i| waybill.json(&format!("key generate device{i}.key"))["public_key"].as_str().unwrap().to_owned());
	fs::write(waybill.file("devices.txt"), keys.collect::<Vec<_>>().join("\n")).unwrap();
	let report = waybill.json(&format!("vendor fleet --model {model} devices.txt"));
	assert_eq!(report["devices"], 3);
	report["fleet"].as_u64().unwrap()
}

#[test]
fn vendor_should_publish_and_pay_for_a_release() {
	let ipfs = Ipfs::start_in_thread();
	let node = Node::start(&ipfs.url());
	let (waybill, address) = vendor(&node, &ipfs);
	let balance = waybill.json("account balance");
	assert_eq!((balance["address"].as_str(), amount(&balance["free"])), (Some(address.as_str()), 1000 * UNIT));

	let long = "x".repeat(66);
	waybill.json("key generate long.key");
	waybill.run(&format!("vendor register --name {long} --key long.key")).exits(2).says("--name has 66 bytes");
	register(&waybill, "Acme");
	waybill.run(&format!("vendor model {long}")).exits(2).says("has 66 bytes, and the chain takes at most 64");
	let large = fs::File::create(waybill.file("large.bin")).unwrap();
	large.set_len((64 << 20) + 1).unwrap();
	let about = "--model 0 --version 1.0.0 --security-version 1 --suite plain";
	waybill.run(&format!("vendor prepare large.bin {about}")).exits(2).says("large.bin has 67108865 bytes");
	waybill.json(&format!("vendor update --security-contact security@acme.example {SOON}"));
	let model = waybill.json(&format!("vendor model Hub {SOON}"))["model"].as_u64().unwrap();
	let fleet = fleet(&waybill, model);
	let lost = ipfs.lose_pins();
	let added = waybill.json(&format!("vendor add-manifest --fleet {fleet} devices.txt"));
	assert_eq!((&added["devices"], ipfs.pinned()), (&3.into(), lost));
	assert_eq!(added["manifest"], ipfs.pinned()[0]);
	fs::write(waybill.file("others.txt"), waybill.json("key generate other.key")["public_key"].as_str().unwrap()).unwrap();
	waybill.run(&format!("vendor add-manifest --fleet {fleet} others.txt")).exits(7).says("it has 1 devices");
	waybill.run("vendor add-manifest --fleet 77 devices.txt").exits(6).says("no fleet 77");
	let shown = waybill.json("vendor show");
	assert_eq!((&shown["name"], &shown["threshold"]), (&"Acme".into(), &2.into()));
	assert_eq!(shown["security_contact"], "security@acme.example");
	assert_eq!(shown["models"][0]["model"], model);
	let registered = waybill.json(&format!("query fleet {fleet}"));
	assert_eq!((&registered["devices"], &registered["bounties"]), (&3.into(), &0.into()));

	// Prepared here, signed by two keys elsewhere, published.
	let about = format!("--model {model} --version 1.0.0 --security-version 2");
	fs::write(waybill.file("firmware.bin"), b"firmware 1.0.0").unwrap();
	let prepared = waybill.json(&format!("vendor prepare firmware.bin {about}"));
	assert_eq!(prepared["statement"], "firmware.bin.release.json");
	assert!(fs::read_to_string(waybill.file("firmware.bin.release.json")).unwrap().contains("\"suite\": \"zkcp\""));
	let sign = |key: &str| {
		let signed = waybill.run(&format!("vendor sign firmware.bin.release.json --firmware firmware.bin --key {key}.key"));
		fs::write(waybill.file(&format!("{key}.sig")), signed.exits(0).stdout).unwrap();
	};
	sign("one");
	sign("three");
	let publish = "vendor publish --statement firmware.bin.release.json --signature one.sig";
	waybill.run(publish).exits(7).says("1 of 2 signatures");
	// The result is not lost although the attesters have not agreed yet.
	let published = waybill.run(&format!("{publish} --signature three.sig --wait-available 0s --json")).exits(1).json();
	let release = published["release"].as_u64().unwrap();
	assert_eq!((&published["state"], &published["payload"]), (&"pending".into(), &prepared["payload"]));
	let message = published["error"]["message"].as_str().unwrap();
	assert!(message.contains("not agreed in time: "), "{message}");
	until_available(&waybill, release);

	let shown = waybill.json(&format!("query release {release}"));
	assert_eq!((&shown["state"], &shown["version"]), (&"available".into(), &"1.0.0".into()));
	assert_eq!(shown["signatures"].as_array().unwrap().len(), 2);
	assert_eq!(shown["attestations"]["votes"][0]["verdict"], "available");
	assert_eq!(waybill.json(&format!("query model {model}"))["latest_release"], release);

	// A step back is refused, by name.
	let publish = format!("vendor publish firmware.bin --model {model} --key one.key --key two.key {SOON}");
	waybill.refused(&format!("{publish} --version 1.0.1 --security-version 1"), "Firmware.SecurityVersionTooLow");
	waybill.refused(&format!("{publish} --version 1.0.0 --security-version 2"), "Firmware.VersionExists");

	build_machine(&waybill, &node, &ipfs, &address, model);

	refusals_should_cost_nothing(&waybill, release, fleet);

	// A bounty is opened, raised, and closed when it has expired.
	let open = format!("bounty open --release {release} --fleet {fleet} {SOON}");
	let opened = waybill.json(&format!("{open} --reward 1.5 --expires 120s"));
	let bounty = opened["bounty"].as_u64().unwrap();
	assert_eq!((amount(&opened["total"]), &opened["devices"]), (4_500_000_000_000, &3.into()));
	waybill.refused(&format!("{open} --reward 1 --expires 90s"), "PodBounty.AlreadyOpen");
	waybill.refused(&format!("bounty close {bounty} {SOON}"), "PodBounty.NotExpired");
	waybill.refused(&format!("bounty raise {bounty} --reward 1 {SOON}"), "PodBounty.CannotReduce");
	waybill.json(&format!("bounty raise {bounty} --reward 2"));
	let shown = waybill.json(&format!("bounty show {bounty}"));
	assert_eq!((amount(&shown["reward"]), amount(&shown["held"]), &shown["paid"]), (2 * UNIT, 6 * UNIT, &0.into()));
	let listed = waybill.json("bounty list")["bounties"][0].clone();
	assert_eq!((&listed["bounty"], &listed["yanked"]), (&bounty.into(), &false.into()));
	let expires = format!("expires  at block {} (about ", shown["expires_at"]);
	waybill.run(&format!("bounty show {bounty}")).exits(0).prints(&expires).prints(" GMT)");
	assert_eq!(waybill.json(&format!("query device --bounty {bounty} --index 2"))["paid"], false);
	waybill.run(&format!("query reservation --bounty {bounty} 0")).exits(6);
	waybill.refused(&format!("vendor remove-fleet {fleet} {SOON}"), "Firmware.FleetInUse");
	assert_eq!(waybill.json(&format!("bounty unpaid {bounty}"))["unpaid"], serde_json::json!([0, 1, 2]));
	let holds = waybill.json("account balance")["holds"].clone();
	let hold = holds.as_array().unwrap().iter().find(|hold| hold["reason"] == "PodBounty.Reward").unwrap();
	assert_eq!(amount(&hold["amount"]), 6 * UNIT);
	// The release keys can yank a release without the vendor, whoever pays for it.
	waybill.run(&format!("vendor yank {release} --reason vulnerable --key one.key")).exits(7);
	let yanked = waybill.json(&format!("vendor yank {release} --reason vulnerable --key one.key --key two.key"));
	assert_eq!(yanked["reason"], "vulnerable");
	assert_eq!(waybill.json(&format!("query release {release}"))["state"], "yanked");
	waybill.refused(&format!("vendor yank {release} --reason faulty {SOON}"), "Firmware.AlreadyYanked");
	waybill.refused(&format!("{open} --reward 1 --expires 90s"), "PodBounty.ReleaseYanked");
	let listed = waybill.json("bounty list")["bounties"][0].clone();
	assert_eq!((&listed["yanked"], &listed["closable_from"]), (&true.into(), &shown["expires_at"]));
	let refund = format!("by `waybill bounty close {bounty}` from block {} (about ", shown["expires_at"]);
	waybill.run("bounty list").exits(0).prints(", yanked").prints(&refund);

	// Its money comes back at its end. What it was can still be read then.
	while waybill.json("query chain")["best"]["number"].as_u64() < shown["expires_at"].as_u64() {
		sleep(Duration::from_secs(1));
	}
	let closed = waybill.json(&format!("bounty close {bounty}"));
	assert_eq!(amount(&closed["refunded"]), 6 * UNIT);
	let past = waybill.json(&format!("bounty show {bounty}"));
	assert_eq!((&past["closed"], &past["paid"], &past["devices"]), (&true.into(), &0.into(), &3.into()));
	assert_eq!((amount(&past["refunded"]), &past["vendor"]), (6 * UNIT, &address.as_str().into()));
	assert_eq!(past["closed_at"], closed["transactions"][0]["block"]["number"]);
	waybill.run(&format!("bounty show {bounty}")).exits(0).prints("6 UNIT went back to the vendor");
	let (code, error) = waybill.failure("bounty show 77");
	assert_eq!((code, &error["kind"]), (6, &"not_found".into()));
	waybill.json(&format!("vendor remove-fleet {fleet}"));
	let (code, _) = waybill.failure(&format!("query fleet {fleet}"));
	assert_eq!(code, 6);
}

/// What the chain would refuse is not sent, and the answer has the figures.
fn refusals_should_cost_nothing(vendor: &Waybill, release: u64, fleet: u64) {
	let before = vendor.json("account balance");
	let open = format!("bounty open --release {release} --fleet {fleet}");
	for (command, name, words) in [
		(format!("{open} --reward 5000 --expires 90s"), "Token.FundsUnavailable", "needs 15000."),
		(format!("{open} --reward 5000 --expires 90s"), "Token.FundsUnavailable", "UNIT and can spend 9"),
		(format!("{open} --reward 1 --expires 3s"), "PodBounty.DurationTooShort", "MinDuration (10 blocks)"),
		(format!("{open} --reward 0 --expires 90s"), "PodBounty.RewardTooLow", "MinReward (0.001 UNIT)"),
		("bounty close 77".into(), "PodBounty.UnknownBounty", "There is no such bounty"),
	] {
		let (code, error) = vendor.failure(&command);
		assert_eq!((code, &error["name"]), (3, &name.into()), "{error}");
		let message = error["message"].as_str().unwrap();
		assert!(message.contains(words) && message.contains("; nothing was sent"), "{message}");
	}
	assert_eq!(vendor.json("account balance"), before);
}

/// Another account publishes in the vendor's name, once it may.
fn build_machine(vendor: &Waybill, node: &Node, ipfs: &Ipfs, address: &str, model: u64) {
	let machine = Waybill::with(node).flag("--kubo", &ipfs.url()).flag("--wait", "in-block");
	let account = machine.account("machine.key", "10");
	for file in ["one.key", "two.key", "firmware.bin"] {
		fs::copy(vendor.file(file), machine.file(file)).unwrap();
	}
	let publish = format!(
		"vendor publish firmware.bin --model {model} --security-version 2 --key one.key --key two.key \
		 --proxy-for {address} --account-file machine.key"
	);
	machine.refused(&format!("{publish} --version 0.9.0"), "Proxy.NotProxy");
	vendor.json(&format!("vendor delegate {account} {SOON}"));
	let published = machine.json(&format!("{publish} --version 0.9.0"));
	machine.refused(&format!("{publish} --version 0.9.0"), "Firmware.VersionExists");
	vendor.json(&format!("vendor delegate {account} --revoke"));
	machine.refused(&format!("{publish} --version 0.9.1"), "Proxy.NotProxy");
	let listed = vendor.json(&format!("vendor releases --model {model}"));
	let releases: Vec<_> = listed["releases"].as_array().unwrap().iter().map(|release| release["version"].clone()).collect();
	assert_eq!(releases, ["0.9.0", "1.0.0"]);
	assert_eq!(listed["releases"][0]["release"], published["release"]);
}

#[test]
fn release_keys_should_be_replaced_and_sign_again() {
	let ipfs = Ipfs::start_in_thread();
	let node = Node::start(&ipfs.url());
	let (waybill, address) = vendor(&node, &ipfs);
	register(&waybill, "Acme");
	let model = waybill.json(&format!("vendor model Hub {SOON}"))["model"].as_u64().unwrap();
	fs::write(waybill.file("firmware.bin"), b"firmware 1.0.0").unwrap();
	let about = format!("firmware.bin --model {model} --security-version 1");
	let keys = "--key one.key --key two.key";
	let published = waybill.json(&format!("vendor publish {about} --version 1.0.0 {keys} --wait-available 3m"));
	let release = published["release"].as_u64().unwrap();
	let shown = waybill.json("vendor keys show");
	assert_eq!((&shown["current"]["version"], &shown["pending"]), (&1.into(), &serde_json::Value::Null));
	waybill.refused(&format!("vendor keys veto {SOON}"), "Firmware.NoPendingKeySet");
	waybill.refused(&format!("vendor keys adopt {SOON}"), "Firmware.NoPendingKeySet");

	// Prepared here, signed by keys of both sets elsewhere, proposed by somebody else.
	waybill.json("key generate next.key");
	// Two of three must sign. That stays so unless something else is asked for.
	waybill.run("vendor keys prepare --new-key next.key.pub").exits(2).says("2 keys of the current set must sign");
	let kept = waybill.run("vendor keys prepare --new-key next.key.pub --new-key two.key.pub --out kept.json");
	kept.exits(0).prints("2 of 2 must sign").prints("now      2 must sign");
	let prepared = waybill.json("vendor keys prepare --new-key next.key.pub --threshold 1");
	assert_eq!((&prepared["statement"], &prepared["key_set_version"]), (&"key-set-2.json".into(), &2.into()));
	assert_eq!((&prepared["threshold"], &prepared["current_threshold"]), (&1.into(), &2.into()));
	for key in ["one", "three", "next"] {
		let signed = waybill.run(&format!("vendor sign key-set-2.json --key {key}.key")).exits(0).says("key set 2 of");
		fs::write(waybill.file(&format!("{key}.sig")), signed.stdout).unwrap();
	}
	let rotate = "vendor keys rotate --statement key-set-2.json";
	waybill
		.run(&format!("{rotate} --signature one.sig --signature three.sig"))
		.exits(7)
		.says("0 of 1 signatures by the new");
	waybill
		.run(&format!("{rotate} --signature one.sig --signature next.sig"))
		.exits(7)
		.says("1 of 2 signatures by the current");
	let rotate = format!("{rotate} --signature one.sig --signature three.sig --signature next.sig");
	let helper = Waybill::with(&node).flag("--wait", "in-block");
	helper.account("helper.key", "100");
	for file in ["key-set-2.json", "one.sig", "three.sig", "next.sig"] {
		fs::copy(waybill.file(file), helper.file(file)).unwrap();
	}
	let proposed = helper.json(&format!("{rotate} --account-file helper.key"));
	assert_eq!((&proposed["vendor"], &proposed["version"]), (&address.as_str().into(), &2.into()));
	waybill.refused(&format!("{rotate} {SOON}"), "Firmware.RotationPending");
	let turned_down = waybill.json(&format!("vendor keys veto {SOON}"));
	assert_eq!((&turned_down["adopted"], &turned_down["version"]), (&false.into(), &2.into()));
	waybill.refused(&format!("{rotate} {SOON}"), "Firmware.RotationVetoed");

	// With all keys at hand. A key may stay.
	let rotate = "vendor keys rotate --new-key next.key --new-key one.key --key one.key --key two.key";
	waybill.run(rotate).exits(7).says("1 of 2 signatures by the new");
	let proposed = waybill.json(&format!("{rotate} --key next.key"));
	assert_eq!((&proposed["threshold"], &proposed["current_threshold"]), (&2.into(), &2.into()));
	let shown = waybill.json("vendor keys show");
	assert_eq!((&shown["pending"]["version"], &shown["pending"]["effective_at"]), (&2.into(), &proposed["effective_at"]));
	while waybill.json("query chain")["best"]["number"].as_u64() < proposed["effective_at"].as_u64() {
		sleep(Duration::from_secs(1));
	}
	let adopted = waybill.json(&format!("vendor keys adopt {address}"));
	assert_eq!((&adopted["adopted"], &adopted["to_resign"]), (&true.into(), &serde_json::json!([release])));
	let shown = waybill.json("vendor keys show");
	assert_eq!((&shown["current"]["version"], &shown["current"]["threshold"]), (&2.into(), &2.into()));
	assert_eq!((&shown["pending"], &shown["to_resign"]), (&serde_json::Value::Null, &serde_json::json!([release])));
	waybill.run("vendor keys rotate --statement key-set-2.json --signature one.sig").exits(7).says("only the next");

	// The new keys sign the old releases again. The old keys can sign nothing any more.
	waybill.run(&format!("vendor publish {about} --version 1.0.1 {keys}")).exits(7).says("not one of the vendor's");
	let resign = format!("vendor keys resign {release} --key one.key --key next.key");
	waybill.run(&resign).exits(2).says("--firmware");
	fs::write(waybill.file("other.bin"), b"firmware 6.6.6").unwrap();
	waybill.run(&format!("{resign} --firmware other.bin")).exits(7).says("nothing was signed");
	let resigned = waybill.json(&format!("{resign} --firmware firmware.bin"));
	assert_eq!((&resigned["release"], &resigned["key_set_version"]), (&release.into(), &2.into()));
	waybill.refused(&format!("{resign} --firmware firmware.bin {SOON}"), "Firmware.AlreadySigned");
	assert_eq!(waybill.json("vendor keys show")["to_resign"], serde_json::json!([]));
	let keys = "--key one.key --key next.key";
	waybill.json(&format!("vendor publish {about} --version 1.0.1 {keys} {SOON}"));
}

#[test]
fn wait_for_the_attesters_should_say_what_is_in_the_way() {
	let ipfs = Ipfs::start_in_thread();
	let node = Node::start("http://127.0.0.1:1");
	let (waybill, _) = vendor(&node, &ipfs);
	waybill.json("key generate one.key");
	waybill.json(&format!("vendor register --name Acme --key one.key {SOON}"));
	waybill.json(&format!("vendor model Hub {SOON}"));
	fs::write(waybill.file("firmware.bin"), b"firmware").unwrap();
	let publish = "vendor publish firmware.bin --model 0 --version 1.0.0 --security-version 1 --key one.key";
	let late = waybill.run(&format!("{publish} --wait-available 8s")).exits(1).prints("release 0: ");
	late.says("not agreed in time: 0 of 1 votes; check the attesting node's --ipfs-gateway");
}

#[test]
fn mistakes_should_be_named_and_change_nothing() {
	let ipfs = Ipfs::start_in_thread();
	let node = Node::start(&ipfs.url());
	let (waybill, address) = vendor(&node, &ipfs);

	// Before registering.
	waybill.refused(&format!("vendor model Hub {SOON}"), "Firmware.UnknownVendor");
	waybill.run("vendor update --name Acme").exits(6);
	waybill.run(&format!("query vendor {address}")).exits(6);
	register(&waybill, "Acme");
	waybill.refused(&format!("vendor register --name Acme --key one.key {SOON}"), "Firmware.AlreadyVendor");
	waybill.run("vendor register --name Acme --key one.key --key one.key").exits(2);
	waybill.run("vendor register --name Acme --key one.key --threshold 2").exits(2);

	// Files.
	fs::write(waybill.file("devices.txt"), "ed25519:00\n").unwrap();
	waybill.run("vendor fleet --model 0 devices.txt").exits(5).says("line 1");
	waybill.run("vendor fleet --model 0 missing.txt").exits(5);
	let publish = "vendor publish firmware.bin --model 0 --version 1.0.0 --security-version 1";
	waybill.run(publish).exits(2).says("--key");
	waybill.run(&format!("{publish} --key one.key")).exits(5).says("firmware.bin");
	fs::write(waybill.file("firmware.bin"), b"").unwrap();
	waybill.run(&format!("{publish} --key one.key")).exits(2).says("has 0 bytes");
	fs::write(waybill.file("firmware.bin"), b"firmware").unwrap();
	waybill.refused(&format!("{publish} --key one.key --key two.key {SOON}"), "Firmware.UnknownModel");
	waybill.json("key generate stranger.key");
	waybill.run(&format!("{publish} --key stranger.key")).exits(7).says("not one of the vendor's");

	// What the chain refuses does not get into IPFS.
	fs::copy(waybill.file("one.key.pub"), waybill.file("devices.txt")).unwrap();
	waybill.refused(&format!("vendor fleet --model 0 devices.txt {SOON}"), "Firmware.UnknownModel");
	let prepare = "vendor prepare firmware.bin --model 0 --version 1.0.0 --security-version 1";
	waybill.run(prepare).exits(6).says("no model 0");
	assert_eq!(ipfs.pinned(), [""; 0]);

	// kubo is not there.
	waybill.json(&format!("vendor model Hub {SOON}"));
	let alone = format!("{publish} --key one.key --key two.key --node {} --kubo http://127.0.0.1:1", node.url());
	let elsewhere = Waybill::offline();
	for file in ["one.key", "two.key", "firmware.bin", "account.key"] {
		fs::copy(waybill.file(file), elsewhere.file(file)).unwrap();
	}
	elsewhere.run(&format!("{alone} --account-file account.key")).exits(4).says("kubo");

	// Money.
	let poor = elsewhere.json("key generate poor.key --account-key")["address"].as_str().unwrap().to_owned();
	let node_flag = format!("--node {}", node.url());
	let (code, error) = elsewhere.failure(&format!("account transfer {address} 1 --account-file poor.key {node_flag}"));
	assert_eq!((code, &error["name"]), (3, &"Transaction.Payment".into()));
	let message = error["message"].as_str().unwrap();
	assert!(message.contains(&format!("{poor} needs 1.")) && message.contains("can spend 0 UNIT"), "{message}");
	waybill.refused(&format!("account transfer {poor} 5000 {SOON}"), "Token.FundsUnavailable");
	waybill.refused(&format!("account transfer {poor} 0.000000001 {SOON}"), "Token.BelowMinimum");
	assert_eq!(amount(&waybill.json(&format!("account balance {poor}"))["free"]), 0);

	// Another chain.
	let wrong = format!("0x{}", hex::encode([1; 32]));
	waybill.run(&format!("query chain --genesis {wrong}")).exits(7).says("a different chain");
	let genesis = waybill.json("query chain")["genesis"].as_str().unwrap().to_owned();
	waybill.json(&format!("query chain --genesis {genesis}"));
	waybill.run("query release 7").exits(6);
	waybill.run("query model 7").exits(6);
	waybill.run(&format!("bounty close 7 {SOON}")).exits(3).says("PodBounty.UnknownBounty");
}
