//! Where an isolate and the tables exchange arguments and results (docs/design/native-tables.md).

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

use napi_sys::{napi_callback_info, napi_env, napi_value};
use viga_ets::{Id, ProcessId, Reply, TableError};

use crate::ffi::{self, Failure, Outcome};
use crate::instance::{Running, instance};

/// Words of the control block: STATUS, then results, then arguments.
const WORDS: usize = 32;
const RESULTS: usize = 1;
const ARGUMENTS: usize = 9;
const OVERFLOWED: i32 = 1;
const NOT_RUNNING: i32 = 30;
/// Arguments up to this long are copied to the stack.
const SHORT: usize = 256;

/// Control block, scratch and overflow of one isolate. Lives as long as its environment.
pub struct Station {
    instance: *mut c_void,
    words: Cell<*mut i32>,
    scratch: Cell<(*mut u8, usize)>,
    overflow: RefCell<Vec<u8>>,
}

impl Station {
    /// Makes the isolate's station, to be dropped with its environment. The pointer is the data of every function.
    pub fn install(env: napi_env, instance: *mut c_void) -> Outcome<*mut c_void> {
        let station = Box::into_raw(Box::new(Station {
            instance,
            words: Cell::new(ptr::null_mut()),
            scratch: Cell::new((ptr::null_mut(), 0)),
            overflow: RefCell::default(),
        }));
        ffi::on_teardown(env, drop_station, station.cast())?;
        Ok(station.cast())
    }
}

unsafe extern "C" fn drop_station(data: *mut c_void) {
    // SAFETY: `install` leaked this box, and Node calls the hook once, when no function of the addon can run any more.
    drop(unsafe { Box::from_raw(data.cast::<Station>()) });
}

/// The station behind a function's data pointer.
///
/// # Safety
/// `data` must be what [`Station::install`] gave, in a call that Node makes while the environment lives.
unsafe fn station<'a>(data: *mut c_void) -> &'a Station {
    // SAFETY: the box lives until the environment's teardown, after the last call.
    unsafe { &*data.cast::<Station>() }
}

/// One operation: its arguments and where its results go.
pub struct Call<'a> {
    station: &'a Station,
    words: *mut i32,
}

/// Arguments in scratch, read one after the other.
pub struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Call<'_> {
    /// Argument `number`.
    #[inline]
    pub fn argument(&self, number: usize) -> i32 {
        // SAFETY: the block has WORDS words (checked when attached), and numbers are literals below 8.
        unsafe { self.words.add(ARGUMENTS + number).read() }
    }

    /// Argument `number` as a position, count or limit.
    #[inline]
    pub fn size(&self, number: usize) -> usize {
        self.argument(number) as u32 as usize
    }

    /// Argument `number` as yes or no.
    #[inline]
    pub fn flag(&self, number: usize) -> bool {
        self.argument(number) != 0
    }

    /// Sets result `number`.
    #[inline]
    pub fn give(&self, number: usize, value: i32) {
        // SAFETY: as in `argument`.
        unsafe { self.words.add(RESULTS + number).write(value) }
    }

    /// Sets results `first` and the one after it.
    pub fn give_pid(&self, first: usize, pid: ProcessId) {
        self.give(first, pid.index as i32);
        self.give(first + 1, pid.serial as i32);
    }

    fn set_status(&self, status: i32) {
        // SAFETY: as in `argument`.
        unsafe { self.words.write(status) }
    }

    /// The table or registry that arguments 0 and 1 name.
    #[inline]
    pub fn id(&self) -> Id {
        Id {
            index: self.argument(0) as u32,
            generation: self.argument(1) as u32,
        }
    }

    /// The process that arguments `first` and the one after it name.
    #[inline]
    pub fn pid(&self, first: usize) -> ProcessId {
        ProcessId {
            index: self.argument(first) as u32,
            serial: self.argument(first + 1) as u32,
        }
    }

    /// The process that acts.
    #[inline]
    pub fn caller(&self) -> ProcessId {
        self.pid(6)
    }

    /// What the isolate wrote to scratch, for operations that write nothing there.
    #[inline]
    pub fn input(&self) -> Result<&[u8], TableError> {
        let (scratch, room) = self.station.scratch.get();
        let length = self.size(5);
        if length > room {
            return Err(TableError::BadArgument { argument: 5 });
        }
        // SAFETY: scratch has `room` bytes (checked when attached), the isolate does not run during the call, and
        // `respond` alone writes to it, from a copy of the input.
        Ok(unsafe { std::slice::from_raw_parts(scratch, length) })
    }

    /// Runs an operation that writes its result to scratch, over its own arguments.
    #[inline]
    pub fn respond<T>(
        &self,
        operation: impl FnOnce(&[u8], &mut Reply<'_>) -> Result<T, TableError>,
    ) -> Result<T, TableError> {
        let length = self.input()?.len();
        if length > SHORT {
            let copy = self.input()?.to_vec();
            return self.respond_to(&copy, operation);
        }
        // Not zeroed first: that would cost more than the copy.
        let mut copy = [MaybeUninit::<u8>::uninit(); SHORT];
        let (scratch, _) = self.station.scratch.get();
        // SAFETY: `input` has checked that scratch has `length` bytes; the copy has room for SHORT, and its first
        // `length` bytes are initialized when they are lent.
        let copy = unsafe {
            ptr::copy_nonoverlapping(scratch, copy.as_mut_ptr().cast(), length);
            std::slice::from_raw_parts(copy.as_ptr().cast(), length)
        };
        self.respond_to(copy, operation)
    }

    #[inline]
    fn respond_to<T>(
        &self,
        input: &[u8],
        operation: impl FnOnce(&[u8], &mut Reply<'_>) -> Result<T, TableError>,
    ) -> Result<T, TableError> {
        let (scratch, room) = self.station.scratch.get();
        // SAFETY: as in `input`; nothing else refers to scratch during the operation, which reads a copy.
        let mut reply = Reply::new(unsafe { std::slice::from_raw_parts_mut(scratch, room) });
        let value = operation(input, &mut reply)?;
        self.give(0, reply.len() as i32);
        if let Some(bytes) = reply.into_overflow() {
            *self.station.overflow.borrow_mut() = bytes;
            self.set_status(OVERFLOWED);
        }
        Ok(value)
    }

    #[cold]
    fn refuse(&self, error: TableError) {
        self.give(0, 0);
        self.set_status(error.status());
        match error {
            TableError::Access { owner } => self.give_pid(1, owner),
            TableError::BadTerm { offset }
            | TableError::NotCanonical { offset }
            | TableError::BadFilter { offset } => self.give(1, offset as i32),
            TableError::BadRow {
                length,
                key_position,
            } => {
                self.give(1, length.map_or(-1, |length| length as i32));
                self.give(2, key_position as i32);
            }
            TableError::BadPosition { position, length } => {
                self.give(1, position as i32);
                self.give(2, length as i32);
            }
            TableError::NotANumber { position } => self.give(1, position as i32),
            TableError::BadArgument { argument } => self.give(1, argument as i32),
            TableError::NoSuchTable
            | TableError::NameTaken
            | TableError::NoSuchKey
            | TableError::OutOfMemory
            | TableError::Limit
            | TableError::NoSuchRegistry
            | TableError::WrongKind => {}
        }
    }
}

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { bytes, at: 0 }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], TableError> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..count));
        let taken = taken.ok_or(TableError::BadArgument { argument: 5 })?;
        self.at += count;
        Ok(taken)
    }

    pub fn byte(&mut self) -> Result<u8, TableError> {
        Ok(self.take(1)?[0])
    }

    pub fn word(&mut self) -> Result<u32, TableError> {
        let mut word = [0; 4];
        word.copy_from_slice(self.take(4)?);
        Ok(u32::from_le_bytes(word))
    }

    pub fn pid(&mut self) -> Result<ProcessId, TableError> {
        Ok(ProcessId {
            index: self.word()?,
            serial: self.word()?,
        })
    }

    /// The next term, checked.
    pub fn term(&mut self) -> Result<&'a [u8], TableError> {
        let end = viga_ets::term::validate(self.bytes, self.at, viga_ets::term::Form::Any)?;
        self.take(end - self.at)
    }

    /// Everything up to `end`, an offset in the whole input.
    pub fn skip_to(&mut self, end: usize) {
        self.at = end;
    }

    /// How far reading has come.
    pub fn position(&self) -> usize {
        self.at
    }

    /// All of the input, whatever has been read.
    pub fn whole(&self) -> &'a [u8] {
        self.bytes
    }

    /// All that is left, without a look at it.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at = self.bytes.len();
        rest
    }

    /// Refuses what is left over.
    pub fn end(&self) -> Result<(), TableError> {
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(TableError::BadArgument { argument: 5 })
        }
    }
}

/// The body of every operation: errors become a status, only a defect throws.
#[inline]
pub fn serve(
    env: napi_env,
    info: napi_callback_info,
    body: impl FnOnce(&Call<'_>, &Running) -> Result<(), TableError>,
) -> napi_value {
    // SAFETY: every function that gets here is defined with the station's pointer as its data.
    let station = unsafe { station(ffi::callback_data(env, info)) };
    ffi::guarded(env, || {
        let words = station.words.get();
        if words.is_null() {
            return Err(Failure::bad_argument(
                "tablesAttach has not been called in this isolate",
            ));
        }
        let call = Call { station, words };
        call.set_status(0);
        call.give(0, 0);
        // SAFETY: the station was installed with the instance's pointer.
        let served = unsafe { instance(station.instance) }.with(|running| Ok(body(&call, running)));
        match served {
            Ok(Ok(())) => {}
            Ok(Err(error)) => call.refuse(error),
            Err(_not_running) => call.set_status(NOT_RUNNING),
        }
        Ok(())
    });
    ptr::null_mut()
}

/// `tablesAttach(control: Int32Array, scratch: Uint8Array)`.
pub unsafe extern "C" fn attach(env: napi_env, info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let (data, [control, scratch]) = ffi::callback_arguments(env, info)?;
        let (words, length) = ffi::int32_array(env, control)?;
        if length < WORDS {
            return Err(Failure::bad_argument(format!(
                "tablesAttach: the control block has {length} words; {WORDS} are needed"
            )));
        }
        let (bytes, room) = uint8_array(env, scratch)?;
        if room == 0 {
            return Err(Failure::bad_argument("tablesAttach: scratch is empty"));
        }
        ffi::keep(env, control)?;
        ffi::keep(env, scratch)?;
        // SAFETY: the function was defined with the station's pointer as its data.
        let station = unsafe { station(data) };
        station.words.set(words);
        station.scratch.set((bytes, room));
        Ok(())
    });
    ptr::null_mut()
}

/// `tablesReadOverflow(target: Uint8Array)`.
pub unsafe extern "C" fn read_overflow(env: napi_env, info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let (data, [target, _]) = ffi::callback_arguments(env, info)?;
        let (bytes, room) = uint8_array(env, target)?;
        // SAFETY: the function was defined with the station's pointer as its data.
        let overflow = unsafe { station(data) }.overflow.take();
        if room != overflow.len() {
            return Err(Failure::bad_argument(format!(
                "tablesReadOverflow: {} bytes are kept, the target has {room}",
                overflow.len()
            )));
        }
        if room > 0 {
            // SAFETY: the target has `room` bytes and JavaScript does not run meanwhile.
            unsafe { ptr::copy_nonoverlapping(overflow.as_ptr(), bytes, room) };
        }
        Ok(())
    });
    ptr::null_mut()
}

/// Start and length of a Uint8Array.
fn uint8_array(env: napi_env, value: napi_value) -> Outcome<(*mut u8, usize)> {
    let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
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
    if status != napi_sys::Status::napi_ok || kind != napi_sys::TypedarrayType::uint8_array {
        return Err(Failure::bad_argument("a Uint8Array is expected"));
    }
    Ok((data.cast(), length))
}
