//! `/settings/profile/picture`, `/organizations/{slug}/picture`, and the pictures themselves.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::picture::{Picture, Size};
use super::service::{self, Whose, find};
use super::views::{Face, OrganizationPage, OwnPage, PictureForm};
use crate::app::Instance;
use crate::audit::{Action, Event, record};
use crate::auth::{SignedIn, throttle};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::organizations::pages::{answer, done};
use crate::organizations::{Acting, Acts, Member, MemberPost, Place};
use crate::urls;
use crate::web::upload::{FILE, Sent, Upload};
use crate::web::{Notice, Posted, Pressed, Problems, Visitor};

/// A picture is bytes alone: should a browser take it for a page, that page may do nothing.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";
/// Its address is never used for another picture.
const KEPT: &str = "private, max-age=86400, immutable";

/// What came of a form that may hold a picture.
pub(crate) enum Made {
    /// None was chosen.
    Nothing,
    /// One was, and it is good.
    Picture(Picture),
    /// What is wrong with it.
    Problem(String),
}

/// Makes a picture of what somebody sent. Each is counted, since each is dear.
///
/// # Errors
/// When too many are being made, or the database refuses.
pub(crate) async fn made(instance: &Instance, who: &SignedIn, sent: Sent) -> Result<Made> {
    let bytes = match sent {
        Sent::Nothing => return Ok(Made::Nothing),
        Sent::TooLarge => {
            return Ok(Made::Problem(
                "This file is larger than 2 MiB. Make the picture smaller and choose it again".into(),
            ));
        }
        Sent::File(bytes) => bytes,
    };
    let door = (format!("pictures by {}", who.account().user_id), throttle::PICTURES);
    match throttle::enter(&instance.db, vec![door], instance.clock.now()).await {
        Err(Error::TooMany { .. }) => {
            return Ok(Made::Problem("You have sent many pictures within an hour. Try again in an hour".into()));
        }
        other => other?,
    }
    Ok(match instance.pictures.make(bytes).await {
        Ok(Ok(picture)) => Made::Picture(picture),
        Ok(Err(refusal)) => Made::Problem(refusal.words()),
        // What else the form says is not lost for it.
        Err(Error::Unavailable(_)) => {
            Made::Problem("Many pictures are being made at the moment. Choose it again in a minute".into())
        }
        Err(error) => return Err(error),
    })
}

/// The same where one must be chosen.
async fn chosen(instance: &Instance, who: &SignedIn, sent: Sent) -> Result<std::result::Result<Picture, Problems>> {
    let problem = match made(instance, who, sent).await? {
        Made::Picture(picture) => return Ok(Ok(picture)),
        Made::Nothing => "Choose a picture".to_owned(),
        Made::Problem(problem) => problem,
    };
    let mut problems = Problems::none();
    problems.add(FILE, problem);
    Ok(Err(problems))
}

fn form(name: &str, picture: Option<&str>, problems: &Problems, urls: [String; 3]) -> PictureForm {
    let [action_url, remove_url, back_url] = urls;
    PictureForm {
        picture: problems.secret(FILE),
        face: Face::of(name, picture),
        large: picture.map(|name| crate::urls::avatar(name, Size::Large.word())),
        action_url,
        remove_url,
        back_url,
    }
}

fn own_page(who: &SignedIn, visitor: &Visitor, problems: &Problems) -> Result<HttpResponse> {
    let account = who.account();
    let urls = [urls::settings_picture(), urls::settings_picture_remove(), urls::settings_profile()];
    let page = OwnPage {
        shell: visitor.shell("Edit avatar", "profile"),
        errors: problems.list(),
        form: form(&account.name(), account.avatar.as_deref(), problems, urls),
    };
    answer(problems, &page)
}

/// `GET /settings/profile/picture`.
///
/// # Errors
/// When the template fails.
pub async fn own(who: SignedIn, visitor: Visitor) -> Result<HttpResponse> {
    own_page(&who, &visitor, &Problems::none())
}

fn note_own(tx: &mut Tx<'_>, who: &SignedIn, now: crate::clock::Timestamp, detail: &str) -> Result<()> {
    let actor = who.actor(tx, now)?;
    let event = Event { detail, ..Event::of_user(Action::ProfileChanged, &who.account().user_id) };
    record(tx, &actor, now, &event)
}

/// `POST /settings/profile/picture`.
///
/// # Errors
/// When the database refuses.
pub async fn set_own(
    visitor: Visitor,
    instance: web::Data<Instance>,
    sent: Upload<SignedIn, Pressed>,
) -> Result<HttpResponse> {
    let who = sent.who;
    let picture = match chosen(&instance, &who, sent.file).await? {
        Ok(picture) => picture,
        Err(problems) => return own_page(&who, &visitor, &problems),
    };
    let now = instance.clock.now();
    let saved = instance.db.write(move |tx| {
        note_own(tx, &who, now, "picture")?;
        service::set(tx, Whose::User(&who.account().user_id), &picture, now)
    });
    saved.await?;
    Ok(done(&instance, &urls::settings_profile(), Notice::PictureSaved))
}

/// `POST /settings/profile/picture/remove`.
///
/// # Errors
/// When the database refuses.
pub async fn remove_own(
    who: SignedIn,
    instance: web::Data<Instance>,
    Posted(Pressed {}): Posted<Pressed>,
) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let removed = instance.db.write(move |tx| {
        // Asked first, as before any change; without a picture there is nothing to tell of.
        who.actor(tx, now)?;
        if service::remove(tx, Whose::User(&who.account().user_id))? {
            note_own(tx, &who, now, "picture removed")?;
        }
        Ok(())
    });
    removed.await?;
    Ok(done(&instance, &urls::settings_profile(), Notice::PictureRemoved))
}

fn organization_page(member: &Member, visitor: &Visitor, problems: &Problems) -> Result<HttpResponse> {
    let organization = member.organization();
    let slug = &organization.slug;
    let urls =
        [urls::organization_picture(slug), urls::organization_picture_remove(slug), urls::organization_settings(slug)];
    let place = Place::of(member);
    let page = OrganizationPage {
        shell: visitor.shell_in(&place, "Picture", "org-settings"),
        errors: problems.list(),
        form: form(&organization.name, organization.avatar.as_deref(), problems, urls),
        place,
    };
    answer(problems, &page)
}

/// `GET /organizations/{slug}/picture`.
///
/// # Errors
/// When the template fails.
pub async fn of_organization(member: Member, visitor: Visitor) -> Result<HttpResponse> {
    organization_page(&member, &visitor, &Problems::none())
}

fn note(tx: &mut Tx<'_>, acting: &Acting, now: crate::clock::Timestamp, detail: &str) -> Result<()> {
    let organization = acting.organization();
    let subject = (organization.id.as_str(), organization.name.as_str(), detail);
    acting.record(tx, now, Action::OrganizationChanged, None, subject)
}

/// `POST /organizations/{slug}/picture`.
///
/// # Errors
/// When the database refuses.
pub async fn set_of_organization(visitor: Visitor, sent: Upload<Member, Pressed>) -> Result<HttpResponse> {
    let member = sent.who;
    let picture = match chosen(member.instance(), &member, sent.file).await? {
        Ok(picture) => picture,
        Err(problems) => return organization_page(&member, &visitor, &problems),
    };
    let saved = member.change(move |tx, acting, now, _| {
        note(tx, acting, now, "picture")?;
        service::set(tx, Whose::Organization(&acting.organization().id), &picture, now)
    });
    saved.await?;
    let settings = urls::organization_settings(&member.organization().slug);
    Ok(done(member.instance(), &settings, Notice::PictureSaved))
}

/// `POST /organizations/{slug}/picture/remove`.
///
/// # Errors
/// When the database refuses.
pub async fn remove_of_organization(posted: MemberPost<Pressed>) -> Result<HttpResponse> {
    let removed = posted.who.change(move |tx, acting, now, _| {
        if service::remove(tx, Whose::Organization(&acting.organization().id))? {
            note(tx, acting, now, "picture removed")?;
        }
        Ok(())
    });
    removed.await?;
    let settings = urls::organization_settings(&posted.who.organization().slug);
    Ok(done(posted.who.instance(), &settings, Notice::PictureRemoved))
}

/// `GET /avatars/{name}/{size}`.
///
/// # Errors
/// [`Error::NotFound`] when there is none, or none for them.
pub async fn show(
    who: SignedIn,
    request: HttpRequest,
    instance: web::Data<Instance>,
    asked: web::Path<(String, String)>,
) -> Result<HttpResponse> {
    // Nobody else's page learns from it who is signed in here (ASVS 3.5.8).
    let from = request.headers().get("sec-fetch-site").map(|value| value.as_bytes().to_vec());
    if from.is_some_and(|from| from != b"same-origin" && from != b"none") {
        return Err(Error::Forbidden("a picture is shown on our own pages"));
    }
    let (name, size) = asked.into_inner();
    let size = Size::from_word(&size).ok_or(Error::NotFound)?;
    if name.len() != 32 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::NotFound);
    }
    let bytes = instance.db.read(move |connection| find(connection, who.owner(), &name, size)).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "image/webp"))
        .insert_header((header::CACHE_CONTROL, KEPT))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(bytes))
}
