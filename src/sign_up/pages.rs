//! `/signup`, `/email/confirm/{code}`, `/invitations/{code}`.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use validator::Validate;
use zeroize::Zeroizing;

use super::invitations::Arrived;
use super::{Confirmation, NewSignUp, invitations, service};
use crate::app::Instance;
use crate::audit::Origin;
use crate::auth::capability::instance as instance_of;
use crate::auth::password::{Context, Password, PasswordRules};
use crate::config::SignUpMode;
use crate::error::{Error, Result};
use crate::ids::is_ulid;
use crate::openid::ProviderButton;
use crate::organizations;
use crate::organizations::invitations::{Answered, Offer, answer};
use crate::setup;
use crate::sign_in::pages::no_passwords;
use crate::text;
use crate::urls;
use crate::users::{NewUser, by_email};
use crate::web::{Field, FieldError, Notice, Posted, Problems, Shell, Visitor, errors, filters, html, see_other};

#[derive(Template)]
#[template(path = "sign_up/sign_up.html")]
struct SignUpPage {
    shell: Shell,
    errors: Vec<FieldError>,
    /// The address of an invitation; it can't be changed.
    invited: Option<String>,
    /// The organization that it is to, where it is to one.
    joining: Option<Joining>,
    /// Whether the account, once made, is a member.
    joins: bool,
    action_url: String,
    email: Field,
    first_name: Field,
    last_name: Field,
    password: Field,
    confirm: Field,
    rules: PasswordRules,
    passwords: bool,
    providers: Vec<ProviderButton>,
}

/// What an invitation to an organization says.
struct Joining {
    organization: String,
    by: String,
    role: String,
    /// For those who have an account; nothing where it is known that they have none.
    sign_in_url: Option<String>,
}

/// A page that says one thing and leads on.
#[derive(Template)]
#[template(path = "sign_up/said.html")]
struct SaidPage {
    shell: Shell,
    heading: String,
    text: String,
    more: String,
    link: String,
    link_words: String,
}

#[derive(Template)]
#[template(path = "sign_up/confirm.html")]
struct ConfirmPage {
    shell: Shell,
    errors: Vec<FieldError>,
    email: String,
    action_url: String,
    password: Field,
}

/// What the form of a new account sends.
#[derive(Clone, Default, Deserialize, Validate)]
#[serde(default)]
pub struct SignUpForm {
    #[validate(custom(function = text::email))]
    email: String,
    #[validate(custom(function = text::first_name))]
    first_name: String,
    #[validate(custom(function = text::last_name))]
    last_name: String,
    password: Zeroizing<String>,
    confirm: Zeroizing<String>,
}

impl SignUpForm {
    fn context<'a>(&'a self, instance: &'a Instance) -> Context<'a> {
        Context::of(&instance.config.product_name, &self.email, &self.first_name, &self.last_name)
    }

    fn check(&self, instance: &Instance) -> Result<Password, Problems> {
        let mut found = Problems::of(self);
        found.add_new_password(&self.password, &self.confirm, &self.context(instance), &instance.config.passwords);
        match Password::new(&self.password) {
            Ok(password) if found.is_empty() => Ok(password),
            _ => Err(found),
        }
    }
}

fn form_page(
    visitor: &Visitor,
    instance: &Instance,
    status: StatusCode,
    form: &SignUpForm,
    problems: &Problems,
    invitation: Option<(String, String, Option<Joining>)>,
) -> Result<HttpResponse> {
    let (invited, action_url, joining) =
        invitation.map_or((None, urls::signup(), None), |(email, url, joining)| (Some(email), url, joining));
    html(
        status,
        &SignUpPage {
            shell: visitor.shell("Create your account", ""),
            errors: problems.list(),
            email: problems.field("email", &form.email),
            first_name: problems.field("first_name", &form.first_name),
            last_name: problems.field("last_name", &form.last_name),
            password: problems.secret("password"),
            confirm: problems.secret("confirm"),
            rules: PasswordRules::new(&form.context(instance), &instance.config.passwords),
            passwords: instance.config.password_sign_in,
            providers: if invited.is_some() || instance.config.sign_up == SignUpMode::Open {
                instance.providers.sign_up_buttons()
            } else {
                Vec::new()
            },
            joins: joining.as_ref().is_some_and(|joining| joining.sign_in_url.is_none()),
            invited,
            joining,
            action_url,
        },
    )
}

pub(crate) fn said(
    visitor: &Visitor,
    status: StatusCode,
    heading: &str,
    text: &str,
    more: &str,
    link: String,
    link_words: &str,
) -> Result<HttpResponse> {
    html(
        status,
        &SaidPage {
            shell: visitor.shell(heading, ""),
            heading: heading.to_owned(),
            text: text.to_owned(),
            more: more.to_owned(),
            link,
            link_words: link_words.to_owned(),
        },
    )
}

/// Where sign-up is not open, the page says so.
fn not_open(visitor: &Visitor, mode: SignUpMode) -> Result<HttpResponse> {
    let text = match mode {
        SignUpMode::Invitation => "Accounts are made by invitation here. Ask whoever runs this service to invite you.",
        _ => "New accounts are not made here at the moment. Ask whoever runs this service.",
    };
    said(visitor, StatusCode::FORBIDDEN, "Sign-up is closed", text, "", urls::login(), "Go to sign in")
}

/// Why a wish to sign up comes to nothing, whenever it was made: no accounts are made here, or none with passwords.
fn no_more(visitor: &Visitor, instance: &Instance) -> Option<Result<HttpResponse>> {
    if !instance.config.sign_up.takes_whom_members_invite() {
        return Some(not_open(visitor, instance.config.sign_up));
    }
    (!instance.config.password_sign_in).then(|| no_passwords(visitor))
}

/// Before the first administrator nobody else gets an account: the page says whose turn it is.
async fn before_set_up(visitor: &Visitor, instance: &Instance) -> Result<Option<HttpResponse>> {
    if instance.db.read(setup::done).await? {
        return Ok(None);
    }
    let text = "Nobody can sign up yet: this service has no administrator. Come back when it is set up.";
    let more =
        "Is it yours? Open the link that it printed into its log when it started, and make your own account first.";
    let (heading, way_on) = ("This service is not set up yet", (urls::setup(), "Go to set-up"));
    said(visitor, StatusCode::FORBIDDEN, heading, text, more, way_on.0, way_on.1).map(Some)
}

/// A link that is used, over, or never was: all three look alike.
pub(crate) fn spent(visitor: &Visitor, again: String, again_words: &str) -> Result<HttpResponse> {
    let text = "It may have been used already, or its time is over. Each link works once.";
    said(visitor, StatusCode::NOT_FOUND, "This link no longer works", text, "", again, again_words)
}

/// After every form that has a mail sent: the same, whatever was found.
pub(crate) fn check_mail(visitor: &Visitor, email: &str, lifetime: &str) -> Result<HttpResponse> {
    let filed = instance_of(visitor.request()).carrier.folder().is_some();
    let (heading, text, more) = if filed {
        (
            "Ask for your link",
            format!(
                "No mail server is set up here. Ask an administrator of this service for the link for {email}; it works once, for {lifetime}."
            ),
            "They find it under Administration, Mail. Nothing there? Then check the address, and try again.",
        )
    } else {
        (
            "Check your mail",
            format!("Look into the mailbox of {email} now. The link in our mail works once, for {lifetime}."),
            "Nothing there after a few minutes? Check that the address is right, look into the folder for unwanted mail, or ask an administrator of this service: they can see mails that could not be sent.",
        )
    };
    let (link, words) = match visitor.account() {
        Some(_) => (urls::settings_security(), "Back to Security"),
        None => (urls::login(), "Back to sign in"),
    };
    said(visitor, StatusCode::OK, heading, &text, more, link, words)
}

/// `GET /signup`.
///
/// # Errors
/// When the database refuses.
pub async fn show(visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    if visitor.account().is_some() {
        return Ok(see_other(&urls::home()));
    }
    if let Some(said) = before_set_up(&visitor, &instance).await? {
        return Ok(said);
    }
    match instance.config.sign_up {
        // The providers' buttons make accounts, too.
        SignUpMode::Open if !instance.config.password_sign_in => Ok(see_other(&urls::login())),
        SignUpMode::Open => {
            form_page(&visitor, &instance, StatusCode::OK, &SignUpForm::default(), &Problems::none(), None)
        }
        mode => not_open(&visitor, mode),
    }
}

/// `POST /signup`.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn submit(
    visitor: Visitor,
    instance: web::Data<Instance>,
    Posted(form): Posted<SignUpForm>,
) -> Result<HttpResponse> {
    if let Some(said) = before_set_up(&visitor, &instance).await? {
        return Ok(said);
    }
    if instance.config.sign_up != SignUpMode::Open {
        return not_open(&visitor, instance.config.sign_up);
    }
    if !instance.config.password_sign_in {
        return no_passwords(&visitor);
    }
    let password = match form.check(&instance) {
        Ok(password) => password,
        Err(found) => {
            return form_page(&visitor, &instance, StatusCode::UNPROCESSABLE_ENTITY, &form, &found, None);
        }
    };
    let new = NewSignUp {
        email: form.email.trim().to_owned(),
        first_name: text::tidy(&form.first_name),
        last_name: text::tidy(&form.last_name),
        password,
    };
    match service::ask(&instance, new, Origin::of(visitor.request())).await {
        Ok(()) => check_mail(&visitor, form.email.trim(), "24 hours"),
        Err(error) => {
            errors::too_often(error, async |problems| {
                form_page(&visitor, &instance, StatusCode::TOO_MANY_REQUESTS, &form, problems, None)
            })
            .await
        }
    }
}

/// What the page behind the mailed link sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ConfirmForm {
    password: Zeroizing<String>,
}

async fn confirm_page(
    visitor: &Visitor,
    instance: &Instance,
    code: &str,
    status: StatusCode,
    problems: &Problems,
) -> Result<HttpResponse> {
    if let Some(said) = no_more(visitor, instance) {
        return said;
    }
    let (asked, now) = (code.to_owned(), instance.clock.now());
    let wish = instance.db.read(move |connection| service::find(connection, &asked, now)).await?;
    let Some(wish) = wish else { return no_wish(visitor) };
    html(
        status,
        &ConfirmPage {
            shell: visitor.shell("Confirm your e-mail address", ""),
            errors: problems.list(),
            email: wish.email,
            action_url: urls::email_confirm(code),
            password: problems.secret("password"),
        },
    )
}

/// Whoever is signed in has an account, and with it an address that is proved: their link is used, and all is well.
fn no_wish(visitor: &Visitor) -> Result<HttpResponse> {
    let Some(account) = visitor.account() else { return spent(visitor, urls::signup(), "Sign up again") };
    let text = format!("You are signed in as {}, so there is nothing left to confirm.", account.email);
    said(visitor, StatusCode::OK, "Your address is confirmed already", &text, "", urls::home(), "Go on")
}

/// `GET /email/confirm/{code}`. Does nothing: mail scanners open links, too.
///
/// # Errors
/// When the database refuses.
pub async fn show_confirm(
    visitor: Visitor,
    instance: web::Data<Instance>,
    code: web::Path<String>,
) -> Result<HttpResponse> {
    confirm_page(&visitor, &instance, &code, StatusCode::OK, &Problems::none()).await
}

/// `POST /email/confirm/{code}`.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn confirm(
    visitor: Visitor,
    instance: web::Data<Instance>,
    session: Session,
    code: web::Path<String>,
    Posted(form): Posted<ConfirmForm>,
) -> Result<HttpResponse> {
    if let Some(said) = no_more(&visitor, &instance) {
        return said;
    }
    let code = code.into_inner();
    let outcome = service::confirm(&instance, code.clone(), &form.password, Origin::of(visitor.request())).await;
    match outcome {
        Ok(Confirmation::Done(key, email)) => {
            key.give(&session)?;
            let (now, catalogue) = (instance.clock.now(), instance.config.catalogue.clone());
            let invited = instance
                .db
                .read(move |connection| organizations::invitations::is_invited(connection, &email, now, &catalogue));
            if invited.await? {
                let mut response = see_other(&urls::organizations());
                Notice::SignedUpInvited.send(&mut response, instance.config.is_https());
                return Ok(response);
            }
            Ok(welcome(&instance))
        }
        Ok(Confirmation::WrongPassword) => {
            let mut problems = Problems::none();
            problems.add("password", "That is not the password that you chose when you signed up. Try again.");
            confirm_page(&visitor, &instance, &code, StatusCode::UNPROCESSABLE_ENTITY, &problems).await
        }
        Err(Error::NotFound) => no_wish(&visitor),
        Err(error) => {
            errors::too_often(error, async |problems| {
                confirm_page(&visitor, &instance, &code, StatusCode::TOO_MANY_REQUESTS, problems).await
            })
            .await
        }
    }
}

fn welcome(instance: &Instance) -> HttpResponse {
    let mut response = see_other(&urls::settings_profile());
    Notice::SignedUp.send(&mut response, instance.config.is_https());
    response
}

async fn invited_address(instance: &Instance, code: &str) -> Result<Option<String>> {
    let (code, now) = (code.to_owned(), instance.clock.now());
    instance.db.read(move |connection| invitations::address(connection, &code, now)).await
}

/// The form of an invitation to an organization, for whoever has no account yet; or may have one, where the link does not
/// prove that the address is theirs.
fn joining_page(
    visitor: &Visitor,
    instance: &Instance,
    form: &SignUpForm,
    problems: &Problems,
    (offer, code): (Offer, &str),
) -> Result<HttpResponse> {
    let joining = Joining {
        organization: offer.organization.name,
        by: offer.by,
        role: offer.role,
        sign_in_url: (!offer.has_mailbox).then(|| urls::login_returning(&urls::invitation(code))),
    };
    let form = SignUpForm { email: offer.email.clone(), ..form.clone() };
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    form_page(visitor, instance, status, &form, problems, Some((offer.email, urls::invitation(code), Some(joining))))
}

/// Whether an address has an account.
async fn has_account(instance: &Instance, email: &str) -> Result<bool> {
    let email = email.to_owned();
    Ok(instance.db.read(move |connection| by_email(connection, &email)).await?.is_some())
}

/// `GET /invitations/{code}`.
///
/// # Errors
/// When the database refuses.
pub async fn show_invitation(
    visitor: Visitor,
    instance: web::Data<Instance>,
    code: web::Path<String>,
) -> Result<HttpResponse> {
    if let Some(offer) = answer::find(&instance, &code).await? {
        if visitor.account().is_some() {
            return match answer::for_account(&visitor, offer, &code)? {
                Some(page) => Ok(page),
                None => spent(&visitor, urls::organizations(), "My organizations"),
            };
        }
        if is_ulid(&code) {
            return Err(Error::SignIn { back: urls::invitation(&code) });
        }
        if offer.has_mailbox && has_account(&instance, &offer.email).await? {
            return answer::to_sign_in(&visitor, offer, &code);
        }
        if !instance.config.sign_up.takes_whom_members_invite() {
            return answer::to_the_operator(&visitor, offer, &code);
        }
        return joining_page(&visitor, &instance, &SignUpForm::default(), &Problems::none(), (offer, &code));
    }
    let Some(email) = invited_address(&instance, &code).await? else {
        return spent(&visitor, urls::login(), "Go to sign in");
    };
    let form = SignUpForm { email: email.clone(), ..SignUpForm::default() };
    let place = Some((email, urls::invitation(&code), None));
    form_page(&visitor, &instance, StatusCode::OK, &form, &Problems::none(), place)
}

/// The account to be, its password hashed.
async fn new_user(instance: &Instance, form: &SignUpForm, password: Password) -> Result<NewUser> {
    Ok(NewUser {
        email: form.email.trim().to_owned(),
        first_name: text::tidy(&form.first_name),
        last_name: text::tidy(&form.last_name),
        password_hash: Some(instance.hasher.hash(password).await?),
        is_administrator: false,
    })
}

/// A stranger answers an invitation to an organization. With the mailed link the account is made at once, and is a member.
/// With the one that the inviter copied, the address is proved by a mail first; the invitation waits until they are in.
async fn arrive(
    visitor: &Visitor,
    instance: &web::Data<Instance>,
    session: &Session,
    form: SignUpForm,
    (offer, code): (Offer, String),
) -> Result<HttpResponse> {
    let form = SignUpForm { email: offer.email.clone(), ..form };
    let password = match form.check(instance) {
        Ok(password) => password,
        Err(found) => return joining_page(visitor, instance, &form, &found, (offer, &code)),
    };
    let origin = Origin::of(visitor.request());
    if !offer.has_mailbox {
        let new = NewSignUp {
            email: offer.email.clone(),
            first_name: text::tidy(&form.first_name),
            last_name: text::tidy(&form.last_name),
            password,
        };
        return match service::ask(instance, new, origin).await {
            Ok(()) => check_mail(visitor, &offer.email, "24 hours"),
            Err(error) => {
                errors::too_often(error, async |problems| {
                    joining_page(visitor, instance, &form, problems, (offer, &code))
                })
                .await
            }
        };
    }
    let new = new_user(instance, &form, password).await?;
    match invitations::accept_and_join(instance, code, new, origin).await {
        Ok(Arrived::In(key, answered)) => {
            key.give(session)?;
            let (place, notice) = match answered {
                Answered::Joined(organization, sees) => (answer::home(&organization, sees), Notice::OrganizationJoined),
                _ => (urls::organizations(), Notice::SignedUp),
            };
            let mut response = see_other(&place);
            notice.send(&mut response, instance.config.is_https());
            Ok(response)
        }
        Ok(Arrived::Full(organization)) => answer::full(visitor, &organization),
        Err(Error::NotFound) => spent(visitor, urls::login(), "Go to sign in"),
        Err(error) => Err(error),
    }
}

/// `POST /invitations/{code}`.
///
/// # Errors
/// When the database refuses.
pub async fn accept(
    visitor: Visitor,
    instance: web::Data<Instance>,
    session: Session,
    code: web::Path<String>,
    Posted(form): Posted<SignUpForm>,
) -> Result<HttpResponse> {
    let code = code.into_inner();
    if let Some(offer) = answer::find(&instance, &code).await? {
        if visitor.account().is_some() {
            return match answer::join(&visitor, &instance, &code).await {
                Err(Error::NotFound) => spent(&visitor, urls::organizations(), "My organizations"),
                answered => answered,
            };
        }
        if is_ulid(&code) {
            return Err(Error::SignIn { back: urls::invitation(&code) });
        }
        if !instance.config.sign_up.takes_whom_members_invite() {
            return not_open(&visitor, instance.config.sign_up);
        }
        if !instance.config.password_sign_in {
            return no_passwords(&visitor);
        }
        return arrive(&visitor, &instance, &session, form, (offer, code)).await;
    }
    if !instance.config.password_sign_in {
        return no_passwords(&visitor);
    }
    let Some(email) = invited_address(&instance, &code).await? else {
        return spent(&visitor, urls::login(), "Go to sign in");
    };
    let form = SignUpForm { email: email.clone(), ..form };
    let password = match form.check(&instance) {
        Ok(password) => password,
        Err(found) => {
            let place = Some((email, urls::invitation(&code), None));
            return form_page(&visitor, &instance, StatusCode::UNPROCESSABLE_ENTITY, &form, &found, place);
        }
    };
    let new = new_user(&instance, &form, password).await?;
    match invitations::accept(&instance, code, new, Origin::of(visitor.request())).await {
        Ok(key) => {
            key.give(&session)?;
            Ok(welcome(&instance))
        }
        Err(Error::NotFound) => spent(&visitor, urls::login(), "Go to sign in"),
        Err(error) => Err(error),
    }
}
