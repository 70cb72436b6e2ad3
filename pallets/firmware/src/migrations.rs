//! From one layout of the storage to the next, for the runtime's `MultiBlockMigrations`.

pub mod v2;
