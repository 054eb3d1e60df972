use super::kernel::{Kernel, mirror};
use super::{Isa, ScaleSpace, ScaleSpaceConfig};

fn noise(count: usize) -> Vec<u8> {
    let mut state = 3u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(next).collect()
}

/// The enlargement by two with bilinear interpolation: pixel `X` lies at `X / 2 - 1/4`.
fn enlarged(data: &[u8], width: usize) -> Vec<f64> {
    let height = data.len() / width;
    let side = |i: usize, len: usize| {
        let other = if i.is_multiple_of(2) {
            (i / 2).saturating_sub(1)
        } else {
            (i / 2 + 1).min(len - 1)
        };
        [(i / 2, 0.75), (other, 0.25)]
    };
    let value = |i: usize| {
        let (columns, rows) = (side(i % (2 * width), width), side(i / (2 * width), height));
        let terms = rows
            .iter()
            .flat_map(|r| columns.iter().map(move |c| (r, c)));
        terms
            .map(|(r, c)| r.1 * c.1 * f64::from(data[r.0 * width + c.0]))
            .sum()
    };
    (0..4 * data.len()).map(value).collect()
}

fn build(config: ScaleSpaceConfig, isa: Isa, data: &[u8], width: usize) -> ScaleSpace {
    let mut space = ScaleSpace::with_isa(config, isa);
    space.build(data, width, data.len() / width, |_, _, _| {});
    space
}

/// Both sums of the separable blur, straight from the definition.
fn blurred(source: &[f64], width: usize, kernel: &Kernel) -> Vec<f64> {
    let height = source.len() / width;
    let radius = kernel.radius() as isize;
    let weight = |d: isize| f64::from(kernel.half()[d.unsigned_abs()]);
    let mut out = vec![0.0; source.len()];
    for (i, value) in out.iter_mut().enumerate() {
        let (x, y) = ((i % width) as isize, (i / width) as isize);
        for dy in -radius..=radius {
            for dx in -radius..=radius {
                let from = mirror(y + dy, height) * width + mirror(x + dx, width);
                *value += weight(dx) * weight(dy) * source[from];
            }
        }
    }
    out
}

#[test]
fn planes_are_what_the_definition_says() {
    let (width, height) = (45, 22);
    let data = noise(width * height);
    let config = ScaleSpaceConfig {
        upsample: false,
        ..ScaleSpaceConfig::default()
    };
    let source: Vec<f64> = data.iter().map(|&v| f64::from(v)).collect();
    let base = Kernel::gaussian((1.6f32 * 1.6 - 0.25).sqrt(), config.truncate);
    let step = 2.0f32.powf(1.0 / 3.0);
    let next = Kernel::gaussian(1.6 * (step * step - 1.0).sqrt(), config.truncate);
    let first = blurred(&source, width, &base);
    let second = blurred(&first, width, &next);
    for isa in Isa::available() {
        let space = build(config, isa, &data, width);
        for (plane, expected) in space.octaves()[0].planes.iter().zip([&first, &second]) {
            for (&value, &wanted) in plane.data().iter().zip(expected) {
                assert!(
                    (f64::from(value) - wanted).abs() < 2e-3,
                    "{isa:?}: {value} {wanted}"
                );
            }
        }
    }
}

#[test]
fn planes_of_the_enlarged_octave_are_what_the_definition_says() {
    let (width, height) = (61, 60);
    let data = noise(width * height);
    let config = ScaleSpaceConfig::default();
    let step = 2.0f32.powf(1.0 / 3.0);
    let mut expected = vec![blurred(
        &enlarged(&data, width),
        2 * width,
        &Kernel::gaussian((1.6f32 * 1.6 - 1.0).sqrt(), config.truncate),
    )];
    for i in 0..3 {
        let missing = 1.6 * step.powi(i) * (step * step - 1.0).sqrt();
        let next = blurred(
            &expected[i as usize],
            2 * width,
            &Kernel::gaussian(missing, config.truncate),
        );
        expected.push(next);
    }
    for isa in Isa::available() {
        let space = build(config, isa, &data, width);
        for (i, (plane, wanted)) in space.octaves()[0]
            .planes
            .iter()
            .zip(&expected)
            .enumerate()
            .skip(1)
        {
            let mut worst = 0.0f64;
            // The two continue the picture differently.
            for y in 40..80 {
                for x in 40..82 {
                    worst =
                        worst.max((f64::from(plane.row(y)[x]) - wanted[y * 2 * width + x]).abs());
                }
            }
            println!("{isa:?} plane {i}: {worst}");
            assert!(worst < 0.05, "{isa:?} plane {i}: {worst}");
        }
    }
}

#[test]
fn all_instruction_sets_agree_with_the_scalar_twin() {
    for (width, height) in [(7, 9), (40, 33), (101, 23), (6, 300)] {
        let data = noise(width * height);
        let expected = build(ScaleSpaceConfig::default(), Isa::SCALAR, &data, width);
        for isa in Isa::available() {
            let space = build(ScaleSpaceConfig::default(), isa, &data, width);
            assert_eq!(space.octaves().len(), expected.octaves().len());
            for (a, b) in space.octaves().iter().zip(expected.octaves()) {
                for (plane, twin) in a.planes.iter().zip(&b.planes) {
                    assert_eq!(
                        (plane.width(), plane.height()),
                        (twin.width(), twin.height())
                    );
                    let far = plane
                        .data()
                        .iter()
                        .zip(twin.data())
                        .find(|(a, b)| (*a - *b).abs() > 2e-3);
                    assert_eq!(far, None, "{isa:?} {width} × {height}");
                }
            }
        }
    }
}

#[test]
fn every_row_is_announced_once_and_in_order() {
    let data = noise(33 * 20);
    let mut seen = Vec::new();
    let mut space = ScaleSpace::new(ScaleSpaceConfig::default());
    space.build(&data, 33, 20, |octave, y, planes| {
        assert_eq!(planes.len(), 6);
        seen.push((octave, y));
    });
    let expected: Vec<(usize, usize)> = (0..40)
        .map(|y| (0, y))
        .chain((0..20).map(|y| (1, y)))
        .collect();
    assert_eq!(seen, expected);
    assert_eq!(space.placement(0), (-0.25, 0.5));
    assert_eq!(space.placement(1), (-0.25, 1.0));
}

#[test]
fn images_that_are_too_small_or_of_another_length_have_no_octaves() {
    let mut space = ScaleSpace::new(ScaleSpaceConfig::default());
    for (length, width, height) in [
        (0, 0, 0),
        (1, 1, 1),
        (25, 5, 5),
        (500, 1, 500),
        (99, 10, 10),
    ] {
        space.build(&vec![0; length], width, height, |_, _, _| {});
        assert!(space.octaves().is_empty());
    }
}

#[test]
fn borders_are_mirrored_without_repeating_the_last_pixel() {
    let row: Vec<usize> = (-4..8).map(|i| mirror(i, 4)).collect();
    assert_eq!(row, [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
    assert_eq!(mirror(-7, 1), 0);
}
