//! Which vendor keys a device trusts.

use crate::{sign::verify, AccountId, SignatureError};
use core::fmt;
use waybill_primitives::{Hash32, IndexedSignature, KeySet, KeySetStatement, Statement};

/// The release keys of a vendor that a device trusts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustedKeys {
	/// The version of the key set.
	pub version: u32,
	/// The keys, and how many of them must sign.
	pub key_set: KeySet,
}

impl TrustedKeys {
	/// Checks that at least the threshold of different keys signed the statement. One wrong,
	/// unknown or repeated signature makes it fail.
	pub fn verify<S: Statement>(
		&self,
		statement: &S,
		genesis: &Hash32,
		signatures: &[IndexedSignature],
	) -> Result<(), TrustError> {
		if !self.key_set.is_valid() {
			return Err(TrustError::InvalidKeySet);
		}
		// Cheap checks before the first signature.
		for (place, one) in signatures.iter().enumerate() {
			if signatures.iter().take(place).any(|other| other.key == one.key) {
				return Err(TrustError::RepeatedKey);
			}
			if usize::from(one.key) >= self.key_set.keys.len() {
				return Err(TrustError::UnknownKey);
			}
		}
		if signatures.len() < usize::from(self.key_set.threshold) {
			return Err(TrustError::BelowThreshold);
		}
		for one in signatures {
			let key = self.key_set.keys.get(usize::from(one.key)).ok_or(TrustError::UnknownKey)?;
			verify(key, statement, genesis, &one.signature).map_err(TrustError::Signature)?;
		}
		Ok(())
	}

	/// The next key set, if both this one and the next one signed the change from version `N` to
	/// `N + 1`.
	pub fn rotate(
		&self,
		vendor: &AccountId,
		genesis: &Hash32,
		statement: &KeySetStatement<AccountId>,
		old_signatures: &[IndexedSignature],
		new_signatures: &[IndexedSignature],
	) -> Result<Self, TrustError> {
		if statement.vendor != *vendor {
			return Err(TrustError::ForeignVendor);
		}
		if statement.version <= self.version {
			return Err(TrustError::KeySetRollback);
		}
		if self.version.checked_add(1) != Some(statement.version) {
			return Err(TrustError::SkippedVersion);
		}
		let next = Self { version: statement.version, key_set: statement.key_set.clone() };
		self.verify(statement, genesis, old_signatures)?;
		next.verify(statement, genesis, new_signatures)?;
		Ok(next)
	}
}

/// Why signatures are not enough for a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrustError {
	/// The key set is invalid: its threshold cannot be met, or a key is weak or repeated.
	InvalidKeySet,
	/// A signature names a key that the set does not have.
	UnknownKey,
	/// Two signatures name one key.
	RepeatedKey,
	/// Fewer signatures than the threshold.
	BelowThreshold,
	/// A signature does not count.
	Signature(SignatureError),
	/// The key set is another vendor's.
	ForeignVendor,
	/// The key set is not newer than the trusted one.
	KeySetRollback,
	/// A key set in between is missing.
	SkippedVersion,
}

impl fmt::Display for TrustError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::InvalidKeySet => "the key set's threshold or keys are invalid",
			Self::UnknownKey => "a signature names a key that the key set does not have",
			Self::RepeatedKey => "two signatures name the same key",
			Self::BelowThreshold => "fewer release keys signed than the threshold",
			Self::Signature(error) => return write!(f, "release key: {error}"),
			Self::ForeignVendor => "the key set is another vendor's",
			Self::KeySetRollback => "the key set is not newer than the trusted one",
			Self::SkippedVersion => "a key set between the trusted one and this one is missing",
		})
	}
}

impl core::error::Error for TrustError {}
