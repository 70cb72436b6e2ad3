//! Why a device refuses to go on.

use crate::{ProofFault, StreamError, TrustError};
use core::fmt;
use waybill_primitives::BlockNumber;

/// Why a device refuses. Each variant names what the device saw. A refusal changes nothing unless
/// its variant says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
	/// The exchange is at another step.
	OutOfOrder,
	/// The signer holds another device's key.
	ForeignSigner,
	/// The invitation or the chain's state is of another chain.
	ForeignChain,
	/// Another distributor answers than the one asked.
	ForeignDistributor,
	/// The offer is for another bounty than the one asked for.
	WrongBounty,
	/// The chain's state is too old to base decisions on. The node or the network stands still, or
	/// somebody holds newer blocks back.
	StaleChainView,
	/// The chain's state is from the future: a clock is wrong.
	FutureChainView,
	/// The chain's state is older than one seen before.
	ChainViewRollback,
	/// The chain's state is about another bounty, release or device.
	MismatchedView,
	/// The bounty is unknown, expired or closing.
	BountyNotOpen,
	/// The bounty expires too soon.
	MarginTooSmall,
	/// The bounty pays for another release.
	WrongRelease,
	/// The offered release differs from the one on chain.
	ReleaseMismatch,
	/// The release is another vendor's.
	ForeignVendor,
	/// The release is for another model.
	WrongModel,
	/// The chain's key set is older than the trusted one.
	KeySetRollback,
	/// The release is signed by a key set that the vendor has replaced. The vendor can sign it again.
	KeySetReplaced,
	/// The release is signed by a key set newer than the trusted one, which must be rotated first.
	UnknownKeySet,
	/// The release keys' signatures do not carry the release.
	Signatures(TrustError),
	/// The vendor's key set does not follow from the trusted one.
	KeySet(TrustError),
	/// The release has a lower security version than one that is installed or was seen before.
	SecurityRollback,
	/// The release is the installed one or older.
	NotNewer,
	/// The release is yanked.
	ReleaseYanked,
	/// The digest is not the bounty's, or does not fit the payload's SHA-256.
	DigestMismatch,
	/// The payload does not fit this device.
	PayloadTooLarge,
	/// The release's suite has no proofs, and this device's policy takes nothing unproven.
	Unproven,
	/// The ciphertext's length does not fit the payload's.
	CiphertextSizeMismatch,
	/// The device is not at this place of the bounty's fleet.
	NotInFleet,
	/// The update of this device is paid already.
	AlreadyPaid,
	/// Another reservation holds the device's slot.
	SlotReserved,
	/// The suite does not take the offered evidence.
	EvidenceRefused,
	/// The proofs do not hold: with this ciphertext, key and mask the device would not get the
	/// release. It can also mean that a proof's file is damaged.
	Proof(ProofFault),
	/// The mask is not for this device and these terms.
	MaskUnreadable,
	/// The ciphertext is longer, shorter or other than offered. It can be fetched again.
	Ciphertext(StreamError),
	/// A receipt still stands. The device signs no other until this block.
	ReceiptStanding(BlockNumber),
	/// The key opens no lock that this device waits for.
	WrongKey,
	/// The key opens the lock, but mask and key do not give the committed content key: the
	/// distributor cheated. The exchange has failed.
	WrongContentKey,
	/// What was decrypted is not the release: the distributor cheated. The exchange has failed.
	PayloadMismatch,
}

/// An attack on updates, named as in TUF and Uptane. What looks like an attack can also be an
/// accident.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attack {
	/// The vendor's keys did not sign what is offered.
	ArbitraryInstallation,
	/// What is shown is older than what is installed, trusted, or was seen before.
	Rollback,
	/// Numbers are pushed so far ahead that nothing real can follow.
	FastForward,
	/// What is shown is an old state, in which there is nothing new.
	IndefiniteFreeze,
	/// More is sent than was declared.
	EndlessData,
	/// Parts are put together that do not belong together.
	MixAndMatch,
	/// What is offered is right, but for other devices.
	WrongSoftware,
}

impl fmt::Display for Attack {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::ArbitraryInstallation => "arbitrary installation",
			Self::Rollback => "rollback",
			Self::FastForward => "fast-forward",
			Self::IndefiniteFreeze => "indefinite freeze",
			Self::EndlessData => "endless data",
			Self::MixAndMatch => "mix-and-match",
			Self::WrongSoftware => "wrong software",
		})
	}
}

impl Refusal {
	/// The attack that this refusal points to, unless it is an accident. `None` for what happens in
	/// honest exchanges.
	pub const fn attack(&self) -> Option<Attack> {
		match self {
			Self::Signatures(_) | Self::PayloadMismatch => Some(Attack::ArbitraryInstallation),
			Self::ChainViewRollback
			| Self::KeySetRollback
			| Self::KeySet(TrustError::KeySetRollback)
			| Self::SecurityRollback => Some(Attack::Rollback),
			Self::FutureChainView | Self::KeySet(TrustError::SkippedVersion) => Some(Attack::FastForward),
			Self::KeySet(_) => Some(Attack::ArbitraryInstallation),
			Self::StaleChainView => Some(Attack::IndefiniteFreeze),
			Self::PayloadTooLarge | Self::CiphertextSizeMismatch | Self::Ciphertext(StreamError::TooLong) => {
				Some(Attack::EndlessData)
			},
			Self::MismatchedView
			| Self::WrongRelease
			| Self::ReleaseMismatch
			| Self::DigestMismatch
			| Self::Ciphertext(StreamError::TooShort | StreamError::HashMismatch) => Some(Attack::MixAndMatch),
			Self::ForeignVendor | Self::WrongModel => Some(Attack::WrongSoftware),
			Self::OutOfOrder
			| Self::ForeignSigner
			| Self::ForeignChain
			| Self::ForeignDistributor
			| Self::WrongBounty
			| Self::BountyNotOpen
			| Self::MarginTooSmall
			| Self::KeySetReplaced
			| Self::UnknownKeySet
			| Self::NotNewer
			| Self::ReleaseYanked
			| Self::NotInFleet
			| Self::AlreadyPaid
			| Self::SlotReserved
			| Self::Unproven
			| Self::EvidenceRefused
			| Self::Proof(_)
			| Self::MaskUnreadable
			| Self::ReceiptStanding(_)
			| Self::WrongKey
			| Self::WrongContentKey => None,
		}
	}
}

impl fmt::Display for Refusal {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		if let Some(attack) = self.attack() {
			write!(f, "{attack}: ")?;
		}
		f.write_str(match self {
			Self::OutOfOrder => "the exchange is at another step",
			Self::ForeignSigner => "the signer holds another device's key",
			Self::ForeignChain => "the peer or node is on another chain",
			Self::ForeignDistributor => "another distributor answers than the one asked",
			Self::WrongBounty => "the offer is for another bounty than the one asked for",
			Self::StaleChainView => {
				"the finalised state is too old: the node is behind, or somebody holds newer blocks back"
			},
			Self::FutureChainView => "the finalised state is from the future: check the clock",
			Self::ChainViewRollback => "the finalised state is older than one seen before",
			Self::MismatchedView => "the finalised state is about another bounty, release or device",
			Self::BountyNotOpen => "the bounty is not open",
			Self::MarginTooSmall => "the bounty expires too soon",
			Self::WrongRelease => "the bounty pays for another release",
			Self::ReleaseMismatch => "the offered release differs from the one on chain",
			Self::ForeignVendor => "the release is another vendor's",
			Self::WrongModel => "the release is for another model",
			Self::KeySetRollback => "the key set is older than the trusted one",
			Self::KeySetReplaced => {
				"the release is signed by keys that the vendor has replaced: its new keys have to sign it (`waybill vendor \
				 keys resign`)"
			},
			Self::UnknownKeySet => "the release is signed by a key set that this device does not know yet",
			Self::Signatures(error) => return write!(f, "the release's signatures are refused: {error}"),
			Self::KeySet(error) => {
				return write!(f, "the vendor's next key set does not follow from the trusted one: {error}")
			},
			Self::SecurityRollback => "the release has a lower security version than one that is installed or was seen",
			Self::NotNewer => "the release is not newer than what is installed",
			Self::ReleaseYanked => "the release is yanked",
			Self::DigestMismatch => "the digest is not the bounty's, or does not fit the payload",
			Self::PayloadTooLarge => "the payload is too large for this device",
			Self::Unproven => {
				"the release is published under a suite without proofs, which this device's policy (accept_unproven) refuses"
			},
			Self::CiphertextSizeMismatch => "the ciphertext's length does not fit the payload's",
			Self::NotInFleet => "this device is not at the offered place of the fleet",
			Self::AlreadyPaid => "the update of this device is paid already",
			Self::SlotReserved => "another reservation holds this device's slot",
			Self::EvidenceRefused => "the suite does not take the offered evidence",
			Self::Proof(fault) => return write!(f, "the distributor's proofs are refused: {fault}"),
			Self::MaskUnreadable => "the mask is not for this device and these terms",
			Self::Ciphertext(error) => return write!(f, "ciphertext: {error}"),
			Self::ReceiptStanding(until) => {
				return write!(f, "a receipt stands until block {until}; the device signs no other before")
			},
			Self::WrongKey => "the key opens no lock that this device waits for",
			Self::WrongContentKey => "the distributor cheated: its key opens the lock but is not the committed one",
			Self::PayloadMismatch => "the distributor cheated: what was decrypted is not the release",
		})
	}
}

impl core::error::Error for Refusal {}
