//! Large pages for what is read at random: a table of a million rows has 20,000 small pages, most of which no
//! TLB holds.

/// Size and alignment of a large page where the advice is given.
pub(crate) const HUGE_PAGE: usize = 2 * 1024 * 1024;

/// Tells the system that the large pages within a range are worth having. Only advice: nothing depends on its being
/// taken.
pub(crate) fn advise(start: *mut u8, bytes: usize) {
    if bytes < HUGE_PAGE {
        return;
    }
    let before = start.align_offset(HUGE_PAGE).min(bytes);
    let whole = (bytes - before) / HUGE_PAGE * HUGE_PAGE;
    if whole > 0 {
        give(start.wrapping_add(before), whole);
    }
}

#[cfg(target_os = "linux")]
fn give(start: *mut u8, bytes: usize) {
    use std::ffi::{c_int, c_void};

    // SAFETY: the declaration is that of the C library.
    unsafe extern "C" {
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    }
    const MADV_HUGEPAGE: c_int = 14;
    // SAFETY: this advice changes nothing about what the memory holds, and addresses that are not mapped give an error,
    // which means what its not being taken means.
    let _taken = unsafe { madvise(start.cast(), bytes, MADV_HUGEPAGE) };
}

/// Elsewhere there is no such advice to give.
#[cfg(not(target_os = "linux"))]
fn give(_start: *mut u8, _bytes: usize) {}
