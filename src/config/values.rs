//! Reading one value, from a TOML value or from a variable's text; each says how to mend what it can't read.

use std::fmt::Display;
use std::str::FromStr;

use toml::Value;

type Read<T> = Result<T, String>;

/// As the operator wrote it.
fn shown(value: &Value) -> String {
    value.to_string().replace('\n', " ")
}

pub fn text(value: &Value) -> Read<String> {
    match value.as_str().map(str::trim) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(format!("{} is no text; give one in quotes", shown(value))),
    }
}

/// A text that `T` can read.
pub fn parsed<T: FromStr>(value: &Value, mend: &str) -> Read<T> {
    value.as_str().and_then(|text| text.trim().parse().ok()).ok_or_else(|| format!("{} {mend}", shown(value)))
}

/// A whole number between two bounds, both included; `what` says what it counts.
pub fn number<T>(value: &Value, low: T, high: T, what: &str) -> Read<T>
where
    T: TryFrom<i64> + PartialOrd + Display + Copy,
{
    let number = value.as_integer().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    number
        .and_then(|number| T::try_from(number).ok())
        .filter(|number| (low..=high).contains(number))
        .ok_or_else(|| format!("{} is not from {low} to {high}; give {what}", shown(value)))
}

pub fn truth(value: &Value) -> Read<bool> {
    value
        .as_bool()
        .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
        .ok_or_else(|| format!("{} is neither true nor false; give one of the two", shown(value)))
}

/// One of some words.
pub fn word<T: Copy>(value: &Value, words: &[(&str, T)]) -> Read<T> {
    let known = || words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let text = value.as_str().map(str::trim);
    words
        .iter()
        .find(|(word, _)| Some(*word) == text)
        .map(|(_, meant)| *meant)
        .ok_or_else(|| format!("{} is not one of {}; give one of them", shown(value), known()))
}

/// A list; in a variable its items stand between commas.
pub fn list(value: Value) -> Read<Vec<Value>> {
    match value {
        Value::Array(items) => Ok(items),
        Value::String(text) => Ok(text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| Value::String(item.to_owned()))
            .collect()),
        other => Err(format!("{} is no list; give one, such as [\"one\", \"two\"]", shown(&other))),
    }
}

/// A table of texts; in a variable it is written as TOML's inline table.
pub fn table(value: Value) -> Read<Vec<(String, String)>> {
    let table = match value {
        Value::Table(table) => Some(table),
        Value::String(text) => toml::from_str::<toml::Table>(&format!("it = {text}"))
            .ok()
            .and_then(|mut outer| outer.remove("it"))
            .and_then(|it| match it {
                Value::Table(table) => Some(table),
                _ => None,
            }),
        _ => None,
    };
    table
        .and_then(|table| {
            table
                .into_iter()
                .map(|(name, value)| value.as_str().map(|text| (name, text.to_owned())))
                .collect::<Option<Vec<_>>>()
        })
        .ok_or_else(|| "it is no table of texts; give one, such as { read = \"Read or view an entity\" }".to_owned())
}
