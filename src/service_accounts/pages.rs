//! `/organizations/{slug}/service-accounts`, and an account's own page. Its tokens' pages are [`super::tokens`].

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::forms::AccountForm;
use super::queries::{self, Account, PAGE};
use super::service::{self, Outcome};
use super::views::{AccountFormPage, AccountPage, AccountRow, AccountsPage};
use crate::error::{Error, Result};
use crate::ids::ServiceAccountId;
use crate::organizations::license::Limited;
use crate::organizations::license::pages::full;
use crate::organizations::pages::{answer, done};
use crate::organizations::views::{ConfirmPage, Place, role_name, role_options};
use crate::organizations::{Acts, ConfirmedMemberPost, Member, MemberConfirmed, MemberPost, Right, roles};
use crate::tokens::views::{Home, ListView, TokenRow};
use crate::tokens::{self, Holder, list as tokens_list};
use crate::urls;
use crate::web::{Notice, Pressed, Problems, Visitor, html};

/// What somebody is told who may change service accounts, but not this one.
pub(super) const BEYOND: &str = "It may do more here than you. Ask somebody who may do as much.";

type Id = web::Path<(String, ServiceAccountId)>;

/// Which part of the list.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Part {
    search: String,
    page: i64,
}

impl Part {
    fn url(&self, slug: &str, page: i64) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !self.search.is_empty() {
            query.append_pair("search", &self.search);
        }
        if page > 0 {
            query.append_pair("page", &page.to_string());
        }
        let (query, path) = (query.finish(), urls::service_accounts(slug));
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }
}

/// `GET /organizations/{slug}/service-accounts`.
///
/// # Errors
/// When the database refuses.
pub async fn list(member: Member, visitor: Visitor, part: web::Query<Part>) -> Result<HttpResponse> {
    let mut part = part.into_inner();
    part.search = crate::text::shown(part.search.trim(), 100);
    let page = part.page.clamp(0, 1_000_000);
    let (id, search, now) = (member.organization().id.clone(), part.search.clone(), member.now());
    let reading = member.instance().db.read(move |connection| queries::list(connection, &id, &search, page, now));
    let mut rows = reading.await?;
    let size = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let place = Place::of(&member);
    let view = AccountsPage {
        shell: visitor.shell_in(&place, "Service accounts", "org-service-accounts"),
        rows: rows.iter().map(|row| AccountRow::of(row, &place.slug, now)).collect(),
        newer: (page > 0).then(|| part.url(&place.slug, page - 1)),
        older: more.then(|| part.url(&place.slug, page + 1)),
        search: part.search,
        may_create: member.rights().may(Right::CreateServiceAccounts),
        place,
    };
    html(StatusCode::OK, &view)
}

/// One of this organization's.
pub(super) async fn the_account(member: &impl Acts, id: &ServiceAccountId) -> Result<Account> {
    let (organization, id) = (member.organization().id.clone(), id.clone());
    member.instance().db.read(move |connection| queries::find(connection, &organization, &id)).await
}

/// Whether whoever asks may touch it: it has no more than they have.
pub(super) fn touches(member: &impl Acts, account: &Account) -> bool {
    member.rights().covers(&account.rights(&member.instance().config.catalogue))
}

/// Where its tokens' pages are.
pub(super) fn home(member: &Member, account: &Account) -> Home {
    Home::ServiceAccount {
        organization: member.organization().id.clone(),
        slug: member.organization().slug.clone(),
        account: account.id.clone(),
    }
}

async fn form_page(
    member: &Member,
    visitor: &Visitor,
    form: &AccountForm,
    problems: &Problems,
    of: Option<&Account>,
) -> Result<HttpResponse> {
    let id = member.organization().id.clone();
    let own = member.instance().db.read(move |connection| roles::list(connection, &id)).await?;
    let place = Place::of(member);
    let mut options = role_options(&own, member.rights(), &form.role, &member.instance().config.catalogue);
    options.retain(|option| option.word != "owner");
    let (title, action_url, back_url, button) = match of {
        Some(account) => (
            "Edit a service account",
            urls::service_account_edit(&place.slug, &account.id),
            urls::service_account(&place.slug, &account.id),
            "Save service account",
        ),
        None => (
            "Create a service account",
            urls::service_accounts_new(&place.slug),
            urls::service_accounts(&place.slug),
            "Create service account",
        ),
    };
    let page = AccountFormPage {
        shell: visitor.shell_in(&place, title, "org-service-accounts"),
        errors: problems.list(),
        name: problems.field("name", &form.name),
        description: problems.field("description", &form.description),
        role: problems.field("role", &form.role),
        options,
        email: problems.field("email", &form.email),
        action_url,
        back_url,
        button,
        of: of.map(|account| account.name.clone()),
        place,
    };
    answer(problems, &page)
}

fn from_address(visitor: &Visitor) -> Result<AccountForm> {
    serde_html_form::from_str(visitor.request().query_string())
        .map_err(|_| Error::BadRequest("the address could not be read"))
}

/// `GET /organizations/{slug}/service-accounts/new`; what stands in the address fills the form in.
///
/// # Errors
/// [`Error::BadRequest`] when the address can't be read.
pub async fn new(member: MemberConfirmed, visitor: Visitor) -> Result<HttpResponse> {
    let called = ("Create a service account", "org-service-accounts");
    let back = urls::service_accounts(&member.organization().slug);
    match full(&member, &visitor, Limited::ServiceAccounts, called, back).await? {
        Some(page) => Ok(page),
        None => form_page(&member, &visitor, &from_address(&visitor)?, &Problems::none(), None).await,
    }
}

fn explain(outcome: &Outcome) -> Problems {
    let mut problems = Problems::none();
    match outcome {
        Outcome::Done(_) => {}
        Outcome::Beyond => problems.add("role", "It would allow more than you may do yourself. Choose a lesser one"),
        Outcome::NoRole => problems.add("role", "Choose one of the roles"),
        Outcome::NameTaken => problems.add("name", "Another service account has this name. Choose another one"),
        Outcome::License(full) => problems.add("name", full.to_string()),
        Outcome::NoMember => problems.add("email", "No member of this organization has this address"),
    }
    problems
}

/// `POST /organizations/{slug}/service-accounts/new`.
///
/// # Errors
/// When the database refuses.
pub async fn create(visitor: Visitor, posted: ConfirmedMemberPost<AccountForm>) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    let new = match form.check() {
        Ok(new) => new,
        Err(problems) => return form_page(&member, &visitor, &form, &problems, None).await,
    };
    let made = member.change(move |tx, acting, now, catalogue| service::create(tx, acting, now, &new, catalogue));
    match made.await? {
        Outcome::Done(id) => {
            let place = urls::service_account(&member.organization().slug, &id);
            Ok(done(member.instance(), &place, Notice::ServiceAccountCreated))
        }
        outcome => form_page(&member, &visitor, &form, &explain(&outcome), None).await,
    }
}

/// `GET /organizations/{slug}/service-accounts/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn show(member: Member, visitor: Visitor, path: Id) -> Result<HttpResponse> {
    let wanted = tokens_list::wanted(visitor.request().query_string())?;
    let (organization, id, now) = (member.organization().id.clone(), path.into_inner().1, member.now());
    let asked = wanted.clone();
    let (account, slice, keys) = member
        .instance()
        .db
        .read(move |connection| {
            let account = queries::find(connection, &organization, &id)?;
            let slice = tokens_list::page(connection, Holder::service_account(&id), &asked, now)?;
            Ok((account, slice, queries::keys(connection, &id)?))
        })
        .await?;
    let (place, config, home) = (Place::of(&member), &member.instance().config, home(&member, &account));
    let touched = touches(&member, &account);
    let may = |right| touched && member.rights().may(right);
    let (slug, id) = (place.slug.clone(), &account.id);
    let keys_home = Home::Keys { organization: member.organization().id.clone() };
    let tokens: Vec<TokenRow> = slice.tokens.iter().map(|token| TokenRow::at(&home, token, &[], config, now)).collect();
    let page = AccountPage {
        shell: visitor.shell_in(&place, &account.name, "org-service-accounts"),
        account: AccountPage::row(&account, 0, &slug, now),
        responsible_url: account
            .responsible
            .as_ref()
            .filter(|_| member.rights().may(Right::SeeMembers))
            .map(|(user, ..)| urls::member(&slug, user)),
        view: ListView::at(&urls::service_account(&slug, id), "Token", &wanted, &slice),
        tokens,
        keys: keys.iter().map(|key| TokenRow::at(&keys_home, key, &[], config, now)).collect(),
        edit_url: may(Right::ChangeServiceAccounts).then(|| urls::service_account_edit(&slug, id)),
        new_token_url: may(Right::ChangeServiceAccounts).then(|| urls::service_tokens_new(&slug, id)),
        disable_url: (may(Right::ChangeServiceAccounts) && account.is_enabled)
            .then(|| urls::service_account_disable(&slug, id)),
        enable_url: (may(Right::ChangeServiceAccounts) && !account.is_enabled)
            .then(|| urls::service_account_enable(&slug, id)),
        delete_url: may(Right::DeleteServiceAccounts).then(|| urls::service_account_delete(&slug, id)),
        beyond: !touched && member.rights().may(Right::ChangeServiceAccounts),
        place,
    };
    html(StatusCode::OK, &page)
}

/// `GET /organizations/{slug}/service-accounts/{id}/edit`; what stands in the address fills the form in.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn edit(member: MemberConfirmed, visitor: Visitor, path: Id) -> Result<HttpResponse> {
    let account = the_account(&*member, &path.1).await?;
    let carried = !visitor.request().query_string().is_empty();
    let form = if carried { from_address(&visitor)? } else { AccountForm::of(&account) };
    form_page(&member, &visitor, &form, &Problems::none(), Some(&account)).await
}

/// `POST /organizations/{slug}/service-accounts/{id}/edit`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn save(visitor: Visitor, path: Id, posted: ConfirmedMemberPost<AccountForm>) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    let account = the_account(&*member, &path.1).await?;
    let new = match form.check() {
        Ok(new) => new,
        Err(problems) => return form_page(&member, &visitor, &form, &problems, Some(&account)).await,
    };
    let id = account.id.clone();
    let saved = member.change(move |tx, acting, now, catalogue| service::change(tx, acting, now, &id, &new, catalogue));
    match saved.await? {
        Outcome::Done(id) => {
            let place = urls::service_account(&member.organization().slug, &id);
            Ok(done(member.instance(), &place, Notice::ServiceAccountSaved))
        }
        outcome => form_page(&member, &visitor, &form, &explain(&outcome), Some(&account)).await,
    }
}

fn confirm_page(
    member: &Member,
    visitor: &Visitor,
    account: &Account,
    (disables, stops): (bool, Vec<String>),
    refused: bool,
) -> Result<HttpResponse> {
    let (place, id) = (Place::of(member), &account.id);
    let page = ConfirmPage {
        shell: visitor.shell_in(
            &place,
            if disables { "Disable a service account" } else { "Delete a service account" },
            "org-service-accounts",
        ),
        heading: format!("{} {}?", if disables { "Disable" } else { "Delete" }, account.name),
        text: if disables {
            "Its tokens, and the keys that were handed to it, stop working at once. When you enable it again, they work again."
        } else {
            "Its tokens, and the keys that were handed to it, go with it. This cannot be undone."
        }
        .to_owned(),
        stops,
        refused: refused.then(|| BEYOND.to_owned()),
        action_url: if disables {
            urls::service_account_disable(&place.slug, id)
        } else {
            urls::service_account_delete(&place.slug, id)
        },
        back_url: urls::service_account(&place.slug, id),
        keep: "Keep it as it is",
        button: if disables { "Disable service account" } else { "Delete service account" },
        above: (urls::service_accounts(&place.slug), "Service accounts"),
        place,
    };
    let status =
        if refused && visitor.request().method() == "POST" { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

/// What of an account works now, by name.
async fn live(member: &Member, account: &Account) -> Result<Vec<String>> {
    let (id, now) = (account.id.clone(), member.now());
    member.instance().db.read(move |connection| tokens::live_of_service_account(connection, &id, now)).await
}

/// `GET /organizations/{slug}/service-accounts/{id}/disable`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn ask_disable(member: Member, visitor: Visitor, path: Id) -> Result<HttpResponse> {
    let account = the_account(&member, &path.1).await?;
    confirm_page(&member, &visitor, &account, (true, Vec::new()), !touches(&member, &account))
}

/// `GET /organizations/{slug}/service-accounts/{id}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn ask_delete(member: Member, visitor: Visitor, path: Id) -> Result<HttpResponse> {
    let account = the_account(&member, &path.1).await?;
    let stops = live(&member, &account).await?;
    confirm_page(&member, &visitor, &account, (false, stops), !touches(&member, &account))
}

async fn turn(member: &Member, account: &Account, is_enabled: bool) -> Result<Outcome> {
    let id = account.id.clone();
    let turned = member
        .change(move |tx, acting, now, catalogue| service::set_enabled(tx, acting, now, &id, is_enabled, catalogue));
    turned.await
}

/// `POST /organizations/{slug}/service-accounts/{id}/disable`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn disable(visitor: Visitor, path: Id, posted: MemberPost<Pressed>) -> Result<HttpResponse> {
    let member = posted.who;
    let account = the_account(&member, &path.1).await?;
    match turn(&member, &account, false).await? {
        Outcome::Done(id) => {
            let place = urls::service_account(&member.organization().slug, &id);
            Ok(done(member.instance(), &place, Notice::ServiceAccountDisabled))
        }
        _ => confirm_page(&member, &visitor, &account, (true, Vec::new()), true),
    }
}

/// `POST /organizations/{slug}/service-accounts/{id}/enable`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's; [`Error::Forbidden`] when it has more than whoever asks.
pub async fn enable(path: Id, posted: ConfirmedMemberPost<Pressed>) -> Result<HttpResponse> {
    let member = posted.who;
    let account = the_account(&*member, &path.1).await?;
    match turn(&member, &account, true).await? {
        Outcome::Done(id) => {
            let place = urls::service_account(&member.organization().slug, &id);
            Ok(done(member.instance(), &place, Notice::ServiceAccountEnabled))
        }
        _ => Err(Error::Forbidden(BEYOND)),
    }
}

/// `POST /organizations/{slug}/service-accounts/{id}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn delete(visitor: Visitor, path: Id, posted: MemberPost<Pressed>) -> Result<HttpResponse> {
    let member = posted.who;
    let account = the_account(&member, &path.1).await?;
    let id = account.id.clone();
    let deleted = member.change(move |tx, acting, now, catalogue| service::delete(tx, acting, now, &id, catalogue));
    match deleted.await? {
        Outcome::Done(_) => {
            let place = urls::service_accounts(&member.organization().slug);
            Ok(done(member.instance(), &place, Notice::ServiceAccountDeleted))
        }
        _ => confirm_page(&member, &visitor, &account, (false, Vec::new()), true),
    }
}

/// A service account that keys can be handed to.
pub struct Heir {
    /// Which.
    pub id: String,
    /// What it is called,
    pub name: String,
    /// and its role.
    pub role: String,
}

/// Of some accounts those that somebody can hand keys to.
pub(crate) fn heirs(accounts: Vec<Account>, caller: &impl Acts) -> Vec<Heir> {
    let heir = |account: Account| Heir {
        id: account.id.to_string(),
        role: role_name(account.role.0, account.role.2.as_deref()),
        name: account.name,
    };
    accounts.into_iter().filter(|account| touches(caller, account)).map(heir).collect()
}
