//! The certificate of an HTTPS server, read again when its files change.

use crate::{
	disk::{failed, DiskError},
	metrics::Page,
};
use std::{
	collections::hash_map::RandomState,
	fmt, fs,
	hash::BuildHasher,
	path::{Path, PathBuf},
	sync::{
		atomic::{AtomicBool, Ordering},
		Arc, Mutex, MutexGuard, PoisonError,
	},
};
use tokio_rustls::{
	rustls::{
		crypto::ring,
		pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer},
		ServerConfig,
	},
	TlsAcceptor,
};

/// Why a server cannot use its certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
	/// Only one of the two files is named.
	#[error("{set} is set and {missing} is not; set both or none")]
	Half {
		/// The setting that is set.
		set: &'static str,
		/// The setting that is missing.
		missing: &'static str,
	},
	/// A file cannot be read.
	#[error(transparent)]
	Disk(#[from] DiskError),
	/// The file contains no certificate.
	#[error("{0} holds no certificate in PEM; give the whole chain, such as certbot's fullchain.pem")]
	NoCertificate(String),
	/// The file contains no private key.
	#[error("{0} holds no private key in PEM; give for example certbot's privkey.pem")]
	NoKey(String),
	/// The two do not make a certificate that can be served.
	#[error("the certificate {certificate} cannot be used with the key {key}: {cause}")]
	Unusable {
		/// The file of the certificate.
		certificate: String,
		/// The file of the key.
		key: String,
		/// Why.
		cause: String,
	},
}

/// A server's certificate and key, from files. Cheap to clone.
#[derive(Clone)]
pub struct Certificate(Arc<Files>);

struct Files {
	certificate: PathBuf,
	key: PathBuf,
	hasher: RandomState,
	state: Mutex<State>,
	is_refused: AtomicBool,
}

struct State {
	acceptor: TlsAcceptor,
	/// The hash of what the files held when they were last read; `None` if they could not be read.
	seen: Option<u64>,
}

impl fmt::Debug for Certificate {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.debug_tuple("Certificate").field(&self.0.certificate).finish()
	}
}

impl Certificate {
	/// Reads the files of the settings `--tls-certificate` and `--tls-key`; `None` if neither is set.
	pub fn new(certificate: Option<&Path>, key: Option<&Path>) -> Result<Option<Self>, CertificateError> {
		let half = |set, missing| Err(CertificateError::Half { set, missing });
		match (certificate, key) {
			(None, None) => Ok(None),
			(Some(_), None) => half("--tls-certificate", "--tls-key"),
			(None, Some(_)) => half("--tls-key", "--tls-certificate"),
			(Some(certificate), Some(key)) => Self::open(certificate, key).map(Some),
		}
	}

	/// Reads the certificate's chain and its key, in PEM.
	pub fn open(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
		let hasher = RandomState::new();
		let content = Content::read(certificate, key)?;
		let state = State { acceptor: content.acceptor(certificate, key)?, seen: Some(hasher.hash_one(&content)) };
		let (state, is_refused) = (Mutex::new(state), AtomicBool::new(false));
		Ok(Self(Arc::new(Files { certificate: certificate.into(), key: key.into(), hasher, state, is_refused })))
	}

	/// Reads the files again if they have changed. If the new ones cannot be used, the old ones are
	/// kept, and a warning says why.
	pub fn look(&self) {
		let Files { certificate, key, hasher, .. } = &*self.0;
		let read = Content::read(certificate, key);
		let found = read.as_ref().ok().map(|content| hasher.hash_one(content));
		let mut state = self.state();
		if state.seen == found {
			return;
		}
		state.seen = found;
		let opened = read.and_then(|content| content.acceptor(certificate, key));
		self.0.is_refused.store(opened.is_err(), Ordering::Relaxed);
		match opened {
			Ok(acceptor) => {
				state.acceptor = acceptor;
				tracing::info!(certificate = %certificate.display(), "serving the new certificate");
			},
			Err(error) => tracing::warn!(%error, "keeping the old certificate, because the new one cannot be used"),
		}
	}

	/// Whether the newest files cannot be used, so that older ones are served.
	pub fn is_refused(&self) -> bool {
		self.0.is_refused.load(Ordering::Relaxed)
	}

	/// Adds what operators want to know to a page of metrics.
	pub fn write_metrics(&self, page: &Page) {
		page.gauge(
			"waybill_certificate_refused",
			"1 if the newest files of the certificate cannot be used, so that older ones are served.",
			u8::from(self.is_refused()).into(),
		);
	}

	/// Accepts connections with the newest certificate that can be used.
	pub fn acceptor(&self) -> TlsAcceptor {
		self.state().acceptor.clone()
	}

	fn state(&self) -> MutexGuard<'_, State> {
		self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
	}
}

/// What the files hold.
#[derive(Hash)]
struct Content {
	certificate: Vec<u8>,
	key: Vec<u8>,
}

impl Content {
	fn read(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
		let read = |path| fs::read(path).map_err(failed("read", path));
		Ok(Self { certificate: read(certificate)?, key: read(key)? })
	}

	fn acceptor(&self, certificate: &Path, key: &Path) -> Result<TlsAcceptor, CertificateError> {
		let name = |path: &Path| path.display().to_string();
		let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.certificate).flatten().collect();
		if chain.is_empty() {
			return Err(CertificateError::NoCertificate(name(certificate)));
		}
		let secret = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| CertificateError::NoKey(name(key)))?;
		let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
			.with_safe_default_protocol_versions()
			.and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret));
		let mut config = config.map_err(|cause| CertificateError::Unusable {
			certificate: name(certificate),
			key: name(key),
			cause: cause.to_string(),
		})?;
		config.alpn_protocols = vec![b"http/1.1".to_vec()];
		Ok(TlsAcceptor::from(Arc::new(config)))
	}
}
