//! A small HTTP client of our own: the tests send what no library would (two `Host` headers, half a body, a lie about
//! its length), and read answers as they are, redirects and cookies included.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// No answer takes longer, or the test is broken.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request, as it will be written.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn post(target: &str) -> Self {
        Self::new("POST", target)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn bearer(self, credential: &str) -> Self {
        self.header("Authorization", &format!("Bearer {credential}"))
    }

    pub fn form<N: AsRef<str>, V: AsRef<str>>(self, pairs: &[(N, V)]) -> Self {
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.body("application/x-www-form-urlencoded", text.into_bytes())
    }

    /// A form with a file in its last field.
    pub fn multipart<N: AsRef<str>, V: AsRef<str>>(self, pairs: &[(N, V)], field: &str, file: &[u8]) -> Self {
        const BOUNDARY: &str = "------------------------test4f1d";
        let mut body = Vec::new();
        for (name, value) in
            pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).filter(|(name, _)| *name != field)
        {
            let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.into_bytes());
        }
        let head = format!("name=\"{field}\"; filename=\"me.png\"\r\nContent-Type: image/png");
        body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n").into_bytes());
        body.extend_from_slice(file);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        self.body(&format!("multipart/form-data; boundary={BOUNDARY}"), body)
    }

    pub fn json(self, value: &serde_json::Value) -> Self {
        self.body("application/json", value.to_string().into_bytes())
    }

    pub fn body(mut self, kind: &str, body: Vec<u8>) -> Self {
        self.body = body;
        self.header("Content-Type", kind)
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// The bytes on the wire; what HTTP needs and the test did not set is filled in.
    pub fn wire(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let mut line = |name: &str, value: &str| head.extend([name, ": ", value, "\r\n"]);
        if !self.has("host") {
            line("Host", host);
        }
        for (name, value) in &self.headers {
            line(name, value);
        }
        let sized = self.has("content-length") || self.has("transfer-encoding");
        if !sized && (!self.body.is_empty() || self.method == "POST") {
            line("Content-Length", &self.body.len().to_string());
        }
        if !self.has("connection") {
            line("Connection", "close");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// An answer, as it was read.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let name = name.to_ascii_lowercase();
        self.headers.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the answer is UTF-8")
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, self.text()))
    }

    /// Where a redirect leads; empty for every other answer.
    pub fn location(&self) -> &str {
        self.header("location").unwrap_or_default()
    }

    /// One cookie that this answer sets: its value and its attributes.
    pub fn cookie(&self, name: &str) -> Option<(&str, Vec<&str>)> {
        self.all("set-cookie").find_map(|line| {
            let mut parts = line.split(';').map(str::trim);
            let value = parts.next()?.strip_prefix(name)?.strip_prefix('=')?;
            Some((value, parts.collect()))
        })
    }

    /// For comparing answers that must look alike: without what differs in every one.
    pub fn masked(&self) -> String {
        let mut text = self.text();
        for (before, after) in [("name=\"csrf\" value=\"", '"'), ("name=\"form_id\" value=\"", '"'), ("<code>", '<')] {
            let mut kept = String::new();
            let mut rest = text.as_str();
            while let Some(start) = rest.find(before) {
                kept.push_str(&rest[..start + before.len()]);
                rest = &rest[start + before.len()..];
                rest = &rest[rest.find(after).unwrap_or(0)..];
            }
            kept.push_str(rest);
            text = kept;
        }
        let mut headers: Vec<String> = self
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "date" | "content-length" | "x-request-id" | "set-cookie"))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        headers.sort();
        format!("{}\n{}\n\n{text}", self.status, headers.join("\n"))
    }
}

/// A connection that may carry more than one exchange.
pub struct Connection {
    stream: TcpStream,
    host: String,
    /// What was read beyond the last answer.
    rest: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr, host: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("nodelay can be set");
        Self { stream, host: host.to_owned(), rest: Vec::new() }
    }

    /// Writes bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Writes a request and reads its answer.
    pub fn send(&mut self, request: &Request) -> std::io::Result<Response> {
        let bytes = request.wire(&self.host);
        // Who refuses a body early need not read it: what counts is the answer.
        let written = self.write(&bytes);
        let answer = self.read(&request.method).map_err(|error| written.err().unwrap_or(error))?;
        // Whatever a test asks of the calls, the answer is as their document says.
        super::openapi::check(request, &answer);
        Ok(answer)
    }

    /// Reads one answer.
    pub fn read(&mut self, method: &str) -> std::io::Result<Response> {
        let mut bytes = std::mem::take(&mut self.rest);
        let end = loop {
            if let Some(place) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break place;
            }
            if self.more(&mut bytes)? == 0 {
                return Err(std::io::Error::other(format!("no whole answer, only {bytes:?}")));
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).map_err(std::io::Error::other)?;
        let mut body = bytes.split_off(end + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let status = status.ok_or_else(|| std::io::Error::other(format!("no status in {head:?}")))?;
        let mut response = Response { status, headers, body: Vec::new() };
        let bodiless = method == "HEAD" || status == 304 || status == 204;
        if response.header("transfer-encoding").is_some() {
            let disposition = response.header("content-disposition").unwrap_or_default();
            assert!(disposition.contains("-log-"), "every answer has a length, but for a log that is exported");
            if !bodiless {
                response.body = self.pieces(&mut body)?;
            }
            self.rest = body;
            return Ok(response);
        }
        let length = response.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0usize);
        let length = if bodiless { 0 } else { length };
        while body.len() < length {
            if self.more(&mut body)? == 0 {
                return Err(std::io::Error::other("the body broke off"));
            }
        }
        self.rest = body.split_off(length);
        response.body = body;
        Ok(response)
    }

    /// A body of chunks (RFC 9112, 7.1); what comes after it is left in `bytes`.
    fn pieces(&mut self, bytes: &mut Vec<u8>) -> std::io::Result<Vec<u8>> {
        let (mut whole, mut at) = (Vec::new(), 0);
        loop {
            let line = loop {
                match bytes[at..].windows(2).position(|two| two == b"\r\n") {
                    Some(end) => break at + end,
                    None if self.more(bytes)? == 0 => return Err(std::io::Error::other("the body broke off")),
                    None => {}
                }
            };
            let size = std::str::from_utf8(&bytes[at..line]).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
            let size = size.ok_or_else(|| std::io::Error::other("no size of a chunk"))?;
            while bytes.len() < line + 2 + size + 2 {
                if self.more(bytes)? == 0 {
                    return Err(std::io::Error::other("the body broke off"));
                }
            }
            whole.extend_from_slice(&bytes[line + 2..line + 2 + size]);
            at = line + 2 + size + 2;
            if size == 0 {
                bytes.drain(..at);
                return Ok(whole);
            }
        }
    }

    /// Whether the server has closed: nothing more comes.
    pub fn is_closed(&mut self) -> bool {
        self.rest.is_empty() && matches!(self.more(&mut Vec::new()), Ok(0) | Err(_))
    }

    fn more(&mut self, into: &mut Vec<u8>) -> std::io::Result<usize> {
        let mut piece = [0; 16 * 1024];
        let count = self.stream.read(&mut piece)?;
        into.extend_from_slice(&piece[..count]);
        Ok(count)
    }
}
