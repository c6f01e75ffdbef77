//! The four priorities of a task, Erlang's.

/// How urgent a task is. The order is Erlang's: every `Max` task runs before any `High` one, every `High` before
/// `Normal` and `Low`; those two share what is left (see [`RunQueues`](crate::RunQueues)).
///
/// The representation is one byte, 0 for `Max` to 3 for `Low`, and is part of the interface.
///
/// ```
/// use viga_scheduler::Priority;
///
/// assert_eq!(Priority::from_u8(2), Some(Priority::Normal));
/// assert_eq!(Priority::from_u8(4), None);
/// assert!(Priority::Max < Priority::Low, "the more urgent sorts first");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Priority {
    /// Reserved for the system itself.
    Max = 0,
    /// Before everything ordinary.
    High = 1,
    /// What a task has unless it says otherwise.
    #[default]
    Normal = 2,
    /// One pick for every [`LOW_PICK_INTERVAL`](crate::LOW_PICK_INTERVAL) normal ones.
    Low = 3,
}

impl Priority {
    /// All priorities, most urgent first; `ALL[p as usize] == p`.
    pub const ALL: [Priority; 4] = [
        Priority::Max,
        Priority::High,
        Priority::Normal,
        Priority::Low,
    ];

    /// The priority with this representation, or `None` when `byte` is above 3.
    #[must_use]
    pub const fn from_u8(byte: u8) -> Option<Priority> {
        match byte {
            0 => Some(Priority::Max),
            1 => Some(Priority::High),
            2 => Some(Priority::Normal),
            3 => Some(Priority::Low),
            _ => None,
        }
    }
}
