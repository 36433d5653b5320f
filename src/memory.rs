//! The allocator of the daemon: mimalloc, with a count for each thread of the bytes it holds.
//!
//! Why mimalloc: at a commit an executor frees records and roots that others made, and the system's allocator takes a
//! lock for each. Why the count: a task that allocates without end must be stopped before the machine is, and only the
//! allocator sees every byte. What one thread allocates and another frees is counted where it happens, so counts of
//! single threads drift; only differences over one slice of a task, which stays on its thread, mean anything.
//!
//! Why this is sound: each call is passed to mimalloc with exactly the arguments it came with, and its answer is
//! returned as it is; the count beside it is plain arithmetic on a thread-local number that needs neither an allocation
//! nor a destructor, so it can be touched at any moment of a thread's life.
#![expect(
    unsafe_code,
    reason = "an allocator cannot be written without it; see above why this one is sound"
)]

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

thread_local! {
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

/// The counting allocator: `#[global_allocator]` of the daemon.
pub struct CountingAllocator;

/// Bytes that the calling thread has allocated less those that it has freed; 0 in a program with another allocator.
pub fn live_bytes() -> i64 {
    LIVE.with(Cell::get)
}

fn count(bytes: i64) {
    // A thread that is being torn down has no count any more, and no task either.
    let _ = LIVE.try_with(|live| live.set(live.get().wrapping_add(bytes)));
}

// SAFETY: every method hands its arguments, unchanged, to mimalloc, whose promises are the trait's.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller keeps the promises that `MiMalloc` asks for: they are the same.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: as above.
        unsafe { MiMalloc.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: as above.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        // SAFETY: as above.
        unsafe { MiMalloc.realloc(block, layout, size) }
    }
}
