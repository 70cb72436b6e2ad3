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

	/// IPFS gateway from which the off-chain worker fetches releases to check them; may be given
	/// several times.
	///
	/// It must serve raw blocks as the trustless gateway specification requires. Kubo's own gateway
	/// does. When one is away, the next one is asked. In the environment, commas separate several.
	#[arg(
		long = "ipfs-gateway",
		env = "WAYBILL_IPFS_GATEWAY",
		value_name = "URL",
		value_delimiter = ',',
		default_values_t = [GatewayUrl::default()]
	)]
	pub ipfs_gateways: Vec<GatewayUrl>,
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
		assert_eq!(cli.run.ipfs_gateways, [GatewayUrl::default()]);
	}

	#[test]
	fn several_gateways_should_be_taken() {
		let cli = Cli::parse_from([
			"waybill-node",
			"--ipfs-gateway=http://127.0.0.1:8080",
			"--ipfs-gateway=https://example.org,http://a.example",
		]);
		let gateways = ["http://127.0.0.1:8080", "https://example.org", "http://a.example"];
		assert_eq!(cli.run.ipfs_gateways, gateways.map(|gateway| gateway.parse().unwrap()));
	}

	#[test]
	fn gateway_should_be_refused_when_it_is_no_http_url() {
		let error = Cli::try_parse_from(["waybill-node", "--ipfs-gateway", "ftp://example.org"]).unwrap_err();
		assert!(error.to_string().contains("http://"), "{error}");
	}
}
