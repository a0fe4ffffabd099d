//! What the server is measured against: actix-web alone, in a process of its own, with as many workers.
//!
//! `/a` answers with JSON of the size of a verdict; `/f` renders the page of fifty tokens, with the product's own
//! template, from memory. Neither knows of a database, a session, a header or a limit.

use std::net::SocketAddr;

use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, web};
use askama::Template;
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
    limit: usize,
    may_create: bool,
}

struct Row {
    name: String,
    description: String,
    masked: String,
    status: Badge,
    created: Moment,
    expires: Option<Moment>,
    last_used: Option<Moment>,
    url: String,
    revoke_url: String,
    delete_url: String,
    live: bool,
}

impl Page {
    fn of_fifty() -> Self {
        let now = Timestamp::from_unix(1_800_000_000);
        let row = |number: usize| {
            let id = TokenId::new();
            Row {
                name: crate::stock::name(number),
                description: crate::stock::DESCRIPTION.to_owned(),
                masked: "kst_pat_…a1B2".to_owned(),
                status: Badge { kind: "good", word: "Active" },
                created: Moment::new(now.plus(-100 * DAY), now),
                expires: Some(Moment::new(now.plus(200 * DAY), now)),
                last_used: Some(Moment::new(now.plus(3600), now)),
                url: urls::settings_token(&id),
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
                    initials: "BP".to_owned(),
                    is_administrator: false,
                    organization: "Private".to_owned(),
                }),
                csrf: "0".repeat(64),
                nonce_form: "0".repeat(26),
                current: "tokens",
                ..Shell::for_stranger("Keystead", "")
            },
            rows: (0..50).map(row).collect(),
            limit: 10_000,
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
