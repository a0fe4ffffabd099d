//! The instance's key: 32 random bytes in a file outside the database, from which each use derives a key of its own.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The key, and the ones before it that still open what they sealed; it prints as its name.
pub struct InstanceKey(Vec<OneKey>);

type OneKey = Zeroizing<[u8; 32]>;

impl std::fmt::Debug for InstanceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InstanceKey")
    }
}

impl InstanceKey {
    /// Reads the key, or makes it when the file is not there. One key a line: the first is the key, the others are older
    /// ones, which only open what was sealed with them.
    ///
    /// # Errors
    /// When the file can't be read or made, others may read it, or it holds no key.
    pub fn load_or_make(file: &Path) -> anyhow::Result<Self> {
        match std::fs::read_to_string(file) {
            Ok(text) => {
                refuse_readable_by_others(file)?;
                let text = Zeroizing::new(text);
                let keys = text.lines().filter(|line| !line.trim().is_empty()).map(parse).collect::<Option<Vec<_>>>();
                match keys {
                    Some(keys) if !keys.is_empty() => Ok(Self(keys)),
                    _ => bail!(
                        "the key file {} does not hold 64 hexadecimal digits a line; restore it from a backup",
                        file.display()
                    ),
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = Zeroizing::new(crate::ids::random::<32>());
                let text = Zeroizing::new(hex(&*key));
                match make(file, &text) {
                    // Another process that starts at the same time was quicker: its key is the key.
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Self::load_or_make(file),
                    made => made
                        .map(|()| Self(vec![key]))
                        .with_context(|| format!("making the key file {}", file.display())),
                }
            }
            Err(error) => bail!("the key file {} cannot be read ({error}); mend its permissions", file.display()),
        }
    }

    /// Puts a new key before those of the file, which must be there. What runs goes on with what it read.
    ///
    /// # Errors
    /// As [`Self::load_or_make`]; when the file can't be written.
    pub fn rotate(file: &Path) -> anyhow::Result<()> {
        ensure!(file.exists(), "there is no key file {}", file.display());
        let old = Self::load_or_make(file)?;
        let fresh = Zeroizing::new(crate::ids::random::<32>());
        let lines: Vec<Zeroizing<String>> =
            std::iter::once(&fresh).chain(&old.0).map(|key| Zeroizing::new(hex(&**key))).collect();
        let text = Zeroizing::new(lines.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n"));
        let draft = draft(file, &text)?;
        std::fs::rename(&draft, file).with_context(|| format!("writing the key file {}", file.display()))
    }

    /// A key of 32 bytes for one purpose.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        self.sign(purpose, &[])
    }

    /// An HMAC-SHA-256 over `parts`, each with its length, for one purpose.
    pub fn sign(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        sign_with(&self.0[0], purpose, parts)
    }

    /// By which the key is told from others, in the database and in what it sealed.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.0[0])
    }

    /// The fingerprints of the older ones.
    pub fn older(&self) -> Vec<String> {
        self.0[1..].iter().map(fingerprint).collect()
    }

    /// Encrypts a secret that must be had back (XChaCha20-Poly1305), for one purpose and one owner: it opens for no other.
    pub fn seal(&self, purpose: &str, owner: &str, secret: &[u8]) -> Sealed {
        let nonce = crate::ids::random::<NONCE>();
        let payload = Payload { msg: secret, aad: owner.as_bytes() };
        let sealed = cipher(&self.0[0], purpose)
            .encrypt(&XNonce::from(nonce), payload)
            .expect("XChaCha20-Poly1305 takes 256 GiB, and a secret is short");
        Sealed { key: self.fingerprint(), bytes: [nonce.as_slice(), &sealed].concat() }
    }

    /// What [`Self::seal`] sealed; `None` when its key is not here any more, or anything was altered.
    pub fn open(&self, sealed: &Sealed, purpose: &str, owner: &str) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.0.iter().find(|key| fingerprint(key) == sealed.key)?;
        let (nonce, sealed) = sealed.bytes.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: sealed, aad: owner.as_bytes() };
        cipher(key, purpose).decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }
}

/// A sealed secret: nonce and ciphertext, and the fingerprint of the key that opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key.
    pub key: String,
    /// What it opens.
    pub bytes: Vec<u8>,
}

/// Length of the nonce, in bytes: long enough to be drawn at random.
const NONCE: usize = 24;

fn cipher(key: &OneKey, purpose: &str) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&sign_with(key, &format!("seal {purpose}"), &[]).into())
}

fn fingerprint(key: &OneKey) -> String {
    hex(&sign_with(key, "fingerprint", &[])[..16])
}

fn sign_with(key: &OneKey, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&**key).expect("HMAC takes a key of any length");
    for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn parse(line: &str) -> Option<OneKey> {
    let digits = line.trim().as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut key = Zeroizing::new([0; 32]);
    for (byte, pair) in key.iter_mut().zip(digits.chunks(2)) {
        *byte = std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())?;
    }
    Some(key)
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn make(file: &Path, text: &str) -> std::io::Result<()> {
    let draft = draft(file, text)?;
    let outcome = std::fs::hard_link(&draft, file);
    std::fs::remove_file(&draft)?;
    outcome
}

/// Written whole under another name first: a crash in between leaves no half a key behind.
fn draft(file: &Path, text: &str) -> std::io::Result<std::path::PathBuf> {
    let draft = file.with_extension(format!("{}.tmp", crate::ids::ulid()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(&draft)?;
    writeln!(open, "{text}")?;
    open.sync_all()?;
    Ok(draft)
}

#[cfg(unix)]
fn refuse_readable_by_others(file: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(file)?.permissions().mode();
    ensure!(
        mode & 0o077 == 0,
        "the key file {} can be read by others (mode {:o}); run chmod 600 on it",
        file.display(),
        mode & 0o777
    );
    Ok(())
}

#[cfg(not(unix))]
fn refuse_readable_by_others(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: FC-31
    #[test]
    fn is_made_once_kept_private_and_refused_when_damaged() {
        let folder = std::env::temp_dir().join(format!("keystead-key-{}", crate::ids::ulid()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("secret.key");
        let made = InstanceKey::load_or_make(&file).unwrap();
        let read = InstanceKey::load_or_make(&file).unwrap();
        assert_eq!(made.derive("x"), read.derive("x"));
        assert_ne!(made.derive("x"), made.derive("y"));
        assert_ne!(made.sign("x", &[b"ab", b"c"]), made.sign("x", &[b"a", b"bc"]));
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(InstanceKey::load_or_make(&file).unwrap_err().to_string().contains("run chmod 600"));
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(&file, "short").unwrap();
        assert!(InstanceKey::load_or_make(&file).unwrap_err().to_string().contains("64 hexadecimal digits"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// Covers: FC-31
    #[test]
    fn what_was_sealed_opens_for_its_owner_alone_and_outlives_a_new_key() {
        let folder = std::env::temp_dir().join(format!("keystead-key-{}", crate::ids::ulid()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("secret.key");
        assert!(InstanceKey::rotate(&file).unwrap_err().to_string().contains("there is no key file"));
        let first = InstanceKey::load_or_make(&file).unwrap();
        let sealed = first.seal("totp", "ada", b"secret");
        assert_ne!(sealed, first.seal("totp", "ada", b"secret"), "a nonce of its own each time");
        InstanceKey::rotate(&file).unwrap();
        let second = InstanceKey::load_or_make(&file).unwrap();
        assert_eq!(second.older(), [first.fingerprint()]);
        assert_ne!(second.derive("x"), first.derive("x"));
        let open = |owner: &str, sealed: &Sealed| second.open(sealed, "totp", owner);
        assert_eq!(open("ada", &sealed).unwrap().as_slice(), b"secret");
        assert!(open("bob", &sealed).is_none());
        assert!(second.open(&sealed, "mail", "ada").is_none());
        assert!(open("ada", &Sealed { key: second.fingerprint(), ..sealed.clone() }).is_none());
        for place in 0..sealed.bytes.len() {
            let mut altered = sealed.clone();
            altered.bytes[place] ^= 1;
            assert!(open("ada", &altered).is_none(), "byte {place}");
        }
        assert!(open("ada", &Sealed { bytes: sealed.bytes[..10].to_vec(), ..sealed }).is_none());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
