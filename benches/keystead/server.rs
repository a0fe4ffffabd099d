//! The processes that are measured, and what the system says of them.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use diesel::connection::SimpleConnection;
use diesel::{Connection as _, PgConnection};
use rustix::process::{Pid, Signal, kill_process};

use crate::load::Connection;

/// A folder that is gone at the end.
pub struct Folder(PathBuf);

impl Folder {
    /// A new one among the system's temporary files.
    pub fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("keystead-bench-{}", keystead::ids::ulid()));
        std::fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A process that is told to stop at the end, and waited for.
struct Process(Child);

impl Process {
    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // PostgreSQL ends at once at SIGINT, and the server as at SIGTERM.
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::INT);
        }
        drop(self.0.wait());
    }
}

/// A server, the product or the bare one.
pub struct Server {
    process: Process,
    /// Where it listens.
    pub address: SocketAddr,
    /// How long it took until it answered that it is ready.
    pub ready_after: Duration,
    /// PostgreSQL's first process, whose work counts as the server's.
    postmaster: Option<u32>,
}

impl Server {
    /// Starts the product on a data folder and a database, on demand with providers.
    pub async fn start(
        data: &Path,
        database_url: &str,
        postmaster: Option<u32>,
        providers: Option<&str>,
    ) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = product(data, database_url);
        command.env("KEYSTEAD_LISTEN", address.to_string());
        command.envs(providers.map(|settings| ("KEYSTEAD_PROVIDERS", settings)));
        Self::await_ready(command, address, "/readyz", postmaster).await
    }

    /// Starts this program again, as the bare server.
    pub async fn start_bare(length: usize) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args([crate::BARE, &address.to_string(), &length.to_string()]);
        Self::await_ready(command, address, "/a", None).await
    }

    async fn await_ready(
        mut command: Command,
        address: SocketAddr,
        path: &str,
        postmaster: Option<u32>,
    ) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let mut process = Process(command.stdin(Stdio::null()).spawn().context("starting a server")?);
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        loop {
            if let Ok(mut connection) = Connection::open(address, None).await
                && connection.send(request.as_bytes()).await.is_ok_and(|answer| answer.status == 200)
            {
                return Ok(Self { process, address, ready_after: begun.elapsed(), postmaster });
            }
            if let Some(status) = process.0.try_wait()? {
                bail!("a server ended before it was ready: {status}");
            }
            ensure!(begun.elapsed() < Duration::from_secs(30), "a server was not ready after 30 seconds");
            actix_web::rt::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The processor time that it and its database have used.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let mut used = stat(self.process.pid())?.used;
        if let Some(postmaster) = self.postmaster {
            for entry in std::fs::read_dir("/proc")? {
                let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
                // A process may end while we look.
                if let Ok(stat) = stat(pid)
                    && (pid == postmaster || stat.parent == postmaster)
                {
                    used += stat.used;
                }
            }
        }
        Ok(used)
    }

    /// Its memory in MiB: `VmRSS` now, or `VmHWM` at most so far.
    pub fn memory(&self, line: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.pid()))?;
        let kib: f64 = status
            .lines()
            .find_map(|text| text.strip_prefix(line)?.strip_prefix(':')?.trim().strip_suffix(" kB"))
            .and_then(|digits| digits.parse().ok())
            .with_context(|| format!("no {line}"))?;
        Ok(kib / 1024.0)
    }
}

/// Makes a verifier at the command line, as an operator does.
pub fn make_verifier(data: &Path, database_url: &str) -> anyhow::Result<String> {
    let mut command = product(data, database_url);
    command.args(["admin", "create-verifier", "bench"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.output()?;
    ensure!(output.status.success(), "making a verifier: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The release binary with settings of ours and nobody else's.
fn product(data: &Path, database_url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keystead"));
    command.env_clear().current_dir(data).stdout(Stdio::null());
    command.env("KEYSTEAD_DATA_DIR", data).env("KEYSTEAD_DATABASE_URL", database_url);
    command.env("KEYSTEAD_WORKERS", crate::WORKERS.to_string()).env("KEYSTEAD_TOKENS_MAX_PER_USER", "10000");
    // What goes wrong is said; that the base URL is not https is known.
    command.env("KEYSTEAD_LOG_FILTER", "error").stderr(Stdio::inherit());
    command
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

struct Stat {
    parent: u32,
    used: Duration,
}

/// Processor time, that of ended children included.
fn stat(pid: u32) -> anyhow::Result<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is a name in brackets and may hold anything.
    let (_, rest) = text.rsplit_once(") ").context("an odd /proc/…/stat")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks: u64 = fields[11..15].iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Stat { parent: fields[1].parse()?, used: ticks_to_time(ticks) })
}

/// Linux tells processor time in hundredths of a second, whatever its own clock does.
fn ticks_to_time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 10)
}

/// The processor time that this run has used: this process, and all that it started.
pub fn own_cpu(servers: &[&Server]) -> anyhow::Result<Duration> {
    servers.iter().try_fold(stat(std::process::id())?.used, |sum, server| Ok(sum + server.cpu()?))
}

/// The processor time that the whole machine has used.
pub fn machine_cpu() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let fields: Vec<u64> =
        text.lines().next().unwrap_or_default().split_whitespace().skip(1).filter_map(|f| f.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; what guests use is in user already.
    let busy = fields.iter().take(8).sum::<u64>() - fields.iter().skip(3).take(2).sum::<u64>();
    Ok(ticks_to_time(busy))
}

/// A PostgreSQL: the one that `KEYSTEAD_TEST_POSTGRES_URL` names, or a throw-away one.
pub struct Postgres {
    /// A database of our own on it.
    pub url: String,
    /// Its first process, if it is on this machine.
    pub postmaster: Option<u32>,
    drop_with: Option<(String, String)>,
    _process: Option<Process>,
    _folder: Option<Folder>,
}

impl Postgres {
    /// Finds or starts it.
    pub fn start() -> anyhow::Result<Self> {
        if let Ok(url) = std::env::var("KEYSTEAD_TEST_POSTGRES_URL") {
            let name = format!("keystead_bench_{}", keystead::ids::ulid());
            let mut connection = PgConnection::establish(&url)?;
            connection.batch_execute(&format!("CREATE DATABASE {name}"))?;
            let mut own = url::Url::parse(&url)?;
            own.set_path(&name);
            let backend = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("pg_backend_pid()"));
            let backend: i32 = diesel::RunQueryDsl::get_result(backend, &mut connection)?;
            let is_here = |pid: u32| {
                std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("postgres"))
            };
            let postmaster = u32::try_from(backend).ok().filter(|pid| is_here(*pid)).and_then(|pid| stat(pid).ok());
            return Ok(Self {
                url: own.into(),
                postmaster: postmaster.map(|backend| backend.parent),
                drop_with: Some((url, name)),
                _process: None,
                _folder: None,
            });
        }
        let programs = programs().context("initdb is missing: on Debian, apt-get install postgresql")?;
        let folder = Folder::new()?;
        let password = keystead::auth::key::hex(&keystead::ids::random::<16>());
        let password_file = folder.path().join("password");
        std::fs::write(&password_file, &password)?;
        // It refuses to run as root.
        let user = rustix::process::geteuid().is_root().then(|| ids_of("postgres")).transpose()?;
        if let Some((uid, gid)) = user {
            for path in [folder.path(), &password_file] {
                std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
            }
        }
        let program = |name: &str| {
            let mut command = Command::new(programs.join(name));
            command.current_dir(folder.path()).stdin(Stdio::null());
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let made = program("initdb")
            .args([
                "-D",
                "data",
                "-U",
                "keystead",
                "-A",
                "scram-sha-256",
                "--pwfile=password",
                "-E",
                "UTF8",
                "--locale=C",
            ])
            .output()?;
        ensure!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        let port = free_address()?.port().to_string();
        let log = File::create(folder.path().join("log"))?;
        let mut command = program("postgres");
        command.args(["-D", "data", "-p", &port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
        let process = Process(command.stdout(Stdio::null()).stderr(log).spawn()?);
        let url = format!("postgres://keystead:{password}@127.0.0.1:{port}/postgres");
        let begun = Instant::now();
        while let Err(error) = PgConnection::establish(&url) {
            ensure!(begun.elapsed() < Duration::from_secs(20), "PostgreSQL did not start: {error}");
            std::thread::sleep(Duration::from_millis(100));
        }
        let postmaster = Some(process.pid());
        Ok(Self { url, postmaster, drop_with: None, _process: Some(process), _folder: Some(folder) })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some((url, name)) = &self.drop_with {
            let dropped = PgConnection::establish(url)
                .map(|mut connection| connection.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")));
            if !matches!(dropped, Ok(Ok(()))) {
                eprintln!("the database {name} could not be dropped");
            }
        }
    }
}

/// Where PostgreSQL's server programs are: Debian keeps them out of the PATH.
fn programs() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = debian.map(|version| version.join("bin")).filter(|bin| bin.join("initdb").exists()).max();
    newest.or_else(|| {
        let path = std::env::var_os("PATH")?;
        let found = std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())?;
        std::fs::canonicalize(found.join("initdb")).ok()?.parent().map(Path::to_owned)
    })
}

fn ids_of(user: &str) -> anyhow::Result<(u32, u32)> {
    let all = std::fs::read_to_string("/etc/passwd")?;
    let fields: Option<Vec<&str>> =
        all.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == user);
    let fields = fields.with_context(|| format!("there is no user {user}"))?;
    Ok((fields[2].parse()?, fields[3].parse()?))
}
