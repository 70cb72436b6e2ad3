//! An authority that signs certificates, and a proxy that puts TLS before a server.

use rcgen::{BasicConstraints, Certificate as Signed, CertificateParams, DnType, IsCa, KeyPair};
use std::{
	fs,
	net::SocketAddr,
	path::{Path, PathBuf},
	sync::mpsc,
	thread,
};
use tempfile::TempDir;
use tokio::{
	io::copy_bidirectional,
	net::{TcpListener, TcpStream},
	runtime,
	sync::oneshot,
};
use waybill_daemon::certificate::Certificate;

/// An authority that signs certificates, with files of its own.
pub struct Authority {
	folder: TempDir,
	certificate: Signed,
	key: KeyPair,
}

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub struct Issued {
	/// The certificate, in PEM.
	pub certificate: PathBuf,
	/// Its key, in PEM.
	pub key: PathBuf,
}

impl Authority {
	/// A new one.
	pub fn new(name: &str) -> Self {
		let (folder, key) = (tempfile::tempdir().unwrap(), KeyPair::generate().unwrap());
		let mut about = CertificateParams::default();
		about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
		about.distinguished_name.push(DnType::CommonName, name);
		let certificate = about.self_signed(&key).unwrap();
		fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
		Self { folder, certificate, key }
	}

	/// The file with its certificate.
	pub fn file(&self) -> PathBuf {
		self.folder.path().join("ca.pem")
	}

	/// A certificate for this machine, in this folder. It replaces one that is there.
	pub fn issue(&self, folder: &Path) -> Issued {
		let key = KeyPair::generate().unwrap();
		let about = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
		let signed = about.signed_by(&key, &self.certificate, &self.key).unwrap();
		let issued = Issued { certificate: folder.join("server.pem"), key: folder.join("server.key.pem") };
		fs::write(&issued.certificate, signed.pem()).unwrap();
		fs::write(&issued.key, key.serialize_pem()).unwrap();
		issued
	}

	/// Puts TLS before a server.
	pub fn before(&self, server: &str) -> Proxy {
		Proxy::start(&self.issue(self.folder.path()), server)
	}
}

/// Takes TLS connections and hands their bytes on to a server without TLS. It stops when this value
/// is dropped.
pub struct Proxy {
	address: SocketAddr,
	_stop: oneshot::Sender<()>,
}

impl Proxy {
	/// Starts it in a thread of its own, before the server at this address.
	fn start(issued: &Issued, server: &str) -> Self {
		let server = server.rsplit('/').next().unwrap().to_owned();
		let certificate = Certificate::open(&issued.certificate, &issued.key).unwrap();
		let ((tell, told), (stop, stopped)) = (mpsc::channel(), oneshot::channel());
		thread::spawn(move || {
			let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
			runtime.block_on(async {
				let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
				tell.send(listener.local_addr().unwrap()).unwrap();
				tokio::select! {
					() = proxy(listener, &certificate, &server) => {},
					_ = stopped => {},
				}
			});
		});
		Self { address: told.recv().unwrap(), _stop: stop }
	}

	/// Its address with this scheme.
	pub fn url(&self, scheme: &str) -> String {
		format!("{scheme}://localhost:{}", self.address.port())
	}
}

async fn proxy(listener: TcpListener, certificate: &Certificate, server: &str) {
	loop {
		let (stream, _) = listener.accept().await.unwrap();
		let (acceptor, server) = (certificate.acceptor(), server.to_owned());
		tokio::spawn(async move {
			// A client that does not trust the certificate breaks off.
			let Ok(mut stream) = acceptor.accept(stream).await else { return };
			let mut server = TcpStream::connect(server).await.unwrap();
			let _ = copy_bidirectional(&mut stream, &mut server).await;
		});
	}
}
