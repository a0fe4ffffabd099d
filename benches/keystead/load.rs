//! The load: a small HTTP client over TCP that keeps its connections, checks every answer, and takes the time.
//!
//! One thread drives all connections, so that it costs the two cores as little as a load tool can.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::rt;
use actix_web::rt::net::{TcpSocket, TcpStream};
use anyhow::{Context, bail, ensure};

use crate::stock::Tokens;

/// What is sent, again and again, and which answer is right.
#[derive(Clone)]
pub struct Ask {
    bytes: Vec<u8>,
    /// Where each request gets another token, and out of which.
    tokens: Option<(usize, Rc<Tokens>)>,
    status: u16,
    begins: &'static str,
    length: Range<usize>,
}

impl Ask {
    /// A page or a bare handler.
    pub fn get(address: SocketAddr, path: &str, headers: &str, begins: &'static str) -> Self {
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n").into_bytes();
        Self { bytes, tokens: None, status: 200, begins, length: 0..usize::MAX }
    }

    /// A check of a random token, with the rest of the question's JSON.
    pub fn verify(
        address: SocketAddr,
        credential: &str,
        rest: &str,
        tokens: &Rc<Tokens>,
        begins: &'static str,
    ) -> Self {
        let before = "{\"token\":\"";
        let body = format!("{before}{}\"{rest}}}", " ".repeat(tokens.length()));
        let head = format!(
            "POST /api/v1/verify HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {credential}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let place = head.len() + before.len();
        Self {
            bytes: (head + &body).into_bytes(),
            tokens: Some((place, Rc::clone(tokens))),
            status: 200,
            begins,
            length: 0..usize::MAX,
        }
    }

    /// A page that a browser asks for with a cookie that nobody ever had, each time another; it is sent to the sign-in page.
    pub fn with_cookie(address: SocketAddr, path: &str, name: &str, values: &Rc<Tokens>) -> Self {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {name}=");
        let bytes = format!("{head}{}\r\n\r\n", " ".repeat(values.length())).into_bytes();
        let tokens = Some((head.len(), Rc::clone(values)));
        Self { bytes, tokens, status: 303, begins: "", length: 0..usize::MAX }
    }

    /// Sends it once and looks closely: from here on only an answer of about this length is right.
    pub async fn probe(&mut self, address: SocketAddr, contains: &str) -> anyhow::Result<usize> {
        let mut connection = Connection::open(address, None).await?;
        let mut bytes = self.bytes.clone();
        self.fill_in(&mut bytes, &mut Random::new(1));
        let answer = connection.send(&bytes).await?;
        self.check(&answer)?;
        let text = std::str::from_utf8(answer.body).context("the answer is not UTF-8")?;
        ensure!(text.contains(contains), "the answer does not hold {contains:?}, but is: {text:.300}");
        let length = text.len();
        self.length = length - length / 50..length + length / 50 + 1;
        Ok(length)
    }

    fn fill_in(&self, bytes: &mut [u8], random: &mut Random) {
        if let Some((place, tokens)) = &self.tokens {
            let token = tokens.get(random.below(tokens.count()));
            bytes[*place..*place + token.len()].copy_from_slice(token);
        }
    }

    fn check(&self, answer: &Answer<'_>) -> anyhow::Result<()> {
        let right = answer.status == self.status
            && answer.body.trim_ascii_start().starts_with(self.begins.as_bytes())
            && self.length.contains(&answer.body.len());
        if !right {
            let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]);
            bail!("a wrong answer: status {}, {} bytes: {text}", answer.status, answer.body.len());
        }
        Ok(())
    }
}

/// An answer, in the connection's buffer.
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its status line and headers.
    pub head: &'a str,
    /// Its body.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// The value of a cookie that it sets.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (header, value) = line.split_once(": ")?;
            let value = header.eq_ignore_ascii_case("set-cookie").then_some(value)?;
            value.strip_prefix(name)?.strip_prefix('=')?.split(';').next()
        })
    }
}

/// A connection that is kept.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects, on demand from an address of one's own (on Linux all of 127.0.0.0/8 is this machine).
    pub async fn open(address: SocketAddr, from: Option<Ipv4Addr>) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(from) = from {
            socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 64 * 1024] })
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        let mut sent = 0;
        while sent < request.len() {
            match self.stream.try_write(&request[sent..]) {
                Ok(more) => sent += more,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(error) => return Err(error.into()),
            }
        }
        let mut read = self.read_more(0).await?;
        let body = loop {
            if let Some(end) = self.buffer[..read].windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            read += self.read_more(read).await?;
        };
        let head = std::str::from_utf8(&self.buffer[..body]).context("headers that are not UTF-8")?;
        let status = head.get(9..12).and_then(|digits| digits.parse().ok()).context("no status line")?;
        let length: usize = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok())
            .context("no Content-Length")?;
        let whole = body + length;
        if self.buffer.len() < whole {
            self.buffer.resize(whole, 0);
        }
        while read < whole {
            read += self.read_more(read).await?;
        }
        ensure!(read == whole, "more bytes than the answer announced");
        let head = std::str::from_utf8(&self.buffer[..body])?;
        Ok(Answer { status, head, body: &self.buffer[body..whole] })
    }

    async fn read_more(&mut self, from: usize) -> anyhow::Result<usize> {
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut self.buffer[from..]) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Drives so many connections as fast as they go; the time that each request took.
pub async fn at_full_speed(
    address: SocketAddr,
    ask: &Ask,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let until = Instant::now() + time;
    let ask = Rc::new(ask.clone());
    let each = (0..connections).map(|number| {
        let ask = Rc::clone(&ask);
        rt::spawn(async move {
            let mut connection = Connection::open(address, None).await?;
            let (mut bytes, mut random, mut took) = (ask.bytes.clone(), Random::new(number), Vec::new());
            loop {
                ask.fill_in(&mut bytes, &mut random);
                let begun = Instant::now();
                if begun >= until {
                    return anyhow::Ok(took);
                }
                ask.check(&connection.send(&bytes).await?)?;
                took.push(begun.elapsed());
            }
        })
    });
    gather(each.collect()).await
}

/// Sends so many requests a second, over some connections; the time that each took. A request that had to wait because
/// the one before it was late counts from the moment at which it was due.
pub async fn at_a_pace(address: SocketAddr, ask: &Ask, a_second: u32, time: Duration) -> anyhow::Result<Vec<Duration>> {
    const CONNECTIONS: u32 = 10;
    let start = Instant::now() + Duration::from_millis(20);
    let ask = Rc::new(ask.clone());
    let each = (0..CONNECTIONS).map(|number| {
        let ask = Rc::clone(&ask);
        rt::spawn(async move {
            let mut connection = Connection::open(address, None).await?;
            let (mut bytes, mut random, mut took) = (ask.bytes.clone(), Random::new(number as usize), Vec::new());
            let mut due = start + Duration::from_secs(1) * number / a_second;
            while due < start + time {
                let now = Instant::now();
                let begun = if now < due {
                    rt::time::sleep_until(due.into()).await;
                    Instant::now()
                } else {
                    due
                };
                ask.fill_in(&mut bytes, &mut random);
                ask.check(&connection.send(&bytes).await?)?;
                took.push(begun.elapsed());
                due += Duration::from_secs(1) * CONNECTIONS / a_second;
            }
            anyhow::Ok(took)
        })
    });
    gather(each.collect()).await
}

async fn gather(tasks: Vec<rt::task::JoinHandle<anyhow::Result<Vec<Duration>>>>) -> anyhow::Result<Vec<Duration>> {
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await??);
    }
    Ok(all)
}

/// Someone at the sign-in page, at an address of their own, so that no throttle takes them for one attacker.
pub struct Person {
    address: SocketAddr,
    connection: Connection,
    request: Vec<u8>,
}

impl Person {
    /// Opens the sign-in page and fills in the form.
    pub async fn arrive(address: SocketAddr, from: Ipv4Addr, email: &str, password: &str) -> anyhow::Result<Self> {
        let mut connection = Connection::open(address, Some(from)).await?;
        let page = connection.send(format!("GET /login HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
        let text = std::str::from_utf8(page.body)?;
        let cookie = page.cookie("keystead_form").context("the sign-in page sets no form cookie")?.to_owned();
        let csrf = text
            .split_once("name=\"csrf\" value=\"")
            .and_then(|(_, rest)| rest.split('"').next())
            .context("the sign-in page has no CSRF token")?;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("csrf", csrf), ("next", ""), ("email", email), ("password", password)])
            .finish();
        let request = format!(
            "POST /login HTTP/1.1\r\nHost: {address}\r\nCookie: keystead_form={cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        Ok(Self { address, connection, request: request.into_bytes() })
    }

    /// Signs in; the session cookie's value.
    pub async fn sign_in(&mut self) -> anyhow::Result<String> {
        let answer = self.connection.send(&self.request).await?;
        ensure!(answer.status == 303, "{} refused a sign-in: {}", self.address, answer.head);
        Ok(answer.cookie("keystead_session").context("a sign-in set no session cookie")?.to_owned())
    }

    /// Tries again and again until a moment, waiting where the answer says so: what came of it.
    pub async fn keep_trying(mut self, until: Instant) -> anyhow::Result<Flood> {
        let mut flood = Flood::default();
        loop {
            let begun = Instant::now();
            if begun >= until {
                return Ok(flood);
            }
            let answer = self.connection.send(&self.request).await?;
            let counted = match answer.status {
                303 => {
                    flood.let_in.push(begun.elapsed());
                    continue;
                }
                422 => &mut flood.refused,
                429 => &mut flood.throttled,
                503 => &mut flood.busy,
                other => bail!("a sign-in was answered with {other}: {}", answer.head),
            };
            *counted += 1;
            let wait = answer
                .head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("retry-after: ")?.parse().ok());
            rt::time::sleep_until((begun + Duration::from_secs(wait.unwrap_or(0))).min(until).into()).await;
        }
    }

    /// Signs in again and again until a moment; the time that each took.
    pub async fn keep_signing_in(mut self, until: Instant) -> anyhow::Result<Vec<Duration>> {
        let mut took = Vec::new();
        loop {
            let begun = Instant::now();
            if begun >= until {
                return Ok(took);
            }
            self.sign_in().await?;
            took.push(begun.elapsed());
        }
    }
}

/// All of them at once, until a moment.
pub async fn storm(people: Vec<Person>, until: Instant) -> anyhow::Result<Vec<Duration>> {
    gather(people.into_iter().map(|person| rt::spawn(person.keep_signing_in(until))).collect()).await
}

/// What came of many sign-ins.
#[derive(Default)]
pub struct Flood {
    /// How long those that were let in took.
    pub let_in: Vec<Duration>,
    /// There was no such account, or the password was wrong.
    pub refused: usize,
    /// After too many failures.
    pub throttled: usize,
    /// Because too many wanted in at once.
    pub busy: usize,
}

impl Flood {
    /// More of it.
    pub fn add(&mut self, more: Self) {
        self.let_in.extend(more.let_in);
        self.refused += more.refused;
        self.throttled += more.throttled;
        self.busy += more.busy;
    }
}

/// All of them at once, let in or not, until a moment.
pub async fn flood(people: Vec<Person>, until: Instant) -> anyhow::Result<Flood> {
    let tasks: Vec<_> = people.into_iter().map(|person| rt::spawn(person.keep_trying(until))).collect();
    let mut all = Flood::default();
    for task in tasks {
        all.add(task.await??);
    }
    Ok(all)
}

/// An address of somebody's own, in a network of their own.
pub fn home(number: usize) -> Ipv4Addr {
    let [.., high, low] = number.to_be_bytes();
    Ipv4Addr::new(127, high.saturating_add(1), low, 1)
}

/// So many begin with the provider, come back with a code, and wait for the answer, again and again until a moment; the
/// time that each waited.
pub async fn wait_for_provider(address: SocketAddr, people: usize, until: Instant) -> anyhow::Result<Vec<Duration>> {
    let each = (0..people).map(|number| {
        rt::spawn(async move {
            let mut connection = Connection::open(address, Some(home(2000 + number))).await?;
            let mut took = Vec::new();
            while Instant::now() < until {
                let begin = format!("GET /login/hanging HTTP/1.1\r\nHost: {address}\r\n\r\n");
                let sent = connection.send(begin.as_bytes()).await?;
                ensure!(sent.status == 303, "not sent to the provider: {}", sent.head);
                let state = sent.head.split_once("state=").context("no state")?.1.get(..64).context("a short state")?;
                let browser = sent.cookie("keystead_flow").context("no cookie for the way back")?;
                let back = format!(
                    "GET /login/hanging/callback?code=1&state={state} HTTP/1.1\r\nHost: {address}\r\nCookie: keystead_flow={browser}\r\n\r\n"
                );
                let begun = Instant::now();
                let answer = connection.send(back.as_bytes()).await?;
                ensure!(answer.status == 503, "the provider answered: {}", answer.head);
                took.push(begun.elapsed());
            }
            anyhow::Ok(took)
        })
    });
    gather(each.collect()).await
}

/// Xorshift: which token comes next is no secret, and must cost nothing.
pub struct Random(u64);

impl Random {
    /// From one seed the same ones.
    pub fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// One of so many.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % end
    }
}
