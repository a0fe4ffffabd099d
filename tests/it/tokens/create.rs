//! Making a token.

use crate::support::{ADMIN, Engine, Request, TestApp, at_once, on_both, read_issued};

/// Covers: S0-13, S0-14, S2-10, S2-11, S3-5, S3-6, S3-7, S3-8, S3-10, AC-109, S1-9, S1-17, S1-30
fn a_token_is_made_with_its_rows_its_mail_and_its_log_entry(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form =
        ada.token_form("  deploy bot ", &["channels:read", "clients:publish"]).set("description", "for <the> build");
    let page = ada.submit(&form.set("expiry", "30")).expect(200);
    let (id, secret) = read_issued(&page);
    assert_eq!(page.one("h1"), "Your new token");
    assert!(page.one(".lede").contains("deploy bot is ready."));
    assert!(page.one(".lede").contains("Active until 22 December 2026"), "{}", page.one(".lede"));
    assert!(page.text().contains("It is shown only now."));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let curl = page.one("#curl");
    assert!(curl.contains("$TOKEN") && curl.contains("http://127.0.0.1:8080/api/v1/tokens/self"), "{curl}");
    assert!(!curl.contains(&secret), "it would stay in the terminal's history");
    assert_eq!(page.attributes("[data-address]", "data-address"), [format!("/settings/tokens/{id}")]);
    assert!(secret.starts_with("kst_pat_") && secret.len() == 44, "{secret}");
    let advice = page.one("section[aria-labelledby=keep-section]");
    for part in
        ["Handle token files with care", "not in a script or in code", "read -rs TOKEN; export TOKEN", "Never share it"]
    {
        assert!(advice.contains(part), "{part} in {advice}");
    }
    assert!(page.links().contains(&format!("/settings/tokens/{id}")), "from here one goes to the token's page");
    let own = ada.open(&format!("/settings/tokens/{id}"));
    assert!(own.text().contains("Did you not copy the secret?") && !own.text().contains(&secret));

    let user = app.user_id(ADMIN);
    let now = app.now().unix();
    let record = format!(
        "tokens WHERE id = '{id}' AND kind = 'pat' AND user_id = '{user}' AND organization_id IS NULL \
         AND name = 'deploy bot' AND description = 'for <the> build' AND NOT everything AND created_at = {now} \
         AND scopes = 'channels:list channels:read clients:publish'"
    );
    assert_eq!(app.count(&record), 1, "{}", app.dump());
    let kept = format!(
        "token_secrets WHERE token_id = '{id}' AND is_current AND expires_at = {} AND revoked_at IS NULL \
         AND last_four = '{}'",
        now + 30 * 86_400,
        &secret[40..]
    );
    assert_eq!(app.count(&kept), 1, "{}", app.dump());

    let mails = app.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!((mails[0].recipient.as_str(), mails[0].state.as_str(), mails[0].attempts), (ADMIN, "waiting", 0));
    assert_eq!(mails[0].subject, "Keystead: a personal access token was created");
    let rights = "it can read and list all channels; publish to all clients";
    for part in
        [rights, "Hello Ada,", "deploy bot", "22 December 2026, 00:06:00 UTC", "127.0.0.1", "Browser:  Firefox\n"]
    {
        assert!(mails[0].text.contains(part), "{part} in {}", mails[0].text);
    }
    assert!(mails[0].text.contains("http://127.0.0.1:8080/settings/tokens"));
    let entry = app.last_logged();
    assert_eq!(
        (entry.action.as_str(), entry.subject_id, entry.subject_name.as_str()),
        ("token.created", id, "deploy bot")
    );
    assert_eq!((entry.actor_id, entry.user_id), (user.clone(), Some(user)));
}

/// Shown in the one answer; afterwards nowhere: not on a page, in a mail, in the log, in the database or its files.
/// Covers: AC-052, AC-053, S3-12, S3-13, S4-30, S4-33
fn the_secret_is_in_one_answer_and_nowhere_else(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("deploy bot", &["channels:read"]);
    let (id, secret) = read_issued(&ada.submit(&form).expect(200));
    let verifier = ada.make_verifier("billing");
    assert_eq!(app.verify(&verifier, &secret)["valid"], true);
    assert_eq!(app.token_self(&secret).status, 200);
    app.flush();
    // Sent again, as a reload does: the token without its secret.
    let again = ada.submit(&form).expect_lead(&format!("/settings/tokens/{id}"));
    let detail = ada.follow(&again);
    assert!(detail.notice().starts_with("This token was created already, and its secret is shown only once."));

    let detail_path = format!("/settings/tokens/{id}");
    for hidden in [&secret, &verifier] {
        let body = &hidden["kst_pat_".len()..];
        for path in [
            detail_path.as_str(),
            "/settings/tokens",
            "/settings/tokens/new",
            "/settings/logs",
            "/admin/mail",
            "/admin/verifiers",
            "/settings/security",
        ] {
            assert!(!ada.open(path).text().contains(body), "{path}");
        }
        for mail in app.mails() {
            assert!(!format!("{mail:?}").contains(body));
            assert!(!ada.open(&format!("/admin/mail/{}", mail.id)).text().contains(body));
        }
        assert!(!app.dump().contains(body));
        app.deliver();
        for file in files_below(app.database.folder()) {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!bytes.windows(body.len()).any(|window| window == body.as_bytes()), "{}", file.display());
        }
    }
    assert!(ada.open("/settings/tokens").text().contains(&format!("kst_pat_…{}", &secret[40..])));

    // What the database holds is no credential.
    let hash: String = app
        .dump()
        .lines()
        .find(|line| line.starts_with("token_secrets:"))
        .map(|line| line.split(|c: char| !c.is_ascii_hexdigit()).find(|part| part.len() == 64).unwrap().to_owned())
        .unwrap();
    for odd in [hash.clone(), format!("kst_pat_{}", &hash[..36]), hash.to_lowercase()] {
        assert_eq!(app.verify(&verifier, &odd)["code"], "NOT_FOUND");
        assert_eq!(app.token_self(&odd).status, 401);
    }
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

/// The page as it comes, and the marks of what a ticked box fills in.
/// Covers: S0-14, S0-15, S2-7, S3-9
fn the_form_offers_what_the_settings_say(engine: Engine) {
    let app = TestApp::with(engine, |config| {
        config.tokens.max_days = 60;
        config.tokens.default_days = 30;
        config.tokens.allow_never = true;
    });
    let mut ada = app.set_up();
    let page = ada.open("/settings/tokens/new?scope=channels%3Aupdate&scope=nonsense&name=%3Cb%3E&access=selected");
    let form = page.form("/settings/tokens/new");
    assert_eq!(form.choices("expiry"), ["7", "30", "60", "date", "never"]);
    assert_eq!(
        (form.value("expiry"), form.value("access"), form.value("name")),
        ("30".into(), "selected".into(), "<b>".into())
    );
    assert_eq!(form.choices("scope").len(), 27);
    assert_eq!(form.values("scope"), ["channels:read", "channels:list", "channels:update"]);
    assert_eq!(page.attributes("#scope-channels-update", "aria-label"), ["channels: update"]);
    let implied = page.texts("td:has(#scope-channels-read) [data-implied]");
    assert_eq!(implied, ["implied by update"]);
    assert_eq!(page.texts(".meanings dt").len(), 9);
    assert!(page.texts(".meanings dd").iter().all(|text| !text.is_empty()));
    assert_eq!(page.attributes("#date", "max"), ["2027-01-21"]);
    let plain = ada.open("/settings/tokens/new").form("/settings/tokens/new");
    assert_eq!(
        (plain.value("access"), plain.values("scope").len()),
        ("selected".to_owned(), 0),
        "nothing is given at first"
    );
}

/// A link to the form fills it in, for documentation and for those who renew; it makes nothing, and knows no more than the form.
/// Covers: S0-12, S0-13, S1-31, S3-5, S3-6, S3-7
fn an_address_fills_the_form_in(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let acme = app.organization_id("acme");
    let new = "/settings/tokens/new";
    for place in ["acme", acme.as_str()] {
        let page = ada.open(&format!(
            "{new}?name=deploy+bot&description=ships&expiry=45&organization={place}&scope=channels:update&scope=groups:list&may_rotate=yes"
        ));
        let form = page.form(new);
        assert_eq!(
            ["name", "description", "expiry", "organization", "access", "may_rotate"].map(|name| form.value(name)),
            ["deploy bot", "ships", "45", "acme", "selected", "yes"]
        );
        assert_eq!(form.values("scope"), ["channels:read", "channels:list", "channels:update", "groups:list"]);
    }
    // As somebody writes it by hand, too.
    let page = ada.open(&format!("{new}?scopes=channels:read,+clients:list,&scope=groups:list"));
    assert_eq!(
        page.form(new).values("scope"),
        ["channels:read", "channels:list", "clients:list", "groups:list"],
        "{}",
        page.one("main")
    );
    assert_eq!(ada.open(&format!("{new}?scopes=channels:fly")).errors(), ["scope"]);
    let page = ada.open(&format!("{new}?expiry=date&date=2027-03-03&access=everything"));
    let form = page.form(new);
    assert_eq!(["expiry", "date", "access"].map(|name| form.value(name)), ["date", "2027-03-03", "everything"]);
    assert_eq!(app.count("tokens"), 0, "a link makes nothing");
    // What the rules don't have is not offered because an address says so, and nothing else is chosen in its place.
    for odd in ["never", "366", "-1", "1.5", "soon"] {
        let page = ada.open(&format!("{new}?expiry={odd}&name=x&scope=channels:read"));
        assert_eq!(page.errors(), ["expiry"], "it is said at once: {odd}");
        let form = page.form(new);
        assert!(!form.choices("expiry").contains(&odd.to_owned()) && form.values("expiry").is_empty(), "{odd}");
        assert_eq!(ada.submit(&form).expect(422).errors(), ["expiry"], "{odd}");
    }
    let page = ada.open(&format!("{new}?organization=nobody&name=x&scope=channels:read"));
    assert_eq!(page.errors(), ["organization"]);
    assert_eq!(ada.submit(&page.form(new)).expect(422).errors(), ["organization"]);
    // A right that does not exist is named, and the others are ticked; what is still to be typed is no mistake yet.
    let page = ada.open(&format!("{new}?scope=channels:read&scope=channels:fly"));
    assert_eq!(page.errors(), ["scope"]);
    assert!(page.error_at("scope").starts_with("“channels:fly” does not exist here"));
    assert_eq!(page.form(new).values("scope"), ["channels:read", "channels:list"]);
    for plain in [new.to_owned(), format!("{new}?name=x"), format!("{new}?access=selected&description=")] {
        assert!(ada.open(&plain).errors().is_empty(), "{plain}");
    }
    assert_eq!(app.count("tokens"), 0);
    // Machines that are nobody's own have something better.
    let page = ada.open(new);
    assert!(page.one("main").contains("make a service account in one of your organizations instead"));
    assert!(page.attributes("main .hint a", "href").contains(&"/organizations".to_owned()));
}

/// What was refused is not counted among the secrets of an hour.
/// Covers: AC-011
fn what_is_refused_uses_up_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (id, _) = ada.create_token("bot", &["channels:read"]);
    ada.revoke_token(&id);
    let same = ada.token_form("bot 2", &["channels:read"]);
    ada.submit(&same).expect(200);
    ada.create_token("bot", &["channels:read"]);
    let path = format!("/settings/tokens/{id}/regenerate");
    let anew = ada.open(&path).form(&path);
    let taken = ada.token_form("bot", &["channels:read"]);
    for _ in 0..14 {
        ada.submit(&taken.clone().set("form_id", &keystead::ids::ulid())).expect(422);
        ada.submit(&anew.clone().set("form_id", &keystead::ids::ulid())).expect(422);
        ada.submit(&same).expect(303);
    }
    ada.create_token("another", &["channels:read"]);
}

/// Covers: S0-15, AC-056
fn what_a_right_implies_is_stored_with_it(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    for (name, ticked, kept) in [
        ("a", vec!["channels:delete"], "channels:delete channels:list channels:read channels:update"),
        ("b", vec!["groups:share", "groups:read"], "groups:list groups:read groups:share"),
        ("c", vec!["clients:subscribe"], "clients:subscribe"),
        ("d", vec!["channels:update:42"], "channels:list:42 channels:read:42 channels:update:42"),
    ] {
        let mut form = ada.token_form(name, &[]);
        for scope in ticked {
            form = form.smuggle("scope", scope);
        }
        ada.submit(&form).expect(200);
        assert_eq!(app.count(&format!("tokens WHERE name = '{name}' AND scopes = '{kept}'")), 1, "{}", app.dump());
    }
    // "Everything" stores no list: it is what its owner may do at any moment.
    let form = ada.token_form("all", &["channels:read"]).set("access", "everything");
    ada.submit(&form).expect(200);
    assert_eq!(app.count("tokens WHERE name = 'all' AND everything AND scopes = ''"), 1);
}

/// Covers: AC-056
fn rights_that_do_not_exist_are_refused(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("bot", &[]);
    let before = app.dump_but(&["attempts"]);
    let page = ada.submit(&form).expect(422);
    assert_eq!(page.error_at("scope"), "Tick at least one right, or choose everything that you may do");
    for bad in
        ["*", "org:admin", "channels:*", "channels", "boats:read", "channels:fly", "", "channels:read clients:read"]
    {
        for with_others in [false, true] {
            let form = if with_others { form.clone().tick("scope", "channels:read") } else { form.clone() };
            let page = ada.submit(&form.smuggle("scope", bad)).expect(422);
            assert_eq!(page.errors(), ["scope"], "{bad:?}");
        }
    }
    let twice = form.clone().tick("scope", "groups:share").smuggle("scope", "groups:share");
    assert!(ada.submit(&twice).expect(422).error_at("scope").starts_with("One of the rights is there twice"));
    let many = (0..501).fold(form.clone(), |form, index| form.smuggle("scope", &format!("channels:read:{index}")));
    assert_eq!(ada.submit(&many).expect(422).error_at("scope"), "Choose 500 rights or fewer");
    // Ten thousand do not fit into a form.
    let huge = (0..10_000).fold(form.clone(), |form, _| form.smuggle("scope", "channels:read"));
    assert_eq!(ada.submit(&huge).status, 413);
    for bad in ["", "all", "Everything"] {
        let page = ada.submit(&form.clone().without("access").smuggle("access", bad).tick("scope", "channels:read"));
        assert_eq!(page.expect(422).errors(), ["access"]);
    }
    app.is_still_but(&["attempts"], &before);
}

/// Covers: AC-060, S0-13, S1-5, S1-18
fn an_expiry_holds_to_the_bounds(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("bot", &["channels:read"]).without("expiry");
    let before = app.dump_but(&["attempts"]);
    for (choice, field) in [
        ("", "expiry"),
        ("never", "expiry"),
        ("0", "expiry"),
        ("-1", "expiry"),
        ("366", "expiry"),
        ("1000000000", "expiry"),
        ("9223372036854775807", "expiry"),
        ("9223372036854775808", "expiry"),
        ("1.5", "expiry"),
        ("soon", "expiry"),
    ] {
        let page = ada.submit(&form.clone().smuggle("expiry", choice)).expect(422);
        assert_eq!(page.errors(), [field], "{choice:?}");
    }
    for bad in [
        "",
        "2026-11-21",
        "2027-11-23",
        "2027-02-29",
        "9999-12-31",
        "+10000-01-01",
        "0000-00-00",
        "1e9",
        "-2027-01-01",
        "2027-03-03T00:00+02:00",
        "2027-03-03 UTC",
        "20270303",
    ] {
        let page = ada.submit(&form.clone().smuggle("expiry", "date").set("date", bad)).expect(422);
        assert_eq!(page.errors(), ["date"], "{bad:?}");
    }
    let page = ada.submit(&form).expect(422);
    assert_eq!(
        (page.errors(), page.error_at("expiry")),
        (vec!["expiry".to_owned()], "Choose when the token expires".to_owned())
    );
    app.is_still_but(&["attempts"], &before);
    for (name, choice, date, seconds) in [
        ("one", "1", "", 86_400),
        ("most", "365", "", 365 * 86_400),
        ("today", "date", "2026-11-22", 86_399 - 360),
        ("last", "date", "2027-11-22", 365 * 86_400),
    ] {
        let form =
            ada.token_form(name, &["channels:read"]).without("expiry").smuggle("expiry", choice).set("date", date);
        ada.submit(&form).expect(200);
        let end = app.now().unix() + seconds;
        let made = format!(
            "tokens t JOIN token_secrets s ON s.token_id = t.id WHERE t.name = '{name}' AND s.expires_at = {end}"
        );
        assert_eq!(app.count(&made), 1, "{name}: {}", app.dump());
    }
    let app = TestApp::with(engine, |config| {
        config.tokens.max_days = 3653;
        config.tokens.allow_never = true;
    });
    let mut ada = app.set_up();
    for (name, choice) in [("ten years", "3653"), ("for ever", "never")] {
        let form = ada.token_form(name, &["channels:read"]).without("expiry").smuggle("expiry", choice);
        ada.submit(&form).expect(200);
    }
    let in_ten_years = app.now().unix() + 3653 * 86_400;
    assert_eq!(app.count(&format!("token_secrets WHERE expires_at = {in_ten_years}")), 1);
    assert_eq!(app.count("token_secrets WHERE expires_at IS NULL"), 1);
}

/// Covers: AC-010, AC-098, AC-100
fn names_that_deceive_are_refused_and_hostile_ones_are_text(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("x", &["channels:read"]);
    for bad in [
        "",
        "  ",
        "a\u{202e}b",
        "a\u{2067}b",
        "a\u{200b}b",
        "a\u{7}b",
        "a\u{85}b",
        "a\tb",
        "a\r\nBcc: eve@example.com",
        &"x".repeat(101),
        &"x".repeat(2000),
    ] {
        assert_eq!(ada.submit(&form.clone().set("name", bad)).expect(422).errors(), ["name"], "{bad:?}");
    }
    let page = ada.submit(&form.clone().set("description", &"x".repeat(301))).expect(422);
    assert_eq!(page.errors(), ["description"]);
    assert_eq!((app.count("tokens"), app.mails().len()), (0, 0));

    for good in ["x", &"ש".repeat(100), "Ünïcödé 🗝"] {
        ada.create_token(good, &["channels:read"]);
        assert_eq!(app.count(&format!("tokens WHERE name = '{good}'")), 1);
        app.sql("DELETE FROM tokens; DELETE FROM outbox");
    }
    let hostile = "<script>alert(1)</script>{{7*7}}\"'&";
    let (id, _) = read_issued(&ada.submit(&form.set("name", hostile).set("description", hostile)).expect(200));
    for path in [
        "/settings/tokens",
        "/settings/logs",
        &format!("/settings/tokens/{id}"),
        &format!("/settings/tokens/{id}/delete"),
    ] {
        let page = ada.open(path);
        assert!(!page.text().contains("<script>alert") && page.one("main").contains(hostile), "{path}");
    }
    let mail = &app.mails()[0];
    assert!(mail.text.contains(hostile) && !mail.html.contains("<script>alert"));
    assert!(!mail.subject.contains("script"));
}

fn an_active_token_has_its_name_for_itself(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (id, _) = ada.create_token("bot", &["channels:read"]);
    let form = ada.token_form("bot ", &["channels:read"]).set("expiry", "7");
    let page = ada.submit(&form).expect(422);
    assert!(page.error_at("name").starts_with("You have an active token with this name."));
    assert_eq!(page.form("/settings/tokens/new").value("expiry"), "7", "what was chosen stays chosen");
    let both = ada.submit(&ada.clone().token_form("bot", &[]).without("expiry").smuggle("expiry", "400")).expect(422);
    assert_eq!(both.errors(), ["name", "expiry", "scope"], "all at once");
    let (other, _) = ada.create_token("other", &["channels:read"]);
    let path = format!("/settings/tokens/{other}/edit");
    let form = ada.open(&path).form(&path).set("name", "bot").set("entity_id", "7");
    assert_eq!(ada.submit(&form).expect(422).errors(), ["name", "entity_id"]);
    let mut bob = app.other("bob@example.com");
    bob.create_token("bot", &["channels:read"]);
    ada.revoke_token(&id);
    ada.create_token("bot", &["channels:read"]);
    app.advance(90 * 86_400);
    let mut ada = app.browser();
    ada.sign_in(ADMIN, crate::support::PASSWORD);
    ada.create_token("bot", &["channels:read"]);
    assert_eq!(app.count("tokens WHERE name = 'bot'"), 4);
}

/// Covers: AC-059
fn the_limit_holds_for_many_at_once(engine: Engine) {
    for most in [2, 5] {
        let app = TestApp::with(engine, |config| config.tokens.max_per_user = most);
        let mut ada = app.set_up();
        let forms: Vec<_> = (0..32).map(|index| ada.token_form(&format!("bot {index}"), &["channels:read"])).collect();
        let answers = at_once(32, |index| ada.clone().submit(&forms[index]).status);
        let made = answers.iter().filter(|status| **status == 200).count();
        assert_eq!(i64::try_from(made).unwrap(), most, "{answers:?}");
        assert!(answers.iter().all(|status| matches!(status, 200 | 422 | 429)), "{answers:?}");
        assert_eq!([app.count("tokens"), app.count("token_secrets"), app.count("outbox")], [most; 3]);
        assert_eq!(app.logged("token.created"), made);

        let list = ada.open("/settings/tokens");
        assert!(!list.links().contains(&"/settings/tokens/new".to_owned()));
        assert!(list.text().contains("Delete one to create another."));
        app.advance(3600);
        let mut ada = app.browser();
        ada.sign_in(ADMIN, crate::support::PASSWORD);
        // The page offers no form that could only be refused.
        let full = ada.open("/settings/tokens/new");
        let told = format!("one person may have {most} here. Delete ");
        assert!(full.one("main").contains(&told), "{}", full.one("main"));
        assert_eq!(full.texts("main form").len(), 0);
        let link = list.links().into_iter().find(|link| link.ends_with("/delete")).unwrap();
        let form = ada.open(&link).form(&link);
        ada.submit(&form).expect_lead("/settings/tokens");
        // One that was opened while there was room is refused as well.
        let late = ada.token_form("late", &["channels:read"]);
        ada.create_token("one more", &["channels:read"]);
        let refused = ada.submit(&late).expect(422);
        assert!(refused.one("main").contains(&told), "{}", refused.one("main"));
        assert_eq!(app.count("tokens"), most);
    }
}

/// The same form, sent by several hands at once: one token, one mail, one log entry.
/// Covers: FC-44
fn one_form_makes_one_token(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("bot", &["channels:read"]);
    let pages = at_once(8, |_| ada.clone().submit(&form));
    let made: Vec<_> = pages.iter().filter(|page| page.status == 200).collect();
    assert_eq!(made.len(), 1);
    let (id, _) = read_issued(made[0]);
    for page in pages.iter().filter(|page| page.status != 200) {
        assert_eq!((page.status, page.location()), (303, format!("/settings/tokens/{id}").as_str()));
    }
    assert_eq!([app.count("tokens"), app.count("outbox"), app.count("form_uses")], [1; 3]);
    assert_eq!(app.logged("token.created"), 1);
    app.advance(60);
    ada.submit(&form).expect_lead(&format!("/settings/tokens/{id}"));
    // Somebody else's form of the same name is their own.
    let mut bob = app.other("bob@example.com");
    let form_id = form.value("form_id");
    let his = bob.token_form("bot", &["channels:read"]).set("form_id", &form_id);
    let (other, _) = read_issued(&bob.submit(&his).expect(200));
    assert_ne!(other, id);
}

/// A form without its one-time name is no form of ours: two of them must not be taken for the same.
/// Covers: FC-44
fn a_form_without_its_name_makes_nothing_or_something_new(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    for name in ["one", "two"] {
        let form = ada.token_form(name, &["channels:read"]).without("form_id");
        let page = ada.submit(&form);
        assert!(matches!(page.status, 200 | 400 | 422), "{name}: {} {}", page.status, page.location());
    }
}

/// Covers: AC-011
fn tokens_are_made_at_a_human_pace(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let answers: Vec<u16> = (0..32)
        .map(|index| {
            let form = ada.token_form(&format!("bot {index}"), &["channels:read"]);
            ada.submit(&form).status
        })
        .collect();
    assert_eq!(answers, [[200; 30].as_slice(), &[429; 2]].concat());
    assert_eq!(app.count("tokens"), 30);
}

/// A session makes tokens; a token does not, whatever it may do.
/// Covers: AC-055
fn a_token_cannot_make_tokens(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("all", &[]).set("access", "everything");
    let (_, secret) = read_issued(&ada.submit(&form).expect(200));
    let before = app.dump();
    for route in keystead::routes::ROUTES.iter().filter(|route| route.area == keystead::routes::Area::Pages) {
        if route.needs == keystead::routes::Needs::Nothing {
            continue;
        }
        let path = route.path.replace("{id}", "x").replace("{slug}", "x");
        let answer = app.send(&Request::new(route.method, &path).bearer(&secret).form(&[("csrf", "x")]));
        assert_eq!(answer.status, 303, "{} {path}", route.method);
        assert!(answer.location().starts_with("/login?next="), "{} {path}: {}", route.method, answer.location());
    }
    app.is_still(&before);
}

on_both!(
    a_token_is_made_with_its_rows_its_mail_and_its_log_entry,
    the_secret_is_in_one_answer_and_nowhere_else,
    the_form_offers_what_the_settings_say,
    an_address_fills_the_form_in,
    what_is_refused_uses_up_nothing,
    what_a_right_implies_is_stored_with_it,
    rights_that_do_not_exist_are_refused,
    an_expiry_holds_to_the_bounds,
    names_that_deceive_are_refused_and_hostile_ones_are_text,
    an_active_token_has_its_name_for_itself,
    the_limit_holds_for_many_at_once,
    one_form_makes_one_token,
    a_form_without_its_name_makes_nothing_or_something_new,
    tokens_are_made_at_a_human_pace,
    a_token_cannot_make_tokens,
);
