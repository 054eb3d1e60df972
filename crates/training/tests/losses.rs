//! Losses and their gradients against PyTorch (`reference/losses.py`).
#![allow(clippy::unwrap_used, clippy::panic)]

use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;
use vizsla_training::{
    Distance, Hinges, Pair, Relevance, Triplet, WarpChoice, average_precision_loss,
    caption_anchored_ranking, contrastive, hinges, image_anchored_ranking, info_nce,
    info_nce_labelled, softmax, triplet, visual_ranking, warp,
};

#[derive(Deserialize)]
struct Reference {
    rows: usize,
    length: usize,
    labels: Vec<usize>,
    groups: Vec<usize>,
    first: Vec<f32>,
    second: Vec<f32>,
    pairs: Vec<(usize, usize, bool)>,
    triplets: Vec<(usize, usize, usize)>,
    choices: Vec<(usize, usize, usize, f32)>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    value: f64,
    gradients: Vec<Vec<f64>>,
    #[serde(default)]
    margin: f64,
    #[serde(default)]
    temperature: f64,
    #[serde(default)]
    bins: usize,
    distance: Option<Distance>,
    of: Option<Hinges>,
}

impl Reference {
    fn loss(&self, case: &Case, x: Tensor<2>, y: Tensor<2>) -> Tensor<1> {
        let triplets: Vec<Triplet> = self
            .triplets
            .iter()
            .map(|&(anchor, positive, negative)| Triplet {
                anchor,
                positive,
                negative,
            })
            .collect();
        let pair = |&(first, second, relevant): &(usize, usize, bool)| Pair {
            first,
            second,
            relevant,
        };
        let choice =
            |&(query, positive, negative, weight): &(usize, usize, usize, f32)| WarpChoice {
                query,
                positive,
                negative,
                weight,
            };
        let pairs: Vec<Pair> = self.pairs.iter().map(pair).collect();
        let choices: Vec<WarpChoice> = self.choices.iter().map(choice).collect();
        let relevance = Relevance::from(self.labels.as_slice());
        let margin = case.margin;
        match case.name.as_str() {
            "softmax" => softmax(x * 3.0, &self.labels),
            "contrastive" => contrastive(x, &pairs, margin),
            "triplet" => triplet(x, &triplets, case.distance.unwrap(), margin),
            "average-precision" => average_precision_loss(x, &relevance, case.bins),
            "info-nce" => info_nce(x, y, &self.groups, case.temperature),
            "info-nce-labelled" => info_nce_labelled(x, &relevance, case.temperature),
            "hinges" => hinges(x, y, &self.groups, margin, case.of.unwrap()),
            "visual-ranking" => visual_ranking(x, &triplets, margin),
            "image-anchored-ranking" => image_anchored_ranking(x, y, &triplets, margin),
            "caption-anchored-ranking" => caption_anchored_ranking(x, y, &triplets, margin),
            "warp" => warp(x, y, &choices, margin),
            other => panic!("no loss {other}"),
        }
        .unwrap()
    }
}

/// Difference of two vectors relative to the length of the second.
fn relative(found: &[f32], expected: &[f64], scale: f64) -> f64 {
    let difference: f64 = found
        .iter()
        .zip(expected)
        .map(|(&f, e)| (f64::from(f) * scale - e).powi(2))
        .sum();
    let length: f64 = expected.iter().map(|e| e * e).sum();
    (difference / length.max(1e-300)).sqrt()
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let text = include_str!("reference/losses.json");
    let reference: Reference = serde_json::from_str(text).unwrap();
    let device = Device::flex().autodiff();
    let input = |data: &[f32]| {
        let data = TensorData::new(data.to_vec(), [reference.rows, reference.length]);
        Tensor::<2>::from_data(data, &device).require_grad()
    };
    for case in &reference.cases {
        let (x, y) = (input(&reference.first), input(&reference.second));
        let loss = reference.loss(case, x.clone(), y.clone());
        let gradients = loss.backward();
        let value = f64::from(loss.into_scalar::<f32>());
        let wrong = (value - case.value).abs() / case.value.abs();
        assert!(
            wrong < 1e-4,
            "{}: {value} and not {}",
            case.name,
            case.value
        );
        // The logits of the classifier are three times the input.
        let scale = if case.name == "softmax" {
            1.0 / 3.0
        } else {
            1.0
        };
        for (input, expected) in [x, y].iter().zip(&case.gradients) {
            let found = input.grad(&gradients).unwrap();
            let found = found.try_into_vec_as::<f32>().unwrap();
            let wrong = relative(&found, expected, scale);
            assert!(wrong < 1e-4, "gradient of {}: {wrong:e}", case.name);
        }
    }
    assert_eq!(reference.cases.len(), 16);
}
