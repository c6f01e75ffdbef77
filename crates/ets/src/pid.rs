//! The name of a process.

/// Names one process: `index` is its place in the process table, `serial` tells apart those that have had it.
///
/// ```
/// use viga_ets::ProcessId;
/// let pid = ProcessId { index: 3, serial: 1 };
/// assert_eq!(pid.to_string(), "<0.3.1>");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId {
    /// Place in the process table.
    pub index: u32,
    /// How often the place has been used before.
    pub serial: u32,
}

impl std::fmt::Display for ProcessId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<0.{}.{}>", self.index, self.serial)
    }
}
