//! Mail: an outbox in the database, and the ways out of it.
//!
//! A verb writes its mail with [`queue`], in the transaction of the change that the mail tells of. Sending is a job:
//! it claims one mail at a time by moving its due time, so that two nodes never send the same one at once, and it sends
//! at least once.

mod deliver;
pub mod letters;
mod notice;
mod outbox;

pub use deliver::{Carrier, deliver_due, deliver_one};
pub use letters::Letter;
pub use notice::{Notices, SecurityNotice};
pub(crate) use outbox::forget_old;
pub use outbox::{MailState, PAGE, Queued, find, forget_waiting, is_due, page, queue, waiting};
