//! `/organizations/{slug}/service-accounts/{id}/tokens`: an account's own tokens. The verbs are those of personal ones.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::pages::{BEYOND, home, the_account, touches};
use super::queries::{self, Account};
use super::service::{self, Ending};
use super::views::{IssuedPage, NewTokenPage, RegeneratePage, TokenPage};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{ServiceAccountId, TokenId};
use crate::organizations::license::Limited;
use crate::organizations::license::pages::full;
use crate::organizations::pages::done;
use crate::organizations::roles::views::OwnMatrix;
use crate::organizations::views::{ConfirmPage, Place as OrganizationPlace, role_name};
use crate::organizations::{Acts, ConfirmedMemberPost, Member, MemberConfirmed, MemberPost, Right};
use crate::text;
use crate::tokens::forms::{NewTokenForm, RegenerateForm};
use crate::tokens::pages::{FileForm, explain as explain_own, file_of, has_name};
use crate::tokens::policy::{Overlap, Status, TokenPolicy};
use crate::tokens::views::{
    AccessWords, AddressRow, ExpiryView, HistoryRow, IssuedPage as PersonalIssued, OldSecret,
    RegeneratePage as PersonalRegenerate, Rights, Ticked, TokenDetail,
};
use crate::tokens::{self, Created, Holder, Known, Place, Refused, Regenerated, Token};
use crate::urls;
use crate::web::{Notice, Pressed, Problems, Visitor, errors, html};

type AccountPath = web::Path<(String, ServiceAccountId)>;
type TokenPath = web::Path<(String, ServiceAccountId, TokenId)>;

fn place(member: &Member) -> Place {
    Place::only(member.organization())
}

/// An account whose secrets whoever asks may have.
pub(super) async fn covered(who: &impl Acts, id: &ServiceAccountId) -> Result<Account> {
    let account = the_account(who, id).await?;
    if touches(who, &account) { Ok(account) } else { Err(Error::Forbidden(BEYOND)) }
}

/// An account, and one of its tokens.
pub(super) async fn the_token(who: &impl Acts, account: &ServiceAccountId, id: &TokenId) -> Result<(Account, Token)> {
    let (organization, account, id) = (who.organization().id.clone(), account.clone(), id.clone());
    let reading = who.instance().db.read(move |connection| {
        let account = queries::find(connection, &organization, &account)?;
        let token = tokens::find(connection, Holder::service_account(&account.id), &id)?;
        Ok((account, token))
    });
    reading.await
}

/// As of one's own tokens, where the words are not about oneself.
pub(super) fn explain(why: &Refused) -> Problems {
    let mut problems = Problems::none();
    match why {
        Refused::Beyond(scopes) => {
            problems.add("scope", format!("Its role does not allow this: {}. Leave it out", scopes.join(", ")));
        }
        Refused::NameTaken => {
            problems.add("name", "An active token of this account has this name. Choose another one");
        }
        why => return explain_own(why),
    }
    problems
}

fn form_page(
    member: &Member,
    visitor: &Visitor,
    account: &Account,
    status: StatusCode,
    form: &NewTokenForm,
    (problems, policy): (&Problems, &TokenPolicy),
) -> Result<HttpResponse> {
    let (place, catalogue) = (OrganizationPlace::of(member), &member.instance().config.catalogue);
    let ticked = Ticked {
        scope: &form.scope,
        entity: &form.entity,
        entity_type: &form.entity_type,
        entity_id: &form.entity_id,
        added: &form.more,
    };
    let access = if form.access.is_empty() { "selected" } else { &form.access };
    let allowed = account.rights(catalogue);
    let page = NewTokenPage {
        shell: visitor.shell_in(&place, "Create a token", "org-service-accounts"),
        account: account.name.clone(),
        role: role_name(account.role.0, account.role.2.as_deref()),
        errors: problems.list(),
        name: problems.field("name", &form.name),
        description: problems.field("description", &form.description),
        expiry: ExpiryView::new(&form.expiry, &form.date, problems, policy, member.now()),
        rights: Rights::new(catalogue, problems.field("access", access), &ticked, problems)
            .saying(AccessWords::SERVICE)
            .within(|kind, operation| allowed.allows(kind, operation)),
        own: OwnMatrix::new(&form.right, None).within(&allowed),
        action_url: urls::service_tokens_new(&place.slug, &account.id),
        back_url: urls::service_account(&place.slug, &account.id),
        place,
    };
    html(status, &page)
}

/// `GET …/tokens/new`; what stands in the address fills the form in.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's; [`Error::Forbidden`] when it has more than whoever asks.
pub async fn new(member: MemberConfirmed, visitor: Visitor, path: AccountPath) -> Result<HttpResponse> {
    let account = covered(&*member, &path.1).await?;
    let form = NewTokenForm::of_address(visitor.request().query_string())?;
    let back = urls::service_account(&member.organization().slug, &account.id);
    let called = ("Create a token", "org-service-accounts");
    if let Some(page) = full(&member, &visitor, Limited::Tokens, called, back).await? {
        return Ok(page);
    }
    let policy = tokens::policy_in(member.instance(), Some(&member.organization().id)).await?;
    let catalogue = &member.instance().config.catalogue;
    let checked = form.check_for_account(member.now(), &policy, &place(&member), catalogue);
    let problems = checked.err().unwrap_or_default().only(&form.given());
    form_page(&member, &visitor, &account, StatusCode::OK, &form, (&problems, &policy))
}

fn issued(
    member: &Member,
    visitor: &Visitor,
    account: &Account,
    token: &Token,
    secret: crate::auth::PlainSecret,
    again: Option<(Overlap, Option<Timestamp>)>,
) -> Result<HttpResponse> {
    let (organization, config, now) = (OrganizationPlace::of(member), &member.instance().config, member.now());
    let home = home(member, account);
    let page = IssuedPage {
        shell: visitor.shell_in(&organization, &token.record.name, "org-service-accounts"),
        account: account.name.clone(),
        token: TokenDetail::at(&home, token, &[place(member)], config, now),
        home,
        secret,
        self_url: config.absolute(&urls::api_self()),
        again: again.is_some(),
        old_until: again
            .and_then(|(overlap, own)| PersonalIssued::old_until(overlap, own, token.secret.expires_at, now)),
        place: organization,
    };
    html(StatusCode::OK, &page)
}

/// `POST …/tokens/new`. The secret is in the answer and nowhere else; a reload of it shows the token without.
///
/// # Errors
/// As [`new`].
pub async fn create(
    visitor: Visitor,
    path: AccountPath,
    posted: ConfirmedMemberPost<NewTokenForm>,
) -> Result<HttpResponse> {
    let (member, mut form) = (posted.who, posted.form);
    has_name(&form.form_id)?;
    let account = covered(&*member, &path.1).await?;
    let policy = tokens::policy_in(member.instance(), Some(&member.organization().id)).await?;
    let catalogue = &member.instance().config.catalogue;
    let again = |status: StatusCode, form: &NewTokenForm, problems: &Problems| {
        form_page(&member, &visitor, &account, status, form, (problems, &policy))
    };
    if !form.more.is_empty() {
        let problems = form.add_row(catalogue);
        let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return again(status, &form, &problems);
    }
    let new = match form.check_for_account(member.now(), &policy, &place(&member), catalogue) {
        Ok(new) => new,
        Err(problems) => {
            let (id, name, now) = (account.id.clone(), text::tidy(&form.name), member.now());
            let reading = member
                .instance()
                .db
                .read(move |connection| tokens::is_taken(connection, Holder::service_account(&id), None, &name, now));
            let problems = if reading.await? { problems.and(explain(&Refused::NameTaken)) } else { problems };
            return again(StatusCode::UNPROCESSABLE_ENTITY, &form, &problems);
        }
    };
    let slug = &member.organization().slug;
    let made = match service::create_token(&member, &form.form_id, &account.id, new).await {
        Ok(made) => made,
        Err(error) => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            return errors::too_often(error, async |problems| again(status, &form, problems)).await;
        }
    };
    match made {
        Created::Now(id, secret) => {
            let (account, token) = the_token(&*member, &account.id, &id).await?;
            issued(&member, &visitor, &account, &token, secret, None)
        }
        Created::Before(made) => {
            let (place, notice) = match made {
                Some(id) => (urls::service_token(slug, &account.id, &id), Notice::TokenAlreadyCreated),
                None => (urls::service_account(slug, &account.id), Notice::TokenFormUsed),
            };
            Ok(done(member.instance(), &place, notice))
        }
        Created::Refused(why) => again(StatusCode::UNPROCESSABLE_ENTITY, &form, &explain(&why)),
    }
}

/// `GET …/tokens/{token}`.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of this account.
pub async fn show(member: Member, visitor: Visitor, path: TokenPath) -> Result<HttpResponse> {
    let (now, config, organization) = (member.now(), &member.instance().config, member.organization().id.clone());
    let (_, id, token) = path.into_inner();
    let reading = member.instance().db.read(move |connection| {
        let account = queries::find(connection, &organization, &id)?;
        let known = Known::read(connection, Holder::service_account(&id), &token, now)?;
        Ok((account, known))
    });
    let (account, Known { token, old, addresses, history }) = reading.await?;
    let (home, page_place) = (home(&member, &account), OrganizationPlace::of(&member));
    let may_change = member.rights().may(Right::ChangeServiceAccounts);
    let page = TokenPage {
        shell: visitor.shell_in(&page_place, &token.record.name, "org-service-accounts"),
        account: account.name.clone(),
        account_url: urls::service_account(&page_place.slug, &account.id),
        is_enabled: account.is_enabled,
        token: TokenDetail::at(&home, &token, &[place(&member)], config, now),
        old: old.map(|old| OldSecret::at(&home, &token, &old, config, now)),
        addresses: addresses.into_iter().map(|address| AddressRow::of(address, now)).collect(),
        history: history.into_iter().map(|entry| HistoryRow::of(entry, now)).collect(),
        may_change,
        may_renew: may_change && touches(&member, &account),
        place: page_place,
    };
    html(StatusCode::OK, &page)
}

fn regenerate_page(
    member: &Member,
    visitor: &Visitor,
    (account, token): (&Account, &Token),
    form: &RegenerateForm,
    (problems, policy): (&Problems, &TokenPolicy),
    name_taken: bool,
) -> Result<HttpResponse> {
    let (now, place, id) = (member.now(), OrganizationPlace::of(member), &token.record.id);
    let live = token.status(now) == Status::Active;
    let old = if form.old.is_empty() { Overlap::Now.as_str() } else { &form.old };
    let refused = !problems.is_empty() || name_taken;
    let page = RegeneratePage {
        shell: visitor.shell_in(&place, "Regenerate a token", "org-service-accounts"),
        account: account.name.clone(),
        account_url: urls::service_account(&place.slug, &account.id),
        errors: problems.list(),
        token_name: token.record.name.clone(),
        live,
        name_taken,
        old_end: token.secret.expires_at.filter(|_| live).map(Timestamp::exact),
        expiry: ExpiryView::new(&form.expiry, &form.date, problems, policy, now),
        old: problems.field("old", old),
        overlaps: PersonalRegenerate::overlaps(),
        made_for: Some(place.id.clone()),
        action_url: urls::service_token_regenerate(&place.slug, &account.id, id),
        edit_url: String::new(),
        back_url: urls::service_token(&place.slug, &account.id, id),
        place,
    };
    html(if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page)
}

/// `GET …/tokens/{token}/regenerate`.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of this account; [`Error::Forbidden`] when the account has more than whoever asks.
pub async fn ask_regenerate(member: MemberConfirmed, visitor: Visitor, path: TokenPath) -> Result<HttpResponse> {
    covered(&*member, &path.1).await?;
    let (account, token) = the_token(&*member, &path.1, &path.2).await?;
    let policy = tokens::policy_in(member.instance(), Some(&member.organization().id)).await?;
    let form = serde_html_form::from_str(visitor.request().query_string()).unwrap_or_default();
    regenerate_page(&member, &visitor, (&account, &token), &form, (&Problems::none(), &policy), false)
}

/// `POST …/tokens/{token}/regenerate`: as with a new token, the secret is in this answer and nowhere else.
///
/// # Errors
/// As [`ask_regenerate`].
pub async fn regenerate(
    visitor: Visitor,
    path: TokenPath,
    posted: ConfirmedMemberPost<RegenerateForm>,
) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    has_name(&form.form_id)?;
    covered(&*member, &path.1).await?;
    let (account, token) = the_token(&*member, &path.1, &path.2).await?;
    let policy = tokens::policy_in(member.instance(), Some(&member.organization().id)).await?;
    let refuse = |problems: &Problems, name_taken| {
        regenerate_page(&member, &visitor, (&account, &token), &form, (problems, &policy), name_taken)
    };
    let now = member.now();
    let (expires_at, overlap) = match form.check(token.status(now), now, &policy) {
        Ok(checked) => checked,
        Err(problems) => return refuse(&problems, false),
    };
    let of = (&account.id, &token.record.id);
    let made = match service::regenerate_token(&member, &form.form_id, of, expires_at, overlap).await {
        Ok(made) => made,
        Err(error) => return errors::too_often(error, async |problems| refuse(problems, false)).await,
    };
    match made {
        Regenerated::Now(secret) => {
            let live = token.status(now) == Status::Active;
            let overlap = if live { overlap } else { Overlap::Now };
            let own = token.secret.expires_at;
            let (account, token) = the_token(&*member, &account.id, &token.record.id).await?;
            issued(&member, &visitor, &account, &token, secret, Some((overlap, own)))
        }
        Regenerated::Before => {
            let place = urls::service_token(&member.organization().slug, &account.id, &token.record.id);
            Ok(done(member.instance(), &place, Notice::TokenAlreadyRegenerated))
        }
        Regenerated::Refused(Refused::NameTaken) => refuse(&Problems::none(), true),
        Regenerated::Refused(why) => refuse(&explain(&why), false),
    }
}

fn ask(
    member: &Member,
    visitor: &Visitor,
    (account, token): (&Account, &Token),
    deletes: bool,
) -> Result<HttpResponse> {
    let (place, id) = (OrganizationPlace::of(member), &token.record.id);
    let (title, verb, text, button) = if deletes {
        (
            "Delete a token",
            "Delete",
            "What uses it stops working at once, and its record leaves the list. This cannot be undone.",
            "Delete token",
        )
    } else {
        (
            "Revoke a token",
            "Revoke",
            "What uses it stops working at once. A revoked secret never works again; the token stays in the list, and can be regenerated.",
            "Revoke token",
        )
    };
    let page = ConfirmPage {
        shell: visitor.shell_in(&place, title, "org-service-accounts"),
        heading: format!("{verb} {}?", token.record.name),
        text: text.to_owned(),
        stops: Vec::new(),
        refused: None,
        action_url: if deletes {
            urls::service_token_delete(&place.slug, &account.id, id)
        } else {
            urls::service_token_revoke(&place.slug, &account.id, id)
        },
        back_url: urls::service_token(&place.slug, &account.id, id),
        keep: "Keep token",
        button,
        above: (urls::service_account(&place.slug, &account.id), "Service account"),
        place,
    };
    html(StatusCode::OK, &page)
}

/// `GET …/tokens/{token}/revoke`.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of this account.
pub async fn ask_revoke(member: Member, visitor: Visitor, path: TokenPath) -> Result<HttpResponse> {
    let (account, token) = the_token(&member, &path.1, &path.2).await?;
    ask(&member, &visitor, (&account, &token), false)
}

/// `GET …/tokens/{token}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of this account.
pub async fn ask_delete(member: Member, visitor: Visitor, path: TokenPath) -> Result<HttpResponse> {
    let (account, token) = the_token(&member, &path.1, &path.2).await?;
    ask(&member, &visitor, (&account, &token), true)
}

/// Ends something of a token. It asks for no confirmation of who they are: whoever must stop a leak is not kept waiting.
async fn end(
    member: Member,
    (_, account, id): (String, ServiceAccountId, TokenId),
    notice: Notice,
    back_to_account: bool,
    ending: Ending,
) -> Result<HttpResponse> {
    the_token(&member, &account, &id).await?;
    let slug = &member.organization().slug;
    let back =
        if back_to_account { urls::service_account(slug, &account) } else { urls::service_token(slug, &account, &id) };
    member.change(move |tx, acting, now, _| service::end_token(tx, acting, now, (&account, &id), ending)).await?;
    Ok(done(member.instance(), &back, notice))
}

/// `POST …/tokens/{token}/revoke`.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of this account.
pub async fn revoke(path: TokenPath, posted: MemberPost<Pressed>) -> Result<HttpResponse> {
    end(posted.who, path.into_inner(), Notice::TokenRevoked, false, Ending::Revoke).await
}

/// `POST …/tokens/{token}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of this account.
pub async fn delete(path: TokenPath, posted: MemberPost<Pressed>) -> Result<HttpResponse> {
    end(posted.who, path.into_inner(), Notice::TokenDeleted, true, Ending::Delete).await
}

/// `POST …/tokens/{token}/old-secret/end`.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of this account.
pub async fn end_old(path: TokenPath, posted: MemberPost<Pressed>) -> Result<HttpResponse> {
    end(posted.who, path.into_inner(), Notice::TokenOldSecretEnded, false, Ending::OldSecret).await
}

/// `POST …/tokens/{token}/file`: the page that shows the secret sends it back, in the body, and gets it as a file.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of this account, or this is not its secret.
pub async fn file(path: TokenPath, posted: MemberPost<FileForm>) -> Result<HttpResponse> {
    let (_, token) = the_token(&posted.who, &path.1, &path.2).await?;
    file_of(posted.who.instance(), &token, &posted.form).await
}
