//! The rules of tokens: pure functions of facts and the moment.

use crate::clock::{DAY, Timestamp};
use crate::config::TokenConfig;
use crate::text_enum;

/// What a secret is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It works.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it, for good.
    Revoked,
}

/// What a secret is at a moment. At the very second of its expiry it no longer works; revoked stays revoked.
pub fn status(expires_at: Option<Timestamp>, revoked_at: Option<Timestamp>, now: Timestamp) -> Status {
    if revoked_at.is_some() {
        Status::Revoked
    } else if expires_at.is_some_and(|end| end <= now) {
        Status::Expired
    } else {
        Status::Active
    }
}

/// A warning begins so many seconds before the end, at the most.
pub const WARNING: i64 = 30 * DAY;

/// Whether a live secret is near its end: thirty days before, or a fifth of its lifetime where that is less; but on its
/// last day always.
pub fn expires_soon(created_at: Timestamp, expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|end| now < end && now.until(end) <= (created_at.until(end) / 5).clamp(DAY, WARNING))
}

/// What tokens may be: the settings, as far as an administrator set nothing else in their place. An organization's own,
/// tighter rules are laid over it by [`TokenPolicy::tightened`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPolicy {
    /// The longest validity, in days.
    pub max_days: i64,
    /// The validity that forms propose, in days.
    pub default_days: i64,
    /// The validities that forms offer, in days.
    pub preset_days: Vec<i64>,
    /// Whether a token may be valid for ever.
    pub allow_never: bool,
    /// How many a user may have.
    pub max_per_user: i64,
}

impl From<&TokenConfig> for TokenPolicy {
    fn from(config: &TokenConfig) -> Self {
        Self {
            max_days: config.max_days,
            default_days: config.default_days,
            preset_days: config.preset_days.clone(),
            allow_never: config.allow_never,
            max_per_user: config.max_per_user,
        }
    }
}

/// What was set for the instance, in place of the configuration file, or for an organization, beyond the instance's;
/// `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// The longest validity, in days.
    pub max_days: Option<i64>,
    /// The validity that forms propose.
    pub default_days: Option<i64>,
    /// The validities that forms offer.
    pub preset_days: Option<Vec<i64>>,
    /// Whether "never" is one.
    pub allow_never: Option<bool>,
    /// How many a user may have.
    pub max_per_user: Option<i64>,
}

impl Rule {
    /// Whether a secret keeps to it, wherever else it works: what an organization asks of tokens that are for all of
    /// somebody's organizations.
    pub fn allows(&self, created_at: Timestamp, expires_at: Option<Timestamp>) -> bool {
        match (self.max_days, expires_at) {
            (None, Some(_)) => true,
            (None, None) => self.allow_never != Some(false),
            (Some(_), None) => false,
            (Some(max), Some(end)) => end <= created_at.plus(max * DAY),
        }
    }
}

impl TokenPolicy {
    /// The same with what an administrator set in its place.
    #[must_use]
    pub fn replaced(self, rule: Rule) -> Self {
        Self {
            max_days: rule.max_days.unwrap_or(self.max_days),
            default_days: rule.default_days.unwrap_or(self.default_days),
            preset_days: rule.preset_days.unwrap_or(self.preset_days),
            allow_never: rule.allow_never.unwrap_or(self.allow_never),
            max_per_user: rule.max_per_user.unwrap_or(self.max_per_user),
        }
    }

    /// The same for an organization, which can only take away. Its number of tokens is counted by itself, beside the
    /// instance's.
    #[must_use]
    pub fn tightened(self, rule: Rule) -> Self {
        Self {
            max_days: rule.max_days.map_or(self.max_days, |days| days.min(self.max_days)),
            default_days: rule.default_days.unwrap_or(self.default_days),
            preset_days: rule.preset_days.unwrap_or(self.preset_days),
            allow_never: self.allow_never && rule.max_days.is_none() && rule.allow_never != Some(false),
            max_per_user: self.max_per_user,
        }
    }

    /// Whether a secret is valid for no longer than they say.
    pub fn allows(&self, created_at: Timestamp, expires_at: Option<Timestamp>) -> bool {
        expires_at.map_or(self.allow_never, |end| end <= self.end_of(created_at))
    }

    /// The last end that a secret can have.
    pub fn end_of(&self, created_at: Timestamp) -> Timestamp {
        created_at.plus(self.max_days * DAY)
    }

    /// Whether a user has one token at a time.
    pub fn is_single(&self) -> bool {
        self.max_per_user == 1
    }

    /// The validity that a form proposes: never above the maximum.
    pub fn proposed_days(&self) -> i64 {
        self.default_days.min(self.max_days)
    }
}

text_enum! {
    /// What becomes of a token's present secret when a new one takes its place.
    pub enum Overlap {
        /// It ends at once.
        Now = "now",
        /// It works for another hour.
        Hour = "1h",
        /// It works for another day.
        Day = "24h",
        /// It works for another week.
        Week = "7d",
    }
}

impl Overlap {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Now => "It ends at once",
            Self::Hour => "It works for another hour",
            Self::Day => "It works for another 24 hours",
            Self::Week => "It works for another 7 days",
        }
    }

    /// When the old secret ends: never later than it would have anyway, and never later than the new one. So a token whose
    /// current secret is over has none that works, which is what revoking many at once relies on.
    pub fn end(self, expires_at: Option<Timestamp>, new: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let end = now.plus(match self {
            Self::Now => 0,
            Self::Hour => DAY / 24,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
        });
        [expires_at, new].into_iter().flatten().fold(end, Timestamp::min)
    }
}

/// Why an expiry can't be had; prints as a sentence for the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryProblem {
    /// Nothing was chosen, or what was chosen is none of the choices. Never read as "never".
    #[error("Choose when the token expires")]
    Unknown,
    /// "Never", and the policy has none of it.
    #[error("Tokens must expire here; choose a date")]
    NeverNotAllowed,
    /// Not a number of days from one to the maximum.
    #[error("Choose between 1 and {max} days")]
    Days {
        /// The longest validity.
        max: i64,
    },
    /// Not a date of the calendar, in the form year-month-day.
    #[error("Enter a date, such as {example}")]
    NoDate {
        /// One that would do.
        example: String,
    },
    /// Over already.
    #[error("Choose {first} or a later day")]
    Past {
        /// The first that would do.
        first: String,
    },
    /// Beyond the maximum.
    #[error("Choose {last} or an earlier day: tokens are valid for {max} days at most")]
    TooLate {
        /// The last that would do.
        last: String,
        /// The longest validity.
        max: i64,
    },
}

impl ExpiryProblem {
    /// Which field it belongs to.
    pub fn field(&self) -> &'static str {
        match self {
            Self::NoDate { .. } | Self::Past { .. } | Self::TooLate { .. } => "date",
            Self::Unknown | Self::NeverNotAllowed | Self::Days { .. } => "expiry",
        }
    }
}

/// The validities that the form offers, in days: the operator's, as far as the maximum goes.
pub fn presets(policy: &TokenPolicy) -> Vec<i64> {
    let mut days: Vec<i64> = policy.preset_days.iter().copied().filter(|days| *days <= policy.max_days).collect();
    if !days.contains(&policy.proposed_days()) {
        days.push(policy.proposed_days());
    }
    days.sort_unstable();
    days.dedup();
    days
}

/// The moment that a choice means: a number of days, `date` (then `date` says which), or `never`.
///
/// # Errors
/// [`ExpiryProblem`]; whatever can't be read is one, never "no expiry".
pub fn expiry(
    choice: &str,
    date: &str,
    now: Timestamp,
    policy: &TokenPolicy,
) -> Result<Option<Timestamp>, ExpiryProblem> {
    match choice.trim() {
        "never" if policy.allow_never => Ok(None),
        "never" => Err(ExpiryProblem::NeverNotAllowed),
        "date" => on_date(date.trim(), now, policy).map(Some),
        "" => Err(ExpiryProblem::Unknown),
        days => match days.parse::<i64>() {
            Ok(days) if (1..=policy.max_days).contains(&days) => Ok(Some(now.plus(days * DAY))),
            Ok(_) => Err(ExpiryProblem::Days { max: policy.max_days }),
            Err(_) if days.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e')) => {
                Err(ExpiryProblem::Days { max: policy.max_days })
            }
            Err(_) => Err(ExpiryProblem::Unknown),
        },
    }
}

/// The end of a day, in UTC; on the last day possible, the maximum itself.
fn on_date(text: &str, now: Timestamp, policy: &TokenPolicy) -> Result<Timestamp, ExpiryProblem> {
    let last = now.plus(policy.max_days * DAY);
    let day = Timestamp::of_day(text)
        .ok_or_else(|| ExpiryProblem::NoDate { example: now.plus(policy.proposed_days() * DAY).date() })?;
    let end = day.plus(DAY - 1);
    if end <= now {
        Err(ExpiryProblem::Past { first: now.day_in_words() })
    } else if day > last {
        Err(ExpiryProblem::TooLate { last: last.day_in_words(), max: policy.max_days })
    } else {
        Ok(end.min(last))
    }
}

/// The end of a secret that takes an older one's place by itself: as long a life as that one had, as far as the rules of today
/// go.
pub fn renewed(
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    now: Timestamp,
    policy: &TokenPolicy,
) -> Option<Timestamp> {
    let longest = policy.max_days.saturating_mul(DAY);
    match expires_at {
        Some(end) => Some(now.plus(created_at.until(end).min(longest))),
        None if policy.allow_never => None,
        None => Some(now.plus(longest)),
    }
}

/// Whether one more token may be made.
pub fn may_create(have: i64, policy: &TokenPolicy) -> bool {
    have < policy.max_per_user
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// 2026-11-22 00:06:00 UTC
    const NOW: Timestamp = Timestamp::from_unix(1_795_305_960);

    /// Covers: S0-16, S3-18, AC-060
    #[test]
    fn status_flips_at_the_very_second() {
        for (expires, revoked, wanted) in [
            (None, None, Status::Active),
            (Some(NOW.plus(1)), None, Status::Active),
            (Some(NOW), None, Status::Expired),
            (Some(NOW.plus(-1)), None, Status::Expired),
            (Some(NOW.plus(1)), Some(NOW), Status::Revoked),
            (Some(NOW.plus(-1)), Some(NOW.plus(-2)), Status::Revoked),
            (None, Some(NOW), Status::Revoked),
        ] {
            assert_eq!(status(expires, revoked, NOW), wanted);
        }
    }

    #[test]
    fn warns_thirty_days_or_a_fifth_before_the_end() {
        let soon =
            |lifetime: i64, left: i64| expires_soon(NOW.plus((left - lifetime) * DAY), Some(NOW.plus(left * DAY)), NOW);
        assert!(soon(365, 30) && !soon(365, 31));
        assert!(soon(10, 2) && !soon(10, 3));
        assert!(soon(1, 1) && soon(2, 1) && !soon(2, 2), "on its last day always");
        assert!(!soon(10, 0), "what is over is expired, not about to");
        assert!(!expires_soon(NOW, None, NOW));
    }

    /// Covers: S0-13, S3-6, AC-060
    #[test]
    fn an_expiry_is_what_was_chosen_or_an_error() {
        let config = TokenPolicy::from(&Config::default().tokens);
        let days = |choice: &str| expiry(choice, "", NOW, &config);
        for good in [1, 7, 90, 365] {
            assert_eq!(days(&good.to_string()), Ok(Some(NOW.plus(good * DAY))));
        }
        for bad in ["0", "-1", "366", "1000000000", "9223372036854775807", "9223372036854775808", "1.5", "1e3"] {
            assert_eq!(days(bad), Err(ExpiryProblem::Days { max: 365 }), "{bad}");
        }
        for unknown in ["", "  ", "soon", "None", "null", "infinity", "forever"] {
            assert_eq!(days(unknown), Err(ExpiryProblem::Unknown), "{unknown}");
        }
        assert_eq!(days("never"), Err(ExpiryProblem::NeverNotAllowed));
        assert_eq!(expiry("never", "", NOW, &TokenPolicy { allow_never: true, ..config }), Ok(None));
    }

    /// Covers: AC-060
    #[test]
    fn a_date_lasts_to_its_end_and_not_beyond_the_maximum() {
        let config = TokenPolicy::from(&Config::default().tokens);
        let on = |date: &str| expiry("date", date, NOW, &config).map(|end| end.unwrap().rfc3339());
        assert_eq!(on("2026-11-22").unwrap(), "2026-11-22T23:59:59Z");
        assert_eq!(on("2027-03-03").unwrap(), "2027-03-03T23:59:59Z");
        assert_eq!(on("2027-11-22").unwrap(), "2027-11-22T00:06:00Z");
        assert_eq!(
            on("2027-11-23").unwrap_err().to_string(),
            "Choose 22 November 2027 or an earlier day: tokens are valid for 365 days at most"
        );
        assert_eq!(on("2026-11-21").unwrap_err().to_string(), "Choose 22 November 2026 or a later day");
        for bad in ["", "tomorrow", "2027-02-29", "2027-13-01", "22.11.2026", "9999999-01-01", "2026-11-22T00:00"] {
            assert_eq!(on(bad).unwrap_err().to_string(), "Enter a date, such as 2027-02-20", "{bad}");
        }
        assert_eq!(on("9999-12-31").unwrap_err().field(), "date");
        let leap = Timestamp::from_unix(1_835_000_000);
        assert_eq!(expiry("date", "2028-02-29", leap, &config).unwrap().unwrap().rfc3339(), "2028-02-29T23:59:59Z");
    }

    #[test]
    fn an_old_secret_never_outlives_its_own_end() {
        for (overlap, own, new, wanted) in [
            (Overlap::Now, None, None, 0),
            (Overlap::Now, Some(5), None, 0),
            (Overlap::Hour, None, Some(DAY), 3600),
            (Overlap::Day, Some(86_401), None, 86_400),
            (Overlap::Week, Some(60), None, 60),
            (Overlap::Week, None, None, 7 * DAY),
            (Overlap::Hour, Some(-5), None, -5),
            (Overlap::Week, None, Some(DAY), DAY),
            (Overlap::Week, Some(3 * DAY), Some(DAY), DAY),
        ] {
            let at = |offset: Option<i64>| offset.map(|offset| NOW.plus(offset));
            assert_eq!(overlap.end(at(own), at(new), NOW), NOW.plus(wanted), "{overlap:?} {own:?} {new:?}");
        }
    }

    /// Covers: AC-060
    #[test]
    fn a_renewed_secret_lives_as_long_as_the_one_before() {
        let policy = TokenPolicy::from(&Config::default().tokens);
        let free = TokenPolicy { allow_never: true, ..policy.clone() };
        let day = |count: i64| NOW.plus(count * DAY);
        assert_eq!(renewed(day(-20), Some(day(10)), NOW, &policy), Some(day(30)));
        assert_eq!(renewed(day(-20), Some(day(980)), NOW, &policy), Some(day(365)));
        assert_eq!(renewed(day(-20), None, NOW, &policy), Some(day(365)));
        assert_eq!(renewed(day(-20), None, NOW, &free), None);
    }

    #[test]
    fn an_organization_only_takes_away() {
        let policy = TokenPolicy { allow_never: true, ..TokenPolicy::from(&Config::default().tokens) };
        let days = |max_days| Rule { max_days: Some(max_days), ..Rule::default() };
        assert_eq!(policy.clone().tightened(Rule::default()), policy);
        assert_eq!(policy.clone().tightened(days(1000)).max_days, 365);
        let never = Rule { allow_never: Some(true), ..Rule::default() };
        assert!(!TokenPolicy { allow_never: false, ..policy.clone() }.tightened(never).allow_never);
        let tight = policy.tightened(days(30));
        assert_eq!((tight.max_days, tight.allow_never, tight.proposed_days()), (30, false, 30));
        assert_eq!(presets(&tight), [7, 30]);
    }

    #[test]
    fn what_was_set_takes_the_place_of_the_file() {
        let file = TokenPolicy::from(&Config::default().tokens);
        assert_eq!(file.clone().replaced(Rule::default()), file);
        let set = Rule {
            max_days: Some(3650),
            default_days: Some(10),
            preset_days: Some(vec![10, 20]),
            allow_never: Some(true),
            max_per_user: Some(1),
        };
        let policy = file.replaced(set);
        assert_eq!((policy.max_days, policy.proposed_days(), policy.allow_never), (3650, 10, true));
        assert!(policy.is_single() && presets(&policy) == [10, 20]);
    }

    #[test]
    fn a_secret_keeps_to_the_maximum_from_its_making() {
        let file = TokenPolicy::from(&Config::default().tokens);
        let rule = |max_days, allow_never| Rule { max_days, allow_never, ..Rule::default() };
        let day = |days: i64| Some(NOW.plus(days * DAY));
        assert!(
            file.allows(NOW, day(365)) && !file.allows(NOW, Some(NOW.plus(365 * DAY + 1))) && !file.allows(NOW, None)
        );
        assert!(TokenPolicy { allow_never: true, ..file }.allows(NOW, None));
        for (max, never, end, wanted) in [
            (None, None, None, true),
            (None, Some(false), None, false),
            (None, Some(false), day(9999), true),
            (Some(30), None, None, false),
            (Some(30), Some(true), None, false),
            (Some(30), None, day(30), true),
            (Some(30), None, Some(NOW.plus(30 * DAY + 1)), false),
        ] {
            assert_eq!(rule(max, never).allows(NOW, end), wanted, "{max:?} {never:?} {end:?}");
        }
    }

    #[test]
    fn presets_keep_to_the_maximum() {
        let config = TokenPolicy::from(&Config::default().tokens);
        assert_eq!(presets(&config), [7, 30, 60, 90, 365]);
        assert_eq!(presets(&TokenPolicy { max_days: 60, default_days: 45, ..config.clone() }), [7, 30, 45, 60]);
        assert!(may_create(49, &config) && !may_create(50, &config));
    }
}
