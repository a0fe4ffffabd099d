//! Static files, inside the binary: compressed ahead, and named by the hash of their content, so that a browser may keep
//! them for ever.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::error::{Error, Result};

/// A static file, as the build script embedded it.
struct File {
    path: &'static str,
    /// The hash of all of them, then the path, so that files may name each other by relative paths.
    url: &'static str,
    kind: &'static str,
    plain: &'static [u8],
    /// Empty where compression gains nothing.
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The address of a file.
pub fn url(path: &str) -> Option<&'static str> {
    find(path).map(|file| file.url)
}

fn find(path: &str) -> Option<&'static File> {
    FILES.binary_search_by(|file| file.path.cmp(path)).ok().map(|place| &FILES[place])
}

/// `GET /static/{hash}/{path}`.
///
/// # Errors
/// [`Error::NotFound`] when there is no such file in this version.
pub async fn serve(request: HttpRequest, path: web::Path<(String, String)>) -> Result<HttpResponse> {
    let (hash, path) = path.into_inner();
    let file = find(&path).filter(|_| hash == HASH).ok_or(Error::NotFound)?;
    let takes_gzip = request
        .headers()
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|encodings| encodings.contains("gzip"));
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, file.kind))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::VARY, HeaderValue::from_static("Accept-Encoding")));
    Ok(if takes_gzip && !file.gzip.is_empty() {
        response.insert_header((header::CONTENT_ENCODING, "gzip")).body(file.gzip)
    } else {
        response.body(file.plain)
    })
}
