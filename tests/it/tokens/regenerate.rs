//! A new secret for an old token.

use crate::support::{ADMIN, Browser, Engine, PASSWORD, Page, TestApp, at_once, on_both, read_issued};

fn regenerate(ada: &mut Browser, id: &str, expiry: &str, old: &str) -> Page {
    let path = format!("/settings/tokens/{id}/regenerate");
    let form = ada.open(&path).form(&path).set("expiry", expiry);
    let form = if old.is_empty() { form } else { form.set("old", old) };
    ada.submit(&form)
}

fn code(app: &TestApp, verifier: &str, secret: &str) -> String {
    app.verify(verifier, secret)["code"].as_str().unwrap().to_owned()
}

fn again(app: &TestApp) -> Browser {
    let mut browser = app.browser();
    browser.sign_in(ADMIN, PASSWORD);
    browser
}

/// Covers: S0-21, S0-22, S0-23, S3-20, S3-21, S1-21, AC-058, AC-109
fn a_live_token_gets_a_new_secret_and_keeps_the_rest(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("bot", &["channels:read"]).set("description", "for the build");
    let (id, first) = read_issued(&ada.submit(&form).expect(200));
    let verifier = ada.make_verifier("billing");
    app.advance(60);
    let path = format!("/settings/tokens/{id}/regenerate");
    let page = ada.open(&path);
    assert_eq!(page.one("h1"), "Regenerate bot?");
    assert!(
        page.one(".confirm").contains("Do this from time to time, and at once if someone may have seen the secret")
    );
    let form = page.form(&path);
    assert_eq!((form.value("expiry"), form.value("old")), ("90".to_owned(), "now".to_owned()));
    assert_eq!(form.choices("old"), ["now", "1h", "24h", "7d"]);
    let page = ada.submit(&form.clone().set("expiry", "30")).expect(200);
    assert_eq!(page.one("h1"), "Your new secret");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.one("main").contains("The old secret does not work any more."));
    let (same, second) = read_issued(&page);
    assert_eq!(same, id);
    assert_ne!(first, second);
    assert_eq!(
        (code(&app, &verifier, &first).as_str(), code(&app, &verifier, &second).as_str()),
        ("SUPERSEDED", "VALID")
    );
    assert_eq!((app.token_self(&first).status, app.token_self(&second).status), (401, 200));
    assert_eq!(app.introspect(&verifier, &first), serde_json::json!({ "active": false }));
    let now = app.now().unix();
    let kept = format!(
        "tokens WHERE id = '{id}' AND name = 'bot' AND description = 'for the build' AND scopes = 'channels:list channels:read' AND created_at = {}",
        now - 60
    );
    assert_eq!(app.count(&kept), 1);
    let current = format!(
        "token_secrets WHERE token_id = '{id}' AND is_current AND created_at = {now} AND expires_at = {}",
        now + 30 * 86_400
    );
    assert_eq!((app.count(&current), app.count("token_secrets WHERE NOT is_current")), (1, 1));
    let entry = app.last_logged();
    assert_eq!(
        (entry.action.as_str(), entry.subject_id.as_str(), entry.detail.as_str()),
        ("token.regenerated", id.as_str(), "the old secret ended")
    );
    let mail = app.mails().pop().unwrap();
    assert_eq!(mail.subject, "Keystead: a personal access token was regenerated");
    assert!(mail.text.contains("22 December 2026, 00:07:00 UTC") && !mail.text.contains(&second[8..]));
    // The same form once more: no second secret, and the first is not shown again.
    let repeated = ada.submit(&form.set("expiry", "30")).expect_lead(&format!("/settings/tokens/{id}"));
    assert!(ada.follow(&repeated).notice().starts_with("This token was regenerated already"));
    assert_eq!(app.count("token_secrets"), 2);
    // A token whose secret was replaced counts once.
    assert!(ada.open("/settings/tokens").text().contains("1 of at most 50 tokens."));
    assert_eq!(ada.open("/settings/tokens").texts("tbody .cell-main"), ["bot"]);
}

/// Covers: S3-19, S3-23, S3-24, S1-20, AC-058
fn what_is_over_works_again_with_a_new_secret_alone(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let (revoked, first) = ada.create_token("revoked", &["channels:read"]);
    ada.revoke_token(&revoked);
    let form = ada.token_form("expired", &["channels:read"]).set("expiry", "7");
    let (expired, second) = read_issued(&ada.submit(&form).expect(200));
    app.advance(7 * 86_400);
    let mut ada = again(&app);
    for (id, old, was, stays) in
        [(&revoked, &first, "REVOKED", "REVOKED"), (&expired, &second, "EXPIRED", "SUPERSEDED")]
    {
        assert_eq!(code(&app, &verifier, old), was);
        let path = format!("/settings/tokens/{id}");
        assert!(ada.open(&path).links().contains(&format!("{path}/regenerate")));
        let form = ada.open(&format!("{path}/regenerate")).form(&format!("{path}/regenerate"));
        assert!(form.choices("old").is_empty(), "there is no old secret that works");
        let page = regenerate(&mut ada, id, "30", "").expect(200);
        let (_, new) = read_issued(&page);
        assert_eq!(code(&app, &verifier, &new), "VALID");
        assert_eq!(code(&app, &verifier, old), stays, "no old secret comes back");
        assert_eq!(ada.open(&path).one(".named .badge"), "Active");
        // Smuggled in, an overlap gives an old secret nothing.
        let form = ada.open(&format!("{path}/revoke")).form(&format!("{path}/revoke"));
        ada.submit(&form).expect(303);
        let form = ada.open(&format!("{path}/regenerate")).form(&format!("{path}/regenerate")).smuggle("old", "7d");
        ada.submit(&form).expect(200);
        for dead in [old, &new] {
            assert!(matches!(code(&app, &verifier, dead).as_str(), "REVOKED" | "SUPERSEDED"));
        }
        assert_eq!(code(&app, &verifier, &new), "REVOKED");
    }
    assert_eq!(app.count("token_secrets WHERE is_current AND revoked_at IS NULL"), 2);
}

/// Covers: AC-058
fn an_old_secret_works_as_long_as_it_was_given(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    for (old, seconds) in [("1h", 3600), ("24h", 86_400), ("7d", 7 * 86_400)] {
        let (id, first) = ada.create_token(&format!("bot {old}"), &["channels:read"]);
        let (_, second) = read_issued(&regenerate(&mut ada, &id, "365", old).expect(200));
        let both = |wanted: [&str; 2]| {
            assert_eq!([&first, &second].map(|secret| code(&app, &verifier, secret)), wanted, "{old}");
        };
        both(["VALID", "VALID"]);
        assert_eq!(app.introspect(&verifier, &first)["active"], true);
        app.advance(seconds - 1);
        both(["VALID", "VALID"]);
        app.advance(1);
        both(["SUPERSEDED", "VALID"]);
        ada = again(&app);
    }
    // Never past its own end.
    let form = ada.token_form("day", &["channels:read"]).without("expiry").smuggle("expiry", "1");
    let (id, first) = read_issued(&ada.submit(&form).expect(200));
    let page = regenerate(&mut ada, &id, "90", "7d").expect(200);
    let (_, second) = read_issued(&page);
    app.advance(86_399);
    assert_eq!(code(&app, &verifier, &first), "VALID");
    app.advance(1);
    assert_eq!(
        (code(&app, &verifier, &first).as_str(), code(&app, &verifier, &second).as_str()),
        ("SUPERSEDED", "VALID")
    );
    // Nor past the new one's: when that is over, the token is.
    let mut ada = again(&app);
    let (short, old) = ada.create_token("short", &["channels:read"]);
    let form = ada.open(&format!("/settings/tokens/{short}/regenerate"));
    let form = form.form(&format!("/settings/tokens/{short}/regenerate")).without("expiry").smuggle("expiry", "1");
    let (_, new) = read_issued(&ada.submit(&form.set("old", "7d")).expect(200));
    app.advance(86_399);
    assert_eq!((code(&app, &verifier, &old).as_str(), code(&app, &verifier, &new).as_str()), ("VALID", "VALID"));
    app.advance(1);
    assert_eq!((code(&app, &verifier, &old).as_str(), code(&app, &verifier, &new).as_str()), ("SUPERSEDED", "EXPIRED"));
    // Whoever regenerates twice ends the one before: never more than two secrets work.
    let mut ada = again(&app);
    let (_, third) = read_issued(&regenerate(&mut ada, &id, "90", "7d").expect(200));
    let (_, fourth) = read_issued(&regenerate(&mut ada, &id, "90", "7d").expect(200));
    let codes = [&second, &third, &fourth].map(|secret| code(&app, &verifier, secret));
    assert_eq!(codes, ["SUPERSEDED", "VALID", "VALID"]);
    // Revoking ends them all.
    ada.revoke_token(&id);
    let codes = [&first, &second, &third, &fourth].map(|secret| code(&app, &verifier, secret));
    assert_eq!(codes, ["REVOKED"; 4]);
}

/// Whether something still uses the old secret; and ending it before its time.
fn the_page_tells_whether_the_old_secret_is_still_used(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let (id, first) = ada.create_token("bot", &["channels:read"]);
    assert_eq!(code(&app, &verifier, &first), "VALID");
    app.flush();
    app.advance(60);
    let (_, second) = read_issued(&regenerate(&mut ada, &id, "90", "24h").expect(200));
    let path = format!("/settings/tokens/{id}");
    let told = ada.open(&path).one("main > [role=note]");
    assert!(told.contains(&format!("kst_pat_…{}", &first[40..])) && told.contains("no use of it is known"), "{told}");
    let question = |secret: &str| serde_json::json!({ "token": secret, "client_address": "203.0.113.7", "client_agent": "curl/8" });
    app.ask(&verifier, &question(&first));
    app.flush();
    let facts = ada.open(&path).texts(".facts").concat();
    assert!(facts.contains("203.0.113.7, curl"), "the token was used, with whichever secret: {facts}");
    for _ in 0..2 {
        app.ask(&verifier, &question(&first));
        app.ask(&verifier, &question(&second));
    }
    app.advance(5);
    app.ask(&verifier, &question(&first));
    app.flush();
    app.ask(&verifier, &question(&first));
    app.flush();
    app.advance(180);
    let told = ada.open(&path).one("main > [role=note]");
    assert!(told.contains("it was used 5 times, last 3 minutes ago from 203.0.113.7, curl."), "{told}");
    let end = format!("{path}/old-secret/end");
    let form = ada.open(&path).form(&end);
    let done = ada.submit(&form).expect_lead(&path);
    assert!(ada.follow(&done).notice().starts_with("The old secret stopped working."));
    assert_eq!(
        (code(&app, &verifier, &first).as_str(), code(&app, &verifier, &second).as_str()),
        ("SUPERSEDED", "VALID")
    );
    assert_eq!(
        (app.last_logged().action, app.last_logged().detail),
        ("token.old_secret_ended".to_owned(), format!("…{}", &first[40..]))
    );
    assert!(ada.open(&path).texts("main > [role=note]").is_empty());
    ada.submit(&form).expect(303);
    assert_eq!(app.logged("token.old_secret_ended"), 1, "once more ends nothing");
}

/// An old secret that is tried after its end is noted, and its owner told, once.
fn a_late_use_is_told_once(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let (id, first) = ada.create_token("bot", &["channels:read"]);
    regenerate(&mut ada, &id, "90", "1h").expect(200);
    assert_eq!(code(&app, &verifier, &first), "VALID");
    app.flush();
    let (mails, ended) = (app.mails().len(), app.now().plus(3600).exact());
    app.advance(3600);
    let question = serde_json::json!({ "token": first, "client_address": "203.0.113.7", "client_agent": "curl/8" });
    for _ in 0..3 {
        assert_eq!(app.ask(&verifier, &question).json()["code"], "SUPERSEDED");
        assert_eq!(app.token_self(&first).status, 401);
    }
    app.flush();
    app.advance(60);
    assert_eq!(app.ask(&verifier, &question).json()["code"], "SUPERSEDED");
    app.flush();
    let told = app.mails().split_off(mails);
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].recipient.as_str(), told[0].subject.as_str()),
        (ADMIN, "Keystead: an ended secret of a personal access token was tried")
    );
    for part in ["bot", &first[40..], ended.as_str(), "203.0.113.7", "curl/8", &format!("/settings/tokens/{id}")] {
        assert!(told[0].text.contains(part) && told[0].html.contains(part), "{part} in {}", told[0].text);
    }
    let entry = app.last_logged();
    assert_eq!(
        (entry.action.as_str(), entry.actor_kind.as_str(), entry.subject_id.as_str()),
        ("token.old_secret_used", "system", id.as_str())
    );
    assert_eq!((app.logged("token.old_secret_used"), entry.user_id), (1, Some(app.user_id(ADMIN))));
    let page = again(&app).open(&format!("/settings/tokens/{id}"));
    assert!(page.texts("main .cell-main").contains(&"Ended secret tried, and refused".to_owned()));
    // What ended by itself or was revoked is no old secret: nobody is told.
    let mut ada = again(&app);
    let (other, secret) = ada.create_token("other", &["channels:read"]);
    ada.revoke_token(&other);
    assert_eq!(code(&app, &verifier, &secret), "REVOKED");
    app.flush();
    assert_eq!(app.logged("token.old_secret_used"), 1);
}

/// Covers: AC-058, AC-060
fn its_form_is_checked_like_that_of_a_new_token(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (id, secret) = ada.create_token("bot", &["channels:read"]);
    let path = format!("/settings/tokens/{id}/regenerate");
    let form = ada.open(&path).form(&path).without("expiry");
    let before = app.dump_but(&["attempts"]);
    for bad in ["", "0", "-1", "366", "1.5", "1000000000", "9223372036854775808", "never", "soon"] {
        assert_eq!(ada.submit(&form.clone().smuggle("expiry", bad)).expect(422).errors(), ["expiry"], "{bad}");
    }
    for bad in ["", "2026-11-21", "2027-02-29", "2027-11-23"] {
        let page = ada.submit(&form.clone().smuggle("expiry", "date").set("date", bad)).expect(422);
        assert_eq!(page.errors(), ["date"], "{bad}");
    }
    let form = form.smuggle("expiry", "30").without("old");
    for bad in ["", "2h", "for ever", "-1"] {
        assert_eq!(ada.submit(&form.clone().smuggle("old", bad)).expect(422).errors(), ["old"], "{bad}");
    }
    ada.submit(&form.clone().smuggle("old", "now").without("form_id")).expect(400);
    app.is_still_but(&["attempts"], &before);
    // A name that somebody else's live token of the same owner has by now.
    ada.revoke_token(&id);
    ada.create_token("bot", &["channels:read"]);
    let page = regenerate(&mut ada, &id, "30", "").expect(422);
    assert!(page.one(".confirm").contains("Another active token has this name."));
    assert!(page.links().contains(&format!("/settings/tokens/{id}/edit")));
    assert_eq!(app.token_self(&secret).status, 401);
    let edit = format!("/settings/tokens/{id}/edit");
    let rename = ada.open(&edit).form(&edit).set("name", "bot 2");
    ada.submit(&rename).expect(303);
    regenerate(&mut ada, &id, "30", "").expect(200);
    // Asked for without a fresh proof, nothing happens.
    app.advance(600);
    let before = app.dump();
    let asked = ada.submit(&form.smuggle("old", "now")).expect(303);
    assert!(asked.location().starts_with("/step-up?"));
    app.is_still(&before);
}

/// Covers: AC-058
fn two_at_once_leave_one_secret(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let (id, first) = ada.create_token("bot", &["channels:read"]);
    let path = format!("/settings/tokens/{id}/regenerate");
    let forms: Vec<_> = (0..8).map(|_| ada.open(&path).form(&path)).collect();
    let pages = at_once(8, |index| ada.clone().submit(&forms[index]));
    let secrets: Vec<String> = pages.iter().filter(|page| page.status == 200).map(|page| read_issued(page).1).collect();
    assert_eq!(secrets.len(), 8, "{:?}", pages.iter().map(|page| page.status).collect::<Vec<_>>());
    let good = secrets.iter().filter(|secret| code(&app, &verifier, secret) == "VALID").count();
    assert_eq!((good, code(&app, &verifier, &first).as_str()), (1, "SUPERSEDED"));
    assert_eq!(app.count("token_secrets WHERE is_current"), 1);
    // The same form by several hands is one new secret.
    let form = ada.open(&path).form(&path);
    let made = at_once(4, |_| ada.clone().submit(&form)).iter().filter(|page| page.status == 200).count();
    assert_eq!((made, app.logged("token.regenerated")), (1, 9));
    // The database itself keeps a second current secret out.
    let second = "UPDATE token_secrets SET is_current = TRUE";
    let refused = app.instance.db.write_here(move |tx| {
        use diesel::connection::SimpleConnection;
        Ok(tx.batch_execute(second)?)
    });
    assert!(matches!(refused, Err(keystead::error::Error::Taken(_))), "{refused:?}");
}

on_both!(
    a_live_token_gets_a_new_secret_and_keeps_the_rest,
    what_is_over_works_again_with_a_new_secret_alone,
    an_old_secret_works_as_long_as_it_was_given,
    the_page_tells_whether_the_old_secret_is_still_used,
    a_late_use_is_told_once,
    its_form_is_checked_like_that_of_a_new_token,
    two_at_once_leave_one_secret,
);
