//! A release that is signed on a machine without a network.
//!
//! ```sh
//! cargo run --release --example publish_offline -- firmware.bin release.key
//! ```
//!
//! The online machine puts the firmware into IPFS and writes the statement (`waybill vendor
//! prepare`). The offline machine does what this example does: it compares the statement with the
//! firmware file, and signs. The online machine checks the signatures and sends them (`waybill
//! vendor publish --statement ... --signature ...`).

use anyhow::{bail, Result};
use std::{env, path::Path};
use waybill_keys::StatementKey;
use waybill_primitives::{Cid, Hash32, IndexedSignature, Suite, Version};
use waybill_release::{digest, gather, key_set, sign, FirmwareFile, StatementFile, Subject};

/// The first block of the chain that the release is for: `waybill query chain` shows it.
const GENESIS: Hash32 = [0; 32];

fn main() -> Result<()> {
	let [_, firmware, key] = &env::args().collect::<Vec<_>>()[..] else {
		bail!("usage: publish_offline FIRMWARE KEY; `waybill key generate` makes a key");
	};
	let (statement, signatures) = publish(Path::new(firmware), &StatementKey::from_file(Path::new(key))?)?;
	println!("{statement}");
	for IndexedSignature { key, signature } in signatures {
		println!("  by key {key} of the set: {signature}");
	}
	Ok(())
}

/// The statement on a firmware file, and the signature of a key set's only key.
fn publish(file: &Path, key: &StatementKey) -> Result<(StatementFile, Vec<IndexedSignature>)> {
	// Online: what the firmware is. `payload` is what kubo answers to `ipfs add`.
	let firmware = FirmwareFile::read(file)?;
	let payload = Cid::raw(&std::fs::read(file)?);
	let subject = Subject { model: 0, version: Version::new(1, 0, 0), security_version: 1, suite: Suite::Zkcp };
	let digest = digest(subject.suite, firmware, file, |_| ())?;
	let statement = StatementFile::new(&subject, payload, firmware, digest, GENESIS);

	// Offline: nothing is signed that is not the firmware at hand.
	waybill_release::check_firmware(&statement.signed(), file)?;
	let signed = sign(key, &statement.signed(), &statement.genesis());

	// Online again: what the chain would refuse is refused here.
	let set = key_set(1, vec![key.public()])?;
	let signatures = gather(&[signed], &statement.signed(), &statement.genesis(), &set)?;
	Ok((statement, signatures))
}

#[test]
fn signature_should_carry_the_firmware_and_no_other() -> Result<()> {
	let dir = tempfile::tempdir()?;
	let (file, key) = (dir.path().join("firmware.bin"), dir.path().join("release.key"));
	std::fs::write(&file, [7; 10_000])?;
	let key = StatementKey::generate(&key)?;
	let (statement, signatures) = publish(&file, &key)?;
	assert_eq!(signatures.len(), 1);
	let genuine = &signatures[0].signature;
	assert!(waybill_exchange::verify(&key.public(), &statement.signed(), &GENESIS, genuine).is_ok());

	std::fs::write(&file, [8; 10_000])?;
	assert!(waybill_release::check_firmware(&statement.signed(), &file).is_err());
	let (other, _) = publish(&file, &key)?;
	assert!(waybill_exchange::verify(&key.public(), &other.signed(), &GENESIS, genuine).is_err());
	Ok(())
}
