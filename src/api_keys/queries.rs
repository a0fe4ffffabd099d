//! Reading keys' makers.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::db::Connection;
use crate::db::schema::{service_accounts, users};
use crate::error::Result;
use crate::ids::{ServiceAccountId, UserId};
use crate::tokens::Token;
use crate::users::{UserStatus, called};

/// For whom a key acts.
#[derive(Debug, Clone)]
pub struct Actor {
    /// What they are called.
    pub name: String,
    /// Whether they may act at all.
    pub is_enabled: bool,
}

/// For whom each of these keys acts, by the id of the user or the service account: two reads, however many keys.
///
/// # Errors
/// When the database refuses.
pub fn actors(connection: &mut Connection, keys: &[Token]) -> Result<HashMap<String, Actor>> {
    let mut makers: Vec<&UserId> = keys.iter().filter_map(|key| key.record.user_id.as_ref()).collect();
    makers.sort_unstable();
    makers.dedup();
    let mut accounts: Vec<&ServiceAccountId> =
        keys.iter().filter_map(|key| key.record.service_account_id.as_ref()).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let mut found = HashMap::new();
    if !makers.is_empty() {
        let rows: Vec<(String, String, String, String, UserStatus)> = users::table
            .filter(users::id.eq_any(makers))
            .select((users::id, users::first_name, users::last_name, users::email, users::status))
            .load(connection)?;
        found.extend(rows.into_iter().map(|(id, first, last, email, status)| {
            (id, Actor { name: called(&first, &last, &email), is_enabled: status == UserStatus::Active })
        }));
    }
    if !accounts.is_empty() {
        let rows: Vec<(String, String, bool)> = service_accounts::table
            .filter(service_accounts::id.eq_any(accounts))
            .select((service_accounts::id, service_accounts::name, service_accounts::is_enabled))
            .load(connection)?;
        found.extend(rows.into_iter().map(|(id, name, is_enabled)| (id, Actor { name, is_enabled })));
    }
    Ok(found)
}
