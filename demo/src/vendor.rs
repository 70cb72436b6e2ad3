//! The vendor: registers, publishes and pays.

use crate::{
	account::Account,
	waybill::{text, Failure, Waybill},
};
use anyhow::Result;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// How long the attesters may take.
const PATIENCE: &str = "3m";

/// A registered vendor with a model.
pub struct Vendor {
	waybill: Waybill,
	account: Account,
	/// The key that signs releases now.
	release_key: PathBuf,
	model: u64,
}

/// A proposed key set.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Rotation {
	/// Its version.
	pub version: u32,
	/// The first block in which it can be adopted.
	pub effective_at: u64,
}

/// A published release.
#[derive(Clone, Debug, Deserialize)]
pub struct Release {
	/// Its number.
	pub release: u64,
	/// The CID of its payload.
	pub payload: String,
	/// The block in which the attesters agreed.
	pub available_at: Option<u64>,
}

/// An open bounty.
#[derive(Clone, Debug, Deserialize)]
pub struct Bounty {
	/// Its number.
	pub bounty: u64,
	/// The first block in which it has expired.
	pub expires_at: u64,
}

#[derive(Deserialize)]
struct Model {
	model: u64,
}

#[derive(Deserialize)]
struct Fleet {
	fleet: u64,
}

impl Vendor {
	/// Makes a release key, and registers the vendor and a model.
	pub async fn register(waybill: &Waybill, account: Account, folder: &Path, model: &str) -> Result<Self> {
		let release_key = folder.join("release.key");
		waybill.tell(&["key", "generate", text(&release_key)?]).await?;
		let register = [
			"vendor",
			"register",
			"--name",
			"Acme",
			"--url",
			"https://acme.example",
			"--security-contact",
			"security@acme.example",
			"--key",
			text(&release_key)?,
		];
		waybill.tell(&account.signs(&register)?).await?;
		let Model { model } = waybill.ask(&account.signs(&["vendor", "model", model])?).await?;
		Ok(Self { waybill: waybill.clone(), account, release_key, model })
	}

	/// The vendor's account.
	pub const fn account(&self) -> &Account {
		&self.account
	}

	/// Makes another release key and proposes it, signed by both keys. [Adopt](Self::adopt) it
	/// under the same name.
	pub async fn rotate(&self, name: &str) -> Result<Rotation> {
		let next = self.release_key.with_file_name(name);
		let (current, next) = (text(&self.release_key)?, text(&next)?);
		self.waybill.tell(&["key", "generate", next]).await?;
		let arguments = ["vendor", "keys", "rotate", "--new-key", next, "--key", current, "--key", next];
		self.waybill.ask(&self.account.signs(&arguments)?).await
	}

	/// Replaces the current key by the proposed one.
	pub async fn adopt(&mut self, name: &str) -> Result<()> {
		self.waybill.tell(&self.account.signs(&["vendor", "keys", "adopt"])?).await?;
		self.release_key = self.release_key.with_file_name(name);
		Ok(())
	}

	/// Replaces a release's signature by that of the current key.
	pub async fn resign(&self, release: &Release, image: &Path) -> Result<()> {
		let (id, key) = (release.release.to_string(), text(&self.release_key)?);
		let arguments = ["vendor", "keys", "resign", &id, "--firmware", text(image)?, "--key", key];
		self.waybill.tell(&self.account.signs(&arguments)?).await
	}

	/// Registers the devices whose keys this file lists.
	pub async fn fleet(&self, keys: &Path) -> Result<u64> {
		let model = self.model.to_string();
		let arguments = ["vendor", "fleet", "--model", &model, text(keys)?];
		let Fleet { fleet } = self.waybill.ask(&self.account.signs(&arguments)?).await?;
		Ok(fleet)
	}

	/// Adds an image to IPFS, publishes it, and waits until the attesters have found it available.
	pub async fn publish(&self, image: &Path, version: &str, security_version: u32) -> Result<Release> {
		let arguments = self.publishing(image, version, security_version)?;
		let mut arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
		arguments.extend(["--wait-available", PATIENCE]);
		self.waybill.ask(&self.account.signs(&arguments)?).await
	}

	/// Tries to publish a release that the chain must refuse.
	pub async fn publish_refused(&self, image: &Path, version: &str, security_version: u32) -> Result<Failure> {
		let arguments = self.publishing(image, version, security_version)?;
		let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
		self.waybill.refused(&self.account.signs(&arguments)?).await
	}

	fn publishing(&self, image: &Path, version: &str, security_version: u32) -> Result<Vec<String>> {
		let (model, security_version) = (self.model.to_string(), security_version.to_string());
		let (image, key) = (text(image)?, text(&self.release_key)?);
		let arguments = [
			"vendor",
			"publish",
			image,
			"--model",
			&model,
			"--version",
			version,
			"--security-version",
			&security_version,
			"--key",
			key,
		];
		Ok(arguments.map(String::from).to_vec())
	}

	/// Opens a bounty for `blocks` blocks with this reward for each device, in UNIT.
	pub async fn open(&self, release: u64, fleet: u64, reward: &str, blocks: u32) -> Result<Bounty> {
		let (release, fleet, expires) = (release.to_string(), fleet.to_string(), format!("{blocks}blocks"));
		let arguments =
			["bounty", "open", "--release", &release, "--fleet", &fleet, "--reward", reward, "--expires", &expires];
		self.waybill.ask(&self.account.signs(&arguments)?).await
	}

	/// Closes a bounty that has expired, or whose devices are all paid for.
	pub async fn close(&self, bounty: &Bounty) -> Result<()> {
		self.waybill.tell(&self.account.signs(&["bounty", "close", &bounty.bounty.to_string()])?).await
	}
}
