//! The proof system as a whole: its security, what proofs show, and proofs of other shapes.

mod hiding;
mod malformed;
mod security;
