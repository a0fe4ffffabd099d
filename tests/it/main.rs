//! The application from outside: real requests over real connections, through the forms that the pages hold, on SQLite
//! and on PostgreSQL. Each test looks at the page, the rows, the mails and the log.

mod administration;
mod api;
mod appearance;
mod audit;
mod config_docs;
mod csrf;
mod email_change;
mod failures;
mod invitations;
mod journey;
mod limits;
mod mail;
mod notices;
mod openid;
mod organizations;
mod passkeys;
mod policy_agrees;
mod process;
mod profile;
mod recovery;
mod schema;
mod second_factor;
mod security;
mod sessions;
mod setup;
mod sign_in;
mod sign_up;
mod step_up;
mod support;
mod sweeps;
mod throttling;
mod tokens;
mod verification;
mod well_known;
