//! One provider: where its endpoints are, which keys it signs with, and who it says that somebody is.
//!
//! Nothing here happens at the start, and nothing waits for long: a provider that hangs costs whoever wants it five
//! seconds, and nobody else anything. The answers are bounded in size, and no redirect is followed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJsonWebKeySet,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode,
    CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse, CoreSubjectIdentifierType,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, AuthType, AuthorizationCode, ClaimsVerificationError, Client,
    ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IdTokenFields, IdTokenVerifier, IssuerUrl, JsonWebKeySet, LoginHint, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, Scope,
    SignatureVerificationError, StandardErrorResponse, StandardTokenResponse, TokenResponse, UserInfoClaims, http,
    reqwest,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Semaphore};

use crate::clock::Timestamp;
use crate::config::{ProviderConfig, is_safe};

/// How long anybody waits for a provider.
const PATIENCE: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(3);
/// The largest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 256 * 1024;
/// How many sign-ins with one provider are exchanged at once.
const AT_ONCE: usize = 16;
/// For how many seconds its discovery document and keys are kept,
const KEPT: i64 = 60 * 60;
/// after how many a failed look is repeated,
const RETRY: i64 = 10;
/// and how many lie between two looks for a new key.
const KEY_LOOK: i64 = 60;
/// How far its clock may be off, in seconds.
const SKEW: i64 = 5 * 60;

/// Why there is no answer, or none that counts. The words are for the log: they hold no token and no code.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// It hangs, fails, or talks nonsense; somebody should try again later, or sign in in another way.
    #[error("does not answer as it should: {0}")]
    NotAnswering(String),
    /// It answered, and the answer is not to be believed.
    #[error("gave an answer that is refused: {0}")]
    Refused(String),
}

/// What a provider says of somebody, checked.
#[derive(Debug, Clone)]
pub struct Claims {
    /// Its own unchanging name for them.
    pub subject: String,
    /// Their address, whatever it is worth.
    pub email: Option<String>,
    /// Whether it says that the address is theirs.
    pub email_verified: Option<bool>,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// When they last proved to it who they are.
    pub authenticated_at: Option<Timestamp>,
    /// How (`amr`).
    pub methods: Vec<String>,
    /// How strictly (`acr`).
    pub context: Option<String>,
    /// The Google Workspace that the account belongs to.
    pub hosted_domain: Option<String>,
}

/// What binds an answer to its question.
pub struct Secrets {
    /// Comes back in the address.
    pub state: String,
    /// Comes back inside the token.
    pub nonce: String,
    /// Shows that the code is ours (PKCE).
    pub verifier: String,
}

/// What a sign-in asks of the provider beyond who somebody is.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Have them sign in anew, whether or not they are signed in there.
    pub fresh: bool,
    /// Let them choose among their accounts.
    pub choose: bool,
    /// Whom we expect.
    pub hint: Option<String>,
}

/// A provider.
pub struct Provider {
    /// As the operator set it up.
    pub config: ProviderConfig,
    http: reqwest::Client,
    redirect: RedirectUrl,
    known: Mutex<Known>,
    permits: Semaphore,
}

#[derive(Default)]
struct Known {
    metadata: Option<Arc<Metadata>>,
    fetched_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    keys_looked_for_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct More {
    authorization_response_iss_parameter_supported: Option<bool>,
}

impl AdditionalProviderMetadata for More {}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Hosted {
    hd: Option<String>,
}

impl AdditionalClaims for Hosted {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Answer = StandardTokenResponse<
    IdTokenFields<
        Hosted,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type RelyingParty = Client<
    Hosted,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Answer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Signatures that are believed: with a private key of the provider's alone. Never `none`, never a shared secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

impl Provider {
    /// Makes ready; asks nothing yet.
    ///
    /// # Errors
    /// One line about the setting that is wrong.
    pub fn new(config: ProviderConfig, callback: String) -> Result<Self, String> {
        let named = |key: &str, error: &dyn fmt::Display| format!("providers: provider {}: {key}: {error}", config.id);
        let mut http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            // A kept connection would belong to the worker that opened it.
            .pool_max_idle_per_host(0)
            .user_agent("Keystead");
        if let Some(pem) = &config.ca_pem {
            let all = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| named("ca_file", &error))?;
            http = all.into_iter().fold(http, reqwest::ClientBuilder::add_root_certificate);
        }
        let http = http.build().map_err(|error| named("ca_file", &error))?;
        let redirect = RedirectUrl::new(callback).map_err(|error| named("id", &error))?;
        Ok(Self { config, http, redirect, known: Mutex::default(), permits: Semaphore::new(AT_ONCE) })
    }

    /// Where to send somebody.
    ///
    /// # Errors
    /// [`Trouble::NotAnswering`].
    pub async fn authorization_url(&self, secrets: &Secrets, wish: &Wish, now: Timestamp) -> Result<url::Url, Trouble> {
        let metadata = self.metadata(now).await?;
        let client = self.client(&metadata);
        let (state, nonce) = (secrets.state.clone(), secrets.nonce.clone());
        let verifier = PkceCodeVerifier::new(secrets.verifier.clone());
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_scopes(self.config.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new));
        if wish.fresh {
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO);
        } else if wish.choose && self.config.is_google() {
            request = request.add_prompt(CoreAuthPrompt::SelectAccount);
        }
        if let Some(hint) = &wish.hint {
            request = request.set_login_hint(LoginHint::new(hint.clone()));
        }
        if let Some(domain) = &self.config.hosted_domain {
            request = request.add_extra_param("hd", domain.clone());
        }
        let (url, ..) = request.url();
        Ok(url)
    }

    /// Checks who it says that it is (RFC 9207): an answer of one provider must not be taken for another's.
    ///
    /// # Errors
    /// [`Trouble::Refused`].
    pub async fn check_issuer(&self, iss: Option<&str>, now: Timestamp) -> Result<(), Trouble> {
        match iss {
            Some(iss) if iss == self.config.issuer => Ok(()),
            Some(_) => Err(Trouble::Refused("it names another issuer".to_owned())),
            None if self.always_names_itself(now).await? => {
                Err(Trouble::Refused("it does not name its issuer".to_owned()))
            }
            None => Ok(()),
        }
    }

    async fn always_names_itself(&self, now: Timestamp) -> Result<bool, Trouble> {
        let metadata = self.metadata(now).await?;
        Ok(metadata.additional_metadata().authorization_response_iss_parameter_supported == Some(true))
    }

    /// Exchanges a code for what the provider says of whoever brought it.
    ///
    /// # Errors
    /// Either [`Trouble`].
    pub async fn identify(
        &self,
        code: String,
        secrets: Secrets,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Result<Claims, Trouble> {
        let _permit = self.permits.try_acquire().map_err(|_| Trouble::NotAnswering("too many at once".to_owned()))?;
        tokio::time::timeout(PATIENCE, self.exchange(code, secrets, started_at, now))
            .await
            .map_err(|_| Trouble::NotAnswering("no answer in time".to_owned()))?
    }

    async fn exchange(
        &self,
        code: String,
        secrets: Secrets,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Result<Claims, Trouble> {
        let metadata = self.metadata(now).await?;
        let (client, http) = (self.client(&metadata), |request| self.fetch(request));
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| Trouble::NotAnswering(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(secrets.verifier))
            .request_async(&http)
            .await
            .map_err(refused_exchange)?;
        let token = answer.id_token().ok_or_else(|| Trouble::Refused("there is no ID token".to_owned()))?;
        let nonce = Nonce::new(secrets.nonce);
        let verifier = |keys: &CoreJsonWebKeySet| self.verifier(keys.clone(), started_at, now);
        let claims = match token.claims(&verifier(metadata.jwks()), &nonce) {
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_),
            )) => {
                // Perhaps it has a new key. It is asked for once a minute at most, whatever tokens come.
                let keys = self.newer_keys(&metadata, now).await?;
                token.claims(&verifier(keys.jwks()), &nonce)
            }
            outcome => outcome,
        };
        let claims = claims.map_err(|error| Trouble::Refused(describe(&error)))?;
        if claims.authorized_party().is_some_and(|party| party.as_str() != self.config.client_id) {
            return Err(Trouble::Refused("azp is another client".to_owned()));
        }
        let subject = claims.subject().as_str().to_owned();
        if subject.is_empty() || subject.len() > 255 || subject.contains(char::is_control) {
            return Err(Trouble::Refused("sub is not 1 to 255 plain characters".to_owned()));
        }
        let mut said = Claims {
            subject,
            email: claims.email().map(|email| email.as_str().to_owned()),
            email_verified: claims.email_verified(),
            first_name: first(claims.given_name()),
            last_name: first(claims.family_name()),
            authenticated_at: claims.auth_time().map(|time| Timestamp::from_unix(time.timestamp())),
            methods: claims.auth_method_refs().into_iter().flatten().map(|method| method.as_str().to_owned()).collect(),
            context: claims.auth_context_ref().map(|context| context.as_str().to_owned()),
            hosted_domain: claims.additional_claims().hd.clone(),
        };
        if said.email.is_none() && client.user_info_url().is_some() {
            let info: UserInfoClaims<Hosted, CoreGenderClaim> = client
                .user_info(answer.access_token().clone(), Some(claims.subject().clone()))
                .map_err(|error| Trouble::NotAnswering(error.to_string()))?
                .request_async(&http)
                .await
                .map_err(|error| Trouble::Refused(format!("user info: {}", reason(&error))))?;
            said.email = info.email().map(|email| email.as_str().to_owned());
            said.email_verified = info.email_verified();
            if said.first_name.is_empty() {
                said.first_name = first(info.given_name());
                said.last_name = first(info.family_name());
            }
        }
        Ok(said)
    }

    fn client(&self, metadata: &Metadata) -> RelyingParty {
        let secret = self.config.client_secret.as_ref().map(|secret| ClientSecret::new(secret.reveal().to_owned()));
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes = |method: &CoreClientAuthMethod| methods.is_none_or(|all| all.contains(method));
        let client = RelyingParty::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.config.client_id.clone()),
            secret,
        )
        .set_redirect_uri(self.redirect.clone());
        if takes(&CoreClientAuthMethod::ClientSecretBasic) {
            client
        } else {
            client.set_auth_type(AuthType::RequestBody)
        }
    }

    fn verifier(
        &self,
        keys: CoreJsonWebKeySet,
        started_at: Timestamp,
        now: Timestamp,
    ) -> IdTokenVerifier<'static, CoreJsonWebKey> {
        let issuer = IssuerUrl::new(self.config.issuer.clone()).expect("the settings were checked");
        let seconds = u64::try_from(now.unix()).unwrap_or_default();
        // As for a public client: then no secret that both sides know can ever sign.
        IdTokenVerifier::new_public_client(ClientId::new(self.config.client_id.clone()), issuer, keys)
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || (UNIX_EPOCH + Duration::from_secs(seconds)).into())
            .set_issue_time_verifier_fn(move |issued| {
                let at = Timestamp::from_unix(issued.timestamp());
                if now.until(at) > SKEW {
                    Err("it was issued in the future".to_owned())
                } else if at.until(started_at) > SKEW {
                    Err("it was issued before it was asked for".to_owned())
                } else {
                    Ok(())
                }
            })
    }

    /// Its endpoints and keys; from memory, as a rule.
    async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, Trouble> {
        // Whoever comes while somebody asks waits for the same answer, and gets it at once.
        let mut known = self.known.lock().await;
        let within = |at: Option<Timestamp>, seconds| at.is_some_and(|at| (0..seconds).contains(&at.until(now)));
        if within(known.fetched_at, KEPT) || within(known.failed_at, RETRY) {
            let why = || Trouble::NotAnswering("it did not a moment ago".to_owned());
            return known.metadata.clone().ok_or_else(why);
        }
        let issuer = IssuerUrl::new(self.config.issuer.clone()).expect("the settings were checked");
        let http = |request| self.fetch(request);
        let asked = tokio::time::timeout(PATIENCE, Metadata::discover_async(issuer, &http)).await;
        let fault = match asked {
            Ok(Ok(metadata)) if self.may_talk_to(metadata.authorization_endpoint().url()) => {
                let metadata = Arc::new(metadata);
                *known = Known { metadata: Some(Arc::clone(&metadata)), fetched_at: Some(now), ..Known::default() };
                return Ok(metadata);
            }
            Ok(Ok(_)) => "its authorization endpoint is not https".to_owned(),
            Ok(Err(error)) => reason(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        known.failed_at = Some(now);
        tracing::warn!(provider = self.config.id, reason = ?fault, "a provider's discovery document cannot be had");
        // What was known until now may well still hold.
        known.metadata.clone().ok_or(Trouble::NotAnswering(fault))
    }

    async fn newer_keys(&self, metadata: &Arc<Metadata>, now: Timestamp) -> Result<Arc<Metadata>, Trouble> {
        let mut known = self.known.lock().await;
        if known.keys_looked_for_at.is_some_and(|at| (0..KEY_LOOK).contains(&at.until(now))) {
            return Ok(known.metadata.clone().unwrap_or_else(|| Arc::clone(metadata)));
        }
        known.keys_looked_for_at = Some(now);
        let http = |request| self.fetch(request);
        let keys = JsonWebKeySet::fetch_async(metadata.jwks_uri(), &http)
            .await
            .map_err(|error| Trouble::NotAnswering(format!("keys: {}", reason(&error))))?;
        let fresh = Arc::new(Metadata::clone(metadata).set_jwks(keys));
        known.metadata = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// With https; without only where the issuer itself is a developer's, on this machine.
    fn may_talk_to(&self, url: &url::Url) -> bool {
        is_safe(url) && (url.scheme() == "https" || self.config.issuer.starts_with("http://"))
    }

    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let request = reqwest::Request::try_from(request)?;
        if !self.may_talk_to(request.url()) {
            return Err(FetchError::Unsafe);
        }
        let mut response = self.http.execute(request).await?;
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

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("an endpoint is not https")]
    Unsafe,
    #[error("it answers {0}")]
    Failing(http::StatusCode),
    #[error("an answer is too large")]
    TooLarge,
}

type ExchangeError = openidconnect::RequestTokenError<FetchError, StandardErrorResponse<CoreErrorResponseType>>;

fn refused_exchange(error: ExchangeError) -> Trouble {
    use openidconnect::RequestTokenError as Failed;
    match error {
        // "invalid_grant": the code was used, or is not ours. "invalid_client": the operator's secret is wrong.
        Failed::ServerResponse(answer) => Trouble::Refused(format!("the exchange: {}", answer.error())),
        Failed::Request(FetchError::TooLarge) => Trouble::Refused(FetchError::TooLarge.to_string()),
        Failed::Parse(error, _) => Trouble::Refused(format!("the exchange: {}", error.inner())),
        other => Trouble::NotAnswering(reason(&other)),
    }
}

/// An error with its causes. Parts of tokens or bodies are in none of them.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text.chars().take(300).collect()
}

fn describe(error: &ClaimsVerificationError) -> String {
    format!("the ID token: {}", reason(error))
}

fn first<T: std::ops::Deref<Target = String>>(claim: Option<&openidconnect::LocalizedClaim<T>>) -> String {
    claim
        .and_then(|claim| claim.get(None).or_else(|| claim.iter().next().map(|(_, value)| value)))
        .map(|value| value.to_string())
        .unwrap_or_default()
}
