//! Trials of new versions: the device as a program, with real hooks.

use serde_json::Value;
use std::{
	fs,
	path::Path,
	thread::sleep,
	time::{Duration, Instant},
};
use waybill_testkit::{
	machine::Machine,
	program::{release_of, Service, World},
};

const LIMIT: Duration = Duration::from_secs(200);

fn until(what: &str, mut done: impl FnMut() -> bool) {
	let started = Instant::now();
	while !done() {
		assert!(started.elapsed() < LIMIT, "{what}");
		sleep(Duration::from_millis(100));
	}
}

#[test]
fn swupdate_should_install_and_a_failing_image_be_left_for_the_version_before() {
	let (world, machine) = (World::new(), Machine::new("swupdate"));
	let (hook, environment) = machine.hook();
	let hook = hook.display();
	let update = || {
		let mut command = world.vendor.command(&world.update(&format!("--hook {hook} --health {hook}")));
		for (name, value) in &environment {
			command = command.env(name, value);
		}
		command.start()
	};
	machine.swu(b"the first system");
	release_of(&world.vendor, 0, 1, &machine.read("image"));
	let device = update();
	until("the machine does not restart", || machine.path("restarted").exists());
	assert!(machine.read("b").starts_with(b"the first system"));
	// The machine restarts. The agent runs on, as its container would.
	let status = world.status();
	assert_eq!((&status["trial"]["phase"], &status["trial"]["boots"]), (&"proving".into(), &1.into()), "{status}");
	machine.starts("b");
	device.wait().exits(0).prints("confirmed version 1.0.0");
	assert_eq!(machine.variable("upgrade_available"), "0");

	machine.swu(b"the second system");
	machine.check("echo it is broken; exit 4");
	release_of(&world.vendor, 1, 1, &machine.read("image"));
	let device = update();
	until("the machine does not restart", || machine.path("restarted").exists());
	assert!(machine.read("a").starts_with(b"the second system"));
	machine.starts("a");
	until("the machine does not go back", || machine.path("restarted").exists());
	assert_eq!(machine.variable("waybill_slot"), "b");
	machine.starts("b");
	let words = "version 1.0.1 (release 1): rolled back, because the health check failed with exit status 4";
	device.wait().exits(7).says(words);

	let status = world.status();
	assert_eq!(status["version"], "1.0.0");
	// The state folder was named by a relative path. Hooks may work in another folder.
	let image = Path::new(status["image"].as_str().unwrap());
	assert!(image.is_absolute() && image.starts_with(status["folder"].as_str().unwrap()), "{status}");
	assert_eq!(status["installed"]["release"], 0);
	let last = &status["last_update"];
	assert_eq!((&last["release"], &last["outcome"], &last["reason"]), (&1.into(), &"rolled_back".into(), &0x0204.into()));
	assert_eq!((&last["boots"], &last["why"]), (&1.into(), &"the health check failed with exit status 4".into()));
	assert!(last["health"].as_str().unwrap().starts_with("0x"), "{last}");
	assert_eq!(status["rolled_back"][0]["release"], 1);
	assert_eq!(status["trial"], Value::Null);
	// It is not tried again, unless a person asks for it.
	update().wait().exits(7).says("not tried again");
	machine.check("exit 0");
	world.vendor.run("device retry --state devices/000").exits(0).prints("version    1.0.0");
	let device = update();
	until("the machine does not restart", || machine.path("restarted").exists());
	machine.starts("a");
	device.wait().exits(0).prints("confirmed version 1.0.1");
	// Nobody was paid for it again.
	assert_eq!(world.vendor.json("bounty show 1")["paid"], 1);
	assert_eq!(world.shop.json(&format!("distributor status --url {}", world.operators))["total"]["devices"], 2);
}

#[test]
fn hook_that_kills_the_agent_should_run_three_times_and_children_end_with_the_agent() {
	let world = World::new();
	let runs = world.vendor.file("runs");
	let hook = world.program("hook", &format!("echo $1 >> {}; [ $1 = rollback ] || kill -9 $PPID", runs.display()));
	release_of(&world.vendor, 0, 1, b"a version");
	let update = world.update(&format!("--hook {hook}"));
	for _ in 0..5 {
		// A killed agent has no exit code.
		let mut device = world.vendor.command(&update).start();
		until("the agent does not end", || device.has_ended());
	}
	assert_eq!(fs::read_to_string(&runs).unwrap(), "install\ninstall\ninstall\nrollback\n");
	let status = world.status();
	assert_eq!((&status["last_update"]["outcome"], &status["last_update"]["boots"]), (&"install_failed".into(), &3.into()));

	// A person tries once more, and the agent is stopped while the hook runs.
	world.program("hook", &format!("sleep 900 & echo $! > {}; wait", runs.display()));
	world.vendor.run("device retry --state devices/000").exits(0);
	let mut device = Service::start(world.vendor.command(&update));
	until("the hook does not run", || {
		fs::read_to_string(&runs).is_ok_and(|pid| pid.ends_with('\n') && pid.trim().parse::<u32>().is_ok())
	});
	let child = fs::read_to_string(&runs).unwrap();
	device.stop();
	let is_alive = || fs::read_to_string(format!("/proc/{}/stat", child.trim())).is_ok_and(|stat| !stat.contains(") Z "));
	until("the hook's child outlives the agent", || !is_alive());
	let status = world.status();
	assert_eq!(status["trial"]["phase"], "installing", "{status}");
}

#[test]
fn person_should_confirm_and_go_back_while_the_agent_runs_and_while_it_does_not() {
	let world = World::new();
	let update = world.update("--manual-confirm").replace("--once --timeout 150", "");
	release_of(&world.vendor, 0, 1, b"the first version");
	world.vendor.run("device confirm --state devices/000").exits(2).says("nothing to confirm");
	let mut device = Service::start(world.vendor.command(&update));
	until("it is not on trial", || world.status()["trial"]["phase"] == "proving");
	world.vendor.run("device confirm --state devices/000").exits(0).prints("last       version 1.0.0 confirmed");
	device.until_line("confirmed version 1.0.0");
	release_of(&world.vendor, 1, 1, b"the second version");
	until("it is not on trial", || world.status()["trial"]["firmware"]["release"] == 1);
	device.stop();
	world.vendor.run("device confirm --state devices/000").exits(0).prints("confirmed version 1.0.1");
	assert_eq!(world.status()["before"], "1.0.0");
	let back = world.vendor.run("device rollback --state devices/000").exits(0);
	back.prints("version 1.0.1: rolled back, because somebody asked for it; version 1.0.0 is installed");
	assert_eq!(world.status()["version"], "1.0.0");
	world.vendor.run("device rollback --state devices/000").exits(2).says("no version before");
}
