//! The output: one JSON object a line on standard output, kept for the document too.

use crate::measures::{named, Measure};
use anyhow::{ensure, Context, Result};
use serde_json::{json, Value};
use std::{
	io::{BufRead, BufReader},
	process::{Command, Stdio},
};

/// One figure as it was printed.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
	/// What was measured.
	pub measure: &'static Measure,
	/// On what, or in which way.
	pub case: String,
	/// The figure.
	pub value: Value,
}

impl Record {
	/// The line for standard output.
	fn line(&self) -> String {
		let Self { measure: Measure { name, unit, .. }, case, value } = self;
		json!({ "name": name, "case": case, "value": value, "unit": unit }).to_string()
	}

	/// The record that another program of the benchmarks printed as this line.
	fn read(line: &str) -> Result<Self> {
		let object: Value = serde_json::from_str(line)?;
		let text = |key| object[key].as_str().with_context(|| format!("the line has no {key}"));
		let (name, unit) = (text("name")?, text("unit")?);
		let measure = named(name).with_context(|| format!("bench/src/measures.rs does not list {name}"))?;
		ensure!(unit == measure.unit, "the unit of {name} is {unit:?} here and {:?} in bench/src/measures.rs", measure.unit);
		Ok(Self { measure, case: text("case")?.into(), value: object["value"].clone() })
	}
}

/// Prints figures and keeps them.
#[derive(Default)]
pub struct Report {
	records: Vec<Record>,
}

impl Report {
	/// Prints a figure.
	pub fn figure(&mut self, measure: &'static Measure, case: &str, value: impl Into<Value>) {
		self.add(Record { measure, case: case.into(), value: value.into() });
	}

	/// Runs another program of the benchmarks; what it prints counts as printed here.
	pub fn run(&mut self, program: &mut Command) -> Result<()> {
		let name = program.get_program().to_string_lossy().into_owned();
		let mut child = program.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {name}"))?;
		for line in BufReader::new(child.stdout.take().context("its output is piped")?).lines() {
			let line = line?;
			self.add(Record::read(&line).with_context(|| format!("{name} printed {line:?}"))?);
		}
		let status = child.wait()?;
		ensure!(status.success(), "{name} failed: {status}");
		Ok(())
	}

	/// Everything printed so far.
	pub fn records(&self) -> &[Record] {
		&self.records
	}

	fn add(&mut self, record: Record) {
		println!("{}", record.line());
		self.records.push(record);
	}
}

/// Rounds to one decimal; more would be noise.
pub fn round(value: f64) -> f64 {
	(value * 10.0).round() / 10.0
}

/// Rounds to four digits.
pub fn digits(value: f64) -> f64 {
	let scale = 10f64.powi(3 - value.abs().max(1e-9).log10().floor() as i32);
	(value * scale).round() / scale
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::measures::{DELIVERY_BYTES, WASM_BYTES};

	#[test]
	fn record_should_be_read_back_from_its_line() {
		let record = Record { measure: &DELIVERY_BYTES, case: "random, a path each".into(), value: 815.5.into() };
		assert_eq!(Record::read(&record.line()).unwrap(), record);
	}

	#[test]
	fn line_should_be_refused_when_its_name_or_unit_is_unknown() {
		let line = |name: &str, unit: &str| json!({ "name": name, "case": "", "value": 1, "unit": unit }).to_string();
		assert!(Record::read(&line(WASM_BYTES.name, WASM_BYTES.unit)).is_ok());
		assert!(Record::read(&line("other", "B")).is_err());
		assert!(Record::read(&line(WASM_BYTES.name, "kB")).is_err());
		assert!(Record::read("a word").is_err());
	}

	#[test]
	fn program_should_count_only_when_it_ends_well() {
		let line = json!({ "name": WASM_BYTES.name, "case": "", "value": 1, "unit": "B" }).to_string();
		let mut report = Report::default();
		report.run(Command::new("echo").arg(&line)).unwrap();
		assert_eq!(report.records().len(), 1);
		assert!(report.run(Command::new("echo").arg("a word")).is_err());
		assert!(report.run(&mut Command::new("false")).is_err());
		assert!(report.run(&mut Command::new("./nothing-of-this-name")).is_err());
	}

	#[test]
	fn figures_should_keep_four_digits() {
		assert_eq!(digits(0.012_345_6), 0.012_35);
		assert_eq!(digits(12_345.6), 12_350.0);
		assert_eq!(digits(0.0), 0.0);
	}
}
