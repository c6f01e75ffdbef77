//! Links between processes of two schedulers, in every order in which short programs and the crossings between them can go.

use viga_runtime::Pid;
use viga_runtime::executor::slice_end;
use viga_runtime::handles::constant;

use crate::isolate::Isolate;
use crate::rest::{left, nothing_but};

/// Steps of a program; the number is that of the side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Link(usize),
    Unlink(usize),
    Hear(usize),
    End(usize),
}

const LENGTH: u32 = if cfg!(feature = "hard-checks") { 5 } else { 6 };

/// Every program of this length over `steps`.
fn programs(steps: &[Step], length: u32) -> impl Iterator<Item = Vec<Step>> + '_ {
    (0..steps.len().pow(length)).map(move |number| {
        let step = |place| steps[number / steps.len().pow(place) % steps.len()];
        (0..length).map(step).collect()
    })
}

/// Two processes that trap exit signals, wait for nothing, and sit on two schedulers.
struct Pair {
    isolates: Vec<Isolate>,
    pids: [Pid; 2],
}

impl Pair {
    fn new() -> Self {
        let isolates = Isolate::several(2);
        let pids = [0, 1].map(|side: usize| isolates[side].root);
        Pair { isolates, pids }
    }

    /// Two new processes in place of the old ones.
    fn begin(&mut self, linked: bool) {
        for (side, isolate) in self.isolates.iter_mut().enumerate() {
            let pid = isolate.spawn(|_| slice_end::HOLD);
            isolate.cross(|_, domain| domain.set_trap_exit(pid, true));
            isolate.run();
            self.pids[side] = pid;
        }
        if linked {
            self.step(Step::Link(0));
            self.step(Step::Hear(1));
        }
    }

    fn step(&mut self, step: Step) {
        let pids = self.pids;
        match step {
            Step::Link(side) => self.isolates[side]
                .meanwhile(|queues, domain| domain.link(queues, pids[side].index, pids[1 - side])),
            Step::Unlink(side) => self.isolates[side]
                .meanwhile(|_, domain| domain.unlink(pids[side].index, pids[1 - side])),
            Step::Hear(side) => self.isolates[side].hear(),
            Step::End(side) => self.isolates[side].meanwhile(|queues, domain| {
                domain.signal_exit(queues, pids[side], pids[side], constant::KILL);
            }),
        }
    }

    fn settle(&mut self) {
        for side in [0, 1, 0, 1, 0, 1] {
            self.isolates[side].hear();
        }
    }

    fn is_linked(&mut self, side: usize) -> bool {
        let facts = self.isolates[side].system.process_facts(self.pids[side]);
        facts.is_some_and(|facts| facts.links.contains(&self.pids[1 - side]))
    }

    /// EXITs that wait.
    fn exits(&mut self, side: usize) -> u32 {
        let facts = self.isolates[side].system.process_facts(self.pids[side]);
        facts.map_or(0, |facts| facts.message_queue_length)
    }

    fn end(&mut self) {
        for side in [0, 1] {
            self.step(Step::End(side));
        }
        self.settle();
        assert_eq!(left(&self.isolates[0].system), nothing_but(2));
    }
}

/// Which steps each step follows: those of its own side, and what that has heard of.
struct Knowledge {
    known: [[usize; 2]; 2],
    links: Vec<(usize, usize, [usize; 2])>,
    unlinks: Vec<(usize, usize, [usize; 2])>,
}

impl Knowledge {
    fn note(&mut self, step: Step) {
        match step {
            Step::Link(side) | Step::Unlink(side) => {
                self.known[side][side] += 1;
                let noted = (side, self.known[side][side], self.known[side]);
                if matches!(step, Step::Link(_)) {
                    self.links.push(noted);
                } else {
                    self.unlinks.push(noted);
                }
            }
            Step::Hear(side) => {
                let other = 1 - side;
                self.known[side][other] = self.known[other][other];
            }
            Step::End(_) => {}
        }
    }

    /// One of `these` that none of `those` follows.
    fn last_word(
        these: &[(usize, usize, [usize; 2])],
        those: &[(usize, usize, [usize; 2])],
    ) -> bool {
        these.iter().any(|(side, number, _)| {
            !those
                .iter()
                .any(|(of, at, known)| known[*side] >= *number && (of, at) != (side, number))
        })
    }
}

#[test]
fn both_sides_come_to_the_view_of_a_last_step() {
    let mut pair = Pair::new();
    let steps = [
        Step::Link(0),
        Step::Unlink(0),
        Step::Hear(0),
        Step::Link(1),
        Step::Unlink(1),
        Step::Hear(1),
    ];
    for linked in [true, false] {
        for program in programs(&steps, LENGTH) {
            let mut knowledge = Knowledge {
                known: [[0; 2]; 2],
                links: Vec::new(),
                unlinks: Vec::new(),
            };
            if linked {
                knowledge.links.push((0, 0, [0, 0]));
            } else {
                knowledge.unlinks.push((0, 0, [0, 0]));
            }
            pair.begin(linked);
            for step in &program {
                pair.step(*step);
                knowledge.note(*step);
            }
            pair.settle();
            let agreed = pair.is_linked(0);
            assert_eq!(agreed, pair.is_linked(1), "linked {linked}: {program:?}");
            let (last, others) = if agreed {
                (&knowledge.links, &knowledge.unlinks)
            } else {
                (&knowledge.unlinks, &knowledge.links)
            };
            assert!(
                Knowledge::last_word(last, others),
                "linked {linked}, at the end {agreed}: {program:?}"
            );
            pair.step(Step::End(1));
            pair.settle();
            assert_eq!(pair.exits(0), u32::from(agreed), "{program:?}");
            pair.end();
        }
    }
}

#[test]
fn an_end_is_told_once_and_never_after_unlink() {
    let mut pair = Pair::new();
    let steps = [
        Step::Link(0),
        Step::Unlink(0),
        Step::Hear(0),
        Step::End(1),
        Step::Hear(1),
    ];
    for linked in [true, false] {
        for program in programs(&steps, LENGTH) {
            let mut wants_to_hear = linked;
            let mut seen = 0;
            pair.begin(linked);
            for step in &program {
                pair.step(*step);
                let exits = pair.exits(0);
                if exits != seen {
                    assert!(wants_to_hear && exits == seen + 1, "{program:?}");
                    wants_to_hear = false;
                }
                seen = exits;
                match step {
                    Step::Link(_) => wants_to_hear = true,
                    Step::Unlink(_) => wants_to_hear = false,
                    _ => {}
                }
            }
            pair.step(Step::End(1));
            pair.settle();
            let expected = seen + u32::from(wants_to_hear);
            assert_eq!(pair.exits(0), expected, "linked {linked}: {program:?}");
            assert!(!pair.is_linked(0), "{program:?}");
            pair.end();
        }
    }
}
