//! One provider: where to send people, and who it says that somebody is.
//!
//! Nothing here happens at the start, and nothing waits for long: a provider that hangs costs whoever wants it five
//! seconds, and nobody else anything. The answers are bounded in size, and no redirect is followed.

mod dialect;
mod known;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJsonWebKeySet,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, IdTokenVerifier,
    IssuerUrl, LoginHint, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    SignatureVerificationError, StandardErrorResponse, TokenResponse, UserInfoClaims, UserInfoError,
};
use tokio::sync::Semaphore;

use dialect::{ALGORITHMS, Hosted, Metadata, RelyingParty};
use known::Known;
use wire::{FetchError, PATIENCE, Wire, reason};

use crate::clock::Timestamp;
use crate::config::ProviderConfig;

/// How many sign-ins with one provider are exchanged at once; others wait for their turn.
const AT_ONCE: usize = 16;
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
    wire: Wire,
    redirect: RedirectUrl,
    known: Known,
    permits: Semaphore,
}

impl Provider {
    /// Makes ready; asks nothing yet.
    ///
    /// # Errors
    /// One line about the setting that is wrong.
    pub fn new(config: ProviderConfig, callback: String) -> Result<Self, String> {
        let named = |key: &str, error: &dyn fmt::Display| format!("providers: provider {}: {key}: {error}", config.id);
        let wire = Wire::new(&config.issuer, config.ca_pem.as_deref()).map_err(|error| named("ca_file", &error))?;
        let redirect = RedirectUrl::new(callback).map_err(|error| named("id", &error))?;
        Ok(Self { config, wire, redirect, known: Known::default(), permits: Semaphore::new(AT_ONCE) })
    }

    /// Where to send somebody. It is looked whether the provider is there, unless they want to try in any case.
    ///
    /// # Errors
    /// [`Trouble::NotAnswering`].
    pub async fn authorization_url(
        &self,
        secrets: &Secrets,
        wish: &Wish,
        anyway: bool,
        now: Timestamp,
    ) -> Result<url::Url, Trouble> {
        let metadata = if anyway {
            self.metadata(now).await?
        } else {
            self.known.answering(&self.config, &self.wire, now).await?
        };
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
        let in_turn = async {
            let _permit = self.permits.acquire().await.expect("it is never closed");
            self.exchange(code, secrets, started_at, now).await
        };
        let late = |_| Trouble::NotAnswering("no answer in time".to_owned());
        tokio::time::timeout(PATIENCE, in_turn).await.map_err(late)?
    }

    async fn exchange(
        &self,
        code: String,
        secrets: Secrets,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Result<Claims, Trouble> {
        let metadata = self.metadata(now).await?;
        let (client, http) = (self.client(&metadata), |request| self.wire.fetch(request));
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
                // Perhaps it has a new key.
                let keys = self.known.newer_keys(&metadata, &self.wire, now).await?;
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
                .map_err(|error| refused_user_info(&error))?;
            said.email = info.email().map(|email| email.as_str().to_owned());
            said.email_verified = info.email_verified();
            if said.first_name.is_empty() {
                said.first_name = first(info.given_name());
                said.last_name = first(info.family_name());
            }
        }
        Ok(said)
    }

    /// Whether its endpoints are known, so that somebody can be sent there though it does not answer us.
    pub fn is_known(&self) -> bool {
        self.known.is_known()
    }

    async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, Trouble> {
        self.known.metadata(&self.config, &self.wire, now).await
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

fn refused_user_info(error: &UserInfoError<FetchError>) -> Trouble {
    let why = format!("user info: {}", reason(error));
    if matches!(error, UserInfoError::Request(_)) { Trouble::NotAnswering(why) } else { Trouble::Refused(why) }
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
