//! Commands that need no network: help, wrong input, key files, signatures.

use serde_json::{json, Value};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};
use waybill_primitives::{
	Cid, DeviceKey, DeviceSignature, Digest, KeySet, KeySetStatement, ReleaseStatement, Statement, Suite, Version,
};
use waybill_testkit::program::{built, in_checkout, Waybill};

const GENESIS: [u8; 32] = [7; 32];

#[test]
fn help_should_say_how_every_command_is_used() {
	let waybill = Waybill::offline();
	waybill.run("--help").exits(0).prints("Exit codes");
	waybill.run("vendor --help").exits(0).prints("The way to a first release");
	for command in ["key", "account", "vendor", "bounty", "distributor", "device", "hub", "collator", "query"] {
		waybill.run(&format!("{command} --help")).exits(0).prints("Usage: waybill");
	}
	waybill.run("--version").exits(0).prints("waybill ");
}

#[test]
fn agents_program_should_have_the_commands_and_configuration_of_a_device() {
	let waybill = Waybill::offline();
	let agent = |args: &str| waybill.command_of(Command::new(built("waybill-device")), args);
	agent("--help").run().exits(0).prints("Usage: waybill-device").prints("Exit codes");
	waybill.json("device provision one");
	let of_agent = agent("status --state one --json").run().exits(5).json();
	assert_eq!(waybill.failure("device status --state one"), (5, of_agent["error"].clone()));
	agent("status").env("WAYBILL_DEVICE__STATE", "one").run().exits(5).says("one is bound to no fleet");
	agent("vendor").run().exits(2);
}

/// Every daemon has a unit, which systemd takes, and whose command the program takes.
#[test]
fn units_should_start_every_daemon() {
	let folder = in_checkout("contrib/systemd");
	let waybill = Waybill::offline();
	let units = ["waybill-node", "waybill-distributor", "waybill-device", "waybill-hub"];
	assert_eq!(fs::read_dir(&folder).unwrap().count(), units.len());
	for unit in units {
		let name = format!("{unit}.service");
		let text = fs::read_to_string(folder.join(&name)).unwrap();
		let start = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
		let (program, args) = start.split_once(' ').unwrap();
		let program = built(Path::new(program).file_name().unwrap().to_str().unwrap());
		waybill.command_of(Command::new(&program), args).arg("--help").run().exits(0);
		// The programs are not where the unit expects them.
		let here = text.replace(start, &format!("{} {args}", program.display()));
		fs::write(waybill.file(&name), here).unwrap();
		let verify = ["verify", "--recursive-errors=no"];
		let verified = Command::new("systemd-analyze").args(verify).arg(waybill.file(&name)).output().unwrap();
		let said = String::from_utf8_lossy(&verified.stderr);
		assert!(verified.status.success() && !said.contains(&name), "{verified:?}");
	}
}

#[cfg(target_arch = "x86_64")]
#[test]
fn programs_should_say_so_when_the_processor_lacks_what_they_were_built_for() {
	let on = |processor: &str, program: &str| {
		let command = Command::new("qemu-x86_64").args(["-cpu", processor]).arg(built(program)).arg("--version").output();
		let output = command.expect("make setup installs qemu-user");
		(output.status.code(), String::from_utf8(output.stderr).unwrap())
	};
	for program in ["waybill", "waybill-device", "waybill-node", "waybill-demo", "waybill-bench", "waybill-field"] {
		let (code, said) = on("Nehalem", program);
		assert!(code == Some(1) && said.contains("AVX2"), "{program}: {code:?}, {said}");
		assert_eq!(on("Haswell", program).0, Some(0), "{program}");
	}
	for missing in ["-fma", "-movbe", "-xsave", "-avx", "-f16c", "-bmi1", "-avx2", "-bmi2", "-abm"] {
		let (code, said) = on(&format!("Haswell,{missing}"), "waybill-device");
		assert!(code == Some(1) && said.contains("AVX2"), "{missing}: {code:?}, {said}");
	}
}

#[test]
fn wrong_arguments_should_exit_with_2() {
	let waybill = Waybill::offline();
	for args in [
		"",
		"frobnicate",
		"vendor publish firmware.bin",
		"vendor publish --key release.key",
		"vendor register --name Acme",
		"vendor keys rotate --statement key-set-2.json --new-key a.key --key b.key",
		"vendor keys rotate --new-key a.key",
		"vendor keys resign 0",
		"vendor publish firmware.bin --model 0 --version 1.0 --security-version 1 --key release.key",
		"bounty open --release 0 --fleet 0 --reward -1 --expires 1d",
		"bounty open --release 0 --fleet 0 --reward 1 --expires soon",
		"bounty raise 0",
		"account transfer nobody 1",
		"query release x",
		"query chain --node http://127.0.0.1:9944",
		"query chain --node nonsense",
		"query chain --genesis 0x12",
		"account balance",
		"account balance --account Alice",
		"account balance --account //Alice --account-file a.key",
		"account balance --config missing.toml",
		"account balance --log waybill=loud,=",
	] {
		waybill.run(args).exits(2);
	}
}

#[test]
fn unreachable_node_should_exit_with_4_and_say_what_to_do() {
	let waybill = Waybill::offline().flag("--node", "ws://127.0.0.1:1");
	waybill.run("query chain").exits(4).says("--node");
	let (code, error) = waybill.failure("query chain");
	assert_eq!((code, &error["kind"]), (4, &json!("unreachable")));
	waybill.run("bounty show 0").exits(4);
	// A server that is not a node.
	let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
	let address = listener.local_addr().unwrap();
	std::thread::spawn(move || listener.incoming().for_each(drop));
	let waybill = Waybill::offline().flag("--node", &format!("ws://{address}"));
	waybill.run("query chain").exits(4).says("--node");
}

#[test]
fn configuration_should_come_from_flags_over_environment_over_file() {
	let waybill = Waybill::offline();
	fs::create_dir_all(waybill.file(".config/waybill")).unwrap();
	fs::write(waybill.file(".config/waybill/config.toml"), "node = 'ws://127.0.0.1:2'\n").unwrap();
	waybill.run("query chain").exits(4).says("127.0.0.1:2");
	waybill.command("query chain").env("WAYBILL_NODE", "ws://127.0.0.1:3").run().exits(4).says("127.0.0.1:3");
	let command = waybill.command("query chain --node ws://127.0.0.1:4");
	command.env("WAYBILL_NODE", "ws://127.0.0.1:3").run().exits(4).says("127.0.0.1:4");
	let json = waybill.command("query chain").env("WAYBILL_JSON", "1").run().exits(4).json();
	assert_eq!(json["error"]["kind"], "unreachable");
	let secret = "query chain --node ws://user:SECRET@127.0.0.1:1/?key=SECRET";
	let said = waybill.run(&format!("{secret} --json")).exits(4).says("ws://***@127.0.0.1:1/?***").json();
	assert!(!said.to_string().contains("SECRET"), "{said}");
	waybill.run("query chain --node nonsense?key=SECRET").exits(2).says("nonsense?***");
	fs::write(waybill.file("broken.toml"), "json = true\naccount = bottom drive obey SECRET\n").unwrap();
	let broken = waybill.run("query chain --config broken.toml").exits(2).says("broken.toml, line 2");
	assert!(!broken.stderr.contains("SECRET"), "{}", broken.stderr);
	fs::write(waybill.file("other.toml"), "node = 'ws://127.0.0.1:5'\njson = true\n").unwrap();
	waybill.run("query chain --config other.toml").exits(4).prints("127.0.0.1:5");
	fs::write(waybill.file("wrong.toml"), "nodes = 'ws://127.0.0.1:5'\n").unwrap();
	waybill.run("query chain --config wrong.toml").exits(2).says("nodes");
	// Other programs' variables may begin with the same letters.
	waybill.command("key show x").env("WAYBILL_IPFS_GATEWAY", "x").run().exits(5);
}

#[test]
fn keys_should_be_made_once_and_kept_from_others() {
	let waybill = Waybill::offline();
	let made = waybill.json("key generate release.key");
	assert_eq!(made["sort"], "statement");
	let mode = fs::metadata(waybill.file("release.key")).unwrap().permissions().mode();
	assert_eq!(mode & 0o777, 0o600);
	let public = fs::read_to_string(waybill.file("release.key.pub")).unwrap();
	assert_eq!(public.trim(), made["public_key"].as_str().unwrap());
	assert_eq!(waybill.json("key show release.key"), made);
	let before = fs::read(waybill.file("release.key")).unwrap();
	waybill.run("key generate release.key").exits(5).says("never overwritten");
	assert_eq!(fs::read(waybill.file("release.key")).unwrap(), before);

	let account = waybill.json("key generate account.key --account-key");
	assert!(account["address"].as_str().unwrap().starts_with('5'));
	assert_eq!(waybill.json("key show account.key"), account);

	fs::set_permissions(waybill.file("account.key"), fs::Permissions::from_mode(0o640)).unwrap();
	waybill.run("account balance --account-file account.key").exits(5).says("chmod 600");
	waybill.run("key show missing.key").exits(5);
	fs::write(waybill.file("junk.key"), "junk").unwrap();
	fs::set_permissions(waybill.file("junk.key"), fs::Permissions::from_mode(0o600)).unwrap();
	waybill.run("key show junk.key").exits(5);
	waybill.run("key generate no/such/folder.key").exits(5);
}

#[test]
fn full_disk_should_be_told() {
	let waybill = Waybill::offline();
	waybill.json("key generate release.key");
	let full = fs::File::options().write(true).open("/dev/full").unwrap();
	let mut show = std::process::Command::new(built("waybill"));
	let output = show.args(["key", "show", &waybill.arg("release.key")]).stdout(full).output().unwrap();
	assert_eq!(output.status.code(), Some(5));
	assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
}

#[test]
fn wait_at_a_terminal_should_say_what_it_waits_for() {
	// Takes connections, and never answers.
	let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
	let command = format!("{} query chain --node ws://{}", built("waybill").display(), listener.local_addr().unwrap());
	let home = Waybill::offline();
	let mut terminal = std::process::Command::new("script");
	terminal.args(["-qec", &command, "/dev/null"]).env_clear().env("TERM", "xterm").env("HOME", home.file(""));
	let output = terminal.env("PATH", std::env::var_os("PATH").unwrap()).output().unwrap();
	assert_eq!(output.status.code(), Some(4));
	let shown = String::from_utf8_lossy(&output.stdout);
	assert!(shown.contains("connecting to ws://127.0.0.1") && !shown.contains("0/0"), "{shown}");
}

/// A statement as `vendor prepare` writes it, on these bytes.
fn statement(waybill: &Waybill, firmware: &[u8]) -> ReleaseStatement {
	let Cid { hash, .. } = Cid::raw(firmware);
	let sha256 = *hash.digest();
	let hex = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
	let file = json!({
		"genesis": hex(&GENESIS),
		"model": 3,
		"version": "1.0.2",
		"security_version": 4,
		"payload": Cid::raw(firmware).to_string(),
		"size": firmware.len(),
		"sha256": hex(&sha256),
		"suite": "plain",
		"digest": hex(&sha256),
	});
	fs::write(waybill.file("firmware.bin"), firmware).unwrap();
	fs::write(waybill.file("statement.json"), file.to_string()).unwrap();
	ReleaseStatement {
		model: 3,
		version: Version::new(1, 0, 2),
		security_version: 4,
		payload: Cid::raw(firmware),
		size: firmware.len() as u64,
		sha256,
		digest: Digest { suite: Suite::Plain, bytes: sha256 },
	}
}

fn verifies(signed: &Value, statement: &impl Statement) -> bool {
	let DeviceKey::Ed25519(key) = signed["key"].as_str().unwrap().parse().unwrap();
	let DeviceSignature::Ed25519(signature) = signed["signature"].as_str().unwrap().parse().unwrap();
	let key = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
	let signature = ed25519_dalek::Signature::from_bytes(&signature);
	key.verify_strict(&statement.signing_bytes(&GENESIS), &signature).is_ok()
}

#[test]
fn statements_should_be_signed_without_a_network() {
	let waybill = Waybill::offline();
	let statement = statement(&waybill, b"firmware");
	let key = waybill.json("key generate release.key");
	let all = format!("--firmware firmware.bin --genesis 0x{}", hex::encode(GENESIS));
	let checked = waybill.run(&format!("vendor sign statement.json {all} --key release.key --json")).exits(0);
	assert!(!checked.stderr.contains("not checked"), "{}", checked.stderr);
	let report = checked.json();
	let signed = &report["signatures"][0];
	assert_eq!(signed["key"], key["public_key"]);
	assert!(verifies(signed, &statement));
	// Standard output has the key and the signature. Standard error shows what is signed.
	let line = format!("{} {}", signed["key"].as_str().unwrap(), signed["signature"].as_str().unwrap());
	let signed = waybill.run("vendor sign statement.json --key release.key").exits(0).prints(&line);
	let signed = signed.says("version 1.0.2 of model 3").says("not checked: whether the statement is that of your file");
	signed.says("whether this is your chain (--genesis)");
}

#[test]
fn key_sets_should_be_signed_without_a_network() {
	let waybill = Waybill::offline();
	let key = waybill.json("key generate release.key")["public_key"].as_str().unwrap().to_owned();
	let vendor = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
	let file = |threshold: u8| {
		let genesis = format!("0x{}", hex::encode(GENESIS));
		json!({
			"genesis": genesis, "vendor": vendor, "key_set_version": 3, "threshold": threshold, "release_keys": [key],
		})
	};
	fs::write(waybill.file("key-set-3.json"), file(1).to_string()).unwrap();
	let report = waybill.json("vendor sign key-set-3.json --key release.key");
	let alice = hex::decode("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d").unwrap();
	let keys = vec![key.parse::<DeviceKey>().unwrap()].try_into().unwrap();
	let key_set = KeySet { threshold: 1, keys };
	let statement = KeySetStatement::<[u8; 32]> { vendor: alice.try_into().unwrap(), version: 3, key_set };
	assert!(verifies(&report["signatures"][0], &statement));
	waybill.run("vendor sign key-set-3.json --key release.key").exits(0).says("key set 3 of 5Grwva");
	fs::write(waybill.file("firmware.bin"), b"firmware").unwrap();
	waybill.run("vendor sign key-set-3.json --firmware firmware.bin --key release.key").exits(2).prints_nothing();
	fs::write(waybill.file("wrong.json"), file(2).to_string()).unwrap();
	waybill.run("vendor sign wrong.json --key release.key").exits(5).prints_nothing();
}

#[test]
fn nothing_should_be_signed_that_is_not_what_it_says() {
	let waybill = Waybill::offline();
	statement(&waybill, b"firmware");
	waybill.json("key generate release.key");
	fs::write(waybill.file("other.bin"), b"fIrmware").unwrap();
	waybill.run("vendor sign statement.json --firmware other.bin --key release.key").exits(7).prints_nothing();
	let other = format!("0x{}", hex::encode([8; 32]));
	waybill.run(&format!("vendor sign statement.json --key release.key --genesis {other}")).exits(7).prints_nothing();
	fs::write(waybill.file("bad.json"), "{}").unwrap();
	waybill.run("vendor sign bad.json --key release.key").exits(5).prints_nothing();
	waybill.run("vendor sign statement.json --key missing.key").exits(5).prints_nothing();
	fs::set_permissions(waybill.file("release.key"), fs::Permissions::from_mode(0o644)).unwrap();
	waybill.run("vendor sign statement.json --key release.key").exits(5).prints_nothing();
}

#[test]
fn withdrawals_should_be_signed_for_one_chain() {
	let waybill = Waybill::offline();
	waybill.json("key generate release.key");
	waybill.run("vendor sign --yank 5 --reason vulnerable --key release.key").exits(2).says("--genesis");
	let genesis = hex::encode(GENESIS);
	let report = waybill.json(&format!("vendor sign --yank 5 --reason vulnerable --key release.key --genesis 0x{genesis}"));
	let yank = waybill_primitives::YankStatement { release: 5, reason: waybill_primitives::Yank::Vulnerable };
	assert!(verifies(&report["signatures"][0], &yank));
}

#[test]
fn copy_that_is_no_store_should_be_refused_and_change_nothing() {
	let waybill = Waybill::offline();
	fs::write(waybill.file("copy.redb"), "no store").unwrap();
	waybill.run("distributor restore copy.redb --data shop").exits(5).says("choose another copy");
	waybill.run("distributor restore nothing.redb --data shop").exits(5).says("nothing.redb");
	assert_eq!(fs::read(waybill.file("copy.redb")).unwrap(), b"no store");
	assert_eq!(fs::read_dir(waybill.file("shop")).unwrap().count(), 0);
}
