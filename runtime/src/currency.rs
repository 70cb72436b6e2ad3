//! Money: its unit, and the prices of storage.

use crate::Balance;

/// The symbol of the unit.
pub const TOKEN_SYMBOL: &str = "UNIT";
/// The number of decimals of the unit.
pub const TOKEN_DECIMALS: u32 = 12;

/// One unit.
pub const UNIT: Balance = 1_000_000_000_000;
/// A thousandth of a unit.
pub const MILLIUNIT: Balance = UNIT / 1_000;
/// A millionth of a unit.
pub const MICROUNIT: Balance = MILLIUNIT / 1_000;

/// The least money with which an account exists.
pub const EXISTENTIAL_DEPOSIT: Balance = MILLIUNIT;

/// The deposit for a storage item, besides its bytes.
pub const ITEM_DEPOSIT: Balance = 10 * MILLIUNIT;
/// The deposit for a byte in storage.
pub const BYTE_DEPOSIT: Balance = 10 * MICROUNIT;
/// The fee for a byte of a transaction.
pub const TRANSACTION_BYTE_FEE: Balance = MICROUNIT;

/// The deposit for `items` storage items of `bytes` bytes in total.
pub const fn deposit(items: u32, bytes: u32) -> Balance {
	items as Balance * ITEM_DEPOSIT + bytes as Balance * BYTE_DEPOSIT
}
