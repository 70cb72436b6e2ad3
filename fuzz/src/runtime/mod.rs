//! The runtime's extrinsics: sequences of transactions in blocks of the real runtime, executed
//! natively.
//!
//! The bytes are a list of [steps](Step). Each step lets some blocks pass and then lets an account
//! send a transaction. The transaction is a call decoded from the bytes, or one that the [`action`]
//! module makes from few bytes with real signatures and proofs. This way every call of the two
//! pallets is reached at every stage of a bounty. No account is root, because root may break a
//! chain.
//!
//! The chain starts from a state in which a vendor has fleets, releases and an open bounty. The
//! target checks that:
//!
//! - nothing panics, no arithmetic overflows and no defensive check fails;
//! - no transaction uses more weight than it declares, and no class of transactions more than its
//!   share of a block;
//! - the [`invariants`] and `try_state` of the two pallets hold after each block, and `try_state`
//!   of all pallets at the end;
//! - promises are kept: a claim with the right key, an honest batch and the closing of every bounty
//!   succeed.

mod action;
mod chain;
mod invariants;
mod settle;
mod state;
mod world;

use action::Action;
use chain::Chain;
use codec::{Decode, Encode};
use sp_state_machine::BasicExternalities;

/// The largest number of steps taken from one input.
const MAX_STEPS: usize = 48;

/// Room for [actions](Action), so new ones do not change the meaning of existing inputs.
const KINDS: u8 = 32;

/// The same limit as for transactions from outside.
const MAX_DEPTH: u32 = frame_support::MAX_EXTRINSIC_DEPTH;

/// A step: an action of an account, some blocks later.
#[derive(Encode, Decode, Debug)]
pub struct Step {
	/// How many blocks pass first; see [`blocks`].
	pub lapse: u8,
	/// The account.
	pub who: u8,
	/// The action.
	pub action: Action,
}

/// Takes the steps, block by block.
pub fn run(data: &[u8]) {
	let steps = decode(data.to_vec());
	if steps.is_empty() {
		return;
	}
	BasicExternalities::execute_with_storage(&mut state::STATE.clone(), || {
		let mut chain = Chain::resume();
		for Step { lapse, who, action } in steps {
			if lapse > 0 {
				chain.pass(blocks(lapse));
			}
			action.take(&mut chain, &world::account(who));
		}
		chain.pass(1);
		settle::settle(&mut chain);
		invariants::all_pallets(chain.number());
	});
}

/// Decodes steps up to the first that cannot be read. Most bytes stand for some action.
fn decode(mut data: Vec<u8>) -> Vec<Step> {
	let mut steps = Vec::new();
	let mut at = 0;
	while let (Some(kind), true) = (data.get_mut(at + 2), steps.len() < MAX_STEPS) {
		*kind %= KINDS;
		let mut rest = &data[at..];
		let Ok(step) = <Step as codec::DecodeLimit>::decode_with_depth_limit(MAX_DEPTH, &mut rest) else { break };
		at = data.len() - rest.len();
		steps.push(step);
	}
	steps
}

/// Small values are single blocks. Large ones are strides that pass sessions, windows and expiry.
fn blocks(lapse: u8) -> u32 {
	match u32::from(lapse) {
		few @ ..128 => few,
		many => (many - 127) * 32,
	}
}
