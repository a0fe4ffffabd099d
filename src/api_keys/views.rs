//! What the pages of keys show.

use std::collections::HashMap;

use askama::Template;

use super::queries::Actor;
use super::{policy, service};
use crate::config::Config;
use crate::organizations::Member;
use crate::organizations::policy::may_make_keys;
use crate::organizations::{Kind, Right};
use crate::tokens::views::{AddressRow, HistoryRow, Home, ListView, Rights, TokenDetail, TokenRow};
use crate::tokens::{Place, Token};
use crate::urls;
use crate::web::{Badge, Field, FieldError, Shell, filters};

/// The organization that the page is about: the one being worked in.
#[expect(clippy::struct_excessive_bools, reason = "the page asks each by itself")]
pub struct Here {
    pub id: String,
    pub name: String,
    pub is_private: bool,
    /// Whether whoever asks sees everybody's keys.
    pub sees_all: bool,
    pub may_create: bool,
    /// Why not: the organization lets only those make keys who manage everybody's.
    pub closed: bool,
    /// Where one comes from and what that is called: the list, or, of an organization that one does not work in, its overview.
    pub list: (String, String),
}

impl Here {
    pub fn of(member: &Member) -> Self {
        let (organization, rights) = (member.organization(), member.rights());
        let may_create = may_make_keys(rights, organization.policy());
        Self {
            id: organization.id.to_string(),
            name: organization.name.clone(),
            is_private: organization.kind == Kind::Private,
            sees_all: policy::sees_all(rights),
            may_create,
            closed: !may_create && rights.may(Right::CreateKeys),
            list: if member.account().organization.id == organization.id {
                (urls::settings_api_keys(), "API keys".to_owned())
            } else {
                (urls::organization(&organization.slug), organization.name.clone())
            },
        }
    }
}

/// Where keys' pages are.
pub fn home(member: &Member) -> Home {
    Home::Keys { organization: member.organization().id.clone() }
}

#[derive(Template)]
#[template(path = "api_keys/list.html")]
pub struct KeysPage {
    pub shell: Shell,
    pub place: Here,
    pub rows: Vec<KeyRow>,
    pub view: ListView,
    pub is_empty: bool,
}

/// A key in a line of the list.
#[expect(clippy::struct_excessive_bools, reason = "the page asks each by itself")]
pub struct KeyRow {
    pub token: TokenRow,
    pub status: Badge,
    /// For whom it acts.
    pub actor: String,
    /// Their page, for those who may see it.
    pub actor_url: Option<String>,
    pub is_mine: bool,
    pub is_handed_over: bool,
    pub may_delete: bool,
    /// Whether they see from where it was made and used.
    pub sees_origins: bool,
}

impl KeyRow {
    pub fn of(key: &Token, actors: &HashMap<String, Actor>, member: &Member, config: &Config) -> Self {
        let (record, slug, rights) = (&key.record, &member.organization().slug, member.rights());
        let me = &member.account().user_id;
        let row = TokenRow::at(&home(member), key, &[], config, member.now());
        let id = match (&record.user_id, &record.service_account_id) {
            (Some(user), _) => user.as_str(),
            (None, Some(account)) => account.as_str(),
            (None, None) => "",
        };
        let actor = actors.get(id);
        let disabled = row.live && !actor.is_some_and(|actor| actor.is_enabled);
        Self {
            status: if disabled { Badge { kind: "danger", word: "Disabled" } } else { row.status.clone() },
            actor: actor.map(|actor| actor.name.clone()).unwrap_or_default(),
            actor_url: match (&record.user_id, &record.service_account_id) {
                (Some(user), _) => rights.may(Right::SeeMembers).then(|| urls::member(slug, user)),
                (None, Some(account)) => {
                    rights.may(Right::SeeServiceAccounts).then(|| urls::service_account(slug, account))
                }
                (None, None) => None,
            },
            is_mine: record.user_id.as_ref() == Some(me),
            is_handed_over: record.user_id.is_none(),
            may_delete: policy::may_delete(rights, me, record.user_id.as_ref()),
            sees_origins: service::sees_origins(member, key),
            token: row,
        }
    }
}

#[derive(Template)]
#[template(path = "api_keys/new.html")]
pub struct NewKeyPage {
    pub shell: Shell,
    pub place: Here,
    pub errors: Vec<FieldError>,
    pub description: Field,
    pub rights: Rights,
    pub until: String,
}

#[derive(Template)]
#[template(path = "api_keys/show.html")]
pub struct KeyPage {
    pub shell: Shell,
    pub place: Here,
    pub row: KeyRow,
    pub token: TokenDetail,
    pub addresses: Vec<AddressRow>,
    pub history: Vec<HistoryRow>,
}

#[derive(Template)]
#[template(path = "api_keys/delete.html")]
pub struct DeleteKeyPage {
    pub shell: Shell,
    pub place: Here,
    pub row: KeyRow,
}

/// The organization, as tokens' pages name it.
pub fn place(member: &Member) -> Place {
    Place::only(member.organization())
}
