//! What counts as a place on earth.

/// Degrees north and east, when they are a place: both finite, within ±90 and ±180, and not the point
/// 0, 0 in the Atlantic, which is what devices and programs write that know no position.
///
/// ```
/// assert_eq!(vizsla_pixels::position(47.5, 19.04), Some([47.5, 19.04]));
/// assert_eq!(vizsla_pixels::position(0.0, 0.0), None);
/// assert_eq!(vizsla_pixels::position(91.0, 19.04), None);
/// assert_eq!(vizsla_pixels::position(f64::NAN, 19.04), None);
/// ```
pub fn position(north: f64, east: f64) -> Option<[f64; 2]> {
    let known = north != 0.0 || east != 0.0;
    // A comparison with what is no number is false.
    (known && north.abs() <= 90.0 && east.abs() <= 180.0).then_some([north, east])
}
