//! A service account's token as a caller. Which calls it opens, `tests/it/organizations/matrix.rs` asks of all of them.

use keystead::catalogue::Role;
use serde_json::{Value, json};

use super::{at, refused, wrong_at};
use crate::support::{ADMIN, Engine, Request, Response, TestApp, on_both};

fn call(app: &TestApp, secret: &str, method: &str, path: &str, body: &Value) -> Response {
    let request = Request::new(method, path).header("Authorization", &format!("Bearer {secret}"));
    let request = request.header("User-Agent", "robot/1");
    app.send(&if body.is_null() { request } else { request.json(body) })
}

/// Covers: S1-8, S1-31, AC-079, AC-077
fn it_manages_members_within_what_it_has(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    for (email, role) in
        [("erin@example.com", Role::Viewer), ("hugo@example.com", Role::Member), ("adam@example.com", Role::Admin)]
    {
        app.member("acme", email, role);
    }
    let account = ada.make_service_account("acme", "robot", "admin");
    let (token, secret) = ada.create_service_token("acme", &account, "all", &[]);
    let member = |email: &str| at(&format!("/members/{}", app.user_id(email)));
    let ask = |method: &str, path: &str, body: &Value| call(&app, &secret, method, path, body);
    let mails = app.mails().len();
    let told = ask("PATCH", &member("erin@example.com"), &json!({ "role": "member" }));
    assert_eq!((told.status, told.json()["role"].as_str()), (200, Some("member")), "{}", told.text());
    // It stands in the log by its name, and in the mail.
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.actor_id.as_str()), ("member.role_changed", account.as_str()));
    let log = ada.call("GET", &at("/logs?who=robot"), &Value::Null).json();
    assert_eq!(
        (log["items"][0]["actor"]["kind"].as_str(), log["items"][0]["actor"]["name"].as_str()),
        (Some("service_account"), Some("robot"))
    );
    assert!(ada.open("/organizations/acme/logs").text().contains("robot"));
    let mail = app.mails().pop().unwrap();
    assert_eq!((app.mails().len(), mail.recipient.as_str()), (mails + 1, "erin@example.com"));
    assert!(mail.text.contains("The service account robot"), "{}", mail.text);
    // Where it runs, and with what, is not the member's business.
    let mut erin = app.browser();
    erin.sign_in("erin@example.com", crate::support::PASSWORD);
    let log = erin.open("/settings/logs").text();
    assert!(log.contains("A service account") && !log.contains("robot/1"), "{log}");
    // No more than it has: no role above its own, no owner.
    let before = app.dump_but(&["attempts"]);
    refused(&ask("PATCH", &member("erin@example.com"), &json!({ "role": "owner" })), 403, "about:blank");
    refused(&ask("PATCH", &member(ADMIN), &json!({ "role": "viewer" })), 403, "about:blank");
    refused(&ask("DELETE", &member(ADMIN), &Value::Null), 403, "about:blank");
    assert_eq!(wrong_at(&ask("PATCH", &member("erin@example.com"), &json!({ "role": "nobody" }))), ["#/role"]);
    // What is a person's, and what makes secrets, is not for tokens.
    for (method, path, body) in [
        ("DELETE", at(""), Value::Null),
        ("POST", at("/hand-over"), json!({ "email": "adam@example.com" })),
        ("POST", at("/leave"), Value::Null),
        ("POST", at("/target"), json!({ "is_target": true })),
        ("GET", at("/api-keys"), Value::Null),
        ("POST", at("/api-keys"), json!({ "description": "x", "everything": true })),
        (
            "POST",
            at(&format!("/service-accounts/{account}/tokens")),
            json!({ "name": "x", "expires": 7, "everything": true }),
        ),
        ("POST", at(&format!("/service-accounts/{account}/tokens/{token}/regenerate")), json!({ "expires": 7 })),
        ("GET", "/api/v1/organizations".to_owned(), Value::Null),
        ("GET", "/api/v1/tokens".to_owned(), Value::Null),
    ] {
        refused(&ask(method, &path, &body), 403, "not-for-tokens");
    }
    app.is_still_but(&["attempts"], &before);
    // Invitations come from it, as far as it may give at that moment.
    let invited = ask("POST", &at("/invitations"), &json!({ "email": "bob@example.com", "role": "admin" }));
    assert_eq!((invited.status, invited.json()["invited_by"].as_str()), (201, Some("robot")), "{}", invited.text());
    assert_eq!((&invited.json()["role"], &invited.json()["role_name"]), (&json!("admin"), &json!("Admin")));
    assert!(app.mails().pop().unwrap().text.contains("The service account robot"));
    app.sql(&format!("UPDATE service_accounts SET role = 'viewer' WHERE id = '{account}'"));
    let mut bob = app.other("bob@example.com");
    let link = app.mailed_link("bob@example.com");
    let page = bob.open(&link);
    assert!(page.text().contains("robot") && page.text().contains("Viewer"), "{}", page.text());
    let mails = app.mails().len();
    bob.submit(&page.form(&link)).expect(303);
    assert_eq!((app.role_of("acme", "bob@example.com").as_deref(), app.mails().len()), (Some("viewer"), mails));
    app.sql(&format!("UPDATE service_accounts SET role = 'admin' WHERE id = '{account}'"));
    assert_eq!(ask("DELETE", &member("bob@example.com"), &Value::Null).status, 204);
    // A disabled account's invitation opens nothing.
    ask("POST", &at("/invitations"), &json!({ "email": "bob@example.com", "role": "viewer" }));
    let link = app.mailed_link("bob@example.com");
    app.sql(&format!("UPDATE service_accounts SET is_enabled = FALSE WHERE id = '{account}'"));
    bob.get(&link).expect(404);
    let told = ada.call("GET", &at("/invitations"), &Value::Null).json();
    assert_eq!(told["items"][0]["status"], "inviter_left", "{told}");
    app.sql(&format!("UPDATE service_accounts SET is_enabled = TRUE WHERE id = '{account}'"));
    bob.get(&link).expect(200);
    // Teams, and the license holds for it, too.
    let team = ask("POST", &at("/teams"), &json!({ "name": "Deploy", "role": "member" }));
    assert_eq!(team.status, 201, "{}", team.text());
    app.sql(&format!(
        "INSERT INTO licenses (organization_id, plan, members, teams, changed_at) VALUES ('{}', 'Small', 1, 1, 0)",
        app.organization_id("acme")
    ));
    refused(&ask("POST", &at("/teams"), &json!({ "name": "More" })), 409, "conflict");
    refused(
        &ask("POST", &at("/invitations"), &json!({ "email": "eve@example.com", "role": "viewer" })),
        409,
        "conflict",
    );
    // A second factor is for people.
    app.sql("UPDATE organizations SET requires_second_factor = TRUE WHERE slug = 'acme'");
    assert_eq!(ask("GET", &at("/members"), &Value::Null).status, 200);
    // Its calls are uses of the token.
    app.flush();
    assert_eq!(app.count("token_secrets WHERE last_used_agent = 'robot/1'"), 1);
    // It may end itself.
    assert_eq!(ask("DELETE", &at(&format!("/service-accounts/{account}")), &Value::Null).status, 204);
    refused(&ask("GET", &at("/members"), &Value::Null), 401, "about:blank");
}

/// Whoever revokes a token that leaked ends what it sent out, too.
/// Covers: AC-077, AC-054
fn an_invitation_ends_with_the_token_that_made_it(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let account = ada.make_service_account("acme", "robot", "admin");
    let (token, secret) = ada.create_service_token("acme", &account, "leaks", &[]);
    let (_, other) = ada.create_service_token("acme", &account, "stays", &[]);
    let invite = |secret: &str, email: &str| {
        let body = json!({ "email": email, "role": "viewer" });
        assert_eq!(call(&app, secret, "POST", &at("/invitations"), &body).status, 201);
        app.mailed_link(email)
    };
    let [bob, dora, erin] = ["bob@example.com", "dora@example.com", "erin@example.com"];
    let (to_bob, to_dora, to_erin) = (invite(&secret, bob), invite(&other, dora), invite(&secret, erin));
    let mut bob = app.other(bob);
    bob.open(&to_bob);
    // One that ended in time did no harm.
    app.sql(&format!("UPDATE token_secrets SET expires_at = 1 WHERE token_id <> '{token}'"));
    let form = bob.open(&to_bob).form(&to_bob);
    ada.call("POST", &at(&format!("/service-accounts/{account}/tokens/{token}/revoke")), &Value::Null);
    bob.get(&to_bob).expect(404);
    bob.submit(&form).expect(404);
    assert_eq!(app.role_of("acme", "bob@example.com"), None);
    app.browser().get(&to_erin).expect(404);
    assert!(!bob.open("/organizations").text().contains("ACME"));
    app.browser().open(&to_dora);
    // What is over stays over, whatever becomes of the token and the account.
    let token = at(&format!("/service-accounts/{account}/tokens/{token}"));
    let renew = json!({ "expires": 7, "old_secret": "now" });
    let renewed = ada.call("POST", &format!("{token}/regenerate"), &renew).json();
    bob.get(&to_bob).expect(404);
    // A secret that is replaced at once may have leaked; one that goes on for a while has not.
    let secret = renewed["secret"].as_str().unwrap().to_owned();
    let to_carl = invite(&secret, "carl@example.com");
    let later = json!({ "expires": 7, "old_secret": "24h" });
    let secret = ada.call("POST", &format!("{token}/regenerate"), &later).json()["secret"].as_str().unwrap().to_owned();
    app.browser().open(&to_carl);
    assert_eq!(ada.call("DELETE", &format!("{token}/old-secret"), &Value::Null).status, 204);
    app.browser().get(&to_carl).expect(404);
    let to_finn = invite(&secret, "finn@example.com");
    ada.call("POST", &format!("{token}/regenerate"), &renew);
    app.browser().get(&to_finn).expect(404);
    assert_eq!(call(&app, &secret, "GET", &at("/members"), &Value::Null).status, 401);
    let there = at(&format!("/service-accounts/{account}"));
    assert_eq!(ada.call("POST", &format!("{there}/disable"), &Value::Null).status, 200);
    assert_eq!(ada.call("POST", &format!("{there}/enable"), &Value::Null).status, 200);
    app.browser().get(&to_dora).expect(404);
    assert_eq!(app.count("invitations"), 5);
    assert_eq!(app.count("invitations WHERE invited_by_account IS NOT NULL OR invited_by_token IS NOT NULL"), 0);
    let told = ada.call("GET", &at("/invitations"), &Value::Null).json();
    let statuses: Vec<_> = told["items"].as_array().unwrap().iter().map(|item| item["status"].as_str()).collect();
    assert_eq!(statuses, [Some("inviter_left"); 5], "others can send them again");
}

/// A second new secret ends the one before the last while that still works, and with it what was sent out.
/// Covers: AC-077, AC-058
fn an_invitation_ends_with_an_old_secret_that_a_newer_one_ends(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let account = ada.make_service_account("acme", "robot", "admin");
    let (token, first) = ada.create_service_token("acme", &account, "leaks", &[]);
    let invite = |secret: &str, email: &str| {
        let body = json!({ "email": email, "role": "admin" });
        assert_eq!(call(&app, secret, "POST", &at("/invitations"), &body).status, 201);
        app.mailed_link(email)
    };
    let is_good = |secret: &str| call(&app, secret, "GET", &at("/members"), &Value::Null).status == 200;
    let path = at(&format!("/service-accounts/{account}/tokens/{token}/regenerate"));
    let mut renew = |old: &str| {
        let told = ada.call("POST", &path, &json!({ "expires": 7, "old_secret": old })).json();
        told["secret"].as_str().unwrap().to_owned()
    };
    let to_bob = invite(&first, "bob@example.com");
    let second = renew("24h");
    let mut bob = app.other("bob@example.com");
    let form = bob.open(&to_bob).form(&to_bob);
    assert!(is_good(&first) && is_good(&second));
    let third = renew("1h");
    assert!(!is_good(&first) && is_good(&second) && is_good(&third));
    bob.get(&to_bob).expect(404);
    bob.submit(&form).expect(404);
    assert_eq!(app.role_of("acme", "bob@example.com"), None);
    assert_eq!(app.count("invitations WHERE invited_by_account IS NOT NULL OR invited_by_token IS NOT NULL"), 0);
    // One whose time was over by then did no harm.
    let to_dora = invite(&third, "dora@example.com");
    app.sql("UPDATE token_secrets SET expires_at = 1 WHERE NOT is_current");
    renew("1h");
    app.sql("UPDATE token_secrets SET expires_at = 1 WHERE NOT is_current");
    renew("1h");
    app.browser().open(&to_dora);
}

/// What a narrow token sent out gives what that token could give when it is accepted, not all that its account's role allows.
/// Covers: S1-8, AC-077
fn an_invitation_gives_no_more_than_the_token_that_made_it(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let account = ada.make_service_account("acme", "robot", "admin");
    let [role, more] = ["Readers", "More"].map(|name| ada.make_role("acme", name, &["channels:read"]));
    let team = ada.make_team("acme", "Deploy", &more);
    // All that a viewer may, and inviting.
    let scopes = [
        "org.organization:read",
        "org.members:create",
        "org.teams:read",
        "channels:read",
        "clients:read",
        "groups:read",
        "channels:subscribe",
        "clients:subscribe",
        "groups:subscribe",
    ];
    let (token, narrow) = ada.create_service_token("acme", &account, "narrow", &scopes);
    let (_, wide) = ada.create_service_token("acme", &account, "wide", &[]);
    let invite = |secret: &str, email: &str, role: &str, teams: &[&String]| {
        let body = json!({ "email": email, "role": role, "teams": teams });
        let told = call(&app, secret, "POST", &at("/invitations"), &body);
        assert_eq!(told.status, 201, "{}", told.text());
        app.mailed_link(email)
    };
    let to_bob = invite(&narrow, "bob@example.com", "viewer", &[&team]);
    let to_erin = invite(&narrow, "erin@example.com", &role, &[]);
    let to_dora = invite(&wide, "dora@example.com", &role, &[]);
    let opens = |link: &str| app.browser().get(link).status == 200;
    assert!(opens(&to_bob) && opens(&to_erin) && opens(&to_dora));
    // The roles become wider: the account could give them still, the narrow token could not.
    app.sql("UPDATE roles SET rights = 'channels:delete channels:list channels:read channels:update'");
    assert!(opens(&to_bob) && !opens(&to_erin) && opens(&to_dora));
    // As the token is at that moment.
    let is = |set: &str| app.sql(&format!("UPDATE tokens SET {set} WHERE id = '{token}'"));
    is("everything = TRUE");
    assert!(opens(&to_erin));
    is("everything = FALSE");
    let mut bob = app.other("bob@example.com");
    let form = bob.open(&to_bob).form(&to_bob);
    bob.submit(&form).expect(303);
    assert_eq!((app.role_of("acme", "bob@example.com").as_deref(), app.count("team_members")), (Some("viewer"), 0));
    let mut erin = app.other("erin@example.com");
    erin.get(&to_erin).expect(404);
    let mut dora = app.other("dora@example.com");
    let form = dora.open(&to_dora).form(&to_dora);
    is("scopes = 'org.members:create'");
    dora.submit(&form).expect(303);
    assert_eq!(app.role_of("acme", "dora@example.com").as_deref(), Some("own"), "another token's");
}

/// Covers: S1-8, AC-063, AC-065
fn a_token_has_only_what_it_lists(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    ada.make_organization("other");
    app.member("acme", "erin@example.com", Role::Viewer);
    let account = ada.make_service_account("acme", "robot", "admin");
    // The form gives what its role allows, and what that fills in; its page says so.
    let path = format!("/organizations/acme/service-accounts/{account}/tokens/new");
    let page = ada.open(&path);
    assert!(page.text().contains("Managing the organization"));
    let (token, secret) =
        ada.create_service_token("acme", &account, "narrow", &["org.members:delete", "channels:read"]);
    let shown = ada.open(&format!("/organizations/acme/service-accounts/{account}/tokens/{token}"));
    assert!(
        shown.text().contains("org.members:update") && shown.text().contains("the organization’s members"),
        "{}",
        shown.text()
    );
    let low = ada.make_service_account("acme", "low", "viewer");
    let beyond = ada.service_token_form("acme", &low, "x", &["org.members:update"]);
    assert!(ada.submit(&beyond).expect(422).error_at("scope").contains("org.members:update"));
    let mine =
        app.send(&Request::get("/api/v1/tokens/self").header("Authorization", &format!("Bearer {secret}"))).json();
    assert_eq!(
        mine["scopes"],
        json!(["channels:list", "channels:read", "org.members:delete", "org.members:read", "org.members:update"])
    );
    let erin = at(&format!("/members/{}", app.user_id("erin@example.com")));
    let ask = |method: &str, path: &str, body: &Value| call(&app, &secret, method, path, body);
    assert_eq!(ask("GET", &at("/members"), &Value::Null).status, 200);
    refused(&ask("GET", &at("/teams"), &Value::Null), 403, "about:blank");
    refused(&ask("GET", &at(""), &Value::Null), 403, "about:blank");
    // It covers nobody who has more than it lists.
    refused(&ask("DELETE", &erin, &Value::Null), 403, "about:blank");
    refused(&ask("PATCH", &erin, &json!({ "role": "member" })), 403, "about:blank");
    // Elsewhere there is nothing; by its id the organization is there.
    refused(&ask("GET", "/api/v1/organizations/other/members", &Value::Null), 404, "about:blank");
    refused(&ask("GET", "/api/v1/organizations/nowhere/members", &Value::Null), 404, "about:blank");
    let by_id = format!("/api/v1/organizations/{}/members", app.organization_id("acme"));
    assert_eq!(ask("GET", &by_id, &Value::Null).status, 200);
    // A session beside it changes nothing, and a page never takes it.
    let request =
        Request::get("/api/v1/organizations/other/members").header("Authorization", &format!("Bearer {secret}"));
    refused(&ada.send(request), 404, "about:blank");
    let page = Request::get("/organizations/acme/members").header("Authorization", &format!("Bearer {secret}"));
    assert_eq!(app.send(&page).status, 303);
    // The role lowered, it holds at once.
    app.sql(&format!("UPDATE service_accounts SET role = 'viewer' WHERE id = '{account}'"));
    assert_eq!(ask("GET", &at("/members"), &Value::Null).status, 200);
    refused(&ask("DELETE", &erin, &Value::Null), 403, "about:blank");
    app.sql(&format!("UPDATE service_accounts SET role = 'admin' WHERE id = '{account}'"));
    // Disabled, expired, revoked, superseded and over, deleted: nothing.
    let (set, ok) = (|sql: &str| app.sql(sql), || ask("GET", &at("/members"), &Value::Null).status);
    let gone = || {
        assert_eq!(refused(&ask("GET", &at("/members"), &Value::Null), 401, "about:blank")["error"], "invalid_token");
    };
    for (ends, again) in [
        (
            format!("UPDATE service_accounts SET is_enabled = FALSE WHERE id = '{account}'"),
            format!("UPDATE service_accounts SET is_enabled = TRUE WHERE id = '{account}'"),
        ),
        (
            format!("UPDATE token_secrets SET expires_at = {} WHERE token_id = '{token}'", app.now().unix()),
            format!("UPDATE token_secrets SET expires_at = NULL WHERE token_id = '{token}'"),
        ),
        (
            format!("UPDATE token_secrets SET revoked_at = 1 WHERE token_id = '{token}'"),
            format!("UPDATE token_secrets SET revoked_at = NULL WHERE token_id = '{token}'"),
        ),
        (
            format!(
                "UPDATE token_secrets SET is_current = FALSE, expires_at = {} WHERE token_id = '{token}'",
                app.now().unix()
            ),
            format!("UPDATE token_secrets SET is_current = TRUE, expires_at = NULL WHERE token_id = '{token}'"),
        ),
    ] {
        set(&ends);
        gone();
        set(&again);
        assert_eq!(ok(), 200, "{again}");
    }
    // A handed-over key acts for the account where it is checked, and is no caller here.
    ada.work_in("acme");
    let (key, of_key) = ada.create_key("program", &[]);
    app.sql(&format!("UPDATE tokens SET user_id = NULL, service_account_id = '{account}' WHERE id = '{key}'"));
    refused(&call(&app, &of_key, "GET", &at("/members"), &Value::Null), 403, "not-for-tokens");
    app.sql(&format!("DELETE FROM service_accounts WHERE id = '{account}'"));
    gone();
}

/// What holds when a call begins is asked again when it changes something: its body comes late.
/// Covers: AC-062, AC-063
fn all_of_it_is_asked_again_within_the_change(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let account = ada.make_service_account("acme", "robot", "admin");
    let (token, secret) = ada.create_service_token("acme", &account, "all", &[]);
    let body = json!({ "name": "Deploy" });
    let request = Request::new("POST", &at("/teams")).header("Authorization", &format!("Bearer {secret}")).json(&body);
    let bytes = request.wire(&app.host());
    let (head, late) = bytes.split_at(bytes.len() - 3);
    let account_is = |set: &str| format!("UPDATE service_accounts SET {set} WHERE id = '{account}'");
    let token_is = |set: &str| format!("UPDATE tokens SET {set} WHERE id = '{token}'");
    let secret_is = |set: &str| format!("UPDATE token_secrets SET {set} WHERE token_id = '{token}'");
    for (round, (sql, back, status)) in [
        (account_is("is_enabled = FALSE"), account_is("is_enabled = TRUE"), 401),
        (account_is("role = 'viewer'"), account_is("role = 'admin'"), 403),
        (token_is("everything = FALSE, scopes = 'org.teams:read'"), token_is("everything = TRUE"), 403),
        (secret_is("revoked_at = 1"), secret_is("revoked_at = NULL"), 401),
        (secret_is("expires_at = 1"), secret_is("expires_at = NULL"), 401),
        (format!("DELETE FROM service_accounts WHERE id = '{account}'"), String::new(), 401),
    ]
    .into_iter()
    .enumerate()
    {
        let mut connection = app.connect();
        connection.write(head).unwrap();
        let begun = format!("attempts WHERE door = 'changes by {account}' AND failures = {}", round + 1);
        let patience = std::time::Instant::now();
        while app.count(&begun) == 0 {
            assert!(patience.elapsed().as_secs() < 20, "the call has not begun");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        app.sql(&sql);
        connection.write(late).unwrap();
        let answer = connection.read("POST").unwrap();
        assert_eq!(answer.status, status, "{sql}: {}", answer.text());
        if !back.is_empty() {
            app.sql(&back);
        }
    }
    assert_eq!((app.count("teams"), app.logged("team.created")), (0, 0));
}

fn a_program_gone_wild_is_stopped(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let account = ada.make_service_account("acme", "robot", "admin");
    let (_, secret) = ada.create_service_token("acme", &account, "all", &[]);
    app.sql(&format!(
        "INSERT INTO attempts (door, failures, window_started_at, closed_until) VALUES ('changes by {account}', 600, {now}, 0)",
        now = app.now().unix()
    ));
    let more = |name: &str| call(&app, &secret, "POST", &at("/teams"), &json!({ "name": name }));
    assert_eq!(more("The first too many").status, 201);
    let answer = more("One more");
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    assert_eq!(call(&app, &secret, "GET", &at("/teams"), &Value::Null).status, 200, "reading goes on");
    app.advance(2 * 60 * 60 + 1);
    assert_eq!(more("One more").status, 201);
    // Nor does it write to more strangers in a day than a person may.
    app.sql(&format!(
        "INSERT INTO attempts (door, failures, window_started_at, closed_until) VALUES ('invite by {account}', 60, {now}, 0)",
        now = app.now().unix()
    ));
    let invite = |email: &str| {
        let body = json!({ "email": email, "role": "viewer" });
        call(&app, &secret, "POST", &at("/invitations"), &body)
    };
    assert_eq!(invite("first@example.com").status, 201);
    assert_eq!(invite("second@example.com").status, 429);
}

/// Nobody's mailbox is filled by turning something on and off.
/// Covers: AC-079
fn no_mailbox_is_filled_with_changes(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    app.other("bob@example.com");
    app.make_member("acme", "bob@example.com", Role::Viewer);
    let bob = app.user_id("bob@example.com");
    let mut role = |role: &str| ada.call("PATCH", &at(&format!("/members/{bob}")), &json!({ "role": role })).status;
    let mails = app.mails().len();
    let statuses: Vec<u16> = (0..34).map(|turn| role(if turn % 2 == 0 { "member" } else { "viewer" })).collect();
    let made = app.logged("member.role_changed");
    assert!((30..=31).contains(&made) && statuses.contains(&429), "{made}, {statuses:?}");
    assert_eq!(app.mails().len() - mails, made, "no change without its mail");
    // Whoever shall go, goes.
    assert_eq!(ada.call("DELETE", &at(&format!("/members/{bob}")), &Value::Null).status, 204);
    let mut policy = |on: bool| ada.call("PATCH", &at("/policy"), &json!({ "second_factor": on })).status;
    app.sql("UPDATE users SET second_factor = TRUE");
    let statuses: Vec<u16> = (0..68).map(|turn| policy(turn % 2 == 0)).collect();
    assert_eq!(statuses.last(), Some(&200), "off is always possible");
    assert!(statuses.contains(&429), "{statuses:?}");
}

on_both!(
    all_of_it_is_asked_again_within_the_change,
    it_manages_members_within_what_it_has,
    an_invitation_ends_with_the_token_that_made_it,
    an_invitation_ends_with_an_old_secret_that_a_newer_one_ends,
    an_invitation_gives_no_more_than_the_token_that_made_it,
    a_token_has_only_what_it_lists,
    a_program_gone_wild_is_stopped,
    no_mailbox_is_filled_with_changes,
);
