//! `waybill vendor keys …`: replacing the keys that sign releases.

use super::signature::Sources;
use crate::{
	commands::{Address, Done, KeyArg},
	context::Context,
	error::{Error, Result},
};
use clap::Subcommand;
use serde::Serialize;
use std::{fmt, path::PathBuf};
use subxt::utils::Static;
use waybill_chain::{api, runtime::wrapped, types::Vendor, Calendar, Chain, DatedBlock, Patience, View};
use waybill_primitives::{view::PendingKeySetView, DeviceKey, KeySet, ReleaseId};
use waybill_release::{check_firmware, key_set, KeySetFile};

use api::firmware::events;

const WAY: &str = "\
With all keys at hand:
  waybill key generate next.key
  waybill vendor keys rotate --new-key next.key --key release.key --key next.key
  waybill vendor keys adopt
      (after the delay; until then `waybill vendor keys veto` refuses the set)
  waybill vendor keys resign 0 --firmware firmware.bin --key next.key

With keys on machines without a network, which run the second and the third line:
  waybill vendor keys prepare --new-key next.key.pub
  waybill vendor sign key-set-2.json --key release.key > release.sig
  waybill vendor sign key-set-2.json --key next.key > next.sig
  waybill vendor keys rotate --statement key-set-2.json --signature release.sig --signature next.sig

Devices that have seen the new set refuse releases that only the old one signed.
Sign again each release that they should still take.";

/// The commands about release keys.
#[derive(Subcommand, Debug)]
#[command(after_long_help = WAY)]
pub enum Command {
	/// Show a vendor's release keys, those that are pending, and the releases that the current ones
	/// have not signed
	Show {
		/// The vendor's account [default: the one that signs]
		vendor: Option<Address>,
	},
	/// Write the statement on the next key set, which the keys of both sets have to sign
	Prepare(PrepareArgs),
	/// Propose the next key set, signed by the current one and by itself
	Rotate(RotateArgs),
	/// Refuse the proposed key set; needs the vendor's account
	Veto,
	/// Replace the current key set by the proposed one, once its delay is over
	Adopt {
		/// The vendor's account [default: the one that signs]
		vendor: Option<Address>,
	},
	/// Replace a release's signatures by those of the current key set
	Resign(ResignArgs),
}

/// A new key set.
#[derive(clap::Args, Clone, Debug)]
pub struct NewSet {
	/// A key of the new set: a key file, its .pub file, or ed25519: and hex digits; may be given
	/// several times
	#[arg(long = "new-key", value_name = "KEY")]
	new_keys: Vec<KeyArg>,
	/// How many keys of the new set must sign [default: as many as of the current set]
	#[arg(long)]
	threshold: Option<u8>,
	/// The vendor's account [default: the one that signs]
	#[arg(long, value_name = "ADDRESS")]
	vendor: Option<Address>,
}

/// Arguments of `prepare`.
#[derive(clap::Args, Debug)]
pub struct PrepareArgs {
	#[command(flatten)]
	set: NewSet,
	/// Where to write the statement [default: key-set-VERSION.json]
	#[arg(long, value_name = "FILE")]
	out: Option<PathBuf>,
}

/// Arguments of `rotate`.
#[derive(clap::Args, Debug)]
pub struct RotateArgs {
	/// A statement that `waybill vendor keys prepare` wrote, instead of --new-key
	#[arg(long, value_name = "FILE", conflicts_with_all = ["new_keys", "threshold", "vendor"])]
	statement: Option<PathBuf>,
	#[command(flatten)]
	set: NewSet,
	#[command(flatten)]
	sources: Sources,
}

/// Arguments of `resign`.
#[derive(clap::Args, Debug)]
pub struct ResignArgs {
	/// The release
	release: ReleaseId,
	/// The firmware file; it must be the release's file, or nothing is signed. Required with --key
	#[arg(long, value_name = "FILE")]
	firmware: Option<PathBuf>,
	#[command(flatten)]
	sources: Sources,
}

/// Runs a command.
pub async fn run(command: Command, ctx: &Context) -> Result<()> {
	match command {
		Command::Show { vendor } => show(vendor, ctx).await,
		Command::Prepare(args) => prepare(args, ctx).await,
		Command::Rotate(args) => rotate(args, ctx).await,
		Command::Veto => veto(ctx).await,
		Command::Adopt { vendor } => adopt(vendor, ctx).await,
		Command::Resign(args) => resign(args, ctx).await,
	}
}

#[derive(Serialize)]
struct SetReport {
	version: u32,
	threshold: u8,
	release_keys: Vec<DeviceKey>,
}

impl SetReport {
	fn new(version: u32, set: &KeySet) -> Self {
		Self { version, threshold: set.threshold, release_keys: set.keys.to_vec() }
	}
}

impl fmt::Display for SetReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "version {}, {} of {} must sign", self.version, self.threshold, self.release_keys.len())?;
		self.release_keys.iter().try_for_each(|key| write!(f, "\n    {key}"))
	}
}

#[derive(Serialize)]
struct PendingReport {
	#[serde(flatten)]
	set: SetReport,
	effective_at: DatedBlock,
}

impl PendingReport {
	fn new(pending: &PendingKeySetView, calendar: &Calendar) -> Self {
		let PendingKeySetView { link, effective_at } = pending;
		Self { set: SetReport::new(link.version, &link.key_set), effective_at: calendar.date(*effective_at) }
	}
}

#[derive(Serialize)]
struct ShowReport {
	vendor: Address,
	current: SetReport,
	pending: Option<PendingReport>,
	/// The newest release of each model, if an older set signed it.
	to_resign: Vec<ReleaseId>,
}

impl fmt::Display for ShowReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		writeln!(f, "{}", self.vendor)?;
		write!(f, "  current  {}", self.current)?;
		if let Some(PendingReport { set, effective_at }) = &self.pending {
			write!(f, "\n  pending  {set}\n    can be adopted from {effective_at} on; until then the vendor can veto it")?;
		}
		self.to_resign.iter().try_for_each(|release| write!(f, "\n  {}", must_sign_again(*release)))
	}
}

fn must_sign_again(release: ReleaseId) -> String {
	format!("release {release} is signed by an older set: devices refuse it; see `waybill vendor keys resign`")
}

/// The newest release of each of a vendor's models, if a set older than this one signed it.
async fn to_resign(view: &View, vendor: &Address, key_set_version: u32) -> Result<Vec<ReleaseId>> {
	let mut to_resign = Vec::new();
	for model in view.models_of(&vendor.0).await? {
		let Some(latest) = view.latest_release(model.id).await? else { continue };
		let release = view.release(latest).await?;
		to_resign.extend(release.filter(|release| release.key_set_version < key_set_version).map(|release| release.id));
	}
	Ok(to_resign)
}

async fn show(vendor: Option<Address>, ctx: &Context) -> Result<()> {
	let vendor = or_signer(vendor, ctx)?;
	let view = ctx.chain(Patience::Brief).await?.finalized().await?;
	let known = known(&view, &vendor).await?;
	let (calendar, pending) = (view.calendar().await?, view.pending_key_set(&vendor.0).await?);
	let report = ShowReport {
		to_resign: to_resign(&view, &vendor, known.key_set_version).await?,
		vendor,
		current: SetReport::new(known.key_set_version, &known.key_set),
		pending: pending.map(|pending| PendingReport::new(&pending, &calendar)),
	};
	ctx.output.report(&report);
	Ok(())
}

#[derive(Serialize)]
struct PrepareReport {
	statement: PathBuf,
	#[serde(flatten)]
	words: KeySetFile,
	/// How many keys of the current set must sign.
	current_threshold: u8,
}

impl fmt::Display for PrepareReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		writeln!(f, "{}", self.words)?;
		writeln!(f, "  now      {} must sign; --threshold sets another number", self.current_threshold)?;
		let statement = self.statement.display();
		writeln!(f, "written to {statement}; sign it with keys of both sets (no network needed), then propose it:")?;
		writeln!(f, "  waybill vendor sign {statement} --key release.key > release.sig")?;
		write!(f, "  waybill vendor keys rotate --statement {statement} --signature release.sig ...")
	}
}

async fn prepare(args: PrepareArgs, ctx: &Context) -> Result<()> {
	let (keys, chain) = (args.set.resolve()?, ctx.chain(Patience::Brief).await?);
	let (statement, current_threshold) = args.set.follow(keys, &chain, ctx).await?;
	let out = args.out.unwrap_or_else(|| format!("key-set-{}.json", statement.signed().version).into());
	statement.write(&out)?;
	ctx.output.report(&PrepareReport { statement: out, words: statement, current_threshold });
	Ok(())
}

#[derive(Serialize)]
struct RotateReport {
	vendor: Address,
	#[serde(flatten)]
	set: SetReport,
	/// How many keys of the current set must sign.
	current_threshold: u8,
	effective_at: DatedBlock,
}

impl fmt::Display for RotateReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self { vendor, set, current_threshold, effective_at } = self;
		let SetReport { version, threshold, release_keys } = set;
		write!(f, "key set {version} of {vendor} is proposed: {threshold} of {} must sign ", release_keys.len())?;
		write!(f, "(now {current_threshold}); it can be adopted from {effective_at} on")
	}
}

async fn rotate(args: RotateArgs, ctx: &Context) -> Result<()> {
	if args.sources.is_empty() {
		return Err(Error::usage(
			"a key set needs signatures by the current and by the new keys; give --key or --signature",
		));
	}
	let file = args.statement.as_deref().map(KeySetFile::read).transpose()?;
	let new_set = if file.is_none() { Some(args.set.resolve()?) } else { None };
	let (account, chain) = (ctx.account()?, ctx.chain(Patience::Brief).await?);
	let statement = match (file, new_set) {
		(Some(file), _) if file.genesis() != chain.genesis() => {
			return Err(Error::check("the statement was prepared for another chain; check --node"));
		},
		(Some(file), _) => file,
		(None, keys) => args.set.follow(keys.unwrap_or_default(), &chain, ctx).await?.0,
	}
	.signed();
	let vendor = Address(statement.vendor.into());
	let view = chain.best().await?;
	let (current, calendar) = (known(&view, &vendor).await?, view.calendar().await?);
	if current.key_set_version.checked_add(1) != Some(statement.version) {
		return Err(Error::check(format!(
			"the statement is on key set {}, but the vendor's current one is {}; only the next can follow",
			statement.version, current.key_set_version
		)));
	}
	let (old, new) = args.sources.gather_rotation(&statement, &chain.genesis(), &current.key_set)?;
	let shown = ctx.progress.spinner("proposing the key set");
	let set = SetReport::new(statement.version, &statement.key_set);
	let key_set = Static(statement.key_set);
	let call = api::transactions().firmware().rotate_key_set(vendor.0, key_set, wrapped(old), wrapped(new));
	let included = chain.submit(&account, &call, ctx.config.wait.into()).await?;
	drop(shown);
	let event: events::KeySetProposed = included.one()?;
	let current_threshold = current.key_set.threshold;
	let report = RotateReport { vendor, set, current_threshold, effective_at: calendar.date(event.effective_at) };
	ctx.output.report(&Done::new(report, included.receipt()));
	Ok(())
}

#[derive(Serialize)]
struct EndReport {
	vendor: Address,
	version: u32,
	adopted: bool,
	/// The newest release of each model, if an older set signed it.
	#[serde(skip_serializing_if = "Option::is_none")]
	to_resign: Option<Vec<ReleaseId>>,
}

impl fmt::Display for EndReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self { vendor, version, adopted, to_resign } = self;
		match adopted {
			true => write!(f, "key set {version} of {vendor} signs releases from now on")?,
			false => write!(f, "key set {version} of {vendor} is refused; the same set cannot be proposed again")?,
		}
		to_resign.iter().flatten().try_for_each(|release| write!(f, "\n  {}", must_sign_again(*release)))
	}
}

async fn veto(ctx: &Context) -> Result<()> {
	let (account, chain) = (ctx.account()?, ctx.chain(Patience::Brief).await?);
	let shown = ctx.progress.spinner("refusing the key set");
	let included = chain.submit(&account, &api::transactions().firmware().veto_key_set(), ctx.config.wait.into()).await?;
	drop(shown);
	let event: events::KeySetVetoed = included.one()?;
	let report = EndReport { vendor: Address(event.vendor), version: event.version, adopted: false, to_resign: None };
	ctx.output.report(&Done::new(report, included.receipt()));
	Ok(())
}

async fn adopt(vendor: Option<Address>, ctx: &Context) -> Result<()> {
	let vendor = or_signer(vendor, ctx)?;
	let (account, chain) = (ctx.account()?, ctx.chain(Patience::Brief).await?);
	let shown = ctx.progress.spinner("adopting the key set");
	let call = api::transactions().firmware().adopt_key_set(vendor.0);
	let included = chain.submit(&account, &call, ctx.config.wait.into()).await?;
	drop(shown);
	let event: events::KeySetAdopted = included.one()?;
	let done = |to_resign| {
		let report = EndReport { vendor: Address(event.vendor), version: event.version, adopted: true, to_resign };
		Done::new(report, included.receipt())
	};
	let unsigned = async { to_resign(&chain.best().await?, &vendor, event.version).await };
	match unsigned.await {
		Ok(to_resign) => {
			ctx.output.report(&done(Some(to_resign)));
			Ok(())
		},
		Err(error) => {
			ctx.output.progress(&done(None));
			Err(error.after(&done(None)))
		},
	}
}

#[derive(Serialize)]
struct ResignReport {
	release: ReleaseId,
	key_set_version: u32,
}

impl fmt::Display for ResignReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "release {} is signed by key set {}", self.release, self.key_set_version)
	}
}

async fn resign(args: ResignArgs, ctx: &Context) -> Result<()> {
	if args.sources.is_empty() {
		return Err(Error::usage("give --key or --signature"));
	}
	if args.sources.has_keys() && args.firmware.is_none() {
		return Err(Error::usage("give --firmware; a release is signed only after it was compared with the file"));
	}
	let (account, chain) = (ctx.account()?, ctx.chain(Patience::Brief).await?);
	let view = chain.best().await?;
	let unknown = || Error::not_found(format!("there is no release {}", args.release));
	let release = view.release(args.release).await?.ok_or_else(unknown)?;
	if let Some(firmware) = &args.firmware {
		check_firmware(&release.statement, firmware)?;
	}
	let key_set = known(&view, &Address(release.vendor)).await?.key_set;
	let signatures = wrapped(args.sources.gather(&release.statement, &chain.genesis(), &key_set)?);
	let shown = ctx.progress.spinner("renewing the signatures");
	let call = api::transactions().firmware().resign_release(args.release, signatures);
	let included = chain.submit(&account, &call, ctx.config.wait.into()).await?;
	drop(shown);
	let event: events::ReleaseResigned = included.one()?;
	let report = ResignReport { release: event.release, key_set_version: event.key_set_version };
	ctx.output.report(&Done::new(report, included.receipt()));
	Ok(())
}

impl NewSet {
	/// The keys. They must make a set that can sign.
	fn resolve(&self) -> Result<Vec<DeviceKey>> {
		if self.new_keys.is_empty() {
			return Err(Error::usage("give the new set's keys with --new-key"));
		}
		let keys = self.new_keys.iter().map(KeyArg::resolve).collect::<Result<Vec<_>>>()?;
		// A set of one that must sign shows whether the keys are sound, whatever the threshold.
		key_set(self.threshold.unwrap_or(1), keys.clone())?;
		Ok(keys)
	}

	/// The statement that makes these keys the vendor's next set, and the current set's threshold.
	/// The next set keeps that unless another one was given.
	async fn follow(&self, keys: Vec<DeviceKey>, chain: &Chain, ctx: &Context) -> Result<(KeySetFile, u8)> {
		let vendor = or_signer(self.vendor, ctx)?;
		let current = known(&chain.best().await?, &vendor).await?;
		let next = current.key_set_version.checked_add(1).ok_or_else(|| Error::check("no key set can follow"))?;
		let (count, kept) = (keys.len(), current.key_set.threshold);
		if self.threshold.is_none() && count < usize::from(kept) {
			return Err(Error::usage(format!(
				"{kept} keys of the current set must sign, and the new set has {count}; give more with --new-key, or set \
				 --threshold"
			)));
		}
		let set = key_set(self.threshold.unwrap_or(kept), keys)?;
		Ok((KeySetFile::new(chain.genesis(), vendor.0, next, &set), kept))
	}
}

fn or_signer(vendor: Option<Address>, ctx: &Context) -> Result<Address> {
	match vendor {
		Some(vendor) => Ok(vendor),
		None => Ok(Address(ctx.account()?.id())),
	}
}

async fn known(view: &View, vendor: &Address) -> Result<Vendor> {
	let found = view.vendor(&vendor.0).await?;
	found.ok_or_else(|| Error::not_found(format!("{vendor} is not a vendor; use `waybill vendor register`")))
}
