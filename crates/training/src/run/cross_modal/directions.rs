//! Both directions: an image looks for its captions, a caption for its image.

use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value as Json, json};
use vizsla_evaluation::{Dataset, average_precision, median_rank};
use vizsla_vectors::dot_f32;

use super::super::ranking::Figure;
use super::features::{Part, Rows};

/// Places of a list that are kept.
const KEPT: usize = 10;
/// Queries of a direction that are written out.
const WRITTEN: usize = 500;
/// Where recall is measured.
const CUTS: [usize; 3] = [1, 5, 10];

/// The figures of one direction.
#[derive(Clone, Debug, Serialize)]
pub struct Direction {
    /// `image_to_text` or `text_to_image`.
    pub name: &'static str,
    /// How many asked.
    pub queries: usize,
    /// Share of queries with something relevant in the first place.
    pub recall_at_1: Figure,
    /// The same among the first five.
    pub recall_at_5: Figure,
    /// The same among the first ten.
    pub recall_at_10: Figure,
    /// Median over queries of the place, from 1, of the first relevant one.
    pub median_rank: f64,
    /// Mean average precision.
    pub map: Figure,
    #[serde(skip)]
    pub(super) asked: Vec<Asked>,
}

/// What became of one query.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    first: usize,
    average_precision: f64,
    relevant: usize,
    best: Vec<(usize, f32)>,
}

/// Ranks both ways; rows are of length 1.
pub(super) fn both(data: &Dataset, embedded: &Part, seed: u64) -> Vec<Direction> {
    let image_of = |caption: usize| data.captions[caption].image;
    let mut captions_of = vec![Vec::new(); data.gallery.len()];
    for (place, caption) in data.captions.iter().enumerate() {
        captions_of[caption.image].push(place);
    }
    let (images, captions) = (&embedded.images, &embedded.captions);
    let texts = ask(images, captions, &|image| captions_of[image].clone());
    let pictures = ask(captions, images, &|caption| vec![image_of(caption)]);
    vec![
        direction("image_to_text", texts, seed),
        direction("text_to_image", pictures, seed),
    ]
}

/// Mean average precision of both directions.
pub(super) fn mean_map(directions: &[Direction]) -> f64 {
    let sum: f64 = directions.iter().map(|d| d.map.value).sum();
    sum / directions.len().max(1) as f64
}

fn ask(
    queries: &Rows,
    targets: &Rows,
    relevant: &(dyn Fn(usize) -> Vec<usize> + Sync),
) -> Vec<Asked> {
    let of_query = |query: usize| {
        let row = queries.row(query);
        let scores: Vec<f32> = (0..targets.count())
            .map(|target| dot_f32(row, targets.row(target)))
            .collect();
        let own = relevant(query);
        let before = |target: usize| {
            let mine = scores[target];
            let ahead = |&(other, score): &(usize, &f32)| {
                *score > mine || (*score == mine && other < target)
            };
            scores.iter().enumerate().filter(ahead).count()
        };
        let mut ranks: Vec<usize> = own.iter().map(|&target| before(target)).collect();
        ranks.sort_unstable();
        let mut order: Vec<usize> = (0..scores.len()).collect();
        let by_score = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
        if order.len() > KEPT {
            order.select_nth_unstable_by(KEPT, by_score);
            order.truncate(KEPT);
        }
        order.sort_by(by_score);
        Asked {
            first: ranks.first().copied().unwrap_or(scores.len()),
            average_precision: average_precision(&ranks, own.len()),
            relevant: own.len(),
            best: order
                .into_iter()
                .map(|target| (target, scores[target]))
                .collect(),
        }
    };
    (0..queries.count()).into_par_iter().map(of_query).collect()
}

fn direction(name: &'static str, asked: Vec<Asked>, seed: u64) -> Direction {
    let figure =
        |of: &dyn Fn(&Asked) -> f64| Figure::of(&asked.iter().map(of).collect::<Vec<f64>>(), seed);
    let recall = CUTS.map(|cut| figure(&|a| f64::from(u8::from(a.first < cut))));
    let first: Vec<Option<usize>> = asked.iter().map(|a| Some(a.first)).collect();
    Direction {
        name,
        queries: asked.len(),
        recall_at_1: recall[0],
        recall_at_5: recall[1],
        recall_at_10: recall[2],
        median_rank: median_rank(&first).unwrap_or(f64::NAN),
        map: figure(&|a| a.average_precision),
        asked,
    }
}

impl Direction {
    /// The direction in the result of a run, with its first queries.
    pub(super) fn to_json(&self, data: &Dataset) -> Json {
        let images = self.name == "image_to_text";
        let path = |image: usize| data.gallery[image].path.display().to_string();
        let caption = |place: usize| (&data.captions[place], path(data.captions[place].image));
        let query = |(place, asked): (usize, &Asked)| {
            let list = asked.best.iter().map(|&(target, score)| match images {
                true => {
                    let (caption, image) = caption(target);
                    json!({"caption": caption.text, "image": image, "relevant": caption.image == place, "score": score})
                }
                false => {
                    json!({"image": path(target), "relevant": data.captions[place].image == target, "score": score})
                }
            });
            json!({
                "query": if images { path(place) } else { data.captions[place].text.clone() },
                "average_precision": asked.average_precision,
                "relevant": asked.relevant,
                "ranked": list.collect::<Vec<_>>(),
            })
        };
        json!({
            "name": self.name,
            "metrics": {
                "recall_at_1": self.recall_at_1,
                "recall_at_5": self.recall_at_5,
                "recall_at_10": self.recall_at_10,
                "map": self.map,
                "median_rank": {"value": self.median_rank, "low": self.median_rank, "high": self.median_rank},
            },
            "queries": self.asked.iter().enumerate().take(WRITTEN).map(query).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_recalls_are_counted() {
        let rows = |numbers: &[f32]| Rows {
            length: 2,
            numbers: numbers.to_vec(),
        };
        let targets = rows(&[1.0, 0.0, 0.8, 0.6, 0.0, 1.0]);
        let asked = ask(&rows(&[1.0, 0.0, 0.0, 1.0]), &targets, &|query| {
            [vec![1, 2], vec![2]][query].clone()
        });
        assert_eq!((asked[0].first, asked[1].first), (1, 0));
        assert!((asked[0].average_precision - (0.5 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
        let found = direction("image_to_text", asked, 0);
        assert_eq!(
            (found.recall_at_1.value, found.recall_at_5.value),
            (0.5, 1.0)
        );
        assert_eq!(found.median_rank, 1.5);
    }
}
