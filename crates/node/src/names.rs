//! Registered names: the operations that take a string.

use std::ffi::c_void;

use napi_sys::{napi_callback_info, napi_env, napi_value};
use viga_runtime::{ControlBlock, Domain, Pid};
use viga_scheduler::RunQueues;

use crate::ffi::{self, Outcome};
use crate::instance::instance;
use crate::operations::register_code;

/// Adds the functions to the addon's exports.
pub fn register(env: napi_env, exports: napi_value, data: *mut c_void) -> Outcome<()> {
    ffi::define(env, exports, "register", Some(register_name), data)?;
    ffi::define(env, exports, "unregister", Some(unregister_name), data)?;
    ffi::define(env, exports, "whereis", Some(whereis), data)
}

fn with_name(
    env: napi_env,
    info: napi_callback_info,
    body: impl FnOnce(&str, &ControlBlock, &mut RunQueues, &mut Domain),
) -> napi_value {
    ffi::guarded(env, || {
        let (data, [name, _]) = ffi::callback_arguments(env, info)?;
        let name = ffi::string(env, name)?;
        // SAFETY: the data of every function is the instance.
        unsafe { instance(data) }.with(|running| {
            running.operate(|block, queues, domain| body(&name, block, queues, domain));
            Ok(())
        })
    });
    std::ptr::null_mut()
}

/// register(name): A0, A1 process. R0 0 done, 1 taken, 2 not alive.
unsafe extern "C" fn register_name(env: napi_env, info: napi_callback_info) -> napi_value {
    with_name(env, info, |name, block, _, domain| {
        let process = Pid {
            index: block.argument(0),
            serial: block.argument(1),
        };
        let code = domain
            .register(name, process)
            .map_or_else(register_code, |()| 0);
        block.set_result(0, code);
    })
}

/// unregister(name): R0 1 when somebody had it.
unsafe extern "C" fn unregister_name(env: napi_env, info: napi_callback_info) -> napi_value {
    with_name(env, info, |name, block, _, domain| {
        block.set_result(0, u32::from(domain.unregister(name)));
    })
}

/// whereis(name): R0 1 when somebody has it; R1, R2 pid.
unsafe extern "C" fn whereis(env: napi_env, info: napi_callback_info) -> napi_value {
    with_name(env, info, |name, block, _, domain| {
        let found = domain.whereis(name);
        block.set_result(0, u32::from(found.is_some()));
        if let Some(pid) = found {
            block.set_result(1, pid.index);
            block.set_result(2, pid.serial);
        }
    })
}
