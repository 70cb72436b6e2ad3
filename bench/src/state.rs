//! The state that a bounty and its fleet take, keys included, in bits for each device.

use crate::{
	devices::{claim, Devices},
	measures::STATE_BITS,
	report::Report,
	world::{escrow_prefix, World},
};
use anyhow::Result;
use frame_support::storage::StoragePrefixedMap;
use pallet_pod_bounty::PAGE_DEVICES;
use waybill_runtime::Runtime;

/// Prints the figures.
pub fn run(devices: &Devices, report: &mut Report) -> Result<()> {
	let mut world = World::new(devices)?;
	let mut print = |case: &str, bytes: u64| {
		let bits = bytes as f64 * 8.0 / f64::from(devices.count());
		report.figure(&STATE_BITS, case, (bits * 1000.0).round() / 1000.0);
	};
	world.register_fleet(devices)?;
	let cap = world.bytes_under(&pallet_firmware::FleetCaps::<Runtime>::final_prefix());
	let bounty = world.open()?;

	// A page takes the same space whether one of its devices is paid or all.
	let one_a_page: Vec<_> = (0..devices.count()).step_by(PAGE_DEVICES as usize).collect();
	let distributor = world.distributor.account();
	world.by_distributor(devices.reserve(&one_a_page, bounty, &distributor))?;
	let reserved = world.bytes_under(&pallet_pod_bounty::ReservedPages::<Runtime>::final_prefix());
	world.by_distributor(claim(bounty, 0, &one_a_page))?;
	let paid = world.bytes_under(&escrow_prefix());

	print(&format!("fleet={}, paid", devices.count()), paid);
	print(&format!("fleet={}, while reserved", devices.count()), reserved);
	print(&format!("fleet={}, cap", devices.count()), cap);
	Ok(())
}
