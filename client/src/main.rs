//! The `waybill` program of vendors, distributors, devices, hubs and collators.

use waybill_cpu as _;

fn main() -> std::process::ExitCode {
	waybill_client::main()
}
