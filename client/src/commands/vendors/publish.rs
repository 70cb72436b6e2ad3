//! Publishing a release.

use super::{
	about::{About, SuiteName},
	available::Waiting,
	delegate::Sender,
	limits::{check_size, check_text, limits},
	signature::Sources,
};
use crate::{
	commands::{Address, Done},
	context::Context,
	error::{Error, Kind, OrFail, Result},
	units::Period,
};
use serde::Serialize;
use std::{
	fmt,
	path::{Path, PathBuf},
};
use subxt::utils::Static;
use waybill_chain::{
	api,
	runtime::{text, wrapped},
	Chain, Patience,
};
use waybill_ipfs_http::FileCid;
use waybill_primitives::{view::ReleaseState, BlockNumber, Cid, ReleaseId};
use waybill_release::{default_file, digest, FirmwareFile, StatementFile, Subject};

use api::{firmware::events, runtime_types::pallet_firmware::pallet::Call as FirmwareCall};

/// Arguments of `prepare`.
#[derive(clap::Args, Debug)]
pub struct PrepareArgs {
	/// The firmware file
	firmware: PathBuf,
	#[command(flatten)]
	about: About,
	/// Where to write the statement [default: the firmware's name with .release.json after it]
	#[arg(long, value_name = "FILE")]
	out: Option<PathBuf>,
}

/// Arguments of `publish`.
#[derive(clap::Args, Debug)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub struct PublishArgs {
	/// The firmware file; --model, --version and --security-version say what it is
	#[arg(group = "what", requires_all = ["model", "version", "security_version"])]
	firmware: Option<PathBuf>,
	/// A statement that `waybill vendor prepare` wrote, instead of a firmware file
	#[arg(long, value_name = "FILE", group = "what", conflicts_with_all = ["model", "version", "security_version", "suite"])]
	statement: Option<PathBuf>,
	/// The model it is for
	#[arg(long)]
	model: Option<waybill_primitives::ModelId>,
	/// Its version, such as 1.0.2
	#[arg(long)]
	version: Option<waybill_primitives::Version>,
	/// Its security version; raise it when devices must never go back behind this release
	#[arg(long)]
	security_version: Option<u32>,
	/// The algorithms to deliver it by [default: zkcp]
	#[arg(long, value_enum)]
	suite: Option<SuiteName>,
	#[command(flatten)]
	sources: Sources,
	/// A page that says what the release fixes
	#[arg(long, value_name = "URL")]
	advisory: Option<String>,
	/// The vendor in whose name the account publishes (see `waybill vendor delegate`)
	#[arg(long, value_name = "ADDRESS")]
	proxy_for: Option<Address>,
	/// Wait until the attesters have fetched the release and found it available, at most this long
	/// (10m)
	#[arg(long, value_name = "DURATION")]
	wait_available: Option<Period>,
}

#[derive(Serialize)]
struct PrepareReport {
	statement: PathBuf,
	payload: Cid,
	#[serde(skip)]
	words: StatementFile,
}

impl fmt::Display for PrepareReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		writeln!(f, "{}", self.words)?;
		let statement = self.statement.display();
		writeln!(f, "written to {statement}; sign it (no network needed), then publish it:")?;
		writeln!(f, "  waybill vendor sign {statement} --key release.key > release.sig")?;
		write!(f, "  waybill vendor publish --statement {statement} --signature release.sig")
	}
}

/// Adds a firmware file to IPFS and writes its statement.
pub async fn prepare(args: PrepareArgs, ctx: &Context) -> Result<()> {
	let out = args.out.unwrap_or_else(|| default_file(&args.firmware));
	if out.exists() {
		return Err(Error::file(format!("{} exists; remove it or choose another name with --out", out.display())));
	}
	let chain = ctx.chain(Patience::Brief).await?;
	check_length(&args.firmware, &chain).await?;
	let model = args.about.model;
	if chain.best().await?.model(model).await?.is_none() {
		return Err(Error::not_found(format!("the chain has no model {model}; register it with `waybill vendor model`")));
	}
	let statement = describe(&args.firmware, &args.about, &chain, ctx)?;
	upload(&args.firmware, &statement, ctx).await?;
	statement.write(&out)?;
	ctx.output.report(&PrepareReport { statement: out, payload: statement.signed().payload, words: statement });
	Ok(())
}

/// Fails if the registry does not take files of this length.
async fn check_length(file: &Path, chain: &Chain) -> Result<()> {
	let length = file.metadata().or_fail(Kind::File, || format!("cannot read {}", file.display()))?.len();
	check_size(file.display(), length, limits(chain).await?.payload)
}

/// What a firmware file's statement says.
fn describe(file: &Path, about: &About, chain: &Chain, ctx: &Context) -> Result<StatementFile> {
	let shown = ctx.progress.spinner(format!("reading {}", file.display()));
	let firmware = FirmwareFile::read(file)?;
	drop(shown);
	let shown = ctx.progress.bytes(firmware.size, format!("computing the digest of {}", file.display()));
	let subject = Subject::from(about);
	let digest = digest(subject.suite, firmware, file, shown.meter())?;
	drop(shown);
	Ok(StatementFile::new(&subject, FileCid::of_file(file)?, firmware, digest, chain.genesis()))
}

/// Adds the firmware file of a statement to IPFS.
async fn upload(file: &Path, statement: &StatementFile, ctx: &Context) -> Result<()> {
	let signed = statement.signed();
	let shown = ctx.progress.bytes(signed.size, format!("adding {} to IPFS", file.display()));
	let added = ctx.kubo()?.add_file(file, shown.meter()).await?;
	drop(shown);
	// Only an unchanged file guarantees that the added bytes are the hashed ones.
	let unchanged = FirmwareFile { size: signed.size, sha256: signed.sha256 };
	match added.cid == signed.payload && FirmwareFile::read(file)? == unchanged {
		true => Ok(()),
		false => Err(Error::check(format!("{} changed while it was read; nothing was published", file.display()))),
	}
}

#[derive(Serialize)]
struct PublishReport {
	release: ReleaseId,
	#[serde(flatten)]
	statement: StatementFile,
	state: ReleaseState,
	/// The block in which the attesters agreed; `None` if the command did not wait for that.
	available_at: Option<BlockNumber>,
}

impl fmt::Display for PublishReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		writeln!(f, "release {}: {}", self.release, self.statement)?;
		write!(f, "  state    {}", self.state)
	}
}

/// Publishes a release.
pub async fn publish(args: PublishArgs, ctx: &Context) -> Result<()> {
	if args.sources.is_empty() {
		return Err(Error::usage("a release needs its release keys' signatures; give --key or --signature"));
	}
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let vendor = args.proxy_for.unwrap_or_else(|| Address(account.id()));
	let known = chain.best().await?.vendor(&vendor.0).await?;
	let known = known.ok_or_else(|| Error::not_found(format!("{vendor} is not a vendor; use `waybill vendor register`")))?;
	if let Some(advisory) = &args.advisory {
		check_text("--advisory", advisory, limits(&chain).await?.url)?;
	}
	let statement = statement(&args, &chain, ctx).await?;
	let signatures = args.sources.gather(&statement.signed(), &chain.genesis(), &known.key_set)?;
	let signatures = || wrapped(signatures.clone());
	let advisory = || args.advisory.as_deref().map(text);

	let call = api::transactions().firmware().publish_release(Static(statement.signed()), advisory(), signatures());
	let inner = || {
		api::Call::Firmware(FirmwareCall::publish_release {
			statement: Static(statement.signed()),
			advisory: advisory(),
			signatures: signatures(),
		})
	};
	let sender = Sender { account: &account, vendor: args.proxy_for.as_ref() };
	if let Some(file) = &args.firmware {
		// What the chain refuses is not to be in IPFS.
		sender.rehearse(&chain, &call, inner).await?;
		upload(file, &statement, ctx).await?;
	}
	let shown = ctx.progress.spinner("publishing the release");
	let included = sender.submit(&chain, &call, inner, ctx).await?;
	let event: events::ReleasePublished = included.one()?;
	let release = event.release;

	let mut report = PublishReport { release, statement, state: ReleaseState::Pending, available_at: None };
	if let Some(Period(period)) = args.wait_available {
		let mut waiting = Waiting::new(&chain, release);
		match waiting.until_available(included.block.number, period, &shown).await {
			Ok(block) => {
				report.available_at = Some(block);
				report.state = ReleaseState::Available;
			},
			Err(error) => {
				drop(shown);
				let done = Done::new(report, included.receipt());
				ctx.output.progress(&done);
				return Err(error.after(&done));
			},
		}
	}
	drop(shown);
	ctx.output.report(&Done::new(report, included.receipt()));
	Ok(())
}

async fn statement(args: &PublishArgs, chain: &Chain, ctx: &Context) -> Result<StatementFile> {
	match (&args.statement, &args.firmware, args.model, args.version, args.security_version) {
		(Some(file), ..) => {
			let statement = StatementFile::read(file)?;
			match statement.genesis() == chain.genesis() {
				true => Ok(statement),
				false => Err(Error::check(format!("{} was prepared for another chain", file.display()))),
			}
		},
		(None, Some(file), Some(model), Some(version), Some(security_version)) => {
			let about = About { model, version, security_version, suite: args.suite.unwrap_or_default() };
			check_length(file, chain).await?;
			describe(file, &about, chain, ctx)
		},
		_ => Err(Error::usage("give a firmware file with --model, --version and --security-version, or --statement")),
	}
}
