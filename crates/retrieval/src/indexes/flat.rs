//! All vectors as they are compared, searched exactly.

use vizsla_vectors::FlatVectors;

use super::kind::{IndexBytes, Kind};

pub(super) static KIND: Kind = Kind {
    name: "flat",
    ending: ".vzfv",
    open: |path| Ok(Box::new(FlatVectors::open(path)?)),
    make: |path, source| {
        let mut writer = FlatVectors::create(path, source.dimension, source.tag)?;
        (source.each)(&mut |id, vector| Ok(writer.push(id, vector)?))?;
        writer.finish()?;
        Ok(None)
    },
    bytes: |planned| IndexBytes {
        walked: planned.rows(),
        rest: 0.0,
        making: planned.rows(),
    },
};
