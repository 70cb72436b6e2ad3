//! Networks of several nodes on this machine, run by zombienet.

mod definition;
mod network;

pub use definition::Definition;
pub use network::{Network, NodeInfo};
