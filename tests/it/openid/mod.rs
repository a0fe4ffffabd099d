//! Signing in with an OpenID provider.

mod connected;
mod off;
mod sign_in;
mod tokens;

use serde_json::{Value, json};

use crate::support::{Engine, Issuer, TestApp};

/// An instance that knows one provider, "example", under more keys, and has been set up.
fn with_provider(engine: Engine, issuer: &Issuer, more: &Value) -> TestApp {
    let provider = issuer.provider("example", more);
    let app = TestApp::with(engine, |config| config.providers = vec![provider]);
    app.set_up();
    app
}

fn nothing() -> Value {
    json!({})
}
