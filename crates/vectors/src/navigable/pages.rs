//! Room for what a walk reads here and there.
//!
//! A walk jumps from page to page. With pages of two megabytes instead of four kilobytes the processor's table of pages (TLB)
//! covers far more of them, which makes walks through large graphs a good deal faster; so this room asks for them.

use memmap2::MmapMut;

use crate::Error;

/// Bytes of zero, at the beginning of a page.
#[derive(Debug)]
pub(super) struct Pages {
    map: MmapMut,
    length: usize,
}

impl Pages {
    pub fn zeroed(length: usize) -> Result<Self, Error> {
        let map = MmapMut::map_anon(length.max(1))?;
        #[cfg(target_os = "linux")]
        {
            // Where there are no large pages small ones do as well.
            let _ = map.advise(memmap2::Advice::HugePage);
        }
        Ok(Self { map, length })
    }

    /// As these bytes, with zeros behind them.
    pub fn grown(bytes: &[u8], length: usize) -> Result<Self, Error> {
        let mut pages = Self::zeroed(length)?;
        let common = bytes.len().min(length);
        pages.bytes_mut()[..common].copy_from_slice(&bytes[..common]);
        Ok(pages)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.map[..self.length]
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.map[..self.length]
    }

    /// As numbers in the order of this machine's bytes.
    pub fn numbers_mut(&mut self) -> &mut [u32] {
        bytemuck::try_cast_slice_mut(self.bytes_mut()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_begins_at_a_line() {
        let pages = Pages::grown(&[1, 2, 3], 8).unwrap();
        assert_eq!(pages.bytes(), [1, 2, 3, 0, 0, 0, 0, 0]);
        assert!((pages.bytes().as_ptr() as usize).is_multiple_of(64));
        let mut fewer = Pages::grown(pages.bytes(), 4).unwrap();
        assert_eq!(fewer.numbers_mut(), [u32::from_le(0x0003_0201)]);
        assert!(Pages::zeroed(0).unwrap().bytes().is_empty());
    }
}
