//! What administrators see and do.

use crate::support::{ADMIN, Engine, PASSWORD, TestApp, on_both};

/// Covers: AC-109
fn verifiers_are_made_listed_and_deleted(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    assert_eq!(ada.open("/admin/verifiers").one(".empty-title"), "No verifiers yet");
    let form = ada.open("/admin/verifiers").form("/admin/verifiers").set("name", " billing ");
    let page = ada.submit(&form).expect(200);
    let credential = page.one("#secret");
    assert!(credential.starts_with("kst_ver_") && credential.len() == 44, "{credential}");
    assert!(page.one("#curl").contains("http://127.0.0.1:8080/api/v1/verify"));
    assert_eq!((app.count("verifiers WHERE name = 'billing'"), app.logged("verifier.created")), (1, 1));
    assert_eq!(app.last_logged().subject_name, "billing");
    assert!(!app.dump().contains(&credential));
    let list = ada.open("/admin/verifiers");
    assert_eq!(list.texts("tbody .cell-main"), ["billing"]);
    assert!(list.text().contains(&format!("kst_ver_…{}", &credential[40..])) && !list.text().contains(&credential));

    let page = ada.submit(&form).expect(422);
    assert_eq!(page.error_at("name"), "There is a verifier with this name. Choose another one.");
    for bad in ["", "a\u{202e}b", &"x".repeat(101)] {
        assert_eq!(ada.submit(&form.clone().set("name", bad)).expect(422).errors(), ["name"]);
    }
    assert_eq!((app.count("verifiers"), app.logged("verifier.created")), (1, 1));

    let path = list.links().into_iter().find(|link| link.ends_with("/delete")).unwrap();
    let page = ada.open(&path);
    assert_eq!(page.one("h1"), "Delete billing?");
    let done = ada.submit(&page.form(&path)).expect_lead("/admin/verifiers");
    assert_eq!(ada.follow(&done).notice(), "The verifier is deleted. Its credential stopped working at once.");
    assert_eq!((app.count("verifiers"), app.last_logged().action.as_str()), (0, "verifier.deleted"));
    assert_eq!(ada.submit(&page.form(&path)).status, 404);
}

/// To everybody else these pages do not exist.
/// Covers: AC-105, AC-083
fn to_others_there_is_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_verifier("billing");
    ada.create_token("bot", &["channels:read"]);
    let delete = ada.open("/admin/verifiers").links().into_iter().find(|link| link.ends_with("/delete")).unwrap();
    let mail = format!("/admin/mail/{}", app.mails()[0].id);
    let mut bob = app.other("bob@example.com");
    let absent = bob.get("/admin/nothing").expect(404).masked();
    for path in ["/admin", "/admin/verifiers", "/admin/mail", &mail, &delete] {
        let page = bob.get(path).expect(404);
        assert_eq!(page.masked(), absent, "{path}");
    }
    assert!(!bob.open("/settings/profile").text().contains("/admin"));
    let before = app.dump();
    let mut form = ada.open("/admin/verifiers").form("/admin/verifiers").set("name", "mine");
    let csrf = bob.open("/settings/profile").form("/settings/profile").value("csrf");
    form = form.set("csrf", &csrf);
    for path in ["/admin/verifiers", &delete] {
        for seconds in [0, 3000] {
            // Neither within the window of a confirmation nor beyond it.
            app.advance(seconds);
            let request = crate::support::Request { target: path.to_owned(), ..bob.request(&form) };
            assert_eq!(bob.send(request).status, 404, "{path}");
            app.advance(-seconds);
        }
    }
    app.is_still(&before);
    // Who no longer is one is out at once.
    app.sql(&format!("UPDATE users SET is_administrator = FALSE WHERE email = '{ADMIN}'"));
    ada.get("/admin").expect(404);
}

/// Administrators prove it again after a quarter of an hour without a page of theirs, and after half a day in any case.
/// Covers: AC-031, AC-105
fn an_administrator_proves_it_again(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (minute, hour) = (60, 3600);
    app.advance(15 * minute - 1);
    ada.open("/admin");
    app.flush();
    // Being seen elsewhere is not being seen there.
    app.advance(10 * minute);
    ada.open("/settings/profile");
    app.flush();
    app.advance(5 * minute);
    let asked = ada.get("/admin/mail").expect_lead("/step-up?next=%2Fadmin%2Fmail");
    // Who would rather not gets somewhere, not back to the question.
    let cancel = ada.open(asked.location()).attributes("main .actions a", "href").pop().expect("one can cancel");
    ada.open(&cancel);
    ada.open("/settings/profile");
    ada.confirm(PASSWORD, "/admin/mail").expect_lead("/admin/mail");
    for _ in 0..(12 * hour / (14 * minute)) {
        ada.open("/admin/mail");
        app.advance(14 * minute);
        app.flush();
    }
    ada.open("/admin/mail");
    app.flush();
    app.advance(12 * hour % (14 * minute));
    ada.get("/admin/mail").expect_lead("/step-up?next=%2Fadmin%2Fmail");
    ada.open("/settings/profile");
}

fn the_overview_counts(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.make_user("bob@example.com");
    let (id, _) = ada.create_token("one", &["channels:read"]);
    ada.create_token("two", &["channels:read"]);
    ada.revoke_token(&id);
    let page = ada.open("/admin");
    assert_eq!(page.texts(".figures dt"), ["Accounts", "Active token", "Waiting mails"]);
    assert_eq!(page.texts(".figures dd"), ["2", "1", "2"]);
}

/// The outbox, so that nothing is lost where there is no mail server.
fn mails_can_be_read(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    assert_eq!(ada.open("/admin/mail").one(".empty-title"), "No mail yet");
    ada.create_token("<b>bot</b>", &["channels:read"]);
    let page = ada.open("/admin/mail");
    assert_eq!(page.texts("tbody .badge"), ["Waiting"]);
    app.deliver();
    let page = ada.open("/admin/mail");
    assert_eq!(page.texts("tbody .badge"), ["Filed"]);
    assert!(page.one("main").contains(&app.instance.config.data_dir.join("mail").display().to_string()));
    let path = format!("/admin/mail/{}", app.mails()[0].id);
    assert!(page.links().contains(&path));
    let closed = ada.open(&path);
    assert!(!closed.text().contains("Name:"), "what it says is not shown before it is asked for");
    let mail = ada.submit(&closed.form(&path)).expect(200);
    assert!(mail.one("#text").contains("Name: <b>bot</b>"));
    // Nobody else's mail: one entry.
    assert_eq!(app.logged("mail.read"), 1);
    assert_eq!(ada.get("/admin/mail/x").status, 404);
}

/// A link in the outbox is as good as a password: whoever reads it has just proved who they are, and is in the log.
/// Covers: AC-105, AC-109
fn reading_a_mail_is_logged(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut bob = app.other("bob@example.com");
    app.browser().forget("bob@example.com").expect(200);
    app.browser().sign_up("carol@example.com", PASSWORD).expect(200);
    let mails = app.mails();
    let paths: Vec<String> = mails.iter().map(|mail| format!("/admin/mail/{}", mail.id)).collect();
    let link = app.mailed_link("bob@example.com");
    app.advance(10 * 60);
    let form = ada.open(&paths[0]).form(&paths[0]);
    let before = app.dump_but(&["sessions"]);
    let asked = ada.submit(&form).expect(303).location().to_owned();
    assert!(asked.starts_with("/step-up?next=%2Fadmin%2Fmail%2F"), "{asked}");
    app.is_still_but(&["sessions"], &before);
    assert!(ada.open(&asked).one("main").contains("read somebody’s mail"));
    ada.confirm(PASSWORD, &paths[0]).expect_lead(&paths[0]);

    let page = ada.submit(&ada.clone().open(&paths[0]).form(&paths[0])).expect(200);
    assert_eq!(page.one("#link"), format!("{}{link}", app.origin()));
    let entries: Vec<_> = app.log().into_iter().filter(|entry| entry.action == "mail.read").collect();
    let (ada_id, bob_id) = (app.user_id(ADMIN), app.user_id("bob@example.com"));
    let whose: Vec<_> = entries.iter().map(|entry| entry.user_id.clone().unwrap()).collect();
    assert_eq!(whose, [ada_id.clone(), bob_id]);
    for entry in &entries {
        assert_eq!((&entry.actor_id, entry.subject_id.as_str()), (&ada_id, mails[0].id.as_str()));
        assert_eq!(entry.detail, "Keystead: choose a new password");
    }
    let log = bob.open("/settings/logs").text();
    assert!(log.contains("A mail read by an administrator") && log.contains("An administrator"), "{log}");

    // A sign-up belongs to nobody yet.
    let page = ada.submit(&ada.clone().open(&paths[1]).form(&paths[1])).expect(200);
    assert!(page.one("#link").contains("/email/confirm/"));
    assert_eq!(app.logged("mail.read"), 3);
}

/// Once a link is over, its mail is not sent any more, and nobody reads it here.
fn what_is_over_is_not_kept(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.create_token("bot", &["channels:read"]);
    app.browser().forget(ADMIN).expect(200);
    app.deliver();
    app.browser().forget(ADMIN).expect(200);
    let tidy = || keystead::jobs::tidy(&app.instance.db, &app.instance.config, app.now()).unwrap();
    app.advance(59 * 60);
    tidy();
    assert!(app.mails().iter().all(|mail| !mail.text.is_empty()));
    app.advance(60);
    ada.sign_in(ADMIN, PASSWORD);
    let path = format!("/admin/mail/{}", app.mails()[1].id);
    assert!(ada.open(&path).text().contains("The link in this mail is over"));
    app.deliver();
    let late = app.mails().pop().unwrap();
    assert_eq!((late.state.as_str(), late.reason.as_str()), ("failed", "its link was over before it could be sent"));
    tidy();
    let kept: Vec<bool> = app.mails().iter().map(|mail| !mail.text.is_empty() && !mail.html.is_empty()).collect();
    assert_eq!(kept, [true, false, false], "a notice has no link that opens anything");
    assert!(!app.dump().contains("/password/reset/"));
}

on_both!(
    verifiers_are_made_listed_and_deleted,
    to_others_there_is_nothing,
    an_administrator_proves_it_again,
    the_overview_counts,
    mails_can_be_read,
    reading_a_mail_is_logged,
    what_is_over_is_not_kept
);
