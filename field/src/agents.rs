//! `waybill-device` as `make agent` builds it for other machines, run by qemu's user emulation.

use crate::report::Report;
use std::{
	fs,
	path::PathBuf,
	process::Command,
	time::{Duration, Instant},
};
use waybill_testkit::program::{built, free_port, release_of, vendor_of, Kubo, Node, Service, Waybill};

/// A machine to run the agent on.
struct Machine {
	case: &'static str,
	target: &'static str,
	/// What runs the program, if not this machine itself.
	emulator: &'static [&'static str],
}

const MACHINES: [Machine; 4] = [
	Machine {
		case: "aarch64",
		target: "aarch64-unknown-linux-gnu",
		emulator: &["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"],
	},
	Machine {
		case: "armv7",
		target: "armv7-unknown-linux-gnueabihf",
		emulator: &["qemu-arm", "-cpu", "cortex-a7", "-L", "/usr/arm-linux-gnueabihf"],
	},
	// A processor of 2008, without AVX.
	Machine {
		case: "x86_64_without_avx2",
		target: "x86_64-unknown-linux-gnu",
		emulator: &["qemu-x86_64", "-cpu", "Nehalem"],
	},
	// How much memory the agent takes shows only without an emulator.
	Machine { case: "x86_64", target: "x86_64-unknown-linux-gnu", emulator: &[] },
];

const IMAGE: usize = 1 << 20;

/// Plays it.
pub fn play(report: &mut Report) {
	report.case("agents/world");
	let kubo = Kubo::start();
	let node = Node::start(&kubo.gateway());
	let program = || Waybill::with(&node).flag("--kubo", &kubo.api()).flag("--gateway", &kubo.gateway());
	let vendor = vendor_of(program());
	let shop = program();
	shop.account("account.key", "1000");
	let shop = shop.flag("--account-file", "account.key");
	let listen = format!("127.0.0.1:{}", free_port());
	let _distributor = Service::start(shop.command(&format!("distributor run --listen {listen} --data shop --max-delay 1")));
	let image: Vec<u8> = (0..IMAGE as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
	release_of(&vendor, 0, 1, &image);
	report.holds();

	for (index, machine) in MACHINES.iter().enumerate() {
		report.case(&format!("agents/{}", machine.case));
		let agent = agent(machine.target);
		let mut words = machine.emulator.iter().map(PathBuf::from).chain([agent.clone()]);
		let mut command = Command::new(words.next().unwrap());
		command.args(words);
		let state = format!("devices/{index:03}");
		let begun = Instant::now();
		let update = format!("run --state {state} --distributor http://{listen} --once --timeout 280");
		let mut device = vendor.command_of(command, &update).start();
		let mut memory = 0;
		while !device.has_ended() {
			memory = device.peak_memory().unwrap_or(memory);
			std::thread::sleep(Duration::from_millis(20));
		}
		device.wait().exits(0);
		assert_eq!(fs::read(vendor.file(&format!("{state}/current/firmware.bin"))).unwrap(), image);
		assert_eq!(vendor.json("bounty show 0")["paid"], index + 1);
		report.holds();
		report.figure("field_agent_size", machine.case, fs::metadata(agent).unwrap().len(), "B");
		report.figure("field_agent_update", machine.case, begun.elapsed().as_secs(), "s");
		if machine.emulator.is_empty() {
			report.figure("field_agent_peak_memory", machine.case, memory, "B");
		}
	}
}

/// What `make agent` has built for this target.
fn agent(target: &str) -> PathBuf {
	let programs = built("waybill");
	let agent = programs.parent().and_then(|release| release.parent()).unwrap().join(target).join("agent/waybill-device");
	assert!(agent.is_file(), "{} is missing; run `make agent TARGET={target}`", agent.display());
	agent
}
