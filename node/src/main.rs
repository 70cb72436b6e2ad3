//! The node of the Waybill chain: Aura block authoring, GRANDPA finality and the off-chain worker that checks releases.
#![allow(clippy::result_large_err)] // `sc_cli::Error` and `sc_service::Error` are large; a node fails once.

mod chain_spec;
mod cli;
mod command;
mod gateway;
mod rpc;
mod service;

fn main() -> sc_cli::Result<()> {
	command::run()
}
