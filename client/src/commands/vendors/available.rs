//! Waiting until the attesters find a release available.

use crate::{
	error::{Error, Kind, Result},
	progress::Shown,
};
use std::time::Duration;
use tokio::time::timeout;
use waybill_chain::{Chain, Event};
use waybill_primitives::{
	view::{AttestationsView, ReleaseState},
	BlockNumber, ReleaseId, Verdict,
};

/// A release, and how the votes on it stand.
pub struct Waiting<'a> {
	chain: &'a Chain,
	release: ReleaseId,
	stand: String,
}

impl<'a> Waiting<'a> {
	/// A release that was just published.
	pub fn new(chain: &'a Chain, release: ReleaseId) -> Self {
		Self { chain, release, stand: "no block has come since".into() }
	}

	/// The block in which the attesters find the release available, from block `published` on.
	///
	/// # Errors
	/// They find otherwise, or have not agreed within `period`.
	pub async fn until_available(&mut self, published: BlockNumber, period: Duration, shown: &Shown) -> Result<BlockNumber> {
		let found = timeout(period, self.follow(published, shown)).await;
		let late = |_| {
			let Self { release, stand, .. } = self;
			Error::new(
				Kind::Failure,
				format!("release {release} is published, but the attesters have not agreed in time: {stand}"),
			)
		};
		found.map_err(late)?
	}

	async fn follow(&mut self, published: BlockNumber, shown: &Shown) -> Result<BlockNumber> {
		let release = self.release;
		self.look(published, shown).await?;
		let mut blocks = self.chain.blocks_from(published).await?;
		loop {
			let block = blocks.next().await?;
			for event in block.events.unwrap_or_default() {
				match event {
					Event::ReleaseStateChanged { release: id, state: ReleaseState::Available } if id == release => {
						return Ok(block.id.number);
					},
					Event::ReleaseStateChanged { release: id, state } if id == release => {
						return Err(Error::check(format!(
							"the attesters found release {release} {state}; pin the payload, and check that their gateways \
							 reach it"
						)));
					},
					Event::ReleaseYanked { release: id, .. } if id == release => {
						return Err(Error::check(format!("release {release} was yanked")));
					},
					_ => {},
				}
			}
			self.look(block.id.number, shown).await?;
		}
	}

	/// Looks how the votes stand now.
	async fn look(&mut self, number: BlockNumber, shown: &Shown) -> Result<()> {
		if let Some(votes) = self.chain.best().await?.attestations(self.release).await? {
			self.stand = stand(&votes, number);
			shown.say(format!("release {} is published: {}", self.release, self.stand));
		}
		Ok(())
	}
}

/// How the votes stand at this block, and what is in the way.
fn stand(votes: &AttestationsView, number: BlockNumber) -> String {
	let AttestationsView { needed, attesters, opens_at, .. } = *votes;
	let of = |verdict| votes.votes.iter().filter(|(_, vote)| *vote == verdict).count();
	let (good, unreachable, other) = (of(Verdict::Available), of(Verdict::Unreachable), of(Verdict::Mismatch));
	let why = match () {
		() if attesters == 0 => "the chain has no attesters".to_owned(),
		() if opens_at > number => format!("the vote opens at block {opens_at}"),
		() if unreachable > 0 => {
			format!("{unreachable} cannot fetch the payload; pin it, and check the gateway of the attesting node")
		},
		() if other > 0 => format!("{other} fetched something else than the release declares"),
		() => "check the attesting node's --ipfs-gateway, and that it reaches the payload".to_owned(),
	};
	format!("{good} of {needed} votes; {why}")
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn wait_should_say_what_stands_in_the_way() {
		let view = |verdicts: &[Verdict], opens_at, attesters| AttestationsView {
			round: 1,
			opens_at,
			closes_at: None,
			votes_round: 1,
			decided_at: None,
			votes: verdicts.iter().map(|verdict| ([1; 32], *verdict)).collect(),
			attesters,
			needed: 2,
		};
		for (votes, expected) in [
			(view(&[], 5, 3), "0 of 2 votes; check the attesting node's --ipfs-gateway"),
			(view(&[], 9, 3), "0 of 2 votes; the vote opens at block 9"),
			(view(&[], 5, 0), "0 of 2 votes; the chain has no attesters"),
			(view(&[Verdict::Available, Verdict::Unreachable], 5, 3), "1 of 2 votes; 1 cannot fetch the payload"),
			(view(&[Verdict::Mismatch], 5, 3), "0 of 2 votes; 1 fetched something else"),
		] {
			let stand = stand(&votes, 6);
			assert!(stand.starts_with(expected), "{stand}");
		}
	}
}
