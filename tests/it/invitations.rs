//! Invitations: an administrator's word, a mailed link, an account.

use keystead::config::SignUpMode;

use crate::sign_up::{is_dead, survives_scanners};
use crate::support::{ADMIN, Engine, Form, PASSWORD, TestApp, at_once, on_both};

const BOB: &str = "bob@example.com";

fn filled(form: Form) -> Form {
    form.set("first_name", "Bob").set("password", PASSWORD).set("confirm", PASSWORD)
}

/// Covers: AC-005, AC-008
fn an_invitation_becomes_an_account(engine: Engine) {
    let app = TestApp::with(engine, |config| config.sign_up = SignUpMode::Invitation);
    let mut ada = app.set_up();
    assert_eq!(ada.open("/admin/invitations").one(".empty-title"), "No open invitations");
    let link = ada.invite("Bob@example.com");
    assert_eq!(app.mailed_link("Bob@example.com"), link, "the page shows the link of the mail");
    let mail = app.mails().remove(0);
    assert_eq!(mail.subject, "You are invited to Keystead");
    assert!(mail.text.contains("Ada Lovelace"), "{}", mail.text);
    let (_, code) = link.rsplit_once('/').unwrap();
    assert!(!app.dump_but(&["outbox"]).contains(code), "the database keeps a hash alone");
    let list = ada.open("/admin/invitations");
    assert_eq!(
        (list.texts("tbody .cell-main"), list.texts("tbody .badge")),
        (vec!["Bob@example.com".to_owned()], vec!["Open".to_owned()])
    );
    assert!(!list.text().contains(code), "the link is shown once");
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.subject_name.as_str()), ("invitation.created", ""));
    survives_scanners(&app, &link);

    let mut bob = app.browser();
    let page = bob.open(&link);
    assert!(page.one(".lede").contains("Bob@example.com"));
    let refused = bob.submit(&page.form(&link).set("password", "short")).expect(422);
    assert_eq!(refused.errors(), ["first_name", "password", "confirm"]);
    let form = filled(page.form(&link)).smuggle("email", "mallory@example.com").smuggle("is_administrator", "1");
    bob.submit(&form).expect_lead("/settings/profile");
    bob.get("/admin").expect(404);
    app.private_organization("Bob@example.com");
    assert_eq!((app.count("users"), app.count("users WHERE email = 'mallory@example.com'")), (2, 0));
    assert_eq!(app.count("invitations"), 0);
    is_dead(&app, &link);
    app.browser().sign_in(BOB, PASSWORD);
}

fn an_invitation_works_once(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let link = ada.invite(BOB);
    let mut bob = app.browser();
    let form = filled(bob.open(&link).form(&link));
    let answers = at_once(8, |_| bob.clone().submit(&form).status);
    assert_eq!(answers.iter().filter(|status| **status == 303).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| matches!(status, 303 | 404)), "{answers:?}");
    assert_eq!((app.count("users"), app.count("sessions")), (2, 2));
}

fn an_invitation_ends(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    // Taken back.
    let link = ada.invite(BOB);
    let page = ada.open("/admin/invitations");
    let cancel = page.attributes("form[action$=\"/cancel\"]", "action").remove(0);
    let done = ada.submit(&page.form(&cancel)).expect_lead("/admin/invitations");
    assert!(ada.follow(&done).notice().starts_with("The invitation is taken back."));
    is_dead(&app, &link);
    ada.submit(&page.form(&cancel)).expect(404);
    assert_eq!(app.logged("invitation.cancelled"), 1);
    // Replaced by another.
    let links = [ada.invite(BOB), ada.invite("BOB@example.com")];
    is_dead(&app, &links[0]);
    app.browser().open(&links[1]);
    assert_eq!(app.count("invitations"), 1);
    // Overtaken by a sign-up of one's own.
    app.browser().sign_up(BOB, PASSWORD).expect(200);
    let own = app.mailed_link(BOB);
    let mut bob = app.browser();
    let form = bob.open(&own).form(&own).set("password", PASSWORD);
    bob.submit(&form).expect_lead("/settings/profile");
    is_dead(&app, &links[1]);
    // Old.
    let link = ada.invite("carol@example.com");
    app.advance(7 * 86_400 - 1);
    app.browser().open(&link);
    app.advance(1);
    is_dead(&app, &link);
    ada.sign_in(ADMIN, PASSWORD);
    assert_eq!(ada.open("/admin/invitations").texts("tbody .badge"), ["Expired"]);
}

fn who_has_an_account_is_not_invited(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.make_user(BOB);
    for (email, words) in [("BOB@example.com", "There is an account with this address already."), ("bob", "")] {
        let form = ada.open("/admin/invitations").form("/admin/invitations").set("email", email);
        let page = ada.submit(&form).expect(422);
        assert!(page.error_at("email").contains(words), "{}", page.error_at("email"));
        assert_eq!(page.form("/admin/invitations").value("email"), email);
    }
    assert_eq!((app.count("invitations"), app.mails().len()), (0, 0));
}

/// What was typed while the confirmation ran out comes back, and nobody is invited by that.
/// Covers: AC-031
fn inviting_asks_for_a_fresh_proof(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.open("/admin/invitations").form("/admin/invitations").set("email", BOB);
    app.advance(10 * 60);
    let asked = ada.submit(&form).expect(303);
    let page = ada.follow(&asked);
    let back = ada.submit(&page.form("/step-up").set("password", PASSWORD)).expect(303);
    let page = ada.follow(&back);
    assert_eq!((app.count("invitations"), page.form("/admin/invitations").value("email").as_str()), (0, BOB));
    ada.submit(&page.form("/admin/invitations")).expect(200);
    assert_eq!(app.count("invitations"), 1);
}

on_both!(
    an_invitation_becomes_an_account,
    an_invitation_works_once,
    an_invitation_ends,
    who_has_an_account_is_not_invited,
    inviting_asks_for_a_fresh_proof,
);
