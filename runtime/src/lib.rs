//! The state transition function of the Waybill chain: its pallets and their configuration.
#![cfg_attr(not(feature = "std"), no_std)]
#![recursion_limit = "256"]
// Macros make many of the public items. Those written by hand are documented.
#![allow(missing_docs)]

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

extern crate alloc;

mod apis;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;
pub mod configs;
pub mod currency;
mod dry_run;
pub mod genesis_config_presets;
pub mod parameters;
mod proxy;
pub mod session;
pub mod slot;
#[cfg(test)]
mod tests;
pub mod time;
mod transaction;

use alloc::vec::Vec; // The `runtime` macro below uses it.
use sp_runtime::{generic, traits::BlakeTwo256, MultiAddress, MultiSignature};
use sp_version::RuntimeVersion;

pub use apis::{RuntimeApi, RUNTIME_API_VERSIONS};
pub use currency::{EXISTENTIAL_DEPOSIT, MILLIUNIT, TOKEN_DECIMALS, TOKEN_SYMBOL, UNIT};
pub use parameters::{RuntimeParameters, RuntimeParametersKey};
pub use proxy::ProxyType;
pub use session::SessionKeys;
pub use transaction::{extension, TxExtension};

/// The number of a block.
pub type BlockNumber = waybill_primitives::BlockNumber;
/// The signature of a transaction.
pub type Signature = MultiSignature;
/// An account: the public key that signs for it, or that key's hash.
pub type AccountId = sp_runtime::AccountId32;
/// An amount of money, in the smallest unit.
pub type Balance = u128;
/// The number of transactions that an account has signed.
pub type Nonce = u32;
/// A hash of the chain's own data.
pub type Hash = sp_core::H256;
/// An account as a transaction names it.
pub type Address = MultiAddress<AccountId, ()>;
/// The header of a block.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// A transaction or inherent, as a block contains it.
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// What the signer of a transaction signs.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// The prefix of this chain's addresses.
pub const SS58_PREFIX: u16 = 42;

/// Executes blocks.
pub type Executive =
	frame_executive::Executive<Runtime, Block, frame_system::ChainContext<Runtime>, Runtime, AllPalletsWithSystem>;

/// Types for the node, which must not depend on the contents of transactions.
pub mod opaque {
	use super::*;

	/// A block whose transactions are bytes.
	pub type Block = generic::Block<Header, sp_runtime::OpaqueExtrinsic>;
}

/// The version of this runtime.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
	spec_name: alloc::borrow::Cow::Borrowed("waybill"),
	impl_name: alloc::borrow::Cow::Borrowed("waybill"),
	authoring_version: 1,
	spec_version: 5,
	impl_version: 1,
	apis: RUNTIME_API_VERSIONS,
	transaction_version: 2,
	system_version: 1,
};

// The indices give the order in which inherents and hooks run and genesis is built. Slot must be
// known before GenesisParameters counts periods in blocks.
// Authorship must know the author before CollatorSelection pays it. CollatorSelection must know the
// collators before Session asks for them. Session gives Aura its keys and, through Voters, Grandpa.
#[frame_support::runtime]
mod runtime {
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Runtime;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;

	#[runtime::pallet_index(1)]
	pub type Timestamp = pallet_timestamp;

	#[runtime::pallet_index(2)]
	pub type Parameters = pallet_parameters;

	#[runtime::pallet_index(3)]
	pub type Slot = crate::slot;

	#[runtime::pallet_index(4)]
	pub type Migrations = pallet_migrations;

	#[runtime::pallet_index(5)]
	pub type GenesisParameters = crate::parameters::genesis;

	#[runtime::pallet_index(10)]
	pub type Balances = pallet_balances;

	#[runtime::pallet_index(11)]
	pub type TransactionPayment = pallet_transaction_payment;

	#[runtime::pallet_index(20)]
	pub type Authorship = pallet_authorship;

	#[runtime::pallet_index(21)]
	pub type CollatorSelection = pallet_collator_selection;

	#[runtime::pallet_index(22)]
	pub type Session = pallet_session;

	#[runtime::pallet_index(23)]
	pub type Aura = pallet_aura;

	#[runtime::pallet_index(24)]
	pub type Grandpa = pallet_grandpa;

	#[runtime::pallet_index(25)]
	pub type Voters = pallet_voters;

	#[runtime::pallet_index(30)]
	pub type Utility = pallet_utility;

	#[runtime::pallet_index(31)]
	pub type Proxy = pallet_proxy;

	#[runtime::pallet_index(32)]
	pub type Multisig = pallet_multisig;

	#[runtime::pallet_index(33)]
	pub type Sudo = pallet_sudo;

	#[runtime::pallet_index(50)]
	pub type Firmware = pallet_firmware;

	#[runtime::pallet_index(51)]
	pub type PodBounty = pallet_pod_bounty;
}
