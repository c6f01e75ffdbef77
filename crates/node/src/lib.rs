//! The addon: N-API glue between the TypeScript engine and the native core, without logic of its own.
//!
//! Functions are registered through the raw N-API because a binding macro would cost more than most of them do. Those on
//! a hot path take no argument and return nothing: they read and write the control block
//! ([`viga_runtime::control_block`]), so a crossing costs about 10 ns and the work itself.
//!
//! Nothing unwinds into Node: every function runs under [`ffi::guarded`], which turns a panic into a JavaScript error.

mod allocator_facts;
mod bell;
mod binaries;
mod ffi;
mod instance;
mod introspection;
mod life;
mod names;
mod operations;
mod registries;
mod row_memory;
mod shapes;
mod station;
mod stores;
mod tables;
mod uv;

use napi_sys::{napi_env, napi_value};

/// Called by Node for each isolate that loads the addon.
///
/// # Safety
/// Node's own call, with an environment and an object of that environment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn napi_register_module_v1(env: napi_env, exports: napi_value) -> napi_value {
    #[cfg(windows)]
    // SAFETY: called once per load, before any other N-API function.
    unsafe {
        napi_sys::setup();
    }
    ffi::guarded(env, || {
        let instance = instance::Instance::install(env)?;
        life::register(env, exports, instance)?;
        operations::register(env, exports, instance)?;
        names::register(env, exports, instance)?;
        introspection::register(env, exports, instance)?;
        allocator_facts::register(env, exports, instance)?;
        binaries::register(env, exports)?;
        shapes::register(env, exports)?;
        let station = station::Station::install(env, instance)?;
        tables::register(env, exports, station)?;
        registries::register(env, exports, station)
    });
    exports
}

/// The N-API version the addon is written against.
#[unsafe(no_mangle)]
pub extern "C" fn node_api_module_get_api_version_v1() -> i32 {
    9
}
