//! Spaces of colour, each component scaled to `[0, 1]`.

use std::f32::consts::TAU;
use std::sync::LazyLock;

/// White of the standard illuminant D65 in XYZ; `Y` is 1.
const WHITE: [f32; 3] = [0.950_456, 1.0, 1.088_754];
/// sRGB's primaries in XYZ (ITU-R BT.709), a row for each of X, Y, Z.
const XYZ: [[f32; 3]; 3] = [
    [0.412_453, 0.357_580, 0.180_423],
    [0.212_671, 0.715_160, 0.072_169],
    [0.019_334, 0.119_193, 0.950_227],
];
/// The same as shares of the white.
const RELATIVE: [[f32; 3]; 3] = {
    let mut rows = XYZ;
    let mut i = 0;
    while i < 9 {
        rows[i / 3][i % 3] /= WHITE[i / 3];
        i += 1;
    }
    rows
};
/// Smallest value and extent of a* and b* of the colours of sRGB.
const A_RANGE: (f32, f32) = (-87.0, 186.0);
const B_RANGE: (f32, f32) = (-108.0, 203.0);

/// Linear light of the 256 values of sRGB.
static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|value| {
        let v = value as f64 / 255.0;
        let linear = if v <= 0.040_45 {
            v / 12.92
        } else {
            ((v + 0.055) / 1.055).powf(2.4)
        };
        linear as f32
    })
});

const STEPS: usize = 4096;

static COMPRESSED: LazyLock<[f32; STEPS + 1]> = LazyLock::new(|| {
    std::array::from_fn(|step| {
        let t = step as f64 / STEPS as f64;
        let value = if t > 0.008_856 {
            t.cbrt()
        } else {
            7.787 * t + 16.0 / 116.0
        };
        value as f32
    })
});

/// What the three components of a colour are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ColourSpace {
    /// Red, green, blue as they are stored.
    Rgb,
    /// Hue (a turn is 1), saturation, value.
    Hsv,
    /// CIE L*a*b* under D65: lightness / 100, and a*, b* over the ranges they have in sRGB.
    Lab,
}

impl ColourSpace {
    pub const ALL: [ColourSpace; 3] = [ColourSpace::Rgb, ColourSpace::Hsv, ColourSpace::Lab];

    pub fn name(self) -> &'static str {
        match self {
            ColourSpace::Rgb => "rgb",
            ColourSpace::Hsv => "hsv",
            ColourSpace::Lab => "lab",
        }
    }

    /// The space of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|space| space.name() == name)
    }

    /// The components of a colour, each in `[0, 1]`; hue below 1.
    #[inline]
    pub fn unit(self, pixel: [u8; 3]) -> [f32; 3] {
        match self {
            ColourSpace::Rgb => pixel.map(|value| f32::from(value) / 255.0),
            ColourSpace::Hsv => hsv(pixel),
            ColourSpace::Lab => {
                let [l, a, b] = lab(pixel);
                [
                    l / 100.0,
                    (a - A_RANGE.0) / A_RANGE.1,
                    (b - B_RANGE.0) / B_RANGE.1,
                ]
            }
        }
    }

    /// Where a colour of such components lies in a space whose Euclidean distances mean something: the cube of RGB,
    /// the cone of HSV (black is one point, hues are a circle), L*a*b* itself (in hundreds).
    pub fn place(self, unit: [f32; 3]) -> [f32; 3] {
        let [x, y, z] = unit;
        match self {
            ColourSpace::Rgb => unit,
            ColourSpace::Hsv => {
                let (sin, cos) = (x * TAU).sin_cos();
                [z * y * cos, z * y * sin, z]
            }
            ColourSpace::Lab => [
                x,
                (y * A_RANGE.1 + A_RANGE.0) / 100.0,
                (z * B_RANGE.1 + B_RANGE.0) / 100.0,
            ],
        }
    }

    /// Whether the ends of a component meet.
    pub fn is_circular(self, component: usize) -> bool {
        self == ColourSpace::Hsv && component == 0
    }
}

/// Hue in turns, saturation, value (Smith 1978), as OpenCV's `RGB2HSV` of floats.
fn hsv(pixel: [u8; 3]) -> [f32; 3] {
    let [r, g, b] = pixel.map(i32::from);
    let value = r.max(g).max(b);
    let spread = value - r.min(g).min(b);
    if spread == 0 {
        return [0.0, 0.0, value as f32 / 255.0];
    }
    let (difference, sector) = if value == r {
        (g - b, if g < b { 6.0 } else { 0.0 })
    } else if value == g {
        (b - r, 2.0)
    } else {
        (r - g, 4.0)
    };
    let hue = (difference as f32 / spread as f32 + sector) / 6.0;
    [hue, spread as f32 / value as f32, value as f32 / 255.0]
}

/// L*, a*, b*, as OpenCV's `RGB2Lab` of floats.
pub(crate) fn lab(pixel: [u8; 3]) -> [f32; 3] {
    let table = &*LINEAR;
    let [r, g, b] = pixel.map(|value| table[usize::from(value)]);
    let [x, luminance, z] = RELATIVE.map(|row| row[0] * r + row[1] * g + row[2] * b);
    let roots = &*COMPRESSED;
    let f = [x, luminance, z].map(|t| compressed(roots, t));
    let lightness = if luminance > 0.008_856 {
        116.0 * f[1] - 16.0
    } else {
        903.3 * luminance
    };
    [lightness, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])]
}

/// What L*a*b* is made of: the cube root of `t` in `[0, 1]`, near 0 a line. From a table, within 10⁻⁵ of it; roots
/// themselves took most of the time of a histogram.
#[inline]
fn compressed(table: &[f32; STEPS + 1], t: f32) -> f32 {
    let place = t.clamp(0.0, 1.0) * STEPS as f32;
    let step = (place as i32 as usize).min(STEPS - 1);
    let (here, next) = (table[step], table[step + 1]);
    here + (place - step as f32) * (next - here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cube_roots() {
        for step in 0..20_000 {
            let t = step as f32 / 20_000.0;
            let exact = if t > 0.008_856 {
                t.cbrt()
            } else {
                7.787 * t + 16.0 / 116.0
            };
            assert!((compressed(&COMPRESSED, t) - exact).abs() < 1e-5, "{t}");
        }
        assert_eq!([1.0, 1.1].map(|t| compressed(&COMPRESSED, t)), [1.0, 1.0]);
    }

    #[test]
    fn all_colours_are_within_the_unit_cube() {
        for space in ColourSpace::ALL {
            assert_eq!(ColourSpace::of_name(space.name()), Some(space));
            for code in 0..32u32.pow(3) {
                let part = |shift: u32| ((code >> shift) % 32 * 255 / 31) as u8;
                let unit = space.unit([part(0), part(5), part(10)]);
                let inside = unit.iter().all(|v| (-1e-6..=1.000_001).contains(v));
                assert!(inside, "{space:?} {unit:?}");
            }
        }
    }
}
