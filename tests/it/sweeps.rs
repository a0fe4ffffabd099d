//! Sweeps over the route table: what holds for one route holds for all.

use std::collections::{BTreeMap, BTreeSet};

use keystead::auth::link::Purpose;
use keystead::catalogue::Role;
use keystead::routes::{Area, Needs, ROUTES, Route};
use keystead::sign_in::step_up::act_at;

use crate::second_factor::enrol;
use crate::support::{ADMIN, Browser, Engine, PASSWORD, Page, Request, Response, TestApp, on_both};

/// The organization of the sweeps; its owner is the administrator.
const PLACE: &str = "acme";

/// The name of the administrator's picture.
const AVATAR: &str = "0123456789abcdef0123456789abcdef";

/// A path of a route, with real things in the place of its variable parts.
struct Places {
    token: String,
    verifier: String,
    mail: String,
    session: String,
    invitation: String,
    below: Below,
    passkey: String,
    links: Vec<String>,
    asset: (String, String),
}

/// What stands below an organization's address.
pub struct Below {
    slug: String,
    member: String,
    role: String,
    team: String,
    invitation: String,
    organization: String,
    key: String,
    account: String,
    token: String,
}

impl Below {
    /// With a member, a team, an invitation, a service account and its token; `role` and `key` are its own.
    pub fn of(app: &TestApp, slug: &str, role: &str, key: &str) -> Self {
        let email = format!("someone-in-{slug}@example.com");
        app.make_user(&email);
        app.make_member(slug, &email, Role::Viewer);
        let (organization, member) = (app.organization_id(slug), app.user_id(&email));
        let [team, invitation, account, token] = ["team", "invitation", "account", "token"].map(str::to_owned);
        // The service account's role allows nothing, so that everybody has as much.
        let hash = if app.is_sqlite() { "X'00'" } else { "'\\x00'::bytea" };
        app.sql(&format!(
            "INSERT INTO teams (id, organization_id, name, name_key, description, created_at) \
             VALUES ('{team}', '{organization}', 'Deploy', 'deploy', '', 0); \
             INSERT INTO invitations \
             (id, hash, email, email_key, created_at, expires_at, organization_id, invited_by, role) \
             VALUES ('{invitation}', '', 'hal@example.com', 'hal@example.com', 0, 1, '{organization}', '{member}', 'viewer'); \
             INSERT INTO service_accounts \
             (id, organization_id, name, name_key, description, role, is_enabled, created_at) \
             VALUES ('{account}', '{organization}', 'ci', 'ci', '', 'own', TRUE, 0); \
             INSERT INTO tokens \
             (id, kind, service_account_id, organization_id, name, description, everything, scopes, created_at) \
             VALUES ('{token}', 'svc', '{account}', '{organization}', 'build', '', TRUE, '', 0); \
             INSERT INTO token_secrets (id, token_id, holder, hash, last_four, is_current, created_at) \
             VALUES ('{token}', '{token}', '{account}', {hash}, 'abcd', TRUE, 0)"
        ));
        let (slug, role, key) = (slug.to_owned(), role.to_owned(), key.to_owned());
        Self { slug, member, role, team, invitation, organization, key, account, token }
    }

    pub fn path(&self, route: &str) -> String {
        let id = match route {
            route if route.contains("/organizations/{slug}/members") => &self.member,
            route if route.contains("/organizations/{slug}/teams") => &self.team,
            route if route.contains("/organizations/{slug}/invitations") => &self.invitation,
            route if route.starts_with("/settings/api-keys") || route.contains("{slug}/api-keys") => &self.key,
            route if route.contains("/organizations/{slug}/service-accounts") => &self.account,
            _ => &self.role,
        };
        let route = route.replace("{slug}", &self.slug).replace("{id}", id);
        route.replace("{token}", &self.token).replace("{user}", &self.member)
    }

    /// The same, but below the organization there is nothing of these names.
    pub fn absent(&self, route: &str) -> String {
        let absent = "01jd0000000000000000000000";
        let route = route.replace("{slug}", &self.slug).replace("{id}", absent);
        route.replace("{token}", absent).replace("{user}", absent)
    }
}

impl Places {
    fn of(app: &TestApp, ada: &mut Browser) -> Self {
        let (token, _) = ada.create_token("bot", &["channels:read"]);
        ada.make_verifier("billing");
        let page = ada.open("/admin/verifiers");
        let link = page.links().into_iter().find(|link| link.ends_with("/delete")).unwrap();
        let verifier = link.trim_start_matches("/admin/verifiers/").trim_end_matches("/delete").to_owned();
        let asset = page.attributes("link[rel=stylesheet]", "href").remove(0);
        let (hash, path) = asset.trim_start_matches("/static/").split_once('/').unwrap();
        let mail = app.mails()[0].id.clone();
        app.browser().sign_in(ADMIN, PASSWORD);
        let session = ada.open("/settings/security").attributes("form[action$=\"/end\"]", "action").remove(0);
        let invited = ada.invite("carol@example.com");
        let invitation = ada.open("/admin/invitations").attributes("form[action$=\"/cancel\"]", "action").remove(0);
        ada.make_organization(PLACE);
        let role = ada.make_role(PLACE, "Deployers", &["channels:update"]);
        let (key, _) = ada.create_key("program", &[]);
        app.browser().sign_up("dora@example.com", PASSWORD).expect(200);
        app.browser().forget(ADMIN).expect(200);
        let below = Below::of(app, PLACE, &role, &key);
        let mut links = vec![invited, app.mailed_link("dora@example.com"), app.mailed_link(ADMIN)];
        links.push(keystead::urls::login_unlock(&app.make_link(Purpose::UnlockSignIn, ADMIN)));
        // What comes of a provider: this one is long over.
        let over = "0".repeat(64);
        links.extend([keystead::urls::login_connect(&over), keystead::urls::connection_offer(&over)]);
        enrol(app, &mut app.other("ivy@example.com"));
        links.push(ada.help_back_in("ivy@example.com", "second_factor"));
        let asked = ada.change_email("ada.new@example.com").expect(303);
        ada.follow(&asked);
        links.extend([app.mailed_link("ada.new@example.com"), app.mailed_link(ADMIN)]);
        let id = |action: &str| action.rsplit('/').nth(1).unwrap().to_owned();
        let (session, invitation) = (id(&session), id(&invitation));
        let passkey = "passkey".to_owned();
        let user = app.user_id(ADMIN);
        app.sql(&format!(
            "INSERT INTO passkeys (id, user_id, credential_id, passkey, name, created_at) \
             VALUES ('{passkey}', '{user}', '', '', 'phone', 0)"
        ));
        let bytes = if app.is_sqlite() { "X'00'" } else { "'\\x00'::bytea" };
        app.sql(&format!(
            "INSERT INTO avatars (name, user_id, large, small, created_at) VALUES ('{AVATAR}', '{user}', {bytes}, {bytes}, 0)"
        ));
        let asset = (hash.to_owned(), path.to_owned());
        Self { token, verifier, mail, session, invitation, below, passkey, links, asset }
    }

    fn path(&self, route: &str) -> String {
        let id = match route {
            route if route.starts_with("/settings/tokens") || route.starts_with("/api/v1/tokens") => &self.token,
            route if route.starts_with("/settings/security/passkeys") => &self.passkey,
            route if route.starts_with("/settings/security") => &self.session,
            route if route.starts_with("/admin/verifiers") => &self.verifier,
            route if route.starts_with("/admin/invitations") => &self.invitation,
            route if route.starts_with("/admin/organizations") => &self.below.organization,
            _ => &self.mail,
        };
        if let Some(start) = route.strip_suffix("{code}") {
            return self.links.iter().find(|link| link.starts_with(start)).expect("a link of each kind").clone();
        }
        if route.contains("/organizations/{slug}") || route.starts_with("/settings/api-keys") {
            return self.below.path(route);
        }
        if let Some(below) = route.strip_prefix("/invitations/{code}") {
            return format!("{}{below}", self.links[0]);
        }
        route
            .replace("{provider}", "nobody")
            .replace("{name}", AVATAR)
            .replace("{size}", "128")
            .replace("{scope}", "channels:read")
            .replace("{id}", id)
            .replace("{hash}", &self.asset.0)
            .replace("{path:.*}", &self.asset.1)
    }
}

fn pages(wanted: impl Fn(Needs) -> bool) -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(move |route| route.area == Area::Pages && wanted(route.needs))
}

/// The page on which the form to a path stands, or the link to a download: the nearest one above it.
fn page_of(route: &Route, path: &str) -> String {
    let (mut pattern, mut path) = (route.path, path);
    let is_page = |known: &Route| known.method == "GET" && !known.path.ends_with("/export");
    while !ROUTES.iter().any(|known| known.path == pattern && is_page(known)) {
        (pattern, path) = (pattern.rsplit_once('/').unwrap().0, path.rsplit_once('/').unwrap().0);
    }
    path.to_owned()
}

fn is_private(needs: Needs) -> bool {
    !matches!(needs, Needs::Nothing | Needs::Verifier | Needs::Token)
}

fn is_confirmed(needs: Needs) -> bool {
    matches!(needs, Needs::Confirmed | Needs::AdministratorConfirmed | Needs::MemberConfirmed(_))
}

fn is_administrators(needs: Needs) -> bool {
    matches!(needs, Needs::Administrator | Needs::AdministratorConfirmed)
}

/// Who is not signed in is led to the sign-in page, and from there to a page: never to a dead end.
/// Covers: AC-083
fn a_stranger_is_asked_to_sign_in(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let places = Places::of(&app, &mut ada);
    let before = app.dump();
    let mut dead_ends = Vec::new();
    for route in pages(is_private) {
        let path = places.path(route.path);
        let mut stranger = app.browser();
        let csrf = stranger.open("/login").form("/login").value("csrf");
        let request = Request::new(route.method, &path).header("Sec-Fetch-Site", "same-origin");
        let request = if route.method == "POST" { request.form(&[("csrf", csrf)]) } else { request };
        let answer = stranger.send(request.clone());
        assert_eq!(answer.status, 303, "{} {path}", route.method);
        let login = answer.location().to_owned();
        assert!(login.starts_with("/login?next=%2F"), "{} {path} leads to {login}", route.method);
        if route.method == "GET" {
            assert_eq!(login, keystead::urls::login_returning(&path));
        }
        let by_script = app.browser().send(request.header("Accept", "application/json"));
        assert_eq!((by_script.status, by_script.location()), (401, ""), "{} {path}", route.method);
        // Where does one land after signing in?
        let next = url::Url::parse("http://x").unwrap().join(&login).unwrap();
        let next = next.query_pairs().find(|(name, _)| name == "next").unwrap().1.into_owned();
        let status = ada.get(&next).status;
        if !matches!(status, 200 | 303) {
            dead_ends.push(format!("{} {path} leads to {next}, which is {status}", route.method));
        }
    }
    app.is_still(&before);
    assert!(dead_ends.is_empty(), "{dead_ends:#?}");
}

/// Covers: AC-068, AC-072
fn a_call_without_a_credential_is_refused(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut swept = 0;
    for route in ROUTES.iter().filter(|route| matches!(route.needs, Needs::Verifier | Needs::Token)) {
        let answer = app.send(&Request::new(route.method, route.path));
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer realm=\"keystead\"")));
        assert_eq!(answer.json()["status"], 401);
        swept += 1;
    }
    assert_eq!(swept, 5);
}

/// When the window of a confirmation is over, what needs one asks for it, and does nothing.
/// Covers: AC-031, AC-083
fn what_needs_a_fresh_proof_asks_for_it(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let places = Places::of(&app, &mut ada);
    let csrf = ada.open("/settings/profile").form("/settings/profile").value("csrf");
    app.advance(10 * 60);
    let before = app.dump();
    let mut swept = 0;
    for route in pages(is_confirmed) {
        let path = places.path(route.path);
        let request = Request::new(route.method, &path).header("Sec-Fetch-Site", "same-origin");
        let request = if route.method == "POST" { request.form(&[("csrf", &csrf)]) } else { request };
        let answer = ada.send(request.clone());
        let page = page_of(route, &path);
        let back = match path.strip_prefix(&page) {
            Some(button) if button.starts_with('/') => format!("{page}#{button}"),
            _ => page,
        };
        assert_eq!((answer.status, answer.location()), (303, keystead::urls::step_up_returning(&back).as_str()));
        assert_eq!(ada.send(request.header("Accept", "application/json")).status, 401, "{path}");
        let asked = ada.open(answer.location()).one(".lede");
        let act = act_at(route.path).unwrap_or_else(|| panic!("{} {} has no act", route.method, route.path));
        assert!(asked.contains(&format!("to {act}.")), "{path}: {asked}");
        swept += 1;
    }
    assert!(swept >= 9, "{swept} were swept");
    app.is_still(&before);
    // And what needs none does not ask.
    let leads_away = |route: &Route| route.path.contains("{provider}");
    for route in pages(|needs| is_private(needs) && !is_confirmed(needs))
        .filter(|route| route.method == "GET" && !leads_away(route))
    {
        ada.open(&places.path(route.path));
    }
}

/// To a plain user, administration does not exist; to its administrator, everything does.
/// Covers: AC-105, AC-083
fn administration_is_for_administrators(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let places = Places::of(&app, &mut ada);
    let mut bob = app.other("bob@example.com");
    let csrf = bob.open("/settings/profile").form("/settings/profile").value("csrf");
    let before = app.dump();
    let mut swept = 0;
    for route in pages(is_administrators) {
        let path = places.path(route.path);
        let request = Request::new(route.method, &path).header("Sec-Fetch-Site", "same-origin");
        let request = if route.method == "POST" { request.form(&[("csrf", &csrf)]) } else { request };
        assert_eq!(bob.send(request).status, 404, "{} {path}", route.method);
        if route.method == "GET" {
            ada.open(&path);
        }
        swept += 1;
    }
    assert!(swept >= 10, "{swept} were swept");
    app.is_still(&before);
    for route in ROUTES.iter().filter(|route| route.path.starts_with("/admin")) {
        assert!(matches!(route.needs, Needs::Administrator | Needs::AdministratorConfirmed), "{}", route.path);
        assert!(route.method == "GET" || route.needs == Needs::AdministratorConfirmed, "{}", route.path);
    }
}

/// Any other method is 405, and says which ones there are.
/// Covers: AC-104
fn a_wrong_method_is_told_the_right_ones(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let places = Places::of(&app, &mut ada);
    let mut methods: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for route in ROUTES {
        let known = methods.entry(route.path).or_default();
        known.insert(route.method);
        if route.method == "GET" {
            known.insert("HEAD");
        }
    }
    let before = app.dump();
    for (path, known) in methods {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if known.contains(method) {
                continue;
            }
            let request = Request::new(method, &places.path(path)).header("Sec-Fetch-Site", "same-origin");
            let answer = ada.send(request);
            assert_eq!(answer.status, 405, "{method} {path}");
            let allowed: BTreeSet<&str> = answer.header("allow").unwrap_or_default().split(", ").collect();
            assert_eq!(allowed, known, "{method} {path}");
            if method != "HEAD" {
                let kind = answer.header("content-type").unwrap();
                let wanted = if keystead::web::errors::is_api(path) { "application/problem+json" } else { "text/html" };
                assert!(kind.starts_with(wanted), "{method} {path}: {kind}");
            }
        }
    }
    app.is_still(&before);
}

/// What every answer carries, and what none does.
/// Covers: AC-097, AC-101, AC-104
fn check_headers(page: &Response, what: &str, secure: bool) {
    let is = |name: &str, value: &str| {
        assert_eq!(page.all(name).collect::<Vec<_>>(), [value], "{name} of {what}");
    };
    is("x-content-type-options", "nosniff");
    is("referrer-policy", "same-origin");
    is("cross-origin-resource-policy", "same-origin");
    let policy = page.header("content-security-policy").unwrap_or_else(|| panic!("no policy on {what}"));
    let kind = page.header("content-type").unwrap_or_default();
    let is_picture = what.contains("/avatars/") && page.status == 200;
    if kind.starts_with("text/html") {
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ] {
            assert!(policy.split("; ").any(|known| known == part), "{part} of {what}");
        }
        is("cross-origin-opener-policy", "same-origin");
        is("x-frame-options", "DENY");
        is("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()");
    } else {
        let more = if is_picture { "; sandbox" } else { "" };
        assert_eq!(policy, format!("default-src 'none'; frame-ancestors 'none'{more}"), "{what}");
    }
    if !kind.is_empty() && !kind.starts_with("image/") && !kind.starts_with("font/") {
        assert!(kind.starts_with("application/json") || kind.contains("charset=utf-8"), "{kind} of {what}");
    }
    let hsts = secure.then_some("max-age=63072000; includeSubDomains");
    assert_eq!(page.header("strict-transport-security"), hsts, "{what}");
    if what.contains("/static/") && page.status == 200 {
        is("cache-control", "public, max-age=31536000, immutable");
    } else if is_picture {
        is("cache-control", "private, max-age=86400, immutable");
    } else {
        is("cache-control", "no-store");
    }
    for none in ["server", "x-powered-by", "access-control-allow-origin"] {
        assert_eq!(page.header(none), None, "{none} of {what}");
    }
}

/// Covers: AC-097, AC-101
fn every_answer_carries_the_headers(engine: Engine) {
    for secure in [false, true] {
        let app = TestApp::with(engine, |config| {
            if secure {
                config.base_url = "https://accounts.example.com".parse().unwrap();
            }
        });
        let mut ada = app.set_up();
        let places = Places::of(&app, &mut ada);
        for route in ROUTES {
            let path = places.path(route.path);
            for method in ["GET", "HEAD", "POST", "DELETE"] {
                let request = Request::new(method, &path).header("Origin", "https://evil.example");
                check_headers(&app.send(&request), &format!("{method} {path} for a stranger"), secure);
                if path != "/logout" {
                    let answer = ada.send(request);
                    check_headers(&answer, &format!("{method} {path} for an administrator"), secure);
                }
            }
        }
        for (what, request) in [
            ("unknown", Request::get("/nothing")),
            ("unknown call", Request::get("/api/nothing")),
            ("host", Request::get("/").header("Host", "evil.example")),
            ("call's host", Request::post("/api/v1/verify").header("Host", "evil.example")),
            ("large", Request::post("/login").header("Content-Length", "99999999")),
            ("odd query", Request::get("/login?next=%ff%00&keep")),
            ("script", Request::get("/settings/profile").header("Accept", "application/json")),
            ("stale", Request::get("/static/old/css/app.css")),
        ] {
            check_headers(&app.send(&request), what, secure);
        }
        app.sql("ALTER TABLE tokens RENAME TO tokens_away");
        check_headers(&ada.get("/settings/tokens").expect(500), "a failure", secure);
        app.sql("ALTER TABLE sessions RENAME TO sessions_away");
        check_headers(&ada.get("/settings/tokens").expect(503), "an outage", secure);
    }
}

/// `HEAD` is `GET` without the body.
fn head_answers_as_get(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let places = Places::of(&app, &mut ada);
    // That page draws a new secret, and a QR code of its own length, each time.
    let alike = |route: &&Route| route.method == "GET" && route.path != "/settings/security/second-factor";
    for route in ROUTES.iter().filter(alike) {
        let path = places.path(route.path);
        // What one answer hands on to the next page is none of these pages' own.
        ada.cookies.remove("keystead_notice");
        let (get, head) = (ada.clone().send(Request::get(&path)), ada.clone().send(Request::new("HEAD", &path)));
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        let kept = |response: &Response| {
            let varies = ["date", "x-request-id", "set-cookie"];
            let mut all: Vec<_> =
                response.headers.iter().filter(|(name, _)| !varies.contains(&name.as_str())).cloned().collect();
            all.sort();
            all
        };
        assert_eq!(kept(&head), kept(&get), "{path}");
    }
}

fn what_is_not_there_is_not_found(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    for path in [
        "/nothing",
        "/settings/",
        "/settings/profile/",
        "/SETTINGS/PROFILE",
        "/admin/",
        "/api",
        "/api/v1",
        "/.git/config",
        "/.env",
        "/static/",
        "/static/../secret.key",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/x/../../../etc/passwd",
        "/secret.key",
        "/data/keystead.sqlite",
        "/server-status",
        "/metrics",
        "/debug",
        "//",
        "//login",
        "/%",
        "/%00",
        "/\u{e9}",
    ] {
        for page in [app.browser().get(path), ada.get(path)] {
            assert!(matches!(page.status, 404 | 400), "{path}: {}", page.status);
            assert!(page.status == 404 || path.contains('%') || path.contains('\u{e9}'), "{path}");
        }
    }
    let call = app.send(&Request::get("/api/v1/nothing"));
    assert_eq!((call.status, call.header("content-type")), (404, Some("application/problem+json; charset=utf-8")));
    // Nothing is served for a program that asks by its own callback, and nothing for another site.
    let page = app.send(&Request::get("/healthz?callback=x").header("Origin", "https://evil.example"));
    assert_eq!(page.text(), "ok\n");
}

/// Covers: AC-033
fn only_the_configured_host_is_answered(engine: Engine) {
    let app = TestApp::with(engine, |config| config.base_url = "https://accounts.example.com".parse().unwrap());
    let mut ada = app.set_up();
    for host in [
        "evil.example",
        "accounts.example.com.evil.example",
        "accounts.example.com:8080",
        "evil.accounts.example.com",
        "127.0.0.1:8080",
        "localhost",
        "accounts.example.com@evil.example",
        "",
    ] {
        for path in ["/", "/login", "/api/v1/verify", "/static/x/y"] {
            let answer = app.send(&Request::get(path).header("Host", host));
            assert!(matches!(answer.status, 421 | 400), "{host} {path}: {}", answer.status);
        }
    }
    assert_eq!(app.send(&Request::get("/login").header("Host", "ACCOUNTS.example.com")).status, 200);
    // Forwarded names are nothing to it: what it writes begins with its own.
    let mut forged = ada.clone();
    for name in ["X-Forwarded-Host", "X-Host", "X-Original-Host", "X-Forwarded-Server"] {
        forged = forged.with(name, "evil.example");
    }
    forged = forged.with("Forwarded", "host=evil.example;proto=http").with("X-Forwarded-Proto", "http");
    let form = forged.token_form("bot", &["channels:read"]);
    let page = forged.submit(&form).expect(200);
    assert!(!page.text().contains("evil.example"));
    let mail = &app.mails()[0];
    assert!(
        mail.text.contains("https://accounts.example.com/settings/tokens") && !format!("{mail:?}").contains("evil")
    );
    // On a developer's own machine its names are one.
    let local = TestApp::start(engine);
    for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
        assert_eq!(local.send(&Request::get("/setup").header("Host", host)).status, 200, "{host}");
    }
    drop(ada.sign_out());
}

fn error_page(page: &Page, status: u16, heading: &str) {
    assert_eq!((page.status, page.one("h1").as_str(), page.one(".status-code")), (status, heading, status.to_string()));
    let id = page.header("x-request-id").unwrap_or_else(|| panic!("no request id on {status}"));
    assert_eq!(page.one(".hint code"), id);
    assert_eq!(id.len(), 26);
    let text = page.text().to_lowercase();
    for cause in
        ["sql", "diesel", "no such table", "relation", "panick", "src/", "serde", "actix", "constraint", "error:"]
    {
        assert!(!text.contains(cause), "{cause} on {status}: {text}");
    }
    assert!(page.links().contains(&"/".to_owned()));
}

/// In the same clothes, with a number to ask by, and without a cause.
/// Covers: AC-104
fn every_failure_has_its_page(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let profile = ada.open("/settings/profile").form("/settings/profile");
    error_page(&ada.submit(&profile.clone().without("csrf")), 403, "That was not accepted");
    error_page(&ada.get("/nothing"), 404, "There is nothing here");
    error_page(&ada.get("/logout"), 405, "This address does something else");
    error_page(&ada.submit(&profile.clone().set("first_name", &"x".repeat(33_000))), 413, "That is too large");
    error_page(&ada.get("/settings/logs?before=%FF&before=2"), 400, "That did not arrive as it should");
    let theme = ada.open("/settings/appearance").form("/settings/appearance").without("theme");
    error_page(&ada.submit(&theme), 400, "That did not arrive as it should");
    let mut lost = ada.clone().with("Host", "evil.example");
    error_page(&lost.get("/settings/profile"), 421, "This is another address");
    let many: Vec<Page> = (0..31)
        .map(|index| {
            let form = ada.token_form(&format!("bot {index}"), &["channels:read"]);
            ada.submit(&form)
        })
        .collect();
    let said = many[30].one(".summary");
    assert!(said.contains("The limit is 30 new secrets for tokens and keys in an hour, and it is reached."), "{said}");
    assert!(said.contains("Wait 10 minutes, then send the form again."), "{said}");
    assert_eq!((many[30].status, many[30].header("retry-after")), (429, Some("600")));
    assert_eq!(many[30].form("/settings/tokens/new").value("name"), "bot 30", "what was typed stays");

    app.sql("ALTER TABLE tokens RENAME TO tokens_away");
    let failed = ada.get("/settings/tokens");
    error_page(&failed, 500, "Something went wrong");
    assert!(failed.text().contains("Ada Lovelace"), "in the same clothes");
    app.sql("ALTER TABLE sessions RENAME TO sessions_away");
    let out = ada.get("/settings/profile");
    error_page(&out, 503, "Just a moment");
    assert_eq!(out.header("retry-after"), Some("2"));
    app.sql("ALTER TABLE sessions_away RENAME TO sessions; ALTER TABLE tokens_away RENAME TO tokens");
    ada.open("/settings/tokens");
}

/// Static files are found under the hash of their content, and kept for ever.
fn assets_are_kept_for_ever(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let page = app.browser().open("/login");
    let mut assets = page.attributes("link[href]", "href");
    assets.extend(page.attributes("script[src]", "src"));
    assert!(assets.len() >= 3, "{assets:?}");
    for path in assets {
        let plain = app.send(&Request::get(&path));
        assert_eq!((plain.status, plain.header("content-encoding")), (200, None), "{path}");
        let small = app.send(&Request::get(&path).header("Accept-Encoding", "br, gzip"));
        assert_eq!(small.status, 200);
        if small.header("content-encoding") == Some("gzip") {
            assert!(small.body.len() < plain.body.len(), "{path}");
        }
        assert_eq!(small.header("vary"), Some("Accept-Encoding"));
        let hash = path.split('/').nth(2).unwrap();
        assert_eq!(app.send(&Request::get(&path.replace(hash, "0000000000"))).status, 404);
    }
    // No page asks for anything from elsewhere.
    assert!(!page.text().contains("src=\"http") && !page.text().contains("href=\"http"));
}

/// No page has a style or a script of its own: the policy would block it.
/// Covers: AC-098
fn no_page_has_inline_code(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let places = Places::of(&app, &mut ada);
    for route in pages(|_| true).filter(|route| route.method == "GET") {
        let page = ada.get(&places.path(route.path));
        if page.header("content-type").is_none_or(|kind| !kind.starts_with("text/html")) {
            continue;
        }
        assert!(page.attributes("[style]", "style").is_empty(), "{}", route.path);
        assert!(page.texts("style").is_empty() && page.texts("script").iter().all(String::is_empty), "{}", route.path);
        for handler in ["onclick", "onload", "onerror", "onsubmit", "onchange"] {
            assert!(page.attributes(&format!("[{handler}]"), handler).is_empty(), "{}", route.path);
        }
        assert!(page.links().iter().all(|link| !link.starts_with("javascript:")));
    }
    app.browser().sign_in(ADMIN, PASSWORD);
}

/// Whoever is asked who they are is told for what.
/// Covers: AC-031
#[test]
fn every_confirmation_names_its_act() {
    for route in pages(|needs| is_confirmed(needs) || is_administrators(needs)) {
        assert!(act_at(route.path).is_some(), "{} {} has no act", route.method, route.path);
    }
}

on_both!(
    a_stranger_is_asked_to_sign_in,
    a_call_without_a_credential_is_refused,
    what_needs_a_fresh_proof_asks_for_it,
    administration_is_for_administrators,
    a_wrong_method_is_told_the_right_ones,
    every_answer_carries_the_headers,
    head_answers_as_get,
    what_is_not_there_is_not_found,
    only_the_configured_host_is_answered,
    every_failure_has_its_page,
    assets_are_kept_for_ever,
    no_page_has_inline_code,
);
