//! Embeds the static files: the style sheets joined into one, everything compressed, and all named by one hash.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "build/blocklist/mod.rs"]
mod blocklist;

fn main() {
    for watched in ["static", "build", "migrations", "templates"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut files = BTreeMap::new();
    gather(Path::new("static"), Path::new("static"), &mut files);
    join_style_sheets(&mut files);
    let prefixes = out.join("common-passwords.bin");
    blocklist::write_prefixes(Path::new("build/blocklist/common-passwords.txt"), &prefixes)
        .expect("a readable list and a writable OUT_DIR");
    files.insert("data/common-passwords.bin".to_owned(), fs::read(&prefixes).expect("the file just written"));
    embed(&files, &out);
}

fn gather(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        let name =
            path.strip_prefix(root).expect("a path below its root").to_str().expect("a UTF-8 name").replace('\\', "/");
        if path.is_dir() {
            gather(root, &path, files);
        } else if kind(&name).is_some() {
            files.insert(name, fs::read(&path).expect("a readable file"));
        }
    }
}

/// `css/*.css`, in the order of their names, become `css/app.css`: one request, no bundler.
fn join_style_sheets(files: &mut BTreeMap<String, Vec<u8>>) {
    let sheets: Vec<String> = files.keys().filter(|name| name.starts_with("css/")).cloned().collect();
    let joined = sheets.iter().filter_map(|name| files.remove(name)).fold(Vec::new(), |mut all, sheet| {
        all.extend(sheet);
        all.push(b'\n');
        all
    });
    files.insert("css/app.css".to_owned(), joined);
}

fn kind(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        "woff2" => Some("font/woff2"),
        "bin" => Some("application/octet-stream"),
        _ => None,
    }
}

fn embed(files: &BTreeMap<String, Vec<u8>>, out: &Path) {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut list = String::new();
    for (name, plain) in files {
        for byte in name.bytes().chain(plain.iter().copied()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).expect("memory takes all");
        let gzip = encoder.finish().expect("memory takes all");
        let gzip = if gzip.len() < plain.len() { gzip } else { Vec::new() };
        let stem = name.replace('/', "__");
        fs::write(out.join(format!("{stem}.plain")), plain).expect("a writable OUT_DIR");
        fs::write(out.join(format!("{stem}.gz")), gzip).expect("a writable OUT_DIR");
        let kind = kind(name).expect("only known kinds were gathered");
        writeln!(
            list,
            "    File {{ path: {name:?}, url: concat!(\"/static/\", hash!(), \"/{name}\"), kind: {kind:?}, plain: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{stem}.plain\")), gzip: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{stem}.gz\")) }},"
        )
        .expect("a string takes all");
    }
    let code = format!(
        "macro_rules! hash {{\n    () => {{\n        \"{hash:016x}\"\n    }};\n}}\n/// The hash of all static files.\nconst HASH: &str = hash!();\nstatic FILES: &[File] = &[\n{list}];\n"
    );
    fs::write(out.join("assets.rs"), code).expect("a writable OUT_DIR");
}
