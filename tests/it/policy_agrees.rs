//! What a token's status is, said twice: in Rust and in SQL. The same cases through both.

use diesel::prelude::*;
use keystead::clock::Timestamp;
use keystead::db::schema::token_secrets;
use keystead::tokens::{Status, active_at, policy};

use crate::support::{ADMIN, Engine, NOW, TestApp, on_both};

/// Covers: S0-16, AC-060
fn sql_and_rust_agree_on_what_is_active(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let user = app.user_id(ADMIN);
    let ends = [None, Some(0), Some(-1), Some(1), Some(i64::MIN / 2), Some(253_402_300_799 - NOW.unix())];
    let revocations = [None, Some(0), Some(-1), Some(1)];
    let mut cases = Vec::new();
    for end in ends {
        for revoked in revocations {
            let id = format!("case{}", cases.len());
            let sql =
                |moment: Option<i64>| moment.map_or("NULL".to_owned(), |offset| NOW.plus(offset).unix().to_string());
            app.sql(&format!(
                "INSERT INTO tokens (id, kind, user_id, name, description, everything, scopes, created_at) \
                 VALUES ('{id}', 'pat', '{user}', '{id}', '', FALSE, '', 0); \
                 INSERT INTO token_secrets \
                 (id, token_id, hash, last_four, is_current, created_at, expires_at, revoked_at) \
                 VALUES ('{id}', '{id}', {hash}, 'abcd', TRUE, 0, {}, {})",
                sql(end),
                sql(revoked),
                hash = match engine {
                    Engine::Sqlite => format!("CAST('{id}' AS BLOB)"),
                    Engine::Postgres => format!("'{id}'::bytea"),
                },
            ));
            cases.push((id, end.map(|offset| NOW.plus(offset)), revoked.map(|offset| NOW.plus(offset))));
        }
    }
    let mut active = 0;
    for moment in [-2, -1, 0, 1, 2, 86_400].map(|offset| NOW.plus(offset)) {
        for (id, end, revoked) in &cases {
            let by_rust = policy::status(*end, *revoked, moment) == Status::Active;
            assert_eq!(by_sql(&app, id, moment), by_rust, "{end:?} {revoked:?} at {moment:?}");
            active += usize::from(by_rust);
        }
    }
    assert!(active > 10 && active < cases.len() * 6 - 10, "both answers occur");
}

fn by_sql(app: &TestApp, id: &str, now: Timestamp) -> bool {
    app.read(|connection| {
        let this = token_secrets::table.filter(token_secrets::id.eq(id)).filter(active_at(now));
        Ok(this.count().get_result::<i64>(connection)? == 1)
    })
}

on_both!(sql_and_rust_agree_on_what_is_active);
