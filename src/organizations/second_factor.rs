//! An organization that requires a second factor of its members: asking whom that hits, saying so, and what members see who
//! have none. The gate itself is [`super::Member`]'s for pages and verbs, and `verification`'s for tokens.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::prelude::*;
use serde::Deserialize;

use super::Acts;
use super::calls::shared;
use super::member::{Acting, ConfirmedMemberPost, Member, MemberConfirmed};
use super::pages::done;
use super::policy::Right;
use super::queries::{self, Without};
use super::views::Place;
use crate::audit::Action;
use crate::auth::throttle;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::organizations;
use crate::error::{Error, Result};
use crate::mail::{Notices, SecurityNotice};
use crate::text::plain_name;
use crate::urls;
use crate::web::{Notice, Shell, Visitor, filters, html, returning};

/// So many members are named; of the others it says how many they are.
const NAMED: i64 = 10;
/// Of so many is everybody told by mail.
const TOLD: i64 = 10_000;

#[derive(Template)]
#[template(path = "organizations/require_second_factor.html")]
struct AskPage {
    shell: Shell,
    place: Place,
    /// Whether it does so now.
    requires: bool,
    /// Whether whoever asks has one: else they would shut themselves out.
    has_own: bool,
    without: i64,
    members: i64,
    /// Who they are, where that may be seen.
    names: Vec<String>,
    /// How many are not named.
    more: i64,
    enrol_url: String,
}

async fn ask_page(member: &Member, visitor: &Visitor) -> Result<HttpResponse> {
    let id = member.organization().id.clone();
    let reading = member.instance().db.read(move |connection| {
        Ok((queries::without_second_factor(connection, &id, NAMED)?, queries::count_members(connection, &id)?))
    });
    let (Without { count, first }, members) = reading.await?;
    let names: Vec<String> = if member.rights().may(Right::SeeMembers) {
        first.into_iter().map(|(_, name)| name).collect()
    } else {
        Vec::new()
    };
    let place = Place::of(member);
    let has_own = member.account().second_factor;
    let page = AskPage {
        shell: visitor.shell_in(&place, "Second factor", "org-settings"),
        requires: member.organization().requires_second_factor,
        has_own,
        without: count,
        members,
        more: if names.is_empty() { 0 } else { count - i64::try_from(names.len()).unwrap_or(count) },
        names,
        enrol_url: urls::settings_second_factor_returning(&urls::organization_settings_second_factor(&place.slug)),
        place,
    };
    html(StatusCode::OK, &page)
}

/// `GET /organizations/{slug}/settings/second-factor`: whom does it hit?
///
/// # Errors
/// [`Error::NotFound`] for a private organization.
pub async fn ask(member: MemberConfirmed, visitor: Visitor) -> Result<HttpResponse> {
    shared(&*member)?;
    ask_page(&member, &visitor).await
}

/// What the page sends: `yes` or `no`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct RequireForm {
    require: String,
}

/// `POST /organizations/{slug}/settings/second-factor`.
///
/// # Errors
/// [`Error::NotFound`] for a private organization; [`Error::BadRequest`] for another answer.
pub async fn save(visitor: Visitor, posted: ConfirmedMemberPost<RequireForm>) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    shared(&*member)?;
    let require = match form.require.as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err(Error::BadRequest("the answer is yes or no")),
    };
    if require && !member.account().second_factor {
        return ask_page(&member, &visitor).await;
    }
    let notices = Arc::clone(&member.instance().notices);
    let saved = member.change(move |tx, acting, now, _| set(tx, acting, require, &notices, now));
    saved.await?;
    let notice = if require { Notice::SecondFactorRequired } else { Notice::SecondFactorNotRequired };
    Ok(done(member.instance(), &urls::organization_settings(&member.organization().slug), notice))
}

/// Requires a second factor of the members, or no longer does. Those who have none are told by mail: what they have there
/// stops at this moment, and comes back with a second factor.
///
/// # Errors
/// When the database refuses.
pub(super) fn set(tx: &mut Tx<'_>, acting: &Acting, require: bool, notices: &Notices, now: Timestamp) -> Result<()> {
    let organization = acting.organization();
    if organization.requires_second_factor == require {
        return Ok(());
    }
    diesel::update(organizations::table.find(&organization.id))
        .set(organizations::requires_second_factor.eq(require))
        .execute(&mut **tx)?;
    let detail = if require { "a second factor is required" } else { "a second factor is no longer required" };
    acting.record(
        tx,
        now,
        Action::OrganizationChanged,
        None,
        (organization.id.as_str(), &organization.name, detail),
    )?;
    if !require {
        return Ok(());
    }
    let door = format!("telling those of {} by {}", organization.id, acting.counted_as());
    throttle::enter_with(tx, &(door, throttle::TELLING), now)?;
    let notice = SecurityNotice::new(
        format!("A second factor is required in {}", plain_name(&organization.name, &organization.slug)),
        "You have none yet. Until you do, nothing of it opens to you, and your tokens and keys can do nothing there.",
    )
    .by(acting.called(tx)?)
    .saying("Set one up here; it takes a minute, and then everything is as it was", urls::settings_second_factor());
    for (user, _) in queries::without_second_factor(tx, &organization.id, TOLD)?.first {
        notices.send(tx, &user, &notice, acting.actor().origin(), now)?;
    }
    Ok(())
}

#[derive(Template)]
#[template(path = "organizations/second_factor.html")]
struct NeededPage {
    shell: Shell,
    place: Place,
    needed: bool,
    may_leave: bool,
    next: String,
    app_url: String,
    passkey_url: String,
}

/// What the address carries.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Onward {
    next: String,
}

/// `GET /organizations/{slug}/second-factor`: what to do, and the way back.
///
/// # Errors
/// When the template fails.
pub async fn show(member: Member, visitor: Visitor, asked: web::Query<Onward>) -> Result<HttpResponse> {
    let place = Place::of(&member);
    let next = returning::safe(&asked.next, &urls::organization(&place.slug));
    let needed = member.organization().requires_second_factor && !member.account().second_factor;
    let title = if needed { "A second factor is required" } else { "Nothing is in your way" };
    let page = NeededPage {
        shell: visitor.shell(title, "organizations"),
        needed,
        may_leave: member.rights().may(Right::BelongWithOthers),
        app_url: urls::settings_second_factor_returning(&next),
        passkey_url: urls::settings_passkeys_new_returning(&next),
        next,
        place,
    };
    html(StatusCode::OK, &page)
}
