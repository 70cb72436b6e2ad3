//! The chains that the program knows by name.

use sc_service::{ChainType, Properties};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use waybill_runtime::{SS58_PREFIX, TOKEN_DECIMALS, TOKEN_SYMBOL, WASM_BINARY};

/// A chain specification without extensions, so light clients can read it.
pub type ChainSpec = sc_service::GenericChainSpec;

/// A chain with a single author, Alice.
pub fn development() -> Result<ChainSpec, String> {
	preset("Waybill Development", "waybill_dev", ChainType::Development, DEV_RUNTIME_PRESET)
}

/// A chain for several nodes on one machine, with Alice and Bob appointed.
pub fn local_testnet() -> Result<ChainSpec, String> {
	preset("Waybill Local Testnet", "waybill_local", ChainType::Local, LOCAL_TESTNET_RUNTIME_PRESET)
}

fn preset(name: &str, id: &str, chain_type: ChainType, preset: &str) -> Result<ChainSpec, String> {
	let wasm = WASM_BINARY
		.ok_or("this program was built without a runtime (SKIP_WASM_BUILD); name a chain specification file with --chain")?;
	Ok(ChainSpec::builder(wasm, None)
		.with_name(name)
		.with_id(id)
		.with_protocol_id("waybill")
		.with_chain_type(chain_type)
		.with_genesis_config_preset_name(preset)
		.with_properties(properties())
		.build())
}

fn properties() -> Properties {
	[("ss58Format", SS58_PREFIX.into()), ("tokenDecimals", TOKEN_DECIMALS.into()), ("tokenSymbol", TOKEN_SYMBOL.into())]
		.into_iter()
		.map(|(key, value): (&str, serde_json::Value)| (key.into(), value))
		.collect()
}
