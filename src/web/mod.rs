//! The shared shell of all pages and calls: addresses, forms, notices, errors, headers.

pub mod agent;
pub mod assets;
pub mod client;
pub mod errors;
pub mod filters;
pub mod form;
pub mod front;
pub mod moment;
pub mod notice;
pub mod page;
pub mod returning;
pub mod upload;

pub use form::{Field, FieldError, Posted, Pressed, Problems};
pub use moment::Moment;
pub use notice::Notice;
pub use page::{Badge, Shell, Visitor, html, see_other};
