//! `GET /api/openapi.json`: what there is to call, for programs. It is kept by hand, and a test holds it to the route table and
//! to the answers.

use actix_web::HttpResponse;
use actix_web::http::header;

/// `OpenAPI` 3.1.
pub const DOCUMENT: &str = include_str!("openapi.json");

/// The document.
pub async fn show() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json; charset=utf-8")).body(DOCUMENT)
}
