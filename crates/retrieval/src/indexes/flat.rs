//! All vectors as they are compared, searched exactly.

use vizsla_vectors::FlatVectors;

use super::kind::Kind;

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
};
