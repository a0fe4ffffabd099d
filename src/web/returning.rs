//! Where to go after signing in or confirming: a page of ours, or the default. Never anywhere else.

/// Makes an asked-for return address safe: a path of this instance, or `default`.
///
/// It is parsed once, against a base that no address can leave without its origin changing, and written anew from its
/// parts, so that no reader after this one can understand it otherwise (OWASP ASVS 5.0, 1.5.3).
pub fn safe(asked: &str, default: &str) -> String {
    let base = url::Url::parse("http://keystead.invalid/").expect("a constant URL");
    let plain = asked.len() <= 8000
        && asked.starts_with('/')
        && !asked.starts_with("//")
        && !asked.contains(['\\', '\t', '\n', '\r']);
    match base.join(asked) {
        Ok(url) if plain && url.origin() == base.origin() && !url.path().starts_with("//") => {
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            let fragment = url.fragment().map(|fragment| format!("#{fragment}")).unwrap_or_default();
            format!("{}{query}{fragment}", url.path())
        }
        _ => default.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: AC-020
    #[test]
    fn never_leads_away() {
        for away in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "/..//evil.example",
            "/.//evil.example",
            "evil.example",
            "",
            &format!("/{}", "a".repeat(10_000)),
        ] {
            assert_eq!(safe(away, "/default"), "/default", "{away:?}");
        }
        for (asked, wanted) in [
            (
                "/settings/tokens/new?name=a%20b&scope=channels%3Aread",
                "/settings/tokens/new?name=a%20b&scope=channels%3Aread",
            ),
            ("/%2f%2fevil.example", "/%2f%2fevil.example"),
            ("/settings/../login", "/login"),
            ("/a?b#c", "/a?b#c"),
        ] {
            assert_eq!(safe(asked, "/default"), wanted);
        }
    }
}
