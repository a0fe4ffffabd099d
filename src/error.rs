//! What can go wrong, in one enum; `web::errors` turns it into pages and problem details.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every failure that a request can end in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or not the asker's to know of: both look alike from outside.
    #[error("not found")]
    NotFound,
    /// Known who asks, and they may not.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// The request is malformed.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// The body is larger than this route takes.
    #[error("the request is too large")]
    TooLarge,
    /// The request took too long to arrive.
    #[error("the request took too long to arrive")]
    TooSlow,
    /// Nobody is signed in; go to the sign-in page and come back to this path.
    #[error("sign in first")]
    SignIn {
        /// Where to return to, as path and query.
        back: String,
    },
    /// Somebody is signed in, and must prove it again before this.
    #[error("confirm first")]
    Confirm {
        /// Where to return to, as path and query; carries a filled form.
        back: String,
    },
    /// Somebody is signed in, and may do nothing before they have a second factor.
    #[error("a second factor is required")]
    Enrol,
    /// Somebody is signed in, and nothing of this organization opens before they have a second factor.
    #[error("the organization requires a second factor")]
    EnrolFor {
        /// Which, as addresses have it.
        slug: String,
        /// Where to return to, as path and query.
        back: String,
    },
    /// A bearer credential was missing, malformed or not one of ours (RFC 6750).
    #[error("bearer credential: {0:?}")]
    Bearer(crate::auth::capability::BearerProblem),
    /// Too many tries; `after` seconds are left.
    #[error("too many tries")]
    TooMany {
        /// Seconds until another try is worth while.
        after: i64,
        /// What there were too many of; `None` where only the counting was too busy.
        limit: Option<crate::auth::throttle::Limit>,
    },
    /// A part that this needs is busy or gone; trying again is fine.
    #[error("unavailable: {0}")]
    Unavailable(&'static str),
    /// A call was refused, with more to say than the status does.
    #[error("refused: {0}")]
    Problem(Box<crate::api::Problem>),
    /// A row that must be unique is there already; names the constraint's columns.
    #[error("already there: {0}")]
    Taken(String),
    /// The database refused.
    #[error("database: {0}")]
    Database(DieselError),
    /// A fault of ours.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                // PostgreSQL names the index (`users_email_key_key`), SQLite the columns (`users.email_key`).
                Self::Taken(info.constraint_name().unwrap_or_else(|| info.message()).to_owned())
            }
            other => Self::Database(other),
        }
    }
}

impl From<askama::Error> for Error {
    fn from(error: askama::Error) -> Self {
        Self::Internal(format!("template: {error}"))
    }
}

impl From<crate::auth::password::HashError> for Error {
    fn from(error: crate::auth::password::HashError) -> Self {
        use crate::auth::password::HashError;
        match error {
            HashError::Busy => Self::Unavailable("too many passwords are being checked"),
            HashError::Unusable(_) | HashError::Failed => Self::Internal(error.to_string()),
        }
    }
}
