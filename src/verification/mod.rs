//! Checking tokens: is it good, whose is it, may it do this?
//!
//! The answer is read from the database at every check, so a revocation holds for every check that starts after its
//! answer, on any number of nodes. Nothing is written on the way: uses are gathered in memory and written in batches.

pub mod calls;
pub mod health;
mod queries;
mod uses;
pub mod verdict;

pub(crate) use queries::{Look, Subject, look_up};
pub use uses::Uses;
pub(crate) use verdict::Code;
