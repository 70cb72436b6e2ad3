//! Registering a vendor.

use super::limits::{check_text, limits};
use crate::{
	commands::{Address, Done, KeyArg},
	context::Context,
	error::{Error, Result},
};
use serde::Serialize;
use std::fmt;
use subxt::utils::Static;
use waybill_chain::{api, runtime::text, Chain, Patience};
use waybill_primitives::DeviceKey;
use waybill_release::key_set;

use api::runtime_types::pallet_firmware::types::VendorMetadata;

/// Arguments of `register`.
#[derive(clap::Args, Debug)]
pub struct RegisterArgs {
	/// The vendor's name
	#[arg(long)]
	name: String,
	/// The vendor's web site
	#[arg(long, default_value = "")]
	url: String,
	/// Where to report a vulnerability: a mail address or a URL
	#[arg(long, default_value = "")]
	security_contact: String,
	/// A key that signs releases: a key file, its .pub file, or ed25519: and hex digits; may be
	/// given several times
	#[arg(long = "key", value_name = "KEY", required = true)]
	keys: Vec<KeyArg>,
	/// How many of the keys must sign a release
	#[arg(long, default_value_t = 1)]
	threshold: u8,
}

/// Arguments of `update`.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = true)]
pub struct UpdateArgs {
	/// The vendor's name
	#[arg(long)]
	name: Option<String>,
	/// The vendor's web site
	#[arg(long)]
	url: Option<String>,
	/// Where to report a vulnerability
	#[arg(long)]
	security_contact: Option<String>,
}

#[derive(Serialize)]
struct RegisterReport {
	vendor: Address,
	name: String,
	threshold: u8,
	release_keys: Vec<DeviceKey>,
}

impl fmt::Display for RegisterReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let keys = self.release_keys.len();
		write!(f, "{} is the vendor {}; releases need {} of {keys} keys", self.vendor, self.name, self.threshold)
	}
}

/// Registers the account as a vendor.
pub async fn register(args: RegisterArgs, ctx: &Context) -> Result<()> {
	let keys = args.keys.iter().map(KeyArg::resolve).collect::<Result<Vec<_>>>()?;
	let key_set = key_set(args.threshold, keys.clone())?;
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	check(&chain, &args.name, &args.url, &args.security_contact).await?;
	let shown = ctx.progress.spinner("registering the vendor");
	let metadata = metadata(&args.name, &args.url, &args.security_contact);
	let call = api::transactions().firmware().register_vendor(metadata, Static(key_set));
	let included = chain.submit(&account, &call, ctx.config.wait.into()).await?;
	drop(shown);
	let report =
		RegisterReport { vendor: Address(account.id()), name: args.name, threshold: args.threshold, release_keys: keys };
	ctx.output.report(&Done::new(report, included.receipt()));
	Ok(())
}

#[derive(Serialize)]
struct UpdateReport {
	vendor: Address,
	name: String,
	url: String,
	security_contact: String,
}

impl fmt::Display for UpdateReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "{} is the vendor {}, {}, {}", self.vendor, self.name, self.url, self.security_contact)
	}
}

/// Changes what the arguments give, and keeps the rest.
pub async fn update(args: UpdateArgs, ctx: &Context) -> Result<()> {
	let account = ctx.account()?;
	let chain = ctx.chain(Patience::Brief).await?;
	let vendor = chain.best().await?.vendor(&account.id()).await?;
	let vendor = vendor
		.ok_or_else(|| Error::not_found(format!("{} is not a vendor; use `waybill vendor register`", account.id())))?;
	let report = UpdateReport {
		vendor: Address(account.id()),
		name: args.name.unwrap_or(vendor.name),
		url: args.url.unwrap_or(vendor.url),
		security_contact: args.security_contact.unwrap_or(vendor.security_contact),
	};
	check(&chain, &report.name, &report.url, &report.security_contact).await?;
	let shown = ctx.progress.spinner("updating the vendor");
	let call = api::transactions().firmware().update_vendor(metadata(&report.name, &report.url, &report.security_contact));
	let included = chain.submit(&account, &call, ctx.config.wait.into()).await?;
	drop(shown);
	ctx.output.report(&Done::new(report, included.receipt()));
	Ok(())
}

/// Fails if the chain does not take these texts.
async fn check(chain: &Chain, name: &str, url: &str, security_contact: &str) -> Result<()> {
	let limits = limits(chain).await?;
	check_text("--name", name, limits.name)?;
	check_text("--url", url, limits.url)?;
	check_text("--security-contact", security_contact, limits.url)
}

fn metadata(name: &str, url: &str, security_contact: &str) -> VendorMetadata {
	VendorMetadata { name: text(name), url: text(url), security_contact: text(security_contact) }
}
