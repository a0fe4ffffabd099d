//! The list.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::one::{self, Said};
use crate::app::Instance;
use crate::auth::SignedIn;
use crate::error::Result;
use crate::tokens::list::{Slice, page, wanted};
use crate::tokens::policy::{TokenPolicy, may_create};
use crate::tokens::queries::{self, Place, Token};
use crate::tokens::views::{ListPage, ListView, rows};
use crate::web::{Visitor, html};

/// One token at a time has a page of its own, unless somebody has more from before.
enum Found {
    One(Option<Box<Token>>, TokenPolicy),
    Many(Slice, Vec<Place>, TokenPolicy),
}

/// `GET /settings/tokens`; search, filter, order and page stand in the address.
///
/// # Errors
/// [`crate::error::Error::BadRequest`] when the address can't be read.
pub async fn list(who: SignedIn, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let wanted = wanted(visitor.request().query_string())?;
    let (now, config, asked) = (instance.clock.now(), instance.config.tokens.clone(), wanted.clone());
    let reading = instance.db.read(move |connection| {
        let policy = queries::policy(connection, &config)?;
        if policy.is_single() && queries::count(connection, who.owner())? <= 1 {
            let one = queries::newest(connection, who.owner())?;
            return Ok(Found::One(one.map(Box::new), policy));
        }
        let slice = page(connection, who.owner(), &asked, now)?;
        let bound = slice.tokens.iter().any(|token| token.record.organization_id.is_some());
        let places = if bound { queries::places(connection, who.owner().user_id())? } else { Vec::new() };
        Ok(Found::Many(slice, places, policy))
    });
    let (slice, places, policy) = match reading.await? {
        Found::One(token, policy) => return one::page(&visitor, &instance, &policy, token.as_deref(), Said::default()),
        Found::Many(slice, places, policy) => (slice, places, policy),
    };
    let view = ListView::of(&wanted, &slice);
    // Where the page shows them all, they are counted by it; counting ten thousand costs more than the page.
    let total = (!view.narrowed && slice.after.is_none()).then_some(slice.tokens.len());
    let has_room = |total| may_create(i64::try_from(total).unwrap_or(i64::MAX), &policy);
    let page = ListPage {
        shell: visitor.shell("Personal access tokens", "tokens"),
        rows: rows(&slice, &places, &instance.config, now),
        limit: policy.max_per_user,
        may_create: total.is_none_or(has_room),
        total,
        view,
    };
    html(StatusCode::OK, &page)
}
