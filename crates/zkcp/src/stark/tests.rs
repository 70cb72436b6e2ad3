//! The proof system as a whole: its security, what proofs show, and malformed proofs.

mod hiding;
mod malformed;
mod security;
