//! Balances once a period: samples the schedulers, asks [`balance`](crate::balance()), damps, publishes the paths.
//!
//! Any scheduler may do it, whoever notices first that it is due. As in OTP there is no thread for it: a system in
//! which nobody runs has nothing to balance.

use std::sync::TryLockError;
use std::time::{Duration, Instant};

use crate::balance::{BalancePlan, SchedulerLoad, balance};
use crate::sync::statistic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};
use crate::{Damping, MigrationPaths, Statistics, WallSample};

/// How long a plan is in force: about what OTP's [`BALANCE_REDUCTIONS`](crate::BALANCE_REDUCTIONS) take. A time and not
/// reductions, because utilization is a share of time, and JavaScript does not count its reductions evenly.
pub const BALANCE_PERIOD: Duration = Duration::from_millis(100);

/// What the schedulers of one system share for their balance.
///
/// ```
/// use std::time::Duration;
/// use viga_scheduler::{Balancer, Parker, Priority, Scheduler};
///
/// let schedulers: Vec<_> = (0..2).map(|id| Scheduler::new(id, Parker::thread(), ())).collect();
/// let mut guard = schedulers[0].lock();
/// (0..8).for_each(|task| guard.queues().push_back(task, Priority::Normal));
/// drop(guard);
/// schedulers[0].statistics().load().publish(0, [0, 0, 8, 0]);
///
/// let balancer = Balancer::new(2, false, Duration::ZERO);
/// let plan = balancer.check(schedulers.iter().map(Scheduler::statistics)).unwrap();
/// assert_eq!(plan.paths[0].map(|path| (path.target, path.limit)), Some((1, 4)));
/// assert_eq!(balancer.paths().path(0), (1, plan.paths[0]));
/// ```
#[derive(Debug)]
pub struct Balancer {
    epoch: Instant,
    period: Duration,
    compact: bool,
    /// When the next balance is due, in nanoseconds since `epoch`. Relaxed, without a partner: it only says when it is
    /// worth while to try the lock.
    due: AtomicU64,
    turn: Mutex<Turn>,
    paths: MigrationPaths,
}

/// What one balance leaves to the next.
#[derive(Debug)]
struct Turn {
    generation: u32,
    active: usize,
    samples: Box<[WallSample]>,
    damping: Damping,
}

impl Balancer {
    /// For so many schedulers; `compact` is `+scl`. `period` is [`BALANCE_PERIOD`] but in tests.
    #[must_use]
    pub fn new(schedulers: usize, compact: bool, period: Duration) -> Self {
        Balancer {
            epoch: Instant::now(),
            period,
            compact,
            due: AtomicU64::new(nanoseconds(period)),
            turn: Mutex::new(Turn {
                generation: 0,
                active: schedulers,
                samples: vec![WallSample::default(); schedulers].into_boxed_slice(),
                damping: Damping::new(schedulers),
            }),
            paths: MigrationPaths::new(schedulers),
        }
    }

    /// The plan in force.
    #[must_use]
    pub fn paths(&self) -> &MigrationPaths {
        &self.paths
    }

    /// Balances if it is due and nobody else is at it, and returns the plan that is now in force. Any scheduler, once
    /// in a while, not under a lock. `schedulers` are the statistics of all, in their order; those that have not
    /// begun yet count as idle. The price is a look at the clock when it is not due.
    ///
    /// The caller should see to it that the targets of the plan's paths are there to take what they get.
    ///
    /// # Panics
    /// When `schedulers` are not as many as the balancer was made for.
    pub fn check<'a>(
        &self,
        schedulers: impl IntoIterator<Item = &'a Statistics>,
    ) -> Option<BalancePlan> {
        let now = self.epoch.elapsed();
        if !self.is_due(now) {
            return None;
        }
        let mut turn = self.try_turn()?;
        if !self.is_due(now) {
            return None;
        }
        self.due
            .store(nanoseconds(now + self.period), Ordering::Relaxed);
        let loads: Vec<SchedulerLoad> = schedulers
            .into_iter()
            .zip(&mut turn.samples)
            .map(|(statistics, before)| sample(statistics, before))
            .collect();
        let plan = balance(&loads, self.compact, turn.active);
        let plan = turn.damping.damp(plan);
        turn.generation = turn.generation.wrapping_add(1);
        turn.active = plan.active;
        self.paths.publish(turn.generation, &plan);
        Some(plan)
    }

    fn is_due(&self, now: Duration) -> bool {
        nanoseconds(now) >= self.due.load(Ordering::Relaxed)
    }

    /// A panic in between leaves at worst an old sample.
    fn try_turn(&self) -> Option<MutexGuard<'_, Turn>> {
        match self.turn.try_lock() {
            Ok(turn) => Some(turn),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

fn sample(statistics: &Statistics, before: &mut WallSample) -> SchedulerLoad {
    let wall = statistics.wall_time().sample();
    let utilization = wall.utilization_since(before);
    *before = wall;
    let load = statistics.load();
    SchedulerLoad {
        online: load.is_online(),
        queued: statistics.run_queue_lengths(),
        in_hand: load.in_hand(),
        movable: load.movable(),
        utilization,
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::WallState;

    #[test]
    fn it_waits_for_its_period() {
        let statistics = [Statistics::new(), Statistics::new()];
        let balancer = Balancer::new(2, false, Duration::from_secs(3_600));
        assert_eq!(balancer.check(&statistics), None);
        assert_eq!(balancer.paths().path(0), (0, None));
    }

    #[test]
    fn one_balances_and_the_others_go_on() {
        let statistics = [Statistics::new(), Statistics::new()];
        let balancer = Balancer::new(2, false, Duration::ZERO);
        let turn = balancer.try_turn();
        assert_eq!(balancer.check(&statistics), None);
        drop(turn);
        assert!(balancer.check(&statistics).is_some());
    }

    /// A slice that never ends transitions nowhere; what it takes is seen all the same.
    #[test]
    fn a_stuck_scheduler_is_seen_to_be_busy() {
        let statistics = [Statistics::new(), Statistics::new()];
        statistics[0].wall_time().turn(WallState::Running);
        statistics[0].load().publish(1, [0, 0, 10, 0]);
        let balancer = Balancer::new(2, false, Duration::ZERO);
        balancer.check(&statistics);
        let plan = balancer.check(&statistics).unwrap();
        let path = plan.paths[0].unwrap();
        assert_eq!((path.target, path.limit), (1, 5), "half of what is active");
    }

    #[test]
    fn compaction_sends_idle_schedulers_to_rest() {
        let statistics: Vec<_> = (0..4).map(|_| Statistics::new()).collect();
        let balancer = Balancer::new(4, true, Duration::ZERO);
        let plan = balancer.check(&statistics).unwrap();
        assert_eq!(plan.active, 1);
        assert!(!balancer.paths().rests(0) && balancer.paths().rests(1));
    }
}
