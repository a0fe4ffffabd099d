//! Tokens in JSON: each verb, and what it refuses.

use serde_json::{Value, json};

use super::{refused, wrong_at};
use crate::support::{ADMIN, Browser, Engine, Request, Response, TestApp, at_once, on_both};

const TOKENS: &str = "/api/v1/tokens";

fn at(id: &str, below: &str) -> String {
    format!("{TOKENS}/{id}{below}")
}

/// Makes a token; what the answer tells of it.
#[track_caller]
fn made(ada: &mut Browser, body: &Value) -> Value {
    let answer = ada.call("POST", TOKENS, body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// The body of a token that is as it should be, with something else in it.
fn with(name: &str, value: Value) -> Value {
    let mut body = json!({ "name": "bot", "expires": 30, "scopes": ["channels:read"] });
    body[name] = value;
    body
}

/// Covers: S0-13, S3-5, S3-12, AC-052, AC-109
fn a_token_is_made_as_on_the_page(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let body = json!({ "name": " deploy bot ", "description": "for the build", "expires": 30, "scopes": ["channels:update", "groups:list:42"] });
    let answer = ada.call("POST", TOKENS, &body);
    assert_eq!((answer.status, answer.header("cache-control")), (201, Some("no-store")));
    let token = answer.json();
    let (id, secret) = (text(&token, "id"), text(&token, "secret"));
    assert_eq!(answer.location(), at(id, ""));
    assert_eq!(
        token,
        json!({
            "id": id, "kind": "pat", "name": "deploy bot", "description": "for the build",
            "token": format!("kst_pat_…{}", &secret[secret.len() - 4..]), "status": "active", "expires_soon": false,
            "organization_id": null, "everything": false,
            "scopes": ["channels:list", "channels:read", "channels:update", "groups:list:42"], "may_rotate": false,
            "created_at": "2026-11-22T00:06:00Z", "issued_at": "2026-11-22T00:06:00Z",
            "expires_at": "2026-12-22T00:06:00Z", "revoked_at": null, "last_used": null, "secret": secret,
        })
    );
    assert_eq!(app.verify(&verifier, secret)["code"], "VALID");
    let entry = app.last_logged();
    assert_eq!(
        (entry.action.as_str(), entry.subject_id.as_str(), entry.user_id),
        ("token.created", id, Some(app.user_id(ADMIN)))
    );
    let mail = app.mails().pop().unwrap();
    assert_eq!(
        (mail.recipient.as_str(), mail.subject.as_str()),
        (ADMIN, "Keystead: a personal access token was created")
    );
    // Nowhere else, and on the pages it is the same token.
    let whole = ada.call("GET", at(id, "").as_str(), &Value::Null);
    let list = ada.call("GET", TOKENS, &Value::Null);
    for told in [&whole, &list] {
        assert!(told.status == 200 && !told.text().contains(&secret[8..]), "{}", told.text());
    }
    assert!(!app.dump().contains(&secret[8..]));
    let mut known = token.clone();
    known.as_object_mut().unwrap().remove("secret");
    assert_eq!(list.json(), json!({ "items": [known], "next": null, "previous": null }));
    let whole = whole.json();
    assert_eq!((&whole["old_secret"], &whole["addresses"]), (&Value::Null, &json!([])));
    assert_eq!(
        (text(&whole["history"][0], "action"), text(&whole["history"][0], "at")),
        ("token.created", "2026-11-22T00:06:00Z")
    );
    assert_eq!(ada.open(&format!("/settings/tokens/{id}")).one("h1"), "deploy bot");
    // All that one may do, for one organization, as its slug or its id.
    ada.make_organization("acme");
    let acme = app.organization_id("acme");
    for (index, place) in ["acme", acme.as_str()].into_iter().enumerate() {
        let body = json!({ "name": format!("all {index}"), "expires": "2027-03-01", "everything": true, "organization": place, "may_rotate": true });
        let token = made(&mut ada, &body);
        assert_eq!(
            (&token["everything"], &token["scopes"], &token["may_rotate"]),
            (&json!(true), &json!([]), &json!(true))
        );
        assert_eq!(
            (text(&token, "organization_id"), text(&token, "expires_at")),
            (acme.as_str(), "2027-03-01T23:59:59Z")
        );
    }
    assert_eq!(app.count("tokens WHERE may_rotate AND everything"), 2);
}

/// Covers: AC-060, S0-13
fn an_expiry_holds_to_the_bounds(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let before = app.dump();
    for bad in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1_000_000_000),
        json!(9_223_372_036_854_775_808_u64),
        json!(i64::MIN),
        json!(366),
        json!(1e3),
        json!(""),
        json!("  "),
        json!("never"),
        json!("NEVER"),
        json!("90"),
        json!("90d"),
        json!("2026-11-21"),
        json!("1970-01-01"),
        json!("2027-11-23"),
        json!("9999-12-31"),
        json!("2027-02-29"),
        json!("2027-02-20T00:00:00Z"),
        json!("2027-02-20T00:00:00+14:00"),
        json!("20.2.2027"),
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!([90]),
        json!("٣٠"),
    ] {
        let answer = ada.call("POST", TOKENS, &with("expires", bad.clone()));
        assert_eq!(wrong_at(&answer), ["#/expires"], "{bad}");
    }
    let missing = json!({ "name": "bot", "scopes": ["channels:read"] });
    assert_eq!(wrong_at(&ada.call("POST", TOKENS, &missing)), ["#/expires"]);
    // Too large for any number.
    let huge = br#"{"name":"bot","scopes":["channels:read"],"expires":1e999}"#.to_vec();
    let request = ada.request_to("POST", TOKENS).body("application/json", huge);
    refused(&ada.send(request), 400, "unreadable");
    app.is_still(&before);
    for (good, end) in [
        (json!(1), "2026-11-23T00:06:00Z"),
        (json!(365), "2027-11-22T00:06:00Z"),
        (json!("2026-11-22"), "2026-11-22T23:59:59Z"),
        (json!("2027-11-22"), "2027-11-22T00:06:00Z"),
    ] {
        let mut body = with("expires", good.clone());
        body["name"] = json!(good.to_string());
        assert_eq!(text(&made(&mut ada, &body), "expires_at"), end);
    }
    // Where the rules have it, and only then.
    let app = TestApp::with(engine, |config| config.tokens.allow_never = true);
    let mut ada = app.set_up();
    assert_eq!(made(&mut ada, &with("expires", json!("never")))["expires_at"], Value::Null);
    assert_eq!(wrong_at(&ada.call("POST", TOKENS, &with("expires", json!("Never")))), ["#/expires"]);
}

/// Covers: AC-056, AC-010, AC-104, AC-008
fn what_cannot_be_is_refused_at_its_place(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut bob = app.other("bob@example.com");
    bob.make_organization("acme");
    let before = app.dump();
    let many = |count: usize| -> Value { (0..count).map(|index| json!(format!("channels:read:{index}"))).collect() };
    for (name, value, pointers) in [
        ("name", json!(""), vec!["#/name"]),
        ("name", json!("  "), vec!["#/name"]),
        ("name", json!("x".repeat(101)), vec!["#/name"]),
        ("name", json!("a\u{202e}b"), vec!["#/name"]),
        ("name", json!("a\u{0}b"), vec!["#"]),
        ("name", json!(5), vec!["#/name"]),
        ("name", json!(null), vec!["#/name"]),
        ("name", json!(["bot"]), vec!["#/name"]),
        ("description", json!("x".repeat(301)), vec!["#/description"]),
        ("description", json!("a\nb"), vec!["#/description"]),
        ("description", json!(null), vec!["#/description"]),
        ("organization", json!("nobody"), vec!["#/organization"]),
        ("organization", json!("acme"), vec!["#/organization"]),
        ("organization", json!(app.organization_id("acme")), vec!["#/organization"]),
        ("organization", json!(""), vec!["#/organization"]),
        ("organization", json!("all"), vec!["#/organization"]),
        ("organization", json!("a\u{0}"), vec!["#"]),
        ("organization", json!(null), vec!["#/organization"]),
        ("scopes", json!([]), vec!["#/scopes"]),
        ("scopes", json!("channels:read"), vec!["#/scopes"]),
        ("scopes", json!(null), vec!["#/scopes"]),
        ("scopes", json!(["channels:read", 5]), vec!["#/scopes/1"]),
        (
            "scopes",
            json!(["*", "channels:read", "org:admin", "channels:fly", "channels:read:a b"]),
            vec!["#/scopes/0", "#/scopes/2", "#/scopes/3", "#/scopes/4"],
        ),
        ("scopes", json!(["channels:read", "channels:read"]), vec!["#/scopes/1"]),
        ("scopes", json!(["channels:read\u{0}"]), vec!["#"]),
        ("scopes", many(501), vec!["#/scopes"]),
        ("everything", json!(true), vec!["#/scopes"]),
        ("everything", json!("true"), vec!["#/everything"]),
        ("may_rotate", json!(1), vec!["#/may_rotate"]),
        ("id", json!("01jd0000000000000000000000"), vec!["#/id"]),
        ("user_id", json!(app.user_id("bob@example.com")), vec!["#/user_id"]),
        ("is_administrator", json!(true), vec!["#/is_administrator"]),
    ] {
        let answer = ada.call("POST", TOKENS, &with(name, value.clone()));
        assert_eq!(wrong_at(&answer), pointers, "{name}: {value}");
    }
    // In the words of a program, not of the form.
    for (name, value, words) in [
        ("scopes", json!([]), "Give at least one scope, or “everything”."),
        ("expires", json!("30"), "Give a number of days without quotes, a date such as “2027-03-01”, or “never”."),
    ] {
        let told = refused(&ada.call("POST", TOKENS, &with(name, value)), 422, "invalid-input");
        assert_eq!(told["errors"][0]["detail"], words);
    }
    // All of it at once.
    let all =
        json!({ "name": "", "description": "a\nb", "expires": 0, "organization": "nobody", "scopes": ["boats:sail"] });
    let mut pointers = wrong_at(&ada.call("POST", TOKENS, &all));
    pointers.sort();
    assert_eq!(pointers, ["#/description", "#/expires", "#/name", "#/organization", "#/scopes/0"]);
    // Twenty are enough.
    let unknown: Value = (0..400).map(|index| json!(format!("boats:sail:{index}"))).collect();
    assert_eq!(wrong_at(&ada.call("POST", TOKENS, &with("scopes", unknown))).len(), 20);

    let mut send = |body: &[u8]| {
        let request = ada.request_to("POST", TOKENS).body("application/json", body.to_vec());
        ada.send(request)
    };
    let twice = send(br#"{"name":"a","name":"b","expires":7,"scopes":["channels:read"]}"#);
    assert!(wrong_at(&twice).len() == 1 && twice.text().contains("uplicate"), "{}", twice.text());
    for body in ["", "{", "{\"name\":\"a\",}", "{'name':'a'}", "{\"name\":\"\\ud800\"}", "{} x"] {
        assert_eq!(send(body.as_bytes()).status, 400, "{body:?}");
    }
    assert_eq!(send(b"{\"name\":\"\xff\xfe\"}").status, 400);
    for body in ["[]", "[\"bot\",\"\",7]", "5", "null", "\"x\"", "nul", "\u{feff}{}"] {
        assert_eq!(send(body.as_bytes()).status, 422, "{body}");
    }
    for deep in [
        format!("{{\"expires\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000)),
        "[".repeat(30_000),
        "{\"a\":".repeat(5000),
    ] {
        let answer = send(deep.as_bytes());
        assert!(matches!(answer.status, 400 | 422), "{}", answer.status);
    }
    for large in [json!({ "name": "x".repeat(1 << 20) }), with("scopes", many(10_000))] {
        assert_eq!(send(large.to_string().as_bytes()).status, 413);
    }
    app.is_still(&before);
}

/// Covers: AC-056, AC-061
fn nobody_gives_more_than_they_have(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut erin = app.member("acme", "erin@example.com", keystead::catalogue::Role::Viewer);
    let body = json!({ "name": "bot", "expires": 7, "organization": "acme", "scopes": ["channels:delete"] });
    let before = app.dump_but(&["attempts"]);
    let answer = erin.call("POST", TOKENS, &body);
    assert_eq!(wrong_at(&answer), ["#/scopes"]);
    assert!(answer.text().contains("channels:delete"), "{}", answer.text());
    app.is_still_but(&["attempts"], &before);
    let token =
        made(&mut erin, &json!({ "name": "bot", "expires": 7, "organization": "acme", "scopes": ["channels:read"] }));
    let id = text(&token, "id");
    for (method, path, body) in [
        ("POST", at(id, "/scopes"), json!({ "scopes": ["channels:delete"] })),
        ("PATCH", at(id, ""), json!({ "scopes": ["channels:read", "channels:delete"] })),
    ] {
        assert_eq!(wrong_at(&erin.call(method, &path, &body)), ["#/scopes"]);
    }
    assert_eq!(app.count("tokens WHERE scopes = 'channels:list channels:read'"), 1);
    // Nor by way of everything.
    assert_eq!(erin.call("PATCH", &at(id, ""), &json!({ "everything": true })).status, 200);
    assert_eq!(wrong_at(&erin.call("PATCH", &at(id, ""), &json!({ "scopes": ["channels:delete"] }))), ["#/scopes"]);
    assert_eq!(erin.call("PATCH", &at(id, ""), &json!({ "scopes": ["channels:read"] })).status, 200);
}

/// Covers: FC-44
fn one_call_makes_one_token(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let csrf = ada.form_token();
    let body = json!({ "name": "bot", "expires": 7, "scopes": ["channels:read"] });
    let send = |mut browser: Browser, path: &str, body: &Value, key: &str| {
        let request = Request::post(path).header("X-CSRF-Token", &csrf).header("Idempotency-Key", key);
        browser.send(request.json(body))
    };
    let mut answers = at_once(8, |_| send(ada.clone(), TOKENS, &body, "deploy-1"));
    answers.sort_by_key(|answer| std::cmp::Reverse(answer.status));
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [201, 200, 200, 200, 200, 200, 200, 200]);
    let (first, again) = (answers[0].json(), answers[1].json());
    assert_eq!((first["id"].clone(), again.get("secret")), (again["id"].clone(), None), "no second secret");
    assert_eq!(app.count("tokens"), 1);
    let id = text(&first, "id").to_owned();
    // With another body it is a slip.
    let other = json!({ "name": "other", "expires": 7, "scopes": ["channels:delete"] });
    refused(&send(ada.clone(), TOKENS, &other, "deploy-1"), 422, "idempotency-key");
    assert_eq!(app.count("tokens"), 1);
    // The same name for something else is another call; so is somebody else's.
    let renewed = json!({ "expires": 7 });
    let one = send(ada.clone(), &at(&id, "/regenerate"), &renewed, "deploy-1").json();
    let two = send(ada.clone(), &at(&id, "/regenerate"), &renewed, "\"deploy-1\"").json();
    assert!(one["secret"].is_string() && two.get("secret").is_none() && one["token"] == two["token"]);
    assert_eq!(app.count("token_secrets"), 2);
    let mut bob = app.other("bob@example.com");
    let his = bob.request_to("POST", TOKENS).header("Idempotency-Key", "deploy-1").json(&body);
    assert_eq!(bob.send(his).status, 201);
    // What it made is gone: it does not come back by itself.
    assert_eq!(ada.call("DELETE", &at(&id, ""), &Value::Null).status, 204);
    refused(&send(ada.clone(), TOKENS, &body, "deploy-1"), 409, "conflict");
    assert_eq!(app.count("tokens"), 1);
    // Without a name of its own each call is another.
    for name in ["a", "b"] {
        made(&mut ada, &json!({ "name": name, "expires": 7, "scopes": ["channels:read"] }));
    }
    for odd in ["", "a b", "é", &"x".repeat(201), "\"\""] {
        refused(&send(ada.clone(), TOKENS, &with("name", json!("odd")), odd), 400, "idempotency-key");
    }
    let twice = Request::post(TOKENS).header("X-CSRF-Token", &csrf).header("Idempotency-Key", "a");
    refused(&ada.send(twice.header("Idempotency-Key", "b").json(&body)), 400, "idempotency-key");
}

fn names(answer: &Response) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["items"].as_array().unwrap().iter().map(|item| text(item, "name").to_owned()).collect()
}

fn the_list_is_searched_filtered_sorted_and_turned(engine: Engine) {
    let app = TestApp::with(engine, |config| config.tokens.max_per_user = 500);
    let mut ada = app.set_up();
    let user = app.user_id(ADMIN);
    for index in 0..120 {
        let (id, now) = (format!("01jd00000000000000000{index:05}"), app.now().unix());
        app.sql(&format!(
            "INSERT INTO tokens (id, kind, user_id, name, name_key, description, everything, scopes, created_at) \
             VALUES ('{id}', 'pat', '{user}', 'bot {index:03}', 'bot {index:03}', '', FALSE, 'channels:read', {now})"
        ));
        app.sql(&format!(
            "INSERT INTO token_secrets (id, token_id, holder, hash, last_four, is_current, created_at, expires_at) \
             VALUES ('{id}', '{id}', '{user}', '{id}', 'abcd', TRUE, {now}, {})",
            now + 86_400 * (index + 1)
        ));
    }
    app.sql("UPDATE token_secrets SET revoked_at = 5 WHERE id = '01jd0000000000000000000007'");
    let mut get = |path: &str| ada.call("GET", path, &Value::Null);
    // All pages there and back, by the links alone.
    let (mut path, mut forward) = (format!("{TOKENS}?sort=name&q=BOT"), Vec::new());
    let last = loop {
        let answer = get(&path);
        forward.extend(names(&answer));
        match answer.json()["next"].as_str() {
            Some(next) => next.clone_into(&mut path),
            None => break answer.json(),
        }
    };
    let all: Vec<String> = (0..120).map(|index| format!("bot {index:03}")).collect();
    assert_eq!(forward, all);
    let before = get(text(&last, "previous"));
    assert_eq!(names(&before), all[50..100]);
    assert_eq!(names(&get(text(&before.json(), "previous"))), all[..50]);
    assert_eq!(names(&get(&format!("{TOKENS}?q=bot+11&sort=-name"))).first().unwrap(), "bot 119");
    assert_eq!(names(&get(&format!("{TOKENS}?status=revoked"))), ["bot 007"]);
    assert_eq!(names(&get(&format!("{TOKENS}?status=expired"))), Vec::<String>::new());
    assert_eq!(names(&get(&format!("{TOKENS}?sort=expires"))).first().unwrap(), "bot 000");
    for odd in ["status=odd", "sort=odd", "page=2", "after=x&before=y", "q=a&q=b", "sort=used&after=x~y"] {
        assert_eq!(get(&format!("{TOKENS}?{odd}")).status, 400, "{odd}");
    }
    let told = refused(&get(&format!("{TOKENS}?search=bot")), 400, "unreadable");
    assert_eq!(told["detail"], "There is no parameter “search” here; there are q, status, sort, after and before.");
}

/// Covers: S3-14, S3-15, S3-16
fn a_token_is_changed_member_by_member(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let token = made(&mut ada, &with("description", json!("first")));
    let (id, secret) = (text(&token, "id").to_owned(), text(&token, "secret").to_owned());
    let mut change = |body: Value| {
        let answer = ada.call("PATCH", &at(&id, ""), &body);
        assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        answer.json()
    };
    let mails = app.mails().len();
    assert_eq!(text(&change(json!({ "name": "renamed" })), "description"), "first");
    let told = change(json!({ "description": "" }));
    assert_eq!((text(&told, "name"), text(&told, "description")), ("renamed", ""));
    assert_eq!(app.last_logged().detail, "description");
    assert_eq!(change(json!({}))["scopes"], json!(["channels:list", "channels:read"]));
    assert_eq!(change(json!({ "scopes": ["groups:read"] }))["scopes"], json!(["groups:list", "groups:read"]));
    assert_eq!(app.last_logged().detail, "+ groups:list groups:read − channels:list channels:read");
    assert_eq!(change(json!({ "everything": true }))["everything"], true);
    assert_eq!(change(json!({ "everything": true, "scopes": [] }))["everything"], true);
    let told = change(json!({ "everything": false, "scopes": ["channels:read"] }));
    assert_eq!((&told["everything"], &told["scopes"]), (&json!(false), &json!(["channels:list", "channels:read"])));
    assert_eq!(change(json!({ "may_rotate": true }))["may_rotate"], true);
    assert_eq!(app.last_logged().detail, "may renew itself");
    assert_eq!(change(json!({ "may_rotate": false }))["may_rotate"], false);
    assert_eq!(change(json!({ "scopes": [] }))["scopes"], json!([]));
    // Whenever it could do more than before, its owner was told.
    assert_eq!(app.mails().len() - mails, 3);
    assert_eq!(app.token_self(&secret).status, 200, "the secret stays");
    let before = app.dump();
    for (body, pointer) in [
        (json!({ "name": null }), "#/name"),
        (json!({ "name": "" }), "#/name"),
        (json!({ "scopes": null }), "#/scopes"),
        (json!({ "scopes": ["boats:sail"] }), "#/scopes/0"),
        (json!({ "scopes": ["channels:read"], "everything": true }), "#/scopes"),
        (json!({ "everything": false }), "#/scopes"),
        (json!({ "everything": null }), "#/everything"),
        (json!({ "expires": 7 }), "#/expires"),
        (json!({ "secret": "x" }), "#/secret"),
    ] {
        assert_eq!(wrong_at(&ada.call("PATCH", &at(&id, ""), &body)), [pointer], "{body}");
    }
    app.is_still(&before);
    made(&mut ada, &with("name", json!("other")));
    let told = refused(&ada.call("PATCH", &at(&id, ""), &json!({ "name": "other" })), 409, "conflict");
    assert_eq!(told["errors"][0]["pointer"], "#/name");
    refused(&ada.call("POST", TOKENS, &with("name", json!("other"))), 409, "conflict");
}

/// Covers: S3-10, S3-11
fn scopes_come_and_go(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let token = made(&mut ada, &with("scopes", json!(["channels:list"])));
    let id = text(&token, "id").to_owned();
    let mut scopes = |method: &str, below: &str, body: Value| {
        let answer = ada.call(method, &at(&id, below), &body);
        assert_eq!(answer.status, 200, "{method} {below}: {}", answer.text());
        let told = answer.json()["scopes"].clone();
        told.as_array().unwrap().iter().map(|scope| scope.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let more = json!({ "scopes": ["channels:update", "groups:list:a/b?c#d%"] });
    assert_eq!(
        scopes("POST", "/scopes", more.clone()),
        "channels:list channels:read channels:update groups:list:a/b?c#d%"
    );
    assert_eq!(scopes("POST", "/scopes", more), "channels:list channels:read channels:update groups:list:a/b?c#d%");
    assert_eq!(
        scopes("DELETE", "/scopes/groups%3Alist%3Aa%2Fb%3Fc%23d%25", Value::Null),
        "channels:list channels:read channels:update"
    );
    // With what would bring it back.
    assert_eq!(scopes("DELETE", "/scopes/channels:read", Value::Null), "channels:list");
    assert_eq!(scopes("DELETE", "/scopes", Value::Null), "");
    assert_eq!(scopes("DELETE", "/scopes", Value::Null), "", "again");
    let before = app.dump();
    for gone in ["channels:read", "channels", "*"] {
        refused(&ada.call("DELETE", &at(&id, &format!("/scopes/{gone}")), &Value::Null), 404, "about:blank");
    }
    assert_eq!(wrong_at(&ada.call("POST", &at(&id, "/scopes"), &json!({ "scopes": [] }))), ["#/scopes"]);
    assert_eq!(
        wrong_at(&ada.call("POST", &at(&id, "/scopes"), &json!({ "scopes": ["a", "channels:read", "channels:read"] }))),
        ["#/scopes/0", "#/scopes/2"]
    );
    app.is_still(&before);
    // A call can't add for ever to what each check and page has to read.
    let many = |from: usize| json!({ "scopes": (from..from + 480).map(|id| format!("channels:delete:{id}")).collect::<Vec<_>>() });
    assert_eq!(ada.call("POST", &at(&id, "/scopes"), &many(0)).status, 200);
    let before = app.dump_but(&["attempts"]);
    assert_eq!(wrong_at(&ada.call("POST", &at(&id, "/scopes"), &many(1000))), ["#/scopes"]);
    app.is_still_but(&["attempts"], &before);
    assert!(ada.open("/settings/tokens").text().contains(" · 468 more"), "the list names the first few");
    assert_eq!(ada.open(&format!("/settings/tokens/{id}")).texts(".scopes-table tbody tr").len(), 1920, "its page all");
}

/// Covers: S0-21, S3-17, S3-20, S3-25, AC-058
fn secrets_are_ended_and_made_anew(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let code = |secret: &str| text(&app.verify(&verifier, secret), "code").to_owned();
    let token = made(&mut ada, &with("expires", json!(30)));
    let (id, first) = (text(&token, "id").to_owned(), text(&token, "secret").to_owned());
    for (body, pointer) in [
        (json!({}), "#/expires"),
        (json!({ "expires": 0 }), "#/expires"),
        (json!({ "expires": "never" }), "#/expires"),
        (json!({ "expires": 7, "old_secret": "1y" }), "#/old_secret"),
        (json!({ "expires": 7, "old_secret": "" }), "#/old_secret"),
        (json!({ "expires": 7, "old_secret": null }), "#/old_secret"),
        (json!({ "expires": 7, "old": "now" }), "#/old"),
    ] {
        assert_eq!(wrong_at(&ada.call("POST", &at(&id, "/regenerate"), &body)), [pointer], "{body}");
    }
    assert_eq!((code(&first).as_str(), app.count("token_secrets")), ("VALID", 1));
    let answer = ada.call("POST", &at(&id, "/regenerate"), &json!({ "expires": 60, "old_secret": "24h" }));
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let renewed = answer.json();
    let second = text(&renewed, "secret").to_owned();
    assert_eq!((text(&renewed, "id"), text(&renewed, "expires_at")), (id.as_str(), "2027-01-21T00:06:00Z"));
    assert_eq!((code(&first).as_str(), code(&second).as_str()), ("VALID", "VALID"));
    app.flush();
    let whole = ada.call("GET", &at(&id, ""), &Value::Null).json();
    assert_eq!(
        (&whole["old_secret"]["uses"], text(&whole["old_secret"], "expires_at")),
        (&json!(1), "2026-11-23T00:06:00Z")
    );
    for _ in 0..2 {
        assert_eq!(ada.call("DELETE", &at(&id, "/old-secret"), &Value::Null).status, 204);
        assert_eq!((code(&first).as_str(), code(&second).as_str()), ("SUPERSEDED", "VALID"));
    }
    // Nothing said: the old one ends at once.
    let third = text(&ada.call("POST", &at(&id, "/regenerate"), &json!({ "expires": 7 })).json(), "secret").to_owned();
    assert_eq!((code(&second).as_str(), code(&third).as_str()), ("SUPERSEDED", "VALID"));
    for _ in 0..2 {
        let told = ada.call("POST", &at(&id, "/revoke"), &Value::Null).json();
        assert_eq!((text(&told, "status"), text(&told, "revoked_at")), ("revoked", "2026-11-22T00:06:00Z"));
        assert_eq!(code(&third), "REVOKED");
    }
    assert_eq!(app.logged("token.revoked"), 1);
    assert_eq!(ada.call("DELETE", &at(&id, ""), &Value::Null).status, 204);
    refused(&ada.call("DELETE", &at(&id, ""), &Value::Null), 404, "about:blank");
    assert_eq!((code(&third).as_str(), app.count("tokens")), ("NOT_FOUND", 0));
    // A name that another live token has by now.
    let old = made(&mut ada, &with("name", json!("twin")));
    let old = text(&old, "id").to_owned();
    ada.call("POST", &at(&old, "/revoke"), &Value::Null);
    made(&mut ada, &with("name", json!("twin")));
    refused(&ada.call("POST", &at(&old, "/regenerate"), &json!({ "expires": 7 })), 409, "conflict");
}

/// Covers: AC-059, AC-011
fn limits_are_those_of_the_pages(engine: Engine) {
    let app = TestApp::with(engine, |config| config.tokens.max_per_user = 1);
    let mut ada = app.set_up();
    let csrf = ada.form_token();
    let answers = at_once(16, |index| {
        let body = with("name", json!(format!("bot {index}")));
        ada.clone().send(Request::post(TOKENS).header("X-CSRF-Token", &csrf).json(&body)).status
    });
    assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| matches!(status, 201 | 409)), "{answers:?}");
    let told = refused(&ada.call("POST", TOKENS, &with("name", json!("more"))), 409, "conflict");
    assert!(
        text(&told, "detail").starts_with("You have no room for another: one person may have 1 token here."),
        "{told}"
    );
    assert_eq!(app.count("tokens"), 1);
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    for index in 0..30 {
        made(&mut ada, &with("name", json!(format!("bot {index}"))));
    }
    let answer = ada.call("POST", TOKENS, &with("name", json!("more")));
    refused(&answer, 429, "too-often");
    assert_eq!((answer.header("retry-after"), app.count("tokens")), (Some("600"), 30));
}

on_both!(
    a_token_is_made_as_on_the_page,
    an_expiry_holds_to_the_bounds,
    what_cannot_be_is_refused_at_its_place,
    nobody_gives_more_than_they_have,
    one_call_makes_one_token,
    the_list_is_searched_filtered_sorted_and_turned,
    a_token_is_changed_member_by_member,
    scopes_come_and_go,
    secrets_are_ended_and_made_anew,
    limits_are_those_of_the_pages,
);
