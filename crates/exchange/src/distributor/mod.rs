//! The distributor's side of an exchange.

mod epoch;
mod greeting;
mod session;

pub use epoch::Epoch;
pub use greeting::{Distributor, Greeting};
pub use session::{Job, Member, Session, SessionStage, Submission};
