//! Virtual schedulers with random arrivals, kept in balance as real ones would be: what the balance is for is that
//! all work is done sooner, and this measures how soon.
#![cfg(not(loom))]

use std::collections::VecDeque;

use viga_scheduler::{Emigration, MigrationPaths, Priority, SchedulerLoad, balance};

/// Steps between two balances; a step is one slice of one process.
const PERIOD: u64 = 50;

/// Marsaglia's xorshift64: the same arrivals each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// A process: the slices it still needs.
type Left = u64;

#[derive(Default)]
struct Virtual {
    queue: VecDeque<Left>,
    busy_steps: u32,
    emigration: Emigration,
}

impl Virtual {
    fn run_one_slice(&mut self) {
        let Some(left) = self.queue.pop_front() else {
            return;
        };
        self.busy_steps += 1;
        if left > 1 {
            self.queue.push_back(left - 1);
        }
    }

    fn load(&mut self) -> SchedulerLoad {
        let ready = self.queue.len() as u32;
        let utilization = u64::from(std::mem::take(&mut self.busy_steps)) * 1_000_000 / PERIOD;
        let mut load = SchedulerLoad {
            online: true,
            in_hand: ready.min(1),
            utilization: utilization as u32,
            ..SchedulerLoad::default()
        };
        load.queued[Priority::Normal as usize] = ready.saturating_sub(1);
        load.movable[Priority::Normal as usize] = ready;
        load
    }
}

/// What came of a run.
struct Outcome {
    makespan: u64,
    ideal: u64,
    migrations: u64,
}

/// `arrivals` processes of 1 to `length_max` slices, one a step, where `place` says; as many steps as it takes.
fn run(
    schedulers: usize,
    arrivals: u64,
    length_max: u64,
    compact: bool,
    mut place: impl FnMut(&mut Random) -> u64,
) -> Outcome {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut system: Vec<Virtual> = (0..schedulers).map(|_| Virtual::default()).collect();
    let paths = MigrationPaths::new(schedulers);
    let (mut active, mut generation, mut migrations) = (schedulers, 0, 0);
    let (mut work, mut longest, mut step) = (0, 0, 0);
    while step < arrivals || system.iter().any(|one| !one.queue.is_empty()) {
        if step < arrivals {
            let length = 1 + random.below(length_max);
            (work, longest) = (work + length, longest.max(length));
            system[place(&mut random) as usize].queue.push_back(length);
        }
        system.iter_mut().for_each(Virtual::run_one_slice);
        step += 1;
        if step % PERIOD == 0 {
            let loads: Vec<_> = system.iter_mut().map(Virtual::load).collect();
            let plan = balance(&loads, compact, active);
            active = plan.active;
            generation += 1;
            paths.publish(generation, &plan);
        }
        for giver in 0..schedulers {
            while let Some(path) = system[giver].emigration.due(&paths, giver) {
                let Some(going) = system[giver].queue.pop_back() else {
                    break;
                };
                system[giver].emigration.note_given(1);
                system[path.target as usize].queue.push_back(going);
                migrations += 1;
            }
        }
    }
    // No order of the slices can end before the last arrival, the longest process, or all the work by all.
    let ideal = (work / schedulers as u64).max(arrivals).max(longest);
    Outcome {
        makespan: step,
        ideal,
        migrations,
    }
}

/// All work is made in one place, as by a listener that spawns a process for each connection.
#[test]
fn work_from_one_scheduler_is_done_in_little_more_than_the_ideal_time() {
    for schedulers in [2, 4, 8, 16] {
        for compact in [false, true] {
            let seen = run(schedulers, 2_000, 400, compact, |_| 0);
            let limit = seen.ideal * 115 / 100 + 2 * PERIOD;
            assert!(
                seen.makespan <= limit,
                "{schedulers} schedulers, compact {compact}: {} steps, ideal {}",
                seen.makespan,
                seen.ideal
            );
        }
    }
}

#[test]
fn random_arrivals_are_done_in_little_more_than_the_ideal_time() {
    for schedulers in [2, 4, 8, 16] {
        for compact in [false, true] {
            let count = schedulers as u64;
            let seen = run(schedulers, 2_000, 400, compact, |random| {
                random.below(count).min(random.below(count))
            });
            let limit = seen.ideal * 110 / 100 + 2 * PERIOD;
            assert!(
                seen.makespan <= limit,
                "{schedulers} schedulers, compact {compact}: {} steps, ideal {}",
                seen.makespan,
                seen.ideal
            );
        }
    }
}

/// Work that is even already is not carried about.
#[test]
fn even_arrivals_cause_few_migrations() {
    let mut next = 0;
    let seen = run(4, 2_000, 400, false, |_| {
        next = (next + 1) % 4;
        next
    });
    assert!(
        seen.migrations < 2_000 / 4,
        "{} of 2,000 moved",
        seen.migrations
    );
}
