//! What proves that a device received an update, checked with nothing but what is public.
//!
//! A receipt is the device's signature over bounty, place, digest, lock, distributor and a deadline,
//! for one chain. The distributor is paid when it reveals the key behind the lock, and that key
//! opens the update: "paid" and "can be decrypted" are one event. Anybody can check both afterwards.
//!
//! The receipt here is the one of the protocol's test vectors. On a live chain the bounty names the
//! digest, the fleet's manifest the device's key, and the event `KeyRevealed` the key.

use anyhow::{ensure, Context, Result};
use serde_json::Value;
use waybill_exchange::{verify, Message, Receipt};
use waybill_primitives::{DeviceKey, Digest, Hash32, LockKey, ReceiptStatement, Suite};

const VECTORS: &str = include_str!("../crates/exchange/vectors/exchange.json");

/// A receipt as the device sent it, and what else is public.
struct Evidence {
	receipt: Receipt,
	genesis: Hash32,
	distributor: Hash32,
	device: DeviceKey,
	digest: Digest,
	revealed: LockKey,
}

fn main() -> Result<()> {
	let evidence = vectors()?;
	evidence.check()?;
	let Evidence { receipt, device, .. } = evidence;
	println!("device {device} at place {} of bounty {}'s fleet", receipt.device_index, receipt.bounty);
	println!("  signed for the lock 0x{}", hex::encode(receipt.lock));
	println!("  and the revealed key opens it: the device can decrypt what was paid for");
	Ok(())
}

impl Evidence {
	fn check(&self) -> Result<()> {
		let Receipt { bounty, device_index, lock, valid_until, signature, .. } = self.receipt;
		let statement =
			ReceiptStatement { bounty, device_index, digest: self.digest, lock, distributor: self.distributor, valid_until };
		verify(&self.device, &statement, &self.genesis, &signature).context("the device did not sign this")?;
		ensure!(self.digest.suite.lock(&self.revealed) == Some(lock), "the revealed key does not open the lock");
		Ok(())
	}
}

fn vectors() -> Result<Evidence> {
	let vectors: Value = serde_json::from_str(VECTORS)?;
	let bytes = |pointer: &str| -> Result<Vec<u8>> {
		let text = vectors.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer}"))?;
		Ok(hex::decode(text.trim_start_matches("0x"))?)
	};
	let hash = |pointer: &str| -> Result<Hash32> { Ok(bytes(pointer)?.as_slice().try_into()?) };
	Ok(Evidence {
		receipt: Receipt::from_cbor(&bytes("/messages/receipt")?)?,
		genesis: hash("/genesis")?,
		distributor: hash("/content/distributor")?,
		device: DeviceKey::Ed25519(hash("/device/public")?),
		digest: Digest { suite: Suite::Plain, bytes: hash("/content/digest/bytes")? },
		revealed: hash("/lock/key")?,
	})
}

#[test]
fn receipt_should_hold_for_what_was_signed_and_nothing_else() -> Result<()> {
	vectors()?.check()?;
	let changes: [fn(&mut Evidence); 6] = [
		|evidence| evidence.receipt.bounty += 1,
		|evidence| evidence.receipt.valid_until += 1,
		|evidence| evidence.distributor[0] ^= 1,
		|evidence| evidence.genesis[0] ^= 1,
		|evidence| evidence.digest.bytes[0] ^= 1,
		|evidence| evidence.revealed[0] ^= 1,
	];
	for change in changes {
		let mut evidence = vectors()?;
		change(&mut evidence);
		assert!(evidence.check().is_err());
	}
	Ok(())
}
