//! Personal access tokens.

mod create;
mod delete;
mod file;
mod list;
mod others;
mod revoke;
