//! Pictures of people and organizations; whoever has none is shown by their initials.
//!
//! The bytes are rows, so a backup has them and every node serves them. A picture's address is 128 random bits, a new one
//! for each change: it can be kept by browsers for a day, and opens only to whoever may see whose it is.

pub mod pages;
pub mod picture;
mod service;
pub(crate) mod views;

pub use picture::{Maker, Picture, Size};
pub use service::{Whose, remove, set};
pub use views::Face;
