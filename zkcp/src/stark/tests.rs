//! The proof system as a whole: its security, what proofs show, and proofs of other shapes.

mod security;
