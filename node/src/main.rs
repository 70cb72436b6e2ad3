//! The node of the Waybill chain: Aura block authoring, GRANDPA finality and the off-chain worker that checks releases.

mod chain_spec;
mod cli;
mod command;
mod gateway;
mod rpc;
mod service;

fn main() -> sc_cli::Result<()> {
	command::run()
}
