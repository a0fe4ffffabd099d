//! Service accounts, their tokens, an organization's keys, its license and its log in JSON.

use keystead::catalogue::Role;
use serde_json::{Value, json};

use super::{ABSENT, at, done, refused, wrong_at};
use crate::support::{ADMIN, Browser, Engine, TestApp, on_both};

/// Covers: S1-8, AC-052
#[expect(clippy::too_many_lines, reason = "one life, from its making to its end")]
fn service_accounts_live_and_have_tokens(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let mut erin = app.member("acme", "erin@example.com", Role::Member);
    let mut stranger = app.other("stranger@example.com");
    let all = at("/service-accounts");
    let answer = ada.call("POST", &all, &json!({ "name": "ci", "role": "member", "responsible": ADMIN }));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let (account, id) = (answer.json(), answer.json()["id"].as_str().unwrap().to_owned());
    assert_eq!((account["responsible"]["email"].as_str(), account["is_enabled"].as_bool()), (Some(ADMIN), Some(true)));
    let here = format!("{all}/{id}");
    assert_eq!(done(&mut ada, "GET", &here, &Value::Null, 200), account);
    let told = done(&mut ada, "PATCH", &here, &json!({ "description": "for the build", "responsible": null }), 200);
    assert_eq!(
        (&told["responsible"], told["name"].as_str(), told["role"].as_str()),
        (&Value::Null, Some("ci"), Some("member"))
    );
    let tokens = format!("{here}/tokens");
    let body = json!({ "name": "build", "expires": 7, "scopes": ["channels:update", "org.members:read"] });
    let request = |ada: &mut Browser| ada.request_to("POST", &tokens).header("Idempotency-Key", "one").json(&body);
    let first = request(&mut ada);
    let made = ada.send(first);
    assert_eq!(made.status, 201, "{}", made.text());
    let (made, place) = (made.json(), made.location().to_owned());
    assert_eq!(made["scopes"], json!(["channels:list", "channels:read", "channels:update", "org.members:read"]));
    let secret = made["secret"].as_str().unwrap().to_owned();
    let second = request(&mut ada);
    let again = ada.send(second);
    assert_eq!((again.status, &again.json()["id"], again.json().get("secret")), (200, &made["id"], None));
    let token = format!("{tokens}/{}", made["id"].as_str().unwrap());
    assert_eq!(done(&mut ada, "GET", &place, &Value::Null, 200)["id"], made["id"]);
    assert_eq!(done(&mut ada, "GET", &all, &Value::Null, 200)["items"][0]["live"], 1);
    assert_eq!(done(&mut ada, "GET", &tokens, &Value::Null, 200)["items"][0]["id"], made["id"]);
    assert_eq!(done(&mut ada, "GET", &token, &Value::Null, 200)["history"][0]["action"], "token.created");
    let before = app.dump_but(&["attempts"]);
    for (method, path, body) in [
        ("GET", all.clone(), Value::Null),
        ("POST", all.clone(), json!({ "name": "x", "role": "viewer" })),
        ("GET", here.clone(), Value::Null),
        ("PATCH", here.clone(), json!({ "name": "x" })),
        ("DELETE", here.clone(), Value::Null),
        ("POST", format!("{here}/disable"), Value::Null),
        ("POST", format!("{here}/enable"), Value::Null),
        ("GET", tokens.clone(), Value::Null),
        ("POST", tokens.clone(), json!({ "name": "x", "expires": 7, "everything": true })),
        ("GET", token.clone(), Value::Null),
        ("DELETE", token.clone(), Value::Null),
        ("POST", format!("{token}/revoke"), Value::Null),
        ("POST", format!("{token}/regenerate"), json!({ "expires": 7 })),
        ("DELETE", format!("{token}/old-secret"), Value::Null),
    ] {
        refused(&stranger.call(method, &path, &body), 404, "about:blank");
        refused(&erin.call(method, &path, &body), 403, "about:blank");
        if path != all {
            refused(&ada.call(method, &path.replace(&id, ABSENT), &body), 404, "about:blank");
        }
        if path.contains(&token) {
            let other = path.replace(made["id"].as_str().unwrap(), ABSENT);
            refused(&ada.call(method, &other, &body), 404, "about:blank");
        }
    }
    for (body, pointer) in [
        (json!({ "role": "viewer" }), "#/name"),
        (json!({ "name": "x" }), "#/role"),
        (json!({ "name": "x", "role": "owner" }), "#/role"),
        (json!({ "name": "x", "role": ABSENT }), "#/role"),
        (json!({ "name": "x", "role": "viewer", "responsible": "stranger@example.com" }), "#/responsible"),
        (json!({ "name": "x", "role": "viewer", "is_enabled": true }), "#/is_enabled"),
    ] {
        assert_eq!(wrong_at(&ada.call("POST", &all, &body)), [pointer], "{body}");
    }
    refused(&ada.call("POST", &all, &json!({ "name": "CI", "role": "viewer" })), 409, "conflict");
    for (body, pointer) in [
        (json!({ "expires": 7, "everything": true }), "#/name"),
        (json!({ "name": "x", "everything": true }), "#/expires"),
        (json!({ "name": "x", "expires": 7, "scopes": ["channels:read", "org.boats:read"] }), "#/scopes/1"),
        (json!({ "name": "x", "expires": 7, "scopes": ["belong"] }), "#/scopes/0"),
        (json!({ "name": "x", "expires": 7, "scopes": ["org.logs:read"] }), "#/scopes"),
        (json!({ "name": "x", "expires": 7, "scopes": ["org.members:update"] }), "#/scopes"),
        (json!({ "name": "x", "expires": 7, "scopes": ["channels:delete"] }), "#/scopes"),
        (json!({ "name": "x", "expires": 7, "scopes": ["org.members:read"], "everything": true }), "#/scopes"),
        (json!({ "name": "x", "expires": 7 }), "#/scopes"),
        (json!({ "name": "x", "expires": "7", "everything": true }), "#/expires"),
        (json!({ "name": "x", "expires": 7, "everything": true, "organization": "other" }), "#/organization"),
    ] {
        assert_eq!(wrong_at(&ada.call("POST", &tokens, &body)), [pointer], "{body}");
    }
    // A personal token has no rights over anybody's organization.
    let personal = json!({ "name": "x", "expires": 7, "scopes": ["org.members:read"] });
    assert_eq!(wrong_at(&ada.call("POST", "/api/v1/tokens", &personal)), ["#/scopes/0"]);
    app.is_still_but(&["attempts"], &before);
    let code = |secret: &str| app.verify(&credential, secret)["code"].as_str().unwrap().to_owned();
    let renewed =
        done(&mut ada, "POST", &format!("{token}/regenerate"), &json!({ "expires": 30, "old_secret": "1h" }), 200);
    let newer = renewed["secret"].as_str().unwrap();
    assert_eq!((code(&secret), code(newer)), ("VALID".into(), "VALID".into()));
    done(&mut ada, "DELETE", &format!("{token}/old-secret"), &Value::Null, 204);
    assert_eq!((code(&secret), code(newer)), ("SUPERSEDED".into(), "VALID".into()));
    assert_eq!(done(&mut ada, "POST", &format!("{here}/disable"), &Value::Null, 200)["is_enabled"], false);
    assert_eq!(code(newer), "DISABLED");
    done(&mut ada, "POST", &format!("{here}/enable"), &Value::Null, 200);
    assert_eq!(code(newer), "VALID");
    for _ in 0..2 {
        let told = done(&mut ada, "POST", &format!("{token}/revoke"), &Value::Null, 200);
        assert_eq!((&told["id"], told["status"].as_str()), (&made["id"], Some("revoked")));
    }
    assert_eq!((code(newer), app.logged("token.revoked")), ("REVOKED".into(), 1));
    done(&mut ada, "DELETE", &token, &Value::Null, 204);
    done(&mut ada, "DELETE", &here, &Value::Null, 204);
    assert_eq!((app.count("service_accounts"), app.count("tokens WHERE kind = 'svc'")), (0, 0));
}

/// Covers: S4-26, S4-32, S4-35
fn keys_are_made_seen_and_deleted(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let mut erin = app.member("acme", "erin@example.com", Role::Member);
    let mut ida = app.member("acme", "ida@example.com", Role::Viewer);
    let all = at("/api-keys");
    let body = json!({ "description": "Production", "scopes": ["channels:update"] });
    let answer = erin.call("POST", &all, &body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let made = answer.json();
    assert_eq!(done(&mut erin, "GET", answer.location(), &Value::Null, 200)["id"], made["id"]);
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(made["scopes"], json!(["channels:list", "channels:read", "channels:update"]));
    assert_eq!((made["description"].as_str(), made["actor"]["kind"].as_str()), (Some("Production"), Some("user")));
    assert_eq!(app.verify(&credential, secret)["code"], "VALID");
    let key = format!("{all}/{}", made["id"].as_str().unwrap());
    assert_eq!(done(&mut ada, "GET", &all, &Value::Null, 200)["items"][0]["id"], made["id"]);
    assert_eq!(done(&mut ada, "GET", &format!("{all}?status=revoked"), &Value::Null, 200)["items"], json!([]));
    assert_eq!(done(&mut ida, "GET", &all, &Value::Null, 200)["items"], json!([]), "who may not see others' sees none");
    assert_eq!(done(&mut ada, "GET", &key, &Value::Null, 200)["history"][0]["action"], "api_key.created");
    let mut stranger = app.other("stranger@example.com");
    let before = app.dump_but(&["attempts"]);
    refused(&ida.call("GET", &key, &Value::Null), 404, "about:blank");
    refused(&ida.call("DELETE", &key, &Value::Null), 404, "about:blank");
    refused(&ida.call("POST", &all, &body), 403, "about:blank");
    for (method, path, body) in [
        ("GET", &all, &Value::Null),
        ("POST", &all, &body),
        ("GET", &key, &Value::Null),
        ("DELETE", &key, &Value::Null),
    ] {
        refused(&stranger.call(method, path, body), 404, "about:blank");
    }
    for (body, pointer) in [
        (json!({ "everything": true }), "#/description"),
        (json!({ "description": "x" }), "#/scopes"),
        (json!({ "description": "x", "scopes": ["channels:fly"] }), "#/scopes/0"),
        (json!({ "description": "x", "scopes": ["org.members:read"] }), "#/scopes/0"),
        (json!({ "description": "x", "scopes": ["channels:delete"] }), "#/scopes"),
        (json!({ "description": "x", "everything": true, "expires": 7 }), "#/expires"),
    ] {
        assert_eq!(wrong_at(&erin.call("POST", &all, &body)), [pointer], "{body}");
    }
    app.is_still_but(&["attempts"], &before);
    done(&mut ada, "DELETE", &key, &Value::Null, 204);
    assert_eq!(app.verify(&credential, secret)["code"], "NOT_FOUND");
}

/// Covers: S0-34, S0-35
fn license_and_log_are_read(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut erin = app.member("acme", "erin@example.com", Role::Member);
    app.sql(&format!(
        "INSERT INTO licenses (organization_id, plan, members, changed_at) VALUES ('{}', 'Small', 5, 0)",
        app.organization_id("acme")
    ));
    let told = done(&mut erin, "GET", &at("/license"), &Value::Null, 200);
    assert_eq!((told["plan"].as_str(), &told["limits"]["members"]), (Some("Small"), &json!({ "used": 2, "limit": 5 })));
    assert_eq!(told["limits"]["teams"], json!({ "used": 0, "limit": null }));
    for name in 0..52 {
        done(
            &mut ada,
            "POST",
            &at("/roles"),
            &json!({ "name": format!("Role {name}"), "rights": ["channels:read"] }),
            if name < 50 { 201 } else { 409 },
        );
    }
    done(&mut ada, "POST", &at("/teams"), &json!({ "name": "Deploy" }), 201);
    let logs = at("/logs");
    let page = done(&mut ada, "GET", &logs, &Value::Null, 200);
    assert_eq!(
        (page["items"].as_array().unwrap().len(), page["items"][0]["action"].as_str()),
        (50, Some("team.created"))
    );
    assert_eq!(page["items"][0]["actor"]["name"], "Ada Lovelace");
    let rest = done(&mut ada, "GET", page["next"].as_str().unwrap(), &Value::Null, 200);
    assert_eq!((&rest["next"], rest["items"].as_array().unwrap().len()), (&Value::Null, 2));
    let one = done(&mut ada, "GET", &format!("{logs}?action=team.created&who=ada&q=deploy"), &Value::Null, 200);
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    for odd in ["?action=nothing", "?odd=1", "?format=csv"] {
        assert_eq!(ada.call("GET", &format!("{logs}{odd}"), &Value::Null).status, 400, "{odd}");
    }
    refused(&erin.call("GET", &logs, &Value::Null), 403, "about:blank");
    let mut stranger = app.other("stranger@example.com");
    for path in [&logs, &at("/license")] {
        refused(&stranger.call("GET", path, &Value::Null), 404, "about:blank");
    }
}

/// An administrator sets it for any organization, a member's it is not; nothing is set of what is wrong.
/// Covers: S0-35
fn a_license_is_set(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut olga = app.other("olga@example.com");
    olga.make_organization("acme");
    let path = at("/license");
    let small = json!({ "plan": "Small", "limits": { "members": 5, "teams": null } });
    refused(&olga.call("PUT", &path, &small), 404, "about:blank");
    refused(&ada.call("PUT", &path.replace("acme", "nowhere"), &small), 404, "about:blank");
    refused(&ada.call("GET", &path, &Value::Null), 404, "about:blank");
    for (body, pointer) in [
        (json!({ "limits": {} }), "#/plan"),
        (json!({ "plan": "x", "limits": { "members": -1 } }), "#/limits/members"),
        (json!({ "plan": "x", "limits": { "tokens": 1_000_001 } }), "#/limits/tokens"),
        (json!({ "plan": "x", "limits": { "boats": 1 } }), "#/limits/boats"),
        (json!({ "plan": "x", "limits": { "teams": "1" } }), "#/limits/teams"),
    ] {
        assert_eq!(wrong_at(&ada.call("PUT", &path, &body)), [pointer], "{body}");
    }
    assert_eq!(app.count("licenses"), 0);
    let told = done(&mut ada, "PUT", &path, &small, 200);
    assert_eq!((told["plan"].as_str(), &told["limits"]["members"]), (Some("Small"), &json!({ "used": 1, "limit": 5 })));
    assert_eq!(done(&mut olga, "GET", &path, &Value::Null, 200), told);
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.subject_name.as_str()), ("license.changed", "ACME"));
    // It takes the place of what was there, as a whole.
    let by_id = path.replace("acme", &app.organization_id("acme"));
    let told = done(&mut ada, "PUT", &by_id, &json!({ "plan": "Large" }), 200);
    assert_eq!((told["plan"].as_str(), &told["limits"]["members"]["limit"]), (Some("Large"), &Value::Null));
}

/// Covers: S4-26
fn policies_say_whom_they_hit(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut erin = app.member("acme", "erin@example.com", Role::Member);
    let mut stranger = app.other("stranger@example.com");
    let (path, rules) = (at("/policy"), at("/policy/tokens"));
    let form = erin.open("/settings/tokens/new").form("/settings/tokens/new").set("name", "bot");
    let form = form.set("organization", "acme").set("access", "everything").set("expiry", "90");
    erin.submit(&form).expect(200);
    let told = done(&mut ada, "GET", &path, &Value::Null, 200);
    assert_eq!((told["second_factor"].as_bool(), told["personal_tokens"].as_bool()), (Some(false), Some(true)));
    assert_eq!((&told["hits"]["second_factor"], &told["hits"]["personal_tokens"]["tokens"]), (&json!(2), &json!(1)));
    let review = done(&mut ada, "GET", &format!("{rules}/review?max_days=30"), &Value::Null, 200);
    assert_eq!((&review["count"], &review["tokens"]["items"][0]["email"]), (&json!(1), &json!("erin@example.com")));
    // Who may change the rules, and not see the members, learns how many.
    let rules_alone = ada.make_role("acme", "Rules", &["org.organization:update"]);
    let mut rita = app.member("acme", "rita@example.com", Role::Viewer);
    let rita_at = at(&format!("/members/{}", app.user_id("rita@example.com")));
    done(&mut ada, "PATCH", &rita_at, &json!({ "role": rules_alone }), 200);
    refused(&rita.call("GET", &at("/members"), &Value::Null), 403, "about:blank");
    let counted = done(&mut rita, "GET", &format!("{rules}/review?max_days=30"), &Value::Null, 200);
    assert_eq!((&counted["count"], &counted["tokens"]["items"]), (&json!(1), &json!([])));
    let page = rita.open("/organizations/acme/policy/review?max_days=30").one("#cut-section + p + p");
    assert_eq!(page, "Your role does not let you see the members, so it is not listed whose they are.");
    let version = review["version"].as_i64().unwrap();
    let before = app.dump();
    for (method, path, body) in [
        ("GET", path.clone(), Value::Null),
        ("PATCH", path.clone(), json!({ "members_keys": false })),
        ("GET", rules.clone(), Value::Null),
        ("GET", format!("{rules}/review"), Value::Null),
        ("PUT", rules.clone(), json!({ "version": version, "count": 1, "cut": true })),
    ] {
        refused(&stranger.call(method, &path, &body), 404, "about:blank");
        refused(&erin.call(method, &path, &body), 403, "about:blank");
        let own = format!("/api/v1/organizations/{}", app.private_organization(ADMIN));
        refused(&ada.call(method, &path.replace("/api/v1/organizations/acme", &own), &body), 404, "about:blank");
    }
    for (method, path, body, pointer) in [
        ("PATCH", &path, json!({ "members_keys": null }), "#/members_keys"),
        ("PATCH", &path, json!({ "keys": true }), "#/keys"),
        ("PUT", &rules, json!({ "max_days": 0, "version": version, "count": 1, "cut": true }), "#/max_days"),
        ("PUT", &rules, json!({ "max_days": 30, "count": 1, "cut": true }), "#/version"),
        ("PUT", &rules, json!({ "allow_never": true, "version": version, "count": 1, "cut": true }), "#/allow_never"),
        ("PUT", &rules, json!({ "max_days": 30, "version": version, "count": 1 }), "#/cut"),
        ("PUT", &rules, json!({ "preset_days": [], "version": version, "count": 1, "cut": true }), "#/preset_days"),
        ("PUT", &rules, json!({ "odd": 1 }), "#/odd"),
    ] {
        assert_eq!(wrong_at(&ada.call(method, path, &body)), [pointer], "{body}");
    }
    let all_wrong = json!({ "max_days": 0, "preset_days": [], "allow_never": true });
    let told = ada.call("PUT", &rules, &all_wrong);
    let all = ["#/max_days", "#/allow_never", "#/preset_days", "#/version", "#/count", "#/cut"];
    assert_eq!(wrong_at(&told), all);
    for own in ["can only be stricter", "left out, or null", "new ones alone (false)"] {
        assert!(told.text().contains(own), "{own} in {}", told.text());
    }
    assert_eq!(wrong_at(&ada.call("GET", &format!("{rules}/review?max_days=x"), &Value::Null)), ["#/max_days"]);
    assert_eq!(ada.call("GET", &format!("{rules}/review?odd=1"), &Value::Null).status, 400);
    refused(&ada.call("PATCH", &path, &json!({ "second_factor": true })), 409, "conflict");
    let stale = json!({ "max_days": 30, "version": version + 1, "count": 1, "cut": true });
    refused(&ada.call("PUT", &rules, &stale), 409, "conflict");
    let fewer = json!({ "max_days": 30, "version": version, "count": 0, "cut": true });
    refused(&ada.call("PUT", &rules, &fewer), 409, "conflict");
    app.is_still(&before);
    let told =
        done(&mut ada, "PUT", &rules, &json!({ "max_days": 30, "version": version, "count": 1, "cut": true }), 200);
    assert_eq!(
        (&told["rule"]["max_days"], &told["holds"]["max_days"], app.logged("token.cut")),
        (&json!(30), &json!(30), 1)
    );
    let alone = json!({ "max_per_user": 2, "version": version + 1, "count": 0, "cut": false });
    let told = done(&mut ada, "PUT", &rules, &alone, 200);
    assert_eq!((&told["rule"]["max_per_user"], &told["holds"]["max_per_user"]), (&json!(2), &json!(2)));
    assert!(app.last_logged().detail.ends_with("Tokens a person may have: 50 → 2"), "{}", app.last_logged().detail);
    let told = done(&mut ada, "PATCH", &path, &json!({ "personal_tokens": false, "members_keys": false }), 200);
    assert_eq!((told["personal_tokens"].as_bool(), told["members_keys"].as_bool()), (Some(false), Some(false)));
    assert_eq!(app.logged("organization.policy_changed"), 2);
    refused(
        &erin.call("POST", &at("/api-keys"), &json!({ "description": "x", "everything": true })),
        403,
        "about:blank",
    );
}

on_both!(
    service_accounts_live_and_have_tokens,
    keys_are_made_seen_and_deleted,
    license_and_log_are_read,
    a_license_is_set,
    policies_say_whom_they_hit,
);
