//! Signatures by release keys: makes them offline, gathers them, and puts them in the key set's
//! order.

use super::reason::Reason;
use crate::{
	context::Context,
	error::{Error, Result},
};
use std::path::PathBuf;
use waybill_keys::StatementKey;
use waybill_primitives::{Hash32, IndexedSignature, KeySet, KeySetStatement, ReleaseId, Statement, YankStatement};
use waybill_release::{check_firmware, gather, gather_rotation, sign, Document, SignatureFile, Signed};

/// Arguments of `sign`.
#[derive(clap::Args, Debug)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub struct Args {
	/// The statement that `waybill vendor prepare` or `waybill vendor keys prepare` wrote
	#[arg(group = "what")]
	statement: Option<PathBuf>,
	/// Sign the yanking of this release instead; needs --reason and --genesis
	#[arg(long, value_name = "RELEASE", group = "what", requires = "reason")]
	yank: Option<ReleaseId>,
	/// Why the release is yanked
	#[arg(long, value_enum, requires = "yank")]
	reason: Option<Reason>,
	/// The firmware file; it must be the statement's file, or nothing is signed. Without it the
	/// statement is signed as it is
	#[arg(long, value_name = "FILE", conflicts_with = "yank")]
	firmware: Option<PathBuf>,
	/// A release key file; may be given several times
	#[arg(long = "key", value_name = "FILE", required = true)]
	keys: Vec<PathBuf>,
}

/// Where signatures come from: key files, or files with the output of `sign`.
#[derive(clap::Args, Clone, Debug)]
pub struct Sources {
	/// A release key file to sign with; may be given several times
	#[arg(long = "key", value_name = "FILE")]
	keys: Vec<PathBuf>,
	/// A file with what `waybill vendor sign` printed; may be given several times
	#[arg(long = "signature", value_name = "FILE")]
	signatures: Vec<PathBuf>,
}

/// Signs without a network.
pub fn run(args: Args, ctx: &Context) -> Result<()> {
	let keys = args.keys.iter().map(|file| StatementKey::from_file(file)).collect::<waybill_keys::Result<Vec<_>>>()?;
	let report = match (args.statement, args.yank, args.reason) {
		(Some(file), _, _) => {
			let document = Document::read(&file)?;
			if let Some(wanted) = ctx.config.genesis.filter(|wanted| wanted.0 != document.genesis()) {
				return Err(Error::check(format!("the statement is not for the chain {wanted}; nothing was signed")));
			}
			let mut unchecked = Vec::new();
			match (&document, args.firmware) {
				(Document::Release(release), Some(firmware)) => check_firmware(&release.signed(), &firmware)?,
				(Document::KeySet(_), Some(_)) => {
					return Err(Error::usage("a key set has no firmware; leave --firmware out"))
				},
				(Document::Release(_), None) => unchecked.push("whether the statement is that of your file (--firmware)"),
				(Document::KeySet(_), None) => {},
			}
			if ctx.config.genesis.is_none() {
				unchecked.push("whether this is your chain (--genesis)");
			}
			if !ctx.output.is_json() {
				eprintln!("signing {document}");
			}
			// Not only for people: what is printed is a signature that counts.
			if !unchecked.is_empty() {
				eprintln!("not checked: {}", unchecked.join("; "));
			}
			document.sign(&keys)
		},
		(None, Some(release), Some(reason)) => {
			let genesis =
				ctx.config.genesis.ok_or_else(|| {
					Error::usage("the yanking of a release is signed for one chain; give its --genesis (`waybill query chain` shows it)")
				})?;
			SignatureFile::new(&keys, &YankStatement { release, reason: reason.into() }, genesis.0)
		},
		_ => return Err(Error::usage("give a statement, or --yank with --reason")),
	};
	ctx.output.report(&report);
	Ok(())
}

impl Sources {
	/// Whether there are keys to sign with.
	pub const fn has_keys(&self) -> bool {
		!self.keys.is_empty()
	}

	/// Whether there are neither keys nor signatures.
	pub fn is_empty(&self) -> bool {
		self.keys.is_empty() && self.signatures.is_empty()
	}

	/// Signs with the keys, reads the other signatures, and puts all in the order of the vendor's
	/// key set.
	///
	/// # Errors
	/// The chain would refuse them: a stranger's key, a wrong signature, or too few.
	pub fn gather(&self, statement: &impl Statement, genesis: &Hash32, key_set: &KeySet) -> Result<Vec<IndexedSignature>> {
		Ok(gather(&self.signed(statement, genesis)?, statement, genesis, key_set)?)
	}

	/// Signs a vendor's next key set with the keys, and reads the other signatures. Returns those
	/// by keys of the current set, and those by keys of the next. A key in both sets signs once.
	pub fn gather_rotation(
		&self,
		statement: &KeySetStatement<[u8; 32]>,
		genesis: &Hash32,
		current: &KeySet,
	) -> Result<(Vec<IndexedSignature>, Vec<IndexedSignature>)> {
		Ok(gather_rotation(&self.signed(statement, genesis)?, statement, genesis, current)?)
	}

	/// The signatures by the keys, and those in the files.
	fn signed(&self, statement: &impl Statement, genesis: &Hash32) -> Result<Vec<Signed>> {
		let mut signed = Vec::new();
		for file in &self.keys {
			signed.push(sign(&StatementKey::from_file(file)?, statement, genesis));
		}
		for file in &self.signatures {
			signed.extend(SignatureFile::read(file)?);
		}
		Ok(signed)
	}
}
