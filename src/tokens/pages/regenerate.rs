//! A new secret for a token.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::{Id, explain, has_name, own};
use crate::app::Instance;
use crate::auth::Confirmed;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::tokens::forms::RegenerateForm;
use crate::tokens::policy::{Overlap, Status, TokenPolicy};
use crate::tokens::queries::Token;
use crate::tokens::regenerate::{self as verb, Regenerated};
use crate::tokens::service::{self, Refused};
use crate::tokens::views::{ExpiryView, Home, IssuedPage, RegeneratePage, TokenDetail};
use crate::urls;
use crate::web::form::ConfirmedPost;
use crate::web::{Notice, Problems, Visitor, errors, html, see_other};

fn page(
    visitor: &Visitor,
    status: StatusCode,
    token: &Token,
    policy: &TokenPolicy,
    form: &RegenerateForm,
    problems: &Problems,
    name_taken: bool,
) -> Result<HttpResponse> {
    let (now, id) = (visitor.now(), &token.record.id);
    let live = token.status(now) == Status::Active;
    let old = if form.old.is_empty() { Overlap::Now.as_str() } else { &form.old };
    let page = RegeneratePage {
        shell: visitor.shell("Regenerate a token", "tokens"),
        errors: problems.list(),
        token_name: token.record.name.clone(),
        live,
        name_taken,
        old_end: token.secret.expires_at.filter(|_| live).map(Timestamp::exact),
        expiry: ExpiryView::new(&form.expiry, &form.date, problems, policy, now),
        old: problems.field("old", old),
        overlaps: RegeneratePage::overlaps(),
        made_for: None,
        action_url: urls::settings_token_regenerate(id),
        edit_url: urls::settings_token_edit(id),
        back_url: urls::settings_token(id),
    };
    html(status, &page)
}

/// `GET /settings/tokens/{id}/regenerate`.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs.
pub async fn ask_regenerate(
    who: Confirmed,
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: Id,
) -> Result<HttpResponse> {
    let (token, _) = own(&instance, &who, &id).await?;
    let policy = service::policy_in(&instance, token.record.organization_id.as_ref()).await?;
    let form = serde_html_form::from_str(visitor.request().query_string()).unwrap_or_default();
    page(&visitor, StatusCode::OK, &token, &policy, &form, &Problems::none(), false)
}

/// `POST /settings/tokens/{id}/regenerate`: as with a new token, the secret is in this answer and nowhere else.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs.
pub async fn regenerate(
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: Id,
    posted: ConfirmedPost<RegenerateForm>,
) -> Result<HttpResponse> {
    let ConfirmedPost { who, form } = posted;
    let (token, _) = own(&instance, &who, &id).await?;
    let policy = service::policy_in(&instance, token.record.organization_id.as_ref()).await?;
    has_name(&form.form_id)?;
    let now = instance.clock.now();
    let refuse = |problems: &Problems, name_taken| {
        page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &token, &policy, &form, problems, name_taken)
    };
    let (expires_at, overlap) = match form.check(token.status(now), now, &policy) {
        Ok(checked) => checked,
        Err(problems) => return refuse(&problems, false),
    };
    let made = match verb::regenerate(&instance, &who, &form.form_id, &id, expires_at, overlap).await {
        Ok(made) => made,
        Err(error) => return errors::too_often(error, async |problems| refuse(problems, false)).await,
    };
    match made {
        Regenerated::Now(secret) => {
            let old_until = IssuedPage::old_until(overlap, token.secret.expires_at, expires_at, now);
            let live = token.status(now) == Status::Active;
            let (token, places) = own(&instance, &who, &id).await?;
            let page = IssuedPage {
                shell: visitor.shell(&token.record.name, "tokens"),
                home: Home::Personal,
                token: TokenDetail::of(&token, &places, &instance.config, now),
                secret,
                self_url: instance.config.absolute(&urls::api_self()),
                again: true,
                old_until: old_until.filter(|_| live),
            };
            html(StatusCode::OK, &page)
        }
        Regenerated::Before => {
            let mut response = see_other(&urls::settings_token(&id));
            Notice::TokenAlreadyRegenerated.send(&mut response, instance.config.is_https());
            Ok(response)
        }
        Regenerated::Refused(Refused::NameTaken) => refuse(&Problems::none(), true),
        Regenerated::Refused(why) => refuse(&explain(&why), false),
    }
}
