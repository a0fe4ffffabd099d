//! Service accounts: members that are no people.

mod accounts;
mod heirs;
mod tokens;
