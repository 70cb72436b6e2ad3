//! Which bounties a distributor serves.

use crate::{
	config::Config,
	error::{Result, Unwanted},
};
use std::collections::HashSet;
use waybill_chain::{
	types::{Bounty, Release},
	Amount,
};
use waybill_primitives::{view::ReleaseState, ModelId};

/// What the configuration says about the bounties to serve.
#[derive(Debug)]
pub struct Limits {
	/// Empty for all.
	models: HashSet<ModelId>,
	min_reward: Amount,
	max_payload: u64,
	max_devices: u32,
}

impl Limits {
	/// The limits of a configuration.
	pub fn new(config: &Config) -> Result<Self> {
		Ok(Self {
			models: config.models.iter().copied().collect(),
			min_reward: config.min_reward()?,
			max_payload: config.max_payload,
			max_devices: config.max_devices,
		})
	}

	/// Whether a bounty pays enough.
	pub fn is_paid_enough(&self, bounty: &Bounty) -> bool {
		bounty.reward >= self.min_reward
	}

	/// Fails if the configuration rules out a bounty for a release, or if the release is yanked.
	pub fn check(&self, bounty: &Bounty, release: &Release) -> Result<(), Unwanted> {
		let statement = &release.statement;
		if !self.models.is_empty() && !self.models.contains(&statement.model) {
			return Err(Unwanted::Model(statement.model));
		}
		if statement.size > self.max_payload {
			return Err(Unwanted::Payload(statement.size));
		}
		if bounty.count > self.max_devices {
			return Err(Unwanted::Fleet(bounty.count));
		}
		match release.state {
			ReleaseState::Yanked => Err(Unwanted::Yanked),
			ReleaseState::Pending | ReleaseState::Available | ReleaseState::Unavailable => Ok(()),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use waybill_primitives::Version;
	use waybill_testkit::scene::{Scene, MODEL};

	/// A bounty of three devices for a release of a hundred bytes.
	fn offered() -> (Bounty, Release) {
		let scene = Scene::new(3);
		scene.release(0, Version::new(1, 0, 0), 1, &[9; 100], scene.manifest_cid);
		scene.chain.edit(|world| (world.bounties[&0].clone(), world.releases[&0].clone()))
	}

	fn limits(config: Config) -> Limits {
		Limits::new(&config).unwrap()
	}

	#[test]
	fn bounty_should_not_be_wanted_when_it_is_larger_than_the_limits() {
		let (bounty, release) = offered();
		let wanted = |max_payload, max_devices| {
			limits(Config { max_payload, max_devices, ..Config::default() }).check(&bounty, &release)
		};
		assert_eq!(wanted(100, 3), Ok(()));
		assert_eq!(wanted(99, 3), Err(Unwanted::Payload(100)));
		assert_eq!(wanted(100, 2), Err(Unwanted::Fleet(3)));
	}

	#[test]
	fn bounty_should_not_be_wanted_when_it_is_of_another_model_or_pays_too_little() {
		let (bounty, release) = offered();
		let wanted = |models| limits(Config { models, ..Config::default() }).check(&bounty, &release);
		assert_eq!(wanted(vec![MODEL + 1, MODEL]), Ok(()));
		assert_eq!(wanted(vec![MODEL + 1]), Err(Unwanted::Model(MODEL)));
		assert!(limits(Config::default()).is_paid_enough(&bounty));
		assert!(!limits(Config { min_reward: "1".into(), ..Config::default() }).is_paid_enough(&bounty));
	}

	#[test]
	fn bounty_should_not_be_wanted_when_its_release_is_yanked() {
		let (bounty, mut release) = offered();
		release.state = ReleaseState::Yanked;
		assert_eq!(limits(Config::default()).check(&bounty, &release), Err(Unwanted::Yanked));
	}
}
