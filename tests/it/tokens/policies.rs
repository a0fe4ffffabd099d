//! What tokens may be: set for the instance and for an organization, looked at first.

use keystead::catalogue::Role;
use keystead::clock::DAY;
use keystead::tokens::TokenPolicy;
use keystead::tokens::policies::{Realm, count_beyond};

use super::list::stock;
use crate::support::{ADMIN, Browser, Engine, NOW, Page, TestApp, at_once, on_both, read_issued};

const POLICY: &str = "/admin/policy";

/// The form on the page that shows what a change would do.
#[track_caller]
fn looked(browser: &mut Browser, path: &str, query: &str) -> crate::support::Form {
    browser.open(&format!("{path}/review?{query}")).form(path)
}

#[track_caller]
fn set(browser: &mut Browser, path: &str, query: &str, act: &str) -> Page {
    let form = looked(browser, path, query).press("act", act);
    browser.submit(&form).expect_lead(path)
}

fn year(browser: &mut Browser, name: &str) -> (String, String) {
    let form = browser.token_form(name, &["channels:read"]).set("expiry", "365");
    read_issued(&browser.submit(&form).expect(200))
}

fn ends(app: &TestApp, name: &str, seconds: i64) -> bool {
    let end = NOW.plus(seconds).unix();
    let secrets = "token_secrets s JOIN tokens t ON t.id = s.token_id";
    app.count(&format!("{secrets} WHERE t.name = '{name}' AND s.expires_at = {end}")) == 1
}

/// Looking changes nothing; setting cuts what was shown, tells its owners, and holds from then on.
/// Covers: S0-13, S3-6, AC-060
fn a_new_maximum_is_looked_at_and_then_cuts(engine: Engine) {
    let app = TestApp::with(engine, |config| config.tokens.allow_never = true);
    let mut ada = app.set_up();
    let mut bob = app.other("bob@example.com");
    stock(
        &app,
        &[("old", Some(40 * DAY), false), ("never", None, false), ("over", Some(0), false), ("ended", Some(DAY), true)]
            .map(|(name, end, revoked)| (name.to_owned(), end, revoked)),
    );
    let (_, fresh) = year(&mut ada, "fresh");
    ada.create_token("short", &["channels:read"]);
    year(&mut bob, "his");
    let verifier = ada.make_verifier("billing");
    let mails = app.mails().len();
    let before = app.dump();
    let query = "max_days=90&allow_never=no";
    let page = ada.open(&format!("{POLICY}/review?{query}"));
    assert_eq!(page.one("#cut-section"), "4 tokens are cut, 2 of them at once");
    assert_eq!(page.texts("tbody .cell-main"), ["fresh", "his", "old", "never"]);
    assert_eq!(page.texts("tbody tr td:last-child"), ["in 90 days", "in 90 days", "At once", "At once"]);
    assert_eq!(
        page.texts("tbody tr td:nth-child(3)"),
        ["Never", "Never", "1 minute ago", "Never"],
        "whether anything still needs it"
    );
    let changes = ["Longest validity in days: 365 → 90", "Never expiring: allowed → not allowed"];
    assert_eq!(page.texts("main .prose li"), changes);
    assert!(page.texts("tbody tr")[1].contains("bob@example.com"));
    app.is_still(&before);
    let form = page.form(POLICY).press("act", "cut");
    let done = ada.submit(&form).expect_lead(POLICY);
    let notice = ada.follow(&done).notice();
    assert_eq!(notice, "The rules hold from now on, and 4 tokens are cut. Their owners are told by mail.");
    for (name, end) in [("old", 0), ("never", 0), ("fresh", 90 * DAY), ("his", 90 * DAY), ("short", 90 * DAY)] {
        assert!(ends(&app, name, end), "{name}: {}", app.dump());
    }
    assert_eq!(app.count("token_secrets WHERE revoked_at IS NOT NULL"), 1, "what was over stays as it was");
    assert_eq!(app.verify(&verifier, &fresh)["code"], "VALID");
    let told = app.mails().split_off(mails);
    assert_eq!(told.iter().map(|mail| mail.recipient.as_str()).collect::<Vec<_>>(), [ADMIN, "bob@example.com"]);
    assert_eq!(told[0].subject, "Keystead: personal access tokens of yours end earlier");
    for part in ["valid for 90 days at most", "“old” has ended", "“fresh” ends on 20 February 2027", "By:"] {
        assert!(told[0].text.contains(part), "{part} in {}", told[0].text);
    }
    assert!(told[1].text.contains("“his” ends on") && !told[1].text.contains("fresh"), "{}", told[1].text);
    let log = app.log();
    let cut: Vec<_> = log.iter().filter(|entry| entry.action == "token.cut").collect();
    assert_eq!(
        cut.iter().map(|entry| entry.subject_name.as_str()).collect::<Vec<_>>(),
        ["fresh", "his", "old", "never"]
    );
    assert!(cut.iter().all(|entry| entry.actor_kind == "system" && entry.user_id.is_some()));
    let entry = log.iter().find(|entry| entry.action == "token_policy.changed").unwrap();
    assert_eq!((&entry.actor_id, entry.detail.ends_with("; 4 tokens cut")), (&app.user_id(ADMIN), true));
    // From now on it holds.
    let form = ada.open("/settings/tokens/new").form("/settings/tokens/new");
    assert_eq!(form.choices("expiry"), ["7", "30", "60", "90", "date"]);
    let form = ada.token_form("late", &["channels:read"]).without("expiry").smuggle("expiry", "91");
    assert_eq!(ada.submit(&form).expect(422).error_at("expiry"), "Choose between 1 and 90 days");
    // The page shows what is set, and what nothing is set for.
    let page = ada.open(POLICY);
    assert_eq!(page.attributes("#max_days", "value"), ["90"]);
    assert_eq!(page.attributes("#default_days", "value"), [""]);
    assert!(page.one("#max_days-hint").contains("The configuration file says 365."));
    set(&mut ada, POLICY, "", "new");
    assert_eq!(app.count("token_policies WHERE id = 'instance' AND max_days IS NULL AND allow_never IS NULL"), 1);
    assert!(
        ada.open("/settings/tokens/new").form("/settings/tokens/new").choices("expiry").contains(&"never".to_owned())
    );
}

/// A secret that goes on for a while beside its successor keeps to the rule, too.
/// Covers: AC-060, AC-058
fn old_secrets_are_cut_with_the_others(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (_, first) = year(&mut ada, "long");
    let (id, old) = year(&mut ada, "renewed");
    app.sql(&format!("UPDATE token_secrets SET created_at = {}", NOW.plus(-300 * DAY).unix()));
    let path = format!("/settings/tokens/{id}/regenerate");
    let form = ada.open(&path).form(&path).set("expiry", "7").set("old", "7d");
    let (_, new) = read_issued(&ada.submit(&form).expect(200));
    let verifier = ada.make_verifier("billing");
    let codes = || [&first, &old, &new].map(|token| app.verify(&verifier, token)["code"].as_str().unwrap().to_owned());
    assert_eq!(codes(), ["VALID"; 3]);
    let page = ada.open(&format!("{POLICY}/review?max_days=30"));
    assert_eq!(page.one("#cut-section"), "1 token is cut, at once");
    assert!(
        page.one("main").contains("valid for longer: “renewed”. They are cut with the tokens"),
        "{}",
        page.one("main")
    );
    set(&mut ada, POLICY, "max_days=30", "cut");
    assert_eq!(codes(), ["EXPIRED", "SUPERSEDED", "VALID"]);
}

/// What is there can be left as it is, and cut later.
fn new_tokens_alone_can_be_meant(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    year(&mut ada, "bot");
    let done = {
        let form = looked(&mut ada, POLICY, "max_days=30").press("act", "new");
        ada.submit(&form).expect_lead(POLICY)
    };
    assert_eq!(ada.follow(&done).notice(), "The rules hold from now on. No token was cut.");
    assert!(ends(&app, "bot", 365 * DAY));
    let page = ada.open(POLICY);
    assert!(page.one("main .notice.attention").contains("1 token is valid for longer than these rules allow"));
    let link = page.attributes("main .notice.attention a", "href").remove(0);
    let page = ada.open(&link);
    assert_eq!(page.texts("main .actions button"), ["Cut 1 token"]);
    let form = page.form(POLICY).press("act", "cut");
    ada.submit(&form).expect_lead(POLICY);
    assert!(ends(&app, "bot", 30 * DAY));
    assert_eq!(ada.open(POLICY).texts("main .notice.attention").len(), 0);
}

/// Of several administrators one is the first; the others are shown what there is now, and so is whoever would cut more
/// than they saw.
fn who_looked_at_something_else_looks_again(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    year(&mut ada, "bot");
    let forms: Vec<_> =
        (0..6).map(|index| looked(&mut ada, POLICY, &format!("max_days={}", 20 + index)).press("act", "cut")).collect();
    let answers = at_once(6, |index| ada.clone().submit(&forms[index]).status);
    assert_eq!(answers.iter().filter(|status| **status == 303).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| matches!(status, 303 | 422)), "{answers:?}");
    assert_eq!((app.logged("token_policy.changed"), app.logged("token.cut")), (1, 1));
    let before = app.dump();
    // One that was not the first: what the first set holds already, so its form has nothing to go on with.
    let late = answers.iter().position(|status| *status == 422).unwrap();
    let page = ada.submit(&forms[late]).expect(422);
    assert!(page.one("[role=alert]").contains("Nothing was set. Look again, please."));
    app.is_still(&before);
    // The page that says so has the form to go on with.
    let form = page.form(POLICY).press("act", "new");
    ada.submit(&form).expect_lead(POLICY);
    set(&mut ada, POLICY, "", "new");
    let form = looked(&mut ada, POLICY, "max_days=30").smuggle("act", "cut");
    year(&mut ada, "another");
    let before = app.dump();
    ada.submit(&form).expect(422);
    app.is_still(&before);
    for odd in [("version", "x"), ("count", "-"), ("act", "")] {
        ada.submit(&form.clone().without(odd.0).smuggle(odd.0, odd.1)).expect(400);
    }
    app.is_still(&before);
}

/// A token is made while the maximum is lowered: it finds the new rule, or the cut finds it.
/// Covers: AC-060
fn no_token_slips_through_while_the_rules_change(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut bob = app.other("bob@example.com");
    let other = app.beside();
    for round in 0..6 {
        let new: Vec<_> = (0..3)
            .map(|index| bob.token_form(&format!("bot {round} {index}"), &["channels:read"]).set("expiry", "365"))
            .collect();
        let rule = looked(&mut ada, POLICY, "max_days=30").smuggle("act", "cut").set("count", "100");
        let answers = at_once(4, |index| match index {
            0 => ada.clone().submit(&rule).status,
            index if index % 2 == 0 => bob.clone().submit(&new[index - 1]).status,
            index => bob.at(&other).submit(&new[index - 1]).status,
        });
        assert_eq!(answers[0], 303, "{answers:?}");
        assert!(answers[1..].iter().all(|status| matches!(status, 200 | 422)), "{answers:?}");
        let long = format!("token_secrets WHERE expires_at > created_at + {}", 30 * DAY);
        assert_eq!(app.count(&long), 0, "{answers:?}");
        set(&mut ada, POLICY, "", "new");
    }
}

/// Covers: S0-13
fn what_cant_be_set_is_said_at_its_field(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let before = app.dump();
    for (query, field) in [
        ("max_days=0", "max_days"),
        ("max_days=-1", "max_days"),
        ("max_days=1.5", "max_days"),
        ("max_days=1000000000", "max_days"),
        ("max_days=30&default_days=31", "default_days"),
        ("preset_days=7,x", "preset_days"),
        ("allow_never=maybe", "allow_never"),
        ("max_per_user=0", "max_per_user"),
    ] {
        let page = ada.get(&format!("{POLICY}/review?{query}")).expect(422);
        assert_eq!(page.errors(), [field], "{query}");
        assert_eq!(page.one("h1"), "Rules for tokens");
    }
    let form = looked(&mut ada, POLICY, "max_days=30").press("act", "new").set("max_days", "<b>");
    let page = ada.submit(&form).expect(422);
    assert_eq!(
        (page.errors(), page.attributes("#max_days", "value")),
        (vec!["max_days".to_owned()], vec!["<b>".to_owned()])
    );
    app.is_still(&before);
    // Asked to confirm first: what was typed comes back to the form.
    app.advance(10 * 60);
    let form = looked(&mut ada, POLICY, "max_days=30").press("act", "new");
    let asked = ada.submit(&form).expect(303);
    let step_up = ada.open(asked.location()).form("/step-up").set("password", crate::support::PASSWORD);
    let back = ada.submit(&step_up).expect(303);
    assert_eq!(ada.follow(&back).attributes("#max_days", "value"), ["30"]);
    assert_eq!(app.count("token_policies WHERE max_days IS NOT NULL"), 0);
}

/// An organization is stricter, never looser; what is for it is cut, what is for all of somebody's does not work there.
/// Covers: AC-060, AC-056, AC-063
fn an_organization_is_stricter(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let mut olga = app.other("olga@example.com");
    olga.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    let form = bob.token_form("bound", &["channels:read"]).set("organization", "acme").set("expiry", "365");
    let (bound, _) = read_issued(&bob.submit(&form).expect(200));
    let (id, all) = year(&mut bob, "all");
    let path = "/organizations/acme/policy";
    for loose in ["max_days=366", "allow_never=yes", "max_per_user=51"] {
        let page = olga.get(&format!("{path}/review?{loose}")).expect(422);
        assert_eq!(page.errors().len(), 1, "{loose}");
    }
    assert!(olga.open(path).one("#max_days-hint").contains("This instance says 365."));
    let settings = "/organizations/acme/settings";
    let allowed = "section[aria-labelledby=allowed-section]";
    let page = olga.open(settings);
    assert!(page.one(allowed).contains("Valid for 365 days at most, as everywhere on this instance"));
    assert!(page.attributes(&format!("{allowed} a"), "href").contains(&path.to_owned()));
    let page = olga.open(&format!("{path}/review?max_days=30&max_per_user=2"));
    assert_eq!(page.texts("tbody .cell-main"), ["bound"]);
    assert!(page.one("main").contains("It stays as it is, and does not work here."), "{}", page.one("main"));
    let there =
        serde_json::json!({ "token": all, "organization": "acme", "entity_type": "channels", "operation": "read" });
    assert_eq!(app.ask(&verifier, &there).json()["code"], "VALID");
    let form = page.form(path).press("act", "cut");
    olga.submit(&form).expect_lead(path);
    assert!(ends(&app, "bound", 30 * DAY) && ends(&app, "all", 365 * DAY));
    assert_eq!(app.ask(&verifier, &there).json()["code"], "INSUFFICIENT_PERMISSIONS");
    assert_eq!(app.verify(&verifier, &all)["code"], "VALID", "elsewhere it works on");
    let told = olga.open(settings).one(allowed);
    assert!(told.contains("Valid for 30 days at most, 2 for each person") && !told.contains("everywhere"), "{told}");
    let page = bob.open(&format!("/settings/tokens/{id}"));
    assert_eq!(page.one(".facts .warns"), "It does not work in ACME, whose rules for tokens keep it out.");
    let choices = bob.open("/settings/tokens/new").texts("#organization .hint");
    assert!(choices.contains(&"only this one, for 30 days at most".to_owned()), "{choices:?}");
    assert!(choices.iter().any(|hint| hint.ends_with("ACME takes only tokens of 30 days or less.")), "{choices:?}");
    // New ones for it keep to its rule, and so do new secrets; others need not.
    let form = bob.token_form("later", &["channels:read"]).set("organization", "acme");
    let refused = bob.submit(&form.clone().set("expiry", "90")).expect(422);
    assert_eq!(refused.error_at("expiry"), "Choose between 1 and 30 days");
    bob.submit(&form.clone().set("expiry", "30")).expect(200);
    let refused = bob.submit(&form.set("expiry", "30").set("name", "third").set("form_id", &keystead::ids::ulid()));
    assert!(refused.expect(422).error_at("organization").contains("2 tokens for this organization"));
    let regenerate = format!("/settings/tokens/{bound}/regenerate");
    let form = bob.open(&regenerate).form(&regenerate);
    assert_eq!(form.choices("expiry"), ["7", "30", "date"]);
    let page = bob.submit(&form.without("expiry").smuggle("expiry", "31")).expect(422);
    assert_eq!(page.errors(), ["expiry"]);
    year(&mut bob, "all, once more");
    // It went into the organization's log, and goes with the organization.
    assert_eq!(app.count("audit_events WHERE action = 'token_policy.changed' AND organization_id IS NOT NULL"), 1);
    assert_eq!(bob.get(path).status, 403);
    assert_eq!(ada.get(path).status, 404);
    let private = format!(
        "/organizations/{}/policy",
        app.read(|connection| {
            let query =
                format!("SELECT slug AS line FROM organizations WHERE id = '{}'", app.private_organization(ADMIN));
            Ok(crate::support::app::lines(connection, &query)?.remove(0))
        })
    );
    assert_eq!(ada.get(&private).status, 404, "a private one needs none");
    let gone = "/organizations/acme/delete";
    let form = olga.open(gone).form(gone).set("phrase", "ACME");
    olga.submit(&form).expect(303);
    assert_eq!(app.count("token_policies"), 1);
}

/// What the instance has overtaken meanwhile can be taken back all the same.
/// Covers: AC-060
fn a_rule_that_no_longer_matters_is_taken_back(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let path = "/organizations/acme/policy";
    set(&mut ada, path, "max_days=30", "new");
    set(&mut ada, POLICY, "max_days=7", "new");
    let page = ada.open(&format!("{path}/review?max_days="));
    assert!(page.texts("main .prose li")[0].starts_with("What is set here, and no more"), "{}", page.text());
    set(&mut ada, path, "max_days=", "new");
    assert_eq!(app.count("token_policies WHERE max_days = 30"), 0);
    assert!(ada.open(&format!("{path}/review?max_days=")).text().contains("Nothing: these rules hold already."));
}

/// The number of tokens that a person may have is a rule by itself.
/// Covers: AC-060
fn an_organization_sets_its_number_alone(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let path = "/organizations/acme/policy";
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    for browser in [&mut ada, &mut bob] {
        for name in ["one", "two", "three"] {
            let form = browser.token_form(name, &["channels:read"]).set("organization", "acme");
            browser.submit(&form).expect(200);
        }
    }
    bob.create_token("for all", &["channels:read"]);
    // Those that are for the organization count there, and all of them in the instance.
    let above = |browser: &mut Browser, path: &str, most: i64| {
        let page = browser.open(&format!("{path}/review?max_per_user={most}"));
        let texts = page.texts("main p").into_iter();
        texts
            .filter_map(|text| text.split_once(" They keep theirs").map(|(above, _)| above.to_owned()))
            .collect::<Vec<_>>()
    };
    let none = Vec::<String>::new();
    assert_eq!(above(&mut ada, path, 2), ["2 people have more than 2."]);
    assert_eq!(above(&mut ada, path, 3), none);
    assert_eq!(above(&mut ada, path, 50), none, "it is as it was");
    assert_eq!(above(&mut ada, POLICY, 3), ["1 person has more than 3."]);
    assert_eq!(above(&mut ada, POLICY, 4), none);
    let page = ada.open(&format!("{path}/review?max_per_user=2"));
    assert_eq!(page.texts("main .prose li"), ["Tokens a person may have: 50 → 2"]);
    let form = page.form(path).press("act", "new");
    ada.submit(&form).expect_lead(path);
    assert_eq!(app.last_logged().detail, "Tokens a person may have: 50 → 2");
    assert_eq!(ada.open(path).attributes("#max_per_user", "value"), ["2"]);
    // What is refused comes back as it was typed.
    let loose = looked(&mut ada, path, "max_per_user=3").press("act", "new").set("max_per_user", "51");
    let page = ada.submit(&loose).expect(422);
    assert_eq!((page.errors().len(), page.attributes("#max_per_user", "value")), (1, vec!["51".to_owned()]));
    assert_eq!(ada.open(&format!("{path}/review?max_per_user=2")).texts("main .prose li").len(), 0, "it holds already");
    set(&mut ada, path, "", "new");
    assert_eq!(app.last_logged().detail, "Tokens a person may have: 2 → 50");
}

/// The same cases through SQL and Rust.
/// Covers: AC-060
fn sql_and_rust_agree_on_what_is_too_long(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut found = 0;
    // All were made two hundred days ago.
    let made = NOW.plus(-200 * DAY);
    for (place, end) in [None, Some(1), Some(DAY), Some(DAY + 1), Some(9999 * DAY)].into_iter().enumerate() {
        app.sql("DELETE FROM tokens");
        stock(&app, &[(format!("bot {place}"), end, false)]);
        for max_days in [1, 200, 201, 36_500] {
            for allow_never in [true, false] {
                let config = keystead::config::Config::default().tokens;
                let policy = TokenPolicy { max_days, allow_never, ..TokenPolicy::from(&config) };
                let wanted = !policy.allows(made, end.map(|end| NOW.plus(end)));
                let count = app.read(|connection| count_beyond(connection, &Realm::Instance, &policy, NOW));
                assert_eq!(count == 1, wanted, "{end:?} {max_days} {allow_never}");
                found += usize::from(wanted);
            }
        }
    }
    assert!((10..36).contains(&found), "both answers occur: {found}");
}

/// Hundreds come in pages, and are cut together.
fn hundreds_are_shown_in_pages_and_cut_at_once(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    stock(&app, &(0..130).map(|n| (format!("bot {n}"), Some(DAY), false)).collect::<Vec<_>>());
    let mut page = ada.open(&format!("{POLICY}/review?max_days=7"));
    assert_eq!(page.one("#cut-section"), "130 tokens are cut, all of them at once");
    let mut seen = page.texts("tbody .cell-main");
    while let Some(next) = page.attributes("a[rel=next]", "href").pop() {
        page = ada.open(&next);
        seen.extend(page.texts("tbody .cell-main"));
    }
    assert_eq!(seen, (0..130).map(|n| format!("bot {n}")).collect::<Vec<_>>());
    let form = page.form(POLICY).press("act", "cut");
    ada.submit(&form).expect_lead(POLICY);
    assert_eq!(app.count(&format!("token_secrets WHERE expires_at = {}", NOW.unix())), 130);
    assert_eq!((app.logged("token.cut"), app.mails().len()), (130, 1));
    assert!(app.mails()[0].text.contains("110 more end earlier, too"), "{}", app.mails()[0].text);
}

on_both!(
    a_new_maximum_is_looked_at_and_then_cuts,
    old_secrets_are_cut_with_the_others,
    new_tokens_alone_can_be_meant,
    who_looked_at_something_else_looks_again,
    no_token_slips_through_while_the_rules_change,
    what_cant_be_set_is_said_at_its_field,
    an_organization_is_stricter,
    an_organization_sets_its_number_alone,
    a_rule_that_no_longer_matters_is_taken_back,
    sql_and_rust_agree_on_what_is_too_long,
    hundreds_are_shown_in_pages_and_cut_at_once,
);
