//! Makes the blocklist that pages fetch out of the one that is compiled in.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use sha2::{Digest, Sha256};

/// Writes the first four bytes of every line's SHA-256, sorted, without anything between them.
///
/// Four bytes find a listed password always and an unlisted one in four of a million tries; the server has the last word.
///
/// # Errors
/// When `list` cannot be read or `out` cannot be written.
pub fn write_prefixes(list: &Path, out: &Path) -> io::Result<()> {
    let list = fs::read_to_string(list)?;
    let prefixes: BTreeSet<[u8; 4]> = list
        .lines()
        .map(|line| {
            let [a, b, c, d, ..] = Sha256::digest(line).0;
            [a, b, c, d]
        })
        .collect();
    fs::write(out, prefixes.into_iter().flatten().collect::<Vec<_>>())
}
