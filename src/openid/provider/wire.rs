//! The way to a provider: TLS, short waits, bounded answers, no redirects.

use std::time::Duration;

use openidconnect::{HttpRequest, HttpResponse, http, reqwest};

use crate::config::is_safe;

/// How long anybody waits for a provider.
pub const PATIENCE: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(3);
/// The largest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 256 * 1024;

/// A client for one provider.
pub struct Wire {
    client: reqwest::Client,
    in_the_clear: bool,
}

impl Wire {
    /// Makes it, with a certificate authority besides the public ones.
    ///
    /// # Errors
    /// When that is none.
    pub fn new(issuer: &str, ca_pem: Option<&[u8]>) -> Result<Self, reqwest::Error> {
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            // A kept connection would belong to the worker that opened it.
            .pool_max_idle_per_host(0)
            .user_agent("Keystead");
        if let Some(pem) = ca_pem {
            let all = reqwest::Certificate::from_pem_bundle(pem)?;
            client = all.into_iter().fold(client, reqwest::ClientBuilder::add_root_certificate);
        }
        Ok(Self { client: client.build()?, in_the_clear: issuer.starts_with("http://") })
    }

    /// With https; without only where the issuer itself is a developer's, on this machine.
    pub fn may_talk_to(&self, url: &url::Url) -> bool {
        is_safe(url) && (url.scheme() == "https" || self.in_the_clear)
    }

    /// Asks.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let request = reqwest::Request::try_from(request)?;
        if !self.may_talk_to(request.url()) {
            return Err(FetchError::Unsafe);
        }
        let mut response = self.client.execute(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_server_error() {
            return Err(FetchError::Failing(status));
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await? {
            if body.len() + piece.len() > ANSWER_LIMIT {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        let mut answer = http::Response::new(body);
        (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
        Ok(answer)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The network, TLS, or time.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// It would go over the network in the clear.
    #[error("an endpoint is not https")]
    Unsafe,
    /// Its own trouble.
    #[error("it answers {0}")]
    Failing(http::StatusCode),
    /// More than anybody has to say.
    #[error("an answer is too large")]
    TooLarge,
}

/// An error with its causes. Parts of tokens or bodies are in none of them.
pub fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text.chars().take(300).collect()
}
