//! Changes need the session's own form token and the site's own page.

use keystead::auth::link::Purpose;
use keystead::catalogue::Role;
use keystead::routes::{Area, Needs, ROUTES, Route};

use crate::avatars::{RED, plain};
use crate::second_factor::{App, enrol};
use crate::support::app::lines;
use crate::support::{ADMIN, Authenticator, Browser, Engine, PASSWORD, Request, Response, TestApp, Tricks, on_both};
use crate::terminals::ask;

type Pairs = Vec<(&'static str, String)>;

/// The answers of a passkey that there is, to be confirmed and signed in with, and of one that may be added.
fn passkeys(browser: &mut Browser) -> (String, [String; 3]) {
    let csrf = browser.open("/settings/profile").form("/settings/profile").value("csrf");
    let mut post = |path: &str, pairs: &[(&str, &str)]| {
        let request = Request::post(path).form(&[&[("csrf", csrf.as_str())], pairs].concat());
        browser.send(request.header("Sec-Fetch-Site", "same-origin"))
    };
    let (mut known, mut fresh) = (Authenticator::new(), Authenticator::new());
    let mut made = |device: &mut Authenticator| {
        device.make(&post("/settings/security/passkeys/options", &[]).json(), Tricks::default())
    };
    let (first, second) = (made(&mut known), made(&mut fresh));
    let added = post("/settings/security/passkeys/new", &[("name", "phone"), ("credential", &first)]);
    assert_eq!(added.status, 200, "with recovery codes");
    let confirms = known.prove(&post("/step-up/passkey/options", &[]).json(), Tricks::default());
    let signs_in = known.prove(&post("/login/passkey/options", &[]).json(), Tricks::default());
    let links = browser.open("/settings/security").links();
    let remove = links.into_iter().find(|link| link.contains("/passkeys/") && link.ends_with("/remove")).unwrap();
    (remove, [second, confirms, signs_in])
}

/// For every posting route a form that would do something, with real ids in the paths; in an order in which all of them
/// can be sent one after the other.
#[expect(clippy::too_many_lines, reason = "a form for each posting route, and there are many")]
fn acts(app: &TestApp, browser: &mut Browser) -> Vec<(String, Pairs)> {
    let (id, secret) = browser.create_token("bot", &["channels:read"]);
    let (picked, _) = browser.create_token("picked", &["channels:read"]);
    browser.make_verifier("billing");
    let delete_verifier =
        browser.open("/admin/verifiers").links().into_iter().find(|link| link.ends_with("/delete")).unwrap();
    app.browser().sign_in(ADMIN, PASSWORD);
    let end = browser.open("/settings/security").attributes("form[action$=\"/end\"]", "action").remove(0);
    browser.invite("carol@example.com");
    let cancel = browser.open("/admin/invitations").attributes("form[action$=\"/cancel\"]", "action").remove(0);
    let invited = browser.invite("erin@example.com");
    app.browser().sign_up("dora@example.com", PASSWORD).expect(200);
    app.browser().forget(ADMIN).expect(200);
    let (asked, forgotten) = (app.mailed_link("dora@example.com"), app.mailed_link(ADMIN));
    let reset_options = format!("{forgotten}/options");
    enrol(app, &mut app.other("ivy@example.com"));
    let lost = browser.help_back_in("ivy@example.com", "second_factor");
    let factor = browser.open("/settings/security/second-factor");
    let (setup, code) =
        (factor.form("/settings/security/second-factor").value("setup"), App::scan(&factor).code(app, 0));
    let (remove_passkey, [fresh, confirms, signs_in]) = passkeys(browser);
    let read = format!("/admin/mail/{}", app.mails()[0].id);
    app.other("hal@example.com").change_email("hal.new@example.com").expect(303);
    let (to_new, to_old) = (app.mailed_link("hal.new@example.com"), app.mailed_link("hal@example.com"));
    let unlock = keystead::urls::login_unlock(&app.make_link(Purpose::UnlockSignIn, ADMIN));
    let [mine, foreign] = [(); 2].map(|()| ask(app)["user_code"].as_str().unwrap().to_owned());
    let (ada, identity) = (app.user_id(ADMIN), "01jd0000000000000000000001");
    app.sql(&format!(
        "INSERT INTO identities (id, user_id, provider, issuer, subject, email, created_at) \
         VALUES ('{identity}', '{ada}', 'example', 'https://id.example.com', '1', 'ada@example.com', 0)"
    ));
    let disconnect = keystead::urls::connection_disconnect(&identity.to_owned().into());
    let own = |text: &str| text.to_owned();
    let chosen = |password: &str| vec![("password", own(password)), ("confirm", own(password))];
    let named = |email: &str| [vec![("email", own(email)), ("first_name", own("Fay"))], chosen(PASSWORD)].concat();
    let acts: Vec<(String, Pairs)> = vec![
        (own("/device"), vec![("user_code", mine.clone())]),
        (own("/device/terminal"), vec![("user_code", mine)]),
        (own("/device/terminal/deny"), vec![("user_code", foreign)]),
        (own("/settings/profile"), vec![("first_name", own("Eve"))]),
        (own("/settings/profile/picture"), vec![]),
        (own("/settings/profile/picture/remove"), vec![]),
        (own("/settings/appearance"), vec![("theme", own("dark"))]),
        (
            own("/settings/tokens/new"),
            vec![
                ("form_id", own("01jd0000000000000000000000")),
                ("name", own("other")),
                ("expiry", own("7")),
                ("organization", own("all")),
                ("access", own("everything")),
            ],
        ),
        (format!("/settings/tokens/{id}/file"), vec![("secret", secret)]),
        (
            format!("/settings/tokens/{id}/edit"),
            vec![("name", own("bot")), ("access", own("selected")), ("scope", own("channels:update"))],
        ),
        (format!("/settings/tokens/{id}/scopes/remove"), vec![("scope", own("channels:update"))]),
        (format!("/settings/tokens/{id}/scopes/clear"), vec![]),
        (
            format!("/settings/tokens/{id}/regenerate"),
            vec![("form_id", own("01jd0000000000000000000001")), ("expiry", own("7")), ("old", own("24h"))],
        ),
        (format!("/settings/tokens/{id}/old-secret/end"), vec![]),
        (own("/settings/tokens/revoke"), vec![("id", picked)]),
        (format!("/settings/tokens/{id}/revoke"), vec![]),
        (format!("/settings/tokens/{id}/delete"), vec![]),
        (own("/settings/tokens/delete-all"), vec![("phrase", own("delete all my tokens"))]),
        (own("/admin/verifiers"), vec![("name", own("other"))]),
        (delete_verifier, vec![]),
        (
            own("/admin/policy"),
            vec![("max_days", own("30")), ("version", own("0")), ("count", own("0")), ("act", own("new"))],
        ),
        (own("/admin/invitations"), vec![("email", own("gwen@example.com"))]),
        (cancel, vec![]),
        (end, vec![]),
        (own("/settings/security/second-factor"), vec![("setup", setup), ("code", code)]),
        (own("/settings/security/recovery-codes"), vec![]),
        (own("/settings/security/recovery-codes/file"), vec![("codes", own("0000-0000-0000-0000")); 10]),
        (own("/settings/security/second-factor/remove"), vec![]),
        (own("/login/second-factor"), vec![]),
        (own("/login/second-factor/options"), vec![]),
        (own("/settings/security/passkeys/options"), vec![]),
        (own("/settings/security/passkeys/new"), vec![("name", own("other")), ("credential", fresh)]),
        (remove_passkey.replace("/remove", "/rename"), vec![("name", own("old phone"))]),
        (own("/step-up/passkey/options"), vec![]),
        (own("/step-up/passkey"), vec![("credential", confirms)]),
        (own("/login/passkey/options"), vec![]),
        (own("/login/passkey"), vec![("credential", signs_in)]),
        (reset_options, vec![]),
        (remove_passkey, vec![]),
        (own("/step-up"), vec![("password", own(PASSWORD)), ("next", own("/"))]),
        (read, vec![]),
        (unlock, vec![]),
        (lost, vec![("password", own(PASSWORD))]),
        (own("/admin/recovery"), vec![("email", own(ADMIN)), ("what", own("password"))]),
        (to_new, vec![("password", own(PASSWORD))]),
        (to_old, vec![("answer", own("allow"))]),
        (own("/settings/profile/email"), vec![("new_email", own("ada.other@example.com"))]),
        (own("/settings/profile/email/cancel"), vec![]),
        (disconnect, vec![]),
        (keystead::urls::connection_offer(&"0".repeat(64)), vec![]),
        (own("/step-up/mail"), vec![]),
        (own("/setup"), vec![]),
        (own("/logout"), vec![]),
        (own("/password/forgot"), vec![("email", own(ADMIN))]),
        (own("/signup"), named("fay@example.com")),
        (forgotten, chosen("another-Tin-roof-78")),
        (own("/login"), vec![("email", own(ADMIN)), ("password", own("another-Tin-roof-78"))]),
        (
            own("/settings/security/password"),
            [vec![("current", own("another-Tin-roof-78"))], chosen("a-Third-roof-79")].concat(),
        ),
        (own("/settings/security/logout-all"), vec![]),
        (asked, vec![("password", own(PASSWORD))]),
        (invited, named("")),
    ];
    let acts = [in_an_organization(app, browser), acts].concat();
    let posting = ROUTES.iter().filter(|route| route.area == Area::Pages && route.method != "GET").count();
    assert_eq!(acts.len(), posting, "a posting route is missing here");
    acts
}

/// The same for an organization's own pages; the last of them ends it.
fn in_an_organization(app: &TestApp, browser: &mut Browser) -> Vec<(String, Pairs)> {
    let own = |text: &str| text.to_owned();
    for slug in ["acme", "left", "given"] {
        browser.make_organization(slug);
    }
    let role = browser.make_role("acme", "Deployers", &["channels:update"]);
    for (email, role) in [("hugo@example.com", Role::Viewer), ("ida@example.com", Role::Viewer)] {
        app.make_user(email);
        app.make_member("acme", email, role);
        app.make_member("left", email, Role::Owner);
        app.make_member("given", email, Role::Viewer);
    }
    let hugo = app.user_id("hugo@example.com");
    let team = browser.make_team("acme", "Deploy", "");
    let [first, second] = ["jo@example.com", "kim@example.com"].map(|email| {
        browser.invite_to("acme", email, "viewer");
        app.invitation_id(email)
    });
    let mut host = app.other("olga@example.com");
    host.make_organization("olgas");
    host.invite_to("olgas", ADMIN, "viewer");
    let declined = app.invitation_id(ADMIN);
    browser.work_in("acme");
    let (key, secret) = browser.create_key("program", &[]);
    let account = browser.make_service_account("acme", "ci", "viewer");
    let (token, service_secret) = browser.create_service_token("acme", &account, "build", &[]);
    let [acme, left, given] = ["acme", "left", "given"].map(|slug| app.organization_id(slug));
    let at = |below: &str, pairs: Pairs| {
        (format!("/organizations/acme{below}"), [vec![("made_for", acme.clone())], pairs].concat())
    };
    let of_keys = |below: &str, pairs: Pairs| {
        (format!("/settings/api-keys{below}"), [vec![("made_for", acme.clone())], pairs].concat())
    };
    vec![
        of_keys(
            "/new",
            vec![
                ("form_id", own("01jd0000000000000000000002")),
                ("description", own("other")),
                ("access", own("everything")),
            ],
        ),
        of_keys(&format!("/{key}/file"), vec![("secret", secret)]),
        of_keys(&format!("/{key}/delete"), vec![]),
        (own("/organizations/new"), vec![("name", own("Brand new"))]),
        at("/switch", vec![]),
        at("/settings", vec![("name", own("Acme")), ("slug", own("acme"))]),
        at("/picture", vec![]),
        at("/picture/remove", vec![]),
        at("/settings/second-factor", vec![("require", own("yes"))]),
        at("/policy", vec![("max_days", own("30")), ("version", own("0")), ("count", own("0")), ("act", own("new"))]),
        at("/target", vec![("target", own("yes"))]),
        at("/roles/new", vec![("name", own("Another")), ("scope", own("channels:read"))]),
        at(&format!("/roles/{role}/edit"), vec![("name", own("Renamed")), ("right", own("org.logs:read"))]),
        at(&format!("/roles/{role}/delete"), vec![]),
        at("/teams/new", vec![("name", own("Another")), ("role", own("viewer"))]),
        at(&format!("/teams/{team}/edit"), vec![("name", own("Renamed")), ("role", own(""))]),
        at(&format!("/teams/{team}/members"), vec![("user", hugo.clone())]),
        at(&format!("/teams/{team}/remove"), vec![("user", hugo.clone())]),
        at(&format!("/teams/{team}/delete"), vec![]),
        at("/invitations/new", vec![("email", own("lou@example.com")), ("role", own("viewer"))]),
        at(&format!("/invitations/{first}/resend"), vec![]),
        at(&format!("/invitations/{second}/cancel"), vec![]),
        (format!("/invitations/{declined}/decline"), vec![]),
        (format!("/admin/organizations/{acme}"), vec![("plan", own("Large")), ("members", own("100"))]),
        at(&format!("/members/{hugo}/role"), vec![("role", own("member"))]),
        at(&format!("/members/{hugo}/remove"), vec![]),
        (own("/organizations/left/leave"), vec![("made_for", left)]),
        (
            own("/organizations/given/hand-over"),
            vec![("made_for", given), ("email", own("ida@example.com")), ("phrase", own("GIVEN"))],
        ),
        at("/policy/personal-tokens", vec![("allow", own("no"))]),
        at("/policy/api-keys", vec![("allow", own("no"))]),
        at("/service-accounts/new", vec![("name", own("other")), ("role", own("viewer"))]),
        at(&format!("/service-accounts/{account}/edit"), vec![("name", own("ci 2")), ("role", own("member"))]),
        at(&format!("/service-accounts/{account}/disable"), vec![]),
        at(&format!("/service-accounts/{account}/enable"), vec![]),
        at(
            &format!("/service-accounts/{account}/tokens/new"),
            vec![
                ("form_id", own("01jd0000000000000000000003")),
                ("name", own("other")),
                ("expiry", own("7")),
                ("access", own("everything")),
            ],
        ),
        at(&format!("/service-accounts/{account}/tokens/{token}/file"), vec![("secret", service_secret)]),
        at(
            &format!("/service-accounts/{account}/tokens/{token}/regenerate"),
            vec![("form_id", own("01jd0000000000000000000004")), ("expiry", own("7")), ("old", own("24h"))],
        ),
        at(&format!("/service-accounts/{account}/tokens/{token}/old-secret/end"), vec![]),
        at(&format!("/service-accounts/{account}/tokens/{token}/revoke"), vec![]),
        at(&format!("/service-accounts/{account}/tokens/{token}/delete"), vec![]),
        at(&format!("/service-accounts/{account}/delete"), vec![]),
        at("/delete", vec![("phrase", own("Acme"))]),
    ]
}

fn send(browser: &mut Browser, path: &str, pairs: &Pairs, tokens: &[&str], headers: &[(&str, &str)]) -> Response {
    let mut all: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.extend(tokens.iter().map(|token| ("csrf", *token)));
    let form = if path.ends_with("/picture") {
        Request::post(path).multipart(&all, "picture", &plain(9, 9, RED))
    } else {
        Request::post(path).form(&all)
    };
    let request = headers.iter().fold(form, |request, (name, value)| request.header(name, value));
    browser.send(request)
}

const OURS: &str = "http://127.0.0.1:8080";

/// Covers: AC-018, AC-095
fn every_posting_route_asks_for_both(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut bob = app.other("bob@example.com");
    let acts = acts(&app, &mut ada);
    let token = |browser: &mut Browser| browser.open("/settings/profile").form("/settings/profile").value("csrf");
    let (hers, again, his) = (token(&mut ada), token(&mut ada), token(&mut bob));
    assert_ne!(hers, again, "each page masks it anew");
    let strangers = app.browser().open("/login").form("/login").value("csrf");
    let mut flipped = hers.clone();
    flipped.replace_range(63..64, if hers.ends_with('0') { "1" } else { "0" });
    let zeros = "0".repeat(64);
    let before = app.dump();
    for (path, pairs) in &acts {
        let ours = [("Sec-Fetch-Site", "same-origin")];
        for tokens in [&[][..], &[""], &[&flipped], &[&his], &[&strangers], &[&zeros], &[&hers, &hers], &["é"]] {
            let answer = send(&mut ada.clone(), path, pairs, tokens, &ours);
            assert_eq!(answer.status, 403, "{path} with {tokens:?}");
        }
        for headers in [
            &[("Sec-Fetch-Site", "cross-site")][..],
            &[("Sec-Fetch-Site", "same-site")],
            &[("Sec-Fetch-Site", "none")],
            &[("Sec-Fetch-Site", "")],
            &[("Sec-Fetch-Site", "cross-site"), ("Origin", OURS)],
            &[("Origin", "https://evil.example")],
            &[("Origin", "null")],
            &[("Origin", "http://127.0.0.1:8080.evil.example")],
            &[("Origin", "http://127.0.0.1")],
            &[("Origin", "https://127.0.0.1:8080")],
        ] {
            let answer = send(&mut ada.clone(), path, pairs, &[&hers], headers);
            assert_eq!(answer.status, 403, "{path} with {headers:?}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
        for kind in ["text/plain", "application/json", "multipart/form-data; boundary=x", ""] {
            let mut all: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
            all.push(("csrf", &hers));
            let mut request = Request::post(path).form(&all).header("Sec-Fetch-Site", "same-origin");
            kind.clone_into(&mut request.headers[0].1);
            assert_eq!(ada.clone().send(request).status, 400, "{path} as {kind:?}");
        }
    }
    app.is_still(&before);

    // The same forms, sent as they should be, all do something: so it was the guards that held.
    for (path, pairs) in &acts {
        let before = app.dump();
        let headers: &[(&str, &str)] = match path.len() % 3 {
            0 => &[("Sec-Fetch-Site", "same-origin")],
            1 => &[("Origin", OURS)],
            _ => &[],
        };
        let answer = send_as_it_should_be(&mut ada, path, pairs, headers);
        assert!(matches!(answer.status, 200 | 303), "{path}: {} {}", answer.status, answer.text());
        // No sign-in waits for a second factor here, so that page only leads back.
        // Nothing was offered to connect, and whoever has a password confirms with that.
        let idle = path.contains("/connections/offers/")
            || path == "/step-up/mail"
            || path == "/setup"
            || path.starts_with("/login/second-factor")
            || path.ends_with("/file");
        assert_eq!(app.dump() == before, idle, "{path}");
        leave_without_passkey(&app, path);
    }
}

/// Whoever has given the password alone, and not the second factor, changes nothing.
/// Covers: AC-044
fn half_a_sign_in_changes_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    // She has a passkey from now on, which is asked for.
    let acts = acts(&app, &mut ada);
    let mut half = app.browser();
    half.try_sign_in(ADMIN, PASSWORD).expect_lead("/login/second-factor");
    let csrf = half.open("/login").form("/login").value("csrf");
    let before = app.dump();
    for (path, pairs) in acts.iter().filter(|(path, _)| !is_open(path)) {
        let answer = send(&mut half, path, pairs, &[&csrf], &[("Sec-Fetch-Site", "same-origin")]);
        assert!(answer.location().starts_with("/login"), "{path}: {} {}", answer.status, answer.location());
    }
    app.is_still(&before);
}

/// Whether a path is one of a route that needs nobody to be signed in.
fn is_open(path: &str) -> bool {
    let fits = |known: &str| {
        let (asked, known): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), known.split('/').collect());
        asked.len() == known.len()
            && asked.iter().zip(known).all(|(asked, known)| known.starts_with('{') || *asked == known)
    };
    let posting = |route: &&Route| route.area == Area::Pages && route.method != "GET";
    let mut all = ROUTES.iter().filter(posting).filter(|route| fits(route.path));
    all.any(|route| matches!(route.needs, Needs::Nothing))
}

/// What an administrator's row, a role, an owner and a time could be changed by, in every form that does not ask for it.
/// Covers: AC-008
fn smuggled_fields_change_nothing(engine: Engine) {
    let plain = outcomes(engine, false);
    for (one, other) in plain.iter().zip(outcomes(engine, true)) {
        assert_eq!(*one, other);
    }
}

/// What comes of each act, with the rows that it leaves: without what is made by chance.
fn outcomes(engine: Engine, smuggling: bool) -> Vec<(String, u16, Vec<String>)> {
    const ROWS: [&str; 7] = [
        "SELECT 'user ' || email || ' ' || first_name || ' ' || last_name || ' ' || status || ' ' || is_administrator || ' ' \
         || second_factor || ' ' || created_at AS line FROM users",
        "SELECT 'member ' || o.name || ' ' || u.email || ' ' || m.role AS line FROM members m \
         JOIN organizations o ON o.id = m.organization_id JOIN users u ON u.id = m.user_id",
        "SELECT 'organization ' || name || ' ' || kind || ' ' || created_at AS line FROM organizations",
        "SELECT 'token ' || t.name || ' ' || t.kind || ' ' || t.scopes || ' ' || t.created_at || ' ' || COALESCE(u.email, '') || ' ' \
         || COALESCE(o.name, '') AS line FROM tokens t LEFT JOIN users u ON u.id = t.user_id \
         LEFT JOIN organizations o ON o.id = t.organization_id",
        "SELECT 'invitation ' || email || ' ' || COALESCE(role, '') || ' ' || created_at AS line FROM invitations",
        "SELECT 'service account ' || name || ' ' || role || ' ' || is_enabled AS line FROM service_accounts",
        "SELECT 'session of ' || u.email AS line FROM sessions s JOIN users u ON u.id = s.user_id",
    ];
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let acts = acts(&app, &mut ada);
    let other = app.make_user("mallory@example.com").to_string();
    let foreign = app.private_organization("mallory@example.com");
    let extra = [
        ("is_administrator", "true"),
        ("role", "owner"),
        ("status", "suspended"),
        ("id", "01jd0000000000000000000009"),
        ("user_id", &other),
        ("organization_id", &foreign),
        ("created_at", "0"),
    ];
    let rows = || {
        app.read(|connection| {
            let mut all = Vec::new();
            for query in ROWS {
                all.extend(lines(connection, query)?);
            }
            all.sort();
            Ok(all)
        })
    };
    let mut came = Vec::new();
    for (path, pairs) in &acts {
        let mut pairs = pairs.clone();
        if smuggling {
            let lacks = extra.iter().filter(|(name, _)| !pairs.iter().any(|(known, _)| known == name));
            let lacks: Pairs = lacks.map(|(name, value)| (*name, (*value).to_owned())).collect();
            pairs.extend(lacks);
        }
        let answer = send_as_it_should_be(&mut ada, path, &pairs, &[]);
        let without_ids: Vec<&str> = path.split('/').filter(|part| part.len() < 26).collect();
        came.push((without_ids.join("/"), answer.status, rows()));
        leave_without_passkey(&app, path);
    }
    came
}

/// Sends a form with the token that the browser's own pages hold at that moment.
fn send_as_it_should_be(browser: &mut Browser, path: &str, pairs: &Pairs, headers: &[(&str, &str)]) -> Response {
    let login = browser.get("/login");
    let token = if login.status == 200 { login.form("/login").value("csrf") } else { browser.form_token() };
    send(browser, path, pairs, &[&token], headers)
}

/// The passkey that was just added would be asked for at each of the forms that follow.
fn leave_without_passkey(app: &TestApp, path: &str) {
    if path.contains("/passkeys/") && path.ends_with("/remove") {
        app.sql("DELETE FROM passkeys; UPDATE users SET second_factor = FALSE");
    }
}

/// Before there is a session the token is bound to a cookie of its own.
/// Covers: AC-018, AC-095
fn strangers_forms_are_bound_too(engine: Engine) {
    let app = TestApp::start(engine);
    let mut first = app.browser();
    let setup = first.open("/setup").form("/setup");
    assert_eq!(first.clone().submit(&setup.clone().without("csrf")).status, 403);
    assert_eq!(app.browser().submit(&setup).status, 403, "without its cookie");
    app.set_up();
    let form = app.browser().open("/login").form("/login").set("email", ADMIN).set("password", PASSWORD);
    let mut other = app.browser();
    other.open("/login");
    assert_eq!(other.submit(&form).status, 403, "another browser's");
    let mut odd = app.browser();
    odd.cookies.insert("keystead_form".to_owned(), "x".to_owned());
    assert_eq!(odd.submit(&form).status, 403);
    assert_eq!((app.count("sessions"), app.logged("session.sign_in_refused")), (1, 0));
    // The same browser, two windows open: both forms work.
    let (one, two) = (other.open("/login").form("/login"), other.open("/login").form("/login"));
    assert_ne!(one.value("csrf"), two.value("csrf"));
    let right = |form: &crate::support::Form| form.clone().set("email", ADMIN).set("password", PASSWORD);
    other.clone().submit(&right(&one)).expect(303);
    other.clone().submit(&right(&two)).expect(303);
}

/// A form that was opened before the session's key changed still works: the token belongs to the login.
fn a_form_outlives_a_new_key(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.open("/settings/profile").form("/settings/profile").set("first_name", "Augusta");
    ada.confirm(PASSWORD, "/").expect(303);
    ada.submit(&form).expect_lead("/settings/profile");
    // Not beyond the login itself.
    ada.sign_out().expect(303);
    ada.sign_in(ADMIN, PASSWORD);
    ada.submit(&form).expect(403);
}

on_both!(
    every_posting_route_asks_for_both,
    half_a_sign_in_changes_nothing,
    smuggled_fields_change_nothing,
    strangers_forms_are_bound_too,
    a_form_outlives_a_new_key,
);
