//! Asking the processor for memory ahead of its use.

#![allow(unsafe_code)]

/// Values of a cache line of 64 bytes.
const LINE: usize = 16;

/// Asks for the values to be brought into the cache; does nothing where there is no such instruction.
#[inline]
pub(super) fn prefetch(values: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = values.as_ptr();
        let mut at = 0;
        while at < values.len() {
            // SAFETY: a hint about memory that is ours; every x86-64 processor knows it.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(at).cast()) };
            at += LINE;
        }
        // What begins within a line may end in one more.
        if let Some(last) = values.last() {
            // SAFETY: as above.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(last).cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, LINE);
}
