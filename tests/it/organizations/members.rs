//! Members: the list, their roles, leaving and removing.

use keystead::catalogue::Role;

use crate::support::{ADMIN, Browser, Engine, Page, TestApp, at_once, on_both};

#[track_caller]
fn give(browser: &mut Browser, slug: &str, user: &str, role: &str) -> Page {
    let path = format!("/organizations/{slug}/members/{user}/role");
    let form = browser.open(&path).form(&path).without("role").smuggle("role", role);
    browser.submit(&form)
}

/// Covers: S0-36
fn the_list_is_searched_and_paged(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let organization = app.organization_id("acme");
    for index in 0..60 {
        app.sql(&format!(
            "INSERT INTO users (id, email, email_key, first_name, last_name, is_administrator, status, theme, created_at) \
             VALUES ('u{index:02}', 'P{index:02}@example.com', 'p{index:02}@example.com', 'Person', '{index:02}', FALSE, 'active', 'light', 0); \
             INSERT INTO members (organization_id, user_id, role, name_key, created_at) \
             VALUES ('{organization}', 'u{index:02}', 'viewer', 'person {index:02} p{index:02}@example.com', 0)"
        ));
    }
    let first = ada.open("/organizations/acme/members");
    assert_eq!(first.texts("tbody tr").len(), 50);
    assert!(first.one(".lede").contains("61 people"));
    let second = ada.open(&first.attributes("a[rel=next]", "href")[0]);
    assert_eq!(second.texts("tbody tr").len(), 11);
    assert_eq!(second.texts("tbody .cell-main").last().map(String::as_str), Some("Person 59"));
    for (search, found) in
        [("person 07", 1), ("P07@EXAMPLE", 1), ("ada", 1), ("%", 0), ("_", 0), ("nobody", 0), ("'", 0)]
    {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("search", search).finish();
        let page = ada.open(&format!("/organizations/acme/members?{query}"));
        assert_eq!(page.texts("tbody tr").len(), found, "{search}");
    }
    // A new name is found under it.
    let form = ada.open("/settings/profile").form("/settings/profile").set("last_name", "Äußere");
    ada.submit(&form);
    assert_eq!(ada.open("/organizations/acme/members?search=%C3%A4u").texts("tbody tr").len(), 1);
    assert_eq!(ada.get("/organizations/acme/members?page=-3").status, 200);
}

/// Nobody gives, or touches, more than they have.
/// Covers: S0-36, AC-061
fn roles_are_changed_by_those_who_have_as_much(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Admin);
    app.member("acme", "carol@example.com", Role::Viewer);
    let (ada_id, carol) = (app.user_id(ADMIN), app.user_id("carol@example.com"));
    let page = bob.open(&format!("/organizations/acme/members/{carol}/role"));
    assert_eq!(
        page.form(&format!("/organizations/acme/members/{carol}/role")).choices("role"),
        ["admin", "member", "viewer"]
    );
    give(&mut bob, "acme", &carol, "member").expect_lead(&format!("/organizations/acme/members/{carol}"));
    assert_eq!(app.role_of("acme", "carol@example.com").as_deref(), Some("member"));
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.detail.as_str()), ("member.role_changed", "from viewer to member"));
    assert_eq!((entry.user_id.as_deref(), entry.subject_id.as_str()), (Some(carol.as_str()), carol.as_str()));
    let mail = app.mails().into_iter().rfind(|mail| mail.recipient == "carol@example.com").unwrap();
    assert_eq!(mail.subject, "Keystead: your role in ACME changed");
    assert!(mail.text.contains("It is “member” now"), "{}", mail.text);
    // Where they can't, the page says why.
    let owner = bob.open(&format!("/organizations/acme/members/{ada_id}"));
    assert!(owner.text().contains("may do more here than you") && !owner.text().contains("Change role"));
    assert!(!bob.open(&format!("/organizations/acme/members/{carol}")).text().contains("may do more here"));
    let before = app.dump();
    assert_eq!(give(&mut bob, "acme", &carol, "owner").expect(422).errors(), ["role"]);
    assert_eq!(give(&mut bob, "acme", &ada_id, "viewer").expect(422).errors(), ["role"]);
    let own = give(&mut bob, "acme", &app.user_id("bob@example.com"), "owner").expect(422);
    assert!(own.error_at("role").contains("You can't give yourself more"), "{}", own.error_at("role"));
    for nonsense in ["", "own", "root", "OWNER", "01kdxj2v9w0000000000000000"] {
        assert_eq!(give(&mut bob, "acme", &carol, nonsense).expect(422).errors(), ["role"], "{nonsense}");
    }
    let mut foreign = app.other("dora@example.com");
    foreign.make_organization("doras");
    let theirs = foreign.make_role("doras", "Theirs", &["channels:read"]);
    assert_eq!(give(&mut bob, "acme", &carol, &theirs).expect(422).errors(), ["role"]);
    assert_ne!(app.dump(), before, "only Dora's things are new");
    assert_eq!(app.role_of("acme", "carol@example.com").as_deref(), Some("member"));
    // A lowered role holds at once, in an open page, too.
    let stale = bob.open(&format!("/organizations/acme/members/{carol}/role"));
    let stale = stale.form(&format!("/organizations/acme/members/{carol}/role"));
    let bob_id = app.user_id("bob@example.com");
    give(&mut ada, "acme", &bob_id, "viewer").expect(303);
    bob.submit(&stale).expect(403);
    bob.get("/organizations/acme/roles").expect(403);
}

/// Changes that mail somebody are limited; but not so that somebody else could be kept from making theirs.
///
/// Covers: AC-061
fn nobody_uses_up_the_changes_of_others(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Admin);
    app.member("acme", "carol@example.com", Role::Viewer);
    let at = |email: &str| format!("/api/v1/organizations/acme/members/{}", app.user_id(email));
    let before = (app.count("audit_events WHERE action = 'member.role_changed'"), app.mails().len());
    for _ in 0..35 {
        let call = bob.call("PATCH", &at("bob@example.com"), &serde_json::json!({ "role": "admin" }));
        assert_eq!(call.status, 200, "{}", call.text());
    }
    let after = (app.count("audit_events WHERE action = 'member.role_changed'"), app.mails().len());
    assert_eq!(after, before, "nothing changed, and nobody is told");
    for turn in 0..30 {
        let role = ["member", "viewer"][turn % 2];
        let call = bob.call("PATCH", &at("carol@example.com"), &serde_json::json!({ "role": role }));
        assert_eq!(call.status, 200, "{}", call.text());
    }
    let enough = bob.call("PATCH", &at("carol@example.com"), &serde_json::json!({ "role": "member" }));
    assert_eq!(enough.status, 429);
    for email in ["carol@example.com", "bob@example.com"] {
        let call = ada.call("PATCH", &at(email), &serde_json::json!({ "role": "member" }));
        assert_eq!(call.status, 200, "{}", call.text());
    }
}

/// Covers: AC-079
fn the_last_owner_stays(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let ada_id = app.user_id(ADMIN);
    let page = give(&mut ada, "acme", &ada_id, "admin").expect(422);
    assert_eq!(
        page.error_at("role"),
        "You are its only owner. Make somebody else an owner first, or delete the organization"
    );
    let leave = ada.open("/organizations/acme/leave");
    assert!(leave.text().contains("You are its only owner"), "it says so before it is tried");
    let mut form = ada.open("/organizations/acme").form("/organizations/acme/target").without("target");
    for action in ["/organizations/acme/leave".to_owned(), format!("/organizations/acme/members/{ada_id}/remove")] {
        form.action = action;
        assert!(ada.submit(&form).expect(422).text().contains("You are its only owner"));
    }
    assert_eq!(app.role_of("acme", ADMIN).as_deref(), Some("owner"));
}

/// Two owners who put each other out at the same moment: one stays, every time.
/// Covers: AC-079
fn owners_at_odds_leave_one(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let second = app.beside();
    let bob = app.member("acme", "bob@example.com", Role::Owner);
    let (ada_id, bob_id) = (app.user_id(ADMIN), app.user_id("bob@example.com"));
    for round in 0..8 {
        app.sql(&format!("DELETE FROM members WHERE organization_id = '{}'", app.organization_id("acme")));
        app.make_member("acme", ADMIN, Role::Owner);
        app.make_member("acme", "bob@example.com", Role::Owner);
        let pairs = [(ada.clone(), ada_id.clone(), bob_id.clone()), (bob.clone(), bob_id.clone(), ada_id.clone())];
        let forms: Vec<_> = pairs
            .into_iter()
            .enumerate()
            .map(|(side, (mut browser, own, other))| {
                let path = match (round + side) % 4 {
                    0 => format!("/organizations/acme/members/{other}/remove"),
                    1 => "/organizations/acme/leave".to_owned(),
                    2 => format!("/organizations/acme/members/{other}/role"),
                    _ => format!("/organizations/acme/members/{own}/role"),
                };
                let form = browser.open(&path).form(&path);
                let form = if path.ends_with("role") { form.without("role").smuggle("role", "viewer") } else { form };
                (browser, form)
            })
            .collect();
        let answers = at_once(8, |index| {
            let (browser, form) = &forms[index % 2];
            browser.at(if index < 4 { &app } else { &second }).submit(form).status
        });
        let owners =
            app.count(&format!("members WHERE role = 'owner' AND organization_id = '{}'", app.organization_id("acme")));
        assert!(owners >= 1, "{answers:?}");
        assert!(answers.contains(&303), "somebody got through: {answers:?}");
    }
}

/// Somebody gives a role while they lose theirs: the log says which came first, and what came second kept to it.
/// Covers: AC-061
fn who_is_lowered_meanwhile_gives_no_more(engine: Engine) {
    let app = TestApp::start(engine);
    let second = app.beside();
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Admin);
    app.make_user("carol@example.com");
    app.make_member("acme", "carol@example.com", Role::Viewer);
    let organization = app.organization_id("acme");
    let [bob_id, carol_id] = ["bob@example.com", "carol@example.com"].map(|email| app.user_id(email));
    let role_form = |browser: &mut Browser, user: &str, role: &str| {
        let path = format!("/organizations/acme/members/{user}/role");
        browser.open(&path).form(&path).set("role", role)
    };
    for round in 0..6 {
        let lower = role_form(&mut ada, &bob_id, "member");
        let raise = role_form(&mut bob, &carol_id, "admin");
        let answers = at_once(2, |index| {
            let at = if (round + index) % 2 == 0 { &app } else { &second };
            let (browser, form) = if index == 0 { (&ada, &lower) } else { (&bob, &raise) };
            browser.at(at).submit(form).status
        });
        assert_eq!(answers[0], 303);
        assert!(matches!(answers[1], 303 | 403), "{answers:?}");
        let is_admin = app.role_of("acme", "carol@example.com").as_deref() == Some("admin");
        assert_eq!(is_admin, answers[1] == 303);
        if is_admin {
            let log = app.log();
            let last = |user: &str| log.iter().rposition(|entry| entry.subject_id == user).unwrap();
            assert!(last(&carol_id) < last(&bob_id), "it was given by somebody who had no more");
        }
        app.sql(&format!(
            "UPDATE members SET role = 'admin' WHERE user_id = '{bob_id}' AND organization_id = '{organization}'; \
             UPDATE members SET role = 'viewer' WHERE user_id = '{carol_id}' AND organization_id = '{organization}'"
        ));
    }
}

/// What they had here stops in the same commit, and who comes back begins anew.
/// Covers: AC-062
fn who_is_out_takes_their_tokens_with_them(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    let (bound, secret) = bob.create_token("for acme", &["channels:read"]);
    let (_, own) = bob.create_token("own", &["channels:read"]);
    app.sql(&format!("UPDATE tokens SET organization_id = '{}' WHERE id = '{bound}'", app.organization_id("acme")));
    let credential = ada.make_verifier("billing");
    let check = |token: &str| app.ask(&credential, &serde_json::json!({"token": token, "organization": "acme"})).json();
    assert_eq!(check(&secret)["code"], "VALID");
    assert_eq!(check(&own)["code"], "VALID");
    let form = bob.open("/settings/profile").form("/organizations/acme/switch");
    bob.submit(&form).expect(303);
    let path = format!("/organizations/acme/members/{}/remove", app.user_id("bob@example.com"));
    let asked = ada.open(&path);
    assert_eq!(asked.texts(".confirm .prose .cell-main"), ["for acme"], "what stops is said before");
    ada.submit(&asked.form(&path)).expect_lead("/organizations/acme/members");
    assert_eq!(check(&secret)["code"], "REVOKED");
    assert_eq!(check(&own)["code"], "INSUFFICIENT_PERMISSIONS");
    assert_eq!(app.verify(&credential, &own)["code"], "VALID", "elsewhere it goes on");
    bob.get("/organizations/acme").expect(404);
    assert_eq!(bob.open("/settings/profile").one(".organization-menu summary .menu-word"), "Private");
    assert_eq!(app.last_logged().action, "member.removed");
    app.make_member("acme", "bob@example.com", Role::Member);
    assert_eq!(check(&secret)["code"], "REVOKED");
    assert_eq!(check(&own)["code"], "VALID");
    // Whom it happened to hears of it, by whom, and not from where.
    let mail = app.mails().into_iter().rfind(|mail| mail.recipient == "bob@example.com").unwrap();
    assert_eq!(mail.subject, "Keystead: your membership of ACME ended");
    assert!(mail.text.contains("By:       Ada Lovelace") && !mail.text.contains("Address:"), "{}", mail.text);
    let mails = app.mails().len();
    // Leaving does the same to oneself.
    let path = "/organizations/acme/leave";
    let form = bob.open(path).form(path);
    let left = bob.submit(&form).expect_lead("/organizations");
    assert!(bob.follow(&left).notice().starts_with("You have left"));
    assert_eq!(app.mails().len(), mails, "one knows what one did");
    assert_eq!(check(&own)["code"], "INSUFFICIENT_PERMISSIONS");
    assert_eq!(app.last_logged().action, "member.left");
}

/// Covers: S0-31
/// Who comes back begins anew: what they had sent out is over for good.
/// Covers: AC-077, AC-062
fn who_is_out_takes_their_invitations_with_them(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Admin);
    bob.invite_to("acme", "eve@example.com", "admin");
    let link = app.mailed_link("eve@example.com");
    app.browser().open(&link);
    let path = format!("/api/v1/organizations/acme/members/{}", app.user_id("bob@example.com"));
    assert_eq!(ada.call("DELETE", &path, &serde_json::Value::Null).status, 204);
    app.browser().get(&link).expect(404);
    app.make_member("acme", "bob@example.com", Role::Admin);
    app.browser().get(&link).expect(404);
    assert_eq!(app.count("invitations WHERE invited_by IS NULL"), 1, "somebody else can send it again");
}

fn being_a_target_is_ones_own_choice(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Viewer);
    let path = "/organizations/acme/target";
    let form = bob.open("/organizations/acme").form(path);
    bob.submit(&form).expect_lead("/organizations/acme");
    assert_eq!(app.count("members WHERE is_target"), 1);
    assert!(ada.open("/organizations/acme/members").texts("tbody .badge").contains(&"Target".to_owned()));
    let logged = app.logged("member.target_changed");
    bob.submit(&form).expect(303);
    assert_eq!(app.logged("member.target_changed"), logged, "twice the same is once");
    bob.submit(&form.clone().set("target", "maybe")).expect(400);
    let back = bob.open("/organizations/acme").form(path);
    assert_eq!(back.value("target"), "no");
    bob.submit(&back).expect(303);
    assert_eq!(app.count("members WHERE is_target"), 0);
}

on_both!(
    the_list_is_searched_and_paged,
    roles_are_changed_by_those_who_have_as_much,
    nobody_uses_up_the_changes_of_others,
    the_last_owner_stays,
    owners_at_odds_leave_one,
    who_is_lowered_meanwhile_gives_no_more,
    who_is_out_takes_their_tokens_with_them,
    who_is_out_takes_their_invitations_with_them,
    being_a_target_is_ones_own_choice,
);
