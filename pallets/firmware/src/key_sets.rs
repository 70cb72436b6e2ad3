//! Vendors' key sets: checks who signed, and replaces one set by the next.

use crate::{pallet::*, PendingKeySet, Rotation, Signatures, VetoedKeySet};
use frame_support::{
	ensure,
	traits::{Consideration, Footprint},
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_core::{ed25519, Get};
use sp_io::hashing::blake2_256;
use sp_runtime::{
	traits::{Saturating, Zero},
	ArithmeticError, DispatchError, DispatchResult,
};
use waybill_primitives::{Hash32, IndexedSignature, KeySet, KeySetStatement, ReleaseKey, ReleaseSignature, Statement};

impl<T: Config> Pallet<T> {
	/// The hash of the chain's first block. Every signed statement is bound to it.
	pub fn genesis_hash() -> Hash32 {
		let hash = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
		hash.as_ref().try_into().unwrap_or_default()
	}

	/// Checks that keys of the vendor's current key set signed `message`: at least its threshold,
	/// each key once, and no signature is wrong. Returns the key set's version.
	pub(crate) fn check_signatures(vendor: &T::AccountId, message: &[u8], signatures: &Signatures) -> Result<u32, Error<T>> {
		let version = Vendors::<T>::get(vendor).ok_or(Error::<T>::UnknownVendor)?.key_set_version;
		let key_set = KeySets::<T>::get(vendor, version).ok_or(Error::<T>::UnknownVendor)?;
		Self::check_threshold(&key_set, message, signatures)?;
		Ok(version)
	}

	/// Checks that keys of the set signed `message`: at least its threshold, each key once, and no
	/// signature is wrong.
	pub(crate) fn check_threshold(key_set: &KeySet, message: &[u8], signatures: &Signatures) -> Result<(), Error<T>> {
		ensure!(signatures.len() >= usize::from(key_set.threshold), Error::<T>::ThresholdNotMet);
		for (place, IndexedSignature { key: index, signature }) in signatures.iter().enumerate() {
			let repeated = signatures.iter().take(place).any(|earlier| earlier.key == *index);
			ensure!(!repeated, Error::<T>::DuplicateSigner);
			let key = key_set.keys.get(usize::from(*index)).ok_or(Error::<T>::UnknownSigner)?;
			ensure!(verify(key, message, signature), Error::<T>::BadSignature);
		}
		Ok(())
	}

	/// The statement that two successive key sets sign when `key_set` is to follow the vendor's
	/// current one.
	pub(crate) fn next_statement(
		vendor: &T::AccountId,
		key_set: KeySet,
	) -> Result<KeySetStatement<T::AccountId>, DispatchError> {
		let current = Vendors::<T>::get(vendor).ok_or(Error::<T>::UnknownVendor)?.key_set_version;
		let version = current.checked_add(1).ok_or(ArithmeticError::Overflow)?;
		Ok(KeySetStatement { vendor: vendor.clone(), version, key_set })
	}

	pub(crate) fn do_rotate(
		submitter: T::AccountId,
		vendor: T::AccountId,
		key_set: KeySet,
		old_signatures: Signatures,
		new_signatures: Signatures,
	) -> DispatchResult {
		let statement = Self::next_statement(&vendor, key_set.clone())?;
		ensure!(!PendingKeySets::<T>::contains_key(&vendor), Error::<T>::RotationPending);
		ensure!(key_set.is_valid(), Error::<T>::InvalidKeySet);
		let message = statement.signing_bytes(&Self::genesis_hash());
		ensure!(!VetoedKeySets::<T>::contains_key(&vendor, blake2_256(&message)), Error::<T>::RotationVetoed);
		Self::check_signatures(&vendor, &message, &old_signatures)?;
		Self::check_threshold(&key_set, &message, &new_signatures)?;

		let ticket = T::Consideration::new(
			&submitter,
			Self::rotation_footprint(&key_set, &old_signatures, &new_signatures, &submitter),
		)?;
		let effective_at = frame_system::Pallet::<T>::block_number().saturating_add(T::KeySetDelay::get());
		let rotation = Rotation { old_signatures, new_signatures, submitter, ticket };
		PendingKeySets::<T>::insert(&vendor, PendingKeySet { key_set, effective_at, rotation });
		Self::deposit_event(Event::KeySetProposed { vendor, version: statement.version, effective_at });
		Ok(())
	}

	pub(crate) fn do_veto(vendor: T::AccountId) -> DispatchResult {
		let PendingKeySet { key_set, rotation, .. } =
			PendingKeySets::<T>::take(&vendor).ok_or(Error::<T>::NoPendingKeySet)?;
		let statement = Self::next_statement(&vendor, key_set)?;
		let hash = blake2_256(&statement.signing_bytes(&Self::genesis_hash()));
		let Rotation { submitter, ticket, .. } = rotation;
		VetoedKeySets::<T>::insert(&vendor, hash, VetoedKeySet { submitter, ticket });
		Self::deposit_event(Event::KeySetVetoed { vendor, version: statement.version });
		Ok(())
	}

	pub(crate) fn do_adopt(vendor: T::AccountId) -> DispatchResult {
		let PendingKeySet { key_set, effective_at, rotation } =
			PendingKeySets::<T>::take(&vendor).ok_or(Error::<T>::NoPendingKeySet)?;
		ensure!(frame_system::Pallet::<T>::block_number() >= effective_at, Error::<T>::TooEarly);

		let KeySetStatement { version, key_set, .. } = Self::next_statement(&vendor, key_set)?;
		Vendors::<T>::mutate_extant(&vendor, |record| record.key_set_version = version);
		KeySets::<T>::insert(&vendor, version, key_set);
		KeySetSignatures::<T>::insert(&vendor, version, rotation);
		Self::deposit_event(Event::KeySetAdopted { vendor, version });
		Ok(())
	}

	/// What a rotation stores: a key set and the signatures over it.
	pub(crate) fn rotation_footprint(
		key_set: &KeySet,
		old_signatures: &Signatures,
		new_signatures: &Signatures,
		submitter: &T::AccountId,
	) -> Footprint {
		Footprint::from_encodable((key_set, old_signatures, new_signatures, submitter))
	}
}

/// Whether `signature` over `message` is by `key`. A weak key is refused.
///
/// The check refuses a scalar that is not reduced, so only the signer can make a second signature
/// of one. Nothing depends on that: the pallet counts signers by their keys, and knows a vetoed set
/// by its statement.
fn verify(key: &ReleaseKey, message: &[u8], signature: &ReleaseSignature) -> bool {
	match (key, signature) {
		(ReleaseKey::Ed25519(key), ReleaseSignature::Ed25519(signature)) => sp_io::crypto::ed25519_verify(
			&ed25519::Signature::from_raw(*signature),
			message,
			&ed25519::Public::from_raw(*key),
		),
	}
}
