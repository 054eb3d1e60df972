//! Diffusion: similarities by the global descriptor spread over the graph of neighbours.
//!
//! Where the collection keeps the graph of all its vectors (`optimize` makes it) the walk goes over the part of it around the
//! query. Where there is none, or an image is newer than it, a graph of the nearest images is made for this query: nothing
//! that is stale is asked.

use std::collections::HashMap;

use vizsla_vectors::{Allowed, Diffusion, DiffusionConfig, Graph, GraphConfig, similarity_weight};

use super::candidate::Ranking;
use super::fusion::{Answer, Found};
use super::question::{Question, Spread};
use super::searcher::Searcher;
use super::stage::Stage;
use crate::space::Space;
use crate::{Error, StageName};

/// Most images of a graph that is made for one query.
const MADE: usize = 1000;

/// Compares images by diffusion from here on.
pub(super) struct Diffuse(pub Spread);

impl Stage for Diffuse {
    fn name(&self) -> StageName {
        StageName::Diffuse
    }

    fn applies(&self, question: &Question<'_>) -> bool {
        question.asks_global()
    }

    fn run(
        &self,
        searcher: &Searcher<'_>,
        question: &mut Question<'_>,
        ranking: &mut Ranking,
    ) -> Result<usize, Error> {
        question.diffuse = Some(self.0);
        searcher.ask_again(question, ranking)?;
        Ok(ranking.candidates().len())
    }
}

/// Images and numbers of them.
type Numbers = Vec<(i64, f32)>;

impl Searcher<'_> {
    /// The answer of the global descriptor by diffusion from its first images. What the walk does not reach stands behind what it
    /// does, in its order.
    pub(super) fn diffused(
        &self,
        answer: Answer,
        spread: Spread,
        space: &Space,
        query: &[f32],
        question: &Question<'_>,
    ) -> Result<Answer, Error> {
        let first = answer.found.iter().take(spread.neighbours);
        let beyond = beyond_chance(answer.moments.mean());
        let seeds: Numbers = first
            .map(|found| (found.key, beyond(found.score)))
            .filter(|&(_, similarity)| similarity > 0.0)
            .collect();
        if seeds.is_empty() {
            return Ok(answer);
        }
        let config = DiffusionConfig {
            alpha: spread.alpha,
            ..DiffusionConfig::default()
        };
        let (matrix, ids, gamma) = match self.snapshot.graph()? {
            Some(graph) => {
                let nodes = self.nodes_around(graph, spread.images, &seeds, space, query)?;
                part(graph, nodes)?
            }
            None => {
                let images = spread.images.unwrap_or(MADE).min(MADE);
                let graph = self.graph_around(images, &seeds, space, query)?;
                part(&graph, (0..graph.len()).collect())?
            }
        };
        let mut reached = spread_from(&seeds, &ids, &matrix, gamma, &config)?;
        question.go_on()?;
        let allowed = question.images(&self.snapshot);
        reached.retain(|&(image, _)| allowed.contains(image));
        Ok(merged(
            answer,
            reached,
            question.depth,
            question.count(&self.snapshot),
        ))
    }

    /// The images near the query, and those where the diffusion begins; ascending.
    fn images_around(
        &self,
        images: usize,
        seeds: &Numbers,
        space: &Space,
        query: &[f32],
    ) -> Result<Vec<i64>, Error> {
        let allowed = Allowed::except(&self.snapshot.removed);
        let near = space.nearest(query, images, &allowed)?.best;
        let mut ids: Vec<i64> = near.iter().chain(seeds).map(|&(id, _)| id).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// The nodes of the kept graph that the walk goes over.
    fn nodes_around(
        &self,
        graph: &Graph,
        images: Option<usize>,
        seeds: &Numbers,
        space: &Space,
        query: &[f32],
    ) -> Result<Vec<usize>, Error> {
        let removed = &self.snapshot.removed;
        Ok(match images {
            Some(images) => {
                let ids = self.images_around(images, seeds, space, query)?;
                ids.into_iter().filter_map(|id| graph.node(id)).collect()
            }
            None => (0..graph.len())
                .filter(|&node| !removed.contains(graph.id(node)))
                .collect(),
        })
    }

    /// A graph of the images near the query, as one that is kept would be of all.
    fn graph_around(
        &self,
        images: usize,
        seeds: &Numbers,
        space: &Space,
        query: &[f32],
    ) -> Result<Graph, Error> {
        let around = self.images_around(images, seeds, space, query)?;
        let (places, rows) = self.compared_rows(around.iter().copied(), query.len())?;
        let ids: Vec<i64> = places.into_iter().map(|place| around[place]).collect();
        Ok(Graph::build(
            &ids,
            rows,
            query.len(),
            &GraphConfig::default(),
            "",
        )?)
    }
}

/// By how much of the way from the similarity of any two images to 1 a similarity lies. Vectors that are not whitened are all alike, and
/// an image of which the query only reminds as any other does must not begin a walk as if it were found.
fn beyond_chance(mean: f64) -> impl Fn(f64) -> f32 {
    let mean = if mean < 1.0 - 1e-3 {
        mean.max(0.0)
    } else {
        0.0
    };
    move |similarity| ((similarity - mean) / (1.0 - mean)) as f32
}

/// The part of a graph that the walk goes over, the images of its nodes, and the exponent of its weights.
fn part(graph: &Graph, nodes: Vec<usize>) -> Result<(Diffusion, Vec<i64>, f32), Error> {
    let matrix = match nodes.len() == graph.len() {
        true => Diffusion::of(graph),
        false => Diffusion::within(graph, &nodes),
    };
    let ids = nodes.into_iter().map(|node| graph.id(node)).collect();
    let gamma = graph.config().gamma;
    Ok((matrix.map_err(Error::of_index)?, ids, gamma))
}

/// What reaches each image, where it is more than nothing. `ids` are those of the nodes.
fn spread_from(
    seeds: &Numbers,
    ids: &[i64],
    matrix: &Diffusion,
    gamma: f32,
    config: &DiffusionConfig,
) -> Result<Numbers, Error> {
    let places: HashMap<i64, usize> = ids.iter().copied().zip(0..).collect();
    let start: Vec<(usize, f32)> = seeds
        .iter()
        .filter_map(|(id, similarity)| {
            Some((*places.get(id)?, similarity_weight(*similarity, gamma)))
        })
        .collect();
    let reached = matrix.spread(&start, config).map_err(Error::of_index)?;
    let pairs = ids.iter().copied().zip(reached);
    Ok(pairs.filter(|&(_, state)| state > 0.0).collect())
}

/// One list of what the walk reached and of the rest. The greatest score stays what it was, so that scores say how like the nearest
/// image is; those of the rest are squeezed below the least that the walk brought.
fn merged(answer: Answer, mut reached: Numbers, depth: usize, of: usize) -> Answer {
    reached.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let Some(&(_, most)) = reached.first() else {
        return answer;
    };
    let best = answer.found.first().map_or(0.0, |found| found.score);
    let scale = best / f64::from(most);
    let least = reached
        .last()
        .map_or(0.0, |&(_, state)| f64::from(state) * scale);
    let places: HashMap<i64, f32> = reached.iter().copied().collect();
    let of_walk = reached.into_iter().map(|(key, state)| Found {
        key,
        score: f64::from(state) * scale,
        caption: None,
    });
    let rest = answer
        .found
        .iter()
        .filter(|found| !places.contains_key(&found.key));
    let rest = rest.map(|found| Found {
        score: least * (0.5 + 0.5 * found.score).clamp(0.0, 1.0),
        ..*found
    });
    let found: Vec<Found> = of_walk.chain(rest).collect();
    let mut moments = vizsla_vectors::Moments::default();
    found
        .iter()
        .for_each(|found| moments.add(found.score as f32));
    moments.add_zeros(of.saturating_sub(found.len()));
    let mut answer = Answer {
        found,
        moments,
        floor: 0.0,
        ..answer
    };
    answer.found.truncate(depth);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Channel;

    #[test]
    fn what_the_walk_reaches_comes_first_and_the_rest_keeps_its_order() {
        let found = |key: i64, score: f64| Found {
            key,
            score,
            caption: None,
        };
        let answer = |found: Vec<Found>| Answer {
            channel: Channel::Global,
            found,
            moments: Default::default(),
            floor: 0.3,
        };
        let list = || vec![found(4, 0.8), found(2, 0.7), found(9, 0.6), found(7, -0.2)];
        let all = merged(
            answer(list()),
            vec![(9, 0.5), (4, 0.25), (3, 0.125)],
            10,
            100,
        );
        let keys: Vec<i64> = all.found.iter().map(|found| found.key).collect();
        assert_eq!(keys, [9, 4, 3, 2, 7]);
        assert_eq!((all.found[0].score, all.found[2].score), (0.8, 0.2));
        assert!(all.found.is_sorted_by(|a, b| a.score > b.score));
        assert_eq!((all.floor, all.moments.count()), (0.0, 100.0));
        assert_eq!(merged(answer(list()), vec![(9, 0.5)], 2, 9).found.len(), 2);
        assert_eq!(merged(answer(list()), vec![], 10, 9).found, list());
    }
}
