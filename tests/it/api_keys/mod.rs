//! API keys: an organization's own, with their makers' present rights.

mod create;
mod inheritance;
mod list;
mod tenants;
