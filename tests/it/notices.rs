//! Security notices: one shape for all.

use keystead::audit::Origin;
use keystead::ids::UserId;
use keystead::mail::{Notices, SecurityNotice};

use crate::support::{ADMIN, Engine, Mail, TestApp, on_both};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

#[track_caller]
fn sent(app: &TestApp, notice: SecurityNotice) -> Mail {
    let (notices, user) = (Notices::of(&app.instance.config), UserId::from(app.user_id(ADMIN)));
    let origin = Origin { address: "192.0.2.7".to_owned(), agent: FIREFOX.to_owned(), ..Origin::default() };
    let now = app.now();
    app.write(move |tx| notices.send(tx, &user, &notice, &origin, now));
    app.mails().pop().expect("a mail")
}

/// Time with its zone, browser in words, address, and what to do.
/// Covers: AC-109
fn a_notice_says_what_when_where_and_what_to_do(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    app.sql("UPDATE users SET first_name = '<b>Ada</b>'");
    let mail = sent(&app, SecurityNotice::new("A passkey was added", "It is called <i>Laptop</i>."));
    assert_eq!((mail.recipient.as_str(), mail.subject.as_str()), (ADMIN, "Keystead: a passkey was added"));
    assert_eq!(
        mail.text,
        "Hello <b>Ada</b>,\n\nA passkey was added. It is called <i>Laptop</i>.\n\n  When:     22 November 2026, 00:06:00 UTC\n  \
         Browser:  Firefox on Linux\n  Address:  192.0.2.7\n\nIf this was you, there is nothing to do.\nIf it was not you, \
         someone else may be in your account. Change your password, and log out all sessions:\n\
         http://127.0.0.1:8080/settings/security\n\nKeystead"
    );
    for part in ["22 November 2026, 00:06:00 UTC", "Firefox on Linux", "192.0.2.7", "href=\"http://127.0.0.1:8080/"] {
        assert!(mail.html.contains(part), "{part} in {}", mail.html);
    }
    assert!(!mail.html.contains("<b>Ada") && !mail.html.contains("<i>Laptop"), "{}", mail.html);

    let by = SecurityNotice::new("Your second factor was taken away", "Set up a new one.")
        .by("an administrator")
        .advising("", "ask whoever runs this service", "/login".to_owned());
    let mail = sent(&app, by);
    assert!(
        mail.text
            .contains("  By:       an administrator\n\nIf you know about it, there is nothing to do.\nIf not, ask")
    );
    for body in [&mail.text, &mail.html] {
        assert!(!body.contains("192.0.2.7") && !body.contains("Firefox") && body.contains("/login"), "{body}");
    }
}

on_both!(a_notice_says_what_when_where_and_what_to_do);
