//! What the addon keeps for one isolate: the system it executes a scheduler of, once started, and the control block.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use napi_sys::{napi_callback_info, napi_env, napi_value};
use viga_runtime::{ControlBlock, Domain, Pid, System, thread_memory};
use viga_scheduler::{Parker, RunQueues, Spinner, WHOLE, WallSample, WallState, WallTime};

use crate::bell::{Bell, LoopHandles};
use crate::ffi::{self, Failure, Outcome};
use crate::stores::Stores;

/// A system, as all its isolates share it.
pub struct Shared {
    pub system: System,
    pub stores: Arc<Stores>,
    /// One for each scheduler.
    pub bells: Box<[Arc<Bell>]>,
    token: u32,
}

/// The systems that run in this operating system process, by token.
static SYSTEMS: Mutex<Option<Directory>> = Mutex::new(None);

#[derive(Default)]
struct Directory {
    systems: HashMap<u32, Weak<Shared>>,
    last_token: u32,
}

fn directory() -> MutexGuard<'static, Option<Directory>> {
    SYSTEMS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn start(process_limit: u32, schedulers: usize, online: usize, compact: bool) -> Arc<Shared> {
        let stores = Stores::new();
        let told = Arc::clone(&stores);
        let bells: Box<[Arc<Bell>]> = (0..schedulers).map(|_| Arc::new(Bell::new())).collect();
        let parkers = bells.iter().map(|bell| {
            let bell = Arc::clone(bell);
            Parker::foreign(move || bell.ring())
        });
        let system =
            System::with_schedulers(process_limit, parkers.collect(), compact, move |pid| {
                told.owner_ended(pid)
            });
        system.set_online(online);
        let mut directory = directory();
        let directory = directory.get_or_insert_default();
        directory.last_token += 1;
        let token = directory.last_token;
        let shared = Arc::new(Shared {
            system,
            stores,
            bells,
            token,
        });
        directory.systems.insert(token, Arc::downgrade(&shared));
        shared
    }

    fn find(token: u32) -> Option<Arc<Shared>> {
        directory().as_ref()?.systems.get(&token)?.upgrade()
    }

    /// Somebody else may have work for this scheduler at any moment.
    fn others_are_attached(&self, number: usize) -> bool {
        let mut others = (0..self.bells.len()).filter(|other| *other != number);
        others.any(|other| self.bells[other].is_hung())
    }

    /// Some other scheduler than the first has something to do, or may get something to do from outside.
    pub fn others_are_active(&self) -> bool {
        (1..self.bells.len()).any(|number| {
            self.bells[number].is_active()
                || self.system.seems_to_have_arrivals(number)
                || self
                    .system
                    .scheduler(number)
                    .statistics()
                    .run_queue_length()
                    > 0
        })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(directory) = directory().as_mut() {
            directory.systems.remove(&self.token);
        }
    }
}

/// The scheduler that this isolate executes, and the block through which it does.
pub struct Running {
    pub shared: Arc<Shared>,
    /// From 0.
    pub number: usize,
    pub block: ControlBlock,
    pub spinner: RefCell<Spinner>,
    loop_handles: RefCell<Option<LoopHandles>>,
    /// What the scheduler had done when it was last looked at, and whether it had time to spare then.
    lately: Cell<(WallSample, bool)>,
}

impl Running {
    pub fn system(&self) -> &System {
        &self.shared.system
    }

    pub fn stores(&self) -> &Stores {
        &self.shared.stores
    }

    /// One crossing: what the isolate has done takes effect, then `body`.
    #[inline]
    pub fn operate<T>(
        &self,
        body: impl FnOnce(&ControlBlock, &mut RunQueues, &mut Domain) -> T,
    ) -> T {
        self.shared.system.operate(self.number, |queues, domain| {
            domain.sync(queues, &self.block);
            body(&self.block, queues, domain)
        })
    }

    /// From now on `turn` is called when another thread has work for the isolate.
    pub fn hear_bell(&self, env: napi_env, turn: napi_value) -> Outcome<()> {
        let handles = LoopHandles::open(env, turn, &self.shared, self.number)?;
        self.loop_handles.borrow_mut().replace(handles);
        Ok(())
    }

    pub fn bell(&self) -> &Bell {
        &self.shared.bells[self.number]
    }

    /// Others may have got something to do by what the isolate did: the first one's loop stays alive for that.
    pub fn settle_life(&self) {
        if self.number == 0
            && let Some(handles) = &*self.loop_handles.borrow()
        {
            handles.settle_life();
        }
    }

    /// Looks for arrivals for a while, then announces that the isolate sleeps. True when something has arrived.
    pub fn spin_or_park(&self) -> bool {
        let system = self.system();
        let wall_time = system.scheduler(self.number).statistics().wall_time();
        if self.shared.others_are_attached(self.number) {
            // What an answer to the last message takes is not worth two looks at the clock.
            for _ in 0..SHORT_LOOKS {
                if system.has_arrivals(self.number) {
                    return true;
                }
                std::hint::spin_loop();
            }
            wall_time.turn(WallState::Spinning);
            let found = self
                .spinner
                .borrow_mut()
                .spin(|| system.has_arrivals(self.number));
            system.scheduler(self.number).statistics().note_spin(found);
            if found {
                wall_time.turn(WallState::Running);
                return true;
            }
            if self.has_time_to_spare(wall_time) {
                system.ask_for_work(self.number);
            }
        }
        thread_memory::collect();
        self.bell().set_parked(true);
        let parked = system.park(self.number);
        if parked {
            wall_time.turn(WallState::Parked);
            self.settle_life();
        } else {
            self.bell().set_parked(false);
            wall_time.turn(WallState::Running);
        }
        !parked
    }

    /// Less than half of the time lately was work. A gap now and then is none to fill: whoever waits for others' answers has many.
    fn has_time_to_spare(&self, wall_time: &WallTime) -> bool {
        let now = wall_time.sample();
        let (earlier, mut spare) = self.lately.get();
        if now.total() - earlier.total() > LATELY_NANOSECONDS {
            spare = now.utilization_since(&earlier) < WHOLE / 2;
            self.lately.set((now, spare));
        }
        spare
    }

    /// The isolate's part in the system is over.
    fn leave(&self) {
        self.loop_handles.borrow_mut().take();
        self.shared.bells[self.number].set_active(false);
        let statistics = self.shared.system.scheduler(self.number).statistics();
        statistics.wall_time().turn(WallState::Parked);
        // A system of one isolate ends with it, and nobody is left to be told.
        if self.shared.system.schedulers() > 1 {
            self.shared.system.isolate_ended(self.number);
            // It tells heirs, too.
            self.shared.bells[0].ring();
        }
    }
}

/// Looks for arrivals, a pause each, before an isolate with nothing to do counts as waiting: one to two microseconds.
const SHORT_LOOKS: u32 = 40;

/// How long "lately" is.
const LATELY_NANOSECONDS: u64 = 50_000_000;

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

    /// Starts a system of so many schedulers, of which this isolate executes the first. Its root process.
    pub fn start(
        &self,
        block: ControlBlock,
        process_limit: u32,
        schedulers: usize,
        online: usize,
        compact: bool,
        spinner: Spinner,
    ) -> (Pid, u32) {
        let shared = Shared::start(process_limit, schedulers, online, compact);
        let token = shared.token;
        (self.execute(shared, 0, block, spinner), token)
    }

    /// Executes the scheduler `number` of a system that runs. `None` when there is none of this token, or not so many schedulers in it.
    pub fn join(
        &self,
        block: ControlBlock,
        token: u32,
        number: usize,
        spinner: Spinner,
    ) -> Option<Pid> {
        let shared = Shared::find(token)?;
        if number == 0 || number >= shared.system.schedulers() {
            return None;
        }
        Some(self.execute(shared, number, block, spinner))
    }

    fn execute(
        &self,
        shared: Arc<Shared>,
        number: usize,
        block: ControlBlock,
        spinner: Spinner,
    ) -> Pid {
        let root = shared.system.attach(number, block);
        shared.bells[number].set_active(true);
        let running = Running {
            shared,
            number,
            block,
            spinner: RefCell::new(spinner),
            loop_handles: RefCell::new(None),
            lately: Cell::new((WallSample::default(), true)),
        };
        *self.running.borrow_mut() = Some(Rc::new(running));
        root
    }

    /// The isolate executes nothing any more. Idempotent.
    pub fn stop(&self) {
        let running = self.running.borrow_mut().take();
        if let Some(running) = running {
            running.leave();
        }
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

impl Drop for Instance {
    fn drop(&mut self) {
        self.stop();
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

/// The body of an operation without arguments: under the lock of the isolate's scheduler. What concerns other schedulers
/// leaves for them afterwards.
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
            running.system().operate(running.number, |queues, domain| {
                body(&running.block, queues, domain);
            });
            Ok(())
        })
    });
    std::ptr::null_mut()
}

unsafe extern "C" fn drop_instance(data: *mut c_void) {
    // SAFETY: `install` leaked this box, and Node calls the hook once, when no function of the addon can run any more.
    drop(unsafe { Box::from_raw(data.cast::<Instance>()) });
}
