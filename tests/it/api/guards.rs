//! Who may call: the session's own pages, and nobody's token.

use base64::Engine as _;
use keystead::auth::SecretKind;
use keystead::catalogue::Role;
use keystead::config::SecondFactorRule;
use keystead::routes::{Area, Needs, ROUTES, Route};
use serde_json::{Value, json};

use super::refused;
use crate::second_factor::enrol;
use crate::support::{ADMIN, Browser, Engine, PASSWORD, Request, Response, TestApp, on_both, unknown_secret};

/// What stands in the variable parts of paths: a token, and an organization with a member and a role of its own.
struct Things {
    token: String,
    member: String,
    other: String,
    role: String,
    team: String,
    invitation: String,
    key: String,
    account: String,
    its: String,
}

impl Things {
    fn of(app: &TestApp, ada: &mut Browser) -> Self {
        let (token, _) = ada.create_token("bot", &["channels:read"]);
        for slug in ["acme", "left", "given"] {
            ada.make_organization(slug);
        }
        let role = ada.make_role("acme", "Deployers", &["channels:update"]);
        for email in ["hugo@example.com", "ida@example.com"] {
            app.make_user(email);
            app.make_member("acme", email, Role::Viewer);
            app.make_member("left", email, Role::Owner);
            app.make_member("given", email, Role::Viewer);
        }
        let team = ada.make_team("acme", "Deploy", "");
        ada.invite_to("acme", "guest@example.com", "viewer");
        let invitation = app.invitation_id("guest@example.com");
        ada.work_in("acme");
        let (key, _) = ada.create_key("program", &[]);
        let account = ada.make_service_account("acme", "ci", "member");
        let (its, _) = ada.create_service_token("acme", &account, "build", &["channels:read"]);
        let [member, other] = ["hugo@example.com", "ida@example.com"].map(|email| app.user_id(email));
        Self { token, member, other, role, team, invitation, key, account, its }
    }

    fn path(&self, route: &Route) -> String {
        let id = match route.path {
            path if path.contains("/members/") => &self.member,
            path if path.contains("/roles/") => &self.role,
            path if path.contains("/teams/") => &self.team,
            path if path.contains("/invitations/") => &self.invitation,
            path if path.contains("/api-keys/") => &self.key,
            path if path.contains("/service-accounts/") => &self.account,
            _ => &self.token,
        };
        let path = route.path.replace("{id}", id).replace("{slug}", "acme").replace("{scope}", "channels:read");
        path.replace("{token}", &self.its).replace("{user}", &self.member)
    }

    /// For every call that changes something a body that does so; in an order in which all of them can be sent one after the
    /// other.
    fn acts(&self) -> Vec<(&'static str, String, Value)> {
        let at = |below: &str| format!("/api/v1/tokens/{}{below}", self.token);
        let place = |below: &str| format!("/api/v1/organizations/{below}");
        let (member, role) = (format!("acme/members/{}", self.member), format!("acme/roles/{}", self.role));
        let (team, account) = (format!("acme/teams/{}", self.team), format!("acme/service-accounts/{}", self.account));
        let (its, ida) = (format!("{account}/tokens/{}", self.its), &self.other);
        let invitation = format!("acme/invitations/{}", self.invitation);
        let acts = vec![
            (
                "POST",
                "/api/v1/tokens".to_owned(),
                json!({ "name": "other", "expires": 7, "scopes": ["channels:read"] }),
            ),
            ("PATCH", at(""), json!({ "name": "renamed" })),
            ("POST", at("/scopes"), json!({ "scopes": ["groups:update"] })),
            ("DELETE", at("/scopes/groups:update"), Value::Null),
            ("DELETE", at("/scopes"), Value::Null),
            ("POST", at("/regenerate"), json!({ "expires": 7, "old_secret": "24h" })),
            ("DELETE", at("/old-secret"), Value::Null),
            ("POST", at("/revoke"), Value::Null),
            ("DELETE", at(""), Value::Null),
            ("POST", "/api/v1/organizations".to_owned(), json!({ "name": "Brand new" })),
            ("PATCH", place("acme"), json!({ "name": "Another name" })),
            ("POST", place("acme/target"), json!({ "is_target": true })),
            ("POST", place("acme/roles"), json!({ "name": "Another", "rights": ["channels:read", "org.logs:read"] })),
            ("PATCH", place(&role), json!({ "description": "for the build" })),
            ("DELETE", place(&role), Value::Null),
            ("POST", place("acme/teams"), json!({ "name": "Another", "role": "viewer" })),
            ("PATCH", place(&team), json!({ "description": "for the build" })),
            ("POST", place(&format!("{team}/members")), json!({ "users": [self.member] })),
            ("DELETE", place(&format!("{team}/members/{}", self.member)), Value::Null),
            ("DELETE", place(&team), Value::Null),
            ("POST", place("acme/invitations"), json!({ "email": "gast@example.com", "role": "viewer" })),
            ("DELETE", place(&invitation), Value::Null),
            ("PATCH", place("acme/policy"), json!({ "members_keys": false })),
            ("PUT", place("acme/policy/tokens"), json!({ "max_days": 30, "version": 0, "count": 0, "cut": false })),
            ("PUT", place("acme/license"), json!({ "plan": "Small", "limits": { "members": 50 } })),
            ("POST", place("acme/api-keys"), json!({ "description": "another", "everything": true })),
            ("DELETE", place(&format!("acme/api-keys/{}", self.key)), Value::Null),
            ("POST", place("acme/service-accounts"), json!({ "name": "another", "role": "viewer" })),
            ("PATCH", place(&account), json!({ "description": "for the build" })),
            ("POST", place(&format!("{account}/disable")), Value::Null),
            ("POST", place(&format!("{account}/enable")), Value::Null),
            (
                "POST",
                place(&format!("{account}/tokens")),
                json!({ "name": "other", "expires": 7, "scopes": ["channels:read"] }),
            ),
            ("POST", place(&format!("{its}/regenerate")), json!({ "expires": 7, "old_secret": "24h" })),
            ("DELETE", place(&format!("{its}/old-secret")), Value::Null),
            ("POST", place(&format!("{its}/revoke")), Value::Null),
            ("DELETE", place(&its), Value::Null),
            ("PATCH", place(&member), json!({ "role": "member" })),
            ("POST", place(&format!("acme/members/{ida}/removal")), json!({ "keys_to": self.account })),
            ("DELETE", place(&account), Value::Null),
            ("DELETE", place(&member), Value::Null),
            ("POST", place("left/leave"), Value::Null),
            ("POST", place("given/hand-over"), json!({ "email": "ida@example.com" })),
            ("DELETE", place("acme"), Value::Null),
        ];
        // Sending an invitation again makes another one of it: `tests/it/api/invitations.rs` does it.
        let changing = calls().filter(|route| route.method != "GET" && !route.path.ends_with("/resend")).count();
        assert_eq!(acts.len(), changing, "a call that changes something is missing here");
        acts
    }
}

/// The row of the table that a path belongs to.
fn route_of(method: &str, path: &str) -> &'static Route {
    let fits = |route: &&Route| {
        let (asked, known): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), route.path.split('/').collect());
        route.method == method
            && asked.len() == known.len()
            && asked.iter().zip(known).all(|(asked, known)| known.starts_with('{') || *asked == known)
    };
    calls().find(fits).unwrap_or_else(|| panic!("no route for {method} {path}"))
}

fn calls() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.area == Area::Api)
}

/// Sends a call with headers of the test's own, and no others but the cookies.
fn send(browser: &mut Browser, (method, path, body): &(&str, String, Value), headers: &[(&str, &str)]) -> Response {
    let request = Request::new(method, path);
    let request = if body.is_null() { request } else { request.json(body) };
    browser.send(headers.iter().fold(request, |request, (name, value)| request.header(name, value)))
}

const OURS: &str = "http://127.0.0.1:8080";
const TOKEN: &str = "X-CSRF-Token";

/// Covers: AC-095
fn a_change_needs_the_sessions_own_page(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let acts = Things::of(&app, &mut ada).acts();
    let (hers, his) = (ada.form_token(), app.other("bob@example.com").form_token());
    let strangers = app.browser().open("/login").form("/login").value("csrf");
    let mut flipped = hers.clone();
    flipped.replace_range(63..64, if hers.ends_with('0') { "1" } else { "0" });
    let before = app.dump();
    for act in &acts {
        let (method, path, body) = act;
        let what = format!("{method} {path}");
        let ours = ("Sec-Fetch-Site", "same-origin");
        for token in ["", &flipped, &his, &strangers, &"0".repeat(64)] {
            let answer = send(&mut ada, act, &[ours, (TOKEN, token)]);
            let told = refused(&answer, 403, "about:blank");
            assert!(told["detail"].as_str().unwrap().contains("X-CSRF-Token"), "{what} with {token:?}");
        }
        assert_eq!(send(&mut ada, act, &[ours]).status, 403, "{what} without a token");
        assert_eq!(send(&mut ada, act, &[ours, (TOKEN, &hers), (TOKEN, &hers)]).status, 403, "{what} with two");
        for headers in [
            &[("Sec-Fetch-Site", "cross-site")][..],
            &[("Sec-Fetch-Site", "same-site")],
            &[("Sec-Fetch-Site", "none")],
            &[("Sec-Fetch-Site", "")],
            &[("Sec-Fetch-Site", "cross-site"), ("Origin", OURS)],
            &[("Origin", "https://evil.example")],
            &[("Origin", "null")],
            &[("Origin", "https://127.0.0.1:8080")],
        ] {
            let answer = send(&mut ada, act, &[headers, &[(TOKEN, &hers)]].concat());
            assert_eq!(answer.status, 403, "{what} with {headers:?}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
        // A form of another site could send these without a preflight.
        if !body.is_null() {
            for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
                let mut request = Request::new(method, path).json(body).header(TOKEN, &hers).header(ours.0, ours.1);
                kind.clone_into(&mut request.headers[0].1);
                refused(&ada.send(request), 415, "not-json");
            }
        }
        // The token in the body, as in a form, is none here.
        let in_form = Request::new(method, path).form(&[("csrf", &hers)]).header(ours.0, ours.1);
        assert_eq!(ada.send(in_form).status, 403, "{what} as a form");
        let preflight = Request::new("OPTIONS", path)
            .header("Origin", "https://evil.example")
            .header("Access-Control-Request-Method", method)
            .header("Access-Control-Request-Headers", TOKEN);
        let answer = ada.send(preflight);
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (405, None), "{what}");
    }
    app.is_still(&before);
    // Sent as it should be, each does something: so it was the guards that held.
    for (index, act) in acts.iter().enumerate() {
        let before = app.dump();
        let from: &[(&str, &str)] = match index % 3 {
            0 => &[("Sec-Fetch-Site", "same-origin")],
            1 => &[("Origin", OURS)],
            _ => &[],
        };
        let hers = ada.form_token();
        let answer = send(&mut ada, act, &[from, &[(TOKEN, hers.as_str())]].concat());
        assert!((200..300).contains(&answer.status), "{act:?}: {}", answer.text());
        assert_ne!(app.dump(), before, "{act:?}");
    }
}

/// What is only read is not told to another site's page either.
/// Covers: AC-095
fn another_sites_page_is_told_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let things = Things::of(&app, &mut ada);
    for route in calls().filter(|route| route.method == "GET") {
        let path = things.path(route);
        let ask = |site: &str| Request::get(&path).header("Sec-Fetch-Site", site);
        for site in ["cross-site", "same-site", "", "é"] {
            assert_eq!(ada.send(ask(site)).status, 403, "{path} from {site:?}");
        }
        for site in ["same-origin", "none"] {
            assert_eq!(ada.send(ask(site)).status, 200, "{path} from {site:?}");
        }
        assert_eq!(ada.send(Request::get(&path)).status, 200, "{path}");
    }
}

/// Covers: AC-083
fn a_stranger_is_told_that_nobody_is_signed_in(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let things = Things::of(&app, &mut ada);
    let before = app.dump();
    let mut stranger = app.browser();
    let token = stranger.open("/login").form("/login").value("csrf");
    for route in calls() {
        let path = things.path(route);
        for browser in [&mut stranger, &mut app.browser()] {
            let request = Request::new(route.method, &path).header(TOKEN, &token).json(&json!({}));
            let answer = browser.send(request);
            refused(&answer, 401, "about:blank");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"keystead\""), "{path}");
            assert_eq!(answer.location(), "");
        }
    }
    app.is_still(&before);
}

/// Whoever has given the password alone, and not the second factor, is nobody.
/// Covers: AC-044
fn half_a_sign_in_is_nobody(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let things = Things::of(&app, &mut ada);
    enrol(&app, &mut ada);
    let mut half = app.browser();
    half.try_sign_in(ADMIN, PASSWORD).expect_lead("/login/second-factor");
    let csrf = half.open("/login").form("/login").value("csrf");
    let reads = calls().filter(|route| route.method == "GET").map(|route| ("GET", things.path(route), Value::Null));
    let before = app.dump();
    for act in reads.chain(things.acts()) {
        let answer = send(&mut half, &act, &[("Sec-Fetch-Site", "same-origin"), (TOKEN, &csrf)]);
        refused(&answer, 401, "about:blank");
    }
    app.is_still(&before);
}

/// Whatever a token may do elsewhere, it makes and changes no token, also where a session stands beside it.
/// Covers: AC-055, AC-066
fn a_token_is_nobody_here(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.open("/settings/tokens/new").form("/settings/tokens/new").set("name", "all");
    let (_, secret) = crate::support::read_issued(&ada.submit(&form.set("access", "everything")).expect(200));
    let things = Things::of(&app, &mut ada);
    let verifier = ada.make_verifier("billing");
    let csrf = ada.form_token();
    let basic =
        |secret: &str| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("ada:{secret}")));
    let bearer = |secret: &str| format!("Bearer {secret}");
    let known = [bearer(&secret), basic(&secret), bearer(&verifier), bearer(&unknown_secret(SecretKind::ApiKey))];
    let unknown = ["Bearer nonsense".to_owned(), bearer(&unknown_secret(SecretKind::Terminal)), basic("nonsense")];
    let malformed = ["Bearer".to_owned(), "Bearer a b".to_owned(), "Digest x".to_owned()];
    let before = app.dump();
    for route in calls() {
        let path = things.path(route);
        let what = format!("{} {path}", route.method);
        let ask = |credential: &str| {
            let request = Request::new(route.method, &path).header("Authorization", credential);
            request.header(TOKEN, &csrf).header("Sec-Fetch-Site", "same-origin").json(&json!({}))
        };
        for credential in &known {
            for answer in [app.send(&ask(credential)), ada.send(ask(credential))] {
                refused(&answer, 403, "not-for-tokens");
                assert_eq!(answer.cookie("keystead_session"), None, "{what}");
            }
        }
        for credential in &unknown {
            for answer in [app.send(&ask(credential)), ada.send(ask(credential))] {
                assert_eq!(refused(&answer, 401, "about:blank")["error"], "invalid_token", "{what}");
            }
        }
        for credential in &malformed {
            assert_eq!(ada.send(ask(credential)).status, 400, "{what} with {credential}");
        }
        let two = ask(&bearer(&secret)).header("Authorization", &bearer(&secret));
        assert_eq!(ada.send(two).status, 400, "{what} with two");
    }
    app.is_still(&before);
}

/// Covers: AC-031
fn what_needs_a_fresh_proof_says_how_to_give_it(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let things = Things::of(&app, &mut ada);
    app.advance(10 * 60);
    let before = app.dump();
    for act in things.acts() {
        if !matches!(
            route_of(act.0, &act.1).needs,
            Needs::Confirmed | Needs::MemberConfirmed(_) | Needs::CallerConfirmed(_) | Needs::AdministratorConfirmed
        ) {
            continue;
        }
        let answer = ada.call(act.0, &act.1, &act.2);
        let told = refused(&answer, 403, "confirmation-needed");
        assert_eq!(told["confirm_at"], format!("{OURS}/step-up"), "{act:?}");
    }
    app.is_still(&before);
    // Reading and ending need none: whoever must stop a leak is not kept waiting.
    assert_eq!(ada.call("GET", "/api/v1/tokens", &Value::Null).status, 200);
    let token = format!("/api/v1/tokens/{}", things.token);
    assert_eq!(ada.call("POST", &format!("{token}/revoke"), &Value::Null).status, 200);
    assert_eq!(ada.call("DELETE", &token, &Value::Null).status, 204);
}

/// Covers: AC-044
fn an_account_that_must_have_a_second_factor_does_nothing_before(engine: Engine) {
    let app = TestApp::with(engine, |config| config.require_second_factor = SecondFactorRule::Everyone);
    let mut ada = app.set_up();
    let page = "/settings/security/second-factor";
    let csrf = ada.open(page).form(page).value("csrf");
    for route in calls() {
        let path =
            route.path.replace("{id}", "01jd0000000000000000000000").replace("{scope}", "x").replace("{slug}", "acme");
        let path = path.replace("{token}", "x").replace("{user}", "x");
        let request = Request::new(route.method, &path).header(TOKEN, &csrf).json(&json!({}));
        let told = refused(&ada.send(request), 403, "second-factor-needed");
        assert_eq!(told["confirm_at"], format!("{OURS}/settings/security/second-factor"));
    }
}

/// Covers: AC-054, AC-083
fn somebody_elses_is_as_good_as_absent(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let things = Things::of(&app, &mut ada);
    let hers = things.token.clone();
    let mut bob = app.other("bob@example.com");
    let (_, his) = bob.create_token("his", &["channels:read"]);
    let before = app.dump();
    let mut acts = things.acts();
    acts.push(("GET", format!("/api/v1/tokens/{hers}"), Value::Null));
    for (method, path, body) in acts.into_iter().filter(|(_, path, _)| path.contains(&hers)) {
        let foreign = bob.call(method, &path, &body);
        let absent = bob.call(method, &path.replace(&hers, "01jd0000000000000000000000"), &body);
        refused(&foreign, 404, "about:blank");
        let alike = |response: &Response| {
            let mut body = response.json();
            body["request_id"] = json!("");
            body
        };
        assert_eq!(alike(&foreign), alike(&absent), "{method} {path}");
    }
    app.is_still(&before);
    let list = bob.call("GET", "/api/v1/tokens", &Value::Null).json();
    assert!(list["items"].as_array().unwrap().len() == 1 && !list.to_string().contains(&hers));
    assert!(!list.to_string().contains(&his), "no secret is listed");
    for odd in ["'", "..%2f..", "%F0%9F%94%91", &"x".repeat(3000), "1;DROP%20TABLE%20tokens", "%ff"] {
        let answer = bob.call("GET", &format!("/api/v1/tokens/{odd}"), &Value::Null);
        assert!(matches!(answer.status, 400 | 404), "{odd}: {}", answer.status);
    }
    app.is_still(&before);
}

on_both!(
    a_change_needs_the_sessions_own_page,
    another_sites_page_is_told_nothing,
    a_stranger_is_told_that_nobody_is_signed_in,
    half_a_sign_in_is_nobody,
    a_token_is_nobody_here,
    what_needs_a_fresh_proof_says_how_to_give_it,
    an_account_that_must_have_a_second_factor_does_nothing_before,
    somebody_elses_is_as_good_as_absent,
);
