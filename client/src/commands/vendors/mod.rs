//! `waybill vendor …`

mod about;
mod available;
mod delegate;
mod fleet;
mod keys;
mod limits;
mod publish;
mod reason;
mod register;
mod signature;
mod yank;

use super::{
	query::{self, ReleaseReport},
	Address,
};
use crate::{context::Context, error::Result};
use clap::Subcommand;
use serde::Serialize;
use std::fmt;
use waybill_chain::Patience;
use waybill_primitives::{FleetId, ModelId};

const WAY: &str = "\
The way to a first release:
  waybill key generate account.key --account-key
      (its address needs some money; give --account-file account.key to the commands below)
  waybill key generate release.key
  waybill vendor register --name Acme --url https://acme.example \\
      --security-contact security@acme.example --key release.key
  waybill vendor model \"Acme Hub 2\"
  waybill vendor fleet --model 0 device-keys.txt
  waybill vendor publish firmware.bin --model 0 --version 1.0.0 --security-version 1 \\
      --key release.key --wait-available 10m
  waybill bounty open --release 0 --fleet 0 --reward 0.25 --expires 14d

Release keys can stay on a machine without a network, which runs the second of these three:
  waybill vendor prepare firmware.bin --model 0 --version 1.0.0 --security-version 1
  waybill vendor sign firmware.bin.release.json --firmware firmware.bin --key release.key > release.sig
  waybill vendor publish --statement firmware.bin.release.json --signature release.sig";

/// The commands of a vendor.
#[derive(Subcommand, Debug)]
#[command(after_long_help = WAY)]
pub enum Command {
	/// Register the account as a vendor, with the keys that sign its releases
	Register(register::RegisterArgs),
	/// Change the vendor's name, web site or security contact
	Update(register::UpdateArgs),
	/// Register a model: a product line
	Model {
		/// Its name
		name: String,
	},
	/// Register a fleet: the devices of one model, by their keys
	Fleet(fleet::Args),
	/// Put the list of a fleet's keys into IPFS again, if it was lost there
	AddManifest(fleet::AddArgs),
	/// Remove a fleet that no bounty relies on; its deposit comes back
	RemoveFleet {
		/// The fleet
		fleet: FleetId,
	},
	/// Add a firmware file to IPFS and write the statement that the release keys have to sign
	Prepare(publish::PrepareArgs),
	/// Sign the statement of a release or of a key set, or the yanking of a release, with a
	/// release key; needs no network
	Sign(signature::Args),
	/// Publish a release: from a firmware file and key files, or from a prepared statement and
	/// signatures
	Publish(publish::PublishArgs),
	/// Let another account, such as a build machine's, publish releases in the vendor's name; the
	/// release keys must still sign
	Delegate(delegate::Args),
	/// Yank a release, for ever: nobody is to install it any more
	Yank(yank::Args),
	/// Replace the keys that sign releases
	#[command(subcommand)]
	Keys(keys::Command),
	/// List a model's releases
	Releases {
		/// The model
		#[arg(long)]
		model: ModelId,
	},
	/// Show a vendor, its release keys and its models
	Show {
		/// The vendor's account [default: the one that signs]
		vendor: Option<Address>,
	},
}

/// Runs a command.
pub async fn run(command: Command, ctx: &Context) -> Result<()> {
	match command {
		Command::Register(args) => register::register(args, ctx).await,
		Command::Update(args) => register::update(args, ctx).await,
		Command::Model { name } => fleet::model(&name, ctx).await,
		Command::Fleet(args) => fleet::register(args, ctx).await,
		Command::AddManifest(args) => fleet::add_manifest(args, ctx).await,
		Command::RemoveFleet { fleet } => fleet::remove(fleet, ctx).await,
		Command::Prepare(args) => publish::prepare(args, ctx).await,
		Command::Sign(args) => signature::run(args, ctx),
		Command::Publish(args) => publish::publish(args, ctx).await,
		Command::Delegate(args) => delegate::run(args, ctx).await,
		Command::Yank(args) => yank::run(args, ctx).await,
		Command::Keys(command) => keys::run(command, ctx).await,
		Command::Releases { model } => releases(model, ctx).await,
		Command::Show { vendor } => show(vendor, ctx).await,
	}
}

async fn show(vendor: Option<Address>, ctx: &Context) -> Result<()> {
	let vendor = match vendor {
		Some(vendor) => vendor,
		None => Address(ctx.account()?.id()),
	};
	let view = ctx.chain(Patience::Brief).await?.finalized().await?;
	ctx.output.report(&query::vendor(&view, &vendor).await?);
	Ok(())
}

#[derive(Serialize)]
struct ReleasesReport {
	model: ModelId,
	releases: Vec<ReleaseReport>,
}

impl fmt::Display for ReleasesReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		if self.releases.is_empty() {
			return write!(f, "model {} has no releases", self.model);
		}
		self.releases.iter().try_for_each(|release| write!(f, "{release}"))
	}
}

async fn releases(model: ModelId, ctx: &Context) -> Result<()> {
	let view = ctx.chain(Patience::Brief).await?.finalized().await?;
	let mut releases = Vec::new();
	for id in view.releases(model).await? {
		releases.push(query::release(&view, id).await?);
	}
	ctx.output.report(&ReleasesReport { model, releases });
	Ok(())
}
