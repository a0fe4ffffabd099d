//! `docs/configuration.md` holds every setting, with its name in the environment and its default.

use std::fmt::Write;
use std::path::Path;

use keystead::config::{PROVIDER_KEYS, SETTINGS};

/// A table of the page, between two marks.
fn compare(name: &str, wanted: &str) {
    let begin = format!("<!-- {name}: written by tests/it/config_docs.rs, see CONTRIBUTING.md -->\n");
    let end = format!("<!-- /{name} -->");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(&begin).expect("the mark before the table");
    let (found, after) = rest.split_once(&end).expect("the mark after the table");
    if std::env::var_os("KEYSTEAD_TEST_UPDATE_DOCS").is_some() {
        std::fs::write(&file, format!("{before}{begin}{wanted}{end}{after}")).unwrap();
    } else {
        assert!(
            found == wanted,
            "docs/configuration.md is out of date; write it with\n\
             KEYSTEAD_TEST_UPDATE_DOCS=1 cargo test --test it every_setting_is_documented\n\n{wanted}"
        );
    }
}

/// `KEYSTEAD_TEST_UPDATE_DOCS=1` writes the tables instead of comparing them. (Variables that begin with `KEYSTEAD_TEST_`
/// are the only ones that a server which the tests start does not take for settings.)
#[test]
fn every_setting_is_documented_as_it_is() {
    compare("settings", &table());
    compare("providers", &providers());
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

fn table() -> String {
    let mut table = "| setting | in the environment | default | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for setting in SETTINGS {
        let (default, meaning) = (cell(setting.default), setting.meaning.replace('|', "\\|"));
        writeln!(table, "| `{}` | `{}` | {default} | {meaning} |", setting.key, setting.variable()).unwrap();
    }
    table
}

fn providers() -> String {
    let mut table = "| key | default | meaning |\n| --- | --- | --- |\n".to_owned();
    for known in PROVIDER_KEYS {
        writeln!(table, "| `{}` | {} | {} |", known.key, cell(known.default), cell(known.meaning)).unwrap();
    }
    table
}
