//! What is relevant to what.

use std::collections::BTreeMap;

use crate::error::Error;

/// Which images, or rows of a batch, belong together: all that carry the same label, or of those only the
/// pairs that were named.
///
/// Named pairs say less than labels. Two photographs along a street show the same house, so do the second and
/// the third, and the first and the third nothing in common. Such a chain has one label, because none of its
/// images is safe as a negative of another, but only its named pairs are positives; the others are neither
/// (Radenović et al. 2016 draw positives from a graph of matches and negatives from other components).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relevance {
    labels: Vec<usize>,
    /// For each image the others it was named with, ascending; `None` where its label is all that is known.
    /// Empty when there are only labels.
    partners: Vec<Option<Vec<usize>>>,
}

impl Relevance {
    /// Images of these labels, `pairs` of which were named, by places: a positive of an image in a pair is what it
    /// was named with. What a pair connects has one label. Pairs of an image with itself say nothing.
    ///
    /// # Errors
    /// [`Error::Shape`] for a place that is not there or a pair of two labels.
    pub fn with_pairs(labels: Vec<usize>, pairs: &[[usize; 2]]) -> Result<Relevance, Error> {
        let mut partners = vec![None; labels.len()];
        for &[a, b] in pairs {
            match (labels.get(a), labels.get(b)) {
                (Some(one), Some(other)) if one == other => {}
                _ => {
                    return Err(Error::shape(format!(
                        "{a} and {b} are no pair of one label among {} images",
                        labels.len()
                    )));
                }
            }
            for (one, other) in [(a, b), (b, a)] {
                let of_one = partners[one].get_or_insert_with(Vec::new);
                if one != other {
                    of_one.push(other);
                }
            }
        }
        for of_one in partners.iter_mut().flatten() {
            of_one.sort_unstable();
            of_one.dedup();
        }
        Ok(Relevance { labels, partners })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The label of each image.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// What an image was named with; `None` where its label is all that is known.
    pub(crate) fn partners(&self, of: usize) -> Option<&[usize]> {
        self.partners.get(of)?.as_deref()
    }

    /// Whether the two belong together. An image is no positive of itself.
    pub fn is_positive(&self, a: usize, b: usize) -> bool {
        if a == b || self.labels[a] != self.labels[b] {
            return false;
        }
        match (self.partners(a), self.partners(b)) {
            (Some(of_a), Some(_)) => of_a.binary_search(&b).is_ok(),
            _ => true,
        }
    }

    /// Whether the two have nothing in common. Some pairs are neither positive nor negative.
    pub fn is_negative(&self, a: usize, b: usize) -> bool {
        self.labels[a] != self.labels[b]
    }

    /// Whether it is known of the two that they belong together or that they do not. An image and itself are neither.
    pub fn is_known(&self, a: usize, b: usize) -> bool {
        self.is_positive(a, b) || self.is_negative(a, b)
    }

    /// The positives of an image, ascending.
    pub fn positives(&self, of: usize) -> Vec<usize> {
        (0..self.len())
            .filter(|&other| self.is_positive(of, other))
            .collect()
    }

    /// Whether an image has a positive.
    pub fn has_positive(&self, of: usize) -> bool {
        (0..self.len()).any(|other| self.is_positive(of, other))
    }

    /// Whether pairs were named.
    pub fn has_pairs(&self) -> bool {
        !self.partners.is_empty()
    }

    /// The negatives of an image, ascending.
    pub fn negatives(&self, of: usize) -> Vec<usize> {
        (0..self.len())
            .filter(|&other| self.is_negative(of, other))
            .collect()
    }

    /// What holds among these images, which are counted anew in the order of `places`; those are there, each once.
    pub fn select(&self, places: &[usize]) -> Relevance {
        let labels = places.iter().map(|&place| self.labels[place]).collect();
        let at: BTreeMap<usize, usize> = places.iter().copied().zip(0..).collect();
        let renamed = |partners: &[usize]| {
            let mut there: Vec<usize> =
                partners.iter().filter_map(|p| at.get(p)).copied().collect();
            there.sort_unstable();
            there
        };
        let partners = match self.partners.is_empty() {
            true => Vec::new(),
            false => places
                .iter()
                .map(|&place| self.partners(place).map(renamed))
                .collect(),
        };
        Relevance { labels, partners }
    }

    /// Checks that there is a label for each of `rows` descriptors.
    pub(crate) fn check(&self, rows: usize) -> Result<(), Error> {
        check_labels(&self.labels, rows)
    }
}

/// Checks that there is a label for each of `rows` descriptors.
pub(crate) fn check_labels(labels: &[usize], rows: usize) -> Result<(), Error> {
    if labels.len() == rows {
        return Ok(());
    }
    Err(Error::shape(format!(
        "{} labels for {rows} descriptors; give one for each",
        labels.len()
    )))
}

/// The same label makes a positive, another a negative.
impl From<Vec<usize>> for Relevance {
    fn from(labels: Vec<usize>) -> Relevance {
        Relevance {
            labels,
            partners: Vec::new(),
        }
    }
}

/// As from a vector of labels.
impl From<&[usize]> for Relevance {
    fn from(labels: &[usize]) -> Relevance {
        labels.to_vec().into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn labels_decide_where_no_pair_was_named() {
        let relevance = Relevance::from(vec![4, 4, 7]);
        assert!(relevance.is_positive(0, 1) && !relevance.is_positive(0, 0));
        assert!(relevance.is_negative(0, 2) && !relevance.is_negative(0, 1));
        assert_eq!(relevance.select(&[2, 0]), Relevance::from(vec![7, 4]));
    }

    #[test]
    fn a_chain_of_pairs_is_no_clique() {
        // 0 - 1 - 2 is a chain, 3 - 4 a pair, 5 has the label of the chain and no pair.
        let labels = vec![0, 0, 0, 1, 1, 0];
        let pairs = [[0, 1], [2, 1], [3, 4], [1, 0]];
        let relevance = Relevance::with_pairs(labels.clone(), &pairs).unwrap();
        assert_eq!(relevance.positives(0), [1, 5]);
        assert_eq!(relevance.positives(1), [0, 2, 5]);
        assert_eq!(relevance.negatives(0), [3, 4]);
        assert!(!relevance.is_positive(0, 2) && !relevance.is_negative(0, 2));
        let few = relevance.select(&[2, 4, 1]);
        assert_eq!(few.positives(0), [2]);
        assert_eq!(few.negatives(1), [0, 2]);
        assert!(Relevance::with_pairs(labels.clone(), &[[0, 3]]).is_err());
        assert!(Relevance::with_pairs(labels, &[[0, 6]]).is_err());
    }
}
