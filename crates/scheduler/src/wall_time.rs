//! Where a scheduler's wall time goes, readable from any thread while the scheduler is stuck in a slice.
//!
//! The owner writes at transitions only: it adds the state that ends to that state's total and notes when the next
//! one began. A reader adds what has passed since, so a scheduler that has been in one slice for a minute shows a
//! minute more of [`WallState::Running`], not nothing. OTP's `scheduler_wall_time` tells the same; like it, active
//! time here is time with work, and busy waiting is not.
//!
//! A transition changes two totals' worth of words, and a reader that saw half of one would count a state twice.
//! So the words are under a sequence lock (Boehm, "Can seqlocks get along with programming language memory
//! models?", 2012): the owner never waits and executes no locked instruction; a reader tries again when the owner
//! was in between, which takes nanoseconds.

use std::sync::atomic::fence;
use std::time::Instant;

use crate::sync::statistic::{AtomicU64, Ordering};

/// What a scheduler is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum WallState {
    /// It has something to run.
    Running = 0,
    /// It has nothing, and looks for some without giving its thread up.
    Spinning = 1,
    /// It has nothing and sleeps, or its thread is in its own event loop, or has not begun yet.
    #[default]
    Parked = 2,
}

impl WallState {
    const ALL: [WallState; 3] = [WallState::Running, WallState::Spinning, WallState::Parked];
}

/// A whole in millionths: what [`WallSample::utilization_since`] and the balance count in, as OTP does.
pub const WHOLE: u32 = 1_000_000;

/// The wall time of one scheduler by state. The owner says what it does with [`turn`](Self::turn); anyone reads with
/// [`sample`](Self::sample).
///
/// ```
/// use viga_scheduler::{WallState, WallTime};
///
/// let time = WallTime::new();
/// let first = time.sample();
/// time.turn(WallState::Running);
/// let second = time.sample();
/// assert_eq!(second.state, WallState::Running);
/// assert!(second.total() >= first.total());
/// assert!(second.utilization_since(&first) <= 1_000_000);
/// ```
#[derive(Debug)]
pub struct WallTime {
    epoch: Instant,
    /// Odd while the owner changes the words below.
    version: AtomicU64,
    /// When the present state began, in nanoseconds since `epoch`, shifted left by two; the state is below.
    phase: AtomicU64,
    /// Nanoseconds in each state, up to when the present one began.
    ended: [AtomicU64; WallState::ALL.len()],
}

/// The wall time of a scheduler at one instant, in nanoseconds since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WallSample {
    /// What it is doing.
    pub state: WallState,
    /// Nanoseconds with something to run.
    pub running_nanoseconds: u64,
    /// Nanoseconds of busy waiting.
    pub spinning_nanoseconds: u64,
    /// Nanoseconds asleep or in a foreign event loop.
    pub parked_nanoseconds: u64,
}

impl WallSample {
    /// Nanoseconds in all states.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.running_nanoseconds + self.spinning_nanoseconds + self.parked_nanoseconds
    }

    /// The share of time spent running since an `earlier` sample of the same scheduler, in millionths, 0 to
    /// 1,000,000. When no time has passed, all of it or nothing, by the present state.
    #[must_use]
    pub fn utilization_since(&self, earlier: &WallSample) -> u32 {
        let passed = self.total().saturating_sub(earlier.total());
        let running = self
            .running_nanoseconds
            .saturating_sub(earlier.running_nanoseconds);
        if passed == 0 {
            return if self.state == WallState::Running {
                WHOLE
            } else {
                0
            };
        }
        let share = u128::from(running.min(passed)) * u128::from(WHOLE) / u128::from(passed);
        u32::try_from(share).unwrap_or(WHOLE)
    }
}

impl Default for WallTime {
    fn default() -> Self {
        WallTime::new()
    }
}

impl WallTime {
    /// Begins now, parked: its scheduler has yet to begin.
    #[must_use]
    pub fn new() -> Self {
        WallTime {
            epoch: Instant::now(),
            version: AtomicU64::new(0),
            phase: AtomicU64::new(pack(0, WallState::Parked)),
            ended: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Says that `state` begins now; does nothing, and reads no clock, when it is the present one. Owner only.
    /// About the price of reading the clock.
    #[inline]
    pub fn turn(&self, state: WallState) {
        if self.state() != state {
            self.turn_at(state, self.now());
        }
    }

    /// What the scheduler is doing. Any thread; a hint, possibly a moment old.
    #[must_use]
    pub fn state(&self) -> WallState {
        unpack(self.phase.load(Ordering::Relaxed)).1
    }

    /// All of it at one instant. Any thread; takes no lock.
    #[must_use]
    pub fn sample(&self) -> WallSample {
        let (since, state, mut ended) = self.read();
        // The clock is read after the words, so that it is not before `since`.
        ended[state as usize] += self.now().saturating_sub(since);
        WallSample {
            state,
            running_nanoseconds: ended[WallState::Running as usize],
            spinning_nanoseconds: ended[WallState::Spinning as usize],
            parked_nanoseconds: ended[WallState::Parked as usize],
        }
    }

    fn turn_at(&self, state: WallState, now: u64) {
        let (since, before) = unpack(self.phase.load(Ordering::Relaxed));
        let ended = &self.ended[before as usize];
        let total = ended.load(Ordering::Relaxed) + now.saturating_sub(since);
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        // Pairs with the acquire fence in `read`: who sees a word written below sees the odd version.
        fence(Ordering::Release);
        ended.store(total, Ordering::Relaxed);
        self.phase
            .store(pack(now.max(since), state), Ordering::Relaxed);
        // Synchronizes with the first load in `read`: who sees this version sees the words above.
        self.version.store(version + 2, Ordering::Release);
    }

    fn read(&self) -> (u64, WallState, [u64; WallState::ALL.len()]) {
        loop {
            // Synchronizes with the last store in `turn_at`.
            let before = self.version.load(Ordering::Acquire);
            let (since, state) = unpack(self.phase.load(Ordering::Relaxed));
            let ended = std::array::from_fn(|index| self.ended[index].load(Ordering::Relaxed));
            // Pairs with the release fence in `turn_at`.
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before {
                return (since, state, ended);
            }
            // The owner may have lost its core in between: it can have this one.
            std::thread::yield_now();
        }
    }

    /// Nanoseconds since the epoch; 62 bits of them last 146 years.
    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX >> 2)
    }
}

const fn pack(since: u64, state: WallState) -> u64 {
    since << 2 | state as u64
}

fn unpack(phase: u64) -> (u64, WallState) {
    let state = match phase & 3 {
        0 => WallState::Running,
        1 => WallState::Spinning,
        _ => WallState::Parked,
    };
    (phase >> 2, state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn each_state_gets_its_time() {
        let time = WallTime::new();
        time.turn_at(WallState::Running, 0);
        time.turn_at(WallState::Spinning, 100);
        time.turn_at(WallState::Parked, 130);
        time.turn_at(WallState::Running, 1_130);
        time.turn_at(WallState::Parked, 1_180);
        let (since, state, ended) = time.read();
        assert_eq!(
            (since, state, ended),
            (1_180, WallState::Parked, [150, 30, 1_000])
        );
    }

    #[test]
    fn a_state_that_goes_on_is_counted_up_to_the_reading() {
        let time = WallTime::new();
        time.turn_at(WallState::Running, 0);
        let before = time.now();
        let sample = time.sample();
        let after = time.now();
        assert!((before..=after).contains(&sample.running_nanoseconds));
        assert_eq!(sample.total(), sample.running_nanoseconds);
    }

    #[test]
    fn utilization_is_of_the_time_between() {
        let earlier = WallSample {
            running_nanoseconds: 1_000,
            parked_nanoseconds: 5_000,
            ..WallSample::default()
        };
        let later = WallSample {
            state: WallState::Running,
            running_nanoseconds: 1_250,
            spinning_nanoseconds: 250,
            parked_nanoseconds: 5_500,
        };
        assert_eq!(later.utilization_since(&earlier), WHOLE / 4);
        assert_eq!(later.utilization_since(&later), WHOLE, "it is running");
    }

    /// Whatever moment a reader catches, the totals add up to when the present state began.
    #[test]
    fn a_reader_never_sees_half_a_transition() {
        let time = WallTime::new();
        let through = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for turn in 0..200_000_u64 {
                    time.turn_at(WallState::ALL[turn as usize % 3], turn * 1_000);
                }
                through.store(true, Ordering::Relaxed);
            });
            let mut latest = 0;
            while !through.load(Ordering::Relaxed) {
                let (since, _, ended) = time.read();
                assert_eq!(ended.iter().sum::<u64>(), since);
                assert!(since >= latest);
                latest = since;
            }
        });
    }
}
