//! Properties of the balance, on systems of processes that want a share of a core each.
#![cfg(not(loom))]

use proptest::prelude::*;
use viga_scheduler::{
    BalancePlan, Damping, MIGRATION_LIMIT, MigrationClass, MigrationPath, Priority, SchedulerLoad,
    TURN_WAIT_MAX, balance,
};

const CORE: u64 = 1_000_000;

/// Compaction fills a scheduler up to this.
const FULL: u64 = CORE * 85 / 100;

/// By when everything must have come to rest.
const ROUNDS_MAX: usize = 12;

#[derive(Clone, Copy, Debug)]
struct Process {
    at: usize,
    /// The share of a core it wants, in millionths; a whole one is always ready.
    demand: u64,
    priority: Priority,
    movable: bool,
}

#[derive(Clone, Debug)]
struct System {
    online: Vec<bool>,
    processes: Vec<Process>,
    active: usize,
    compact: bool,
}

impl System {
    fn new(schedulers: usize, compact: bool, processes: Vec<Process>) -> Self {
        System {
            online: vec![true; schedulers],
            processes,
            active: schedulers,
            compact,
        }
    }

    fn on(&self, scheduler: usize) -> impl Iterator<Item = &Process> {
        self.processes
            .iter()
            .filter(move |process| process.at == scheduler)
    }

    fn demand(&self, scheduler: usize) -> u64 {
        self.on(scheduler).map(|process| process.demand).sum()
    }

    /// Those that are always ready are queued, but for the one that runs; the others are served as they come.
    fn load(&self, scheduler: usize) -> SchedulerLoad {
        let demand = self.demand(scheduler);
        let mut load = SchedulerLoad {
            online: self.online[scheduler],
            utilization: demand.min(CORE) as u32,
            ..SchedulerLoad::default()
        };
        for process in self.on(scheduler).filter(|process| process.movable) {
            load.movable[process.priority as usize] += 1;
        }
        for process in self.on(scheduler).filter(|process| process.demand == CORE) {
            load.queued[process.priority as usize] += 1;
        }
        let running = Priority::ALL
            .iter()
            .find(|priority| load.queued[**priority as usize] > 0);
        if let Some(running) = running {
            load.queued[*running as usize] -= 1;
            load.in_hand = 1;
        }
        load
    }

    fn plan(&mut self) -> BalancePlan {
        let loads: Vec<_> = (0..self.online.len())
            .map(|index| self.load(index))
            .collect();
        let plan = balance(&loads, self.compact, self.active);
        check_rules(&loads, &plan);
        self.active = plan.active;
        plan
    }

    /// Returns how many processes went.
    fn apply(&mut self, plan: &BalancePlan) -> usize {
        let paths = plan.paths.iter().enumerate();
        paths
            .filter_map(|(giver, path)| path.map(|path| self.send(giver, path)))
            .sum()
    }

    fn send(&mut self, giver: usize, path: MigrationPath) -> usize {
        let going = self
            .processes
            .iter_mut()
            .filter(|process| process.at == giver && process.movable)
            .filter(|process| match path.class {
                MigrationClass::Urgent => {
                    process.demand == CORE && process.priority <= Priority::High
                }
                MigrationClass::Ordinary => {
                    process.demand == CORE && process.priority >= Priority::Normal
                }
                MigrationClass::Any => true,
            })
            .take(path.limit as usize);
        going
            .map(|process| process.at = path.target as usize)
            .count()
    }

    /// Balances until a round moves nobody. A path may stay when those that it is for cannot be moved.
    fn settle(&mut self) {
        for _ in 0..=ROUNDS_MAX {
            let plan = self.plan();
            if self.apply(&plan) == 0 {
                return;
            }
        }
        panic!("does not come to rest: {self:?}");
    }

    fn counts(&self) -> Vec<usize> {
        (0..self.online.len())
            .map(|index| self.on(index).count())
            .collect()
    }
}

/// As even as the balance makes them: to one, or to a sixteenth of many.
fn are_even(counts: &[usize]) -> bool {
    let most = counts.iter().max().copied().unwrap_or(0);
    let least = counts.iter().min().copied().unwrap_or(0);
    most - least <= (most / 16).max(1)
}

/// What holds for every plan.
fn check_rules(loads: &[SchedulerLoad], plan: &BalancePlan) {
    assert_eq!(plan.paths.len(), loads.len());
    assert_eq!(plan.resting.len(), loads.len());
    let online = loads.iter().filter(|load| load.online).count();
    assert!(plan.active <= online);
    assert_eq!(
        plan.resting.iter().filter(|rests| !**rests).count(),
        plan.active
    );
    for (giver, path) in plan.paths.iter().enumerate() {
        let Some(path) = path else { continue };
        let target = path.target as usize;
        assert_ne!(target, giver);
        assert!(loads[target].online && !plan.resting[target]);
        assert!(plan.paths[target].is_none(), "{target} gives and takes");
        assert!((1..=MIGRATION_LIMIT).contains(&path.limit));
        let (queued, movable) = (&loads[giver].queued, &loads[giver].movable);
        let most = match path.class {
            MigrationClass::Urgent => (queued[0] + queued[1]).min(movable[0] + movable[1]),
            MigrationClass::Ordinary => (queued[2] + queued[3]).min(movable[2] + movable[3]),
            MigrationClass::Any => movable.iter().sum(),
        };
        assert!(path.limit <= most);
    }
}

fn any_load() -> impl Strategy<Value = SchedulerLoad> {
    (
        any::<bool>(),
        prop::array::uniform4(0_u32..600),
        0_u32..40,
        prop::array::uniform4(0_u32..500),
        0_u32..=1_000_000,
    )
        .prop_map(
            |(online, queued, in_hand, movable, utilization)| SchedulerLoad {
                online,
                queued,
                in_hand,
                movable,
                utilization,
            },
        )
}

fn any_priority() -> impl Strategy<Value = Priority> {
    prop::sample::select(Priority::ALL.to_vec())
}

/// Processes that are always ready and may all be moved.
fn busy_processes(schedulers: usize) -> impl Strategy<Value = Vec<Process>> {
    let process = (0..schedulers, any_priority()).prop_map(|(at, priority)| Process {
        at,
        demand: CORE,
        priority,
        movable: true,
    });
    prop::collection::vec(process, 0..200)
}

fn mixed_processes(schedulers: usize) -> impl Strategy<Value = Vec<Process>> {
    let demand = prop_oneof![2 => Just(CORE), 5 => 0..CORE / 4];
    let process = (0..schedulers, demand, any_priority(), any::<bool>()).prop_map(
        |(at, demand, priority, movable)| Process {
            at,
            demand,
            priority,
            movable,
        },
    );
    prop::collection::vec(process, 0..40)
}

fn schedulers_and<P: Strategy>(
    processes: impl Fn(usize) -> P,
) -> impl Strategy<Value = (usize, P::Value)> {
    (1_usize..17).prop_flat_map(move |count| (Just(count), processes(count)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_plan_keeps_the_rules(
        loads in prop::collection::vec(any_load(), 0..20),
        compact: bool,
        active in 0_usize..20,
    ) {
        check_rules(&loads, &balance(&loads, compact, active));
    }

    #[test]
    fn ready_processes_are_spread_evenly_in_few_rounds((schedulers, processes) in schedulers_and(busy_processes)) {
        let mut system = System::new(schedulers, false, processes);
        let before = system.processes.len();
        system.settle();
        let counts = system.counts();
        prop_assert_eq!(counts.iter().sum::<usize>(), before, "none is lost");
        prop_assert!(are_even(&counts), "{:?}", counts);
    }

    /// The measure that only falls: why it cannot go round in circles.
    #[test]
    fn every_round_makes_the_sum_of_squares_smaller(schedulers in 2_usize..17, counts in prop::collection::vec(0_usize..600, 16)) {
        let processes = (0..schedulers).flat_map(|at| {
            let process = Process { at, demand: CORE, priority: Priority::Normal, movable: true };
            std::iter::repeat_n(process, counts[at])
        });
        let mut system = System::new(schedulers, false, processes.collect());
        let squares = |system: &System| system.counts().iter().map(|count| count * count).sum::<usize>();
        let mut before = squares(&system);
        loop {
            let plan = system.plan();
            if system.apply(&plan) == 0 {
                break;
            }
            let after = squares(&system);
            prop_assert!(after < before);
            before = after;
        }
    }

    /// The worst mixture is one process that wants a core among many that want nothing and are counted as well.
    #[test]
    fn with_damping_any_mixture_comes_nearly_to_rest((schedulers, processes) in schedulers_and(mixed_processes), compact: bool) {
        let mut system = System::new(schedulers, compact, processes);
        let mut damping = Damping::new(schedulers);
        let mut moves = |rounds: u32| {
            let plans = (0..rounds).map(|_| {
                let plan = system.plan();
                system.apply(&damping.damp(plan))
            });
            plans.filter(|moved| *moved > 0).count()
        };
        moves(150);
        let later = moves(TURN_WAIT_MAX * 4);
        prop_assert!(later <= 5 * schedulers, "{} rounds", later);
    }

    #[test]
    fn damping_does_not_keep_ready_processes_from_spreading((schedulers, processes) in schedulers_and(busy_processes)) {
        let mut system = System::new(schedulers, false, processes);
        let mut damping = Damping::new(schedulers);
        for _ in 0..3 * ROUNDS_MAX {
            let plan = system.plan();
            system.apply(&damping.damp(plan));
        }
        let counts = system.counts();
        prop_assert!(are_even(&counts), "{:?}", counts);
    }

    #[test]
    fn a_single_movable_process_never_comes_back(
        (schedulers, mut processes) in schedulers_and(mixed_processes),
        compact: bool,
        demand in 0..=CORE,
        priority in any_priority(),
    ) {
        processes.iter_mut().for_each(|process| process.movable = false);
        processes.push(Process { at: schedulers - 1, demand, priority, movable: true });
        let mut system = System::new(schedulers, compact, processes);
        let mut been = vec![schedulers - 1];
        for _ in 0..30 {
            let plan = system.plan();
            system.apply(&plan);
            let at = system.processes.last().unwrap().at;
            if been.last() != Some(&at) {
                prop_assert!(!been.contains(&at), "{:?} and then {}", been, at);
                been.push(at);
            }
        }
    }

    #[test]
    fn an_offline_scheduler_is_emptied((schedulers, processes) in schedulers_and(mixed_processes), off: prop::sample::Index, compact: bool) {
        prop_assume!(schedulers > 1);
        let mut system = System::new(schedulers, compact, processes);
        let off = off.index(schedulers);
        system.online[off] = false;
        for _ in 0..ROUNDS_MAX {
            let plan = system.plan();
            system.apply(&plan);
        }
        prop_assert!(system.on(off).all(|process| !process.movable));
    }

    /// Equal processes, so that what the balance estimates of each is what it wants.
    #[test]
    fn compaction_fills_the_first_and_overloads_nobody(
        schedulers in 2_usize..9,
        places in prop::collection::vec(0_usize..8, 1..60),
        demand in 1_000..40_000_u64,
    ) {
        let processes = places.iter().map(|place| Process {
            at: place % schedulers,
            demand,
            priority: Priority::Normal,
            movable: true,
        });
        let mut system = System::new(schedulers, true, processes.collect());
        prop_assume!((0..schedulers).all(|index| system.demand(index) <= FULL));
        for _ in 0..ROUNDS_MAX {
            let plan = system.plan();
            system.apply(&plan);
            for index in 0..schedulers {
                prop_assert!(system.demand(index) <= FULL);
            }
        }
        let total = demand * places.len() as u64;
        let needed = total.div_ceil(CORE * 60 / 100).max(1) as usize;
        prop_assert_eq!(system.active, needed.min(schedulers));
        for index in system.active..schedulers {
            prop_assert_eq!(system.demand(index), 0, "{} can sleep", index);
        }
    }

    #[test]
    fn without_compaction_a_quiet_system_is_spread(schedulers in 2_usize..9, count in 16_usize..60) {
        let process = Process { at: 0, demand: CORE / 60, priority: Priority::Normal, movable: true };
        let mut system = System::new(schedulers, false, vec![process; count]);
        system.settle();
        let demands: Vec<u64> = (0..schedulers).map(|index| system.demand(index)).collect();
        let difference = demands.iter().max().unwrap() - demands.iter().min().unwrap();
        prop_assert!(difference <= CORE / 4 + CORE / 60, "{:?}", demands);
    }
}

#[test]
fn a_rise_of_load_brings_resting_schedulers_back() {
    let process = |demand| Process {
        at: 0,
        demand,
        priority: Priority::Normal,
        movable: true,
    };
    let mut system = System::new(4, true, vec![process(CORE / 20); 10]);
    system.settle();
    assert_eq!((system.active, system.demand(0)), (1, CORE / 2));
    system.processes.extend(vec![process(CORE); 8]);
    system.settle();
    assert_eq!(system.active, 4);
    let busy = |index| system.on(index).filter(|process| process.demand == CORE);
    assert!((0..4).all(|index| busy(index).count() == 2));
}

#[test]
fn nobody_online_means_nobody_takes() {
    let loads = [SchedulerLoad {
        movable: [5; 4],
        ..SchedulerLoad::default()
    }; 3];
    let plan = balance(&loads, true, 3);
    assert_eq!(plan.active, 0);
    assert!(plan.paths.iter().all(Option::is_none));
}
