//! `/admin/recovery`: helping somebody back in. An administrator makes the link and hands it over; its owner completes it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use validator::Validate;

use crate::app::Instance;
use crate::auth::Administrator;
use crate::auth::link::Purpose;
use crate::error::{Error, Result};
use crate::recovery;
use crate::text;
use crate::urls;
use crate::web::form::AdministratorPost;
use crate::web::{Field, FieldError, Problems, Shell, Visitor, filters, html};

#[derive(Template)]
#[template(path = "admin/recovery.html")]
struct RecoveryPage {
    shell: Shell,
    errors: Vec<FieldError>,
    email: Field,
    what: Field,
    /// A link that was just made: for whom, and where it leads.
    made: Option<(String, String)>,
}

/// What the form sends.
#[derive(Default, Deserialize, Validate)]
#[serde(default)]
pub struct RecoveryForm {
    #[validate(custom(function = text::email))]
    email: String,
    what: String,
}

impl RecoveryForm {
    fn purpose(&self) -> Option<Purpose> {
        match self.what.as_str() {
            "password" => Some(Purpose::ResetPassword),
            "second_factor" => Some(Purpose::RemoveSecondFactor),
            _ => None,
        }
    }
}

fn page(
    visitor: &Visitor,
    form: &RecoveryForm,
    problems: &Problems,
    made: Option<(String, String)>,
) -> Result<HttpResponse> {
    html(
        if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY },
        &RecoveryPage {
            shell: visitor.shell("Help somebody back in", "admin-recovery"),
            errors: problems.list(),
            email: problems.field("email", &form.email),
            what: problems.field("what", &form.what),
            made,
        },
    )
}

/// `GET /admin/recovery`.
///
/// # Errors
/// When the template fails.
pub async fn show(_: Administrator, visitor: Visitor, form: web::Query<RecoveryForm>) -> Result<HttpResponse> {
    page(&visitor, &form, &Problems::none(), None)
}

/// `POST /admin/recovery`. The link is in the answer, once.
///
/// # Errors
/// When the database refuses.
pub async fn make(
    visitor: Visitor,
    instance: web::Data<Instance>,
    posted: AdministratorPost<RecoveryForm>,
) -> Result<HttpResponse> {
    let (who, form, now) = (posted.who, posted.form, instance.clock.now());
    let mut problems = Problems::of(&form);
    let Some(purpose) = form.purpose() else {
        problems.add("what", "Choose what they have lost");
        return page(&visitor, &form, &problems, None);
    };
    if !problems.is_empty() {
        return page(&visitor, &form, &problems, None);
    }
    let typed = form.email.clone();
    let making = instance.db.write(move |tx| recovery::make_link(tx, &who, &typed, purpose, now));
    match making.await {
        Ok(code) => {
            let path = match purpose {
                Purpose::RemoveSecondFactor => urls::second_factor_remove(&code),
                Purpose::ResetPassword | Purpose::UnlockSignIn => urls::password_reset(&code),
            };
            let made = (form.email.trim().to_owned(), instance.config.absolute(&path));
            page(&visitor, &RecoveryForm::default(), &problems, Some(made))
        }
        Err(Error::NotFound) => {
            problems.add(
                "email",
                if purpose == Purpose::RemoveSecondFactor {
                    "There is no account with this address that may be used and has a second factor"
                } else {
                    "There is no account with this address that may be used"
                },
            );
            page(&visitor, &form, &problems, None)
        }
        Err(error) => Err(error),
    }
}
