//! The application under test: the very one that `main` builds, with a clock that stands and chores that run when the
//! test says so.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use diesel::connection::{Connection as _, SimpleConnection};
use diesel::prelude::*;
use keystead::app::{self, Instance};
use keystead::auth::PlainSecret;
use keystead::catalogue::Role;
use keystead::clock::{Clock, Timestamp};
use keystead::config::Config;
use keystead::db::schema::{audit_events, invitations, members, organizations, outbox, users};
use keystead::db::{Connection, Engine, Tx};
use keystead::error::Result;
use keystead::ids::{UserId, ulid};
use keystead::organizations::join;
use keystead::organizations::roles::Choice;
use keystead::users::{NewUser, create};

use super::browser::{Browser, PASSWORD};
use super::http::{self, Request, Response};

/// When the tests happen: 2026-11-22 00:06:00 UTC.
pub const NOW: Timestamp = Timestamp::from_unix(1_795_305_960);

/// Whom [`TestApp::set_up`] makes.
pub const ADMIN: &str = "ada@example.com";

/// A folder that goes when the test ends.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("keystead-it-{}", ulid()));
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// An empty database of one test's own: a file, or a schema that goes when the test ends.
pub struct Database {
    schema: Option<(String, String)>,
    folder: Folder,
}

impl Database {
    pub fn new(engine: Engine) -> Self {
        let folder = Folder::new();
        let schema = (engine == Engine::Postgres).then(|| {
            let server = std::env::var("KEYSTEAD_TEST_POSTGRES_URL")
                .unwrap_or_else(|_| panic!("run scripts/test --only rust, or set KEYSTEAD_TEST_POSTGRES_URL"));
            let name = format!("it_{}", ulid());
            at_server(&server, &format!("CREATE SCHEMA {name}"));
            (server, name)
        });
        Self { schema, folder }
    }

    /// The setting `database_url`.
    pub fn url(&self) -> String {
        match &self.schema {
            None => format!("sqlite:{}", self.folder.path().join("keystead.sqlite").display()),
            Some((server, schema)) => {
                let joint = if server.contains('?') { '&' } else { '?' };
                format!("{server}{joint}options=-csearch_path%3D{schema}")
            }
        }
    }

    /// The settings of an instance on it: a data folder beside it, a free port, and a name under which nobody reaches
    /// that port, since the tests' clients need no name.
    pub fn config(&self) -> Config {
        let file = self.folder().join("keystead.toml");
        std::fs::write(&file, "").expect("a file can be written");
        let data = self.folder().join("data").display().to_string();
        let environment = [
            ("LISTEN", "127.0.0.1:0".to_owned()),
            ("BASE_URL", "http://127.0.0.1:8080".to_owned()),
            ("DATA_DIR", data),
            ("DATABASE_URL", self.url()),
            ("WORKERS", "2".to_owned()),
        ];
        let environment = environment.map(|(name, value)| (format!("KEYSTEAD_{name}"), value));
        Config::load(Some(&file), environment).expect("the settings are right")
    }

    /// A folder beside it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((server, schema)) = &self.schema {
            at_server(server, &format!("SET lock_timeout = '10s'; DROP SCHEMA {schema} CASCADE"));
        }
    }
}

fn at_server(url: &str, sql: &str) {
    let mut connection = PgConnection::establish(url).expect("KEYSTEAD_TEST_POSTGRES_URL can be connected to");
    connection.batch_execute("SET client_min_messages = warning").expect("the server takes settings");
    connection.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// A log entry, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub action: String,
    pub actor_kind: String,
    pub actor_id: String,
    pub user_id: Option<String>,
    pub subject_id: String,
    pub subject_name: String,
    pub detail: String,
    pub address: String,
    pub agent: String,
    pub at: Timestamp,
}

type EntryRow = ((String, String, String, Option<String>, String), (String, String, String, String, Timestamp));

impl From<EntryRow> for Entry {
    fn from(row: EntryRow) -> Self {
        let ((action, actor_kind, actor_id, user_id, subject_id), (subject_name, detail, address, agent, at)) = row;
        Self { action, actor_kind, actor_id, user_id, subject_id, subject_name, detail, address, agent, at }
    }
}

/// A mail, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Mail {
    pub id: String,
    pub recipient: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub state: String,
    pub attempts: i64,
    pub reason: String,
}

pub struct TestApp {
    pub instance: Arc<Instance>,
    pub address: SocketAddr,
    pub setup_link: Option<String>,
    server: ServerHandle,
    thread: Option<JoinHandle<()>>,
    pub database: Arc<Database>,
}

impl TestApp {
    /// As an operator who sets nothing gets it.
    pub fn start(engine: Engine) -> Self {
        Self::with(engine, |_| ())
    }

    /// With settings of the test's own.
    pub fn with(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        Self::on(Database::new(engine), Clock::fixed(NOW), change)
    }

    /// On a database that is there already.
    pub fn on(database: Database, clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = database.config();
        change(&mut config);
        Self::run(Arc::new(database), clock, config)
    }

    /// A second instance on the same database, with the same key and the same clock.
    pub fn beside(&self) -> Self {
        self.beside_with(|_| ())
    }

    /// The same with other settings.
    pub fn beside_with(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.instance.config.clone();
        change(&mut config);
        Self::run(Arc::clone(&self.database), self.instance.clock.clone(), config)
    }

    fn run(database: Arc<Database>, clock: Clock, config: Config) -> Self {
        let (sender, started) = channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = app::build(config, clock).expect("the application starts");
                // Chores run when a test calls them, so that nothing happens between two looks at a row.
                drop(app.background);
                sender
                    .send((app.instance, app.address, app.setup_link, app.server.handle()))
                    .expect("the test waits for the application");
                app.server.await.expect("the server ends in peace");
            });
        });
        let (instance, address, setup_link, server) = started.recv().expect("the application starts");
        Self { instance, address, setup_link, server, thread: Some(thread), database }
    }

    /// Whether it runs on SQLite.
    pub fn is_sqlite(&self) -> bool {
        self.instance.config.database().starts_with("sqlite:")
    }

    /// `scheme://host` of the base URL.
    pub fn origin(&self) -> String {
        self.instance.config.absolute("")
    }

    /// The `Host` that browsers send.
    pub fn host(&self) -> String {
        self.origin().split_once("://").expect("an origin has a scheme").1.to_owned()
    }

    /// Sends a request as it is, over a connection of its own.
    #[track_caller]
    pub fn send(&self, request: &Request) -> Response {
        self.connect().send(request).expect("an answer")
    }

    pub fn connect(&self) -> http::Connection {
        http::Connection::open(self.address, &self.host())
    }

    /// A browser without any cookie.
    pub fn browser(&self) -> Browser {
        Browser::new(self.address, &self.host(), &self.origin())
    }

    /// The code that was printed at the start.
    pub fn setup_code(&self) -> String {
        let link = self.setup_link.as_ref().expect("there is no account yet");
        link.split_once("?code=").expect("the link holds the code").1.to_owned()
    }

    /// Sets the instance up through its form; the browser in which the first administrator then is.
    #[track_caller]
    pub fn set_up(&self) -> Browser {
        let mut browser = self.browser();
        let form = browser
            .open(&format!("/setup?code={}", self.setup_code()))
            .form("/setup")
            .set("email", ADMIN)
            .set("first_name", "Ada")
            .set("last_name", "Lovelace")
            .set("password", PASSWORD)
            .set("confirm", PASSWORD);
        browser.submit(&form).expect_lead("/settings/profile");
        browser
    }

    /// Makes another user, without a form, since there is no sign-up.
    pub fn make_user(&self, email: &str) -> UserId {
        let hash = self.hash(PASSWORD);
        let new = NewUser {
            email: email.to_owned(),
            first_name: "Bob".to_owned(),
            last_name: "Babbage".to_owned(),
            password_hash: Some(hash),
            is_administrator: false,
        };
        let now = self.now();
        self.write(move |tx| create(tx, &new, now))
    }

    /// Makes another user and signs them in.
    #[track_caller]
    pub fn other(&self, email: &str) -> Browser {
        self.make_user(email);
        let mut browser = self.browser();
        browser.sign_in(email, PASSWORD);
        browser
    }

    /// Makes somebody a member, without an invitation.
    pub fn make_member(&self, slug: &str, email: &str, role: Role) {
        let (organization, user, now) = (self.organization_id(slug), self.user_id(email), self.now());
        let choice = Choice { role, id: None };
        self.write(move |tx| join(tx, &organization.into(), &user.into(), &choice, now));
    }

    /// Somebody new who is a member and signed in.
    #[track_caller]
    pub fn member(&self, slug: &str, email: &str, role: Role) -> Browser {
        let browser = self.other(email);
        self.make_member(slug, email, role);
        browser
    }

    /// The id of the organization with this slug.
    #[track_caller]
    pub fn organization_id(&self, slug: &str) -> String {
        self.read(|connection| {
            let this = organizations::table.filter(organizations::slug.eq(slug));
            Ok(this.select(organizations::id).first::<String>(connection)?)
        })
    }

    /// The id of the latest invitation of an address.
    #[track_caller]
    pub fn invitation_id(&self, email: &str) -> String {
        self.read(|connection| {
            let those = invitations::table.filter(invitations::email_key.eq(email));
            Ok(those.order(invitations::id.desc()).select(invitations::id).first::<String>(connection)?)
        })
    }

    /// A member's role, as their row has it; `None` when they are none.
    pub fn role_of(&self, slug: &str, email: &str) -> Option<String> {
        let (organization, user) = (self.organization_id(slug), self.user_id(email));
        self.read(|connection| {
            let row = members::table.find((organization, user)).select(members::role);
            Ok(row.first::<String>(connection).optional()?)
        })
    }

    /// Hashes a password as the application does.
    pub fn hash(&self, password: &str) -> String {
        let password = keystead::auth::password::Password::new(password).expect("a password within the limits");
        block_on(self.instance.hasher.hash(password)).expect("a hash")
    }

    pub fn now(&self) -> Timestamp {
        self.instance.clock.now()
    }

    /// Lets time pass.
    pub fn advance(&self, seconds: i64) {
        self.instance.clock.advance(seconds);
    }

    #[track_caller]
    pub fn read<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> T {
        self.instance.db.read_here(work).expect("the database reads")
    }

    #[track_caller]
    pub fn write<T: Send + 'static>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static) -> T {
        self.instance.db.write_here(work).expect("the database writes")
    }

    /// Runs SQL that both databases understand.
    #[track_caller]
    pub fn sql(&self, text: &str) {
        let text = text.to_owned();
        self.write(move |tx| Ok(tx.batch_execute(&text)?));
    }

    /// A number that a query gives.
    #[track_caller]
    pub fn count(&self, query: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        let query = format!("SELECT count(*) AS count FROM {query}");
        let row: Row = self.read(|connection| {
            Ok(match connection {
                Connection::Sqlite(sqlite) => diesel::sql_query(query).get_result(sqlite)?,
                Connection::Postgres(postgres) => diesel::sql_query(query).get_result(postgres)?,
            })
        });
        row.count
    }

    /// The log, oldest first.
    pub fn log(&self) -> Vec<Entry> {
        use audit_events as e;
        let columns = (
            (e::action, e::actor_kind, e::actor_id, e::user_id, e::subject_id),
            (e::subject_name, e::detail, e::address, e::agent, e::at),
        );
        self.read(|connection| Ok(e::table.order(e::id).select(columns).load::<EntryRow>(connection)?))
            .into_iter()
            .map(Entry::from)
            .collect()
    }

    /// How often something stands in the log.
    pub fn logged(&self, action: &str) -> usize {
        self.log().iter().filter(|entry| entry.action == action).count()
    }

    /// The newest entry of the log.
    #[track_caller]
    pub fn last_logged(&self) -> Entry {
        self.log().pop().expect("something was logged")
    }

    /// The outbox, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        use outbox as o;
        let columns = (o::id, o::recipient, o::subject, o::text_body, o::html_body, o::state, o::attempts, o::reason);
        self.read(|connection| Ok(o::table.order(o::id).select(columns).load(connection)?))
    }

    /// A link that the application mails when it has reason to, without the reason.
    #[track_caller]
    pub fn make_link(&self, purpose: keystead::auth::link::Purpose, email: &str) -> String {
        let (user, now) = (UserId::from(self.user_id(email)), self.now());
        self.write(move |tx| keystead::auth::link::make(tx, purpose, &user, now))
    }

    /// Where the first link of the newest mail to somebody leads, below the base URL.
    #[track_caller]
    pub fn mailed_link(&self, recipient: &str) -> String {
        let newest = self.mails().into_iter().rfind(|mail| mail.recipient == recipient);
        let mail = newest.unwrap_or_else(|| panic!("no mail to {recipient}"));
        let link = mail.text.lines().find_map(|line| line.strip_prefix(&self.origin()));
        link.unwrap_or_else(|| panic!("no link in {}", mail.text)).to_owned()
    }

    /// Sends what is due, as the job does.
    #[track_caller]
    pub fn deliver(&self) -> usize {
        let Instance { db, carrier, config, clock, .. } = &*self.instance;
        keystead::mail::deliver_due(db, carrier, &config.mail.from, clock).expect("the outbox works")
    }

    /// Writes what was gathered in memory, as the job does.
    #[track_caller]
    pub fn flush(&self) {
        self.instance.uses.flush(&self.instance).expect("uses are written");
        self.instance.seen.flush(&self.instance.db).expect("sessions are written");
    }

    /// The id of the user with this e-mail.
    #[track_caller]
    pub fn user_id(&self, email: &str) -> String {
        self.read(|connection| {
            Ok(users::table.filter(users::email.eq(email)).select(users::id).first::<String>(connection)?)
        })
    }

    /// The id of a user's private organization.
    #[track_caller]
    pub fn private_organization(&self, email: &str) -> String {
        let user = self.user_id(email);
        self.read(|connection| {
            let own = organizations::table.filter(organizations::private_to.eq(&user));
            Ok(own.select(organizations::id).first::<String>(connection)?)
        })
    }

    /// Every row of every table as text, in a fixed order: to see that nothing changed, or that something is nowhere.
    pub fn dump(&self) -> String {
        self.dump_but(&[])
    }

    /// Fails, with the rows that differ, unless the database is as it was.
    #[track_caller]
    pub fn is_still(&self, before: &str) {
        self.is_still_but(&[], before);
    }

    /// The same without some tables.
    #[track_caller]
    pub fn is_still_but(&self, tables: &[&str], before: &str) {
        let now = self.dump_but(tables);
        let only_in = |one: &str, other: &str| -> Vec<String> {
            one.lines().filter(|line| !other.lines().any(|known| known == *line)).map(str::to_owned).collect()
        };
        assert!(now == before, "gone: {:#?}\ncome: {:#?}", only_in(before, &now), only_in(&now, before));
    }

    /// As [`Self::dump`], without some tables.
    pub fn dump_but(&self, tables: &[&str]) -> String {
        self.read(|connection| Ok(dump(connection, tables)?))
    }

    /// Asks whether a token is good.
    #[track_caller]
    pub fn verify(&self, credential: &str, token: &str) -> serde_json::Value {
        let response = self.ask(credential, &serde_json::json!({ "token": token }));
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    }

    /// Asks `/api/v1/verify` a question of the test's own.
    #[track_caller]
    pub fn ask(&self, credential: &str, question: &serde_json::Value) -> Response {
        self.send(&Request::post("/api/v1/verify").bearer(credential).json(question))
    }

    /// Asks as RFC 7662 says.
    #[track_caller]
    pub fn introspect(&self, credential: &str, token: &str) -> serde_json::Value {
        let request = Request::post("/oauth2/introspect").bearer(credential).form(&[("token", token)]);
        let response = self.send(&request);
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    }

    /// Asks what a token may do, as its bearer.
    #[track_caller]
    pub fn token_self(&self, token: &str) -> Response {
        self.send(&Request::get("/api/v1/tokens/self").bearer(token))
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        block_on(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("the server's thread ends in peace");
            }
        }
    }
}

/// Waits for a future in this thread.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(future)
}

/// A secret of the right form that no instance knows.
pub fn unknown_secret(kind: keystead::auth::SecretKind) -> String {
    PlainSecret::generate("kst", kind).reveal_for_machine().to_owned()
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

impl Line {
    fn all(lines: Vec<Self>) -> Vec<String> {
        lines.into_iter().map(|line| line.line).collect()
    }
}

/// The lines that a query gives.
pub fn lines(connection: &mut Connection, query: &str) -> QueryResult<Vec<String>> {
    match connection {
        Connection::Sqlite(sqlite) => diesel::sql_query(query).load(sqlite).map(Line::all),
        Connection::Postgres(postgres) => diesel::sql_query(query).load(postgres).map(Line::all),
    }
}

/// The tables of the application.
pub fn tables(connection: &mut Connection) -> QueryResult<Vec<String>> {
    let query = match connection {
        Connection::Sqlite(_) => {
            "SELECT name AS line FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
        }
        Connection::Postgres(_) => {
            "SELECT table_name::text AS line FROM information_schema.tables WHERE table_schema = current_schema() \
             ORDER BY table_name COLLATE \"C\""
        }
    };
    Ok(lines(connection, query)?.into_iter().filter(|name| !name.starts_with("__diesel")).collect())
}

/// A count that every change of an account moves, so that changes come one after another; it says nothing.
const BOOKKEEPING: &str = "changes";

fn dump(connection: &mut Connection, without: &[&str]) -> QueryResult<String> {
    let mut text = String::new();
    for table in tables(connection)?.iter().filter(|table| !without.contains(&table.as_str())) {
        let (columns, quote) = match connection {
            Connection::Sqlite(_) => {
                (format!("SELECT name AS line FROM pragma_table_info('{table}') ORDER BY cid"), "quote")
            }
            Connection::Postgres(_) => (
                format!(
                    "SELECT column_name::text AS line FROM information_schema.columns \
                     WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
                ),
                "quote_nullable",
            ),
        };
        let columns: Vec<String> = lines(connection, &columns)?
            .iter()
            .filter(|column| !column.ends_with(BOOKKEEPING))
            .map(|column| format!("{quote}({column})"))
            .collect();
        let rows = format!("SELECT {} AS line FROM {table} ORDER BY 1", columns.join(" || ' | ' || "));
        for line in lines(connection, &rows)? {
            text.extend([table, ": ", &line, "\n"]);
        }
    }
    Ok(text)
}
