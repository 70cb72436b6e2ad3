//! What it costs to fill blocks, and how many claims a block holds, calculated by the runtime.

use crate::{
	devices::{claim, full_batch},
	measures::{BLOCK_FEES, CLAIMS_PER_BLOCK, FEE_DOUBLING, FEE_RISE, WINDOW_BLOCKS, WINDOW_FEES},
	report::{digits, Report},
	signer::Signer,
};
use anyhow::{anyhow, Result};
use codec::Decode;
use frame_support::{
	dispatch::{DispatchClass, GetDispatchInfo},
	traits::Get,
};
use pallet_transaction_payment::{Multiplier, Pallet as TransactionPayment};
use sp_core::H256;
use sp_io::TestExternalities;
use sp_runtime::{
	traits::{Convert, One},
	BuildStorage,
};
use waybill_runtime::{Balance, Runtime, RuntimeGenesisConfig, System, UncheckedExtrinsic, UNIT};

type Update = <Runtime as pallet_transaction_payment::Config>::FeeMultiplierUpdate;

/// Prints the figures.
pub fn run(report: &mut Report) -> Result<()> {
	let storage = RuntimeGenesisConfig::default().build_storage().map_err(|error| anyhow!(error))?;
	TestExternalities::new(storage).execute_with(|| fees(report))
}

fn fees(report: &mut Report) -> Result<()> {
	let weights = <Runtime as frame_system::Config>::BlockWeights::get();
	let lengths = <Runtime as frame_system::Config>::BlockLength::get();
	let normal = weights.get(DispatchClass::Normal);
	let most = normal.max_total.unwrap_or(weights.max_block);
	let length = *lengths.max.get(DispatchClass::Normal);
	let units = |fee: Balance| fee as f64 / UNIT as f64;
	let by_weight = units(TransactionPayment::<Runtime>::weight_to_fee(most));
	report.figure(&BLOCK_FEES, "by weight", digits(by_weight));
	report.figure(&BLOCK_FEES, "by bytes", digits(units(TransactionPayment::<Runtime>::length_to_fee(length))));

	let window: u32 = <Runtime as pallet_pod_bounty::Config>::ExclusiveWindow::get();
	report.figure(&WINDOW_BLOCKS, "default", window);
	// Each block is as full as ordinary transactions can make it.
	System::register_extra_weight_unchecked(most, DispatchClass::Normal);
	let levels = std::iter::successors(Some(Multiplier::one()), |level| Some(Update::convert(*level)));
	let paid: f64 = levels.clone().take(window as usize).map(|level| by_weight * level.to_float()).sum();
	report.figure(&WINDOW_FEES, "full blocks", digits(paid));
	let rise = |blocks| levels.clone().nth(blocks).map_or(0.0, |level| (level.to_float() - 1.0) * 100.0);
	report.figure(&FEE_RISE, "one block", digits(rise(1)));
	report.figure(&FEE_RISE, "a window", digits(rise(window as usize)));
	let doubled = levels.clone().take_while(|level| level.to_float() < 2.0).count();
	report.figure(&FEE_DOUBLING, "full blocks", doubled);

	let indices: Vec<_> = (0..full_batch()).collect();
	let claim = Signer::new("//Alice//fees", H256::zero()).sign(claim(0, 0, &indices));
	let weight = UncheckedExtrinsic::decode(&mut &claim[..])?.get_dispatch_info().total_weight() + normal.base_extrinsic;
	let case = |bound: &str| format!("{} devices, by {bound}", full_batch());
	report.figure(&CLAIMS_PER_BLOCK, &case("weight"), most.ref_time() / weight.ref_time());
	report.figure(&CLAIMS_PER_BLOCK, &case("bytes"), u64::from(length) / claim.len() as u64);
	Ok(())
}
