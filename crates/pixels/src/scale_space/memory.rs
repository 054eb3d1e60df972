//! Memory of the planes.
//!
//! The planes of one photograph are tens of megabytes, which a fresh process or thread touches for the first time; in
//! pages of 4 KiB that alone takes as long as the blur. Large buffers are therefore mapped by themselves and the
//! system is asked for its large pages. Where it has none, or mapping fails, the heap serves.

#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
use memmap2::{Advice, MmapMut};

/// Buffers of fewer bytes than this come from the heap; a large page is 2 MiB.
#[cfg(target_os = "linux")]
const MAPPED_BYTES: usize = 1 << 21;

#[derive(Debug)]
enum Store {
    Heap(Vec<f32>),
    #[cfg(target_os = "linux")]
    Mapped(MmapMut),
}

/// A buffer of `f32` values that starts with zeros.
#[derive(Debug)]
pub(super) struct Memory {
    store: Store,
    len: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            store: Store::Heap(Vec::new()),
            len: 0,
        }
    }
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        Self {
            store: Store::Heap(self.values().to_vec()),
            len: self.len,
        }
    }
}

impl PartialEq for Memory {
    fn eq(&self, other: &Self) -> bool {
        self.values() == other.values()
    }
}

impl Memory {
    /// Makes it `len` values long; what they are is unspecified (old values or zeros).
    pub(super) fn resize(&mut self, len: usize) {
        self.len = len;
        if self.bytes() < len * size_of::<f32>() {
            self.store = Store::of(len);
        }
    }

    /// Memory held.
    pub(super) fn bytes(&self) -> usize {
        match &self.store {
            Store::Heap(values) => values.len() * size_of::<f32>(),
            #[cfg(target_os = "linux")]
            Store::Mapped(map) => map.len(),
        }
    }

    #[inline]
    pub(super) fn values(&self) -> &[f32] {
        match &self.store {
            Store::Heap(values) => &values[..self.len],
            #[cfg(target_os = "linux")]
            Store::Mapped(map) => {
                assert!(self.len * size_of::<f32>() <= map.len());
                // SAFETY: a mapping starts at a page, which is aligned for any type; the length was just checked, and
                // every bit pattern is an `f32`.
                unsafe { std::slice::from_raw_parts(map.as_ptr().cast(), self.len) }
            }
        }
    }

    #[inline]
    pub(super) fn values_mut(&mut self) -> &mut [f32] {
        match &mut self.store {
            Store::Heap(values) => &mut values[..self.len],
            #[cfg(target_os = "linux")]
            Store::Mapped(map) => {
                assert!(self.len * size_of::<f32>() <= map.len());
                // SAFETY: as in `values`; the mapping is private and borrowed mutably.
                unsafe { std::slice::from_raw_parts_mut(map.as_mut_ptr().cast(), self.len) }
            }
        }
    }
}

impl Store {
    fn of(len: usize) -> Self {
        #[cfg(target_os = "linux")]
        if len * size_of::<f32>() >= MAPPED_BYTES
            && let Ok(map) = MmapMut::map_anon((len * size_of::<f32>()).next_multiple_of(1 << 21))
        {
            // Only a wish: without large pages the same memory comes in small ones.
            let _ = map.advise(Advice::HugePage);
            return Self::Mapped(map);
        }
        Self::Heap(vec![0.0; len])
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn small_and_large_buffers_hold_what_is_written() {
        let mut memory = Memory::default();
        for len in [0, 10, 700_000, 5, 2_000_000, 600_000] {
            memory.resize(len);
            assert_eq!(memory.values().len(), len);
            assert!(memory.bytes() >= 4 * len);
            for (i, value) in memory.values_mut().iter_mut().enumerate() {
                *value = i as f32;
            }
            assert!(
                memory
                    .values()
                    .iter()
                    .enumerate()
                    .all(|(i, &v)| v == i as f32)
            );
            assert_eq!(memory, memory.clone());
        }
    }
}
