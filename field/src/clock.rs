//! The device's clock is in 1970, and a day ahead.

use crate::report::Report;
use std::fs;
use waybill_testkit::program::{release_of, World};

/// The library of Debian's package `faketime`, which sets the clock of one program.
fn faketime() -> String {
	let folders = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
	let library = folders.map(|folder| folder.join("faketime/libfaketime.so.1")).find(|library| library.is_file());
	library.expect("the package faketime is missing; run `make setup`").to_str().unwrap().into()
}

/// Plays it.
pub fn play(report: &mut Report) {
	report.case("clock/1970");
	let world = World::new();
	release_of(&world.vendor, 0, 1, b"an image");
	let library = faketime();
	let under = |time: &str, args: &str| {
		let command = world.vendor.command(args).env("LD_PRELOAD", &library).env("FAKETIME", time);
		command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").run()
	};
	let patient = world.update("");
	let once = patient.replace(" --timeout 150", "");
	under("@1970-01-01 00:00:10", &once).exits(7).says("set the clock");
	under("@1970-01-01 00:00:10", &patient.replace("150", "20")).exits(4).says("set the clock");
	assert_eq!(world.vendor.json("bounty show 0")["paid"], 0);
	report.holds();

	report.case("clock/a_day_ahead");
	let ahead = under("+1d", &patient.replace("150", "20")).exits(4);
	assert!(ahead.stderr.contains("this device's clock, which says"), "{}", ahead.stderr);
	assert_eq!(world.vendor.json("bounty show 0")["paid"], 0);
	report.holds();

	report.case("clock/set_right_again");
	world.vendor.run(&patient).exits(0);
	assert_eq!(world.vendor.json("bounty show 0")["paid"], 1);
	report.holds();
}
