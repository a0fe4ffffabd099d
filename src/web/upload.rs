//! Forms that may hold a file: `multipart/form-data`, read whole and small.

use std::future::{Future, ready};
use std::pin::Pin;

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use futures_util::{StreamExt, stream};
use serde::de::DeserializeOwned;

use super::form::{FORM_LIMIT, Sender, decode, is_urlencoded, pairs, read_up_to};
use crate::error::{Error, Result};

/// The largest file, in bytes.
const FILE_LIMIT: usize = 2 * 1024 * 1024;
/// The fields around it.
const AROUND: usize = 64 * 1024;
/// So many fields has no form of ours.
const FIELDS: usize = 32;
/// The name of the field that holds the file.
pub const FILE: &str = "picture";

/// The file of a form.
pub enum Sent {
    /// None was chosen.
    Nothing,
    /// This one.
    File(Vec<u8>),
    /// One that is too large, and was thrown away.
    TooLarge,
}

/// A form from somebody, with the file that it may hold. A form without one may come as any other form does.
pub struct Upload<C, T> {
    /// Who.
    pub who: C,
    /// What they typed.
    pub form: T,
    /// What they chose.
    pub file: Sent,
}

impl<C: FromRequest<Error = Error> + Sender + 'static, T: DeserializeOwned> FromRequest for Upload<C, T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let who = C::extract(&request).await?;
            let (pairs, file) = if is_urlencoded(&request) {
                (pairs(&request, &mut payload).await?, Sent::Nothing)
            } else {
                parts(&request, &mut payload).await?
            };
            let form = decode(&request, &pairs)?;
            who.sends(&pairs)?;
            Ok(Self { who, form, file })
        })
    }
}

/// The fields, and the file.
async fn parts(request: &HttpRequest, payload: &mut Payload) -> Result<(Vec<(String, String)>, Sent)> {
    const BROKEN: Error = Error::BadRequest("the form could not be read");
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data") {
        return Err(Error::BadRequest("a form with a file is sent as multipart/form-data"));
    }
    let (body, is_whole) = read_up_to(request, payload, FILE_LIMIT + AROUND).await?;
    let whole = stream::once(ready(Ok::<Bytes, PayloadError>(body.freeze())));
    let mut parts = Multipart::new(request.headers(), whole);
    let (mut pairs, mut file, mut count) = (Vec::new(), Sent::Nothing, 0);
    while let Some(part) = parts.next().await {
        // Of a body that was cut, what came before the cut counts: the fields stand before the file.
        let Ok(mut part) = part else {
            if is_whole {
                return Err(BROKEN);
            }
            break;
        };
        count += 1;
        let name = part.name().unwrap_or_default().to_owned();
        if count > FIELDS || name.is_empty() {
            return Err(BROKEN);
        }
        let limit = if name == FILE { FILE_LIMIT } else { FORM_LIMIT };
        let bytes = match part.bytes(limit).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) if is_whole || name != FILE => return Err(BROKEN),
            Err(_) if name != FILE => return Err(Error::TooLarge),
            Ok(Err(_)) | Err(_) => {
                file = Sent::TooLarge;
                break;
            }
        };
        if name == FILE {
            if !matches!(file, Sent::Nothing) {
                return Err(BROKEN);
            }
            if !bytes.is_empty() {
                file = Sent::File(bytes.to_vec());
            }
            continue;
        }
        let value = String::from_utf8(bytes.to_vec()).map_err(|_| Error::BadRequest("a form is UTF-8"))?;
        if name.contains('\0') || value.contains('\0') {
            return Err(Error::BadRequest("the form holds a NUL character"));
        }
        pairs.push((name, value));
    }
    if !is_whole {
        file = Sent::TooLarge;
    }
    Ok((pairs, file))
}
