//! A region of a picture as it is written on the command line: `x,y,w,h` in pixels.

use vizsla_retrieval::Region;

/// Reads `x,y,w,h`: the left top corner, width and height in pixels of the upright picture.
///
/// # Errors
/// A sentence for the person who typed it.
pub fn parse(text: &str) -> Result<Region, String> {
    let numbers: Vec<f64> = text
        .split(',')
        .map(|part| part.trim().parse::<f64>())
        .collect::<Result<_, _>>()
        .map_err(|_| "write four numbers as x,y,width,height".to_owned())?;
    let [x, y, width, height] = numbers[..] else {
        return Err(format!(
            "four numbers are needed (x,y,width,height), not {}",
            numbers.len()
        ));
    };
    if !numbers
        .iter()
        .all(|number| number.is_finite() && number.abs() < 1e6)
    {
        return Err("the numbers must be pixels of a picture".to_owned());
    }
    if width <= 0.0 || height <= 0.0 {
        return Err("width and height must be positive".to_owned());
    }
    Ok(Region {
        x,
        y,
        width,
        height,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_numbers_make_a_region() {
        let region = parse("10, 20.5,300,40").expect("a region");
        assert_eq!(
            region,
            Region {
                x: 10.0,
                y: 20.5,
                width: 300.0,
                height: 40.0
            }
        );
    }

    #[test]
    fn what_is_no_region_is_explained() {
        for text in [
            "",
            "1,2,3",
            "1,2,3,4,5",
            "a,b,c,d",
            "1,2,0,4",
            "1,2,3,-4",
            "nan,1,2,3",
            "inf,1,2,3",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
