//! The few functions of libuv that the addon calls. Node exports them; they are looked up in the running program, so the
//! addon loads wherever N-API does, and says so when they are missing.

use std::ffi::c_void;
use std::sync::OnceLock;

/// A loop of libuv.
pub type Loop = c_void;
/// A handle of libuv, of any kind. Its first word is `data`, which is its user's.
pub type Handle = c_void;

/// Kinds, as `uv_handle_type` numbers them.
pub const ASYNC: i32 = 1;
pub const PREPARE: i32 = 9;

type OnHandle = unsafe extern "C" fn(*mut Handle);

/// See the module.
pub struct Uv {
    pub handle_size: unsafe extern "C" fn(i32) -> usize,
    pub async_init: unsafe extern "C" fn(*mut Loop, *mut Handle, OnHandle) -> i32,
    pub async_send: unsafe extern "C" fn(*mut Handle) -> i32,
    pub prepare_init: unsafe extern "C" fn(*mut Loop, *mut Handle) -> i32,
    pub prepare_start: unsafe extern "C" fn(*mut Handle, OnHandle) -> i32,
    pub close: unsafe extern "C" fn(*mut Handle, OnHandle),
    pub reference: unsafe extern "C" fn(*mut Handle),
    pub unreference: unsafe extern "C" fn(*mut Handle),
    pub loop_alive: unsafe extern "C" fn(*const Loop) -> i32,
}

/// The functions, where the program has them all.
pub fn uv() -> Option<&'static Uv> {
    static UV: OnceLock<Option<Uv>> = OnceLock::new();
    UV.get_or_init(load).as_ref()
}

fn load() -> Option<Uv> {
    #[cfg(unix)]
    let program = libloading::os::unix::Library::this();
    #[cfg(windows)]
    let program = libloading::os::windows::Library::this().ok()?;
    // SAFETY: each symbol has the type that uv.h declares for it, and the program is never unloaded.
    unsafe {
        Some(Uv {
            handle_size: *program.get(b"uv_handle_size\0").ok()?,
            async_init: *program.get(b"uv_async_init\0").ok()?,
            async_send: *program.get(b"uv_async_send\0").ok()?,
            prepare_init: *program.get(b"uv_prepare_init\0").ok()?,
            prepare_start: *program.get(b"uv_prepare_start\0").ok()?,
            close: *program.get(b"uv_close\0").ok()?,
            reference: *program.get(b"uv_ref\0").ok()?,
            unreference: *program.get(b"uv_unref\0").ok()?,
            loop_alive: *program.get(b"uv_loop_alive\0").ok()?,
        })
    }
}
