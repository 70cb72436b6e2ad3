//! The running hub: opens the folder and the address, serves, and stops.

use crate::{
	config::Config,
	error::{Error, Result},
	http::router,
	hub::Hub,
	operators::{status_router, Insight, MAX_CONNECTIONS},
	report::Reporter,
};
use std::{
	fs::{self, File, TryLockError},
	future::{pending, Future},
	io,
	net::SocketAddr,
	path::Path,
	sync::Arc,
};
use tokio::{net::TcpListener, task::JoinSet};
use waybill_daemon::{
	clock::Time,
	descriptors,
	disk::{self, failed},
	serve, Listening, Socket,
};
use waybill_ipfs_http::Gateway;
use waybill_keys::StatementKey;

const LOCK_FILE: &str = "lock";
const WORK: &str = "work";

/// The parts of a hub.
pub struct Parts {
	/// The gateway to fetch files from.
	pub gateway: Gateway,
	/// The key that signs verdicts.
	pub key: StatementKey,
	/// The configuration.
	pub config: Config,
	/// Who is told what happens.
	pub reporter: Reporter,
}

/// Runs until `stop` completes. Calls `ready` with the addresses that it serves on.
pub async fn run(parts: Parts, ready: impl FnOnce(Listening), stop: impl Future<Output = ()>) -> Result<()> {
	let Parts { gateway, key, config, reporter } = parts;
	config.check()?;
	descriptors::allow(config.max_connections);
	let certificate = config.certificate()?;
	let unusable = failed("use", &config.data);
	disk::folder(&config.data).map_err(&unusable)?;
	let _lock = lock(&config.data)?;
	let folder = config.data.join(WORK);
	emptied(&folder).map_err(&unusable)?;
	let (listener, address) =
		listen(config.listen).await.map_err(|cause| Error::Listen { address: config.listen, cause })?;
	let status = config.status_listen.open(config.listen).await;
	let status = status.map_err(|(address, cause)| Error::StatusListen { address, cause })?;
	let status_address = status.as_ref().map(TcpListener::local_addr).transpose();
	let status_address = status_address.map_err(|cause| Error::Listen { address, cause })?;
	let hub = Arc::new(Hub::new(gateway, key, &config, folder).reporting(reporter));
	let insight = Insight { hub: hub.clone(), started: Time::now(), certificate: certificate.clone() };
	// It ends with this set.
	let mut operators = JoinSet::new();
	if let Some(status) = status {
		operators.spawn(serve(status, status_router(insight), MAX_CONNECTIONS, pending()));
	}
	ready(Listening { listen: address, status: status_address });
	serve(Socket::new(listener, certificate), router(hub.clone()), config.max_connections, stop).await;
	hub.stop();
	Ok(())
}

async fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
	let listener = TcpListener::bind(address).await?;
	let address = listener.local_addr()?;
	Ok((listener, address))
}

/// Keeps other programs out of the folder as long as the file is open.
fn lock(folder: &Path) -> Result<File> {
	let path = folder.join(LOCK_FILE);
	let file = File::create(&path).map_err(failed("write", &path))?;
	match file.try_lock() {
		Ok(()) => Ok(file),
		Err(TryLockError::WouldBlock) => Err(Error::InUse(folder.into())),
		Err(TryLockError::Error(cause)) => Err(failed("lock", folder)(cause).into()),
	}
}

/// Makes the folder. Removes what an earlier run left in it.
fn emptied(folder: &Path) -> io::Result<()> {
	match fs::remove_dir_all(folder) {
		Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
		_ => disk::folder(folder),
	}
}
