//! The reader against DAGs built byte by byte.

mod common;
mod faults;
mod files;
