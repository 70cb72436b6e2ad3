//! Trials: a new version is installed for good only when it has proven itself.
//!
//! A trial goes from *installing* (the hook makes the new version run) over *proving* (the health
//! check or a person decides) to *confirming*, or it rolls back to the version before. Each step is
//! on the disk before the next. A trial needs no chain and no network.

mod order;
#[cfg(test)]
mod tests;

use crate::{
	boot::Moment,
	config::Config,
	context::Context,
	error::Result,
	hook::{Action, Ended, HookError, Hooks, Stop},
	report::Event,
	slots::{Firmware, SlotError},
	update::{LastUpdate, Order, Phase, Programs, Trial},
};
use std::time::{Duration, Instant};
use waybill_chain::types::Hash;
use waybill_daemon::backoff::Backoff;
use waybill_primitives::{Hash32, UpdateOutcome, UpdateReason};

/// The longest pause before a program is asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long a program that runs may take to end by itself when the agent is stopped. Hooks that
/// restart the machine have the agent stopped.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// How often the hook may fail to go back: with the pauses in between, that takes ten minutes. What
/// it needs may come late.
const MAX_WAY_BACK: u8 = 16;
/// The most releases that are remembered because they did not prove themselves.
const MAX_ROLLED_BACK: usize = 16;

/// What a trial needs next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
	/// There is no trial.
	Idle,
	/// There is more to do at once.
	Again,
	/// There is nothing more to do for a while.
	Waiting,
	/// The trial has ended.
	Ended(LastUpdate),
}

/// Carries out trials, one at a time.
pub(crate) struct Trials {
	hooks: Hooks,
	/// How often the device may try to run a new version.
	boots: u8,
	/// How long a new version may take to prove itself, in each boot.
	limit: Duration,
	/// Whether a person confirms.
	is_manual: bool,
	open: Option<Trial>,
	backoff: Backoff,
}

impl Trials {
	/// Goes on with the trial that is open, if one is.
	///
	/// # Errors
	/// The disk failed, or there is no trial and a program that is configured cannot be run.
	pub fn open(context: &mut Context, config: &Config) -> Result<Self> {
		let programs = Programs { hook: config.hook.clone(), health: config.health.clone() };
		if context.memory.programs != programs {
			context.memory.programs = programs;
			context.remember()?;
		}
		let mut trials = Self {
			hooks: Hooks::new(config, context.home.path()),
			boots: config.trial_boots.max(1),
			limit: Duration::from_secs(config.trial_time),
			is_manual: config.manual_confirm,
			open: context.home.trial()?,
			backoff: Backoff::up_to(LONGEST_PAUSE),
		};
		trials.resume(context)?;
		match trials.open {
			// The exchange on the disk may not know yet that the version is installed.
			Some(_) => context.save()?,
			None => trials.check_hooks()?,
		}
		Ok(trials)
	}

	/// Checks that the programs can be run.
	pub fn check_hooks(&self) -> Result<(), HookError> {
		self.hooks.check()
	}

	/// Whether a trial is open.
	pub const fn is_open(&self) -> bool {
		self.open.is_some()
	}

	/// The version that the hook has not installed yet.
	pub fn uninstalled(&self) -> Option<&Firmware> {
		self.open.as_ref().filter(|trial| trial.phase == Phase::Installing).map(|trial| &trial.firmware)
	}

	/// How long until a waiting trial goes on.
	pub fn due_in(&self) -> Duration {
		self.backoff.due_in(Instant::now())
	}

	/// Begins the trial of the version that the spare slot holds.
	pub fn begin(&mut self, context: &Context, firmware: Firmware) -> Result<()> {
		let trial = Trial::new(firmware, context.home.firmware()?);
		// Without the link, an open trial has not begun; see `resume`.
		context.home.save_trial(&trial)?;
		self.backoff.succeed();
		let turned = context.home.slots.turn().map_err(SlotError::from);
		// An error can come after the link was turned.
		if turned.is_ok() || context.home.firmware()?.as_ref() == Some(&trial.firmware) {
			self.open = Some(trial);
		}
		Ok(turned?)
	}

	/// Does what the trial needs next.
	pub async fn step(&mut self, context: &mut Context) -> Result<Progress> {
		self.obey(context)?;
		let Some(trial) = &self.open else { return Ok(Progress::Idle) };
		if !self.backoff.is_due(Instant::now()) {
			return Ok(Progress::Waiting);
		}
		match trial.phase {
			Phase::Installing if trial.interrupted => self.probe(context).await,
			Phase::Installing => self.install(context).await,
			Phase::Proving => self.prove(context).await,
			Phase::Confirming => self.confirm(context).await,
			Phase::RollingBack { outcome, reason } => self.roll_back(context, outcome, reason).await,
		}
	}

	/// Lets a program that runs end by itself for a moment, and ends it then.
	pub async fn stop(&mut self, context: &mut Context) {
		// What a health check says while services are being stopped says nothing.
		let is_health = self.open.as_ref().is_some_and(|trial| trial.running == Some(Action::Health));
		if self.hooks.is_running() && !is_health {
			let _ = tokio::time::timeout(STOP_GRACE, self.step(context)).await;
		}
		self.hooks.stop().await;
		// An interrupted health check has done nothing. An interrupted hook may have.
		let _ = self.change(context, |trial| trial.running = trial.running.filter(|action| *action != Action::Health));
	}

	/// Decides to go back because the vendor yanked the release.
	pub fn yank(&mut self, context: &Context) -> Result<()> {
		self.change(context, |trial| trial.give_up(UpdateReason::Yanked))
	}

	/// Goes on after a start of the agent.
	fn resume(&mut self, context: &Context) -> Result<()> {
		let Some(trial) = &mut self.open else { return Ok(()) };
		let is_turned = context.home.firmware()?.as_ref() == Some(&trial.firmware);
		if trial.phase == Phase::Installing && !is_turned {
			// The power failed before the link was turned. The agent still has the key, and asks the
			// chain again before it decrypts again.
			self.open = None;
			return context.home.end_trial();
		}
		let is_new_boot = trial.since.age(&Moment::now()).is_none();
		// It stays on the disk until what follows from it is there.
		match (trial.phase, trial.running) {
			(Phase::Installing, Some(action)) => {
				if action == Action::Install {
					trial.interrupted = is_new_boot && self.hooks.has(Action::Health);
				}
				self.try_again(context, UpdateReason::BootLimit)
			},
			(Phase::Installing, None) if trial.interrupted && is_new_boot => {
				self.try_again(context, UpdateReason::BootLimit)
			},
			(Phase::Proving, Some(_)) => self.try_again(context, UpdateReason::BootLimit),
			(Phase::Proving, None) if is_new_boot => self.try_again(context, UpdateReason::BootLimit),
			(Phase::Confirming, Some(_)) => self.fail(context, UpdateReason::InstallerStopped, 1),
			(Phase::RollingBack { .. }, Some(_)) => {
				// A hook that restarts the machine each time ends sooner.
				self.fail(context, UpdateReason::InstallerStopped, MAX_WAY_BACK.div_ceil(self.boots))
			},
			(_, None) => Ok(()),
		}
	}

	/// Changes the trial, on the disk, too.
	fn change(&mut self, context: &Context, change: impl FnOnce(&mut Trial)) -> Result<()> {
		let Some(trial) = &mut self.open else { return Ok(()) };
		let before = trial.clone();
		change(trial);
		if *trial == before {
			return Ok(());
		}
		context.home.save_trial(trial).inspect_err(|_| {
			// What is not on the disk has not happened.
			self.open = Some(before);
		})
	}

	/// Tries once more to run the new version, or gives up for this reason.
	fn try_again(&mut self, context: &Context, reason: UpdateReason) -> Result<()> {
		// A version that a hook has installed gets that many boots of its own.
		let is_installed = self.open.as_ref().is_some_and(|trial| trial.phase == Phase::Proving);
		let most = self.boots.saturating_add(u8::from(is_installed && self.hooks.has(Action::Install)));
		self.change(context, |trial| match trial.boots >= most {
			true => trial.give_up(reason),
			false => {
				trial.boots += 1;
				trial.running = None;
				trial.since = Moment::now();
			},
		})
	}

	/// Records that the hook failed to confirm or to go back, and counts that as `failures` failures.
	/// After too many a trial that was to be confirmed rolls back.
	fn fail(&mut self, context: &Context, reason: UpdateReason, failures: u8) -> Result<()> {
		let most = self.boots;
		self.change(context, |trial| {
			trial.running = None;
			trial.failures = trial.failures.saturating_add(failures);
			if trial.phase == Phase::Confirming && trial.failures >= most {
				trial.give_up(reason);
			}
		})
	}

	/// Runs a program about the version on trial, or about the one before.
	async fn run(&mut self, context: &mut Context, action: Action) -> Result<Ended> {
		if self.open.as_ref().is_some_and(|trial| trial.running != Some(action)) && self.hooks.has(action) {
			// Whoever finds this on the disk knows that the program may not have ended.
			self.change(context, |trial| trial.running = Some(action))?;
		}
		let Some(trial) = &self.open else { return Ok(Ended::Busy) };
		let about = match action {
			Action::Rollback => trial.before.as_ref(),
			Action::Install | Action::Confirm | Action::Health => Some(&trial.firmware),
		};
		let about = about.map(|firmware| (firmware, context.home.slots.image()));
		let ended = self.hooks.run(action, trial.firmware.release, about).await;
		match &ended {
			Ended::Stopped(stop) => {
				tracing::error!(%action, error = %stop, "a program of the device failed");
				context.reporter.hindered_by(format_args!("the program for {action}: {stop}"));
			},
			Ended::Failed(status, _) => {
				tracing::error!(%action, status, "a program of the device failed");
				context.reporter.hindered_by(format_args!("the program for {action} failed with exit status {status}"));
			},
			Ended::Later => context.reporter.hindered_by(format_args!("the program for {action} wants to be asked later")),
			Ended::Busy => context.reporter.hindered_by("an earlier run of the hook is still at work"),
			Ended::Done(_) | Ended::Incompatible => {},
		}
		Ok(ended)
	}

	/// Waits before the next try.
	fn pause(&mut self, context: &Context) -> Result<Progress> {
		self.backoff.fail(Instant::now());
		self.change(context, |trial| trial.running = None)?;
		Ok(Progress::Waiting)
	}

	/// Goes on at once.
	fn go_on(&mut self, context: &Context, change: impl FnOnce(&mut Trial)) -> Result<Progress> {
		self.backoff.succeed();
		self.change(context, change)?;
		Ok(Progress::Again)
	}

	/// Has the hook make the new version run.
	async fn install(&mut self, context: &mut Context) -> Result<Progress> {
		let reason = match self.run(context, Action::Install).await? {
			Ended::Done(_) => {
				return self.go_on(context, |trial| {
					trial.enter(Phase::Proving);
					trial.boots = 1;
					trial.since = Moment::now();
				})
			},
			Ended::Later | Ended::Busy => return self.pause(context),
			Ended::Incompatible => {
				let (outcome, reason) = (UpdateOutcome::Incompatible, UpdateReason::Installer(65));
				return self.go_on(context, |trial| trial.enter(Phase::RollingBack { outcome, reason }));
			},
			Ended::Failed(status, _) => UpdateReason::Installer(status),
			Ended::Stopped(_) => UpdateReason::InstallerStopped,
		};
		self.try_again(context, reason)?;
		self.pause(context)
	}

	/// Asks the health check whether an interrupted hook has done its work.
	async fn probe(&mut self, context: &mut Context) -> Result<Progress> {
		match self.run(context, Action::Health).await? {
			Ended::Done(printed) => self.go_on(context, |trial| {
				trial.enter(Phase::Proving);
				trial.boots = 1;
				trial.health = Some(Hash(printed));
			}),
			Ended::Later | Ended::Busy if !self.is_late() => self.pause(context),
			_ => self.go_on(context, |trial| {
				trial.interrupted = false;
				trial.running = None;
			}),
		}
	}

	/// Finds out whether the new version works.
	async fn prove(&mut self, context: &mut Context) -> Result<Progress> {
		if self.is_late() {
			return self.go_on(context, |trial| trial.give_up(UpdateReason::TimeLimit));
		}
		if self.hooks.has(Action::Health) {
			let (reason, printed) = match self.run(context, Action::Health).await? {
				Ended::Done(printed) => (None, Some(printed)),
				// A signal may come of a machine that is being stopped.
				Ended::Later | Ended::Busy | Ended::Stopped(Stop::Signal(_) | Stop::Start(_)) => return self.pause(context),
				Ended::Incompatible | Ended::Stopped(Stop::Limit(_)) => (Some(UpdateReason::HealthStopped), None),
				Ended::Failed(status, printed) => (Some(UpdateReason::Unhealthy(status)), Some(printed)),
			};
			self.note_health(printed);
			if let Some(reason) = reason {
				return self.go_on(context, |trial| trial.give_up(reason));
			}
		}
		if self.is_manual {
			context.reporter.hindered_by("the new version is on trial; `waybill device confirm` keeps it");
			return self.pause(context);
		}
		self.go_on(context, |trial| trial.enter(Phase::Confirming))
	}

	/// Has the hook keep the new version.
	async fn confirm(&mut self, context: &mut Context) -> Result<Progress> {
		let reason = match self.run(context, Action::Confirm).await? {
			Ended::Done(_) => return self.end(context, UpdateOutcome::Confirmed, UpdateReason::None),
			Ended::Later | Ended::Busy => return self.pause(context),
			Ended::Failed(status, _) => UpdateReason::Installer(status),
			Ended::Incompatible | Ended::Stopped(_) => UpdateReason::InstallerStopped,
		};
		self.fail(context, reason, 1)?;
		self.pause(context)
	}

	/// Goes back to the version before.
	async fn roll_back(&mut self, context: &mut Context, outcome: UpdateOutcome, reason: UpdateReason) -> Result<Progress> {
		let Some(trial) = &self.open else { return Ok(Progress::Idle) };
		if trial.failures >= MAX_WAY_BACK {
			tracing::error!("the hook cannot make the version before run; giving up");
			return self.end(context, outcome, UpdateReason::NoWayBack);
		}
		if context.home.firmware()?.as_ref() == Some(&trial.firmware) {
			match &trial.before {
				Some(before) => match context.home.slots.check_spare(before) {
					Ok(()) => context.home.slots.turn().map_err(SlotError::from)?,
					Err(error @ SlotError::Damaged(_)) => {
						tracing::error!(%error, "the device keeps the new version");
						return self.keep(context, outcome).await;
					},
					Err(error) => return Err(error.into()),
				},
				None => context.home.slots.leave().map_err(SlotError::from)?,
			}
			return Ok(Progress::Again);
		}
		let failed = match self.run(context, Action::Rollback).await? {
			Ended::Done(_) => return self.end(context, outcome, reason),
			Ended::Later | Ended::Busy => return self.pause(context),
			Ended::Failed(status, _) => UpdateReason::Installer(status),
			Ended::Incompatible | Ended::Stopped(_) => UpdateReason::InstallerStopped,
		};
		self.fail(context, failed, 1)?;
		self.pause(context)
	}

	/// Keeps the new version because there is no other one. The boot loader must not go back either.
	async fn keep(&mut self, context: &mut Context, outcome: UpdateOutcome) -> Result<Progress> {
		let failed = match self.run(context, Action::Confirm).await? {
			Ended::Done(_) => {
				context.home.slots.leave_spare().map_err(SlotError::from)?;
				return self.end(context, outcome, UpdateReason::NoWayBack);
			},
			Ended::Later | Ended::Busy => return self.pause(context),
			Ended::Failed(status, _) => UpdateReason::Installer(status),
			Ended::Incompatible | Ended::Stopped(_) => UpdateReason::InstallerStopped,
		};
		self.fail(context, failed, 1)?;
		self.pause(context)
	}

	/// Records how the trial ended. Until the trial's own file is gone, a new start does this again.
	fn end(&mut self, context: &mut Context, outcome: UpdateOutcome, reason: UpdateReason) -> Result<Progress> {
		let Some(trial) = &self.open else { return Ok(Progress::Idle) };
		let (last, firmware) = (trial.ended(outcome, reason), trial.firmware.clone());
		context.memory.before = match outcome {
			UpdateOutcome::Confirmed => trial.before.as_ref().map(|before| before.release),
			_ => None,
		};
		if outcome != UpdateOutcome::Confirmed {
			let rolled_back = &mut context.memory.rolled_back;
			rolled_back.insert(last.release, reason);
			while rolled_back.len() > MAX_ROLLED_BACK {
				rolled_back.pop_first();
			}
		}
		context.memory.installed = context.home.firmware()?;
		context.memory.last_update = Some(last.clone());
		context.remember()?;
		if context.home.firmware()?.as_ref() != Some(&firmware) {
			context.home.slots.leave_spare().map_err(SlotError::from)?;
		}
		context.home.end_trial()?;
		self.open = None;
		self.backoff.succeed();
		// The exchange decides by what is installed now.
		context.start_over()?;
		context.reporter.tell(&match outcome {
			UpdateOutcome::Confirmed => Event::Confirmed { installed: firmware, boots: last.boots },
			_ => Event::RolledBack { update: last.clone(), installed: context.home.firmware()? },
		});
		Ok(Progress::Ended(last))
	}

	/// Whether the new version has taken too long to prove itself.
	fn is_late(&self) -> bool {
		let age = self.open.as_ref().and_then(|trial| trial.since.age(&Moment::now()));
		age.is_some_and(|age| age >= self.limit)
	}

	fn note_health(&mut self, printed: Option<Hash32>) {
		if let (Some(trial), Some(printed)) = (&mut self.open, printed) {
			trial.health = Some(Hash(printed));
		}
	}

	/// Carries out an order that somebody left.
	fn obey(&mut self, context: &mut Context) -> Result<()> {
		let Some(order) = context.home.order()? else { return Ok(()) };
		if self.hooks.is_running() {
			// It is still at work for what was decided before.
			return Ok(());
		}
		match order.check(&context.home) {
			Ok(()) => {
				tracing::info!("{order}");
				self.carry_out(context, order)?;
				self.backoff.succeed();
			},
			Err(error) => tracing::warn!(%error, "{order}: not done"),
		}
		context.home.drop_order()
	}

	fn carry_out(&mut self, context: &mut Context, order: Order) -> Result<()> {
		match order {
			Order::Confirm { .. } => self.change(context, |trial| trial.enter(Phase::Confirming)),
			Order::Rollback { .. } => {
				if self.open.is_some() {
					return self.change(context, |trial| trial.give_up(UpdateReason::ByHand));
				}
				let Some(firmware) = context.home.firmware()? else { return Ok(()) };
				let mut trial = Trial::new(firmware, context.home.slots.spare()?);
				trial.enter(Phase::Confirming);
				trial.give_up(UpdateReason::ByHand);
				context.home.save_trial(&trial)?;
				self.open = Some(trial);
				Ok(())
			},
			Order::Retry => {
				context.memory.rolled_back.clear();
				context.remember()
			},
		}
	}
}
