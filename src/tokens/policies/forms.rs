//! The form of the rules, and what it means. An empty field leaves things as they are without it.

use serde::Deserialize;

use super::Looked;
use crate::tokens::policy::{Rule, TokenPolicy};
use crate::web::Problems;

/// The longest validity that can be set: a hundred years.
const MOST_DAYS: i64 = 36_500;
/// The most tokens that can be set.
const MOST_TOKENS: i64 = 10_000;
/// More offers than that help nobody.
const MOST_PRESETS: usize = 12;

/// What the form sends; an address with the same names fills it in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RuleForm {
    /// The longest validity.
    pub max_days: String,
    /// What forms propose.
    pub default_days: String,
    /// What forms offer, between commas or spaces.
    pub preset_days: String,
    /// `yes`, `no`, or nothing.
    pub allow_never: String,
    /// How many a user may have.
    pub max_per_user: String,
    /// The page after this token.
    pub after: String,
    /// How often the rules had been changed when they were looked at.
    pub version: String,
    /// How many tokens would have been cut.
    pub count: String,
    /// `cut`, or `new` for new tokens alone.
    pub act: String,
}

impl RuleForm {
    /// As it is set.
    pub fn of(rule: &Rule) -> Self {
        let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
        let list = |days: &Vec<i64>| days.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        Self {
            max_days: number(rule.max_days),
            default_days: number(rule.default_days),
            preset_days: rule.preset_days.as_ref().map(list).unwrap_or_default(),
            allow_never: match rule.allow_never {
                None => "",
                Some(true) => "yes",
                Some(false) => "no",
            }
            .to_owned(),
            max_per_user: number(rule.max_per_user),
            ..Self::default()
        }
    }

    /// The rule that is meant. `base` holds where nothing is set; a stricter one than that is all that an organization can
    /// have.
    ///
    /// # Errors
    /// All that is wrong with it, field by field.
    pub fn check(&self, base: &TokenPolicy, stricter: bool) -> Result<Rule, Problems> {
        let mut problems = Problems::none();
        let (most_days, most_tokens) =
            if stricter { (base.max_days, base.max_per_user) } else { (MOST_DAYS, MOST_TOKENS) };
        let max_days = number("max_days", "Longest validity", &self.max_days, most_days, &mut problems);
        let limit = max_days.unwrap_or(base.max_days);
        let rule = Rule {
            max_days,
            default_days: number("default_days", "Proposed validity", &self.default_days, limit, &mut problems),
            preset_days: presets(&self.preset_days, limit, &mut problems),
            allow_never: match self.allow_never.as_str() {
                "" => None,
                "yes" if !stricter => Some(true),
                "no" => Some(false),
                "yes" => {
                    problems.add("allow_never", "An organization can only be stricter; it can’t allow this by itself");
                    None
                }
                _ => {
                    problems.add("allow_never", "Choose one of the answers");
                    None
                }
            },
            max_per_user: number("max_per_user", "Tokens", &self.max_per_user, most_tokens, &mut problems),
        };
        if problems.is_empty() { Ok(rule) } else { Err(problems) }
    }

    /// What was looked at; `None` when that can't be read.
    pub fn looked(&self) -> Option<Looked> {
        let cut = match self.act.as_str() {
            "cut" => true,
            "new" => false,
            _ => return None,
        };
        Some(Looked { version: self.version.parse().ok()?, count: self.count.parse().ok()?, cut })
    }

    /// The fields that say the rule, for an address.
    pub fn query(&self) -> String {
        let fields = [
            ("max_days", &self.max_days),
            ("default_days", &self.default_days),
            ("preset_days", &self.preset_days),
            ("allow_never", &self.allow_never),
            ("max_per_user", &self.max_per_user),
        ];
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    }
}

fn number(field: &'static str, what: &str, typed: &str, most: i64, problems: &mut Problems) -> Option<i64> {
    let typed = typed.trim();
    if typed.is_empty() {
        return None;
    }
    let number = typed.parse().ok().filter(|number| (1..=most).contains(number));
    if number.is_none() {
        problems.add(field, format!("{what}: enter a whole number from 1 to {most}, or leave it empty"));
    }
    number
}

fn presets(typed: &str, most: i64, problems: &mut Problems) -> Option<Vec<i64>> {
    let words: Vec<&str> = typed.split([',', ' ', ';']).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return None;
    }
    let days: Option<Vec<i64>> =
        words.iter().map(|word| word.parse().ok().filter(|days| (1..=most).contains(days))).collect();
    let Some(mut days) = days.filter(|days| days.len() <= MOST_PRESETS) else {
        problems.add(
            "preset_days",
            format!("Offered validities: enter up to {MOST_PRESETS} whole numbers from 1 to {most}, with commas between them"),
        );
        return None;
    };
    days.sort_unstable();
    days.dedup();
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn form(max: &str, default: &str, presets: &str, never: &str, most: &str) -> RuleForm {
        RuleForm {
            max_days: max.to_owned(),
            default_days: default.to_owned(),
            preset_days: presets.to_owned(),
            allow_never: never.to_owned(),
            max_per_user: most.to_owned(),
            ..RuleForm::default()
        }
    }

    #[test]
    fn an_empty_field_leaves_things_as_they_are() {
        let base = TokenPolicy::from(&Config::default().tokens);
        assert_eq!(RuleForm::default().check(&base, false).unwrap(), Rule::default());
        let full = form(" 3650 ", "30", "90, 7;30 7", "yes", "1");
        let rule = Rule {
            max_days: Some(3650),
            default_days: Some(30),
            preset_days: Some(vec![7, 30, 90]),
            allow_never: Some(true),
            max_per_user: Some(1),
        };
        assert_eq!(full.check(&base, false).unwrap(), rule);
        assert_eq!(RuleForm::of(&rule).check(&base, false).unwrap(), rule);
    }

    #[test]
    fn what_cant_be_read_is_wrong_at_its_field() {
        let base = TokenPolicy::from(&Config::default().tokens);
        for (form, field) in [
            (form("0", "", "", "", ""), "max_days"),
            (form("-1", "", "", "", ""), "max_days"),
            (form("1.5", "", "", "", ""), "max_days"),
            (form("36501", "", "", "", ""), "max_days"),
            (form("9223372036854775808", "", "", "", ""), "max_days"),
            (form("never", "", "", "", ""), "max_days"),
            (form("30", "31", "", "", ""), "default_days"),
            (form("", "366", "", "", ""), "default_days"),
            (form("30", "", "7, 31", "", ""), "preset_days"),
            (form("", "", "7, x", "", ""), "preset_days"),
            (form("", "", "1 2 3 4 5 6 7 8 9 10 11 12 13", "", ""), "preset_days"),
            (form("", "", "", "maybe", ""), "allow_never"),
            (form("", "", "", "", "0"), "max_per_user"),
            (form("", "", "", "", "10001"), "max_per_user"),
        ] {
            let problems = form.check(&base, false).unwrap_err();
            assert_eq!((problems.list().len(), problems.list()[0].field), (1, field), "{form:?}");
        }
    }

    #[test]
    fn an_organization_can_only_be_stricter() {
        let base = TokenPolicy { allow_never: true, ..TokenPolicy::from(&Config::default().tokens) };
        assert!(form("365", "365", "365", "no", "50").check(&base, true).is_ok());
        for (form, field) in [
            (form("366", "", "", "", ""), "max_days"),
            (form("", "", "", "yes", ""), "allow_never"),
            (form("", "", "", "", "51"), "max_per_user"),
        ] {
            assert_eq!(form.check(&base, true).unwrap_err().list()[0].field, field);
        }
    }
}
