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

fn relative(seconds: i64) -> String {
    let (count, unit) = match seconds.unsigned_abs() {
        0..60 => {
            return if seconds > 0 { "in less than a minute" } else { "just now" }.to_owned();
        }
        length if length < 3600 => (length / 60, "minute"),
        length if length < DAY.unsigned_abs() => (length / 3600, "hour"),
        length if length < 60 * DAY.unsigned_abs() => (length / DAY.unsigned_abs(), "day"),
        length if length < 730 * DAY.unsigned_abs() => (length / (30 * DAY.unsigned_abs()), "month"),
        length => (length / (365 * DAY.unsigned_abs()), "year"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if seconds > 0 { format!("in {count} {unit}{plural}") } else { format!("{count} {unit}{plural} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_people_say_it() {
        for (seconds, words) in [
            (0, "just now"),
            (-59, "just now"),
            (30, "in less than a minute"),
            (60, "in 1 minute"),
            (-3 * 3600, "3 hours ago"),
            (12 * DAY + 5, "in 12 days"),
            (-DAY, "1 day ago"),
            (90 * DAY, "in 3 months"),
            (3650 * DAY, "in 10 years"),
        ] {
            assert_eq!(relative(seconds), words);
        }
    }
}
