//! From the ciphertext and its key to the installed image.

use crate::{
	config::Config,
	context::{is_about_time, Context, Outcome},
	error::{Error, Result},
	fetch::{fetch_missing, read_file},
	hook::HookError,
	report::Event,
	slots::{Firmware, SlotError, Staging},
	trade::is_overtaken,
	trial::{Progress, Trials},
	trust::follow_keys,
};
use std::{
	fs::File,
	io::ErrorKind,
	time::{Duration, Instant},
};
use waybill_chain::{
	ledger::State,
	types::{Hash, Release},
};
use waybill_daemon::{
	backoff::Backoff,
	clock::Time,
	disk::{self, failed},
};
use waybill_exchange::{Refusal, Stored, Terms};
use waybill_primitives::{view::ReleaseState, UpdateOutcome};

/// Decrypts and installs.
pub(crate) struct Installer {
	/// The decrypted image, until a new look at the chain approves it.
	staged: Option<Staging>,
	/// When to write again to a disk that did not hold what was written.
	backoff: Backoff,
	/// What comes afterwards: the new version has to prove itself.
	trials: Trials,
}

impl Installer {
	/// Goes on with the trial that is open, if one is.
	pub fn open(context: &mut Context, config: &Config) -> Result<Self> {
		Ok(Self { staged: None, backoff: Backoff::default(), trials: Trials::open(context, config)? })
	}

	/// Whether a new version is on trial.
	pub const fn is_trying(&self) -> bool {
		self.trials.is_open()
	}

	/// How long until a trial that waits goes on.
	pub fn due_in(&self) -> Duration {
		self.trials.due_in()
	}

	/// Checks that hook and health check can be run.
	pub fn check_hooks(&self) -> Result<(), HookError> {
		self.trials.check_hooks()
	}

	/// Puts the version on trial again that the device left, if that is this release and a person
	/// asked for it. The device need not buy it twice. Returns whether it could.
	pub fn take_back(&mut self, context: &Context, release: &Release) -> Result<bool> {
		let is_it = |left: &Firmware| left.release == release.id && left.sha256.0 == release.statement.sha256;
		let slots = &context.home.slots;
		// The spare slot has a whole record if this was cut off before the trial began.
		let left = match slots.left()?.filter(is_it) {
			Some(left) => slots.take_back(&left)?.then_some(left),
			None => slots.spare()?.filter(is_it).filter(|spare| slots.check_spare(spare).is_ok()),
		};
		let Some(left) = left else { return Ok(false) };
		let firmware = Firmware { key_set_version: context.exchange.profile().keys.version, ..left };
		self.trials.begin(context, firmware.clone())?;
		context.reporter.tell(&Event::Installed { installed: firmware });
		Ok(true)
	}

	/// Does what a trial needs next. `None` if there is none, or it waits.
	pub async fn tend(&mut self, context: &mut Context) -> Result<Option<Outcome>> {
		Ok(match self.trials.step(context).await? {
			Progress::Idle | Progress::Waiting => None,
			Progress::Again => Some(Outcome::Again),
			Progress::Ended(update) if update.outcome == UpdateOutcome::Confirmed => {
				context.home.firmware()?.map(Outcome::Updated)
			},
			Progress::Ended(update) => Some(Outcome::RolledBack(update)),
		})
	}

	/// Looks, while a trial waits, whether the vendor has yanked what the hook has not installed
	/// yet.
	pub async fn review<S: State>(&mut self, context: &Context, state: &S) -> Result<Outcome> {
		let Some(firmware) = self.trials.uninstalled() else { return Ok(Outcome::Wait) };
		let release = state.release(firmware.release).await?;
		if release.is_some_and(|release| release.state == ReleaseState::Yanked) {
			self.trials.yank(context)?;
			return Ok(Outcome::Again);
		}
		Ok(Outcome::Wait)
	}

	/// Ends the program that runs.
	pub async fn stop(&mut self, context: &mut Context) {
		self.trials.stop(context).await;
	}

	/// Decrypts into the slot that is not in use.
	///
	/// The key stays stored until the image is installed, so after a power cut the device only
	/// decrypts again.
	pub async fn decrypt<S: State>(&mut self, context: &mut Context, state: &S, terms: &Terms) -> Result<Outcome> {
		if !self.backoff.is_due(Instant::now()) {
			return Ok(Outcome::Wait);
		}
		let ciphertext = Stored { cid: terms.ciphertext.cid, size: terms.ciphertext.size };
		let proof = terms.evidence.proofs().map(|proofs| proofs.data);
		for file in [Some(ciphertext), proof].into_iter().flatten() {
			match fetch_missing(context, &file).await {
				// Perhaps nobody has the file any more.
				Err(error) if !error.is_local() => return self.give_up_if_overtaken(context, state, terms, error).await,
				Ok(false) if is_overtaken(context, state, terms).await? => {
					self.staged = None;
					context.abandon()?;
					return Ok(Outcome::Again);
				},
				fetched => {
					if !fetched? {
						context.reporter.hindered_by("fetching, on a slow link");
						return Ok(Outcome::Again);
					}
				},
			}
		}
		let path = context.home.file(&ciphertext.cid)?;
		let data = match proof {
			Some(proof) => read_file(context, &proof)?,
			None => Vec::new(),
		};
		let decryption = context.exchange.decryption()?;
		let mut staging = context.home.slots.prepare().map_err(Error::Image)?;
		let source = File::open(&path).map_err(failed("read", &path))?;
		let decrypted = match decryption.run(&source, &data, staging.image(), &mut waybill_zkcp::unwatched) {
			Ok(decrypted) => decrypted,
			Err(cause) if cause.kind() == ErrorKind::UnexpectedEof => {
				disk::remove(&path).map_err(failed("remove", &path))?;
				return Err(Error::Lost { path, cause });
			},
			Err(error) => return Err(Error::Image(error)),
		};
		match context.exchange.decrypted(decrypted) {
			Ok(()) => {
				self.staged = Some(staging);
				Ok(Outcome::Again)
			},
			Err(Refusal::PayloadMismatch) => {
				context.save()?;
				Ok(Outcome::Again)
			},
			Err(refusal) => {
				// A file on disk is damaged. Without it, the next step fetches it again.
				let damaged = match (refusal, proof) {
					(Refusal::Proof(_), Some(proof)) => context.home.file(&proof.cid)?,
					_ => path,
				};
				disk::remove(&damaged).map_err(failed("remove", &damaged))?;
				Err(refusal.into())
			},
		}
	}

	/// Installs, if the chain still allows the release.
	pub async fn install<S: State>(&mut self, context: &mut Context, state: &S, terms: &Terms) -> Result<Outcome> {
		if !follow_keys(context, state).await? {
			return Ok(Outcome::Wait);
		}
		if context.memory.rolled_back.contains_key(&terms.release_id) {
			// A power cut kept the exchange from knowing that the release was installed.
			context.abandon()?;
			return Ok(Outcome::Again);
		}
		let Some(staging) = self.staged.take() else { return context.start_over() };
		let approval = match context.view(state, terms).await.map(|view| context.exchange.approve(&view, Time::now().0)) {
			Ok(Ok(approval)) => approval,
			Ok(Err(refusal @ Refusal::KeySetReplaced)) => {
				// The vendor may yet have its new keys sign the release.
				self.staged = Some(staging);
				return self.give_up_if_overtaken(context, state, terms, refusal.into()).await;
			},
			Ok(Err(refusal)) if !is_about_time(refusal) => {
				// Yanked or overtaken: the device will not install this release any more.
				context.abandon()?;
				return Err(refusal.into());
			},
			Ok(Err(refusal)) => {
				self.staged = Some(staging);
				return Err(refusal.into());
			},
			Err(error) => {
				self.staged = Some(staging);
				return Err(error);
			},
		};
		let release = &terms.release;
		let installed = Firmware {
			model: release.model,
			release: terms.release_id,
			version: release.version,
			security_version: release.security_version,
			key_set_version: context.exchange.profile().keys.version,
			size: release.size,
			sha256: Hash(release.sha256),
		};
		match staging.store(&installed) {
			Ok(()) => {},
			Err(SlotError::NotTheRelease) => {
				self.backoff.fail(Instant::now());
				context.start_over()?;
				return Err(Error::FaultyDisk);
			},
			Err(error) => return Err(error.into()),
		}
		self.backoff.succeed();
		self.trials.begin(context, installed.clone())?;
		context.exchange.installed(approval)?;
		context.save()?;
		context.reporter.tell(&Event::Installed { installed });
		Ok(Outcome::Again)
	}

	/// Gives up a release that was paid for and cannot be installed, once there is a newer one to
	/// wait for. Until then it returns `error`.
	async fn give_up_if_overtaken<S: State>(
		&mut self,
		context: &mut Context,
		state: &S,
		terms: &Terms,
		error: Error,
	) -> Result<Outcome> {
		if !is_overtaken(context, state, terms).await? {
			return Err(error);
		}
		tracing::warn!(release = terms.release_id, %error, "gave up a paid release for a newer one");
		self.staged = None;
		context.abandon()?;
		Ok(Outcome::Again)
	}
}
