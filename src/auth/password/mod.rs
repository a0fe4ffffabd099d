//! Passwords: what makes one acceptable, and how it is kept.
//!
//! - `rule`: the one definition of an acceptable password, for page, script and server; pure policy.
//! - `blocklist`: the common passwords that it refuses, compiled in.
//! - `hasher`: argon2id on threads of its own, behind a short queue.
//!
//! A form goes through [`problems`] (and [`mismatch`] for its second field), becomes a [`Password`] and reaches
//! [`Hasher::hash`]; at sign-in, [`Password::new`] and [`Hasher::verify`].

mod blocklist;
mod hasher;
mod rule;

pub use hasher::{Cost, CostError, HashError, Hasher, MAX_WAIT, Verdict};
pub use rule::{
    Context, Password, PasswordPolicy, PasswordRules, Problem, RuleLine, RuleSheet, ShortPasswords, mismatch, problems,
    rules,
};
