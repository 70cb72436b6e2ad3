//! What the registry bounds, checked before anything is hashed, added or signed.

use crate::error::{Error, Result};
use waybill_chain::{Chain, Limits};

/// The registry's limits at the newest block.
pub async fn limits(chain: &Chain) -> Result<Limits> {
	Ok(chain.best().await?.limits().await?)
}

/// Fails if a text is longer than the registry takes.
pub fn check_text(what: &str, text: &str, limit: u32) -> Result<()> {
	match text.len() > limit as usize {
		true => Err(Error::usage(format!("{what} has {} bytes, and the chain takes at most {limit}", text.len()))),
		false => Ok(()),
	}
}

/// Fails if an image is empty or larger than the registry takes.
pub fn check_size(name: impl std::fmt::Display, size: u64, limit: u64) -> Result<()> {
	match (1..=limit).contains(&size) {
		false => Err(Error::usage(format!("{name} has {size} bytes, and the chain takes 1 to {limit}"))),
		true => Ok(()),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn limits_should_be_named_at_their_edges() {
		assert!(check_text("--name", "1234", 4).is_ok());
		let error = check_text("--name", "12345", 4).unwrap_err();
		assert_eq!(error.to_string(), "--name has 5 bytes, and the chain takes at most 4");
		assert!(check_size("f", 1, 4).is_ok() && check_size("f", 4, 4).is_ok() && check_size("f", 0, 4).is_err());
		assert!(check_size("f", 5, 4).unwrap_err().to_string().contains("takes 1 to 4"));
	}
}
