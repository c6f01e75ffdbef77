//! Spinning: looking for work for a while before the thread is given up.
//!
//! # How one spin goes
//!
//! It looks, pauses for one `spin_loop` hint, looks, pauses for two, and so on up to [`PAUSES_MAX`]. Work that comes
//! soon is seen at once, and a longer spin reads the others' cache lines and the clock seldom. Once in a while it
//! offers the core to others (OTP does after 100 rounds): on a machine with more threads than cores the work it
//! waits for may need that very core.
//!
//! # Why the budget adapts
//!
//! A spin pays when work comes sooner than a park and a wake-up take, and is a loss when it comes later. Which of
//! the two holds is a property of the program and lasts: a server that is asked once a millisecond spins in vain a
//! thousand times a second on each idle core, which with the default of 40 µs is 4% of a core that does nothing. So
//! after [`VAIN_UNTIL_SHORTER`] vain spins the budget is halved, down to an eighth. A spin that finds work restores it
//! in full, because then work comes quickly again. Work that comes at an even pace between the short budget and the
//! full one would never be found by short spins: therefore one spin of [`PROBE_INTERVAL`] is a full one.
//!
//! When nothing ever comes in time, that is a fifth of the full budget at most. Measured with an event a millisecond
//! and a budget of 40 µs, in processor time beyond that of sleeping alone: 41 µs an event without adapting, 8 with.

use std::hint::spin_loop;
use std::time::{Duration, Instant};

/// The longest pause between two looks, in `spin_loop` hints: about 1 µs where a hint takes 140 cycles.
const PAUSES_MAX: u32 = 16;

/// Pauses of full length between two offers of the core.
const PAUSES_UNTIL_YIELD: u32 = 8;

/// Vain spins in a row before the budget is halved.
const VAIN_UNTIL_SHORTER: u32 = 4;

/// How often the budget can be halved.
const HALVINGS_MAX: u32 = 3;

/// One vain spin out of this many has the full budget.
const PROBE_INTERVAL: u32 = 16;

/// Spins, and remembers whether it was worth while. One for each scheduler, its owner's.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use viga_scheduler::{BusyWait, Spinner};
///
/// let work = AtomicBool::new(true);
/// let mut spinner = Spinner::new(BusyWait::Short.budget());
/// assert!(spinner.spin(|| work.load(Ordering::Relaxed)));
///
/// work.store(false, Ordering::Relaxed);
/// assert!(!spinner.spin(|| work.load(Ordering::Relaxed)), "in vain, for 20 µs");
/// ```
#[derive(Clone, Debug)]
pub struct Spinner {
    full: Duration,
    /// Vain spins since one found something.
    vain: u32,
}

impl Spinner {
    /// Spins for at most `budget`; zero never spins.
    #[must_use]
    pub const fn new(budget: Duration) -> Self {
        Spinner {
            full: budget,
            vain: 0,
        }
    }

    /// What the next spin may take.
    #[must_use]
    pub fn budget(&self) -> Duration {
        if self.vain % PROBE_INTERVAL == PROBE_INTERVAL - 1 {
            return self.full;
        }
        self.full / (1 << (self.vain / VAIN_UNTIL_SHORTER).min(HALVINGS_MAX))
    }

    /// Looks until `found` says so or the budget is used up, and says which. `found` is called at least once, unless
    /// the budget is zero, and should be a load or two; if it is a flag by which other memory is handed over, load it
    /// with `Acquire`.
    pub fn spin(&mut self, found: impl FnMut() -> bool) -> bool {
        let budget = self.budget();
        if budget.is_zero() {
            return false;
        }
        let found = look(budget, found);
        self.note(found);
        found
    }

    fn note(&mut self, found: bool) {
        self.vain = if found { 0 } else { self.vain.wrapping_add(1) };
        // Wrapping to 0 after four billion vain spins costs twelve long ones.
    }
}

fn look(budget: Duration, mut found: impl FnMut() -> bool) -> bool {
    if found() {
        return true;
    }
    let began = Instant::now();
    let (mut pauses, mut long_pauses) = (1, 0);
    loop {
        (0..pauses).for_each(|_| spin_loop());
        if found() {
            return true;
        }
        if began.elapsed() >= budget {
            return false;
        }
        if pauses < PAUSES_MAX {
            pauses *= 2;
            continue;
        }
        long_pauses += 1;
        if long_pauses % PAUSES_UNTIL_YIELD == 0 {
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    const FULL: Duration = Duration::from_micros(40);

    fn after(vain: u32) -> Spinner {
        let mut spinner = Spinner::new(FULL);
        (0..vain).for_each(|_| spinner.note(false));
        spinner
    }

    #[test]
    fn vain_spins_shorten_the_budget_and_a_find_restores_it() {
        let budgets: Vec<u128> = (0..15)
            .map(|vain| after(vain).budget().as_micros())
            .collect();
        assert_eq!(
            budgets,
            [40, 40, 40, 40, 20, 20, 20, 20, 10, 10, 10, 10, 5, 5, 5]
        );
        let mut spinner = after(14);
        assert!(spinner.spin(|| true));
        assert_eq!(spinner.budget(), FULL);
    }

    #[test]
    fn one_of_sixteen_vain_spins_is_a_full_one() {
        let full = (100..260)
            .filter(|vain| after(*vain).budget() == FULL)
            .count();
        assert_eq!(full, 10);
    }

    #[test]
    fn what_is_lost_when_nothing_comes_is_under_a_fifth() {
        let lost: Duration = (16..1_616).map(|vain| after(vain).budget()).sum();
        assert!(lost < FULL * 1_600 / 5, "{lost:?}");
    }

    #[test]
    fn no_budget_does_not_even_look() {
        assert!(!Spinner::new(Duration::ZERO).spin(|| panic!("looked")));
    }

    #[test]
    fn a_vain_spin_takes_its_budget() {
        let began = Instant::now();
        assert!(!Spinner::new(FULL).spin(|| false));
        assert!(began.elapsed() >= FULL);
    }

    #[test]
    fn work_of_another_thread_is_found() {
        let (work, looking) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !looking.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
                work.store(true, Ordering::Release);
            });
            let mut spinner = Spinner::new(Duration::from_secs(60));
            assert!(spinner.spin(|| {
                looking.store(true, Ordering::Release);
                work.load(Ordering::Acquire)
            }));
        });
    }
}
