//! What people may type where a name goes.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use validator::ValidationError;

/// A typed name as it is kept: NFC, without spaces around it.
pub fn tidy(typed: &str) -> String {
    typed.trim().nfc().collect()
}

/// A name as it is searched and sorted by: compatible forms alike, and small letters. The databases do not agree on
/// `lower('Ä')`.
pub fn search_key(typed: &str) -> String {
    typed.trim().nfkc().collect::<String>().to_lowercase()
}

/// A pattern for `LIKE … ESCAPE '\'` that finds what holds a text, which is folded as the column is.
pub fn containing(folded: &str) -> String {
    format!("%{}%", folded.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// Characters that show nothing, or turn the text around them: a name with one deceives whoever reads it.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'
                // Letters and marks that are drawn as nothing.
                | '\u{034F}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{2800}' | '\u{3164}' | '\u{FFA0}' | '\u{E0100}'..='\u{E01EF}')
}

/// How many marks may stand on one letter. Scripts need four; more make a tower that covers the lines around it.
const MARKS: usize = 6;

/// Whether marks are stacked, or stand on nothing.
fn is_stacked(text: &str) -> bool {
    let (mut marks, mut stacked) = (MARKS, false);
    for c in text.nfc() {
        marks = if is_combining_mark(c) {
            marks + 1
        } else if c.is_whitespace() {
            MARKS
        } else {
            0
        };
        stacked |= marks > MARKS;
    }
    stacked
}

/// A text from outside that is only shown, such as a browser's name for itself: without what deceives, and cut.
pub fn shown(text: &str, most: usize) -> String {
    text.chars().filter(|c| !is_deceptive(*c)).take(most).collect()
}

/// Whether a mail program could make a link of a name: it has a scheme, or a dot within a word.
pub fn looks_like_a_link(name: &str) -> bool {
    let letters: Vec<char> = name.chars().collect();
    let dotted = letters.windows(3).any(|three| {
        let beside = |c: char| c.is_alphanumeric() || c == '/';
        beside(three[0]) && matches!(three[1], '.' | '\u{3002}' | '\u{ff0e}') && beside(three[2])
    });
    dotted || name.contains("//") || name.contains('@')
}

/// A name for a mail that its owner did not ask for: another one where it could be taken for a link.
pub fn plain_name<'a>(name: &'a str, otherwise: &'a str) -> &'a str {
    if looks_like_a_link(name) { otherwise } else { name }
}

fn problem(code: &'static str, message: impl Into<Cow<'static, str>>) -> ValidationError {
    ValidationError::new(code).with_message(message.into())
}

fn plain(typed: &str, most: usize) -> Result<(), ValidationError> {
    // A joiner between two letters of a script that joins, or two emoji, is how they are written; it is no disguise there.
    let letters: Vec<char> = typed.chars().collect();
    let joins = |place: usize| {
        let beside = |c: Option<&char>| c.is_some_and(|c| !c.is_ascii() && !c.is_whitespace() && !is_deceptive(*c));
        matches!(letters[place], '\u{200C}' | '\u{200D}')
            && beside(place.checked_sub(1).and_then(|before| letters.get(before)))
            && beside(letters.get(place + 1))
    };
    if letters.iter().enumerate().any(|(place, c)| is_deceptive(*c) && !joins(place)) {
        return Err(problem("deceptive", "Leave out invisible and control characters"));
    }
    if is_stacked(typed) {
        return Err(problem("stacked", "Leave out accents that stand on no letter, or in a tower"));
    }
    if typed.chars().count() > most {
        return Err(problem("long", format!("Use {most} characters or fewer")));
    }
    Ok(())
}

/// A first name: needed.
///
/// # Errors
/// What is wrong, for the field.
pub fn first_name(typed: &str) -> Result<(), ValidationError> {
    if tidy(typed).is_empty() {
        return Err(problem("empty", "Enter your first name"));
    }
    plain(typed, 60)
}

/// A last name: not everybody has one.
///
/// # Errors
/// What is wrong, for the field.
pub fn last_name(typed: &str) -> Result<(), ValidationError> {
    plain(typed, 60)
}

/// The name of a thing: needed.
///
/// # Errors
/// What is wrong, for the field.
pub fn title(typed: &str) -> Result<(), ValidationError> {
    if tidy(typed).is_empty() {
        return Err(problem("empty", "Enter a name"));
    }
    plain(typed, 100)
}

/// A line about a thing: as one likes.
///
/// # Errors
/// What is wrong, for the field.
pub fn description(typed: &str) -> Result<(), ValidationError> {
    plain(typed, 300)
}

/// An e-mail address that a mail can be sent to.
///
/// # Errors
/// What is wrong, for the field.
pub fn email(typed: &str) -> Result<(), ValidationError> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(problem("empty", "Enter an e-mail address"));
    }
    let sendable = typed.len() <= 254
        && validator::ValidateEmail::validate_email(&typed)
        && typed.parse::<lettre::Address>().is_ok();
    if sendable { plain(typed, 254) } else { Err(problem("email", "Enter an e-mail address like name@example.com")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: AC-010, AC-100
    #[test]
    fn deceptive_names_are_refused() {
        for bad in [
            "",
            "   ",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\nb",
            "a\0b",
            "a\u{7f}",
            "\u{200d}",
            "\u{200c}admin",
            "a\u{200c}b",
            "\u{3164}",
            "\u{2800}",
            "a\u{115f}b",
            "\u{301}",
            " \u{301}",
            &format!("a{}", "\u{300}\u{323}".repeat(5)),
            &"x".repeat(101),
        ] {
            assert!(title(bad).is_err(), "{bad:?}");
        }
        for good in [
            "a",
            "deploy bot",
            "Zoë",
            "<b>",
            "{{7*7}}",
            "𝔘𝔫𝔦",
            "👩\u{200d}🔧",
            "שָׁלוֹם",
            "हिन्दी",
            "བསྒྲུབས",
            "ที่นี่",
            &"x".repeat(100),
        ] {
            assert!(title(good).is_ok(), "{good:?}");
        }
        assert_eq!(tidy("  Zoe\u{308} "), "Zoë");
        assert!(last_name("").is_ok() && first_name(" ").is_err());
    }

    #[test]
    fn names_that_become_links_are_known() {
        for bad in ["evil.example", "Pay at https://evil", "www.evil.example now", "a@b", "evil\u{ff0e}example"] {
            assert!(looks_like_a_link(bad), "{bad}");
        }
        for good in ["Acme Inc.", "Acme", "St. Mary", "A. B. & Co.", "Zoë…"] {
            assert!(!looks_like_a_link(good), "{good}");
        }
    }

    #[test]
    fn addresses_are_ones_that_mail_reaches() {
        for bad in
            ["", "a", "a@", "@b", "a b@c.d", "a@b\r\nBcc: c@d.e", "a@b@c", &format!("{}@example.com", "a".repeat(300))]
        {
            assert!(email(bad).is_err(), "{bad:?}");
        }
        for good in ["ada@example.com", " ada+x@mail.example.co.uk ", "o'neil@example.com"] {
            assert!(email(good).is_ok(), "{good:?}");
        }
    }
}
