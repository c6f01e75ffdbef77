//! Monitors between processes of two schedulers, in every order in which short programs and the crossings between them can
//! go.

use viga_runtime::Pid;
use viga_runtime::executor::slice_end;
use viga_runtime::handles::constant;
use viga_runtime::monitor::AliasMode;

use crate::isolate::Isolate;
use crate::rest::{left, nothing_but};

/// Steps of a program. The owner is on the first scheduler, its target on the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Monitor,
    Demonitor,
    Flush,
    EndTarget,
    OwnerHears,
    TargetHears,
}

const STEPS: [Step; 6] = [
    Step::Monitor,
    Step::Demonitor,
    Step::Flush,
    Step::EndTarget,
    Step::OwnerHears,
    Step::TargetHears,
];
const LENGTH: u32 = if cfg!(feature = "hard-checks") { 4 } else { 5 };

struct Program {
    isolates: Vec<Isolate>,
    owner: Pid,
    target: Pid,
    mode: AliasMode,
    /// Monitors that nobody has ended.
    monitors: Vec<u64>,
    references: Vec<u64>,
    /// DOWNs in the mailbox.
    waiting: u32,
}

impl Program {
    fn begin(&mut self, mode: AliasMode) {
        let start = |isolate: &mut Isolate| {
            let pid = isolate.spawn(|_| slice_end::HOLD);
            isolate.run();
            pid
        };
        self.mode = mode;
        self.owner = start(&mut self.isolates[0]);
        self.target = start(&mut self.isolates[1]);
        self.monitors.clear();
        self.references.clear();
        self.waiting = 0;
    }

    fn step(&mut self, step: Step) {
        let (owner, target, mode) = (self.owner, self.target, self.mode);
        match step {
            Step::Monitor => {
                let reference = self.isolates[0].new_reference();
                self.isolates[0].meanwhile(|queues, domain| {
                    domain.monitor(queues, owner.index, target, reference, mode);
                });
                self.monitors.push(reference);
                self.references.push(reference);
            }
            Step::Demonitor | Step::Flush => {
                let flush = step == Step::Flush;
                let Some(reference) = self.references.pop() else {
                    return;
                };
                let found = self.isolates[0]
                    .meanwhile(|_, domain| domain.demonitor(owner, reference, flush));
                let waits = self.monitors.contains(&reference);
                assert_eq!(found, waits, "a monitor is found until its DOWN has come");
                self.monitors.retain(|other| *other != reference);
                if flush && !found {
                    self.waiting -= 1;
                }
            }
            Step::EndTarget => self.isolates[1].meanwhile(|queues, domain| {
                domain.signal_exit(queues, target, target, constant::KILL);
            }),
            Step::OwnerHears => self.isolates[0].hear(),
            Step::TargetHears => self.isolates[1].hear(),
        }
        self.see(step);
    }

    /// New DOWNs are those of monitors that are on.
    fn see(&mut self, step: Step) {
        let facts = self.isolates[0].system.process_facts(self.owner);
        let facts = facts.expect("it lives");
        let came = facts.message_queue_length - self.waiting;
        assert!(
            came == 0 || step == Step::OwnerHears,
            "a DOWN comes with others' signals alone"
        );
        self.waiting = facts.message_queue_length;
        assert_eq!(
            facts.monitors.len() + came as usize,
            self.monitors.len(),
            "each DOWN ends a monitor that nobody has ended"
        );
        let on = self.isolates[0].operate(|domain| {
            let facts = domain.process_facts(self.owner);
            facts.map_or(0, |facts| facts.monitors.len())
        });
        // DOWNs come in the order of the monitors.
        self.monitors.drain(..self.monitors.len() - on);
    }
}

#[test]
fn each_monitor_gives_one_down_unless_it_is_ended_first() {
    let isolates = Isolate::several(2);
    let root = isolates[0].root;
    let mut program = Program {
        isolates,
        owner: root,
        target: root,
        mode: AliasMode::None,
        monitors: Vec::new(),
        references: Vec::new(),
        waiting: 0,
    };
    for mode in [AliasMode::None, AliasMode::Explicit, AliasMode::Demonitor] {
        for number in 0..STEPS.len().pow(LENGTH) {
            program.begin(mode);
            let step = |place| STEPS[number / STEPS.len().pow(place) % STEPS.len()];
            for step in (0..LENGTH).map(step) {
                program.step(step);
            }
            for step in [
                Step::EndTarget,
                Step::TargetHears,
                Step::OwnerHears,
                Step::TargetHears,
            ] {
                program.step(step);
            }
            assert!(program.monitors.is_empty(), "a DOWN is missing");
            let owner = program.owner;
            program.isolates[0].signal_constant(owner, constant::KILL);
            program.isolates[1].hear();
            assert_eq!(left(&program.isolates[0].system), nothing_but(2));
        }
    }
}
