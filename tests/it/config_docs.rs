//! `docs/configuration.md` holds every setting, with its name in the environment and its default.

use std::fmt::Write;
use std::path::Path;

use keystead::config::SETTINGS;

const BEGIN: &str = "<!-- settings: written by tests/it/config_docs.rs, see CONTRIBUTING.md -->\n";
const END: &str = "<!-- /settings -->";

/// `KEYSTEAD_TEST_UPDATE_DOCS=1` writes the table instead of comparing it. (Variables that begin with `KEYSTEAD_TEST_` are
/// the only ones that a server which the tests start does not take for settings.)
#[test]
fn every_setting_is_documented_as_it_is() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the mark before the table");
    let (found, after) = rest.split_once(END).expect("the mark after the table");
    let wanted = table();
    if std::env::var_os("KEYSTEAD_TEST_UPDATE_DOCS").is_some() {
        std::fs::write(&file, format!("{before}{BEGIN}{wanted}{END}{after}")).unwrap();
    } else {
        assert!(
            found == wanted,
            "docs/configuration.md is out of date; write it with\n\
             KEYSTEAD_TEST_UPDATE_DOCS=1 cargo test --test it every_setting_is_documented\n\n{wanted}"
        );
    }
}

fn table() -> String {
    let mut table = "| setting | in the environment | default | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for setting in SETTINGS {
        let cell = |text: &str| text.replace('|', "\\|");
        let (default, meaning) = (cell(setting.default).replace('<', "&lt;"), cell(setting.meaning));
        writeln!(table, "| `{}` | `{}` | {default} | {meaning} |", setting.key, setting.variable()).unwrap();
    }
    table
}
