//! The commands of "A first update in ten minutes" in `README.md`, as they stand there.

use std::{env, fs, process::Command, time::Duration};
use waybill_testkit::program::{built, in_checkout, installed, Waybill};

/// A fenced block.
struct Block<'a> {
	language: &'a str,
	text: &'a str,
}

fn blocks(section: &str) -> Vec<Block<'_>> {
	let fenced = section.split("```").skip(1).step_by(2);
	fenced.filter_map(|block| block.split_once('\n')).map(|(language, text)| Block { language, text }).collect()
}

/// Whether the line is this one, in which `…` stands for anything.
fn is_like(line: &str, expected: &str) -> bool {
	let mut parts = expected.split('…');
	let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
	let mut open = false;
	for part in parts {
		let Some(at) = rest.find(part) else { return false };
		rest = &rest[at + part.len()..];
		open = part.is_empty();
	}
	open || rest.is_empty()
}

#[test]
fn first_update_should_go_as_the_readme_says() {
	let readme = fs::read_to_string(in_checkout("README.md")).unwrap();
	let section = readme.split("\n## ").find(|section| section.starts_with("A first update")).unwrap();
	// The first block builds the programs.
	let blocks = &blocks(section)[1..];
	assert!(blocks.iter().filter(|block| block.language == "sh").count() > 5);
	let part = |number: usize| format!("--- block {number}");
	let mut script = String::from("set -e\nip link set lo up\n");
	for (number, block) in blocks.iter().enumerate().filter(|(_, block)| block.language == "sh") {
		script += &format!("echo '{}'\n{}", part(number), block.text);
	}
	let waybill = Waybill::offline();
	fs::write(waybill.file("script"), script).unwrap();
	let programs = [built("waybill"), installed("ipfs")].map(|program| program.parent().unwrap().to_owned());
	let machines = env::var_os("PATH").unwrap();
	let path = env::join_paths(programs.into_iter().chain(env::split_paths(&machines))).unwrap();
	// A network of its own, in which the ports are free, and processes that all end with the first.
	let alone = "--map-root-user --net --pid --fork --kill-child bash script";
	let run = waybill.command_of(Command::new("unshare"), alone).env("PATH", path.to_str().unwrap());
	let done = run.start().wait_within(Duration::from_secs(900)).exits(0);
	for (number, block) in blocks.iter().enumerate().filter(|(_, block)| block.language == "text") {
		let printed = done.stdout.split(&part(number - 1)).nth(1).unwrap().split("--- block").next().unwrap();
		let mut lines = printed.lines();
		for expected in block.text.lines() {
			assert!(lines.any(|line| is_like(line, expected)), "not in this order: {expected}\n{printed}");
		}
	}
}
