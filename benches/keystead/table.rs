//! Measurements, and the table that is made of them.

use std::time::{Duration, Instant};

use crate::load::{Ask, at_full_speed};
use crate::server::Server;

/// A thing to be measured.
pub struct Case<'a> {
    /// Who answers.
    pub server: &'a Server,
    /// What is asked.
    pub ask: Ask,
}

/// What was measured of a thing, turn by turn.
#[derive(Default)]
pub struct Measured {
    rates: Vec<f64>,
    cpus: Vec<f64>,
    took: Vec<Duration>,
}

impl Measured {
    /// One turn more.
    pub fn add(&mut self, took: Vec<Duration>, time: Duration, cpu: Duration) {
        let count = took.len() as f64;
        self.rates.push(count / time.as_secs_f64());
        self.cpus.push(cpu.as_secs_f64() / count);
        self.took.extend(took);
    }

    /// One turn alone.
    pub fn once(took: Vec<Duration>, time: Duration, cpu: Duration) -> Self {
        let mut measured = Self::default();
        measured.add(took, time, cpu);
        measured
    }

    /// Microseconds of processor time for each request.
    pub fn cpu(&self) -> f64 {
        median(self.cpus.iter().copied()) * 1e6
    }

    /// Requests a second.
    pub fn rate(&self) -> f64 {
        median(self.rates.iter().copied())
    }

    /// How many times the processor time of `other`: the median of the turns' own ratios.
    pub fn cpu_to(&self, other: &Self) -> f64 {
        median(self.cpus.iter().zip(&other.cpus).map(|(mine, theirs)| mine / theirs))
    }

    /// How much of the requests a second of `other`.
    pub fn rate_to(&self, other: &Self) -> f64 {
        median(self.rates.iter().zip(&other.rates).map(|(mine, theirs)| mine / theirs))
    }

    /// The time that so much of the requests stayed below, in milliseconds.
    pub fn quantile(&self, part: f64) -> f64 {
        quantile(&self.took, part)
    }
}

/// The time that so much of them stayed below, in milliseconds.
pub fn quantile(took: &[Duration], part: f64) -> f64 {
    let mut sorted = took.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() as f64 * part) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// The middle one.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// Measures things in turns: each for a while, then all of them again, so that what else the machine does meets all.
pub async fn in_turns<const N: usize>(
    cases: [Case<'_>; N],
    turns: usize,
    time: Duration,
) -> anyhow::Result<[Measured; N]> {
    let mut measured = [(); N].map(|()| Measured::default());
    for turn in 0..=turns {
        for (case, measured) in cases.iter().zip(&mut measured) {
            // The first turn only warms up.
            let time = if turn == 0 { time / 4 } else { time };
            let (cpu, begun) = (case.server.cpu()?, Instant::now());
            let took = at_full_speed(case.server.address, &case.ask, crate::CONNECTIONS, time).await?;
            let (time, cpu) = (begun.elapsed(), case.server.cpu()?.saturating_sub(cpu));
            if turn > 0 {
                measured.add(took, time, cpu);
            }
        }
    }
    Ok(measured)
}

/// What a figure should be.
pub enum Target {
    /// Nothing is asked of it.
    None,
    /// No more.
    AtMost(f64),
    /// No less.
    AtLeast(f64),
}

/// The table; a row is printed as soon as it is known.
pub struct Table {
    missed: usize,
    asked: usize,
}

impl Table {
    /// Prints the head.
    pub fn begin() -> Self {
        println!("| what | req/s | median | p99 | CPU | figure | target | |");
        println!("|---|--:|--:|--:|--:|--:|--:|---|");
        Self { missed: 0, asked: 0 }
    }

    /// A row of one measurement, with the figure that counts.
    pub fn row(&mut self, what: &str, measured: &Measured, figure: Option<(f64, &str)>, target: &Target) {
        let start = format!(
            "| {what} | {:.0} | {:.2} ms | {:.2} ms | {:.1} µs",
            measured.rate(),
            measured.quantile(0.5),
            measured.quantile(0.99),
            measured.cpu()
        );
        self.finish(&start, figure, target);
    }

    /// A row with nothing but its figure.
    pub fn figure(&mut self, what: &str, figure: (f64, &str), target: &Target) {
        self.finish(&format!("| {what} | | | | "), Some(figure), target);
    }

    fn finish(&mut self, start: &str, figure: Option<(f64, &str)>, target: &Target) {
        let shown = figure.map(|(value, unit)| format!("{value:.2} {unit}")).unwrap_or_default();
        let value = figure.map_or(f64::NAN, |(value, _)| value);
        let (bound, met) = match target {
            Target::None => (String::new(), None),
            Target::AtMost(most) => (format!("≤ {most}"), Some(value <= *most)),
            Target::AtLeast(least) => (format!("≥ {least}"), Some(value >= *least)),
        };
        let word = match met {
            None => "",
            Some(true) => "met",
            Some(false) => "**missed**",
        };
        self.asked += usize::from(met.is_some());
        self.missed += usize::from(met == Some(false));
        println!("{start} | {shown} | {bound} | {word} |");
    }

    /// Prints the sum.
    pub fn end(self) {
        println!("\n{} of {} targets met.", self.asked - self.missed, self.asked);
    }
}
