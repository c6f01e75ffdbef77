//! What the allocators of all threads hold, by kind: in the order that `ts/src/engine/native/facts.ts` reads.

use std::ffi::c_void;

use napi_sys::{napi_callback_info, napi_env, napi_value};
use viga_runtime::allocators::{self, KindFacts};

use crate::ffi::{self, Outcome};

/// Adds the function to the addon's exports.
pub fn register(env: napi_env, exports: napi_value, data: *mut c_void) -> Outcome<()> {
    ffi::define(env, exports, "allocatorFacts", Some(allocator_facts), data)
}

/// For each kind an array of its name and numbers.
unsafe extern "C" fn allocator_facts(env: napi_env, _info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let kinds = allocators::facts();
        ffi::array(env, kinds.iter().map(|kind| facts(env, kind)))
    })
    .unwrap_or(std::ptr::null_mut())
}

fn facts(env: napi_env, kind: &KindFacts) -> Outcome<napi_value> {
    let numbers = [
        kind.blocks,
        kind.block_bytes,
        kind.carriers,
        kind.carrier_bytes,
        kind.allocations,
        kind.frees,
    ];
    let mut items = vec![ffi::text(env, kind.kind.name())];
    items.extend(numbers.map(|number| ffi::number(env, number as f64)));
    ffi::array(env, items.into_iter())
}
