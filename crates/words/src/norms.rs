//! Lengths of images under weights of words.

use crate::Error;
use crate::segment::{Contents, List, Segment, of_features};
use crate::weights::{BagConfig, images, selective_square};

/// Lengths of the images of some segments under idf weights. They depend on all of the segments: one more image changes them.
/// 4 bytes an image; making them reads all postings.
#[derive(Debug, Clone, PartialEq)]
pub struct IdfNorms {
    /// By segment, by image: the squared length.
    squares: Vec<Vec<f32>>,
}

impl IdfNorms {
    /// Of aggregated words, for [`search_aggregated`](crate::search_aggregated): Σ idf² over the words of an image.
    ///
    /// # Errors
    /// [`Error::OtherContents`] when a segment is not of aggregated words, [`vizsla_vectors::Error::Damaged`] when a file was cut
    /// short since it was opened.
    pub fn new(segments: &[&Segment]) -> Result<Self, Error> {
        segments
            .iter()
            .try_for_each(|segment| segment.expect(Contents::Aggregated))?;
        let all = images(segments);
        let square = |lists: &[Option<List>]| f64::from(selective_square(lists, all));
        Self::summed(segments, square, |_| 1.0)
    }

    /// Of bags of words, for [`search_bag`](crate::search_bag): Σ idf² f(tf)² over the words of an image.
    ///
    /// # Errors
    /// [`Error::OtherContents`] when a segment is of aggregated words, [`vizsla_vectors::Error::Damaged`] when a file was cut
    /// short since it was opened.
    pub fn of_bags(segments: &[&Segment], config: &BagConfig) -> Result<Self, Error> {
        of_features(segments)?;
        let all = images(segments);
        let square = |lists: &[Option<List>]| config.square(lists, all);
        let worth = |count: u32| config.frequency.of(f64::from(count)).powi(2);
        Self::summed(segments, square, worth)
    }

    fn summed(
        segments: &[&Segment],
        square: impl Fn(&[Option<List>]) -> f64,
        worth: impl Fn(u32) -> f64,
    ) -> Result<Self, Error> {
        let mut words: Vec<u32> = segments.iter().flat_map(|s| s.occurring_words()).collect();
        words.sort_unstable();
        words.dedup();
        let none = |segment: &&Segment| vec![0f64; segment.image_count() as usize];
        let mut sums: Vec<Vec<f64>> = segments.iter().map(none).collect();
        for word in words {
            let lists: Vec<Option<List>> = segments.iter().map(|s| s.list(word)).collect();
            let square = square(&lists);
            for (sums, list) in sums.iter_mut().zip(lists) {
                for (image, count) in list.into_iter().flat_map(List::counts) {
                    if let Some(sum) = sums.get_mut(image as usize) {
                        *sum += square * worth(count);
                    }
                }
            }
        }
        segments
            .iter()
            .try_for_each(|segment| segment.check_whole())?;
        let single = |sums: Vec<f64>| sums.into_iter().map(|sum| sum as f32).collect();
        Ok(Self {
            squares: sums.into_iter().map(single).collect(),
        })
    }

    /// Squared lengths, by segment, by image.
    pub(crate) fn squares(&self) -> &[Vec<f32>] {
        &self.squares
    }

    /// Whether there is one for each image of these segments.
    pub(crate) fn fit(&self, segments: &[&Segment]) -> bool {
        let images = segments
            .iter()
            .map(|segment| segment.image_count() as usize);
        images.eq(self.squares.iter().map(Vec::len))
    }
}
