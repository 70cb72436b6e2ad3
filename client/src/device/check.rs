//! Whether a device may take a release: the same checks that an offer of it goes through.

use super::view::release_view;
use crate::chain::types::Release;
use waybill_exchange::{IndexedSignature, Profile, Refusal};

/// Why not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
	/// It is installed.
	Installed,
	/// It must not be.
	Refused(Refusal),
}

/// Checks vendor, model, key set, signatures, and that the device does not go back.
pub fn release(profile: &Profile, release: &Release) -> Result<(), Verdict> {
	let signatures: Vec<_> =
		release.signatures.iter().map(|(key, signature)| IndexedSignature { key: *key, signature: *signature }).collect();
	let (statement, installed) = (&release.statement, profile.installed);
	if (statement.version, statement.security_version) == (installed.version, installed.security_version) {
		return Err(Verdict::Installed);
	}
	profile.accepts(&release_view(release), &signatures).map_err(Verdict::Refused)
}
