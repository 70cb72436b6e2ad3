//! Whom this machine trusts when it calls an `https://` address.

use crate::disk::{failed, DiskError};
use reqwest::{Certificate, Client, ClientBuilder};
use std::{fs, path::Path, sync::Arc};
use tokio_rustls::rustls::{
	pki_types::{pem::PemObject, CertificateDer},
	RootCertStore,
};

/// The authorities whose certificates are trusted: those of the operating system, and more from a
/// file. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Roots {
	more: Arc<[Certificate]>,
}

/// Why a file of authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
	/// It cannot be read.
	#[error(transparent)]
	Disk(#[from] DiskError),
	/// It contains no certificate.
	#[error("{0} holds no certificate in PEM; give the certificate of the authority that signs your servers'")]
	None(String),
	/// A certificate in it is not one of an authority.
	#[error("{file} holds a certificate that cannot be trusted as an authority's: {cause}")]
	Unusable {
		/// The file.
		file: String,
		/// Why.
		cause: String,
	},
}

impl Roots {
	/// The authorities of the operating system, and those in a PEM file.
	pub fn with_file(file: &Path) -> Result<Self, RootsError> {
		let name = || file.display().to_string();
		let unusable = |cause: &dyn ToString| RootsError::Unusable { file: name(), cause: cause.to_string() };
		let text = fs::read(file).map_err(failed("read", file))?;
		let (mut more, mut store) = (Vec::new(), RootCertStore::empty());
		for certificate in CertificateDer::pem_slice_iter(&text) {
			let certificate = certificate.map_err(|cause| unusable(&cause))?;
			more.push(Certificate::from_der(&certificate).map_err(|cause| unusable(&cause))?);
			// An HTTP client would only say later that it cannot be made.
			store.add(certificate).map_err(|cause| unusable(&cause))?;
		}
		match more.is_empty() {
			true => Err(RootsError::None(name())),
			false => Ok(Self { more: more.into() }),
		}
	}

	/// An HTTP client that trusts them. It follows no redirects.
	pub fn client(&self) -> ClientBuilder {
		let client = Client::builder().use_rustls_tls().redirect(reqwest::redirect::Policy::none());
		self.more.iter().fold(client, |client, authority| client.add_root_certificate(authority.clone()))
	}
}
