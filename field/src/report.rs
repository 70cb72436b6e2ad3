//! What the scenarios found: a JSON object a line.

use serde_json::{json, Value};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Prints cases and figures, and remembers whether a case does not hold.
#[derive(Default)]
pub struct Report {
	failed: bool,
	/// The case that is being played.
	case: String,
}

impl Report {
	/// Plays a scenario. If it panics, its current case does not hold.
	pub fn scenario(&mut self, play: impl FnOnce(&mut Self)) {
		if catch_unwind(AssertUnwindSafe(|| play(self))).is_err() {
			let case = self.case.clone();
			self.end(&case, false);
		}
	}

	/// Begins a case.
	pub fn case(&mut self, case: &str) {
		eprintln!("  {case}");
		self.case = case.into();
	}

	/// The current case holds.
	pub fn holds(&mut self) {
		let case = std::mem::take(&mut self.case);
		self.end(&case, true);
	}

	/// Prints a figure.
	pub fn figure(&self, name: &str, case: &str, value: impl Into<Value>, unit: &str) {
		println!("{}", json!({ "name": name, "case": case, "value": value.into(), "unit": unit }));
	}

	/// Whether every case holds.
	pub const fn all_hold(&self) -> bool {
		!self.failed
	}

	fn end(&mut self, case: &str, holds: bool) {
		self.failed |= !holds;
		self.figure("field_case", case, u8::from(holds), "holds");
	}
}
