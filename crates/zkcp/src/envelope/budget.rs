//! Reads a proof within a budget of memory.
//!
//! An empty list takes 1 byte in a proof and 24 bytes in memory. A small hostile proof could
//! therefore fill the memory, so the memory of each list's elements is counted while they are read.

use core::{cell::Cell, fmt, mem::size_of};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

/// Reads a value from the start of `bytes`, and returns it with the bytes that follow. Fails if the
/// elements of the value's lists take more than `most` bytes of memory.
pub fn take<'de, T: Deserialize<'de>>(bytes: &'de [u8], most: usize) -> postcard::Result<(T, &'de [u8])> {
	let (mut inner, left) = (postcard::Deserializer::from_bytes(bytes), Cell::new(most));
	let value = T::deserialize(Within { inner: &mut inner, left: &left, is_list: false })?;
	Ok((value, inner.finalize()?))
}

/// A deserializer, a visitor, a sequence or a seed that spends from the budget.
struct Within<'a, I> {
	inner: I,
	left: &'a Cell<usize>,
	/// Whether this is a sequence whose elements take memory of their own. Elements of tuples and
	/// structs are part of the value that holds them.
	is_list: bool,
}

impl<'a, I> Within<'a, I> {
	fn wrap<J>(&self, inner: J) -> Within<'a, J> {
		Within { inner, left: self.left, is_list: false }
	}
}

macro_rules! forward {
	($($method:ident($($name:ident: $kind:ty),*))*) => {
		$(
			fn $method<V: Visitor<'de>>(self, $($name: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
				let visitor = self.wrap(visitor);
				self.inner.$method($($name,)* visitor)
			}
		)*
	};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Within<'_, D> {
	type Error = D::Error;

	forward! {
		deserialize_any() deserialize_ignored_any() deserialize_identifier()
		deserialize_bool() deserialize_char() deserialize_unit() deserialize_option() deserialize_map()
		deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_f32() deserialize_f64()
		deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64()
		deserialize_str() deserialize_string() deserialize_bytes() deserialize_byte_buf()
		deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str)
		deserialize_tuple(length: usize) deserialize_tuple_struct(name: &'static str, length: usize)
		deserialize_struct(name: &'static str, fields: &'static [&'static str])
		deserialize_enum(name: &'static str, variants: &'static [&'static str])
	}

	fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
		let visitor = Within { is_list: true, ..self.wrap(visitor) };
		self.inner.deserialize_seq(visitor)
	}

	fn is_human_readable(&self) -> bool {
		self.inner.is_human_readable()
	}
}

/// Methods that are not forwarded are for values that no proof contains. They return an error.
impl<'de, V: Visitor<'de>> Visitor<'de> for Within<'_, V> {
	type Value = V::Value;

	fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
		self.inner.expecting(formatter)
	}

	fn visit_u8<E: Error>(self, value: u8) -> Result<Self::Value, E> {
		self.inner.visit_u8(value)
	}

	fn visit_u32<E: Error>(self, value: u32) -> Result<Self::Value, E> {
		self.inner.visit_u32(value)
	}

	fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
		self.inner.visit_u64(value)
	}

	fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
		self.inner.visit_unit()
	}

	fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
		self.inner.visit_none()
	}

	fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
		let deserializer = self.wrap(deserializer);
		self.inner.visit_some(deserializer)
	}

	fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
		let deserializer = self.wrap(deserializer);
		self.inner.visit_newtype_struct(deserializer)
	}

	fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<Self::Value, A::Error> {
		let sequence = Within { is_list: self.is_list, ..self.wrap(sequence) };
		self.inner.visit_seq(sequence)
	}
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Within<'_, A> {
	type Error = A::Error;

	fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
		let seed = self.wrap(seed);
		let element = self.inner.next_element_seed(seed)?;
		if self.is_list && element.is_some() {
			let left = self.left.get().checked_sub(size_of::<T::Value>());
			self.left.set(left.ok_or_else(|| A::Error::custom("too many elements"))?);
		}
		Ok(element)
	}

	fn size_hint(&self) -> Option<usize> {
		self.inner.size_hint()
	}
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Within<'_, S> {
	type Value = S::Value;

	fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
		let deserializer = self.wrap(deserializer);
		self.inner.deserialize(deserializer)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use alloc::{vec, vec::Vec};

	type Lists = Vec<Vec<u32>>;

	#[test]
	fn lists_should_be_read_when_they_fit() {
		let lists: Lists = vec![vec![1, 2, 3], vec![], vec![1 << 30]];
		let mut bytes = postcard::to_allocvec(&lists).unwrap();
		bytes.push(9);
		let most = 3 * size_of::<Vec<u32>>() + 4 * size_of::<u32>();
		assert_eq!(take::<Lists>(&bytes, most), Ok((lists, &[9][..])));
		assert!(take::<Lists>(&bytes, most - 1).is_err());
	}

	#[test]
	fn elements_of_tuples_should_not_count_for_themselves() {
		let values = vec![([7u8; 32], Some(1u64)); 4];
		let bytes = postcard::to_allocvec(&values).unwrap();
		let most = 4 * size_of::<([u8; 32], Option<u64>)>();
		assert_eq!(take::<Vec<([u8; 32], Option<u64>)>>(&bytes, most), Ok((values, &[][..])));
		assert!(take::<Vec<([u8; 32], Option<u64>)>>(&bytes, most - 1).is_err());
	}
}
