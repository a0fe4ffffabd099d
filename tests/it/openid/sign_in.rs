//! From the button to the session, and back without one.

use serde_json::json;

use super::{nothing, with_provider};
use crate::process::admin;
use crate::sign_up::is_dead;
use crate::support::{ADMIN, Asked, Engine, Issuer, Request, TestApp, at_once, on_both};

/// A newcomer with a verified address gets an account, and comes back into the same one.
/// Covers: S1-2, AC-087
fn a_newcomer_gets_an_account_and_comes_back(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    let page = carol.open("/login?next=%2Fsettings%2Ftokens");
    assert!(page.links().contains(&"/login/example?next=%2Fsettings%2Ftokens".to_owned()), "{:?}", page.links());
    issuer
        .go(&mut carol, "/login/example?next=%2Fsettings%2Ftokens", "carol", &nothing())
        .expect_lead("/settings/tokens");
    assert!(carol.open("/settings/profile").notice().starts_with("Welcome."));
    let profile = carol.open("/settings/profile");
    assert_eq!(profile.attributes("#first_name, #last_name", "value"), ["Carol", "Shaw"]);
    let log: Vec<(String, String)> = app.log().into_iter().map(|entry| (entry.action, entry.detail)).collect();
    assert!(
        log.ends_with(&[
            ("sign_up.confirmed".to_owned(), String::new()),
            ("session.signed_in".to_owned(), "with a provider".to_owned())
        ]),
        "{log:?}"
    );
    assert_eq!(app.count("organizations"), 2, "each user has a private one");
    assert_eq!(app.count("users WHERE password_hash IS NULL"), 1);
    assert_eq!(app.count("identities WHERE last_used_at IS NULL"), 0, "it was used to sign up");

    carol.sign_out();
    // The address may have changed there: the subject is who it is.
    let moved = json!({ "email": "carol@elsewhere.example" });
    issuer.sign_in(&mut carol, "carol", &moved).expect_lead("/settings/profile");
    assert_eq!((app.count("users"), app.count("identities")), (2, 1));
    assert_eq!(carol.open("/settings/profile").texts(".menu-person span"), ["carol@example.com"]);
    let section = carol.open("/settings/security");
    assert!(section.texts("main").concat().contains("carol@elsewhere.example"));
}

/// Whoever has a business address reads how to use it with Google, where Google is among the providers.
/// Covers: S1-3
fn a_business_address_can_be_a_google_account(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    assert!(!app.browser().open("/login").text().contains("business address"));
    let google = TestApp::with(engine, |config| {
        config.providers = vec![issuer.provider("google", &json!({ "preset": "google" }))];
    });
    google.set_up();
    let page = google.browser().open("/login");
    assert_eq!(page.one("details summary"), "No Google account for your business address?");
    let help = page.one("details");
    assert!(
        help.contains("choose to use your existing address") && help.contains("Then continue with Google"),
        "{help}"
    );
    assert!(page.links().iter().any(|link| link.starts_with("https://support.google.com/")), "{:?}", page.links());
}

/// What goes to the provider: bound to this browser, this question and this client.
/// Covers: AC-087
fn the_question_is_bound(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    let sent = carol.get("/login/example").expect(303);
    let asked = Asked::read(sent.location(), &issuer.url);
    let told =
        ["response_type", "client_id", "scope", "code_challenge_method", "redirect_uri"].map(|name| asked.get(name));
    let redirect = format!("{}/login/example/callback", app.origin());
    assert_eq!(told, ["code", "keystead", "openid email profile", "S256", &redirect]);
    assert_eq!((asked.has("prompt"), asked.has("max_age")), (None, None));
    let (value, attributes) = sent.cookie("keystead_flow").unwrap();
    assert_eq!((value.len(), asked.get("state").len(), asked.get("nonce").len()), (64, 64, 64));
    assert_eq!(attributes, ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"]);
    let dump = app.dump();
    for secret in [value.to_owned(), asked.get("state"), asked.get("nonce"), asked.get("code_challenge")] {
        assert!(!dump.contains(&secret), "the database holds nothing that is of use");
    }
    let secure = TestApp::with(engine, |config| {
        config.base_url = "https://accounts.example.com".parse().unwrap();
        config.providers = vec![issuer.provider("example", &nothing())];
    });
    secure.set_up();
    let sent = secure.browser().get("/login/example").expect(303);
    let (_, attributes) = sent.cookie("__Host-keystead_flow").unwrap();
    assert_eq!(attributes, ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=600"]);
}

/// Every answer that this browser did not ask for, or asked for too long ago, opens nothing.
/// Covers: AC-087
fn an_answer_is_good_once_here_and_soon(engine: Engine) {
    let issuer = Issuer::start();
    issuer.play().lenient = true;
    let app = with_provider(engine, &issuer, &nothing());
    let over = |page: crate::support::Page| {
        let page = page.expect(400);
        assert_eq!(page.one("h1"), "This sign-in is over");
        assert!(page.links().contains(&"/login".to_owned()));
    };
    let mut carol = app.browser();
    let before = app.dump_but(&["attempts"]);
    over(carol.get("/login/example/callback"));
    over(carol.get("/login/example/callback?code=1&state=2"));
    app.is_still_but(&["attempts"], &before);

    // Another browser, with and without a flow of its own.
    let sent = carol.get("/login/example").expect(303);
    let back = issuer.says_yes(sent.location(), "carol", &nothing());
    let mut mallory = app.browser();
    over(mallory.get(&back));
    mallory.get("/login/example").expect(303);
    over(mallory.get(&back));
    assert_eq!(app.count("sessions"), 1, "the administrator's");

    // Its own, once.
    carol.get(&back).expect_lead("/settings/profile");
    assert_eq!(app.count("sessions"), 2);
    carol.get(&back).expect(400);

    // Too late.
    let mut late = app.browser();
    let sent = late.get("/login/example").expect(303);
    let back = issuer.says_yes(sent.location(), "late", &nothing());
    app.advance(600);
    over(late.get(&back));
    assert_eq!((app.count("users"), app.count("sessions")), (2, 2));
    app.advance(3600);
    app.write({
        let now = app.now();
        move |tx| keystead::openid::forget_old(tx, now)
    });
    assert_eq!(app.count("openid_flows"), 0);
}

/// A code, or a token, that was made for another flow opens nothing: PKCE at the provider, and the nonce here, tell.
/// Covers: AC-087, AC-089
fn what_was_made_for_another_flow_opens_nothing(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let is_refused = |page: crate::support::Page| {
        assert_eq!(page.expect(403).one("h1"), "Example's answer was not accepted");
        assert_eq!((app.count("users"), app.count("sessions"), app.count("identities")), (1, 1, 0));
    };
    for careless in [false, true] {
        issuer.play().careless = careless;
        // Mallory has a code of her own, and has Carol's browser bring it; or has caught Carol's, and brings it herself.
        for (victim, code_of) in [("carol", "mallory"), ("mallory", "carol")] {
            let (mut theirs, mut other) = (app.browser(), app.browser());
            let sent = other.get("/login/example").expect(303);
            let code = query(&issuer.says_yes(sent.location(), code_of, &nothing()), "code");
            let sent = theirs.get("/login/example").expect(303);
            let back = issuer.says_yes(sent.location(), victim, &nothing());
            is_refused(theirs.get(&back.replace(&query(&back, "code"), &code)));
        }
    }
    // A token that was seen once, in an answer to another question.
    let mut carol = app.browser();
    let earlier = Asked::read(carol.get("/login/example").expect(303).location(), &issuer.url).get("nonce");
    is_refused(issuer.sign_in(&mut carol, "carol", &json!({ "nonce": earlier })));
    issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
}

fn query(path: &str, name: &str) -> String {
    let pairs = path.split_once('?').map(|(_, pairs)| pairs).unwrap_or_default();
    let mut found = url::form_urlencoded::parse(pairs.as_bytes()).filter(|(key, _)| key == name);
    found.next().expect("it is there").1.into_owned()
}

/// An address that changes at the provider changes nobody here, and makes nobody somebody else.
/// Covers: AC-088
fn an_address_that_changes_there_changes_nobody_here(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
    for claims in
        [json!({ "email": ADMIN }), json!({ "email": ADMIN, "email_verified": false }), json!({ "email": "" })]
    {
        let mut again = app.browser();
        issuer.sign_in(&mut again, "carol", &claims).expect_lead("/settings/profile");
        assert_eq!(again.open("/settings/profile").texts(".menu-person span"), ["carol@example.com"], "{claims}");
        assert_ne!(again.get("/admin").status, 200, "{claims}");
    }
    // Somebody else has the address there now; here it is still Carol's.
    let page = issuer.sign_in(&mut app.browser(), "successor", &json!({ "email": "carol@example.com" })).expect(303);
    assert!(page.location().starts_with("/login/connect/"), "{}", page.location());
    assert_eq!((app.count("users"), app.count("identities")), (2, 1));
}

/// Who leaves the domains that are let in stays out at the next sign-in, connected or not.
/// Covers: AC-088
fn who_leaves_the_domain_stays_out(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &json!({ "email_domains": ["example.com"] }));
    issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect_lead("/settings/profile");
    let sessions = app.count("sessions");
    for claims in [json!({ "email": "carol@elsewhere.example" }), json!({ "email_verified": false })] {
        let page = issuer.sign_in(&mut app.browser(), "carol", &claims).expect(403);
        assert_eq!(page.one("h1"), "Not with this account", "{claims}");
        assert_eq!(app.last_logged().action, "session.sign_in_refused");
    }
    assert_eq!(app.count("sessions"), sessions);
}

/// More at once than are exchanged at once: the others wait for their turn, and nobody is turned away.
/// Covers: FC-35
fn many_at_once_come_in(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let ways: Vec<_> = (0..24)
        .map(|number| {
            let mut browser = app.browser();
            let sent = browser.get("/login/example").expect(303);
            (browser, issuer.says_yes(sent.location(), &format!("person-{number}"), &nothing()))
        })
        .collect();
    issuer.play().hang = Some(std::time::Duration::from_millis(100));
    let statuses = at_once(ways.len(), |index| ways[index].0.clone().get(&ways[index].1).status);
    assert_eq!(statuses, [303; 24]);
    assert_eq!(app.count("users"), 25);
}

/// Of ten callbacks at once, one signs in.
/// Covers: AC-087
fn ten_callbacks_at_once_are_one(engine: Engine) {
    let issuer = Issuer::start();
    issuer.play().lenient = true;
    let app = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    let sent = carol.get("/login/example").expect(303);
    let back = issuer.says_yes(sent.location(), "carol", &nothing());
    let mut statuses = at_once(10, |_| carol.clone().get(&back).status);
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 400, 400, 400, 400, 400, 400, 400, 400, 400]);
    assert_eq!((app.count("users"), app.count("sessions"), issuer.play().asked["/token"]), (2, 2, 1));
}

/// Two tabs, one browser: each may come back.
fn two_tabs_both_come_back(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    let (one, other) = (carol.get("/login/example").expect(303), carol.get("/login/example").expect(303));
    for sent in [other, one] {
        let back = issuer.says_yes(sent.location(), "carol", &nothing());
        carol.get(&back).expect_lead("/settings/profile");
    }
    assert_eq!((app.count("users"), app.count("sessions")), (2, 2), "the second session took the first one's place");
}

/// A planted session ends, and what it was is not what one gets.
/// Covers: AC-019
fn a_session_that_was_there_is_replaced(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    let sent = carol.get("/login/example").expect(303);
    let back = issuer.says_yes(sent.location(), "carol", &nothing());
    // Somebody plants their own session in between.
    let mallory = app.other("mallory@example.com");
    carol.cookies.extend(mallory.cookies.clone());
    let planted = carol.session();
    carol.get(&back).expect_lead("/settings/profile");
    assert_ne!(carol.session(), planted);
    assert_eq!(carol.open("/settings/profile").texts(".menu-person span"), ["carol@example.com"]);
    let mut mallory = mallory;
    assert_eq!(mallory.get("/settings/profile").status, 303, "it is over");
}

/// "Return to" leads to pages of ours alone.
/// Covers: AC-020
fn the_way_back_is_ours(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    for away in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/..//evil.example",
        "https:evil.example",
        "javascript:alert(1)",
    ] {
        let next = url::form_urlencoded::byte_serialize(away.as_bytes()).collect::<String>();
        let mut carol = app.browser();
        let from = format!("/login/example?next={next}");
        issuer.go(&mut carol, &from, "carol", &nothing()).expect_lead("/settings/profile");
        let answer = carol.get(&from);
        assert_eq!((answer.status, answer.location()), (303, "/"), "{away}");
        // Nor from a confirmation, or the question whether to connect.
        let (now, confirm) = (app.now().unix(), format!("/step-up/with/example?next={next}"));
        let fresh = json!({ "auth_time": now });
        issuer.go(&mut carol, &confirm, "carol", &fresh).expect_lead("/");
        let mut ada = app.browser();
        let place = issuer.go(&mut ada, &from, "another", &json!({ "email": ADMIN })).location().to_owned();
        ada.sign_in(ADMIN, crate::support::PASSWORD);
        let ask = ada.get(&place).expect(303).location().to_owned();
        let form = ada.open(&ask).form(&ask);
        ada.submit(&form).expect_lead("/settings/security");
        app.sql("DELETE FROM identities WHERE subject = 'another'");
    }
}

/// Cancelling is no error of anybody's, and what the provider says of it is not repeated.
fn cancelling_leads_on(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    let sent = carol.get("/login/example").expect(303);
    let page = carol.get(&issuer.says_no(sent.location())).expect(403);
    assert_eq!(page.one("h1"), "That was cancelled");
    assert!(!page.text().contains("no</b>") && page.links().contains(&"/login".to_owned()));
    assert_eq!(issuer.play().asked.get("/token"), None);
    assert_eq!(app.count("users"), 1);
}

/// "Keep me signed in" goes along.
fn keeping_signed_in_goes_along(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    let page = issuer.go(&mut carol, "/login/example?keep=1", "carol", &nothing());
    let (_, attributes) = page.cookie("keystead_session").unwrap();
    assert!(attributes.contains(&"Max-Age=2592000"), "{attributes:?}");
    let page = issuer.sign_in(&mut app.browser(), "carol", &nothing());
    let (_, attributes) = page.cookie("keystead_session").unwrap();
    assert!(!attributes.iter().any(|attribute| attribute.starts_with("Max-Age")), "{attributes:?}");
}

/// A closed account stays closed, whatever its provider says.
/// Covers: AC-022
fn a_suspended_account_stays_out(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
    assert!(admin(&app.database, &["suspend", "carol@example.com"]).status.success());
    let page = issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect(403);
    assert_eq!(page.one("h1"), "This account is closed");
    let entry = app.last_logged();
    assert_eq!(
        (entry.action.as_str(), entry.detail.as_str()),
        ("session.sign_in_refused", "with Example: the account is closed")
    );
    assert_eq!(entry.user_id, Some(app.user_id("carol@example.com")));
    assert_eq!(app.count("users WHERE status = 'suspended'"), 1);
}

/// An address that has an account is never taken over: its owner is asked, and only they can connect the two.
/// Covers: AC-007, AC-088
fn an_account_is_connected_by_its_owner_alone(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    app.make_user("carol@example.com");
    for claims in [
        nothing(),
        json!({ "email_verified": false }),
        json!({ "email_verified": null }),
        json!({ "email": "CAROL@EXAMPLE.COM" }),
        json!({ "email": null, "preferred_username": "carol@example.com" }),
    ] {
        let mut carol = app.browser();
        let page = issuer.sign_in(&mut carol, "carol", &claims);
        if claims.get("email").is_some_and(serde_json::Value::is_null) {
            // Then the user info is asked for, which this provider has not.
            page.expect(403);
            continue;
        }
        let place = page.expect(303).location().to_owned();
        assert!(place.starts_with("/login/connect/"), "{place}");
        let page = carol.open(&place);
        assert_eq!(page.one("h1"), "Whose account is this?");
        assert!(carol.cookies.keys().all(|name| name != "keystead_session"));
        // Nobody else can use the page, and it tells nobody anything.
        app.browser().get(&place).expect(400);
    }
    assert_eq!((app.count("identities"), app.count("sessions")), (0, 1));

    let mut carol = app.browser();
    let place = issuer.sign_in(&mut carol, "carol", &nothing()).location().to_owned();
    let login = carol.open(&place).links().into_iter().find(|link| link.starts_with("/login?next=")).unwrap();
    let form =
        carol.open(&login).form("/login").set("email", "carol@example.com").set("password", crate::support::PASSWORD);
    let ask = carol.submit(&form).expect(303).location().to_owned();
    assert!(ask.starts_with("/settings/security/connections/offers/"), "{ask}");
    let page = carol.open(&ask);
    assert_eq!((page.one("h1").as_str(), app.count("identities")), ("Connect Example?", 0));
    let form = page.form(&ask);
    carol.submit(&form).expect_lead("/settings/security");
    assert!(carol.open("/settings/security").notice().starts_with("The account is connected."));
    assert_eq!(app.count("identities"), 1);
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.subject_name.as_str()), ("identity.connected", "Example"));
    let mail = app.mails().pop().unwrap();
    assert_eq!(
        (mail.recipient.as_str(), mail.subject.as_str()),
        ("carol@example.com", "Keystead: example was connected with your account")
    );
    // The same form again connects nothing, and says so kindly.
    carol.submit(&form).expect_lead("/settings/security");
    assert!(carol.open("/settings/security").notice().starts_with("That took longer"));
    issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect_lead("/settings/profile");
    assert_eq!(app.count("users"), 2);
}

/// Whoever signed up with somebody's address before they came has nothing of it once they come by their provider.
/// Covers: AC-007
fn a_wish_ends_when_its_owner_arrives(engine: Engine) {
    const PLANTED: &str = "the-Attackers-own-1";
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut attacker = app.browser();
    attacker.sign_up("carol@example.com", PLANTED).expect(200);
    let link = app.mailed_link("carol@example.com");
    let form = attacker.open(&link).form(&link).set("password", PLANTED);
    let mut carol = app.browser();
    issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
    is_dead(&app, &link);
    attacker.submit(&form).expect(404);
    attacker.try_sign_in("carol@example.com", PLANTED).expect(422);
    assert_eq!((app.count("users"), app.count("sign_ups")), (2, 0));
    assert_eq!(app.count("users WHERE password_hash IS NULL"), 1);
    carol.open("/settings/profile");
}

/// The doors for newcomers are those of the instance.
/// Covers: AC-088
fn sign_up_is_as_the_operator_says(engine: Engine) {
    let issuer = Issuer::start();
    for mode in ["invitation", "closed"] {
        let provider = issuer.provider("example", &nothing());
        let app = TestApp::with(engine, |config| {
            config.sign_up = if mode == "closed" {
                keystead::config::SignUpMode::Closed
            } else {
                keystead::config::SignUpMode::Invitation
            };
            config.providers = vec![provider];
        });
        let mut ada = app.set_up();
        let page = issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect(303);
        assert!(page.location().starts_with("/login/connect/"), "{mode}");
        assert_eq!(app.count("users"), 1, "{mode}");
        // An organization's invitation is enough for an account, unless none are made.
        ada.make_organization("acme");
        ada.invite_to("acme", "dora@example.com", "member");
        let dora = issuer.sign_in(&mut app.browser(), "dora", &nothing()).expect(303);
        assert_eq!(dora.location().starts_with("/login/connect/"), mode == "closed", "{}", dora.location());
        app.sql("DELETE FROM invitations");
        let here = app.count("users");
        let invitation = ada.invite("carol@example.com");
        let mut carol = app.browser();
        assert!(carol.open(&invitation).links().contains(&"/login/example".to_owned()));
        issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
        assert_eq!((app.count("users"), app.count("invitations")), (here + 1, 0), "{mode}");
        carol.get(&invitation).expect(404);
    }
    let app = with_provider(engine, &issuer, &json!({ "allow_sign_up": false }));
    issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect(303);
    assert_eq!(app.count("users"), 1);
    let domains =
        with_provider(engine, &issuer, &json!({ "email_domains": ["acme.example"], "hosted_domain": "acme.example" }));
    let mut carol = domains.browser();
    let sent = carol.get("/login/example").expect(303);
    assert_eq!(Asked::read(sent.location(), &issuer.url).get("hd"), "acme.example");
    for claims in [
        nothing(),
        json!({ "email": "carol@acme.example" }),
        json!({ "email": "carol@acme.example", "hd": "evil.example" }),
    ] {
        let page = issuer.sign_in(&mut domains.browser(), "carol", &claims).expect(403);
        assert_eq!(page.one("h1"), "Not with this account");
    }
    let member = json!({ "email": "carol@acme.example", "hd": "acme.example" });
    issuer.sign_in(&mut carol, "carol", &member).expect_lead("/settings/profile");
}

/// Two providers: the answer of one is not taken for the other's.
/// Covers: AC-087
fn providers_are_not_mixed_up(engine: Engine) {
    let (issuer, evil) = (Issuer::start(), Issuer::start());
    let providers = vec![issuer.provider("example", &nothing()), evil.provider("evil", &nothing())];
    let app = TestApp::with(engine, |config| config.providers = providers);
    app.set_up();
    let mut carol = app.browser();
    issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
    carol.sign_out();
    // Same subject, other issuer, address that is taken: somebody else.
    let page = evil.go(&mut carol, "/login/evil", "carol", &nothing()).expect(303);
    assert!(page.location().starts_with("/login/connect/"));
    // A code of the one at the other's callback.
    let sent = carol.get("/login/example").expect(303);
    let back = issuer.says_yes(sent.location(), "carol", &nothing()).replace("/login/example/", "/login/evil/");
    carol.get(&back).expect(400);
    // The other one names itself where the first was asked.
    for (iss, status) in [(&evil.url, 403), (&issuer.url, 303)] {
        let sent = carol.get("/login/example").expect(303);
        let back = issuer.says_yes(sent.location(), "carol", &nothing());
        let iss: String = url::form_urlencoded::byte_serialize(iss.as_bytes()).collect();
        carol.get(&format!("{back}&iss={iss}")).expect(status);
        carol.cookies.remove("keystead_session");
    }
    assert_eq!(evil.play().asked.get("/token"), Some(&1), "no code of the first was given to the other");
    // Who promises to name itself must.
    issuer.play().discovery = json!({ "authorization_response_iss_parameter_supported": true });
    app.advance(3600);
    let fresh = json!({ "iat": app.now().unix(), "exp": app.now().unix() + 60 });
    issuer.sign_in(&mut carol, "carol", &fresh).expect(403);
    let sent = carol.get("/login/example").expect(303);
    let back = issuer.says_yes(sent.location(), "carol", &fresh);
    let iss: String = url::form_urlencoded::byte_serialize(issuer.url.as_bytes()).collect();
    carol.get(&format!("{back}&iss={iss}")).expect(303);
}

/// Before there is an administrator, nobody signs up with a provider.
fn nobody_comes_before_the_administrator(engine: Engine) {
    let issuer = Issuer::start();
    let provider = issuer.provider("example", &nothing());
    let app = TestApp::with(engine, |config| config.providers = vec![provider]);
    app.browser().get("/login/example").expect_lead("/setup");
    app.browser().get("/login/example?code=0000-0000-0000-0000").expect_lead("/setup");
    assert_eq!(app.count("openid_flows"), 0);
}

/// So many begun sign-ins from one network are enough.
fn beginning_is_limited(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut statuses = Vec::new();
    for _ in 0..301 {
        statuses.push(app.send(&Request::get("/login/example")).status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 300);
    assert_eq!(statuses.last(), Some(&429));
    app.browser().sign_in(ADMIN, crate::support::PASSWORD);
}

on_both!(
    a_newcomer_gets_an_account_and_comes_back,
    a_business_address_can_be_a_google_account,
    the_question_is_bound,
    an_answer_is_good_once_here_and_soon,
    what_was_made_for_another_flow_opens_nothing,
    an_address_that_changes_there_changes_nobody_here,
    who_leaves_the_domain_stays_out,
    many_at_once_come_in,
    ten_callbacks_at_once_are_one,
    two_tabs_both_come_back,
    a_session_that_was_there_is_replaced,
    the_way_back_is_ours,
    cancelling_leads_on,
    keeping_signed_in_goes_along,
    a_suspended_account_stays_out,
    an_account_is_connected_by_its_owner_alone,
    a_wish_ends_when_its_owner_arrives,
    sign_up_is_as_the_operator_says,
    providers_are_not_mixed_up,
    nobody_comes_before_the_administrator,
    beginning_is_limited,
);
