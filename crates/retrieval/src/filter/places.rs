//! Distances on the Earth.

/// Mean radius of the Earth in metres (IUGG).
const EARTH: f64 = 6_371_008.8;

/// Metres along the great circle between two places in degrees north and east (haversine formula; the Earth as a
/// sphere, which is wrong by half a per cent at most).
pub fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    let [north_a, east_a] = a.map(f64::to_radians);
    let [north_b, east_b] = b.map(f64::to_radians);
    let half = |angle: f64| (angle / 2.0).sin().powi(2);
    let square = half(north_b - north_a) + north_a.cos() * north_b.cos() * half(east_b - east_a);
    2.0 * EARTH * square.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_a_sphere() {
        // Budapest to Vienna, and around the date line and a pole.
        let far = distance([47.4979, 19.0402], [48.2082, 16.3738]);
        assert!((far - 214_000.0).abs() < 2_000.0, "{far}");
        let degree = EARTH.to_radians();
        assert!((distance([0.0, 179.5], [0.0, -179.5]) - degree).abs() < 1e-3);
        assert!((distance([89.5, 0.0], [89.5, 180.0]) - degree).abs() < 1e-3);
        assert_eq!(distance([10.0, 20.0], [10.0, 20.0]), 0.0);
    }
}
