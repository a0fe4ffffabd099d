//! An account that the operator suspends and opens again: every door closes at once, and what was open stays closed.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use keystead::catalogue::Role;
use serde_json::json;

use crate::email_change::{answer, links, prove};
use crate::process::admin;
use crate::second_factor::{enrol, give};
use crate::sign_up::is_dead;
use crate::support::{ADMIN, Database, Engine, PASSWORD, TestApp, at_once, on_both};
use crate::terminals::{approve, ask, opens, poll, sign_in};

const BOB: &str = "bob@example.com";

/// Runs the command; whether it did its work, and what it said.
fn run(database: &Database, command: &str, email: &str) -> (bool, String) {
    let output = admin(database, &[command, email]);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.success(), said.trim().to_owned())
}

/// Covers: AC-022, AC-025
fn every_door_closes_at_once(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let verifier = ada.make_verifier("billing");
    let mut bob = app.member("acme", BOB, Role::Member);
    bob.work_in("acme");
    let secrets = [bob.create_token("bot", &["channels:read"]).1, bob.create_key("program", &[]).1];
    let (phone, codes) = enrol(&app, &mut bob);
    let (terminal, waiting) = (sign_in(&app, &mut bob), ask(&app));
    approve(&mut bob, &waiting);
    let mut half = app.browser();
    let lead = half.try_sign_in(BOB, PASSWORD).expect_lead("/login/second-factor");
    let asked = half.follow(&lead);
    app.deliver();
    let mut stranger = app.browser();
    stranger.forget(BOB).expect(200);
    let link = app.mailed_link(BOB);
    let reset = stranger.open(&link).form(&link).set("password", "another-Tin-roof-78");
    let reset = reset.set("confirm", "another-Tin-roof-78").set("code", &phone.code(&app, 0));
    let mails_waiting = || app.count(&format!("outbox WHERE recipient = '{BOB}' AND state = 'waiting'"));
    let sent = app.count(&format!("outbox WHERE recipient = '{BOB}' AND state = 'filed'"));
    assert!(mails_waiting() > 0 && sent > 0);

    let ended = (true, format!("{BOB} is suspended. Sessions that ended: 2."));
    assert_eq!(run(&app.database, "suspend", BOB), ended);
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.actor_kind.as_str()), ("account.suspended", "operator"));
    assert_eq!((entry.user_id, entry.subject_id), (Some(app.user_id(BOB)), app.user_id(BOB)));
    assert_eq!((mails_waiting(), app.count(&format!("outbox WHERE recipient = '{BOB}'"))), (0, sent));

    let what_was_open = || {
        bob.clone().get("/settings/profile").expect_lead("/login?next=%2Fsettings%2Fprofile");
        give(&mut half.clone(), &asked, "recovery_code", &codes[0]).expect_lead("/login");
        is_dead(&app, &link);
        stranger.clone().submit(&reset).expect(404);
        assert!(!opens(&app, &terminal));
        assert_eq!(poll(&app, &waiting).json()["error"], "invalid_grant");
        assert_eq!(app.count("recovery_codes"), 10);
    };
    what_was_open();
    for secret in &secrets {
        assert_eq!(app.verify(&verifier, secret)["code"], "DISABLED");
        assert_eq!(app.introspect(&verifier, secret), json!({ "active": false }));
        assert_eq!(app.token_self(secret).status, 401);
    }
    app.browser().try_sign_in(BOB, PASSWORD).expect(422);
    // Whatever happens to it now, no mail goes there.
    app.browser().forget(BOB).expect(200);
    let path = format!("/api/v1/organizations/acme/members/{}", app.user_id(BOB));
    assert_eq!(ada.call("PATCH", &path, &json!({ "role": "admin" })).status, 200);
    assert_eq!(mails_waiting(), 0);

    let before = app.dump();
    assert_eq!(run(&app.database, "suspend", BOB), (true, format!("{BOB} was suspended before.")));
    let (done, said) = run(&app.database, "suspend", "nobody@example.com");
    assert!(!done && said.contains("there is no account with the address \"nobody@example.com\""), "{said}");
    app.is_still(&before);

    assert_eq!(run(&app.database, "reactivate", BOB), (true, format!("{BOB} may sign in again.")));
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.user_id), ("account.reactivated", Some(app.user_id(BOB))));
    what_was_open();
    for secret in &secrets {
        assert_eq!(app.verify(&verifier, secret)["code"], "VALID");
    }
    let mut again = app.browser();
    let lead = again.try_sign_in(BOB, PASSWORD).expect_lead("/login/second-factor");
    let asked = again.follow(&lead);
    give(&mut again, &asked, "code", &phone.code(&app, 0)).expect_lead("/settings/profile");
    let before = app.dump();
    assert_eq!(run(&app.database, "reactivate", BOB), (true, format!("{BOB} was not suspended.")));
    app.is_still(&before);
}

/// What a suspended person sent out is over for good, mails that change their account do nothing, and as an owner they count for
/// nobody.
/// Covers: AC-022, AC-079
fn nobody_acts_for_them(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", BOB, Role::Owner);
    bob.invite_to("acme", "eve@example.com", "admin");
    let invited = app.mailed_link("eve@example.com");
    app.browser().open(&invited);
    let mut moved = app.other("dan@example.com");
    moved.change_email("dan.new@example.com").expect(303);
    let (new, old) = links(&app, "dan.new@example.com", "dan@example.com");
    prove(&mut moved, &new).expect(303);
    answer(&mut moved, &old, "allow").expect(303);
    let leave = "/organizations/acme/leave";
    let form = ada.open(leave).form(leave);
    for email in [BOB, "dan.new@example.com"] {
        assert!(run(&app.database, "suspend", email).0);
    }
    let before = app.dump();
    answer(&mut app.browser(), &old, "undo").expect(404);
    app.is_still(&before);
    // The only other owner is suspended: so one stays, and hands over to nobody who is.
    ada.submit(&form).expect(422);
    let body = json!({ "email": BOB });
    assert_eq!(ada.call("POST", "/api/v1/organizations/acme/hand-over", &body).status, 422);
    // They themselves can go.
    let path = format!("/api/v1/organizations/acme/members/{}", app.user_id(BOB));
    app.browser().get(&invited).expect(404);
    run(&app.database, "reactivate", BOB);
    app.browser().get(&invited).expect(404);
    run(&app.database, "suspend", BOB);
    assert_eq!(ada.call("DELETE", &path, &json!(null)).status, 204);
    let waiting = app.count("outbox WHERE state = 'waiting'");
    let form = ada.open("/organizations/acme/invitations/new").form("/organizations/acme/invitations/new");
    ada.submit(&form.set("email", BOB).set("role", "viewer")).expect(200);
    assert_eq!(app.count("outbox WHERE state = 'waiting'"), waiting, "no mail goes to a closed account");
}

/// Covers: AC-022
fn an_instance_keeps_an_administrator(engine: Engine) {
    const LAST: &str = "keystead: it is the last account that may administer this instance";
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.make_user("carol@example.com");
    let before = app.dump();
    assert_eq!(run(&app.database, "suspend", ADMIN), (false, LAST.to_owned()));
    app.is_still(&before);
    ada.open("/admin");

    // Of two who are suspended at the same moment, one stays. Both commands begin while the rows are held.
    app.make_user(BOB);
    app.sql("UPDATE users SET is_administrator = email <> 'carol@example.com'");
    let database = Arc::clone(&app.database);
    let both = app.write(move |tx| {
        tx.batch_execute("UPDATE users SET first_name = 'Held'")?;
        let both = std::thread::spawn(move || at_once(2, |index| run(&database, "suspend", [ADMIN, BOB][index])));
        std::thread::sleep(Duration::from_secs(1));
        Ok(both)
    });
    let mut said = both.join().expect("no thread panics");
    said.sort();
    assert_eq!((said[0].clone(), said[1].0), ((false, LAST.to_owned()), true), "{said:?}");
    assert_eq!(app.count("users WHERE is_administrator AND status = 'active'"), 1);
    assert_eq!(app.logged("account.suspended"), 1);
}

on_both!(every_door_closes_at_once, nobody_acts_for_them, an_instance_keeps_an_administrator);
