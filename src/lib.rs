//! Keystead: the account centre behind the avatar, and the one call with which services check a token.
//!
//! One folder for each feature, and a thin shared shell beside them; `docs/architecture.md` is the map.
//!
//! | module | what it is |
//! |---|---|
//! | [`app`], [`config`], [`routes`], [`urls`] | building the instance; its settings; every route and every path |
//! | [`db`], [`auth`], [`web`], [`api`], [`mail`], [`jobs`], [`audit`] | the shell: storage, who may, pages and forms, JSON calls, letters, chores, the log |
//! | [`setup`], [`sign_up`], [`sign_in`], [`recovery`] | from a stranger to a session |
//! | [`profile`], [`avatars`], [`email_change`], [`security`], [`passkeys`], [`appearance`] | the pages behind the avatar |
//! | [`catalogue`], [`tokens`], [`api_keys`], [`verification`] | what scopes are made of; tokens; an organization's keys; checking them |
//! | [`users`], [`organizations`], [`service_accounts`], [`administration`] | people, tenants, members that are no people, and who runs the instance |

pub mod administration;
pub mod api;
pub mod api_keys;
pub mod app;
pub mod appearance;
pub mod audit;
pub mod auth;
pub mod avatars;
pub mod catalogue;
pub mod clock;
pub mod command_line;
pub mod config;
pub mod db;
pub mod email_change;
pub mod error;
pub mod ids;
pub mod jobs;
pub mod mail;
pub mod openid;
pub mod organizations;
pub mod passkeys;
pub mod profile;
pub mod recovery;
pub mod routes;
pub mod second_factor;
pub mod security;
pub mod service_accounts;
pub mod setup;
pub mod sign_in;
pub mod sign_up;
pub mod text;
pub mod tokens;
pub mod urls;
pub mod users;
pub mod verification;
pub mod web;
