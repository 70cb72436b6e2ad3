//! Vendors and their metadata.

use crate::{pallet::*, Vendor, VendorMetadata};
use codec::{Encode, MaxEncodedLen};
use frame_support::{
	ensure,
	traits::{Consideration, Footprint},
};
use sp_runtime::DispatchResult;
use waybill_primitives::KeySet;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_register_vendor(vendor: T::AccountId, metadata: VendorMetadata<T>, key_set: KeySet) -> DispatchResult {
		ensure!(!Vendors::<T>::contains_key(&vendor), Error::<T>::AlreadyVendor);
		Self::check_metadata(&metadata)?;
		ensure!(key_set.is_valid(), Error::<T>::InvalidKeySet);

		let key_set_version = 1;
		let ticket = T::Consideration::new(&vendor, Self::vendor_footprint(&metadata))?;
		KeySets::<T>::insert(&vendor, key_set_version, key_set);
		Vendors::<T>::insert(&vendor, Vendor { metadata, key_set_version, ticket });
		Self::deposit_event(Event::VendorRegistered { vendor });
		Ok(())
	}

	pub(crate) fn do_update_vendor(vendor: T::AccountId, metadata: VendorMetadata<T>) -> DispatchResult {
		let old = Vendors::<T>::get(&vendor).ok_or(Error::<T>::UnknownVendor)?;
		Self::check_metadata(&metadata)?;

		let key_set_version = old.key_set_version;
		let ticket = old.ticket.update(&vendor, Self::vendor_footprint(&metadata))?;
		Vendors::<T>::insert(&vendor, Vendor { metadata, key_set_version, ticket });
		Self::deposit_event(Event::VendorUpdated { vendor });
		Ok(())
	}

	fn check_metadata(metadata: &VendorMetadata<T>) -> Result<(), Error<T>> {
		Self::check_name(&metadata.name)?;
		Self::check_text(&metadata.url)?;
		Self::check_text(&metadata.security_contact)
	}

	/// What a vendor stores: its metadata and its first key set.
	pub(crate) fn vendor_footprint(metadata: &VendorMetadata<T>) -> Footprint {
		Footprint::from_parts(1, metadata.encoded_size().saturating_add(KeySet::max_encoded_len()))
	}
}
