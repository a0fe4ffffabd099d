//! `/login/unlock/{code}`: after a hundred wrong passwords in a row, the owner's mailbox has them taken again.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::link::{self, Purpose};
use crate::auth::throttle;
use crate::error::{Error, Result};
use crate::sign_up::pages::spent;
use crate::urls;
use crate::users::{Credentials, credentials};
use crate::web::{Notice, Posted, Pressed, Shell, Visitor, filters, html, see_other};

#[derive(Template)]
#[template(path = "sign_in/unlock.html")]
struct UnlockPage {
    shell: Shell,
    email: String,
    action_url: String,
}

async fn owner(instance: &Instance, code: &str) -> Result<Option<Credentials>> {
    let (code, now) = (code.to_owned(), instance.clock.now());
    let reading =
        instance.db.read(move |connection| match link::find(connection, Purpose::UnlockSignIn, &code, now)? {
            Some(user) => credentials(connection, &user).map(Some),
            None => Ok(None),
        });
    reading.await
}

fn dead(visitor: &Visitor) -> Result<HttpResponse> {
    spent(visitor, urls::password_forgot(), "Choose a new password instead")
}

/// `GET /login/unlock/{code}`. Does nothing: mail scanners open links, too.
///
/// # Errors
/// When the database refuses.
pub async fn show(visitor: Visitor, instance: web::Data<Instance>, code: web::Path<String>) -> Result<HttpResponse> {
    let Some(owner) = owner(&instance, &code).await? else { return dead(&visitor) };
    let (shell, action_url) = (visitor.shell("Sign in with the password again", ""), urls::login_unlock(&code));
    html(StatusCode::OK, &UnlockPage { shell, email: owner.email, action_url })
}

/// `POST /login/unlock/{code}`.
///
/// # Errors
/// When the database refuses.
pub async fn unlock(
    visitor: Visitor,
    instance: web::Data<Instance>,
    code: web::Path<String>,
    _: Posted<Pressed>,
) -> Result<HttpResponse> {
    let code = code.into_inner();
    let Some(owner) = owner(&instance, &code).await? else { return dead(&visitor) };
    let (now, origin) = (instance.clock.now(), Origin::of(visitor.request()));
    let door = throttle::in_a_row(&instance.key, &owner.email);
    let unlocked = instance.db.write(move |tx| {
        let user = link::consume(tx, Purpose::UnlockSignIn, &code, now)?;
        throttle::clear(tx, &door)?;
        let actor = Actor::mailed_link(&user, origin);
        record(tx, &actor, now, &Event::of_user(Action::SignInUnlocked, &user))
    });
    match unlocked.await {
        Ok(()) => {
            let mut response = see_other(&urls::login());
            Notice::SignInUnlocked.send(&mut response, instance.config.is_https());
            Ok(response)
        }
        Err(Error::NotFound) => dead(&visitor),
        Err(error) => Err(error),
    }
}
