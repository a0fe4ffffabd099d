//! What makes a password acceptable: pure policy, without database, clock or request.
//!
//! [`problems`] judges on the server; [`rules`] says the same rule as data, which `static/js/password-rule.js` evaluates
//! while someone types. Both are held together by `tests/vectors/passwords.json`, which runs through the two of them.
//!
//! The rule: a password is no common one and not made of the account's own words, and it is
//!
//! - at least [`LONG`] characters of any kind, or
//! - at least [`SHORT`] characters of any kind where a second factor protects the account, or
//! - at least [`SHORT`] characters with a capital and a lowercase letter, a number and a special character, unless
//!   the operator turned short passwords off.
//!
//! So nothing that NIST SP 800-63B-4 (section 3.1.1.2) accepts is refused for its composition, which NIST and OWASP
//! ASVS 5.0 (6.2.5) forbid; with short passwords off, the rule is theirs exactly. Characters are code points after
//! Unicode's NFC, the one change made to what was typed: é is one character and the same password however a keyboard
//! composes it. Nothing is trimmed or cut, and for plain letters NFC changes nothing (ASVS 6.2.8).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::blocklist;

/// From this many characters on, a password may be made of anything (NIST SP 800-63B-4: 15 for a single factor).
pub const LONG: usize = 15;
/// No password is shorter than this many characters (NIST SP 800-63B-4: 8 beside a second factor).
pub const SHORT: usize = 8;
/// No password is longer than this many bytes of UTF-8, so that hashing costs the same for everyone.
pub const MOST_BYTES: usize = 1024;
/// More bytes than this are refused unread: NFC shortens no text to less than a third.
const MOST_BYTES_TYPED: usize = 4 * MOST_BYTES;
/// So many digits and symbols around a word are its decoration ("Sunshine-2024!"); that is as long as a whole date.
/// More of them are a secret by themselves.
const DECORATION: usize = 10;

/// So few letters and digits beside one's own words are no secret of their own ("Carl-Smith-1A!").
const TRIVIAL: usize = 3;
/// A name shorter than this stands within too many other words to be taken out of them.
const NAME: usize = 3;

/// Characters that stand for each other when a password is compared with words: "P@ssw0rd" is "password".
/// An l becomes an i because 1 is written for both.
const ALIKE: [(char, char); 8] =
    [('0', 'o'), ('1', 'i'), ('l', 'i'), ('3', 'e'), ('4', 'a'), ('@', 'a'), ('5', 's'), ('$', 's')];

/// One of the four kinds of characters, for the server and for scripts.
struct Kind {
    id: &'static str,
    text: &'static str,
    holds: fn(char) -> bool,
    /// The same set as a JavaScript pattern (flag `u`): both name the same Unicode property.
    pattern: &'static str,
    missing: Problem,
}

const KINDS: [Kind; 4] = [
    Kind {
        id: "upper",
        text: "A capital letter",
        holds: char::is_uppercase,
        pattern: r"\p{Uppercase}",
        missing: Problem::Upper,
    },
    Kind {
        id: "lower",
        text: "A lowercase letter",
        holds: char::is_lowercase,
        pattern: r"\p{Lowercase}",
        missing: Problem::Lower,
    },
    Kind { id: "number", text: "A number", holds: char::is_numeric, pattern: r"\p{N}", missing: Problem::Number },
    Kind {
        id: "special",
        text: "A special character, such as ! or a space",
        holds: is_special,
        pattern: r"[^\p{Alphabetic}\p{N}]",
        missing: Problem::Special,
    },
];

fn is_special(c: char) -> bool {
    !c.is_alphanumeric()
}

/// What the operator decides about passwords.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Whether 8 to 14 characters may do without a second factor.
    pub short_passwords: ShortPasswords,
}

/// Whether 8 to 14 characters may do without a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShortPasswords {
    /// Yes, if a capital and a lowercase letter, a number and a special character are among them. The default.
    #[default]
    Allowed,
    /// No: only length, blocklist and own words count, as NIST SP 800-63B-4 and OWASP ASVS 5.0 have it.
    Off,
}

/// For whom a password is chosen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The product's name, as configured.
    pub product: &'a str,
    /// The account's e-mail address.
    pub email: &'a str,
    /// First name, or empty.
    pub first_name: &'a str,
    /// Last name, or empty.
    pub last_name: &'a str,
    /// Names of the user's organizations.
    pub organizations: &'a [&'a str],
    /// Whether the account has an active second factor.
    pub second_factor: bool,
}

impl<'a> Context<'a> {
    /// For a person, at a product.
    #[must_use]
    pub fn of(product: &'a str, email: &'a str, first_name: &'a str, last_name: &'a str) -> Self {
        Self { product, email, first_name, last_name, ..Self::default() }
    }
}

/// A password as it is hashed and compared: in NFC, at most 1,024 bytes long, overwritten when dropped.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes what was typed, whether or not it satisfies a policy: old passwords have to sign in, too.
    ///
    /// # Errors
    /// [`Problem::TooLong`], before anything costly is done with it.
    pub fn new(typed: &str) -> Result<Self, Problem> {
        if typed.len() > MOST_BYTES_TYPED {
            return Err(Problem::TooLong);
        }
        let text = collect(typed.len(), typed.nfc());
        if text.len() > MOST_BYTES { Err(Problem::TooLong) } else { Ok(Self(text)) }
    }

    /// The bytes to hash.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Why a password is refused; prints as a sentence that says how to mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Fewer characters than this account needs at least.
    #[error("Use {least} or more characters.")]
    TooShort {
        /// What it needs, in code points.
        least: usize,
    },
    /// No capital letter in a short password.
    #[error("Add a capital letter, or use {LONG} or more characters.")]
    Upper,
    /// No lowercase letter in a short password.
    #[error("Add a lowercase letter, or use {LONG} or more characters.")]
    Lower,
    /// No number in a short password.
    #[error("Add a number, or use {LONG} or more characters.")]
    Number,
    /// Only letters and numbers in a short password.
    #[error("Add a special character, such as ! or a space, or use {LONG} or more characters.")]
    Special,
    /// More than 1,024 bytes in NFC.
    #[error("Use fewer characters: there is room for about 1,000 letters, and for fewer with accents or emoji.")]
    TooLong,
    /// Found on the blocklist.
    #[error(
        "Choose another one: this password is on the lists of common and leaked passwords that attackers try first."
    )]
    Common,
    /// Made of the names in the [`Context`].
    #[error(
        "Choose something other than your name, your e-mail address, your organization or the name of this service: they are the first guess."
    )]
    OwnWords,
    /// The second field holds something else.
    #[error("Type the same password in both fields.")]
    Mismatch,
}

impl Problem {
    /// A short name, the same in scripts: the row of the checklist that it belongs to, where there is one.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "length",
            Self::Upper => "upper",
            Self::Lower => "lower",
            Self::Number => "number",
            Self::Special => "special",
            Self::TooLong => "too_long",
            Self::Common => "common",
            Self::OwnWords => "own",
            Self::Mismatch => "match",
        }
    }
}

/// All that keeps `typed` from being this account's new password, in the order of the checklist; empty if nothing does.
#[must_use]
pub fn problems(typed: &str, context: &Context<'_>, policy: &PasswordPolicy) -> Vec<Problem> {
    let Ok(password) = Password::new(typed) else {
        return vec![Problem::TooLong];
    };
    let text = password.0.as_str();
    let (least, free) = lengths(context, *policy);
    let length = text.chars().count();
    let mut found = Vec::new();
    if length < least {
        found.push(Problem::TooShort { least });
    }
    if length < free && least < free {
        found.extend(KINDS.iter().filter(|kind| !text.contains(kind.holds)).map(|kind| kind.missing));
    }
    let cores: Vec<_> = cores(text).into_iter().map(fold).collect();
    if cores.iter().any(|core| blocklist::contains(core)) {
        found.push(Problem::Common);
    }
    let words = own_words(context);
    if is_own(&cores, &words) || is_own_at_heart(text, &words) {
        found.push(Problem::OwnWords);
    }
    found
}

/// Whether the field for repeating the password holds something else.
#[must_use]
pub fn mismatch(typed: &str, repeated: &str) -> Option<Problem> {
    (!typed.nfc().eq(repeated.nfc())).then_some(Problem::Mismatch)
}

/// How many characters are needed at least, and from how many on any will do.
fn lengths(context: &Context<'_>, policy: PasswordPolicy) -> (usize, usize) {
    match policy.short_passwords {
        _ if context.second_factor => (SHORT, SHORT),
        ShortPasswords::Allowed => (SHORT, LONG),
        ShortPasswords::Off => (LONG, LONG),
    }
}

/// The password itself, and without the symbols, or symbols and numbers, at either end.
///
/// Symbols alone as well, because common passwords end in numbers of their own: "Qwerty123!" is "qwerty123".
fn cores(text: &str) -> BTreeSet<&str> {
    let ends: [fn(char) -> bool; 3] = [|_| false, is_special, |c| is_special(c) || c.is_numeric()];
    let length = text.chars().count();
    ends.iter()
        .flat_map(|start| ends.iter().map(move |end| text.trim_start_matches(start).trim_end_matches(end)))
        .filter(|core| length - core.chars().count() <= DECORATION)
        .collect()
}

/// The text without regard to case and to characters that are [`ALIKE`].
///
/// Capital first, then lowercase, so that ß is ss and ς is σ as under Unicode's case folding; by single characters, so
/// that scripts get the same.
pub(super) fn fold(text: &str) -> Zeroizing<String> {
    let alike = |c| ALIKE.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to);
    collect(text.len(), text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).map(alike))
}

/// Letters and numbers only: "Acme Rockets" and "acme-rockets" are the same word.
fn compact(text: &str) -> Zeroizing<String> {
    collect(text.len(), text.chars().filter(|c| !is_special(*c)))
}

/// Collects into memory that is overwritten when dropped and never has to move while it grows: neither NFC nor case
/// makes any character more than three times as long.
fn collect(bytes: usize, chars: impl Iterator<Item = char>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes * 3));
    text.extend(chars);
    text
}

/// What must not be the whole password: product, organizations, names, the parts of the e-mail address. The whole address,
/// after an @ that no other word has, must not even be a part of it.
///
/// Single letters are no words: with an initial among them, any number would do as decoration.
fn own_words(context: &Context<'_>) -> BTreeSet<String> {
    let (local, domain) = context.email.rsplit_once('@').unwrap_or((context.email, ""));
    let labels = domain.rsplit_once('.').map_or(domain, |(labels, _)| labels);
    let address = (!domain.is_empty())
        .then(|| format!("@{}", compact(&fold(&context.email.trim().nfc().collect::<String>())).as_str()));
    [context.product, context.first_name, context.last_name, local]
        .into_iter()
        .chain(context.organizations.iter().copied())
        .chain(local.split(['.', '_', '-', '+']))
        .chain(labels.split('.'))
        .map(|word| word.nfc().collect::<String>())
        .flat_map(|word| cores(&word).into_iter().map(|core| compact(&fold(core)).to_string()).collect::<Vec<_>>())
        .filter(|word| word.chars().count() > 1)
        .chain(address)
        .collect()
}

/// Whether a core is one of the words, or two of them joined.
fn is_own(cores: &[Zeroizing<String>], words: &BTreeSet<String>) -> bool {
    cores.iter().map(|core| compact(core)).any(|core| {
        words
            .iter()
            .filter_map(|word| core.strip_prefix(word.as_str()))
            .any(|rest| rest.is_empty() || words.contains(rest))
    })
}

/// Whether the address is a part of the text, or next to nothing is left of it without one's own words.
fn is_own_at_heart(text: &str, words: &BTreeSet<String>) -> bool {
    let whole = compact(&fold(text));
    if words.iter().filter_map(|word| word.strip_prefix('@')).any(|address| whole.contains(address)) {
        return true;
    }
    let mut names: Vec<_> = words.iter().filter(|word| word.chars().count() >= NAME).collect();
    names.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
    let rest = names
        .into_iter()
        .fold(whole.clone(), |rest, word| collect(rest.len(), rest.split(word.as_str()).flat_map(str::chars)));
    rest.len() < whole.len() && rest.chars().count() <= TRIVIAL
}

/// The rule as data for one account, which scripts evaluate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleSheet {
    /// Fewest characters (code points after NFC).
    pub least: usize,
    /// From this many characters on, the kinds do not matter.
    pub free: usize,
    /// Most bytes of UTF-8 after NFC.
    pub most_bytes: usize,
    /// Most bytes of UTF-8 as typed.
    pub most_bytes_typed: usize,
    /// Most characters that are taken off the ends before comparing with words.
    pub decoration: usize,
    /// Most letters and digits beside own words that are not worth anything.
    pub trivial: usize,
    /// The shortest own word that is taken out of a password to see what is left.
    pub name: usize,
    /// The kinds of characters by row, each as a JavaScript pattern for the flag `u`.
    pub kinds: Vec<(&'static str, &'static str)>,
    /// Which character is read as which when comparing with words.
    pub alike: BTreeMap<char, char>,
    /// The account's own words; the address after an @.
    pub own: BTreeSet<String>,
}

/// The rule as data for this account.
#[must_use]
pub fn rules(context: &Context<'_>, policy: &PasswordPolicy) -> RuleSheet {
    let (least, free) = lengths(context, *policy);
    RuleSheet {
        least,
        free,
        most_bytes: MOST_BYTES,
        most_bytes_typed: MOST_BYTES_TYPED,
        decoration: DECORATION,
        trivial: TRIVIAL,
        name: NAME,
        kinds: KINDS.iter().map(|kind| (kind.id, kind.pattern)).collect(),
        alike: BTreeMap::from(ALIKE),
        own: own_words(context),
    }
}

/// The rule as a page shows it beside the field for the new password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// The [`RuleSheet`] for the script, in JSON.
    pub json: String,
    /// The checklist.
    pub lines: Vec<RuleLine>,
}

/// One row of the checklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleLine {
    /// By which the script finds the row.
    pub id: &'static str,
    /// What the row asks for.
    pub text: String,
}

impl PasswordRules {
    /// The rule as a page shows it to this account; rows that cannot matter to it are left out.
    ///
    /// # Panics
    /// Never: a sheet holds nothing that JSON cannot say.
    #[must_use]
    pub fn new(context: &Context<'_>, policy: &PasswordPolicy) -> Self {
        let sheet = rules(context, policy);
        let line = |id, text: &str| RuleLine { id, text: text.to_owned() };
        let mut lines = Vec::new();
        if sheet.least < sheet.free {
            lines.push(line("long", &format!("Either {} or more characters, of any kind", sheet.free)));
            lines.push(line("length", &format!("or {} or more characters with all of these:", sheet.least)));
            lines.extend(KINDS.iter().map(|kind| line(kind.id, kind.text)));
        } else {
            lines.push(line("length", &format!("{} or more characters", sheet.least)));
        }
        lines.extend([
            line("common", "Not a common or leaked password"),
            line("own", "Not your name, e-mail or organization"),
            line("match", "Both fields match"),
        ]);
        Self { json: serde_json::to_string(&sheet).expect("a rule sheet is plain data"), lines }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Instant;

    use serde_json::Value;

    use super::*;

    /// Shared with `tests/js/password.test.mjs`.
    #[derive(Deserialize)]
    pub(in super::super) struct Vectors {
        sheet: serde_json::Map<String, Value>,
        accounts: BTreeMap<String, Account>,
        cases: Vec<Case>,
        pub(in super::super) sign_in: Vec<SignIn>,
    }

    #[derive(Deserialize)]
    struct Account {
        context: Person,
        short_passwords: ShortPasswords,
        sheet: serde_json::Map<String, Value>,
    }

    #[derive(Deserialize)]
    struct Person {
        product: String,
        email: String,
        first_name: String,
        last_name: String,
        organizations: Vec<String>,
        second_factor: bool,
    }

    #[derive(Deserialize)]
    struct Case {
        account: String,
        password: Text,
        repeated: Option<Text>,
        problems: Vec<String>,
    }

    #[derive(Deserialize)]
    pub(in super::super) struct SignIn {
        pub(in super::super) chosen: Text,
        pub(in super::super) typed: Text,
        pub(in super::super) matches: bool,
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    pub(in super::super) enum Text {
        Plain(String),
        Repeated(Vec<(String, usize)>),
    }

    impl Text {
        pub(in super::super) fn build(&self) -> String {
            match self {
                Self::Plain(text) => text.clone(),
                Self::Repeated(parts) => parts.iter().map(|(text, times)| text.repeat(*times)).collect(),
            }
        }
    }

    pub(in super::super) fn vectors() -> Vectors {
        serde_json::from_str(include_str!("../../../tests/vectors/passwords.json")).expect("the vectors are valid")
    }

    impl Account {
        fn with<T>(&self, act: impl FnOnce(&Context<'_>, &PasswordPolicy) -> T) -> T {
            let person = &self.context;
            let organizations: Vec<_> = person.organizations.iter().map(String::as_str).collect();
            let context = Context {
                product: &person.product,
                email: &person.email,
                first_name: &person.first_name,
                last_name: &person.last_name,
                organizations: &organizations,
                second_factor: person.second_factor,
            };
            act(&context, &PasswordPolicy { short_passwords: self.short_passwords })
        }
    }

    /// Covers: AC-038, S4-6, S4-7, S4-8, S4-9, S4-10, S4-11
    #[test]
    fn every_vector_has_its_problems() {
        let vectors = vectors();
        let wrong: Vec<_> = vectors
            .cases
            .iter()
            .filter_map(|case| {
                let typed = case.password.build();
                let repeated = case.repeated.as_ref().map_or_else(|| typed.clone(), Text::build);
                let mut found =
                    vectors.accounts[&case.account].with(|context, policy| problems(&typed, context, policy));
                found.extend(mismatch(&typed, &repeated));
                let found: Vec<_> = found.into_iter().map(Problem::id).collect();
                let start: String = typed.chars().take(40).collect();
                (found != case.problems).then(|| format!("{start:?}: {found:?}, not {:?}", case.problems))
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Covers: AC-038, S4-5
    #[test]
    fn pages_get_the_sheet_that_their_tests_use() {
        let vectors = vectors();
        for (name, account) in &vectors.accounts {
            let mut expected = vectors.sheet.clone();
            expected.extend(account.sheet.clone());
            let (sheet, page) =
                account.with(|context, policy| (rules(context, policy), PasswordRules::new(context, policy)));
            assert_eq!(serde_json::to_value(sheet).unwrap(), Value::from(expected.clone()), "{name}");
            assert_eq!(serde_json::from_str::<Value>(&page.json).unwrap(), Value::from(expected), "{name}");
        }
    }

    /// Covers: S4-5, S4-6, S4-7, S4-8, S4-9, S4-10, S4-11
    #[test]
    fn the_checklist_has_the_rows_that_matter() {
        let vectors = vectors();
        let rows = |name: &str| {
            let page = vectors.accounts[name].with(PasswordRules::new);
            let ids: Vec<_> = page.lines.iter().map(|line| line.id).collect();
            (ids.join(" "), page.lines[0].text.clone())
        };
        assert_eq!(
            rows("alice"),
            (
                "long length upper lower number special common own match".to_owned(),
                "Either 15 or more characters, of any kind".to_owned()
            )
        );
        let few = "length common own match".to_owned();
        assert_eq!(rows("alice with a second factor"), (few.clone(), "8 or more characters".to_owned()));
        assert_eq!(rows("alice, short passwords off"), (few, "15 or more characters".to_owned()));
    }

    /// Covers: AC-017
    #[test]
    fn ac_017_costly_input_is_refused_at_once() {
        let nobody = Context::default();
        let verdict_in_time = |typed: &str| {
            // The best of some, because a test machine has other things to do as well.
            let attempt = || {
                let begun = Instant::now();
                (problems(typed, &nobody, &PasswordPolicy::default()), begun.elapsed())
            };
            let (found, took) = (0..5).map(|_| attempt()).min_by_key(|(_, took)| *took).unwrap();
            assert!(took.as_millis() < 20, "{took:?}");
            found
        };
        for typed in ["x".repeat(1 << 20), format!("a{}", "\u{301}".repeat(100_000)), "x".repeat(MOST_BYTES + 1)] {
            assert_eq!(verdict_in_time(&typed), [Problem::TooLong]);
            assert_eq!(Password::new(&typed).unwrap_err(), Problem::TooLong, "and so it never reaches the hasher");
        }
        // The costliest that is still looked at: all decoration, and as many marks to sort as fit.
        for typed in ["!1".repeat(MOST_BYTES / 2), "\u{301}\u{323}".repeat(MOST_BYTES / 4)] {
            assert_eq!(verdict_in_time(&typed), []);
        }
    }

    /// What `collect` counts on, so that no copy of a password stays behind in memory.
    #[test]
    fn no_character_grows_to_more_than_three_times_its_bytes() {
        for c in '\0'..=char::MAX {
            let mut buffer = [0; 4];
            let text = &*c.encode_utf8(&mut buffer);
            let most = text.len() * 3;
            assert!(fold(text).len() <= most && text.nfc().map(char::len_utf8).sum::<usize>() <= most, "{c:?}");
        }
    }

    #[test]
    fn a_password_does_not_print() {
        assert_eq!(format!("{:?}", Password::new("Tr1cky!x9").unwrap()), "Password(…)");
    }

    #[test]
    fn problems_say_how_to_mend_them() {
        assert_eq!(Problem::TooShort { least: SHORT }.to_string(), "Use 8 or more characters.");
        assert_eq!(Problem::Upper.to_string(), "Add a capital letter, or use 15 or more characters.");
    }
}
