//! How much memory a step needs, before it is taken.
//!
//! Training keeps what every node made until its gradient is known, and the gradient is as large again. The
//! estimate is twice the outputs of all nodes and of what convolutions unfold; it need not be exact to refuse what
//! cannot work.

use crate::error::Error;
use crate::network::{Kind, Network, Operator};

/// Bytes that training needs for one item of this shape (channels × height × width, or numbers).
pub(super) fn bytes_per_item(network: &Network, shape: &[usize]) -> u64 {
    let mut sizes: Vec<Option<[usize; 2]>> = vec![match *shape {
        [_, height, width] => Some([height, width]),
        _ => None,
    }];
    let mut numbers = shape.iter().product::<usize>() as u64;
    for (node, kind) in network.nodes().iter().zip(&network.kinds()[1..]) {
        let before = node.inputs.first().and_then(|&input| sizes[input]);
        let size = match &node.operator {
            Operator::Convolution { window, .. }
            | Operator::MaxPool { window }
            | Operator::AveragePool { window, .. } => before.and_then(|b| window.output_size(b)),
            _ => before,
        };
        let size = match kind {
            Kind::Map { .. } => size,
            Kind::Vectors { .. } => None,
        };
        let places = size.map_or(1, |[height, width]| (height * width) as u64);
        numbers += kind.width() as u64 * places;
        sizes.push(size);
    }
    8 * numbers
}

/// Bytes that are free on this machine; `None` where the system does not tell.
pub(super) fn available() -> Option<u64> {
    let text = fs_err::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// How many items go through the network together: as asked, or as many as fit into three quarters of the free
/// memory.
///
/// # Errors
/// [`Error::Setting`] which says what would fit.
pub(super) fn chunk(
    network: &Network,
    shape: &[usize],
    asked: usize,
    batch: usize,
    free: Option<u64>,
) -> Result<usize, Error> {
    let one = bytes_per_item(network, shape).max(1);
    let Some(free) = free else {
        return Ok(if asked == 0 { batch.max(1) } else { asked });
    };
    let fits = usize::try_from(free / 4 * 3 / one).unwrap_or(usize::MAX);
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    if fits == 0 {
        let side =
            shape.last().copied().unwrap_or(0) as f64 * (free as f64 * 0.75 / one as f64).sqrt();
        let allowed = format!(
            "one image needs about {:.1} GiB to train and {:.1} GiB are free; a side of {} pixels would fit",
            gib(one),
            gib(free),
            (side as usize / 32 * 32).max(32)
        );
        return Err(Error::setting("model.side", format!("{shape:?}"), allowed));
    }
    match asked {
        0 => Ok(fits.min(batch.max(1))),
        asked if asked <= fits => Ok(asked),
        asked => Err(Error::setting(
            "sampling.chunk",
            asked,
            format!(
                "it needs about {:.1} GiB and {:.1} GiB are free; {fits} would fit, 0 finds out itself",
                gib(one * asked as u64),
                gib(free)
            ),
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::network::{head, resnet};

    #[test]
    fn what_does_not_fit_is_told_with_what_would() {
        let network = resnet(18).unwrap();
        let shape = [3, 224, 224];
        let one = bytes_per_item(&network, &shape);
        // PyTorch keeps some 40 MB a picture for the backward pass of this network.
        assert!((20 << 20..120 << 20).contains(&one), "{one}");
        let of = |asked, free| chunk(&network, &shape, asked, 32, Some(free));
        assert_eq!(of(0, 1 << 40).unwrap(), 32);
        assert_eq!(of(8, 1 << 40).unwrap(), 8);
        assert_eq!(of(0, one * 8).unwrap(), 6);
        let message = of(8, one * 8).unwrap_err().to_string();
        assert!(message.contains("6 would fit"), "{message}");
        let message = of(0, one).unwrap_err().to_string();
        assert!(message.contains("a side of 192 pixels"), "{message}");
        assert!(bytes_per_item(&head(&[8, 4], 0.0).unwrap(), &[8]) == 8 * 12);
    }
}
