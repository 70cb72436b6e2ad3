//! The finalised state of the chain, as far as an exchange depends on it.

use crate::AccountId;
use waybill_primitives::{view, BlockNumber, DeviceIndex, Hash32, Lock};

/// A release on chain.
pub type ReleaseView = view::ReleaseView<AccountId>;

/// What one finalised block says about a bounty, its release and the device's place in it.
///
/// The caller must fill it from the state of one finalised block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChainView {
	/// The finalised block.
	pub head: ChainHead,
	/// The release.
	pub release: ReleaseView,
	/// The device's place in the bounty; `None` if the chain does not know the bounty, or knows it
	/// no longer.
	pub place: Option<BountyPlace>,
}

/// A finalised block, with what the device needs to decide whether to trust its state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainHead {
	/// The hash of the chain's first block.
	pub genesis: Hash32,
	/// The block's number.
	pub number: BlockNumber,
	/// Its timestamp, in milliseconds since 1970.
	pub timestamp_ms: u64,
}

/// A device's place in a bounty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BountyPlace {
	/// The bounty.
	pub bounty: view::BountyView<AccountId, u128>,
	/// The device's place in the bounty's fleet.
	pub device_index: DeviceIndex,
	/// The state of that place.
	pub slot: Slot,
}

/// Whether a device has been paid for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Slot {
	/// Not yet.
	Open,
	/// A distributor has reserved the payment.
	Reserved {
		/// The account that is paid.
		distributor: AccountId,
		/// The lock whose key is the price.
		lock: Lock,
		/// The first block in which others can take the slot.
		exclusive_until: BlockNumber,
	},
	/// Paid: the key is public.
	Paid,
}

impl Slot {
	/// Whether nobody can reserve the payment in this block, because it is paid, or reserved and
	/// still exclusive.
	pub const fn is_taken(&self, number: BlockNumber) -> bool {
		match self {
			Self::Open => false,
			Self::Reserved { exclusive_until, .. } => number < *exclusive_until,
			Self::Paid => true,
		}
	}
}
