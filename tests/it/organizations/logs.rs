//! An organization's log: who did what, found again, and taken along.

use keystead::catalogue::Role;
use keystead::clock::{DAY, Timestamp};
use serde_json::{Value, json};

use super::license::allow;
use crate::support::{ADMIN, Browser, Engine, TestApp, on_both};

/// So many entries, the text of each after its number.
fn fill(app: &TestApp, count: usize) {
    let organization = app.organization_id("acme");
    let ada = app.user_id(ADMIN);
    let mut index = 0;
    while index < count {
        let rows = (index..count.min(index + 500)).map(|index| {
            format!(
                "('01k{index:023}', {}, 'role.changed', 'user', '{ada}', 'session x', '', '', NULL, '{organization}', \
                 's', 'Role {index}', '+channels:update', 'role {index} +channels:update')",
                1_700_000_000 + index
            )
        });
        let rows = rows.collect::<Vec<_>>().join(", ");
        app.sql(&format!(
            "INSERT INTO audit_events (id, at, action, actor_kind, actor_id, through, address, agent, user_id, \
             organization_id, subject_id, subject_name, detail, search_key) VALUES {rows}"
        ));
        index += 500;
    }
}

/// One entry at a moment.
fn fill_at(app: &TestApp, index: usize, at: i64) {
    let organization = app.organization_id("acme");
    app.sql(&format!(
        "INSERT INTO audit_events (id, at, action, actor_kind, actor_id, through, address, agent, user_id, \
         organization_id, subject_id, subject_name, detail, search_key) VALUES ('01k{index:023}', {at}, \
         'role.changed', 'operator', '', '', '', '', NULL, '{organization}', 's', '', 'At {index}', 'at {index}')"
    ));
}

/// Covers: S0-34, S0-40
fn the_log_is_filtered_searched_and_paged(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Admin);
    bob.make_team("acme", "Deploy 100%", "viewer");
    bob.make_team("acme", "Änderungen", "viewer");
    fill(&app, 120);
    let logs = "/organizations/acme/logs";
    let whats = |page: &crate::support::Page| page.texts("tbody .cell-main");
    let first = ada.open(logs);
    assert_eq!(whats(&first).len(), 50);
    assert!(first.links().iter().all(|link| !link.contains("before=&")));
    let second = ada.open(&first.attributes("a[rel=next]", "href")[0]);
    let third = ada.open(&second.attributes("a[rel=next]", "href")[0]);
    assert_eq!((whats(&second).len(), whats(&third).len()), (50, 23));
    assert_eq!(third.attributes("a[rel=prev]", "href"), [logs]);
    assert!(third.attributes("a[rel=next]", "href").is_empty());
    for (query, found) in [
        ("action=team.created", 2),
        ("who=bob%40", 2),
        ("who=BOB@example.com", 2),
        ("who=nobody", 0),
        ("search=deploy", 1),
        ("search=100%25", 1),
        ("search=%C3%84NDER", 1),
        ("search=%C3%A4nder", 1),
        ("search=a%CC%88nder", 1),
        ("search=ander", 0),
        ("search=%25%25", 0),
        ("search=role+119", 1),
        ("search='", 0),
        ("action=organization.created&who=ada", 1),
        ("action=organization.created&who=bob", 0),
    ] {
        assert_eq!(whats(&ada.open(&format!("{logs}?{query}"))).len(), found, "{query}");
    }
    let narrow = ada.open(&format!("{logs}?action=role.changed&search=role"));
    let next = narrow.attributes("a[rel=next]", "href").remove(0);
    assert!(next.contains("action=role.changed") && next.contains("search=role"), "{next}");
    assert_eq!(ada.open(&format!("{logs}?before=nonsense")).status, 200);
    ada.open(&format!("{logs}?action=nonsense"));
    let offered = ada.open(logs).attributes("select[name=action] option", "value");
    for what in ["api_key.created", "token.created", "token.cut", "token_policy.changed", "service_account.created"] {
        assert!(offered.iter().any(|word| word == what), "{what}");
    }
    // The overview tells of the latest, and of how many there are.
    let home = ada.open("/organizations/acme");
    assert!(home.links().contains(&logs.to_owned()));
    assert_eq!(home.texts(".figures .figure"), ["2", "2", "0", "0"]);
    // What is about a person names them here, and in their own log the organization; who is erased has no name.
    let bob_id = app.user_id("bob@example.com");
    let path = format!("/organizations/acme/members/{bob_id}/role");
    let form = ada.open(&path).form(&path).set("role", "member");
    ada.submit(&form).expect(303);
    assert!(
        ada.open(logs).texts("tbody th")[0].contains("Bob Babbage: from admin to member"),
        "{:?}",
        ada.open(logs).texts("tbody th")[0]
    );
    assert!(
        bob.open("/settings/logs").texts("tbody th").iter().any(|line| line.contains("ACME: from admin to member"))
    );
    app.sql("UPDATE audit_events SET subject_id = 'gone', actor_id = 'gone' WHERE action = 'member.role_changed'");
    let erased = ada.open(logs).texts("tbody tr").remove(0);
    assert!(
        erased.contains("Somebody whose account is gone: from admin to member") && !erased.contains("ACME"),
        "{erased}"
    );
    // Members see no log, and nobody another organization's.
    let mut carol = app.member("acme", "carol@example.com", Role::Member);
    carol.get(logs).expect(403);
    carol.get(&format!("{logs}/export")).expect(403);
    let mut eve = app.other("eve@example.com");
    eve.make_organization("eves");
    eve.get(&format!("{logs}/export")).expect(404);
    assert_eq!(whats(&eve.open("/organizations/eves/logs")).len(), 1);
}

/// Covers: S0-34
fn what_is_found_is_exported(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    ada.make_team("acme", "=1+1\"; DROP", "viewer");
    fill(&app, 1_234);
    let export = |ada: &mut crate::support::Browser, query: &str| {
        ada.send(crate::support::Request::get(&format!("/organizations/acme/logs/export?{query}")))
    };
    let csv = export(&mut ada, "format=csv");
    assert_eq!((csv.status, csv.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    let name = csv.header("content-disposition").unwrap();
    assert_eq!(name, "attachment; filename=\"acme-log-2026-11-22.csv\"");
    let text = csv.text();
    let lines: Vec<&str> = text.trim_end().split("\r\n").collect();
    assert_eq!(lines.len(), 1 + 2 + 1_234);
    assert_eq!(lines[0], "id,at,action,what,actor_kind,actor_id,actor,subject_id,subject,detail,address");
    assert!(lines[1].ends_with(",\"127.0.0.1\""), "{}", lines[1]);
    assert!(lines[1].contains("\"'=1+1\"\"; DROP\""), "{}", lines[1]);
    assert!(text.contains("\"'+channels:update\"") && text.contains("\"Ada Lovelace\""));
    let mut ids: Vec<&str> = lines[1..].iter().map(|line| line.split(',').next().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), lines.len() - 1, "each once, none left out");
    let json = export(&mut ada, "format=jsonl&action=role.changed&search=role+12");
    assert_eq!(json.header("content-type"), Some("application/jsonl; charset=utf-8"));
    let told: Vec<serde_json::Value> = json.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), 1 + 10 + 34, "12, 120 to 129, 1200 to 1233");
    assert_eq!(told[0]["actor"]["name"], "Ada Lovelace");
    assert_eq!(told[0]["action"], "role.changed");
    assert_eq!(told[0].get("address"), None, "it is not known");
    let json = export(&mut ada, "format=jsonl&action=team.created");
    assert_eq!(json.text().lines().count(), 1);
    assert!(json.text().contains("\"address\":\"127.0.0.1\""), "{}", json.text());
    // Of the first twenty minutes, and of nothing else.
    for format in ["csv", "jsonl"] {
        let found = export(&mut ada, &format!("format={format}&from=2023-11-14&to=2023-11-14"));
        assert_eq!(found.text().matches("role.changed").count(), 1_234);
        assert!(!found.text().contains("team.created"));
        assert_eq!(export(&mut ada, &format!("format={format}&from=yesterday")).status, 400);
    }
    assert_eq!(export(&mut ada, "format=xlsx").status, 400);
    // It goes out of the house: so one confirms, and comes back to the log.
    app.advance(10 * 60);
    let answer = export(&mut ada, "format=csv&action=role.changed");
    let back = "/step-up?next=%2Forganizations%2Facme%2Flogs%3Faction%3Drole.changed%23%2Fexport";
    assert_eq!((answer.status, answer.location()), (303, back));
}

/// A long log goes out in pieces; at no moment is it in memory as a whole.
/// Covers: FC-38
fn a_long_log_is_streamed(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    fill(&app, 100_000);
    let answer = ada.send(crate::support::Request::get("/organizations/acme/logs/export?format=jsonl"));
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    assert_eq!(answer.header("content-length"), None);
    assert_eq!(answer.text().lines().count(), 100_001);
    assert_eq!(ada.open("/organizations/acme/logs?search=role+77777").texts("tbody tr").len(), 1);
}

/// Covers: S0-34
fn the_log_is_read_by_day_and_says_from_where(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let day = Timestamp::of_day("2026-03-01").unwrap().unix();
    for (index, at) in [day, day + DAY - 1, day + DAY].into_iter().enumerate() {
        fill_at(&app, index, at);
    }
    let logs = "/organizations/acme/logs";
    let found = |ada: &mut Browser, query: &str| ada.open(&format!("{logs}?{query}")).texts("tbody .cell-sub");
    assert_eq!(found(&mut ada, "from=2026-03-01&to=2026-03-01"), ["At 1", "At 0"]);
    assert_eq!(found(&mut ada, "from=2026-03-02&to=2026-03-05"), ["At 2"]);
    assert_eq!(found(&mut ada, "to=2026-03-01"), ["At 1", "At 0"]);
    assert_eq!(found(&mut ada, "from=2026-03-02&action=role.changed"), ["At 2"]);
    assert!(found(&mut ada, "to=2026-02-28").is_empty());
    let page = ada.open(&format!("{logs}?from=2026-03-01&to=2026-03-01&action=role.changed"));
    assert_eq!(page.attributes("#from, #to", "value"), ["2026-03-01", "2026-03-01"]);
    for link in page.attributes(".hint a", "href") {
        assert!(link.contains("from=2026-03-01&to=2026-03-01"), "{link}");
    }
    // What is no day is said at its field, with nothing found in its place.
    for (query, field) in [("from=2026-02-30", "from"), ("to=tomorrow", "to"), ("from=2026-03-02&to=2026-03-01", "to")]
    {
        let page = ada.get(&format!("{logs}?{query}")).expect(422);
        assert_eq!(page.attributes(".summary a", "href"), [format!("#{field}")], "{query}");
        assert!(!page.one(&format!("#{field}-error")).is_empty() && page.texts("tbody tr").is_empty(), "{query}");
        let called = ada.call("GET", &format!("/api/v1/organizations/acme/logs?{query}"), &Value::Null);
        assert_eq!(called.status, 400, "{query}");
    }
    let called = ada.call("GET", "/api/v1/organizations/acme/logs?from=2026-03-02&to=2026-03-02", &Value::Null).json();
    assert_eq!((called["items"].as_array().unwrap().len(), &called["items"][0]["detail"]), (1, &json!("At 2")));
    // Each entry says from where, but that of whoever runs the service.
    let mut bob = app.member("acme", "bob@example.com", Role::Admin);
    app.sql("UPDATE audit_events SET address = '192.0.2.7' WHERE detail = 'At 1'");
    allow(&app, &mut ada, "acme", &[("teams", "5")]).expect(303);
    let cells = |page: &crate::support::Page| page.texts("td[data-label=Address]");
    assert_eq!(cells(&bob.open(&format!("{logs}?search=at+1"))), ["192.0.2.7"]);
    assert_eq!(cells(&bob.open(&format!("{logs}?action=license.changed"))), ["Not known"]);
    assert_eq!(cells(&bob.open(&format!("{logs}?action=organization.created"))), ["127.0.0.1"]);
}

on_both!(
    the_log_is_read_by_day_and_says_from_where,
    the_log_is_filtered_searched_and_paged,
    what_is_found_is_exported,
    a_long_log_is_streamed
);
