//! Mail: queued with the change, sent later.

use keystead::config::Config;
use keystead::db::Engine;
use keystead::error::{Error, Result};
use keystead::mail::{Letter, queue};

use crate::support::smtp::{Mood, Sink};
use crate::support::{ADMIN, NOW, TestApp, at_once, on_both};

fn by_smtp(sink: &Sink) -> impl FnOnce(&mut Config) {
    let url = sink.url();
    move |config| {
        config.mail.smtp_url = Some(url.into());
        config.mail.from = "Accounts <accounts@example.org>".parse().unwrap();
    }
}

fn letter(subject: &str) -> Letter {
    Letter { subject: subject.to_owned(), text: "Hello".to_owned(), html: "<p>Hello</p>".to_owned(), good_for: None }
}

fn put(app: &TestApp, recipient: &str, subject: &str) {
    let now = app.now();
    let (recipient, letter) = (recipient.to_owned(), letter(subject));
    app.write(move |tx| queue(tx, None, &recipient, &letter, now));
}

/// A change, its log entry and its mail stand and fall together.
/// Covers: AC-109
fn a_change_and_its_mail_are_one(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("bot", &["channels:read"]);
    // The outbox refuses from now on.
    app.sql("ALTER TABLE outbox RENAME TO outbox_away");
    let before = app.dump_but(&["attempts"]);
    let page = ada.submit(&form).expect(500);
    assert!(!page.text().contains("outbox") && !page.text().contains("kst_"));
    app.is_still_but(&["attempts"], &before);
    app.sql("ALTER TABLE outbox_away RENAME TO outbox; ALTER TABLE audit_events RENAME TO audit_away");
    ada.submit(&form).expect(500);
    app.sql("ALTER TABLE audit_away RENAME TO audit_events");
    app.is_still_but(&["attempts"], &before);
    ada.submit(&form).expect(200);
    assert_eq!((app.count("tokens"), app.mails().len(), app.logged("token.created")), (1, 1, 1));
    // And a verb that fails after it wrote takes all of it back.
    let now = app.now();
    let failed: Result<()> = app.instance.db.write_here(move |tx| {
        queue(tx, None, ADMIN, &letter("never"), now)?;
        Err(Error::NotFound)
    });
    assert!(failed.is_err() && app.mails().len() == 1);
}

/// Without a mail server each mail is a file that any mail program opens.
fn mails_are_filed(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.create_token("Zoë's bot", &["channels:read"]);
    assert_eq!(app.deliver(), 1);
    assert_eq!(app.deliver(), 0, "once");
    let mail = app.mails().remove(0);
    assert_eq!((mail.state.as_str(), mail.reason.as_str()), ("filed", ""));
    let folder = app.instance.config.data_dir.join("mail");
    let names: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names, [format!("{}.eml", mail.id)]);
    let text = std::fs::read_to_string(folder.join(&names[0])).unwrap();
    for line in [
        "From: Keystead <keystead@localhost>",
        "To: ada@example.com",
        "Subject: Keystead: a personal access token was created",
        "Date: Sun, 22 Nov 2026 00:06:00 +0000",
        &format!("Message-ID: <{}@localhost>", mail.id),
        "Auto-Submitted: auto-generated",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} in {text}");
    }
    assert!(text.contains("multipart/alternative") && text.contains("text/plain") && text.contains("text/html"));
    assert!(text.contains("Zo=C3=AB's bot") || text.contains("Zoë's bot"), "{text}");
    keystead::jobs::tidy(&app.instance.db, &app.instance.config, app.now()).unwrap();
    assert_eq!(app.mails().len(), 1);
    keystead::jobs::tidy(&app.instance.db, &app.instance.config, app.now().plus(31 * 86_400)).unwrap();
    assert_eq!(app.mails().len(), 0);
}

/// Covers: FC-16
fn a_server_takes_them(engine: Engine) {
    let sink = Sink::start(Mood::Takes);
    let app = TestApp::with(engine, by_smtp(&sink));
    let mut ada = app.set_up();
    let started = std::time::Instant::now();
    ada.create_token("bot", &["channels:read"]);
    assert!(
        started.elapsed() < std::time::Duration::from_secs(5) && sink.asked() == 0,
        "no request waits for a mail server"
    );
    assert_eq!(app.deliver(), 1);
    assert_eq!((app.mails().len(), sink.taken().len()), (0, 1), "what is sent is kept no longer");
    let mail = sink.taken().remove(0);
    assert!(mail.contains("From: Accounts <accounts@example.org>") && mail.contains("To: ada@example.com"), "{mail}");
    assert!(mail.contains("@example.org>") && mail.contains("Message-ID: <"));
}

/// Covers: FC-16, FC-17
fn a_server_that_says_later_is_asked_again(engine: Engine) {
    let sink = Sink::start(Mood::Later);
    let app = TestApp::with(engine, by_smtp(&sink));
    let mut ada = app.set_up();
    ada.create_token("bot", &["channels:read"]);
    let mut asked = 0;
    for wait in [60, 5 * 60, 15 * 60, 60 * 60, 60 * 60] {
        assert_eq!(app.deliver(), 0);
        asked += 1;
        let mail = app.mails().remove(0);
        assert_eq!((mail.state.as_str(), mail.attempts), ("waiting", i64::try_from(asked).unwrap()));
        assert!(mail.reason.contains("come back later"), "{}", mail.reason);
        app.advance(wait - 1);
        assert_eq!((app.deliver(), sink.asked()), (0, asked), "not before {wait} seconds are over");
        app.advance(1);
    }
    let mut ada = app.browser();
    ada.sign_in(ADMIN, crate::support::PASSWORD);
    assert_eq!(ada.open("/admin/mail").texts("tbody .badge"), ["Will be tried again"]);
    sink.becomes(Mood::Takes);
    assert_eq!((app.deliver(), app.deliver()), (1, 0));
    assert_eq!((sink.taken().len(), app.mails().len()), (1, 0), "exactly one arrived");
    // After a day there is no point any more.
    sink.becomes(Mood::Later);
    put(&app, "bob@example.com", "old");
    app.advance(86_400);
    app.deliver();
    assert_eq!(app.mails()[0].state, "failed");
}

/// Covers: FC-18
fn a_server_that_says_never_is_believed(engine: Engine) {
    let sink = Sink::start(Mood::Never);
    let app = TestApp::with(engine, by_smtp(&sink));
    let mut ada = app.set_up();
    ada.create_token("bot", &["channels:read"]);
    assert_eq!(app.deliver(), 0);
    let mail = app.mails().remove(0);
    assert_eq!((mail.state.as_str(), mail.attempts), ("failed", 1));
    assert!(mail.reason.contains("nobody here"), "{}", mail.reason);
    app.advance(86_400);
    assert_eq!((app.deliver(), sink.asked()), (0, 1), "it is not tried again");
    let mut ada = app.browser();
    ada.sign_in(ADMIN, crate::support::PASSWORD);
    let page = ada.open("/admin/mail");
    assert_eq!(page.texts("tbody .badge"), ["Failed"]);
    assert!(page.one("tbody th").contains("nobody here"));
}

fn the_mails_to_one_address_are_found(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    for number in 0..60 {
        put(&app, &format!("guest{number}@example.com"), &format!("number {number}"));
    }
    put(&app, "Erin_1@example.com", "for Erin");
    let subjects = |page: &crate::support::Page| page.texts("tbody a");
    let first = ada.open("/admin/mail");
    assert_eq!((subjects(&first).len(), &subjects(&first)[0][..]), (50, "for Erin"), "newest first");
    let next = ada.open(&first.attributes(".pager a[rel=next]", "href")[0]);
    assert_eq!(subjects(&next).last().map(String::as_str), Some("number 0"));
    assert_eq!(subjects(&ada.open("/admin/mail?search=ERIN_1")), ["for Erin"]);
    assert_eq!(subjects(&ada.open("/admin/mail?search=guest59%40")), ["number 59"]);
    let none = ada.open("/admin/mail?search=%25");
    assert!(subjects(&none).is_empty() && none.text().contains("contains “%”"), "{}", none.text());
}

/// One attempt ends, and the mail is not lost; which database holds it does not matter here.
/// Covers: FC-19
#[test]
fn a_silent_server_is_given_up_on() {
    let sink = Sink::start(Mood::Silent);
    let app = TestApp::with(Engine::Sqlite, by_smtp(&sink));
    put(&app, "bob@example.com", "first");
    let started = std::time::Instant::now();
    assert_eq!(app.deliver(), 0);
    assert!(started.elapsed() < std::time::Duration::from_secs(30), "{:?}", started.elapsed());
    let mail = app.mails().remove(0);
    assert_eq!((mail.state.as_str(), mail.attempts), ("waiting", 1));
    sink.becomes(Mood::Takes);
    app.advance(60);
    assert_eq!((app.deliver(), sink.taken().len()), (1, 1));
}

/// Covers: FC-21, AC-100
fn one_bad_mail_does_not_hold_up_the_others(engine: Engine) {
    for filed in [true, false] {
        let sink = Sink::start(Mood::Takes);
        let app = if filed { TestApp::start(engine) } else { TestApp::with(engine, by_smtp(&sink)) };
        put(&app, "no address", "bad address");
        put(&app, "eve@example.com\r\nBcc: all@example.com", "two addresses");
        put(&app, "bob@example.com", "line\r\nBcc: all@example.com\r\n\r\nbreak");
        let huge: &'static str = Box::leak("x".repeat(1024 * 1024).into_boxed_str());
        put(&app, "bob@example.com", huge);
        put(&app, "bob@example.com", "the good one");
        app.deliver();
        let left = app.mails();
        for mail in &left {
            let parked = mail.state == "failed" && !mail.reason.is_empty() || mail.state == "filed";
            assert!(parked, "{:?}", (&mail.subject[..10.min(mail.subject.len())], &mail.state, &mail.reason));
        }
        assert!(left.iter().any(|mail| mail.subject == "bad address" && mail.state == "failed"));
        let folder = app.instance.config.data_dir.join("mail");
        let sent: Vec<String> = if filed {
            std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
                .collect()
        } else {
            sink.taken()
        };
        assert!(sent.iter().any(|text| text.contains("Subject: the good one")));
        assert!(sent.iter().all(|text| !text.lines().any(|line| line.starts_with("Bcc:"))));
    }
}

/// What somebody waits for goes before what only tells them.
/// Covers: FC-16
fn links_go_first(engine: Engine) {
    let sink = Sink::start(Mood::Takes);
    let app = TestApp::with(engine, by_smtp(&sink));
    put(&app, "bob@example.com", "news");
    put(&app, "bob@example.com", "more news");
    app.write(move |tx| queue(tx, None, "eve@example.com", &letter("a link").good_for(60), NOW));
    app.deliver();
    let subjects: Vec<String> = sink
        .taken()
        .iter()
        .filter_map(|text| text.lines().find_map(|line| line.strip_prefix("Subject: ")).map(str::to_owned))
        .collect();
    assert_eq!(subjects, ["a link", "news", "more news"]);
}

/// Several nodes are at it at the same time: each mail goes once.
/// Covers: FC-23
fn several_nodes_send_each_mail_once(engine: Engine) {
    let sink = Sink::start(Mood::Takes);
    let app = TestApp::with(engine, by_smtp(&sink));
    for _ in 0..60 {
        put(&app, "bob@example.com", "hello");
    }
    // Each has its connection before they begin, so that they really meet.
    at_once(4, |_| {
        app.write(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            Ok(())
        });
    });
    let sent: usize = at_once(4, |_| app.deliver()).into_iter().sum();
    let rest = app.deliver();
    assert_eq!((sent + rest, sink.taken().len(), app.mails().len()), (60, 60, 0));
}

on_both!(
    a_change_and_its_mail_are_one,
    mails_are_filed,
    a_server_takes_them,
    a_server_that_says_later_is_asked_again,
    a_server_that_says_never_is_believed,
    one_bad_mail_does_not_hold_up_the_others,
    the_mails_to_one_address_are_found,
    links_go_first,
    several_nodes_send_each_mail_once,
);
