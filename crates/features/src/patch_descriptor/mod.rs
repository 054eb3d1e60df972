//! Descriptors of square patches that were already cut out, made round and turned: SURF, LBP, CS-LBP, BRIEF, and their pooling over
//! scales.
//!
//! Each takes grey values, `[0, 1]`, row by row, `side * side` of them, and gives 128 bytes whose Euclidean distance tells how much
//! two patches differ; how its numbers become bytes is said with each. A patch of another length, of a side for
//! which the method is too coarse, or without texture gives 128 zeros, as SIFT does.

pub(crate) mod brief;
mod cells;
pub(crate) mod cs_lbp;
pub(crate) mod direction;
pub(crate) mod lbp;
mod of_kind;
pub(crate) mod pooling;
mod ring;
pub(crate) mod surf;

/// Whether a patch has as many values as its side says, and at least `least` in a row.
fn is_patch(patch: &[f32], side: usize, least: usize) -> bool {
    side >= least && side.checked_mul(side) == Some(patch.len())
}

fn is_flat(patch: &[f32]) -> bool {
    patch.windows(2).all(|pair| pair[0] == pair[1])
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::keypoint::Descriptor;

    /// A patch without symmetries: waves, an edge and noise of a seed; the same formula as in `tests/reference/patches.py`.
    pub(crate) fn patch(side: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..side * side)
            .map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (x, y) = ((i % side) as i64, (i / side) as i64);
                let phase = i64::from(seed % 97);
                // Triangle waves of whole numbers, so that every machine draws the same.
                let wave = |p: i64| ((p + phase).rem_euclid(40) - 20).abs();
                let edge = if 3 * x + phase > 2 * y + 40 { 60 } else { 0 };
                let value = 4 * wave(3 * x + y) + 3 * wave(2 * y - x) + edge;
                (value + i64::from(state >> 27)) as f32 / 255.0
            })
            .collect()
    }

    /// What the float64 program of SURF gives for such patches.
    pub(crate) fn surf_references() -> Vec<serde_json::Value> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
        let text = fs_err::read_to_string(folder.join("surf_patches.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) fn distance(a: &Descriptor, b: &Descriptor) -> f32 {
        let square = |(&x, &y): (&u8, &u8)| (f32::from(x) - f32::from(y)).powi(2);
        a.iter().zip(b).map(square).sum::<f32>().sqrt()
    }

    /// What every descriptor must stand.
    pub(crate) fn stands_everything(describe: impl Fn(&[f32], usize) -> Descriptor) {
        for side in 0..50 {
            for value in [0.0, 0.3, 1.0] {
                assert_eq!(
                    describe(&vec![value; side * side], side),
                    [0; 128],
                    "{side}"
                );
            }
            for value in [f32::NAN, f32::INFINITY, -1e30, 1e-30] {
                let mut strange = patch(side, 1);
                strange.iter_mut().step_by(7).for_each(|v| *v = value);
                describe(&strange, side);
            }
            describe(&patch(side, 1), side);
        }
        assert_eq!(describe(&patch(41, 1)[1..], 41), [0; 128]);
        assert_eq!(describe(&[], usize::MAX), [0; 128]);
        assert_ne!(describe(&patch(41, 1), 41), [0; 128]);
    }

    /// A little noise changes less than another patch does, and brightness changes nothing much.
    pub(crate) fn tells_patches_apart(describe: impl Fn(&[f32], usize) -> Descriptor) {
        for seed in 1..6 {
            let own = patch(41, seed);
            let darker: Vec<f32> = own.iter().map(|v| 0.6 * v + 0.05).collect();
            let noisy = own.iter().enumerate();
            let noisy: Vec<f32> = noisy
                .map(|(i, v)| v + 0.01 * ((i * 7 % 5) as f32 - 2.0))
                .collect();
            let of = |patch: &[f32]| describe(patch, 41);
            let other = distance(&of(&own), &of(&patch(41, seed + 20)));
            let (dark, noise) = (
                distance(&of(&own), &of(&darker)),
                distance(&of(&own), &of(&noisy)),
            );
            assert!(dark < 0.5 * other, "seed {seed}: darker {dark} of {other}");
            assert!(noise < 0.8 * other, "seed {seed}: noise {noise} of {other}");
        }
    }
}
