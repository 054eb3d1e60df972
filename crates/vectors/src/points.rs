//! Points as they come from outside: whole rows of finite numbers, not too many.

use crate::Error;
use crate::element::Element;

/// Most numbers of a point: squared distances of bytes stay exact in 32 bits.
pub(crate) const MOST_DIMENSIONS: usize = 1 << 16;
/// Most points of an index in memory.
pub(crate) const MOST_POINTS: usize = i32::MAX as usize;

/// Number of points, once they are known to be whole rows of finite numbers. There may be none.
pub(crate) fn count_points<E: Element>(points: &[E], dimension: usize) -> Result<usize, Error> {
    in_range("the dimension of points", dimension, 1, MOST_DIMENSIONS)?;
    if !points.len().is_multiple_of(dimension) {
        return Err(Error::Shape {
            numbers: points.len(),
            dimension,
        });
    }
    let count = points.len() / dimension;
    in_range("the number of points", count, 0, MOST_POINTS)?;
    match points.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(Error::NotFinite {
            row: at / dimension,
        }),
        None => Ok(count),
    }
}

/// Refuses a query of another length, or one that holds what is no number.
#[inline]
pub(crate) fn check_query<E: Element>(query: &[E], dimension: usize) -> Result<(), Error> {
    if query.len() != dimension {
        return Err(Error::Shape {
            numbers: query.len(),
            dimension,
        });
    }
    match query.iter().all(|x| x.is_finite()) {
        true => Ok(()),
        false => Err(Error::NotFinite { row: 0 }),
    }
}

/// Refuses a value outside of its range.
pub(crate) fn in_range(
    what: &'static str,
    found: usize,
    least: usize,
    most: usize,
) -> Result<(), Error> {
    match (least..=most).contains(&found) {
        true => Ok(()),
        false => Err(Error::OutOfRange {
            what,
            found,
            least,
            most,
        }),
    }
}
