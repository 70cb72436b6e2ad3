//! Finding a revealed key in a block's body.
//!
//! A claim carries its keys in the clear, whether it is a call of its own, part of a batch, or made
//! by a proxy. A key is recognised by its hash: any 32 bytes that hash to the lock are the key,
//! wherever they are in the block. Nothing needs to be decoded, so old blocks, whose state and
//! events nodes no longer have, serve as well as new ones.

use waybill_primitives::{Lock, LockKey, Suite};

/// The key of `lock`, if one of the extrinsics carries it.
pub fn find(suite: Suite, lock: &Lock, extrinsics: &[Vec<u8>]) -> Option<LockKey> {
	let windows = extrinsics.iter().flat_map(|extrinsic| extrinsic.windows(size_of::<LockKey>()));
	windows.filter_map(|bytes| LockKey::try_from(bytes).ok()).find(|key| suite.lock(key) == Some(*lock))
}

#[cfg(test)]
mod tests {
	use super::*;

	/// A key under every suite.
	const KEY: LockKey = [0x5a; 32];
	const SUITES: [Suite; 2] = [Suite::Plain, Suite::Zkcp];

	#[test]
	fn key_should_be_found_when_it_stands_anywhere() {
		let around = |before: usize, after: usize| [vec![1; before], KEY.to_vec(), vec![2; after]].concat();
		for suite in SUITES {
			let lock = suite.lock(&KEY).unwrap();
			for (before, after) in [(0, 0), (0, 9), (7, 0), (300, 400)] {
				assert_eq!(find(suite, &lock, &[vec![], vec![3; 40], around(before, after)]), Some(KEY));
			}
		}
	}

	#[test]
	fn nothing_should_be_found_when_the_key_is_torn_or_absent() {
		for suite in SUITES {
			let lock = suite.lock(&KEY).unwrap();
			assert_eq!(find(suite, &lock, &[]), None);
			assert_eq!(find(suite, &lock, &[KEY[..31].to_vec(), KEY[31..].to_vec(), vec![0; 100], vec![0xff; 100]]), None);
		}
	}
}
