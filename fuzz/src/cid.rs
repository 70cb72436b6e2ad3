//! CIDs in binary, text and SCALE form, compared with the `cid` crate.

use codec::{DecodeAll, Encode, MaxEncodedLen};
use std::fmt::Debug;
use waybill_primitives::Cid;

/// Reads the bytes as each form of a CID.
pub fn run(data: &[u8]) {
	binary(data);
	scale(data);
	if let Ok(text) = std::str::from_utf8(data) {
		read_text(text);
	}
}

/// Checks that a CID that can be read is written back the same, and that no canonical CID on the
/// allow-list is refused.
fn binary(data: &[u8]) {
	let ours = Cid::from_bytes(data);
	let mut rest = data;
	let theirs = cid::Cid::read_bytes(&mut rest).ok().filter(|theirs| rest.is_empty() && theirs.to_bytes() == data);
	let allowed = |theirs: &cid::Cid| {
		let hash = theirs.hash();
		theirs.version() == cid::Version::V1
			&& [0x55, 0x70].contains(&theirs.codec())
			&& [0x12, 0xb220].contains(&hash.code())
			&& hash.digest().len() == 32
	};
	assert_eq!(ours.is_ok(), theirs.is_some_and(|theirs| allowed(&theirs)), "{ours:?} {theirs:?}");
	if let Ok(cid) = ours {
		assert_eq!(cid.to_bytes(), data);
		forms(cid);
	}
}

fn scale(data: &[u8]) {
	if let Ok(cid) = Cid::decode_all(&mut &*data) {
		assert_eq!(cid.encode(), data);
		assert_eq!(data.len(), Cid::max_encoded_len());
		forms(cid);
	}
}

/// A text has many forms. The `cid` crate must read every one that we read.
fn read_text(text: &str) {
	if let Ok(cid) = text.parse::<Cid>() {
		let theirs = cid::Cid::try_from(text).map(|theirs| theirs.to_bytes());
		assert_eq!(theirs.ok(), Some(cid.to_bytes()));
		forms(cid);
	}
}

/// Checks that every form of a CID leads back to it.
fn forms(cid: Cid) {
	same(Cid::from_bytes(&cid.to_bytes()), cid);
	same(cid.to_string().parse(), cid);
	same(Cid::decode_all(&mut &*cid.encode()), cid);
}

fn same<E: Debug>(read: Result<Cid, E>, cid: Cid) {
	assert_eq!(read.expect("a CID's own form"), cid);
}
