//! Why an HTTP request failed, for messages.

use std::{error::Error, io};
use tokio_rustls::rustls::{self, CertificateError};

/// The root cause of an HTTP error, in one line.
pub fn cause(error: &reqwest::Error) -> String {
	let mut root: &(dyn Error + 'static) = error;
	while let Some(source) = below(root) {
		root = source;
	}
	if let Some(error) = root.downcast_ref::<rustls::Error>() {
		return tls(error);
	}
	match error {
		_ if error.is_connect() => format!("no connection ({root})"),
		_ if error.is_timeout() => "no answer in time".into(),
		_ => root.to_string(),
	}
}

/// The error that caused this one. An I/O error made of another is not the source of that, but holds
/// it.
fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
	let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
	match held {
		Some(held) => Some(held),
		None => error.source(),
	}
}

/// Why a TLS connection failed, and what to do about it.
fn tls(error: &rustls::Error) -> String {
	match error {
		rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
			"this machine trusts no authority that signed its certificate; name the certificate of a private authority \
			 with --ca-file"
				.into()
		},
		rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
			"its certificate has expired; renew it, or check this machine's clock".into()
		},
		rustls::Error::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
			"its certificate is not valid yet; check this machine's clock".into()
		},
		rustls::Error::InvalidCertificate(
			CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
		) => "its certificate is for another name; write the address with a name that the certificate holds".into(),
		rustls::Error::InvalidMessage(_) => "it does not answer in TLS; write http:// if it serves plain HTTP".into(),
		error => format!("no TLS connection ({error})"),
	}
}
