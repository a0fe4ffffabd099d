//! What the pages of invitations show.

use askama::Template;

use crate::organizations::roles::views::RoleOption;
use crate::organizations::views::Place;
use crate::web::{Badge, Field, FieldError, Moment, Shell, filters};

#[derive(Template)]
#[template(path = "organizations/invitations.html")]
pub struct InvitationsPage {
    pub shell: Shell,
    pub place: Place,
    /// A link that was just made: to whom, and where it leads.
    pub made: Option<(String, String)>,
    pub refused: Option<String>,
    pub rows: Vec<InvitationRow>,
}

pub struct InvitationRow {
    pub email: String,
    pub role: String,
    pub teams: String,
    pub by: String,
    pub sent: Moment,
    pub ends: Moment,
    pub status: Badge,
    pub resend_url: String,
    pub cancel_url: String,
}

#[derive(Template)]
#[template(path = "organizations/invite.html")]
pub struct InvitePage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub email: Field,
    pub role: Field,
    pub options: Vec<RoleOption>,
    pub team: Field,
    /// Id, name, and whether it is ticked.
    pub teams: Vec<(String, String, bool)>,
}
