//! Ends of calls on their way to the caller.

/// How a call came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OutcomeKind {
    /// The handle is the reply.
    Reply = 0,
    /// The handle is the counted reason of the callee's end.
    Down = 1,
    /// No reply in time.
    Timeout = 2,
}

/// One outcome, linked to the next of the same process.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub reference: u64,
    pub kind: OutcomeKind,
    pub handle: u32,
    pub next: u32,
}
