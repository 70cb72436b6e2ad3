//! The `waybill-device` program: the device's commands of `waybill`, for small machines.

use waybill_cpu as _;

fn main() -> std::process::ExitCode {
	waybill_client::device_main()
}
