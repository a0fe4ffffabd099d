//! What the tests stand on.

pub mod app;
pub mod authenticator;
pub mod browser;
pub mod http;
pub mod issuer;
pub mod openapi;
pub mod page;
pub mod smtp;

pub use app::{ADMIN, Database, Folder, Mail, NOW, TestApp, block_on, unknown_secret};
pub use authenticator::{Authenticator, PRESENT, Tricks, VERIFIED};
pub use browser::{Browser, PASSWORD, read_issued};
pub use http::{Connection, Request, Response};
pub use issuer::{Asked, Issuer, Signed};
pub use keystead::db::Engine;
pub use page::{Form, Page};

/// Makes two tests of each function: one on SQLite, one on PostgreSQL. A function that is written and not listed is dead
/// code, which the lints refuse.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn sqlite() {
                super::$name(crate::support::Engine::Sqlite);
            }

            #[test]
            fn postgres() {
                super::$name(crate::support::Engine::Postgres);
            }
        }
    )+};
}
pub(crate) use on_both;

/// Runs the same in several threads at once, each let go at the same moment; their results in order.
pub fn at_once<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = std::sync::Barrier::new(count);
    std::thread::scope(|scope| {
        let (barrier, work) = (&barrier, &work);
        let threads: Vec<_> = (0..count)
            .map(|index| {
                scope.spawn(move || {
                    barrier.wait();
                    work(index)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    })
}
