//! Their tokens: the verbs of personal ones.

use serde_json::json;

use crate::support::{Engine, TestApp, on_both, read_issued};

/// Shown once, regenerated with an overlap, revoked, deleted; several at a time.
/// Covers: S1-8, AC-052
fn they_live_as_personal_ones_do(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let id = ada.make_service_account("acme", "ci", "member");
    let new = format!("/organizations/acme/service-accounts/{id}/tokens/new");
    let linked = ada.open(&format!("{new}?scope=channels:read&right=org.members:read&expiry=400"));
    assert_eq!(linked.errors(), ["expiry"], "what an address asks for and can't be is said at once, and nothing else");
    let form = ada.service_token_form("acme", &id, "one", &["channels:update"]);
    let page = ada.submit(&form).expect(200);
    let (one, secret) = read_issued(&page);
    let at = |token: &str, below: &str| format!("/organizations/acme/service-accounts/{id}/tokens/{token}{below}");
    let file = ada.submit(&page.form(&at(&one, "/file"))).expect(200);
    assert!(file.text().contains(&secret));
    ada.submit(&form).expect_lead(&at(&one, ""));
    assert_eq!(app.count("tokens"), 1, "the same form makes one");
    assert!(!ada.open(&at(&one, "")).text().contains(&secret[8..]) && !app.dump().contains(&secret[8..]));
    ada.create_service_token("acme", &id, "two", &[]);
    let again = ada.service_token_form("acme", &id, "two", &["channels:read"]);
    assert_eq!(ada.submit(&again).expect(422).errors(), ["name"]);
    assert_eq!(
        ada.submit(&again.without("expiry").smuggle("expiry", "400")).expect(422).errors(),
        ["name", "expiry"],
        "all at once"
    );
    let page = ada.open(&new);
    let refused = page.attributes("input[disabled]", "value");
    assert!(
        refused.contains(&"channels:delete".to_owned()) && refused.contains(&"org.members:delete".to_owned()),
        "{refused:?}"
    );
    assert!(!refused.contains(&"channels:update".to_owned()), "{refused:?}");
    let beyond = ada.service_token_form("acme", &id, "three", &["channels:delete"]);
    assert!(
        ada.submit(&beyond).expect(422).error_at("scope").starts_with("Its role does not allow this: channels:delete")
    );
    assert_eq!(
        ada.open(&format!("/organizations/acme/service-accounts/{id}")).texts("tbody .cell-main"),
        ["two", "one"]
    );
    // A new secret, the old one for another hour.
    let path = at(&one, "/regenerate");
    let form = ada.open(&path).form(&path).set("old", "1h");
    let (same, renewed) = read_issued(&ada.submit(&form).expect(200));
    assert_eq!(same, one);
    let codes = || [&secret, &renewed].map(|token| app.verify(&credential, token)["code"].as_str().unwrap().to_owned());
    assert_eq!(codes(), ["VALID", "VALID"]);
    let page = ada.open(&at(&one, ""));
    assert!(page.text().contains("The old secret still works"));
    ada.submit(&form).expect_lead(&at(&one, ""));
    ada.submit(&page.form(&at(&one, "/old-secret/end"))).expect(303);
    assert_eq!(codes(), ["SUPERSEDED", "VALID"]);
    // The late use of it is logged; whoever is responsible is told.
    let edit = format!("/organizations/acme/service-accounts/{id}/edit");
    let form = ada.open(&edit).form(&edit).set("email", crate::support::ADMIN);
    ada.submit(&form).expect(303);
    let mails = app.mails().len();
    app.verify(&credential, &secret);
    app.flush();
    assert_eq!(app.logged("token.old_secret_used"), 1);
    let mail = app.mails().pop().unwrap();
    assert_eq!(app.mails().len(), mails + 1);
    assert!(mail.text.contains(&at(&one, "")), "{}", mail.text);
    // Revoked for good, regenerated, deleted.
    let path = at(&one, "/revoke");
    let form = ada.open(&path).form(&path);
    ada.submit(&form).expect_lead(&at(&one, ""));
    assert_eq!(codes(), ["REVOKED", "REVOKED"]);
    let path = at(&one, "/delete");
    let form = ada.open(&path).form(&path);
    ada.submit(&form).expect_lead(&format!("/organizations/acme/service-accounts/{id}"));
    assert_eq!(codes(), ["NOT_FOUND", "NOT_FOUND"]);
    // In the organization's log, and in nobody's own.
    assert_eq!(app.count("audit_events WHERE subject_name = 'one' AND user_id IS NOT NULL"), 0);
    assert!(app.count("audit_events WHERE subject_name = 'one' AND organization_id IS NOT NULL") >= 5);
}

/// Lowers the longest validity as soon as a form was judged: when the wish for a secret is counted.
fn stricter_meanwhile(app: &TestApp) {
    let rule = "UPDATE token_policies SET max_days = 30 WHERE id = 'instance'";
    let counted = "AFTER INSERT ON attempts";
    app.sql(&if app.is_sqlite() {
        format!("CREATE TRIGGER stricter {counted} WHEN NEW.door LIKE 'tokens %' BEGIN {rule}; END")
    } else {
        format!(
            "CREATE FUNCTION stricter() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {rule}; RETURN NULL; END $$; \
             CREATE TRIGGER stricter {counted} FOR EACH ROW WHEN (NEW.door LIKE 'tokens %') EXECUTE FUNCTION stricter()"
        )
    });
}

/// What is made keeps to the rules of the moment in which it is made, not to those by which its form was judged.
/// Covers: AC-060
fn rules_that_became_stricter_meanwhile_hold(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let id = ada.make_service_account("acme", "ci", "member");
    let (one, _) = ada.create_service_token("acme", &id, "one", &[]);
    let renew = format!("/organizations/acme/service-accounts/{id}/tokens/{one}/regenerate");
    let forms = [ada.service_token_form("acme", &id, "two", &["channels:read"]), ada.open(&renew).form(&renew)];
    stricter_meanwhile(&app);
    let again = || app.sql("DELETE FROM attempts; UPDATE token_policies SET max_days = NULL WHERE id = 'instance'");
    let but = ["attempts", "token_policies"];
    let before = app.dump_but(&but);
    for form in forms {
        again();
        let page = ada.submit(&form.set("expiry", "90")).expect(422);
        assert_eq!((page.errors().len(), page.error_at("expiry")), (1, "Choose between 1 and 30 days".to_owned()));
        assert!(!page.text().contains("has this name"), "{}", page.text());
    }
    let tokens = format!("/api/v1/organizations/acme/service-accounts/{id}/tokens");
    for (path, body) in [
        (tokens.clone(), json!({ "name": "two", "expires": 90, "everything": true })),
        (format!("{tokens}/{one}/regenerate"), json!({ "expires": 90 })),
    ] {
        again();
        let told = ada.call("POST", &path, &body);
        assert_eq!((told.status, told.json()["errors"][0]["pointer"].as_str()), (422, Some("#/expires")));
    }
    app.is_still_but(&but, &before);
}

on_both!(they_live_as_personal_ones_do, rules_that_became_stricter_meanwhile_hold);
