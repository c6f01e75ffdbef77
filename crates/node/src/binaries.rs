//! Shared binaries as an isolate holds them: one count of its own for each that it knows, all given back when it goes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr::{self, NonNull};

use napi_sys::{Status, napi_callback_info, napi_env, napi_value};
use viga_allocator::AllocKind;
use viga_runtime::binaries::{self, Held};
use viga_runtime::thread_memory;

use crate::ffi::{self, Failure, Outcome};

/// What one isolate holds: for each id its counts and the binary's length. On the isolate's thread alone.
struct Holder {
    held: RefCell<HashMap<u64, Holding>>,
}

struct Holding {
    counts: u32,
    length: usize,
}

impl Drop for Holder {
    fn drop(&mut self) {
        for (id, holding) in self.held.borrow_mut().drain() {
            (0..holding.counts).for_each(|_| binaries::release(id));
        }
    }
}

/// Adds the functions to the addon's exports.
pub fn register(env: napi_env, exports: napi_value) -> Outcome<()> {
    let holder = Box::into_raw(Box::new(Holder {
        held: RefCell::default(),
    }));
    let data = holder.cast::<c_void>();
    ffi::on_teardown(env, drop_holder, data)?;
    ffi::define(env, exports, "shareBinary", Some(share_binary), data)?;
    ffi::define(env, exports, "holdBinary", Some(hold_binary), data)?;
    ffi::define(env, exports, "releaseBinary", Some(release_binary), data)?;
    ffi::define(env, exports, "binaryMemory", Some(binary_memory), data)?;
    ffi::define(env, exports, "binaryTotals", Some(binary_totals), data)
}

unsafe extern "C" fn drop_holder(data: *mut c_void) {
    // SAFETY: `register` leaked this box, and Node calls the hook once, when no function of the addon can run any more.
    drop(unsafe { Box::from_raw(data.cast::<Holder>()) });
}

/// The holder and the first argument of a call.
fn arguments<'a>(env: napi_env, info: napi_callback_info) -> Outcome<(&'a Holder, napi_value)> {
    let (data, [first, _]) = ffi::callback_arguments(env, info)?;
    // SAFETY: every function here is defined with the holder, which lives until the environment's teardown.
    Ok((unsafe { &*data.cast::<Holder>() }, first))
}

/// `shareBinary(bytes: Uint8Array): number`: copies them to a new shared binary, which the isolate holds, and gives its id.
unsafe extern "C" fn share_binary(env: napi_env, info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let (holder, array) = arguments(env, info)?;
        let id = create(bytes_of(env, array)?)?;
        holder.note(env, id);
        ffi::number(env, id as f64)
    })
    .unwrap_or(ptr::null_mut())
}

/// `holdBinary(id): number`: counts it once more for the isolate; its length, or -1 when it is gone.
unsafe extern "C" fn hold_binary(env: napi_env, info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let (holder, id) = arguments(env, info)?;
        let id = id_of(env, id)?;
        if !binaries::retain(id) {
            return ffi::number(env, -1.0);
        }
        ffi::number(env, holder.note(env, id) as f64)
    })
    .unwrap_or(ptr::null_mut())
}

/// `releaseBinary(id): void`: gives one of the isolate's counts back.
unsafe extern "C" fn release_binary(env: napi_env, info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let (holder, id) = arguments(env, info)?;
        holder.forget(env, id_of(env, id)?);
        Ok(())
    });
    ptr::null_mut()
}

/// `binaryMemory(id): ArrayBuffer`: its bytes, not copied, which nobody may write to.
unsafe extern "C" fn binary_memory(env: napi_env, info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let (_, id) = arguments(env, info)?;
        let id = id_of(env, id)?;
        let held = binaries::hold(id)
            .ok_or_else(|| Failure::bad_argument(format!("binaryMemory: no binary {id}")))?;
        external(env, held)
    })
    .unwrap_or(ptr::null_mut())
}

/// `binaryTotals(): [count, bytes]` of the shared binaries of all isolates.
unsafe extern "C" fn binary_totals(env: napi_env, _info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let (count, bytes) = binaries::totals();
        ffi::numbers(env, &[count as f64, bytes as f64])
    })
    .unwrap_or(ptr::null_mut())
}

impl Holder {
    /// One more count of the binary is the isolate's now. Gives its length.
    fn note(&self, env: napi_env, id: u64) -> usize {
        let mut held = self.held.borrow_mut();
        let holding = held.entry(id).or_insert_with(|| Holding {
            counts: 0,
            length: binaries::hold(id).map_or(0, |held| held.bytes().len()),
        });
        holding.counts += 1;
        if holding.counts == 1 {
            adjust_external_memory(env, holding.length as i64);
        }
        holding.length
    }

    fn forget(&self, env: napi_env, id: u64) {
        let mut held = self.held.borrow_mut();
        let Some(holding) = held.get_mut(&id) else {
            return;
        };
        holding.counts -= 1;
        if holding.counts == 0 {
            adjust_external_memory(env, -(holding.length as i64));
            held.remove(&id);
        }
        drop(held);
        binaries::release(id);
    }
}

/// Binaries are small objects to V8; this tells it what collecting them is worth.
fn adjust_external_memory(env: napi_env, change: i64) {
    let mut total = 0;
    // SAFETY: the out-parameter is valid. A failure leaves V8 uninformed, which does no harm.
    unsafe { napi_sys::napi_adjust_external_memory(env, change, &mut total) };
}

fn create(bytes: &[u8]) -> Outcome<u64> {
    let out_of_memory = || {
        Failure::bad_argument(format!(
            "no memory for a shared binary of {} bytes",
            bytes.len()
        ))
    };
    let memory =
        thread_memory::allocate(AllocKind::Binary, bytes.len()).ok_or_else(out_of_memory)?;
    // SAFETY: the block has this length and is nobody else's.
    unsafe { memory.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
    // SAFETY: the block has been filled, and it is given back the way it came.
    let id = unsafe { binaries::create(memory, bytes.len(), thread_memory::free) };
    if id.is_none() {
        // SAFETY: nobody else has come to know the block.
        unsafe { thread_memory::free(memory) };
    }
    id.ok_or_else(out_of_memory)
}

fn check(status: napi_sys::napi_status, expected: &str) -> Outcome<()> {
    if status == Status::napi_ok {
        return Ok(());
    }
    Err(Failure::bad_argument(format!(
        "{expected} is expected: N-API status {status}"
    )))
}

/// The bytes of a Uint8Array, for the time of the call: nothing here calls back into JavaScript.
fn bytes_of<'a>(env: napi_env, array: napi_value) -> Outcome<&'a [u8]> {
    let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
    // SAFETY: the out-parameters are valid or null, which is allowed.
    let status = unsafe {
        napi_sys::napi_get_typedarray_info(
            env,
            array,
            &mut kind,
            &mut length,
            &mut data,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    check(status, "a Uint8Array")?;
    if kind != napi_sys::TypedarrayType::uint8_array {
        return Err(Failure::bad_argument("a Uint8Array is expected"));
    }
    if data.is_null() {
        return Ok(&[]);
    }
    // SAFETY: the array is an argument of the running call, so its memory stays.
    Ok(unsafe { std::slice::from_raw_parts(data.cast(), length) })
}

fn id_of(env: napi_env, value: napi_value) -> Outcome<u64> {
    let mut id = 0.0;
    // SAFETY: the out-parameter is valid.
    let status = unsafe { napi_sys::napi_get_value_double(env, value, &mut id) };
    check(status, "the id of a binary")?;
    Ok(id as u64)
}

/// An ArrayBuffer over the binary's memory that keeps it counted; a copy where Node allows no such buffers.
fn external(env: napi_env, held: Held) -> Outcome<napi_value> {
    let (data, length) = (held.bytes().as_ptr(), held.bytes().len());
    let hint = Box::into_raw(Box::new(held));
    let mut buffer = ptr::null_mut();
    // SAFETY: the memory stays until `drop_held`, which takes the box back, is called.
    let status = unsafe {
        napi_sys::napi_create_external_arraybuffer(
            env,
            data.cast_mut().cast(),
            length,
            Some(drop_held),
            hint.cast(),
            &mut buffer,
        )
    };
    if status == Status::napi_ok {
        return Ok(buffer);
    }
    // SAFETY: without success the finalizer is not called.
    let held = unsafe { Box::from_raw(hint) };
    copied(env, held.bytes())
}

fn copied(env: napi_env, bytes: &[u8]) -> Outcome<napi_value> {
    let (mut data, mut buffer) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the out-parameters are valid.
    let status =
        unsafe { napi_sys::napi_create_arraybuffer(env, bytes.len(), &mut data, &mut buffer) };
    check(status, "memory for an ArrayBuffer")?;
    // SAFETY: the new buffer has this length and is nobody else's yet.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast(), bytes.len()) };
    Ok(buffer)
}

unsafe extern "C" fn drop_held(_env: napi_env, _data: *mut c_void, hint: *mut c_void) {
    // SAFETY: `external` leaked this box, and Node calls the finalizer once.
    drop(unsafe { Box::from_raw(hint.cast::<Held>()) });
}
