//! Personal access tokens.

mod change;
mod create;
mod delete;
mod file;
mod list;
mod many;
mod others;
mod regenerate;
mod revoke;
