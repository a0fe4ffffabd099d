//! The log.

use crate::support::{ADMIN, Engine, PASSWORD, TestApp, on_both};

/// Covers: S0-26, S4-19
fn ones_own_log_newest_first(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (id, _) = ada.create_token("deploy bot", &["channels:read"]);
    app.advance(3600 - 1);
    ada.revoke_token(&id);
    app.browser().try_sign_in(ADMIN, "wrong-Password-1").expect(422);
    let mut bob = app.other("bob@example.com");
    bob.create_token("his", &["channels:read"]);
    let page = ada.open("/settings/logs");
    let wanted = [
        "Sign-in refused",
        "Access token revoked",
        "Access token created",
        "Keystead set up, first administrator made",
    ];
    assert_eq!(page.texts("tbody .cell-main"), wanted);
    assert_eq!(page.texts("tbody th .cell-sub"), ["deploy bot", "deploy bot"]);
    let how = ["Somebody not signed in", "Browser session", "Browser session", "Before sign-in"];
    assert_eq!(page.texts("td[data-label=How]"), how);
    assert!(
        page.texts("td[data-label=From]").iter().all(|from| from == "127.0.0.1 Firefox" || from == "127.0.0.1Firefox"),
        "{:?}",
        page.texts("td[data-label=From]")
    );
    let moments = page.attributes("tbody time", "datetime");
    assert_eq!((moments[0].as_str(), moments[3].as_str()), ("2026-11-22T01:05:59Z", "2026-11-22T00:06:00Z"));
    let his = bob.open("/settings/logs");
    assert_eq!(his.texts("tbody .cell-main"), ["Access token created", "Signed in"]);
    assert!(!his.text().contains("deploy bot"));
}

/// Fifty to a page, none twice, none lost.
fn the_log_has_pages(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.open("/settings/appearance").form("/settings/appearance");
    for index in 0..60 {
        ada.submit_by_script(&form.clone().set("theme", ["light", "dark", "system"][index % 3]));
    }
    for _ in 0..60 {
        let form = ada.open("/settings/profile").form("/settings/profile");
        let other = if form.value("last_name") == "Byron" { "King" } else { "Byron" };
        ada.submit_by_script(&form.set("last_name", other));
    }
    let mut rows = Vec::new();
    let mut page = ada.open("/settings/logs");
    assert!(page.links().iter().all(|link| link != "/settings/logs?before="));
    let mut pages = 1;
    loop {
        rows.extend(page.texts("tbody .cell-main"));
        let Some(older) = page.attributes("a[rel=next]", "href").pop() else { break };
        page = ada.open(&older);
        assert_eq!(page.attributes("a[rel=prev]", "href"), ["/settings/logs"]);
        pages += 1;
    }
    assert_eq!((rows.len(), pages), (121, 3));
    assert!(rows[..60].iter().all(|row| row == "Profile changed"));
    assert!(rows[60..120].iter().all(|row| row == "Appearance changed"));
    for odd in ["", "0", "zzzz", "'", "%00", &"x".repeat(5000)] {
        let page = ada.get(&format!("/settings/logs?before={odd}"));
        assert!(matches!(page.status, 200 | 400), "{odd:.20}: {}", page.status);
    }
}

/// What somebody does in a browser.
type Act<'a> = &'a dyn Fn(&mut crate::support::Browser);

/// Each act that matters leaves one entry, refused ones too; and nothing that was typed into a password field.
/// Covers: AC-109, AC-039
fn every_act_leaves_one_entry(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let acts: [(&str, Act<'_>); 12] = [
        ("session.sign_in_refused", &|_| drop(app.browser().try_sign_in(ADMIN, "hush-hush-Pass-1"))),
        ("session.sign_in_refused", &|_| drop(app.browser().try_sign_in("nobody@example.com", "hush-hush-Pass-1"))),
        ("session.signed_out", &|browser| drop(browser.sign_out())),
        ("session.signed_in", &|browser| browser.sign_in(ADMIN, PASSWORD)),
        ("session.confirm_refused", &|browser| drop(browser.confirm("hush-hush-Pass-1", "/"))),
        ("session.confirmed", &|browser| drop(browser.confirm(PASSWORD, "/"))),
        ("profile.changed", &|browser| {
            let form = browser.open("/settings/profile").form("/settings/profile").set("first_name", "Augusta");
            browser.submit(&form).expect(303);
        }),
        ("appearance.changed", &|browser| {
            let form = browser.open("/settings/appearance").form("/settings/appearance").set("theme", "dark");
            browser.submit(&form).expect(303);
        }),
        ("verifier.created", &|browser| drop(browser.make_verifier("billing"))),
        ("token.created", &|browser| drop(browser.create_token("bot", &["channels:read"]))),
        ("token.revoked", &|browser| {
            let link =
                browser.open("/settings/tokens").links().into_iter().find(|link| link.ends_with("/revoke")).unwrap();
            let form = browser.open(&link).form(&link);
            browser.submit(&form).expect(303);
        }),
        ("token.deleted", &|browser| {
            let link =
                browser.open("/settings/tokens").links().into_iter().find(|link| link.ends_with("/delete")).unwrap();
            let form = browser.open(&link).form(&link);
            browser.submit(&form).expect(303);
        }),
    ];
    for (action, act) in acts {
        let before = app.log().len();
        act(&mut ada);
        let log = app.log();
        assert_eq!(log.len(), before + 1, "{action}: {:?}", &log[before..]);
        assert_eq!(log[before].action, action);
        assert_eq!(log[before].at, app.now());
    }
    let log = format!("{:?}", app.log());
    for secret in ["hush-hush", PASSWORD, "nobody@example.com", "kst_"] {
        assert!(!log.contains(secret), "{secret}");
    }
}

on_both!(ones_own_log_newest_first, the_log_has_pages, every_act_leaves_one_entry);
