//! What memory is used for: one allocator instance per kind, as OTP has one per `alloc type class`.

/// The use a block is put to. Each kind has its own carriers, so that short-lived message fragments never pin the
/// carriers of long-lived tables, and so that statistics tell who holds the memory.
///
/// ```
/// use viga_allocator::AllocKind;
/// assert_eq!(AllocKind::ALL.len(), 6);
/// assert_eq!(AllocKind::Binary.name(), "binary_alloc");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AllocKind {
    /// Process heaps and mailbox storage (OTP: `eheap_alloc`).
    Eheap,
    /// Message fragments between schedulers (OTP keeps them in `eheap_alloc`; they live much shorter).
    Message,
    /// Reference-counted binaries (OTP: `binary_alloc`).
    Binary,
    /// Table rows (OTP: `ets_alloc`).
    Ets,
    /// Data of native bodies and ports (OTP: `driver_alloc`).
    Driver,
    /// Everything the runtime keeps for itself (OTP: `sl_alloc`, `ll_alloc`, `std_alloc`).
    System,
}

impl AllocKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [AllocKind; 6] = [
        AllocKind::Eheap,
        AllocKind::Message,
        AllocKind::Binary,
        AllocKind::Ets,
        AllocKind::Driver,
        AllocKind::System,
    ];

    /// The name under which statistics and errors show this kind, OTP's where OTP has one.
    pub const fn name(self) -> &'static str {
        match self {
            AllocKind::Eheap => "eheap_alloc",
            AllocKind::Message => "message_alloc",
            AllocKind::Binary => "binary_alloc",
            AllocKind::Ets => "ets_alloc",
            AllocKind::Driver => "driver_alloc",
            AllocKind::System => "system_alloc",
        }
    }
}
