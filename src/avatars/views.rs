//! What pages show of a picture.

use askama::Template;

use super::picture::Size;
use crate::organizations::Place;
use crate::urls;
use crate::web::{Field, FieldError, Shell, filters};

/// What stands for a person or an organization: their picture, or the first letters of their name.
#[derive(Debug, Clone)]
pub struct Face {
    /// The small picture's address.
    pub picture: Option<String>,
    /// The first letters of the first two words.
    pub initials: String,
}

impl Face {
    /// That of a name, with its picture if it has one.
    pub fn of(name: &str, picture: Option<&str>) -> Self {
        let letters = name.split_whitespace().filter_map(|word| word.chars().next());
        Self {
            picture: picture.map(|name| urls::avatar(name, Size::Small.word())),
            initials: letters.take(2).flat_map(char::to_uppercase).collect(),
        }
    }
}

/// The form that sets a picture, beside the one that there is.
pub struct PictureForm {
    /// Its error, if it has one.
    pub picture: Field,
    /// As it looks now.
    pub face: Face,
    /// The large picture's address.
    pub large: Option<String>,
    /// Where it is sent.
    pub action_url: String,
    /// Where removing is asked for.
    pub remove_url: String,
    /// Where it is left for.
    pub back_url: String,
}

/// One's own.
#[derive(Template)]
#[template(path = "avatars/own.html")]
pub struct OwnPage {
    /// Around it.
    pub shell: Shell,
    /// What is wrong.
    pub errors: Vec<FieldError>,
    /// The form.
    pub form: PictureForm,
}

/// An organization's.
#[derive(Template)]
#[template(path = "avatars/organization.html")]
pub struct OrganizationPage {
    /// Around it.
    pub shell: Shell,
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub errors: Vec<FieldError>,
    /// The form.
    pub form: PictureForm,
}
