//! The mask on its way to the device: HPKE (RFC 9180) in base mode, with DHKEM(X25519,
//! HKDF-SHA256), HKDF-SHA256 and ChaCha20Poly1305.

use crate::{AccountId, Ciphertext, Evidence, Secret};
use alloc::vec::Vec;
use codec::Encode;
use hpke::{
	aead::ChaCha20Poly1305, kdf::HkdfSha256, kem::X25519HkdfSha256, single_shot_open, single_shot_seal, Deserializable, Kem,
	OpModeR, OpModeS, Serializable,
};
use minicbor::{Decode, Encode as CborEncode};
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use waybill_primitives::{BountyId, DeviceIndex, DeviceKey, Digest, Hash32, HelloStatement, Lock};
use zeroize::Zeroizing;

const MASK_DOMAIN: &str = "waybill/mask/1";

/// A mask that only one device can read.
#[derive(Clone, PartialEq, Eq, Debug, CborEncode, Decode)]
#[cbor(array)]
pub struct SealedMask {
	/// The encapsulated key.
	#[cbor(n(0), with = "minicbor::bytes")]
	pub encapsulated: [u8; 32],
	/// The encrypted mask and its tag.
	#[cbor(n(1), with = "minicbor::bytes")]
	pub sealed: [u8; 48],
}

/// What a sealed mask is bound to.
pub(crate) struct MaskContext<'a> {
	/// `info`: chain and greeting.
	pub genesis: &'a Hash32,
	/// The greeting that brought the device's X25519 key.
	pub hello: &'a HelloStatement<AccountId>,
	/// `aad`: what is offered.
	pub terms: MaskTerms<'a>,
}

/// The additional data, in SCALE.
#[derive(Encode)]
pub(crate) struct MaskTerms<'a> {
	pub bounty: BountyId,
	pub device_index: DeviceIndex,
	pub device_key: &'a DeviceKey,
	pub distributor: &'a AccountId,
	pub digest: &'a Digest,
	pub ciphertext: CiphertextTerms,
	pub epoch: u32,
	pub commitment: &'a Hash32,
	pub lock: &'a Lock,
	pub evidence: EvidenceTerms,
}

#[derive(Encode)]
pub(crate) struct CiphertextTerms {
	cid: waybill_primitives::Cid,
	size: u64,
	sha256: Hash32,
}

/// The hash of the evidence as it is on the wire.
#[derive(Encode)]
pub(crate) struct EvidenceTerms(Hash32);

impl From<&Evidence> for EvidenceTerms {
	fn from(evidence: &Evidence) -> Self {
		// Writing to memory does not fail.
		Self(Sha256::digest(minicbor::to_vec(evidence).unwrap_or_default()).into())
	}
}

impl From<&Ciphertext> for CiphertextTerms {
	fn from(ciphertext: &Ciphertext) -> Self {
		Self { cid: ciphertext.cid, size: ciphertext.size, sha256: ciphertext.sha256 }
	}
}

impl MaskContext<'_> {
	fn info(&self) -> Vec<u8> {
		(MASK_DOMAIN, self.genesis, self.hello).encode()
	}
}

/// A fresh X25519 key pair: the private key, and the public key.
pub(crate) fn exchange_keys<R: CryptoRng>(rng: &mut R) -> (Secret, [u8; 32]) {
	let (private, public) = X25519HkdfSha256::gen_keypair(rng);
	let private = Zeroizing::new(<[u8; 32]>::from(private.to_bytes()));
	(Secret::new(*private), public.to_bytes().into())
}

/// Encrypts a mask; `None` if the device's X25519 key is weak.
pub(crate) fn seal<R: CryptoRng>(mask: &Secret, context: &MaskContext<'_>, rng: &mut R) -> Option<SealedMask> {
	let recipient = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&context.hello.exchange_key).ok()?;
	let (encapsulated, sealed) = single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256, _>(
		&OpModeS::Base,
		&recipient,
		&context.info(),
		mask.expose(),
		&context.terms.encode(),
		rng,
	)
	.ok()?;
	Some(SealedMask { encapsulated: encapsulated.to_bytes().into(), sealed: sealed.try_into().ok()? })
}

/// Decrypts a mask; `None` if it is not for this key and these terms.
pub(crate) fn open(sealed: &SealedMask, private: &Secret, context: &MaskContext<'_>) -> Option<Secret> {
	let private = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(private.expose()).ok()?;
	let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed.encapsulated).ok()?;
	let mask = single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
		&OpModeR::Base,
		&private,
		&encapsulated,
		&context.info(),
		&sealed.sealed,
		&context.terms.encode(),
	)
	.ok()?;
	let mask = Zeroizing::new(mask);
	Some(Secret::new(mask.as_slice().try_into().ok()?))
}
