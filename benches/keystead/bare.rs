//! What the server is measured against: actix-web alone, in a process of its own, with as many workers.
//!
//! `/a` answers with JSON of the size of a verdict; `/f` renders the page of fifty tokens, with the product's own
//! template, from memory. Neither knows of a database, a session, a header or a limit.

use std::net::SocketAddr;

use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, web};
use askama::Template;
use keystead::avatars::Face;
use keystead::clock::{DAY, Timestamp};
use keystead::ids::TokenId;
use keystead::urls;
use keystead::web::page::ShellUser;
use keystead::web::{Badge, Moment, Shell, filters};

/// The fields that `templates/tokens/list.html` prints.
#[derive(Template)]
#[template(path = "tokens/list.html")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    view: View,
    limit: i64,
    total: Option<usize>,
    may_create: bool,
}

struct View {
    q: &'static str,
    status: &'static str,
    sort: &'static str,
    filters: Vec<Link>,
    heads: Vec<Link>,
    before: Option<String>,
    after: Option<String>,
}

struct Link {
    label: &'static str,
    url: String,
    current: bool,
    sorted: &'static str,
}

struct Row {
    id: String,
    name: String,
    description: String,
    masked: String,
    status: Badge,
    rights: &'static str,
    place: &'static str,
    created: Moment,
    expires: Option<Moment>,
    soon: bool,
    last_used: Option<Moment>,
    last_used_from: &'static str,
    url: String,
    edit_url: String,
    regenerate_url: String,
    revoke_url: String,
    delete_url: String,
    live: bool,
}

impl Page {
    fn of_fifty() -> Self {
        let now = Timestamp::from_unix(1_800_000_000);
        let link = |label| Link {
            label,
            url: format!("{}?sort=name", urls::settings_tokens()),
            current: label == "All",
            sorted: "",
        };
        let row = |number: usize| {
            let id = TokenId::new();
            Row {
                id: id.to_string(),
                name: crate::stock::name(number),
                description: crate::stock::DESCRIPTION.to_owned(),
                masked: "kst_pat_…a1B2".to_owned(),
                status: Badge { kind: "good", word: "Active" },
                rights: "Channels: read, list, update · Groups: read",
                place: "All of mine",
                created: Moment::new(now.plus(-100 * DAY), now),
                expires: Some(Moment::new(now.plus(200 * DAY), now)),
                soon: false,
                last_used: Some(Moment::new(now.plus(3600), now)),
                last_used_from: "",
                url: urls::settings_token(&id),
                edit_url: urls::settings_token_edit(&id),
                regenerate_url: urls::settings_token_regenerate(&id),
                revoke_url: urls::settings_token_revoke(&id),
                delete_url: urls::settings_token_delete(&id),
                live: true,
            }
        };
        Self {
            shell: Shell {
                title: "Personal access tokens".to_owned(),
                user: Some(ShellUser {
                    name: "Bench Person".to_owned(),
                    email: crate::stock::email(0),
                    face: Face::of("Bench Person", None),
                    is_administrator: false,
                    organization: "Private".to_owned(),
                    organization_picture: None,
                    organizations: Vec::new(),
                    token_ends_soon: false,
                }),
                csrf: "0".repeat(64),
                nonce_form: "0".repeat(26),
                current: "tokens",
                ..Shell::for_stranger("Keystead", "")
            },
            rows: (0..50).map(row).collect(),
            view: View {
                q: "",
                status: "all",
                sort: "-created",
                filters: ["All", "Active", "Expires soon", "Expired", "Revoked"].map(link).into(),
                heads: ["Token", "Created", "Expires", "Last used"].map(link).into(),
                before: None,
                after: None,
            },
            limit: 10_000,
            total: Some(50),
            may_create: true,
        }
    }
}

/// Serves until it is killed.
pub fn serve(address: SocketAddr, length: usize) -> anyhow::Result<()> {
    let page = web::Data::new(Page::of_fifty());
    let json = format!("{{\"valid\":true,\"padding\":\"{}\"}}", "x".repeat(length.saturating_sub(27)));
    let server = HttpServer::new(move || {
        let json = json.clone();
        App::new()
            .app_data(page.clone())
            .route(
                "/a",
                web::get().to(move || {
                    std::future::ready(HttpResponse::Ok().content_type(ContentType::json()).body(json.clone()))
                }),
            )
            .route("/f", web::get().to(fifty))
    });
    actix_web::rt::System::new().block_on(server.workers(crate::WORKERS).disable_signals().bind(address)?.run())?;
    Ok(())
}

async fn fifty(page: web::Data<Page>) -> HttpResponse {
    match page.render() {
        Ok(text) => HttpResponse::Ok().content_type(ContentType::html()).body(text),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}
