//! Upkeep of what is in IPFS: looks whether kubo still has it, and unpins what nobody needs. It runs
//! beside everything else, so that a kubo that hangs does not hold up claims.

use crate::{content::Content, error::Result};
use std::collections::HashSet;
use tokio::task::JoinSet;
use waybill_primitives::{BlockNumber, BountyId};

/// A piece of upkeep that has ended.
pub enum Done {
	/// Kubo has lost content for these bounties. It has to be prepared again.
	Lost {
		/// The bounties.
		bounties: Vec<BountyId>,
		/// Whether kubo answered about all bounties.
		is_complete: bool,
	},
	/// This bounty is forgotten, or could not be.
	Retired(BountyId, Result<()>),
}

/// The upkeep that is under way.
pub struct Upkeep {
	content: Content,
	is_checking: bool,
	retiring: HashSet<BountyId>,
	tasks: JoinSet<Done>,
}

impl Upkeep {
	/// Nothing is under way yet.
	pub fn new(content: Content) -> Self {
		Self { content, is_checking: false, retiring: HashSet::new(), tasks: JoinSet::new() }
	}

	/// Looks whether kubo still has the content for these bounties, unless it is looking already.
	pub fn check(&mut self, bounties: Vec<BountyId>) {
		if std::mem::replace(&mut self.is_checking, true) {
			return;
		}
		let content = self.content.clone();
		self.tasks.spawn(async move {
			let (mut lost, mut is_complete) = (Vec::new(), true);
			for bounty in bounties {
				match content.check(bounty).await {
					Ok(true) => lost.push(bounty),
					Ok(false) => {},
					Err(error) => {
						tracing::warn!(bounty, %error, "cannot look whether kubo still has the content");
						is_complete = false;
						break;
					},
				}
			}
			Done::Lost { bounties: lost, is_complete }
		});
	}

	/// Forgets a bounty that is gone from the chain at this block, unless that is under way.
	pub fn retire(&mut self, bounty: BountyId, block: BlockNumber) {
		if self.retiring.insert(bounty) {
			let content = self.content.clone();
			self.tasks.spawn(async move { Done::Retired(bounty, content.retire(bounty, block).await) });
		}
	}

	/// Whether [`Self::finish`] has something to wait for.
	pub fn is_busy(&self) -> bool {
		!self.tasks.is_empty()
	}

	/// Waits until a piece of upkeep has ended.
	pub async fn finish(&mut self) -> Option<Done> {
		let done = self.tasks.join_next().await?.ok()?;
		match &done {
			Done::Lost { .. } => self.is_checking = false,
			Done::Retired(bounty, _) => {
				self.retiring.remove(bounty);
			},
		}
		Some(done)
	}
}
