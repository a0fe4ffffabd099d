//! The calls that services and tools make.

use base64::Engine as _;
use keystead::auth::SecretKind;
use serde_json::{Value, json};

use crate::support::{ADMIN, Engine, Request, Response, TestApp, on_both, read_issued, unknown_secret};

struct Made {
    app: TestApp,
    ada: crate::support::Browser,
    verifier: String,
    id: String,
    secret: String,
}

/// An instance with a verifier and a token for updating channels and for client 7.
fn made(engine: Engine) -> Made {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let form = ada.token_form("bot", &["channels:update"]).smuggle("scope", "clients:read:7");
    let (id, secret) = read_issued(&ada.submit(&form).expect(200));
    Made { app, ada, verifier, id, secret }
}

#[track_caller]
fn refused(response: &Response, status: u16, code: Option<&str>) {
    let challenge = match code {
        Some(code) => format!("Bearer realm=\"keystead\", error=\"{code}\""),
        None => "Bearer realm=\"keystead\"".to_owned(),
    };
    assert_eq!((response.status, response.header("www-authenticate")), (status, Some(challenge.as_str())));
    assert_eq!(response.header("content-type"), Some("application/problem+json; charset=utf-8"));
    let body = response.json();
    assert_eq!((body["status"].as_u64(), body["error"].as_str()), (Some(u64::from(status)), code));
    assert_eq!(body["request_id"].as_str(), response.header("x-request-id"));
}

/// Every answer of `/api/v1/verify`, member by member.
/// Covers: S3-8, S3-18, AC-065, AC-022
fn verify_answers_in_this_shape(engine: Engine) {
    let Made { app, verifier, id, secret, .. } = made(engine);
    let (user, organization) = (app.user_id(ADMIN), app.private_organization(ADMIN));
    let known = |valid: bool, code: &str| {
        json!({
            "valid": valid, "code": code, "token_id": id, "name": "bot", "kind": "pat", "user_id": user,
            "organization_id": organization, "expires_at": "2027-02-20T00:06:00Z",
        })
    };
    let asked = |members: Value| {
        let mut question = json!({ "token": secret });
        question.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let response = app.ask(&verifier, &question);
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    };
    assert_eq!(asked(json!({})), known(true, "VALID"));
    let wish = |kind: &str, operation: &str| json!({ "entity_type": kind, "operation": operation });
    assert_eq!(asked(wish("channels", "update")), known(true, "VALID"));
    assert_eq!(asked(wish("channels", "list")), known(true, "VALID"), "implied");
    let mut one = wish("clients", "read");
    for (entity, valid) in [("7", true), ("77", false), ("", false)] {
        one["entity"] = json!(entity);
        assert_eq!(asked(one.clone())["valid"], valid, "{entity}");
    }
    let mut insufficient = known(false, "INSUFFICIENT_PERMISSIONS");
    for (kind, operation) in [("channels", "delete"), ("clients", "read")] {
        insufficient["required_scope"] = json!(format!("{kind}:{operation}"));
        assert_eq!(asked(wish(kind, operation)), insufficient, "{kind}:{operation}");
    }
    // What the catalogue does not have is the service's slip, not the token's.
    for (kind, operation) in [("boats", "read"), ("channels", "sail"), ("", ""), ("Channels", "read")] {
        let mut question = wish(kind, operation);
        question["token"] = json!(secret);
        let answer = app.ask(&verifier, &question);
        assert_eq!(answer.status, 400, "{kind}:{operation}");
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        let which = if kind == "channels" { "operation" } else { "entity_type" };
        assert_eq!(detail, format!("The catalogue has no such {which}."));
    }
    let not_found = json!({ "valid": false, "code": "NOT_FOUND" });
    for token in [unknown_secret(SecretKind::Personal), "x".to_owned(), String::new(), verifier.clone()] {
        assert_eq!(app.verify(&verifier, &token), not_found, "{token}");
    }
    app.sql("UPDATE users SET status = 'suspended'");
    assert_eq!(asked(json!({})), known(false, "DISABLED"));
    refused(&app.token_self(&secret), 401, Some("invalid_token"));
    assert_eq!(app.introspect(&verifier, &secret), json!({ "active": false }));
    app.sql("UPDATE users SET status = 'active'");
    app.advance(90 * 86_400);
    assert_eq!(asked(json!({})), known(false, "EXPIRED"));
}

/// In the organization that the service names, by id or by name; somebody else's is none.
/// Covers: AC-069, S1-7
fn rights_are_those_in_the_organization_asked_about(engine: Engine) {
    let Made { app, mut ada, verifier, secret, .. } = made(engine);
    let mine = app.private_organization(ADMIN);
    app.make_user("bob@example.com");
    let foreign = app.private_organization("bob@example.com");
    let user = app.user_id(ADMIN);
    app.sql(&format!(
        "INSERT INTO organizations (id, kind, slug, name, created_at) \
         VALUES ('01shared', 'shared', 'acme', 'Acme', 0); \
         INSERT INTO members (organization_id, user_id, role, created_at) VALUES ('01shared', '{user}', 'viewer', 0)"
    ));
    let ask = |token: &str, organization: &str, operation: &str| {
        let question =
            json!({ "token": token, "organization": organization, "entity_type": "channels", "operation": operation });
        let answer = app.ask(&verifier, &question).json();
        (answer["code"].as_str().unwrap().to_owned(), answer["organization_id"].as_str().map(str::to_owned))
    };
    let valid = |id: &str| ("VALID".to_owned(), Some(id.to_owned()));
    let short = |id: Option<&str>| ("INSUFFICIENT_PERMISSIONS".to_owned(), id.map(str::to_owned));
    assert_eq!(ask(&secret, &mine, "update"), valid(&mine));
    assert_eq!(ask(&secret, &format!("private-{mine}"), "update"), valid(&mine));
    for acme in ["01shared", "acme"] {
        assert_eq!(ask(&secret, acme, "read"), valid("01shared"));
        assert_eq!(ask(&secret, acme, "update"), short(Some("01shared")), "a viewer may not");
    }
    for none in [foreign.as_str(), &format!("private-{foreign}"), "nowhere", "", "ACME"] {
        assert_eq!(ask(&secret, none, "read"), short(None), "{none}");
    }
    // "Everything" is what its owner may do there, at this moment.
    let form = ada.token_form("all", &[]).set("access", "everything");
    let (_, all) = read_issued(&ada.submit(&form).expect(200));
    assert_eq!(ask(&all, &mine, "delete"), valid(&mine));
    assert_eq!(ask(&all, "acme", "delete"), short(Some("01shared")));
    app.sql("UPDATE members SET role = 'admin' WHERE organization_id = '01shared'");
    assert_eq!(ask(&all, "acme", "delete"), valid("01shared"));
    app.sql("DELETE FROM members WHERE organization_id = '01shared'");
    assert_eq!(ask(&all, "acme", "read"), short(None));
    // A token for one organization is none elsewhere.
    app.sql(&format!(
        "INSERT INTO members (organization_id, user_id, role, created_at) VALUES ('01shared', '{user}', 'owner', 0)"
    ));
    app.sql("UPDATE tokens SET organization_id = '01shared' WHERE name = 'all'");
    assert_eq!(ask(&all, "acme", "delete"), valid("01shared"));
    assert_eq!(ask(&all, &mine, "delete"), short(None));
    assert_eq!(app.verify(&verifier, &all)["organization_id"], "01shared");
}

/// Covers: AC-068
fn introspection_answers_as_the_standard_says(engine: Engine) {
    let Made { app, verifier, id, secret, .. } = made(engine);
    let now = app.now().unix();
    assert_eq!(
        app.introspect(&verifier, &secret),
        json!({
            "active": true,
            "scope": "channels:list channels:read channels:update clients:list:7 clients:read:7",
            "sub": app.user_id(ADMIN),
            "username": ADMIN,
            "token_type": "Bearer",
            "iat": now,
            "exp": now + 90 * 86_400,
            "iss": "http://127.0.0.1:8080",
            "jti": id,
            "org": app.private_organization(ADMIN),
        })
    );
    for token in [unknown_secret(SecretKind::Personal), "x".to_owned(), verifier.clone()] {
        assert_eq!(app.introspect(&verifier, &token), json!({ "active": false }));
    }
    // A hint is allowed and not needed; the token is.
    let with = |pairs: &[(&str, &str)]| app.send(&Request::post("/oauth2/introspect").bearer(&verifier).form(pairs));
    assert_eq!(with(&[("token", &secret), ("token_type_hint", "access_token")]).json()["active"], true);
    for bad in [vec![], vec![("token", "")], vec![("token", secret.as_str()), ("token", "x")]] {
        assert_eq!(with(&bad).status, 400, "{bad:?}");
    }
    // Clients that only know HTTP Basic; the user name says nothing.
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("billing:{verifier}"));
    let request = Request::post("/oauth2/introspect").header("Authorization", &format!("Basic {basic}"));
    assert_eq!(app.send(&request.form(&[("token", &secret)])).json()["active"], true);
    app.sql("UPDATE token_secrets SET expires_at = NULL");
    assert_eq!(app.introspect(&verifier, &secret).get("exp"), None);
}

fn a_token_learns_about_itself(engine: Engine) {
    let Made { app, id, secret, .. } = made(engine);
    let answer = app.token_self(&secret);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "id": id,
            "kind": "pat",
            "name": "bot",
            "token": format!("kst_pat_…{}", &secret[40..]),
            "user": { "id": app.user_id(ADMIN), "email": ADMIN },
            "organization_id": null,
            "everything": false,
            "scopes": ["channels:list", "channels:read", "channels:update", "clients:list:7", "clients:read:7"],
            "created_at": "2026-11-22T00:06:00Z",
            "expires_at": "2027-02-20T00:06:00Z",
        })
    );
}

/// Who checks must prove who they are; a token is no verifier, and a verifier is no token.
/// Covers: AC-066, AC-068, AC-072
fn bearer_credentials_are_read_as_the_standard_says(engine: Engine) {
    let Made { app, ada, verifier, secret, .. } = made(engine);
    let mut flipped = secret.clone();
    flipped.replace_range(20..21, if &secret[20..21] == "a" { "b" } else { "a" });
    let unknown = |kind| unknown_secret(kind);
    for (path, right, foreign, kind) in [
        ("/api/v1/verify", &verifier, &secret, SecretKind::Verifier),
        ("/oauth2/introspect", &verifier, &secret, SecretKind::Verifier),
        ("/api/v1/tokens/self", &secret, &verifier, SecretKind::Personal),
    ] {
        let request = || match path {
            "/api/v1/verify" => Request::post(path).json(&json!({ "token": secret })),
            "/oauth2/introspect" => Request::post(path).form(&[("token", &secret)]),
            _ => Request::get(path),
        };
        let with = |value: &str| app.send(&request().header("Authorization", value));
        assert_eq!(with(&format!("Bearer {right}")).status, 200);
        assert_eq!(with(&format!("bEARER   {right}")).status, 200, "the scheme has no case");
        refused(&app.send(&request()), 401, None);
        let whole = format!("Bearer {right}");
        for malformed in ["", "Bearer", "Bearer ", right.as_str(), &format!("{whole} x"), "Token x", "Digest x"] {
            refused(&with(malformed), 400, Some("invalid_request"));
        }
        let twice = request().header("Authorization", &whole).header("Authorization", &whole);
        refused(&app.send(&twice), 400, Some("invalid_request"));
        let raw = format!(
            "{} {path} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: 0\r\nAuthorization: Bearer ",
            request().method
        );
        let mut connection = app.connect();
        connection.write(&[raw.as_bytes(), b"\xff\xfe\r\n\r\n"].concat()).unwrap();
        refused(&connection.read("POST").unwrap(), 400, Some("invalid_request"));
        let similar = [
            unknown(kind),
            flipped.clone(),
            foreign.clone(),
            format!("{right}x"),
            right[1..].to_owned(),
            right.to_uppercase(),
        ];
        for invalid in similar.iter().map(String::as_str).chain(["x", "kst_pat_", "kst_ver_", "null", "%00"]) {
            refused(&with(&format!("Bearer {invalid}")), 401, Some("invalid_token"));
        }
        refused(&with(&format!("Bearer {}", "x".repeat(20_000))), 401, Some("invalid_token"));
        refused(&with("Basic !!!"), 401, Some("invalid_token"));
        // Nowhere but in the header: not in the address, the body, a cookie; and a session is no credential.
        let elsewhere = Request { target: format!("{path}?access_token={right}"), ..request() };
        refused(
            &app.send(
                &elsewhere.header("Cookie", &format!("keystead_session={}; access_token={right}", ada.session())),
            ),
            401,
            None,
        );
    }
}

fn questions_that_cannot_be_read_are_refused(engine: Engine) {
    let Made { app, verifier, secret, .. } = made(engine);
    let ask = |body: &[u8]| {
        app.send(&Request::post("/api/v1/verify").bearer(&verifier).body("application/json", body.to_vec()))
    };
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for bad in [
        "",
        "null",
        "[]",
        "{}",
        "{\"token\":5}",
        "{\"token\":null}",
        "token=x",
        &format!("{{\"token\":\"{secret}\",\"admin\":true}}"),
        &format!("{{\"token\":\"{secret}\",\"token\":\"x\"}}"),
        &format!("{{\"token\":\"{secret}\",\"entity_type\":\"channels\"}}"),
        &format!("{{\"token\":\"{secret}\",\"operation\":\"read\"}}"),
        &format!("{{\"token\":\"{secret}\",\"entity\":\"7\"}}"),
        &format!("{{\"token\":\"{secret}\",\"organization\":null}}"),
        &format!("{{\"token\":\"{secret}\",\"entity_type\":null,\"operation\":null}}"),
        &format!("{{\"token\":\"{secret}\",\"entity_type\":\"channels\",\"operation\":\"read\",\"entity\":null}}"),
        &format!("{{\"token\":\"{secret}\"}} x"),
        &format!("{{\"token\":\"{secret}\",\"client_agent\":{deep}}}"),
        &deep,
    ] {
        let answer = ask(bad.as_bytes());
        assert_eq!(answer.status, 400, "{bad:.80}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json; charset=utf-8"));
        assert!(!answer.text().contains(&secret));
    }
    assert_eq!(ask(b"{\"token\":\"\xff\"}").status, 400);
    // What is not a token costs nothing, whatever is in it.
    for odd in ["\\u0000", "\\ud83d\\ude00", &"x".repeat(60_000)] {
        let answer = ask(format!("{{\"token\":\"{odd}\"}}").as_bytes());
        assert_eq!((answer.status, answer.json()["code"].as_str()), (200, Some("NOT_FOUND")));
    }
    // In what is passed on, nothing breaks a row; PostgreSQL takes no NUL.
    let odd = json!({ "token": secret, "client_address": "\0'\"", "client_agent": "a\0b\r\nc".repeat(200) });
    assert_eq!(app.ask(&verifier, &odd).json()["code"], "VALID");
    app.flush();
    let nul = json!({ "token": secret, "organization": "\0", "entity_type": "channels\0", "operation": "read" });
    assert_eq!(app.ask(&verifier, &nul).status, 400);
}

/// Covers: AC-068
fn a_deleted_verifier_is_refused_at_once(engine: Engine) {
    let Made { app, mut ada, verifier, secret, .. } = made(engine);
    let other = ada.make_verifier("other");
    app.verify(&verifier, &secret);
    let path = ada.open("/admin/verifiers").links().into_iter().find(|link| link.ends_with("/delete")).unwrap();
    let form = ada.open(&path).form(&path);
    ada.submit(&form).expect_lead("/admin/verifiers");
    refused(&app.ask(&verifier, &json!({ "token": secret })), 401, Some("invalid_token"));
    let form = Request::post("/oauth2/introspect").bearer(&verifier).form(&[("token", &secret)]);
    refused(&app.send(&form), 401, Some("invalid_token"));
    assert_eq!(app.verify(&other, &secret)["code"], "VALID");
    // Uses that were gathered for it in memory are no trouble.
    app.flush();
}

/// Health needs no host, no credential and no session.
fn health_says_whether_work_can_be_done(engine: Engine) {
    let app = TestApp::start(engine);
    for path in ["/healthz", "/readyz"] {
        let answer = app.send(&Request::get(path).header("Host", "10.0.0.7:8080"));
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok\n"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

on_both!(
    verify_answers_in_this_shape,
    rights_are_those_in_the_organization_asked_about,
    introspection_answers_as_the_standard_says,
    a_token_learns_about_itself,
    bearer_credentials_are_read_as_the_standard_says,
    questions_that_cannot_be_read_are_refused,
    a_deleted_verifier_is_refused_at_once,
    health_says_whether_work_can_be_done,
);
