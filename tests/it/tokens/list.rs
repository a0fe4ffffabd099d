//! The list of tokens, and one token's page.

use crate::support::{ADMIN, Engine, PASSWORD, TestApp, on_both, read_issued};

/// Covers: S0-17, S3-11, S3-17, S4-31, S4-32, S4-33, S2-16
fn the_list_shows_what_there_is(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("old", &["channels:read"]).set("expiry", "7").set("description", "the first");
    let (old, _) = read_issued(&ada.submit(&form).expect(200));
    app.advance(60);
    let (new, secret) = ada.create_token("new", &["channels:update", "groups:list"]);
    assert_eq!(app.token_self(&secret).status, 200);
    app.flush();
    let page = ada.open("/settings/tokens");
    let heads = ["Select", "Token", "Status", "Created", "Expires", "Last used", "Details"];
    assert_eq!(page.texts("thead th"), heads);
    let row = "tbody:first-of-type .token-row";
    assert_eq!(page.texts("tbody .cell-main"), ["new", "old"], "newest first");
    assert_eq!(page.texts("tbody .badge"), ["Active", "Active"]);
    assert_eq!(page.texts(&format!("{row} .mono")), [format!("kst_pat_…{}", &secret[40..])]);
    assert_eq!(page.texts(&format!("{row} .token-rights")), ["Channels: read, list, update · Groups: list"]);
    let times = page.attributes(&format!("{row} time"), "datetime");
    assert_eq!(times, ["2026-11-22T00:07:00Z", "2027-02-20T00:07:00Z", "2026-11-22T00:07:00Z"]);
    assert!(page.text().contains("2 of at most 50 tokens."));
    for id in [&old, &new] {
        for act in ["", "/edit", "/regenerate", "/revoke", "/delete"] {
            assert!(page.links().contains(&format!("/settings/tokens/{id}{act}")), "{id}{act}");
        }
    }

    let page = ada.open(&format!("/settings/tokens/{new}"));
    assert_eq!(page.one("h1"), "new");
    assert_eq!(page.texts(".facts dt"), ["Status", "Token", "Created", "Expires", "Last used", "Organization"]);
    assert!(page.links().contains(&format!("/settings/tokens/{new}/revoke")));
    let scopes = ["channels:read", "channels:list", "channels:update", "groups:list"];
    assert_eq!(page.texts(".scopes-table tbody th"), scopes);
    assert!(
        page.one("main").contains("It can read, list and update all channels; list all groups, and only as long as")
    );
    assert_eq!(page.texts("section[aria-labelledby=addresses-section] tbody th"), ["127.0.0.1"]);
    assert_eq!(page.texts("section[aria-labelledby=history-section] .cell-main"), ["Access token created"]);
    let page = ada.open(&format!("/settings/tokens/{old}"));
    assert_eq!(page.one("main .lede"), "the first");
}

/// Covers: S0-16, S2-12
fn expired_ones_stay_and_say_so(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("week", &["channels:read"]).set("expiry", "7");
    let (id, _) = read_issued(&ada.submit(&form).expect(200));
    let path = format!("/settings/tokens/{id}");
    let mut seen = Vec::new();
    for seconds in [0, 7 * 86_400 * 4 / 5 - 1, 1, 7 * 86_400 / 5 - 1, 1] {
        app.advance(seconds);
        let mut browser = app.browser();
        browser.sign_in(ADMIN, PASSWORD);
        let list = browser.open("/settings/tokens");
        assert_eq!(list.texts("tbody .badge"), browser.open(&path).texts(".named .badge"));
        seen.extend(list.texts("tbody .badge"));
        ada = browser;
    }
    assert_eq!(seen, ["Active", "Active", "Expires soon", "Expires soon", "Expired"]);
    let page = ada.open(&path);
    assert!(page.one(".facts").contains("Expired on 29 November 2026"), "{}", page.one(".facts"));
    assert!(!page.links().contains(&format!("{path}/revoke")), "nothing is left to revoke");
    assert!(page.links().contains(&format!("{path}/delete")));
}

/// Written in memory first, then together; at most once a minute.
fn uses_are_noted(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (_, secret) = ada.create_token("bot", &["channels:read"]);
    let verifier = ada.make_verifier("billing");
    let question =
        serde_json::json!({ "token": secret, "client_address": "203.0.113.7", "client_agent": "curl\u{7}/8" });
    app.ask(&verifier, &question);
    assert_eq!(app.count("token_secrets WHERE last_used_at IS NOT NULL"), 0, "no check waits for a write");
    app.flush();
    let used = |moment: i64| {
        app.count(&format!(
            "token_secrets WHERE last_used_at = {moment} AND last_used_address = '203.0.113.7' \
             AND last_used_agent = 'curl/8'"
        ))
    };
    let first = app.now().unix();
    assert_eq!(used(first), 1);
    assert_eq!(app.count(&format!("verifiers WHERE last_used_at = {first}")), 1);
    app.advance(59);
    app.ask(&verifier, &question);
    app.flush();
    assert_eq!(used(first), 1);
    app.advance(1);
    app.ask(&verifier, &question);
    app.flush();
    assert_eq!(used(first + 60), 1);
    // What is not good for anything is not used.
    app.advance(60);
    let wish = serde_json::json!({ "token": secret, "entity_type": "groups", "operation": "delete" });
    assert_eq!(app.ask(&verifier, &wish).json()["code"], "INSUFFICIENT_PERMISSIONS");
    app.flush();
    assert_eq!(used(first + 60), 1);
}

/// Makes tokens by the dozen, without forms: `(name, seconds until the end or None, revoked)`.
pub fn stock(app: &TestApp, tokens: &[(String, Option<i64>, bool)]) {
    let (user, now) = (app.user_id(ADMIN), app.now());
    let number = |at: Option<i64>| at.map_or("NULL".to_owned(), |offset| now.plus(offset).unix().to_string());
    let mut sql = Vec::new();
    for (place, (name, end, revoked)) in tokens.iter().enumerate() {
        // Two hundred days old; a sample of them was used.
        let (id, made) = (format!("01stock{place:019}"), now.plus(-200 * 86_400).unix());
        let hash = if app.is_sqlite() { format!("CAST('{id}' AS BLOB)") } else { format!("'{id}'::bytea") };
        let (ended, seen) =
            (number(revoked.then_some(-5)), number((place % 3 == 0).then(|| -60 - i64::try_from(place).unwrap())));
        let key = keystead::text::search_key(name).replace('\'', "''");
        let name = name.replace('\'', "''");
        sql.push(format!(
            "INSERT INTO tokens (id, kind, user_id, name, name_key, description, everything, scopes, created_at) \
             VALUES ('{id}', 'pat', '{user}', '{name}', '{key}', '', FALSE, 'channels:read', {made}); \
             INSERT INTO token_secrets \
             (id, token_id, holder, hash, last_four, is_current, created_at, expires_at, revoked_at, last_used_at) \
             VALUES ('{id}', '{id}', '{user}', {hash}, 'abcd', TRUE, {made}, {}, {ended}, {seen});",
            number(*end)
        ));
    }
    app.sql(&sql.concat());
}

fn names(page: &crate::support::Page) -> Vec<String> {
    page.texts("tbody .cell-main")
}

/// Search, status, order and page stand in the address.
/// Covers: S3-22, S0-16, S2-12
fn what_is_listed_stands_in_the_address(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let day = 86_400;
    let all = [
        ("Ärger 100%", Some(40 * day), false),
        ("ärger_2", Some(20 * day), false),
        ("backup", Some(0), false),
        ("Cron", Some(100 * day), true),
        ("deploy's", None, false),
        ("deploy 2", Some(-3), true),
        ("deploy 3", Some(1), false),
    ];
    stock(&app, &all.map(|(name, end, revoked)| (name.to_owned(), end, revoked)));
    for (address, wanted) in [
        ("", "deploy 3|deploy 2|deploy's|Cron|backup|ärger_2|Ärger 100%"),
        ("?sort=created", "Ärger 100%|ärger_2|backup|Cron|deploy's|deploy 2|deploy 3"),
        ("?sort=name", "backup|Cron|deploy 2|deploy 3|deploy's|Ärger 100%|ärger_2"),
        ("?sort=-name", "ärger_2|Ärger 100%|deploy's|deploy 3|deploy 2|Cron|backup"),
        ("?sort=expires", "deploy 2|backup|deploy 3|ärger_2|Ärger 100%|Cron|deploy's"),
        ("?sort=-expires", "deploy's|Cron|Ärger 100%|ärger_2|deploy 3|backup|deploy 2"),
        ("?sort=-used", "Ärger 100%|Cron|deploy 3|deploy 2|deploy's|backup|ärger_2"),
        ("?status=active&sort=created", "Ärger 100%|ärger_2|deploy's|deploy 3"),
        ("?status=expiring&sort=created", "ärger_2|deploy 3"),
        ("?status=expired", "backup"),
        ("?status=revoked&sort=created", "Cron|deploy 2"),
        ("?q=%C3%84RGER&status=all", "ärger_2|Ärger 100%"),
        ("?q=0%25", "Ärger 100%"),
        ("?q=_", "ärger_2"),
        ("?q=deploy&status=active&sort=name", "deploy 3|deploy's"),
        ("?q=%27", "deploy's"),
        ("?q=nothing", ""),
    ] {
        let page = ada.open(&format!("/settings/tokens{address}"));
        assert_eq!(names(&page).join("|"), wanted, "{address}");
    }
    let page = ada.open("/settings/tokens?q=nothing&status=active");
    assert!(
        page.one(".empty").contains("has “nothing” in its name")
            && page.links().contains(&"/settings/tokens".to_owned())
    );
    let page = ada.open("/settings/tokens?status=expired&sort=-name");
    assert_eq!(page.one(".filters [aria-current]"), "Expired");
    assert_eq!(page.attributes("th[aria-sort]", "aria-sort"), ["descending"]);
    assert!(page.links().contains(&"/settings/tokens?status=expired&sort=name".to_owned()), "{:?}", page.links());
    assert_eq!(page.attributes("form[role=search] [type=hidden]", "value"), ["expired", "-name"]);
    // Whoever asks for what there is not gets no other list in its place.
    for odd in [
        "status=all&status=x",
        "status=Active",
        "sort=age",
        "sort=--name",
        "page=2",
        "after=x",
        "before=x&after=y",
        "sort=used&after=x~y",
    ] {
        assert_eq!(ada.get(&format!("/settings/tokens?{odd}")).status, 400, "{odd}");
    }
}

/// Every page once, in every order, forth and back; the last costs what the first does.
fn pages_lead_through_all_of_them(engine: Engine) {
    let app = TestApp::with(engine, |config| config.tokens.max_per_user = 10_000);
    let mut ada = app.set_up();
    // Names and ends that come several times: the id decides among them.
    let many: Vec<_> =
        (0..123).map(|n| (format!("bot {}", n % 7), (n % 5 != 0).then_some(n % 11 * 86_400), n % 4 == 0)).collect();
    stock(&app, &many);
    for sort in ["-created", "created", "name", "-name", "expires", "-expires", "used", "-used"] {
        let first = ada.open(&format!("/settings/tokens?sort={sort}"));
        let (mut forth, mut page) = (vec![first.attributes(".token-name .cell-main", "href")], first);
        while let [next] = page.attributes(".pager [rel=next]", "href").as_slice() {
            page = ada.open(next);
            forth.push(page.attributes(".token-name .cell-main", "href"));
        }
        let sizes: Vec<usize> = forth.iter().map(Vec::len).collect();
        assert_eq!(sizes, [50, 50, 23], "{sort}");
        let mut all: Vec<_> = forth.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 123, "{sort}: each once");
        let mut back = vec![page.attributes(".token-name .cell-main", "href")];
        while let [previous] = page.attributes(".pager [rel=prev]", "href").as_slice() {
            page = ada.open(previous);
            back.push(page.attributes(".token-name .cell-main", "href"));
        }
        back.reverse();
        assert_eq!(back, forth, "{sort}");
    }
    // A page is found again when the token at its edge is gone.
    let next = ada.open("/settings/tokens").attributes(".pager [rel=next]", "href").remove(0);
    let before = names(&ada.open(&next));
    let edge = next.split_once("after=").unwrap().1.split("%7E").next().unwrap().to_owned();
    app.sql(&format!("DELETE FROM tokens WHERE id = '{edge}'"));
    assert_eq!(names(&ada.open(&next)), before);
}

/// Whatever is searched, filtered or sorted by, a list holds its owner's alone.
/// Covers: AC-054
fn no_list_holds_somebody_elses(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let day = 86_400;
    let all = [
        ("active", Some(100 * day), false),
        ("soon", Some(5), false),
        ("over", Some(-5), false),
        ("ended", None, true),
    ];
    stock(&app, &all.map(|(name, end, revoked)| (name.to_owned(), end, revoked)));
    let mut bob = app.other("bob@example.com");
    let mut seen = 0;
    for query in ["status=all", "status=active", "status=expiring", "status=expired", "status=revoked", "q=e"] {
        for sort in ["-created", "created", "name", "-name", "expires", "-expires", "used", "-used"] {
            let address = format!("/settings/tokens?{query}&sort={sort}");
            seen += names(&ada.open(&address)).len();
            assert!(names(&bob.open(&address)).is_empty(), "{address}");
        }
    }
    assert_eq!(seen, 8 * (4 + 2 + 1 + 1 + 1 + 3));
    let told = bob.open("/settings/security").one("section[aria-labelledby=tokens-section]");
    assert!(told.contains("You have no active token.") && !told.contains("soon"), "{told}");
    let told = ada.open("/settings/security").one("section[aria-labelledby=tokens-section]");
    assert!(told.contains("You have 2 active tokens.") && told.contains("One of them ends soon."), "{told}");
}

/// The details are in the page, and need no script to be unfolded.
/// Covers: S0-17, S0-18, S0-20, S3-11, S3-25
fn a_row_unfolds_in_place(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("bot", &["channels:read"]).set("description", "for the build");
    let (id, _) = read_issued(&ada.submit(&form).expect(200));
    let page = ada.open("/settings/tokens");
    assert_eq!(page.one("tbody details summary"), "Details of bot");
    for part in ["for the build", "Channels: read, list", "All of mine", "20 February 2027, 00:06:00 UTC"] {
        assert!(page.one("tbody").contains(part), "{part} in {}", page.one("tbody"));
    }
    let acts = page.texts("tbody details .actions a");
    assert_eq!(acts, ["View bot", "Edit bot", "Regenerate bot", "Revoke bot", "Delete bot"]);
    let beside = page.attributes(".token-name a", "href");
    let path = format!("/settings/tokens/{id}");
    assert_eq!(
        beside,
        [path.clone(), format!("{path}/edit"), format!("{path}/delete")],
        "pencil and bin beside the name"
    );
    ada.revoke_token(&id);
    let acts = ada.open("/settings/tokens").texts("tbody details .actions a");
    assert_eq!(acts, ["View bot", "Edit bot", "Regenerate bot", "Delete bot"], "what is over can't be revoked");
}

/// Beside the expiry, in the list, and on top of every settings page; from a fifth of a short lifetime on.
/// Covers: S2-12, S2-13
fn an_end_that_is_near_is_said_everywhere(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("week", &["channels:read"]).set("expiry", "7");
    let (id, _) = read_issued(&ada.submit(&form).expect(200));
    ada.create_token("quarter", &["channels:read"]);
    let path = format!("/settings/tokens/{id}");
    let banner = "One or more of your personal access tokens end soon.";
    let mut seen = Vec::new();
    for seconds in [0, 7 * 86_400 * 4 / 5 - 1, 1, 7 * 86_400 / 5 - 1, 1] {
        app.advance(seconds);
        ada = app.browser();
        ada.sign_in(ADMIN, PASSWORD);
        let everywhere: Vec<bool> =
            ["/settings/profile", "/settings/security", "/settings/appearance", "/settings/logs", "/settings/tokens"]
                .iter()
                .map(|page| ada.open(page).text().contains(banner))
                .collect();
        assert!(everywhere.iter().all(|shown| *shown == everywhere[0]), "{everywhere:?}");
        let page = ada.open(&path);
        assert_eq!(page.one(".facts").contains("Close to its end."), everywhere[0]);
        assert_eq!(ada.open("/settings/tokens").texts(".token-row .warns").len(), usize::from(everywhere[0]));
        seen.push(everywhere[0]);
    }
    assert_eq!(seen, [false, false, true, true, false]);
    // A revoked one is nobody's worry, and neither is somebody else's.
    let form = ada.token_form("day", &["channels:read"]).without("expiry").smuggle("expiry", "1");
    let (id, _) = read_issued(&ada.submit(&form).expect(200));
    assert!(ada.open("/settings/profile").text().contains(banner), "on its last day always");
    assert!(!app.other("bob@example.com").open("/settings/profile").text().contains(banner));
    ada.revoke_token(&id);
    assert!(!ada.open("/settings/profile").text().contains(banner));
}

/// A page of the list and its badges say the same as the policy, for every moment around an end.
fn the_list_and_the_policy_agree(engine: Engine) {
    let app = TestApp::with(engine, |config| config.tokens.max_per_user = 10_000);
    let mut ada = app.set_up();
    let day = 86_400;
    let ends = [
        0,
        1,
        2,
        60,
        day - 1,
        day,
        day + 1,
        2 * day,
        29 * day,
        30 * day,
        30 * day + 1,
        49 * day,
        50 * day,
        50 * day + 1,
        60 * day,
    ];
    let many: Vec<_> = ends
        .iter()
        .flat_map(|end| [(format!("{end}"), Some(*end), false), (format!("{end} revoked"), Some(*end), true)])
        .chain([("never".to_owned(), None, false)])
        .collect();
    stock(&app, &many);
    let status = |word: &str, ada: &mut crate::support::Browser| -> Vec<(String, String)> {
        let page = ada.open(&format!("/settings/tokens?status={word}"));
        names(&page).into_iter().zip(page.texts(".token-row .badge")).collect()
    };
    let all = status("all", &mut ada);
    assert_eq!(all.len(), many.len());
    let with = |badges: &[&str]| -> Vec<(String, String)> {
        all.iter().filter(|(_, badge)| badges.contains(&badge.as_str())).cloned().collect()
    };
    for (word, badges) in [
        ("active", ["Active", "Expires soon"].as_slice()),
        ("expiring", &["Expires soon"]),
        ("expired", &["Expired"]),
        ("revoked", &["Revoked"]),
    ] {
        assert_eq!(status(word, &mut ada), with(badges), "{word}");
        assert!(!with(badges).is_empty(), "{word} occurs");
    }
}

on_both!(
    the_list_shows_what_there_is,
    expired_ones_stay_and_say_so,
    uses_are_noted,
    what_is_listed_stands_in_the_address,
    pages_lead_through_all_of_them,
    no_list_holds_somebody_elses,
    a_row_unfolds_in_place,
    an_end_that_is_near_is_said_everywhere,
    the_list_and_the_policy_agree,
);
