//! Checks that devices are in a bounty's fleet.

use crate::{bitmap::runs, pallet::*, Bounty, ReceiptFault, SubmittedReceipt};
use alloc::vec::Vec;
use core::marker::PhantomData;
use frame_support::{ensure, traits::Get};
use sp_core::H256;
use sp_runtime::traits::BlakeTwo256;
use waybill_primitives::{
	fleet::{self, CAP_PAGE_NODES, MAX_CAP_NODES, MAX_PROOF_LEN},
	DeviceIndex, FleetId, Hash32, Registry,
};

/// The largest number of hashes in a batch's proof.
pub struct MaxProof<T>(PhantomData<T>);

impl<T: Config> Get<u32> for MaxProof<T> {
	fn get() -> u32 {
		T::MaxBatch::get().saturating_mul(MAX_PROOF_LEN)
	}
}

/// The number of pages of the largest cap.
pub(crate) const MAX_CAP_PAGES: u32 = MAX_CAP_NODES.div_ceil(CAP_PAGE_NODES);

/// An upper bound on the cap pages that are read for these devices, whatever their fleet's cap:
/// each of its nodes covers at least one device.
pub(crate) fn cap_pages_touched(indices: impl IntoIterator<Item = DeviceIndex>) -> u32 {
	runs(indices.into_iter().map(|index| index / CAP_PAGE_NODES)).min(MAX_CAP_PAGES)
}

/// A fleet's cap. Each page is read once if the places are asked for in ascending order.
pub(crate) struct Cap<T> {
	fleet: FleetId,
	page: Option<(u32, Vec<Hash32>)>,
	config: PhantomData<T>,
}

impl<T: Config> Cap<T> {
	/// Starts without reading anything.
	pub(crate) fn new(fleet: FleetId) -> Self {
		Self { fleet, page: None, config: PhantomData }
	}

	/// The node at a place, if there is one.
	pub(crate) fn node(&mut self, place: u32) -> Option<H256> {
		let number = place / CAP_PAGE_NODES;
		let page = self.page.take().filter(|(loaded, _)| *loaded == number);
		let (_, nodes) = self.page.insert(page.unwrap_or_else(|| (number, T::Registry::cap_page(self.fleet, number))));
		nodes.get((place % CAP_PAGE_NODES) as usize).copied().map(H256)
	}
}

/// Answers for each receipt whether its key is that of the fleet's device, or why the proof does
/// not cover the receipt.
pub(crate) fn verify<T: Config>(
	bounty: &Bounty<T>,
	cap_height: u32,
	receipts: &[SubmittedReceipt],
	proof: &[H256],
) -> Result<Vec<Result<bool, ReceiptFault>>, Error<T>> {
	let mut members = Vec::with_capacity(receipts.len());
	let mut place = |receipt: &SubmittedReceipt| {
		let index = receipt.device_index;
		ensure!(index < bounty.count, ReceiptFault::NoSuchDevice);
		ensure!(members.last().is_none_or(|(last, _)| *last < index), ReceiptFault::OutOfOrder);
		members.push((index, receipt.device_key));
		Ok(())
	};
	let placed: Vec<_> = receipts.iter().map(&mut place).collect();

	let mut cap = Cap::<T>::new(bounty.fleet);
	let verdicts = fleet::verify_members::<BlakeTwo256>(bounty.count, cap_height, &members, proof, |place| cap.node(place))
		.map_err(|_| Error::<T>::MalformedProof)?;
	let mut verdicts = verdicts.into_iter();
	Ok(placed.into_iter().map(|placed| placed.map(|()| verdicts.next().unwrap_or_default())).collect())
}
