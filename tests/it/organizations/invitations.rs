//! Invitations to an organization: whom they let in, as what, and how they end.

use keystead::catalogue::Role;
use keystead::config::SignUpMode;

use crate::sign_up::{is_dead, survives_scanners};
use crate::support::{ADMIN, Browser, Engine, Form, PASSWORD, Page, TestApp, at_once, on_both};

const BOB: &str = "bob@example.com";
const NEW: &str = "/organizations/acme/invitations/new";
const LIST: &str = "/organizations/acme/invitations";

fn acme(app: &TestApp) -> Browser {
    let mut ada = app.set_up();
    ada.make_organization("acme");
    ada
}

fn filled(form: Form) -> Form {
    form.set("first_name", "Bob").set("password", PASSWORD).set("confirm", PASSWORD)
}

#[track_caller]
fn join(browser: &mut Browser, link: &str) -> Page {
    let form = browser.open(link).form(link);
    browser.submit(&form)
}

/// Says which forms a page has that end in this.
fn actions(page: &Page, end: &str) -> Vec<String> {
    page.attributes(&format!("form[action$=\"{end}\"]"), "action")
}

/// Covers: S0-37, AC-077, AC-005, AC-008
fn who_has_an_account_joins(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = acme(&app);
    let mut bob = app.other(BOB);
    let team = ada.make_team("acme", "Deploy", "member");
    assert!(ada.open(LIST).text().contains("No open invitations"));
    let form = ada.open(NEW).form(NEW).set("email", " Bob@example.com ").set("role", "admin").tick("team", &team);
    let made = ada.submit(&form).expect(200);
    let shown = made.one("#link");
    let link = app.mailed_link("Bob@example.com");
    assert!(!shown.ends_with(&link), "the copied link is another one than the mailed one");
    assert_eq!(made.texts("tbody .cell-main"), ["Bob@example.com"]);
    let row = made.texts("tbody tr").concat();
    assert!(row.contains("Admin") && row.contains("Deploy") && row.contains("Ada Lovelace"), "{row}");
    let mail = app.mails().pop().unwrap();
    assert_eq!(mail.subject, "You are invited to ACME on Keystead");
    assert!(mail.text.contains("Ada Lovelace") && mail.text.contains("as Admin"), "{}", mail.text);
    let kept = app.dump_but(&["outbox"]);
    for code in [&link, &shown] {
        assert!(!kept.contains(code.rsplit('/').next().unwrap()), "the database keeps hashes alone");
    }
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.detail.as_str()), ("invitation.created", "Admin; teams: Deploy"));
    assert_eq!(entry.subject_name, "Bob@example.com");
    survives_scanners(&app, &link);
    // A stranger with the mailbox of an account is led to its sign-in, and back.
    let page = app.browser().open(&link);
    assert!(page.links().contains(&keystead::urls::login_returning(&link)), "{:?}", page.links());
    let page = bob.open(&link);
    assert!(page.text().contains("Admin") && page.text().contains("Deploy") && page.one("h1") == "Join ACME");
    let joined = join(&mut bob, &link).expect_lead("/organizations/acme");
    assert_eq!(bob.follow(&joined).notice(), "Welcome. You are a member of this organization now.");
    let place = app.organization_id("acme");
    let working = format!("sessions WHERE user_id = '{}' AND organization_id = '{place}'", app.user_id(BOB));
    assert_eq!(app.count(&working), 1, "they work in it from then on");
    assert_eq!(app.role_of("acme", BOB).as_deref(), Some("admin"));
    assert_eq!((app.count("team_members"), app.count("invitations")), (1, 0));
    let entry = app.last_logged();
    let bob_id = app.user_id(BOB);
    assert_eq!((entry.action.as_str(), entry.detail.as_str()), ("member.joined", "Admin; teams: Deploy"));
    assert_eq!((entry.user_id.as_deref(), entry.actor_id.as_str()), (Some(bob_id.as_str()), bob_id.as_str()));
    // Whoever invited hears of it, without where the other one sits.
    let mail = app.mails().into_iter().rfind(|mail| mail.recipient == ADMIN).unwrap();
    assert_eq!(mail.subject, "Keystead: your invitation to ACME was accepted");
    assert!(mail.text.contains("Bob Babbage joined as Admin") && !mail.text.contains("Address:"), "{}", mail.text);
    is_dead(&app, &link);
    bob.get(&link).expect(404);
}

/// Covers: S0-37, AC-077
fn a_stranger_makes_an_account_on_the_way(engine: Engine) {
    let app = TestApp::with(engine, |config| config.sign_up = SignUpMode::Invitation);
    let mut ada = acme(&app);
    ada.invite_to("acme", BOB, "member");
    let link = app.mailed_link(BOB);
    let mut bob = app.browser();
    let page = bob.open(&link);
    assert!(page.one(".lede").contains(BOB) && page.one("h1") == "Join ACME");
    assert_eq!(bob.submit(&page.form(&link)).expect(422).errors(), ["first_name", "password"]);
    let form = filled(page.form(&link)).smuggle("email", "mallory@example.com").smuggle("role", "owner");
    let joined = bob.submit(&form).expect_lead("/organizations/acme");
    bob.follow(&joined);
    assert_eq!(app.role_of("acme", BOB).as_deref(), Some("member"));
    assert_eq!(app.count("users WHERE email = 'mallory@example.com'"), 0);
    app.private_organization(BOB);
    is_dead(&app, &link);
}

/// Where sign-up is closed, whoever may make an organization brings nobody in: the form says so, and so do mail and page.
/// Who gets an account from an administrator finds the invitation waiting.
/// Covers: AC-077
fn closed_sign_up_holds_for_organizations(engine: Engine) {
    let app = TestApp::with(engine, |config| config.sign_up = SignUpMode::Closed);
    let mut ada = acme(&app);
    assert!(ada.open(NEW).text().contains("new ones are not made here at the moment"));
    let shown = ada.invite_to("acme", BOB, "member");
    let link = app.mailed_link(BOB);
    let mail = app.mails().pop().unwrap();
    assert!(
        mail.text.contains("if you have none, ask whoever runs this service") && !mail.text.contains("you make one")
    );
    assert!(
        mail.html.contains("if you have none, ask whoever runs this service") && !mail.html.contains("you make one")
    );
    // Whoever has the mailbox is told that there is no account; with the copied link nobody learns whether there is one.
    let mut bob = app.browser();
    let page = bob.get(&link).expect(403);
    assert!(page.text().contains("there is no account with your address, bob@example.com"), "{}", page.text());
    let unknown = bob.open(&shown);
    assert!(unknown.links().contains(&keystead::urls::login_returning(&shown)), "{:?}", unknown.links());
    let known = app.other("eve@example.com");
    drop(known);
    let of_eve = ada.invite_to("acme", "eve@example.com", "member");
    let words = |page: &Page, email: &str, link: &str| {
        let code = |link: &str| link.rsplit('/').next().unwrap().to_owned();
        (
            page.one("main").replace(email, "…"),
            page.links().iter().map(|at| at.replace(&code(link), "…")).collect::<Vec<_>>(),
        )
    };
    let known = app.browser().open(&of_eve);
    assert_eq!(words(&known, "eve@example.com", &of_eve), words(&unknown, BOB, &shown));
    // The form of before, sent all the same, makes nothing.
    let before = app.dump();
    for link in [&link, &shown] {
        assert!(actions(&bob.get(link), link).is_empty());
        let mut forged = bob.open("/login").form("/login").set("password", PASSWORD).without("email");
        forged.action.clone_from(link);
        let forged = forged.smuggle("first_name", "Bob").smuggle("confirm", PASSWORD);
        assert_eq!(bob.submit(&forged).expect(403).one("h1"), "Sign-up is closed");
    }
    app.is_still(&before);
    // An administrator's invitation makes the account, and this one waits in it.
    let invitation = ada.invite(BOB);
    let form = filled(bob.open(&invitation).form(&invitation));
    bob.submit(&form).expect_lead("/settings/profile");
    join(&mut bob, &link).expect_lead("/organizations/acme");
    assert_eq!(app.role_of("acme", BOB).as_deref(), Some("member"));
}

/// The link that the inviter sees proves nobody's mailbox: with it no account is made for somebody else's address.
/// Covers: AC-077
fn the_copied_link_proves_no_mailbox(engine: Engine) {
    let app = TestApp::with(engine, |config| config.sign_up = SignUpMode::Invitation);
    let mut ada = acme(&app);
    let shown = ada.invite_to("acme", BOB, "member");
    let mut bob = app.browser();
    let page = bob.open(&shown);
    assert!(page.links().contains(&keystead::urls::login_returning(&shown)));
    let sent = bob.submit(&filled(page.form(&shown))).expect(200);
    assert_eq!(sent.one("h1"), "Ask for your link");
    assert_eq!((app.count("users"), app.count("invitations")), (1, 1), "nothing is made yet");
    // With the mailbox the account is made, and the invitation waits in it.
    let confirm = app.mailed_link(BOB);
    let form = bob.open(&confirm).form(&confirm).set("password", PASSWORD);
    let home = bob.submit(&form).expect_lead("/organizations");
    let list = bob.follow(&home);
    assert!(list.text().contains("You are invited") && list.text().contains("From Ada Lovelace"));
    let accept = format!("/invitations/{}", app.invitation_id(BOB));
    bob.submit(&list.form(&accept)).expect_lead("/organizations/acme");
    assert_eq!(app.role_of("acme", BOB).as_deref(), Some("member"));
    // It tells a stranger nothing about accounts: both are offered to everybody.
    let mut eve = app.other("eve@example.com");
    eve.make_organization("eves");
    let known = eve.invite_to("eves", ADMIN, "viewer");
    let unknown = eve.invite_to("eves", "nobody@example.com", "viewer");
    let forms = [known, unknown].map(|link| app.browser().open(&link).form(&link).pairs().len());
    assert_eq!(forms[0], forms[1]);
}

/// Bound to its address, and kind about it.
/// Covers: AC-077, AC-078
fn another_account_is_told_the_way_on(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = acme(&app);
    let shown = ada.invite_to("acme", BOB, "owner");
    let link = app.mailed_link(BOB);
    let mut eve = app.other("eve@example.com");
    let form = app.other(BOB).open(&link).form(&link);
    for link in [&link, &shown] {
        let page = eve.open(link);
        assert!(page.text().contains(BOB) && page.text().contains("Sign out"), "{}", page.text());
        assert!(actions(&page, link).is_empty(), "it can't be accepted here");
        let mut forged = eve.open("/settings/profile").form("/settings/profile");
        forged.action.clone_from(link);
        assert!(eve.submit(&forged).expect(403).text().contains(BOB));
    }
    // By its id alone it is nobody else's at all, not to answer and not to see.
    let id = app.invitation_id(BOB);
    eve.get(&format!("/invitations/{id}")).expect(404);
    let mut forged = eve.open("/settings/profile").form("/settings/profile");
    for path in [format!("/invitations/{id}"), format!("/invitations/{id}/decline")] {
        forged.action = path;
        eve.submit(&forged).expect(404);
    }
    app.browser().get(&format!("/invitations/{id}")).expect(303);
    assert!(!eve.open("/organizations").text().contains("ACME"));
    assert_eq!(app.count("members WHERE role = 'owner' AND user_id <> ''"), 4, "each of their own, and ACME's");
    assert!(!form.pairs().is_empty());
    // Somebody else's organization can neither see, cancel nor send it again.
    eve.make_organization("eves");
    let csrf = eve.open("/organizations/eves/settings").form("/organizations/eves/settings");
    for verb in ["cancel", "resend"] {
        for slug in ["acme", "eves"] {
            let mut form = csrf.clone();
            form.action = format!("/organizations/{slug}/invitations/{id}/{verb}");
            eve.submit(&form).expect(404);
        }
    }
    assert_eq!(app.count("invitations"), 1);
}

/// What an invitation gives is what its inviter may give when it is accepted.
/// Covers: AC-077, AC-061
fn the_role_is_capped_by_the_inviters_own(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = acme(&app);
    let mut bob = app.member("acme", BOB, Role::Admin);
    let team = ada.make_team("acme", "Deploy", "admin");
    // Nobody invites beyond themselves.
    assert_eq!(bob.open(NEW).form(NEW).choices("role"), ["admin", "member", "viewer"]);
    let form = bob.open(NEW).form(NEW).set("email", "carol@example.com");
    for (role, field) in [("owner", "role"), ("", "role"), ("root", "role"), ("01kdxj2v9w0000000000000000", "role")] {
        let form = form.clone().without("role").smuggle("role", role);
        assert_eq!(bob.submit(&form).expect(422).errors(), [field], "{role}");
    }
    let foreign = form.clone().smuggle("team", "01kdxj2v9w0000000000000000");
    assert_eq!(bob.submit(&foreign).expect(422).errors(), ["team"]);
    assert_eq!(app.count("invitations"), 0);
    let carol = bob.submit(&form.set("role", "admin").tick("team", &team)).expect(200);
    assert!(carol.one("#link").contains("/invitations/"));
    let link = app.mailed_link("carol@example.com");
    let mut carol = app.other("carol@example.com");
    assert!(carol.open(&link).text().contains("Admin"));
    // Their rank is lowered meanwhile: the same link gives less, and says so first.
    app.sql(&format!("UPDATE members SET role = 'member' WHERE user_id = '{}' AND role = 'admin'", app.user_id(BOB)));
    let page = carol.open(&link);
    assert!(page.text().contains("Member") && !page.text().contains("Admin") && !page.text().contains("Deploy"));
    carol.submit(&page.form(&link)).expect_lead("/organizations/acme");
    assert_eq!(app.role_of("acme", "carol@example.com").as_deref(), Some("member"));
    assert_eq!(app.count("team_members"), 0);
    // Who is out invites nobody any more; sent again by another, it is good, with another link.
    ada.make_organization("second");
    app.make_member("second", BOB, Role::Admin);
    bob.invite_to("second", "dora@example.com", "viewer");
    let link = app.mailed_link("dora@example.com");
    let path = format!("/organizations/second/members/{}/remove", app.user_id(BOB));
    let gone = ada.open(&path).form(&path);
    ada.submit(&gone).expect(303);
    let mut dora = app.other("dora@example.com");
    dora.get(&link).expect(404);
    assert!(!dora.open("/organizations").text().contains("SECOND"));
    let list = ada.open("/organizations/second/invitations");
    assert!(list.text().contains("Inviter has left"));
    let again = actions(&list, "/resend").remove(0);
    ada.submit(&list.form(&again)).expect(200);
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.subject_name.as_str()), ("invitation.sent_again", "dora@example.com"));
    let told = ada.open("/organizations/second/logs?search=DORA%40");
    assert_eq!(told.texts("tbody .cell-sub"), ["dora@example.com: Viewer"; 2]);
    assert_eq!(told.texts("tbody .cell-main"), ["Invitation sent again", "Invitation sent"]);
    join(&mut dora, &app.mailed_link("dora@example.com")).expect_lead("/organizations/second");
    dora.get(&link).expect(404);
}

/// An invitation takes an earlier one's place only for whoever could take that back.
/// Covers: AC-077
fn nobody_replaces_what_they_could_not_take_back(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = acme(&app);
    let mut bob = app.member("acme", BOB, Role::Admin);
    ada.invite_to("acme", "carol@example.com", "owner");
    let link = app.mailed_link("carol@example.com");
    let still = app.dump_but(&["attempts"]);
    let form = bob.open(NEW).form(NEW).set("email", "carol@example.com").set("role", "viewer");
    bob.submit(&form).expect(422);
    app.is_still_but(&["attempts"], &still);
    let mut carol = app.other("carol@example.com");
    assert!(carol.open(&link).text().contains("Owner"));
    // What can be taken back is, and the log says so.
    ada.invite_to("acme", "carol@example.com", "viewer");
    carol.get(&link).expect(404);
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.subject_name.as_str()), ("invitation.sent_again", "carol@example.com"));
    assert_eq!(app.logged("invitation.cancelled"), 0);
}

/// Covers: AC-077, AC-062
fn an_invitation_ends(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = acme(&app);
    let mut bob = app.other(BOB);
    // Taken back.
    let shown = ada.invite_to("acme", BOB, "member");
    let link = app.mailed_link(BOB);
    let list = ada.open(LIST);
    let cancel = actions(&list, "/cancel").remove(0);
    ada.submit(&list.form(&cancel)).expect_lead(LIST);
    for link in [&link, &shown] {
        bob.get(link).expect(404);
    }
    ada.submit(&list.form(&cancel)).expect(404);
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.subject_name.as_str()), ("invitation.cancelled", BOB));
    // Replaced by another; sent again.
    ada.invite_to("acme", BOB, "member");
    let first = app.mailed_link(BOB);
    ada.invite_to("acme", "BOB@example.com", "viewer");
    let second = app.mailed_link("BOB@example.com");
    bob.get(&first).expect(404);
    bob.open(&second);
    assert_eq!(app.count("invitations"), 1);
    // Old, to the second; listed still, to be sent again.
    app.advance(7 * 86_400 - 1);
    bob.sign_in(BOB, PASSWORD);
    bob.open(&second);
    app.advance(1);
    bob.get(&second).expect(404);
    ada.sign_in(ADMIN, PASSWORD);
    assert_eq!(ada.open(LIST).texts("tbody .badge"), ["Expired"]);
    // Declined.
    ada.invite_to("acme", BOB, "member");
    let third = app.mailed_link(BOB);
    let page = bob.open(&third);
    let decline = actions(&page, "/decline").remove(0);
    let said = bob.submit(&page.form(&decline)).expect_lead("/organizations");
    assert_eq!(bob.follow(&said).notice(), "The invitation is declined. Nobody else can use it.");
    assert_eq!(app.last_logged().action, "invitation.declined");
    // Who declines is no member, and from where they did is not told.
    let logs = ada.open("/organizations/acme/logs");
    let cells = logs.texts("tbody tr:first-child td[data-label=Address]");
    assert!(
        logs.one("tbody tr:first-child th").starts_with("Invitation declined") && cells == ["Not known"],
        "{cells:?}"
    );
    bob.get(&third).expect(404);
    // With its organization.
    let link = {
        ada.invite_to("acme", "carol@example.com", "member");
        app.mailed_link("carol@example.com")
    };
    let delete = "/organizations/acme/delete";
    let form = ada.open(delete).form(delete).set("phrase", "ACME");
    ada.submit(&form).expect(303);
    is_dead(&app, &link);
    assert_eq!(app.count("invitations"), 0);
}

/// Who was removed, and is invited again, begins anew: what stopped stays stopped.
/// Covers: AC-062
fn a_second_invitation_revives_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = acme(&app);
    let mut bob = app.member("acme", BOB, Role::Member);
    let (bound, secret) = bob.create_token("for acme", &["channels:read"]);
    app.sql(&format!("UPDATE tokens SET organization_id = '{}' WHERE id = '{bound}'", app.organization_id("acme")));
    let credential = ada.make_verifier("billing");
    let check = || app.ask(&credential, &serde_json::json!({"token": secret, "organization": "acme"})).json();
    assert_eq!(check()["code"], "VALID");
    let path = format!("/organizations/acme/members/{}/remove", app.user_id(BOB));
    let form = ada.open(&path).form(&path);
    ada.submit(&form).expect(303);
    ada.invite_to("acme", BOB, "owner");
    join(&mut bob, &app.mailed_link(BOB)).expect_lead("/organizations/acme");
    assert_eq!(check()["code"], "REVOKED");
}

/// Covers: AC-077
fn of_many_at_once_one_counts(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = acme(&app);
    let mut bob = app.other(BOB);
    for round in 0..4 {
        ada.invite_to("acme", BOB, "member");
        let link = app.mailed_link(BOB);
        let form = bob.open(&link).form(&link);
        let list = ada.open(LIST);
        let cancel = list.form(&actions(&list, "/cancel")[0]);
        let cancels = round % 2 == 1;
        let answers = at_once(8, |index| {
            if cancels && index % 2 == 0 {
                (false, ada.clone().submit(&cancel).status)
            } else {
                (true, bob.clone().submit(&form).status)
            }
        });
        let joins = answers.iter().filter(|(joins, status)| *joins && *status == 303).count();
        let takes_back = answers.iter().filter(|(joins, status)| !*joins && *status == 303).count();
        assert_eq!(joins + takes_back, 1, "{answers:?}");
        assert!(answers.iter().all(|(_, status)| matches!(status, 303 | 404)), "{answers:?}");
        let is_in = app.role_of("acme", BOB).is_some();
        assert_eq!((is_in, app.count("invitations")), (joins == 1, 0));
        app.sql(&format!(
            "DELETE FROM members WHERE user_id = '{}' AND organization_id = '{}'; DELETE FROM attempts",
            app.user_id(BOB),
            app.organization_id("acme")
        ));
    }
}

/// Whoever invited is put out at the moment at which the other accepts: either they were in time, or nobody came in.
/// Covers: AC-077
fn an_inviter_put_out_meanwhile_invites_nobody(engine: Engine) {
    let app = TestApp::start(engine);
    let ada = acme(&app);
    let mut carol = app.other("carol@example.com");
    let mut inviter = app.other(BOB);
    for _ in 0..4 {
        app.make_member("acme", BOB, Role::Admin);
        inviter.invite_to("acme", "carol@example.com", "admin");
        let link = app.mailed_link("carol@example.com");
        let form = carol.open(&link).form(&link);
        let path = format!("/organizations/acme/members/{}/remove", app.user_id(BOB));
        let remove = ada.clone().open(&path).form(&path);
        let answers = at_once(2, |index| {
            if index == 0 { ada.clone().submit(&remove).status } else { carol.clone().submit(&form).status }
        });
        assert_eq!(answers[0], 303, "{answers:?}");
        let is_in = app.role_of("acme", "carol@example.com").is_some();
        assert_eq!(is_in, answers[1] == 303, "{answers:?}");
        assert!(matches!(answers[1], 303 | 404), "{answers:?}");
        app.sql(&format!(
            "DELETE FROM members WHERE user_id = '{}' AND organization_id = '{}'; \
             DELETE FROM invitations; DELETE FROM attempts",
            app.user_id("carol@example.com"),
            app.organization_id("acme")
        ));
    }
}

/// Whoever invited has less at the moment at which the other accepts: the log says which came first, and what came second kept to it.
/// Covers: AC-077, AC-061
fn an_inviter_lowered_meanwhile_gives_less(engine: Engine) {
    let app = TestApp::start(engine);
    let second = app.beside();
    let mut ada = acme(&app);
    let mut carol = app.other("carol@example.com");
    let mut inviter = app.other(BOB);
    for round in 0..6 {
        app.make_member("acme", BOB, Role::Admin);
        inviter.invite_to("acme", "carol@example.com", "admin");
        let link = app.mailed_link("carol@example.com");
        let form = carol.open(&link).form(&link);
        let path = format!("/organizations/acme/members/{}/role", app.user_id(BOB));
        let lower = ada.open(&path).form(&path).set("role", "member");
        let answers = at_once(2, |index| {
            let at = if (round + index) % 2 == 0 { &app } else { &second };
            let (browser, form) = if index == 0 { (&ada, &lower) } else { (&carol, &form) };
            browser.at(at).submit(form).status
        });
        assert_eq!(answers, [303, 303]);
        let log = app.log();
        let last = |action: &str| log.iter().rposition(|entry| entry.action.as_str() == action).unwrap();
        let was_first = last("member.joined") < last("member.role_changed");
        let role = app.role_of("acme", "carol@example.com");
        assert_eq!(role.as_deref(), Some(if was_first { "admin" } else { "member" }));
        let [bob, carol] = [BOB, "carol@example.com"].map(|email| app.user_id(email));
        app.sql(&format!(
            "DELETE FROM members WHERE user_id IN ('{bob}', '{carol}') AND organization_id = '{}'; DELETE FROM attempts",
            app.organization_id("acme")
        ));
    }
}

/// Covers: AC-009
fn inviting_has_its_limits(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = acme(&app);
    app.member("acme", BOB, Role::Member);
    let form = ada.open(NEW).form(NEW).set("role", "viewer");
    for (email, words) in
        [("", "Enter an e-mail"), ("bob", "Enter an e-mail"), ("BOB@example.com", "is a member already")]
    {
        let page = ada.submit(&form.clone().set("email", email)).expect(422);
        assert!(page.error_at("email").contains(words), "{}", page.error_at("email"));
        assert_eq!(page.form(NEW).value("email"), email);
    }
    for _ in 0..3 {
        ada.submit(&form.clone().set("email", "carol@example.com")).expect(200);
    }
    let page = ada.submit(&form.clone().set("email", "carol@example.com")).expect(429);
    assert!(
        page.one(".summary").contains("The limit is 3 invitations to one address in a day"),
        "{}",
        page.one(".summary")
    );
    assert_eq!(
        (page.form(NEW).value("email").as_str(), page.form(NEW).value("role").as_str()),
        ("carol@example.com", "viewer")
    );
    // A button alone has no form to come back: the page names the limit, and leads to where the button stands.
    let list = "/organizations/acme/invitations";
    let again = ada.open(list).attributes("form[action$=\"/resend\"]", "action").remove(0);
    let form_again = ada.open(list).form(&again);
    let page = ada.submit(&form_again).expect(429);
    assert!(page.one(".lede").contains("The limit is 3 invitations to one address in a day"), "{}", page.one(".lede"));
    assert!(page.links().contains(&list.to_owned()), "{:?}", page.links());
    for index in 3..20 {
        ada.submit(&form.clone().set("email", &format!("p{index}@example.com"))).expect(200);
    }
    ada.submit(&form.clone().set("email", "late@example.com")).expect(429);
    assert_eq!(app.mails().len(), 20);
    app.advance(25 * 3600);
    ada.sign_in(ADMIN, PASSWORD);
    let form = ada.open(NEW).form(NEW).set("role", "viewer");
    ada.submit(&form.set("email", "late@example.com")).expect(200);
}

/// Nobody's name becomes a link in a mail to a stranger.
/// Covers: AC-033
fn a_mail_carries_no_link_of_a_users(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = acme(&app);
    let path = "/organizations/acme/settings";
    let form = ada.open(path).form(path).set("name", "Win at https://evil.example now");
    ada.submit(&form).expect(303);
    let form = ada.open("/settings/profile").form("/settings/profile").set("first_name", "evil.example");
    ada.submit(&form);
    ada.invite_to("acme", BOB, "viewer");
    let mail = app.mails().pop().unwrap();
    for text in [&mail.subject, &mail.text, &mail.html] {
        assert!(!text.contains("evil"), "{text}");
    }
    assert!(mail.text.contains("Another member invites you to the organization acme"), "{}", mail.text);
}

on_both!(
    who_has_an_account_joins,
    a_stranger_makes_an_account_on_the_way,
    closed_sign_up_holds_for_organizations,
    the_copied_link_proves_no_mailbox,
    another_account_is_told_the_way_on,
    the_role_is_capped_by_the_inviters_own,
    nobody_replaces_what_they_could_not_take_back,
    an_invitation_ends,
    a_second_invitation_revives_nothing,
    of_many_at_once_one_counts,
    an_inviter_put_out_meanwhile_invites_nobody,
    an_inviter_lowered_meanwhile_gives_less,
    inviting_has_its_limits,
    a_mail_carries_no_link_of_a_users,
);
