//! What is known of each scheduler.

use viga_runtime::executor::slice_end;
use viga_scheduler::WallState;

use crate::isolate::Isolate;

#[test]
fn each_scheduler_has_numbers_of_its_own() {
    let mut isolates = Isolate::several(2);
    for _ in 0..3 {
        isolates[1].spawn(|_| slice_end::WAIT);
    }
    isolates[1].hear();
    let system = isolates[0].system.clone();
    let (first, second) = (system.scheduler_facts(0), system.scheduler_facts(1));
    let (idle, waiting) = (first.counts, second.counts);
    assert_eq!((idle.process_count, idle.run_queue), (1, [0; 4]));
    assert_eq!(
        (waiting.process_count, waiting.run_queue),
        (4, [0, 0, 3, 0])
    );
    isolates[1].run();
    let ran = system.scheduler_facts(1).counts;
    assert_eq!((ran.slices, ran.run_queue), (waiting.slices + 3, [0; 4]));
    assert_eq!(system.scheduler_facts(0).counts.slices, idle.slices);
}

#[test]
fn a_scheduler_that_no_isolate_executes_is_down() {
    let system = Isolate::system_of(2);
    let state = || system.scheduler_facts(1).state;
    assert_eq!(state(), None);
    let isolate = Isolate::attached(system.clone(), 1);
    assert_eq!(state(), Some(WallState::Parked));
    let wall_time = system.scheduler(1).statistics().wall_time();
    wall_time.turn(WallState::Running);
    assert_eq!(state(), Some(WallState::Running));
    drop(isolate);
    assert_eq!(state(), None);
}

#[test]
fn the_first_schedulers_take_work_and_at_least_one_does() {
    let system = Isolate::system_of(3);
    let online = || [0, 1, 2].map(|number| system.scheduler_facts(number).online);
    assert_eq!(online(), [true; 3]);
    assert_eq!(system.set_online(2), 3);
    assert_eq!(online(), [true, true, false]);
    assert_eq!(system.set_online(0), 2);
    assert_eq!(online(), [true, false, false]);
    assert_eq!(system.set_online(9), 1);
    assert_eq!(online(), [true; 3]);
}
