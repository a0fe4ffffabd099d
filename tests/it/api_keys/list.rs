//! The list of keys, one of them, and its end.

use keystead::catalogue::Role;

use crate::support::{ADMIN, Engine, TestApp, on_both};

/// Covers: S4-31, S4-32, S4-33, S4-21
fn the_table_says_what_each_key_is(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let empty = ada.open("/settings/api-keys");
    assert_eq!(empty.one(".empty-title"), "No API keys yet");
    assert!(empty.one(".lede").contains("ACME"), "it says for which organization");
    let (id, secret) = ada.create_key("Production", &[]);
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    bob.work_in("acme");
    bob.create_key("Build", &["channels:read"]);
    let credential = ada.make_verifier("billing");
    let question = serde_json::json!({ "token": secret, "client_address": "203.0.113.7", "client_agent": "curl/8" });
    app.ask(&credential, &question);
    app.flush();
    app.advance(60);
    let page = ada.open("/settings/api-keys");
    let heads: Vec<String> = page.texts(".keys-table thead th");
    assert_eq!(heads, ["Description", "Status", "Created", "Expires", "Last used", "Made by", "Actions"]);
    assert_eq!(page.texts(".keys-table .cell-main"), ["Build", "Production"]);
    assert!(page.texts(".keys-table .mono")[1].ends_with(&secret[40..]));
    assert_eq!(page.texts(".keys-table .badge"), ["Active", "Active"]);
    assert_eq!(page.texts("td[data-label=\"Made by\"]"), ["Bob Babbage", "You"]);
    assert_eq!(page.texts("td[data-label=\"Last used\"]"), ["Never", "1 minute ago"]);
    let detail = ada.open(&format!("/settings/api-keys/{id}"));
    for part in ["Production", "Active until 22 November 2027", "ACME", "203.0.113.7", "curl", "API key created"] {
        assert!(detail.one("main").contains(part), "{part} in {}", detail.one("main"));
    }
    for (query, found) in [("q=prod", 1), ("q=%25", 0), ("status=active", 2), ("status=expired", 0), ("sort=name", 2)] {
        assert_eq!(
            ada.open(&format!("/settings/api-keys?{query}")).texts(".keys-table tbody tr").len(),
            found,
            "{query}"
        );
    }
    ada.get("/settings/api-keys?status=gone").expect(400);
    // The page of personal tokens has none of them, nor do its pages open one.
    assert_eq!(ada.open("/settings/tokens").texts(".token-table").len(), 0);
    for below in ["", "/edit", "/regenerate", "/revoke", "/delete"] {
        ada.get(&format!("/settings/tokens/{id}{below}")).expect(404);
    }
}

/// Covers: S4-26, S4-34, S4-35
fn keys_are_deleted_by_their_makers_and_those_who_manage_them(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let (hers, her_secret) = ada.create_key("Ada's", &[]);
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    bob.work_in("acme");
    let (first, first_secret) = bob.create_key("Bob's first", &[]);
    let (second, second_secret) = bob.create_key("Bob's second", &[]);
    let at = |id: &str| format!("/settings/api-keys/{id}/delete");
    // A member sees Ada's and can't end it.
    assert!(
        bob.open("/settings/api-keys").text().contains("Ada&#x27;s")
            || bob.open("/settings/api-keys").text().contains("Ada&#39;s")
    );
    assert!(!bob.open("/settings/api-keys").links().contains(&at(&hers)));
    bob.get(&at(&hers)).expect(403);
    let mut forged = bob.open(&at(&first)).form(&at(&first));
    let form = forged.clone();
    forged.action = at(&hers);
    bob.submit(&forged).expect(403);
    assert_eq!(app.verify(&credential, &her_secret)["code"], "VALID");
    // His own, at once and for good.
    let asked = bob.open(&at(&first));
    assert!(asked.one("main").contains("This cannot be undone"), "{}", asked.one("main"));
    let deleted = bob.submit(&form).expect_lead("/settings/api-keys");
    assert!(bob.follow(&deleted).notice().starts_with("The key is deleted."));
    assert_eq!(app.verify(&credential, &first_secret)["code"], "NOT_FOUND");
    bob.submit(&form).expect(404);
    // Lowered to a viewer he still ends his own, and sees it alone.
    let user = app.user_id("bob@example.com");
    app.sql(&format!("UPDATE members SET role = 'viewer' WHERE user_id = '{user}' AND role = 'member'"));
    let seen = bob.open("/settings/api-keys");
    assert_eq!(seen.texts(".keys-table .cell-main"), ["Bob's second"]);
    bob.get(&format!("/settings/api-keys/{hers}")).expect(404);
    bob.get(&at(&hers)).expect(404);
    // Who manages the keys ends his, and he gets a mail.
    let form = ada.open(&at(&second)).form(&at(&second));
    ada.submit(&form).expect(303);
    assert_eq!(app.verify(&credential, &second_secret)["code"], "NOT_FOUND");
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.actor_id), ("api_key.deleted", app.user_id(ADMIN)));
    assert_eq!(entry.user_id.as_deref(), Some(user.as_str()));
    let mail = app.mails().into_iter().rfind(|mail| mail.recipient == "bob@example.com").unwrap();
    assert_eq!(mail.subject, "Keystead: an API key of yours was deleted");
    assert!(mail.text.contains("Bob's second") && mail.text.contains("ACME"), "{}", mail.text);
    assert!(!mail.text.contains("Firefox"), "{}", mail.text);
}

/// Hundreds of keys: pages by key, in every order, each key once.
/// Covers: S4-31
fn hundreds_of_keys_are_paged(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let (user, acme) = (app.user_id(ADMIN), app.organization_id("acme"));
    let blob = |id: &str| if app.is_sqlite() { format!("CAST('{id}' AS BLOB)") } else { format!("'{id}'::bytea") };
    let rows = (0..120)
        .map(|index| {
            let id = format!("key{index:03}");
            format!(
                "INSERT INTO tokens (id, kind, user_id, organization_id, name, name_key, description, everything, scopes, created_at) \
                 VALUES ('{id}', 'key', '{user}', '{acme}', 'Key {index:03}', 'key {index:03}', '', TRUE, '', 0); \
                 INSERT INTO token_secrets (id, token_id, holder, hash, last_four, is_current, created_at, expires_at) \
                 VALUES ('{id}', '{id}', '{acme}', {}, 'abcd', TRUE, 0, {});",
                blob(&id),
                2_000_000_000 + (index * 7) % 120
            )
        })
        .collect::<Vec<_>>();
    app.sql(&rows.concat());
    for sort in ["-created", "created", "name", "-name", "expires", "-expires", "used", "-used"] {
        let (mut next, mut seen) = (Some(format!("/settings/api-keys?sort={sort}")), Vec::new());
        while let Some(path) = next {
            let page = ada.open(&path);
            seen.extend(page.texts(".keys-table .cell-main"));
            next = page.attributes("a[rel=next]", "href").pop();
        }
        assert_eq!(seen.len(), 120, "{sort}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 120, "{sort}");
    }
}

on_both!(
    the_table_says_what_each_key_is,
    keys_are_deleted_by_their_makers_and_those_who_manage_them,
    hundreds_of_keys_are_paged,
);
