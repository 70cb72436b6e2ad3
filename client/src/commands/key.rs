//! `waybill key …`

use super::{read_text, Address};
use crate::{
	context::Context,
	error::{Error, Kind, OrFail, Result},
};
use clap::Subcommand;
use serde::Serialize;
use std::{
	fmt,
	fs::File,
	io::Write,
	path::{Path, PathBuf},
};
use waybill_chain::Account;
use waybill_keys::StatementKey;
use waybill_primitives::DeviceKey;

const MAX_PUBLIC_FILE: u64 = 4_096;

/// The commands about key files.
#[derive(Subcommand, Debug)]
pub enum Command {
	/// Make a new key and write it to a new file of mode 0600
	///
	/// The public half goes into a second file with the same name and `.pub` after it. You can give
	/// that one away.
	Generate {
		/// The file to make; an existing one is never overwritten
		file: PathBuf,
		/// Make the key of an account, which signs transactions and pays, instead of a release key,
		/// device key or hub key
		#[arg(long)]
		account_key: bool,
	},
	/// Show the public half of a key file
	Show {
		/// The key file
		file: PathBuf,
	},
}

/// The kinds of keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
	/// Signs statements: a release key, a device's key or a hub's key.
	Statement,
	/// Signs transactions.
	Account,
}

#[derive(Serialize)]
struct KeyReport {
	file: PathBuf,
	sort: Sort,
	#[serde(skip_serializing_if = "Option::is_none")]
	public_key: Option<DeviceKey>,
	#[serde(skip_serializing_if = "Option::is_none")]
	address: Option<Address>,
}

impl fmt::Display for KeyReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match (&self.public_key, &self.address) {
			(Some(key), _) => write!(f, "{key}"),
			(None, Some(address)) => write!(f, "{address}"),
			(None, None) => Ok(()),
		}
	}
}

impl KeyReport {
	fn statement(file: PathBuf, key: DeviceKey) -> Self {
		Self { file, sort: Sort::Statement, public_key: Some(key), address: None }
	}

	fn account(file: PathBuf, account: &Account) -> Self {
		Self { file, sort: Sort::Account, public_key: None, address: Some(Address(account.id())) }
	}
}

/// Runs a command.
pub fn run(command: Command, ctx: &Context) -> Result<()> {
	let report = match command {
		Command::Generate { file, account_key: true } => {
			let account = Account::generate(&file)?;
			KeyReport::account(file, &account)
		},
		Command::Generate { file, account_key: false } => {
			let public = public_file(&file);
			let unwritable = || format!("cannot write {}; existing files are never overwritten", public.display());
			// Before the key: a key without its public file would be of little use. If the key is
			// there, it is what the error is about.
			let output = (!file.exists()).then(|| File::create_new(&public)).transpose().or_fail(Kind::File, unwritable)?;
			let key = StatementKey::generate(&file)?.public();
			if let Some(mut output) = output {
				writeln!(output, "{key}").and_then(|()| output.sync_all()).or_fail(Kind::File, unwritable)?;
			}
			KeyReport::statement(file, key)
		},
		Command::Show { file } => show(file)?,
	};
	ctx.output.report(&report);
	Ok(())
}

fn show(file: PathBuf) -> Result<KeyReport> {
	if let Ok(key) = StatementKey::from_file(&file) {
		return Ok(KeyReport::statement(file, key.public()));
	}
	// Report an unreadable file as such. A readable one of no known kind is not a key.
	waybill_keys::read_secret(&file)?;
	let account =
		Account::from_file(&file).map_err(|_| Error::file(format!("{} does not contain a key", file.display())))?;
	Ok(KeyReport::account(file, &account))
}

/// The public key in a key file, or in its `.pub` file.
pub fn public_of(file: &Path) -> Result<DeviceKey> {
	if file.extension().is_some_and(|extension| extension == "pub") {
		let text = read_text(file, MAX_PUBLIC_FILE)?;
		return text.trim().parse().or_fail(Kind::File, || file.display().to_string());
	}
	Ok(StatementKey::from_file(file)?.public())
}

fn public_file(file: &Path) -> PathBuf {
	let mut name = file.as_os_str().to_owned();
	name.push(".pub");
	name.into()
}
