//! `/admin/verifiers`: services that check tokens, each with a credential of its own.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::prelude::*;
use serde::Deserialize;
use validator::Validate;

use crate::app::Instance;
use crate::audit::{Action, Event, record};
use crate::auth::capability::Administers;
use crate::auth::secret::{PlainSecret, SecretKind, masked};
use crate::auth::{Administrator, AdministratorConfirmed};
use crate::clock::Timestamp;
use crate::db::schema::verifiers;
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::VerifierId;
use crate::text;
use crate::urls;
use crate::web::{
    Field, FieldError, Moment, Notice, Posted, Pressed, Problems, Shell, Visitor, filters, html, see_other,
};

/// A verifier, as far as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = verifiers)]
pub struct Verifier {
    /// Its id.
    pub id: VerifierId,
    /// The service.
    pub name: String,
    /// The end of its credential.
    pub last_four: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last asked.
    pub last_used_at: Option<Timestamp>,
}

fn all(connection: &mut Connection) -> Result<Vec<Verifier>> {
    Ok(verifiers::table.order(verifiers::name).select(Verifier::as_select()).load(connection)?)
}

fn find(connection: &mut Connection, id: &VerifierId) -> Result<Verifier> {
    Ok(verifiers::table.find(id).select(Verifier::as_select()).get_result(connection)?)
}

/// Makes a verifier and its credential.
///
/// # Errors
/// [`Error::Taken`] when there is one of this name.
pub fn make(tx: &mut Tx<'_>, who: &impl Administers, brand: &str, name: &str, now: Timestamp) -> Result<PlainSecret> {
    let (id, secret) = (VerifierId::new(), PlainSecret::generate(brand, SecretKind::Verifier));
    diesel::insert_into(verifiers::table)
        .values((
            verifiers::id.eq(&id),
            verifiers::name.eq(name),
            verifiers::hash.eq(secret.hash()),
            verifiers::last_four.eq(secret.last_four()),
            verifiers::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    log(tx, who, now, Action::VerifierCreated, &id, name)?;
    Ok(secret)
}

/// Deletes a verifier; its credential is worthless at once.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn remove(tx: &mut Tx<'_>, who: &impl Administers, id: &VerifierId, now: Timestamp) -> Result<()> {
    let verifier = find(tx, id)?;
    diesel::delete(verifiers::table.find(id)).execute(&mut **tx)?;
    log(tx, who, now, Action::VerifierDeleted, id, &verifier.name)
}

fn log(
    tx: &mut Tx<'_>,
    who: &impl Administers,
    now: Timestamp,
    action: Action,
    id: &VerifierId,
    name: &str,
) -> Result<()> {
    let actor = who.as_actor(tx, now)?;
    let user = actor.user();
    record(
        tx,
        &actor,
        now,
        &Event {
            action,
            user: user.as_ref(),
            organization: None,
            subject_id: id.as_str(),
            subject_name: name,
            detail: "",
        },
    )
}

#[derive(Template)]
#[template(path = "admin/verifiers.html")]
struct VerifiersPage {
    shell: Shell,
    errors: Vec<FieldError>,
    name: Field,
    rows: Vec<VerifierRow>,
}

struct VerifierRow {
    name: String,
    masked: String,
    created: Moment,
    last_used: Option<Moment>,
    delete_url: String,
}

#[derive(Template)]
#[template(path = "admin/verifier_issued.html")]
struct VerifierIssuedPage {
    shell: Shell,
    name: String,
    secret: PlainSecret,
    verify_url: String,
}

#[derive(Template)]
#[template(path = "admin/verifier_delete.html")]
struct ConfirmVerifierPage {
    shell: Shell,
    name: String,
    action_url: String,
    back_url: String,
}

/// What the form sends.
#[derive(Default, Deserialize, Validate)]
#[serde(default)]
pub struct VerifierForm {
    #[validate(custom(function = text::title))]
    name: String,
}

async fn page(
    visitor: &Visitor,
    instance: &Instance,
    status: StatusCode,
    form: &VerifierForm,
    problems: &Problems,
) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let rows = instance.db.read(all).await?;
    let row = |verifier: Verifier| VerifierRow {
        masked: masked(&instance.config.tokens.brand, SecretKind::Verifier, &verifier.last_four),
        created: Moment::new(verifier.created_at, now),
        last_used: verifier.last_used_at.map(|used| Moment::new(used, now)),
        delete_url: urls::admin_verifier_delete(&verifier.id),
        name: verifier.name,
    };
    html(
        status,
        &VerifiersPage {
            shell: visitor.shell("Verifiers", "admin-verifiers"),
            errors: problems.list(),
            name: problems.field("name", &form.name),
            rows: rows.into_iter().map(row).collect(),
        },
    )
}

/// `GET /admin/verifiers`.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    _: Administrator,
    visitor: Visitor,
    instance: web::Data<Instance>,
    form: web::Query<VerifierForm>,
) -> Result<HttpResponse> {
    page(&visitor, &instance, StatusCode::OK, &form, &Problems::none()).await
}

/// `POST /admin/verifiers`.
///
/// # Errors
/// When the database refuses.
pub async fn create(
    visitor: Visitor,
    instance: web::Data<Instance>,
    posted: crate::web::form::AdministratorPost<VerifierForm>,
) -> Result<HttpResponse> {
    let (who, form) = (posted.who, posted.form);
    let mut problems = Problems::of(&form);
    if problems.is_empty() {
        let (name, brand, now) = (text::tidy(&form.name), instance.config.tokens.brand.clone(), instance.clock.now());
        let title = name.clone();
        match instance.db.write(move |tx| make(tx, &who, &brand, &name, now)).await {
            Ok(secret) => {
                let page = VerifierIssuedPage {
                    shell: visitor.shell("Verifier created", "admin-verifiers"),
                    name: title,
                    secret,
                    verify_url: instance.config.absolute(&urls::api_verify()),
                };
                return html(StatusCode::OK, &page);
            }
            Err(Error::Taken(_)) => problems.add("name", "There is a verifier with this name. Choose another one."),
            Err(error) => return Err(error),
        }
    }
    page(&visitor, &instance, StatusCode::UNPROCESSABLE_ENTITY, &form, &problems).await
}

/// `GET /admin/verifiers/{id}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn ask_delete(
    _: Administrator,
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: web::Path<VerifierId>,
) -> Result<HttpResponse> {
    let id = id.into_inner();
    let action_url = urls::admin_verifier_delete(&id);
    let verifier = instance.db.read(move |connection| find(connection, &id)).await?;
    html(
        StatusCode::OK,
        &ConfirmVerifierPage {
            shell: visitor.shell("Delete a verifier", "admin-verifiers"),
            name: verifier.name,
            action_url,
            back_url: urls::admin_verifiers(),
        },
    )
}

/// `POST /admin/verifiers/{id}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn delete(
    who: AdministratorConfirmed,
    instance: web::Data<Instance>,
    id: web::Path<VerifierId>,
    _: Posted<Pressed>,
) -> Result<HttpResponse> {
    let (id, now) = (id.into_inner(), instance.clock.now());
    instance.db.write(move |tx| remove(tx, &who, &id, now)).await?;
    let mut response = see_other(&urls::admin_verifiers());
    Notice::VerifierDeleted.send(&mut response, instance.config.is_https());
    Ok(response)
}
