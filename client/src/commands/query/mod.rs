//! `waybill query …`: the chain at its newest final block.

mod bounty;
mod reports;

pub use bounty::{bounties, bounty, BountyReport};
pub use reports::{yank_name, ReleaseReport};

use super::Address;
use crate::{
	context::Context,
	error::{Error, Result},
};
use clap::Subcommand;
use reports::{DistributorsReport, FleetReport, ModelMore, ModelReport, ReservationReport, VendorReport};
use serde::Serialize;
use std::fmt;
use waybill_chain::{BlockId, Hash, Patience, View};
use waybill_daemon::clock::Time;
use waybill_primitives::{BountyId, DeviceIndex, FleetId, ModelId, ReleaseId, ReservationId};

/// The questions.
#[derive(Subcommand, Debug)]
pub enum Command {
	/// The chain: genesis hash and newest blocks
	Chain,
	/// A release, its state and the votes on it
	Release {
		/// The release
		release: ReleaseId,
	},
	/// A model, its releases and its fleets
	Model {
		/// The model
		model: ModelId,
	},
	/// A fleet
	Fleet {
		/// The fleet
		fleet: FleetId,
	},
	/// A vendor, its release keys and its models
	Vendor {
		/// The vendor's account
		vendor: Address,
	},
	/// A bounty
	Bounty {
		/// The bounty
		bounty: BountyId,
	},
	/// Where a device stands in a bounty
	Device {
		/// The bounty
		#[arg(long)]
		bounty: BountyId,
		/// The device's place in its fleet
		#[arg(long)]
		index: DeviceIndex,
	},
	/// A reservation that stands
	Reservation {
		/// The bounty
		#[arg(long)]
		bounty: BountyId,
		/// The reservation
		reservation: ReservationId,
	},
	/// The distributors that announced themselves
	Distributors,
}

/// Answers a question.
pub async fn run(command: Command, ctx: &Context) -> Result<()> {
	let chain = ctx.chain(Patience::Brief).await?;
	let view = chain.finalized().await?;
	match command {
		Command::Chain => {
			let best = chain.best().await?.block();
			let time_ms = Time(view.timestamp().await?);
			let (node, genesis) = (chain.url().into(), Hash(chain.genesis()));
			ctx.output.report(&ChainReport { node, genesis, best, finalized: view.block(), time_ms });
		},
		Command::Release { release } => ctx.output.report(&self::release(&view, release).await?),
		Command::Model { model } => ctx.output.report(&self::model(&view, model).await?),
		Command::Fleet { fleet } => {
			let found = view.fleet(fleet).await?.ok_or_else(|| Error::not_found(format!("there is no fleet {fleet}")))?;
			ctx.output.report(&FleetReport::from(found));
		},
		Command::Vendor { vendor } => ctx.output.report(&self::vendor(&view, &vendor).await?),
		Command::Bounty { bounty } => ctx.output.report(&self::bounty(&chain, &view, bounty).await?),
		Command::Device { bounty, index } => {
			let found = view.device_status(bounty, index).await?;
			let status =
				found.ok_or_else(|| Error::not_found(format!("there is no bounty {bounty} with a device {index}")))?;
			ctx.output.report(&DeviceReport { bounty, index, paid: status.paid, reservation: status.reserved });
		},
		Command::Reservation { bounty, reservation } => {
			let found = view.reservation(bounty, reservation).await?;
			let gone = || {
				Error::not_found(format!(
					"bounty {bounty} has no reservation {reservation}; it was claimed, replaced or closed"
				))
			};
			let calendar = view.calendar().await?;
			ctx.output.report(&ReservationReport::new(bounty, reservation, found.ok_or_else(gone)?, &calendar));
		},
		Command::Distributors => ctx.output.report(&DistributorsReport::from(view.distributors().await?)),
	}
	Ok(())
}

/// A vendor with its models.
pub async fn vendor(view: &View, vendor: &Address) -> Result<impl Serialize + fmt::Display> {
	let found = view.vendor(&vendor.0).await?.ok_or_else(|| Error::not_found(format!("{vendor} is not a vendor")))?;
	let models = view.models_of(&vendor.0).await?;
	Ok(VendorReport::new(found, models))
}

/// A release with the votes on it.
pub async fn release(view: &View, release: ReleaseId) -> Result<ReleaseReport> {
	let found = view.release(release).await?.ok_or_else(|| Error::not_found(format!("there is no release {release}")))?;
	let attestations = view.attestations(release).await?;
	Ok(ReleaseReport::new(found, attestations, &view.calendar().await?))
}

async fn model(view: &View, model: ModelId) -> Result<ModelReport> {
	let found = view.model(model).await?.ok_or_else(|| Error::not_found(format!("there is no model {model}")))?;
	let more = ModelMore {
		latest_release: view.latest_release(model).await?,
		releases: view.releases(model).await?,
		fleets: view.fleets(model).await?,
	};
	Ok(ModelReport::new(found, Some(more)))
}

#[derive(Serialize)]
struct ChainReport {
	node: String,
	genesis: Hash,
	best: BlockId,
	finalized: BlockId,
	/// The time of the final block.
	time_ms: Time,
}

impl fmt::Display for ChainReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		writeln!(f, "node       {}", self.node)?;
		writeln!(f, "genesis    {}", self.genesis)?;
		writeln!(f, "best       block {} {}", self.best.number, self.best.hash)?;
		writeln!(f, "finalized  block {} {}", self.finalized.number, self.finalized.hash)?;
		writeln!(f, "           of {}", self.time_ms)
	}
}

#[derive(Serialize)]
struct DeviceReport {
	bounty: BountyId,
	index: DeviceIndex,
	paid: bool,
	reservation: Option<ReservationId>,
}

impl fmt::Display for DeviceReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let standing = match (self.paid, self.reservation) {
			(true, _) => "paid".into(),
			(false, Some(reservation)) => format!("reserved by reservation {reservation}"),
			(false, None) => "open".into(),
		};
		write!(f, "device {} in bounty {}: {standing}", self.index, self.bounty)
	}
}
