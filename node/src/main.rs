//! The node of the Waybill chain: block authoring by Aura, finality by GRANDPA, and the off-chain
//! worker that checks releases.
// `sc_cli::Error` and `sc_service::Error` are large, but a node fails only once.
#![allow(clippy::result_large_err)]

mod chain_spec;
mod cli;
mod command;
mod gateway;
mod rpc;
mod service;

use waybill_cpu as _;

fn main() -> sc_cli::Result<()> {
	command::run()
}
