use super::*;

/// A picture of blobs and bars from a seed; `colour` shifts its colours.
fn drawn(seed: usize, width: usize, height: usize, colour: [i32; 3]) -> Rgb {
    let pixel = |at: usize| {
        let (x, y) = ((at % width) as f32, (at / width) as f32);
        let wave = |k: usize, s: f32| {
            let phase = (seed * 7 + k) as f32;
            (x * s * (1.0 + (phase * 0.7).sin() * 0.5) + phase).sin()
                * (y * s * (1.0 + (phase * 1.3).cos() * 0.5) - phase).cos()
        };
        let value = 128.0 + 60.0 * wave(1, 0.11) + 40.0 * wave(2, 0.23);
        colour.map(|shift| (value as i32 + shift).clamp(0, 255) as u8)
    };
    Rgb::new(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
}

fn source(picture: &Rgb) -> GroundSource {
    let size = (picture.width() as f64, picture.height() as f64);
    GroundSource::new(picture.clone(), size).unwrap()
}

fn compared(from: &Rgb, to: &Rgb, transform: &Transform) -> Option<Ground> {
    let size = (to.width() as f64, to.height() as f64);
    let all = [0.0, 0.0, size.0, size.1];
    compare_ground(
        &source(from),
        &to.fit_within(96).unwrap(),
        size,
        transform,
        all,
    )
}

#[test]
fn a_picture_agrees_with_itself_everywhere() {
    let picture = drawn(1, 320, 240, [0, 30, -30]);
    let ground = compared(&picture, &picture, &Transform::IDENTITY).unwrap();
    assert_eq!(ground.cells.len(), 12 * 9);
    assert!(
        ground.agreeing > 0.999 && ground.differing < 1e-6,
        "{ground:?}"
    );
    assert!(ground.correlation > 0.98, "{}", ground.correlation);
    assert_eq!((ground.conflicting, ground.drift), (0.0, 0.0));
    assert!(ground.colour.unwrap() < 1.0);
}

#[test]
fn another_picture_agrees_nowhere() {
    let (a, b) = (drawn(1, 320, 240, [0; 3]), drawn(5, 320, 240, [0; 3]));
    let ground = compared(&a, &b, &Transform::IDENTITY).unwrap();
    assert!(
        ground.agreeing < 0.3 && ground.differing > 0.4,
        "{} {}",
        ground.agreeing,
        ground.differing
    );
}

#[test]
fn light_and_contrast_do_not_matter() {
    let picture = drawn(2, 320, 240, [0, 40, -40]);
    let mut dark = picture.clone();
    dark.data_mut()
        .iter_mut()
        .for_each(|value| *value = (f32::from(*value) * 0.5 + 20.0) as u8);
    let ground = compared(&dark, &picture, &Transform::IDENTITY).unwrap();
    assert!(ground.agreeing > 0.99, "{}", ground.agreeing);
}

#[test]
fn half_of_another_picture_is_half_of_the_ground() {
    let (a, b) = (drawn(1, 320, 240, [0; 3]), drawn(5, 320, 240, [0; 3]));
    let mut mixed = a.clone();
    for y in 0..240 {
        let row = 3 * 320 * y;
        mixed.data_mut()[row + 480..row + 960].copy_from_slice(&b.data()[row + 480..row + 960]);
    }
    let size = (320.0, 240.0);
    let little = a.fit_within(96).unwrap();
    let left = [0.0, 0.0, 150.0, 240.0];
    let ground =
        compare_ground(&source(&mixed), &little, size, &Transform::IDENTITY, left).unwrap();
    assert!(
        (0.4..0.62).contains(&ground.agreeing),
        "{}",
        ground.agreeing
    );
    assert!(
        (0.3..0.65).contains(&ground.conflicting),
        "{}",
        ground.conflicting
    );
    assert!(ground.inside > 0.95, "{}", ground.inside);
    assert!(
        ground
            .cells
            .iter()
            .any(|cell| cell.inside && cell.verdict == CellVerdict::Agrees)
    );
}

#[test]
fn what_is_bent_is_followed_from_cell_to_cell() {
    // Columns shift by up to 40 pixels of the picture, 12 of the little one.
    let picture = drawn(3, 320, 240, [0; 3]);
    let mut bent = picture.clone();
    for y in 0..240 {
        for x in 0..320 {
            let from = (x as f32 - 40.0 * (x as f32 / 320.0).powi(2)).clamp(0.0, 319.0) as usize;
            let pixel = picture.pixel(from, y);
            bent.data_mut()[3 * (y * 320 + x)..][..3].copy_from_slice(&pixel);
        }
    }
    let ground = compared(&bent, &picture, &Transform::IDENTITY).unwrap();
    assert!(
        ground.agreeing > 0.8 && ground.drift > 1.0,
        "{} {}",
        ground.agreeing,
        ground.drift
    );
}

#[test]
fn other_colours_are_told_and_grey_tells_nothing() {
    let (red, blue) = (
        drawn(4, 320, 240, [80, 0, -80]),
        drawn(4, 320, 240, [80, 0, -80]),
    );
    let mut half = blue.clone();
    for y in 0..240 {
        for x in 160..320 {
            let at = 3 * (y * 320 + x);
            half.data_mut().swap(at, at + 2);
        }
    }
    let same = compared(&red, &blue, &Transform::IDENTITY).unwrap();
    let other = compared(&half, &red, &Transform::IDENTITY).unwrap();
    assert!(
        same.colour.unwrap() < 1.0 && other.colour.unwrap() > 15.0,
        "{:?}",
        other.colour
    );
    let grey = red.to_gray().to_rgb();
    let ground = compared(&grey, &red, &Transform::IDENTITY).unwrap();
    assert!(ground.colour.is_none() && ground.agreeing > 0.9);
}

#[test]
fn paper_is_of_one_light_tone_in_both_pictures() {
    let mut page = Rgb::filled(320, 240, [244; 3]).unwrap();
    for line in (10..230).step_by(12) {
        for x in (20..300).filter(|x| x % 7 < 4) {
            let at = 3 * (line * 320 + x);
            page.data_mut()[at..at + 3].fill(20);
        }
    }
    let paper = |a: &Rgb, b: &Rgb| compared(a, b, &Transform::IDENTITY).unwrap().paper;
    assert!(paper(&page, &page) > 0.6, "{}", paper(&page, &page));
    // Every tone, from left to right.
    let mut photograph = drawn(4, 320, 240, [0; 3]);
    for (at, value) in photograph.data_mut().iter_mut().enumerate() {
        *value = (at / 3 % 320 * 255 / 320) as u8 / 2 + *value / 2;
    }
    assert!(paper(&photograph, &photograph) < 0.35);
    assert!(paper(&page, &photograph) < 0.35);
    // Light letters on a dark board.
    page.data_mut()
        .iter_mut()
        .for_each(|value| *value = 255 - *value);
    assert_eq!(paper(&page, &page), 0.0);
}

#[test]
fn what_cannot_be_compared_is_nothing() {
    let picture = drawn(1, 320, 240, [0; 3]);
    let flat = Rgb::filled(320, 240, [9; 3]).unwrap();
    let ground = compared(&flat, &flat, &Transform::IDENTITY).unwrap();
    assert_eq!((ground.agreeing, ground.differing), (0.0, 0.0));
    assert!(
        ground
            .cells
            .iter()
            .all(|cell| cell.verdict == CellVerdict::Silent)
    );
    let nan = Transform([[f64::NAN; 3]; 3]);
    let away = Transform::similarity(1.0, 0.0, 5000.0, 0.0);
    let singular = Transform([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
    for transform in [nan, away, singular] {
        assert!(compared(&picture, &picture, &transform).is_none());
    }
    let strip = drawn(1, 1000, 3, [0; 3]);
    assert!(compared(&strip, &strip, &Transform::IDENTITY).is_none());
    let dot = Rgb::filled(1, 1, [0; 3]).unwrap();
    assert!(compared(&dot, &dot, &Transform::IDENTITY).is_none());
    assert!(compared(&picture, &dot, &Transform::IDENTITY).is_none());
    assert!(compared(&dot, &picture, &Transform::IDENTITY).is_none());
}
