//! The agent is killed at random moments, over several releases, with a hook and a health check.

use crate::report::Report;
use rand::RngExt;
use std::{fs, thread::sleep, time::Duration};
use waybill_testkit::program::{release_of, World};

const RELEASES: u32 = 6;
/// The most kills before the agent is left alone.
const KILLS: u32 = 40;

/// Plays it.
pub fn play(report: &mut Report) {
	let world = World::new();
	// Slow enough to be hit.
	let hook = world.program("hook", "sleep 0.3");
	let health = world.program("health", "sleep 0.2; echo fine");
	let more = format!("--hook {hook} --health {health}");
	let mut kills = 0;
	for id in 0..RELEASES {
		report.case(&format!("power_cuts/release={id}"));
		let image = vec![id as u8; 300_000];
		release_of(&world.vendor, id, 1, &image);
		for _ in 0..KILLS {
			let mut device = world.vendor.command(&world.update(&more)).start();
			sleep(Duration::from_millis(rand::rng().random_range(50..2_000)));
			if device.has_ended() {
				break;
			}
			device.kill();
			kills += 1;
			assert!(is_bootable(&world), "the slot in use does not boot after kill {kills}");
		}
		// Attempts that were broken off count. If there were too many, a person tries once more.
		let ended = world.vendor.command(&world.update(&more)).run();
		if ended.code() == 7 {
			world.vendor.run("device retry --state devices/000").exits(0);
			world.vendor.run(&world.update(&more)).exits(0);
		}
		let status = world.status();
		assert_eq!(status["installed"]["release"], id, "{status}");
		assert_eq!(world.vendor.json(&format!("bounty show {id}"))["paid"], 1);
		report.holds();
	}
	report.figure("field_kills", "power_cuts", kills, "kills");
}

/// Whether the slot in use holds a whole image, or the factory's firmware is in use.
fn is_bootable(world: &World) -> bool {
	let folder = world.vendor.file("devices/000");
	let Ok(image) = fs::read(folder.join("current/firmware.bin")) else { return !folder.join("current").exists() };
	let record = fs::read_to_string(folder.join("current/release.json")).unwrap();
	let record: serde_json::Value = serde_json::from_str(&record).unwrap();
	let is_whole = image.iter().all(|byte| *byte == image[0]) && record["size"] == image.len();
	is_whole && record["release"] == image[0]
}
