//! How an isolate that sleeps in its event loop is called back, and what keeps the program alive meanwhile.
//!
//! Each isolate has two handles in its loop. The *async* one is rung by other threads and calls the engine's turn. The *prepare*
//! one runs before each sleep of the loop and settles who keeps the program alive:
//! * a further scheduler's loop never ends by itself, but it is *active* only while it runs processes or something else is alive
//!   in it (a timer, a socket);
//! * the first scheduler's loop stays alive while any other scheduler is active or has something waiting, and is rung when
//!   one ceases to be. This is settled as well whenever the isolate has given others something to do: the loop may end after
//!   that without another sleep, as it does when what called the isolate was the last timer or immediate.
//!
//! A ring cannot hit a handle that is gone: the pointer is taken out under the lock that ringing takes, before the handle is closed.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use napi_sys::{napi_async_cleanup_hook_handle, napi_env, napi_ref, napi_value};

use crate::ffi::{self, Failure, Outcome};
use crate::instance::Shared;
use crate::uv::{ASYNC, Handle, Loop, PREPARE, Uv, uv};

struct Rope(*mut Handle);

// SAFETY: an async handle may be sent to from any thread while it is open, which the lock around the rope sees to.
unsafe impl Send for Rope {}

/// One scheduler's bell. Any thread may ring it.
pub struct Bell {
    rope: Mutex<Rope>,
    /// See the module. Hints for the first scheduler's loop; the relaxed order is enough because what they tell of is found
    /// in an inbox too until the isolate has seen it.
    active: AtomicBool,
    /// An isolate hears the bell. A hint, whether spinning may be worth while.
    hung: AtomicBool,
    /// The isolate sleeps, or is about to. Pairs with itself: set before the park is announced, cleared by whoever rings.
    parked: AtomicBool,
}

impl Bell {
    pub fn new() -> Self {
        Bell {
            rope: Mutex::new(Rope(ptr::null_mut())),
            active: AtomicBool::new(false),
            hung: AtomicBool::new(false),
            parked: AtomicBool::new(true),
        }
    }

    /// There is work: calls the isolate back.
    pub fn ring(&self) {
        self.active.store(true, Ordering::Release);
        self.parked.store(false, Ordering::Release);
        self.poke();
    }

    /// Has the isolate's loop come round once.
    pub fn poke(&self) {
        let rope = self.rope.lock().unwrap_or_else(PoisonError::into_inner);
        if !rope.0.is_null()
            && let Some(uv) = uv()
        {
            // SAFETY: the handle is open: it is taken out of the rope before it is closed.
            unsafe { (uv.async_send)(rope.0) };
        }
    }

    pub fn set_active(&self, active: bool) -> bool {
        self.active.swap(active, Ordering::AcqRel)
    }

    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// The isolate is about to sleep, or does not any more.
    pub fn set_parked(&self, parked: bool) {
        self.parked.store(parked, Ordering::Release);
    }

    fn is_parked(&self) -> bool {
        self.parked.load(Ordering::Acquire)
    }

    /// An isolate hears it.
    pub fn is_hung(&self) -> bool {
        self.hung.load(Ordering::Relaxed)
    }

    fn hang(&self, handle: *mut Handle) {
        self.hung.store(!handle.is_null(), Ordering::Relaxed);
        self.rope.lock().unwrap_or_else(PoisonError::into_inner).0 = handle;
    }
}

/// The handles of one isolate, on its thread alone.
struct Handles {
    uv: &'static Uv,
    env: napi_env,
    turn: napi_ref,
    event_loop: *mut Loop,
    async_handle: *mut Handle,
    prepare_handle: *mut Handle,
    open: Cell<u32>,
    closing: Cell<bool>,
    hook: Cell<napi_async_cleanup_hook_handle>,
    shared: Arc<Shared>,
    number: usize,
}

/// Closes the handles when dropped.
pub struct LoopHandles(Rc<Handles>);

impl LoopHandles {
    /// Opens the handles; `turn` is called, without arguments, whenever the bell of scheduler `number` is rung.
    pub fn open(
        env: napi_env,
        turn: napi_value,
        shared: &Arc<Shared>,
        number: usize,
    ) -> Outcome<LoopHandles> {
        let uv = uv().ok_or_else(|| Failure {
            code: "ERR_VIGA_ENGINE_UNAVAILABLE",
            message:
                "this program does not export the functions of libuv that further schedulers need"
                    .into(),
        })?;
        let event_loop = ffi::event_loop(env)?;
        let turn = ffi::reference(env, turn)?;
        let handles = Rc::new(Handles {
            uv,
            env,
            turn,
            event_loop,
            async_handle: new_handle(uv, ASYNC),
            prepare_handle: new_handle(uv, PREPARE),
            open: Cell::new(2),
            closing: Cell::new(false),
            hook: Cell::new(ptr::null_mut()),
            shared: Arc::clone(shared),
            number,
        });
        let data = Rc::into_raw(Rc::clone(&handles))
            .cast_mut()
            .cast::<c_void>();
        // SAFETY: both handles are zeroed memory of the size that libuv asks for, which lives until they are closed; the first
        // word of a handle is its user's.
        unsafe {
            *handles.async_handle.cast::<*mut c_void>() = data;
            *handles.prepare_handle.cast::<*mut c_void>() = data;
            (uv.async_init)(event_loop, handles.async_handle, on_rung);
            (uv.prepare_init)(event_loop, handles.prepare_handle);
            (uv.prepare_start)(handles.prepare_handle, on_prepare);
            (uv.unreference)(handles.prepare_handle);
            if number == 0 {
                (uv.unreference)(handles.async_handle);
            }
        }
        let mut hook = ptr::null_mut();
        // SAFETY: the data lives until both handles are closed, which is when the hook is removed.
        let status = unsafe {
            napi_sys::napi_add_async_cleanup_hook(env, Some(on_teardown), data, &mut hook)
        };
        handles.hook.set(hook);
        ffi::check(status, "adding a clean-up hook")?;
        shared.bells[number].hang(handles.async_handle);
        Ok(LoopHandles(handles))
    }
}

impl LoopHandles {
    /// See the module. O(schedulers).
    pub fn settle_life(&self) {
        self.0.settle_life();
    }
}

impl Drop for LoopHandles {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn layout(uv: &Uv, kind: i32) -> Layout {
    // SAFETY: asks for a number.
    let size = unsafe { (uv.handle_size)(kind) };
    Layout::from_size_align(size.max(16), 16).unwrap_or(Layout::new::<[u128; 64]>())
}

fn new_handle(uv: &Uv, kind: i32) -> *mut Handle {
    // SAFETY: the layout is not empty.
    unsafe { alloc_zeroed(layout(uv, kind)).cast() }
}

impl Handles {
    fn bell(&self) -> &Bell {
        &self.shared.bells[self.number]
    }

    fn close(&self) {
        if self.closing.replace(true) {
            return;
        }
        self.bell().hang(ptr::null_mut());
        // An isolate that stops one system and starts another would keep the first one's engine.
        ffi::drop_reference(self.env, self.turn);
        // SAFETY: both are open, and closed once.
        unsafe {
            (self.uv.close)(self.async_handle, on_closed);
            (self.uv.close)(self.prepare_handle, on_closed);
        }
    }

    /// Something besides viga is alive in the loop.
    fn loop_is_alive(&self) -> bool {
        // SAFETY: on the loop's thread, with an open handle.
        unsafe {
            (self.uv.unreference)(self.async_handle);
            let alive = (self.uv.loop_alive)(self.event_loop) != 0;
            (self.uv.reference)(self.async_handle);
            alive
        }
    }

    fn settle_life(&self) {
        if self.closing.get() || !self.bell().is_parked() {
            return;
        }
        if self.number != 0 {
            let alive = self.loop_is_alive();
            if self.bell().set_active(alive) != alive {
                self.shared.bells[0].poke();
            }
            return;
        }
        let others = self.shared.others_are_active();
        // Whoever rang before the others were looked at is seen here.
        let stay = others || !self.bell().is_parked();
        // SAFETY: on the loop's thread, with an open handle.
        unsafe {
            if stay {
                (self.uv.reference)(self.async_handle);
            } else {
                (self.uv.unreference)(self.async_handle);
            }
        }
    }
}

/// The handles that a handle of libuv belongs to.
///
/// # Safety
/// `handle` is one of those that [`LoopHandles::open`] made, not closed yet.
unsafe fn handles<'a>(handle: *mut Handle) -> &'a Handles {
    // SAFETY: `open` put the pointer there, and its count is given back when both handles are closed.
    unsafe { &**handle.cast::<*const Handles>() }
}

unsafe extern "C" fn on_rung(handle: *mut Handle) {
    // SAFETY: libuv calls for open handles alone.
    let handles = unsafe { handles(handle) };
    // One that was only poked has nothing to run: its loop settles who stays alive before it sleeps again.
    if !handles.closing.get() && !handles.bell().is_parked() {
        ffi::call_back(handles.env, handles.turn);
    }
}

unsafe extern "C" fn on_prepare(handle: *mut Handle) {
    // SAFETY: as in `on_rung`.
    unsafe { handles(handle) }.settle_life();
}

unsafe extern "C" fn on_teardown(_hook: napi_async_cleanup_hook_handle, data: *mut c_void) {
    // SAFETY: the data of the hook is that of the handles, which keep it until they are closed.
    unsafe { &*data.cast::<Handles>() }.close();
}

unsafe extern "C" fn on_closed(handle: *mut Handle) {
    // SAFETY: libuv calls once for each handle, which is not used any more; the count that `open` leaked is given back with the last
    // of them.
    unsafe {
        let data = *handle.cast::<*const Handles>();
        let kind = if ptr::eq((*data).async_handle, handle) {
            ASYNC
        } else {
            PREPARE
        };
        dealloc(handle.cast(), layout((*data).uv, kind));
        let open = (*data).open.get() - 1;
        (*data).open.set(open);
        if open == 0 {
            let handles = Rc::from_raw(data);
            napi_sys::napi_remove_async_cleanup_hook(handles.hook.get());
        }
    }
}
