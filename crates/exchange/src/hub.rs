//! The answers of a hub, which checks proofs for devices that are too small to check them.

use crate::{
	cbor::{Message, V1},
	sign, verify, ProofQuery, ProofVerdict, Signer,
};
use alloc::vec::Vec;
use codec::{DecodeAll, Encode};
use minicbor::{Decode as CborDecode, Encode as CborEncode};
use waybill_primitives::{DeviceKey, DeviceSignature, Hash32, Statement};

/// The path under a hub's address to which devices post a [`ProofQuery`].
pub const HUB_PATH: &str = "verify/v1";

/// Hubs belong to no chain: the chain is part of the nonce in the query.
const NO_CHAIN: Hash32 = [0; 32];

/// "The proofs of this query hold, for a group of locks with this digest", or "they do not hold".
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

/// A verdict with the hub's signature.
#[derive(Clone, PartialEq, Eq, Debug, CborEncode, CborDecode)]
#[cbor(map)]
pub struct SignedVerdict {
	#[n(0)]
	version: V1,
	#[n(1)]
	verdict: ProofVerdict,
	/// In SCALE, over the statement.
	#[cbor(n(2), with = "minicbor::bytes")]
	signature: Vec<u8>,
}

impl Message for SignedVerdict {
	const MAX_LEN: usize = 256;
}

impl SignedVerdict {
	/// Signs a verdict on a query.
	pub fn new(query: &ProofQuery, verdict: ProofVerdict, hub: &impl Signer) -> Self {
		let signature = sign(hub, &statement(query, &verdict), &NO_CHAIN).encode();
		Self { version: V1, verdict, signature }
	}

	/// The verdict, if the hub with this key gave it on this query.
	pub fn open(self, query: &ProofQuery, hub: &DeviceKey) -> Option<ProofVerdict> {
		let signature = DeviceSignature::decode_all(&mut self.signature.as_slice()).ok()?;
		let signed = verify(hub, &statement(query, &self.verdict), &NO_CHAIN, &signature);
		signed.is_ok().then_some(self.verdict)
	}
}

fn statement(query: &ProofQuery, verdict: &ProofVerdict) -> VerdictStatement {
	VerdictStatement { query: query.id(), group: verdict.group().copied() }
}
