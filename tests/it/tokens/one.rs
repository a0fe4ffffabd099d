//! One token at a time: the page of those who may have one.

use crate::support::{ADMIN, Browser, Engine, PASSWORD, TestApp, at_once, on_both, read_issued};

const LIST: &str = "/settings/tokens";
const NEW: &str = "/settings/tokens/new";

fn single(engine: Engine) -> TestApp {
    TestApp::with(engine, |config| config.tokens.max_per_user = 1)
}

/// Presses "Generate"; the id and the secret.
fn generate(browser: &mut Browser, expiry: &str) -> (String, String) {
    let form = browser.open(LIST).form(NEW).set("expiry", expiry);
    read_issued(&browser.submit(&form).expect(200))
}

fn again(app: &TestApp) -> Browser {
    let mut browser = app.browser();
    browser.sign_in(ADMIN, PASSWORD);
    browser
}

/// Covers: S1-31, S2-6, S2-7, S2-8, S2-9, S2-10, S2-11, S2-14, S2-15, S2-16, S2-17, S2-18, S2-19, S2-20, S2-21
fn it_is_generated_shown_once_and_deleted(engine: Engine) {
    let app = single(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let page = ada.open(LIST);
    assert_eq!(
        (page.one("h1"), page.one("#masked")),
        ("Personal access token".to_owned(), String::new()),
        "the field is empty"
    );
    let form = page.form(NEW);
    assert_eq!(form.choices("expiry"), ["7", "30", "60", "90", "365"], "presets, and no date of one's own");
    assert_eq!(page.texts("main legend"), ["Expires in"]);
    assert_eq!(page.texts("main button"), ["Generate"]);
    assert!(page.one("main").contains("keep it secret at all times"));
    assert!(page.one("main").contains("make a service account in one of your organizations instead"));
    let form = form.set("expiry", "30");
    let issued = ada.submit(&form).expect(200);
    let (id, secret) = read_issued(&issued);
    assert!(issued.one("main").contains("Copy the token now and store it in a safe place."));
    assert_eq!(issued.header("cache-control"), Some("no-store"));
    let dates = issued.attributes(".copyable + .facts time", "datetime");
    assert_eq!(dates, ["2026-11-22T00:06:00Z", "2026-12-22T00:06:00Z"], "both stand below the token");
    assert_eq!(app.verify(&verifier, &secret)["code"], "VALID");
    assert_eq!(app.count("tokens WHERE everything AND organization_id IS NULL AND name = 'Personal access token'"), 1);
    let file = ada.submit(&issued.form(&format!("{LIST}/{id}/file"))).expect(200);
    assert_eq!(file.json()["token"], secret.as_str());
    // A reload sends the form again.
    let reload = ada.submit(&form).expect_lead(LIST);
    let page = ada.follow(&reload);
    assert!(page.notice().starts_with("This token was created already"));
    assert_eq!(page.one("#masked"), format!("kst_pat_…{}", &secret[40..]));
    assert!(!page.text().contains(&secret));
    // While it is there, nothing generates another.
    for path in [LIST, NEW] {
        let page = ada.open(path);
        assert_eq!(page.texts("main form").len(), 0, "{path}");
        assert!(page.one("main").contains("To generate another one, delete this one first."), "{path}");
    }
    let delete = format!("{LIST}/{id}/delete");
    assert_eq!(page.attributes(".copyable a", "href"), [delete.as_str()], "the trash bin stands beside the field");
    let ask = ada.open(&delete);
    assert_eq!(ask.one("h1"), "Delete Personal access token?");
    assert!(ask.one(".confirm").contains("You will need to generate a new token for future calls."));
    assert_eq!(ask.texts(".confirm button"), ["Confirm"]);
    assert!(ask.attributes(".confirm a", "href") == [LIST], "one can keep it");
    assert_eq!(app.count("tokens"), 1, "asking changes nothing");
    let done = ada.submit(&ask.form(&delete)).expect_lead(LIST);
    let page = ada.follow(&done);
    assert_eq!(page.notice(), "The token is deleted. Whatever used it needs a new one.");
    assert_eq!(page.one("#masked"), "", "the field is empty");
    assert!(page.attributes("main a", "href").contains(&"/settings/profile".to_owned()), "one may leave without one");
    assert_eq!(app.verify(&verifier, &secret)["code"], "NOT_FOUND");
    let (_, other) = generate(&mut ada, "7");
    assert_ne!(other, secret);
    assert_eq!((app.logged("token.created"), app.logged("token.deleted")), (2, 1));
}

/// Covers: S2-12, S2-13
fn an_end_that_is_near_is_said_beside_it(engine: Engine) {
    let app = single(engine);
    generate(&mut app.set_up(), "7");
    app.advance(5 * 86_400);
    let page = again(&app).open(LIST);
    assert_eq!(page.texts(".warns").len(), 0, "{}", page.text());
    app.advance(86_400);
    let page = again(&app).open(LIST);
    assert!(page.one(".facts .warns").contains("Close to its end. Delete it and generate another one in time."));
    assert_eq!(page.texts("main .notice").len(), 0, "said once, where the date stands");
    assert!(again(&app).open("/settings/profile").one("main .notice").contains("end soon"));
    app.advance(86_400);
    let page = again(&app).open(LIST);
    assert_eq!(page.one(".facts .badge"), "Expired");
    assert_eq!(page.texts("main form").len(), 0, "it has to be deleted first all the same");
}

/// Covers: AC-060, AC-031
fn its_form_is_checked_and_comes_back(engine: Engine) {
    let app = single(engine);
    let mut ada = app.set_up();
    let form = ada.open(LIST).form(NEW);
    let before = app.dump_but(&["attempts"]);
    for bad in ["", "0", "-1", "1.5", "366", "1000000000", "9223372036854775808", "never", "soon"] {
        let page = ada.submit(&form.clone().without("expiry").smuggle("expiry", bad)).expect(422);
        assert_eq!(
            (page.errors(), page.one("h1")),
            (vec!["expiry".to_owned()], "Personal access token".to_owned()),
            "{bad:?}"
        );
    }
    app.is_still_but(&["attempts"], &before);
    // Too long after the sign-in: what was chosen comes back, and nothing is made by itself.
    app.advance(10 * 60);
    let asked = ada.submit(&form.set("expiry", "60")).expect(303);
    let step_up = ada.open(asked.location()).form("/step-up").set("password", PASSWORD);
    let back = ada.submit(&step_up).expect(303);
    let page = ada.follow(&back);
    assert_eq!((page.one("h1"), page.form(NEW).value("expiry")), ("Personal access token".to_owned(), "60".to_owned()));
    assert_eq!(app.count("tokens"), 0);
    let late = page.form(NEW);
    generate(&mut ada, "30");
    let refused = ada.submit(&late).expect(422);
    assert!(refused.one("[role=alert]").contains("Delete it first, then generate another one."));
    assert!(refused.one("#masked").starts_with("kst_pat_…"));
    assert_eq!(app.count("tokens"), 1);
}

/// Covers: AC-059, S2-14, S2-15
fn there_is_one_however_many_ask_of_two_instances(engine: Engine) {
    let app = single(engine);
    let mut ada = app.set_up();
    let other = app.beside();
    let forms: Vec<_> = (0..32).map(|_| ada.open(LIST).form(NEW)).collect();
    let ask = |index: usize| {
        let mut browser = if index.is_multiple_of(2) { ada.clone() } else { ada.at(&other) };
        browser.submit(&forms[index]).status
    };
    let answers = at_once(32, ask);
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| matches!(status, 200 | 422 | 429)), "{answers:?}");
    assert_eq!([app.count("tokens"), app.count("token_secrets"), app.count("outbox")], [1; 3]);
    assert_eq!(app.logged("token.created"), 1);
    // Deleted by one instance while others ask the second one: never two.
    app.advance(3600);
    let mut ada = again(&app);
    let delete = ada.open(LIST).links().into_iter().find(|link| link.ends_with("/delete")).unwrap();
    let gone = ada.open(&delete).form(&delete);
    let form = forms[0].clone().set("csrf", &gone.value("csrf"));
    let fresh = |index: usize| form.clone().set("form_id", &keystead::ids::ulid()).set("name", &format!("bot {index}"));
    let answers = at_once(8, |index| match index {
        0 => ada.clone().submit(&gone).status,
        index if index % 2 == 0 => ada.clone().submit(&fresh(index)).status,
        index => ada.at(&other).submit(&fresh(index)).status,
    });
    let made = i64::try_from(answers[1..].iter().filter(|status| **status == 200).count()).unwrap();
    assert!(made <= 1, "{answers:?}");
    assert_eq!([app.count("tokens"), app.count("token_secrets")], [made; 2], "{answers:?}");
}

/// Who has more from before keeps the list until they have one.
/// Covers: S2-14
fn who_has_more_keeps_the_list(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (first, _) = ada.create_token("one", &["channels:read"]);
    ada.create_token("two", &["channels:read"]);
    app.sql("UPDATE token_policies SET max_per_user = 1 WHERE id = 'instance'");
    let list = ada.open(LIST);
    assert_eq!(list.texts("tbody .cell-main"), ["two", "one"]);
    assert!(list.text().contains("You have reached the limit of 1 token;"));
    assert!(
        ada.open(NEW)
            .one("main")
            .contains("You have 2 tokens; one person may have 1 here. Delete 2 of them, then come back.")
    );
    let path = format!("{LIST}/{first}/delete");
    let form = ada.open(&path).form(&path);
    ada.submit(&form).expect_lead(LIST);
    let page = ada.open(LIST);
    assert_eq!(page.one("h1"), "Personal access token");
    assert!(page.one("#masked").starts_with("kst_pat_…"));
}

on_both!(
    it_is_generated_shown_once_and_deleted,
    an_end_that_is_near_is_said_beside_it,
    its_form_is_checked_and_comes_back,
    there_is_one_however_many_ask_of_two_instances,
    who_has_more_keeps_the_list,
);
