//! Block authoring by Aura and finality by GRANDPA.

use super::{partial::GRANDPA_JUSTIFICATION_PERIOD, FullClient, FullPool, FullSelectChain, GrandpaBlockImport, GrandpaLink};
use sc_consensus_aura::{SlotProportion, StartAuraParams};
use sc_consensus_grandpa::{GrandpaParams, SharedVoterState, ThreeQuartersOfTheUnfinalizedChain, VotingRulesBuilder};
use sc_network::{config::Role, service::traits::NetworkService, types::ProtocolName, NotificationService};
use sc_network_sync::SyncingService;
use sc_service::{error::Error as ServiceError, TaskManager};
use sc_telemetry::TelemetryHandle;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_aura::{inherents::InherentDataProvider as SlotProvider, sr25519::AuthorityPair as AuraPair};
use sp_keystore::KeystorePtr;
use sp_timestamp::InherentDataProvider as TimestampProvider;
use std::{sync::Arc, time::Duration};
use substrate_prometheus_endpoint::Registry;
use waybill_runtime::opaque::Block;

/// The shortest time for a finality message to reach the network.
const MIN_GOSSIP_DURATION: Duration = Duration::from_millis(100);

/// The time for a finality message to reach the network. It is a ninth of a slot, so the votes on a
/// block arrive before the next block.
fn gossip_duration(slot: Duration) -> Duration {
	(slot / 9).max(MIN_GOSSIP_DURATION)
}

/// The share of a slot in which an author fills its block. The rest is for other nodes to receive
/// and check it.
const PROPOSAL_SLOT_PORTION: f32 = 2.0 / 3.0;

/// The parts that authoring needs.
pub struct Authoring {
	pub client: Arc<FullClient>,
	pub pool: Arc<FullPool>,
	pub select_chain: FullSelectChain,
	pub block_import: GrandpaBlockImport,
	pub sync: Arc<SyncingService<Block>>,
	pub keystore: KeystorePtr,
	pub force: bool,
	pub prometheus_registry: Option<Registry>,
	pub telemetry: Option<TelemetryHandle>,
}

/// Authors blocks in the slots of the keys in the keystore. The node stops if this task fails.
pub fn start_authoring(task_manager: &TaskManager, authoring: Authoring) -> Result<(), ServiceError> {
	let Authoring { client, pool, select_chain, block_import, sync, keystore, force, prometheus_registry, telemetry } =
		authoring;
	let proposer_factory = sc_basic_authorship::ProposerFactory::new(
		task_manager.spawn_handle(),
		client.clone(),
		pool,
		prometheus_registry.as_ref(),
		telemetry.clone(),
	);
	let slot_duration = sc_consensus_aura::slot_duration(&*client)?;
	let aura = sc_consensus_aura::start_aura::<AuraPair, _, _, _, _, _, _, _, _, _, _>(StartAuraParams {
		slot_duration,
		client,
		select_chain,
		block_import,
		proposer_factory,
		create_inherent_data_providers: move |_, ()| async move {
			let timestamp = TimestampProvider::from_system_time();
			let slot = SlotProvider::from_timestamp_and_slot_duration(*timestamp, slot_duration);
			Ok((slot, timestamp))
		},
		force_authoring: force,
		backoff_authoring_blocks: None::<()>,
		keystore,
		sync_oracle: sync.clone(),
		justification_sync_link: sync,
		block_proposal_slot_portion: SlotProportion::new(PROPOSAL_SLOT_PORTION),
		max_block_proposal_slot_portion: None,
		telemetry,
		compatibility_mode: Default::default(),
	})?;
	task_manager.spawn_essential_handle().spawn_blocking("aura", Some("block-authoring"), aura);
	Ok(())
}

/// The parts that finality needs.
pub struct Finality {
	/// The length of a slot.
	pub slot_duration: Duration,
	pub link: GrandpaLink,
	pub network: Arc<dyn NetworkService>,
	pub sync: Arc<SyncingService<Block>>,
	pub notifications: Box<dyn NotificationService>,
	pub protocol: ProtocolName,
	pub pool: Arc<FullPool>,
	pub keystore: Option<KeystorePtr>,
	pub role: Role,
	pub name: String,
	pub prometheus_registry: Option<Registry>,
	pub telemetry: Option<TelemetryHandle>,
}

/// Follows finality, and votes if the keystore has a voter's key. The node stops if this task
/// fails.
pub fn start_finality(task_manager: &TaskManager, finality: Finality) -> Result<(), ServiceError> {
	let Finality {
		slot_duration,
		link,
		network,
		sync,
		notifications,
		protocol,
		pool,
		keystore,
		role,
		name,
		prometheus_registry,
		telemetry,
	} = finality;
	let voter = sc_consensus_grandpa::run_grandpa_voter(GrandpaParams {
		config: sc_consensus_grandpa::Config {
			gossip_duration: gossip_duration(slot_duration),
			justification_generation_period: GRANDPA_JUSTIFICATION_PERIOD,
			name: Some(name),
			observer_enabled: false,
			keystore,
			local_role: role,
			telemetry: telemetry.clone(),
			protocol_name: protocol,
		},
		link,
		network,
		sync,
		notification_service: notifications,
		// Vote for the best block itself. The default rule stays two blocks behind it, and
		// distributors would wait for these before they reveal a key.
		voting_rule: VotingRulesBuilder::new().add(ThreeQuartersOfTheUnfinalizedChain).build(),
		prometheus_registry,
		shared_voter_state: SharedVoterState::empty(),
		telemetry,
		offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(pool),
	})?;
	task_manager.spawn_essential_handle().spawn_blocking("grandpa-voter", None, voter);
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn gossip_should_take_a_ninth_of_a_slot_and_never_too_little() {
		for (slot, gossip) in [(500, 100), (900, 100), (1_000, 111), (3_000, 333), (60_000, 6_666)] {
			assert_eq!(gossip_duration(Duration::from_millis(slot)).as_millis(), gossip);
		}
	}
}
