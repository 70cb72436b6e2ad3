//! Models and fleets.

use super::limits::{check_text, limits};
use crate::{
	commands::{read_text, Done},
	context::Context,
	error::{Error, Kind, OrFail, Result},
};
use serde::Serialize;
use std::{
	fmt,
	path::{Path, PathBuf},
};
use subxt::utils::Static;
use waybill_chain::{
	api,
	runtime::{bounded, text},
	Hash, Patience,
};
use waybill_ipfs_http::FileCid;
use waybill_primitives::{fleet::usual_cap_height, Cid, DeviceKey, FleetId, Manifest, ModelId};

use api::firmware::events;

/// The longest list of keys that is read, in bytes: a million keys.
const MAX_LIST: u64 = 80_000_000;

/// Arguments of `fleet`.
#[derive(clap::Args, Debug)]
pub struct Args {
	/// The model of all devices
	#[arg(long)]
	model: ModelId,
	/// A text file with one device key a line (ed25519: and hex digits), in the order of the
	/// devices' indices from 0; empty lines and lines that begin with # are ignored
	keys: PathBuf,
}

#[derive(Serialize)]
struct ModelReport {
	model: ModelId,
	name: String,
}

impl fmt::Display for ModelReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "model {}: {}", self.model, self.name)
	}
}

/// Registers a model.
pub async fn model(name: &str, ctx: &Context) -> Result<()> {
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	check_text("the name", name, limits(&chain).await?.name)?;
	let shown = ctx.progress.spinner("registering the model");
	let included =
		chain.submit(&account, &api::transactions().firmware().register_model(text(name)), ctx.config.wait.into()).await?;
	drop(shown);
	let event: events::ModelRegistered = included.one()?;
	ctx.output.report(&Done::new(ModelReport { model: event.model, name: name.into() }, included.receipt()));
	Ok(())
}

#[derive(Serialize)]
struct FleetReport {
	fleet: FleetId,
	model: ModelId,
	devices: u32,
	root: Hash,
	cap_height: u32,
	manifest: Cid,
}

impl fmt::Display for FleetReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "fleet {}: {} devices of model {}, manifest {}", self.fleet, self.devices, self.model, self.manifest)
	}
}

/// Puts the list of keys into IPFS and registers the fleet.
pub async fn register(args: Args, ctx: &Context) -> Result<()> {
	let manifest = read_keys(&args.keys)?;
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let (list, root, count) = (manifest.encode(), manifest.root(), manifest.count());
	let (cid, cap_height) = (FileCid::of(&list), usual_cap_height(count));
	let cap = bounded(manifest.cap(cap_height).to_vec());
	let call = api::transactions().firmware().register_fleet(args.model, count, cap, Static(cid));
	// What the chain refuses is not to be in IPFS.
	chain.rehearse(&account, &call).await?;
	let shown = ctx.progress.spinner("adding the list of keys to IPFS");
	ctx.kubo()?.add_bytes("fleet-manifest", list).await?;
	shown.say("registering the fleet");
	let included = chain.submit(&account, &call, ctx.config.wait.into()).await?;
	drop(shown);
	let event: events::FleetRegistered = included.one()?;
	let (fleet, model) = (event.fleet, args.model);
	let report = FleetReport { fleet, model, devices: count, root: Hash(root), cap_height, manifest: cid };
	ctx.output.report(&Done::new(report, included.receipt()));
	Ok(())
}

/// Arguments of `add-manifest`.
#[derive(clap::Args, Debug)]
pub struct AddArgs {
	/// The fleet
	#[arg(long)]
	fleet: FleetId,
	/// The file with the device keys that the fleet was registered with
	keys: PathBuf,
}

#[derive(Serialize)]
struct AddReport {
	fleet: FleetId,
	devices: u32,
	manifest: Cid,
}

impl fmt::Display for AddReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "the list of fleet {} is in IPFS: {} devices, {}", self.fleet, self.devices, self.manifest)
	}
}

/// Puts the list of a registered fleet's keys into IPFS again.
pub async fn add_manifest(args: AddArgs, ctx: &Context) -> Result<()> {
	let manifest = read_keys(&args.keys)?;
	let fleet = ctx.chain(Patience::Brief).await?.finalized().await?.fleet(args.fleet).await?;
	let fleet = fleet.ok_or_else(|| Error::not_found(format!("the final chain has no fleet {}", args.fleet)))?;
	let name = args.keys.display();
	if (manifest.root(), manifest.count()) != (fleet.root, fleet.count) {
		let (devices, wanted) = (manifest.count(), fleet.count);
		return Err(Error::check(format!(
			"{name} is not the list of fleet {}: it has {devices} devices, and the fleet {wanted}, in their order",
			args.fleet
		)));
	}
	let shown = ctx.progress.spinner("adding the list of keys to IPFS");
	let cid = ctx.kubo()?.add_bytes("fleet-manifest", manifest.encode()).await?.cid;
	drop(shown);
	if cid != fleet.manifest {
		return Err(Error::check(format!("kubo gave the list the CID {cid}, and the chain has {}", fleet.manifest)));
	}
	ctx.output.report(&AddReport { fleet: args.fleet, devices: fleet.count, manifest: cid });
	Ok(())
}

fn read_keys(file: &Path) -> Result<Manifest> {
	let name = file.display();
	let mut keys = Vec::new();
	for (number, line) in read_text(file, MAX_LIST)?.lines().enumerate() {
		let line = line.trim();
		if line.is_empty() || line.starts_with('#') {
			continue;
		}
		keys.push(line.parse::<DeviceKey>().or_fail(Kind::File, || format!("{name}, line {}", number.saturating_add(1)))?);
	}
	if keys.is_empty() {
		return Err(Error::file(format!("{name} lists no device keys")));
	}
	Manifest::new(keys).or_fail(Kind::File, || name.to_string())
}

#[derive(Serialize)]
struct RemoveReport {
	fleet: FleetId,
}

impl fmt::Display for RemoveReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "fleet {} is removed", self.fleet)
	}
}

/// Removes a fleet.
pub async fn remove(fleet: FleetId, ctx: &Context) -> Result<()> {
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let shown = ctx.progress.spinner("removing the fleet");
	let included =
		chain.submit(&account, &api::transactions().firmware().remove_fleet(fleet), ctx.config.wait.into()).await?;
	drop(shown);
	ctx.output.report(&Done::new(RemoveReport { fleet }, included.receipt()));
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn key(seed: u8) -> DeviceKey {
		DeviceKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes())
	}

	fn read(text: &str) -> Result<Manifest> {
		let file = tempfile::NamedTempFile::new().unwrap();
		std::fs::write(file.path(), text).unwrap();
		read_keys(file.path())
	}

	#[test]
	fn lists_of_keys_should_be_read_in_order() {
		let manifest = read(&format!("# two devices\n{}\n\n  {}  \n", key(1), key(2))).unwrap();
		assert_eq!(manifest.count(), 2);
		assert_eq!(manifest.index(&key(2)), Some(1));
	}

	#[test]
	fn bad_lists_should_be_refused_with_their_line() {
		assert!(read("").is_err());
		let error = read(&format!("{}\nabc\n", key(1))).unwrap_err();
		assert!(error.to_string().contains("line 2"), "{error}");
		assert!(read(&format!("{0}\n{0}\n", key(1))).is_err());
		assert!(read(&format!("{}\n", DeviceKey::Ed25519([0; 32]))).is_err());
	}
}
