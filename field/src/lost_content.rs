//! Kubo loses every pin, and hangs when it is to unpin.

use crate::report::Report;
use std::{thread::sleep, time::Duration};
use waybill_testkit::program::{release_of, World};

/// Plays it.
pub fn play(report: &mut Report) {
	report.case("lost_content/made_again");
	let world = World::with(&[("WAYBILL_DISTRIBUTOR__CHECK_CONTENT", "2")]);
	release_of(&world.vendor, 0, 1, &vec![7; 300_000]);
	world.until_serving();
	let lost = world.ipfs.lose_pins();
	let ours = |pinned: Vec<String>| lost.iter().filter(|cid| pinned.contains(cid)).count();
	// The vendor's image and list are not the distributor's to make again.
	let made = (0..600).any(|_| {
		sleep(Duration::from_millis(100));
		ours(world.ipfs.pinned()) >= 3
	});
	assert!(made, "{lost:?} and {:?}", world.ipfs.pinned());
	world.vendor.run(&world.update("")).exits(0);
	report.holds();

	report.case("lost_content/kubo_hangs");
	// The fleet's list was lost, too, and is its vendor's to put back.
	world.vendor.run("vendor add-manifest --fleet 0 keys.txt").exits(0);
	world.ipfs.hang();
	release_of(&world.vendor, 1, 1, &vec![8; 300_000]);
	world.vendor.run(&world.update("")).exits(0);
	assert_eq!(world.vendor.json("bounty show 1")["paid"], 1);
	report.holds();
}
