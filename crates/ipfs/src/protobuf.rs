//! Reads a protobuf message field by field, without an allocation and without recursion.
//!
//! Written by hand because the runtime's off-chain worker reads blocks of strangers with it, in
//! wasm. `ipld-dagpb` needs `std`. It and `prost` build the list of all links before a limit can
//! apply: 2 MiB hold a million empty links, which take many times as much memory. Here the caller
//! counts links while it reads them.

/// The bytes are no protobuf message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Malformed;

/// A field's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Value<'a> {
	Varint(u64),
	Bytes(&'a [u8]),
	/// Four or eight bytes. No message that is read here gives them a meaning.
	Fixed,
}

impl<'a> Value<'a> {
	pub(crate) fn bytes(self) -> Result<&'a [u8], Malformed> {
		match self {
			Self::Bytes(bytes) => Ok(bytes),
			_ => Err(Malformed),
		}
	}

	pub(crate) fn varint(self) -> Result<u64, Malformed> {
		match self {
			Self::Varint(value) => Ok(value),
			_ => Err(Malformed),
		}
	}
}

/// The fields of a message, by number, in the order of the bytes. Ends after the first error.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
	pub(crate) fn of(message: &'a [u8]) -> Self {
		Self(message)
	}

	fn take(&mut self, len: u64) -> Result<&'a [u8], Malformed> {
		let len = usize::try_from(len).map_err(|_| Malformed)?;
		let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
		self.0 = rest;
		Ok(taken)
	}

	fn field(&mut self) -> Result<(u64, Value<'a>), Malformed> {
		let tag = varint(&mut self.0)?;
		let number = tag >> 3;
		let value = match tag & 7 {
			0 => Value::Varint(varint(&mut self.0)?),
			1 => self.take(8).map(|_| Value::Fixed)?,
			2 => {
				let len = varint(&mut self.0)?;
				Value::Bytes(self.take(len)?)
			},
			5 => self.take(4).map(|_| Value::Fixed)?,
			_ => return Err(Malformed),
		};
		if number == 0 {
			return Err(Malformed);
		}
		Ok((number, value))
	}
}

impl<'a> Iterator for Fields<'a> {
	type Item = Result<(u64, Value<'a>), Malformed>;

	fn next(&mut self) -> Option<Self::Item> {
		if self.0.is_empty() {
			return None;
		}
		let field = self.field();
		if field.is_err() {
			self.0 = &[];
		}
		Some(field)
	}
}

/// Takes a varint of at most 64 bits off the front.
pub(crate) fn varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
	let mut value = 0u64;
	for shift in (0..64).step_by(7) {
		let (first, rest) = bytes.split_first().ok_or(Malformed)?;
		*bytes = rest;
		let part = u64::from(*first & 0x7f);
		let shifted = part << shift;
		if shifted >> shift != part {
			return Err(Malformed);
		}
		value |= shifted;
		if *first & 0x80 == 0 {
			return Ok(value);
		}
	}
	Err(Malformed)
}

#[cfg(test)]
mod tests {
	use super::*;
	use alloc::{vec, vec::Vec};

	fn read(bytes: &[u8]) -> Result<Vec<(u64, Value<'_>)>, Malformed> {
		Fields::of(bytes).collect()
	}

	#[test]
	fn fields_should_be_read_in_order() {
		let bytes = [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8];
		let expected = vec![(1, Value::Varint(150)), (2, Value::Bytes(b"hi")), (3, Value::Fixed), (4, Value::Fixed)];
		assert_eq!(read(&bytes), Ok(expected));
		assert_eq!(read(&[]), Ok(vec![]));
	}

	#[test]
	fn broken_fields_should_be_refused() {
		for bytes in [
			// No value.
			&[0x08][..],
			// Tag cut off.
			&[0x80],
			// Bytes cut off.
			&[0x12, 3, 1, 2],
			// A group.
			&[0x0b],
			// Field 0.
			&[0x00, 0x00],
			// Eight bytes cut off.
			&[0x09, 1, 2, 3],
			// 65 bits.
			&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
			// Eleven bytes.
			&[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
			// 2^64 - 1 bytes.
			&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
		] {
			assert_eq!(read(bytes), Err(Malformed), "{bytes:?}");
		}
		assert_eq!(
			read(&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
			Ok(vec![(1, Value::Varint(u64::MAX))])
		);
	}

	proptest::proptest! {
		#[test]
		fn no_bytes_should_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
			let _ = read(&bytes);
		}
	}
}
