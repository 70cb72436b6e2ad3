//! The devices: each a process of its own, with its own key and state folder.

use crate::{
	console::Console,
	process,
	waybill::{text, Log, Waybill},
};
use anyhow::{anyhow, ensure, Context, Result};
use serde::Deserialize;
use std::{
	collections::BTreeMap,
	path::{Path, PathBuf},
};
use tokio::{sync::mpsc, task::JoinSet};

/// How many seconds a device may look for its update.
const PATIENCE: &str = "150";
/// How many seconds a device keeps asking the cheat while others have not refused yet.
const SHORT_PATIENCE: &str = "60";

/// All devices of the fleet.
pub struct Devices {
	waybill: Waybill,
	folders: Vec<PathBuf>,
	keys: PathBuf,
	logs: PathBuf,
}

#[derive(Deserialize)]
struct Provisioned {
	devices: Vec<Folder>,
}

#[derive(Deserialize)]
struct Folder {
	folder: PathBuf,
}

#[derive(Deserialize)]
struct Status {
	image: Option<PathBuf>,
	installed: Option<Installed>,
	key_set_version: u32,
}

#[derive(Deserialize)]
struct Installed {
	release: u64,
}

/// An event that a device prints.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
	Verified {
		distributor: String,
		milliseconds: u64,
	},
	Refused {
		distributor: String,
		why: String,
	},
	#[serde(other)]
	Other,
}

/// A check of proofs that held.
pub struct Verified {
	/// The distributor's address.
	pub distributor: String,
	/// How long it took to fetch the proofs and check them.
	pub milliseconds: u64,
}

/// How devices answered the offers of a cheat.
pub struct Refusals {
	/// How many of them refused one.
	pub devices: usize,
	/// The reason of the first of them.
	pub words: String,
}

fn event(line: &str) -> Option<Event> {
	serde_json::from_str(line).ok()
}

impl Devices {
	/// Makes `count` devices.
	pub async fn provision(waybill: &Waybill, run: &Path, count: usize) -> Result<Self> {
		let (folder, keys, logs) = (run.join("devices"), run.join("device-keys.txt"), run.join("device-logs"));
		std::fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
		let number = count.to_string();
		let arguments = ["device", "provision", text(&folder)?, "--count", &number, "--keys", text(&keys)?];
		let Provisioned { devices } = waybill.ask(&arguments).await?;
		ensure!(devices.len() == count, "{} devices were made instead of {count}", devices.len());
		let folders = devices.into_iter().map(|device| device.folder).collect();
		Ok(Self { waybill: waybill.clone(), folders, keys, logs })
	}

	/// How many there are.
	pub fn count(&self) -> usize {
		self.folders.len()
	}

	/// The file with their public keys.
	pub fn keys(&self) -> &Path {
		&self.keys
	}

	/// Tells them their fleet and the vendor whose releases they trust.
	pub async fn bind(&self, fleet: u64, vendor: &str) -> Result<()> {
		let fleet = fleet.to_string();
		let mut arguments = vec!["device", "bind"];
		for folder in &self.folders {
			arguments.push(text(folder)?);
		}
		arguments.extend(["--fleet", &fleet, "--vendor", vendor]);
		arguments.extend(["--factory-version", "0.9.0", "--factory-security-version", "0"]);
		self.waybill.tell(&arguments).await
	}

	/// Lets all devices look for an update with only this distributor to ask, until each has
	/// refused its offer.
	pub async fn refuse_offers(&self, console: &Console, url: &str, distributor: &str) -> Result<Refusals> {
		let step = console.count("every device asks the cheat", self.count());
		let (waybill, mut processes) = (self.waybill.knowing(url)?, JoinSet::new());
		let (teller, mut told) = mpsc::unbounded_channel();
		for (index, folder) in self.folders.iter().enumerate() {
			let arguments =
				["device", "run", "--private-addresses", "--once", "--timeout", SHORT_PATIENCE, "--state", text(folder)?];
			let (command, log) = (waybill.command(&arguments), self.logs.join(format!("{index:03}.log")));
			let (teller, cheat) = (teller.clone(), distributor.to_owned());
			processes.spawn(async move {
				let refusals = |line: &str| match event(line) {
					Some(Event::Refused { distributor, why }) if distributor == cheat => {
						let _ = teller.send((index, why));
					},
					_ => {},
				};
				let status = process::watch(command, &log, refusals).await?;
				ensure!(!status.success(), "device {index} took something from the cheat");
				anyhow::Ok(())
			});
		}
		drop(teller);
		let mut refusals = BTreeMap::new();
		while refusals.len() < self.count() {
			tokio::select! {
				Some((index, why)) = told.recv() => if refusals.insert(index, why).is_none() {
					step.advance();
				},
				Some(ended) = processes.join_next() => ended.context("a task did not end as it should")??,
				else => break,
			}
		}
		processes.abort_all();
		while let Some(ended) = processes.join_next().await {
			// An error here only means that the device was stopped while it was still asking.
			if let Ok(ended) = ended {
				ended?;
			}
		}
		let (devices, words) = (refusals.len(), refusals.into_values().next().unwrap_or_default());
		step.done(format!("{devices} devices refused its offer: {words}"));
		Ok(Refusals { devices, words })
	}

	/// Lets all devices look for an update at the same time. Returns the checks of proofs that
	/// held.
	pub async fn update(&self, console: &Console) -> Result<Vec<Verified>> {
		let step = console.count(format!("{} device processes at the same time", self.count()), self.count());
		let mut processes = JoinSet::new();
		for (index, folder) in self.folders.iter().enumerate() {
			let command = self.waybill.command(&[
				"device",
				"run",
				"--private-addresses",
				"--once",
				"--timeout",
				PATIENCE,
				"--state",
				text(folder)?,
			]);
			let log = self.logs.join(format!("{index:03}.log"));
			processes.spawn(async move {
				let (status, output) = process::run(command, &log).await?;
				let last = output.lines().last().unwrap_or_default().to_owned();
				if !status.success() {
					return Err(anyhow!("device {index} got no update: {last}").context(Log(log)));
				}
				anyhow::Ok(output)
			});
		}
		let mut verified = Vec::new();
		while let Some(ended) = processes.join_next().await {
			let output = ended.context("a task did not end as it should")??;
			verified.extend(output.lines().filter_map(event).filter_map(|event| match event {
				Event::Verified { distributor, milliseconds } => Some(Verified { distributor, milliseconds }),
				_ => None,
			}));
			step.advance();
		}
		step.done(format!("all {} device processes succeeded", self.count()));
		Ok(verified)
	}

	/// How many have this release installed, byte for byte.
	pub async fn installed(&self, release: u64, image: &Path) -> Result<usize> {
		let wanted = std::fs::read(image).with_context(|| format!("cannot read {}", image.display()))?;
		let mut count = 0;
		for folder in &self.folders {
			let status: Status = self.waybill.ask(&["device", "status", "--state", text(folder)?]).await?;
			let (Some(installed), Some(image)) = (status.installed, status.image) else { continue };
			let found = std::fs::read(&image).with_context(|| format!("cannot read {}", image.display()))?;
			count += usize::from(installed.release == release && found == wanted);
		}
		Ok(count)
	}

	/// How many trust the vendor's key set of this version.
	pub async fn trusting(&self, version: u32) -> Result<usize> {
		let mut count = 0;
		for folder in &self.folders {
			let status: Status = self.waybill.ask(&["device", "status", "--state", text(folder)?]).await?;
			count += usize::from(status.key_set_version == version);
		}
		Ok(count)
	}

	/// How many have this image in the slot that is not in use.
	pub fn kept(&self, image: &Path) -> Result<usize> {
		let wanted = std::fs::read(image).with_context(|| format!("cannot read {}", image.display()))?;
		let kept = |folder: &PathBuf| {
			let current = folder.join("current").canonicalize().ok();
			let slots = ["a", "b"].map(|slot| folder.join("slots").join(slot));
			slots.iter().any(|slot| {
				slot.canonicalize().ok() != current && std::fs::read(slot.join("firmware.bin")).ok() == Some(wanted.clone())
			})
		};
		Ok(self.folders.iter().filter(|folder| kept(folder)).count())
	}

	/// How many refuse this release because it is older than their own, and the reason that one of
	/// them gives.
	pub async fn refuse(&self, release: u64) -> Result<(usize, String)> {
		let mut processes = JoinSet::new();
		for folder in &self.folders {
			let (waybill, folder, release) = (self.waybill.clone(), folder.clone(), release.to_string());
			processes.spawn(async move {
				waybill.refused(&["device", "check", "--release", &release, "--state", text(&folder)?]).await
			});
		}
		let (mut count, mut words) = (0, String::new());
		while let Some(ended) = processes.join_next().await {
			let failure = ended.context("a task did not end as it should")??;
			count += usize::from(failure.name.as_deref() == Some("SecurityRollback"));
			words = failure.message;
		}
		Ok((count, words))
	}
}
