//! Spatial pyramids: what is summed over a picture is also summed over the cells of grids (Lazebnik, Schmid & Ponce, "Beyond bags
//! of features", CVPR 2006).
//!
//! Each level of a pyramid is a grid. The vector of a picture is those of the levels, one after the other, each of length √*w* for
//! its weight *w*, so that the inner product of two vectors is the weighted sum of the similarities by level. Checked against a
//! float64 computation, `tests/reference/pyramid.py`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Most cells of a grid along a side.
const SIDE: std::ops::RangeInclusive<u8> = 1..=8;
/// Most levels.
const MOST_LEVELS: usize = 4;
/// Greatest weight of a level.
const MOST_WEIGHT: f32 = 1e6;

/// Grids over a picture, with weights. Written as `1x1+2x2+4x4`, columns before rows; then weights are those of the pyramid match
/// kernel, 2^−L for the first of L + 1 levels and 2^(l−L−1) for level *l* from 1 on. All weights may be given, as in
/// `1x1*0.5+1x3*0.5`; only their ratios count.
///
/// ```
/// let pyramid: vizsla_words::Pyramid = "1x1+2x2+4x4".parse()?;
/// assert_eq!(pyramid.cells(), 21);
/// assert_eq!(pyramid.weights(), [0.25, 0.25, 0.5]);
/// # Ok::<(), vizsla_words::PyramidError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Pyramid {
    levels: Vec<Level>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Level {
    columns: u8,
    rows: u8,
    /// As it was written.
    weight: Option<f32>,
}

/// A pyramid that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no pyramid: {what}; write 1 to 4 grids of 1 to 8 columns and rows, as 1x1+2x2+4x4, with a weight above 0 for each \
     or for none, as 1x1*0.5+1x3*0.5"
)]
pub struct PyramidError {
    text: String,
    what: &'static str,
}

impl Level {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (grid, weight) = match text.split_once('*') {
            Some((grid, weight)) => (grid, Some(weight)),
            None => (text, None),
        };
        let (columns, rows) = grid.split_once('x').ok_or("a level is COLUMNSxROWS")?;
        let side = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let side = text.parse().ok().filter(|_| digits);
            side.filter(|side| SIDE.contains(side))
                .ok_or("a side is out of range")
        };
        let weight = weight.map(|text| {
            let weight: Option<f32> = text.parse().ok();
            let fits = |weight: &f32| *weight > 0.0 && *weight <= MOST_WEIGHT;
            weight.filter(fits).ok_or("a weight is out of range")
        });
        Ok(Self {
            columns: side(columns)?,
            rows: side(rows)?,
            weight: weight.transpose()?,
        })
    }

    fn cells(self) -> usize {
        usize::from(self.columns) * usize::from(self.rows)
    }

    /// The cell of a place in fractions of width and height, row by row. What lies outside is in the cell beside it.
    fn cell(self, (x, y): (f32, f32)) -> usize {
        // What is no number becomes 0.
        let along = |place: f32, cells: u8| {
            let at = (place.clamp(0.0, 1.0) * f32::from(cells)) as usize;
            at.min(usize::from(cells) - 1)
        };
        along(y, self.rows) * usize::from(self.columns) + along(x, self.columns)
    }
}

impl Pyramid {
    /// Cells of all levels.
    pub fn cells(&self) -> usize {
        self.levels.iter().map(|level| level.cells()).sum()
    }

    /// Weights of the levels, which sum to 1.
    pub fn weights(&self) -> Vec<f64> {
        let last = self.levels.len() as i32 - 1;
        let usual = |level: usize| match level {
            0 => 0.5f64.powi(last),
            level => 0.5f64.powi(last - level as i32 + 1),
        };
        let weight = |(at, level): (usize, &Level)| level.weight.map_or(usual(at), f64::from);
        let weights: Vec<f64> = self.levels.iter().enumerate().map(weight).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    }

    /// By level: which of `places` (fractions of width and height) each cell has, row by row.
    pub(crate) fn split(&self, places: &[(f32, f32)]) -> Vec<Vec<Vec<usize>>> {
        let split = |level: &Level| {
            let mut cells = vec![Vec::new(); level.cells()];
            for (at, &place) in places.iter().enumerate() {
                cells[level.cell(place)].push(at);
            }
            cells
        };
        self.levels.iter().map(split).collect()
    }
}

impl FromStr for Pyramid {
    type Err = PyramidError;

    fn from_str(text: &str) -> Result<Self, PyramidError> {
        let wrong = |what| PyramidError {
            text: text.chars().take(60).collect(),
            what,
        };
        let levels = text.split('+').map(Level::parse);
        let levels: Vec<Level> = levels.collect::<Result<_, _>>().map_err(wrong)?;
        if levels.len() > MOST_LEVELS {
            return Err(wrong("it has too many levels"));
        }
        let weighted = levels.iter().filter(|level| level.weight.is_some()).count();
        match weighted == 0 || weighted == levels.len() {
            true => Ok(Self { levels }),
            false => Err(wrong("some levels have a weight and some have none")),
        }
    }
}

impl fmt::Display for Pyramid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, level) in self.levels.iter().enumerate() {
            let plus = if at > 0 { "+" } else { "" };
            write!(f, "{plus}{}x{}", level.columns, level.rows)?;
            if let Some(weight) = level.weight {
                write!(f, "*{weight}")?;
            }
        }
        Ok(())
    }
}

impl From<Pyramid> for String {
    fn from(pyramid: Pyramid) -> Self {
        pyramid.to_string()
    }
}

impl TryFrom<String> for Pyramid {
    type Error = PyramidError;

    fn try_from(text: String) -> Result<Self, PyramidError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_comes_back() {
        for text in ["1x1", "1x1+2x2+4x4", "1x1*0.5+1x3*0.25", "8x8+3x1"] {
            let pyramid: Pyramid = text.parse().unwrap();
            assert_eq!(pyramid.to_string(), text);
        }
        let lazebnik: Pyramid = "1x1+2x2+4x4".parse().unwrap();
        assert_eq!(lazebnik.weights(), [0.25, 0.25, 0.5]);
        let own: Pyramid = "1x1*1+1x3*3".parse().unwrap();
        assert_eq!(own.weights(), [0.25, 0.75]);
    }

    #[test]
    fn what_is_no_pyramid_says_how_one_is_written() {
        for text in [
            "",
            "1",
            "0x1",
            "9x1",
            "+1x1",
            "1x1+",
            "1x1+1x1+1x1+1x1+1x1",
            "1x1*0",
            "1x1*nan",
            "1x1*2+2x2",
            "1x1*1e9",
            "1x-1",
            "256x1",
            "1x1x1",
        ] {
            let refused = text.parse::<Pyramid>().unwrap_err().to_string();
            assert!(refused.contains("1x1+2x2+4x4"), "{refused}");
        }
    }

    #[test]
    fn every_place_is_in_one_cell_of_each_level() {
        let pyramid: Pyramid = "1x1+2x3".parse().unwrap();
        let places = [
            (0.0, 0.0),
            (0.5, 0.34),
            (1.0, 1.0),
            (-3.0, 0.9),
            (f32::NAN, f32::INFINITY),
        ];
        let split = pyramid.split(&places);
        assert_eq!(split[0], [vec![0, 1, 2, 3, 4]]);
        assert_eq!(
            split[1],
            [vec![0], vec![], vec![], vec![1], vec![3, 4], vec![2]]
        );
    }
}
