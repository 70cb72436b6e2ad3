#![doc = include_str!("../README.md")]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
// subxt's errors are large. They come up only where the network takes the time.
#![allow(clippy::result_large_err)]

// The code that subxt generates names this crate as other crates do.
extern crate self as waybill_chain;

mod account;
mod amount;
mod block_time;
mod blocks;
mod calendar;
mod closed;
mod connect;
mod delivery;
mod dry_run;
mod error;
mod events;
pub mod exchange_view;
pub mod ledger;
mod refusal;
pub mod runtime;
mod submit;
pub mod types;
mod view;

pub use account::{Account, WrongSecretUri};
pub use amount::{Amount, UNIT};
pub use block_time::BlockTime;
pub use blocks::{Block, Blocks};
pub use calendar::{Calendar, DatedBlock, Head};
pub use closed::{ClosedBounty, PastBounty};
pub use connect::{Chain, Patience};
pub use delivery::{Claimed, ReceiptBatch, Reserved};
pub use error::{Error, Refused, Result};
pub use ledger::{Ledger, Node, Payee, State, Waits};
pub use runtime::api;
pub use submit::{mortality, Included, SubmitTerms, TxReport, Until};
pub use types::{AccountId, BlockId, Event, Hash};
pub use view::{Limits, View};
