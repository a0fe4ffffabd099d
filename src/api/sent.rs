//! What is sent: JSON of a known size, every member of it known, and each mistake at its place.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};
use sha2::{Digest as _, Sha256};

use super::{Problem, Wrong};
use crate::auth::key::hex;
use crate::error::{Error, Result};
use crate::ids::ulid;
use crate::text::shown;
use crate::web::form::read_body;

/// The largest body, in bytes.
const LIMIT: usize = 64 * 1024;

/// A body, and who sent it. They are asked for first: whoever may not call is not told what is wrong with their JSON.
pub struct Sent<C, T> {
    /// Who.
    pub who: C,
    /// What they sent.
    pub body: T,
}

impl<C: FromRequest<Error = Error> + 'static, T: DeserializeOwned> FromRequest for Sent<C, T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let who = C::extract(&request).await?;
            if !is_json(&request) {
                return Err(Problem::not_json().into());
            }
            let bytes = read_body(&request, &mut payload, LIMIT).await?;
            let body = read(&bytes)?;
            request.extensions_mut().insert(Digest(hex(&Sha256::digest(&bytes))));
            Ok(Self { who, body })
        })
    }
}

/// The SHA-256 of a request's body, in hexadecimal digits.
struct Digest(String);

/// A body that may be missing.
///
/// # Errors
/// As of any other body.
pub async fn read_optional<T: DeserializeOwned>(request: &HttpRequest, payload: &mut Payload) -> Result<T> {
    let body = read_body(request, payload, LIMIT).await?;
    match (body.is_empty(), is_json(request)) {
        (true, _) => read(b"{}"),
        (false, true) => read(&body),
        (false, false) => Err(Problem::not_json().into()),
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    if holds_nul(body) {
        return Err(Problem::invalid(vec![Wrong::at("#", "Leave out the NUL characters.")]).into());
    }
    // The reader would take a list for the members in their order, and nobody means that.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
        return Err(Problem::invalid(vec![Wrong::at("#", "Send an object: {…}.")]).into());
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| refused(error.path(), error.inner()))
        .and_then(|read| reader.end().map(|()| read).map_err(|error| Problem::unreadable(words(&error))));
    read.map_err(Error::from)
}

/// Whether some text in it has a NUL: PostgreSQL takes none, and nobody types one. JSON can only write it as an escape.
fn holds_nul(body: &[u8]) -> bool {
    const NUL: &[u8] = b"\\u0000";
    let escapes = |place: usize| body[..place].iter().rev().take_while(|byte| **byte == b'\\').count();
    body.windows(NUL.len()).enumerate().any(|(place, piece)| piece == NUL && escapes(place) % 2 == 0)
}

fn refused(path: &Path, error: &serde_json::Error) -> Problem {
    match error.classify() {
        Category::Data => Problem::invalid(vec![Wrong::at(pointer(path), words(error))]),
        Category::Io | Category::Syntax | Category::Eof => Problem::unreadable(words(error)),
    }
}

/// The reader's own words: they are for whoever wrote the program that called.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    let mut letters = shown(text, 300);
    if let Some(first) = letters.get(..1) {
        letters = format!("{}{}", first.to_uppercase(), &letters[1..]);
    }
    letters
}

fn pointer(path: &Path) -> String {
    let mut pointer = "#".to_owned();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&shown(key, 60).replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// For a member that may be missing, but is no `null` where it is there: whoever sends `null` means something by it, and what,
/// nobody knows.
///
/// # Errors
/// When it is of another type.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

/// The name of a call that makes something: sent twice, it makes one thing. Without a name of the caller's own it has one that no
/// other call has.
///
/// `act` says what is made, so that the same name for something else is another call. After a line break stands what was sent,
/// in short: the same name for another body is a slip.
///
/// # Errors
/// [`Problem::idempotency_key`].
pub fn once(request: &HttpRequest, act: &str) -> Result<String> {
    let mut keys = request.headers().get_all("idempotency-key");
    let Some(key) = keys.next() else { return Ok(ulid()) };
    let key = key.to_str().unwrap_or_default();
    // The draft of the header has it between quotation marks, and most clients leave them away.
    let bare = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    let sound = (1..=200).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_graphic());
    if !sound || keys.next().is_some() {
        return Err(Problem::idempotency_key().into());
    }
    let digest = request.extensions().get::<Digest>().map(|digest| digest.0.clone()).unwrap_or_default();
    Ok(format!("{act} {bare}\n{digest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: AC-104
    #[test]
    fn no_nul_comes_through() {
        for (body, holds) in [
            (&br#"{"a":"\u0000"}"#[..], true),
            (br#"{"a":"x\\\u0000"}"#, true),
            (br#"{"a":"\\u0000"}"#, false),
            (br#"{"a":"\u0001 u0000"}"#, false),
            (b"", false),
        ] {
            assert_eq!(holds_nul(body), holds, "{}", String::from_utf8_lossy(body));
        }
    }
}
