//! EXIF orientation: a camera stores its sensor's rows as they come and notes how it was held.
//!
//! The eight values are those of the EXIF 2.3 standard, tag 0x0112. Values outside 1..=8 mean upright.

/// Whether this orientation exchanges width and height.
pub(crate) fn swaps_sides(orientation: u8) -> bool {
    (5..=8).contains(&orientation)
}

/// Turns stored pixels upright. Returns the upright width, height and data (`N` bytes a pixel).
pub(crate) fn upright<const N: usize>(
    width: usize,
    height: usize,
    data: Vec<u8>,
    orientation: u8,
) -> (usize, usize, Vec<u8>) {
    if !(2..=8).contains(&orientation) {
        return (width, height, data);
    }
    let (out_width, out_height) = if swaps_sides(orientation) {
        (height, width)
    } else {
        (width, height)
    };
    let (pixels, _) = data.as_chunks::<N>();
    let mut out = Vec::with_capacity(data.len());
    for y in 0..out_height {
        for x in 0..out_width {
            let (sx, sy) = match orientation {
                2 => (width - 1 - x, y),
                3 => (width - 1 - x, height - 1 - y),
                4 => (x, height - 1 - y),
                5 => (y, x),
                6 => (y, height - 1 - x),
                7 => (width - 1 - y, height - 1 - x),
                _ => (width - 1 - y, x),
            };
            out.extend_from_slice(&pixels[sy * width + sx]);
        }
    }
    (out_width, out_height, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Upright is `[1 2 3 / 4 5 6]`; each row is how a camera held that way would have stored it.
    #[test]
    fn all_eight_orientations_come_out_upright() {
        let stored: [(u8, usize, [u8; 6]); 8] = [
            (1, 3, [1, 2, 3, 4, 5, 6]),
            (2, 3, [3, 2, 1, 6, 5, 4]),
            (3, 3, [6, 5, 4, 3, 2, 1]),
            (4, 3, [4, 5, 6, 1, 2, 3]),
            (5, 2, [1, 4, 2, 5, 3, 6]),
            (6, 2, [3, 6, 2, 5, 1, 4]),
            (7, 2, [6, 3, 5, 2, 4, 1]),
            (8, 2, [4, 1, 5, 2, 6, 3]),
        ];
        for (orientation, width, data) in stored {
            let got = upright::<1>(width, 6 / width, data.to_vec(), orientation);
            assert_eq!(
                got,
                (3, 2, vec![1, 2, 3, 4, 5, 6]),
                "orientation {orientation}"
            );
        }
    }

    #[test]
    fn an_unknown_orientation_means_upright() {
        for orientation in [0, 9, 255] {
            assert_eq!(
                upright::<3>(1, 1, vec![1, 2, 3], orientation),
                (1, 1, vec![1, 2, 3])
            );
        }
    }
}
