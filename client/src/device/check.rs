//! Whether a device may take a release: the same checks that an offer of it goes through.

use super::view::release_view;
use waybill_chain::types::Release;
use waybill_exchange::{DeviceExchange, Refusal};

/// Why not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
	/// It is installed.
	Installed,
	/// It must not be.
	Refused(Refusal),
}

/// Checks vendor, model, key set, signatures, and that the device does not go back. From now on it takes nothing of a lower security
/// version.
pub fn release(exchange: &mut DeviceExchange, release: &Release) -> Result<(), Verdict> {
	let (statement, installed) = (&release.statement, exchange.profile().installed);
	if (statement.version, statement.security_version) == (installed.version, installed.security_version) {
		return Err(Verdict::Installed);
	}
	exchange.judge(&release_view(release)).map_err(Verdict::Refused)
}
