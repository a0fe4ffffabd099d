//! Faults of our own: a panic is a page, never a dropped connection.

use std::io::Write;
use std::sync::{Arc, Mutex};

use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, web};
use keystead::clock::Clock;
use keystead::web::front;

use crate::support::{Connection, Database, Engine, NOW, Page, Request, TestApp, at_once, on_both};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The outermost layer of the application, around a handler that panics: there is no such route in the application.
/// Covers: AC-104
#[test]
fn a_panicking_handler_is_a_page_and_a_log_line() {
    let lines = Lines::default();
    let writer = lines.clone();
    tracing_subscriber::fmt()
        .json()
        .with_writer(move || writer.clone())
        .try_init()
        .expect("the only test that listens");
    let database = Database::new(Engine::Sqlite);
    let instance = keystead::app::Instance::open(database.config(), Clock::fixed(NOW)).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, handle) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let shared = web::Data::from(instance);
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(shared.clone())
                    .route("/fine", web::get().to(|| async { HttpResponse::Ok().body("fine") }))
                    .route("/text", web::get().to(|| async { stumble("the cause of it") }))
                    .route("/value", web::get().to(|| async { stumble_oddly() }))
                    .route("/api/v1/call", web::get().to(|| async { stumble("the cause of it") }))
                    .wrap(from_fn(front::front))
            })
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run();
            sender.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    let handle = handle.recv().unwrap();
    let mut connection = Connection::open(address, "127.0.0.1:8080");
    let mut ask = |path: &str| connection.send(&Request::get(path).header("Connection", "keep-alive")).unwrap();
    for path in ["/text", "/value", "/api/v1/call", "/text"] {
        let answer = Page::new(path, ask(path)).expect(500);
        let id = answer.header("x-request-id").expect("a number to ask by").to_owned();
        assert!(answer.text().contains(&id) && !answer.text().contains("cause"), "{}", answer.text());
        if path.starts_with("/api/") {
            assert_eq!(answer.json()["status"], 500);
        } else {
            assert_eq!(answer.one("h1"), "Something went wrong");
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("content-security-policy").is_some());
        let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let line = log.lines().find(|line| line.contains(&id)).unwrap_or_else(|| panic!("no line with {id} in {log}"));
        assert!(line.contains("\"level\":\"ERROR\""), "{line}");
        assert_eq!(line.contains("the cause of it"), path != "/value", "{line}");
        assert_eq!(ask("/fine").text(), "fine", "the connection lives on");
    }
    crate::support::block_on(handle.stop(false));
    thread.join().unwrap();
}

fn stumble(why: &str) -> HttpResponse {
    panic!("{why}")
}

fn stumble_oddly() -> HttpResponse {
    std::panic::panic_any(5)
}

/// A verb that panics takes its transaction with it and nobody else's.
fn a_panicking_write_is_rolled_back(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let before = app.dump();
    let db = app.instance.db.clone();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        db.write_here(|tx| {
            use diesel::connection::SimpleConnection;
            tx.batch_execute("DELETE FROM users").unwrap();
            panic!("on purpose")
        })
    }));
    assert!(!matches!(outcome, Ok(Ok(()))));
    app.is_still(&before);
    ada.create_token("bot", &["channels:read"]);
}

/// Many who read and then write at the same time: nobody is turned away, no change is lost.
/// Covers: FC-07
fn many_writers_lose_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let browsers: Vec<_> = (0..16).map(|index| app.other(&format!("user{index}@example.com"))).collect();
    let answers = at_once(64, |index| {
        let mut browser = browsers[index % 16].clone();
        let form = browser.token_form(&format!("bot {index}"), &["channels:read"]);
        browser.submit(&form).status
    });
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    assert_eq!([app.count("tokens"), app.count("outbox"), app.count("form_uses")], [64; 3]);
    assert_eq!(app.logged("token.created"), 64);
}

on_both!(a_panicking_write_is_rolled_back, many_writers_lose_nothing);
