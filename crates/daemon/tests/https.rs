//! HTTPS from both ends: a server with a certificate that is renewed, and clients that trust it or
//! do not.

use axum::{routing::get, Router};
use std::{
	fs,
	future::pending,
	path::Path,
	time::{Duration, Instant},
};
use tokio::{net::TcpListener, time::sleep};
use waybill_daemon::{
	cause,
	certificate::{Certificate, CertificateError},
	roots::{Roots, RootsError},
	serve, Socket,
};
use waybill_testkit::tls::Authority;

/// Serves a word, with this certificate. Returns the port.
async fn server(certificate: Option<Certificate>) -> u16 {
	let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
	let port = listener.local_addr().unwrap().port();
	let router = Router::new().route("/", get(|| async { "hello" }));
	tokio::spawn(serve(Socket::new(listener, certificate), router, 16, pending()));
	port
}

/// What a client gets that trusts these authorities, or why it gets nothing.
async fn fetched(roots: &Roots, url: &str) -> Result<String, String> {
	let client = roots.client().timeout(Duration::from_secs(5)).build().unwrap();
	match client.get(url).send().await {
		Ok(answer) => Ok(answer.text().await.unwrap()),
		Err(error) => Err(cause(&error)),
	}
}

fn trusting(authority: &Authority) -> Roots {
	Roots::with_file(&authority.file()).unwrap()
}

#[tokio::test]
async fn server_should_take_a_renewed_certificate_and_keep_the_old_one_when_the_new_one_is_broken() {
	let (folder, old, new) = (tempfile::tempdir().unwrap(), Authority::new("old"), Authority::new("new"));
	let issued = old.issue(folder.path());
	let certificate = Certificate::open(&issued.certificate, &issued.key).unwrap();
	let port = server(Some(certificate.clone())).await;
	let url = format!("https://localhost:{port}");
	assert_eq!(fetched(&trusting(&old), &url).await.unwrap(), "hello");
	assert_eq!(fetched(&trusting(&old), &format!("https://127.0.0.1:{port}")).await.unwrap(), "hello");

	new.issue(folder.path());
	let renewed = Instant::now();
	while fetched(&trusting(&new), &url).await.is_err() {
		assert!(renewed.elapsed() < Duration::from_secs(30), "the new certificate is not served");
		sleep(Duration::from_millis(200)).await;
	}
	let refused = fetched(&trusting(&old), &url).await.unwrap_err();
	assert!(refused.contains("--ca-file"), "{refused}");

	// The key of another certificate, then nothing at all.
	let other = tempfile::tempdir().unwrap();
	fs::copy(old.issue(other.path()).key, &issued.key).unwrap();
	certificate.look();
	assert!(certificate.is_refused());
	fs::write(&issued.certificate, "").unwrap();
	certificate.look();
	fs::remove_file(&issued.key).unwrap();
	certificate.look();
	assert!(certificate.is_refused());
	assert_eq!(fetched(&trusting(&new), &url).await.unwrap(), "hello");

	new.issue(folder.path());
	certificate.look();
	assert!(!certificate.is_refused());
	assert_eq!(fetched(&trusting(&new), &url).await.unwrap(), "hello");
}

#[tokio::test]
async fn client_should_say_why_it_does_not_trust_a_server() {
	let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("private"));
	let issued = authority.issue(folder.path());
	let port = server(Some(Certificate::open(&issued.certificate, &issued.key).unwrap())).await;
	let stranger = fetched(&Roots::default(), &format!("https://localhost:{port}")).await.unwrap_err();
	assert!(stranger.contains("--ca-file"), "{stranger}");
	let other_name = fetched(&trusting(&authority), &format!("https://[::ffff:127.0.0.1]:{port}")).await.unwrap_err();
	assert!(other_name.contains("for another name"), "{other_name}");
	let plain = server(None).await;
	let plain = fetched(&trusting(&authority), &format!("https://localhost:{plain}")).await.unwrap_err();
	assert!(plain.contains("write http://"), "{plain}");
}

#[test]
fn unusable_files_should_be_named() {
	let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("private"));
	let issued = authority.issue(folder.path());
	let file = |name: &str| folder.path().join(name);
	fs::write(file("empty"), "").unwrap();
	let open = |certificate: &Path, key: &Path| Certificate::open(certificate, key).unwrap_err();
	assert!(matches!(open(&file("missing"), &issued.key), CertificateError::Disk(_)));
	assert!(matches!(open(&file("empty"), &issued.key), CertificateError::NoCertificate(_)));
	assert!(matches!(open(&issued.certificate, &file("empty")), CertificateError::NoKey(_)));
	let other = tempfile::tempdir().unwrap();
	let foreign = authority.issue(other.path());
	assert!(matches!(open(&issued.certificate, &foreign.key), CertificateError::Unusable { .. }));
	let half = Certificate::new(Some(&issued.certificate), None).unwrap_err();
	assert_eq!(half.to_string(), "--tls-certificate is set and --tls-key is not; set both or none");
	assert!(Certificate::new(None, None).unwrap().is_none());

	assert!(matches!(Roots::with_file(&file("missing")), Err(RootsError::Disk(_))));
	assert!(matches!(Roots::with_file(&file("empty")), Err(RootsError::None(_))));
	fs::write(file("nonsense"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
	assert!(matches!(Roots::with_file(&file("nonsense")), Err(RootsError::Unusable { .. })));
}
