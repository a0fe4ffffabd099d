//! Deleting.

use crate::support::{Engine, TestApp, on_both};

/// Covers: S0-20, S2-17, S2-18, S2-19, S2-20, S2-21, S3-25, AC-109
fn a_deleted_token_is_gone_with_its_secret(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (id, secret) = ada.create_token("bot", &["channels:read"]);
    ada.create_token("other", &["channels:read"]);
    let verifier = ada.make_verifier("billing");
    let path = format!("/settings/tokens/{id}/delete");
    let page = ada.open(&path);
    assert_eq!(page.one("h1"), "Delete bot?");
    assert!(page.one(".confirm").contains("For later calls you will need a new token."));
    assert!(page.links().contains(&format!("/settings/tokens/{id}")), "one can keep it");
    assert_eq!(app.count("tokens"), 2, "asking changes nothing");
    let form = page.form(&path);
    let done = ada.submit(&form).expect_lead("/settings/tokens");
    let list = ada.follow(&done);
    assert_eq!(list.notice(), "The token is deleted. Whatever used it needs a new one.");
    assert_eq!(list.texts("tbody .cell-main"), ["other"]);
    assert!(list.links().contains(&"/settings/tokens/new".to_owned()));
    assert_eq!([app.count("tokens"), app.count("token_secrets")], [1, 1]);
    let entry = app.last_logged();
    assert_eq!(
        (entry.action.as_str(), entry.subject_id.as_str(), entry.subject_name.as_str()),
        ("token.deleted", id.as_str(), "bot")
    );
    assert_eq!(app.verify(&verifier, &secret)["code"], "NOT_FOUND");
    assert_eq!(app.token_self(&secret).status, 401);
    // Once more: there is nothing.
    ada.submit(&form).expect(404);
    assert_eq!(ada.get(&path).status, 404);
    assert_eq!((ada.get(&format!("/settings/tokens/{id}")).status, app.logged("token.deleted")), (404, 1));
}

/// The form that made a token was sent again after the token was deleted.
/// Covers: FC-44
fn the_form_of_a_deleted_token_leads_to_no_dead_end(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("bot", &["channels:read"]);
    let (id, _) = crate::support::read_issued(&ada.submit(&form).expect(200));
    let path = format!("/settings/tokens/{id}/delete");
    let ask = ada.open(&path).form(&path);
    ada.submit(&ask).expect_lead("/settings/tokens");
    let again = ada.submit(&form);
    assert_eq!(app.count("tokens"), 0, "a repeated form brings nothing back");
    if again.status == 303 {
        ada.follow(&again);
    }
}

on_both!(a_deleted_token_is_gone_with_its_secret, the_form_of_a_deleted_token_leads_to_no_dead_end);
