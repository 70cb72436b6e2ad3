//! The command line.

use crate::gateway::GatewayUrl;
use sc_cli::{
	BuildSpecCmd, ChainInfoCmd, CheckBlockCmd, ExportBlocksCmd, ExportChainSpecCmd, ExportStateCmd, ImportBlocksCmd,
	KeySubcommand, PurgeChainCmd, RevertCmd, RunCmd,
};

/// The command line of the program.
#[derive(Debug, clap::Parser)]
pub struct Cli {
	/// A task that does not run the node.
	#[command(subcommand)]
	pub subcommand: Option<Subcommand>,

	/// The options of the node.
	#[clap(flatten)]
	pub run: RunNode,
}

/// The options of a running node.
#[derive(Debug, clap::Args)]
pub struct RunNode {
	/// The options that every Substrate node has.
	#[clap(flatten)]
	pub base: RunCmd,

	/// IPFS gateway from which the off-chain worker fetches releases to check them.
	///
	/// It must serve raw blocks as the trustless gateway specification requires. Kubo's own gateway
	/// does.
	#[arg(long, env = "WAYBILL_IPFS_GATEWAY", value_name = "URL", default_value_t)]
	pub ipfs_gateway: GatewayUrl,
}

/// The tasks that do not run the node.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
	/// Makes and inspects keys.
	#[command(subcommand)]
	Key(KeySubcommand),

	/// Builds a chain specification.
	BuildSpec(BuildSpecCmd),

	/// Exports a chain specification.
	ExportChainSpec(ExportChainSpecCmd),

	/// Validates a block.
	CheckBlock(CheckBlockCmd),

	/// Exports blocks to a file.
	ExportBlocks(ExportBlocksCmd),

	/// Exports the state of a block as a chain specification.
	ExportState(ExportStateCmd),

	/// Imports blocks from a file.
	ImportBlocks(ImportBlocksCmd),

	/// Removes the chain from the disk.
	PurgeChain(PurgeChainCmd),

	/// Goes back to an earlier state of the chain.
	Revert(RevertCmd),

	/// Prints what the database knows of the chain.
	ChainInfo(ChainInfoCmd),
}

#[cfg(test)]
mod tests {
	use super::*;
	use clap::{CommandFactory, Parser};

	#[test]
	fn command_line_should_be_consistent() {
		Cli::command().debug_assert();
	}

	#[test]
	fn gateway_should_default_to_the_local_one_when_not_given() {
		let cli = Cli::parse_from(["waybill-node", "--dev"]);
		assert_eq!(cli.run.ipfs_gateway, GatewayUrl::default());
	}

	#[test]
	fn gateway_should_be_refused_when_it_is_no_http_url() {
		let error = Cli::try_parse_from(["waybill-node", "--ipfs-gateway", "https://example.org"]).unwrap_err();
		assert!(error.to_string().contains("http://"), "{error}");
	}
}
