//! Requests that are too large, too slow, or two things at once. Which database stands behind does not matter here.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Engine, Request, TestApp};

const HOST: &str = "Host: 127.0.0.1:8080\r\n";

fn app() -> TestApp {
    TestApp::start(Engine::Sqlite)
}

/// Covers: FC-32
#[test]
fn bodies_are_read_up_to_their_limit() {
    let app = app();
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let form = ada.open("/settings/profile").form("/settings/profile");
    let length = |name: &str| ada.request(&form.clone().set("first_name", name)).body.len();
    let room = 32 * 1024 - length("");
    let send = |count: usize| ada.clone().submit(&form.clone().set("first_name", &"x".repeat(count))).status;
    assert_eq!((send(room), send(room + 1)), (422, 413));
    let ask = |length: usize| {
        let empty = json!({ "token": "" }).to_string().len();
        app.ask(&verifier, &json!({ "token": "x".repeat(length - empty) })).status
    };
    assert_eq!((ask(64 * 1024), ask(64 * 1024 + 1)), (200, 413));

    // Announced: refused before a byte of it is read.
    for path in ["/login", "/api/v1/verify", "/oauth2/introspect"] {
        let request = Request::post(path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .bearer(&verifier)
            .header("Content-Length", "1000000000");
        assert_eq!(app.send(&request).status, 413, "{path}");
    }
    // Not announced: read no further than the limit.
    let mut connection = app.connect();
    let head = format!(
        "POST /api/v1/verify HTTP/1.1\r\n{HOST}Authorization: Bearer {verifier}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    connection.write(head.as_bytes()).unwrap();
    let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
    for _ in 0..16 {
        drop(connection.write(chunk.as_bytes()));
    }
    assert_eq!(connection.read("POST").unwrap().status, 413);
    // A hundred thousand fields.
    let request = Request::post("/login").body("application/x-www-form-urlencoded", "a=&".repeat(100_000).into_bytes());
    let request = Request { body: request.body[..1000].to_vec(), ..request }.header("Content-Length", "300000");
    assert_eq!(app.send(&request).status, 413);
}

/// Covers: FC-32
#[test]
fn heads_are_read_up_to_their_limit() {
    let app = app();
    app.set_up();
    let many = (0..200).fold(Request::get("/login"), |request, index| request.header(&format!("X-{index}"), "x"));
    let answer = app.send(&many);
    assert!(matches!(answer.status, 400 | 431), "{}", answer.status);
    let large = Request::get("/login").header("X-Large", &"x".repeat(200_000));
    let answer = app.connect().send(&large);
    assert!(answer.is_ok_and(|answer| matches!(answer.status, 400 | 431)));
    for length in [9 * 1024, 64 * 1024] {
        let long = Request::get(&format!("/login?next=/{}", "x".repeat(length)));
        let answer = app.send(&long);
        assert!(matches!(answer.status, 400 | 414 | 431), "{length}: {}", answer.status);
    }
    assert_eq!(app.send(&Request::get("/login")).status, 200, "others are served");
}

/// Covers: FC-32
#[test]
fn who_waits_to_be_asked_for_a_body_is_asked() {
    let app = app();
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let body = json!({ "token": "x" }).to_string();
    let mut connection = app.connect();
    let head = format!(
        "POST /api/v1/verify HTTP/1.1\r\n{HOST}Authorization: Bearer {verifier}\r\nExpect: 100-continue\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    connection.write(head.as_bytes()).unwrap();
    assert_eq!(connection.read("HEAD").unwrap().status, 100);
    connection.write(body.as_bytes()).unwrap();
    assert_eq!(connection.read("POST").unwrap().json()["code"], "NOT_FOUND");
}

/// A body that drips is given up on, and says so; meanwhile everybody else is served.
/// Covers: FC-33
#[test]
fn a_body_that_drips_is_given_up_on() {
    let app = app();
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let started = Instant::now();
    let slow = |path: &'static str, kind: &str, credential: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\n{HOST}Authorization: Bearer {credential}\r\nContent-Type: {kind}\r\n\
             Content-Length: 1000\r\n\r\n"
        );
        let mut connection = app.connect();
        connection.write(head.as_bytes()).unwrap();
        connection
    };
    let mut connections = [
        slow("/login", "application/x-www-form-urlencoded", "x"),
        slow("/api/v1/verify", "application/json", &verifier),
        slow("/oauth2/introspect", "application/x-www-form-urlencoded", &verifier),
    ];
    for _ in 0..16 {
        for connection in &mut connections {
            drop(connection.write(b"a"));
        }
        let asked = Instant::now();
        assert_eq!(app.send(&Request::get("/login")).status, 200);
        assert!(asked.elapsed() < Duration::from_secs(1));
        std::thread::sleep(Duration::from_secs(1));
    }
    for connection in &mut connections {
        let answer = connection.read("POST").unwrap();
        assert_eq!(answer.status, 408);
        assert!(answer.header("x-request-id").is_some());
    }
    assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
}

/// Covers: FC-33
#[test]
fn a_head_that_never_ends_is_given_up_on() {
    let app = app();
    let started = Instant::now();
    let mut silent = app.connect();
    let mut half = app.connect();
    half.write(b"GET /login HTTP/1.1\r\nHost: 127").unwrap();
    for connection in [&mut silent, &mut half] {
        let answer = connection.read("GET");
        assert!(answer.as_ref().is_ok_and(|answer| answer.status == 408) || answer.is_err(), "{answer:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
}

/// What two servers could read in two ways is refused.
/// Covers: AC-102
#[test]
fn ambiguous_requests_are_refused() {
    let app = app();
    app.set_up();
    let smuggled = "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
    for (what, head) in [
        (
            "a length and chunks",
            format!("POST /login HTTP/1.1\r\n{HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{smuggled}"),
        ),
        ("two lengths", format!("POST /login HTTP/1.1\r\n{HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello")),
        ("a signed length", format!("POST /login HTTP/1.1\r\n{HOST}Content-Length: +5\r\n\r\nhello")),
        ("a length that is none", format!("POST /login HTTP/1.1\r\n{HOST}Content-Length: 5, 5\r\n\r\nhello")),
        ("odd chunks", format!("POST /login HTTP/1.1\r\n{HOST}Transfer-Encoding: xchunked\r\n\r\n{smuggled}")),
        (
            "chunks before their time",
            format!("POST /login HTTP/1.0\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n{smuggled}"),
        ),
        ("no host", "GET /login HTTP/1.1\r\n\r\n".to_owned()),
        ("two hosts", format!("GET /login HTTP/1.1\r\n{HOST}{HOST}\r\n")),
        ("a space before the colon", format!("GET /login HTTP/1.1\r\n{HOST}X-A : b\r\n\r\n")),
    ] {
        let mut connection = app.connect();
        connection.write(head.as_bytes()).unwrap();
        let answer = connection.read("GET").unwrap();
        assert!(matches!(answer.status, 400 | 421), "{what}: {}", answer.status);
        if answer.status == 400 {
            assert!(connection.is_closed(), "{what}: nothing after it is read as a request");
        }
    }
}
