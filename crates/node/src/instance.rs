//! What the addon keeps for one isolate: its system, once started, and the control block.

use std::cell::RefCell;
use std::ffi::c_void;
use std::rc::Rc;
use std::sync::Arc;

use napi_sys::{napi_callback_info, napi_env, napi_value};
use viga_runtime::{ControlBlock, Domain, System};
use viga_scheduler::{Parker, RunQueues};

use crate::ffi::{self, Failure, Outcome};
use crate::stores::Stores;

/// A system and the block through which its isolate executes it.
pub struct Running {
    pub system: System,
    pub block: ControlBlock,
    pub stores: Arc<Stores>,
}

/// See the module. Lives from the addon's load to the end of its environment, on the isolate's thread alone.
pub struct Instance {
    running: RefCell<Option<Rc<Running>>>,
}

impl Instance {
    /// Makes the isolate's instance, to be dropped with its environment. The pointer is the data of every function.
    pub fn install(env: napi_env) -> Outcome<*mut c_void> {
        let instance = Box::into_raw(Box::new(Instance {
            running: RefCell::new(None),
        }));
        ffi::on_teardown(env, drop_instance, instance.cast())?;
        Ok(instance.cast())
    }

    /// Starts the system; `words` is the isolate's control block.
    pub fn start(&self, words: *mut i32, length: usize, process_limit: u32) -> Outcome<()> {
        if length < viga_runtime::control_block::WORDS {
            return Err(Failure::bad_argument(format!(
                "start: the control block has {length} words; {} are needed",
                viga_runtime::control_block::WORDS
            )));
        }
        // SAFETY: the caller keeps the array alive with the environment, and the isolate does not touch it inside a crossing.
        let block = unsafe { ControlBlock::new(words) };
        let stores = Stores::new();
        let told = Arc::clone(&stores);
        // Nobody but the isolate itself makes work for it, and it looks for work after each crossing: there is nobody to wake.
        let system = System::new(process_limit, Parker::foreign(|| {}), move |pid| {
            told.owner_ended(pid)
        });
        system.lock().state().attach(block);
        *self.running.borrow_mut() = Some(Rc::new(Running {
            system,
            block,
            stores,
        }));
        Ok(())
    }

    /// Drops the system. Idempotent.
    pub fn stop(&self) {
        self.running.borrow_mut().take();
    }

    /// Runs `body` with the system. It must not call back into JavaScript.
    #[inline]
    pub fn with<T>(&self, body: impl FnOnce(&Running) -> Outcome<T>) -> Outcome<T> {
        match &*self.running.borrow() {
            Some(running) => body(running),
            None => Err(not_running()),
        }
    }
}

#[cold]
fn not_running() -> Failure {
    Failure {
        code: "ERR_VIGA_RUNTIME_STOPPED",
        message: "the native engine is not running".into(),
    }
}

/// The instance behind a function's data pointer.
///
/// # Safety
/// `data` must be what [`Instance::install`] gave, in a call that Node makes while the environment lives.
pub unsafe fn instance<'a>(data: *mut c_void) -> &'a Instance {
    // SAFETY: the box lives until the environment's teardown, after the last call.
    unsafe { &*data.cast::<Instance>() }
}

/// The body of an operation without arguments: under the lock, after what the isolate did before has taken effect.
#[inline]
pub fn operate(
    env: napi_env,
    info: napi_callback_info,
    body: impl FnOnce(&ControlBlock, &mut RunQueues, &mut Domain),
) -> napi_value {
    // SAFETY: every function of the addon is defined with the instance's pointer as its data.
    let instance = unsafe { instance(ffi::callback_data(env, info)) };
    ffi::guarded(env, || {
        instance.with(|running| {
            let mut guard = running.system.lock();
            let (queues, domain) = guard.split();
            body(&running.block, queues, domain);
            Ok(())
        })
    });
    std::ptr::null_mut()
}

unsafe extern "C" fn drop_instance(data: *mut c_void) {
    // SAFETY: `install` leaked this box, and Node calls the hook once, when no function of the addon can run any more.
    drop(unsafe { Box::from_raw(data.cast::<Instance>()) });
}
