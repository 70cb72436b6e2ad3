//! Plays what happens to devices and distributors in the field, with the real programs.
//!
//! Standard output holds one JSON object a line, `{"name", "case", "value", "unit"}`; words go to
//! standard error. The exit code is 0 if every case holds.

// A scenario that cannot go on does not hold; it says why by its panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agents;
mod clock;
mod crowd;
mod full_disk;
mod lost_content;
mod power_cuts;
mod report;
mod slow_link;

use clap::{Parser, ValueEnum};
use report::Report;
use std::process::ExitCode;
use waybill_cpu as _;

/// Plays what happens to devices and distributors in the field.
#[derive(Parser)]
#[command(name = "waybill-field", version)]
struct Cli {
	/// What to play; everything if not given
	scenario: Option<Scenario>,
}

/// Something that happens in the field.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
#[value(rename_all = "snake_case")]
enum Scenario {
	/// The agent is killed at random moments
	PowerCuts,
	/// The disk has no room
	FullDisk,
	/// The device's clock is wrong
	Clock,
	/// The gateway is behind a slow link
	SlowLink,
	/// Kubo loses everything, and hangs
	LostContent,
	/// The agent runs on other processors
	Agents,
	/// Most of those who announced an address stay silent
	Crowd,
}

impl Scenario {
	fn play(self, report: &mut Report) {
		match self {
			Self::PowerCuts => power_cuts::play(report),
			Self::FullDisk => full_disk::play(report),
			Self::Clock => clock::play(report),
			Self::SlowLink => slow_link::play(report),
			Self::LostContent => lost_content::play(report),
			Self::Agents => agents::play(report),
			Self::Crowd => crowd::play(report),
		}
	}
}

fn main() -> ExitCode {
	let wanted = Cli::parse().scenario;
	let mut report = Report::default();
	for scenario in Scenario::value_variants().iter().filter(|one| wanted.is_none_or(|wanted| wanted == **one)) {
		eprintln!("{scenario:?}");
		report.scenario(|report| scenario.play(report));
	}
	match report.all_hold() {
		true => ExitCode::SUCCESS,
		false => ExitCode::FAILURE,
	}
}
