//! `/organizations/{slug}/license` and `/settings/license`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::views::{FullPage, LicensePage, LicenseView, LicenseWorkedInPage};
use super::{Limited, usage};
use crate::app::Instance;
use crate::auth::SignedIn;
use crate::error::{Error, Result};
use crate::organizations::member::Member;
use crate::organizations::policy::{Right, Rights};
use crate::organizations::queries::{Which, standing};
use crate::organizations::views::Place;
use crate::urls;
use crate::web::{Visitor, html};

/// `GET /organizations/{slug}/license`.
///
/// # Errors
/// When the database refuses.
pub async fn show(member: Member, visitor: Visitor) -> Result<HttpResponse> {
    let (id, now) = (member.organization().id.clone(), member.now());
    let (license, used) = member.instance().db.read(move |connection| usage(connection, &id, now)).await?;
    let place = Place::of(&member);
    let page = LicensePage {
        shell: visitor.shell_in(&place, "License", "org-license"),
        license: LicenseView::new(&license, &used, member.organization().kind),
        place,
    };
    html(StatusCode::OK, &page)
}

/// In place of the form for one more of something, where there is no room for it: says so, and what to do.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn full(
    member: &Member,
    visitor: &Visitor,
    what: Limited,
    (title, current): (&str, &'static str),
    back_url: String,
) -> Result<Option<HttpResponse>> {
    let (id, now) = (member.organization().id.clone(), member.now());
    let reading = member.instance().db.read(move |connection| super::full(connection, &id, what, now));
    let Some(full) = reading.await? else { return Ok(None) };
    let place = Place::of(member);
    let page = FullPage { shell: visitor.shell_in(&place, title, current), count: full.count(), back_url, place };
    html(StatusCode::OK, &page).map(Some)
}

/// `GET /settings/license`: that of the organization being worked in, as far as one may see it.
///
/// # Errors
/// When the database refuses.
pub async fn worked_in(who: SignedIn, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let (whose, now) = (who.account().user_id.clone(), instance.clock.now());
    let (id, catalogue) = (who.account().organization.id.clone(), instance.config.catalogue.clone());
    let license = instance
        .db
        .read(move |connection| {
            let found = standing(connection, &whose, Which::Id(&id))?.ok_or(Error::NotFound)?;
            if found.is_closed() {
                return Err(Error::EnrolFor { slug: found.organization.slug, back: urls::settings_license() });
            }
            let kind = found.organization.kind;
            if !Rights::of(&found.standing, kind, &catalogue).may(Right::SeeOrganization) {
                return Ok(None);
            }
            let (license, used) = usage(connection, &id, now)?;
            Ok(Some(LicenseView::new(&license, &used, kind)))
        })
        .await?;
    let page = LicenseWorkedInPage {
        shell: visitor.shell("License", "license"),
        organization: who.account().organization.name.clone(),
        url: license.is_some().then(|| urls::organization_license(&who.account().organization.slug)),
        license,
    };
    html(StatusCode::OK, &page)
}
