//! `/api/v1/organizations/{slug}/policy/tokens`: the rules for tokens there, what a change would do, and making it, if all is
//! still as it was looked at.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use super::forms::RuleForm;
use super::{Beyond, Looked, Outcome, Present, Realm, present, review as look, set_for_organization};
use crate::api::{Page, Problem, Sent, Wrong, asked, json};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::organizations::calls::conflict;
use crate::organizations::{Acts, Caller, Kind, MemberConfirmed, Right};
use crate::tokens::policy::{Rule, TokenPolicy};
use crate::web::Problems;

/// What is set, and what holds.
#[derive(Serialize)]
struct RulesView {
    rule: RuleView,
    holds: PolicyView,
    /// How often it was changed: what a change has to name.
    version: i64,
}

/// What is set here; `null` leaves things as the instance has them.
#[derive(Serialize)]
struct RuleView {
    max_days: Option<i64>,
    default_days: Option<i64>,
    preset_days: Option<Vec<i64>>,
    allow_never: Option<bool>,
    max_per_user: Option<i64>,
}

#[derive(Serialize)]
struct PolicyView {
    max_days: i64,
    default_days: i64,
    preset_days: Vec<i64>,
    allow_never: bool,
    max_per_user: i64,
}

impl From<Rule> for RuleView {
    fn from(rule: Rule) -> Self {
        let Rule { max_days, default_days, preset_days, allow_never, max_per_user } = rule;
        Self { max_days, default_days, preset_days, allow_never, max_per_user }
    }
}

impl From<TokenPolicy> for PolicyView {
    fn from(policy: TokenPolicy) -> Self {
        // As forms offer them: what is longer than the longest is none.
        let default_days = policy.proposed_days();
        let TokenPolicy { max_days, preset_days, allow_never, max_per_user, .. } = policy;
        let preset_days = preset_days.into_iter().filter(|days| *days <= max_days).collect();
        Self { max_days, default_days, preset_days, allow_never, max_per_user }
    }
}

impl From<Present> for RulesView {
    fn from(present: Present) -> Self {
        Self { rule: present.rule.into(), holds: present.policy.into(), version: present.version }
    }
}

/// What a change would do.
#[derive(Serialize)]
struct ReviewView {
    holds: PolicyView,
    version: i64,
    /// How many tokens it would cut,
    count: i64,
    /// how many of them at once,
    at_once: i64,
    /// how many people have more than one may have from then on, where that is fewer than before,
    people_above: i64,
    /// and how many would no longer work here without being cut.
    kept_out: i64,
    /// Some of those that it would cut, for those who may see the members.
    tokens: Page<CutView>,
}

/// A token that outlives the rules.
#[derive(Serialize)]
struct CutView {
    id: String,
    name: String,
    user_id: String,
    email: String,
    expires_at: Option<String>,
    /// When it would end.
    cut_to: String,
}

impl CutView {
    fn of(token: Beyond, after: &TokenPolicy, now: Timestamp) -> Self {
        let cut_to = token.cut_to(after, now).rfc3339();
        let (.., email) = token.owner;
        let expires_at = token.expires.map(Timestamp::rfc3339);
        Self { id: token.id.to_string(), name: token.name, user_id: token.user.to_string(), email, expires_at, cut_to }
    }
}

/// The rules of a shared organization; a private one has its owner alone, who needs none.
fn realm(caller: &impl Acts) -> Result<Realm> {
    match caller.organization().kind {
        Kind::Shared => Ok(Realm::Organization(caller.organization().id.clone())),
        Kind::Private => Err(Error::NotFound),
    }
}

async fn read(caller: &impl Acts) -> Result<Present> {
    let (realm, config) = (realm(caller)?, caller.instance().config.tokens.clone());
    caller.instance().db.read(move |connection| present(connection, &config, &realm)).await
}

/// Where in a body the problem of the form's field is.
fn pointer(field: &str) -> &'static str {
    match field {
        "max_days" => "#/max_days",
        "default_days" => "#/default_days",
        "preset_days" => "#/preset_days",
        "allow_never" => "#/allow_never",
        "max_per_user" => "#/max_per_user",
        _ => "#",
    }
}

fn invalid(problems: &Problems) -> Error {
    Problem::invalid(Wrong::all(problems, pointer)).into()
}

/// `GET /api/v1/organizations/{slug}/policy/tokens`.
///
/// # Errors
/// [`Error::NotFound`] for a private organization.
pub async fn show(caller: Caller) -> Result<HttpResponse> {
    json(StatusCode::OK, &RulesView::from(read(&caller).await?))
}

/// What a dry run asks: the rules as in the address of the page.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wished {
    max_days: String,
    default_days: String,
    preset_days: String,
    allow_never: String,
    max_per_user: String,
    after: String,
}

/// `GET /api/v1/organizations/{slug}/policy/tokens/review`: the dry run. Nothing is changed.
///
/// # Errors
/// [`Error::NotFound`] for a private organization; [`Error::Problem`].
pub async fn review(request: HttpRequest, caller: Caller) -> Result<HttpResponse> {
    let Wished { max_days, default_days, preset_days, allow_never, max_per_user, after } = asked(&request)?;
    let form = RuleForm { max_days, default_days, preset_days, allow_never, max_per_user, ..RuleForm::default() };
    let rule = form.check(&read(&caller).await?.base, true).map_err(|problems| invalid(&problems))?;
    let (realm, config, now) = (realm(&caller)?, caller.instance().config.tokens.clone(), caller.now());
    let reading = caller.instance().db.read(move |connection| look(connection, &config, &realm, &rule, &after, now));
    let review = reading.await?;
    let review = if caller.rights().may(Right::SeeMembers) { review } else { review.counts_only() };
    let last = review.page.last().filter(|_| review.more).map(|token| token.id.to_string());
    let items = review.page.into_iter().map(|token| CutView::of(token, &review.after, now)).collect();
    let view = ReviewView {
        holds: review.after.into(),
        version: review.present.version,
        count: review.count,
        at_once: review.over,
        people_above: review.above,
        kept_out: review.kept_out,
        tokens: Page::of(&request, items, None, last.as_deref()),
    };
    json(StatusCode::OK, &view)
}

/// `PUT /api/v1/organizations/{slug}/policy/tokens`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RulesBody {
    max_days: Option<i64>,
    default_days: Option<i64>,
    preset_days: Option<Vec<i64>>,
    allow_never: Option<bool>,
    max_per_user: Option<i64>,
    /// As the review said.
    version: Option<i64>,
    /// As the review said.
    count: Option<i64>,
    /// Whether those tokens are to be cut; otherwise it holds for new ones alone.
    cut: Option<bool>,
}

const NO_PRESETS: &str = "Name one number of days or more; left out, or null, it is as the instance has it.";
const AS_REVIEWED: &str = "Say what the review of these rules said.";
const NO_CUT: &str =
    "Say whether the tokens that the review counts are cut (true), or it holds for new ones alone (false).";

/// `PUT /api/v1/organizations/{slug}/policy/tokens`: these rules in place of those before; what is left out is as the instance
/// has it. For people alone, since it ends others' tokens.
///
/// # Errors
/// [`Error::NotFound`] for a private organization; [`Error::Problem`] when something is not as it was looked at.
pub async fn set(sent: Sent<MemberConfirmed, RulesBody>) -> Result<HttpResponse> {
    let Sent { who: member, body } = sent;
    let RulesBody { max_days, default_days, preset_days, allow_never, max_per_user, version, count, cut } = body;
    let rule = Rule { max_days, default_days, preset_days, allow_never, max_per_user };
    let checked = RuleForm::of(&rule).check(&read(&*member).await?.base, true);
    let mut wrong = checked.as_ref().err().map(|problems| Wrong::all(problems, pointer)).unwrap_or_default();
    let odd = [
        // In a form nothing means the instance's; a list of nothing is no such wish.
        ("#/preset_days", rule.preset_days.is_some_and(|days| days.is_empty()), NO_PRESETS),
        ("#/version", version.is_none(), AS_REVIEWED),
        ("#/count", count.is_none(), AS_REVIEWED),
        ("#/cut", cut.is_none(), NO_CUT),
    ];
    wrong.extend(odd.into_iter().filter(|(_, is_odd, _)| *is_odd).map(|(place, _, why)| Wrong::at(place, why)));
    let (Ok(rule), Some(version), Some(count), Some(cut), true) = (checked, version, count, cut, wrong.is_empty())
    else {
        return Err(Problem::invalid(wrong).into());
    };
    let looked = Looked { version, count, cut };
    let (config, notices) = (member.instance().config.tokens.clone(), member.instance().notices.clone());
    let setting = member
        .change(move |tx, acting, now, _| set_for_organization(tx, acting, &config, &notices, &rule, looked, now));
    match setting.await? {
        Outcome::Set(_) => json(StatusCode::OK, &RulesView::from(read(&*member).await?)),
        Outcome::LookAgain => Err(conflict("Something is not as it was looked at. Review the rules again.")),
    }
}
