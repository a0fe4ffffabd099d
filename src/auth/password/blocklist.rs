//! The most common passwords, compiled in (NIST SP 800-63B-4, section 3.1.1.2; OWASP ASVS 5.0, 6.2.4).
//!
//! `build/blocklist/README.md` says where the list comes from. It holds passwords of eight or more characters in the form that
//! `fold` in the rule gives them, sorted by bytes. Pages get the same entries as truncated hashes, which
//! `build/blocklist/mod.rs` writes.

use std::sync::LazyLock;

#[cfg(test)]
#[path = "../../../build/blocklist/mod.rs"]
mod build;

static ENTRIES: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../../../build/blocklist/common-passwords.txt").lines().collect());

/// Whether this folded text is an entry, as a whole.
pub(super) fn contains(folded: &str) -> bool {
    ENTRIES.binary_search(&folded).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::rule::{SHORT, fold};
    use super::*;

    /// Covers: AC-038
    #[test]
    fn the_list_is_as_the_look_up_needs_it() {
        assert!(ENTRIES.len() >= 10_000, "{} entries", ENTRIES.len());
        assert!(ENTRIES.is_sorted_by(|one, next| one < next), "sorted, each entry once");
        for entry in ENTRIES.iter() {
            assert!(entry.chars().count() >= SHORT, "{entry} is too short to be anyone's password");
            assert_eq!(*fold(entry), **entry, "an entry that nobody's folded password can equal");
        }
        assert!(contains("password") && !contains("passwor") && !contains(""));
    }

    /// Covers: AC-038
    #[test]
    fn pages_get_the_same_entries_as_sorted_hash_prefixes() {
        let out = std::env::temp_dir().join(format!("keystead-prefixes-{}", std::process::id()));
        let list = concat!(env!("CARGO_MANIFEST_DIR"), "/build/blocklist/common-passwords.txt");
        build::write_prefixes(list.as_ref(), &out).unwrap();
        let bytes = fs::read(&out).unwrap();
        fs::remove_file(&out).unwrap();

        let prefixes: Vec<_> = bytes.as_chunks::<4>().0.iter().map(|four| u32::from_be_bytes(*four)).collect();
        assert!(prefixes.is_sorted_by(|one, next| one < next), "sorted, each prefix once");
        assert!(bytes.len() <= ENTRIES.len() * 4 && prefixes.len() * 100 > ENTRIES.len() * 99);
        // SHA-256 of "password" begins with 5e884898, as any sha256sum shows.
        assert!(prefixes.binary_search(&0x5e88_4898).is_ok());
    }
}
