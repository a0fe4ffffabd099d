//! How passwords are kept: argon2id, on threads of its own.
//!
//! A hash is made to cost time and memory, so a storm of sign-ins must not take the processor from the pages. Hence as
//! many threads as there are cores, each with its memory allocated once, at lower priority, and in front of them a queue
//! of [`WAITING`] places in which nobody waits longer than [`MAX_WAIT`]: whoever comes when it is full is told so at
//! once. A place is given back when a thread takes the job up, never because its requester went away, so that someone
//! who hangs up and calls again gains nothing.
//!
//! Costs follow OWASP's password storage cheat sheet and ASVS 5.0 (11.4.2), salt and format NIST SP 800-63B-4 (3.1.1.2).

use std::io;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, PasswordHash, Version};
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Password;

/// Nobody waits longer than this for a thread; also a fit value for `Retry-After`.
pub const MAX_WAIT: Duration = Duration::from_secs(2);
/// So many jobs wait at most, beside those at work.
const WAITING: usize = 64;
/// Length of the salt, in bytes.
const SALT: usize = 16;
/// Length of the tag, in bytes.
const TAG: usize = 32;
/// What a thread of ours adds to its nice value.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// What a hash costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost(Params);

impl Cost {
    /// Memory, in KiB; the upper end also for stored hashes.
    pub const MEMORY_KIB: RangeInclusive<u32> = 19_456..=262_144;
    /// Passes over the memory; the upper end also for stored hashes.
    pub const PASSES: RangeInclusive<u32> = 2..=10;
    /// Lanes, which are worked off one after the other; the upper end also for stored hashes.
    pub const LANES: RangeInclusive<u32> = 1..=8;

    /// A cost as configured: memory in KiB, passes over it, and lanes.
    ///
    /// # Errors
    /// When one is outside its range.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, CostError> {
        for (what, value, range) in [
            ("memory in KiB", memory_kib, Self::MEMORY_KIB),
            ("number of passes", passes, Self::PASSES),
            ("number of lanes", lanes, Self::LANES),
        ] {
            if !range.contains(&value) {
                return Err(CostError { what, least: *range.start(), most: *range.end() });
            }
        }
        Ok(Self::unchecked(memory_kib, passes, lanes))
    }

    fn unchecked(memory_kib: u32, passes: u32, lanes: u32) -> Self {
        Self(Params::new(memory_kib, passes, lanes, Some(TAG)).expect("argon2 takes far more and far less"))
    }
}

impl Default for Cost {
    /// 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self::unchecked(*Self::MEMORY_KIB.start(), *Self::PASSES.start(), *Self::LANES.start())
    }
}

/// A cost that is too low to protect anyone or too high to bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} must be between {least} and {most}")]
pub struct CostError {
    what: &'static str,
    least: u32,
    most: u32,
}

/// What became of comparing a password with a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Match {
        /// The hash was made at another cost than today's: hash the password again while it is at hand.
        rehash: bool,
    },
    /// It is not, or there was nothing to compare with.
    Mismatch,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many wait already, or it took too long: answer 503 with `Retry-After`.
    #[error("too many passwords are being checked at the moment")]
    Busy,
    /// What is stored is no argon2id hash, or computing it would cost more than anything that we store.
    #[error("the stored password hash is unusable: {0}")]
    Unusable(&'static str),
    /// The system has no randomness, or the computation broke off.
    #[error("hashing failed")]
    Failed,
}

type Job = Box<dyn FnOnce(&mut [Block]) + Send>;

/// The threads that hash. Dropping it waits for the hashes at work; jobs whose requesters are gone are not begun.
pub struct Hasher {
    cost: Cost,
    /// `None` only while dropping: threads end when the queue has no sender.
    queue: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Hasher {
    /// Starts so many threads (as many as there are cores), each with the memory that `cost` needs.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(threads: NonZeroUsize, cost: Cost) -> io::Result<Self> {
        let (queue, jobs) = sync_channel(WAITING);
        let jobs = Arc::new(Mutex::new(jobs));
        let blocks = cost.0.block_count();
        let mut hasher = Self { cost, queue: Some(queue), threads: Vec::new() };
        for number in 1..=threads.get() {
            let jobs = Arc::clone(&jobs);
            let thread = Builder::new().name(format!("hasher-{number}")).spawn(move || work(&jobs, blocks))?;
            hasher.threads.push(thread);
        }
        Ok(hasher)
    }

    /// A new hash of this password, as a PHC string.
    ///
    /// # Errors
    /// [`HashError::Busy`] or [`HashError::Failed`].
    ///
    /// # Panics
    /// Outside of a tokio runtime with a clock.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let params = self.cost.0.clone();
        self.run(move |memory| {
            let mut salt = [0; SALT];
            getrandom::fill(&mut salt).ok()?;
            let mut tag = [0; TAG];
            compute(memory, &params, &password, &salt, &mut tag)?;
            let hash = PasswordHash {
                algorithm: ARGON2ID_IDENT,
                version: Some(Version::V0x13.into()),
                params: ParamsString::try_from(&params).ok()?,
                salt: Some(Salt::new(&salt).ok()?),
                hash: Some(Output::new(&tag).ok()?),
            };
            Some(hash.to_string())
        })
        .await?
        .ok_or(HashError::Failed)
    }

    /// The bare tag under a given salt, at today's cost: for codes of which many share one salt.
    ///
    /// # Errors
    /// [`HashError::Busy`] or [`HashError::Failed`].
    ///
    /// # Panics
    /// Outside of a tokio runtime with a clock.
    pub async fn tag(&self, password: Password, salt: [u8; SALT]) -> Result<[u8; TAG], HashError> {
        let params = self.cost.0.clone();
        self.run(move |memory| {
            let mut tag = [0; TAG];
            compute(memory, &params, &password, &salt, &mut tag)?;
            Some(tag)
        })
        .await?
        .ok_or(HashError::Failed)
    }

    /// Whether this is the password of the stored PHC string.
    ///
    /// With nothing stored, because there is no such account or it has no password, it takes the same time.
    ///
    /// # Errors
    /// [`HashError::Busy`], [`HashError::Failed`], or [`HashError::Unusable`], which is logged and computes nothing.
    ///
    /// # Panics
    /// Outside of a tokio runtime with a clock.
    pub async fn verify(&self, password: Password, stored: Option<&str>) -> Result<Verdict, HashError> {
        let current = self.cost.0.clone();
        let stored = stored.map(Stored::parse).transpose().map_err(|why| {
            tracing::error!(why, "a stored password hash is unusable");
            HashError::Unusable(why)
        })?;
        self.run(move |memory| {
            let decoy = || Stored { params: current.clone(), salt: vec![0; SALT], tag: vec![0; TAG] };
            let exists = stored.is_some();
            let Stored { params, salt, tag } = stored.unwrap_or_else(decoy);
            let mut computed = vec![0; tag.len()];
            compute(memory, &params, &password, &salt, &mut computed)?;
            let equal = bool::from(computed.ct_eq(&tag));
            let rehash = params != current || salt.len() != SALT;
            Some(if exists && equal { Verdict::Match { rehash } } else { Verdict::Mismatch })
        })
        .await?
        .ok_or(HashError::Failed)
    }

    /// Has a thread do it, and waits for a thread no longer than [`MAX_WAIT`].
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut [Block]) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let (start, started) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            // Refused when nobody waits any more, and then there is nothing to do.
            if start.send(()).is_ok() {
                let _ = reply.send(work(memory));
            }
        });
        let queue = self.queue.as_ref().ok_or(HashError::Failed)?;
        queue.try_send(job).map_err(|_| HashError::Busy)?;
        timeout(MAX_WAIT, started).await.map_err(|_| HashError::Busy)?.map_err(|_| HashError::Failed)?;
        answer.await.map_err(|_| HashError::Failed)
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // An error is a panic, which its requester and the log have heard of.
            let _ = thread.join();
        }
    }
}

/// A thread's life.
fn work(jobs: &Mutex<Receiver<Job>>, blocks: usize) {
    // Without it, hashing only competes harder with the pages.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::warn!(%error, "password hashing runs at normal priority");
    }
    // Taken for the first password, then kept: an instance that nobody signs in to needs none of it.
    let mut memory = Vec::new();
    loop {
        // Only this statement holds the lock: whoever waits for a job waits inside, the others in front.
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        memory.resize(blocks, Block::new());
        if catch_unwind(AssertUnwindSafe(|| job(&mut memory))).is_err() {
            tracing::error!("hashing a password panicked");
        }
    }
}

/// What a PHC string says.
struct Stored {
    params: Params,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl Stored {
    fn parse(phc: &str) -> Result<Self, &'static str> {
        let hash = PasswordHash::new(phc).map_err(|_| "not a PHC string")?;
        if hash.algorithm != ARGON2ID_IDENT || hash.version != Some(Version::V0x13.into()) {
            return Err("not argon2id, version 19");
        }
        let params = Params::try_from(&hash).map_err(|_| "parameters that argon2 does not have")?;
        if params.m_cost() > *Cost::MEMORY_KIB.end()
            || params.t_cost() > *Cost::PASSES.end()
            || params.p_cost() > *Cost::LANES.end()
        {
            return Err("parameters beyond the limits");
        }
        let (Some(salt), Some(tag)) = (hash.salt, hash.hash) else {
            return Err("no salt or no tag");
        };
        Ok(Self { params, salt: salt.to_vec(), tag: tag.as_bytes().to_vec() })
    }
}

/// One hash, in the thread's memory; only one that costs more than today's gets memory of its own, for so long.
fn compute(memory: &mut [Block], params: &Params, password: &Password, salt: &[u8], tag: &mut [u8]) -> Option<()> {
    let blocks = params.block_count();
    let mut larger;
    let memory = if blocks <= memory.len() {
        memory
    } else {
        larger = vec![Block::new(); blocks];
        &mut larger
    };
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password.bytes(), salt, tag, memory)
        .ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Instant;

    use tokio::runtime;
    use tokio::task::JoinSet;

    use super::super::rule::tests::vectors;
    use super::*;

    /// As little as argon2 does, where the cost is not what is tested.
    const CHEAP: (u32, u32, u32) = (64, 2, 1);
    /// "correct horse battery staple" hashed by the reference implementation (its command `argon2 -id -v 13 -e`):
    /// at our cost, and at another one.
    const REFERENCE: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlcyBvZg$8YW08m1D70qzUO7ZHvinl2JhFOu4mt32fdRR2WAGxBk";
    const REFERENCE_OTHER: &str =
        "$argon2id$v=19$m=64,t=3,p=2$c2l4dGVlbiBieXRlcyBvZg$vq78RsULxBmGjRaW4RRi1x/cDeY/P96wl1Po0QlxLd4";

    fn password(text: &str) -> Password {
        Password::new(text).unwrap()
    }

    fn hasher(threads: usize, (memory, passes, lanes): (u32, u32, u32)) -> Arc<Hasher> {
        let threads = NonZeroUsize::new(threads).unwrap();
        Arc::new(Hasher::start(threads, Cost::unchecked(memory, passes, lanes)).unwrap())
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    /// A hasher whose only thread is at work until the second return value is dropped.
    async fn occupied() -> (Arc<Hasher>, SyncSender<()>) {
        let hasher = hasher(1, CHEAP);
        let (gate, opened) = sync_channel::<()>(0);
        let (begun, at_work) = oneshot::channel();
        let other = Arc::clone(&hasher);
        tokio::spawn(async move {
            other
                .run(move |_| {
                    let _ = begun.send(());
                    let _ = opened.recv();
                })
                .await
        });
        at_work.await.unwrap();
        (hasher, gate)
    }

    /// As many jobs as may wait, each of which counts itself when it is done.
    async fn full_queue(hasher: &Arc<Hasher>, done: &Arc<AtomicUsize>) -> JoinSet<Result<usize, HashError>> {
        let mut waiting = JoinSet::new();
        for _ in 0..WAITING {
            let (hasher, done) = (Arc::clone(hasher), Arc::clone(done));
            waiting.spawn(async move { hasher.run(move |_| done.fetch_add(1, Ordering::SeqCst)).await });
        }
        // Each gets to the point where it waits.
        for _ in 0..WAITING {
            tokio::task::yield_now().await;
        }
        waiting
    }

    async fn refuses_at_once(hasher: &Hasher) -> bool {
        let begun = Instant::now();
        let answer = hasher.hash(password("Tr1cky!x9")).await;
        answer == Err(HashError::Busy) && begun.elapsed() < MAX_WAIT / 2
    }

    #[test]
    fn a_new_hash_is_as_agreed_and_never_the_same() {
        block_on(async {
            let hasher = Hasher::start(NonZeroUsize::MIN, Cost::default()).unwrap();
            let one = hasher.hash(password("Tr1cky!x9")).await.unwrap();
            let [_, algorithm, version, params, salt, tag] = one.split('$').collect::<Vec<_>>()[..] else {
                panic!("{one}")
            };
            assert_eq!([algorithm, version, params], ["argon2id", "v=19", "m=19456,t=2,p=1"]);
            // Base64 without padding: 16 bytes and 32.
            assert_eq!((salt.len(), tag.len()), (22, 43));
            assert_eq!(hasher.verify(password("Tr1cky!x9"), Some(&one)).await, Ok(Verdict::Match { rehash: false }));

            let other = hasher.hash(password("Tr1cky!x9")).await.unwrap();
            assert_ne!(salt, other.split('$').nth(4).unwrap());
        });
    }

    #[test]
    fn hashes_of_the_reference_implementation_match() {
        block_on(async {
            let hasher = Hasher::start(NonZeroUsize::MIN, Cost::default()).unwrap();
            for (stored, rehash) in [(REFERENCE, false), (REFERENCE_OTHER, true)] {
                let right = hasher.verify(password("correct horse battery staple"), Some(stored)).await;
                assert_eq!(right, Ok(Verdict::Match { rehash }));
                let wrong = hasher.verify(password("correct horse battery stapl"), Some(stored)).await;
                assert_eq!(wrong, Ok(Verdict::Mismatch));
            }
        });
    }

    /// Covers: AC-038
    #[test]
    fn only_the_whole_password_signs_in() {
        block_on(async {
            let hasher = hasher(1, CHEAP);
            for (index, case) in vectors().sign_in.iter().enumerate() {
                let stored = hasher.hash(password(&case.chosen.build())).await.unwrap();
                let verdict = hasher.verify(password(&case.typed.build()), Some(&stored)).await.unwrap();
                assert_eq!(verdict == Verdict::Match { rehash: false }, case.matches, "case {index}");
            }
        });
    }

    /// The memory tells: what was zero before is full afterwards.
    async fn blocks_filled(hasher: &Hasher, stored: Option<&str>) -> (Result<Verdict, HashError>, usize) {
        let is_zero = |block: &&Block| block.as_ref().iter().all(|word| *word == 0);
        hasher.run(|memory| memory.fill(Block::new())).await.unwrap();
        let verdict = hasher.verify(password("Tr1cky!x9"), stored).await;
        let filled = hasher.run(move |memory| memory.len() - memory.iter().filter(is_zero).count()).await.unwrap();
        (verdict, filled)
    }

    /// Covers: AC-017
    #[test]
    fn ac_017_a_stored_hash_that_costs_too_much_is_not_computed() {
        block_on(async {
            let hasher = hasher(1, CHEAP);
            let (salt, tag) = ("AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
            let stored = |params: &str| format!("$argon2id$v=19${params}${salt}${tag}");
            for refused in [
                stored("m=4194304,t=2,p=1"),
                stored("m=262145,t=2,p=1"),
                stored("m=19456,t=11,p=1"),
                stored("m=19456,t=2,p=9"),
                stored("m=19456,t=4294967295,p=1"),
                stored("m=1,t=2,p=1"),
                stored("m=19456,t=2,p=1,x=1"),
                format!("$argon2i$v=19$m=19456,t=2,p=1${salt}${tag}"),
                format!("$argon2id$v=16$m=19456,t=2,p=1${salt}${tag}"),
                format!("$argon2id$m=19456,t=2,p=1${salt}${tag}"),
                format!("$argon2id$v=19$m=19456,t=2,p=1${salt}"),
                "$argon2id$v=19$m=19456,t=2,p=1".to_owned(),
                "$2b$12$abcdefghijklmnopqrstuv".to_owned(),
                "Tr1cky!x9".to_owned(),
                String::new(),
            ] {
                let (verdict, filled) = blocks_filled(&hasher, Some(&refused)).await;
                assert!(matches!(verdict, Err(HashError::Unusable(_))), "{refused}: {verdict:?}");
                assert_eq!(filled, 0, "{refused} was computed");
            }
            let most = stored("m=19456,t=10,p=8");
            assert_eq!(hasher.verify(password("Tr1cky!x9"), Some(&most)).await, Ok(Verdict::Mismatch));
        });
    }

    /// Covers: AC-002
    #[test]
    fn nothing_stored_costs_as_much_as_a_hash() {
        block_on(async {
            let hasher = hasher(1, CHEAP);
            let blocks = usize::try_from(CHEAP.0).unwrap();
            let stored = hasher.hash(password("another one")).await.unwrap();
            assert_eq!(blocks_filled(&hasher, Some(&stored)).await, (Ok(Verdict::Mismatch), blocks));
            assert_eq!(blocks_filled(&hasher, None).await, (Ok(Verdict::Mismatch), blocks));
        });
    }

    #[test]
    fn costs_are_bounded() {
        assert_eq!(Cost::new(19_456, 2, 1), Ok(Cost::default()));
        assert!(Cost::new(262_144, 10, 8).is_ok());
        for (memory, passes, lanes, words) in [
            (19_455, 2, 1, "the memory in KiB must be between 19456 and 262144"),
            (262_145, 2, 1, "the memory in KiB must be between 19456 and 262144"),
            (19_456, 1, 1, "the number of passes must be between 2 and 10"),
            (19_456, 11, 1, "the number of passes must be between 2 and 10"),
            (19_456, 2, 0, "the number of lanes must be between 1 and 8"),
            (19_456, 2, 9, "the number of lanes must be between 1 and 8"),
        ] {
            assert_eq!(Cost::new(memory, passes, lanes).unwrap_err().to_string(), words);
        }
    }

    #[test]
    fn who_comes_to_a_full_queue_is_told_at_once() {
        block_on(async {
            let (hasher, gate) = occupied().await;
            let done = Arc::default();
            let mut waiting = full_queue(&hasher, &done).await;
            assert!(refuses_at_once(&hasher).await);

            drop(gate);
            while let Some(answer) = waiting.join_next().await {
                assert!(answer.unwrap().is_ok());
            }
            assert_eq!(done.load(Ordering::SeqCst), WAITING);
            assert!(hasher.hash(password("Tr1cky!x9")).await.is_ok());
        });
    }

    /// Covers: FC-35
    #[test]
    fn who_hangs_up_frees_no_place_and_is_not_served() {
        block_on(async {
            let (hasher, gate) = occupied().await;
            let done = Arc::default();
            let mut waiting = full_queue(&hasher, &done).await;
            waiting.shutdown().await;
            assert!(refuses_at_once(&hasher).await, "a place was given back early");

            drop(gate);
            // Behind all of them, once there is room.
            while hasher.run(|_| ()).await == Err(HashError::Busy) {
                tokio::task::yield_now().await;
            }
            assert_eq!(done.load(Ordering::SeqCst), 0, "work that nobody waits for");
        });
    }

    #[test]
    fn nobody_waits_longer_than_the_limit() {
        block_on(async {
            let (hasher, gate) = occupied().await;
            let served = Arc::new(AtomicBool::new(false));
            let (begun, flag) = (Instant::now(), Arc::clone(&served));
            assert_eq!(hasher.run(move |_| flag.store(true, Ordering::SeqCst)).await, Err(HashError::Busy));
            assert!(begun.elapsed() >= MAX_WAIT && begun.elapsed() < MAX_WAIT * 2, "{:?}", begun.elapsed());

            drop(gate);
            assert_eq!(hasher.run(|_| ()).await, Ok(()));
            assert!(!served.load(Ordering::SeqCst), "work that nobody waits for");
        });
    }

    #[test]
    fn a_panic_costs_neither_the_thread_nor_the_next_one() {
        block_on(async {
            let hasher = hasher(1, CHEAP);
            assert_eq!(hasher.run(|_| panic!("on purpose")).await, Err::<(), _>(HashError::Failed));
            assert!(hasher.hash(password("Tr1cky!x9")).await.is_ok());
        });
    }

    #[test]
    fn a_thread_keeps_its_memory() {
        block_on(async {
            let hasher = hasher(1, CHEAP);
            let place = |memory: &mut [Block]| memory.as_ptr() as usize;
            let before = hasher.run(place).await.unwrap();
            let _ = hasher.hash(password("Tr1cky!x9")).await.unwrap();
            let _ = hasher.verify(password("Tr1cky!x9"), Some(REFERENCE)).await.unwrap();
            assert_eq!(hasher.run(place).await, Ok(before));
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn threads_give_way_to_the_pages() {
        block_on(async {
            let ours = || rustix::process::getpriority_process(None).unwrap();
            let before = ours();
            let theirs = hasher(1, CHEAP).run(move |_| ours()).await.unwrap();
            assert_eq!((theirs, ours()), ((before + NICE).min(19), before));
        });
    }

    #[test]
    fn stopping_waits_for_the_hash_at_work() {
        block_on(async {
            let hasher = hasher(2, CHEAP);
            let done = Arc::new(AtomicBool::new(false));
            let (begun, at_work) = oneshot::channel();
            let (running, flag) = (Arc::clone(&hasher), Arc::clone(&done));
            let request = tokio::spawn(async move {
                running
                    .run(move |_| {
                        let _ = begun.send(());
                        std::thread::sleep(Duration::from_millis(200));
                        flag.store(true, Ordering::SeqCst);
                    })
                    .await
            });
            at_work.await.unwrap();
            request.abort();
            assert!(request.await.unwrap_err().is_cancelled());
            drop(Arc::into_inner(hasher).expect("nobody else has it"));
            assert!(done.load(Ordering::SeqCst));
        });
    }
}
