//! What the pages of teams show.

use askama::Template;

use crate::catalogue::Role;
use crate::organizations::members::views::MemberRow;
use crate::organizations::roles::views::RoleOption;
use crate::organizations::views::{Pager, Place};
use crate::web::{Field, FieldError, Shell, filters};

#[derive(Template)]
#[template(path = "organizations/teams.html")]
pub struct TeamsPage {
    pub shell: Shell,
    pub place: Place,
    pub rows: Vec<TeamRow>,
    pub search: String,
    pub pager: Pager,
    pub may_create: bool,
}

pub struct TeamRow {
    pub name: String,
    pub description: String,
    pub role: Option<String>,
    pub members: i64,
    pub url: String,
}

#[derive(Template)]
#[template(path = "organizations/team.html")]
pub struct TeamPage {
    pub shell: Shell,
    pub place: Place,
    pub team: TeamRow,
    pub rows: Vec<MemberRow>,
    pub sees_members: bool,
    pub refused: Option<&'static str>,
    pub search: String,
    pub pager: Pager,
    pub edit_url: Option<String>,
    pub add_url: Option<String>,
    pub remove_url: Option<String>,
    pub delete_url: Option<String>,
}

#[derive(Template)]
#[template(path = "organizations/team_form.html")]
pub struct TeamFormPage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub name: Field,
    pub description: Field,
    pub role: Field,
    pub options: Vec<RoleOption>,
    pub action_url: String,
    pub button: &'static str,
    pub back_url: String,
    pub members: i64,
}

/// The roles that a team can have: all but the owner's, and none.
pub fn for_teams(options: Vec<RoleOption>, chosen: &str) -> Vec<RoleOption> {
    let none = RoleOption {
        word: String::new(),
        name: "No role".to_owned(),
        words: "Its members may do what they may do without it.".to_owned(),
        chosen: chosen.is_empty(),
    };
    let others = options.into_iter().filter(|option| option.word != Role::Owner.as_str());
    std::iter::once(none).chain(others).collect()
}

#[derive(Template)]
#[template(path = "organizations/team_add.html")]
pub struct TeamAddPage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    /// Id, whether it is ticked, and who.
    pub rows: Vec<(String, bool, MemberRow)>,
    pub team_name: String,
    pub team_url: String,
    pub user: Field,
    pub sees_members: bool,
    pub action_url: String,
    pub search: String,
    pub pager: Pager,
}
