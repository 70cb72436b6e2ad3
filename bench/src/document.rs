//! `docs/figures.md`, rendered from the records that were printed.

use crate::{
	machine::{Commit, Head, BUSY},
	measures::{Section, SECTIONS},
	report::Record,
};
use anyhow::{Context, Result};
use std::fmt::Write;

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * KIB;
const GIB: f64 = 1024.0 * MIB;

/// The whole document.
pub fn render(head: &Head, records: &[Record]) -> Result<String> {
	let mut text = render_head(head)?;
	for section in SECTIONS {
		render_section(section, records, &mut text)?;
	}
	Ok(text)
}

fn render_head(head: &Head) -> Result<String> {
	let commit = match &head.commit {
		Some(Commit { id, is_changed: false }) => format!("commit {id}"),
		Some(Commit { id, is_changed: true }) => format!("commit {id} with uncommitted changes"),
		None => "an unknown commit".into(),
	};
	let vectors = if cfg!(target_feature = "avx2") { ", compiled for AVX2" } else { "" };
	let (memory, unit) = readable(head.memory as f64, "B");
	let mut text = String::new();
	writeln!(text, "# Figures\n")?;
	writeln!(text, "`make bench` writes this file. Do not edit it: the words are in `bench/src`.\n")?;
	writeln!(text, "- Date: {}", head.date)?;
	writeln!(text, "- Source: {commit}")?;
	writeln!(text, "- Processor: {}, {} cores{vectors}", head.processor, head.cores)?;
	writeln!(text, "- Memory: {memory} {unit}")?;
	writeln!(text, "- Compiler: {}", head.compiler.as_deref().unwrap_or("unknown"))?;
	writeln!(text, "- Load average in the minute before the run: {:.2}", head.load)?;
	writeln!(text, "- Duration of the run: {} minutes", head.start.elapsed().as_secs().div_ceil(60))?;
	if head.load > BUSY {
		writeln!(text, "\n**The machine was busy with other work. Times may be too long and rates too low.**")?;
	}
	writeln!(text, "\nA blank meaning or figure repeats the one above it.")?;
	Ok(text)
}

fn render_section(section: &Section, records: &[Record], text: &mut String) -> Result<()> {
	writeln!(text, "\n## {}\n\n{}\n", section.title, section.text)?;
	writeln!(text, "| figure | case | value | unit | meaning |\n|---|---|---:|---|---|")?;
	for measure in section.measures {
		let mut rows = records.iter().filter(|record| record.measure == *measure).peekable();
		rows.peek().with_context(|| format!("{} was not measured", measure.name))?;
		let (mut name, mut meaning) = (format!("`{}`", measure.name), measure.meaning);
		for Record { case, value, .. } in rows {
			let value = value.as_f64().with_context(|| format!("{} {case} is not a number", measure.name))?;
			let (value, unit) = readable(value, measure.unit);
			writeln!(text, "| {name} | {case} | {value} | {unit} | {meaning} |")?;
			(name, meaning) = (String::new(), "");
		}
	}
	Ok(())
}

/// A value in the unit that reads best.
fn readable(value: f64, unit: &str) -> (String, &str) {
	let (scale, unit) = match unit {
		"B" if value >= GIB => (GIB, "GiB"),
		"B" if value >= MIB => (MIB, "MiB"),
		"B" if value >= 10.0 * KIB => (KIB, "KiB"),
		"s" if value < 1.0 => (1e-3, "ms"),
		"us" => (1.0, "µs"),
		other => (1.0, other),
	};
	(number(value / scale), unit)
}

/// Four digits, or all before the point in groups of three.
fn number(value: f64) -> String {
	if value.abs() < 1000.0 {
		let decimals = (3 - value.abs().max(1e-9).log10().floor() as i32).max(0) as usize;
		let text = format!("{value:.decimals$}");
		return if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text };
	}
	let whole = format!("{value:.0}");
	let (sign, digits) = whole.strip_prefix('-').map_or(("", whole.as_str()), |digits| ("-", digits));
	let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
	format!("{sign}{}", groups.join(","))
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::time::Instant;

	fn head() -> Head {
		Head {
			processor: "A processor".into(),
			cores: 2,
			memory: 24 << 30,
			load: 0.1,
			date: "2026-11-30 12:00 UTC".into(),
			commit: Some(Commit { id: "abc1234".into(), is_changed: false }),
			compiler: Some("rustc 1.90.0".into()),
			start: Instant::now(),
		}
	}

	/// A record of every measure.
	fn records() -> Vec<Record> {
		let all = SECTIONS.iter().flat_map(|section| section.measures);
		all.map(|measure| Record { measure, case: "a case".into(), value: 7.into() }).collect()
	}

	#[test]
	fn document_should_show_every_record_under_its_section() {
		let text = render(&head(), &records()).unwrap();
		for section in SECTIONS {
			assert!(text.contains(&format!("\n## {}\n\n{}\n", section.title, section.text)), "{}", section.title);
			for measure in section.measures {
				assert!(text.contains(&format!("| `{}` | a case | 7 |", measure.name)), "{}", measure.name);
				assert!(text.contains(&format!(" | {} |\n", measure.meaning)), "{}", measure.name);
			}
		}
	}

	#[test]
	fn name_and_meaning_should_stand_once_when_there_are_several_cases() {
		let mut records = records();
		let mut second = records[0].clone();
		(second.case, second.value) = ("another".into(), 7.into());
		records.push(second);
		let text = render(&head(), &records).unwrap();
		let name = records[0].measure.name;
		assert_eq!(text.matches(&format!("`{name}`")).count(), 1);
		assert!(text.contains("\n|  | another | 7 | B |  |\n"));
	}

	#[test]
	fn document_should_be_refused_when_a_figure_is_missing_or_none() {
		let mut records = records();
		records[3].value = f64::NAN.into();
		assert!(render(&head(), &records).is_err());
		records.remove(3);
		assert!(render(&head(), &records).is_err());
	}

	#[test]
	fn head_should_name_commit_and_changes() {
		let text = |commit| render_head(&Head { commit, ..head() }).unwrap();
		let commit = |is_changed| Some(Commit { id: "abc1234".into(), is_changed });
		assert!(text(commit(false)).contains("- Source: commit abc1234\n"));
		assert!(text(commit(true)).contains("- Source: commit abc1234 with uncommitted changes\n"));
		assert!(text(None).contains("- Source: an unknown commit\n"));
	}

	#[test]
	fn head_should_warn_when_the_machine_was_busy() {
		let text = |load| render_head(&Head { load, ..head() }).unwrap();
		assert!(text(2.5).contains("was busy") && text(2.5).contains("before the run: 2.50\n"));
		assert!(!text(0.2).contains("was busy"));
	}

	#[test]
	fn text_of_the_document_should_fit_a_page() {
		let head = render_head(&head()).unwrap();
		for line in head.lines().chain(SECTIONS.iter().flat_map(|section| section.text.lines())) {
			assert!(line.chars().count() <= 100, "{line}");
		}
	}

	#[test]
	fn values_should_be_shown_in_the_unit_that_reads_best() {
		let shown = |value, unit| {
			let (value, unit) = readable(value, unit);
			format!("{value} {unit}")
		};
		assert_eq!(shown(480.0, "B"), "480 B");
		assert_eq!(shown(427.35, "B"), "427.4 B");
		assert_eq!(shown(372_736.0, "B"), "364 KiB");
		assert_eq!(shown(981_467_136.0, "B"), "936 MiB");
		assert_eq!(shown(24.0 * GIB, "B"), "24 GiB");
		assert_eq!(shown(0.0049, "s"), "4.9 ms");
		assert_eq!(shown(52.04, "s"), "52.04 s");
		assert_eq!(shown(1.5, "us"), "1.5 µs");
		assert_eq!(shown(1.124, "bit"), "1.124 bit");
		assert_eq!(shown(0.005_623, "%"), "0.005623 %");
		assert_eq!(shown(0.0, "B"), "0 B");
		assert_eq!(shown(1_234_567.0, "ns"), "1,234,567 ns");
		assert_eq!(shown(-12_345.0, "ns"), "-12,345 ns");
		assert_eq!(shown(999.96, "1/s"), "1000 1/s");
	}
}
