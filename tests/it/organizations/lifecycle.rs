//! Making, renaming, handing over and deleting organizations, and the switch in the header.

use keystead::catalogue::Role;
use keystead::clock::DAY;

use crate::support::{ADMIN, Browser, Engine, PASSWORD, Request, TestApp, on_both};

/// Covers: S0-28, S0-30, S0-40
fn a_newcomer_makes_an_organization(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut bob = app.other("bob@example.com");
    let list = bob.open("/organizations");
    assert_eq!(list.texts("tbody tr").len(), 1, "only the private one");
    assert!(list.links().contains(&"/organizations/new".to_owned()));
    let form = bob.open("/organizations/new").form("/organizations/new").set("name", " Zoe\u{308} & Söhne ");
    let made = bob.submit(&form).expect_lead("/organizations/zoe-sohne");
    let home = bob.follow(&made);
    assert_eq!(home.notice(), "The organization is there, and you own it. You work in it now.");
    assert_eq!(home.one("h1"), "Zoë & Söhne");
    assert_eq!(app.role_of("zoe-sohne", "bob@example.com").as_deref(), Some("owner"));
    let list = bob.open("/organizations");
    assert_eq!(list.texts("tbody th .cell-main"), ["Private", "Zoë & Söhne"]);
    assert_eq!(list.texts("tbody td[data-label=\"Your role\"]"), ["Owner", "Owner Working here"]);
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.subject_name.as_str()), ("organization.created", "Zoë & Söhne"));
    assert!(home.text().contains("Organization created"), "the overview tells what happened");
}

/// What can't be an address says so at its field, and what was typed stays.
fn bad_names_and_addresses_come_back(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let before = app.dump_but(&["attempts"]);
    for (name, slug, field) in [
        ("", "", "name"),
        ("a\u{202e}b", "fine", "name"),
        ("Acme", "ab", "slug"),
        ("Acme", "New Place", "slug"),
        ("Acme", "new", "slug"),
        ("Acme", "private-01kd", "slug"),
        ("Acme", "abcdefghjkmnpqrstvwxyz0123", "slug"),
        ("Acme", "../admin", "slug"),
        ("Acme", "acme", "slug"),
        ("Acme", "", "slug"),
        ("東京", "", "slug"),
    ] {
        let form = ada.open("/organizations/new").form("/organizations/new").set("name", name).set("slug", slug);
        let page = ada.submit(&form).expect(422);
        assert_eq!(page.errors(), [field], "{name:?} {slug:?}");
        assert_eq!(page.form("/organizations/new").value("name"), name);
    }
    app.is_still_but(&["attempts"], &before);
}

/// Covers: S0-33
fn settings_rename_it_and_move_its_address(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    ada.make_organization("other");
    let path = "/organizations/acme/settings";
    let form = ada.open(path).form(path);
    let taken = ada.submit(&form.clone().set("slug", "other")).expect(422);
    assert_eq!(taken.error_at("slug"), "This address is taken. Choose another one");
    let saved = ada.submit(&form.clone().set("name", "Acme Robotics").set("slug", "acme-robotics"));
    let page = ada.follow(&saved.expect_lead("/organizations/acme-robotics/settings"));
    assert_eq!(page.notice(), "The organization is saved.");
    assert_eq!(app.last_logged().action, "organization.changed");
    ada.get(path).expect(404);
    // Saving what is there already is no change.
    let before = app.dump();
    let same = page.form("/organizations/acme-robotics/settings");
    ada.submit(&same).expect(303);
    app.is_still(&before);
}

/// The private one has the same pages where they make sense, and none where they don't.
/// Covers: S0-29
fn the_private_one_is_never_shared(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let slug = format!("private-{}", app.private_organization(ADMIN));
    let at = |below: &str| format!("/organizations/{slug}{below}");
    let home = ada.open(&at(""));
    assert!(home.text().contains("never shared"));
    for below in ["/members", "/roles", "/roles/new", "/leave", "/hand-over", "/delete"] {
        assert!(!home.links().contains(&at(below)));
        ada.get(&at(below)).expect(404);
    }
    let form = ada.open(&at("/settings")).form(&at("/settings"));
    let renamed = form.set("name", "Ada's own").smuggle("slug", "taken-over");
    ada.submit(&renamed).expect_lead(&at("/settings"));
    assert_eq!(ada.open(&at("")).one("h1"), "Ada's own");
    let mut bob = app.other("bob@example.com");
    bob.get(&at("")).expect(404);
}

/// Covers: S0-32, AC-082
fn the_switch_is_the_sessions_and_tabs_keep_theirs(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("one");
    ada.make_organization("two");
    let working = |page: &crate::support::Page| page.one(".organization-menu summary .menu-word");
    assert_eq!(working(&ada.open("/settings/profile")), "TWO");
    // Another browser of the same person begins where they worked last, and works where it likes.
    let mut desk = app.browser();
    desk.sign_in(ADMIN, PASSWORD);
    assert_eq!(working(&desk.open("/settings/profile")), "TWO");
    let form = desk.open("/settings/profile").form("/organizations/one/switch");
    desk.submit(&form).expect_lead("/organizations/one");
    assert_eq!(working(&desk.open("/settings/profile")), "ONE");
    assert_eq!(working(&ada.open("/settings/profile")), "TWO");
    // A page of an organization names its own, whatever else one works in.
    assert_eq!(working(&desk.open("/organizations/two")), "TWO");
    // A form says which organization it was made for: its address may be another's by then.
    let stale = desk.open("/organizations/two/settings").form("/organizations/two/settings");
    let path = "/organizations/two/settings";
    let moved = ada.open(path).form(path).set("slug", "moved");
    ada.submit(&moved).expect(303);
    ada.make_organization("two");
    let before = app.dump();
    desk.submit(&stale.set("name", "Mixed up")).expect(403);
    for wrong in [app.organization_id("one"), String::new()] {
        let form = desk.open("/organizations/one/settings").form("/organizations/one/settings");
        let form = form.without("made_for").smuggle("made_for", &wrong).set("name", "Again");
        assert_eq!(desk.submit(&form).status, if wrong.is_empty() { 403 } else { 303 });
    }
    assert_ne!(app.dump(), before, "the right one was taken");
    // Somebody else's can't be chosen.
    let mut bob = app.other("bob@example.com");
    bob.make_organization("bobs");
    let form = bob
        .open("/settings/profile")
        .form(&format!("/organizations/private-{}/switch", app.private_organization("bob@example.com")));
    let mut foreign = form;
    "/organizations/one/switch".clone_into(&mut foreign.action);
    let foreign = foreign.without("made_for").smuggle("made_for", &app.organization_id("one"));
    bob.submit(&foreign).expect(404);
    assert_eq!(working(&bob.open("/settings/profile")), "BOBS");
}

/// An invitation carries an organization's name into strangers' mailboxes: none speaks for whoever runs the service.
/// Covers: AC-010
fn no_name_speaks_for_the_service(engine: Engine) {
    let app = TestApp::with(engine, |config| "Acme Accounts".clone_into(&mut config.product_name));
    let mut ada = app.set_up();
    let mut eve = app.other("eve@example.com");
    let form = eve.open("/organizations/new").form("/organizations/new");
    let long = "x".repeat(2_000);
    for name in [
        "Admin",
        " a d m i n ",
        "Ａｄｍｉｎ",
        "Support",
        "Customer Support",
        "Security Alert",
        "ACME-accounts",
        "\u{202e}emca",
        "a\u{200b}b",
        "   ",
        &long,
    ] {
        let page = eve.submit(&form.clone().set("name", name).set("slug", "acme")).expect(422);
        assert_eq!(page.errors(), ["name"], "{name:.40}");
        let body = serde_json::json!({ "name": name, "slug": "acme" });
        assert_eq!(eve.call("POST", "/api/v1/organizations", &body).status, 422, "{name:.40}");
    }
    assert_eq!(eve.submit(&form.clone().set("name", "Eve").set("slug", "support")).expect(422).errors(), ["slug"]);
    eve.submit(&form.set("name", "Eve’s <b>own</b>").set("slug", "eves")).expect(303);
    let rename = eve.open("/organizations/eves/settings").form("/organizations/eves/settings");
    assert_eq!(eve.submit(&rename.clone().set("name", "Acme Accounts")).expect(422).errors(), ["name"]);
    assert_eq!(eve.submit(&rename.set("slug", "security")).expect(422).errors(), ["slug"]);
    let body = serde_json::json!({ "name": "Administrator" });
    assert_eq!(eve.call("PATCH", "/api/v1/organizations/eves", &body).status, 422);
    // An administrator of the instance speaks for it.
    let form = ada.open("/organizations/new").form("/organizations/new");
    ada.submit(&form.set("name", "Acme Accounts")).expect(303);
    app.make_member("acme-accounts", "eve@example.com", Role::Admin);
    let settings = "/organizations/acme-accounts/settings";
    let form = eve.open(settings).form(settings);
    eve.submit(&form.set("slug", "accounts")).expect(303);
}

/// Covers: AC-079
fn so_many_are_made_within_an_hour(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    for number in 0..30 {
        ada.make_organization(&format!("acme-{number}"));
    }
    let form = ada.open("/organizations/new").form("/organizations/new").set("name", "One more");
    let page = ada.submit(&form).expect(422);
    assert!(page.error_at("name").contains("Try again later"), "{}", page.error_at("name"));
    let body = serde_json::json!({ "name": "One more" });
    assert_eq!(ada.call("POST", "/api/v1/organizations", &body).status, 429);
    // The name of the last of them, which no menu offers any more, is no password.
    app.sql("UPDATE organizations SET name = 'Zebra Crossing' WHERE slug = 'acme-29'");
    let path = "/settings/security/password";
    let form = ada.open("/settings/security").form(path).set("current", crate::support::PASSWORD);
    let form = form.set("password", "ZebraCrossing42!").set("confirm", "ZebraCrossing42!");
    assert_eq!(ada.submit(&form).expect(422).errors(), ["password"]);
    app.advance(3600);
    let mut ada = app.browser();
    ada.sign_in(ADMIN, crate::support::PASSWORD);
    let form = ada.open("/organizations/new").form("/organizations/new").set("name", "One more");
    ada.submit(&form).expect(303);
}

fn handing_over_makes_another_the_owner(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    let path = "/organizations/acme/hand-over";
    bob.get(path).expect(403);
    let form = ada.open(path).form(path).set("phrase", "ACME");
    for (email, phrase, field) in [
        ("bob@example.com", "acme", "phrase"),
        ("", "ACME", "email"),
        ("nobody@example.com", "ACME", "email"),
        (ADMIN, "ACME", "email"),
    ] {
        let page = ada.submit(&form.clone().set("email", email).set("phrase", phrase)).expect(422);
        assert_eq!(page.errors(), [field], "{email} {phrase}");
    }
    ada.submit(&form.set("email", " Bob@Example.com ")).expect_lead("/organizations/acme");
    assert_eq!(app.role_of("acme", "bob@example.com").as_deref(), Some("owner"));
    assert_eq!(app.role_of("acme", ADMIN).as_deref(), Some("admin"));
    ada.get(path).expect(403);
    bob.open(path);
    assert_eq!(app.last_logged().action, "organization.handed_over");
    let mail = app.mails().pop().unwrap();
    assert_eq!((mail.recipient.as_str(), mail.subject.contains("was handed over to you")), ("bob@example.com", true));
}

fn deleting_takes_its_name_and_everything_with_it(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Admin);
    ada.make_role("acme", "Deployers", &["channels:update"]);
    app.sql("UPDATE members SET role = 'own', role_id = (SELECT id FROM roles) WHERE role = 'admin'");
    let path = "/organizations/acme/delete";
    bob.get(path).expect(403);
    // What goes is told before, in numbers; of keys and tokens those that work.
    let goes = |ada: &mut Browser| ada.open(path).texts("ul.prose li").concat();
    let told = goes(&mut ada);
    assert!(told.contains("2 members lose") && !told.contains("team") && !told.contains("invitation"), "{told}");
    ada.make_team("acme", "Deploy", "viewer");
    ada.create_key("one", &[]);
    let account = ada.make_service_account("acme", "ci", "viewer");
    ada.create_service_token("acme", &account, "a", &[]);
    let (over, _) = ada.create_service_token("acme", &account, "b", &[]);
    app.sql(&format!("UPDATE token_secrets SET expires_at = 1 WHERE token_id = '{over}'"));
    for name in ["mine", "mine too"] {
        let form = ada.token_form(name, &["channels:read"]).set("organization", "acme");
        ada.submit(&form).expect(200);
    }
    ada.create_token("everywhere", &["channels:read"]);
    ada.invite_to("acme", "carol@example.com", "viewer");
    let told = goes(&mut ada);
    for line in [
        "1 team.",
        "1 API key that works.",
        "1 service account, with 1 token that works.",
        "2 personal access tokens for this organization alone.",
        "1 open invitation.",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let form = ada.open(path).form(path);
    assert_eq!(ada.submit(&form.clone().set("phrase", "acme")).expect(422).errors(), ["phrase"]);
    let gone = ada.submit(&form.set("phrase", " ACME ")).expect_lead("/organizations");
    assert_eq!(ada.follow(&gone).notice(), "The organization is deleted, with everything that it had.");
    ada.get("/organizations/acme").expect(404);
    assert_eq!(app.count("roles"), 0);
    assert_eq!(app.count("organizations WHERE kind = 'shared'"), 0);
    assert_eq!(app.count("members"), 2, "their private ones");
    let page = ada.open("/settings/profile");
    assert_eq!(page.one(".organization-menu summary .menu-word"), "Private", "nobody works in what is gone");
    assert_eq!(app.last_logged().action, "organization.deleted");
    // The address is free again.
    bob.make_organization("acme");
    ada.get("/organizations/acme").expect(404);
}

/// What ends soon leads to its page, and says what it is and whose.
/// Covers: S0-40
fn the_overview_leads_to_what_ends_soon(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    bob.work_in("acme");
    let (key, _) = bob.create_key("of Bob", &[]);
    let account = ada.make_service_account("acme", "ci", "viewer");
    let (service, _) = ada.create_service_token("acme", &account, "runner", &[]);
    let form = ada.token_form("mine", &["channels:read"]).set("organization", "acme");
    ada.submit(&form).expect(200);
    // Whatever else one works in.
    ada.make_organization("globex");
    let soon = app.now().plus(DAY).unix();
    app.sql(&format!("UPDATE token_secrets SET expires_at = {soon}"));
    let lines = ada.open("/organizations/acme").texts("[aria-labelledby=ending-section] li");
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "mine, personal token, yours: in 1 day",
            "of Bob, API key, of Bob Babbage: in 1 day",
            "runner, service account’s token, of ci: in 1 day",
        ]
    );
    let led_to = ada.open("/organizations/acme").attributes("[aria-labelledby=ending-section] a", "href");
    assert!(led_to.contains(&format!("/settings/api-keys/{key}")), "{led_to:?}");
    assert!(led_to.contains(&format!("/organizations/acme/service-accounts/{account}/tokens/{service}")), "{led_to:?}");
    for link in led_to {
        ada.open(&link);
    }
    let lines = bob.open("/organizations/acme").texts("[aria-labelledby=ending-section] li");
    assert!(lines.contains(&"of Bob, API key, yours: in 1 day".to_owned()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("runner")), "no member sees service accounts: {lines:?}");
}

/// One and the same answer for what is not there and for what one may not know of.
/// Covers: AC-082, AC-063
fn outsiders_learn_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.other("bob@example.com");
    bob.make_organization("bobs");
    bob.open("/organizations/bobs");
    let words = |page: crate::support::Page| {
        page.texts("main").concat().replace(&page.header("x-request-id").unwrap().to_owned(), "")
    };
    for below in [
        "",
        "/settings",
        "/members",
        "/roles",
        "/roles/new",
        "/delete",
        "/leave",
        "/members/01kdxj2v9w0000000000000000",
    ] {
        let there = bob.get(&format!("/organizations/acme{below}")).expect(404);
        let nowhere = bob.get(&format!("/organizations/nowhere{below}")).expect(404);
        assert_eq!(words(there), words(nowhere), "{below}");
    }
    // A member of one can't reach another's things through their own.
    let role = ada.make_role("acme", "Deployers", &["channels:update"]);
    let ada_id = app.user_id(ADMIN);
    for path in [
        format!("/organizations/bobs/roles/{role}"),
        format!("/organizations/bobs/roles/{role}/edit"),
        format!("/organizations/bobs/roles/{role}/delete"),
        format!("/organizations/bobs/members/{ada_id}"),
        format!("/organizations/bobs/members/{ada_id}/role"),
        format!("/organizations/bobs/members/{ada_id}/remove"),
    ] {
        bob.get(&path).expect(404);
    }
    let before = app.dump();
    let own = bob.open("/organizations/bobs/settings").form("/organizations/bobs/settings");
    for below in [
        format!("/roles/{role}/edit"),
        format!("/roles/{role}/delete"),
        format!("/members/{ada_id}/remove"),
        format!("/members/{ada_id}/role"),
    ] {
        let mut form = own.clone().smuggle("role", "viewer");
        form.action = format!("/organizations/bobs{below}");
        bob.submit(&form).expect(404);
    }
    app.is_still(&before);
    for odd in ["/organizations/%00", "/organizations/ACME", "/organizations/acme/", "/organizations//acme"] {
        assert!(matches!(ada.send(Request::get(odd)).status, 400 | 404), "{odd}");
    }
}

on_both!(
    a_newcomer_makes_an_organization,
    bad_names_and_addresses_come_back,
    settings_rename_it_and_move_its_address,
    the_private_one_is_never_shared,
    the_switch_is_the_sessions_and_tabs_keep_theirs,
    handing_over_makes_another_the_owner,
    so_many_are_made_within_an_hour,
    no_name_speaks_for_the_service,
    deleting_takes_its_name_and_everything_with_it,
    the_overview_leads_to_what_ends_soon,
    outsiders_learn_nothing,
);
