//! The rules for names and other texts.

use crate::{pallet::*, NameOf};
use frame_support::ensure;

impl<T: Config> Pallet<T> {
	pub(crate) fn check_name(name: &NameOf<T>) -> Result<(), Error<T>> {
		ensure!(!name.is_empty(), Error::<T>::EmptyName);
		Self::check_text(name)
	}

	pub(crate) fn check_text(text: &[u8]) -> Result<(), Error<T>> {
		let text = core::str::from_utf8(text).map_err(|_| Error::<T>::InvalidText)?;
		ensure!(!text.chars().any(char::is_control), Error::<T>::InvalidText);
		Ok(())
	}
}
