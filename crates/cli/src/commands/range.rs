//! Ranges of the numbers on the command line: one that cannot mean anything is refused at once.

/// Reads a count that is at least 1.
pub fn one_or_more(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(0) => Err("at least 1 is needed".to_owned()),
        read => read.map_err(|error| error.to_string()),
    }
}

/// Reads a finite number above 0.
pub fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        Ok(_) => Err("a number above 0 is needed".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads a ratio: above 0, at most 1.
pub fn ratio(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(number) if number > 0.0 && number <= 1.0 => Ok(number),
        Ok(_) => Err("a ratio is above 0 and at most 1".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_is_refused() {
        assert_eq!(one_or_more("3"), Ok(3));
        assert_eq!(positive("0.5"), Ok(0.5));
        assert_eq!(ratio("1"), Ok(1.0));
        for text in ["0", "-1", "x", ""] {
            assert!(one_or_more(text).is_err(), "{text}");
        }
        for text in ["0", "-1", "nan", "inf", "x"] {
            assert!(positive(text).is_err(), "{text}");
            assert!(ratio(text).is_err(), "{text}");
        }
        assert!(ratio("1.1").is_err());
    }
}
