//! The output.

use serde_json::{json, Value};

/// Prints a figure.
pub fn figure(name: &str, case: &str, value: impl Into<Value>, unit: &str) {
	println!("{}", json!({ "name": name, "case": case, "value": value.into(), "unit": unit }));
}

/// Rounds a figure to what it can mean.
pub fn round(value: f64) -> f64 {
	(value * 10.0).round() / 10.0
}
