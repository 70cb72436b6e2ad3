//! Measures Waybill on one machine. Standard output holds one JSON object a line, `{"name", "case", "value", "unit"}`;
//! the words go to standard error.

mod bytes;
mod chain;
mod claims;
mod devices;
mod gateway;
mod micros;
mod node;
mod report;
mod signer;
mod size;
mod state;
mod wasm;
mod world;
mod zkcp;

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Measures the chain and prints one JSON object a line.
#[derive(Parser)]
#[command(name = "waybill-bench", version)]
struct Cli {
	/// What to measure; everything if not given
	group: Option<Group>,
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
	/// Deliveries and transfers a second on one node; a delivery's bytes, microseconds and bits of state
	Claims,
	/// The size of the runtime
	Size,
	/// What the algorithms of proven deliveries cost
	Zkcp,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
	let Cli { group, zkcp_case, zkcp_proved } = Cli::parse();
	if let Some(case) = zkcp_case {
		return zkcp::measure(&case, zkcp_proved.as_deref());
	}
	let wanted = |one| group.is_none_or(|group| group == one);
	if wanted(Group::Size) {
		size::run()?;
	}
	if wanted(Group::Zkcp) {
		zkcp::run()?;
	}
	if wanted(Group::Claims) {
		claims::run().await?;
	}
	Ok(())
}
