//! Addresses as people may see them.

/// An address without its secrets, for messages: `***` stands for the user and password before the
/// host, and for everything after the path. The text need not be a valid address.
pub fn shown(address: &str) -> String {
	let (scheme, after) = address.split_at(address.find("://").map_or(0, |scheme| scheme.saturating_add(3)));
	// A password may hold any character, even where that makes the address an invalid one.
	let (user, visible) = match after.rsplit_once('@') {
		Some((_, visible)) => ("***@", visible),
		None => ("", after),
	};
	let (visible, rest) = visible.split_at(visible.find(['?', '#']).unwrap_or(visible.len()));
	let rest = rest.chars().next().map(|mark| format!("{mark}***")).unwrap_or_default();
	format!("{scheme}{user}{visible}{rest}")
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn secrets_should_not_be_shown() {
		for (address, expected) in [
			("ws://127.0.0.1:9944", "ws://127.0.0.1:9944"),
			("wss://host/rpc?key=SECRET", "wss://host/rpc?***"),
			("https://user:SECRET@host:1/a#SECRET", "https://***@host:1/a#***"),
			("http://SE@CRET@host/x", "http://***@host/x"),
			("http://user:SE/CRET@host/x", "http://***@host/x"),
			("http://user:SEC?RET@host", "http://***@host"),
			("user:SECRET@host", "***@host"),
			("not an address ?SECRET", "not an address ?***"),
			("", ""),
		] {
			assert_eq!(shown(address), expected);
			assert!(!shown(address).contains("SECRET"));
		}
	}

	#[test]
	fn any_text_should_be_shown_without_a_panic() {
		for text in ["://", "?", "#", "@", "é://é@é?é", "///", "a://@?#"] {
			let _ = shown(text);
		}
	}
}
