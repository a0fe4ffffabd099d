//! `/settings/tokens` and below.

mod create;
mod end;
mod list;
mod one;
mod regenerate;
mod token;

pub(crate) use create::file_of;
pub use create::{FileForm, create, file, new};
pub use end::{
    ask_delete, ask_delete_all, ask_revoke, ask_revoke_selected, delete, delete_all, end_old, revoke, revoke_selected,
};
pub use list::list;
pub use regenerate::{ask_regenerate, regenerate};
pub use token::{ask_clear_scopes, clear_scopes, detail, edit, remove_scope, update};

use actix_web::web;

use super::policy::ExpiryProblem;
use super::queries::{self, Place, Token};
use super::service::{Refused, is_taken};
use crate::app::Instance;
use crate::auth::SignedIn;
use crate::error::{Error, Result};
use crate::ids::{TokenId, is_ulid};
use crate::text;
use crate::web::Problems;

/// One of the asker's tokens, and the organizations that it can be for.
async fn own(instance: &Instance, who: &SignedIn, id: &TokenId) -> Result<(Token, Vec<Place>)> {
    let (who, id) = (who.clone(), id.clone());
    let reading = instance.db.read(move |connection| {
        let token = queries::find(connection, who.owner(), &id)?;
        let bound = token.record.organization_id.is_some();
        let places = if bound { queries::places(connection, who.owner().user_id())? } else { Vec::new() };
        Ok((token, places))
    });
    reading.await
}

/// The one-time name of a form that makes a secret.
pub(crate) fn has_name(form_id: &str) -> Result<()> {
    if is_ulid(form_id) { Ok(()) } else { Err(Error::BadRequest("the form has no id")) }
}

/// What is wrong with a form, and with its name if that is taken: all is told at once.
async fn and_name(
    instance: &Instance,
    who: &SignedIn,
    id: Option<&TokenId>,
    name: &str,
    problems: Problems,
) -> Result<Problems> {
    let (who, id, name, now) = (who.clone(), id.cloned(), text::tidy(name), instance.clock.now());
    let taken = instance.db.read(move |connection| is_taken(connection, who.owner(), id.as_ref(), &name, now));
    Ok(if taken.await? { problems.and(explain(&Refused::NameTaken)) } else { problems })
}

/// What was refused, at its field.
pub(crate) fn explain(why: &Refused) -> Problems {
    let mut problems = Problems::none();
    match why {
        Refused::TooMany(most) => problems.add(
            "name",
            format!(
                "You have no room for another: one person may have {most} token{} here. Delete one first.",
                if *most == 1 { "" } else { "s" }
            ),
        ),
        Refused::TooManyThere(most) => problems.add(
            "organization",
            format!(
                "You have no room for another: one person may have {most} token{} for this organization. Delete one first.",
                if *most == 1 { "" } else { "s" }
            ),
        ),
        // The form was checked; so the rules became stricter while it was on its way.
        Refused::TooLong(most) => problems.add("expiry", ExpiryProblem::Days { max: *most }.to_string()),
        Refused::NameTaken => problems.add(
            "name",
            "You have an active token with this name. Choose another one, so that you can tell them apart.",
        ),
        Refused::Beyond(scopes) => problems.add(
            "scope",
            format!("You may not do this yourself in that organization: {}. Leave it out", scopes.join(", ")),
        ),
        Refused::TooManyRights(most) => problems.add(
            "scope",
            format!("A token can have {most} rights, with all that they bring with them. Leave some out, or take all of a kind"),
        ),
        Refused::License(full) => problems.add("name", full.to_string()),
        Refused::NoMember => {
            problems.add("organization", "You are no member of that organization any more; choose another");
        }
    }
    problems
}

type Id = web::Path<TokenId>;
