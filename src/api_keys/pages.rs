//! `/settings/api-keys` and below: the keys of the organization being worked in. Its name stands in no address here, so
//! each form says which one it was made for. A key's own pages are of the key's organization, whatever else is worked in.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::forms::KeyForm;
use super::queries::{Actor, actors};
use super::service::{self, known_as_seen, seen_by};
use super::views::{DeleteKeyPage, Here, KeyPage, KeyRow, KeysPage, NewKeyPage, home, place};
use super::{DAYS, policy};
use crate::clock::DAY;
use crate::error::{Error, Result};
use crate::ids::TokenId;
use crate::organizations::license::Limited;
use crate::organizations::license::pages::full;
use crate::organizations::member::LACKING;
use crate::organizations::{Acts, ConfirmedMemberPost, Member, MemberConfirmed, MemberPost, Place};
use crate::tokens::pages::{FileForm, explain, file_of, has_name};
use crate::tokens::views::{AccessWords, AddressRow, HistoryRow, IssuedPage, ListView, Rights, Ticked, TokenDetail};
use crate::tokens::{self, Created, Known, Refused, Token, list as tokens_list};
use crate::urls;
use crate::web::{Notice, Pressed, Problems, Visitor, errors, html, see_other};

/// `GET /settings/api-keys`; search, filter, order and page stand in the address.
///
/// # Errors
/// [`Error::BadRequest`] when the address can't be read.
pub async fn list(member: Member, visitor: Visitor) -> Result<HttpResponse> {
    let wanted = tokens_list::wanted(visitor.request().query_string())?;
    let (now, asked, by) = (member.now(), wanted.clone(), member.clone());
    let (slice, actors) = member
        .instance()
        .db
        .read(move |connection| {
            let slice = tokens_list::page(connection, seen_by(&by), &asked, now)?;
            let actors = actors(connection, &slice.tokens)?;
            Ok((slice, actors))
        })
        .await?;
    let view = ListView::at(&urls::settings_api_keys(), "Description", &wanted, &slice);
    let config = &member.instance().config;
    let page = KeysPage {
        shell: visitor.shell("API keys", "api-keys"),
        rows: slice.tokens.iter().map(|key| KeyRow::of(key, &actors, &member, config)).collect(),
        is_empty: slice.tokens.is_empty() && !view.narrowed,
        place: Here::of(&member),
        view,
    };
    html(StatusCode::OK, &page)
}

fn form_page(
    member: &Member,
    visitor: &Visitor,
    status: StatusCode,
    form: &KeyForm,
    problems: &Problems,
) -> Result<HttpResponse> {
    let ticked = Ticked {
        scope: &form.scope,
        entity: &form.entity,
        entity_type: &form.entity_type,
        entity_id: &form.entity_id,
        added: &form.more,
    };
    let access = if form.access.is_empty() { "everything" } else { &form.access };
    let catalogue = &member.instance().config.catalogue;
    let page = NewKeyPage {
        shell: visitor.shell("Create an API key", "api-keys"),
        place: Here::of(member),
        errors: problems.list(),
        description: problems.field("description", &form.description),
        rights: Rights::new(catalogue, problems.field("access", access), &ticked, problems).saying(AccessWords::KEY),
        until: member.now().plus(DAYS * DAY).day_in_words(),
    };
    html(status, &page)
}

/// `GET /settings/api-keys/new`; what stands in the address fills the form in.
///
/// # Errors
/// [`Error::BadRequest`] when the address can't be read.
pub async fn new(member: MemberConfirmed, visitor: Visitor) -> Result<HttpResponse> {
    let form: KeyForm = serde_html_form::from_str(visitor.request().query_string())
        .map_err(|_| Error::BadRequest("the address could not be read"))?;
    let called = ("Create an API key", "api-keys");
    if let Some(page) = full(&member, &visitor, Limited::ApiKeys, called, urls::settings_api_keys()).await? {
        return Ok(page);
    }
    let problems = form.check(&member.instance().config.catalogue).err().unwrap_or_default().only(&form.given());
    form_page(&member, &visitor, StatusCode::OK, &form, &problems)
}

/// `POST /settings/api-keys/new`. The secret is in the answer and nowhere else; a reload of it shows the key without.
///
/// # Errors
/// When the database refuses.
pub async fn create(visitor: Visitor, posted: ConfirmedMemberPost<KeyForm>) -> Result<HttpResponse> {
    let (member, mut form) = (posted.who, posted.form);
    has_name(&form.form_id)?;
    let (instance, catalogue) = (member.instance(), &member.instance().config.catalogue);
    let refuse = |form: &KeyForm, problems: &Problems| {
        form_page(&member, &visitor, StatusCode::UNPROCESSABLE_ENTITY, form, problems)
    };
    if !form.more.is_empty() {
        let problems = form.add_row(catalogue);
        if !problems.is_empty() {
            return refuse(&form, &problems);
        }
        return form_page(&member, &visitor, StatusCode::OK, &form, &problems);
    }
    let new = match form.check(catalogue) {
        Ok(new) => new,
        Err(problems) => return refuse(&form, &problems),
    };
    let made = match service::create(&member, &form.form_id, new).await {
        Ok(made) => made,
        Err(error) => return errors::too_often(error, async |problems| refuse(&form, problems)).await,
    };
    match made {
        Created::Now(id, secret) => {
            let (key, _) = own(&member, &id).await?;
            let home = home(&member);
            let page = IssuedPage {
                shell: visitor.shell(&key.record.name, "api-keys"),
                token: TokenDetail::at(&home, &key, &[place(&member)], &instance.config, member.now()),
                home,
                secret,
                self_url: instance.config.absolute(&urls::api_self()),
                again: false,
                old_until: None,
            };
            html(StatusCode::OK, &page)
        }
        Created::Before(made) => {
            let (place, notice) = match made {
                Some(id) => (urls::settings_api_key(&id), Notice::KeyAlreadyCreated),
                None => (urls::settings_api_keys(), Notice::KeyFormUsed),
            };
            let mut response = see_other(&place);
            notice.send(&mut response, instance.config.is_https());
            Ok(response)
        }
        Created::Refused(Refused::License(full)) => {
            let mut problems = Problems::none();
            problems.add("description", full.to_string());
            refuse(&form, &problems)
        }
        Created::Refused(why) => refuse(&form, &explain(&why)),
    }
}

/// One of the keys that they see, and for whom it acts.
async fn own(member: &Member, id: &TokenId) -> Result<(Token, HashMap<String, Actor>)> {
    let (by, id) = (member.clone(), id.clone());
    let reading = member.instance().db.read(move |connection| {
        let key = tokens::find(connection, seen_by(&by), &id)?;
        let actors = actors(connection, std::slice::from_ref(&key))?;
        Ok((key, actors))
    });
    reading.await
}

/// `GET /settings/api-keys/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is no key that they see.
pub async fn show(member: Member, visitor: Visitor, id: web::Path<TokenId>) -> Result<HttpResponse> {
    let (now, by, config) = (member.now(), member.clone(), &member.instance().config);
    let reading = member.instance().db.read(move |connection| {
        let known = known_as_seen(&by, Known::read(connection, seen_by(&by), &id, now)?);
        let actors = actors(connection, std::slice::from_ref(&known.token))?;
        Ok((known, actors))
    });
    let (Known { token: key, addresses, history, .. }, actors) = reading.await?;
    let row = KeyRow::of(&key, &actors, &member, config);
    let hidden = !row.sees_origins;
    let page = KeyPage {
        shell: visitor.shell_in(&Place::of(&member), &key.record.name, "api-keys"),
        place: Here::of(&member),
        row,
        token: TokenDetail::at(&home(&member), &key, &[place(&member)], config, now),
        addresses: addresses.into_iter().map(|address| AddressRow::of(address, now)).collect(),
        history: history.into_iter().map(|entry| HistoryRow { hidden, ..HistoryRow::of(entry, now) }).collect(),
    };
    html(StatusCode::OK, &page)
}

/// `GET /settings/api-keys/{id}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when it is no key that they see; [`Error::Forbidden`] when they may not delete it.
pub async fn ask_delete(member: Member, visitor: Visitor, id: web::Path<TokenId>) -> Result<HttpResponse> {
    let (key, actors) = own(&member, &id).await?;
    if !policy::may_delete(member.rights(), &member.account().user_id, key.record.user_id.as_ref()) {
        return Err(Error::Forbidden(LACKING));
    }
    let page = DeleteKeyPage {
        shell: visitor.shell_in(&Place::of(&member), "Delete a key", "api-keys"),
        place: Here::of(&member),
        row: KeyRow::of(&key, &actors, &member, &member.instance().config),
    };
    html(StatusCode::OK, &page)
}

/// `POST /settings/api-keys/{id}/delete`. It asks for no confirmation of who they are: whoever must stop a leak is not kept
/// waiting.
///
/// # Errors
/// As [`ask_delete`].
pub async fn delete(id: web::Path<TokenId>, posted: MemberPost<Pressed>) -> Result<HttpResponse> {
    let (by, id) = (posted.who.clone(), id.into_inner());
    posted.who.change(move |tx, acting, now, _| service::delete(tx, by.instance(), acting, now, &id)).await?;
    let mut response = see_other(&Here::of(&posted.who).list.0);
    Notice::KeyDeleted.send(&mut response, posted.who.instance().config.is_https());
    Ok(response)
}

/// `POST /settings/api-keys/{id}/file`: the page that shows the secret sends it back, in the body, and gets it as a file.
///
/// # Errors
/// [`Error::NotFound`] when it is no key that they see, or this is not its secret.
pub async fn file(id: web::Path<TokenId>, posted: MemberPost<FileForm>) -> Result<HttpResponse> {
    let (key, _) = own(&posted.who, &id).await?;
    file_of(posted.who.instance(), &key, &posted.form).await
}
