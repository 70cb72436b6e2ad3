//! Publishes, re-signs and yanks releases.

use crate::{pallet::*, Model, Release, Round, Signatures, UrlOf};
use codec::{Encode, MaxEncodedLen};
use frame_support::{
	ensure,
	traits::{Consideration, Footprint},
};
use sp_core::Get;
use sp_runtime::{ArithmeticError, DispatchResult};
use waybill_primitives::{view::ReleaseState, ReleaseId, ReleaseStatement, Statement, Yank, YankStatement};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_publish(
		vendor: T::AccountId,
		statement: ReleaseStatement,
		advisory: Option<UrlOf<T>>,
		signatures: Signatures,
	) -> DispatchResult {
		let mut model = Self::model_of(statement.model, &vendor)?;
		Self::check_statement(&statement, &model)?;
		Self::check_advisory(&advisory)?;
		let key_set_version = Self::check_signatures(&vendor, &statement.signing_bytes(&Self::genesis_hash()), &signatures)?;

		let release = NextReleaseId::<T>::get();
		let next = release.checked_add(1).ok_or(ArithmeticError::Overflow)?;
		let ticket = T::Consideration::new(&vendor, Self::release_footprint(&signatures))?;
		let ReleaseStatement { model: model_id, version, security_version, payload, .. } = statement;
		let now = frame_system::Pallet::<T>::block_number();
		model.security_version = security_version;
		Models::<T>::insert(model_id, model);
		NextReleaseId::<T>::put(next);
		ReleaseIds::<T>::insert(model_id, version, release);
		ReleaseSignatures::<T>::insert(release, signatures);
		Rounds::<T>::insert(release, Round::first(now));
		let record = Release {
			vendor: vendor.clone(),
			statement,
			key_set_version,
			advisory,
			published_at: now,
			state: ReleaseState::Pending,
			yank: None,
			ticket,
		};
		Releases::<T>::insert(release, record);
		Self::deposit_event(Event::ReleasePublished {
			release,
			model: model_id,
			vendor,
			version,
			security_version,
			payload,
		});
		Ok(())
	}

	pub(crate) fn do_resign(vendor: T::AccountId, id: ReleaseId, signatures: Signatures) -> DispatchResult {
		let mut release = Releases::<T>::get(id).ok_or(Error::<T>::UnknownRelease)?;
		ensure!(release.vendor == vendor, Error::<T>::NotReleaseVendor);
		ensure!(release.yank.is_none(), Error::<T>::AlreadyYanked);
		let message = release.statement.signing_bytes(&Self::genesis_hash());
		let key_set_version = Self::check_signatures(&vendor, &message, &signatures)?;
		ensure!(release.key_set_version < key_set_version, Error::<T>::AlreadySigned);

		release.key_set_version = key_set_version;
		release.ticket = release.ticket.update(&vendor, Self::release_footprint(&signatures))?;
		Releases::<T>::insert(id, release);
		ReleaseSignatures::<T>::insert(id, signatures);
		Self::deposit_event(Event::ReleaseResigned { release: id, key_set_version });
		Ok(())
	}

	pub(crate) fn do_yank(
		vendor: T::AccountId,
		release: ReleaseId,
		reason: Yank,
		advisory: Option<UrlOf<T>>,
	) -> DispatchResult {
		let record = Releases::<T>::get(release).ok_or(Error::<T>::UnknownRelease)?;
		ensure!(record.vendor == vendor, Error::<T>::NotReleaseVendor);
		ensure!(record.yank.is_none(), Error::<T>::AlreadyYanked);
		Self::check_advisory(&advisory)?;
		Self::mark_yanked(release, record, reason, advisory);
		Ok(())
	}

	pub(crate) fn do_yank_signed(release: ReleaseId, reason: Yank, signatures: Signatures) -> DispatchResult {
		let record = Releases::<T>::get(release).ok_or(Error::<T>::UnknownRelease)?;
		ensure!(record.yank.is_none(), Error::<T>::AlreadyYanked);
		let message = YankStatement { release, reason }.signing_bytes(&Self::genesis_hash());
		Self::check_signatures(&record.vendor, &message, &signatures)?;
		Self::mark_yanked(release, record, reason, None);
		Ok(())
	}

	/// Marks the release as yanked; it takes no more votes.
	fn mark_yanked(id: ReleaseId, mut release: Release<T>, reason: Yank, advisory: Option<UrlOf<T>>) {
		release.state = ReleaseState::Yanked;
		release.yank = Some(reason);
		release.advisory = advisory.or(release.advisory);
		Releases::<T>::insert(id, release);
		Rounds::<T>::remove(id);
		Self::deposit_event(Event::ReleaseYanked { release: id, reason });
	}

	fn check_advisory(advisory: &Option<UrlOf<T>>) -> Result<(), Error<T>> {
		advisory.as_ref().map_or(Ok(()), |url| Self::check_text(url))
	}

	fn check_statement(statement: &ReleaseStatement, model: &Model<T>) -> Result<(), Error<T>> {
		let ReleaseStatement { size, digest, sha256, security_version, version, .. } = statement;
		ensure!((1..=T::MaxPayloadSize::get()).contains(size), Error::<T>::InvalidPayloadSize);
		ensure!(digest.suite.digest_fits(&digest.bytes, sha256), Error::<T>::DigestMismatch);
		let highest = model.security_version.saturating_add(T::MaxSecurityStep::get());
		ensure!(*security_version >= model.security_version, Error::<T>::SecurityVersionTooLow);
		ensure!(*security_version <= highest, Error::<T>::SecurityVersionTooHigh);
		ensure!(!ReleaseIds::<T>::contains_key(statement.model, version), Error::<T>::VersionExists);
		Ok(())
	}

	/// What a release stores: itself, its signatures and the votes on it.
	pub(crate) fn release_footprint(signatures: &Signatures) -> Footprint {
		let votes = Round::<T>::max_encoded_len();
		let size = Release::<T>::max_encoded_len().saturating_add(votes).saturating_add(signatures.encoded_size());
		Footprint::from_parts(1, size)
	}
}
