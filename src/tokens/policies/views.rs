//! What the pages of the rules show.

use askama::Template;

use super::forms::RuleForm;
use super::{Beyond, Present, Realm, Review};
use crate::clock::Timestamp;
use crate::organizations::Place;
use crate::tokens::policy::TokenPolicy;
use crate::web::{Field, FieldError, Moment, Problems, Shell, filters};

#[derive(Template)]
#[template(path = "tokens/policy/instance.html")]
pub struct InstancePage {
    pub shell: Shell,
    pub errors: Vec<FieldError>,
    pub form: FormView,
}

#[derive(Template)]
#[template(path = "tokens/policy/organization.html")]
pub struct OrganizationPage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub form: FormView,
}

#[derive(Template)]
#[template(path = "tokens/policy/instance_review.html")]
pub struct InstanceReviewPage {
    pub shell: Shell,
    pub review: ReviewView,
}

#[derive(Template)]
#[template(path = "tokens/policy/organization_review.html")]
pub struct OrganizationReviewPage {
    pub shell: Shell,
    pub place: Place,
    pub review: ReviewView,
}

/// The form: five fields, each with what holds while it is empty.
pub struct FormView {
    pub max_days: Field,
    pub default_days: Field,
    pub preset_days: Field,
    pub allow_never: Field,
    pub max_per_user: Field,
    pub max_hint: String,
    pub default_hint: String,
    pub preset_hint: String,
    pub never: Vec<NeverChoice>,
    pub most_hint: String,
    pub review_url: String,
    /// How many tokens that are there outlive what holds,
    pub beyond: i64,
    /// and where they are shown.
    pub beyond_url: String,
}

pub struct NeverChoice {
    pub value: &'static str,
    pub label: String,
}

fn list(days: &[i64]) -> String {
    days.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

impl FormView {
    pub fn new(
        realm: &Realm,
        present: &Present,
        form: &RuleForm,
        problems: &Problems,
        beyond: i64,
        review_url: String,
    ) -> Self {
        let base = &present.base;
        let (who, itself) = match realm {
            Realm::Instance => ("The configuration file says", "As configured"),
            Realm::Organization(_) => ("This instance says", "As this instance says"),
        };
        let allowed = if base.allow_never { "allowed" } else { "not allowed" };
        let choice = |value, label: &str| NeverChoice { value, label: label.to_owned() };
        let mut never = vec![choice("", &format!("{itself}: {allowed}"))];
        if *realm == Realm::Instance {
            never.push(choice("yes", "Allowed"));
        }
        if *realm == Realm::Instance || base.allow_never {
            never.push(choice("no", "Not allowed"));
        }
        Self {
            max_days: problems.field("max_days", &form.max_days),
            default_days: problems.field("default_days", &form.default_days),
            preset_days: problems.field("preset_days", &form.preset_days),
            allow_never: problems.field("allow_never", &form.allow_never),
            max_per_user: problems.field("max_per_user", &form.max_per_user),
            max_hint: format!("{who} {}.", base.max_days),
            default_hint: format!("What the form proposes. {who} {}.", base.default_days),
            preset_hint: format!(
                "Beside a date of one’s own, with commas between them. {who} {}.",
                list(&base.preset_days)
            ),
            most_hint: match realm {
                Realm::Instance => format!(
                    "With 1 each person has one token at a time, on a page made for it. {who} {}.",
                    base.max_per_user
                ),
                Realm::Organization(_) => "Counted are the tokens that are for this organization alone.".to_owned(),
            },
            never,
            beyond_url: format!("{review_url}?{}", RuleForm::of(&present.rule).query()),
            review_url,
            beyond,
        }
    }
}

/// What a change would do.
pub struct ReviewView {
    /// It is not as it was looked at before.
    pub again: bool,
    pub differences: Vec<String>,
    /// "90 days".
    pub limit: String,
    pub count: i64,
    /// Whether they are kept from who looks.
    pub is_unlisted: bool,
    /// "3 tokens are cut, 1 of them at once".
    pub cut: String,
    /// "build, deploy and 3 more": whose old secrets are beyond, too.
    pub old: Option<String>,
    pub kept_out: i64,
    /// Who has more than there may be from then on.
    pub above: Option<String>,
    pub rows: Vec<BeyondRow>,
    pub next_url: Option<String>,
    pub first_url: Option<String>,
    pub action_url: String,
    pub back_url: String,
    pub form: RuleForm,
    pub version: i64,
}

pub struct BeyondRow {
    pub name: String,
    pub owner: String,
    pub email: String,
    pub last_used: Option<Moment>,
    pub expires: Option<Moment>,
    /// `None` is at once.
    pub cut_to: Option<Moment>,
}

fn row(token: Beyond, policy: &TokenPolicy, now: Timestamp) -> BeyondRow {
    let end = token.cut_to(policy, now);
    let (first, last, email) = token.owner;
    BeyondRow {
        name: token.name,
        owner: format!("{first} {last}").trim().to_owned(),
        email,
        last_used: token.last_used.map(|at| Moment::new(at, now)),
        expires: token.expires.map(|at| Moment::new(at, now)),
        cut_to: (end > now).then(|| Moment::new(end, now)),
    }
}

/// Some names, and how many more there are.
fn named(names: &[String]) -> Option<String> {
    /// As many as are read.
    const READ: usize = 10;
    let shown = names.iter().take(READ).map(|name| format!("“{name}”")).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => None,
        1..=READ => Some(shown),
        all => Some(format!("{shown} and {} more", all - READ)),
    }
}

impl ReviewView {
    pub fn new(
        review: Review,
        form: RuleForm,
        again: bool,
        (form_url, review_url): (String, String),
        now: Timestamp,
    ) -> Self {
        let query = form.query();
        let last = review.page.last().map(|token| token.id.to_string());
        let next = last.filter(|_| review.more).map(|id| format!("{review_url}?{query}&after={id}"));
        let days = review.after.max_days;
        Self {
            again,
            differences: review.differences,
            limit: if days == 1 { "1 day".to_owned() } else { format!("{days} days") },
            count: review.count,
            is_unlisted: review.count > 0 && review.page.is_empty() && form.after.is_empty(),
            cut: match (review.count, review.over) {
                (0, _) => "No token is cut".to_owned(),
                (1, 0) => "1 token is cut".to_owned(),
                (1, _) => "1 token is cut, at once".to_owned(),
                (count, 0) => format!("{count} tokens are cut"),
                (count, over) if count == over => format!("{count} tokens are cut, all of them at once"),
                (count, over) => format!("{count} tokens are cut, {over} of them at once"),
            },
            above: match (review.above, review.after.max_per_user) {
                (0, _) => None,
                (1, most) => Some(format!("1 person has more than {most}.")),
                (people, most) => Some(format!("{people} people have more than {most}.")),
            },
            old: named(&review.old),
            kept_out: review.kept_out,
            next_url: next,
            first_url: (!form.after.is_empty()).then(|| format!("{review_url}?{query}")),
            back_url: format!("{form_url}?{query}"),
            action_url: form_url,
            version: review.present.version,
            rows: review.page.into_iter().map(|token| row(token, &review.after, now)).collect(),
            form,
        }
    }
}
