//! What a convolutional network saw, place by place.

use crate::error::Error;

/// A channels × height × width block of responses: one vector of `channels` numbers for every place of a grid laid
/// over the image.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMap {
    /// Numbers at every place.
    pub channels: usize,
    /// Rows of the grid.
    pub height: usize,
    /// Columns of the grid.
    pub width: usize,
    /// All rows of the first channel, then those of the next.
    pub data: Vec<f32>,
}

impl FeatureMap {
    /// A map of these sizes.
    ///
    /// # Errors
    /// [`Error::Length`] when a size is 0 or `data` is not as long as their product.
    pub fn new(
        channels: usize,
        height: usize,
        width: usize,
        data: Vec<f32>,
    ) -> Result<Self, Error> {
        let expected = channels
            .checked_mul(height)
            .and_then(|product| product.checked_mul(width))
            .unwrap_or(usize::MAX);
        if expected == 0 || expected != data.len() {
            return Err(Error::Length {
                what: format!("a feature map of {channels}x{height}x{width}"),
                expected,
                found: data.len(),
            });
        }
        Ok(Self {
            channels,
            height,
            width,
            data,
        })
    }

    /// Number of places.
    pub fn places(&self) -> usize {
        self.height * self.width
    }

    /// The responses of each channel, row by row.
    pub fn planes(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.data.chunks_exact(self.places())
    }

    /// The vectors of all places, row by row of the grid: what a method for local descriptors takes. With `unit`
    /// each has length 1.
    pub fn local_vectors(&self, unit: bool) -> Vec<f32> {
        let places = self.places();
        let mut vectors = vec![0f32; self.data.len()];
        for (channel, plane) in self.planes().enumerate() {
            for (place, &x) in plane.iter().enumerate() {
                vectors[place * self.channels + channel] = x;
            }
        }
        debug_assert_eq!(vectors.len(), places * self.channels);
        if unit {
            vectors
                .chunks_exact_mut(self.channels)
                .for_each(vizsla_vectors::l2_normalise);
        }
        vectors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_must_fit() {
        assert!(FeatureMap::new(2, 3, 4, vec![0.0; 24]).is_ok());
        assert!(FeatureMap::new(2, 3, 4, vec![0.0; 23]).is_err());
        assert!(FeatureMap::new(0, 3, 4, Vec::new()).is_err());
        assert!(FeatureMap::new(usize::MAX, 3, 4, Vec::new()).is_err());
    }

    #[test]
    fn places_are_gathered_across_channels() {
        let map = FeatureMap::new(2, 1, 3, vec![1.0, 2.0, 3.0, 10.0, 20.0, 30.0]).unwrap();
        assert_eq!(map.local_vectors(false), [1.0, 10.0, 2.0, 20.0, 3.0, 30.0]);
        let unit = map.local_vectors(true);
        assert!((unit[0].hypot(unit[1]) - 1.0).abs() < 1e-6);
    }
}
