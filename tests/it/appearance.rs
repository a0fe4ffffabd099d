//! Light, dark, or as the system.

use crate::support::{Engine, Request, TestApp, on_both};

/// Covers: S4-17
fn a_theme_is_chosen_and_kept(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let page = ada.open("/settings/appearance");
    assert_eq!(page.attributes("html", "data-theme"), ["light"]);
    let form = page.form("/settings/appearance");
    assert_eq!(
        (form.value("theme"), form.choices("theme")),
        ("light".to_owned(), ["light", "dark", "system"].map(str::to_owned).to_vec())
    );
    let saved = ada.submit(&form.clone().set("theme", "dark")).expect_lead("/settings/appearance");
    let page = ada.follow(&saved);
    assert_eq!(page.notice(), "Your choice is saved.");
    assert_eq!(page.attributes("html", "data-theme"), ["dark"]);
    assert_eq!(app.count("users WHERE theme = 'dark'"), 1);
    assert_eq!((app.last_logged().action.as_str(), app.last_logged().detail.as_str()), ("appearance.changed", "dark"));
    let answer = ada.submit_by_script(&form.clone().set("theme", "system"));
    assert_eq!((answer.status, answer.json()), (200, serde_json::json!({ "saved": true })));

    // The sign-in page wears it, too; every other browser does not.
    ada.sign_out().expect_lead("/login");
    assert_eq!(ada.open("/login").attributes("html", "data-theme"), ["system"]);
    assert_eq!(app.browser().open("/login").attributes("html", "data-theme"), ["light"]);
}

fn a_theme_that_there_is_not_is_refused(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.open("/settings/appearance").form("/settings/appearance").without("theme");
    let before = app.dump();
    for bad in ["", "Dark", "dark\" onload=\"x", "blue"] {
        assert_eq!(ada.submit(&form.clone().smuggle("theme", bad)).status, 400, "{bad}");
    }
    app.is_still(&before);
    let page = app.send(&Request::get("/login").header("Cookie", "keystead_theme=\"><script>"));
    assert!(page.status == 200 && page.text().contains("data-theme=\"light\""));
}

on_both!(a_theme_is_chosen_and_kept, a_theme_that_there_is_not_is_refused);
