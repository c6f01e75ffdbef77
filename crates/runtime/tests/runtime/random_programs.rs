//! Random processes against a model, whatever the batches: see `model` and `actors`. With the feature `hard-checks` every
//! crossing walks the whole domain as well.

use std::collections::VecDeque;
use std::rc::Rc;

use proptest::prelude::*;
use viga_runtime::handles::constant;

use crate::actors::{Shared, definition, script, start};
use crate::isolate::Isolate;
use crate::rest::{left, nothing_but, run_all_with_timers};

fn cases() -> u32 {
    if cfg!(feature = "hard-checks") {
        400
    } else {
        1500
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_time: 20_000, ..ProptestConfig::with_cases(cases()) })]
    #[test]
    fn random_programs_see_what_they_must(
        scripts in proptest::collection::vec(script(), 3..14),
        cuts in proptest::collection::vec(prop_oneof![2 => Just(usize::MAX), 1 => 0usize..4], 1..8),
    ) {
        let mut isolate = Isolate::new();
        let rounds = scripts.iter().map(VecDeque::len).max().unwrap_or(0) + 2;
        let world = Shared::default();
        world.borrow_mut().scripts = scripts;
        for _ in 0..3 {
            start(&mut isolate, &world, crate::isolate::ROOT);
        }
        for cut in cuts.iter().cycle().take(40) {
            isolate.slices_per_batch = *cut;
            isolate.run_batch();
        }
        isolate.slices_per_batch = usize::MAX;
        // Each round sets those going that wait for what will not come.
        for _ in 0..rounds * 4 {
            isolate.run_with_timers();
            let pids = world.borrow().pids.clone();
            for pid in pids {
                isolate.cross(|queues, domain| domain.resume(queues, pid));
            }
        }
        isolate.run_with_timers();
        let pids = world.borrow().pids.clone();
        world.borrow().model.at_rest(&isolate.system, &pids);

        for pid in &pids {
            isolate.signal_constant(*pid, constant::KILL);
        }
        isolate.run();
        let facts = isolate.system.facts();
        prop_assert_eq!(facts.process_count, 1);
        prop_assert_eq!(facts.message_count, 0);
        prop_assert_eq!(facts.monitor_count + facts.link_count + facts.timer_count, 0);
        prop_assert_eq!(facts.run_queue, [0; 4]);
        prop_assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
    }

    #[test]
    fn random_programs_on_several_schedulers_see_what_they_must(
        scripts in proptest::collection::vec(script(), 3..14),
        schedulers in 2usize..4,
        drive in proptest::collection::vec(drive(), 1..60),
    ) {
        let mut isolates = Isolate::several(schedulers);
        let rounds = scripts.iter().map(VecDeque::len).max().unwrap_or(0) + 2;
        let world = Shared::default();
        let definition = definition(&world, &Rc::new(scripts.clone()));
        world.borrow_mut().scripts = scripts;
        for isolate in &mut isolates {
            isolate.definition = Some(Rc::clone(&definition));
            let root = isolate.root;
            start(isolate, &world, root);
        }
        for (chosen, step) in drive {
            let number = chosen % schedulers;
            match step {
                Drive::Run { slices } => {
                    isolates[number].slices_per_batch = slices;
                    isolates[number].run_batch();
                }
                Drive::Hear => isolates[number].hear(),
                Drive::End => {
                    let system = isolates[number].system.clone();
                    let pids = world.borrow().pids.clone();
                    let lost = pids.into_iter().filter(|pid| system.home(*pid) == number);
                    world.borrow_mut().model.lost(lost.filter(|pid| system.is_alive(*pid)));
                    let lost = isolates.remove(number);
                    let mut replaced = lost.replaced();
                    replaced.definition = Some(Rc::clone(&definition));
                    isolates.insert(number, replaced);
                }
            }
        }
        for isolate in &mut isolates {
            isolate.slices_per_batch = usize::MAX;
        }
        // Each round sets those going that wait for what will not come.
        for _ in 0..rounds * 4 {
            run_all_with_timers(&mut isolates);
            let pids = world.borrow().pids.clone();
            for pid in pids {
                let home = isolates[0].system.home(pid);
                isolates[home].cross(|queues, domain| domain.resume(queues, pid));
            }
        }
        run_all_with_timers(&mut isolates);
        let system = isolates[0].system.clone();
        #[cfg(feature = "hard-checks")]
        system.check_sides();
        let pids = world.borrow().pids.clone();
        world.borrow().model.at_rest(&system, &pids);

        for pid in &pids {
            isolates[0].signal_constant(*pid, constant::KILL);
        }
        for isolate in &mut isolates {
            isolate.cancel_away_timers();
        }
        run_all_with_timers(&mut isolates);
        prop_assert_eq!(left(&system), nothing_but(schedulers as u32));
        prop_assert_eq!(system.facts().run_queue, [0; 4]);
        for isolate in &isolates {
            prop_assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
        }
    }
}

/// What happens next at one of the isolates.
#[derive(Clone, Copy, Debug)]
enum Drive {
    Run {
        slices: usize,
    },
    Hear,
    /// It ends, whatever it was doing, and another one comes.
    End,
}

fn drive() -> impl Strategy<Value = (usize, Drive)> {
    let step = prop_oneof![
        8 => Just(Drive::Run { slices: usize::MAX }),
        8 => (0usize..4).prop_map(|slices| Drive::Run { slices }),
        3 => Just(Drive::Hear),
        1 => Just(Drive::End),
    ];
    (0usize..3, step)
}
