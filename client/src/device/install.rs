//! From the ciphertext and its key to the installed image.

use super::{
	agent::{is_about_time, refused, Agent, Outcome},
	report::Event,
	slots::{Installed, SlotError},
};
use crate::error::{Error, Kind, OrFail, Result};
use std::{
	fs::{self, File},
	io::{ErrorKind, Read},
	path::Path,
	time::Instant,
};
use waybill_chain::ledger::Ledger;
use waybill_daemon::backoff::Backoff;
use waybill_daemon::clock::Time;
use waybill_daemon::disk;
use waybill_exchange::{Refusal, Stored, Terms};

const BUFFER: usize = 64 * 1024;

/// Hands a file piece by piece to `take`, until that refuses.
pub(super) fn pieces<E>(path: &Path, mut take: impl FnMut(&[u8]) -> Result<(), E>) -> Result<Result<(), E>> {
	let unreadable = || format!("cannot read {}", path.display());
	let mut file = File::open(path).or_fail(Kind::File, unreadable)?;
	let mut buffer = vec![0; BUFFER];
	loop {
		let read = file.read(&mut buffer).or_fail(Kind::File, unreadable)?;
		let piece = buffer.get(..read).unwrap_or_default();
		if piece.is_empty() {
			return Ok(Ok(()));
		}
		if let Err(error) = take(piece) {
			return Ok(Err(error));
		}
	}
}

impl<L: Ledger> Agent<L> {
	/// Decrypts into the slot that is not in use. The key stays stored until the image is installed: a power cut in between only means
	/// to decrypt again.
	pub(super) async fn decrypt(&mut self, state: &L::State, terms: &Terms) -> Result<Outcome> {
		if !self.disk_backoff.is_due(Instant::now()) {
			return Ok(Outcome::Wait);
		}
		let ciphertext = Stored { cid: terms.ciphertext.cid, size: terms.ciphertext.size };
		let proof = terms.evidence.proofs().map(|proofs| proofs.data);
		for file in [Some(ciphertext), proof].into_iter().flatten() {
			let path = self.home.file(&file.cid)?;
			match self.fetch_missing(&file, &path).await.map_err(Error::from) {
				// Nobody may have it any more.
				Err(error) if error.kind() != Kind::File => return self.give_up_if_overtaken(state, terms, error).await,
				fetched => fetched?,
			}
		}
		let path = self.home.file(&ciphertext.cid)?;
		let data = match proof {
			Some(proof) => self.read_file(&proof)?,
			None => Vec::new(),
		};
		let decryption = self.exchange.decryption().map_err(refused)?;
		let unwritable =
			|error| Error::file(format!("cannot write the new image: {error}; free some space and start again"));
		let mut staging = self.home.slots.prepare().map_err(unwritable)?;
		let source = File::open(&path).or_fail(Kind::File, || format!("cannot read {}", path.display()))?;
		let decrypted = match decryption.run(&source, &data, staging.image(), &mut waybill_zkcp::unwatched) {
			Ok(decrypted) => decrypted,
			Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
				// The file on disk has lost its end: it is fetched again.
				disk::remove(&path).or_fail(Kind::File, || format!("cannot remove {}", path.display()))?;
				return Err(Error::check(format!("{} is shorter than it was; fetching it again", path.display())));
			},
			Err(error) => return Err(unwritable(error)),
		};
		match self.exchange.decrypted(decrypted) {
			Ok(()) => {
				self.staged = Some(staging);
				Ok(Outcome::Again)
			},
			Err(Refusal::PayloadMismatch) => {
				self.save()?;
				Ok(Outcome::Again)
			},
			Err(refusal) => {
				// A file on disk is damaged: it is fetched again.
				let damaged = match (refusal, proof) {
					(Refusal::Proof(_), Some(proof)) => self.home.file(&proof.cid)?,
					_ => path,
				};
				disk::remove(&damaged).or_fail(Kind::File, || format!("cannot remove {}", damaged.display()))?;
				Err(refused(refusal))
			},
		}
	}

	/// Fetches a file from IPFS, unless it is there.
	pub(super) async fn fetch_missing(&self, file: &Stored, path: &Path) -> waybill_ipfs_http::Result<()> {
		match path.exists() {
			true => Ok(()),
			false => self.gateway.fetch_file(&file.cid, file.size, path, |_| ()).await,
		}
	}

	/// A file that was fetched.
	pub(super) fn read_file(&self, file: &Stored) -> Result<Vec<u8>> {
		let path = self.home.file(&file.cid)?;
		fs::read(&path).or_fail(Kind::File, || format!("cannot read {}", path.display()))
	}

	/// Installs, if the chain has nothing against it at the last moment.
	pub(super) async fn install(&mut self, state: &L::State, terms: &Terms) -> Result<Outcome> {
		if !self.follow_keys(state).await? {
			return Ok(Outcome::Wait);
		}
		let Some(staging) = self.staged.take() else { return self.start_over() };
		let approval = match self.view(state, terms).await.map(|view| self.exchange.approve(&view, Time::now().0)) {
			Ok(Ok(approval)) => approval,
			Ok(Err(refusal @ Refusal::KeySetRollback)) => {
				// Its vendor may yet have the new keys sign it.
				self.staged = Some(staging);
				return self.give_up_if_overtaken(state, terms, refused(refusal)).await;
			},
			Ok(Err(refusal)) if !is_about_time(refusal) => {
				// Withdrawn, or overtaken: this release is not installed any more.
				self.exchange.abandon().map_err(refused)?;
				self.save()?;
				return Err(refused(refusal));
			},
			other => {
				self.staged = Some(staging);
				return Err(other.err().unwrap_or_else(|| Error::check("the chain's newest block cannot be decided by")));
			},
		};
		let release = &terms.release;
		let installed = Installed {
			model: release.model,
			release: terms.release_id,
			version: release.version,
			security_version: release.security_version,
			key_set_version: self.exchange.profile().keys.version,
			size: release.size,
			sha256: release.sha256,
		};
		self.owe_hook(installed.release)?;
		match staging.commit(&installed) {
			Ok(()) => {},
			Err(SlotError::NotTheRelease) => {
				self.disk_backoff.fail(Instant::now());
				self.start_over()?;
				return Err(Error::check("the disk does not hold what was written to it; decrypting again after a pause"));
			},
			Err(error) => return Err(Error::file(error)),
		}
		self.disk_backoff = Backoff::default();
		self.exchange.installed(approval).map_err(refused)?;
		self.save()?;
		(self.tell)(&Event::Installed { installed: installed.clone() });
		self.run_hook().await?;
		Ok(Outcome::Updated(installed))
	}

	/// What was paid for cannot be installed: it is waited for, until there is something newer to wait for.
	async fn give_up_if_overtaken(&mut self, state: &L::State, terms: &Terms, error: Error) -> Result<Outcome> {
		if !self.is_overtaken(state, terms).await? {
			return Err(error);
		}
		tracing::warn!(release = terms.release_id, %error, "given up for a newer release");
		self.staged = None;
		self.exchange.abandon().map_err(refused)?;
		self.save()?;
		Ok(Outcome::Again)
	}

	/// Goes back to what is stored: the key, from before the decryption.
	fn start_over(&mut self) -> Result<Outcome> {
		self.exchange = self.home.exchange(self.policy.clone())?;
		Ok(Outcome::Again)
	}
}
