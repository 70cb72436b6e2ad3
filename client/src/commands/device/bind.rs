//! `waybill device bind`

use super::trust::{trusted, GivenKeys, Trust};
use crate::{
	context::Context,
	error::{Error, Kind, OrFail, Result},
};
use serde::Serialize;
use std::{fmt, path::PathBuf, str::FromStr};
use waybill_chain::{
	types::{AccountId, Hash},
	Patience, View,
};
use waybill_device::{Factory, Home, Identity, Place, StoredKeySet};
use waybill_primitives::{DeviceIndex, FleetId, Manifest, ModelId, ReleaseKey, Version};

/// Arguments.
#[derive(clap::Args, Debug)]
pub struct Args {
	/// The devices' state folders
	#[arg(required = true)]
	folders: Vec<PathBuf>,
	/// The fleet that they are registered in
	#[arg(long, value_name = "ID")]
	fleet: FleetId,
	/// The address of the vendor's account; refuse if the fleet belongs to another vendor
	#[arg(long, value_name = "ADDRESS", value_parser = account)]
	vendor: Option<AccountId>,
	#[command(flatten)]
	keys: GivenKeys,
	/// The version of the factory firmware; the devices never install anything older
	#[arg(long, value_name = "VERSION", requires = "factory_security_version")]
	factory_version: Option<Version>,
	/// The security version of the factory firmware
	#[arg(long, value_name = "NUMBER", requires = "factory_version")]
	factory_security_version: Option<u32>,
}

fn account(text: &str) -> Result<AccountId, &'static str> {
	AccountId::from_str(text).map_err(|_| "not an account's address")
}

#[derive(Serialize)]
struct Bound {
	vendor: AccountId,
	model: ModelId,
	fleet: FleetId,
	devices: Vec<Device>,
}

#[derive(Serialize)]
struct Device {
	folder: PathBuf,
	index: DeviceIndex,
	#[serde(flatten)]
	trusts: Trusts,
}

/// Whom a device trusts.
#[derive(Clone, PartialEq, Eq, Serialize)]
struct Trusts {
	key_set_version: u32,
	threshold: u8,
	release_keys: Vec<ReleaseKey>,
	trust: Trust,
}

impl Trusts {
	fn new(key_set: &StoredKeySet, trust: Trust) -> Self {
		let StoredKeySet { version, threshold, keys } = key_set.clone();
		Self { key_set_version: version, threshold, release_keys: keys, trust }
	}
}

impl fmt::Display for Trusts {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self { key_set_version, threshold, release_keys, trust } = self;
		let count = release_keys.len();
		write!(f, "trusts key set {key_set_version}, {threshold} of {count} must sign, {trust}")?;
		release_keys.iter().try_for_each(|key| write!(f, "\n  {key}"))
	}
}

impl fmt::Display for Bound {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "model {}, vendor {}", self.model, self.vendor)?;
		for alike in self.devices.chunk_by(|one, other| one.trusts == other.trusts) {
			for Device { folder, index, .. } in alike {
				write!(f, "\n{} is device {index} of fleet {}", folder.display(), self.fleet)?;
			}
			alike.first().map_or(Ok(()), |device| write!(f, "\n{}", device.trusts))?;
		}
		Ok(())
	}
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Context) -> Result<()> {
	// Read all keys first: an unreadable one fails before anything is asked or written.
	let mut keys = Vec::new();
	for folder in &args.folders {
		keys.push((folder, waybill_device::key(folder)?.public()));
	}
	let given = args.keys.resolve()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let view = chain.finalized().await?;
	let fleet = view.fleet(args.fleet).await?;
	let fleet = fleet.ok_or_else(|| Error::not_found(format!("the final chain has no fleet {}", args.fleet)))?;
	let (vendor, current) = vendor_of(&view, fleet.model).await?;
	if let Some(expected) = args.vendor.filter(|expected| *expected != vendor) {
		return Err(Error::check(format!("fleet {} belongs to vendor {vendor} and not to {expected}", args.fleet)));
	}
	let (key_set, trust) = trusted(&view, &vendor, current, given.as_ref()).await?;
	let bytes = ctx.config.gateway()?.fetch_bytes(&fleet.manifest, Manifest::size(fleet.count)).await?;
	let manifest =
		Manifest::decode(&bytes, &fleet.root, fleet.count).or_fail(Kind::Check, || format!("fleet {}", args.fleet))?;

	let factory = args.factory_version.zip(args.factory_security_version);
	let factory = factory.map(|(version, security_version)| Factory { version, security_version });
	let mut bound = Bound { vendor, model: fleet.model, fleet: args.fleet, devices: Vec::new() };
	let mut identities = Vec::new();
	for (folder, key) in keys {
		let index = manifest.index(&key);
		let index = index.ok_or_else(|| Error::not_found(format!("{} is not in fleet {}", folder.display(), args.fleet)))?;
		// A running device writes its identity itself, so this must lock its folder.
		let locked = Identity::find(folder)?.map(|_| Home::open(folder)).transpose()?;
		let before = locked.as_ref().map(|home| home.identity.clone());
		let trusted = before.as_ref().map(|before| before.key_set.clone()).filter(|keys| keys.key_set().is_ok());
		if given.as_ref().zip(trusted.as_ref()).is_some_and(|(given, trusted)| !given.is_same(trusted)) {
			return Err(Error::check(format!(
				"{} already trusts other release keys, and follows the vendor's signatures to new ones; leave \
				 --release-key out, or provision a new device",
				folder.display()
			)));
		}
		// Only the device moves to another key set, by its signatures. A node must not replace it. Where
		// a person names the same keys again, an earlier node may have lied about their version.
		let (key_set, trust) = match (&given, trusted) {
			(None, Some(trusted)) => (trusted, Trust::Kept),
			_ => (key_set.clone(), trust),
		};
		let trusts = Trusts::new(&key_set, trust);
		let identity = Identity {
			genesis: Hash(chain.genesis()),
			vendor: bound.vendor,
			model: fleet.model,
			place: Some(Place { fleet: args.fleet, index }),
			factory: factory.or(before.as_ref().map(|before| before.factory)).unwrap_or_default(),
			key_set,
		};
		if let Some(before) = before {
			before.may_become(&identity).map_err(|error| Error::from(error).context(folder.display()))?;
		}
		identities.push((folder, identity, locked));
		bound.devices.push(Device { folder: folder.clone(), index, trusts });
	}
	for (folder, identity, _locked) in identities {
		identity.save(folder)?;
	}
	ctx.output.report(&bound);
	Ok(())
}

/// A model's vendor, and the current key set of that vendor.
async fn vendor_of(view: &View, model: ModelId) -> Result<(AccountId, StoredKeySet)> {
	let missing = |what: &str| Error::not_found(format!("the final chain has no {what} of model {model}"));
	let model = view.model(model).await?.ok_or_else(|| missing("record"))?;
	let vendor = view.vendor(&model.vendor).await?.ok_or_else(|| missing("vendor"))?;
	Ok((vendor.account, StoredKeySet::new(vendor.key_set_version, &vendor.key_set)))
}
