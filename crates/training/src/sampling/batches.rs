//! The batches of an epoch.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::Error;
use crate::relevance::Relevance;

/// All of `0..count` in random order, `size` at a time; a last batch of one is joined to the one before.
///
/// # Errors
/// [`Error::Setting`] for a size of zero.
pub fn shuffled_batches(
    count: usize,
    size: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Vec<usize>>, Error> {
    if size == 0 {
        return Err(Error::setting("the batch", size, "it has at least 1 image"));
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(rng);
    let mut batches: Vec<Vec<usize>> = order.chunks(size).map(<[usize]>::to_vec).collect();
    if batches.len() > 1 && batches.last().is_some_and(|last| last.len() == 1) {
        let lone = batches.pop().unwrap_or_default();
        if let Some(last) = batches.last_mut() {
            last.extend(lone);
        }
    }
    Ok(batches)
}

/// Batches of `classes` different classes with `images` different images of each (fewer where a class
/// has fewer), so many that the epoch shows as many images as there are. Classes take turns whatever their
/// size; images without a positive are left out. Where pairs were named, the images of a class are one
/// with its partners, then another with its own, until there are enough.
///
/// # Errors
/// [`Error::Setting`] for fewer than 2 classes or images a class, [`Error::Shape`] when fewer than two
/// classes have two images that belong together.
pub fn class_batches(
    relevance: &Relevance,
    classes: usize,
    images: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Vec<usize>>, Error> {
    for (name, value) in [("classes", classes), ("images", images)] {
        if value < 2 {
            return Err(Error::setting(
                format!("sampling.{name}"),
                value,
                "it is at least 2",
            ));
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (image, &label) in relevance.labels().iter().enumerate() {
        if relevance.partners(image).is_none_or(|all| !all.is_empty()) {
            members.entry(label).or_default().push(image);
        }
    }
    members.retain(|_, of_class| of_class.len() > 1);
    if members.len() < 2 {
        return Err(Error::shape(format!(
            "{} classes with two images or more; a ranking is learned from at least 2",
            members.len()
        )));
    }
    let count: usize = members.values().map(Vec::len).sum();
    let classes = classes.min(members.len());
    let batches = count.div_ceil(classes * images);
    let mut queues: Vec<Queue> = members.into_values().map(Queue::new).collect();
    let mut turns = Queue::new((0..queues.len()).collect());
    let batch = |_| {
        let chosen = turns.next(classes, rng);
        let of_class = |class: usize| together(&mut queues[class], relevance, images, rng);
        chosen.into_iter().flat_map(of_class).collect()
    };
    Ok((0..batches).map(batch).collect())
}

/// `count` different images of a class, so chosen that they have positives among them.
fn together(
    queue: &mut Queue,
    relevance: &Relevance,
    count: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<usize> {
    if !relevance.has_pairs() {
        return queue.next(count, rng);
    }
    let mut taken = Vec::with_capacity(count);
    // Each turn takes one image at least; an image that came before as a partner is one of its turns.
    for _ in 0..count {
        let Some(&image) = queue.next(1, rng).first() else {
            break;
        };
        if !taken.contains(&image) {
            let mut partners = relevance.partners(image).unwrap_or_default().to_vec();
            partners.retain(|partner| !taken.contains(partner));
            partners.shuffle(rng);
            taken.push(image);
            taken.extend(partners);
        }
        if taken.len() >= count {
            break;
        }
    }
    taken.truncate(count);
    taken
}

/// Hands out its values in random order, all of them before any again.
struct Queue {
    values: Vec<usize>,
    waiting: Vec<usize>,
}

impl Queue {
    fn new(values: Vec<usize>) -> Queue {
        Queue {
            values,
            waiting: Vec::new(),
        }
    }

    /// `count` different values, or all of them if there are not so many.
    fn next(&mut self, count: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let count = count.min(self.values.len());
        let mut taken: Vec<usize> = Vec::with_capacity(count);
        while taken.len() < count {
            if self.waiting.is_empty() {
                self.waiting = self.values.clone();
                self.waiting.shuffle(rng);
            }
            // A value that was taken just before the queue was filled again waits for the next time.
            let fresh = self
                .waiting
                .iter()
                .rposition(|value| !taken.contains(value));
            match fresh {
                Some(place) => taken.push(self.waiting.remove(place)),
                None => self.waiting.clear(),
            }
        }
        taken
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn batches_are_balanced_and_repeat_with_their_seed() {
        let labels: Vec<usize> = (0..100).map(|i| if i < 70 { 0 } else { i % 5 }).collect();
        let draw = |seed| {
            class_batches(
                &labels.as_slice().into(),
                3,
                4,
                &mut ChaCha8Rng::seed_from_u64(seed),
            )
        };
        let batches = draw(1).unwrap();
        assert_eq!(batches, draw(1).unwrap());
        assert_ne!(batches, draw(2).unwrap());
        assert_eq!(batches.len(), 9);
        for batch in &batches {
            assert_eq!(batch.iter().collect::<BTreeSet<_>>().len(), 12);
            let classes: BTreeSet<usize> = batch.iter().map(|&image| labels[image]).collect();
            assert_eq!(classes.len(), 3);
        }
        let seen: BTreeSet<usize> = batches.concat().into_iter().collect();
        assert!((70..100).all(|image| labels[image] == 0 || seen.contains(&image)));
    }

    #[test]
    fn what_cannot_be_ranked_is_refused() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        assert!(class_batches(&vec![0, 0, 1, 2].into(), 2, 2, &mut rng).is_err());
        assert!(class_batches(&vec![0, 0, 1, 1].into(), 1, 2, &mut rng).is_err());
        let batches = class_batches(&vec![0, 0, 1, 1, 2].into(), 8, 8, &mut rng).unwrap();
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].len(), 4);
    }

    #[test]
    fn images_of_a_chain_come_with_their_partners() {
        // Twenty images in a chain, and four pairs.
        let labels: Vec<usize> = (0..28).map(|i: usize| i.saturating_sub(18) / 2).collect();
        let chain = (0..19).map(|i| [i, i + 1]);
        let apart = (10..14).map(|i| [2 * i, 2 * i + 1]);
        let pairs: Vec<[usize; 2]> = chain.chain(apart).collect();
        let relevance = Relevance::with_pairs(labels, &pairs).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let batches = class_batches(&relevance, 3, 4, &mut rng).unwrap();
        for batch in &batches {
            assert_eq!(batch.iter().collect::<BTreeSet<_>>().len(), batch.len());
            let among = relevance.select(batch);
            let paired = (0..batch.len()).filter(|&row| among.has_positive(row));
            // The last one taken of the chain may be cut off from its partners.
            assert!(paired.count() + 1 >= batch.len());
        }
    }

    #[test]
    fn every_image_is_in_one_batch() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let batches = shuffled_batches(9, 4, &mut rng).unwrap();
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [4, 5]);
        let all: BTreeSet<usize> = batches.concat().into_iter().collect();
        assert_eq!(all.len(), 9);
        assert!(shuffled_batches(9, 0, &mut rng).is_err());
    }
}
