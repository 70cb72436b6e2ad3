//! Which release keys a device trusts when it is bound.

use crate::{
	commands::KeyArg,
	error::{Error, Result},
};
use serde::Serialize;
use std::fmt;
use waybill_chain::{types::AccountId, View};
use waybill_device::StoredKeySet;
use waybill_release::key_set;

/// The release keys that the vendor's people gave.
#[derive(clap::Args, Debug)]
pub struct GivenKeys {
	/// A release key of the vendor, from its `waybill vendor keys show`: a .pub file, or ed25519: and
	/// hex digits. Give all keys of the set; without them, the device trusts what the node says
	#[arg(long = "release-key", value_name = "KEY")]
	release_keys: Vec<KeyArg>,
	/// How many of the release keys must sign [default: 1, if there is one]
	#[arg(long, value_name = "NUMBER", requires = "release_keys")]
	threshold: Option<u8>,
}

/// Where a device's first release keys come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
	/// A person gave them.
	Given,
	/// The chain has them, as the node says.
	Node,
	/// The device trusted them before.
	Kept,
}

impl fmt::Display for Trust {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::Given => "as given by --release-key",
			Self::Node => {
				"as the node says: compare them with the vendor's own `waybill vendor keys show`, or give them with \
				 --release-key"
			},
			Self::Kept => "as before: only the device itself follows the vendor to other keys",
		})
	}
}

impl GivenKeys {
	/// The key set that was given, if any was. Its version is not known yet.
	pub fn resolve(&self) -> Result<Option<StoredKeySet>> {
		let keys = self.release_keys.iter().map(KeyArg::resolve).collect::<Result<Vec<_>>>()?;
		let threshold = match (keys.len(), self.threshold) {
			(0, _) => return Ok(None),
			(1, None) => 1,
			(count, None) => {
				return Err(Error::usage(format!("say with --threshold how many of the {count} release keys must sign")))
			},
			(_, Some(threshold)) => threshold,
		};
		Ok(Some(StoredKeySet::new(0, &key_set(threshold, keys)?)))
	}
}

/// The vendor's key set that a device is to trust: the given one, or else the chain's current one.
///
/// The chain says the version of the given one, and the order of its keys, which signatures refer to.
///
/// # Errors
/// The vendor never had the given key set.
pub async fn trusted(
	view: &View,
	vendor: &AccountId,
	current: StoredKeySet,
	given: Option<&StoredKeySet>,
) -> Result<(StoredKeySet, Trust)> {
	let Some(given) = given else { return Ok((current, Trust::Node)) };
	if current.is_same(given) {
		return Ok((current, Trust::Given));
	}
	let mut after = 0;
	loop {
		let links = view.key_sets(vendor, after).await?;
		let Some(last) = links.last().map(|link| link.version).filter(|last| *last > after) else { break };
		let mut sets = links.iter().map(|link| StoredKeySet::new(link.version, &link.key_set));
		if let Some(set) = sets.find(|set| set.is_same(given)) {
			return Ok((set, Trust::Given));
		}
		after = last;
	}
	let StoredKeySet { version, threshold, keys } = current;
	let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
	let (count, keys) = (keys.len(), keys.join(" "));
	Err(Error::check(format!(
		"vendor {vendor} never had these release keys: by the node, its key set {version} is {threshold} of {count}: {keys}; \
		 check --release-key and --threshold with the vendor, or the node lies"
	)))
}
