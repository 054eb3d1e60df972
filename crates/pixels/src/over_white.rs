//! Alpha over white: the paper that scans and screenshots with alpha are meant for.

/// A value of a pixel that is there by `alpha`.
pub(crate) fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// The same of a value that is already multiplied with its alpha.
pub(crate) fn premultiplied_over_white(value: u8, alpha: u8) -> u8 {
    value.saturating_add(255 - alpha)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_lets_white_paper_through() {
        assert_eq!(over_white(0, 0), 255);
        assert_eq!(over_white(0, 255), 0);
        assert_eq!(over_white(100, 128), 177);
        assert_eq!(over_white(255, 77), 255);
        assert_eq!(premultiplied_over_white(50, 128), 177);
        assert_eq!(premultiplied_over_white(200, 100), 255);
    }
}
