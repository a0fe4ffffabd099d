//! A new token, and its file.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::one::{self, Said};
use super::{Id, and_name, explain, has_name, own};
use crate::app::Instance;
use crate::auth::secret::present;
use crate::auth::{Confirmed, SignedIn};
use crate::error::{Error, Result};
use crate::ids::OrganizationId;
use crate::organizations::license::{self, Full};
use crate::tokens::forms::NewTokenForm;
use crate::tokens::policy::{TokenPolicy, may_create};
use crate::tokens::queries::{self, Place, Token};
use crate::tokens::service::{self, Created, Refused};
use crate::tokens::views::{
    ExpiryView, Home, IssuedPage, NewTokenPage, PlaceChoice, Rights, Ticked, TokenDetail, TokenFile, file_name,
};
use crate::urls;
use crate::web::form::{ConfirmedPost, NO_FIELD};
use crate::web::{Notice, Posted, Problems, Visitor, errors, html, see_other};

/// What the form stands on: the rules, the organizations, and how many tokens there are.
struct Ground {
    policy: TokenPolicy,
    places: Vec<Place>,
    /// Those of the places whose license has no room for another token.
    full: Vec<(OrganizationId, Full)>,
    count: i64,
    /// Where there is one token at a time: that one.
    one: Option<Token>,
}

impl Ground {
    /// Whether the page of one token at a time takes the place of the long form.
    fn is_single(&self) -> bool {
        self.policy.is_single() && self.count <= 1
    }
}

async fn ground(instance: &Instance, who: &SignedIn) -> Result<Ground> {
    let (who, config, now) = (who.clone(), instance.config.tokens.clone(), instance.clock.now());
    let reading = instance.db.read(move |connection| {
        let policy = queries::policy(connection, &config)?;
        let places = queries::places(connection, who.owner().user_id())?;
        let ids: Vec<&OrganizationId> = places.iter().map(|place| &place.id).collect();
        Ok(Ground {
            full: license::full_of_tokens(connection, &ids, now)?,
            one: if policy.is_single() { queries::newest(connection, who.owner())? } else { None },
            places,
            count: queries::count(connection, who.owner())?,
            policy,
        })
    });
    reading.await
}

/// "You have 300 tokens; one person may have 50 here. Delete 251 of them, then come back."
fn full(have: i64, most: i64) -> String {
    let tokens = if have == 1 { "token" } else { "tokens" };
    let delete = match have - most + 1 {
        1 if have == 1 => "it".to_owned(),
        those => format!("{those} of them"),
    };
    format!("You have {have} {tokens}; one person may have {most} here. Delete {delete}, then come back.")
}

fn form_page(
    visitor: &Visitor,
    instance: &Instance,
    status: StatusCode,
    form: &NewTokenForm,
    problems: &Problems,
    ground: &Ground,
) -> Result<HttpResponse> {
    if ground.is_single() {
        let problems = problems.only(&["expiry", NO_FIELD]);
        // The one that was in the way may be gone by now; it is a refusal all the same.
        let refused = status != StatusCode::OK && (ground.one.is_some() || problems.is_empty());
        let problems = if refused { Problems::none() } else { problems };
        let said = Said { expiry: &form.expiry, problems, refused, ..Said::default() };
        return one::page(visitor, instance, &ground.policy, ground.one.as_ref(), said);
    }
    let now = visitor.now();
    let or = |typed: &str, otherwise: &str| if typed.is_empty() { otherwise.to_owned() } else { typed.to_owned() };
    let (policy, catalogue) = (&ground.policy, &instance.config.catalogue);
    // An address names an organization by its slug or its id.
    let place = ground.places.iter().find(|place| place.id.as_str() == form.organization);
    let organization = place.map_or(form.organization.as_str(), |place| &place.slug);
    let ticked = Ticked {
        scope: &form.scope,
        entity: &form.entity,
        entity_type: &form.entity_type,
        entity_id: &form.entity_id,
        added: &form.more,
    };
    let page = NewTokenPage {
        shell: visitor.shell("Create a personal access token", "tokens"),
        errors: problems.list(),
        full: (!may_create(ground.count, policy)).then(|| full(ground.count, policy.max_per_user)),
        name: problems.field("name", &form.name),
        description: problems.field("description", &form.description),
        expiry: ExpiryView::new(&form.expiry, &form.date, problems, policy, now),
        organization: problems.field("organization", &or(organization, "all")),
        places: PlaceChoice::all(&ground.places, &ground.full),
        exceptions: PlaceChoice::exceptions(&ground.places),
        rights: Rights::new(catalogue, problems.field("access", &or(&form.access, "selected")), &ticked, problems),
        may_rotate: form.may_rotate == "yes",
    };
    html(status, &page)
}

/// `GET /settings/tokens/new`; what stands in the address fills the form in, and what of it can't be is said at its field.
///
/// # Errors
/// [`Error::BadRequest`] when the address can't be read.
pub async fn new(who: Confirmed, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let form = NewTokenForm::of_address(visitor.request().query_string())?;
    let ground = ground(&instance, &who).await?;
    let checked = form.check(visitor.now(), &ground.policy, &ground.places, &instance.config.catalogue);
    let problems = checked.err().unwrap_or_default().only(&form.given());
    form_page(&visitor, &instance, StatusCode::OK, &form, &problems, &ground)
}

/// `POST /settings/tokens/new`. The secret is in the answer and nowhere else; a reload of it shows the token without.
///
/// # Errors
/// When the database refuses.
pub async fn create(
    visitor: Visitor,
    instance: web::Data<Instance>,
    posted: ConfirmedPost<NewTokenForm>,
) -> Result<HttpResponse> {
    let ConfirmedPost { who, mut form } = posted;
    has_name(&form.form_id)?;
    let (ground, catalogue, now) = (ground(&instance, &who).await?, &instance.config.catalogue, instance.clock.now());
    let refuse = |form: &NewTokenForm, problems: &Problems| {
        form_page(&visitor, &instance, StatusCode::UNPROCESSABLE_ENTITY, form, problems, &ground)
    };
    if !form.more.is_empty() {
        let problems = form.add_row(catalogue);
        return if problems.is_empty() {
            form_page(&visitor, &instance, StatusCode::OK, &form, &problems, &ground)
        } else {
            refuse(&form, &problems)
        };
    }
    let new = match form.check(now, &ground.policy, &ground.places, catalogue) {
        Ok(new) => new,
        Err(problems) => return refuse(&form, &and_name(&instance, &who, None, &form.name, problems).await?),
    };
    let made = match service::create(&instance, &who, &form.form_id, new).await {
        Ok(made) => made,
        Err(error) => return errors::too_often(error, async |problems| refuse(&form, problems)).await,
    };
    match made {
        Created::Now(id, secret) => {
            let (token, places) = own(&instance, &who, &id).await?;
            if ground.is_single() {
                let said = Said { secret: Some(secret), ..Said::default() };
                return one::page(&visitor, &instance, &ground.policy, Some(&token), said);
            }
            let page = IssuedPage {
                shell: visitor.shell(&token.record.name, "tokens"),
                home: Home::Personal,
                token: TokenDetail::of(&token, &places, &instance.config, now),
                secret,
                self_url: instance.config.absolute(&urls::api_self()),
                again: false,
                old_until: None,
            };
            html(StatusCode::OK, &page)
        }
        Created::Before(made) => {
            let (place, notice) = match made {
                Some(_) if ground.is_single() => (urls::settings_tokens(), Notice::TokenAlreadyCreated),
                Some(id) => (urls::settings_token(&id), Notice::TokenAlreadyCreated),
                None => (urls::settings_tokens(), Notice::TokenFormUsed),
            };
            let mut response = see_other(&place);
            notice.send(&mut response, instance.config.is_https());
            Ok(response)
        }
        // Made full by another request meanwhile: the page says so in place of the form.
        Created::Refused(why @ Refused::TooMany(most)) => {
            let ground = Ground { count: most, ..self::ground(&instance, &who).await? };
            form_page(&visitor, &instance, StatusCode::UNPROCESSABLE_ENTITY, &form, &explain(&why), &ground)
        }
        Created::Refused(why) => refuse(&form, &explain(&why)),
    }
}

/// What the page of a new token sends back to get it as a file.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct FileForm {
    secret: Zeroizing<String>,
}

/// `POST /settings/tokens/{id}/file`: the page that shows the secret sends it back, in the body, and gets it as a file;
/// so nothing keeps the secret in between, no address holds it, and no script is needed.
///
/// # Errors
/// [`Error::NotFound`] when the token is not theirs or this is not its secret.
pub async fn file(
    who: SignedIn,
    instance: web::Data<Instance>,
    id: Id,
    Posted(form): Posted<FileForm>,
) -> Result<HttpResponse> {
    let (token, _) = own(&instance, &who, &id).await?;
    file_of(&instance, &token, &form).await
}

/// The file of a token whose secret this is.
pub(crate) async fn file_of(instance: &Instance, token: &Token, form: &FileForm) -> Result<HttpResponse> {
    let hash = present(&instance.config.tokens.brand, &form.secret).ok_or(Error::NotFound)?.hash;
    let id = token.record.id.clone();
    if !instance.db.read(move |connection| queries::has_secret(connection, &id, hash)).await? {
        return Err(Error::NotFound);
    }
    let mut json = Zeroizing::new(
        serde_json::to_string_pretty(&TokenFile::of(token, &form.secret, instance))
            .map_err(|error| Error::Internal(error.to_string()))?,
    );
    json.push('\n');
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json; charset=utf-8"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file_name(token))))
        .body(json.as_str().to_owned()))
}
