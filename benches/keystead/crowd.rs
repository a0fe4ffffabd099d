//! Many at once, and a provider that hangs: what the others notice of it.

use std::time::{Duration, Instant};

use crate::issuer::Hanging;
use crate::load::{self, Ask, Flood, Person, home};
use crate::stock::Tokens;
use crate::table::{Measured, Table, Target, quantile};
use crate::{CONNECTIONS, FIFTY, PASSWORD, Plan, STORM, Stocked, arrive, session, stock, token_page};

/// All who want in at the same moment: a third of them with a name that nobody has, a third with a wrong password.
const CROWD: usize = 300;
/// Pages, and as many checks, that are asked for meanwhile.
const A_SECOND: u32 = 100;

/// Three hundred sign-ins at once, beside pages and checks.
pub async fn flood(plan: &Plan, table: &mut Table, few: &Stocked) -> anyhow::Result<()> {
    let server = few.serve(None, None).await?;
    let (mut page, _) = token_page(&server, &session(&server, 0).await?, "", FIFTY).await?;
    let mut check = few.check(&server);
    check.probe(server.address, "\"code\"").await?;
    let (mut quiet, mut stormy) = (Beside::default(), Beside::default());
    let mut all = Flood::default();
    let mut time = Duration::ZERO;
    for _ in 0..plan.storm_turns {
        quiet.add(Beside::ask(server.address, &page, &check, plan.storm).await?);
        let mut people = Vec::new();
        for number in 0..CROWD {
            let (email, password) = match number % 3 {
                0 => (format!("nobody-{number}@example.org"), PASSWORD),
                1 => (stock::email(1 + number % 19), "not this one, but as long"),
                _ => (stock::email(20 + number % usize::from(STORM)), PASSWORD),
            };
            people.push(Person::arrive(server.address, home(1000 + number), &email, password).await?);
        }
        let begun = Instant::now();
        let (beside, crowd) = futures_util::future::join(
            Beside::ask(server.address, &page, &check, plan.storm),
            load::flood(people, begun + plan.storm),
        )
        .await;
        stormy.add(beside?);
        all.add(crowd?);
        time += begun.elapsed();
    }
    page.probe(server.address, "50 of at most").await?;
    let a_second = |count: usize| (count as f64 / time.as_secs_f64(), "a second");
    table.figure(&format!("{CROWD} sign in at once: let in"), a_second(all.let_in.len()), &Target::None);
    table.figure("… of those, the median wait", (quantile(&all.let_in, 0.5), "ms"), &Target::None);
    table.figure("… refused: no such account, or a wrong password", a_second(all.refused), &Target::None);
    table.figure("… told to wait: too many failures", a_second(all.throttled), &Target::None);
    table.figure("… told to wait: too many at once", a_second(all.busy), &Target::None);
    table.figure("100 pages a second meanwhile: p95", (quantile(&stormy.pages, 0.95), "ms"), &Target::AtMost(200.0));
    table.figure("… with nobody signing in", (quantile(&quiet.pages, 0.95), "ms"), &Target::None);
    table.figure("100 checks a second meanwhile: p95", (quantile(&stormy.checks, 0.95), "ms"), &Target::AtMost(50.0));
    table.figure("… with nobody signing in", (quantile(&quiet.checks, 0.95), "ms"), &Target::None);
    table.figure("memory, at most in the crowd", (server.memory("VmHWM")?, "MiB"), &Target::AtMost(80.0));
    Ok(())
}

/// Cookies that nobody ever had, as fast as they come: none is believed, none is looked up, and none is remembered.
pub async fn made_up_cookies(plan: &Plan, table: &mut Table, few: &Stocked) -> anyhow::Result<()> {
    let server = few.serve(None, None).await?;
    let known = session(&server, 0).await?;
    let length = known.trim_end().len() - "Cookie: keystead_session=".len();
    let made_up = std::rc::Rc::new(Tokens::made_up(50_000, length));
    let mut ask = Ask::with_cookie(server.address, "/settings/profile", "keystead_session", &made_up);
    ask.probe(server.address, "").await?;
    let (page, _) = token_page(&server, &known, "", FIFTY).await?;
    // The first ones fill what every worker keeps anyway.
    load::at_full_speed(server.address, &ask, CONNECTIONS, plan.turn).await?;
    let (memory, cpu, begun) = (server.memory("VmRSS")?, server.cpu()?, Instant::now());
    let took = load::at_full_speed(server.address, &ask, CONNECTIONS, plan.storm).await?;
    let measured = Measured::once(took, begun.elapsed(), server.cpu()?.saturating_sub(cpu));
    let grown = server.memory("VmRSS")? - memory;
    load::at_full_speed(server.address, &page, 1, plan.turn).await?;
    let rate = (measured.rate(), "a second");
    table.row("cookies that nobody ever had", &measured, Some(rate), &Target::AtLeast(10_000.0));
    table.figure("… memory, more than before", (grown, "MiB"), &Target::AtMost(1.0));
    Ok(())
}

/// Sign-ins with passwords, and pages, while others wait for a provider that took their codes and says nothing more.
pub async fn hanging(plan: &Plan, table: &mut Table, few: &Stocked) -> anyhow::Result<()> {
    let issuer = Hanging::start().await?;
    let server = few.serve(None, Some(&issuer.settings())).await?;
    let (page, _) = token_page(&server, &session(&server, 0).await?, "", FIFTY).await?;
    let mut check = few.check(&server);
    check.probe(server.address, "\"code\"").await?;
    // Long enough for all who wait to be sent away once.
    let time = plan.storm.max(Duration::from_secs(7));
    let (mut alone, mut beside) = (Measured::default(), Measured::default());
    let (mut quiet, mut hung, mut waits) = (Beside::default(), Beside::default(), Vec::new());
    for _ in 0..plan.storm_turns {
        let (others, took, cpu) = signing_in(&server, &page, &check, time).await?;
        quiet.add(others);
        alone.add(took, time, cpu);
        let waiting = actix_web::rt::spawn(load::wait_for_provider(server.address, CROWD, Instant::now() + time));
        // They have all arrived at the provider.
        actix_web::rt::time::sleep(Duration::from_secs(1)).await;
        let (others, took, cpu) = signing_in(&server, &page, &check, time).await?;
        hung.add(others);
        beside.add(took, time, cpu);
        waits.extend(waiting.await??);
    }
    table.row(&format!("sign-in, {STORM} clients, beside pages and checks"), &alone, None, &Target::None);
    let rate = beside.rate_to(&alone);
    let what = format!("… while {CROWD} wait for a provider that hangs");
    table.row(&what, &beside, Some((rate, "of the row above's req/s")), &Target::AtLeast(0.9));
    table.figure("… 100 pages a second meanwhile: p99", (quantile(&hung.pages, 0.99), "ms"), &Target::AtMost(8.0));
    table.figure("… with nobody waiting", (quantile(&quiet.pages, 0.99), "ms"), &Target::None);
    table.figure("… 100 checks a second meanwhile: p99", (quantile(&hung.checks, 0.99), "ms"), &Target::AtMost(8.0));
    table.figure("… with nobody waiting", (quantile(&quiet.checks, 0.99), "ms"), &Target::None);
    table.figure(
        "… the longest that anybody waits for the provider",
        (quantile(&waits, 1.0), "ms"),
        &Target::AtMost(6000.0),
    );
    Ok(())
}

async fn signing_in(
    server: &crate::server::Server,
    page: &Ask,
    check: &Ask,
    time: Duration,
) -> anyhow::Result<(Beside, Vec<Duration>, Duration)> {
    let people = arrive(server).await?;
    let (cpu, begun) = (server.cpu()?, Instant::now());
    let (others, took) =
        futures_util::future::join(Beside::ask(server.address, page, check, time), load::storm(people, begun + time))
            .await;
    Ok((others?, took?, server.cpu()?.saturating_sub(cpu)))
}

/// How long pages and checks took.
#[derive(Default)]
struct Beside {
    pages: Vec<Duration>,
    checks: Vec<Duration>,
}

impl Beside {
    async fn ask(address: std::net::SocketAddr, page: &Ask, check: &Ask, time: Duration) -> anyhow::Result<Self> {
        let pages = load::at_a_pace(address, page, A_SECOND, time);
        let (pages, checks) = futures_util::future::join(pages, load::at_a_pace(address, check, A_SECOND, time)).await;
        Ok(Self { pages: pages?, checks: checks? })
    }

    fn add(&mut self, more: Self) {
        self.pages.extend(more.pages);
        self.checks.extend(more.checks);
    }
}
