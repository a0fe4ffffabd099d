//! A device that keeps one passkey, and says what the test wants said.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Where the tests' browsers are.
const ORIGIN: &str = "http://localhost:8080";

/// What an authenticator says of the person before it, as bits.
pub const PRESENT: u8 = 0b001;
pub const VERIFIED: u8 = 0b100;

/// How an answer differs from an honest one.
#[derive(Debug, Clone, Copy)]
pub struct Tricks {
    /// The page that the browser says it is on.
    pub origin: &'static str,
    /// The party that the answer is for, if not the one that asked.
    pub party: Option<&'static str>,
    /// The ceremony that it is for, if not the one that asked.
    pub kind: Option<&'static str>,
    /// Was somebody there, and verified by finger, face or PIN? [`PRESENT`] and [`VERIFIED`].
    pub flags: u8,
    /// The algorithm that a new key is for.
    pub algorithm: i64,
    /// Bytes of attestation that nobody asked for.
    pub attestation: usize,
    /// Whether the signature is wrong.
    pub forged: bool,
    /// Whether it says whose passkey it is.
    pub names_user: bool,
}

impl Default for Tricks {
    fn default() -> Self {
        Self {
            origin: ORIGIN,
            party: None,
            kind: None,
            flags: PRESENT | VERIFIED,
            algorithm: -7,
            attestation: 0,
            forged: false,
            names_user: true,
        }
    }
}

#[derive(Clone)]
pub struct Authenticator {
    key: SigningKey,
    id: Vec<u8>,
    user: Option<String>,
    /// How often it has answered. 0 stays 0, as with passkeys that are copied between devices by right.
    pub count: u32,
}

impl Authenticator {
    pub fn new() -> Self {
        let key = SigningKey::from_slice(&keystead::ids::random::<32>()).expect("32 random bytes make a key");
        Self { key, id: keystead::ids::random::<16>().to_vec(), user: None, count: 1 }
    }

    /// The answer to the options for a new passkey.
    pub fn make(&mut self, options: &Value, tricks: Tricks) -> String {
        self.user = options["user"]["id"].as_str().map(str::to_owned);
        let point = self.key.verifying_key().to_sec1_point(false);
        let mut key = vec![0xa5, 1, 2, 3];
        key.extend(integer(tricks.algorithm));
        key.extend([0x20, 1, 0x21, 0x58, 32]);
        key.extend(point.x().expect("a point has an x"));
        key.extend([0x22, 0x58, 32]);
        key.extend(point.y().expect("a point has a y"));

        let mut data = self.data(options["rp"]["id"].as_str().unwrap(), 0x40, tricks);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(key);

        let mut object = vec![0xa3];
        object.extend(text("fmt"));
        object.extend(text("none"));
        object.extend(text("attStmt"));
        if tricks.attestation == 0 {
            object.push(0xa0);
        } else {
            object.push(0xa1);
            object.extend(text("x"));
            object.extend(bytes(&vec![7; tricks.attestation]));
        }
        object.extend(text("authData"));
        object.extend(bytes(&data));
        let response = json!({
            "attestationObject": BASE64.encode(object),
            "clientDataJSON": BASE64.encode(client_data(options, tricks.kind.unwrap_or("webauthn.create"), tricks.origin)),
            "transports": ["internal"],
        });
        self.credential(&response)
    }

    /// The answer to the options for a proof.
    pub fn prove(&mut self, options: &Value, tricks: Tricks) -> String {
        if self.count > 0 {
            self.count += 1;
        }
        let data = self.data(options["rpId"].as_str().unwrap(), 0, tricks);
        let client = client_data(options, tricks.kind.unwrap_or("webauthn.get"), tricks.origin);
        let mut signed = data.clone();
        signed.extend(Sha256::digest(&client));
        if tricks.forged {
            signed.push(0);
        }
        let signature: Signature = self.key.sign(&signed);
        let mut response = json!({
            "authenticatorData": BASE64.encode(data),
            "clientDataJSON": BASE64.encode(client),
            "signature": BASE64.encode(signature.to_der()),
        });
        if tricks.names_user {
            response["userHandle"] = json!(self.user);
        }
        self.credential(&response)
    }

    /// Answers for somebody else.
    pub fn pretends_to_be(&mut self, other: &Self) {
        self.user.clone_from(&other.user);
    }

    /// Says that its passkey is another's.
    pub fn takes_the_id_of(&mut self, other: &Self) {
        self.id.clone_from(&other.id);
    }

    /// The id of its passkey, as options name it.
    pub fn id(&self) -> String {
        BASE64.encode(&self.id)
    }

    fn credential(&self, response: &Value) -> String {
        let credential = json!({
            "id": self.id(),
            "rawId": self.id(),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": true } },
            "response": response,
        });
        credential.to_string()
    }

    fn data(&self, party: &str, more: u8, tricks: Tricks) -> Vec<u8> {
        let mut data = Sha256::digest(tricks.party.unwrap_or(party).as_bytes()).to_vec();
        data.push(tricks.flags | more);
        data.extend(self.count.to_be_bytes());
        data
    }
}

fn client_data(options: &Value, kind: &str, origin: &str) -> Vec<u8> {
    let data = json!({ "type": kind, "challenge": options["challenge"], "origin": origin, "crossOrigin": false });
    data.to_string().into_bytes()
}

/// What CBOR (RFC 8949) needs here.
fn head(major: u8, length: usize) -> Vec<u8> {
    let major = major << 5;
    match length {
        0..=23 => vec![major | u8::try_from(length).unwrap()],
        24..=255 => vec![major | 0x18, u8::try_from(length).unwrap()],
        _ => [vec![major | 0x19], u16::try_from(length).unwrap().to_be_bytes().to_vec()].concat(),
    }
}

fn integer(value: i64) -> Vec<u8> {
    if value < 0 { head(1, usize::try_from(-1 - value).unwrap()) } else { head(0, usize::try_from(value).unwrap()) }
}

fn text(text: &str) -> Vec<u8> {
    [head(3, text.len()), text.as_bytes().to_vec()].concat()
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len()), bytes.to_vec()].concat()
}
