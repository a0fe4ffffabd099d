//! `/admin/organizations`: every organization of the instance, and what its plan allows.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use validator::Validate;

use crate::app::Instance;
use crate::auth::Administrator;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::ids::OrganizationId;
use crate::organizations::admin::{self, Facts};
use crate::organizations::license::{self, License, Limited, MOST};
use crate::organizations::{LicenseView, Pager, Part, split};
use crate::text;
use crate::urls;
use crate::web::form::AdministratorPost;
use crate::web::{Field, FieldError, Moment, Notice, Problems, Shell, Visitor, filters, html, see_other};

#[derive(Template)]
#[template(path = "admin/organizations.html")]
struct OrganizationsPage {
    shell: Shell,
    rows: Vec<OrganizationRow>,
    search: String,
    pager: Pager,
}

struct OrganizationRow {
    name: String,
    note: String,
    plan: String,
    members: i64,
    created: Moment,
    url: String,
}

fn row(facts: Facts, now: Timestamp) -> OrganizationRow {
    OrganizationRow {
        url: urls::admin_organization(&facts.id),
        name: facts.name,
        note: facts.private_to.map_or(facts.slug, |email| format!("Private, of {email}")),
        plan: facts.plan.unwrap_or_else(|| license::STANDARD.to_owned()),
        members: facts.members,
        created: Moment::new(facts.created_at, now),
    }
}

/// `GET /admin/organizations`.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    _: Administrator,
    visitor: Visitor,
    instance: web::Data<Instance>,
    part: web::Query<Part>,
) -> Result<HttpResponse> {
    let part = part.into_inner().tidy();
    let (search, page, now) = (part.search.clone(), part.page, instance.clock.now());
    let rows = instance.db.read(move |connection| admin::list(connection, &search, page)).await?;
    let (rows, pager) = split(rows, admin::PAGE, &part, &urls::admin_organizations());
    let page = OrganizationsPage {
        shell: visitor.shell("Organizations", "admin-organizations"),
        rows: rows.into_iter().map(|facts| row(facts, now)).collect(),
        search: part.search,
        pager,
    };
    html(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "admin/organization.html")]
struct OrganizationPage {
    shell: Shell,
    errors: Vec<FieldError>,
    about: OrganizationRow,
    plan: Field,
    /// Each limit, and what it is called.
    limits: Vec<(Field, &'static str)>,
    license: LicenseView,
}

/// A license, as it is typed: nothing is no limit.
#[derive(Clone, Default, Deserialize, Validate)]
#[serde(default)]
pub struct LicenseForm {
    #[validate(custom(function = text::title))]
    plan: String,
    members: String,
    teams: String,
    api_keys: String,
    service_accounts: String,
    tokens: String,
}

impl LicenseForm {
    fn of(license: &License) -> Self {
        let typed = |what| license.limit(what).map(|limit| limit.to_string()).unwrap_or_default();
        Self {
            plan: license.plan.clone(),
            members: typed(Limited::Members),
            teams: typed(Limited::Teams),
            api_keys: typed(Limited::ApiKeys),
            service_accounts: typed(Limited::ServiceAccounts),
            tokens: typed(Limited::Tokens),
        }
    }

    fn typed(&self, what: Limited) -> &str {
        match what {
            Limited::Members => &self.members,
            Limited::Teams => &self.teams,
            Limited::ApiKeys => &self.api_keys,
            Limited::ServiceAccounts => &self.service_accounts,
            Limited::Tokens => &self.tokens,
        }
    }

    fn check(&self) -> Result<License, Problems> {
        let mut problems = Problems::of(self);
        let mut license = License::named(text::tidy(&self.plan));
        for what in Limited::ALL {
            let typed = self.typed(*what).trim();
            let limit = typed.parse::<i64>().ok().filter(|limit| (0..=MOST).contains(limit));
            if limit.is_none() && !typed.is_empty() {
                let message = format!("Enter a whole number up to {MOST}, or nothing for no limit");
                problems.add(what.as_str(), message);
            }
            license = license.with(*what, limit);
        }
        if problems.is_empty() { Ok(license) } else { Err(problems) }
    }
}

async fn page(
    visitor: &Visitor,
    instance: &Instance,
    id: OrganizationId,
    form: Option<&LicenseForm>,
    problems: &Problems,
) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let work = move |connection: &mut crate::db::Connection| {
        let facts = admin::find(connection, &id)?;
        Ok((facts, license::usage(connection, &id, now)?))
    };
    let (facts, (license, used)) = instance.db.read(work).await?;
    let form = form.cloned().unwrap_or_else(|| LicenseForm::of(&license));
    let limit = |what: &Limited| (problems.field(what.as_str(), form.typed(*what)), what.words());
    let page = OrganizationPage {
        shell: visitor.shell(&facts.name, "admin-organizations"),
        errors: problems.list(),
        plan: problems.field("plan", &form.plan),
        limits: Limited::ALL.iter().map(limit).collect(),
        license: LicenseView::new(&license, &used, facts.kind),
        about: row(facts, now),
    };
    html(if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, &page)
}

/// `GET /admin/organizations/{id}`; what stands in the address fills the form in.
///
/// # Errors
/// [`Error::NotFound`] when there is no such organization.
pub async fn show(
    _: Administrator,
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: web::Path<OrganizationId>,
) -> Result<HttpResponse> {
    let query = visitor.request().query_string();
    let typed: LicenseForm =
        serde_html_form::from_str(query).map_err(|_| Error::BadRequest("the address could not be read"))?;
    page(&visitor, &instance, id.into_inner(), (!query.is_empty()).then_some(&typed), &Problems::none()).await
}

/// `POST /admin/organizations/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when there is no such organization.
pub async fn save(
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: web::Path<OrganizationId>,
    posted: AdministratorPost<LicenseForm>,
) -> Result<HttpResponse> {
    let (who, form, id) = (posted.who, posted.form, id.into_inner());
    let license = match form.check() {
        Ok(license) => license,
        Err(problems) => return page(&visitor, &instance, id, Some(&form), &problems).await,
    };
    let (now, back) = (instance.clock.now(), urls::admin_organization(&id));
    instance.db.write(move |tx| license::set(tx, &who, now, &id, &license)).await?;
    let mut response = see_other(&back);
    Notice::LicenseSaved.send(&mut response, instance.config.is_https());
    Ok(response)
}
