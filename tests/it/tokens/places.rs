//! Tokens for one organization, at the moment in which their owner goes.

use std::time::Duration;

use keystead::catalogue::Role;

use crate::support::{Engine, TestApp, on_both, read_issued};

/// Takes somebody out within a transaction that takes its time, as a removal among many others may.
fn slowly_remove(app: &TestApp, organization: &str, user: &str) {
    let sql = format!(
        "UPDATE organizations SET changes = changes + 1 WHERE id = '{organization}'; \
         UPDATE token_secrets SET revoked_at = 0 WHERE revoked_at IS NULL AND token_id IN \
         (SELECT id FROM tokens WHERE user_id = '{user}' AND organization_id = '{organization}'); \
         DELETE FROM members WHERE organization_id = '{organization}' AND user_id = '{user}'"
    );
    app.write(move |tx| {
        diesel::connection::SimpleConnection::batch_execute(&mut **tx, &sql)?;
        std::thread::sleep(Duration::from_millis(600));
        Ok(())
    });
}

/// Nothing that is made, or made anew, in the moment of a removal outlives it.
/// Covers: AC-062
fn what_is_made_while_its_owner_goes_does_not_stay(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    let form = bob.token_form("old", &["channels:read"]).set("organization", "acme");
    let (old, _) = read_issued(&bob.submit(&form).expect(200));
    let (organization, user) = (app.organization_id("acme"), app.user_id("bob@example.com"));
    let new = bob.token_form("new", &["channels:read"]).set("organization", "acme");
    let path = format!("/settings/tokens/{old}/regenerate");
    let anew = bob.open(&path).form(&path);
    let edit = format!("/settings/tokens/{old}/edit");
    let more = bob.open(&edit).form(&edit).tick("scope", "channels:update");
    std::thread::scope(|scope| {
        scope.spawn(|| slowly_remove(&app, &organization, &user));
        std::thread::sleep(Duration::from_millis(200));
        for (what, form, field) in [
            ("a new token", &new, "organization"),
            ("a new secret", &anew, "organization"),
            ("more rights", &more, "organization"),
        ] {
            let mut bob = bob.clone();
            scope.spawn(move || {
                let page = bob.submit(form).expect(422);
                assert_eq!(page.errors(), [field], "{what}");
            });
        }
    });
    assert_eq!(app.count(&format!("tokens WHERE organization_id = '{organization}'")), 1);
    assert_eq!(app.count("token_secrets WHERE revoked_at IS NULL"), 0, "{}", app.dump());
    assert_eq!(app.count("tokens WHERE scopes LIKE '%update%'"), 0);
}

on_both!(what_is_made_while_its_owner_goes_does_not_stay);
