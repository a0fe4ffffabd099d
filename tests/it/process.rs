//! The program itself: how it starts, how it stops, and what a sudden end leaves behind.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use keystead::auth::SecretHash;
use keystead::clock::Clock;
use keystead::db::Db;
use keystead::db::schema::{audit_events, form_uses, outbox, token_secrets, tokens};
use keystead::users::{NewUser, create};

use crate::second_factor::App;
use crate::support::{
    ADMIN, Browser, Connection, Database, Engine, Folder, NOW, PASSWORD, Request, TestApp, on_both, read_issued,
};

const HOST: &str = "127.0.0.1:8080";

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keystead"));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KEYSTEAD_")) {
        command.env_remove(name);
    }
    // A free port; people would not come to it under that name.
    command.env("KEYSTEAD_LISTEN", "127.0.0.1:0").env("KEYSTEAD_BASE_URL", format!("http://{HOST}"));
    command
}

/// Runs it to its end, which must come soon.
fn run(command: &mut Command) -> Output {
    let child = command.spawn().expect("the program can be run");
    let id = child.id();
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    ended
        .recv_timeout(Duration::from_secs(20))
        .unwrap_or_else(|_| {
            signal(id, rustix::process::Signal::KILL);
            panic!("the program did not end")
        })
        .expect("the program ends")
}

/// Runs `keystead admin`, as an operator does, on the database of an instance.
pub fn admin(database: &Database, arguments: &[&str]) -> Output {
    let mut command = command(database.folder());
    run(command.env("KEYSTEAD_DATABASE_URL", database.url()).arg("admin").args(arguments))
}

fn signal(id: u32, signal: rustix::process::Signal) {
    let id = rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).expect("a process has an id");
    rustix::process::kill_process(id, signal).expect("the process is there");
}

/// Lines that a process writes, as they come.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<String>>);

impl Said {
    fn listen(stream: impl Read + Send + 'static) -> (Self, JoinHandle<()>) {
        let said = Self::default();
        let into = said.clone();
        let thread = std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                into.0.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        (said, thread)
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    /// Waits until what is looked for was said; nothing more comes once the reader has ended.
    fn wait_for<T>(&self, reader: &JoinHandle<()>, find: impl Fn(&str) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            let over = reader.is_finished() || started.elapsed() > Duration::from_secs(20);
            if let Some(found) = find(&self.text()) {
                return found;
            }
            assert!(!over, "only this was said: {}", self.text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A process that goes with the test, however that ends.
struct Process(Child);

impl Process {
    fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().expect("the program can be run"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A running instance.
struct Running {
    process: Process,
    address: SocketAddr,
    out: Said,
    log: Said,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        Self::listening(Process::spawn(command))
    }

    /// Waits until it listens.
    fn listening(mut process: Process) -> Self {
        let (out, out_reader) = Said::listen(process.0.stdout.take().unwrap());
        let (log, log_reader) = Said::listen(process.0.stderr.take().unwrap());
        let address = log.wait_for(&log_reader, |text| {
            let line = text.lines().find(|line| line.contains("Keystead is listening"))?;
            let value: serde_json::Value = serde_json::from_str(line).expect("a line of the log is JSON");
            Some(value["address"].as_str().expect("the address is named").parse().unwrap())
        });
        Self { process, address, out, log, readers: vec![out_reader, log_reader] }
    }

    fn browser(&self) -> Browser {
        Browser::new(self.address, HOST, &format!("http://{HOST}"))
    }

    fn setup_code(&self) -> String {
        let find = |text: &str| {
            let link = text.lines().map(str::trim).find(|line| line.contains("/setup?code="))?;
            Some(link.split_once("?code=")?.1.to_owned())
        };
        self.out.wait_for(&self.readers[0], find)
    }

    fn set_up(&self) -> Browser {
        let mut browser = self.browser();
        let form = browser
            .open(&format!("/setup?code={}", self.setup_code()))
            .form("/setup")
            .set("email", ADMIN)
            .set("first_name", "Ada")
            .set("password", PASSWORD)
            .set("confirm", PASSWORD);
        browser.submit(&form).expect_lead("/settings/profile");
        browser
    }

    fn kill(&mut self) {
        self.process.0.kill().expect("it can be killed");
        self.process.0.wait().expect("it is dead");
    }

    /// Asks it to stop, and waits: its exit code and all it said.
    fn stop(mut self) -> (Option<i32>, String, String) {
        signal(self.process.0.id(), rustix::process::Signal::TERM);
        let status = self.process.0.wait().expect("it stops");
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        (status.code(), self.out.text(), self.log.text())
    }
}

/// In an empty folder, with nothing configured: a data folder, a key that nobody else reads, and the link.
#[test]
fn an_empty_folder_is_enough() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let running = Running::start(&mut command(folder.path()));
    let code = running.setup_code();
    assert!(running.out.text().contains(&format!("http://{HOST}/setup?code={code}")));
    assert!(!running.log.text().contains(&code), "the log is no place for it");
    running.set_up().create_token("bot", &["channels:read"]);
    let data = folder.path().join("data");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&data), mode(&data.join("secret.key"))), (0o700, 0o600));
    assert!(data.join("keystead.sqlite").exists());
    // The mail becomes a file by itself.
    let started = Instant::now();
    while std::fs::read_dir(data.join("mail"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "eml"))
        .count()
        == 0
    {
        assert!(started.elapsed() < Duration::from_secs(10), "no mail was filed");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (status, _, log) = running.stop();
    assert_eq!(status, Some(0), "{log}");
    assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log}");
    assert!(log.contains("not marked Secure"), "plain http is said loudly");

    // Started again it knows everybody, and offers no setup.
    let again = Running::start(&mut command(folder.path()));
    again.browser().sign_in(ADMIN, PASSWORD);
    assert!(!again.out.text().contains("setup"));
}

/// Killed in the middle of fifty creations: none that was answered is lost, and none is there by half.
/// Covers: FC-01, AC-109
fn a_kill_loses_nothing_that_was_answered(engine: Engine) {
    let database = Database::new(engine);
    let folder = database.folder().to_owned();
    let users = ["one@example.com", "two@example.com"];
    {
        let hash = TestApp::start(Engine::Sqlite).hash(PASSWORD);
        let db = Db::open(&database.url()).unwrap();
        for (index, email) in users.iter().enumerate() {
            let new = NewUser {
                email: (*email).to_owned(),
                first_name: "Bob".to_owned(),
                last_name: String::new(),
                password_hash: Some(hash.clone()),
                is_administrator: index == 0,
            };
            db.write_here(move |tx| create(tx, &new, NOW)).unwrap();
        }
    }
    let start = || Running::start(command(&folder).env("KEYSTEAD_DATABASE_URL", database.url()));
    let mut running = start();
    let answered: Mutex<Vec<(String, String)>> = Mutex::default();
    let browsers: Vec<Browser> = users
        .iter()
        .map(|email| {
            let mut browser = running.browser();
            browser.sign_in(email, PASSWORD);
            browser
        })
        .collect();
    let forms: Vec<Vec<_>> = browsers
        .iter()
        .map(|browser| {
            let mut browser = browser.clone();
            (0..25).map(|index| browser.token_form(&format!("bot {index}"), &["channels:read"])).collect()
        })
        .collect();
    let address = running.address;
    std::thread::scope(|scope| {
        for (browser, forms) in browsers.iter().zip(&forms) {
            for half in forms.chunks(13) {
                let answered = &answered;
                scope.spawn(move || {
                    for form in half {
                        let mut request = browser.request(form);
                        let cookies: Vec<String> =
                            browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
                        request = request.header("Cookie", &cookies.join("; "));
                        let Ok(stream) = std::panic::catch_unwind(|| Connection::open(address, HOST)) else { return };
                        let mut stream = stream;
                        match stream.send(&request) {
                            Ok(answer) if answer.status == 200 => {
                                let issued = read_issued(&crate::support::Page::new(&form.action, answer));
                                answered.lock().unwrap().push(issued);
                            }
                            Ok(answer) => panic!("{} {}", answer.status, answer.text()),
                            Err(_) => return,
                        }
                    }
                });
            }
        }
        while answered.lock().unwrap().len() < 20 {
            std::thread::sleep(Duration::from_millis(1));
        }
        running.kill();
    });
    let answered = answered.into_inner().unwrap();
    assert!((20..50).contains(&answered.len()), "it was killed in the middle: {}", answered.len());

    // Whole without any repair: it starts, soon, and every secret that was answered works.
    let started = Instant::now();
    let running = start();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    for (id, secret) in &answered {
        let answer =
            Connection::open(running.address, HOST).send(&Request::get("/api/v1/tokens/self").bearer(secret)).unwrap();
        assert_eq!((answer.status, answer.json()["id"].as_str()), (200, Some(id.as_str())));
    }
    drop(running);
    are_whole(&Db::open(&database.url()).unwrap(), &answered);
}

/// Every token has its one secret, its log entry, its mail and its form's mark, or nothing of all that.
fn are_whole(db: &Db, answered: &[(String, String)]) {
    let made: BTreeSet<String> =
        db.read_here(|c| Ok(tokens::table.select(tokens::id).load(c)?)).unwrap().into_iter().collect();
    let with_secret: Vec<String> =
        db.read_here(|c| Ok(token_secrets::table.select(token_secrets::token_id).load(c)?)).unwrap();
    let logged: Vec<String> = db
        .read_here(|c| {
            let created = audit_events::table.filter(audit_events::action.eq("token.created"));
            Ok(created.select(audit_events::subject_id).load(c)?)
        })
        .unwrap();
    let used: Vec<String> = db.read_here(|c| Ok(form_uses::table.select(form_uses::made).load(c)?)).unwrap();
    for list in [&with_secret, &logged, &used] {
        assert_eq!(list.len(), made.len());
        assert_eq!(&list.iter().cloned().collect::<BTreeSet<_>>(), &made);
    }
    let mails: i64 = db.read_here(|c| Ok(outbox::table.count().get_result(c)?)).unwrap();
    assert_eq!(usize::try_from(mails).unwrap(), made.len());
    for (id, secret) in answered {
        let hash = SecretHash::of(secret);
        let id = id.clone();
        let kept = db.read_here(move |c| {
            let this = token_secrets::table.filter(token_secrets::hash.eq(hash)).filter(token_secrets::token_id.eq(id));
            Ok(this.count().get_result::<i64>(c)?)
        });
        assert_eq!(kept.unwrap(), 1);
    }
}

/// Asked to stop while requests are under way: each is answered, then it goes, in peace.
/// Covers: FC-36
fn a_stop_lets_requests_finish(engine: Engine) {
    let database = Database::new(engine);
    let running = Running::start(command(database.folder()).env("KEYSTEAD_DATABASE_URL", database.url()));
    let mut ada = running.set_up();
    let verifier = ada.make_verifier("billing");
    let (_, secret) = ada.create_token("bot", &["channels:read"]);
    // A request whose body is still on its way, and a connection that is kept alive.
    let body = format!("{{\"token\":\"{secret}\"}}");
    let mut slow = Connection::open(running.address, HOST);
    let head = format!(
        "POST /api/v1/verify HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {verifier}\r\n\
         Content-Length: {}\r\n\r\n{}",
        body.len(),
        &body[..10]
    );
    slow.write(head.as_bytes()).unwrap();
    let mut kept = Connection::open(running.address, HOST);
    let question = Request::post("/api/v1/verify")
        .bearer(&verifier)
        .header("Connection", "keep-alive")
        .json(&serde_json::json!({ "token": secret }));
    assert_eq!(kept.send(&question).unwrap().json()["code"], "VALID");
    let address = running.address;
    let stopping = std::thread::spawn(move || {
        let started = Instant::now();
        (running.stop(), started.elapsed())
    });
    std::thread::sleep(Duration::from_millis(400));
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody new is let in");
    slow.write(&body.as_bytes()[10..]).unwrap();
    assert_eq!(slow.read("POST").unwrap().json()["code"], "VALID");
    let ((status, _, log), took) = stopping.join().unwrap();
    assert_eq!(status, Some(0), "{log}");
    assert!(took < Duration::from_secs(16), "{took:?}");
    assert!(log.contains("stopping: requests under way may finish") && log.contains("\"stopped\""), "{log}");
    // What was only in memory is written: the token was used.
    let db = Db::open(&database.url()).unwrap();
    let used = db.read_here(|c| {
        let used = token_secrets::table.filter(token_secrets::last_used_at.is_not_null());
        Ok(used.count().get_result::<i64>(c)?)
    });
    assert_eq!(used.unwrap(), 1);
}

/// Several that start at the same moment on the same empty database: all come up, on one set of tables.
/// Covers: FC-27
fn starts_at_once_migrate_once(engine: Engine) {
    for _ in 0..3 {
        let database = Database::new(engine);
        let mut command = command(database.folder());
        command.env("KEYSTEAD_DATABASE_URL", database.url());
        let started: Vec<Process> = (0..4).map(|_| Process::spawn(&mut command)).collect();
        let all: Vec<Running> = started.into_iter().map(Running::listening).collect();
        let codes: BTreeSet<String> = all.iter().map(Running::setup_code).collect();
        assert_eq!(codes.len(), all.len(), "each printed a code of its own");
        // They share the key: a session of one is one of the others.
        let mut ada = all[0].set_up();
        let mut there = all[3].browser();
        there.cookies = ada.cookies.clone();
        there.open("/settings/profile");
        ada.sign_out();
        there.get("/settings/profile").expect_lead("/login?next=%2Fsettings%2Fprofile");
    }
}

/// Whatever is wrong with the settings: no start, code 78, and one line that says how to mend it.
/// Covers: FC-41
#[test]
fn bad_settings_are_told_in_one_line() {
    let folder = Folder::new();
    let file = folder.path().join("keystead.toml");
    for (text, variable, wanted) in [
        ("lisen = \"x\"", None, "lisen (in keystead.toml): there is no such setting; did you mean listen?"),
        ("listen = ", None, "keystead.toml, line 1: "),
        ("[tokens]\nmax_days = \"many\"", None, "tokens.max_days (in keystead.toml): \"many\" is not from 1 to 36500"),
        (
            "",
            Some(("KEYSTEAD_WORKERS", "0")),
            "workers (from KEYSTEAD_WORKERS in the environment): \"0\" is not from 1 to 1024",
        ),
        ("", Some(("KEYSTEAD_NONSENSE", "1")), "KEYSTEAD_NONSENSE: there is no such setting in the environment"),
        ("", Some(("KEYSTEAD_BASE_URL", "http://accounts.example.com")), "base_url: "),
        (
            "",
            Some(("KEYSTEAD_DATABASE_URL", "mysql://u:hush@h/d")),
            "database_url (from KEYSTEAD_DATABASE_URL in the environment)",
        ),
        (
            "",
            Some(("KEYSTEAD_MAIL_SMTP_URL", "smtps://u:hush@[")),
            "mail.smtp_url (from KEYSTEAD_MAIL_SMTP_URL in the environment)",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        for arguments in [&["serve"][..], &[], &["check-config"]] {
            let mut command = command(folder.path());
            let output = run(command.args(arguments).envs(variable));
            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(78), "{arguments:?}: {told}");
            assert_eq!(told.lines().count(), 1, "{told}");
            assert!(told.starts_with(&format!("keystead: {wanted}")), "{told}");
            assert!(!told.contains("hush") && output.stdout.is_empty(), "{told}");
        }
    }
    assert!(!folder.path().join("data").exists(), "nothing was begun");
    std::fs::write(&file, "product_name = \"Acme\"").unwrap();
    let output = run(command(folder.path()).arg("check-config"));
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"The settings are right.\n"[..]));
    let output = run(command(folder.path()).args(["--config", "elsewhere.toml", "check-config"]));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.lines().count()), (Some(78), 1));
    assert!(told.starts_with("keystead: elsewhere.toml cannot be read"), "{told}");
}

/// Covers: FC-41
#[test]
fn what_stands_in_the_way_of_a_start_is_told_in_one_line() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let told = |name: &str, value: &str, code: i32, wanted: &str| {
        for arguments in [&["serve"][..], &["check-config"]] {
            let output = run(command(folder.path()).args(arguments).env(name, value));
            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(told.lines().count(), 1, "{told}");
            assert!(told.contains(wanted) && !told.contains("hush"), "{told}");
            // A port in use is most likely Keystead itself, whose next settings are being checked.
            if name == "KEYSTEAD_LISTEN" && arguments == ["check-config"] {
                assert_eq!(output.status.code(), Some(0), "{told}");
            } else {
                assert!(told.starts_with("keystead: "), "{told}");
                assert_eq!(output.status.code(), Some(code), "{told}");
            }
        }
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    told("KEYSTEAD_LISTEN", &address, 78, &format!("listen: {address} "));
    std::fs::write(folder.path().join("file"), "").unwrap();
    told("KEYSTEAD_DATA_DIR", "file", 78, "data_dir: ");
    let key = folder.path().join("weak.key");
    let name = key.display().to_string();
    std::fs::write(&key, "0".repeat(64)).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    told("KEYSTEAD_SECRET_KEY_FILE", &name, 78, "run chmod 600");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(&key, "short").unwrap();
    told("KEYSTEAD_SECRET_KEY_FILE", &name, 78, "64 hexadecimal digits");
    // A database that is away may come back: another code, by which whoever supervises the program knows to try again.
    let damaged = folder.path().join("damaged.sqlite");
    std::fs::write(&damaged, "this is no database".repeat(100)).unwrap();
    told("KEYSTEAD_DATABASE_URL", &format!("sqlite:{}", damaged.display()), 1, "database_url: ");
    told("KEYSTEAD_DATABASE_URL", "postgres://u:hush@127.0.0.1:1/d", 1, "database_url: ");
}

/// A whole journey while everything is logged that can be: no secret is in what it wrote.
/// Covers: AC-039, AC-100
fn no_secret_is_ever_logged(engine: Engine) {
    let database = Database::new(engine);
    let running = Running::start(
        command(database.folder())
            .env("KEYSTEAD_DATABASE_URL", database.url())
            .env("KEYSTEAD_LOG_FILTER", "trace")
            .env("KEYSTEAD_PRODUCT_NAME", "Acme")
            // Nobody listens there: the failure is logged, too.
            .env("KEYSTEAD_MAIL_SMTP_URL", "smtp://keystead:hushed-Mail-password-1@127.0.0.1:1"),
    );
    let code = running.setup_code();
    let mut ada = running.set_up();
    let mut secrets = vec![code, PASSWORD.to_owned(), ada.session(), "hushed-Mail-password-1".to_owned()];
    ada.sign_out();
    ada.try_sign_in(ADMIN, "wrong-Password-1").expect(422);
    ada.try_sign_in("typed-into-the-wrong-field-Pass-1", "x").expect(422);
    ada.sign_in(ADMIN, PASSWORD);
    secrets.extend(["wrong-Password-1".to_owned(), "typed-into-the-wrong-field-Pass-1".to_owned(), ada.session()]);
    let form = ada.token_form("bot\u{1f916}", &["channels:read"]);
    secrets.extend([
        form.value("csrf"),
        ada.cookies.get("keystead_form").cloned().unwrap_or_else(|| "no such cookie".to_owned()),
    ]);
    let page = ada.submit(&form).expect(200);
    let (id, secret) = read_issued(&page);
    let file = page.form(&format!("/settings/tokens/{id}/file"));
    ada.submit(&file).expect(200);
    ada.submit(&file.clone().without("csrf")).expect(403);
    let verifier = ada.make_verifier("billing");
    let send = |request: &Request| Connection::open(running.address, HOST).send(request).unwrap();
    for (path, credential) in
        [("/api/v1/verify", &verifier), ("/api/v1/verify", &secret), ("/oauth2/introspect", &verifier)]
    {
        send(&Request::post(path).bearer(credential).json(&serde_json::json!({ "token": secret })));
        send(&Request::post(path).bearer(credential).form(&[("token", &secret)]));
    }
    send(&Request::get("/api/v1/tokens/self").bearer(&secret));
    send(&Request::get(&format!("/api/v1/tokens/{secret}")).bearer(&secret));
    send(&Request::get(&format!("/login?next=/{secret}&password={PASSWORD}")));
    send(&Request::get("/login").header("User-Agent", "x\u{1b}[31m\\r\\n{\"level\":\"ERROR\"}"));
    let form = ada.open("/settings/security").form("/settings/security/password");
    let form =
        form.set("current", PASSWORD).set("password", "another-Tin-roof-78").set("confirm", "another-Tin-roof-78");
    ada.submit(&form).expect(303);
    secrets.extend([secret, verifier, "another-Tin-roof-78".to_owned(), ada.session()]);
    ada.get("/settings/tokens/%00").expect(400);
    secrets.extend(other_secrets(&running, &database, &mut ada, "another-Tin-roof-78"));
    let (status, out, log) = running.stop();
    assert_eq!(status, Some(0));
    assert!(log.contains("127.0.0.1:1") || log.contains("onnection refused"), "no mail was tried");
    assert!(log.lines().count() > 20 && log.contains("\"TRACE\""), "{log}");
    assert_eq!(out.matches("code=").count(), 1);
    for secret in secrets {
        let bare = secret.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/");
        // The key alone, without its signature, and the random part of a token.
        let end = &bare[bare.len().saturating_sub(32)..];
        let hit = log.lines().find(|line| line.contains(&secret) || line.contains(end));
        assert_eq!(hit, None, "{secret}");
    }
    assert!(
        log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "each line is one JSON object"
    );
}

/// Makes and uses whatever is secret beside passwords, sessions and tokens.
fn other_secrets(running: &Running, database: &Database, ada: &mut Browser, password: &str) -> Vec<String> {
    let send = |request: Request| Connection::open(running.address, HOST).send(&request).unwrap();
    let (_, key) = ada.create_key("program", &[]);
    send(Request::get("/api/v1/tokens/self").bearer(&key));
    // A terminal, from its codes to its login.
    let asked = send(Request::post("/oauth2/device_authorization").form(&[("client_id", "keystead")])).json();
    let [device_code, user_code] = ["device_code", "user_code"].map(|name| asked[name].as_str().unwrap().to_owned());
    let found = ada.submit(&ada.clone().open("/device").form("/device").set("user_code", &user_code));
    let question = ada.follow(&found);
    ada.submit(&question.form("/device/terminal")).expect_lead("/settings/security");
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
    let fetch = [grant, ("device_code", &device_code), ("client_id", "keystead")];
    let terminal =
        send(Request::post("/oauth2/token").form(&fetch)).json()["access_token"].as_str().unwrap().to_owned();
    send(Request::get("/api/v1/tokens").bearer(&terminal));
    // A second factor, and what stands in for it.
    let page = ada.open("/settings/security/second-factor");
    let (app_secret, phone) = (page.one("#app-secret").replace(' ', ""), App::scan(&page));
    let form = page.form("/settings/security/second-factor").set("code", &phone.code_at(Clock::system().now().unix()));
    let codes: Vec<String> = ada.submit(&form).expect(200).one("#codes").split(' ').map(str::to_owned).collect();
    let mut other = running.browser();
    let lead = other.try_sign_in(ADMIN, password).expect_lead("/login/second-factor");
    let question = other.follow(&lead);
    for code in ["0000-0000-0000-0000", &codes[0]] {
        let form = question.form_with("/login/second-factor", "recovery_code").set("recovery_code", code);
        other.submit(&form);
    }
    // Links.
    let invitation = ada.invite("bob@example.com");
    running.browser().forget(ADMIN).expect(200);
    let db = Db::open(&database.url()).unwrap();
    let mails: Vec<String> = db.read_here(|c| Ok(outbox::table.select(outbox::text_body).load(c)?)).unwrap();
    let mail = mails.iter().find(|text| text.contains("/password/reset/")).expect("a mail with a link");
    let reset = mail[mail.find("/password/reset/").unwrap()..].split_whitespace().next().unwrap().to_owned();
    for link in [&invitation, &reset] {
        let form = running.browser().open(link).form(link);
        running.browser().submit(&form).expect(403);
    }
    let links = [invitation, reset].map(|link| link.rsplit('/').next().unwrap().to_owned());
    let undashed = codes.iter().chain([&user_code]).map(|code| code.replace('-', "")).collect::<Vec<_>>();
    [codes, undashed, links.to_vec(), vec![key, device_code, user_code, terminal, app_secret]].concat()
}

/// The command line makes a verifier while the instance runs.
/// Covers: AC-068
fn an_operator_makes_a_verifier(engine: Engine) {
    let database = Database::new(engine);
    let with = |command: &mut Command| {
        command.env("KEYSTEAD_DATABASE_URL", database.url());
        run(command)
    };
    let folder = database.folder();
    let output = with(command(folder).args(["admin", "create-verifier", "billing"]));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let credential = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert!(credential.starts_with("kst_ver_") && credential.len() == 44, "{credential}");
    let again = with(command(folder).args(["admin", "create-verifier", "billing"]));
    let told = String::from_utf8(again.stderr).unwrap();
    assert!(again.status.code() == Some(1) && again.stdout.is_empty(), "{told}");
    assert!(told.starts_with("keystead: there is a verifier called \"billing\" already"), "{told}");
    for bad in ["", "a\u{202e}b"] {
        assert_eq!(with(command(folder).args(["admin", "create-verifier", bad])).status.code(), Some(1));
    }
    let running = Running::start(command(folder).env("KEYSTEAD_DATABASE_URL", database.url()));
    let mut ada = running.set_up();
    let (_, secret) = ada.create_token("bot", &["channels:read"]);
    let question = Request::post("/api/v1/verify").bearer(&credential).json(&serde_json::json!({ "token": secret }));
    assert_eq!(Connection::open(running.address, HOST).send(&question).unwrap().json()["code"], "VALID");
    let page = ada.open("/admin/verifiers");
    assert_eq!(page.texts("tbody .cell-main"), ["billing"]);
}

/// The command line makes a link to a new password while the instance runs.
fn an_operator_makes_a_link_to_a_new_password(engine: Engine) {
    let database = Database::new(engine);
    let folder = database.folder();
    let running = Running::start(command(folder).env("KEYSTEAD_DATABASE_URL", database.url()));
    let mut ada = running.set_up();
    let link_for = |email: &str| {
        let mut command = command(folder);
        run(command.env("KEYSTEAD_DATABASE_URL", database.url()).args(["admin", "reset-password", email]))
    };
    let unknown = link_for("nobody@example.com");
    let told = String::from_utf8(unknown.stderr).unwrap();
    assert!(unknown.status.code() == Some(1) && unknown.stdout.is_empty(), "{told}");
    assert!(told.starts_with("keystead: there is no account with the address \"nobody@example.com\""), "{told}");
    let output = link_for(crate::support::ADMIN);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let link = String::from_utf8(output.stdout).unwrap();
    let at = link.find("/password/reset/").expect("a link");
    assert!(link.starts_with("http") && link.lines().count() == 1, "{link}");
    let path = link[at..].trim();
    let mut browser = ada.clone();
    browser.cookies.clear();
    let form = browser.open(path).form(path).set("password", "another-Tin-roof-78");
    browser.submit(&form.set("confirm", "another-Tin-roof-78")).expect_lead("/login");
    ada.get("/settings/profile").expect(303);
    browser.sign_in(crate::support::ADMIN, "another-Tin-roof-78");
}

/// The clock of a running process, moved by libfaketime; the one that its timers go by stays as it is.
struct FakeClock {
    library: String,
    file: PathBuf,
    ahead: std::cell::Cell<f64>,
}

impl FakeClock {
    fn new(folder: &Path) -> Self {
        let asked = Command::new("faketime").args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]).output();
        let asked = asked.unwrap_or_else(|_| panic!("run scripts/test --only rust, or apt-get install faketime"));
        let clock = Self {
            library: String::from_utf8(asked.stdout).unwrap().trim().to_owned(),
            file: folder.join("ahead"),
            ahead: std::cell::Cell::new(0.0),
        };
        assert!(clock.library.contains("libfaketime"), "{}", clock.library);
        clock.move_ahead(0.0);
        clock
    }

    fn of<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }

    fn move_ahead(&self, seconds: f64) {
        self.ahead.set(seconds);
        // Renamed into place: it is read at any moment.
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{seconds:+.3}\n")).unwrap();
        std::fs::rename(&new, &self.file).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "what is moved is the system's clock")]
    fn now(&self) -> f64 {
        let real = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        real.as_secs_f64() + self.ahead.get()
    }

    /// Goes to a moment.
    fn go_to(&self, moment: f64) {
        self.move_ahead(self.ahead.get() + moment - self.now());
    }

    /// Something holds until a second and no longer, as the clock goes by.
    #[track_caller]
    fn ends_at(&self, second: i64, what: &str, mut holds: impl FnMut() -> bool) {
        let end = f64::from(i32::try_from(second).unwrap());
        self.go_to(end - 1.5);
        assert!(holds(), "{what} is over too early");
        loop {
            let before = self.now();
            if !holds() {
                assert!(self.now() >= end, "{what} is over {} s too early", end - self.now());
                return;
            }
            assert!(before < end, "{what} still holds {} s later", before - end);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The whole, as it runs, while the system's clock moves: what shall end ends at its second, by the server's word alone.
/// Covers: AC-027, AC-031, AC-060
#[test]
fn what_ends_ends_at_its_second() {
    use keystead::db::schema::{links, sessions};
    let database = Database::new(Engine::Sqlite);
    let folder = database.folder();
    let clock = FakeClock::new(folder);
    let with = |command: &mut Command| run(clock.of(command.env("KEYSTEAD_DATABASE_URL", database.url())));
    let running = Running::start(clock.of(command(folder).env("KEYSTEAD_DATABASE_URL", database.url())));
    let mut ada = running.set_up();
    let (_, secret) = ada.create_token("bot", &["channels:read"]);
    let [mut idle, mut idler] = [0, 1].map(|_| {
        let mut browser = running.browser();
        browser.sign_in(ADMIN, PASSWORD);
        browser
    });
    let made = with(command(folder).args(["admin", "reset-password", ADMIN]));
    let link = String::from_utf8(made.stdout).unwrap();
    let link = link[link.find("/password/reset/").expect("a link")..].trim().to_owned();
    let db = Db::open(&database.url()).unwrap();
    let logins: Vec<(i64, i64)> = db
        .read_here(|c| {
            let columns = (sessions::confirmed_until, sessions::seen_at);
            Ok(sessions::table.order(sessions::id).select(columns).load(c)?)
        })
        .unwrap();
    let link_ends: i64 = db.read_here(|c| Ok(links::table.select(links::expires_at).first(c)?)).unwrap();
    let token_ends: Option<i64> =
        db.read_here(|c| Ok(token_secrets::table.select(token_secrets::expires_at).first(c)?)).unwrap();

    clock.ends_at(logins[0].0, "the confirmation", || ada.get("/settings/tokens/new").status == 200);
    // Each is looked at once, since looking is using.
    clock.go_to(f64::from(i32::try_from(logins[1].1).unwrap()) + 3600.0 - 0.7);
    idle.open("/settings/profile");
    clock.go_to(f64::from(i32::try_from(logins[2].1).unwrap()) + 3600.0);
    idler.get("/settings/profile").expect_lead("/login?next=%2Fsettings%2Fprofile");
    let mut stranger = running.browser();
    clock.ends_at(link_ends, "the link", || stranger.get(&link).status == 200);
    let bearer = Request::get("/api/v1/tokens/self").bearer(&secret);
    let ask = || Connection::open(running.address, HOST).send(&bearer).unwrap().status == 200;
    clock.ends_at(token_ends.expect("it ends"), "the token", ask);
    // The cookies were kept for as long as the browser liked.
    for browser in [&mut ada, &mut idle] {
        browser.get("/settings/profile").expect_lead("/login?next=%2Fsettings%2Fprofile");
    }
    ada.sign_in(ADMIN, PASSWORD);
    let (status, _, log) = running.stop();
    assert_eq!(status, Some(0), "{log}");
    assert!(!log.contains("\"ERROR\""), "{log}");
}

/// A new key takes over: what the old one sealed opens, is sealed anew, and the old line can go.
/// Covers: FC-31
fn a_new_key_takes_over(engine: Engine) {
    let database = Database::new(engine);
    let folder = database.folder();
    let command = || {
        let mut command = command(folder);
        command.env("KEYSTEAD_DATABASE_URL", database.url());
        command
    };
    let running = Running::start(&mut command());
    let mut ada = running.set_up();
    let page = ada.open("/settings/security/second-factor");
    let (phone, start) = (App::scan(&page), Clock::system().now().unix());
    let form = page.form("/settings/security/second-factor").set("code", &phone.code_at(start));
    ada.submit(&form).expect(200);
    running.stop();

    let key_file = folder.join("data/secret.key");
    let before = std::fs::read_to_string(&key_file).unwrap();
    let rotated = run(command().arg("rotate-key"));
    assert_eq!(rotated.status.code(), Some(0), "{}", String::from_utf8_lossy(&rotated.stderr));
    let both = std::fs::read_to_string(&key_file).unwrap();
    let lines: Vec<&str> = both.lines().collect();
    assert!(lines.len() == 2 && lines[1] == before.trim() && lines[0] != lines[1]);

    let running = Running::start(&mut command());
    assert!(running.log.text().contains("sealed with the new key"), "{}", running.log.text());
    let mut again = running.browser();
    again.cookies.clone_from(&ada.cookies);
    again.get("/settings/profile").expect(303);
    let lead = again.try_sign_in(crate::support::ADMIN, PASSWORD).expect_lead("/login/second-factor");
    let page = again.follow(&lead);
    // The next step: the one of the enrolment is used up.
    let form = page.form_with("/login/second-factor", "code").set("code", &phone.code_at(start + 30));
    again.submit(&form).expect_lead("/settings/profile");
    running.stop();

    std::fs::write(&key_file, lines[0]).unwrap();
    let running = Running::start(&mut command());
    assert!(!running.log.text().contains("not in the key file"), "{}", running.log.text());
    running.stop();
    std::fs::write(&key_file, before).unwrap();
    let refused = run(&mut command());
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("secret_key_file: this is not the key that the database was set up with"), "{told}");
}

/// A database that a newer version wrote is left alone.
/// Covers: FC-29
fn a_newer_database_is_left_alone(engine: Engine) {
    let database = Database::new(engine);
    drop(Db::open(&database.url()).unwrap());
    let db = Db::open(&database.url()).unwrap();
    db.write_here(|tx| {
        use diesel::connection::SimpleConnection;
        Ok(tx.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')")?)
    })
    .unwrap();
    drop(db);
    let output = run(command(database.folder()).env("KEYSTEAD_DATABASE_URL", database.url()));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code().is_some_and(|code| code != 0) && told.lines().count() == 1, "{told}");
    assert!(told.contains("written by a newer version of Keystead (migration 9999)"), "{told}");
}

on_both!(
    a_kill_loses_nothing_that_was_answered,
    a_stop_lets_requests_finish,
    starts_at_once_migrate_once,
    no_secret_is_ever_logged,
    an_operator_makes_a_verifier,
    an_operator_makes_a_link_to_a_new_password,
    a_new_key_takes_over,
    a_newer_database_is_left_alone,
);
