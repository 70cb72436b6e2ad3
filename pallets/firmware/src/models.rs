//! Models: vendors' product lines.

use crate::{pallet::*, Model, NameOf};
use frame_support::{
	ensure,
	traits::{Consideration, Footprint},
};
use sp_runtime::{ArithmeticError, DispatchResult};
use waybill_primitives::ModelId;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_register_model(vendor: T::AccountId, name: NameOf<T>) -> DispatchResult {
		ensure!(Vendors::<T>::contains_key(&vendor), Error::<T>::UnknownVendor);
		Self::check_name(&name)?;

		let model = NextModelId::<T>::get();
		let next = model.checked_add(1).ok_or(ArithmeticError::Overflow)?;
		let ticket = T::Consideration::new(&vendor, Footprint::from_mel::<Model<T>>())?;
		NextModelId::<T>::put(next);
		Models::<T>::insert(model, Model { vendor: vendor.clone(), name, security_version: 0, ticket });
		Self::deposit_event(Event::ModelRegistered { model, vendor });
		Ok(())
	}

	/// The model, if it belongs to `vendor`.
	pub(crate) fn model_of(model: ModelId, vendor: &T::AccountId) -> Result<Model<T>, Error<T>> {
		let model = Models::<T>::get(model).ok_or(Error::<T>::UnknownModel)?;
		ensure!(model.vendor == *vendor, Error::<T>::NotModelVendor);
		Ok(model)
	}
}
