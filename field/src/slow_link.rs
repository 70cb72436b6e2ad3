//! The gateway is behind a link of 80 kbit/s.

use crate::report::Report;
use std::time::Instant;
use waybill_testkit::program::{release_of, World};

/// Bytes a second.
const RATE: u64 = 10_000;
const IMAGE: usize = 1 << 20;

/// Plays it.
pub fn play(report: &mut Report) {
	report.case("slow_link/80_kbit");
	let world = World::new();
	let image: Vec<u8> = (0..IMAGE as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
	release_of(&world.vendor, 0, 1, &image);
	// The distributor has its content before the link becomes slow.
	world.until_serving();
	world.ipfs.throttle(RATE);
	let begun = Instant::now();
	world.vendor.run(&world.update("").replace("150", "900")).exits(0);
	report.figure("field_update_seconds", "80_kbit", begun.elapsed().as_secs(), "s");
	assert_eq!(world.vendor.json("bounty show 0")["paid"], 1);
	report.holds();
}
