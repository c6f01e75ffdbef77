//! The few N-API calls the addon makes, with their status checked and their types Rust's.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use napi_sys::{
    Status, napi_callback, napi_callback_info, napi_env, napi_ref, napi_status, napi_value,
};

/// Why a call could not be served; becomes a JavaScript error with `code`.
#[derive(Debug)]
pub struct Failure {
    pub code: &'static str,
    pub message: String,
}

pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub fn bad_argument(message: impl Into<String>) -> Self {
        Failure {
            code: "ERR_VIGA_BAD_ARGUMENT",
            message: message.into(),
        }
    }
}

pub fn check(status: napi_status, what: &str) -> Outcome<()> {
    if status == Status::napi_ok {
        return Ok(());
    }
    Err(Failure {
        code: "ERR_VIGA_BAD_ARGUMENT",
        message: format!("{what}: N-API status {status}"),
    })
}

/// Runs `body`; what it reports, or a panic in it, is thrown as a JavaScript error. `None` when it failed.
#[inline]
pub fn guarded<T>(env: napi_env, body: impl FnOnce() -> Outcome<T>) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => Some(value),
        Ok(Err(failure)) => {
            throw(env, &failure);
            None
        }
        Err(panic) => {
            throw(
                env,
                &Failure {
                    code: "ERR_VIGA_DEFECT",
                    message: format!("viga's native core panicked: {}", panic_text(&*panic)),
                },
            );
            None
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cold]
fn throw(env: napi_env, failure: &Failure) {
    let code = std::ffi::CString::new(failure.code).unwrap_or_default();
    let message = std::ffi::CString::new(failure.message.replace('\0', " ")).unwrap_or_default();
    // SAFETY: both strings end with NUL and outlive the call; a failing throw (an exception is pending already, or the
    // environment is going down) leaves that in place, which is as good.
    unsafe {
        napi_sys::napi_throw_error(env, code.as_ptr(), message.as_ptr());
    }
}

/// The data pointer given to [`define`]; the cheapest way into a function without arguments.
#[inline]
pub fn callback_data(env: napi_env, info: napi_callback_info) -> *mut c_void {
    let mut data = ptr::null_mut();
    // SAFETY: Node calls with a valid info; null out-parameters are allowed.
    unsafe {
        napi_sys::napi_get_cb_info(
            env,
            info,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &mut data,
        );
    }
    data
}

/// The data pointer and the first two arguments (undefined where they are missing).
pub fn callback_arguments(
    env: napi_env,
    info: napi_callback_info,
) -> Outcome<(*mut c_void, [napi_value; 2])> {
    let mut data = ptr::null_mut();
    let mut count = 2;
    let mut values = [ptr::null_mut(); 2];
    // SAFETY: `values` has room for `count` values.
    let status = unsafe {
        napi_sys::napi_get_cb_info(
            env,
            info,
            &mut count,
            values.as_mut_ptr(),
            ptr::null_mut(),
            &mut data,
        )
    };
    check(status, "reading arguments")?;
    Ok((data, values))
}

/// Adds the function `name` to `exports`; it will be called with `data`.
pub fn define(
    env: napi_env,
    exports: napi_value,
    name: &str,
    callback: napi_callback,
    data: *mut c_void,
) -> Outcome<()> {
    let mut function = ptr::null_mut();
    let text = name.as_ptr().cast();
    let length = name.len() as isize;
    // SAFETY: the name is valid for `length` bytes.
    let status =
        unsafe { napi_sys::napi_create_function(env, text, length, callback, data, &mut function) };
    check(status, name)?;
    let mut key = ptr::null_mut();
    // SAFETY: as above.
    let status = unsafe { napi_sys::napi_create_string_utf8(env, text, length, &mut key) };
    check(status, name)?;
    // SAFETY: all values belong to `env` and this scope.
    let status = unsafe { napi_sys::napi_set_property(env, exports, key, function) };
    check(status, name)
}

/// Start and length in words of an Int32Array.
pub fn int32_array(env: napi_env, value: napi_value) -> Outcome<(*mut i32, usize)> {
    let mut kind = 0;
    let mut length = 0;
    let mut data = ptr::null_mut();
    // SAFETY: out-parameters are valid; others may be null.
    let status = unsafe {
        napi_sys::napi_get_typedarray_info(
            env,
            value,
            &mut kind,
            &mut length,
            &mut data,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    check(status, "an Int32Array is expected")?;
    if kind != napi_sys::TypedarrayType::int32_array {
        return Err(Failure::bad_argument("an Int32Array is expected"));
    }
    Ok((data.cast(), length))
}

/// Start and length of a Uint8Array.
pub fn uint8_array(env: napi_env, value: napi_value) -> Outcome<(*mut u8, usize)> {
    let mut kind = 0;
    let mut length = 0;
    let mut data = ptr::null_mut();
    // SAFETY: out-parameters are valid; others may be null.
    let status = unsafe {
        napi_sys::napi_get_typedarray_info(
            env,
            value,
            &mut kind,
            &mut length,
            &mut data,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    check(status, "a Uint8Array is expected")?;
    if kind != napi_sys::TypedarrayType::uint8_array {
        return Err(Failure::bad_argument("a Uint8Array is expected"));
    }
    Ok((data.cast(), length))
}

/// The event loop of the environment.
pub fn event_loop(env: napi_env) -> Outcome<*mut c_void> {
    let mut event_loop = ptr::null_mut();
    // SAFETY: the out-parameter is valid.
    let status = unsafe { napi_sys::napi_get_uv_event_loop(env, &mut event_loop) };
    check(status, "finding the event loop")?;
    Ok(event_loop.cast())
}

/// A strong reference to `value`.
pub fn reference(env: napi_env, value: napi_value) -> Outcome<napi_ref> {
    let mut reference = ptr::null_mut();
    // SAFETY: `value` belongs to `env`.
    let status = unsafe { napi_sys::napi_create_reference(env, value, 1, &mut reference) };
    check(status, "keeping a value")?;
    Ok(reference)
}

/// Calls the function behind `function` from the event loop; promise jobs run afterwards. What it throws becomes an uncaught
/// exception. Nothing happens while the environment goes down.
pub fn call_back(env: napi_env, function: napi_ref) {
    let mut scope = ptr::null_mut();
    let mut callee = ptr::null_mut();
    let mut receiver = ptr::null_mut();
    let mut result = ptr::null_mut();
    // SAFETY: on the environment's thread, between callbacks; every value lives in the scope opened here.
    unsafe {
        if napi_sys::napi_open_handle_scope(env, &mut scope) != Status::napi_ok {
            return;
        }
        let called = napi_sys::napi_get_reference_value(env, function, &mut callee)
            == Status::napi_ok
            && napi_sys::napi_get_global(env, &mut receiver) == Status::napi_ok
            && napi_sys::napi_make_callback(
                env,
                ptr::null_mut(),
                receiver,
                callee,
                0,
                ptr::null(),
                &mut result,
            ) == Status::napi_pending_exception;
        if called {
            let mut thrown = ptr::null_mut();
            if napi_sys::napi_get_and_clear_last_exception(env, &mut thrown) == Status::napi_ok {
                napi_sys::napi_fatal_exception(env, thrown);
            }
        }
        napi_sys::napi_close_handle_scope(env, scope);
    }
}

/// Gives up what [`reference`] gave.
pub fn drop_reference(env: napi_env, reference: napi_ref) {
    // SAFETY: on the environment's thread while it lives; a reference is given up once. A failure leaves it to the environment.
    unsafe { napi_sys::napi_delete_reference(env, reference) };
}

/// A strong reference that keeps `value` alive; for as long as the environment lives.
pub fn keep(env: napi_env, value: napi_value) -> Outcome<()> {
    let mut reference = ptr::null_mut();
    // SAFETY: `value` belongs to `env`.
    let status = unsafe { napi_sys::napi_create_reference(env, value, 1, &mut reference) };
    check(status, "keeping a value")
}

/// The text of a string.
pub fn string(env: napi_env, value: napi_value) -> Outcome<String> {
    let mut short = [0u8; 256];
    let mut length = 0;
    // SAFETY: the buffer has the length given.
    let status = unsafe {
        napi_sys::napi_get_value_string_utf8(
            env,
            value,
            short.as_mut_ptr().cast(),
            short.len(),
            &mut length,
        )
    };
    check(status, "a string is expected")?;
    let bytes = if length < short.len() - 4 {
        short[..length].to_vec()
    } else {
        let mut whole = 0;
        // SAFETY: a null buffer asks for the length.
        let status = unsafe {
            napi_sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &mut whole)
        };
        check(status, "a string is expected")?;
        let mut long = vec![0u8; whole + 1];
        // SAFETY: the buffer has the length given.
        let status = unsafe {
            napi_sys::napi_get_value_string_utf8(
                env,
                value,
                long.as_mut_ptr().cast(),
                long.len(),
                &mut length,
            )
        };
        check(status, "a string is expected")?;
        long.truncate(length);
        long
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub fn number(env: napi_env, value: f64) -> Outcome<napi_value> {
    let mut result = ptr::null_mut();
    // SAFETY: the out-parameter is valid.
    let status = unsafe { napi_sys::napi_create_double(env, value, &mut result) };
    check(status, "making a number")?;
    Ok(result)
}

pub fn text(env: napi_env, value: &str) -> Outcome<napi_value> {
    let mut result = ptr::null_mut();
    // SAFETY: the string is valid for its length.
    let status = unsafe {
        napi_sys::napi_create_string_utf8(
            env,
            value.as_ptr().cast(),
            value.len() as isize,
            &mut result,
        )
    };
    check(status, "making a string")?;
    Ok(result)
}

pub fn array(
    env: napi_env,
    items: impl ExactSizeIterator<Item = Outcome<napi_value>>,
) -> Outcome<napi_value> {
    let mut result = ptr::null_mut();
    // SAFETY: the out-parameter is valid.
    let status = unsafe { napi_sys::napi_create_array_with_length(env, items.len(), &mut result) };
    check(status, "making an array")?;
    for (place, item) in items.enumerate() {
        let item = item?;
        // SAFETY: array and item belong to `env` and this scope.
        let status = unsafe { napi_sys::napi_set_element(env, result, place as u32, item) };
        check(status, "filling an array")?;
    }
    Ok(result)
}

/// An array of numbers.
pub fn numbers(env: napi_env, items: &[f64]) -> Outcome<napi_value> {
    array(env, items.iter().map(|item| number(env, *item)))
}

/// Runs `drop_it(data)` when the environment goes down: worker terminated, or process ending.
pub fn on_teardown(
    env: napi_env,
    drop_it: unsafe extern "C" fn(*mut c_void),
    data: *mut c_void,
) -> Outcome<()> {
    // SAFETY: the hook is called once, on this thread, before the environment is gone.
    let status = unsafe { napi_sys::napi_add_env_cleanup_hook(env, Some(drop_it), data) };
    check(status, "adding a clean-up hook")
}
