//! Encodings that stored data and signed transactions depend on. A change here needs a migration,
//! or a new `transaction_version`.

use crate::{
	session::SessionKeys, AccountId, Runtime, RuntimeCall, RuntimeHoldReason, RuntimeParameters, RuntimeParametersKey,
	TxExtension,
};
use codec::Encode;
use frame_support::{
	storage::unhashed,
	traits::{StorageVersion, VariantCount},
	BoundedVec,
};
use sp_runtime::{
	traits::{OpaqueKeys, TransactionExtension},
	KeyTypeId,
};

#[test]
fn hold_reasons_should_keep_their_encoding() {
	use pallet_pod_bounty::HoldReason::{Reservation, Reward, Storage};
	for (reason, expected) in [
		(RuntimeHoldReason::Session(pallet_session::HoldReason::Keys), [22, 0]),
		(RuntimeHoldReason::Firmware(pallet_firmware::HoldReason::Storage), [50, 0]),
		(RuntimeHoldReason::PodBounty(Reward), [51, 0]),
		(RuntimeHoldReason::PodBounty(Reservation), [51, 1]),
		(RuntimeHoldReason::PodBounty(Storage), [51, 2]),
	] {
		assert_eq!(reason.encode(), expected, "{reason:?}");
	}
	assert_eq!(RuntimeHoldReason::VARIANT_COUNT, 5, "a new hold reason: pin it here");
}

#[test]
fn calls_should_keep_their_indices() {
	use RuntimeCall::{Balances, Firmware, Grandpa, PodBounty, Session, Sudo};
	let who: AccountId = [7; 32].into();
	for (call, expected) in [
		(Balances(pallet_balances::Call::transfer_keep_alive { dest: who.clone().into(), value: 0 }), [10, 3]),
		(Session(pallet_session::Call::purge_keys {}), [22, 1]),
		(Grandpa(pallet_grandpa::Call::note_stalled { delay: 0, best_finalized_block_number: 0 }), [24, 2]),
		(Sudo(pallet_sudo::Call::remove_key {}), [33, 4]),
		(Firmware(pallet_firmware::Call::register_model { name: Default::default() }), [50, 2]),
		(Firmware(pallet_firmware::Call::remove_fleet { fleet: 0 }), [50, 4]),
		(Firmware(pallet_firmware::Call::veto_key_set {}), [50, 10]),
		(Firmware(pallet_firmware::Call::adopt_key_set { vendor: who.clone() }), [50, 11]),
		(Firmware(pallet_firmware::Call::resign_release { release: 0, signatures: Default::default() }), [50, 12]),
		(
			PodBounty(pallet_pod_bounty::Call::reserve {
				bounty: 0,
				receipts: Default::default(),
				proof: Default::default(),
			}),
			[51, 2],
		),
		(PodBounty(pallet_pod_bounty::Call::claim { bounty: 0, reservation: 0, keys: Default::default() }), [51, 3]),
		(PodBounty(pallet_pod_bounty::Call::withdraw {}), [51, 6]),
	] {
		assert_eq!(call.encode()[..2], expected, "{call:?}");
	}
}

#[test]
fn parameters_should_keep_their_keys() {
	use crate::parameters::dynamic_params::{firmware, pod_bounty, session};
	let keys = [
		RuntimeParametersKey::Session(session::ParametersKey::Length(session::Length)),
		RuntimeParametersKey::Firmware(firmware::ParametersKey::RecheckPeriod(firmware::RecheckPeriod)),
		RuntimeParametersKey::Firmware(firmware::ParametersKey::RetryPeriod(firmware::RetryPeriod)),
		RuntimeParametersKey::Firmware(firmware::ParametersKey::KeySetDelay(firmware::KeySetDelay)),
		RuntimeParametersKey::PodBounty(pod_bounty::ParametersKey::ExclusiveWindow(pod_bounty::ExclusiveWindow)),
		RuntimeParametersKey::PodBounty(pod_bounty::ParametersKey::MinDuration(pod_bounty::MinDuration)),
	];
	assert_eq!(keys.encode(), [0, 0, 1, 0, 1, 1, 1, 2, 2, 0, 2, 1]);
	let value = RuntimeParameters::Session(session::Parameters::Length(session::Length, Some(10)));
	assert_eq!(value.encode(), [0, 0, 1, 10, 0, 0, 0]);
}

#[test]
fn slot_length_should_keep_its_place() {
	use sp_io::hashing::twox_128;
	let key = [twox_128(b"Slot"), twox_128(b"Length")].concat();
	assert_eq!(crate::slot::Length::<Runtime>::hashed_key().to_vec(), key);
	sp_io::TestExternalities::default().execute_with(|| {
		unhashed::put_raw(&key, &1_000u64.to_le_bytes());
		assert_eq!(<crate::slot::SlotDuration as frame_support::traits::Get<u64>>::get(), 1_000);
	});
}

#[test]
fn voters_should_keep_their_layout() {
	use pallet_voters::{Offences, Sets, STORAGE_VERSION};
	use sp_consensus_grandpa::AuthorityId;
	use sp_core::ed25519::Public;
	use sp_io::hashing::{blake2_128, twox_128, twox_64};
	let prefix = |item: &[u8]| [twox_128(b"Voters"), twox_128(item)].concat();
	let set_id = 3u64.to_le_bytes();
	let key = [&prefix(b"Sets")[..], &twox_64(&set_id), &set_id].concat();
	assert_eq!(Sets::<Runtime>::hashed_key_for(3), key);
	let who = AccountId::from([7; 32]);
	let key = [&prefix(b"Offences")[..], &blake2_128(&[7; 32]), &[7; 32]].concat();
	assert_eq!(Offences::<Runtime>::hashed_key_for(&who), key);

	sp_io::TestExternalities::default().execute_with(|| {
		let voter = (AuthorityId::from(Public::from_raw([5; 32])), who.clone());
		Sets::<Runtime>::insert(3, BoundedVec::truncate_from(vec![voter]));
		Offences::<Runtime>::insert(&who, 3);
		let stored = |key: &[u8]| unhashed::get_raw(key).unwrap();
		let set = [&[1 << 2][..], &[5; 32], &[7; 32]].concat();
		assert_eq!(stored(&Sets::<Runtime>::hashed_key_for(3)), set);
		assert_eq!(stored(&Offences::<Runtime>::hashed_key_for(&who)), set_id);
	});
	assert_eq!(STORAGE_VERSION, StorageVersion::new(0));
}

#[test]
fn session_keys_should_keep_their_order() {
	assert_eq!(SessionKeys::key_ids(), [KeyTypeId(*b"aura"), KeyTypeId(*b"gran"), KeyTypeId(*b"wbat")]);
}

#[test]
fn transaction_extensions_should_keep_their_order() {
	let names: Vec<_> =
		<TxExtension as TransactionExtension<RuntimeCall>>::metadata().into_iter().map(|entry| entry.identifier).collect();
	assert_eq!(
		names,
		[
			"AuthorizeCall",
			"CheckNonZeroSender",
			"CheckSpecVersion",
			"CheckTxVersion",
			"CheckGenesis",
			"CheckMortality",
			"CheckNonce",
			"CheckWeight",
			"ChargeTransactionPayment",
			"CheckMetadataHash",
			"WeightReclaim",
		]
	);
}
