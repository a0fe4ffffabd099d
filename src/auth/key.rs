//! The instance's key: 32 random bytes in a file outside the database, from which each use derives a key of its own.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The key; it prints as its name.
pub struct InstanceKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for InstanceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InstanceKey")
    }
}

impl InstanceKey {
    /// Reads the key, or makes it when the file is not there.
    ///
    /// # Errors
    /// When the file can't be read or made, others may read it, or it holds no key.
    pub fn load_or_make(file: &Path) -> anyhow::Result<Self> {
        match std::fs::read_to_string(file) {
            Ok(text) => {
                refuse_readable_by_others(file)?;
                let mut key = Zeroizing::new([0; 32]);
                let text = Zeroizing::new(text);
                let digits = text.trim().as_bytes();
                ensure!(
                    digits.len() == 64,
                    "the key file {} does not hold 64 hexadecimal digits; restore it from a backup",
                    file.display()
                );
                for (byte, pair) in key.iter_mut().zip(digits.chunks(2)) {
                    let pair = std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
                    *byte = pair.with_context(|| {
                        format!(
                            "the key file {} does not hold 64 hexadecimal digits; restore it from a backup",
                            file.display()
                        )
                    })?;
                }
                Ok(Self(key))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = Zeroizing::new(crate::ids::random::<32>());
                let text = Zeroizing::new(hex(&*key));
                match make(file, &text) {
                    // Another process that starts at the same time was quicker: its key is the key.
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Self::load_or_make(file),
                    made => made.map(|()| Self(key)).with_context(|| format!("making the key file {}", file.display())),
                }
            }
            Err(error) => bail!("the key file {} cannot be read ({error}); mend its permissions", file.display()),
        }
    }

    /// A key of 32 bytes for one purpose.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        self.sign(purpose, &[])
    }

    /// An HMAC-SHA-256 over `parts`, each with its length, for one purpose.
    pub fn sign(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("HMAC takes a key of any length");
        for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
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
    // Written whole under another name first: a crash in between leaves no half a key behind.
    let draft = file.with_extension(format!("{}.tmp", crate::ids::ulid()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(&draft)?;
    writeln!(open, "{text}")?;
    open.sync_all()?;
    let outcome = std::fs::hard_link(&draft, file);
    std::fs::remove_file(&draft)?;
    outcome
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
}
