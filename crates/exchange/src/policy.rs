//! What a device demands beyond the protocol.

use waybill_primitives::BlockNumber;

/// A device's limits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
	/// The greatest age, in milliseconds, of a finalised block that decisions are based on.
	pub max_view_age_ms: u64,
	/// How far ahead of the device's clock, in milliseconds, a finalised block may be.
	pub max_clock_skew_ms: u64,
	/// The least number of blocks that a bounty must have left.
	pub min_margin: BlockNumber,
	/// For how many blocks a receipt can be reserved. A distributor that vanishes with a receipt
	/// costs the device this time.
	pub receipt_lifetime: BlockNumber,
	/// The largest payload that fits the device, in bytes.
	pub max_payload_size: u64,
	/// Whether the device takes releases whose suite has no proofs. For such a release, a
	/// distributor can be paid although its key opens nothing.
	pub accept_unproven: bool,
}

impl Default for Policy {
	/// Two minutes, one minute, 20 blocks, 100 blocks, 1 GiB, nothing unproven.
	fn default() -> Self {
		Self {
			max_view_age_ms: 120_000,
			max_clock_skew_ms: 60_000,
			min_margin: 20,
			receipt_lifetime: 100,
			max_payload_size: 1 << 30,
			accept_unproven: false,
		}
	}
}
