//! Time, handed in rather than looked up: everything that depends on the moment takes a [`Timestamp`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::BigInt;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

/// Whole seconds since 1970-01-01 00:00:00 UTC.
///
/// Kept as an integer in both databases, so that it compares alike in SQL, in Rust and in JSON (`exp`, `iat`).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    AsExpression,
    FromSqlRow,
    serde::Serialize,
    serde::Deserialize,
)]
#[diesel(sql_type = BigInt)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// One day, in seconds.
pub const DAY: i64 = 86_400;

/// The last moment that a four-digit year can name: 9999-12-31 23:59:59 UTC.
const LAST: i64 = 253_402_300_799;

impl Timestamp {
    /// The moment that many seconds after the epoch; later than year 9999 is cut to its end.
    pub const fn from_unix(seconds: i64) -> Self {
        Self(if seconds > LAST { LAST } else { seconds })
    }

    /// Seconds since the epoch.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// This moment and so many seconds more; never overflows.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self::from_unix(self.0.saturating_add(seconds))
    }

    /// Seconds from this moment to `later`; negative if `later` is earlier.
    pub const fn until(self, later: Self) -> i64 {
        later.0.saturating_sub(self.0)
    }

    /// The same moment as a date and time in UTC.
    pub fn utc(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// RFC 3339, in UTC: `2026-11-22T00:06:00Z`.
    pub fn rfc3339(self) -> String {
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        self.utc().format(form).unwrap_or_default()
    }

    /// The day alone, in UTC: `2026-11-22`.
    pub fn date(self) -> String {
        self.utc().format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
    }

    /// The beginning of a day that is written as [`Self::date`] writes it; `None` where it is no day.
    pub fn of_day(text: &str) -> Option<Self> {
        let day = Date::parse(text, format_description!("[year]-[month]-[day]")).ok()?;
        Some(Self(day.midnight().assume_utc().unix_timestamp()))
    }

    /// The day in words, in UTC: `22 November 2026`.
    pub fn day_in_words(self) -> String {
        let form = format_description!("[day padding:none] [month repr:long] [year]");
        self.utc().format(form).unwrap_or_default()
    }

    /// Day, time and zone in words: `22 November 2026, 00:06:00 UTC`.
    pub fn exact(self) -> String {
        let form = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute]:[second] UTC");
        self.utc().format(form).unwrap_or_default()
    }
}

impl<DB: Backend> FromSql<BigInt, DB> for Timestamp
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        i64::from_sql(bytes).map(Self)
    }
}

impl<DB: Backend> ToSql<BigInt, DB> for Timestamp
where
    i64: ToSql<BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

/// Where the present moment comes from: the system, or a test's own hand.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn fixed(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.unix()))))
    }

    /// The present moment.
    #[expect(clippy::disallowed_methods, reason = "this is where it comes from")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(fixed) => Timestamp(fixed.load(Ordering::SeqCst)),
            None => Timestamp(OffsetDateTime::now_utc().unix_timestamp()),
        }
    }

    /// Moves a fixed clock; the system's clock goes by itself.
    pub fn advance(&self, seconds: i64) {
        if let Some(fixed) = &self.0 {
            fixed.fetch_add(seconds, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_in_every_form() {
        let moment = Timestamp::from_unix(1_795_305_960);
        assert_eq!(moment.rfc3339(), "2026-11-22T00:06:00Z");
        assert_eq!(moment.date(), "2026-11-22");
        assert_eq!(moment.exact(), "22 November 2026, 00:06:00 UTC");
        assert_eq!(moment.day_in_words(), "22 November 2026");
        assert_eq!(Timestamp::of_day("2026-11-22"), Some(moment.plus(-360)));
        assert_eq!(Timestamp::of_day("2024-02-29").map(Timestamp::rfc3339).as_deref(), Some("2024-02-29T00:00:00Z"));
        for no_day in ["", "2026-02-29", "22.11.2026", "2026-11-22 ", "26-1-1", "+12026-11-22"] {
            assert_eq!(Timestamp::of_day(no_day), None, "{no_day}");
        }
    }

    #[test]
    fn never_overflows() {
        assert_eq!(Timestamp::from_unix(5).plus(i64::MAX).rfc3339(), "9999-12-31T23:59:59Z");
        assert_eq!(Timestamp::from_unix(i64::MAX).until(Timestamp::from_unix(i64::MIN)), i64::MIN);
    }
}
