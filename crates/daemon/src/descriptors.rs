//! How many files and connections the process may have open.

use rustix::process::{getrlimit, setrlimit, Resource, Rlimit};

/// Besides connections: the store, files, and connections to nodes and gateways.
const OWN: u64 = 256;

/// Lets the process have this many connections open, as far as the system allows. Many systems let it
/// have 1,024 descriptors unless it asks for more.
pub fn allow(connections: usize) {
	let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OWN);
	let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
	if current.is_none_or(|current| current >= wanted) {
		return;
	}
	let most = maximum.map_or(wanted, |maximum| maximum.min(wanted));
	if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }) {
		tracing::warn!(%error, "the limit of open files cannot be raised");
	}
	if most < wanted {
		tracing::warn!(most, wanted, "the system allows fewer open files than max_connections needs; raise LimitNOFILE");
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn limit_should_be_raised_and_never_lowered() {
		let before = getrlimit(Resource::Nofile);
		allow(0);
		assert_eq!(getrlimit(Resource::Nofile), before);
		allow(usize::MAX);
		assert_eq!(getrlimit(Resource::Nofile).current, before.maximum.or(Some(u64::MAX)));
	}
}
