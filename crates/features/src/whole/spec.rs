//! The text that names a description: `name[:parameters][@COLUMNSxROWS]`.

use std::fmt;
use std::ops::{Range, RangeInclusive};

/// Most cells of a grid along a side.
const GRID_SIDE: RangeInclusive<usize> = 1..=8;

/// The parts of such a text. What the parameters mean is the business of the method that is named.
pub(super) struct Spec<'a> {
    pub name: &'a str,
    parameters: Option<&'a str>,
    grid: Option<&'a str>,
}

impl<'a> Spec<'a> {
    pub fn of(text: &'a str) -> Self {
        let (text, grid) = split(text, '@');
        let (name, parameters) = split(text, ':');
        Spec {
            name,
            parameters,
            grid,
        }
    }

    pub fn parameters(&self) -> Option<&'a str> {
        self.parameters
    }

    /// As many numbers as there are ranges, each in its range; those of `default` where the text has no parameters.
    pub fn numbers<const N: usize>(
        &self,
        separator: char,
        ranges: [RangeInclusive<usize>; N],
        default: [usize; N],
    ) -> Option<[usize; N]> {
        let Some(text) = self.parameters else {
            return Some(default);
        };
        let mut numbers = text.split(separator).map(number);
        let mut found = default;
        for (value, range) in found.iter_mut().zip(ranges) {
            *value = numbers.next()??;
            if !range.contains(value) {
                return None;
            }
        }
        numbers.next().is_none().then_some(found)
    }

    /// The grid; one cell where the text names none.
    pub fn grid(&self) -> Option<Grid> {
        let Some(text) = self.grid else {
            return Some(Grid::WHOLE);
        };
        let (columns, rows) = text.split_once('x')?;
        let (columns, rows) = (number(columns)?, number(rows)?);
        (GRID_SIDE.contains(&columns) && GRID_SIDE.contains(&rows))
            .then_some(Grid { columns, rows })
    }

    /// Whether the text names no grid.
    pub fn has_no_grid(&self) -> bool {
        self.grid.is_none()
    }

    /// As `numbers`, for a method that takes no grid.
    pub fn numbers_alone<const N: usize>(
        &self,
        separator: char,
        ranges: [RangeInclusive<usize>; N],
        default: [usize; N],
    ) -> Option<[usize; N]> {
        self.grid
            .is_none()
            .then(|| self.numbers(separator, ranges, default))?
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// A number of digits alone: the reader of the standard library would take a sign, too.
pub(super) fn number(text: &str) -> Option<usize> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// Cells of about equal size that cover an image; each is described by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Grid {
    pub columns: usize,
    pub rows: usize,
}

impl Grid {
    /// One cell.
    pub const WHOLE: Grid = Grid {
        columns: 1,
        rows: 1,
    };

    pub fn len(self) -> usize {
        self.columns * self.rows
    }

    /// Columns and rows of pixels of each cell, row after row of the grid. None is empty: an image of fewer pixels
    /// than cells shows the same pixel in several.
    pub fn cells(
        self,
        width: usize,
        height: usize,
    ) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        (0..self.len()).map(move |cell| {
            (
                part(width, cell % self.columns, self.columns),
                part(height, cell / self.columns, self.rows),
            )
        })
    }
}

impl fmt::Display for Grid {
    /// Nothing for one cell, so that it can follow any text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Grid::WHOLE {
            return Ok(());
        }
        write!(f, "@{}x{}", self.columns, self.rows)
    }
}

/// Part `index` of `count` of `0..length`, at least one long; `length` is at least 1.
pub(super) fn part(length: usize, index: usize, count: usize) -> Range<usize> {
    let start = (index * length / count).min(length - 1);
    start..((index + 1) * length / count).max(start + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_and_are_never_empty() {
        assert_eq!(part(10, 0, 3), 0..3);
        assert_eq!(part(10, 2, 3), 6..10);
        for length in 1..20 {
            for count in 1..=8 {
                let parts: Vec<_> = (0..count).map(|i| part(length, i, count)).collect();
                assert_eq!((parts[0].start, parts[count - 1].end), (0, length));
                assert!(parts.iter().all(|p| !p.is_empty() && p.end <= length));
                assert!(parts.windows(2).all(|p| p[1].start <= p[0].end));
            }
        }
    }

    #[test]
    fn numbers_are_bounded_and_counted() {
        let read = |text| Spec::of(text).numbers('x', [1..=8, 2..=9], [3, 4]);
        assert_eq!(read("name"), Some([3, 4]));
        assert_eq!(read("name:8x9"), Some([8, 9]));
        for text in [
            "name:",
            "name:8",
            "name:8x1",
            "name:9x9",
            "name:+8x9",
            "name:1x2x3",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(Spec::of("name@8x3").grid().unwrap().len(), 24);
        for text in ["name@", "name@9x1", "name@0x1", "name@2", "name@2x2x2"] {
            assert_eq!(Spec::of(text).grid(), None, "{text}");
        }
    }
}
