//! The rules: what codes look like, what a tool may be called, and what a terminal that asks again is told. Pure.

use crate::clock::Timestamp;
use crate::text_enum;

/// For how many seconds a terminal waits for its answer.
pub const PATIENCE: i64 = 10 * 60;
/// How many seconds it leaves between two questions, at first; each question too early adds as many.
pub const PAUSE: i64 = 5;
/// A question may be so much early: it travels, and times are whole seconds.
const LEEWAY: i64 = 1;
/// The longest name of a tool.
const LONGEST: usize = 40;

/// Consonants that nobody takes for one another, and that make no words (RFC 8628, 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const HALF: usize = 4;

/// The code that a terminal shows and its owner types: eight letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// A new one.
    pub fn generate() -> Self {
        let mut code = String::new();
        while code.len() < 2 * HALF {
            // 240 is the last multiple of 20 that fits a byte: beyond it the first letters would come more often.
            let fair = crate::ids::random::<16>().into_iter().filter(|byte| *byte < 240);
            code.extend(fair.map(|byte| char::from(LETTERS[usize::from(byte % 20)])).take(2 * HALF - code.len()));
        }
        Self(code)
    }

    /// What somebody typed, with or without the dash, in capitals or not; `None` when it can't be a code.
    pub fn read(typed: &str) -> Option<Self> {
        let letters = typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'));
        let code: String = letters.take(2 * HALF + 1).map(|c| c.to_ascii_uppercase()).collect();
        let is_code = code.len() == 2 * HALF && code.bytes().all(|letter| LETTERS.contains(&letter));
        is_code.then_some(Self(code))
    }

    /// As it is kept, hashed.
    pub fn plain(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for UserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (one, other) = self.0.split_at(HALF);
        write!(f, "{one}-{other}")
    }
}

/// Whether a tool may call itself that. One short word: people read it on the page that lets it in, and it shall not be able
/// to tell them anything.
pub fn is_client(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=LONGEST).contains(&name.len())
        && name.chars().all(fits)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

text_enum! {
    /// How far a terminal's wish has come.
    pub enum State {
        /// Nobody has answered.
        Waiting = "waiting",
        /// Somebody approved it.
        Approved = "approved",
        /// Somebody denied it.
        Denied = "denied",
    }
}

/// What is known of a wish when its terminal asks again.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// How far it has come.
    pub state: State,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When the terminal asked last.
    pub polled_at: Option<Timestamp>,
    /// How many seconds it is to leave between two questions.
    pub pause: i64,
}

/// What a terminal is told that gets no login (RFC 8628, 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Ask again.
    Pending,
    /// The same, and less often from now on.
    TooFast,
    /// Somebody said no.
    Denied,
    /// Nobody said anything in time.
    Expired,
    /// There is no such wish, or its login was fetched already.
    Unknown,
}

/// Judges a question: `None` is a yes.
pub fn judge(wish: Wish, now: Timestamp) -> Option<Refusal> {
    let too_fast = wish.polled_at.is_some_and(|last| last.until(now) + LEEWAY < wish.pause);
    match wish.state {
        _ if now >= wish.expires_at => Some(Refusal::Expired),
        State::Denied => Some(Refusal::Denied),
        State::Approved => None,
        State::Waiting if too_fast => Some(Refusal::TooFast),
        State::Waiting => Some(Refusal::Pending),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_795_305_960);

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = UserCode::read("BCDF-GHJK").unwrap();
        assert_eq!(code.to_string(), "BCDF-GHJK");
        for typed in ["bcdfghjk", " bcdf ghjk ", "BCDF\u{2013}GHJK", "b-c-d-f-g-h-j-k"] {
            assert_eq!(UserCode::read(typed).as_ref(), Some(&code), "{typed}");
        }
        for typed in ["", "BCDF-GHJ", "BCDF-GHJKL", "ACDF-GHJK", "BCDF-GHJ1", "ßCDF-GHJK", &"B".repeat(100_000)] {
            assert_eq!(UserCode::read(typed), None, "{typed}");
        }
        for _ in 0..100 {
            let code = UserCode::generate();
            assert_eq!(UserCode::read(&code.to_string()), Some(code));
        }
    }

    #[test]
    fn a_tool_has_a_short_plain_name() {
        for name in ["keystead", "gh", "acme-deploy_2.1", &"x".repeat(40)] {
            assert!(is_client(name), "{name}");
        }
        for name in ["", " ", "approve this", "https://evil.example", "-x", "<b>", "kéystead", "a\0", &"x".repeat(41)]
        {
            assert!(!is_client(name), "{name}");
        }
    }

    /// Covers: AC-075
    #[test]
    fn a_question_has_one_answer() {
        let wish = Wish { state: State::Waiting, expires_at: NOW.plus(PATIENCE), polled_at: None, pause: PAUSE };
        assert_eq!(judge(wish, NOW), Some(Refusal::Pending));
        let asked = |ago: i64, pause: i64| judge(Wish { polled_at: Some(NOW.plus(-ago)), pause, ..wish }, NOW);
        assert_eq!((asked(0, 5), asked(3, 5)), (Some(Refusal::TooFast), Some(Refusal::TooFast)));
        assert_eq!((asked(4, 5), asked(5, 5)), (Some(Refusal::Pending), Some(Refusal::Pending)));
        assert_eq!((asked(5, 10), asked(10, 10)), (Some(Refusal::TooFast), Some(Refusal::Pending)));
        for state in State::ALL {
            let over = Wish { state: *state, expires_at: NOW, ..wish };
            assert_eq!(judge(over, NOW), Some(Refusal::Expired));
        }
        assert_eq!(judge(Wish { state: State::Denied, ..wish }, NOW), Some(Refusal::Denied));
        assert_eq!(judge(Wish { state: State::Approved, polled_at: Some(NOW), ..wish }, NOW), None);
    }
}
