//! What a check, a page and a sign-in cost, side by side with what they could cost at best. `benches/README.md` says how
//! to run it and how to read its table. It never fails for being slow.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::similar_names,
    reason = "figures for people, of things that are counted in thousands"
)]

mod bare;
mod crowd;
mod issuer;
mod load;
mod organizations;
mod server;
mod stock;
mod table;

// The product's templates name these by their path from the root.
use keystead::urls;

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use keystead::auth::password::{Cost, Hasher, Password};
use keystead::db::Db;

use load::{Ask, Person, home};
use server::{Folder, Postgres, Server};
use stock::{EACH, Tokens};
use table::{Case, Measured, Table, Target, in_turns, median, quantile};

/// Threads that serve requests, in every server.
pub const WORKERS: usize = 2;
/// Connections that are kept busy.
pub const CONNECTIONS: usize = 32;
/// The hidden first argument that makes this program the bare server.
pub const BARE: &str = "--bare";

const PASSWORD: &str = "Tr1cky!x9 and long enough";
/// People who sign in at the same time.
const STORM: u8 = 32;

/// How long everything takes.
struct Plan {
    many: usize,
    turns: usize,
    turn: Duration,
    storm_turns: usize,
    storm: Duration,
    starts: usize,
}

const FULL: Plan = Plan {
    many: 1_000_000,
    turns: 9,
    turn: Duration::from_millis(1500),
    storm_turns: 4,
    storm: Duration::from_secs(5),
    starts: 15,
};

const QUICK: Plan = Plan {
    many: 100_000,
    turns: 3,
    turn: Duration::from_millis(700),
    storm_turns: 2,
    storm: Duration::from_secs(3),
    starts: 5,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [BARE, address, length] => match (address.parse(), length.parse()) {
            (Ok(address), Ok(length)) => bare::serve(address, length),
            _ => Err(anyhow::anyhow!("{BARE} is for this program's own use")),
        },
        _ => plan(&arguments).and_then(|(plan, about)| run(plan, about)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What is measured.
#[derive(Clone, Copy)]
enum About {
    Everything,
    SignIns,
    Organizations,
}

/// What is asked for: how long everything takes, and what it is about.
fn plan(arguments: &[String]) -> anyhow::Result<(&'static Plan, About)> {
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    // Cargo itself adds --bench.
    let known = ["--quick", "--sign-ins", "--organizations", "--bench"];
    if let Some(odd) = arguments.iter().find(|argument| !known.contains(&argument.as_str())) {
        anyhow::bail!("{odd}? usage: cargo bench [-- --quick --sign-ins|--organizations]; see benches/README.md");
    }
    let about = match (has("--sign-ins"), has("--organizations")) {
        (false, false) => About::Everything,
        (true, false) => About::SignIns,
        (false, true) => About::Organizations,
        (true, true) => anyhow::bail!("--sign-ins or --organizations, not both"),
    };
    Ok((if has("--quick") { &QUICK } else { &FULL }, about))
}

fn run(plan: &Plan, about: About) -> anyhow::Result<()> {
    actix_web::rt::System::new().block_on(async {
        match about {
            About::Everything => measure(plan).await,
            About::SignIns => measure_sign_ins(plan).await,
            About::Organizations => measure_organizations(plan).await,
        }
    })
}

/// A database, and who is in it.
struct Stocked {
    folder: Folder,
    url: String,
    tokens: Rc<Tokens>,
    credential: String,
}

impl Stocked {
    fn fill(url: Option<&str>, hash: &str, people: impl IntoIterator<Item = usize>) -> anyhow::Result<Self> {
        let folder = Folder::new()?;
        let file = folder.path().join("bench.sqlite");
        let url = url.map_or_else(|| format!("sqlite:{}", file.display()), str::to_owned);
        let db = Db::open(&url)?;
        let tokens = Rc::new(stock::fill(&db, hash, people)?);
        drop(db);
        let credential = server::make_verifier(folder.path(), &url)?;
        Ok(Self { folder, url, tokens, credential })
    }

    /// A thousand tokens, and people who do nothing but sign in.
    fn few(hash: &str) -> anyhow::Result<Self> {
        Self::fill(None, hash, with_fifty(1000).chain(std::iter::repeat_n(0, STORM.into())))
    }

    async fn serve(&self, postmaster: Option<u32>, providers: Option<&str>) -> anyhow::Result<Server> {
        Server::start(self.folder.path(), &self.url, postmaster, providers).await
    }

    /// A check of a random token out of all.
    fn check(&self, server: &Server) -> Ask {
        Ask::verify(server.address, &self.credential, "", &self.tokens, VALID)
    }
}

fn with_fifty(tokens: usize) -> impl Iterator<Item = usize> {
    std::iter::repeat_n(EACH, tokens / EACH)
}

async fn hash() -> anyhow::Result<String> {
    let hasher = Hasher::start(NonZeroUsize::MIN, Cost::default())?;
    Ok(hasher.hash(Password::new(PASSWORD).map_err(|_| anyhow::anyhow!("not a password"))?).await?)
}

const VALID: &str = "{\"valid\":true,\"code\":\"VALID\"";
const NOT_FOUND: &str = "{\"valid\":false,\"code\":\"NOT_FOUND\"";

/// A session of a person's, as the header that their browser sends.
async fn session(server: &Server, person: usize) -> anyhow::Result<String> {
    let mut arrived = Person::arrive(server.address, home(200 + person), &stock::email(person), PASSWORD).await?;
    Ok(format!("Cookie: keystead_session={}\r\n", arrived.sign_in().await?))
}

/// A page of the list of tokens: `query` is the end of its address, and its page holds `words`.
/// What the page of fifty tokens says.
const FIFTY: &str = "50 of at most 10000 tokens.";

async fn token_page(server: &Server, session: &str, query: &str, words: &str) -> anyhow::Result<(Ask, usize)> {
    let mut ask = Ask::get(server.address, &format!("/settings/tokens{query}"), session, "<!DOCTYPE html>");
    let length = ask.probe(server.address, words).await?;
    Ok((ask, length))
}

async fn measure(plan: &Plan) -> anyhow::Result<()> {
    let begun = Instant::now();
    let machine_before = server::machine_cpu()?;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    println!("{cores} cores, {WORKERS} workers, {CONNECTIONS} connections; load average before: {}\n", &load[..14]);

    eprintln!("filling the databases …");
    let hash = hash().await?;
    let few = Stocked::few(&hash)?;
    let many = Stocked::fill(None, &hash, with_fifty(plan.many))?;
    let lists = Stocked::fill(None, &hash, [10, EACH, 10_000])?;
    let postgres = Postgres::start();
    let on_postgres = match &postgres {
        Ok(postgres) => Some((Stocked::fill(Some(&postgres.url), &hash, with_fifty(1000))?, postgres.postmaster)),
        Err(error) => {
            eprintln!("not measured on PostgreSQL: {error:#}");
            None
        }
    };
    eprintln!("filled after {:.0} s", begun.elapsed().as_secs_f64());

    let mut table = Table::begin();
    let few_server = few.serve(None, None).await?;
    let mut check = few.check(&few_server);
    let verdict = check.probe(few_server.address, "\"token_id\"").await?;
    let bare = Server::start_bare(verdict).await?;
    let a = Ask::get(bare.address, "/a", "", "{\"valid\":true");

    checks(plan, &mut table, &few, &few_server, &bare, &a).await?;
    let many_server = many.serve(None, None).await?;
    many_checks(plan, &mut table, [&few, &many], [&few_server, &many_server], &bare, &a).await?;
    if let Some((stocked, postmaster)) = &on_postgres {
        let server = stocked.serve(*postmaster, None).await?;
        postgres_checks(plan, &mut table, stocked, &server, &bare, &a).await?;
    }
    pages(plan, &mut table, [&few_server, &many_server], &bare).await?;
    drop(many_server);
    uses(plan, &mut table, &many, &bare, &a).await?;
    drop(few_server);
    long_lists(plan, &mut table, &lists).await?;
    organizations::large_and_small(plan, &mut table, &hash).await?;
    storm(plan, &mut table, &few).await?;
    crowd::flood(plan, &mut table, &few).await?;
    crowd::hanging(plan, &mut table, &few).await?;
    crowd::made_up_cookies(plan, &mut table, &few).await?;
    starts(plan, &mut table, &few).await?;
    table.end();

    drop((on_postgres, postgres));
    let machine = server::machine_cpu()?.saturating_sub(machine_before);
    drop(bare);
    let own = server::own_cpu(&[])?;
    let spare = begun.elapsed().as_secs_f64() * cores as f64;
    println!(
        "Took {:.0} s. Others used about {:.0} % of the machine meanwhile.",
        begun.elapsed().as_secs_f64(),
        machine.saturating_sub(own).as_secs_f64() / spare * 100.0
    );
    Ok(())
}

/// What is about signing in, alone.
async fn measure_sign_ins(plan: &Plan) -> anyhow::Result<()> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    println!("load average before: {}\n", &load[..14]);
    let few = Stocked::few(&hash().await?)?;
    let mut table = Table::begin();
    storm(plan, &mut table, &few).await?;
    crowd::flood(plan, &mut table, &few).await?;
    crowd::hanging(plan, &mut table, &few).await?;
    crowd::made_up_cookies(plan, &mut table, &few).await?;
    table.end();
    Ok(())
}

/// What is about organizations, alone.
async fn measure_organizations(plan: &Plan) -> anyhow::Result<()> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    println!("load average before: {}\n", &load[..14]);
    let hash = hash().await?;
    let mut table = Table::begin();
    organizations::large_and_small(plan, &mut table, &hash).await?;
    table.end();
    Ok(())
}

async fn checks(
    plan: &Plan,
    table: &mut Table,
    few: &Stocked,
    server: &Server,
    bare: &Server,
    a: &Ask,
) -> anyhow::Result<()> {
    let misspelt = Rc::new(few.tokens.misspelt());
    let mut asks = [
        few.check(server),
        Ask::verify(
            server.address,
            &few.credential,
            ",\"entity_type\":\"channels\",\"operation\":\"update\"",
            &few.tokens,
            VALID,
        ),
        Ask::verify(server.address, &few.credential, "", &misspelt, NOT_FOUND),
    ];
    for ask in &mut asks {
        ask.probe(server.address, "\"code\"").await?;
    }
    let [mut plain, mut permission, mut wrong] = asks.clone();
    let [first, second, third] = asks;
    let cases = [
        Case { server: bare, ask: a.clone() },
        Case { server, ask: first },
        Case { server, ask: second },
        Case { server, ask: third },
    ];
    let [a, check, permitted, refused] = in_turns(cases, plan.turns, plan.turn).await?;
    for ask in [&mut plain, &mut permission, &mut wrong] {
        ask.probe(server.address, "\"code\"").await?;
    }
    let of_a = "× CPU of a";
    table.row("a: a bare handler, as many bytes", &a, None, &Target::None);
    table.row("verify, SQLite, 1,000 tokens", &check, Some((check.cpu_to(&a), of_a)), &Target::AtMost(3.0));
    table.row("verify, with a permission", &permitted, Some((permitted.cpu_to(&a), of_a)), &Target::AtMost(3.0));
    table.row("verify, wrong checksum", &refused, Some((refused.cpu_to(&a), of_a)), &Target::AtMost(1.15));
    Ok(())
}

async fn many_checks(
    plan: &Plan,
    table: &mut Table,
    [few, many]: [&Stocked; 2],
    [few_server, many_server]: [&Server; 2],
    bare: &Server,
    a: &Ask,
) -> anyhow::Result<()> {
    let mut ask = many.check(many_server);
    ask.probe(many_server.address, "\"token_id\"").await?;
    let cases = [
        Case { server: bare, ask: a.clone() },
        Case { server: few_server, ask: few.check(few_server) },
        Case { server: many_server, ask: ask.clone() },
    ];
    let [a, small, large] = in_turns(cases, plan.turns, plan.turn).await?;
    ask.probe(many_server.address, "\"token_id\"").await?;
    let what = format!("verify, SQLite, {} tokens", thousands(plan.many));
    table.row(&what, &large, Some((large.cpu_to(&a), "× CPU of a")), &Target::AtMost(4.0));
    table.figure("… growth from 1,000", (large.cpu_to(&small), "× CPU"), &Target::AtMost(1.5));
    Ok(())
}

async fn postgres_checks(
    plan: &Plan,
    table: &mut Table,
    stocked: &Stocked,
    server: &Server,
    bare: &Server,
    a: &Ask,
) -> anyhow::Result<()> {
    let mut ask = stocked.check(server);
    ask.probe(server.address, "\"token_id\"").await?;
    let cases = [Case { server: bare, ask: a.clone() }, Case { server, ask: ask.clone() }];
    let [a, check] = in_turns(cases, plan.turns, plan.turn).await?;
    ask.probe(server.address, "\"token_id\"").await?;
    table.row(
        "verify, PostgreSQL, 1,000 tokens",
        &check,
        Some((check.rate_to(&a), "of a's req/s")),
        &Target::AtLeast(0.4),
    );
    table.figure("… its CPU, PostgreSQL's included", (check.cpu_to(&a), "× CPU of a"), &Target::None);
    Ok(())
}

async fn pages(plan: &Plan, table: &mut Table, servers: [&Server; 2], bare: &Server) -> anyhow::Result<()> {
    let mut f = Ask::get(bare.address, "/f", "", "<!DOCTYPE html>");
    let size = f.probe(bare.address, "50 of at most 10000 tokens.").await?;
    let (mut few, few_size) = token_page(servers[0], &session(servers[0], 0).await?, "", FIFTY).await?;
    let (mut many, _) = token_page(servers[1], &session(servers[1], 0).await?, "", FIFTY).await?;
    let cases = [
        Case { server: bare, ask: f },
        Case { server: servers[0], ask: few.clone() },
        Case { server: servers[1], ask: many.clone() },
    ];
    let [f, small, large] = in_turns(cases, plan.turns, plan.turn).await?;
    few.probe(servers[0].address, "50 of at most").await?;
    many.probe(servers[1].address, "50 of at most").await?;
    let of_f = "of f's req/s";
    table.row(&format!("f: the page of 50 tokens, from memory, {} KB", size / 1000), &f, None, &Target::None);
    let what = format!("the page of 50 tokens, signed in, 1,000 tokens, {} KB", few_size / 1000);
    table.row(&what, &small, Some((small.rate_to(&f), of_f)), &Target::AtLeast(0.25));
    let what = format!("the same, {} tokens", thousands(plan.many));
    table.row(&what, &large, Some((large.rate_to(&f), of_f)), &Target::AtLeast(0.18));
    Ok(())
}

/// Checks of which each is its token's first in a minute, so that all are written down, a little later.
async fn uses(plan: &Plan, table: &mut Table, many: &Stocked, bare: &Server, a: &Ask) -> anyhow::Result<()> {
    let db = Db::open(&many.url)?;
    stock::forget_uses(&db)?;
    drop(db);
    let server = many.serve(None, None).await?;
    let ask = many.check(&server);
    let time = plan.turn * 6;
    let [a] = in_turns([Case { server: bare, ask: a.clone() }], 1, plan.turn).await?;
    let (cpu, begun) = (server.cpu()?, Instant::now());
    let took = load::at_full_speed(server.address, &ask, CONNECTIONS, time).await?;
    let time = begun.elapsed();
    // The last of them are written at most five seconds later.
    actix_web::rt::time::sleep(Duration::from_secs(10)).await;
    let noted = Measured::once(took, time, server.cpu()?.saturating_sub(cpu));
    let what = format!("verify, SQLite, {} tokens, each use written down", thousands(plan.many));
    table.row(&what, &noted, Some((noted.cpu_to(&a), "× CPU of a")), &Target::None);
    Ok(())
}

/// Lists of ten tokens, of one full page, and of two hundred pages. What a page holds costs something, too; so the long list is
/// compared with the short one, and with one whose page is as full.
async fn long_lists(plan: &Plan, table: &mut Table, lists: &Stocked) -> anyhow::Result<()> {
    let server = lists.serve(None, None).await?;
    let people = [session(&server, 0).await?, session(&server, 1).await?, session(&server, 2).await?];
    let (of_ten, of_fifty, most) = ("× CPU of ten", "× CPU of fifty", Target::AtMost(1.5));
    let turns = plan.turns.div_ceil(2);
    let pages = [("", "10 of at most"), ("", "50 of at most"), ("", "rel=\"next\"")];
    let [ten, fifty, many] = three(&server, &people, pages, turns, plan.turn).await?;
    table.row("the page of somebody with ten tokens", &ten, None, &Target::None);
    table.row("the page of somebody with fifty, all of them on it", &fifty, None, &Target::None);
    table.row(
        "the page of somebody with 10,000, with the newest fifty",
        &many,
        Some((many.cpu_to(&ten), of_ten)),
        &most,
    );
    table.figure("… against a page as full", (many.cpu_to(&fifty), of_fifty), &most);
    // Those that show a full page, and those that find nothing.
    for (what, query, found) in [
        ("searched by a part of all names", "?q=pipeline", true),
        ("sorted by last use", "?sort=-used", true),
        ("sorted by expiry", "?sort=expires", true),
        ("only the active ones", "?status=active", true),
        ("only those that expire soon, none", "?status=expiring", false),
        ("only the revoked ones, none", "?status=revoked", false),
        ("searched by a part of no name", "?q=nobody", false),
    ] {
        let words = if found { "Deploy pipeline" } else { "No token matches" };
        let [ten, fifty, many] = three(&server, &people, [(query, words); 3], turns, plan.turn).await?;
        let (other, unit) = if found { (&fifty, of_fifty) } else { (&ten, of_ten) };
        table.row(&format!("10,000 tokens, {what}"), &many, Some((many.cpu_to(other), unit)), &most);
    }
    Ok(())
}

/// A page for each of three people, measured in turns.
async fn three(
    server: &Server,
    people: &[String; 3],
    pages: [(&str, &str); 3],
    turns: usize,
    turn: Duration,
) -> anyhow::Result<[Measured; 3]> {
    let case = async |person: usize| {
        let (query, words) = pages[person];
        let (ask, _) = token_page(server, &people[person], query, words).await?;
        anyhow::Ok(Case { server, ask })
    };
    in_turns([case(0).await?, case(1).await?, case(2).await?], turns, turn).await
}

/// Sign-ins beside what two threads can hash; pages and memory meanwhile.
async fn storm(plan: &Plan, table: &mut Table, few: &Stocked) -> anyhow::Result<()> {
    const PAGES_A_SECOND: u32 = 100;
    let server = few.serve(None, None).await?;
    actix_web::rt::time::sleep(Duration::from_secs(1)).await;
    // Before anybody signs in: from its first password on, a hashing thread keeps its memory.
    let idle_memory = server.memory("VmRSS")?;
    let (mut page, _) = token_page(&server, &session(&server, 0).await?, "", FIFTY).await?;
    let (mut raw, mut quiet, mut stormy, mut signed_in, mut hashes) =
        (vec![], vec![], vec![], vec![], Measured::default());
    let mut alone = Measured::default();
    for _ in 0..plan.storm_turns {
        raw.push(hashes_a_second(plan.storm / 2)?);
        let people = arrive(&server).await?;
        let (cpu, begun) = (server.cpu()?, Instant::now());
        let took = load::storm(people, begun + plan.storm).await?;
        alone.add(took, begun.elapsed(), server.cpu()?.saturating_sub(cpu));

        quiet.extend(load::at_a_pace(server.address, &page, PAGES_A_SECOND, plan.storm).await?);
        let people = arrive(&server).await?;
        let (cpu, begun) = (server.cpu()?, Instant::now());
        let (pages, people) = futures_util::future::join(
            load::at_a_pace(server.address, &page, PAGES_A_SECOND, plan.storm),
            load::storm(people, begun + plan.storm),
        )
        .await;
        stormy.extend(pages?);
        let people = people?;
        signed_in.push(people.len());
        hashes.add(people, begun.elapsed(), server.cpu()?.saturating_sub(cpu));
    }
    page.probe(server.address, "50 of at most").await?;
    let raw = median(raw.into_iter());
    table.figure("argon2 alone, two threads", (raw, "hashes/s"), &Target::None);
    let what = format!("sign-in, {STORM} clients");
    table.row(&what, &alone, Some((alone.rate() / raw, "of argon2 alone")), &Target::AtLeast(0.9));
    table.row(
        "sign-in, beside 100 pages a second",
        &hashes,
        Some((hashes.rate() / raw, "of argon2 alone")),
        &Target::None,
    );
    let (idle, busy) = (quantile(&quiet, 0.99), quantile(&stormy, 0.99));
    table.figure("100 pages a second, nobody signing in: median", (quantile(&quiet, 0.5), "ms"), &Target::None);
    table.figure("… p99", (idle, "ms"), &Target::None);
    table.figure("… while 32 clients sign in: median", (quantile(&stormy, 0.5), "ms"), &Target::None);
    table.figure("… p99", (busy, "ms"), &Target::AtMost(8.0));
    table.figure("… against nobody signing in", (busy / idle, "× p99"), &Target::AtMost(3.0));
    table.figure("memory, idle", (idle_memory, "MiB"), &Target::AtMost(30.0));
    table.figure("memory, at most in the storm", (server.memory("VmHWM")?, "MiB"), &Target::AtMost(80.0));
    Ok(())
}

/// All who sign in, each in front of a filled-in form.
async fn arrive(server: &Server) -> anyhow::Result<Vec<Person>> {
    let mut people = Vec::new();
    for number in 0..STORM {
        let number = usize::from(number);
        let email = stock::email(1000 / EACH + number);
        people.push(Person::arrive(server.address, home(number), &email, PASSWORD).await?);
    }
    Ok(people)
}

/// What two threads hash, each with its memory allocated once, at the cost of a sign-in.
fn hashes_a_second(time: Duration) -> anyhow::Result<f64> {
    let hash = move || -> anyhow::Result<f64> {
        let argon2 = argon2::Argon2::new(
            argon2::Algorithm::Argon2id,
            argon2::Version::V0x13,
            argon2::Params::new(*Cost::MEMORY_KIB.start(), *Cost::PASSES.start(), *Cost::LANES.start(), Some(32))
                .map_err(|error| anyhow::anyhow!("{error}"))?,
        );
        let mut memory = vec![argon2::Block::new(); argon2.params().block_count()];
        let (begun, mut count) = (Instant::now(), 0.0);
        while begun.elapsed() < time {
            argon2
                .hash_password_into_with_memory(PASSWORD.as_bytes(), &[7; 16], &mut [0; 32], &mut memory)
                .map_err(|error| anyhow::anyhow!("{error}"))?;
            count += 1.0;
        }
        Ok(count / begun.elapsed().as_secs_f64())
    };
    let threads: Vec<_> = (0..WORKERS).map(|_| std::thread::spawn(hash)).collect();
    threads
        .into_iter()
        .try_fold(0.0, |sum, thread| Ok(sum + thread.join().map_err(|_| anyhow::anyhow!("hashing panicked"))??))
}

async fn starts(plan: &Plan, table: &mut Table, few: &Stocked) -> anyhow::Result<()> {
    let mut took = Vec::new();
    for _ in 0..plan.starts {
        took.push(few.serve(None, None).await?.ready_after.as_secs_f64());
    }
    table.figure("ready to serve, migrated database", (median(took.into_iter()), "s"), &Target::AtMost(0.1));
    Ok(())
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}
