//! `/api/v1/tokens` and below: what the pages do, in JSON. Forms and bodies are judged by the same rules and end in the same
//! verbs.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::forms::{NewTokenForm, RegenerateForm, scopes as read_scopes};
use super::list::{page, wanted};
use super::pages::explain;
use super::policy::{Overlap, Status};
use super::queries::{self, Seen, Token};
use super::service::{self, Change, Created, NewRights, Refused, Rights};
use super::{Known, Regenerated, end_itself, end_old as end_old_verb, regenerate as regenerate_verb, renew_itself};
use crate::api::{Page, Problem, Sent, Wrong, created, done, given, json, once, read_optional};
use crate::app::Instance;
use crate::audit::{Actor, Entry, Origin};
use crate::auth::capability::Owner;
use crate::auth::secret::{PlainSecret, masked};
use crate::auth::{Confirmed, SignedIn, TokenBearer};
use crate::catalogue::{Catalogue, Scope, Scopes};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::ids::TokenId;
use crate::web::Problems;
use crate::{text, urls};

/// A token as it is told; never its secret, but in the answer to its making.
#[derive(Serialize)]
pub(crate) struct TokenView {
    id: String,
    kind: &'static str,
    name: String,
    description: String,
    token: String,
    status: &'static str,
    expires_soon: bool,
    organization_id: Option<String>,
    everything: bool,
    scopes: Vec<String>,
    may_rotate: bool,
    created_at: String,
    issued_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    last_used: Option<UseView>,
}

#[derive(Serialize)]
pub(crate) struct UseView {
    at: String,
    address: String,
    agent: String,
}

/// With the secret, this once.
#[derive(Serialize)]
pub(crate) struct IssuedView<'a, T: Serialize> {
    #[serde(flatten)]
    token: T,
    secret: &'a str,
}

impl<'a, T: Serialize> IssuedView<'a, T> {
    pub(crate) fn of(token: T, secret: &'a PlainSecret) -> Self {
        Self { token, secret: secret.reveal_for_machine() }
    }
}

/// With what stands on its page alone.
#[derive(Serialize)]
pub(crate) struct WholeView {
    #[serde(flatten)]
    token: TokenView,
    old_secret: Option<OldView>,
    addresses: Vec<UseView>,
    history: Vec<EventView>,
}

/// The secret before the present one, while it still works.
#[derive(Serialize)]
pub(crate) struct OldView {
    token: String,
    expires_at: Option<String>,
    uses: i64,
    last_used: Option<UseView>,
}

#[derive(Serialize)]
pub(crate) struct EventView {
    at: String,
    action: &'static str,
    detail: String,
    address: String,
    agent: String,
}

impl TokenView {
    pub(crate) fn of(token: &Token, config: &Config, now: Timestamp) -> Self {
        let (record, secret) = (&token.record, &token.secret);
        Self {
            id: record.id.to_string(),
            kind: record.kind.as_str(),
            name: record.name.clone(),
            description: record.description.clone(),
            token: masked(&config.tokens.brand, record.kind.secret(), &secret.last_four),
            status: match token.status(now) {
                Status::Active => "active",
                Status::Expired => "expired",
                Status::Revoked => "revoked",
            },
            expires_soon: token.expires_soon(now),
            organization_id: record.organization_id.as_ref().map(ToString::to_string),
            everything: record.everything,
            scopes: record.scopes.split_ascii_whitespace().map(str::to_owned).collect(),
            may_rotate: record.may_rotate,
            created_at: record.created_at.rfc3339(),
            issued_at: secret.created_at.rfc3339(),
            expires_at: secret.expires_at.map(Timestamp::rfc3339),
            revoked_at: secret.revoked_at.map(Timestamp::rfc3339),
            last_used: UseView::of(secret),
        }
    }
}

impl TokenView {
    /// A key has one text that people know it by, which they call its description.
    pub(crate) fn described_by_its_name(self) -> Self {
        Self { description: self.name.clone(), ..self }
    }
}

impl WholeView {
    /// As of [`TokenView`].
    pub(crate) fn described_by_its_name(self) -> Self {
        Self { token: self.token.described_by_its_name(), ..self }
    }

    pub(crate) fn of(known: Known, config: &Config, now: Timestamp) -> Self {
        let Known { token, old, addresses, history } = known;
        let old_secret = old.map(|old| OldView {
            token: masked(&config.tokens.brand, token.record.kind.secret(), &old.last_four),
            expires_at: old.expires_at.map(Timestamp::rfc3339),
            uses: old.later_uses,
            last_used: UseView::of(&old).filter(|_| old.later_uses > 0),
        });
        Self {
            token: TokenView::of(&token, config, now),
            old_secret,
            addresses: addresses.into_iter().map(UseView::from).collect(),
            history: history.into_iter().map(EventView::from).collect(),
        }
    }
}

impl UseView {
    fn of(secret: &queries::Secret) -> Option<Self> {
        secret.last_used_at.map(|at| Self {
            at: at.rfc3339(),
            address: secret.last_used_address.clone(),
            agent: secret.last_used_agent.clone(),
        })
    }
}

impl From<Seen> for UseView {
    fn from(seen: Seen) -> Self {
        Self { at: seen.used_at.rfc3339(), address: seen.address, agent: seen.agent }
    }
}

impl From<Entry> for EventView {
    fn from(entry: Entry) -> Self {
        let Entry { at, action, detail, address, agent, .. } = entry;
        Self { at: at.rfc3339(), action: action.as_str(), detail, address, agent }
    }
}

async fn find(instance: &Instance, who: &SignedIn, id: &TokenId) -> Result<Token> {
    let (who, id) = (who.clone(), id.clone());
    instance.db.read(move |connection| queries::find(connection, who.owner(), &id)).await
}

/// The answer that tells a token as it is now.
async fn tell(instance: &Instance, who: &SignedIn, id: &TokenId) -> Result<HttpResponse> {
    let token = find(instance, who, id).await?;
    json(StatusCode::OK, &TokenView::of(&token, &instance.config, instance.clock.now()))
}

/// A token with its secret.
fn issued<'a>(instance: &Instance, token: &Token, secret: &'a PlainSecret) -> IssuedView<'a, TokenView> {
    IssuedView::of(TokenView::of(token, &instance.config, instance.clock.now()), secret)
}

/// Runs a verb as whoever called.
async fn act<T: Send + 'static>(
    instance: &Instance,
    who: SignedIn,
    verb: impl FnOnce(&mut Tx<'_>, Owner<'_>, &Actor, Timestamp) -> Result<T> + Send + 'static,
) -> Result<T> {
    let now = instance.clock.now();
    let writing = instance.db.write(move |tx| {
        let actor = who.actor(tx, now)?;
        verb(tx, who.owner(), &actor, now)
    });
    writing.await
}

type Id = web::Path<TokenId>;

/// `GET /api/v1/tokens`: search, filter, order and page as in the address of the list's page.
///
/// # Errors
/// [`Error::BadRequest`] when the address can't be read.
pub async fn list(request: HttpRequest, who: SignedIn, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let (wanted, now) = (wanted(request.query_string())?, instance.clock.now());
    let slice = instance.db.read(move |connection| page(connection, who.owner(), &wanted, now)).await?;
    let items: Vec<_> = slice.tokens.iter().map(|token| TokenView::of(token, &instance.config, now)).collect();
    json(StatusCode::OK, &Page::of(&request, items, slice.before.as_deref(), slice.after.as_deref()))
}

/// `GET /api/v1/tokens/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn show(who: SignedIn, instance: web::Data<Instance>, id: Id) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let reading = instance.db.read(move |connection| Known::read(connection, who.owner(), &id, now));
    json(StatusCode::OK, &WholeView::of(reading.await?, &instance.config, now))
}

/// When a token ends: a number of days, a day, or `"never"`. In the words of the forms: which choice, and which day.
pub(crate) fn expiry(said: &Value) -> (String, String) {
    match said {
        Value::Number(days) => (days.to_string(), String::new()),
        Value::String(never) if never == "never" => (never.clone(), String::new()),
        Value::String(day) if !day.trim().is_empty() => ("date".to_owned(), day.clone()),
        // Never a default: least of all "never".
        _ => (String::new(), String::new()),
    }
}

/// Where in a body the problem of a form's field is.
fn pointer(field: &str) -> &'static str {
    match field {
        "name" => "#/name",
        "description" => "#/description",
        "expiry" | "date" => "#/expires",
        "organization" => "#/organization",
        "access" | "scope" => "#/scopes",
        "old" => "#/old_secret",
        _ => "#",
    }
}

/// What is wrong with the scopes of a body, each at its place.
fn wrong_scopes(scopes: &[String], catalogue: &Catalogue) -> Vec<Wrong> {
    wrong_among(scopes, catalogue, |_| false)
}

/// The same where there are others, too, that are no operations of the catalogue.
fn wrong_among(scopes: &[String], catalogue: &Catalogue, is_other: fn(&str) -> bool) -> Vec<Wrong> {
    let wrong = |(place, scope): (usize, &String)| {
        let detail = if Scope::parse(scope, catalogue).is_err() && !is_other(scope) {
            "There is no such scope here; they are entity_type:operation or entity_type:operation:entity."
        } else if scopes[..place].contains(scope) {
            "This scope is there already; leave it out."
        } else {
            return None;
        };
        Some(Wrong::at(format!("#/scopes/{place}"), detail))
    };
    // So many are enough to mend a program by.
    let each: Vec<Wrong> = scopes.iter().enumerate().filter_map(wrong).take(20).collect();
    let read: Vec<String> = scopes.iter().filter(|scope| !is_other(scope)).cloned().collect();
    match read_scopes(&read, catalogue) {
        Err(problem) if each.is_empty() => vec![Wrong::at("#/scopes", problem)],
        _ => each,
    }
}

/// What a checked form has come to, unless something is wrong with what the body says of rights: everything, or these scopes.
pub(crate) fn judged<T>(
    checked: Result<T, Problems>,
    (everything, scopes): (bool, &[String]),
    catalogue: &Catalogue,
    is_other: fn(&str) -> bool,
) -> Result<T> {
    let wrong = if everything && !scopes.is_empty() {
        vec![EVERYTHING_AND.at()]
    } else {
        wrong_among(scopes, catalogue, is_other)
    };
    match checked {
        Ok(new) if wrong.is_empty() => Ok(new),
        checked => Err(invalid(&checked.err().unwrap_or_else(Problems::none), wrong)),
    }
}

/// The same choice as a form sends it.
pub(crate) fn access(everything: bool) -> String {
    if everything { "everything" } else { "selected" }.to_owned()
}

pub(crate) fn invalid(problems: &Problems, mut wrong: Vec<Wrong>) -> Error {
    // What is said of each scope goes before what is said of all of them.
    let at_scopes = !wrong.is_empty();
    let others = Wrong::all(problems, pointer).into_iter().filter(|other| !at_scopes || other.pointer != "#/scopes");
    wrong.splice(0..0, others);
    Problem::invalid(wrong).into()
}

pub(crate) fn refused(why: &Refused) -> Error {
    let wrong = Wrong::all(&explain(why), pointer);
    match why {
        Refused::TooMany(_) | Refused::TooManyThere(_) | Refused::License(_) => {
            Problem::conflict(wrong.into_iter().map(|wrong| wrong.detail).collect::<String>(), Vec::new()).into()
        }
        Refused::NameTaken => Problem::conflict("Nothing was done. “errors” says what is there already.", wrong).into(),
        Refused::Beyond(_) | Refused::NoMember | Refused::TooLong(_) => Problem::invalid(wrong).into(),
    }
}

/// `POST /api/v1/tokens`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewTokenBody {
    name: String,
    description: String,
    expires: Value,
    #[serde(deserialize_with = "given")]
    organization: Option<String>,
    scopes: Vec<String>,
    everything: bool,
    may_rotate: bool,
}

impl NewTokenBody {
    /// The same as the page's form would send it.
    fn form(&self) -> NewTokenForm {
        let (expiry, date) = expiry(&self.expires);
        let organization = match self.organization.as_deref() {
            None => "all",
            // What a form calls all of them is no organization's name.
            Some("all") => "-",
            Some(name) => name,
        };
        NewTokenForm {
            name: self.name.clone(),
            description: self.description.clone(),
            expiry,
            date,
            organization: organization.to_owned(),
            access: access(self.everything),
            scope: self.scopes.clone(),
            ..NewTokenForm::default()
        }
    }
}

/// `POST /api/v1/tokens`: the secret is in this answer and nowhere else.
///
/// # Errors
/// [`Error::Problem`] with all that is wrong.
pub async fn create(
    request: HttpRequest,
    instance: web::Data<Instance>,
    sent: Sent<Confirmed, NewTokenBody>,
) -> Result<HttpResponse> {
    let Sent { who, body } = sent;
    let once = once(&request, "call")?;
    let (asker, config, now) = (who.clone(), instance.config.tokens.clone(), instance.clock.now());
    let reading = instance.db.read(move |connection| {
        Ok((queries::policy(connection, &config)?, queries::places(connection, asker.owner().user_id())?))
    });
    let (policy, places) = reading.await?;
    let catalogue = &instance.config.catalogue;
    let checked = body.form().check(now, &policy, &places, catalogue);
    let new = judged(checked, (body.everything, &body.scopes), catalogue, |_| false)?;
    let new = service::NewToken { may_rotate: body.may_rotate, ..new };
    match service::create(&instance, &who, &once, new).await? {
        Created::Now(id, secret) => {
            let token = find(&instance, &who, &id).await?;
            created(&urls::api_token(&id), &issued(&instance, &token, &secret))
        }
        Created::Before(Some(id)) => tell(&instance, &who, &id).await,
        Created::Before(None) => {
            Err(Problem::conflict("This call made a token before, and that was deleted since.", Vec::new()).into())
        }
        Created::Refused(why) => Err(refused(&why)),
    }
}

/// What a body says twice, or not at all.
struct Said(&'static str);

const EVERYTHING_AND: Said = Said("With “everything” there are no others; leave them out.");
const NOT_EVERYTHING: Said = Said("Say which scopes it shall have instead of everything; [] is none.");

impl Said {
    fn at(&self) -> Wrong {
        Wrong::at("#/scopes", self.0)
    }
}

/// `PATCH /api/v1/tokens/{id}`: what is left out stays as it is.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeBody {
    #[serde(deserialize_with = "given")]
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    description: Option<String>,
    #[serde(deserialize_with = "given")]
    scopes: Option<Vec<String>>,
    #[serde(deserialize_with = "given")]
    everything: Option<bool>,
    #[serde(deserialize_with = "given")]
    may_rotate: Option<bool>,
}

impl ChangeBody {
    fn check(self, catalogue: &Catalogue) -> Result<Change> {
        let mut wrong = Vec::new();
        let mut judge = |pointer: &str, verdict: Result<(), validator::ValidationError>| {
            if let Err(error) = verdict {
                wrong.push(Wrong::at(pointer, error.message.unwrap_or_default()));
            }
        };
        judge("#/name", self.name.as_deref().map_or(Ok(()), text::title));
        judge("#/description", self.description.as_deref().map_or(Ok(()), text::description));
        let scopes = self.scopes.as_deref();
        let rights = match (self.everything, scopes) {
            (None, None) => None,
            (Some(true), None | Some([])) => Some(Rights { everything: true, scopes: Scopes::default() }),
            (Some(true), Some(_)) => {
                wrong.push(EVERYTHING_AND.at());
                None
            }
            (Some(false), None) => {
                wrong.push(NOT_EVERYTHING.at());
                None
            }
            (Some(false) | None, Some(scopes)) => {
                wrong.extend(wrong_scopes(scopes, catalogue));
                read_scopes(scopes, catalogue).ok().map(|scopes| Rights { everything: false, scopes })
            }
        };
        if !wrong.is_empty() {
            return Err(Problem::invalid(wrong).into());
        }
        Ok(Change {
            name: self.name.as_deref().map(text::tidy),
            description: self.description.as_deref().map(text::tidy),
            rights: rights.map(NewRights::These),
            may_rotate: self.may_rotate,
        })
    }
}

/// Changes a token, and tells it as it is then.
async fn make_change(instance: &Instance, who: &Confirmed, id: &TokenId, change: Change) -> Result<HttpResponse> {
    match service::change(instance, who, id, change).await? {
        Some(why) => Err(refused(&why)),
        None => tell(instance, who, id).await,
    }
}

/// `PATCH /api/v1/tokens/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs; [`Error::Problem`].
pub async fn change(instance: web::Data<Instance>, id: Id, sent: Sent<Confirmed, ChangeBody>) -> Result<HttpResponse> {
    let Sent { who, body } = sent;
    // Whether there is such a token comes before what is wrong with the change.
    find(&instance, &who, &id).await?;
    make_change(&instance, &who, &id, body.check(&instance.config.catalogue)?).await
}

/// `POST /api/v1/tokens/{id}/scopes`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScopesBody {
    scopes: Vec<String>,
}

/// `POST /api/v1/tokens/{id}/scopes`: these, too, with all that they imply.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs; [`Error::Problem`].
pub async fn add_scopes(
    instance: web::Data<Instance>,
    id: Id,
    sent: Sent<Confirmed, ScopesBody>,
) -> Result<HttpResponse> {
    let Sent { who, body } = sent;
    find(&instance, &who, &id).await?;
    let mut wrong = wrong_scopes(&body.scopes, &instance.config.catalogue);
    if body.scopes.is_empty() {
        wrong.push(Wrong::at("#/scopes", "Say which scopes it shall have, too."));
    }
    match read_scopes(&body.scopes, &instance.config.catalogue) {
        Ok(more) if wrong.is_empty() => {
            let change = Change { rights: Some(NewRights::And(more)), ..Change::default() };
            make_change(&instance, &who, &id, change).await
        }
        _ => Err(Problem::invalid(wrong).into()),
    }
}

/// `DELETE /api/v1/tokens/{id}/scopes`: then it may do nothing.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn clear_scopes(who: Confirmed, instance: web::Data<Instance>, id: Id) -> Result<HttpResponse> {
    take(&instance, &who, id.into_inner(), None).await
}

/// `DELETE /api/v1/tokens/{id}/scopes/{scope}`: with all those that would bring it back.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs, or has no such scope.
pub async fn remove_scope(
    who: Confirmed,
    instance: web::Data<Instance>,
    place: web::Path<(TokenId, String)>,
) -> Result<HttpResponse> {
    let (id, scope) = place.into_inner();
    take(&instance, &who, id, Some(scope)).await
}

async fn take(instance: &Instance, who: &Confirmed, id: TokenId, scope: Option<String>) -> Result<HttpResponse> {
    let (catalogue, this) = (instance.config.catalogue.clone(), id.clone());
    let verb = move |tx: &mut Tx<'_>, owner: Owner<'_>, actor: &Actor, now: Timestamp| {
        service::take_scope(tx, owner, actor, now, &this, scope.as_deref(), &catalogue)
    };
    act(instance, (**who).clone(), verb).await?;
    tell(instance, who, &id).await
}

/// `POST /api/v1/tokens/{id}/revoke`: for good. Revoking it again changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn revoke(who: SignedIn, instance: web::Data<Instance>, id: Id) -> Result<HttpResponse> {
    let this = id.clone();
    act(&instance, who.clone(), move |tx, owner, actor, now| service::revoke(tx, owner, actor, now, &this)).await?;
    tell(&instance, &who, &id).await
}

/// `DELETE /api/v1/tokens/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn delete(who: SignedIn, instance: web::Data<Instance>, id: Id) -> Result<HttpResponse> {
    let id = id.into_inner();
    act(&instance, who, move |tx, owner, actor, now| service::delete(tx, owner, actor, now, &id)).await?;
    Ok(done())
}

/// `DELETE /api/v1/tokens/{id}/old-secret`. Where there is none any more, nothing changes.
///
/// # Errors
/// [`Error::NotFound`] when the token is not theirs.
pub async fn end_old(who: SignedIn, instance: web::Data<Instance>, id: Id) -> Result<HttpResponse> {
    let id = id.into_inner();
    act(&instance, who, move |tx, owner, actor, now| end_old_verb(tx, owner, actor, now, &id)).await?;
    Ok(done())
}

/// `POST /api/v1/tokens/{id}/regenerate`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegenerateBody {
    expires: Value,
    #[serde(deserialize_with = "given")]
    old_secret: Option<String>,
}

impl RegenerateBody {
    /// The same as the page's form would send it.
    pub(crate) fn form(&self) -> Result<RegenerateForm> {
        let (expiry, date) = expiry(&self.expires);
        let old = old_word(self.old_secret.as_deref())?.as_str().to_owned();
        Ok(RegenerateForm { expiry, date, old, ..RegenerateForm::default() })
    }
}

/// `POST /api/v1/tokens/{id}/regenerate`: as with a new token, the secret is in this answer and nowhere else.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs; [`Error::Problem`].
pub async fn regenerate(
    request: HttpRequest,
    instance: web::Data<Instance>,
    id: Id,
    sent: Sent<Confirmed, RegenerateBody>,
) -> Result<HttpResponse> {
    let Sent { who, body } = sent;
    let once = once(&request, &format!("call {id}"))?;
    let token = find(&instance, &who, &id).await?;
    let policy = service::policy_in(&instance, token.record.organization_id.as_ref()).await?;
    let (form, now) = (body.form()?, instance.clock.now());
    let checked = form.check(token.status(now), now, &policy);
    let (expires_at, overlap) = checked.map_err(|problems| invalid(&problems, Vec::new()))?;
    match regenerate_verb(&instance, &who, &once, &id, expires_at, overlap).await? {
        Regenerated::Now(secret) => {
            json(StatusCode::OK, &issued(&instance, &find(&instance, &who, &id).await?, &secret))
        }
        Regenerated::Before => tell(&instance, &who, &id).await,
        Regenerated::Refused(why) => Err(refused(&why)),
    }
}

/// What becomes of the old secret; it ends at once where nothing else is said.
fn old_word(said: Option<&str>) -> Result<Overlap> {
    said.map_or(Some(Overlap::Now), Overlap::from_word).ok_or_else(|| {
        let words: Vec<String> = Overlap::ALL.iter().map(|overlap| format!("“{}”", overlap.as_str())).collect();
        let detail = format!("Choose what becomes of the old secret: {}.", super::words::list(&words));
        Problem::invalid(vec![Wrong::at("#/old_secret", detail)]).into()
    })
}

/// `DELETE /api/v1/tokens/self`: the token that asks is revoked.
///
/// # Errors
/// [`Error::Bearer`] when it is none.
pub async fn end_self(
    request: HttpRequest,
    bearer: TokenBearer,
    instance: web::Data<Instance>,
) -> Result<HttpResponse> {
    end_itself(&instance, bearer, Origin::of(&request)).await?;
    Ok(done())
}

/// `POST /api/v1/tokens/self/rotate`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RenewBody {
    #[serde(deserialize_with = "given")]
    old_secret: Option<String>,
}

/// `POST /api/v1/tokens/self/rotate`: the token that asks gets a new secret, if its owner allowed that.
///
/// # Errors
/// [`Error::Bearer`] when it is none; [`Error::Problem`] when it may not.
pub async fn renew_self(
    request: HttpRequest,
    bearer: TokenBearer,
    instance: web::Data<Instance>,
    payload: web::Payload,
) -> Result<HttpResponse> {
    let body: RenewBody = read_optional(&request, &mut payload.into_inner()).await?;
    let overlap = old_word(body.old_secret.as_deref())?;
    let renewed = renew_itself(&instance, bearer, Origin::of(&request), overlap).await?;
    json(StatusCode::OK, &issued(&instance, &renewed.token, &renewed.secret))
}
