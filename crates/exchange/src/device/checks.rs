//! What a device checks before it agrees, signs and installs.

use super::{state::Seen, Profile, Terms};
use crate::{
	chain::{BountyPlace, ChainView, ReleaseView, Slot},
	message::Offer,
	suite::Algorithms,
	Policy, Refusal,
};
use waybill_primitives::{
	fleet::{self, Blake2b256},
	view::ReleaseState,
	BlockNumber, DeviceKey, IndexedSignature, ReleaseStatement,
};

/// Checks the offer against what the device trusts and what the chain says.
pub(super) fn offer(
	offer: &Offer,
	device_key: &DeviceKey,
	profile: &Profile,
	seen: Seen,
	policy: &Policy,
	view: &ChainView,
) -> Result<(), Refusal> {
	let place = place_of(view, offer.bounty, offer.device_index)?;
	payable(place, view.head.number, policy)?;
	let bounty = &place.bounty;
	if offer.release_id != bounty.release {
		return Err(Refusal::WrongRelease);
	}
	if view.release.statement != offer.release || view.release.key_set_version != offer.key_set_version {
		return Err(Refusal::ReleaseMismatch);
	}
	release(&view.release, &offer.signatures, profile, seen)?;
	acceptable(&offer.release, policy)?;
	if offer.release.digest != bounty.digest || !digest_fits(&offer.release) {
		return Err(Refusal::DigestMismatch);
	}
	let suite = offer.release.digest.suite;
	if suite.ciphertext_size(offer.release.size) != Some(offer.ciphertext.size) {
		return Err(Refusal::CiphertextSizeMismatch);
	}
	if !suite.accepts(&offer.evidence) {
		return Err(Refusal::EvidenceRefused);
	}
	if !fleet::verify::<Blake2b256>(&bounty.root, bounty.count, offer.device_index, device_key, &offer.membership) {
		return Err(Refusal::NotInFleet);
	}
	Ok(())
}

/// Checks the chain's state again before the device signs. Returns the last block in which the
/// receipt can be reserved.
pub(super) fn receipt(
	terms: &Terms,
	profile: &Profile,
	seen: Seen,
	policy: &Policy,
	view: &ChainView,
) -> Result<BlockNumber, Refusal> {
	let place = place_of(view, terms.bounty, terms.device_index)?;
	payable(place, view.head.number, policy)?;
	let bounty = &place.bounty;
	if bounty.release != terms.release_id || bounty.digest != terms.release.digest {
		return Err(Refusal::WrongRelease);
	}
	standing_release(&view.release, terms, profile, seen)?;
	acceptable(&terms.release, policy)?;
	let last = bounty.expires_at.saturating_sub(1);
	Ok(view.head.number.saturating_add(policy.receipt_lifetime).min(last))
}

/// Checks the chain's state and the device's own once more before the device installs.
pub(super) fn install(terms: &Terms, profile: &Profile, seen: Seen, view: &ChainView) -> Result<(), Refusal> {
	standing_release(&view.release, terms, profile, seen)
}

/// Whether `release` may follow what is installed and what was seen.
pub(super) fn newer(release: &ReleaseStatement, profile: &Profile, seen: Seen) -> Result<(), Refusal> {
	let installed = profile.installed;
	if release.security_version < installed.security_version.max(seen.security_version) {
		return Err(Refusal::SecurityRollback);
	}
	if release.security_version == installed.security_version && release.version <= installed.version {
		return Err(Refusal::NotNewer);
	}
	Ok(())
}

fn place_of(view: &ChainView, id: u64, device_index: u32) -> Result<&BountyPlace, Refusal> {
	let place = view.place.as_ref().ok_or(Refusal::BountyNotOpen)?;
	let bounty = &place.bounty;
	if bounty.id != id || place.device_index != device_index || bounty.release != view.release.id {
		return Err(Refusal::MismatchedView);
	}
	Ok(place)
}

fn payable(place: &BountyPlace, number: BlockNumber, policy: &Policy) -> Result<(), Refusal> {
	let bounty = &place.bounty;
	if bounty.closing || number >= bounty.expires_at {
		return Err(Refusal::BountyNotOpen);
	}
	if bounty.expires_at.saturating_sub(number) < policy.min_margin {
		return Err(Refusal::MarginTooSmall);
	}
	match &place.slot {
		Slot::Paid => Err(Refusal::AlreadyPaid),
		slot if slot.is_taken(number) => Err(Refusal::SlotReserved),
		Slot::Reserved { .. } | Slot::Open => Ok(()),
	}
}

/// Checks the release as the chain has it against what the device trusts and runs.
pub(super) fn release(
	on_chain: &ReleaseView,
	signatures: &[IndexedSignature],
	profile: &Profile,
	seen: Seen,
) -> Result<(), Refusal> {
	if on_chain.vendor != profile.vendor {
		return Err(Refusal::ForeignVendor);
	}
	if on_chain.statement.model != profile.model {
		return Err(Refusal::WrongModel);
	}
	if on_chain.key_set_version < profile.keys.version {
		return Err(Refusal::KeySetReplaced);
	}
	if on_chain.key_set_version > profile.keys.version {
		return Err(Refusal::UnknownKeySet);
	}
	profile.keys.verify(&on_chain.statement, &profile.genesis, signatures).map_err(Refusal::Signatures)?;
	not_yanked(on_chain)?;
	newer(&on_chain.statement, profile, seen)
}

/// Checks the release against the device's policy.
pub(super) fn acceptable(release: &ReleaseStatement, policy: &Policy) -> Result<(), Refusal> {
	if release.size > policy.max_payload_size {
		return Err(Refusal::PayloadTooLarge);
	}
	if !(release.digest.suite.has_proofs() || policy.accept_unproven) {
		return Err(Refusal::Unproven);
	}
	Ok(())
}

/// Checks that the chain still has the agreed release, signed by the keys that the device trusts
/// now. These may have changed since the agreement.
fn standing_release(on_chain: &ReleaseView, terms: &Terms, profile: &Profile, seen: Seen) -> Result<(), Refusal> {
	if on_chain.id != terms.release_id {
		return Err(Refusal::MismatchedView);
	}
	if on_chain.statement != terms.release {
		return Err(Refusal::ReleaseMismatch);
	}
	release(on_chain, &on_chain.signatures, profile, seen)
}

fn not_yanked(release: &ReleaseView) -> Result<(), Refusal> {
	match release.state {
		ReleaseState::Yanked => Err(Refusal::ReleaseYanked),
		ReleaseState::Pending | ReleaseState::Available | ReleaseState::Unavailable => Ok(()),
	}
}

fn digest_fits(release: &ReleaseStatement) -> bool {
	release.digest.suite.digest_fits(&release.digest.bytes, &release.sha256)
}
