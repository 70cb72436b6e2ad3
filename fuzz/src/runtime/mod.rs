//! The runtime's extrinsics: sequences of transactions in blocks of the real runtime, executed natively.
//!
//! The bytes are a list of [steps](Step). Each lets some blocks pass, and then has an account send a transaction: a call decoded from
//! the bytes as they are, or one that the [`action`] module makes of few bytes with real signatures and proofs, so that every call
//! of the two pallets is reached at every stage of a bounty. No account is root: only root may break a chain.
//!
//! The chain starts from a state in which a vendor has fleets, releases and an open bounty. Checked are:
//! - nothing panics, no arithmetic overflows, no defensive check fails;
//! - no transaction uses more weight than it declares, no class of transactions more than its share of a block;
//! - after each block what the [`invariants`] module says, and `try_state` of the two pallets; of all pallets at the end;
//! - what is promised for certain is kept: a claim with the right key, an honest batch, the closing of every bounty.

mod action;
mod chain;
mod invariants;
mod world;

use action::Action;
use chain::Chain;
use codec::{Decode, Encode};
use sp_state_machine::BasicExternalities;

/// No more steps are taken of one input.
const MAX_STEPS: usize = 48;

/// Room for [actions](Action); those that are added leave the meaning of the others as it is.
const KINDS: u8 = 32;

/// As for transactions from outside.
const MAX_DEPTH: u32 = frame_support::MAX_EXTRINSIC_DEPTH;

/// Something that an account does.
#[derive(Encode, Decode, Debug)]
pub struct Step {
	/// How many blocks pass before, see [`blocks`].
	pub lapse: u8,
	/// Which account.
	pub who: u8,
	/// What it does.
	pub action: Action,
}

/// Takes the steps, block by block.
pub fn run(data: &[u8]) {
	let steps = decode(data.to_vec());
	if steps.is_empty() {
		return;
	}
	BasicExternalities::execute_with_storage(&mut world::STATE.clone(), || {
		let mut chain = Chain::resume();
		for Step { lapse, who, action } in steps {
			if lapse > 0 {
				chain.pass(blocks(lapse));
			}
			action.take(&mut chain, &world::account(who));
		}
		chain.pass(1);
		invariants::settle(&mut chain);
		invariants::all_pallets(chain.number());
	});
}

/// The steps up to the first that cannot be read. Most bytes are some action.
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

/// Few blocks one by one, many in strides that pass sessions, windows and expiry.
fn blocks(lapse: u8) -> u32 {
	match u32::from(lapse) {
		few @ ..128 => few,
		many => (many - 127) * 32,
	}
}
