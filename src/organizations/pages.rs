//! `/organizations`, and an organization's own pages: overview, settings, handing over, deleting.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::forms::{HandOverForm, OrganizationForm, PhraseForm, closed_to, is_phrase};
use super::license::{self, Limited};
use super::member::{ConfirmedMemberPost, Member, MemberConfirmed, MemberPost};
use super::policy::Right;
use super::queries::{self, Ending, Listed};
use super::service::{self, HandedOver};
use super::views::{
    DeletePage, EndingLine, HandOverPage, ListPage, ListRow, NewPage, OfferRow, Place, SettingsPage, ShowPage,
    role_name,
};
use super::{Acts, Kind, invitations, logs, members};
use crate::app::Instance;
use crate::audit::{self, Sought};
use crate::auth::{SignedIn, throttle};
use crate::avatars::pages::Made;
use crate::avatars::{self, Face, Whose};
use crate::error::{Error, Result};
use crate::tokens::TokenKind;
use crate::tokens::policies::{Realm, present};
use crate::urls;
use crate::users::called;
use crate::web::upload::Upload;
use crate::web::{Moment, Notice, Problems, Visitor, html, see_other};

/// How many of the latest events the overview shows.
const LATEST: i64 = 5;

/// An answer that leads on and says what was done.
pub(crate) fn done(instance: &Instance, place: &str, notice: Notice) -> HttpResponse {
    let mut response = see_other(place);
    notice.send(&mut response, instance.config.is_https());
    response
}

/// The same, with how many things it was done to.
pub(super) fn done_with(instance: &Instance, place: &str, notice: Notice, count: usize) -> HttpResponse {
    let mut response = see_other(place);
    notice.send_with(&mut response, instance.config.is_https(), count);
    response
}

/// A page of an organization, with what is wrong on it.
pub(crate) fn answer(problems: &Problems, page: &impl Template) -> Result<HttpResponse> {
    html(if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, page)
}

/// `GET /organizations`.
///
/// # Errors
/// When the database refuses.
pub async fn list(who: SignedIn, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let (account, now) = (who.account().clone(), instance.clock.now());
    let (email, catalogue) = (account.email.clone(), instance.config.catalogue.clone());
    let (mine, offers) = instance
        .db
        .read(move |connection| {
            let offers = invitations::open_for(connection, &email, now, &catalogue)?;
            Ok((queries::mine(connection, who.owner())?, offers))
        })
        .await?;
    let row = |(listed, members): (Listed, i64)| {
        let organization = listed.organization;
        ListRow {
            face: Face::of(&organization.name, organization.avatar.as_deref()),
            note: match organization.kind {
                Kind::Private => "Yours alone; made with your account and never shared".to_owned(),
                Kind::Shared => organization.slug.clone(),
            },
            role: role_name(listed.role, listed.role_name.as_deref()),
            members,
            url: urls::organization(&organization.slug),
            current: organization.id == account.organization.id,
            name: organization.name,
        }
    };
    let offer = |offer: invitations::Offer| OfferRow {
        accept_url: urls::invitation_here(&offer.id),
        decline_url: urls::invitation_decline(&offer.id),
        organization: offer.organization.name,
        by: offer.by,
        role: offer.role,
        ends: Moment::new(offer.expires_at, now),
    };
    let page = ListPage {
        shell: visitor.shell("My organizations", "organizations"),
        offers: offers.into_iter().map(offer).collect(),
        rows: mine.into_iter().map(row).collect(),
    };
    html(StatusCode::OK, &page)
}

fn new_page(visitor: &Visitor, instance: &Instance, form: &OrganizationForm, problems: &Problems) -> NewPage {
    NewPage {
        shell: visitor.shell("Create an organization", "organizations"),
        errors: problems.list(),
        name: problems.field("name", &form.name),
        slug: problems.field("slug", &form.slug),
        picture: problems.secret("picture"),
        slug_hint: format!(
            "What stands after {} in addresses. Leave it empty, and we make it from the name.",
            base(instance)
        ),
        skip: false,
    }
}

/// Where the organizations' addresses begin.
fn base(instance: &Instance) -> String {
    instance.config.absolute(&urls::organization(""))
}

/// What the address carries: whether it is the last step of a sign-up.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub struct Arriving {
    welcome: Option<String>,
}

/// `GET /organizations/new`.
///
/// # Errors
/// When the template fails.
pub async fn new(
    _: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    asked: web::Query<Arriving>,
) -> Result<HttpResponse> {
    let page = new_page(&visitor, &instance, &OrganizationForm::default(), &Problems::none());
    answer(&Problems::none(), &NewPage { skip: asked.welcome.is_some(), ..page })
}

/// `POST /organizations/new`.
///
/// # Errors
/// When the database refuses.
pub async fn create(
    visitor: Visitor,
    instance: web::Data<Instance>,
    sent: Upload<SignedIn, OrganizationForm>,
) -> Result<HttpResponse> {
    let Upload { who, form, file } = sent;
    let refused = |problems: &Problems| answer(problems, &new_page(&visitor, &instance, &form, problems));
    let named = match form.check(None, closed_to(&instance, &who)) {
        Ok(named) => named,
        Err(problems) => return refused(&problems),
    };
    let picture = match avatars::pages::made(&instance, &who, file).await? {
        Made::Nothing => None,
        Made::Picture(picture) => Some(picture),
        Made::Problem(problem) => {
            let mut problems = Problems::none();
            problems.add("picture", problem);
            return refused(&problems);
        }
    };
    let (now, slug) = (instance.clock.now(), named.slug.clone());
    match throttle::enter(&instance.db, vec![service::door(&who)], now).await {
        Err(Error::TooMany { .. }) => {
            let mut problems = Problems::none();
            problems.add("name", "You have made many organizations within an hour. Try again later");
            return refused(&problems);
        }
        entered => entered?,
    }
    let work = move |tx: &mut crate::db::Tx<'_>| {
        let made = service::create(tx, &who, now, &named)?;
        picture.map_or(Ok(()), |picture| avatars::set(tx, Whose::Organization(&made), &picture, now))
    };
    match instance.db.write(work).await {
        Ok(()) => Ok(done(&instance, &urls::organization(&slug), Notice::OrganizationCreated)),
        Err(Error::Taken(_)) => {
            let form = OrganizationForm { slug, ..form };
            let problems = slug_taken();
            answer(&problems, &new_page(&visitor, &instance, &form, &problems))
        }
        Err(error) => Err(error),
    }
}

fn slug_taken() -> Problems {
    let mut problems = Problems::none();
    problems.add("slug", "This address is taken. Choose another one");
    problems
}

/// `GET /organizations/{slug}`.
///
/// # Errors
/// [`Error::NotFound`] when they are no member.
pub async fn show(member: Member, visitor: Visitor) -> Result<HttpResponse> {
    let (now, organization) = (member.now(), member.organization().clone());
    let (user, rights) = (member.account().user_id.clone(), member.rights().clone());
    let place = Place::of(&member);
    let works_here = place.works_here;
    let work = move |connection: &mut crate::db::Connection| {
        let id = &organization.id;
        let events = if rights.may(Right::SeeLogs) {
            audit::for_organization(connection, id, &Sought::default(), LATEST)?
        } else {
            Vec::new()
        };
        let mut figures = Vec::new();
        let license = license::find(connection, id)?;
        for (what, right, url) in figures_of(&organization.slug, works_here) {
            if rights.may(right) {
                let count = match what {
                    Limited::Members => queries::count_members(connection, id)?,
                    _ => license::used(connection, id, what, now)?,
                };
                figures.push(match license.limit(what) {
                    Some(limit) => (what.words(), format!("{count} of {limit}"), url),
                    None => (what.words(), count.to_string(), url),
                });
            }
        }
        let ending = queries::ending(
            connection,
            id,
            (&user, rights.may(Right::SeeKeys), rights.may(Right::SeeServiceAccounts)),
            now,
        )?;
        Ok((figures, ending, members::find(connection, id, &user)?, events))
    };
    let (figures, ending, me, events) = member.instance().db.read(work).await?;
    let page = ShowPage {
        shell: visitor.shell_in(&place, "Overview", "organization"),
        role: role_name(me.role, me.role_name.as_deref()),
        figures,
        ending: ending.into_iter().map(|one| ending_line(one, &member)).collect(),
        is_target: me.is_target,
        created: Moment::new(me.joined_at, now),
        events: events.iter().map(|told| logs::line(told, now)).collect(),
        place,
    };
    html(StatusCode::OK, &page)
}

/// What ends soon, with its page.
fn ending_line(ending: Ending, member: &Member) -> EndingLine {
    let Ending { id, kind, name, user, account, at } = ending;
    let whose = match (user, &account) {
        (Some((user, ..)), _) if user == member.account().user_id => "yours".to_owned(),
        (Some((_, first, last, email)), _) => format!("of {}", called(&first, &last, &email)),
        (None, Some((_, name))) => format!("of {name}"),
        (None, None) => String::new(),
    };
    let (what, url) = match (kind, &account) {
        (TokenKind::Personal, _) => ("personal token", urls::settings_token(&id)),
        (TokenKind::ServiceAccount, Some((account, _))) => {
            ("service account’s token", urls::service_token(&member.organization().slug, account, &id))
        }
        _ => ("API key", urls::settings_api_key(&id)),
    };
    EndingLine { name, url, kind: format!("{what}, {whose}"), at: Moment::new(at, member.now()) }
}

/// What the overview counts, who sees it, and where there is more. The page of keys is of the organization being worked in.
fn figures_of(slug: &str, works_here: bool) -> [(Limited, Right, Option<String>); 4] {
    [
        (Limited::Members, Right::SeeMembers, Some(urls::members(slug))),
        (Limited::Teams, Right::SeeTeams, Some(urls::teams(slug))),
        (Limited::ApiKeys, Right::SeeKeys, works_here.then(urls::settings_api_keys)),
        (Limited::ServiceAccounts, Right::SeeServiceAccounts, Some(urls::service_accounts(slug))),
    ]
}

/// What the switch sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct SwitchForm {
    /// What page one is on, as menus mark it: if the other organization has it, too, one stays there.
    to: String,
}

/// Where a switch leads: to the same page, as far as they may see it there, or else to the overview.
fn same_page(to: &str, member: &Member) -> String {
    let (slug, rights) = (&member.organization().slug, member.rights());
    let (right, url) = match to {
        "api-keys" => (Right::Belong, urls::settings_api_keys()),
        "license" => (Right::Belong, urls::settings_license()),
        "org-members" => (Right::SeeMembers, urls::members(slug)),
        "org-teams" => (Right::SeeTeams, urls::teams(slug)),
        "org-roles" => (Right::SeeRoles, urls::roles(slug)),
        "org-logs" => (Right::SeeLogs, urls::organization_logs(slug)),
        "org-license" => (Right::SeeOrganization, urls::organization_license(slug)),
        "org-service-accounts" => (Right::SeeServiceAccounts, urls::service_accounts(slug)),
        "org-settings" => (Right::ChangeOrganization, urls::organization_settings(slug)),
        "org-policy" if member.organization().kind == Kind::Shared => {
            (Right::ChangeOrganization, urls::organization_policy(slug))
        }
        _ => return urls::organization(slug),
    };
    if rights.may(right) { url } else { urls::organization(slug) }
}

/// `POST /organizations/{slug}/switch`: works in it from now on, in this browser and at the next sign-in.
///
/// # Errors
/// When the database refuses.
pub async fn switch(posted: MemberPost<SwitchForm>) -> Result<HttpResponse> {
    let by = posted.who.clone();
    posted.who.change(move |tx, acting, _, _| service::switch(tx, &by, acting)).await?;
    let next = same_page(&posted.form.to, &posted.who);
    Ok(done(posted.who.instance(), &next, Notice::OrganizationSwitched))
}

/// What holds for tokens in a shared organization, in words.
async fn token_rules(member: &Member) -> Result<Option<String>> {
    let organization = member.organization();
    if organization.kind == Kind::Private {
        return Ok(None);
    }
    let (config, realm) = (member.instance().config.tokens.clone(), Realm::Organization(organization.id.clone()));
    let reading = member.instance().db.read(move |connection| present(connection, &config, &realm));
    Ok(Some(reading.await?.in_words()))
}

async fn settings_page(
    member: &Member,
    visitor: &Visitor,
    form: &OrganizationForm,
    problems: &Problems,
) -> Result<HttpResponse> {
    let place = Place::of(member);
    let page = SettingsPage {
        shell: visitor.shell_in(&place, "Settings", "org-settings"),
        errors: problems.list(),
        name: problems.field("name", &form.name),
        slug: problems.field("slug", &form.slug),
        slug_hint: format!(
            "What stands after {} in addresses. Links with the old one stop working, and others may take it.",
            base(member.instance())
        ),
        policy: member.organization().policy(),
        token_rules: token_rules(member).await?,
        requires_second_factor: member.organization().requires_second_factor,
        may_hand_over: member.rights().may(Right::HandOver),
        may_delete: member.rights().may(Right::DeleteOrganization),
        place,
    };
    answer(problems, &page)
}

/// `GET /organizations/{slug}/settings`.
///
/// # Errors
/// When the template fails.
pub async fn settings(member: Member, visitor: Visitor) -> Result<HttpResponse> {
    let organization = member.organization();
    let form = OrganizationForm { name: organization.name.clone(), slug: organization.slug.clone() };
    settings_page(&member, &visitor, &form, &Problems::none()).await
}

/// `POST /organizations/{slug}/settings`.
///
/// # Errors
/// When the database refuses.
pub async fn save(visitor: Visitor, posted: MemberPost<OrganizationForm>) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    let named = match form.check(Some(member.organization()), closed_to(member.instance(), &member)) {
        Ok(named) => named,
        Err(problems) => return settings_page(&member, &visitor, &form, &problems).await,
    };
    let slug = named.slug.clone();
    let saved = member.change(move |tx, acting, now, _| service::rename(tx, acting, now, &named));
    match saved.await {
        Ok(()) => Ok(done(member.instance(), &urls::organization_settings(&slug), Notice::OrganizationSaved)),
        Err(Error::Taken(_)) => {
            settings_page(&member, &visitor, &OrganizationForm { slug, ..form }, &slug_taken()).await
        }
        Err(error) => Err(error),
    }
}

fn hand_over_page(
    member: &Member,
    visitor: &Visitor,
    form: &HandOverForm,
    problems: &Problems,
) -> Result<HttpResponse> {
    let place = Place::of(member);
    let page = HandOverPage {
        shell: visitor.shell_in(&place, "Hand over", "org-settings"),
        errors: problems.list(),
        email: problems.field("email", &form.email),
        phrase: problems.field("phrase", &form.phrase),
        place,
    };
    answer(problems, &page)
}

/// `GET /organizations/{slug}/hand-over`.
///
/// # Errors
/// When the template fails.
pub async fn ask_hand_over(member: MemberConfirmed, visitor: Visitor) -> Result<HttpResponse> {
    hand_over_page(&member, &visitor, &HandOverForm::default(), &Problems::none())
}

fn check_phrase(problems: &mut Problems, typed: &str, name: &str) {
    if !is_phrase(typed, name) {
        problems.add("phrase", format!("Type the organization's name, “{name}”, as it stands here"));
    }
}

/// `POST /organizations/{slug}/hand-over`.
///
/// # Errors
/// When the database refuses.
pub async fn hand_over(visitor: Visitor, posted: ConfirmedMemberPost<HandOverForm>) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    let mut problems = Problems::none();
    check_phrase(&mut problems, &form.phrase, &member.organization().name);
    if form.email.trim().is_empty() {
        problems.add("email", "Enter the e-mail address of a member");
    }
    if !problems.is_empty() {
        return hand_over_page(&member, &visitor, &form, &problems);
    }
    let email = form.email.clone();
    let handed = member.change(move |tx, acting, now, _| service::hand_over(tx, acting, now, &email));
    match handed.await? {
        HandedOver::Yes => {
            let home = urls::organization(&member.organization().slug);
            return Ok(done(member.instance(), &home, Notice::OrganizationHandedOver));
        }
        HandedOver::NoMember => {
            problems.add("email", "No member of this organization has this address");
        }
        HandedOver::Oneself => problems.add("email", "You own it already. Enter somebody else's address"),
    }
    hand_over_page(&member, &visitor, &form, &problems)
}

async fn delete_page(
    member: &Member,
    visitor: &Visitor,
    form: &PhraseForm,
    problems: &Problems,
) -> Result<HttpResponse> {
    let (organization, now) = (member.organization().id.clone(), member.now());
    let goes = member.instance().db.read(move |connection| queries::goes(connection, &organization, now)).await?;
    let place = Place::of(member);
    let page = DeletePage {
        shell: visitor.shell_in(&place, "Delete organization", "org-settings"),
        errors: problems.list(),
        phrase: problems.field("phrase", &form.phrase),
        goes,
        place,
    };
    answer(problems, &page)
}

/// `GET /organizations/{slug}/delete`.
///
/// # Errors
/// When the database refuses.
pub async fn ask_delete(member: MemberConfirmed, visitor: Visitor) -> Result<HttpResponse> {
    delete_page(&member, &visitor, &PhraseForm::default(), &Problems::none()).await
}

/// `POST /organizations/{slug}/delete`.
///
/// # Errors
/// When the database refuses.
pub async fn delete(visitor: Visitor, posted: ConfirmedMemberPost<PhraseForm>) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    let mut problems = Problems::none();
    check_phrase(&mut problems, &form.phrase, &member.organization().name);
    if !problems.is_empty() {
        return delete_page(&member, &visitor, &form, &problems).await;
    }
    let deleted = member.change(move |tx, acting, now, _| service::delete(tx, acting, now));
    deleted.await?;
    Ok(done(member.instance(), &urls::organizations(), Notice::OrganizationDeleted))
}
