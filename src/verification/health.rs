//! Health: is the process alive, and can it do its work?

use std::sync::atomic::{AtomicI64, Ordering};

use actix_web::{HttpResponse, web};

use crate::app::Instance;
use crate::auth::throttle;
use crate::error::Result;

/// `GET /healthz`: the process answers. No database, no waiting.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "text/plain; charset=utf-8")).body("ok\n")
}

/// `GET /readyz`: the database takes writes. Asked of it at most once a second.
///
/// # Errors
/// 503 when it does not.
pub async fn ready(instance: web::Data<Instance>) -> Result<HttpResponse> {
    static SINCE: AtomicI64 = AtomicI64::new(0);
    let now = instance.clock.now();
    if SINCE.load(Ordering::Relaxed) != now.unix() {
        instance.db.write(move |tx| throttle::probe(tx, now)).await?;
        SINCE.store(now.unix(), Ordering::Relaxed);
    }
    Ok(alive().await)
}
