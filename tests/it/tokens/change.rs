//! Changing a token: name, description, rights.

use crate::support::{ADMIN, Engine, PASSWORD, TestApp, on_both};

/// Covers: S0-18, S0-19, S3-14
fn name_description_and_rights_hold_after_update(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (id, secret) = ada.create_token("bot", &["channels:read"]);
    let verifier = ada.make_verifier("billing");
    let path = format!("/settings/tokens/{id}/edit");
    let detail = ada.open(&format!("/settings/tokens/{id}"));
    assert_eq!(detail.one(&format!("a[href=\"{path}#access\"].small")), "Add scope");
    let page = ada.open(&path);
    let form = page.form(&path);
    assert_eq!((form.value("name"), form.value("access")), ("bot".to_owned(), "selected".to_owned()));
    assert_eq!(form.values("scope"), ["channels:read", "channels:list"], "what it has is ticked");
    assert_eq!(page.texts("button[type=submit].primary"), ["Update"]);
    let mails = app.mails().len();
    let form = form.set("name", "Bot 2").set("description", "for <us>").tick("scope", "groups:delete");
    let done = ada.submit(&form).expect_lead(&format!("/settings/tokens/{id}"));
    assert!(ada.follow(&done).notice().starts_with("The token is updated."));
    let kept = format!(
        "tokens WHERE id = '{id}' AND name = 'Bot 2' AND name_key = 'bot 2' AND description = 'for <us>' AND NOT everything \
         AND scopes = 'channels:list channels:read groups:delete groups:list groups:read groups:update'"
    );
    assert_eq!(app.count(&kept), 1, "{}", app.dump());
    let wish = serde_json::json!({ "token": secret, "entity_type": "groups", "operation": "update" });
    assert_eq!(app.ask(&verifier, &wish).json()["code"], "VALID", "the same secret, at its next use");
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.subject_name.as_str()), ("token.changed", "Bot 2"));
    assert_eq!(entry.detail, "called bot before; description; + groups:delete groups:list groups:read groups:update");
    // It may do more than before: its owner hears of it.
    let told = app.mails().split_off(mails);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].subject, "Keystead: a personal access token was given more rights");
    assert!(told[0].text.contains("read, list, update and delete all groups"), "{}", told[0].text);
    // The same again changes nothing; less is no news.
    let again = ada.open(&path).form(&path);
    ada.submit(&again).expect(303);
    assert_eq!(app.logged("token.changed"), 1);
    let less = ada.open(&path).form(&path).without("scope");
    ada.submit(&less).expect(303);
    assert_eq!(app.count(&format!("tokens WHERE id = '{id}' AND scopes = ''")), 1, "none is no right at all");
    assert_eq!((app.logged("token.changed"), app.mails().len()), (2, mails + 1));
    let page = ada.open(&format!("/settings/tokens/{id}"));
    assert!(page.one("main").contains("It can do nothing but prove that it is yours."));
    assert_eq!(app.ask(&verifier, &wish).json()["code"], "INSUFFICIENT_PERMISSIONS");
    assert_eq!(app.verify(&verifier, &secret)["code"], "VALID");
}

/// Covers: S3-15, S3-16, AC-031
fn scopes_are_taken_one_by_one_or_all(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (id, secret) = ada.create_token("bot", &["channels:update", "groups:list"]);
    let path = format!("/settings/tokens/{id}");
    let (remove, clear) = (format!("{path}/scopes/remove"), format!("{path}/scopes/clear"));
    let scopes = |app: &TestApp, text: &str| {
        app.count(&format!("tokens WHERE id = '{id}' AND NOT everything AND scopes = '{text}'"))
    };
    let page = ada.open(&path);
    assert_eq!(page.one(&format!("a[href=\"{clear}\"]")), "Delete all");
    // What another right implies can't go alone.
    assert_eq!(
        page.attributes("form[action$=\"/scopes/remove\"] [name=scope]", "value"),
        ["channels:update", "groups:list"]
    );
    assert_eq!(page.texts(".scopes-table .hint"), ["implied by update", "implied by update"]);
    let form = page.form_where(&remove, "scope", "channels:update");
    for unknown in ["channels:delete", "", "boats:sail", "channels:update:1"] {
        ada.submit(&form.clone().set("scope", unknown)).expect(404);
    }
    let done = ada.submit(&form).expect_lead(&path);
    assert_eq!(ada.follow(&done).notice(), "The right is taken from the token, from its next use.");
    assert_eq!(scopes(&app, "channels:list channels:read groups:list"), 1);
    assert_eq!(app.last_logged().detail, "− channels:update");
    // Asked for without the page: what would bring it back goes with it.
    ada.submit(&form.clone().set("scope", "channels:list")).expect(303);
    assert_eq!(scopes(&app, "groups:list"), 1);
    let page = ada.open(&clear);
    assert_eq!(page.one("h1"), "Delete all scopes of bot?");
    let form = page.form(&clear);
    ada.submit(&form).expect_lead(&path);
    assert_eq!(scopes(&app, ""), 1);
    let page = ada.open(&path);
    assert!(!page.links().contains(&clear), "there are none left");
    assert_eq!(app.token_self(&secret).json()["scopes"], serde_json::json!([]));
    // "Everything" goes as well, and leaves nothing.
    let form = ada.token_form("all", &[]).set("access", "everything");
    let (all, _) = crate::support::read_issued(&ada.submit(&form).expect(200));
    let clear = format!("/settings/tokens/{all}/scopes/clear");
    let form = ada.open(&clear).form(&clear);
    ada.submit(&form).expect(303);
    assert_eq!(app.count(&format!("tokens WHERE id = '{all}' AND NOT everything AND scopes = ''")), 1);
    // Each of it through a fresh proof, and nothing by itself afterwards.
    app.advance(600);
    let before = app.dump();
    let asked = ada.submit(&form).expect(303);
    assert!(asked.location().starts_with("/step-up?"), "{}", asked.location());
    app.is_still(&before);
}

/// Covers: AC-056, AC-100
fn what_cant_be_is_said_at_its_field(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.create_token("other", &["channels:read"]);
    let (id, _) = ada.create_token("bot", &["channels:read"]);
    let path = format!("/settings/tokens/{id}/edit");
    let form = ada.open(&path).form(&path);
    let before = app.dump();
    for (field, value, wrong) in [
        ("name", "", "name"),
        ("name", "a\u{202e}b", "name"),
        ("name", "a\u{7}b", "name"),
        ("name", &"x".repeat(101), "name"),
        ("name", "other ", "name"),
        ("description", &"x".repeat(301), "description"),
        ("entity_id", "42", "entity_id"),
    ] {
        let page = ada.submit(&form.clone().set(field, value)).expect(422);
        assert_eq!(page.errors(), [wrong], "{value:?}");
        assert_eq!(page.form(&path).value(field), value, "what was typed stays");
    }
    for bad in ["*", "channels:fly", "boats:read", "channels:read:a b"] {
        assert_eq!(ada.submit(&form.clone().smuggle("scope", bad)).expect(422).errors(), ["scope"], "{bad}");
    }
    assert_eq!(ada.submit(&form.clone().without("access")).expect(422).errors(), ["access"]);
    app.is_still(&before);
    // One character and a hundred are fine, and so are other scripts.
    for good in ["x", &"ש".repeat(100), "Ünïcödé 🗝"] {
        ada.submit(&form.clone().set("name", good)).expect(303);
        assert_eq!(app.count(&format!("tokens WHERE id = '{id}' AND name = '{good}'")), 1);
    }
}

/// A single thing gets a row of its own; the form comes back with all that was typed.
/// Covers: S3-8
fn single_things_get_rows_of_their_own(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("bot", &["channels:read"]).set("expiry", "7");
    let more = form.clone().set("entity_type", "clients").set("entity_id", "urn:x:42").press("more", "row");
    let page = ada.submit(&more).expect(200);
    assert_eq!(app.count("tokens"), 0, "a row is no token");
    assert_eq!(page.attributes("[formaction]", "formaction"), ["#added"], "the page goes on at the new row");
    assert!(page.one("tr#added[tabindex]").contains("Clients urn:x:42"));
    let form = page.form("/settings/tokens/new");
    assert_eq!(
        (form.value("name"), form.value("expiry"), form.value("entity_id")),
        ("bot".into(), "7".into(), String::new())
    );
    assert_eq!(form.values("entity"), ["clients:urn:x:42"]);
    assert_eq!(form.choices("scope").len(), 36);
    for (kind, id) in [("clients", ""), ("clients", "a b"), ("boats", "1"), ("clients", "ä")] {
        let odd =
            form.clone().set("entity_id", id).without("entity_type").smuggle("entity_type", kind).press("more", "row");
        let refused = ada.submit(&odd).expect(422);
        assert_eq!(refused.errors(), ["entity_id"], "{kind} {id}");
        assert!(refused.texts("#added").is_empty());
    }
    let typed = form.clone().set("entity_id", "7").tick("scope", "clients:publish:urn:x:42");
    assert_eq!(ada.submit(&typed).expect(422).errors(), ["entity_id"], "typed, and not added");
    let form = form.tick("scope", "clients:delete:urn:x:42");
    let (id, secret) = crate::support::read_issued(&ada.submit(&form).expect(200));
    let single = "clients:delete:urn:x:42 clients:list:urn:x:42 clients:read:urn:x:42 clients:update:urn:x:42";
    assert_eq!(
        app.count(&format!("tokens WHERE id = '{id}' AND scopes = 'channels:list channels:read {single}'")),
        1,
        "{}",
        app.dump()
    );
    let verifier = ada.make_verifier("billing");
    for (entity, wanted) in [("urn:x:42", "VALID"), ("urn:x:4", "INSUFFICIENT_PERMISSIONS")] {
        let wish =
            serde_json::json!({ "token": secret, "entity_type": "clients", "operation": "update", "entity": entity });
        assert_eq!(app.ask(&verifier, &wish).json()["code"], wanted, "{entity}");
    }
    // The row stands in the token's own form, and one for another thing can be added there.
    let path = format!("/settings/tokens/{id}/edit");
    let page = ada.open(&path);
    assert_eq!(page.form(&path).values("entity"), ["clients:urn:x:42"]);
    assert!(page.one("main").contains("Clients urn:x:42"));
    let more = page.form(&path).set("entity_type", "groups").set("entity_id", "g1").press("more", "row");
    let form = ada.submit(&more).expect(200).form(&path);
    assert_eq!(form.values("entity"), ["clients:urn:x:42", "groups:g1"]);
    ada.submit(&form.tick("scope", "groups:list:g1")).expect(303);
    assert_eq!(app.count(&format!("tokens WHERE id = '{id}' AND scopes LIKE '% groups:list:g1'")), 1);
}

/// Covers: AC-031
fn a_form_that_was_filled_in_too_long_comes_back(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (id, _) = ada.create_token("bot", &["channels:read"]);
    let path = format!("/settings/tokens/{id}/edit");
    let form = ada.open(&path).form(&path).set("name", "better").tick("scope", "groups:list");
    app.advance(600);
    let asked = ada.submit(&form).expect(303);
    let form = ada.open(asked.location()).form("/step-up").set("password", PASSWORD);
    let back = ada.submit(&form).expect(303);
    let page = ada.follow(&back);
    assert_eq!(page.form(&path).value("name"), "better");
    assert!(page.form(&path).values("scope").contains(&"groups:list".to_owned()));
    assert_eq!(app.count("tokens WHERE name = 'better'"), 0, "nothing ran by itself");
    ada.submit(&page.form(&path)).expect(303);
    assert_eq!(app.count("tokens WHERE name = 'better'"), 1);
}

/// In an organization nobody gives a token more than they have there at this moment.
/// Covers: AC-056, AC-061, AC-063
fn rights_never_grow_beyond_the_owners(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let user = app.user_id(ADMIN);
    app.sql(&format!(
        "INSERT INTO organizations (id, kind, slug, name, created_at) VALUES ('org1', 'shared', 'acme', 'Acme', 0), \
         ('org2', 'shared', 'evil', 'Evil', 0); \
         INSERT INTO members (organization_id, user_id, role, created_at) VALUES ('org1', '{user}', 'viewer', 0)"
    ));
    let form = ada.token_form("bot", &["channels:read"]);
    assert!(
        form.choices("organization").contains(&"acme".to_owned())
            && !form.choices("organization").contains(&"evil".to_owned())
    );
    let before = app.dump_but(&["attempts"]);
    for foreign in ["evil", "org2", "nobody"] {
        let page = ada.submit(&form.clone().without("organization").smuggle("organization", foreign)).expect(422);
        assert_eq!(page.errors(), ["organization"], "{foreign}");
    }
    let form = form.set("organization", "acme");
    let page = ada.submit(&form.clone().tick("scope", "channels:delete")).expect(422);
    assert!(page.error_at("scope").contains("channels:delete, channels:update"), "{}", page.error_at("scope"));
    app.is_still_but(&["attempts"], &before);
    let page = ada.submit(&form).expect(200);
    assert!(page.one(".lede").contains("It can read and list all channels of Acme."), "{}", page.one(".lede"));
    let (id, secret) = crate::support::read_issued(&page);
    assert_eq!(app.count(&format!("tokens WHERE id = '{id}' AND organization_id = 'org1'")), 1);
    let path = format!("/settings/tokens/{id}/edit");
    let edit = ada.open(&path).form(&path);
    let refused = ada.submit(&edit.clone().tick("scope", "groups:create")).expect(422);
    assert!(refused.error_at("scope").contains("groups:create"));
    ada.submit(&edit.clone().set("name", "bot 2")).expect(303);
    // What it has may stay when its owner's role is less; it gives nothing then, and more can't be added.
    app.sql("UPDATE members SET role = 'member' WHERE organization_id = 'org1'");
    ada.submit(&edit.clone().tick("scope", "groups:create")).expect(303);
    app.sql("UPDATE members SET role = 'viewer' WHERE organization_id = 'org1'");
    let verifier = ada.make_verifier("billing");
    let wish =
        serde_json::json!({ "token": secret, "organization": "acme", "entity_type": "groups", "operation": "create" });
    assert_eq!(app.ask(&verifier, &wish).json()["code"], "INSUFFICIENT_PERMISSIONS");
    let form = ada.open(&path).form(&path);
    ada.submit(&form.clone().set("name", "bot 3")).expect(303);
    assert_eq!(ada.submit(&form.tick("scope", "groups:update")).expect(422).errors(), ["scope"]);
    app.sql("DELETE FROM members WHERE organization_id = 'org1'");
    let form = ada.open(&path).form(&path);
    assert!(ada.open(&format!("/settings/tokens/{id}")).one(".facts").contains("you are no member of"));
    ada.submit(&form).expect(422);
}

on_both!(
    name_description_and_rights_hold_after_update,
    scopes_are_taken_one_by_one_or_all,
    what_cant_be_is_said_at_its_field,
    single_things_get_rows_of_their_own,
    a_form_that_was_filled_in_too_long_comes_back,
    rights_never_grow_beyond_the_owners,
);
