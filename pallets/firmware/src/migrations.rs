//! Migrations of the pallet's storage, for the runtime's `MultiBlockMigrations`.

pub mod v2;
