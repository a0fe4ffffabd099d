//! A provider of the tests' own: speaks OpenID Connect as well, or as badly, as a test wants.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as B64};
use hmac::{Hmac, KeyInit, Mac};
use keystead::config::{Config, ProviderConfig};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Browser, NOW, Page};

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// With the key that is published.
    Well,
    /// Not at all: `alg` is `none`.
    Not,
    /// `HS256`, with the published key as the secret.
    WithThePublicKey,
    /// `HS256`, with the client's secret.
    WithTheSecret,
    /// With another key, under the published one's name.
    ByAnother,
    /// With another key, under its own name.
    ByAnUnknown,
    /// Well, and changed afterwards.
    ThenChanged,
}

type Bend = Arc<dyn Fn(&mut Value, &mut Value) + Send + Sync>;

/// What it does when it is asked.
pub struct Play {
    /// Answers nothing for so long.
    pub hang: Option<Duration>,
    /// Answers every request with this status.
    pub fail: Option<u16>,
    /// Changes the discovery document.
    pub discovery: Value,
    /// How tokens are signed.
    pub signed: Signed,
    /// Changes a token's head and claims before it is signed.
    pub bend: Option<Bend>,
    /// Answers requests for this path with 500.
    pub fail_at: Option<&'static str>,
    /// Takes a code as often as it comes.
    pub lenient: bool,
    /// Takes a code from whoever has it: it knows no PKCE.
    pub careless: bool,
    /// What it says of somebody to whoever has the access token.
    pub user_info: Option<Value>,
    /// How often each path was asked for.
    pub asked: BTreeMap<String, usize>,
    grants: HashMap<String, Grant>,
    key: Key,
}

struct Grant {
    claims: Value,
    challenge: String,
    redirect: String,
}

struct Key {
    pair: EcdsaKeyPair,
    name: String,
}

impl Key {
    fn new(name: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { pair, name: name.to_owned() }
    }

    fn public(&self) -> Value {
        let point = &self.pair.public_key().as_ref()[1..];
        let (x, y) = (B64.encode(&point[..32]), B64.encode(&point[32..]));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.name, "x": x, "y": y })
    }

    fn sign(&self, text: &str) -> Vec<u8> {
        self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref().to_vec()
    }
}

pub const SECRET: &str = "the client's secret";

pub struct Issuer {
    pub url: String,
    play: Arc<Mutex<Play>>,
    server: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Issuer {
    pub fn start() -> Self {
        let play = Arc::new(Mutex::new(Play {
            hang: None,
            fail: None,
            discovery: json!({}),
            signed: Signed::Well,
            bend: None,
            fail_at: None,
            lenient: false,
            careless: false,
            user_info: None,
            asked: BTreeMap::new(),
            grants: HashMap::new(),
            key: Key::new("one"),
        }));
        let (sender, started) = channel();
        let shared = Arc::clone(&play);
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    App::new().app_data(web::Data::from(Arc::clone(&shared))).default_service(web::to(answer))
                });
                let server = server.workers(1).disable_signals().shutdown_timeout(0).bind("127.0.0.1:0").unwrap();
                let address: SocketAddr = server.addrs()[0];
                let server = server.run();
                sender.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, server) = started.recv().expect("the issuer starts");
        Self { url: format!("http://{address}"), play, server, thread: Some(thread) }
    }

    /// Changes what it does.
    pub fn play(&self) -> MutexGuard<'_, Play> {
        self.play.lock().unwrap()
    }

    /// As an operator sets it up, with more keys.
    pub fn provider(&self, id: &str, more: &Value) -> ProviderConfig {
        let mut keys = json!({
            "id": id, "name": "Example", "issuer": self.url, "client_id": "keystead", "client_secret": SECRET,
        });
        keys.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let variable = ("KEYSTEAD_PROVIDERS".to_owned(), json!([keys]).to_string());
        Config::load(None, [variable]).expect("the settings are right").providers.remove(0)
    }

    /// It has another key from now on.
    pub fn rotate(&self) {
        self.play().key = Key::new("two");
    }

    /// Somebody whom it knows under a subject says yes: the path that it sends their browser back to.
    #[track_caller]
    pub fn says_yes(&self, sent_to: &str, subject: &str, more: &Value) -> String {
        let asked = Asked::read(sent_to, &self.url);
        let mut claims = json!({
            "iss": self.url, "sub": subject, "aud": "keystead", "nonce": asked.get("nonce"),
            "iat": NOW.unix(), "exp": NOW.unix() + 3600,
            "email": format!("{subject}@example.com"), "email_verified": true,
            "given_name": "Carol", "family_name": "Shaw",
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let code = format!("code-{}", keystead::ids::ulid());
        let redirect = asked.get("redirect_uri");
        let grant = Grant { claims, challenge: asked.get("code_challenge"), redirect: redirect.clone() };
        self.play().grants.insert(code.clone(), grant);
        asked.back(&[("code", &code), ("state", &asked.get("state"))])
    }

    /// They say no.
    #[track_caller]
    pub fn says_no(&self, sent_to: &str) -> String {
        let asked = Asked::read(sent_to, &self.url);
        asked.back(&[("error", "access_denied"), ("error_description", "<b>no</b>"), ("state", &asked.get("state"))])
    }

    /// A whole sign-in, as far as it goes.
    #[track_caller]
    pub fn sign_in(&self, browser: &mut Browser, subject: &str, more: &Value) -> Page {
        self.go(browser, "/login/example", subject, more)
    }

    /// The same from another page that leads there.
    #[track_caller]
    pub fn go(&self, browser: &mut Browser, from: &str, subject: &str, more: &Value) -> Page {
        let sent = browser.get(from).expect(303);
        let back = self.says_yes(sent.location(), subject, more);
        browser.get(&back)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        drop(self.server.stop(false));
        drop(self.thread.take());
    }
}

/// What the authorization endpoint is asked.
pub struct Asked(url::Url);

impl Asked {
    #[track_caller]
    pub fn read(sent_to: &str, issuer: &str) -> Self {
        let url = url::Url::parse(sent_to).unwrap_or_else(|_| panic!("not sent away, but to {sent_to:?}"));
        assert!(sent_to.starts_with(&format!("{issuer}/authorize?")), "{sent_to}");
        Self(url)
    }

    pub fn has(&self, name: &str) -> Option<String> {
        let mut all = self.0.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let value = all.next();
        assert_eq!(all.next(), None, "{name} twice");
        value
    }

    #[track_caller]
    pub fn get(&self, name: &str) -> String {
        self.has(name).unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }

    fn back(&self, pairs: &[(&str, &str)]) -> String {
        let redirect = url::Url::parse(&self.get("redirect_uri")).unwrap();
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("{}?{query}", redirect.path())
    }
}

async fn answer(request: HttpRequest, body: web::Bytes, play: web::Data<Mutex<Play>>) -> HttpResponse {
    let (hang, fail) = {
        let mut play = play.lock().unwrap();
        *play.asked.entry(request.path().to_owned()).or_default() += 1;
        (play.hang, play.fail.or_else(|| play.fail_at.filter(|path| *path == request.path()).map(|_| 500)))
    };
    if let Some(time) = hang {
        actix_web::rt::time::sleep(time).await;
    }
    if let Some(status) = fail {
        return HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap()).body("<h1>Oh no</h1>");
    }
    let url = format!("http://{}", request.connection_info().host());
    let mut play = play.lock().unwrap();
    match request.path() {
        "/.well-known/openid-configuration" => {
            let mut document = json!({
                "issuer": url,
                "authorization_endpoint": format!("{url}/authorize"),
                "token_endpoint": format!("{url}/token"),
                "userinfo_endpoint": format!("{url}/me"),
                "jwks_uri": format!("{url}/jwks"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
            });
            document.as_object_mut().unwrap().extend(play.discovery.as_object().unwrap().clone());
            HttpResponse::Ok().json(document)
        }
        "/jwks" => HttpResponse::Ok().json(json!({ "keys": [play.key.public()] })),
        "/token" => {
            let basic = format!(
                "Basic {}",
                STANDARD.encode(format!("keystead:{}", SECRET.replace(' ', "+").replace('\'', "%27")))
            );
            let right_client =
                request.headers().get("authorization").is_some_and(|sent| sent.as_bytes() == basic.as_bytes());
            let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
            let field = |name: &str| form.get(name).cloned().unwrap_or_default();
            let code = field("code");
            let challenge = B64.encode(Sha256::digest(field("code_verifier")));
            let (grant, careless) = (play.grants.get(&code), play.careless);
            let holds = grant.is_some_and(|grant| {
                (careless || grant.challenge == challenge) && grant.redirect == field("redirect_uri")
            });
            if !right_client || !holds {
                let error = if right_client { "invalid_grant" } else { "invalid_client" };
                return HttpResponse::BadRequest().json(json!({ "error": error }));
            }
            let token = play.token(&play.grants[&code].claims);
            if !play.lenient {
                play.grants.remove(&code);
            }
            HttpResponse::Ok().json(json!({ "access_token": "an access token", "token_type": "Bearer", "expires_in": 60, "id_token": token }))
        }
        "/me" if play.user_info.is_some() => HttpResponse::Ok().json(&play.user_info),
        _ => HttpResponse::NotFound().finish(),
    }
}

impl Play {
    fn token(&self, claims: &Value) -> String {
        let mut claims = claims.clone();
        let mut head = json!({ "alg": "ES256", "typ": "JWT", "kid": self.key.name });
        let public = self.key.public().to_string();
        let other = Key::new("other");
        match self.signed {
            Signed::Not => head = json!({ "alg": "none" }),
            Signed::WithThePublicKey | Signed::WithTheSecret => head["alg"] = json!("HS256"),
            Signed::ByAnUnknown => head["kid"] = json!("other"),
            _ => {}
        }
        if let Some(bend) = &self.bend {
            bend(&mut head, &mut claims);
        }
        let part = |value: &Value| B64.encode(value.to_string());
        let text = format!("{}.{}", part(&head), part(&claims));
        let hmac = |key: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        };
        let signature = match self.signed {
            Signed::Not => Vec::new(),
            Signed::WithThePublicKey => hmac(public.as_bytes()),
            Signed::WithTheSecret => hmac(SECRET.as_bytes()),
            Signed::ByAnother | Signed::ByAnUnknown => other.sign(&text),
            Signed::Well | Signed::ThenChanged => self.key.sign(&text),
        };
        if self.signed == Signed::ThenChanged {
            claims["sub"] = json!("somebody else");
            return format!("{}.{}.{}", part(&head), part(&claims), B64.encode(signature));
        }
        format!("{text}.{}", B64.encode(signature))
    }
}
