//! The life of an isolate in a system: starting or joining it, sleeping and being called back, and what reaches beyond the
//! isolate's own scheduler at once. As in `operations`, arguments are `A0` ... and results `R0` ... of the control block.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::time::Duration;

use napi_sys::{napi_callback_info, napi_env, napi_value};
use viga_runtime::control_block::{ARGUMENTS, WORDS, header};
use viga_runtime::{Buffer, ControlBlock, Lent, Pid, Spawn};
use viga_scheduler::{Priority, Spinner, WallState};

use crate::ffi::{self, Failure, Outcome};
use crate::instance::{Running, instance};

/// Adds the functions to the addon's exports.
pub fn register(env: napi_env, exports: napi_value, data: *mut c_void) -> Outcome<()> {
    ffi::define(env, exports, "start", Some(start), data)?;
    ffi::define(env, exports, "join", Some(join), data)?;
    ffi::define(env, exports, "stop", Some(stop), data)?;
    ffi::define(env, exports, "lendOutgoing", Some(lend_outgoing), data)?;
    ffi::define(env, exports, "lendIncoming", Some(lend_incoming), data)?;
    ffi::define(env, exports, "lendSingle", Some(lend_single), data)?;
    ffi::define(env, exports, "hearBell", Some(hear_bell), data)?;
    ffi::define(env, exports, "enter", Some(enter), data)?;
    ffi::define(env, exports, "balance", Some(balance), data)?;
    ffi::define(env, exports, "next", Some(next), data)?;
    ffi::define(env, exports, "idle", Some(idle), data)?;
    ffi::define(env, exports, "isAlive", Some(is_alive), data)?;
    ffi::define(env, exports, "spawnAway", Some(spawn_away), data)?;
    ffi::define(env, exports, "setOnline", Some(set_online), data)?;
    ffi::define(env, exports, "movedIndexes", Some(moved_indexes), data)?;
    ffi::define(env, exports, "takeReferences", Some(take_references), data)
}

/// A call with the running system.
#[inline]
fn with_running(
    env: napi_env,
    info: napi_callback_info,
    body: impl FnOnce(&Running) -> Outcome<()>,
) -> napi_value {
    ffi::guarded(env, || {
        // SAFETY: the data of every function is the instance.
        unsafe { instance(ffi::callback_data(env, info)) }.with(body)
    });
    std::ptr::null_mut()
}

fn new_block(env: napi_env, array: napi_value) -> Outcome<(ControlBlock, [u32; 6])> {
    let (words, length) = ffi::int32_array(env, array)?;
    if length < WORDS {
        return Err(Failure::bad_argument(format!(
            "start: the control block has {length} words; {WORDS} are needed"
        )));
    }
    ffi::keep(env, array)?;
    // SAFETY: the six words lie within the array.
    let arguments =
        [0, 1, 2, 3, 4, 5].map(|number| unsafe { *words.add(ARGUMENTS + number) as u32 });
    // SAFETY: the array is kept alive with the environment, and the isolate does not touch it inside a crossing.
    Ok((unsafe { ControlBlock::new(words) }, arguments))
}

fn spinner(microseconds: u32) -> Spinner {
    Spinner::new(Duration::from_micros(microseconds.into()))
}

fn give_root(block: &ControlBlock, root: Pid) {
    block.set_result(0, root.index);
    block.set_result(1, root.serial);
}

/// start(controlBlock: Int32Array): A0 the process limit, A1 schedulers, A2 microseconds to spin, A3 schedulers that take work, A4 1
/// to keep work on few of them, A5 processes that wait before another scheduler is given some at once. R0, R1 the root process, R2 the
/// system's token.
unsafe extern "C" fn start(env: napi_env, info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let (data, [array, _]) = ffi::callback_arguments(env, info)?;
        let (block, [limit, schedulers, spin, online, compact, threshold]) = new_block(env, array)?;
        // SAFETY: the data of every function is the instance.
        let instance = unsafe { instance(data) };
        let (root, token) = instance.start(
            block,
            limit,
            schedulers as usize,
            online as usize,
            compact != 0,
            spinner(spin),
        );
        instance.with(|running| {
            running.system().set_wake_threshold(threshold);
            Ok(())
        })?;
        give_root(&block, root);
        block.set_result(2, token);
        Ok(())
    });
    std::ptr::null_mut()
}

/// join(controlBlock: Int32Array): A0 the system's token, A1 number of the scheduler, from 1, A2 microseconds to spin. R0, R1
/// the root process.
unsafe extern "C" fn join(env: napi_env, info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let (data, [array, _]) = ffi::callback_arguments(env, info)?;
        let (block, [token, number, spin, ..]) = new_block(env, array)?;
        // SAFETY: the data of every function is the instance.
        let instance = unsafe { instance(data) };
        let root = instance.join(
            block,
            token,
            (number as usize).wrapping_sub(1),
            spinner(spin),
        );
        let root = root.ok_or_else(|| Failure {
            code: "ERR_VIGA_RUNTIME_STOPPED",
            message: format!("the system that scheduler {number} belongs to runs no more"),
        })?;
        give_root(&block, root);
        Ok(())
    });
    std::ptr::null_mut()
}

/// stop(): the isolate executes nothing any more; what its processes held is given back.
unsafe extern "C" fn stop(env: napi_env, info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        // SAFETY: the data of every function is the instance.
        unsafe { instance(ffi::callback_data(env, info)) }.stop();
        Ok(())
    });
    std::ptr::null_mut()
}

fn lend(env: napi_env, info: napi_callback_info, which: Lent) -> napi_value {
    ffi::guarded(env, || {
        let (data, [array, _]) = ffi::callback_arguments(env, info)?;
        let (bytes, length) = ffi::uint8_array(env, array)?;
        let bytes = NonNull::new(bytes)
            .ok_or_else(|| Failure::bad_argument("a buffer that is not empty is expected"))?;
        // SAFETY: the engine keeps the array until it lends another, and does not touch it inside a crossing.
        let buffer = unsafe { Buffer::new(bytes, length) };
        // SAFETY: the data of every function is the instance.
        unsafe { instance(data) }.with(|running| {
            running
                .system()
                .operate(running.number, |_, domain| domain.lend(which, buffer));
            Ok(())
        })
    });
    std::ptr::null_mut()
}

/// lendOutgoing(bytes: Uint8Array): where the isolate writes records. All those of commands must have crossed.
unsafe extern "C" fn lend_outgoing(env: napi_env, info: napi_callback_info) -> napi_value {
    lend(env, info, Lent::Outgoing)
}

/// lendIncoming(bytes: Uint8Array): where it finds those of its windows.
unsafe extern "C" fn lend_incoming(env: napi_env, info: napi_callback_info) -> napi_value {
    lend(env, info, Lent::Incoming)
}

/// lendSingle(bytes: Uint8Array): where it finds one that it asks for.
unsafe extern "C" fn lend_single(env: napi_env, info: napi_callback_info) -> napi_value {
    lend(env, info, Lent::Single)
}

/// hearBell(turn: () => void): called when another thread has work for the isolate while it sleeps.
unsafe extern "C" fn hear_bell(env: napi_env, info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let (data, [turn, _]) = ffi::callback_arguments(env, info)?;
        // SAFETY: the data of every function is the instance.
        unsafe { instance(data) }.with(|running| running.hear_bell(env, turn))
    });
    std::ptr::null_mut()
}

/// The isolate enters its loop: it is awake, and its share of time begins.
unsafe extern "C" fn enter(env: napi_env, info: napi_callback_info) -> napi_value {
    with_running(env, info, |running| {
        let scheduler = running.system().scheduler(running.number);
        running.bell().set_parked(false);
        running.bell().set_active(true);
        scheduler.retract_park();
        scheduler.statistics().wall_time().turn(WallState::Running);
        running
            .system()
            .operate(running.number, |_, domain| domain.enter());
        Ok(())
    })
}

/// The isolate has had work for its whole share of time: the load of all schedulers is balanced, if it is time to.
unsafe extern "C" fn balance(env: napi_env, info: napi_callback_info) -> napi_value {
    with_running(env, info, |running| {
        let wanted = running.system().balance(running.number);
        let wanted = wanted.map_or(0, |number| number as i32 + 1);
        running.block.set(header::WANTED, wanted);
        Ok(())
    })
}

/// Settles what was run, and hands out the next batch.
unsafe extern "C" fn next(env: napi_env, info: napi_callback_info) -> napi_value {
    with_running(env, info, |running| {
        running.system().next(running.number, &running.block);
        Ok(())
    })
}

/// The isolate has nothing to run: looks for arrivals for a while, then announces that it sleeps. R0 1 when there is something
/// after all.
unsafe extern "C" fn idle(env: napi_env, info: napi_callback_info) -> napi_value {
    with_running(env, info, |running| {
        let found = running.spin_or_park();
        running.block.set_result(0, u32::from(found));
        Ok(())
    })
}

/// A0, A1 pid. R0 1 while it is alive.
unsafe extern "C" fn is_alive(env: napi_env, info: napi_callback_info) -> napi_value {
    with_running(env, info, |running| {
        let pid = Pid {
            index: running.block.argument(0),
            serial: running.block.argument(1),
        };
        let here = running.operate(|_, _, domain| domain.is_alive(pid));
        let alive = here || running.system().is_alive(pid);
        running.block.set_result(0, u32::from(alive));
        Ok(())
    })
}

/// A0 scheduler, from 1; A1 priority (bits 0 and 1) and link (bit 2); A2, A3 reference of the monitor or 0; A4, A5 parent; A6
/// the blueprint's record. R0 1; R1, R2 the process; R0 0 when the table is full, R1 the limit.
unsafe extern "C" fn spawn_away(env: napi_env, info: napi_callback_info) -> napi_value {
    with_running(env, info, |running| {
        let block = &running.block;
        let number = (block.argument(0) as usize).wrapping_sub(1);
        if number >= running.system().schedulers() {
            return Err(Failure::bad_argument(format!(
                "spawn: scheduler is {}; 1 to {} are allowed",
                block.argument(0),
                running.system().schedulers()
            )));
        }
        let how = block.argument(1);
        let monitor = u64::from(block.argument(2)) | u64::from(block.argument(3)) << 32;
        let spawn = Spawn {
            parent: Pid {
                index: block.argument(4),
                serial: block.argument(5),
            },
            priority: Priority::from_u8(how as u8 & 3).unwrap_or(Priority::Normal),
        };
        let word = block.argument(6);
        match running.system().claim(number) {
            Ok(pid) => {
                running.operate(|_, _, domain| {
                    domain.spawn_away(pid, spawn, how & 4 != 0, monitor, word);
                });
                // Nothing else of the isolate's need follow.
                running.settle_life();
                block.set_result(0, 1);
                block.set_result(1, pid.index);
                block.set_result(2, pid.serial);
            }
            Err(full) => {
                block.set_result(0, 0);
                block.set_result(1, full.limit);
            }
        }
        Ok(())
    })
}

/// R0, R1 the first of 16,777,216 identifiers of references that are this isolate's alone.
unsafe extern "C" fn take_references(env: napi_env, info: napi_callback_info) -> napi_value {
    with_running(env, info, |running| {
        let first = running.system().take_references();
        running.block.set_result(0, first as u32);
        running.block.set_result(1, (first >> 32) as u32);
        Ok(())
    })
}

/// A0 schedulers that take work from now on. R0 how many did before.
unsafe extern "C" fn set_online(env: napi_env, info: napi_callback_info) -> napi_value {
    with_running(env, info, |running| {
        let online = running.block.argument(0) as usize;
        let before = running.system().set_online(online);
        running.block.set_result(0, before as u32);
        Ok(())
    })
}

/// movedIndexes(): number[]: indexes of this scheduler whose processes live on others.
unsafe extern "C" fn moved_indexes(env: napi_env, info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let mut answer = std::ptr::null_mut();
        // SAFETY: the data of every function is the instance.
        unsafe { instance(ffi::callback_data(env, info)) }.with(|running| {
            let indexes = running.operate(|_, _, domain| domain.moved_indexes());
            let numbers: Vec<f64> = indexes.into_iter().map(f64::from).collect();
            answer = ffi::numbers(env, &numbers)?;
            Ok(())
        })?;
        Ok(answer)
    })
    .unwrap_or(std::ptr::null_mut())
}
