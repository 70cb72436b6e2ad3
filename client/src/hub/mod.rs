//! The hub: checks proofs for devices that are too small to check them.
//!
//! A device names its hub by address and public key, and takes its verdicts. What is asked binds all that is checked; the answer is signed over
//! the question. The hub learns neither locks nor masks, and keeps nothing but verdicts.

mod answer;
mod book;
mod config;
mod http;
mod service;
#[cfg(test)]
mod tests;
mod work;

pub use answer::Answer;
pub use config::Config;
pub use service::{run, Parts};

/// Where questions are asked.
pub const PATH: &str = "verify/v1";
