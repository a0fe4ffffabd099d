//! Service accounts: members of an organization that are no people. Each has a role, capped by what whoever gives it has,
//! and tokens of its own; it outlives whoever made it. Keys whose maker leaves can be handed to one.

pub mod api;
mod forms;
pub mod pages;
mod queries;
mod service;
pub mod tokens;
mod views;

pub use queries::{Account, Listed, PAGE, enabled, find, list};
pub use service::{
    HandedOver, NewAccount, Outcome, change, create, create_token, delete, hand_over, regenerate_token, set_enabled,
    stand_down,
};
