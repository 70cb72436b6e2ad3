//! The configuration of each pallet.

mod accounts;
mod consensus;
mod firmware;
mod migrations;
mod money;
mod parameters;
mod pod_bounty;
mod system;

pub use crate::parameters::RuntimeParameters;
pub use consensus::{KeyOwnerProof, MAX_APPOINTED, MAX_CANDIDATES};
pub use money::AuthorsPot;
pub use pod_bounty::MinExclusiveWindow;
pub use system::{RuntimeBlockLength, RuntimeBlockWeights};
