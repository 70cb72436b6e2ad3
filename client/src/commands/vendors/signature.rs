//! Signatures by release keys: made offline, gathered, and put in the order of the key set.

use super::{key_set::KeySetFile, reason::Reason, statement::StatementFile};
use crate::{
	commands::read_text,
	context::Context,
	error::{Error, Kind, OrFail, Result},
};
use serde::{Deserialize, Serialize};
use std::{
	fmt,
	path::{Path, PathBuf},
};
use waybill_chain::Hash;
use waybill_keys::{verify, StatementKey};
use waybill_primitives::{DeviceKey, DeviceSignature, Hash32, KeySet, KeySetStatement, ReleaseId, Statement, YankStatement};

const MAX_FILE: u64 = 65_536;

/// Arguments of `sign`.
#[derive(clap::Args, Debug)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub struct Args {
	/// The statement that `waybill vendor prepare` or `waybill vendor keys prepare` wrote
	#[arg(group = "what")]
	statement: Option<PathBuf>,
	/// Sign the withdrawal of this release instead; needs --reason and --genesis
	#[arg(long, value_name = "RELEASE", group = "what", requires = "reason")]
	yank: Option<ReleaseId>,
	/// Why the release is withdrawn
	#[arg(long, value_enum, requires = "yank")]
	reason: Option<Reason>,
	/// The firmware file: nothing is signed unless it is what the statement says
	#[arg(long, value_name = "FILE", conflicts_with = "yank")]
	firmware: Option<PathBuf>,
	/// A release key file; may be given several times
	#[arg(long = "key", value_name = "FILE", required = true)]
	keys: Vec<PathBuf>,
}

/// Where signatures come from: key files at hand, or files that `sign` printed.
#[derive(clap::Args, Clone, Debug)]
pub struct Sources {
	/// A release key file to sign with; may be given several times
	#[arg(long = "key", value_name = "FILE")]
	keys: Vec<PathBuf>,
	/// A file with what `waybill vendor sign` printed; may be given several times
	#[arg(long = "signature", value_name = "FILE")]
	signatures: Vec<PathBuf>,
}

/// A signature and its key's place in a key set.
pub type Indexed = (u8, DeviceSignature);

/// A signature and the key that made it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signed {
	key: DeviceKey,
	signature: DeviceSignature,
}

#[derive(Serialize, Deserialize)]
struct SignReport {
	genesis: Hash,
	signatures: Vec<Signed>,
}

impl fmt::Display for SignReport {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		self.signatures.iter().try_for_each(|signed| writeln!(f, "{} {}", signed.key, signed.signature))
	}
}

/// Signs without a network.
pub fn run(args: Args, ctx: &Context) -> Result<()> {
	let keys = args.keys.iter().map(|file| StatementKey::from_file(file)).collect::<waybill_keys::Result<Vec<_>>>()?;
	let report = match (args.statement, args.yank, args.reason) {
		(Some(file), _, _) => {
			let document = Document::read(&file)?;
			if let Some(wanted) = ctx.config.genesis.filter(|wanted| wanted.0 != document.genesis()) {
				return Err(Error::check(format!("the statement is for another chain than {wanted}; nothing was signed")));
			}
			match (&document, args.firmware) {
				(Document::Release(release), Some(firmware)) => release.check(&firmware)?,
				(Document::KeySet(_), Some(_)) => {
					return Err(Error::usage("a key set has no firmware; leave --firmware out"))
				},
				(_, None) => {},
			}
			if !ctx.output.is_json() {
				eprintln!("signing {document}");
			}
			document.sign(&keys)
		},
		(None, Some(release), Some(reason)) => {
			let genesis = ctx.config.genesis.ok_or_else(|| {
				Error::usage("a withdrawal is signed for one chain; give its --genesis (`waybill query chain` shows it)")
			})?;
			sign_all(&keys, &YankStatement { release, reason: reason.into() }, genesis.0)
		},
		_ => return Err(Error::usage("give a statement, or --yank with --reason")),
	};
	ctx.output.report(&report);
	Ok(())
}

/// What can be signed from a file.
#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
	Release(StatementFile),
	KeySet(KeySetFile),
}

impl Document {
	fn read(file: &Path) -> Result<Self> {
		let text = read_text(file, MAX_FILE)?;
		let document: Self = serde_json::from_str(&text).map_err(|_| {
			let commands = "`waybill vendor prepare` or `waybill vendor keys prepare`";
			Error::file(format!("{} is not a statement of {commands}", file.display()))
		})?;
		match &document {
			Self::Release(release) => release.is_sound(),
			Self::KeySet(key_set) => key_set.is_sound(),
		}
		.map_err(|error| error.context(file.display()))?;
		Ok(document)
	}

	const fn genesis(&self) -> Hash32 {
		match self {
			Self::Release(release) => release.genesis(),
			Self::KeySet(key_set) => key_set.genesis(),
		}
	}

	fn sign(&self, keys: &[StatementKey]) -> SignReport {
		match self {
			Self::Release(release) => sign_all(keys, &release.signed(), release.genesis()),
			Self::KeySet(key_set) => sign_all(keys, &key_set.signed(), key_set.genesis()),
		}
	}
}

impl fmt::Display for Document {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Release(release) => release.fmt(f),
			Self::KeySet(key_set) => key_set.fmt(f),
		}
	}
}

fn sign_all(keys: &[StatementKey], statement: &impl Statement, genesis: Hash32) -> SignReport {
	let signed = |key: &StatementKey| Signed { key: key.public(), signature: key.sign(statement, &genesis) };
	SignReport { genesis: Hash(genesis), signatures: keys.iter().map(signed).collect() }
}

impl Sources {
	/// Whether any is to be made here.
	pub const fn has_keys(&self) -> bool {
		!self.keys.is_empty()
	}

	/// Whether there are none.
	pub fn is_empty(&self) -> bool {
		self.keys.is_empty() && self.signatures.is_empty()
	}

	/// Signs with the keys at hand, reads the other signatures, and puts all in the places of the vendor's key set. What the chain
	/// would refuse is refused here: a stranger's key, a wrong signature, too few.
	pub fn gather(&self, statement: &impl Statement, genesis: &Hash32, key_set: &KeySet) -> Result<Vec<Indexed>> {
		place(&self.signed(statement, genesis, &[key_set])?, key_set, "the vendor's key set")
	}

	/// Signs a vendor's next key set with the keys at hand and reads the other signatures: those by keys of the current set, and
	/// those by keys of the next. A key that is in both signs once.
	pub fn gather_rotation(
		&self,
		statement: &KeySetStatement<[u8; 32]>,
		genesis: &Hash32,
		current: &KeySet,
	) -> Result<(Vec<Indexed>, Vec<Indexed>)> {
		let signed = self.signed(statement, genesis, &[current, &statement.key_set])?;
		Ok((place(&signed, current, "the current key set")?, place(&signed, &statement.key_set, "the new key set")?))
	}

	/// All signatures, each over this statement and by a key of one of these sets.
	fn signed(&self, statement: &impl Statement, genesis: &Hash32, sets: &[&KeySet]) -> Result<Vec<Signed>> {
		let mut signed = Vec::new();
		for file in &self.keys {
			let key = StatementKey::from_file(file)?;
			signed.push(Signed { key: key.public(), signature: key.sign(statement, genesis) });
		}
		for file in &self.signatures {
			signed.extend(parse(&read_text(file, MAX_FILE)?).or_fail(Kind::File, || file.display().to_string())?);
		}
		check(&signed, statement, genesis, sets)?;
		Ok(signed)
	}
}

/// Reads what `sign` printed, in either form.
fn parse(text: &str) -> Result<Vec<Signed>, &'static str> {
	const WRONG: &str = "not what `waybill vendor sign` prints";
	if text.trim_start().starts_with('{') {
		return serde_json::from_str::<SignReport>(text).map(|report| report.signatures).map_err(|_| WRONG);
	}
	let line = |line: &str| {
		let (key, signature) = line.split_once(' ').ok_or(WRONG)?;
		Ok(Signed { key: key.parse().map_err(|_| WRONG)?, signature: signature.trim().parse().map_err(|_| WRONG)? })
	};
	text.lines().filter(|text| !text.trim().is_empty()).map(line).collect()
}

fn check(signed: &[Signed], statement: &impl Statement, genesis: &Hash32, sets: &[&KeySet]) -> Result<()> {
	for Signed { key, signature } in signed {
		if !sets.iter().any(|set| set.keys.contains(key)) {
			return Err(Error::check(format!("{key} is none of the vendor's release keys")));
		}
		if !verify(key, statement, genesis, signature) {
			return Err(Error::check(format!("the signature of {key} is over another statement, or for another chain")));
		}
	}
	Ok(())
}

/// The signatures by keys of this set, one for each key, in the set's order.
fn place(signed: &[Signed], key_set: &KeySet, whose: &str) -> Result<Vec<Indexed>> {
	let by = |key: &DeviceKey| signed.iter().find(|signed| signed.key == *key).map(|signed| signed.signature);
	let placed: Vec<Indexed> =
		(0..).zip(&key_set.keys).filter_map(|(index, key)| by(key).map(|signature| (index, signature))).collect();
	let (have, need) = (placed.len(), usize::from(key_set.threshold));
	if have < need {
		return Err(Error::check(format!("{have} of {need} signatures by {whose}; give more with --key or --signature")));
	}
	Ok(placed)
}

#[cfg(test)]
mod tests {
	use super::*;
	use waybill_primitives::Yank;

	const GENESIS: Hash32 = [3; 32];

	fn statement() -> YankStatement {
		YankStatement { release: 5, reason: Yank::Vulnerable }
	}

	fn three_keys() -> (Vec<StatementKey>, KeySet) {
		let dir = tempfile::tempdir().unwrap();
		let keys: Vec<_> = (0..3).map(|i| StatementKey::generate(&dir.path().join(i.to_string())).unwrap()).collect();
		let publics: Vec<_> = keys.iter().map(StatementKey::public).collect();
		(keys, KeySet { threshold: 2, keys: publics.try_into().unwrap() })
	}

	#[test]
	fn both_forms_of_signatures_should_be_read() {
		let (keys, _) = three_keys();
		let report = sign_all(&keys, &statement(), GENESIS);
		assert_eq!(parse(&report.to_string()).unwrap(), report.signatures);
		assert_eq!(parse(&serde_json::to_string(&report).unwrap()).unwrap(), report.signatures);
		for text in ["x", "{}", "ed25519:00 ed25519:00"] {
			assert!(parse(text).is_err(), "{text}");
		}
	}

	#[test]
	fn signatures_should_be_placed_and_counted() {
		let (keys, set) = three_keys();
		let signed = sign_all(&keys, &statement(), GENESIS).signatures;
		let gather = |signed: &[Signed], genesis| {
			check(signed, &statement(), genesis, &[&set]).and_then(|()| place(signed, &set, "the set"))
		};
		let placed = gather(&[signed[2], signed[0]], &GENESIS).unwrap();
		assert_eq!(placed.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 2]);
		let refusal = |signed: &[Signed], genesis| gather(signed, genesis).unwrap_err().to_string();
		assert!(refusal(&[signed[0], signed[0]], &GENESIS).contains("1 of 2 signatures by the set"));
		assert!(refusal(&signed, &[4; 32]).contains("another chain"));
		let (strangers, _) = three_keys();
		let stranger = sign_all(&strangers, &statement(), GENESIS).signatures;
		assert!(refusal(&stranger, &GENESIS).contains("none of the vendor's"));
	}

	#[test]
	fn rotations_should_need_both_thresholds_and_count_a_kept_key_twice() {
		let dir = tempfile::tempdir().unwrap();
		let files: Vec<_> = (0..4).map(|i| dir.path().join(i.to_string())).collect();
		let publics: Vec<_> = files.iter().map(|file| StatementKey::generate(file).unwrap().public()).collect();
		let set = |keys: &[DeviceKey]| KeySet { threshold: 2, keys: keys.to_vec().try_into().unwrap() };
		let (current, next) = (set(&publics[..3]), set(&[publics[3], publics[0]]));
		let statement = KeySetStatement { vendor: [1; 32], version: 2, key_set: next };
		let gather = |keys: &[usize]| {
			let keys = keys.iter().map(|key| files[*key].clone()).collect();
			Sources { keys, signatures: Vec::new() }.gather_rotation(&statement, &GENESIS, &current)
		};
		let (by_old, by_new) = gather(&[0, 1, 3]).unwrap();
		let indices = |signed: &[Indexed]| signed.iter().map(|(index, _)| *index).collect::<Vec<_>>();
		assert_eq!((indices(&by_old), indices(&by_new)), (vec![0, 1], vec![0, 1]));
		assert!(gather(&[0, 3]).unwrap_err().to_string().contains("1 of 2 signatures by the current key set"));
		assert!(gather(&[0, 1, 2]).unwrap_err().to_string().contains("1 of 2 signatures by the new key set"));
	}
}
