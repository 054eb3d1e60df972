//! How near the others of a batch come: the share of violated margins, and the hardest negatives.

use crate::losses::Triplet;

/// Negatives of a batch that are kept for the log.
const KEPT: usize = 8;

/// A row of a batch whose own partner is not the nearest, or hardly so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hard {
    /// Whether the caption of the row looked for its image, or its image for the caption.
    pub by_caption: bool,
    pub anchor: usize,
    /// The row of the nearest negative.
    pub negative: usize,
    /// Of the anchor with its own partner and with that of the negative.
    pub similarities: [f32; 2],
}

/// Similarities of all images of a batch with all its captions.
pub(super) struct Scores<'a> {
    /// Images × captions.
    pub values: &'a [f32],
    /// The image of each pair by its number; pairs of one image are no negatives.
    groups: &'a [usize],
    /// For each row the nearest negative, of both directions; none where all rows are of one image.
    hardest: Vec<Hard>,
}

impl<'a> Scores<'a> {
    /// Those of a batch: images × captions, and the image of each pair by its number.
    pub fn of(values: &'a [f32], groups: &'a [usize]) -> Scores<'a> {
        let mut scores = Scores {
            values,
            groups,
            hardest: Vec::new(),
        };
        scores.hardest = [scores.nearest(false), scores.nearest(true)].concat();
        scores
    }

    /// Similarity of one row's image or caption with the other half of another row.
    fn at(&self, by_caption: bool, anchor: usize, other: usize) -> f32 {
        let (image, caption) = match by_caption {
            false => (anchor, other),
            true => (other, anchor),
        };
        let place = image * self.groups.len() + caption;
        self.values.get(place).copied().unwrap_or(f32::NAN)
    }

    /// Captions × images.
    pub fn turned(&self) -> Vec<f32> {
        let rows = 0..self.groups.len();
        let of_caption = |caption| rows.clone().map(move |image| self.at(true, caption, image));
        rows.clone().flat_map(of_caption).collect()
    }

    fn nearest(&self, by_caption: bool) -> Vec<Hard> {
        let rows = 0..self.groups.len();
        let of_row = |anchor: usize| {
            let others = rows.clone();
            let others = others.filter(|&other| self.groups[other] != self.groups[anchor]);
            let score = |other: usize| self.at(by_caption, anchor, other);
            let negative = others.max_by(|&a, &b| score(a).total_cmp(&score(b)))?;
            Some(Hard {
                by_caption,
                anchor,
                negative,
                similarities: [score(anchor), score(negative)],
            })
        };
        rows.clone().filter_map(of_row).collect()
    }

    /// The few that are furthest from right, of both directions.
    pub fn worst(&self) -> Vec<Hard> {
        let mut all = self.hardest.clone();
        let violation = |hard: &Hard| hard.similarities[1] - hard.similarities[0];
        all.sort_by(|a, b| violation(b).total_cmp(&violation(a)));
        all.truncate(KEPT);
        all
    }

    /// Share of the hardest negatives that are within the margin, both directions.
    pub fn violated_by_hardest(&self, margin: f32) -> f64 {
        share(self.hardest.iter().map(|h| h.similarities), margin)
    }

    /// Share of all negatives that are within the margin, both directions.
    pub fn violated_by_all(&self, margin: f32) -> f64 {
        let rows = 0..self.groups.len();
        let pairs = rows.clone().flat_map(|a| rows.clone().map(move |b| (a, b)));
        let negatives = pairs.filter(|&(a, b)| self.groups[a] != self.groups[b]);
        let both = negatives
            .flat_map(|(a, b)| [false, true].map(|way| [self.at(way, a, a), self.at(way, a, b)]));
        share(both, margin)
    }

    /// Share of triplets whose margin is violated, with images, captions or both as anchors.
    pub fn violated_by(&self, triplets: &[Triplet], by_caption: &[bool], margin: f32) -> f64 {
        let all = triplets.iter().flat_map(|t| {
            let of = move |&way: &bool| {
                let positive = self.at(way, t.anchor, t.positive);
                [positive, self.at(way, t.anchor, t.negative)]
            };
            by_caption.iter().map(of)
        });
        share(all, margin)
    }
}

/// Share of pairs (positive, negative) that are apart by less than the margin; 0 of none.
fn share(pairs: impl Iterator<Item = [f32; 2]>, margin: f32) -> f64 {
    let (mut violated, mut all) = (0usize, 0usize);
    for [positive, negative] in pairs {
        violated += usize::from(negative + margin > positive);
        all += 1;
    }
    violated as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_are_judged_and_one_image_is_no_negative_of_itself() {
        // Rows 0 and 1 are captions of one image.
        let values = [0.9, 0.8, 0.1, 0.8, 0.9, 0.7, 0.3, 0.95, 0.5];
        let scores = Scores::of(&values, &[4, 4, 6]);
        let by_image = scores.nearest(false);
        assert_eq!(by_image.len(), 3);
        assert_eq!((by_image[0].negative, by_image[1].negative), (2, 2));
        assert_eq!(by_image[2].negative, 1);
        assert_eq!(by_image[2].similarities, [0.5, 0.95]);
        let worst = scores.worst();
        assert_eq!((worst[0].by_caption, worst[0].anchor), (false, 2));
        assert_eq!((worst[1].by_caption, worst[1].anchor), (true, 2));
        // Of six, wrong: image 2, caption 2 (0.7 before 0.5) and caption 1 (0.95 before 0.9).
        assert!((scores.violated_by_hardest(0.0) - 0.5).abs() < 1e-12);
        // Image 0 with 2, 1 with 2, 2 with 0 and 1; captions likewise: three of eight.
        assert!((scores.violated_by_all(0.0) - 3.0 / 8.0).abs() < 1e-12);
        let triplet = |anchor, negative| Triplet {
            anchor,
            positive: anchor,
            negative,
        };
        let triplets = [triplet(0, 2), triplet(2, 1)];
        assert!((scores.violated_by(&triplets, &[false], 0.0) - 0.5).abs() < 1e-12);
        assert!((scores.violated_by(&triplets, &[false, true], 0.0) - 0.5).abs() < 1e-12);
        assert!((scores.violated_by(&triplets, &[true], 0.7) - 1.0).abs() < 1e-12);
        let alone = Scores::of(&[1.0], &[1]);
        assert!(alone.worst().is_empty() && alone.violated_by_all(1.0) == 0.0);
    }
}
