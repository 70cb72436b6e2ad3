//! Trials with real programs, on a device without a network.

use super::*;
use crate::{Factory, Home, Identity, Place, StoredKeySet};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::{
	fs,
	io::Write,
	os::unix::fs::PermissionsExt,
	sync::{Arc, Mutex},
};
use tempfile::TempDir;
use tokio::time::sleep;
use waybill_chain::types::AccountId;
use waybill_ipfs_http::Gateway;
use waybill_primitives::{ReleaseId, Version};

/// More steps than any trial takes.
const MANY: usize = 60;

/// A device, its programs and their log.
struct Device {
	folder: TempDir,
	config: Config,
	heard: Arc<Mutex<Vec<Event>>>,
}

/// An agent that runs.
struct Agent {
	context: Context,
	trials: Trials,
}

fn firmware(number: u32, security_version: u32) -> Firmware {
	let image = image(number);
	Firmware {
		model: 0,
		release: number.into(),
		version: Version::new(1, 0, number),
		security_version,
		key_set_version: 1,
		size: image.len() as u64,
		sha256: Hash(Sha256::digest(&image).into()),
	}
}

fn image(number: u32) -> Vec<u8> {
	format!("image {number}").into_bytes()
}

impl Device {
	fn new() -> Self {
		let folder = tempfile::tempdir().unwrap();
		let state = folder.path().join("state");
		let key = crate::provision(&state).unwrap().public();
		Identity {
			genesis: Hash([7; 32]),
			vendor: AccountId([8; 32]),
			model: 0,
			place: Some(Place { fleet: 0, index: 0 }),
			factory: Factory::default(),
			key_set: StoredKeySet { version: 1, threshold: 1, keys: vec![key] },
		}
		.save(&state)
		.unwrap();
		Self { folder, config: Config { trial_boots: 3, ..Config::default() }, heard: Arc::default() }
	}

	fn path(&self, name: &str) -> PathBuf {
		self.folder.path().join(name)
	}

	/// Writes a program. It logs what it is asked, and about which image.
	fn program(&self, name: &str, text: &str) -> PathBuf {
		let (path, folder) = (self.path(name), self.folder.path().display());
		let log = "echo $1 ${WAYBILL_VERSION:-factory} $([ -n \"$WAYBILL_IMAGE\" ] && cat $WAYBILL_IMAGE) >> log";
		let _ = fs::remove_file(&path);
		fs::write(&path, format!("#!/bin/sh\ncd {folder}\n{log}\n{text}\n")).unwrap();
		fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
		path
	}

	fn with_hook(mut self, text: &str) -> Self {
		self.config.hook = Some(self.program("hook", text));
		self
	}

	fn with_health(mut self, text: &str) -> Self {
		self.config.health = Some(self.program("health", text));
		self
	}

	fn home(&self) -> Home {
		Home::read(&self.path("state")).unwrap()
	}

	/// What the programs were asked, without the images.
	fn asked(&self) -> Vec<String> {
		let log = fs::read_to_string(self.path("log")).unwrap_or_default();
		log.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
	}

	/// Starts the agent.
	fn start(&self) -> Agent {
		let gateway = Gateway::new(&["http://127.0.0.1:1"]).unwrap();
		let heard = self.heard.clone();
		let tell = Box::new(move |event: &Event| heard.lock().unwrap().push(event.clone()));
		let home = Home::open(&self.path("state")).unwrap();
		let mut context = Context::new(home, gateway, &self.config, tell).unwrap();
		let trials = Trials::open(&mut context, &self.config).unwrap();
		Agent { context, trials }
	}

	/// Pretends that the machine has restarted since the trial was stored.
	fn reboot(&self) {
		let home = self.home();
		let mut trial = home.trial().unwrap().unwrap();
		trial.since.boot = "an earlier boot".into();
		home.save_trial(&trial).unwrap();
	}

	fn last(&self) -> LastUpdate {
		self.home().memory().unwrap().last_update.unwrap()
	}

	fn ended(&self) -> (UpdateOutcome, UpdateReason, u8) {
		let LastUpdate { outcome, reason, boots, .. } = self.last();
		(outcome, reason, boots)
	}

	fn installed(&self) -> Option<ReleaseId> {
		self.home().firmware().unwrap().map(|firmware| firmware.release)
	}

	/// Whether the slot in use can be booted.
	fn is_bootable(&self) -> bool {
		let home = self.home();
		let Some(installed) = home.firmware().unwrap() else { return !self.path("state/current").exists() };
		let image = fs::read(home.slots.image()).unwrap();
		installed.sha256.0 == <[u8; 32]>::from(Sha256::digest(&image))
	}
}

impl Agent {
	/// Puts a version on trial.
	fn install(&mut self, firmware: Firmware) {
		let mut staging = self.context.home.slots.prepare().unwrap();
		staging.image().write_all(&image(firmware.release as u32)).unwrap();
		staging.store(&firmware).unwrap();
		self.trials.begin(&self.context, firmware).unwrap();
	}

	/// Does one step, without the pause before it.
	async fn step(&mut self) -> Progress {
		self.trials.backoff.succeed();
		self.trials.step(&mut self.context).await.unwrap()
	}

	/// Goes on until the trial ends.
	async fn finish(&mut self) {
		for _ in 0..MANY {
			match self.step().await {
				Progress::Ended(_) => return,
				Progress::Idle => panic!("there is no trial"),
				Progress::Again | Progress::Waiting => {},
			}
		}
		panic!("the trial does not end");
	}

	/// Goes on until the trial waits.
	async fn until_waiting(&mut self) {
		for _ in 0..MANY {
			match self.step().await {
				Progress::Waiting => return,
				Progress::Again => {},
				progress => panic!("{progress:?}"),
			}
		}
	}
}

/// A device on which version 1.0.1 is confirmed.
async fn updated(device: Device) -> Device {
	let mut agent = device.start();
	agent.install(firmware(1, 1));
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::Confirmed, UpdateReason::None, 1));
	drop(agent);
	let _ = fs::remove_file(device.path("log"));
	device
}

#[tokio::test]
async fn version_should_be_confirmed_at_once_when_there_is_no_program() {
	let device = updated(Device::new()).await;
	assert_eq!(device.installed(), Some(1));
	assert!(!device.path("state/trial.json").exists());
	assert!(matches!(&device.heard.lock().unwrap()[..], [Event::Confirmed { boots: 1, .. }]));
}

#[tokio::test]
async fn hook_and_health_should_be_asked_in_order_and_the_health_be_hashed() {
	let device = updated(Device::new().with_hook("exit 0").with_health("echo $WAYBILL_VERSION fine")).await;
	assert_eq!(device.last().health, Some(Hash(Sha256::digest(b"1.0.1 fine\n").into())));
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	agent.finish().await;
	assert_eq!(device.asked(), ["install 1.0.2", "health 1.0.2", "confirm 1.0.2"]);
	assert!(fs::read_to_string(device.path("log")).unwrap().contains("install 1.0.2 image 2\n"));
	assert_eq!(device.home().memory().unwrap().before, Some(1));
}

#[tokio::test]
async fn version_should_be_left_when_the_hook_fails_again_and_again() {
	let mut device = updated(Device::new()).await;
	device = device.with_hook("[ $1 = rollback ] || exit 3");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::InstallFailed, UpdateReason::Installer(3), 3));
	assert_eq!(device.asked(), ["install 1.0.2", "install 1.0.2", "install 1.0.2", "rollback 1.0.1"]);
	assert_eq!(device.installed(), Some(1));
	assert!(fs::read_to_string(device.path("log")).unwrap().ends_with("rollback 1.0.1 image 1\n"));
	let memory = device.home().memory().unwrap();
	assert_eq!(memory.rolled_back.get(&2), Some(&UpdateReason::Installer(3)));
	assert_eq!(device.home().slots.spare().unwrap(), None);
}

#[tokio::test]
async fn hook_should_be_asked_again_for_as_long_as_it_wants_when_it_says_later() {
	let device = updated(Device::new()).await.with_hook("exit 75");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	for _ in 0..5 {
		assert_eq!(agent.step().await, Progress::Waiting);
	}
	// Neither a restart of the agent nor one of the machine is an attempt.
	for _ in 0..5 {
		drop(agent);
		device.reboot();
		agent = device.start();
		assert_eq!(agent.step().await, Progress::Waiting);
	}
	device.program("hook", "exit 0");
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::Confirmed, UpdateReason::None, 1));
}

#[tokio::test]
async fn version_should_be_left_before_it_is_installed_when_it_is_yanked() {
	let device = updated(Device::new()).await.with_hook("[ $1 = install ] && exit 75; exit 0");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	agent.until_waiting().await;
	assert_eq!(agent.trials.uninstalled(), Some(&firmware(2, 1)));
	agent.trials.yank(&agent.context).unwrap();
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::InstallFailed, UpdateReason::Yanked, 1));
	assert_eq!(device.installed(), Some(1));
}

#[tokio::test]
async fn image_for_other_devices_should_be_left_at_once() {
	let device = updated(Device::new()).await.with_hook("[ $1 = install ] && exit 65; exit 0");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::Incompatible, UpdateReason::Installer(65), 1));
	assert_eq!(device.asked(), ["install 1.0.2", "rollback 1.0.1"]);
}

#[tokio::test]
async fn device_should_go_back_when_the_new_version_is_not_healthy() {
	let mut device = updated(Device::new()).await;
	device = device.with_hook("exit 0").with_health("echo broken; exit 9");
	let mut agent = device.start();
	agent.install(firmware(2, 2));
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::RolledBack, UpdateReason::Unhealthy(9), 1));
	assert_eq!(device.last().health, Some(Hash(Sha256::digest(b"broken\n").into())));
	assert_eq!(device.asked(), ["install 1.0.2", "health 1.0.2", "rollback 1.0.1"]);
	assert_eq!(device.installed(), Some(1));
	assert_eq!(agent.context.exchange.profile().installed.version, Version::new(1, 0, 1));
	let heard = device.heard.lock().unwrap();
	let Some(Event::RolledBack { update, installed }) = heard.last() else { panic!("{heard:?}") };
	assert_eq!((update.release, installed.as_ref().unwrap().release), (2, 1));
}

#[tokio::test]
async fn device_should_wait_while_the_health_check_does_not_know_and_no_longer_than_the_limit() {
	let mut device = updated(Device::new()).await.with_health("exit 75");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	agent.until_waiting().await;
	assert_eq!(agent.step().await, Progress::Waiting);
	drop(agent);
	device.config.trial_time = 0;
	device.start().finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::RolledBack, UpdateReason::TimeLimit, 1));
	assert_eq!(device.installed(), Some(1));
}

#[tokio::test]
async fn health_check_that_hangs_should_count_as_a_failure() {
	let mut device = updated(Device::new()).await.with_health("sleep 60");
	device.config.hook_timeout = 1;
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::RolledBack, UpdateReason::HealthStopped, 1));
}

#[tokio::test]
async fn boot_loader_should_be_told_to_keep_the_new_version_when_there_is_no_way_back() {
	let device = updated(Device::new()).await.with_hook("exit 0").with_health("exit 1");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	fs::write(device.path("state/slots/a/firmware.bin"), b"image l").unwrap();
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::RolledBack, UpdateReason::NoWayBack, 1));
	assert_eq!(device.asked(), ["install 1.0.2", "health 1.0.2", "confirm 1.0.2"]);
	assert_eq!(device.installed(), Some(2));
}

#[tokio::test]
async fn way_back_should_be_open_for_a_while_when_the_hook_fails() {
	let device = updated(Device::new()).await.with_hook("exit 3");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	let tries = |device: &Device| device.asked().iter().filter(|asked| *asked == "rollback 1.0.1").count();
	while tries(&device) < usize::from(MAX_WAY_BACK) - 1 {
		agent.step().await;
	}
	device.program("hook", "exit 0");
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::InstallFailed, UpdateReason::Installer(3), 3));
	assert_eq!(tries(&device), usize::from(MAX_WAY_BACK));
}

#[tokio::test]
async fn trial_of_a_newer_version_of_the_agent_should_go_on() {
	let device = updated(Device::new()).await.with_health("exit 0");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	drop(agent);
	let path = device.path("state/trial.json");
	let mut trial: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
	trial["phase"] = "warming_up".into();
	trial["running"] = "invented".into();
	trial["more"] = 7.into();
	fs::write(&path, trial.to_string()).unwrap();
	// This one asks the health check, as it does of a version that runs.
	device.start().finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::Confirmed, UpdateReason::None, 1));
	assert_eq!(device.asked(), ["health 1.0.2"]);
}

#[tokio::test]
async fn version_should_stay_on_trial_until_a_person_confirms_it() {
	let mut device = updated(Device::new()).await.with_hook("exit 0");
	device.config.manual_confirm = true;
	let mut agent = device.start();
	assert!(Order::confirm(&device.home()).unwrap_err().to_string().contains("nothing to confirm"));
	agent.install(firmware(2, 1));
	assert!(Order::confirm(&device.home()).unwrap_err().to_string().contains("not installed yet"));
	agent.until_waiting().await;
	assert_eq!(agent.step().await, Progress::Waiting);
	device.home().leave_order(&Order::confirm(&device.home()).unwrap()).unwrap();
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::Confirmed, UpdateReason::None, 1));
	assert_eq!(device.asked(), ["install 1.0.2", "confirm 1.0.2"]);
	assert!(!device.home().is_ordered());
}

#[tokio::test]
async fn device_should_go_back_when_the_new_version_restarts_too_often() {
	let device = updated(Device::new()).await.with_health("exit 75");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	for boot in 1..=3 {
		agent.until_waiting().await;
		assert_eq!(device.home().trial().unwrap().unwrap().boots, boot);
		drop(agent);
		device.reboot();
		agent = device.start();
	}
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::RolledBack, UpdateReason::BootLimit, 3));
	assert_eq!(device.installed(), Some(1));
}

#[tokio::test]
async fn starts_of_the_agent_should_not_count_within_a_boot() {
	let device = updated(Device::new()).await.with_health("exit 75");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	for _ in 0..5 {
		agent.until_waiting().await;
		drop(agent);
		agent = device.start();
	}
	assert_eq!(device.home().trial().unwrap().unwrap().boots, 1);
}

#[tokio::test]
async fn order_should_be_carried_out_with_the_programs_that_the_agent_had() {
	let device = updated(Device::new()).await.with_hook("exit 0");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	agent.finish().await;
	drop(agent);
	let gateway = Gateway::new(&["http://127.0.0.1:1"]).unwrap();
	let home = Home::open(&device.path("state")).unwrap();
	let order = Order::rollback(&home).unwrap();
	crate::obey(home, &order, gateway, &Config::default(), Box::new(|_| ())).await.unwrap();
	assert_eq!(device.asked().last().unwrap(), "rollback 1.0.1");
	assert_eq!(device.ended(), (UpdateOutcome::RolledBack, UpdateReason::ByHand, 1));
}

/// Runs the hook until it has logged `lines` lines in all, then kills the agent.
async fn killed_in_hook(device: &Device, lines: usize) {
	let mut agent = device.start();
	let logged = async {
		while device.asked().len() < lines {
			sleep(Duration::from_millis(10)).await;
		}
	};
	tokio::select! {
		() = agent.finish() => panic!("the hook ended"),
		() = logged => {},
	}
}

#[tokio::test]
async fn hook_that_kills_the_agent_should_run_as_often_as_the_limit_says() {
	let device = updated(Device::new()).await.with_hook("sleep 60");
	device.start().install(firmware(2, 1));
	for lines in 1..=3 {
		killed_in_hook(&device, lines).await;
		assert!(device.is_bootable());
	}
	// It breaks off when it is to go back, too.
	for lines in 4..=6 {
		killed_in_hook(&device, lines).await;
		assert_eq!(device.installed(), Some(1));
	}
	device.start().finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::InstallFailed, UpdateReason::NoWayBack, 3));
	let asked = device.asked();
	assert_eq!(asked[..3], ["install 1.0.2"; 3]);
	assert_eq!(asked[3..], ["rollback 1.0.1"; 3]);
	assert!(device.is_bootable());
}

#[tokio::test]
async fn hook_that_restarts_the_machine_should_not_run_again_when_the_new_version_is_healthy() {
	for (health, expected) in [
		("exit 0", &["install 1.0.2", "health 1.0.2", "health 1.0.2", "confirm 1.0.2"][..]),
		("[ -e second ]", &["install 1.0.2", "health 1.0.2", "install 1.0.2", "health 1.0.2", "confirm 1.0.2"]),
	] {
		let device = updated(Device::new()).await.with_health(health);
		let device =
			device.with_hook("[ $1 = confirm ] && exit 0; [ -e first ] && touch second && exit 0; touch first; sleep 60");
		device.start().install(firmware(2, 1));
		killed_in_hook(&device, 1).await;
		device.reboot();
		device.start().finish().await;
		assert_eq!(device.asked(), expected);
		assert_eq!(device.ended(), (UpdateOutcome::Confirmed, UpdateReason::None, 1));
	}
}

#[tokio::test]
async fn failed_installations_should_not_use_up_the_boots_of_the_new_version() {
	let device = updated(Device::new()).await.with_health("exit 75");
	let device = device.with_hook("[ $1 != install ] || [ $(grep -c install log) = 3 ]");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	while device.home().trial().unwrap().unwrap().phase == Phase::Installing {
		agent.step().await;
	}
	// The hook restarts the machine, and the version has its own boots then.
	for boot in 2..=4 {
		drop(agent);
		device.reboot();
		agent = device.start();
		agent.until_waiting().await;
		assert_eq!(device.home().trial().unwrap().unwrap().boots, boot);
	}
	drop(agent);
	device.reboot();
	device.start().finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::RolledBack, UpdateReason::BootLimit, 4));
}

#[tokio::test]
async fn device_should_keep_the_new_version_when_the_one_before_is_damaged() {
	let device = updated(Device::new()).await.with_health("exit 1");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	fs::write(device.path("state/slots/a/firmware.bin"), b"image l").unwrap();
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::RolledBack, UpdateReason::NoWayBack, 1));
	assert_eq!(device.installed(), Some(2));
	assert!(device.is_bootable());
}

#[tokio::test]
async fn first_version_should_be_left_for_the_one_from_the_factory() {
	let device = Device::new().with_hook("exit 0").with_health("exit 1");
	let mut agent = device.start();
	agent.install(firmware(1, 1));
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::RolledBack, UpdateReason::Unhealthy(1), 1));
	assert_eq!(device.installed(), None);
	assert_eq!(device.asked().last().unwrap(), "rollback factory");
	assert!(device.is_bootable());
	assert!(Order::rollback(&device.home()).is_err());
}

#[tokio::test]
async fn version_should_be_left_when_the_hook_cannot_confirm_it() {
	let device = updated(Device::new()).await.with_hook("[ $1 != confirm ]");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::RolledBack, UpdateReason::Installer(1), 1));
	assert_eq!(device.asked()[1..4], ["confirm 1.0.2"; 3]);
	assert_eq!(device.installed(), Some(1));
}

#[tokio::test]
async fn person_should_go_back_once_and_never_below_the_security_version() {
	let device = updated(Device::new()).await.with_hook("exit 0");
	assert!(Order::rollback(&device.home()).unwrap_err().to_string().contains("no version before"));
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	agent.finish().await;
	device.home().leave_order(&Order::rollback(&device.home()).unwrap()).unwrap();
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::RolledBack, UpdateReason::ByHand, 1));
	assert_eq!(device.installed(), Some(1));
	assert_eq!(device.asked().last().unwrap(), "rollback 1.0.1");
	assert!(Order::rollback(&device.home()).unwrap_err().to_string().contains("no version before"));

	agent.install(firmware(3, 2));
	agent.finish().await;
	let refused = Order::rollback(&device.home()).unwrap_err().to_string();
	assert!(refused.contains("security version 1") && refused.contains("has 2"), "{refused}");
	// The agent checks again whatever the order's file says.
	device.home().leave_order(&Order::Rollback { release: 3 }).unwrap();
	assert_eq!(agent.step().await, Progress::Idle);
	assert_eq!(device.installed(), Some(3));
	assert!(!device.home().is_ordered());
}

#[tokio::test]
async fn image_that_was_never_in_use_should_be_no_way_back() {
	let device = updated(Device::new()).await;
	let agent = device.start();
	let mut staging = agent.context.home.slots.prepare().unwrap();
	staging.image().write_all(&image(2)).unwrap();
	staging.store(&firmware(2, 1)).unwrap();
	assert!(Order::rollback(&device.home()).unwrap_err().to_string().contains("no version before"));
}

#[tokio::test]
async fn releases_should_be_tried_again_when_a_person_asks_for_it() {
	let device = updated(Device::new()).await.with_health("exit 1");
	assert!(Order::Retry.check(&device.home()).unwrap_err().to_string().contains("nothing to try again"));
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	agent.finish().await;
	assert!(agent.context.memory.rolled_back.contains_key(&2));
	device.home().leave_order(&Order::Retry).unwrap();
	assert_eq!(agent.step().await, Progress::Idle);
	assert!(device.home().memory().unwrap().rolled_back.is_empty());
}

#[tokio::test]
async fn power_cut_after_any_step_should_leave_a_version_that_boots_and_the_same_end() {
	let steps = [("exit 0", UpdateOutcome::Confirmed, Some(2)), ("exit 1", UpdateOutcome::RolledBack, Some(1))];
	for (health, outcome, installed) in steps {
		let mut device = updated(Device::new()).await;
		device = device.with_hook("exit 0").with_health(health);
		device.start().install(firmware(2, 1));
		for cut in 0.. {
			assert!(cut < MANY, "the trial does not end");
			// Each start does one step.
			let mut agent = device.start();
			assert!(device.is_bootable(), "{outcome}, step {cut}");
			if matches!(agent.step().await, Progress::Ended(_)) {
				break;
			}
		}
		let last = device.last();
		assert_eq!((last.outcome, last.boots), (outcome, 1));
		assert_eq!(device.installed(), installed);
		assert_eq!(device.start().step().await, Progress::Idle);
		// The end itself, broken off before the trial's file was removed.
		let home = device.home();
		let mut trial = Trial::new(firmware(2, 1), Some(firmware(1, 1)));
		match outcome {
			UpdateOutcome::Confirmed => trial.enter(Phase::Confirming),
			_ => trial.enter(Phase::RollingBack { outcome, reason: UpdateReason::Unhealthy(1) }),
		}
		home.save_trial(&trial).unwrap();
		device.start().finish().await;
		assert_eq!((device.last().outcome, device.installed()), (outcome, installed));
		assert!(device.is_bootable());
	}
}

#[tokio::test]
async fn trial_should_not_have_begun_when_the_power_fails_before_the_link_is_turned() {
	let device = updated(Device::new()).await;
	let home = device.home();
	home.save_trial(&Trial::new(firmware(2, 1), Some(firmware(1, 1)))).unwrap();
	assert_eq!(device.start().step().await, Progress::Idle);
	assert_eq!(home.trial().unwrap(), None);
	assert_eq!(device.installed(), Some(1));
}

#[tokio::test]
async fn programs_that_cannot_run_should_end_a_trial_and_be_refused_without_one() {
	let mut device = updated(Device::new()).await.with_hook("exit 0");
	let mut agent = device.start();
	agent.install(firmware(2, 1));
	drop(agent);
	fs::remove_file(device.path("hook")).unwrap();
	// Nobody may be near, so the trial takes its course.
	let mut agent = device.start();
	agent.finish().await;
	assert_eq!(device.ended(), (UpdateOutcome::InstallFailed, UpdateReason::NoWayBack, 3));
	assert_eq!(device.installed(), Some(1));
	drop(agent);
	let gateway = Gateway::new(&["http://127.0.0.1:1"]).unwrap();
	let home = Home::open(&device.path("state")).unwrap();
	let mut context = Context::new(home, gateway, &device.config, Box::new(|_| ())).unwrap();
	let error = Trials::open(&mut context, &device.config).map(drop).unwrap_err();
	assert!(error.to_string().contains("nothing was signed"), "{error}");
	device.config.hook = None;
	assert!(Trials::open(&mut context, &device.config).is_ok());
}
