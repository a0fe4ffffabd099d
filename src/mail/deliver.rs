//! Sending what is due: by SMTP, or into a folder of .eml files.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message, SmtpTransport, Transport};

use super::outbox::{self, MailState, Queued};
use crate::clock::{Clock, DAY, Timestamp};
use crate::config::{Config, ConfigError};
use crate::db::Db;
use crate::error::Result;

/// How long one attempt may take in all; the transport's own limit is for each read, and a server can drip.
const ATTEMPT: Duration = Duration::from_secs(30);
/// How long a claimed mail is left to the one who claimed it, in seconds; longer than any attempt takes.
const LEASE: i64 = 120;
/// The waits between attempts, in seconds; then every hour until a day is over.
const WAITS: [i64; 4] = [60, 5 * 60, 15 * 60, 60 * 60];

/// The way out of the outbox.
pub enum Carrier {
    /// A mail server. Synchronous on purpose: the asynchronous transport forgets its timeout once it is connected.
    Smtp(Box<SmtpTransport>),
    /// A folder; each mail is a file that any mail program opens.
    Folder(PathBuf),
}

/// Why a mail did not go, and whether another try can help.
struct Refusal {
    reason: String,
    permanent: bool,
}

impl Carrier {
    /// The carrier that the settings name.
    ///
    /// # Errors
    /// When the folder can't be made.
    pub fn of(config: &Config) -> Result<Self, ConfigError> {
        if let Some(url) = &config.mail.smtp_url {
            let transport = SmtpTransport::from_url(url.reveal())
                .map_err(|_| ConfigError("mail.smtp_url: it is no mail server's address; mend it".to_owned()))?;
            return Ok(Self::Smtp(Box::new(transport.timeout(Some(Duration::from_secs(10))).build())));
        }
        let folder = config.data_dir.join("mail");
        std::fs::create_dir_all(&folder).map_err(|error| {
            ConfigError(format!(
                "data_dir: the folder {} cannot be made ({error}); mend its permissions",
                folder.display()
            ))
        })?;
        Ok(Self::Folder(folder))
    }

    /// Where the files are, if there is no mail server.
    pub fn folder(&self) -> Option<&PathBuf> {
        match self {
            Self::Smtp(_) => None,
            Self::Folder(folder) => Some(folder),
        }
    }

    fn carry(&self, mail: &Queued, message: &Message) -> Result<(), Refusal> {
        match self {
            Self::Smtp(transport) => {
                let (transport, message) = (transport.clone(), message.clone());
                let (answer, answered) = std::sync::mpsc::channel();
                let sender = std::thread::Builder::new().name("smtp".to_owned());
                let started = sender.spawn(move || drop(answer.send(transport.send(&message))));
                started.map_err(|error| Refusal { permanent: false, reason: error.to_string() })?;
                match answered.recv_timeout(ATTEMPT) {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(Refusal { permanent: error.is_permanent(), reason: error.to_string() }),
                    Err(_) => Err(Refusal { permanent: false, reason: "the mail server took too long".to_owned() }),
                }
            }
            Self::Folder(folder) => {
                let (draft, file) = (folder.join(format!(".{}.tmp", mail.id)), folder.join(format!("{}.eml", mail.id)));
                let written = std::fs::create_dir_all(folder)
                    .and_then(|()| std::fs::File::create(&draft))
                    .and_then(|mut open| open.write_all(&message.formatted()).and_then(|()| open.sync_all()))
                    .and_then(|()| std::fs::rename(&draft, &file));
                written.map_err(|error| Refusal { permanent: false, reason: format!("{}: {error}", file.display()) })
            }
        }
    }
}

/// Sends what is due now, one after another, and says how many went.
///
/// # Errors
/// When the database refuses; a mail that can't be sent is no error, but noted in its row.
pub fn deliver_due(db: &Db, carrier: &Carrier, from: &Mailbox, clock: &Clock) -> Result<usize> {
    let (begun, mut gone) = (clock.now(), 0);
    while let Some(went) = deliver_one(db, carrier, from, clock, begun)? {
        gone += usize::from(went);
    }
    Ok(gone)
}

/// Tries one mail that was due at `begun`: whether it went, or `None` when there is none. A mail that fails is due later,
/// so a round ends however long its attempts take.
///
/// # Errors
/// As [`deliver_due`].
pub fn deliver_one(
    db: &Db,
    carrier: &Carrier,
    from: &Mailbox,
    clock: &Clock,
    begun: Timestamp,
) -> Result<Option<bool>> {
    let now = clock.now();
    let Some(mail) = db.write_here(move |tx| outbox::claim(tx, begun, now.plus(LEASE)))? else { return Ok(None) };
    // The builder panics on some malformed headers; one bad mail must not hold up the queue.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        if mail.is_over(now) {
            return Err(Refusal { reason: "its link was over before it could be sent".to_owned(), permanent: true });
        }
        compose(&mail, from).and_then(|message| carrier.carry(&mail, &message))
    }))
    .unwrap_or_else(|_| Err(Refusal { reason: "the mail could not be written".to_owned(), permanent: true }));
    let (filed, went, now) = (carrier.folder().is_some(), outcome.is_ok(), clock.now());
    db.write_here(move |tx| match outcome {
        Ok(()) if filed => outbox::set_state(tx, &mail.id, MailState::Filed, "", now),
        Ok(()) => outbox::sent(tx, &mail.id),
        Err(refusal) => {
            tracing::warn!(mail = %mail.id, attempt = mail.attempts + 1, reason = %refusal.reason, "mail not sent");
            let wait = usize::try_from(mail.attempts).ok().and_then(|attempt| WAITS.get(attempt)).copied();
            let given_up = refusal.permanent || mail.created_at.until(now) >= DAY;
            let state = if given_up { MailState::Failed } else { MailState::Waiting };
            outbox::set_state(tx, &mail.id, state, &refusal.reason, now.plus(wait.unwrap_or(60 * 60)))
        }
    })?;
    Ok(Some(went))
}

fn compose(mail: &Queued, from: &Mailbox) -> Result<Message, Refusal> {
    let refuse = |error: &dyn std::fmt::Display| Refusal { reason: error.to_string(), permanent: true };
    let recipient: Address = mail.recipient.parse().map_err(|error| refuse(&error))?;
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, recipient))
        .subject(&mail.subject)
        .date(std::time::UNIX_EPOCH + Duration::from_secs(mail.created_at.unix().unsigned_abs()))
        // The same id at every attempt: a server that took the mail and lost its answer sees the second as the first.
        .message_id(Some(format!("<{}@{}>", mail.id, from.email.domain())))
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(mail.text_body.clone(), mail.html_body.clone()))
        .map_err(|error| refuse(&error))
}

/// RFC 3834: no out-of-office answers, please.
#[derive(Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
