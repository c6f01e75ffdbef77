//! Several isolates until they come to rest, and what is left then.

use std::time::Duration;

use viga_runtime::System;
use viga_runtime::control_block::header;

use crate::isolate::Isolate;

/// More than any program of these tests takes.
const MOST_ROUNDS: u32 = 10_000;

/// Runs all isolates until none has anything to do; timers may be left.
pub fn run_all(isolates: &mut [Isolate]) {
    let mut rounds = 0;
    while isolates
        .iter_mut()
        .fold(false, |ran, isolate| isolate.run_batch() | ran)
        || (isolates.iter()).any(|isolate| isolate.system.has_arrivals(isolate.number))
    {
        rounds += 1;
        assert!(rounds < MOST_ROUNDS, "it does not come to rest");
    }
}

/// As [`run_all`], asleep until each timer is due that is within a minute.
pub fn run_all_with_timers(isolates: &mut [Isolate]) {
    loop {
        run_all(isolates);
        let waits = |isolate: &mut Isolate| {
            let wait = isolate.block.get(header::NEXT_DEADLINE);
            let soon = (0..60_000).contains(&wait);
            if soon {
                isolate.sleep(Some(Duration::from_millis(wait as u64)));
            }
            soon
        };
        if !isolates
            .iter_mut()
            .map(waits)
            .fold(false, |one, other| one | other)
        {
            return;
        }
    }
}

/// What is left between processes, and on its way.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    pub processes: u32,
    pub messages: u64,
    pub fragments: u32,
    pub monitors: u32,
    pub links: u32,
    pub timers: u32,
    pub names: u32,
}

/// What is left when `processes` live and there is nothing between them.
pub fn nothing_but(processes: u32) -> Left {
    Left {
        processes,
        messages: 0,
        fragments: 0,
        monitors: 0,
        links: 0,
        timers: 0,
        names: 0,
    }
}

pub fn left(system: &System) -> Left {
    let facts = system.facts();
    Left {
        processes: facts.process_count,
        messages: facts.message_count,
        fragments: facts.fragment_count,
        monitors: facts.monitor_count,
        links: facts.link_count,
        timers: facts.timer_count,
        names: facts.name_count,
    }
}
