//! The section `[device]` of the configuration.

use serde::Deserialize;
use std::path::PathBuf;
use waybill_daemon::roots::Roots;
use waybill_exchange::Policy;
use waybill_primitives::{BlockNumber, DeviceKey};

/// The section `[device]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
	/// The device's state folder.
	pub state: PathBuf,
	/// Distributors to ask besides those that the chain knows, by their HTTP addresses.
	pub distributors: Vec<String>,
	/// Whether to call private and link-local addresses that a distributor announced, as in a test.
	/// Configured ones are always called.
	pub private_addresses: bool,
	/// The HTTP address of a hub that checks proofs in the device's place. Without one the device
	/// checks them itself. A hub that lies can make the device sign for nothing.
	pub hub: Option<String>,
	/// The hub's public key.
	pub hub_key: Option<DeviceKey>,
	/// A program that makes an image the firmware that runs.
	pub hook: Option<PathBuf>,
	/// A program that says whether a new version works. Without one, a version is confirmed once the
	/// hook has made it run.
	pub health: Option<PathBuf>,
	/// How many seconds the hook or the health check may run.
	pub hook_timeout: u64,
	/// Whether a new version stays on trial until `waybill device confirm`.
	pub manual_confirm: bool,
	/// How often the device may try to run a new version, at least 1.
	pub trial_boots: u8,
	/// How many seconds a new version may take in each boot to prove itself.
	pub trial_time: u64,
	/// How many bytes of the state folder's file system to leave free.
	pub min_free: u64,
	/// How many seconds old a final block may be for the device to decide by it.
	pub max_block_age: u64,
	/// How many seconds ahead of the device's clock a final block may be.
	pub max_clock_skew: u64,
	/// The fewest blocks that a bounty must have left.
	pub min_margin: BlockNumber,
	/// For how many blocks a receipt can be reserved.
	pub receipt_lifetime: BlockNumber,
	/// The largest image that fits the device, in bytes.
	pub max_size: u64,
	/// Whether to take releases whose suite has no proofs. A distributor can be paid for such a
	/// release although its key opens nothing.
	pub accept_unproven: bool,
	/// The authorities that the device trusts when it calls an `https://` address. It is no key of
	/// the section.
	#[serde(skip)]
	pub roots: Roots,
}

impl Default for Config {
	fn default() -> Self {
		let policy = Policy::default();
		Self {
			state: PathBuf::from("waybill-device"),
			distributors: Vec::new(),
			private_addresses: false,
			hub: None,
			hub_key: None,
			hook: None,
			health: None,
			hook_timeout: 600,
			manual_confirm: false,
			trial_boots: 3,
			trial_time: 1_800,
			min_free: 1 << 20,
			max_block_age: policy.max_view_age_ms / 1_000,
			max_clock_skew: policy.max_clock_skew_ms / 1_000,
			min_margin: policy.min_margin,
			receipt_lifetime: policy.receipt_lifetime,
			max_size: policy.max_payload_size,
			accept_unproven: policy.accept_unproven,
			roots: Roots::default(),
		}
	}
}

impl Config {
	/// What the device demands beyond the protocol.
	pub const fn policy(&self) -> Policy {
		Policy {
			max_view_age_ms: self.max_block_age.saturating_mul(1_000),
			max_clock_skew_ms: self.max_clock_skew.saturating_mul(1_000),
			min_margin: self.min_margin,
			receipt_lifetime: self.receipt_lifetime,
			max_payload_size: self.max_size,
			accept_unproven: self.accept_unproven,
		}
	}
}
