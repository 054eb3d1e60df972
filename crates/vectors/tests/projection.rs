//! PCA and whitening are those of NumPy, see `reference/projection.py`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;
use vizsla_vectors::{Error, Projection, ProjectionKind};

struct Reference(Value);

impl Reference {
    fn read() -> Self {
        Self(serde_json::from_str(include_str!("reference/projection.json")).unwrap())
    }

    fn dimension(&self) -> usize {
        self.0["dimension"].as_u64().unwrap() as usize
    }

    fn samples(&self) -> Vec<f32> {
        floats(&self.0["samples"])
    }

    fn pairs(&self) -> Vec<(u32, u32)> {
        serde_json::from_value(self.0["pairs"].clone()).unwrap()
    }

    fn check(&self, case: &str, projection: &Projection, samples: &[f32]) {
        let case = &self.0["cases"][case];
        close(projection.mean(), &floats(&case["mean"]));
        let rows: Vec<f32> = projection.rows().flatten().copied().collect();
        close(&rows, &floats(&case["rows"]));
        let applied: Vec<f32> = samples
            .chunks_exact(self.dimension())
            .flat_map(|sample| projection.apply(sample))
            .collect();
        close(&applied, &floats(&case["applied"]));
    }
}

fn floats(value: &Value) -> Vec<f32> {
    match value {
        Value::Array(values) => values.iter().flat_map(floats).collect(),
        number => vec![number.as_f64().unwrap() as f32],
    }
}

fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1f32, |most, x| most.max(x.abs()));
    for (x, y) in found.iter().zip(expected) {
        assert!((x - y).abs() < 3e-5 * scale, "{x} {y}");
    }
}

#[test]
fn principal_components_are_those_of_numpy() {
    let reference = Reference::read();
    let (samples, d) = (reference.samples(), reference.dimension());
    let plain = Projection::pca(&samples, d, 4, false).unwrap();
    reference.check("pca", &plain, &samples);
    let white = Projection::pca(&samples, d, 4, true).unwrap();
    reference.check("pca_whitened", &white, &samples);
    assert_eq!(
        (plain.kind(), white.kind()),
        (ProjectionKind::Pca, ProjectionKind::PcaWhitened)
    );
    let few = &samples[..4 * d];
    reference.check("few", &Projection::pca(few, d, 3, true).unwrap(), few);
    assert_eq!(Projection::pca(few, d, 0, true).unwrap().output(), 3);
}

#[test]
fn learned_whitening_is_that_of_numpy() {
    let reference = Reference::read();
    let (samples, d) = (reference.samples(), reference.dimension());
    let learned = Projection::learned(&samples, d, &reference.pairs(), 4).unwrap();
    reference.check("learned", &learned, &samples);
    let all = Projection::learned(&samples, d, &reference.pairs(), 0).unwrap();
    assert_eq!(all.truncated(4), learned);
    assert_eq!(all.truncated(4).id(), learned.id());
}

#[test]
fn pairs_that_do_not_span_the_space_are_helped() {
    let reference = Reference::read();
    let (samples, d) = (reference.samples(), reference.dimension());
    let learned = Projection::learned(&samples, d, &reference.pairs()[..3], 0).unwrap();
    assert!(learned.apply(&samples[..d]).iter().all(|x| x.is_finite()));
    let same = Projection::learned(&samples, d, &[(0, 0), (1, 1)], 0);
    assert!(matches!(same, Err(Error::TooFew { .. })));
}

#[test]
fn the_transposed_matrix_turns_inner_products_around() {
    let reference = Reference::read();
    let (samples, d) = (reference.samples(), reference.dimension());
    let projection = Projection::pca(&samples, d, 4, true).unwrap();
    let (x, y) = (&samples[..d], [0.3, -0.2, 0.9, 0.1]);
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    let centred: Vec<f32> = x
        .iter()
        .zip(projection.mean())
        .map(|(x, m)| x - m)
        .collect();
    let one = dot(&projection.apply(x), &y);
    let other = dot(&centred, &projection.apply_transposed(&y));
    assert!((one - other).abs() < 1e-4 * one.abs().max(1.0));
}

#[test]
fn files_come_back_and_damage_is_told() {
    let reference = Reference::read();
    let projection = Projection::pca(&reference.samples(), reference.dimension(), 2, true).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.vzpj");
    projection.save(&path).unwrap();
    assert_eq!(Projection::open(&path).unwrap(), projection);
    let bytes = projection.to_bytes();
    assert_eq!(
        Projection::from_bytes(&bytes).unwrap().id(),
        projection.id()
    );
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x41;
        assert!(Projection::from_bytes(&changed).is_err(), "{at}");
        assert!(Projection::from_bytes(&bytes[..at]).is_err(), "{at}");
    }
}

#[test]
fn samples_that_cannot_be_used_are_refused() {
    let pca = |samples: &[f32], d, keep| Projection::pca(samples, d, keep, true);
    assert!(matches!(pca(&[], 2, 1), Err(Error::Shape { .. })));
    assert!(matches!(pca(&[1.0; 5], 2, 1), Err(Error::Shape { .. })));
    assert!(matches!(pca(&[1.0; 2], 2, 1), Err(Error::TooFew { .. })));
    assert!(matches!(pca(&[1.0; 6], 2, 1), Err(Error::TooFew { .. })));
    assert!(matches!(
        pca(&[1.0; 6], 2, 3),
        Err(Error::OutOfRange { .. })
    ));
    assert!(matches!(
        pca(&[1.0; 6], 0, 0),
        Err(Error::OutOfRange { .. })
    ));
    let nan = pca(&[1.0, 2.0, f32::NAN, 0.0], 2, 1);
    assert!(matches!(nan, Err(Error::NotFinite { row: 1 })));
    let unknown = Projection::learned(&[1.0, 2.0, 3.0, 4.0], 2, &[(0, 2)], 1);
    assert!(matches!(
        unknown,
        Err(Error::UnknownRow { row: 2, rows: 2 })
    ));
}
