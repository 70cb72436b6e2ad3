//! Invitations and the answers to them.

use crate::{
	message::{Hello, Invite},
	sign::verify,
	AccountId, Rejection, Secret,
};
use hmac::{Hmac, Mac};
use rand_core::CryptoRng;
use sha2::Sha256;
use waybill_primitives::{BountyId, DeviceKey, Hash32, HelloStatement};
use zeroize::Zeroizing;

const INVITE_DOMAIN: &[u8] = b"waybill/invite/1";

/// Invites devices and checks their greetings.
///
/// Invitations carry their time and an authentication code. The distributor need not remember them,
/// so requests for invitations cost it no memory. The code's key lives as long as this value, so
/// invitations do not outlive a restart.
#[derive(Debug)]
pub struct Distributor {
	genesis: Hash32,
	account: AccountId,
	lifetime_ms: u64,
	secret: Secret,
}

impl Distributor {
	/// The distributor with this account, whose invitations are valid for `lifetime_ms`
	/// milliseconds.
	pub fn new<R: CryptoRng>(genesis: Hash32, account: AccountId, lifetime_ms: u64, rng: &mut R) -> Self {
		Self { genesis, account, lifetime_ms, secret: Secret::random(rng) }
	}

	/// The hash of the chain's first block.
	pub const fn genesis(&self) -> &Hash32 {
		&self.genesis
	}

	/// The account that is paid.
	pub const fn account(&self) -> &AccountId {
		&self.account
	}

	/// Invites a device.
	pub fn invite<R: CryptoRng>(&self, now_ms: u64, rng: &mut R) -> Invite {
		let mut random = [0; 8];
		rng.fill_bytes(&mut random);
		let mut nonce = [0; 32];
		let parts = now_ms.to_be_bytes().into_iter().chain(random).chain(self.code(now_ms.to_be_bytes(), random));
		nonce.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
		Invite::new(self.genesis, self.account, nonce)
	}

	/// Checks the answer to an invitation.
	pub fn greet(&self, hello: &Hello, now_ms: u64) -> Result<Greeting, Rejection> {
		if hello.distributor != self.account {
			return Err(Rejection::ForeignDistributor);
		}
		self.check_nonce(&hello.distributor_nonce, now_ms)?;
		let statement = hello.statement();
		verify(&hello.device_key, &statement, &self.genesis, &hello.signature)?;
		Ok(Greeting { bounty: hello.bounty, device_key: hello.device_key, statement })
	}

	fn check_nonce(&self, nonce: &[u8; 32], now_ms: u64) -> Result<(), Rejection> {
		let (time, rest) = nonce.split_first_chunk::<8>().ok_or(Rejection::UnknownInvite)?;
		let (random, code) = rest.split_first_chunk::<8>().ok_or(Rejection::UnknownInvite)?;
		self.mac(*time, *random).verify_truncated_left(code).map_err(|_| Rejection::UnknownInvite)?;
		let age = now_ms.saturating_sub(u64::from_be_bytes(*time));
		if age > self.lifetime_ms {
			return Err(Rejection::InviteExpired);
		}
		Ok(())
	}

	fn code(&self, time: [u8; 8], random: [u8; 8]) -> impl Iterator<Item = u8> {
		self.mac(time, random).finalize().into_bytes().into_iter().take(16)
	}

	fn mac(&self, time: [u8; 8], random: [u8; 8]) -> Hmac<Sha256> {
		// HMAC pads a key that is shorter than a block (64 bytes) with zeros.
		let mut key = Zeroizing::new([0; 64]);
		key.iter_mut().zip(self.secret.expose()).for_each(|(place, byte)| *place = *byte);
		let mut mac = <Hmac<Sha256> as Mac>::new((&*key).into());
		mac.update(INVITE_DOMAIN);
		mac.update(&time);
		mac.update(&random);
		mac
	}
}

/// A device that has just proved its identity to this distributor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Greeting {
	pub(super) bounty: BountyId,
	pub(super) device_key: DeviceKey,
	pub(super) statement: HelloStatement<AccountId>,
}

impl Greeting {
	/// The bounty under which the device wants an offer.
	pub const fn bounty(&self) -> BountyId {
		self.bounty
	}

	/// The device.
	pub const fn device_key(&self) -> &DeviceKey {
		&self.device_key
	}
}
