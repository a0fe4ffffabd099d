//! Reading service accounts. Every query begins at the organization.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::catalogue::{Catalogue, Role};
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::db::schema::{roles, service_accounts, token_secrets, tokens, users};
use crate::error::Result;
use crate::ids::{OrganizationId, RoleId, ServiceAccountId, UserId};
use crate::organizations::Rights;
use crate::organizations::roles::Choice;
use crate::text;
use crate::tokens::active_at;
use crate::users::called;

/// So many stand on a page.
pub const PAGE: i64 = 50;

/// A service account.
#[derive(Debug, Clone, Queryable)]
pub struct Account {
    /// Its id.
    pub id: ServiceAccountId,
    /// What it is called.
    pub name: String,
    /// What is said of it.
    pub description: String,
    /// Its role: which, of the organization's own, what that is called and allows.
    pub role: (Role, Option<RoleId>, Option<String>, Option<String>),
    /// The member who is responsible for it.
    pub responsible: Option<(UserId, String, String, String)>,
    /// Whether it may be used.
    pub is_enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Account {
    /// What its role allows at this moment.
    pub fn rights(&self, catalogue: &Catalogue) -> Rights {
        let (role, _, _, own) = &self.role;
        Rights::of_role(*role, own.as_deref(), catalogue)
    }

    /// Its role.
    pub fn choice(&self) -> Choice {
        let (role, id, ..) = &self.role;
        Choice { role: *role, id: id.clone() }
    }

    /// Its role as forms write it.
    pub fn role_word(&self) -> &str {
        let (role, id, ..) = &self.role;
        id.as_ref().map_or(role.as_str(), RoleId::as_str)
    }

    /// The responsible member's name, or their address.
    pub fn responsible_name(&self) -> Option<String> {
        let (_, first, last, email) = self.responsible.as_ref()?;
        Some(called(first, last, email))
    }
}

macro_rules! accounts {
    () => {
        service_accounts::table
            .left_join(roles::table.on(roles::id.nullable().eq(service_accounts::role_id)))
            .left_join(users::table.on(users::id.nullable().eq(service_accounts::responsible_id)))
            .select((
                service_accounts::id,
                service_accounts::name,
                service_accounts::description,
                (service_accounts::role, service_accounts::role_id, roles::name.nullable(), roles::rights.nullable()),
                (users::id, users::first_name, users::last_name, users::email).nullable(),
                service_accounts::is_enabled,
                service_accounts::created_at,
            ))
    };
}

/// One of an organization's service accounts.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not one of this organization's.
pub fn find(connection: &mut Connection, organization: &OrganizationId, id: &ServiceAccountId) -> Result<Account> {
    let this = service_accounts::id.eq(id).and(service_accounts::organization_id.eq(organization));
    Ok(accounts!().filter(this).get_result(connection)?)
}

/// One in a list, and how many of its tokens and keys work now.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Which.
    pub account: Account,
    /// How many.
    pub live: i64,
}

/// An organization's service accounts whose name contains what was typed, by name, one page; one more than that tells of
/// another.
///
/// # Errors
/// When the database refuses.
pub fn list(
    connection: &mut Connection,
    organization: &OrganizationId,
    search: &str,
    page: i64,
    now: Timestamp,
) -> Result<Vec<Listed>> {
    let mut those = accounts!()
        .filter(service_accounts::organization_id.eq(organization))
        .order((service_accounts::name_key, service_accounts::id))
        .limit(PAGE + 1)
        .offset(page.saturating_mul(PAGE))
        .into_boxed();
    let key = text::search_key(search);
    if !key.is_empty() {
        those = those.filter(service_accounts::name_key.like(text::containing(&key)).escape('\\'));
    }
    let found: Vec<Account> = those.load(connection)?;
    let live = live(connection, found.iter().map(|account| &account.id), now)?;
    Ok(found.into_iter().map(|account| Listed { live: live.get(&account.id).copied().unwrap_or(0), account }).collect())
}

/// All that are enabled, to choose one of.
///
/// # Errors
/// When the database refuses.
pub fn enabled(connection: &mut Connection, organization: &OrganizationId) -> Result<Vec<Account>> {
    let theirs = service_accounts::organization_id.eq(organization).and(service_accounts::is_enabled);
    Ok(accounts!().filter(theirs).order((service_accounts::name_key, service_accounts::id)).load(connection)?)
}

/// How many tokens and keys of each work now.
fn live<'a>(
    connection: &mut Connection,
    of: impl Iterator<Item = &'a ServiceAccountId>,
    now: Timestamp,
) -> Result<HashMap<ServiceAccountId, i64>> {
    let rows: Vec<(Option<ServiceAccountId>, i64)> = tokens::table
        .inner_join(token_secrets::table)
        .filter(tokens::service_account_id.eq_any(of.map(ServiceAccountId::as_str).collect::<Vec<_>>()))
        .filter(token_secrets::is_current)
        .filter(active_at(now))
        .group_by(tokens::service_account_id)
        .select((tokens::service_account_id, diesel::dsl::count_star()))
        .load(connection)?;
    Ok(rows.into_iter().filter_map(|(id, count)| Some((id?, count))).collect())
}

/// The names of the keys that were handed to an account, newest first, and whether they work.
///
/// # Errors
/// When the database refuses.
pub fn keys(connection: &mut Connection, id: &ServiceAccountId) -> Result<Vec<crate::tokens::Token>> {
    use crate::tokens::{Record, Secret, Token, TokenKind};
    let theirs =
        tokens::service_account_id.eq(id).and(tokens::kind.eq(TokenKind::ApiKey)).and(token_secrets::is_current);
    let rows: Vec<(Record, Secret)> = tokens::table
        .inner_join(token_secrets::table)
        .filter(theirs)
        .order(tokens::id.desc())
        .select((Record::as_select(), Secret::as_select()))
        .load(connection)?;
    Ok(rows.into_iter().map(|(record, secret)| Token { record, secret }).collect())
}
