//! Filters that every template may use.
#![expect(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::inline_always,
    reason = "the macro's own struct and method have none"
)]

/// The address of a static file, with the hash of its content in it.
///
/// # Errors
/// When there is no such file: a misspelt name fails in the test that renders every page.
#[askama::filter_fn]
pub fn asset(path: &str, _: &dyn askama::Values) -> askama::Result<&'static str> {
    super::assets::url(path).ok_or_else(|| askama::Error::Custom(format!("there is no static file {path}").into()))
}
