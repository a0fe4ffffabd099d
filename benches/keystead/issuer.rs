//! A provider that says where it is, and nothing more to whoever asks further.

use actix_web::rt;
use actix_web::rt::net::{TcpListener, TcpStream};
use serde_json::json;

/// It runs until the program ends.
pub struct Hanging {
    url: String,
}

impl Hanging {
    /// Starts it, on this thread.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let document = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        let document = document.to_string();
        rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let document = document.clone();
                rt::spawn(async move { answer(&stream, &document).await });
            }
        });
        Ok(Self { url })
    }

    /// As an operator sets it up.
    pub fn settings(&self) -> String {
        json!([{ "id": "hanging", "issuer": self.url, "client_id": "bench", "client_secret": "bench" }]).to_string()
    }
}

/// Answers what it may, and holds on to the connection until its other end has had enough.
async fn answer(stream: &TcpStream, document: &str) {
    let mut head = vec![0; 16 * 1024];
    let mut read = 0;
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut head[read..]) {
            Ok(0) => return,
            Ok(more) => read += more,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        }
        let body = match &head[..read] {
            asked if !asked.windows(4).any(|four| four == b"\r\n\r\n") => continue,
            asked if asked.starts_with(b"GET /.well-known/") => document,
            asked if asked.starts_with(b"GET /jwks") => "{\"keys\":[]}",
            _ => continue,
        };
        let kind = "Content-Type: application/json\r\nConnection: close";
        let answer = format!("HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        // It is small enough for the empty buffer of a new connection.
        let _ = stream.try_write(answer.as_bytes());
        return;
    }
}
