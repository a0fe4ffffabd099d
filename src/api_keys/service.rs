//! The verbs of keys.

use super::{DAYS, policy};
use crate::app::Instance;
use crate::audit::Action;
use crate::auth::SignedIn;
use crate::catalogue::{Catalogue, Scope};
use crate::clock::{DAY, Timestamp};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::ids::TokenId;
use crate::mail::SecurityNotice;
use crate::organizations::license::{Limited, room};
use crate::organizations::member::LACKING;
use crate::organizations::{Acting, Member, MemberConfirmed};
use crate::text::plain_name;
use crate::tokens::{self, Created, For, Holder, Known, Made, NewToken, Refused, Rights, Token, Wish, words};
use crate::urls;

/// A key to be, checked.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it is for.
    pub description: String,
    /// What it is narrowed to, if to anything.
    pub rights: Rights,
}

/// The keys that a member sees in the organization that they work in.
pub(super) fn seen_by(member: &Member) -> Holder<'_> {
    let only = (!policy::sees_all(member.rights())).then(|| &member.account().user_id);
    Holder::keys(&member.organization().id, only)
}

/// Whether they see from where a key was made and used.
pub(super) fn sees_origins(member: &Member, key: &Token) -> bool {
    policy::sees_origins(member.rights(), &member.account().user_id, key.record.user_id.as_ref())
}

/// A key as they see it,
pub(super) fn as_seen(member: &Member, key: Token) -> Token {
    if sees_origins(member, &key) { key } else { key.without_origins() }
}

/// and all that is known of one.
pub(super) fn known_as_seen(member: &Member, known: Known) -> Known {
    if sees_origins(member, &known.token) { known } else { known.without_origins() }
}

/// As [`seen_by`], within a change. Keys are people's: a service account has tokens of its own.
fn seen_in(acting: &Acting) -> Result<Holder<'_>> {
    let me = acting.person()?;
    Ok(Holder::keys(&acting.organization().id, (!policy::sees_all(acting.rights())).then_some(me)))
}

/// Makes a key for the organization that the member works in, with its audit entry and the mail to its maker.
///
/// # Errors
/// [`Error::TooMany`] when this user makes too many secrets in an hour; when the database refuses.
pub async fn create(member: &MemberConfirmed, form_id: &str, new: NewKey) -> Result<Created> {
    let wish = Wish::begin(member.instance(), member, form_id).await?;
    let by: Member = (**member).clone();
    let work = move |tx: &mut Tx<'_>| {
        let (now, acting) = (wish.now, by.act(tx, wish.now)?);
        let (organization, catalogue) = (acting.organization(), &wish.config.catalogue);
        let me = acting.person()?;
        let holder = Holder::keys(&organization.id, Some(me));
        match wish.made_before(tx, holder)? {
            Made::Nothing => {}
            Made::Token(id) => return Ok(Created::Before(Some(id))),
            Made::Gone => return Ok(Created::Before(None)),
        }
        let allows = |scope: &Scope| acting.rights().allows(&scope.entity_type, &scope.operation);
        let beyond = tokens::beyond(allows, &Rights::default(), &new.rights);
        if !beyond.is_empty() {
            return Ok(Created::Refused(wish.refuse(tx, Refused::Beyond(beyond))?));
        }
        if let Err(full) = room(tx, &organization.id, Limited::ApiKeys, now)? {
            return Ok(Created::Refused(wish.refuse(tx, Refused::License(full))?));
        }
        let new = NewToken {
            name: new.description,
            description: String::new(),
            expires_at: Some(now.plus(DAYS * DAY)),
            organization: Some(organization.id.clone()),
            rights: new.rights,
            may_rotate: false,
        };
        let (id, secret) = tokens::issue(tx, holder, For::Member(me), &wish.config, &new, now)?;
        wish.done(tx, &id)?;
        let key = tokens::find(tx, holder, &id)?;
        tokens::log(tx, acting.actor(), &key.record, now, Action::TokenCreated, "")?;
        tell_of_new(tx, &wish.who, catalogue, &acting, &id, &new, now)?;
        Ok(Created::Now(id, secret))
    };
    member.instance().db.write(work).await
}

fn tell_of_new(
    tx: &mut Tx<'_>,
    who: &SignedIn,
    catalogue: &Catalogue,
    acting: &Acting,
    id: &TokenId,
    new: &NewToken,
    now: Timestamp,
) -> Result<()> {
    let Some(notices) = &who.origin().notices else { return Ok(()) };
    let rights = &new.rights;
    let place = Some(acting.organization().name.as_str());
    let can = words::can(rights.everything, &rights.scopes, place, "you may do", catalogue);
    let end = new.expires_at.map(Timestamp::day_in_words).unwrap_or_default();
    let more = format!("It is called “{}”, is valid until {end}, and can {can}.", new.name);
    let notice = SecurityNotice::new("An API key was created", more).advising(
        "someone else may be in your account. ",
        "Delete the key, then change your password",
        urls::settings_api_key(id),
    );
    notices.send(tx, acting.person()?, &notice, who.origin(), now)
}

/// Ends a key, at once and for good; if it was somebody else's, they are told.
///
/// # Errors
/// [`Error::NotFound`] when they see no such key; [`Error::Forbidden`] when they see it and may not.
pub fn delete(tx: &mut Tx<'_>, instance: &Instance, acting: &Acting, now: Timestamp, id: &TokenId) -> Result<()> {
    let (holder, me) = (seen_in(acting)?, acting.person()?);
    let key = tokens::find(tx, holder, id)?;
    let maker = key.record.user_id.as_ref();
    if !policy::may_delete(acting.rights(), me, maker) {
        return Err(Error::Forbidden(LACKING));
    }
    tokens::delete(tx, holder, acting.actor(), now, id)?;
    let Some(maker) = maker.filter(|maker| *maker != me) else { return Ok(()) };
    let organization = plain_name(&acting.organization().name, &acting.organization().slug);
    let more = format!("It was called “{}”, in {organization}. What uses it has stopped working.", key.record.name);
    let notice = SecurityNotice::new("An API key of yours was deleted", more)
        .saying("See the keys that there are", urls::settings_api_keys())
        .by(format!("someone who manages the keys of {organization}"));
    instance.notices.send(tx, maker, &notice, acting.actor().origin(), now)
}
