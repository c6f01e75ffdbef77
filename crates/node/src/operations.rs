//! Operations on processes. Each takes its arguments from the control block's ARGUMENTS (`A0` ...) and leaves what it
//! gives in RESULTS (`R0` ...); a pid is two words, index and serial, a reference's id two words, low and high.

use std::ffi::c_void;

use napi_sys::{napi_callback_info, napi_env, napi_value};
use viga_runtime::control_block::MOST_RESERVED;
use viga_runtime::domain::RegisterError;
use viga_runtime::handles::SystemMessage;
use viga_runtime::monitor::AliasMode;
use viga_runtime::{ControlBlock, Domain, NIL, Pid};
use viga_scheduler::{Priority, RunQueues};

use crate::ffi::{self, Outcome};
use crate::instance::operate;

/// Defines functions of the addon that take and return nothing.
macro_rules! operations {
    ($($(#[$doc:meta])* $js:literal $name:ident |$block:pat_param, $queues:pat_param, $domain:pat_param| $body:block)*) => {
        $(
            $(#[$doc])*
            unsafe extern "C" fn $name(env: napi_env, info: napi_callback_info) -> napi_value {
                operate(env, info, |$block: &ControlBlock, $queues: &mut RunQueues, $domain: &mut Domain| $body)
            }
        )*

        /// Adds the operations to the addon's exports.
        pub fn register(env: napi_env, exports: napi_value, data: *mut c_void) -> Outcome<()> {
            $(ffi::define(env, exports, $js, Some($name), data)?;)*
            Ok(())
        }
    };
}

fn pid(block: &ControlBlock, first: usize) -> Pid {
    Pid {
        index: block.argument(first),
        serial: block.argument(first + 1),
    }
}

fn reference(block: &ControlBlock, first: usize) -> u64 {
    u64::from(block.argument(first)) | u64::from(block.argument(first + 1)) << 32
}

fn give_pid(block: &ControlBlock, first: usize, pid: Pid) {
    block.set_result(first, pid.index);
    block.set_result(first + 1, pid.serial);
}

fn alias_mode(number: u32) -> AliasMode {
    AliasMode::from_u8(number as u8).unwrap_or(AliasMode::None)
}

fn priority(number: u32) -> Priority {
    Priority::from_u8(number as u8).unwrap_or(Priority::Normal)
}

operations! {
    /// What the isolate did takes effect.
    "sync" sync |block, queues, domain| {
        domain.sync(queues, block);
    }

    /// Hands over more of what may be forgotten.
    "giveBack" give_back |block, _, domain| {
        domain.give_back(block);
    }

    /// The running slice has used up its window.
    "refill" refill |block, queues, domain| {
        domain.refill(queues, block);
    }

    /// A0 messages taken: the running slice gives the rest of its window back.
    "returnWindow" return_window |block, queues, domain| {
        domain.return_window(queues, block, block.argument(0));
    }

    /// More reserved places than a turn leaves; none when the table is full. R0 the limit.
    "reserve" reserve |block, queues, domain| {
        domain.sync(queues, block);
        domain.reserve(block, MOST_RESERVED);
        block.set_result(0, domain.process_limit());
    }

    /// A0, A1 process; A2 reason.
    "exit" exit |block, queues, domain| {
        domain.sync(queues, block);
        let reason = domain.reason_of_executor(block.argument(2));
        domain.exit(queues, pid(block, 0), reason);
        domain.give_back(block);
    }

    /// A0, A1 process.
    "resume" resume |block, queues, domain| {
        domain.sync(queues, block);
        domain.resume(queues, pid(block, 0));
    }

    /// A0, A1 process; A2 timeout. R0 1 when there was a message, R1 its handle.
    "takeOutside" take_outside |block, queues, domain| {
        domain.sync(queues, block);
        let handle = domain.take_outside(pid(block, 0), block.argument(2) as i32);
        block.set_result(0, u32::from(handle.is_some()));
        block.set_result(1, handle.unwrap_or(NIL));
    }

    /// A0, A1 process; A2 messages more that are put aside.
    "holdOutside" hold_outside |block, queues, domain| {
        domain.sync(queues, block);
        domain.hold_outside(pid(block, 0), block.argument(2) as i32);
    }

    /// A0 handle with the top bit set, taken. R0 0 EXIT, 1 DOWN; R1, R2 pid; R3 reason, whose record stands in the single buffer
    /// if it is a fragment; R4, R5 reference. R0 2: that buffer is too small, R1 bytes are needed, and nothing was taken.
    "systemMessage" system_message |block, _, domain| {
        match domain.show_system_message(block.argument(0)) {
            Ok(Some(SystemMessage::Exit { from, reason })) => {
                block.set_result(0, 0);
                give_pid(block, 1, from);
                block.set_result(3, reason);
            }
            Ok(Some(SystemMessage::Down { reference, from, reason })) => {
                block.set_result(0, 1);
                give_pid(block, 1, from);
                block.set_result(3, reason);
                block.set_result(4, reference as u32);
                block.set_result(5, (reference >> 32) as u32);
            }
            Ok(None) => block.set_result(0, NIL),
            Err(needed) => {
                block.set_result(0, 2);
                block.set_result(1, needed as u32);
            }
        }
    }

    /// A0 handle of a fragment, A1 1 when it is a message that was taken. Its record is put into the single buffer: R0 1; or that
    /// is too small: R0 0, R1 bytes needed.
    "showFragment" show_fragment |block, _, domain| {
        let handle = block.argument(0);
        let shown = if block.argument(1) == 0 {
            domain.show_fragment(handle)
        } else {
            domain.show_message(handle)
        };
        block.set_result(0, u32::from(shown.is_ok()));
        block.set_result(1, shown.err().unwrap_or(0) as u32);
    }

    /// A0, A1 process; A2, A3 other.
    "link" link |block, queues, domain| {
        domain.sync(queues, block);
        let from = pid(block, 0);
        if domain.is_alive(from) {
            domain.link(queues, from.index, pid(block, 2));
        }
        domain.give_back(block);
    }

    /// A0, A1 process; A2, A3 other.
    "unlink" unlink |block, queues, domain| {
        domain.sync(queues, block);
        let from = pid(block, 0);
        if domain.is_alive(from) {
            domain.unlink(from.index, pid(block, 2));
        }
    }

    /// A0, A1 process; A2, A3 target; A4, A5 reference; A6 alias mode.
    "monitor" monitor |block, queues, domain| {
        domain.sync(queues, block);
        let from = pid(block, 0);
        if domain.is_alive(from) {
            domain.monitor(queues, from.index, pid(block, 2), reference(block, 4), alias_mode(block.argument(6)));
        }
    }

    /// A0, A1 process; A2, A3 reference; A4 flush. R0 1 when there was such a monitor.
    "demonitor" demonitor |block, queues, domain| {
        domain.sync(queues, block);
        let found = domain.demonitor(pid(block, 0), reference(block, 2), block.argument(4) != 0);
        block.set_result(0, u32::from(found));
    }

    /// A0, A1 process; A2, A3 reference; A4 alias mode.
    "alias" alias |block, queues, domain| {
        domain.sync(queues, block);
        let owner = pid(block, 0);
        if domain.is_alive(owner) {
            domain.alias(owner.index, reference(block, 2), alias_mode(block.argument(4)));
        }
    }

    /// A0, A1 process; A2, A3 reference. R0 1 when the alias was active.
    "unalias" unalias |block, queues, domain| {
        domain.sync(queues, block);
        let found = domain.unalias(pid(block, 0), reference(block, 2));
        block.set_result(0, u32::from(found));
    }

    /// A0, A1 from; A2, A3 to; A4 reason.
    "signalExit" signal_exit |block, queues, domain| {
        domain.sync(queues, block);
        let reason = domain.reason_of_executor(block.argument(4));
        domain.signal_exit(queues, pid(block, 0), pid(block, 2), reason);
        domain.give_back(block);
    }

    /// A0, A1 caller; A2, A3 reference. R0 1 when the call was pending.
    "abandon" abandon |block, queues, domain| {
        domain.sync(queues, block);
        let found = domain.abandon(pid(block, 0), reference(block, 2));
        block.set_result(0, u32::from(found));
    }

    /// A0, A1 process; A2 0 or 1. R0 the old value.
    "setTrapExit" set_trap_exit |block, queues, domain| {
        domain.sync(queues, block);
        let old = domain.set_trap_exit(pid(block, 0), block.argument(2) != 0);
        block.set_result(0, u32::from(old));
    }

    /// A0, A1 process; A2 priority. R0 the old one.
    "setPriority" set_priority |block, queues, domain| {
        domain.sync(queues, block);
        let old = domain.set_priority(pid(block, 0), priority(block.argument(2)));
        block.set_result(0, old.map_or(Priority::Normal as u32, |old| old as u32));
    }

    /// A0, A1 to; A2 milliseconds; A3 message. R0, R1 the timer (R0 all ones: there is none, the target is dead).
    "startTimer" start_timer |block, queues, domain| {
        domain.sync(queues, block);
        let (timer, stamp) = domain.start_timer(pid(block, 0), u64::from(block.argument(2)), block.argument(3));
        block.set_result(0, timer);
        block.set_result(1, stamp);
    }

    /// A0, A1 timer. R0 1 when it ran, R1 milliseconds that were left.
    "cancelTimer" cancel_timer |block, queues, domain| {
        domain.sync(queues, block);
        let left = domain.cancel_timer(block.argument(0), block.argument(1));
        block.set_result(0, u32::from(left.is_some()));
        block.set_result(1, left.unwrap_or(0) as u32);
    }

    /// A0, A1 timer. R0 1 when it runs, R1 milliseconds left.
    "readTimer" read_timer |block, queues, domain| {
        domain.sync(queues, block);
        let left = domain.read_timer(block.argument(0), block.argument(1));
        block.set_result(0, u32::from(left.is_some()));
        block.set_result(1, left.unwrap_or(0) as u32);
    }

    /// A0, A1 process that was offered; A2 scheduler, from 1; A3 record of what it is made of; A4 where its offer begins. R0 1 when it
    /// has gone; 0 when it stays after all.
    "moveOut" move_out |block, queues, domain| {
        domain.sync(queues, block);
        let to = (block.argument(2) as usize).wrapping_sub(1);
        let at = block.argument(4) as usize;
        let gone = domain.move_out(queues, block, pid(block, 0), to, block.argument(3), at);
        block.set_result(0, u32::from(gone));
    }

    /// A0, A1 process that was offered and stays; A2 1 for good.
    "stay" stay |block, queues, domain| {
        domain.stay(queues, pid(block, 0), block.argument(2) != 0);
    }

    /// A0, A1 process that has a table or a registry entry.
    "markOwner" mark_owner |block, queues, domain| {
        domain.sync(queues, block);
        domain.mark_owner(pid(block, 0));
    }

    /// A0, A1 owner; A2, A3 reference: a DOWN 'noproc' for a name that nobody has.
    "downMissing" down_missing |block, queues, domain| {
        domain.sync(queues, block);
        let owner = pid(block, 0);
        if domain.is_alive(owner) {
            domain.monitor(queues, owner.index, NOBODY, reference(block, 2), AliasMode::None);
        }
    }
}

/// Stands in a DOWN for a name that nobody had.
const NOBODY: Pid = Pid {
    index: 0,
    serial: u32::MAX,
};

/// Result word for a failed registration.
pub fn register_code(error: RegisterError) -> u32 {
    match error {
        RegisterError::Taken => 1,
        RegisterError::NoProcess => 2,
    }
}
