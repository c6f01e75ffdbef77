//! What stands behind handles, as the executing side keeps it: each is stored once and goes once, taken or released.

use std::fmt::Debug;

use viga_runtime::handles::constant;

/// Constant handles end here.
const FIRST: usize = 16;

/// See the module.
pub struct Ledger<T> {
    values: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T: Clone + Debug> Ledger<T> {
    pub fn new() -> Self {
        Ledger {
            values: vec![None; FIRST],
            free: Vec::new(),
        }
    }

    pub fn store(&mut self, value: T) -> u32 {
        if let Some(handle) = self.free.pop() {
            self.values[handle as usize] = Some(value);
            return handle;
        }
        self.values.push(Some(value));
        self.values.len() as u32 - 1
    }

    /// The value goes: it has been taken, or is not wanted any more.
    #[track_caller]
    pub fn take(&mut self, handle: u32) -> T {
        let value = self.values[handle as usize].take();
        self.free.push(handle);
        value.unwrap_or_else(|| panic!("handle {handle} goes for the second time"))
    }

    /// The value behind the handle of a reason, which stays; `None` for a constant one.
    #[track_caller]
    pub fn peek(&self, handle: u32) -> Option<T> {
        if (handle as usize) < FIRST {
            assert!(handle <= constant::SCHEDULER_DOWN);
            return None;
        }
        let value = self.values[handle as usize].clone();
        assert!(value.is_some(), "handle {handle} is read after it went");
        value
    }

    /// Values that have neither been taken nor released.
    pub fn kept(&self) -> Vec<T> {
        self.values.iter().flatten().cloned().collect()
    }
}
