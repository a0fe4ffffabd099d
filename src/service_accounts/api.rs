//! `/api/v1/organizations/{slug}/service-accounts` and below. Secrets are made for people alone: what makes one takes a
//! [`MemberConfirmed`], and so no token comes as far.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::forms::AccountForm;
use super::pages::BEYOND;
use super::queries::{self, Account, Listed, PAGE};
use super::service::{self, Ending, Outcome};
use super::tokens::{covered, explain, the_token};
use crate::api::{Page, Sent, Wrong, asked, done, given, json, once};
use crate::error::{Error, Result};
use crate::ids::{ServiceAccountId, TokenId};
use crate::organizations::calls::{Part, conflict, invalid, made, split, taken, wrong};
use crate::organizations::views::role_name;
use crate::organizations::{Acting, Acts, Caller, CallerConfirmed, MemberConfirmed, Right};
use crate::tokens::api::{self, IssuedView, RegenerateBody, TokenView, WholeView, access, expiry, judged};
use crate::tokens::forms::NewTokenForm;
use crate::tokens::list::{Wanted, page};
use crate::tokens::{self, Created, Holder, Known, Place, Refused, Regenerated};

type Id = web::Path<(String, ServiceAccountId)>;
type TokenPath = web::Path<(String, ServiceAccountId, TokenId)>;

/// A service account.
#[derive(Serialize)]
struct AccountView {
    id: String,
    name: String,
    description: String,
    role: String,
    role_name: String,
    /// The member who is responsible.
    responsible: Option<PersonView>,
    is_enabled: bool,
    created_at: String,
}

#[derive(Serialize)]
struct PersonView {
    user_id: String,
    email: String,
}

/// In a list.
#[derive(Serialize)]
struct ListedView {
    #[serde(flatten)]
    account: AccountView,
    /// How many of its tokens and keys work now.
    live: i64,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        let responsible = account
            .responsible
            .as_ref()
            .map(|(id, .., email)| PersonView { user_id: id.to_string(), email: email.clone() });
        Self {
            id: account.id.to_string(),
            role: account.role_word().to_owned(),
            role_name: role_name(account.role.0, account.role.2.as_deref()),
            name: account.name,
            description: account.description,
            responsible,
            is_enabled: account.is_enabled,
            created_at: account.created_at.rfc3339(),
        }
    }
}

fn listed(Listed { account, live }: Listed) -> ListedView {
    ListedView { account: account.into(), live }
}

/// `GET /api/v1/organizations/{slug}/service-accounts`.
///
/// # Errors
/// [`Error::Problem`] when the address can't be read.
pub async fn list(request: HttpRequest, caller: Caller) -> Result<HttpResponse> {
    let Part { q, page } = Part::of(&request)?;
    let (id, now) = (caller.organization().id.clone(), caller.now());
    let reading = caller.instance().db.read(move |connection| queries::list(connection, &id, &q, page, now));
    let (rows, more) = split(reading.await?, PAGE);
    json(StatusCode::OK, &Page::numbered(&request, rows.into_iter().map(listed).collect(), page, more))
}

async fn tell(caller: &impl Acts, id: ServiceAccountId) -> Result<AccountView> {
    super::pages::the_account(caller, &id).await.map(AccountView::from)
}

/// `GET /api/v1/organizations/{slug}/service-accounts/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn show(caller: Caller, path: Id) -> Result<HttpResponse> {
    json(StatusCode::OK, &tell(&caller, path.into_inner().1).await?)
}

/// `POST /api/v1/organizations/{slug}/service-accounts`, and what `PATCH` changes.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountBody {
    #[serde(deserialize_with = "given")]
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    description: Option<String>,
    #[serde(deserialize_with = "given")]
    role: Option<String>,
    /// The address of the member who is responsible; `null` is nobody.
    #[serde(deserialize_with = "given")]
    #[expect(clippy::option_option, reason = "left out, null, and an address are three things")]
    responsible: Option<Option<String>>,
}

impl AccountBody {
    /// The form that says the same; what is left out is as `before` has it.
    fn check(self, before: Option<&Account>) -> Result<service::NewAccount> {
        let before = before.map(AccountForm::of).unwrap_or_default();
        let form = AccountForm {
            name: self.name.unwrap_or(before.name),
            description: self.description.unwrap_or(before.description),
            role: self.role.unwrap_or(before.role),
            email: self.responsible.map_or(before.email, Option::unwrap_or_default),
        };
        form.check().map_err(|problems| invalid(&problems))
    }
}

fn came(outcome: Outcome) -> Result<ServiceAccountId> {
    match outcome {
        Outcome::Done(id) => Ok(id),
        Outcome::Beyond => Err(Error::Forbidden(BEYOND)),
        Outcome::NoRole => Err(wrong(
            "#/role",
            "There is no such role here that an account can have: a built-in one's word but owner, or the id of one of its own.",
        )),
        Outcome::NameTaken => Err(taken("#/name", "Another service account has this name. Choose another one.")),
        Outcome::NoMember => Err(wrong("#/responsible", "No member of this organization has this address.")),
        Outcome::License(full) => Err(conflict(format!("{full}."))),
    }
}

/// `POST /api/v1/organizations/{slug}/service-accounts`.
///
/// # Errors
/// [`Error::Problem`].
pub async fn create(sent: Sent<CallerConfirmed, AccountBody>) -> Result<HttpResponse> {
    let Sent { who: caller, body } = sent;
    let new = body.check(None)?;
    let making = caller.change(move |tx, acting, now, catalogue| {
        let id = came(service::create(tx, acting, now, &new, catalogue)?)?;
        queries::find(tx, &acting.organization().id, &id).map(AccountView::from)
    });
    let account = making.await?;
    made(&*caller, &format!("/service-accounts/{}", account.id), &account)
}

/// `PATCH /api/v1/organizations/{slug}/service-accounts/{id}`: what is left out stays as it is.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's; [`Error::Problem`].
pub async fn change(path: Id, sent: Sent<CallerConfirmed, AccountBody>) -> Result<HttpResponse> {
    let (Sent { who: caller, body }, id) = (sent, path.into_inner().1);
    let changing = caller.change(move |tx, acting, now, catalogue| {
        let before = queries::find(tx, &acting.organization().id, &id)?;
        came(service::change(tx, acting, now, &id, &body.check(Some(&before))?, catalogue)?)?;
        queries::find(tx, &acting.organization().id, &id).map(AccountView::from)
    });
    json(StatusCode::OK, &changing.await?)
}

async fn turn(caller: &Caller, id: ServiceAccountId, is_enabled: bool) -> Result<HttpResponse> {
    let turning = caller.change(move |tx, acting, now, catalogue| {
        came(service::set_enabled(tx, acting, now, &id, is_enabled, catalogue)?)?;
        queries::find(tx, &acting.organization().id, &id).map(AccountView::from)
    });
    json(StatusCode::OK, &turning.await?)
}

/// `POST /api/v1/organizations/{slug}/service-accounts/{id}/disable`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn disable(caller: Caller, path: Id) -> Result<HttpResponse> {
    turn(&caller, path.into_inner().1, false).await
}

/// `POST /api/v1/organizations/{slug}/service-accounts/{id}/enable`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn enable(caller: CallerConfirmed, path: Id) -> Result<HttpResponse> {
    turn(&caller, path.into_inner().1, true).await
}

/// `DELETE /api/v1/organizations/{slug}/service-accounts/{id}`: its tokens, and the keys that were handed to it, go with it.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn delete(caller: Caller, path: Id) -> Result<HttpResponse> {
    let id = path.into_inner().1;
    let deleting =
        caller.change(move |tx, acting, now, catalogue| came(service::delete(tx, acting, now, &id, catalogue)?));
    deleting.await?;
    Ok(done())
}

/// `GET /api/v1/organizations/{slug}/service-accounts/{id}/tokens`: search, filter, order and page as on its page.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn list_tokens(request: HttpRequest, caller: Caller, path: Id) -> Result<HttpResponse> {
    let (wanted, now) = (asked::<Wanted>(&request)?.checked()?, caller.now());
    let (organization, id) = (caller.organization().id.clone(), path.into_inner().1);
    let reading = caller.instance().db.read(move |connection| {
        queries::find(connection, &organization, &id)?;
        page(connection, Holder::service_account(&id), &wanted, now)
    });
    let (slice, config) = (reading.await?, &caller.instance().config);
    let items: Vec<_> = slice.tokens.iter().map(|token| TokenView::of(token, config, now)).collect();
    json(StatusCode::OK, &Page::of(&request, items, slice.before.as_deref(), slice.after.as_deref()))
}

/// `GET …/tokens/{token}`.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of this account.
pub async fn show_token(caller: Caller, path: TokenPath) -> Result<HttpResponse> {
    let (organization, now) = (caller.organization().id.clone(), caller.now());
    let (_, account, id) = path.into_inner();
    let reading = caller.instance().db.read(move |connection| {
        queries::find(connection, &organization, &account)?;
        Known::read(connection, Holder::service_account(&account), &id, now)
    });
    json(StatusCode::OK, &WholeView::of(reading.await?, &caller.instance().config, now))
}

/// `POST …/tokens`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewTokenBody {
    name: String,
    description: String,
    expires: Value,
    scopes: Vec<String>,
    everything: bool,
}

fn is_own(word: &str) -> bool {
    Right::from_word(word).is_some_and(|right| right.parts().is_some())
}

/// One of an account's tokens, as it is told.
async fn tell_token(caller: &impl Acts, account: &ServiceAccountId, id: &TokenId) -> Result<TokenView> {
    let (_, token) = the_token(caller, account, id).await?;
    Ok(TokenView::of(&token, &caller.instance().config, caller.now()))
}

/// What was refused of a token.
fn refused(why: &Refused) -> Error {
    match why {
        Refused::License(full) => conflict(format!("{full}.")),
        Refused::NameTaken => taken("#/name", "An active token of this account has this name. Choose another one."),
        why => api::invalid(&explain(why), Vec::new()),
    }
}

/// `POST …/tokens`: the secret is in this answer and nowhere else.
///
/// # Errors
/// [`Error::NotFound`] when the account is not one of this organization's; [`Error::Problem`].
pub async fn create_token(
    request: HttpRequest,
    path: Id,
    sent: Sent<MemberConfirmed, NewTokenBody>,
) -> Result<HttpResponse> {
    let (Sent { who: member, body }, id) = (sent, path.into_inner().1);
    let once = once(&request, &format!("call {id}"))?;
    let account = covered(&*member, &id).await?;
    let (catalogue, now) = (&member.instance().config.catalogue, member.now());
    let policy = tokens::policy_in(member.instance(), Some(&member.organization().id)).await?;
    let (expiry, date) = expiry(&body.expires);
    let (right, scope) = body.scopes.iter().cloned().partition(|word| is_own(word));
    let form = NewTokenForm {
        name: body.name,
        description: body.description,
        expiry,
        date,
        access: access(body.everything),
        scope,
        right,
        ..NewTokenForm::default()
    };
    let checked = form.check_for_account(now, &policy, &Place::only(member.organization()), catalogue);
    let new = judged(checked, (body.everything, &body.scopes), catalogue, is_own)?;
    match service::create_token(&member, &once, &account.id, new).await? {
        Created::Now(id, secret) => {
            let token = IssuedView::of(tell_token(&*member, &account.id, &id).await?, &secret);
            made(&*member, &format!("/service-accounts/{}/tokens/{id}", account.id), &token)
        }
        Created::Before(Some(id)) => json(StatusCode::OK, &tell_token(&*member, &account.id, &id).await?),
        Created::Before(None) => Err(conflict("This call made a token before, and that was deleted since.")),
        Created::Refused(why) => Err(refused(&why)),
    }
}

/// `POST …/tokens/{token}/regenerate`: as with a new token, the secret is in this answer and nowhere else.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of this account; [`Error::Problem`].
pub async fn regenerate_token(
    request: HttpRequest,
    path: TokenPath,
    sent: Sent<MemberConfirmed, RegenerateBody>,
) -> Result<HttpResponse> {
    let (Sent { who: member, body }, (_, account, id)) = (sent, path.into_inner());
    let once = once(&request, &format!("call {id}"))?;
    covered(&*member, &account).await?;
    let (_, token) = the_token(&*member, &account, &id).await?;
    let policy = tokens::policy_in(member.instance(), Some(&member.organization().id)).await?;
    let now = member.now();
    let checked = body.form()?.check(token.status(now), now, &policy);
    let (expires_at, overlap) = checked.map_err(|problems| api::invalid(&problems, Vec::<Wrong>::new()))?;
    match service::regenerate_token(&member, &once, (&account, &id), expires_at, overlap).await? {
        Regenerated::Now(secret) => {
            json(StatusCode::OK, &IssuedView::of(tell_token(&*member, &account, &id).await?, &secret))
        }
        Regenerated::Before => json(StatusCode::OK, &tell_token(&*member, &account, &id).await?),
        Regenerated::Refused(why) => Err(refused(&why)),
    }
}

async fn end(caller: &Caller, path: &TokenPath, ending: Ending) -> Result<()> {
    let (account, id) = (path.1.clone(), path.2.clone());
    caller.change(move |tx, acting: &Acting, now, _| service::end_token(tx, acting, now, (&account, &id), ending)).await
}

/// `POST …/tokens/{token}/revoke`: for good. Revoking it again changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of this account.
pub async fn revoke_token(caller: Caller, path: TokenPath) -> Result<HttpResponse> {
    end(&caller, &path, Ending::Revoke).await?;
    json(StatusCode::OK, &tell_token(&caller, &path.1, &path.2).await?)
}

/// `DELETE …/tokens/{token}`.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of this account.
pub async fn delete_token(caller: Caller, path: TokenPath) -> Result<HttpResponse> {
    end(&caller, &path, Ending::Delete).await?;
    Ok(done())
}

/// `DELETE …/tokens/{token}/old-secret`. Where there is none any more, nothing changes.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of this account.
pub async fn end_old(caller: Caller, path: TokenPath) -> Result<HttpResponse> {
    end(&caller, &path, Ending::OldSecret).await?;
    Ok(done())
}
