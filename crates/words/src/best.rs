//! The images with the highest scores.

use vizsla_vectors::{Allowed, TopK};

use crate::scoring::{Normalisation, Scored, ScoringConfig};
use crate::segment::{LENGTHS, Segment};

/// A score that is so much smaller than what is needed is too small, however a division rounds.
const CLEARLY: f32 = 1.0 - 1e-6;

/// The best of the images that have a score, divided by their length.
pub(crate) fn best_images<'a>(
    scores: impl Iterator<Item = (&'a Segment, &'a [f32])>,
    config: &ScoringConfig,
    allowed: &Allowed<'_>,
    top: usize,
) -> Vec<Scored> {
    let mut best = TopK::new(top);
    for (segment, scores) in scores {
        // Most images are out by their score and the least length of their block, without a look at their own.
        let bound = |(block, scores): (usize, &[f32])| {
            let least = segment.least_length(block, config.normalisation);
            (greatest(scores) / least, least, block)
        };
        let blocks = scores.chunks(LENGTHS).enumerate().map(bound);
        let mut blocks: Vec<_> = blocks.filter(|&(most, ..)| most > 0.0).collect();
        if top < blocks.len() {
            // Blocks that promise most come first: after them little is needed of the others.
            blocks.select_nth_unstable_by(top, |a, b| b.0.total_cmp(&a.0));
        }
        for (most, least, block) in blocks {
            let out = best.least().unwrap_or(0.0).max(0.0) * CLEARLY;
            if most < out {
                continue;
            }
            let first = block * LENGTHS;
            let of_block = &scores[first..scores.len().min(first + LENGTHS)];
            for (at, &score) in of_block.iter().enumerate() {
                if score > 0.0 && score >= out * least * CLEARLY {
                    offer(
                        &mut best,
                        segment,
                        (first + at) as u32,
                        score,
                        config,
                        allowed,
                    );
                }
            }
        }
    }
    let best = best.into_sorted().into_iter();
    best.map(|(score, id)| Scored { id, score }).collect()
}

/// The greatest of some scores; 0 where there is none above. Written so that several are compared at once.
fn greatest(scores: &[f32]) -> f32 {
    let mut greatest = [0f32; 8];
    let (eights, rest) = scores.as_chunks::<8>();
    for eight in eights {
        for lane in 0..8 {
            let most = greatest[lane];
            greatest[lane] = if eight[lane] > most {
                eight[lane]
            } else {
                most
            };
        }
    }
    greatest
        .iter()
        .chain(rest)
        .fold(0.0, |a, &b| if b > a { b } else { a })
}

fn offer(
    best: &mut TopK,
    segment: &Segment,
    image: u32,
    score: f32,
    config: &ScoringConfig,
    allowed: &Allowed<'_>,
) {
    let length = match config.normalisation {
        Normalisation::None => 1.0,
        Normalisation::Features => (segment.feature_count(image) as f32).sqrt(),
        Normalisation::Histogram => segment.norm(image),
    };
    let score = score / length.max(1.0);
    let Some(id) = segment.id(image) else {
        return;
    };
    if best.would_keep(score, id) && allowed.contains(id) {
        best.push(score, id);
    }
}
