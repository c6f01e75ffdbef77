//! Which scheduler gives processes to which, as a pure function of what was seen of their load.
//!
//! After OTP's `check_balance` (`erl_process.c`), with its three parts:
//!
//! * **Emptying.** Schedulers that are offline, and with compaction of load those that should rest, give what they
//!   have to the working ones. (OTP: the emigration paths of inactive run queues, and `+scl`.)
//! * **Queues.** Among the working ones, whoever has more ready processes than another gives half of the difference,
//!   the most loaded to the least loaded. Urgent classes first, then all of them. (OTP: migration limits by
//!   priority, paths from one end of the sorted queues to the other.)
//! * **Utilization.** When that finds nothing to do, whoever was much busier in the period gives a share of its
//!   active processes. (OTP: `+sub true`, which ignores small differences too.)
//!
//! # Why it does not oscillate
//!
//! Half of a difference, rounded down, never turns it round. Each move of processes that are always ready therefore
//! makes the sum of the squares of the loads smaller, which cannot go on forever and cannot come back to where it was;
//! a difference of one is left alone, so a single process stays where it is. A share of the utilization is rounded
//! down as well. How many schedulers work has a margin between growing and shrinking. And in one round nobody both
//! gives and takes, so no process goes two steps.
//!
//! What this cannot exclude, because it does not know what each process takes, [`Damping`](crate::Damping) makes rare.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::wall_time::WHOLE;
use crate::{CONTEXT_REDUCTIONS, Priority};

/// How many processes one path takes at most in a period: giving one away is encoding its state, and the giver has
/// work to do besides.
pub const MIGRATION_LIMIT: u32 = 256;

/// What OTP lets a scheduler execute between two balances, in reductions
/// (`ERTS_RUNQ_CHECK_BALANCE_REDS_PER_SCHED`).
pub const BALANCE_REDUCTIONS: i32 = 2_000 * CONTEXT_REDUCTIONS;

/// Compaction loads a scheduler up to this, and lets another one work when all together would be above.
const FULL: u64 = WHOLE as u64 * 85 / 100;

/// Compaction sends a scheduler to rest when the others would be at most this busy.
const ROOMY: u64 = WHOLE as u64 * 60 / 100;

/// A scheduler this busy is taken to have more to do than it could.
const SATURATED: u32 = WHOLE / 100 * 95;

/// Differences between queues are left alone up to one part in so many of the longer one: moving a process costs
/// more than waiting for a few more turns among many.
const QUEUE_SLACK: u64 = 16;

/// Smaller differences of utilization are left alone.
const IGNORED_DIFFERENCE: u64 = WHOLE as u64 / 4;

/// What was seen of one scheduler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedulerLoad {
    /// Whether it may have work.
    pub online: bool,
    /// Ready processes by priority, indexed by `Priority as usize`.
    pub queued: [u32; Priority::ALL.len()],
    /// Processes picked and not settled yet: they are load, and cannot be moved at the moment.
    pub in_hand: u32,
    /// Processes that may be moved (not pinned, no stack between slices) and are ready or were active lately, by
    /// priority. Those long at rest may be counted too; then a busy one among many at rest may be moved although it
    /// helps nobody.
    pub movable: [u32; Priority::ALL.len()],
    /// The share of the period that it was running, in millionths, 0 to 1,000,000.
    pub utilization: u32,
}

impl SchedulerLoad {
    fn urgent(&self) -> u64 {
        of_class(&self.queued, &URGENT)
    }

    fn queued(&self) -> u64 {
        of_class(&self.queued, &Priority::ALL)
    }

    fn total(&self) -> u64 {
        self.queued() + u64::from(self.in_hand)
    }

    fn movable(&self) -> u64 {
        of_class(&self.movable, &Priority::ALL)
    }

    /// Ready processes of these priorities that may be moved, as far as the two counts tell.
    fn movable_from_queue(&self, class: &[Priority]) -> u64 {
        of_class(&self.queued, class).min(of_class(&self.movable, class))
    }
}

const URGENT: [Priority; 2] = [Priority::Max, Priority::High];
const ORDINARY: [Priority; 2] = [Priority::Normal, Priority::Low];

fn of_class(counts: &[u32; Priority::ALL.len()], class: &[Priority]) -> u64 {
    class
        .iter()
        .map(|priority| u64::from(counts[*priority as usize]))
        .sum()
}

/// Which processes a path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MigrationClass {
    /// Ready ones of priority max and high.
    Urgent = 0,
    /// Ready ones of priority normal and low.
    Ordinary = 1,
    /// Whichever, as they become ready.
    Any = 2,
}

/// What one scheduler is to give in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MigrationPath {
    /// Who gets it: the index of a scheduler, counted from 0.
    pub target: u32,
    /// How many at most, 1 to [`MIGRATION_LIMIT`].
    pub limit: u32,
    /// Which.
    pub class: MigrationClass,
}

/// What [`balance`] decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalancePlan {
    /// For each scheduler what it is to give.
    pub paths: Vec<Option<MigrationPath>>,
    /// For each scheduler whether it should rest: it gets nothing, and should not look for work.
    pub resting: Vec<bool>,
    /// How many work: all that are online, or with compaction the first so many of them.
    pub active: usize,
}

/// Decides who gives how many processes to whom until the next balance. `compact` keeps a quiet system on the
/// lowest-numbered schedulers (`+scl`); `active` is how many worked up to now, [`BalancePlan::active`] of the last
/// time, and the number of schedulers at the first. A scheduler has at most one path, nobody both gives and takes, and
/// nothing goes to one that is offline or rests. O(n log n) for n schedulers.
///
/// ```
/// use viga_scheduler::{MigrationClass, MigrationPath, SchedulerLoad, balance};
///
/// let busy = SchedulerLoad {
///     online: true,
///     queued: [0, 0, 7, 0],
///     in_hand: 1,
///     movable: [0, 0, 8, 0],
///     utilization: 1_000_000,
/// };
/// let idle = SchedulerLoad { online: true, ..SchedulerLoad::default() };
/// let plan = balance(&[busy, idle], false, 2);
/// let path = MigrationPath { target: 1, limit: 4, class: MigrationClass::Ordinary };
/// assert_eq!(plan.paths, [Some(path), None]);
///
/// let quiet = SchedulerLoad { queued: [0; 4], in_hand: 0, utilization: 200_000, ..busy };
/// let plan = balance(&[quiet, quiet], true, 2);
/// assert_eq!((plan.active, plan.resting), (1, vec![false, true]));
/// assert_eq!(plan.paths[1].map(|path| path.target), Some(0), "the second is emptied");
/// ```
#[must_use]
pub fn balance(loads: &[SchedulerLoad], compact: bool, active: usize) -> BalancePlan {
    let (online, offline): (Vec<usize>, Vec<usize>) =
        (0..loads.len()).partition(|index| loads[*index].online);
    let active = if compact {
        working_count(loads, &online, active)
    } else {
        online.len()
    };
    let (working, resting) = online.split_at(active);
    let mut planner = Planner::new(loads);
    planner.evacuate(&offline, working);
    planner.compact(resting, working);
    planner.spread_urgent(working);
    planner.spread_queued(working);
    if planner.is_empty() {
        planner.spread_utilization(working);
    }
    let mut rests = vec![true; loads.len()];
    working.iter().for_each(|index| rests[*index] = false);
    BalancePlan {
        paths: planner.paths,
        resting: rests,
        active,
    }
}

/// How many schedulers compaction lets work: as many as before, within what the load needs and what it would fill.
fn working_count(loads: &[SchedulerLoad], online: &[usize], before: usize) -> usize {
    let busy: u64 = online
        .iter()
        .map(|index| u64::from(loads[*index].utilization))
        .sum();
    // What a saturated scheduler would need is not in its utilization; each process that waits may fill another one.
    let backlog: u64 = online
        .iter()
        .map(|index| &loads[*index])
        .filter(|load| load.utilization >= SATURATED)
        .map(|load| load.movable_from_queue(&Priority::ALL))
        .sum();
    let fewest = (busy.div_ceil(FULL) + backlog).max(1);
    let most = (busy.div_ceil(ROOMY) + backlog).max(1);
    let count = (before as u64).clamp(fewest, most);
    usize::try_from(count).map_or(online.len(), |count| count.min(online.len()))
}

/// The loads as they will be, and what was decided so far.
struct Planner<'a> {
    loads: &'a [SchedulerLoad],
    urgent: Vec<u64>,
    total: Vec<u64>,
    utilization: Vec<u64>,
    paths: Vec<Option<MigrationPath>>,
    takes: Vec<bool>,
}

impl<'a> Planner<'a> {
    fn new(loads: &'a [SchedulerLoad]) -> Self {
        let each = |of: fn(&SchedulerLoad) -> u64| loads.iter().map(of).collect::<Vec<u64>>();
        Planner {
            loads,
            urgent: each(SchedulerLoad::urgent),
            total: each(SchedulerLoad::total),
            utilization: each(|load| u64::from(load.utilization)),
            paths: vec![None; loads.len()],
            takes: vec![false; loads.len()],
        }
    }

    fn is_empty(&self) -> bool {
        self.paths.iter().all(Option::is_none)
    }

    /// Empties schedulers that are offline, whatever becomes of the others' load.
    fn evacuate(&mut self, givers: &[usize], working: &[usize]) {
        let mut takers = heap(working, &self.total);
        for &giver in givers {
            let count = self.loads[giver].movable();
            let Some(Reverse((_, target))) = takers.pop() else {
                return;
            };
            self.give(giver, target, count, MigrationClass::Any);
            takers.push(Reverse((self.total[target], target)));
        }
    }

    /// Empties schedulers that should rest, as far as the others have room.
    fn compact(&mut self, givers: &[usize], working: &[usize]) {
        let mut takers = heap(working, &self.utilization);
        for &giver in givers {
            let movable = self.loads[giver].movable();
            let Some(Reverse((busy, target))) = takers.pop() else {
                return;
            };
            let room = FULL.saturating_sub(busy);
            let count = match self.share(giver) {
                0 => movable,
                share => movable.min(room / share),
            };
            self.give(giver, target, count, MigrationClass::Any);
            takers.push(Reverse((self.utilization[target], target)));
        }
    }

    fn spread_urgent(&mut self, working: &[usize]) {
        let mut takers = heap(working, &self.urgent);
        for giver in most_first(working, &self.urgent) {
            let Some(target) = self.least_that_gives_nothing(&mut takers) else {
                return;
            };
            let half = half_of_difference(self.urgent[giver], self.urgent[target]);
            if half == 0 {
                return;
            }
            if self.may_give(giver) {
                let count = half.min(self.loads[giver].movable_from_queue(&URGENT));
                self.give(giver, target, count, MigrationClass::Urgent);
            }
            takers.push(Reverse((self.urgent[target], target)));
        }
    }

    fn spread_queued(&mut self, working: &[usize]) {
        let mut takers = heap(working, &self.total);
        for giver in most_first(working, &self.total) {
            let Some(target) = self.least_that_gives_nothing(&mut takers) else {
                return;
            };
            let half = half_of_difference(self.total[giver], self.total[target]);
            if half == 0 {
                return;
            }
            if self.may_give(giver) {
                let ordinary = self.loads[giver].movable_from_queue(&ORDINARY);
                if ordinary > 0 {
                    self.give(giver, target, half.min(ordinary), MigrationClass::Ordinary);
                } else {
                    // Only as many as will not be led back by their own class.
                    let more = self.urgent[giver].saturating_sub(self.urgent[target]);
                    let urgent = self.loads[giver].movable_from_queue(&URGENT);
                    let count = half.min(more.div_ceil(2)).min(urgent);
                    self.give(giver, target, count, MigrationClass::Urgent);
                }
            }
            takers.push(Reverse((self.total[target], target)));
        }
    }

    fn spread_utilization(&mut self, working: &[usize]) {
        let mut takers = heap(working, &self.utilization);
        for giver in most_first(working, &self.utilization) {
            let Some(target) = self.least_that_gives_nothing(&mut takers) else {
                return;
            };
            let difference = self.utilization[giver].saturating_sub(self.utilization[target]);
            if difference < IGNORED_DIFFERENCE {
                return;
            }
            if self.may_give(giver) {
                let movable = self.loads[giver].movable();
                let count = movable * difference / (2 * self.utilization[giver]);
                self.give(giver, target, count, MigrationClass::Any);
            }
            takers.push(Reverse((self.utilization[target], target)));
        }
    }

    fn may_give(&self, giver: usize) -> bool {
        self.paths[giver].is_none() && !self.takes[giver]
    }

    /// What each movable process of the giver takes of its utilization, rounded up.
    fn share(&self, giver: usize) -> u64 {
        let load = &self.loads[giver];
        u64::from(load.utilization).div_ceil(load.movable().max(1))
    }

    /// Takes the least loaded scheduler out of the heap. Every scheduler that may take has exactly one entry there.
    fn least_that_gives_nothing(
        &self,
        takers: &mut BinaryHeap<Reverse<(u64, usize)>>,
    ) -> Option<usize> {
        while let Some(Reverse((_, target))) = takers.pop() {
            if self.paths[target].is_none() {
                return Some(target);
            }
        }
        None
    }

    /// Plans a path, unless it would be for nothing.
    fn give(&mut self, giver: usize, target: usize, count: u64, class: MigrationClass) {
        let count = count.min(u64::from(MIGRATION_LIMIT));
        if count == 0 {
            return;
        }
        if class == MigrationClass::Urgent {
            self.urgent[giver] = self.urgent[giver].saturating_sub(count);
            self.urgent[target] += count;
        }
        self.total[giver] = self.total[giver].saturating_sub(count);
        self.total[target] += count;
        let share = self.share(giver) * count;
        self.utilization[giver] = self.utilization[giver].saturating_sub(share);
        self.utilization[target] += share;
        self.takes[target] = true;
        self.paths[giver] = Some(MigrationPath {
            target: as_u32(target as u64),
            limit: as_u32(count),
            class,
        });
    }
}

fn half_of_difference(more: u64, less: u64) -> u64 {
    match more.saturating_sub(less) {
        difference if difference <= more / QUEUE_SLACK => 0,
        difference => difference / 2,
    }
}

/// Both are small: an index of a scheduler, a count up to the migration limit.
fn as_u32(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn heap(working: &[usize], loads: &[u64]) -> BinaryHeap<Reverse<(u64, usize)>> {
    working
        .iter()
        .map(|index| Reverse((loads[*index], *index)))
        .collect()
}

fn most_first(working: &[usize], loads: &[u64]) -> Vec<usize> {
    let mut sorted = working.to_vec();
    sorted.sort_by_key(|index| Reverse(loads[*index]));
    sorted
}
