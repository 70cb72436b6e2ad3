//! The pinned transcripts of an exchange under each suite, in `vectors`.

mod common;

use common::*;
use serde_json::{json, Value};
use sha2::{Digest as _, Sha256};
use waybill_exchange::{Message, ProofVerdict, Rejection, RejectionMessage, RevealedKey, Secret};
use waybill_primitives::{Statement, Suite};

fn hex(bytes: impl AsRef<[u8]>) -> String {
	format!("0x{}", hex::encode(bytes))
}

/// The X25519 private key in a device's state: key 4 (step), the greeting, its key 2.
fn exchange_secret(state: &[u8]) -> Vec<u8> {
	let mut decoder = minicbor::Decoder::new(state);
	let entries = decoder.map().unwrap().unwrap();
	for _ in 0..entries {
		if decoder.u8().unwrap() == 4 {
			assert_eq!((decoder.array().unwrap(), decoder.u8().unwrap()), (Some(2), 1));
			for _ in 0..decoder.map().unwrap().unwrap() {
				if decoder.u8().unwrap() == 2 {
					return decoder.bytes().unwrap().to_vec();
				}
				decoder.skip().unwrap();
			}
		}
		decoder.skip().unwrap();
	}
	panic!("no greeting in the state");
}

/// Runs an exchange with fixed randomness and records its messages. Proofs are random, so fixed
/// files take their place under a suite with proofs, and the device believes its hub.
fn transcript(suite: Suite) -> Value {
	let mut world = World::of(suite);
	let (mut device, mut server) = (world.device(), world.server_without_proofs(1));
	let invite = server.distributor.invite(NOW, &mut server.rng);
	let wanted = waybill_exchange::Wanted { distributor: server.account, bounty: BOUNTY };
	let hello = device.exchange.hello(&device.signer, &invite, wanted, &mut device.rng).unwrap();
	let private = exchange_secret(&device.exchange.to_bytes());
	let offer = server.open(&hello, &world, 2).unwrap();
	device.exchange.offer(&offer, &world.chain.view(), NOW).unwrap();
	device.fetch(&server.ciphertext).unwrap();
	let query = device.exchange.verification().ok().map(|verification| verification.query().clone());
	device.verify(&server).unwrap();
	let receipt = device.exchange.sign_receipt(&device.signer, &world.chain.view(), NOW).unwrap().persisted();
	let group = matches!(suite, Suite::Zkcp).then(|| server.group_of(device.exchange.awaited().next().unwrap()));
	let key = server.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	let proofs = ProofFiles::of(&server.epoch, &world.payload);
	assert_eq!(device.decrypt_with(&server.ciphertext, &proofs.data).unwrap(), world.payload);

	let context = server.epoch.context();
	let content_key = server.epoch.content_key().unwrap();
	let secrets = content_key.share(Secret::new(key)).unwrap();
	let statement = receipt.statement(world.release.digest, server.account);
	let evidence = minicbor::to_vec(&offer.evidence).unwrap();
	let mut transcript = json!({
		"genesis": hex(GENESIS),
		"device": { "seed": hex(device.signer.to_bytes()), "public": hex(device.signer.verifying_key().to_bytes()) },
		"content": {
			"bounty": BOUNTY.to_string(),
			"distributor": hex(server.account),
			"digest": { "suite": format!("{suite:?}"), "bytes": hex(context.digest.bytes) },
			"epoch": context.epoch,
			"nonce": hex(context.nonce()),
			"key": hex(content_key.secret().expose()),
			"commitment": hex(content_key.commitment()),
			"payload_start": hex(&world.payload[..64]),
			"ciphertext_start": hex(&server.ciphertext[..64]),
		},
		"lock": { "key": hex(key), "mask": hex(secrets.mask.expose()), "lock": hex(offer.lock) },
		"hpke": {
			"private": hex(private),
			"info": hex(codec::Encode::encode(&("waybill/mask/1", GENESIS, hello.statement()))),
			"aad": hex(codec::Encode::encode(&(
				(offer.bounty, offer.device_index, hello.device_key, offer.distributor, offer.release.digest),
				(offer.ciphertext.cid, offer.ciphertext.size, offer.ciphertext.sha256),
				(offer.epoch, offer.commitment, offer.lock),
				<[u8; 32]>::from(Sha256::digest(&evidence)),
			))),
			"encapsulated": hex(offer.mask.encapsulated),
			"sealed": hex(offer.mask.sealed),
		},
		"evidence": hex(evidence),
		"hello_signing_bytes": hex(hello.statement().signing_bytes(&GENESIS)),
		"receipt_signing_bytes": hex(statement.signing_bytes(&GENESIS)),
		"messages": {
			"invite": hex(invite.to_cbor()),
			"hello": hex(hello.to_cbor()),
			"offer": hex(offer.to_cbor()),
			"receipt": hex(receipt.to_cbor()),
			"revealed_key": hex(RevealedKey::new(BOUNTY, 2, key).to_cbor()),
			"rejection": hex(RejectionMessage::from(Rejection::EpochFull).to_cbor()),
		},
	});
	if let (Some(query), Some(group)) = (query, group) {
		transcript["lock"]["group"] = hex(group).into();
		transcript["messages"]["query"] = hex(query.to_cbor()).into();
		transcript["messages"]["verdict"] = hex(ProofVerdict::new(&Ok(group)).to_cbor()).into();
	}
	transcript
}

/// `WAYBILL_WRITE_VECTORS=1` writes the files anew.
#[test]
fn exchange_should_be_the_pinned_one() {
	for (suite, file) in [(Suite::Plain, "vectors/exchange.json"), (Suite::Zkcp, "vectors/exchange-zkcp.json")] {
		// Tests run in their package's folder.
		let path = std::path::Path::new(file);
		let text = serde_json::to_string_pretty(&transcript(suite)).unwrap() + "\n";
		if std::env::var_os("WAYBILL_WRITE_VECTORS").is_some() {
			std::fs::write(path, &text).unwrap();
		}
		assert_eq!(
			std::fs::read_to_string(path).unwrap(),
			text,
			"run with WAYBILL_WRITE_VECTORS=1 if the change is intended"
		);
	}
}

under_each_suite!(pinned_mask_should_open_with_the_pinned_private_key);

fn pinned_mask_should_open_with_the_pinned_private_key(suite: Suite) {
	use hpke::{aead::ChaCha20Poly1305, kdf::HkdfSha256, kem::X25519HkdfSha256, Deserializable, Kem, OpModeR};
	let vectors = transcript(suite);
	let bytes = |value: &Value| hex::decode(&value.as_str().unwrap()[2..]).unwrap();
	let one = &vectors["hpke"];
	let mask = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
		&OpModeR::Base,
		&<X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&bytes(&one["private"])).unwrap(),
		&<X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&bytes(&one["encapsulated"])).unwrap(),
		&bytes(&one["info"]),
		&bytes(&one["sealed"]),
		&bytes(&one["aad"]),
	)
	.unwrap();
	assert_eq!(mask, bytes(&vectors["lock"]["mask"]));
	let key = Secret::new(bytes(&vectors["lock"]["key"]).try_into().unwrap());
	assert_ne!(key.expose()[..], mask);
}
