//! The arguments of daemons that serve HTTPS and have an address for operators.

use std::path::PathBuf;
use waybill_daemon::StatusListen;

/// Where operators look, and what HTTPS is served with.
#[derive(clap::Args, Debug)]
pub struct ServerArgs {
	/// Where to serve status and metrics for operators, or off
	/// [default: 127.0.0.1, at the port after that of --listen]
	#[arg(long, value_name = "ADDRESS:PORT")]
	status_listen: Option<StatusListen>,
	/// PEM file with a certificate and its chain, to serve https://; read again when it changes
	#[arg(long, value_name = "FILE")]
	tls_certificate: Option<PathBuf>,
	/// PEM file with the certificate's private key
	#[arg(long, value_name = "FILE")]
	tls_key: Option<PathBuf>,
}

impl ServerArgs {
	/// Puts what was given in the place of what is configured.
	pub fn over(self, status_listen: &mut StatusListen, certificate: &mut Option<PathBuf>, key: &mut Option<PathBuf>) {
		*status_listen = self.status_listen.unwrap_or(*status_listen);
		*certificate = self.tls_certificate.or_else(|| certificate.take());
		*key = self.tls_key.or_else(|| key.take());
	}
}
