//! Why a distributor does not give the expected answer.

use crate::{DecodeError, SignatureError};
use core::fmt;

macro_rules! rejections {
	($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $text:literal;)*) => {
		/// Why a distributor rejects a device's message, or cannot serve it.
		#[derive(Clone, Copy, PartialEq, Eq, Debug)]
		pub enum Rejection {
			$($(#[$doc])* $name,)*
		}

		impl Rejection {
			/// Every rejection.
			pub const ALL: &'static [Self] = &[$(Self::$name,)*];

			/// Its number on the wire.
			pub const fn code(self) -> u8 {
				match self {
					$(Self::$name => $code,)*
				}
			}

			/// The rejection with this number.
			pub const fn from_code(code: u8) -> Option<Self> {
				match code {
					$($code => Some(Self::$name),)*
					_ => None,
				}
			}

			/// The HTTP status that goes with it.
			pub const fn http_status(self) -> u16 {
				match self {
					$(Self::$name => $status,)*
				}
			}
		}

		impl fmt::Display for Rejection {
			fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
				f.write_str(match self {
					$(Self::$name => $text,)*
				})
			}
		}
	};
}

rejections! {
	/// Not a message of the exchange.
	Malformed = 0, 400, "not a message of the exchange";
	/// The greeting is for another distributor: somebody relays it.
	ForeignDistributor = 1, 403, "the greeting is for another distributor";
	/// The nonce is not from an invitation of this distributor.
	UnknownInvite = 2, 403, "the nonce is not of an invitation of this distributor";
	/// The invitation is too old.
	InviteExpired = 3, 410, "the invitation has expired; ask for another";
	/// The device's key is weak.
	WeakKey = 4, 403, "the device's key is weak";
	/// The device's signature does not fit.
	BadSignature = 5, 403, "the signature does not fit key, statement and chain";
	/// The device's X25519 key is weak.
	WeakExchangeKey = 6, 403, "the X25519 key is weak";
	/// The bounty is not served here.
	NotServed = 7, 404, "the bounty is not served here";
	/// The bounty is expired or closing.
	BountyNotOpen = 8, 410, "the bounty is not open";
	/// The release is yanked.
	ReleaseYanked = 9, 410, "the release is yanked";
	/// The device is not in the bounty's fleet.
	NotInFleet = 10, 403, "the device is not in the bounty's fleet";
	/// The device's update is paid already.
	AlreadyPaid = 11, 409, "the device's update is paid already";
	/// Another distributor has reserved the device's slot.
	SlotReserved = 12, 409, "another distributor has reserved the device's slot";
	/// No content key is left for another device; the next one is being made.
	EpochFull = 13, 503, "the content key serves no further device; try again later";
	/// The ciphertext is not published yet.
	NotReady = 14, 503, "the ciphertext is not published yet; try again later";
	/// The receipt is for another offer.
	WrongOffer = 15, 409, "the receipt is for another offer";
	/// The receipt is not valid long enough to be reserved.
	ReceiptTooShort = 16, 409, "the receipt is not valid long enough to be reserved";
	/// The exchange is at another step.
	OutOfOrder = 17, 409, "the exchange is at another step";
	/// The key is not public yet.
	NotRevealed = 18, 404, "the key is not public yet";
	/// The distributor is busy.
	Busy = 19, 503, "the distributor is busy; try again later";
}

impl core::error::Error for Rejection {}

impl From<DecodeError> for Rejection {
	fn from(_: DecodeError) -> Self {
		Self::Malformed
	}
}

impl From<SignatureError> for Rejection {
	fn from(error: SignatureError) -> Self {
		match error {
			SignatureError::WeakKey => Self::WeakKey,
			SignatureError::BadSignature => Self::BadSignature,
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn codes_should_round_trip() {
		for rejection in Rejection::ALL {
			assert_eq!(Rejection::from_code(rejection.code()), Some(*rejection));
			assert!((400..600).contains(&rejection.http_status()));
		}
		assert_eq!(Rejection::from_code(255), None);
	}
}
