//! Who has a role.

use diesel::prelude::*;

use super::Choice;
use crate::db::Connection;
use crate::db::schema::{members, service_accounts, teams, users};
use crate::error::Result;
use crate::ids::{OrganizationId, ServiceAccountId, TeamId, UserId};
use crate::users::called;

/// So many of each kind are named; the rest is counted.
const NAMED: i64 = 10;

/// Those of one kind that have a role: how many, and the first by name.
#[derive(Debug, Clone)]
pub struct Held<T> {
    /// All of them.
    pub count: i64,
    /// The first, and what they are called.
    pub first: Vec<(T, String)>,
}

/// Who has a role.
#[derive(Debug, Clone)]
pub struct Holders {
    /// Those whose own role it is.
    pub members: Held<UserId>,
    /// The teams that add it to their members' rights.
    pub teams: Held<TeamId>,
    /// The service accounts.
    pub service_accounts: Held<ServiceAccountId>,
}

impl Holders {
    /// How many in all.
    pub fn total(&self) -> i64 {
        self.members.count + self.teams.count + self.service_accounts.count
    }
}

/// Who has a role of an organization.
///
/// # Errors
/// When the database refuses.
pub fn holders(connection: &mut Connection, organization: &OrganizationId, choice: &Choice) -> Result<Holders> {
    macro_rules! having {
        ($table:ident, $from:expr) => {{
            let mut those =
                $from.filter($table::organization_id.eq(organization).and($table::role.eq(choice.role))).into_boxed();
            if let Some(id) = &choice.id {
                those = those.filter($table::role_id.eq(id));
            }
            those
        }};
    }
    macro_rules! members {
        () => {
            having!(members, members::table.inner_join(users::table))
        };
    }
    macro_rules! named {
        ($table:ident) => {
            Held {
                count: having!($table, $table::table).count().get_result(connection)?,
                first: having!($table, $table::table)
                    .order(($table::name_key, $table::id))
                    .limit(NAMED)
                    .select(($table::id, $table::name))
                    .load(connection)?,
            }
        };
    }
    let people: Vec<(UserId, String, String, String)> = members!()
        .order((members::name_key, members::user_id))
        .limit(NAMED)
        .select((users::id, users::first_name, users::last_name, users::email))
        .load(connection)?;
    let first = people.into_iter().map(|(id, first, last, email)| (id, called(&first, &last, &email))).collect();
    Ok(Holders {
        members: Held { count: members!().count().get_result(connection)?, first },
        teams: named!(teams),
        service_accounts: named!(service_accounts),
    })
}
