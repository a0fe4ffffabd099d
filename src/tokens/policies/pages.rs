//! `/admin/policy` and `/organizations/{slug}/policy`: the form, what a change would do, and making it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::forms::RuleForm;
use super::views::{FormView, InstancePage, InstanceReviewPage, OrganizationPage, OrganizationReviewPage, ReviewView};
use super::{Outcome, Present, Realm, count_beyond, present, review as look, set_for_instance, set_for_organization};
use crate::app::Instance;
use crate::auth::Administrator;
use crate::error::{Error, Result};
use crate::organizations::{Acts, ConfirmedMemberPost, Kind, Member, Place, Right};
use crate::tokens::policy::Rule;
use crate::urls;
use crate::web::form::AdministratorPost;
use crate::web::{Notice, Problems, Visitor, html, see_other};

const TITLE: &str = "Rules for tokens";

fn status(problems: &Problems) -> StatusCode {
    if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
}

fn typed(request: &HttpRequest) -> Result<RuleForm> {
    serde_html_form::from_str(request.query_string()).map_err(|_| Error::BadRequest("the address could not be read"))
}

/// What stands in the address, if anything does.
fn typed_if_any(request: &HttpRequest) -> Result<Option<RuleForm>> {
    if request.query_string().is_empty() { Ok(None) } else { typed(request).map(Some) }
}

async fn read(instance: &Instance, realm: &Realm) -> Result<(Present, i64)> {
    let (config, realm, now) = (instance.config.tokens.clone(), realm.clone(), instance.clock.now());
    let reading = instance.db.read(move |connection| {
        let present = present(connection, &config, &realm)?;
        let beyond = count_beyond(connection, &realm, &present.policy, now)?;
        Ok((present, beyond))
    });
    reading.await
}

async fn review(
    instance: &Instance,
    (realm, sees_members): (&Realm, bool),
    rule: Rule,
    form: RuleForm,
    again: bool,
    addresses: (String, String),
) -> Result<ReviewView> {
    let (config, realm, now) = (instance.config.tokens.clone(), realm.clone(), instance.clock.now());
    let after = form.after.clone();
    let reading = instance.db.read(move |connection| look(connection, &config, &realm, &rule, &after, now));
    let review = reading.await?;
    let review = if sees_members { review } else { review.counts_only() };
    Ok(ReviewView::new(review, form, again, addresses, now))
}

/// The form with what was typed, or else with what is set.
async fn instance_form(
    visitor: &Visitor,
    instance: &Instance,
    form: Option<RuleForm>,
    problems: &Problems,
) -> Result<HttpResponse> {
    let realm = Realm::Instance;
    let (present, beyond) = read(instance, &realm).await?;
    let form = form.unwrap_or_else(|| RuleForm::of(&present.rule));
    let page = InstancePage {
        shell: visitor.shell(TITLE, "admin-policy"),
        errors: problems.list(),
        form: FormView::new(&realm, &present, &form, problems, beyond, urls::admin_policy_review()),
    };
    html(status(problems), &page)
}

async fn instance_review(
    visitor: &Visitor,
    instance: &Instance,
    rule: Rule,
    form: RuleForm,
    again: bool,
) -> Result<HttpResponse> {
    let addresses = (urls::admin_policy(), urls::admin_policy_review());
    let review = review(instance, (&Realm::Instance, true), rule, form, again, addresses).await?;
    let page = InstanceReviewPage { shell: visitor.shell("Review the rules", "admin-policy"), review };
    html(if again { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page)
}

/// `GET /admin/policy`; what stands in the address fills the form in.
///
/// # Errors
/// [`Error::BadRequest`] when the address can't be read.
pub async fn show(_: Administrator, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let form = typed_if_any(visitor.request())?;
    instance_form(&visitor, &instance, form, &Problems::none()).await
}

/// `GET /admin/policy/review`: the dry run.
///
/// # Errors
/// [`Error::BadRequest`] when the address can't be read.
pub async fn ask(_: Administrator, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let form = typed(visitor.request())?;
    let (present, _) = read(&instance, &Realm::Instance).await?;
    match form.check(&present.base, false) {
        Ok(rule) => instance_review(&visitor, &instance, rule, form, false).await,
        Err(problems) => instance_form(&visitor, &instance, Some(form), &problems).await,
    }
}

/// `POST /admin/policy`.
///
/// # Errors
/// [`Error::BadRequest`] when it does not say what was looked at.
pub async fn set(
    visitor: Visitor,
    instance: web::Data<Instance>,
    posted: AdministratorPost<RuleForm>,
) -> Result<HttpResponse> {
    let (who, form, now) = (posted.who, posted.form, instance.clock.now());
    let (present, _) = read(&instance, &Realm::Instance).await?;
    let rule = match form.check(&present.base, false) {
        Ok(rule) => rule,
        Err(problems) => return instance_form(&visitor, &instance, Some(form), &problems).await,
    };
    let looked = form.looked().ok_or(Error::BadRequest("the form does not say what was looked at"))?;
    let (config, notices, wanted) = (instance.config.tokens.clone(), instance.notices.clone(), rule.clone());
    let setting =
        instance.db.write(move |tx| set_for_instance(tx, &who, &config, &notices, &wanted, looked, now)).await?;
    match setting {
        Outcome::Set(count) => Ok(done(&instance, &urls::admin_policy(), count)),
        Outcome::LookAgain => instance_review(&visitor, &instance, rule, form, true).await,
    }
}

fn done(instance: &Instance, place: &str, count: usize) -> HttpResponse {
    let mut response = see_other(place);
    Notice::TokenPolicySet.send_with(&mut response, instance.config.is_https(), count);
    response
}

/// The rules of a shared organization; a private one has its owner alone, who needs none.
fn realm(member: &Member) -> Result<Realm> {
    match member.organization().kind {
        Kind::Shared => Ok(Realm::Organization(member.organization().id.clone())),
        Kind::Private => Err(Error::NotFound),
    }
}

/// As [`instance_form`].
async fn organization_form(
    member: &Member,
    visitor: &Visitor,
    form: Option<RuleForm>,
    problems: &Problems,
) -> Result<HttpResponse> {
    let (realm, place) = (realm(member)?, Place::of(member));
    let (present, beyond) = read(member.instance(), &realm).await?;
    let form = form.unwrap_or_else(|| RuleForm::of(&present.rule));
    let address = urls::organization_policy_review(&place.slug);
    let page = OrganizationPage {
        shell: visitor.shell_in(&place, TITLE, "org-policy"),
        errors: problems.list(),
        form: FormView::new(&realm, &present, &form, problems, beyond, address),
        place,
    };
    html(status(problems), &page)
}

async fn organization_review(
    member: &Member,
    visitor: &Visitor,
    rule: Rule,
    form: RuleForm,
    again: bool,
) -> Result<HttpResponse> {
    let (realm, place) = (realm(member)?, Place::of(member));
    let addresses = (urls::organization_policy(&place.slug), urls::organization_policy_review(&place.slug));
    let sees_members = member.rights().may(Right::SeeMembers);
    let review = review(member.instance(), (&realm, sees_members), rule, form, again, addresses).await?;
    let page =
        OrganizationReviewPage { shell: visitor.shell_in(&place, "Review the rules", "org-policy"), place, review };
    html(if again { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page)
}

/// `GET /organizations/{slug}/policy`; what stands in the address fills the form in.
///
/// # Errors
/// [`Error::NotFound`] for a private organization.
pub async fn show_there(member: Member, visitor: Visitor) -> Result<HttpResponse> {
    let form = typed_if_any(visitor.request())?;
    organization_form(&member, &visitor, form, &Problems::none()).await
}

/// `GET /organizations/{slug}/policy/review`: the dry run.
///
/// # Errors
/// [`Error::NotFound`] for a private organization.
pub async fn ask_there(member: Member, visitor: Visitor) -> Result<HttpResponse> {
    let form = typed(visitor.request())?;
    let (present, _) = read(member.instance(), &realm(&member)?).await?;
    match form.check(&present.base, true) {
        Ok(rule) => organization_review(&member, &visitor, rule, form, false).await,
        Err(problems) => organization_form(&member, &visitor, Some(form), &problems).await,
    }
}

/// `POST /organizations/{slug}/policy`.
///
/// # Errors
/// [`Error::BadRequest`] when it does not say what was looked at.
pub async fn set_there(visitor: Visitor, posted: ConfirmedMemberPost<RuleForm>) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    let instance = member.instance();
    let (present, _) = read(instance, &realm(&member)?).await?;
    let rule = match form.check(&present.base, true) {
        Ok(rule) => rule,
        Err(problems) => return organization_form(&member, &visitor, Some(form), &problems).await,
    };
    let looked = form.looked().ok_or(Error::BadRequest("the form does not say what was looked at"))?;
    let (config, notices, wanted) = (instance.config.tokens.clone(), instance.notices.clone(), rule.clone());
    let setting = member
        .change(move |tx, acting, now, _| set_for_organization(tx, acting, &config, &notices, &wanted, looked, now));
    match setting.await? {
        Outcome::Set(count) => Ok(done(instance, &urls::organization_policy(&member.organization().slug), count)),
        Outcome::LookAgain => organization_review(&member, &visitor, rule, form, true).await,
    }
}
