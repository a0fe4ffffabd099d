//! What the pages of organizations show: everything in the form in which it is printed.

use askama::Template;
use serde::Deserialize;

use super::license::{License, Limited};
use super::member::Member;
use super::policy::{Grant, MATTERS, OPERATIONS, Right, Rights};
use super::roles::OwnRole;
use super::{Kind, policy};
use crate::catalogue::{Catalogue, Role};
use crate::clock::Timestamp;
use crate::text;
use crate::tokens::ScopeMatrix;
use crate::urls;
use crate::web::{Badge, Field, FieldError, Moment, Shell, filters};

/// The organization around a page: its name, and which pages its menu has.
pub struct Place {
    pub id: String,
    pub name: String,
    pub slug: String,
    pub initials: String,
    pub is_private: bool,
    rights: Rights,
}

impl Place {
    pub fn of(member: &Member) -> Self {
        let organization = member.organization();
        Self {
            id: organization.id.to_string(),
            name: organization.name.clone(),
            slug: organization.slug.clone(),
            initials: initials(&organization.name),
            is_private: organization.kind == Kind::Private,
            rights: member.rights().clone(),
        }
    }

    /// Whether the menu has an entry: whoever lacks the right finds nothing behind it.
    pub fn may(&self, right: Right) -> bool {
        self.rights.may(right)
    }
}

/// The first letters of the first two words.
pub fn initials(name: &str) -> String {
    name.split_whitespace().filter_map(|word| word.chars().next()).take(2).flat_map(char::to_uppercase).collect()
}

/// Which part of a list: what is searched for, which of those, and which page.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Part {
    pub search: String,
    pub only: String,
    pub page: i64,
}

/// The word for "the targets alone".
pub const TARGETS: &str = "targets";

impl Part {
    /// As far as it makes sense.
    pub fn tidy(self) -> Self {
        let search = text::shown(self.search.trim(), 100);
        let only = if self.only == TARGETS { self.only } else { String::new() };
        Self { search, only, page: self.page.clamp(0, 1_000_000) }
    }

    fn url(&self, path: &str, page: i64) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("search", &self.search), ("only", &self.only)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if page > 0 {
            query.append_pair("page", &page.to_string());
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// The ways to the pages before and after.
#[derive(Default)]
pub struct Pager {
    pub newer: Option<String>,
    pub older: Option<String>,
}

/// One page of what was read with one row too many, and the ways on.
pub fn split<T>(mut rows: Vec<T>, size: i64, part: &Part, path: &str) -> (Vec<T>, Pager) {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let newer = (part.page > 0).then(|| part.url(path, part.page - 1));
    (rows, Pager { newer, older: more.then(|| part.url(path, part.page + 1)) })
}

/// What a role is called.
pub fn role_name(role: Role, own: Option<&str>) -> String {
    match role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Member => "Member",
        Role::Viewer => "Viewer",
        Role::Own => own.unwrap_or("A role that is gone"),
    }
    .to_owned()
}

fn role_words(role: Role) -> &'static str {
    match role {
        Role::Owner => "May do everything here, and hand over or delete the organization.",
        Role::Admin => "May do everything but touch owners, hand over or delete the organization.",
        Role::Member => "Works with what the organization has, and may make API keys.",
        Role::Viewer => "Sees what the organization has, and changes nothing.",
        Role::Own => "",
    }
}

#[derive(Template)]
#[template(path = "organizations/list.html")]
pub struct ListPage {
    pub shell: Shell,
    pub offers: Vec<OfferRow>,
    pub rows: Vec<ListRow>,
}

/// An organization that one is invited to.
pub struct OfferRow {
    pub organization: String,
    pub by: String,
    pub role: String,
    pub ends: Moment,
    pub accept_url: String,
    pub decline_url: String,
}

pub struct ListRow {
    pub name: String,
    pub initials: String,
    pub note: String,
    pub role: String,
    pub members: i64,
    pub url: String,
    pub current: bool,
}

#[derive(Template)]
#[template(path = "organizations/new.html")]
pub struct NewPage {
    pub shell: Shell,
    pub errors: Vec<FieldError>,
    pub name: Field,
    pub slug: Field,
    pub slug_hint: String,
    /// Whether one comes from a sign-up, and may rather not.
    pub skip: bool,
}

#[derive(Template)]
#[template(path = "organizations/show.html")]
pub struct ShowPage {
    pub shell: Shell,
    pub place: Place,
    pub role: String,
    pub works_here: bool,
    /// What there is: words, number, and where there is more.
    pub figures: Vec<(&'static str, i64, Option<String>)>,
    /// What stops working soon, and when.
    pub ending: Vec<(String, Moment)>,
    pub is_target: bool,
    pub created: Moment,
    pub events: Vec<EventLine>,
}

/// A line of the organization's recent events.
pub struct EventLine {
    pub what: String,
    pub detail: String,
    pub who: String,
    pub at: Moment,
}

#[derive(Template)]
#[template(path = "organizations/settings.html")]
pub struct SettingsPage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub name: Field,
    pub slug: Field,
    pub slug_hint: String,
    pub policy: super::Policy,
    /// What tokens may be here, in words; a private one has no rules of its own.
    pub token_rules: Option<String>,
    pub requires_second_factor: bool,
    pub may_hand_over: bool,
    pub may_delete: bool,
}

#[derive(Template)]
#[template(path = "organizations/hand_over.html")]
pub struct HandOverPage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub email: Field,
    pub phrase: Field,
}

#[derive(Template)]
#[template(path = "organizations/delete.html")]
pub struct DeletePage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub phrase: Field,
    pub members: i64,
}

/// A question before something is done: what stops, then the two ways on.
#[derive(Template)]
#[template(path = "organizations/confirm.html")]
pub struct ConfirmPage {
    pub shell: Shell,
    pub place: Place,
    pub heading: String,
    pub text: String,
    /// What will stop, one by one.
    pub stops: Vec<String>,
    /// Why it can't be done.
    pub refused: Option<String>,
    pub action_url: String,
    pub back_url: String,
    pub keep: &'static str,
    pub button: &'static str,
    pub above: (String, &'static str),
}

/// The question before somebody is out: what stops, and who could have their keys.
#[derive(Template)]
#[template(path = "organizations/out.html")]
pub struct OutPage {
    pub shell: Shell,
    pub place: Place,
    pub heading: String,
    pub text: String,
    pub stops: Vec<Stop>,
    /// The service accounts that their keys can be handed to: id and name.
    pub heirs: Vec<(String, String)>,
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
    /// Are the targets alone listed?
    pub targets: bool,
    pub pager: Pager,
}

pub struct MemberRow {
    pub id: String,
    pub name: String,
    pub email: String,
    pub initials: String,
    pub role: String,
    pub badges: Vec<Badge>,
    pub is_me: bool,
    pub joined: Moment,
    pub url: String,
}

impl MemberRow {
    pub fn of(listed: &super::members::Listed, me: &crate::ids::UserId, slug: &str, now: Timestamp) -> Self {
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
            initials: initials(&name),
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
    pub role_url: Option<String>,
    pub remove_url: Option<String>,
}

/// Where rights come from.
pub struct SourceLine {
    pub role: String,
    pub from: String,
}

/// One operation on one kind of thing, and which roles give it.
pub struct RightLine {
    pub what: String,
    pub operation: String,
    pub from: String,
}

/// Every right that a member has, and where each comes from.
pub fn right_lines(
    grants: &[Grant],
    kind: Kind,
    catalogue: &Catalogue,
) -> (Vec<SourceLine>, Vec<RightLine>, Vec<RightLine>) {
    let named: Vec<(String, Rights)> = grants
        .iter()
        .map(|grant| {
            let role = role_name(grant.role, grant.role_name.as_deref());
            let name = match &grant.team {
                Some(team) => format!("{role}, of the team {team}"),
                None => role,
            };
            (name, Rights::of(&policy::Standing(vec![grant.clone()]), kind, catalogue))
        })
        .collect();
    let from = |has: &dyn Fn(&Rights) -> bool| {
        named.iter().filter(|(_, rights)| has(rights)).map(|(name, _)| name.as_str()).collect::<Vec<_>>().join("; ")
    };
    let sources = grants.iter().map(|grant| SourceLine {
        role: role_name(grant.role, grant.role_name.as_deref()),
        from: grant.team.as_ref().map_or_else(|| "Their own role".to_owned(), |team| format!("The team {team}")),
    });
    let mut matters = Vec::new();
    for (matter, what) in MATTERS {
        for right in OPERATIONS.iter().filter_map(|operation| Right::of(matter, operation)) {
            let from = from(&|rights| rights.may(right));
            if !from.is_empty() {
                let operation = right.parts().map(|(_, operation)| operation).unwrap_or_default().to_owned();
                matters.push(RightLine { what: what.to_owned(), operation, from });
            }
        }
    }
    let mut own = Vec::new();
    for entity in catalogue.entity_types() {
        for operation in catalogue.operations() {
            let from = from(&|rights| rights.allows(&entity.name, &operation.name));
            if !from.is_empty() {
                own.push(RightLine { what: entity.text.clone(), operation: operation.name.clone(), from });
            }
        }
    }
    (sources.collect(), matters, own)
}

/// The roles that a form offers.
pub struct RoleOption {
    pub word: String,
    pub name: String,
    pub words: String,
    pub chosen: bool,
}

/// All roles that whoever asks may give, `chosen` ticked.
pub fn role_options(own: &[OwnRole], rights: &Rights, chosen: &str, catalogue: &Catalogue) -> Vec<RoleOption> {
    let built_in = [Role::Owner, Role::Admin, Role::Member, Role::Viewer].into_iter().map(|role| {
        let option = (role.as_str().to_owned(), role_name(role, None), role_words(role).to_owned());
        (option, Rights::of_role(role, None, catalogue))
    });
    let own = own.iter().map(|role| {
        let option = (role.id.to_string(), role.name.clone(), role.description.clone());
        (option, Rights::of_role(Role::Own, Some(&role.rights), catalogue))
    });
    let may_give = built_in.chain(own).filter(|(_, given)| rights.covers(given));
    may_give.map(|((word, name, words), _)| RoleOption { chosen: word == chosen, word, name, words }).collect()
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

#[derive(Template)]
#[template(path = "organizations/teams.html")]
pub struct TeamsPage {
    pub shell: Shell,
    pub place: Place,
    pub rows: Vec<TeamRow>,
    pub search: String,
    pub pager: Pager,
    pub may_create: bool,
}

pub struct TeamRow {
    pub name: String,
    pub description: String,
    pub role: Option<String>,
    pub members: i64,
    pub url: String,
}

#[derive(Template)]
#[template(path = "organizations/team.html")]
pub struct TeamPage {
    pub shell: Shell,
    pub place: Place,
    pub team: TeamRow,
    pub rows: Vec<MemberRow>,
    pub sees_members: bool,
    pub refused: Option<&'static str>,
    pub search: String,
    pub pager: Pager,
    pub edit_url: Option<String>,
    pub add_url: Option<String>,
    pub remove_url: Option<String>,
    pub delete_url: Option<String>,
}

#[derive(Template)]
#[template(path = "organizations/team_form.html")]
pub struct TeamFormPage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub name: Field,
    pub description: Field,
    pub role: Field,
    pub options: Vec<RoleOption>,
    pub action_url: String,
    pub button: &'static str,
    pub back_url: String,
    pub members: i64,
}

/// The roles that a team can have: all but the owner's, and none.
pub fn for_teams(options: Vec<RoleOption>, chosen: &str) -> Vec<RoleOption> {
    let none = RoleOption {
        word: String::new(),
        name: "No role".to_owned(),
        words: "Its members may do what they may do without it.".to_owned(),
        chosen: chosen.is_empty(),
    };
    let others = options.into_iter().filter(|option| option.word != Role::Owner.as_str());
    std::iter::once(none).chain(others).collect()
}

#[derive(Template)]
#[template(path = "organizations/team_add.html")]
pub struct TeamAddPage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    /// Id, whether it is ticked, and who.
    pub rows: Vec<(String, bool, MemberRow)>,
    pub team_name: String,
    pub team_url: String,
    pub user: Field,
    pub sees_members: bool,
    pub action_url: String,
    pub search: String,
    pub pager: Pager,
}

#[derive(Template)]
#[template(path = "organizations/invitations.html")]
pub struct InvitationsPage {
    pub shell: Shell,
    pub place: Place,
    /// A link that was just made: to whom, and where it leads.
    pub made: Option<(String, String)>,
    pub refused: Option<String>,
    pub rows: Vec<InvitationRow>,
}

pub struct InvitationRow {
    pub email: String,
    pub role: String,
    pub teams: String,
    pub by: String,
    pub sent: Moment,
    pub ends: Moment,
    pub status: Badge,
    pub resend_url: String,
    pub cancel_url: String,
}

#[derive(Template)]
#[template(path = "organizations/invite.html")]
pub struct InvitePage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub email: Field,
    pub role: Field,
    pub options: Vec<RoleOption>,
    pub team: Field,
    /// Id, name, and whether it is ticked.
    pub teams: Vec<(String, String, bool)>,
}

#[derive(Template)]
#[template(path = "organizations/license.html")]
pub struct LicensePage {
    pub shell: Shell,
    pub place: Place,
    pub license: LicenseView,
}

/// The same beside one's own settings.
#[derive(Template)]
#[template(path = "organizations/license_worked_in.html")]
pub struct LicenseWorkedInPage {
    pub shell: Shell,
    pub organization: String,
    pub url: Option<String>,
    pub license: Option<LicenseView>,
}

/// What a plan allows, beside what there is.
pub struct LicenseView {
    pub plan: String,
    pub lines: Vec<LicenseLine>,
}

pub struct LicenseLine {
    pub what: &'static str,
    pub used: i64,
    /// Nothing is no limit.
    pub limit: Option<i64>,
    pub status: Option<Badge>,
}

impl LicenseView {
    pub fn new(license: &License, used: &[(Limited, i64)], kind: Kind) -> Self {
        let line = |(what, used): &(Limited, i64)| {
            let limit = license.limit(*what);
            let status = limit.and_then(|limit| match used.cmp(&limit) {
                std::cmp::Ordering::Less if limit >= 10 && used * 10 >= limit * 9 => {
                    Some(Badge { kind: "attention", word: "Nearly full" })
                }
                std::cmp::Ordering::Less => None,
                std::cmp::Ordering::Equal => Some(Badge { kind: "attention", word: "Full" }),
                std::cmp::Ordering::Greater => Some(Badge { kind: "danger", word: "Over the limit" }),
            });
            LicenseLine { what: what.words(), used: *used, limit, status }
        };
        // A private organization has one member, and no teams.
        let here =
            |(what, _): &&(Limited, i64)| kind == Kind::Shared || !matches!(what, Limited::Members | Limited::Teams);
        Self { plan: license.plan.clone(), lines: used.iter().filter(here).map(line).collect() }
    }
}

#[derive(Template)]
#[template(path = "organizations/roles.html")]
pub struct RolesPage {
    pub shell: Shell,
    pub place: Place,
    pub built_in: Vec<RoleOption>,
    pub rows: Vec<RoleRow>,
    pub may_create: bool,
}

pub struct RoleRow {
    pub name: String,
    pub description: String,
    pub count: usize,
    pub url: String,
}

/// The four that every organization has.
pub fn built_in_roles() -> Vec<RoleOption> {
    [Role::Owner, Role::Admin, Role::Member, Role::Viewer]
        .into_iter()
        .map(|role| RoleOption {
            word: role.as_str().to_owned(),
            name: role_name(role, None),
            words: role_words(role).to_owned(),
            chosen: false,
        })
        .collect()
}

#[derive(Template)]
#[template(path = "organizations/role.html")]
pub struct RolePage {
    pub shell: Shell,
    pub place: Place,
    pub name: String,
    pub description: String,
    pub holders: i64,
    pub matters: Vec<RightLine>,
    pub catalogue: Vec<RightLine>,
    pub edit_url: Option<String>,
    pub delete_url: Option<String>,
}

#[derive(Template)]
#[template(path = "organizations/role_form.html")]
pub struct RoleFormPage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub name: Field,
    pub description: Field,
    pub own: OwnMatrix,
    pub matrix: ScopeMatrix,
    pub action_url: String,
    pub button: &'static str,
    pub back_url: String,
    /// How many have it: the change holds for all of them.
    pub holders: i64,
}

/// The matrix over the organization's own matters; not every matter knows every operation.
pub struct OwnMatrix {
    pub operations: [&'static str; 4],
    pub rows: Vec<OwnRow>,
    pub error: Option<String>,
}

pub struct OwnRow {
    pub label: &'static str,
    pub cells: Vec<Option<OwnCell>>,
}

pub struct OwnCell {
    pub value: &'static str,
    pub label: String,
    pub operation: &'static str,
    pub checked: bool,
    pub implied_by: &'static str,
    pub implies: String,
}

impl OwnMatrix {
    /// The boxes, ticked as they were sent; what they fill in is marked with the strongest that does.
    pub fn new(ticked: &[String], error: Option<String>) -> Self {
        let is_ticked = |right: Right| ticked.iter().any(|word| word == right.as_str());
        let cell = |label: &'static str, right: Right| {
            let operation = right.parts().map(|(_, operation)| operation).unwrap_or_default();
            let stronger =
                Right::ALL.iter().filter(|other| is_ticked(**other) && other.implied().any(|low| low == right));
            let implied_by = stronger.max_by_key(|other| other.implied().count()).and_then(|other| other.parts());
            OwnCell {
                value: right.as_str(),
                label: format!("{label}: {operation}"),
                operation,
                checked: is_ticked(right) || implied_by.is_some(),
                implied_by: implied_by.map(|(_, operation)| operation).unwrap_or_default(),
                implies: right.implied().map(Right::as_str).collect::<Vec<_>>().join(" "),
            }
        };
        let rows = MATTERS
            .iter()
            .map(|(matter, label)| OwnRow {
                label,
                cells: OPERATIONS.iter().map(|name| Right::of(matter, name).map(|right| cell(label, right))).collect(),
            })
            .collect();
        Self { operations: OPERATIONS, rows, error }
    }
}
