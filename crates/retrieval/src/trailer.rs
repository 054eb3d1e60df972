//! What may stand behind the encoded features of an image: their descriptors, and the picture in little.
//!
//! Either is told by a bit of the version that encoded features begin with; `stored.rs` has the layout.

use vizsla_features::Descriptor;

use crate::fine;

/// Beside any: the picture in little follows.
const LITTLE: u8 = 32;
/// Beside any, before the picture in little: the descriptor of each feature follows.
const FINE: u8 = 64;
/// Bits of the version that tell what follows.
pub(crate) const FLAGS: u8 = LITTLE | FINE;

/// Adds the descriptors of encoded features, in their order, before a picture in little is added.
pub(crate) fn add_fine<'a>(bytes: &mut Vec<u8>, descriptors: impl Iterator<Item = &'a Descriptor>) {
    if let Some(version) = bytes.first_mut() {
        *version |= FINE;
        bytes.extend(descriptors.flat_map(fine::encode));
    }
}

/// The descriptors that are kept with encoded features, in their order; `None` where there are none.
pub(crate) fn descriptors(bytes: &[u8]) -> Option<Vec<Descriptor>> {
    split(bytes)?.fine.map(fine::decode)
}

/// Adds the picture in little to encoded features, at most 65,535 bytes.
pub(crate) fn add_little(bytes: &mut Vec<u8>, little: &[u8]) {
    let Ok(length) = u16::try_from(little.len()) else {
        return;
    };
    if let Some(version) = bytes.first_mut() {
        *version |= LITTLE;
        bytes.extend_from_slice(little);
        bytes.extend_from_slice(&length.to_le_bytes());
    }
}

/// Whether features of this version have a picture in little behind them.
pub(crate) fn has_little(version: u8) -> bool {
    version & LITTLE != 0
}

/// The picture in little that is kept with encoded features; `None` where there is none.
pub(crate) fn little(bytes: &[u8]) -> Option<&[u8]> {
    split(bytes)?.little
}

/// Encoded features in their parts.
pub(crate) struct Parts<'a> {
    /// What follows the version.
    pub features: &'a [u8],
    fine: Option<&'a [u8]>,
    little: Option<&'a [u8]>,
}

/// Takes off what stands behind encoded features; `None` when the bytes are not that.
pub(crate) fn split(bytes: &[u8]) -> Option<Parts<'_>> {
    let (&version, rest) = bytes.split_first()?;
    let mut parts = Parts {
        features: rest,
        fine: None,
        little: None,
    };
    if version & LITTLE != 0 {
        let (rest, length) = parts.features.split_last_chunk::<2>()?;
        let length = usize::from(u16::from_le_bytes(*length));
        let (rest, little) = rest.split_at_checked(rest.len().checked_sub(length)?)?;
        (parts.features, parts.little) = (rest, Some(little));
    }
    if version & FINE != 0 {
        let count = u32::from_le_bytes(*parts.features.first_chunk::<4>()?) as usize;
        let length = count.checked_mul(fine::BYTES)?;
        let at = parts.features.len().checked_sub(length)?;
        let (rest, fine) = parts.features.split_at_checked(at)?;
        (parts.features, parts.fine) = (rest, Some(fine));
    }
    Some(parts)
}
