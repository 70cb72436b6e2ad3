//! Bitmaps with one bit for each device, in pages of fixed size.

use alloc::collections::BTreeMap;
use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use frame_support::storage::StorageDoubleMap;
use scale_info::TypeInfo;
use waybill_primitives::{BountyId, DeviceIndex};

/// The number of bytes in a page.
pub const PAGE_BYTES: usize = 512;
/// The number of devices on a page.
pub const PAGE_DEVICES: u32 = 4096;

/// The page that holds a device's bit.
pub const fn page_of(index: DeviceIndex) -> u32 {
	index / PAGE_DEVICES
}

/// The number of pages for `devices` devices.
pub const fn page_count(devices: u32) -> u32 {
	devices.div_ceil(PAGE_DEVICES)
}

/// An upper bound on the pages that these devices lie on. It is exact if they are sorted.
pub fn pages_touched(indices: impl IntoIterator<Item = DeviceIndex>) -> u32 {
	runs(indices.into_iter().map(page_of))
}

/// The number of runs of equal values.
pub(crate) fn runs(values: impl Iterator<Item = u32>) -> u32 {
	let mut last = None;
	let changes = values.filter(|value| last.replace(*value) != Some(*value));
	u32::try_from(changes.count()).unwrap_or(u32::MAX)
}

/// The bits of [`PAGE_DEVICES`] devices: device `i` of the page is bit `i % 8`, from the lowest, of
/// byte `i / 8`.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Page([u8; PAGE_BYTES]);

impl Default for Page {
	fn default() -> Self {
		Self([0; PAGE_BYTES])
	}
}

impl Page {
	/// The page's bytes.
	pub fn as_bytes(&self) -> &[u8] {
		&self.0
	}

	/// Whether the device's bit is set.
	pub fn contains(&self, index: DeviceIndex) -> bool {
		let (byte, mask) = Self::place(index);
		self.0.get(byte).is_some_and(|byte| byte & mask != 0)
	}

	/// Whether no bit is set.
	pub fn is_empty(&self) -> bool {
		self.0.iter().all(|byte| *byte == 0)
	}

	/// The number of bits set.
	pub fn count(&self) -> u32 {
		self.0.iter().map(|byte| byte.count_ones()).sum()
	}

	/// Sets or clears the device's bit.
	pub fn set(&mut self, index: DeviceIndex, value: bool) {
		let (byte, mask) = Self::place(index);
		if let Some(byte) = self.0.get_mut(byte) {
			*byte = if value { *byte | mask } else { *byte & !mask };
		}
	}

	const fn place(index: DeviceIndex) -> (usize, u8) {
		let bit = index % PAGE_DEVICES;
		((bit / 8) as usize, 1 << (bit % 8))
	}
}

/// The pages of one bounty's bitmap in the map `S`, each read and written at most once.
pub struct Pages<S> {
	bounty: BountyId,
	loaded: BTreeMap<u32, Loaded>,
	map: PhantomData<S>,
}

struct Loaded {
	page: Page,
	changed: bool,
}

impl<S: StorageDoubleMap<BountyId, u32, Page, Query = Page>> Pages<S> {
	/// Starts without reading anything.
	pub fn new(bounty: BountyId) -> Self {
		Self { bounty, loaded: BTreeMap::new(), map: PhantomData }
	}

	/// Whether the device's bit is set.
	pub fn contains(&mut self, index: DeviceIndex) -> bool {
		self.load(index).page.contains(index)
	}

	/// Sets or clears the device's bit. The change stays in memory until [`Pages::store`].
	pub fn set(&mut self, index: DeviceIndex, value: bool) {
		let loaded = self.load(index);
		loaded.page.set(index, value);
		loaded.changed = true;
	}

	/// Writes the changed pages and removes those without bits.
	pub fn store(self) {
		for (number, loaded) in self.loaded {
			match (loaded.changed, loaded.page.is_empty()) {
				(false, _) => {},
				(true, false) => S::insert(self.bounty, number, loaded.page),
				(true, true) => S::remove(self.bounty, number),
			}
		}
	}

	fn load(&mut self, index: DeviceIndex) -> &mut Loaded {
		let number = page_of(index);
		let bounty = self.bounty;
		self.loaded.entry(number).or_insert_with(|| Loaded { page: S::get(bounty, number), changed: false })
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn page_should_hold_each_bit_at_its_place() {
		let mut page = Page::default();
		assert!(page.is_empty());
		for (index, byte, bits) in [(0, 0, 1), (9, 1, 2), (4095, 511, 128), (4096, 0, 1)] {
			page.set(index, true);
			assert_eq!(page.as_bytes()[byte], bits);
			assert!(page.contains(index) && !page.contains(index + 2));
		}
		assert_eq!(page.count(), 3);
		page.set(9, false);
		assert!(!page.contains(9) && page.contains(0));
		assert_eq!(page.encode().len(), PAGE_BYTES);
	}

	#[test]
	fn page_numbers_should_fit_their_devices() {
		assert_eq!(PAGE_BYTES as u32 * 8, PAGE_DEVICES);
		assert_eq!((page_of(0), page_of(4095), page_of(4096), page_of(u32::MAX)), (0, 0, 1, 1048575));
		assert_eq!((page_count(0), page_count(1), page_count(4096), page_count(4097)), (0, 1, 1, 2));
		assert_eq!(page_count(u32::MAX), page_of(u32::MAX) + 1);
	}

	#[test]
	fn touched_pages_should_be_bounded_from_above() {
		assert_eq!(pages_touched([]), 0);
		assert_eq!(pages_touched([0, 1, 4095]), 1);
		assert_eq!(pages_touched([0, 4096, 4097, 9000]), 3);
		assert_eq!(pages_touched([0, 4096, 0]), 3);
	}
}
