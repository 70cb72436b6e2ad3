//! Whether a device may take a release: the same checks that an offer of it goes through.

use waybill_chain::{exchange_view::release_view, types::Release};
use waybill_exchange::{DeviceExchange, Refusal};

/// Why a device does not take a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Objection {
	/// It is already installed.
	Installed,
	/// It must not be installed.
	Refused(Refusal),
}

/// Checks vendor, model, key set, signatures, and that the device does not go back.
///
/// A release that passes raises the lowest security version that the exchange will take.
pub fn check_release(exchange: &mut DeviceExchange, release: &Release) -> Result<(), Objection> {
	let (statement, installed) = (&release.statement, exchange.profile().installed);
	if (statement.version, statement.security_version) == (installed.version, installed.security_version) {
		return Err(Objection::Installed);
	}
	exchange.judge(&release_view(release.clone())).map_err(Objection::Refused)
}
