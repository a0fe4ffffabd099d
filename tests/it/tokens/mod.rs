//! Personal access tokens.

mod change;
mod create;
mod delete;
mod file;
mod list;
mod many;
mod one;
mod others;
mod places;
mod policies;
mod regenerate;
mod revoke;
