//! The chain, over a node's RPC.
//!
//! Types are generated from the runtime's metadata (`client/metadata/waybill.scale`) and turned into those of `waybill-primitives` here:
//! nothing outside this module speaks of generated types, other than to build a call.

mod blocks;
mod connect;
mod delivery;
mod events;
mod refusal;
pub mod runtime;
mod submit;
pub mod types;
mod view;

pub use blocks::Blocks;
pub use connect::{Chain, Patience};
pub use runtime::api;
pub use submit::{mortality, Included, Terms, TxReport, Until, TOO_LATE};
pub use types::{AccountId, BlockId, Event, Hash};
pub use view::View;
