//! What a hub answers.

use codec::{DecodeAll, Encode};
use minicbor::{Decode as CborDecode, Encode as CborEncode};
use waybill_exchange::{Message, ProofQuery, Verdict};
use waybill_keys::{verify, StatementKey};
use waybill_primitives::{DeviceKey, DeviceSignature, Hash32, Statement};

/// Hubs belong to no chain: the chain is part of the nonce in the query.
const NO_CHAIN: Hash32 = [0; 32];

/// "The proofs of this query hold for a group of locks with this digest", or that they do not hold.
#[derive(Encode)]
struct VerdictStatement {
	/// The SHA-256 of the query as it was sent.
	query: Hash32,
	/// The group's digest, if the proofs hold.
	group: Option<Hash32>,
}

impl Statement for VerdictStatement {
	const DOMAIN: &'static str = "waybill/hub-verdict/1";
}

/// The hash by which a query is known.
pub fn id(query: &ProofQuery) -> Hash32 {
	sp_crypto_hashing::sha2_256(&query.to_cbor())
}

/// A verdict with the hub's signature.
#[derive(Clone, PartialEq, Eq, Debug, CborEncode, CborDecode)]
#[cbor(map)]
pub struct Answer {
	#[n(0)]
	version: u8,
	#[n(1)]
	verdict: Verdict,
	/// In SCALE, over the statement.
	#[cbor(n(2), with = "minicbor::bytes")]
	signature: Vec<u8>,
}

impl Message for Answer {
	const MAX_LEN: usize = 256;
}

impl Answer {
	/// Signs a verdict on a query.
	pub fn new(query: &ProofQuery, verdict: Verdict, key: &StatementKey) -> Self {
		let signature = key.sign(&statement(query, &verdict), &NO_CHAIN).encode();
		Self { version: 1, verdict, signature }
	}

	/// The verdict, if the hub with this key gave it on this query.
	pub fn open(self, query: &ProofQuery, key: &DeviceKey) -> Option<Verdict> {
		let signature = DeviceSignature::decode_all(&mut self.signature.as_slice()).ok()?;
		verify(key, &statement(query, &self.verdict), &NO_CHAIN, &signature).then_some(self.verdict)
	}
}

fn statement(query: &ProofQuery, verdict: &Verdict) -> VerdictStatement {
	VerdictStatement { query: id(query), group: verdict.group().copied() }
}
