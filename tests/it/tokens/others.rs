//! Somebody else's tokens.

use keystead::routes::ROUTES;

use crate::support::{Browser, Engine, Form, Page, Request, TestApp, on_both};

fn try_route(browser: &mut Browser, method: &str, path: &str, form: &Form) -> Page {
    if method == "GET" {
        return browser.get(path);
    }
    let request = Request { target: path.to_owned(), ..browser.request(form) };
    Page::new(path, browser.send(request))
}

/// On every route with a token's id, somebody else's is as good as absent, and stays as it is.
/// Covers: AC-054, AC-083
fn somebody_elses_is_as_good_as_absent(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (hers, secret) = ada.create_token("hers", &["channels:read"]);
    let mut bob = app.other("bob@example.com");
    let (his, _) = bob.create_token("his", &["channels:read"]);
    let form = bob.open("/settings/profile").form("/settings/profile").smuggle("secret", &secret).smuggle("id", &his);
    let rows = ROUTES.iter().filter(|route| route.path.starts_with("/settings/tokens/{id}"));
    let before = app.dump();
    let mut tried = 0;
    for route in rows {
        let foreign = try_route(&mut bob, route.method, &route.path.replace("{id}", &hers), &form);
        let absent =
            try_route(&mut bob, route.method, &route.path.replace("{id}", "01jd0000000000000000000000"), &form);
        assert_eq!(foreign.status, 404, "{} {}", route.method, route.path);
        assert_eq!(foreign.masked(), absent.masked(), "{} {}", route.method, route.path);
        tried += 1;
    }
    assert_eq!(tried, 14);
    app.is_still(&before);
    let list = bob.open("/settings/tokens");
    assert!(list.texts("tbody .cell-main") == ["his"] && !list.text().contains(&hers));
    // An administrator is nobody's owner either.
    for path in [format!("/settings/tokens/{his}"), format!("/settings/tokens/{his}/revoke")] {
        assert_eq!(ada.get(&path).status, 404);
    }
    // Odd ids are not found, never a failure.
    for odd in ["'", "%00", "..%2f..", "%F0%9F%94%91", &"x".repeat(3000), "1;DROP TABLE tokens", "%ff"] {
        let page = bob.get(&format!("/settings/tokens/{odd}"));
        assert!(matches!(page.status, 400 | 404), "{odd}: {}", page.status);
    }
    app.is_still(&before);
}

on_both!(somebody_elses_is_as_good_as_absent);
