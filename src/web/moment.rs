//! Moments as people read them: "in 12 days", and the exact moment with its zone beside it.

use crate::clock::{DAY, Timestamp};

/// A moment, ready to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// For machines: RFC 3339.
    pub iso: String,
    /// For the hover: day, time and zone.
    pub exact: String,
    /// For the eye.
    pub relative: String,
}

impl Moment {
    /// A moment as seen from another one.
    pub fn new(moment: Timestamp, now: Timestamp) -> Self {
        Self { iso: moment.rfc3339(), exact: moment.exact(), relative: relative(now.until(moment)) }
    }
}

impl Moment {
    /// An end as lists show it: one that is far away is a day, which says more than hundreds of them.
    pub fn end(end: Timestamp, now: Timestamp) -> Self {
        let told = Self::new(end, now);
        if now.until(end) <= 60 * DAY { told } else { Self { relative: end.day_in_words(), ..told } }
    }
}

/// To the nearest unit: a token made for ninety days a second ago ends "in 90 days".
fn relative(seconds: i64) -> String {
    const UNITS: [(i64, i64, &str); 5] = [
        (60, 60, "minute"),
        (60 * 60, 24, "hour"),
        (DAY, 120, "day"),
        (30 * DAY, 24, "month"),
        (365 * DAY, i64::MAX, "year"),
    ];
    let length = seconds.saturating_abs();
    if length < 45 {
        return if seconds > 0 { "in less than a minute" } else { "just now" }.to_owned();
    }
    let nearest = |unit: i64| (length.saturating_add(unit / 2) / unit).max(1);
    let (unit, _, word) = UNITS.iter().find(|(unit, most, _)| nearest(*unit) < *most).unwrap_or(&UNITS[4]);
    let count = nearest(*unit);
    let plural = if count == 1 { "" } else { "s" };
    if seconds > 0 { format!("in {count} {word}{plural}") } else { format!("{count} {word}{plural} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_people_say_it() {
        for (seconds, words) in [
            (0, "just now"),
            (-44, "just now"),
            (-59, "1 minute ago"),
            (30, "in less than a minute"),
            (60, "in 1 minute"),
            (-3 * 3600, "3 hours ago"),
            (12 * DAY + 5, "in 12 days"),
            (-DAY, "1 day ago"),
            (90 * DAY - 1, "in 90 days"),
            (365 * DAY - 9, "in 12 months"),
            (3599, "in 1 hour"),
            (3650 * DAY, "in 10 years"),
        ] {
            assert_eq!(relative(seconds), words);
        }
    }
}
