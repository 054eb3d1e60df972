//! A network behind a vector: fully connected layers on top of a pooled or aggregated descriptor.
//!
//! Perronnin & Larlus 2015 ("Fisher vectors meet neural networks") reduce a Fisher vector by PCA and let fully connected
//! layers learn what the unsupervised part cannot. The Fisher vector comes from `vizsla_words::Aggregator` or
//! [`crate::FisherPooling`], the PCA is a [`Projection`], and the layers are any ONNX model that takes rows of numbers.

use std::path::Path;
use std::sync::Arc;

use vizsla_vectors::{Projection, l2_normalise};

use crate::error::Error;
use crate::models::ModelEntry;
use crate::runtime::{Session, SessionOptions};
use crate::tensor::Tensor;

/// Most vectors in one run.
const BATCH: usize = 256;

/// A projection, if any, and the network behind it.
pub struct VectorEncoder {
    projection: Option<Arc<Projection>>,
    session: Session,
    input: String,
    /// Vectors that the model takes at a time, and their numbers; `None` for any.
    shape: [Option<usize>; 2],
    /// Whether vectors have length 1 before they go in.
    unit: bool,
}

impl std::fmt::Debug for VectorEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VectorEncoder")
            .field("path", &self.session.path())
            .finish_non_exhaustive()
    }
}

impl VectorEncoder {
    /// Opens the model of an entry, which must take rows of numbers, after its checksum was compared.
    ///
    /// # Errors
    /// Those of [`ModelEntry::verified_path`] and [`Session::open`]; [`Error::Unsuitable`] when the model takes something
    /// else, or rows of another length than the projection gives.
    pub fn open(
        entry: &ModelEntry,
        projection: Option<Arc<Projection>>,
        options: &SessionOptions,
    ) -> Result<Self, Error> {
        let output: Vec<String> = entry.output.iter().cloned().collect();
        let session = Session::open(&entry.verified_path()?, &output, options)?;
        Self::of(session, &entry.id, projection, true)
    }

    /// The head of a text model, which takes what the model gives as it is.
    pub(crate) fn head(path: &Path, id: &str, options: &SessionOptions) -> Result<Self, Error> {
        Self::of(Session::open(path, &[], options)?, id, None, false)
    }

    fn of(
        session: Session,
        id: &str,
        projection: Option<Arc<Projection>>,
        unit: bool,
    ) -> Result<Self, Error> {
        let unsuitable = |what: String| Error::Unsuitable {
            id: id.to_owned(),
            what,
        };
        let Some((input, shape)) = session.inputs().first().and_then(|input| {
            let shape: [Option<usize>; 2] = input.shape.as_ref()?.as_slice().try_into().ok()?;
            Some((input.name.clone(), shape))
        }) else {
            return Err(unsuitable(
                "takes no rows of numbers; its input must have two dimensions".into(),
            ));
        };
        if let (Some(projection), Some(wanted)) = (&projection, shape[1])
            && projection.output() != wanted
        {
            return Err(unsuitable(format!(
                "takes vectors of {wanted} numbers, the projection gives {}",
                projection.output()
            )));
        }
        Ok(Self {
            projection,
            session,
            input,
            shape,
            unit,
        })
    }

    /// Each vector projected, scaled to length 1, run through the network, and scaled to length 1 again.
    ///
    /// # Errors
    /// [`Error::Length`] when a vector has another length than is taken; [`Error::Output`] when the network does not give
    /// one row for each; those of [`Session::run`].
    pub fn encode(&self, vectors: &[Vec<f32>]) -> Result<Vec<Vec<f32>>, Error> {
        let rows: Vec<Vec<f32>> = vectors
            .iter()
            .map(|vector| self.row(vector))
            .collect::<Result<_, _>>()?;
        let mut encoded = Vec::with_capacity(rows.len());
        for batch in rows.chunks(self.shape[0].unwrap_or(BATCH).max(1)) {
            let dimension = batch.first().map_or(0, Vec::len);
            // A model of fixed batch is filled up with zeros.
            let count = self.shape[0].unwrap_or(batch.len());
            let mut data = batch.concat();
            data.resize(count * dimension, 0.0);
            let tensor = Tensor::f32(&[count, dimension], data)?;
            let output = self.session.run(&[(self.input.as_str(), tensor)])?;
            let found = output.into_iter().next().and_then(Tensor::into_f32);
            match found {
                Some((shape, data)) if shape.len() == 2 && shape[0] == count && shape[1] > 0 => {
                    for row in data.chunks_exact(shape[1]).take(batch.len()) {
                        let mut row = row.to_vec();
                        l2_normalise(&mut row);
                        encoded.push(row);
                    }
                }
                other => return Err(self.wrong_output(other.map(|(shape, _)| shape))),
            }
        }
        Ok(encoded)
    }

    fn row(&self, vector: &[f32]) -> Result<Vec<f32>, Error> {
        let wanted = match &self.projection {
            Some(projection) => Some(projection.input()),
            None => self.shape[1],
        };
        match wanted {
            Some(wanted) if wanted != vector.len() => {
                return Err(Error::Length {
                    what: "a vector for the network".into(),
                    expected: wanted,
                    found: vector.len(),
                });
            }
            _ => {}
        }
        let mut row = match &self.projection {
            Some(projection) => projection.apply(vector),
            None => vector.to_vec(),
        };
        if self.unit {
            l2_normalise(&mut row);
        }
        Ok(row)
    }

    fn wrong_output(&self, shape: Option<Vec<usize>>) -> Error {
        Error::Output {
            output: self
                .session
                .outputs()
                .first()
                .map_or_else(String::new, |output| output.name.clone()),
            what: format!(
                "has shape {:?}, one row for each vector was needed",
                shape.unwrap_or_default()
            ),
            advice: "name another output in the entry of the model".into(),
            path: self.session.path().to_path_buf(),
        }
    }
}
