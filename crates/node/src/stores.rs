//! Tables and registries of one system, and what becomes of them when a process ends.

use std::sync::{Arc, Mutex, PoisonError};

use viga_ets::{ProcessId, Registries, Tables, Transfer};
use viga_runtime::System;

use crate::row_memory::ThreadMemory;

/// See the module. Shared by all isolates of the system.
pub struct Stores {
    pub tables: Tables,
    pub registries: Registries,
    /// Tables whose new owners have not been told yet.
    transfers: Mutex<Vec<Transfer>>,
}

impl Stores {
    pub fn new() -> Arc<Stores> {
        Arc::new(Stores {
            tables: Tables::new(Arc::new(ThreadMemory)),
            registries: Registries::new(),
            transfers: Mutex::default(),
        })
    }

    /// A process that was marked as an owner has ended. Runs under the system's lock, so whether heirs are alive is
    /// found out later, by [`Stores::take_transfers`].
    pub fn owner_ended(&self, pid: ProcessId) {
        self.registries.process_exited(pid);
        let transfers = self.tables.process_exited(pid, |_| true);
        if !transfers.is_empty() {
            self.transfers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(transfers);
        }
    }

    /// Transfers since the last call whose new owners are alive; tables that went to dead ones are deleted.
    pub fn take_transfers(&self, system: &System) -> Vec<Transfer> {
        let transfers = std::mem::take(
            &mut *self
                .transfers
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        transfers
            .into_iter()
            .filter(|transfer| self.settle_owner(system, transfer.to))
            .collect()
    }

    /// Has the system report the end of a process that owns something now. If it has ended already, what it owns
    /// goes the same way at once, and the answer is false.
    pub fn settle_owner(&self, system: &System, owner: ProcessId) -> bool {
        let alive = system.mark_owner(owner);
        if !alive {
            self.owner_ended(owner);
        }
        alive
    }
}
