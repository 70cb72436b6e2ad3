//! The command line.

use crate::{
	commands::{account, bounty, collator, device, distributor, hub, key, query, vendors},
	config::{Flags, Wait},
};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Publish firmware, deliver it, install it: the client of the Waybill network.
///
/// A vendor registers, publishes releases, and pays for their delivery with bounties. A distributor
/// fetches a release, serves it to devices, and is paid for each. A device finds a distributor,
/// checks what it gets, and installs it.
#[derive(Parser, Debug)]
#[command(name = "waybill", version, max_term_width = 120, after_long_help = AFTER_HELP)]
#[command(mut_subcommands = without_globals)]
pub struct Cli {
	/// The options of every command.
	#[command(flatten)]
	pub globals: Globals,
	/// The command.
	#[command(subcommand)]
	pub command: Command,
}

/// Keep this device's firmware up to date: the device's commands of the Waybill network.
///
/// These are the commands of `waybill device`. They read the same configuration.
#[derive(Parser, Debug)]
#[command(name = "waybill-device", version, max_term_width = 120, after_long_help = AFTER_HELP)]
#[command(mut_subcommands = without_globals)]
pub struct AgentCli {
	/// The options of every command.
	#[command(flatten)]
	pub globals: Globals,
	/// The command.
	#[command(flatten)]
	pub command: device::Args,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  something else failed
  2  wrong arguments or configuration
  3  the chain refused the transaction; the line names the error, such as PodBounty.AlreadyPaid
  4  a node, a gateway, a distributor or a hub cannot be reached
  5  a file or key cannot be read or written, or is not what it should be
  6  the chain does not have what was asked for
  7  something that was fetched or received did not pass a check; nothing was installed or signed

Configuration: flags take precedence over environment variables (WAYBILL_NODE,
WAYBILL_ACCOUNT_FILE, WAYBILL_DEVICE__STATE, ...), these over the file
(--config, else ~/.config/waybill/config.toml, else /etc/waybill/config.toml), and
the file over defaults.
The keys in the file are the names of the flags:
  node = \"ws://127.0.0.1:9944\"
  account_file = \"/etc/waybill/account.key\"";

/// The options of every command.
#[derive(clap::Args, Debug)]
pub struct Globals {
	/// Configuration file [default: ~/.config/waybill/config.toml, or else
	/// /etc/waybill/config.toml]
	#[arg(long, global = true, value_name = "FILE", env = "WAYBILL_CONFIG", help_heading = "Global options")]
	pub config: Option<PathBuf>,
	/// The chain node's WebSocket address; may be given several times, for nodes to turn to when one
	/// is away [default: ws://127.0.0.1:9944]
	#[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
	node: Vec<String>,
	/// Trustless IPFS gateway to fetch from; may be given several times
	/// [default: http://127.0.0.1:8080]
	#[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
	gateway: Vec<String>,
	/// RPC address of the kubo node that files are added to; may be given several times, for nodes
	/// to turn to when one is away [default: http://127.0.0.1:5001]
	#[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
	kubo: Vec<String>,
	/// Hash of the chain's first block; refuse a node of any other chain
	#[arg(long, global = true, value_name = "HASH", help_heading = "Global options")]
	genesis: Option<String>,
	/// Secret URI of the account that signs and pays, such as //Alice. Other users of the machine
	/// can see arguments: on a shared machine use --account-file
	#[arg(long, global = true, value_name = "URI", conflicts_with = "account_file", help_heading = "Global options")]
	account: Option<String>,
	/// File with the secret URI of the account that signs and pays (mode 0600; make one with
	/// `waybill key generate --account-key`)
	#[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
	account_file: Option<PathBuf>,
	/// PEM file with the certificates of authorities to trust besides those of the operating system,
	/// for https:// addresses
	#[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
	ca_file: Option<PathBuf>,
	/// How long to wait for a transaction [default: finalized]
	#[arg(long, global = true, value_enum, help_heading = "Global options")]
	wait: Option<Wait>,
	/// Print JSON instead of words: one object, or one a line from commands that keep running
	#[arg(long, global = true, help_heading = "Global options")]
	json: bool,
	/// What to log to standard error: error, warn, info, debug, trace, or a filter such as
	/// waybill=debug [default: warn]
	#[arg(long, global = true, value_name = "FILTER", help_heading = "Global options")]
	log: Option<String>,
}

/// The command, whose help and that of the commands below it do not show the options of every
/// command again. It takes them nevertheless.
fn without_globals(command: clap::Command) -> clap::Command {
	let globals = Globals::augment_args(clap::Command::new("waybill"));
	const HINT: &str = "`waybill --help` shows the options of every command, such as --node and --json";
	let command = if command.get_after_help().is_none() { command.after_help(HINT) } else { command };
	command.args(globals.get_arguments().map(|arg| arg.clone().hide(true))).mut_subcommands(without_globals)
}

impl Globals {
	/// The flags that override the configuration.
	pub fn flags(&self) -> Flags {
		Flags {
			node: self.node.clone(),
			gateway: self.gateway.clone(),
			kubo: self.kubo.clone(),
			genesis: self.genesis.clone(),
			account: self.account.clone(),
			account_file: self.account_file.clone(),
			ca_file: self.ca_file.clone(),
			log: self.log.clone(),
			json: self.json,
			wait: self.wait,
		}
	}
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
	/// Make and show key files
	#[command(subcommand)]
	Key(key::Command),
	/// Balance and transfers
	#[command(subcommand)]
	Account(account::Command),
	/// Register a vendor, models and fleets; sign, publish and yank releases
	#[command(subcommand)]
	Vendor(vendors::Command),
	/// Offer rewards for the delivery of a release to a fleet
	#[command(subcommand)]
	Bounty(bounty::Command),
	/// Fetch releases, serve them to devices and be paid
	Distributor(distributor::Args),
	/// Keep a device's firmware up to date
	Device(device::Args),
	/// Check proofs for devices that are too small to check them
	Hub(hub::Args),
	/// Join or leave the block authors
	#[command(subcommand)]
	Collator(collator::Command),
	/// Read the chain
	#[command(subcommand)]
	Query(query::Command),
}

#[cfg(test)]
mod tests {
	use super::*;
	use clap::CommandFactory;

	/// This command and all commands below it.
	fn all(command: &clap::Command) -> Vec<&clap::Command> {
		std::iter::once(command).chain(command.get_subcommands().flat_map(all)).collect()
	}

	#[test]
	fn command_line_should_be_consistent() {
		Cli::command().debug_assert();
		AgentCli::command().debug_assert();
	}

	#[test]
	fn no_argument_should_take_the_name_of_a_global_one() {
		let cli = Cli::command();
		let globals: Vec<_> = cli.get_arguments().filter(|arg| arg.is_global_set()).map(clap::Arg::get_id).collect();
		assert!(!globals.is_empty());
		for command in all(&cli).into_iter().skip(1) {
			// The global ones themselves are there, hidden.
			let own = command.get_arguments().filter(|arg| !arg.is_hide_set());
			let taken: Vec<_> = own.map(clap::Arg::get_id).filter(|id| globals.contains(id)).collect();
			assert!(taken.is_empty(), "{}: {taken:?}", command.get_name());
		}
	}

	#[test]
	fn global_options_should_be_taken_everywhere_and_shown_once() {
		for mut cli in [Cli::command(), AgentCli::command()] {
			cli.build();
			assert!(cli.render_long_help().to_string().contains("--account-file"));
			for command in cli.get_subcommands() {
				for mut command in all(command).into_iter().cloned() {
					let help = command.render_long_help().to_string();
					assert!(!help.contains("--gateway <URL>") && !help.contains("Global options"), "{help}");
				}
			}
		}
		let read = |words: &str| Cli::try_parse_from(words.split(' ')).unwrap().globals.flags();
		for words in [
			"waybill --json --node ws://a query release 1",
			"waybill query --json --node ws://a release 1",
			"waybill query release --json 1 --node ws://a",
		] {
			let flags = read(words);
			assert!(flags.json && flags.node == ["ws://a"], "{words}");
		}
		assert!(Cli::try_parse_from("waybill query chain --account //A --account-file a".split(' ')).is_err());
	}

	#[test]
	fn every_command_and_argument_should_be_explained() {
		for command in all(&Cli::command()) {
			assert!(command.get_about().is_some(), "{}", command.get_name());
			for arg in command.get_arguments() {
				assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
			}
		}
	}
}
