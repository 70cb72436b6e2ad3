//! Measures Waybill on one machine.
//!
//! Standard output holds one JSON object a line, `{"name", "case", "value", "unit"}`; words go to
//! standard error. A run of every group can also write the figures as a document.

mod bytes;
mod chain;
mod claims;
mod devices;
mod document;
mod fees;
mod gateway;
mod machine;
mod measures;
mod micros;
mod node;
mod report;
mod signer;
mod size;
mod state;
mod wasm;
mod world;
mod zkcp;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use machine::Head;
use report::Report;
use std::path::PathBuf;
use waybill_cpu as _;

/// Measures the chain and prints one JSON object a line.
#[derive(Parser)]
#[command(name = "waybill-bench", version)]
struct Cli {
	/// What to measure; everything if not given
	group: Option<Group>,
	/// Write the figures of the whole run to this Markdown file, too
	// A document of one group would lose the figures of the others.
	#[arg(long, value_name = "FILE", conflicts_with = "group")]
	document: Option<String>,
	/// A case of the group zkcp, which that group measures in a process of its own
	#[arg(long, hide = true)]
	zkcp_case: Option<String>,
	/// The folder with what that case has proved, to check it
	#[arg(long, hide = true, requires = "zkcp_case")]
	zkcp_proved: Option<PathBuf>,
}

/// Measurements that belong together.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Group {
	/// Deliveries and transfers a second on one node; a delivery's bytes, microseconds and bits of
	/// state
	Claims,
	/// What it costs to fill blocks
	Fees,
	/// The size of the runtime
	Size,
	/// What the algorithms of proven deliveries cost
	Zkcp,
}

#[tokio::main]
async fn main() -> Result<()> {
	let Cli { group, document, zkcp_case, zkcp_proved } = Cli::parse();
	let mut report = Report::default();
	if let Some(case) = zkcp_case {
		return zkcp::measure(&mut report, &case, zkcp_proved.as_deref());
	}
	let head = document.as_deref().map(start_quietly).transpose()?;
	let wanted = |one| group.is_none_or(|group| group == one);
	if wanted(Group::Size) {
		size::run(&mut report)?;
	}
	if wanted(Group::Fees) {
		fees::run(&mut report)?;
	}
	if wanted(Group::Zkcp) {
		zkcp::run(&mut report)?;
	}
	if wanted(Group::Claims) {
		claims::run(&mut report).await?;
	}
	if let (Some(path), Some(head)) = (document, head) {
		let text = document::render(&head, report.records())?;
		std::fs::write(&path, text).with_context(|| format!("cannot write {path}"))?;
		eprintln!("wrote {path}");
	}
	Ok(())
}

/// The head of a document. It is read before anything is measured: later the load is our own.
fn start_quietly(document: &str) -> Result<Head> {
	eprintln!("waiting until the machine is quiet");
	machine::wait_for_quiet()?;
	Head::read(document)
}
