//! What the colours of a map mean.
//!
//! Colours stand evenly around the hue circle of OKLCH (Ottosson 2020), every other one lighter, so that neighbours
//! differ in two ways and none is lost on a white or a black page.

use std::collections::BTreeMap;

use serde::Serialize;
use vizsla_pixels::Color;

use super::MapItem;

/// Labels with a colour of their own; more cannot be told apart.
const MOST: usize = 20;
/// Of the rest, and of what has no label.
const GREY: Color = [0x8c, 0x8c, 0x90];

/// One line of the legend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegendEntry {
    /// The label.
    pub name: String,
    /// How many pictures have it.
    pub count: usize,
    /// Red, green, blue.
    pub color: Color,
}

/// Which label has which colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Legend {
    /// Labels by falling count, then name; after them "other labels" and "no label" where there are such pictures.
    pub entries: Vec<LegendEntry>,
    /// The entry of each picture.
    pub of_item: Vec<usize>,
}

impl Legend {
    /// The legend of these pictures. The 20 labels that most of them have get a colour, the others are grey together.
    pub fn of(items: &[MapItem]) -> Self {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for label in items.iter().filter_map(|item| item.label.as_deref()) {
            *counts.entry(label).or_default() += 1;
        }
        let mut names: Vec<(&str, usize)> = counts.into_iter().collect();
        names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let coloured = names.len().min(MOST);
        let mut entries: Vec<LegendEntry> = names[..coloured]
            .iter()
            .enumerate()
            .map(|(i, (name, count))| LegendEntry {
                name: (*name).to_owned(),
                count: *count,
                color: hue(i, coloured),
            })
            .collect();
        let entry_of: BTreeMap<&str, usize> =
            names[..coloured].iter().map(|n| n.0).zip(0..).collect();
        let other = grey(
            &mut entries,
            "other labels",
            names[coloured..].iter().map(|n| n.1).sum(),
        );
        let unlabelled = items.iter().filter(|item| item.label.is_none()).count();
        let none = grey(&mut entries, "no label", unlabelled);
        let of_item = items
            .iter()
            .map(|item| match &item.label {
                Some(label) => entry_of.get(label.as_str()).copied().unwrap_or(other),
                None => none,
            })
            .collect();
        Self { entries, of_item }
    }
}

/// Adds a grey entry when anything falls under it; its place either way.
fn grey(entries: &mut Vec<LegendEntry>, name: &str, count: usize) -> usize {
    let place = entries.len();
    if count > 0 {
        entries.push(LegendEntry {
            name: name.to_owned(),
            count,
            color: GREY,
        });
    }
    place
}

/// The `i`-th of `n` colours.
fn hue(i: usize, n: usize) -> Color {
    let angle = (25.0 + 360.0 * i as f32 / n.max(1) as f32).to_radians();
    let (lightness, chroma) = if i.is_multiple_of(2) {
        (0.62, 0.17)
    } else {
        (0.75, 0.14)
    };
    from_oklab(lightness, chroma * angle.cos(), chroma * angle.sin())
}

fn from_oklab(lightness: f32, a: f32, b: f32) -> Color {
    let l = (lightness + 0.396_337_8 * a + 0.215_803_76 * b).powi(3);
    let m = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let s = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    [
        4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
        -1.268_438 * l + 2.609_757_4 * m - 0.341_319_38 * s,
        -0.004_196_086 * l - 0.703_418_6 * m + 1.707_614_7 * s,
    ]
    .map(|linear| {
        let linear = linear.clamp(0.0, 1.0);
        let encoded = if linear <= 0.003_130_8 {
            12.92 * linear
        } else {
            1.055 * linear.powf(1.0 / 2.4) - 0.055
        };
        (255.0 * encoded).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(labels: &[Option<String>]) -> Vec<MapItem> {
        labels
            .iter()
            .map(|label| MapItem {
                position: [0.0; 2],
                path: String::new(),
                label: label.clone(),
                caption: String::new(),
            })
            .collect()
    }

    #[test]
    fn frequent_labels_come_first_and_grey_ones_last() {
        let label = |name: &str| Some(name.to_owned());
        let legend = Legend::of(&items(&[
            label("b"),
            None,
            label("a"),
            label("c"),
            label("c"),
        ]));
        let shown: Vec<(&str, usize)> = legend
            .entries
            .iter()
            .map(|e| (e.name.as_str(), e.count))
            .collect();
        assert_eq!(shown, [("c", 2), ("a", 1), ("b", 1), ("no label", 1)]);
        assert_eq!(legend.of_item, [2, 3, 1, 0, 0]);
        let many: Vec<Option<String>> = (0..25).map(|i| label(&format!("{i:02}"))).collect();
        let legend = Legend::of(&items(&many));
        assert_eq!(legend.entries.len(), 21);
        assert_eq!((legend.entries[20].count, legend.of_item[24]), (5, 20));
    }

    #[test]
    fn colours_differ() {
        let colours: Vec<Color> = (0..MOST).map(|i| hue(i, MOST)).collect();
        for (i, a) in colours.iter().enumerate() {
            for b in &colours[i + 1..] {
                let apart: i32 = a
                    .iter()
                    .zip(b)
                    .map(|(x, y)| (i32::from(*x) - i32::from(*y)).abs())
                    .sum();
                assert!(apart > 20, "{a:?} {b:?}");
            }
        }
        assert_eq!(from_oklab(1.0, 0.0, 0.0), [255; 3]);
        assert_eq!(from_oklab(0.0, 0.0, 0.0), [0; 3]);
    }
}
