//! What a hub answers.

/// The answer to a query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
	/// A [`SignedVerdict`](waybill_exchange::SignedVerdict), in CBOR.
	Verdict(Vec<u8>),
	/// The check takes longer: ask again.
	Pending,
	/// The payload is larger than this hub accepts.
	TooLarge,
	/// The hub has too much to do.
	Busy,
	/// The files cannot be fetched, or the hub has a fault.
	Failed,
}
