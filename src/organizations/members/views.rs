//! What the pages of members show.

use askama::Template;

use crate::avatars::Face;
use crate::clock::Timestamp;
use crate::organizations::roles::views::{RightLine, RoleOption, SourceLine, role_name};
use crate::organizations::views::{Pager, Place};
use crate::service_accounts::pages::Heir;
use crate::urls;
use crate::web::{Badge, Field, FieldError, Moment, Shell, filters};

/// The question before somebody is out: what stops, and who could have their keys.
#[derive(Template)]
#[template(path = "organizations/out.html")]
pub struct OutPage {
    pub shell: Shell,
    pub place: Place,
    pub heading: String,
    pub text: String,
    pub stops: Vec<Stop>,
    /// The service accounts that their keys can be handed to.
    pub heirs: Vec<Heir>,
    /// Why it can't be done.
    pub refused: Option<String>,
    pub action_url: String,
    pub back_url: String,
    pub keep: &'static str,
    pub button: &'static str,
    pub above: (String, &'static str),
}

/// A token or a key that will stop.
pub struct Stop {
    pub name: String,
    pub is_key: bool,
    pub masked: String,
}

#[derive(Template)]
#[template(path = "organizations/members.html")]
pub struct MembersPage {
    pub shell: Shell,
    pub place: Place,
    pub rows: Vec<MemberRow>,
    pub search: String,
    pub total: i64,
    /// How many of them are as asked, where something is asked.
    pub found: Option<i64>,
    /// Are the targets alone listed?
    pub targets: bool,
    pub pager: Pager,
}

pub struct MemberRow {
    pub id: String,
    pub name: String,
    pub email: String,
    pub face: Face,
    pub role: String,
    pub badges: Vec<Badge>,
    pub is_me: bool,
    pub joined: Moment,
    pub url: String,
}

impl MemberRow {
    pub fn of(listed: &super::Listed, me: &crate::ids::UserId, slug: &str, now: Timestamp) -> Self {
        let name = format!("{} {}", listed.first_name, listed.last_name).trim().to_owned();
        let mut badges = Vec::new();
        if listed.status != crate::users::UserStatus::Active {
            badges.push(Badge { kind: "danger", word: "Suspended" });
        }
        if listed.is_target {
            badges.push(Badge { kind: "quiet", word: "Target" });
        }
        Self {
            id: listed.user_id.to_string(),
            face: Face::of(&name, listed.avatar.as_deref()),
            name: if name.is_empty() { listed.email.clone() } else { name },
            email: listed.email.clone(),
            role: role_name(listed.role, listed.role_name.as_deref()),
            badges,
            is_me: listed.user_id == *me,
            joined: Moment::new(listed.joined_at, now),
            url: urls::member(slug, &listed.user_id),
        }
    }
}

#[derive(Template)]
#[template(path = "organizations/member.html")]
pub struct MemberPage {
    pub shell: Shell,
    pub place: Place,
    pub member: MemberRow,
    /// Their teams: name and page.
    pub teams: Vec<(String, String)>,
    pub sources: Vec<SourceLine>,
    pub matters: Vec<RightLine>,
    pub catalogue: Vec<RightLine>,
    /// They have more than the reader, who could change or remove others.
    pub is_beyond: bool,
    pub role_url: Option<String>,
    pub remove_url: Option<String>,
}

#[derive(Template)]
#[template(path = "organizations/member_role.html")]
pub struct MemberRolePage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub member: MemberRow,
    pub role: Field,
    pub options: Vec<RoleOption>,
    pub action_url: String,
}
