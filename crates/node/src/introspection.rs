//! What is asked seldom and answered at length: arrays of numbers, in the order that
//! `ts/src/engine/native/facts.ts` reads.

use std::ffi::c_void;

use napi_sys::{napi_callback_info, napi_env, napi_value};
use viga_runtime::{Pid, ProcessFacts, SchedulerFacts, SystemFacts};

use crate::ffi::{self, Outcome};
use crate::instance::{Running, instance};

/// Adds the functions to the addon's exports.
pub fn register(env: napi_env, exports: napi_value, data: *mut c_void) -> Outcome<()> {
    ffi::define(env, exports, "processFacts", Some(process_facts), data)?;
    ffi::define(env, exports, "processes", Some(processes), data)?;
    ffi::define(env, exports, "registered", Some(registered), data)?;
    ffi::define(env, exports, "systemFacts", Some(system_facts), data)?;
    ffi::define(env, exports, "schedulerFacts", Some(scheduler_facts), data)
}

fn answer(
    env: napi_env,
    info: napi_callback_info,
    body: impl FnOnce(&Running) -> Outcome<Option<napi_value>>,
) -> napi_value {
    ffi::guarded(env, || {
        // SAFETY: the data of every function is the instance.
        unsafe { instance(ffi::callback_data(env, info)) }.with(|running| {
            running.operate(|_, _, _| {});
            body(running)
        })
    })
    .flatten()
    .unwrap_or(std::ptr::null_mut())
}

/// A0, A1 pid: undefined when it is dead, else numbers and, last, the array of its names.
unsafe extern "C" fn process_facts(env: napi_env, info: napi_callback_info) -> napi_value {
    answer(env, info, |running| {
        let pid = Pid {
            index: running.block.argument(0),
            serial: running.block.argument(1),
        };
        let Some(facts) = running.system().process_facts(pid) else {
            return Ok(None);
        };
        let mut items: Vec<Outcome<napi_value>> = numbers_of(&facts)
            .into_iter()
            .map(|value| ffi::number(env, value))
            .collect();
        items.push(ffi::array(
            env,
            facts.names.iter().map(|name| ffi::text(env, name)),
        ));
        ffi::array(env, items.into_iter()).map(Some)
    })
}

fn numbers_of(facts: &ProcessFacts) -> Vec<f64> {
    let mut numbers = vec![
        f64::from(facts.status as u8),
        f64::from(facts.priority as u8),
        f64::from(u8::from(facts.trap_exit)),
        f64::from(facts.message_queue_length),
        facts.reductions as f64,
        f64::from(facts.parent.index),
        f64::from(facts.parent.serial),
        facts.memory as f64,
    ];
    for pids in [&facts.links, &facts.monitors, &facts.monitored_by] {
        numbers.push(pids.len() as f64);
        numbers.extend(
            pids.iter()
                .flat_map(|pid| [f64::from(pid.index), f64::from(pid.serial)]),
        );
    }
    numbers
}

/// Index and serial of each live process.
unsafe extern "C" fn processes(env: napi_env, info: napi_callback_info) -> napi_value {
    answer(env, info, |running| {
        let pids = running.system().processes();
        let words: Vec<f64> = pids
            .iter()
            .flat_map(|pid| [f64::from(pid.index), f64::from(pid.serial)])
            .collect();
        ffi::numbers(env, &words).map(Some)
    })
}

/// Names in use.
unsafe extern "C" fn registered(env: napi_env, info: napi_callback_info) -> napi_value {
    answer(env, info, |running| {
        let names = running.system().registered();
        ffi::array(env, names.iter().map(|name| ffi::text(env, name))).map(Some)
    })
}

/// Counts of the system.
unsafe extern "C" fn system_facts(env: napi_env, info: napi_callback_info) -> napi_value {
    answer(env, info, |running| {
        ffi::numbers(env, &numbers_of_system(&running.system().facts())).map(Some)
    })
}

fn numbers_of_system(facts: &SystemFacts) -> [f64; 8] {
    [
        f64::from(facts.process_count),
        f64::from(facts.process_limit),
        f64::from(facts.timer_count),
        f64::from(facts.name_count),
        f64::from(facts.monitor_count),
        f64::from(facts.link_count),
        facts.message_count as f64,
        facts.memory as f64,
    ]
}

/// The same number of numbers for each scheduler, the first one's first.
unsafe extern "C" fn scheduler_facts(env: napi_env, info: napi_callback_info) -> napi_value {
    answer(env, info, |running| {
        let system = running.system();
        let all = (0..system.schedulers()).map(|number| system.scheduler_facts(number));
        let numbers: Vec<f64> = all.flat_map(|facts| numbers_of_scheduler(&facts)).collect();
        ffi::numbers(env, &numbers).map(Some)
    })
}

fn numbers_of_scheduler(facts: &SchedulerFacts) -> [f64; 20] {
    let SchedulerFacts {
        online,
        state,
        counts,
        seen,
    } = facts;
    let [max, high, normal, low] = counts.run_queue.map(f64::from);
    [
        f64::from(u8::from(*online)),
        state.map_or(3.0, |state| f64::from(state as u8)),
        f64::from(counts.process_count),
        counts.message_count as f64,
        f64::from(counts.fragment_count),
        counts.slices as f64,
        counts.reductions as f64,
        max,
        high,
        normal,
        low,
        counts.wakeups as f64,
        seen.spins as f64,
        seen.spins_found as f64,
        counts.steals as f64,
        counts.migrations_in as f64,
        counts.migrations_out as f64,
        seen.wall.running_nanoseconds as f64,
        seen.wall.spinning_nanoseconds as f64,
        seen.wall.parked_nanoseconds as f64,
    ]
}
