//! The text half of the [`Encoder`] door: one entry of the registry, one vector for each text.

use super::batch::TextBatch;
use sha2::Digest;

use super::network::Network;
use super::statistics::WordStatistics;
use super::words::WordEncoder;
use crate::encoder::{Encoder, Input};
use crate::error::Error;
use crate::models::{ModelEntry, ModelKind};
use crate::runtime::SessionOptions;
use crate::vector_encoder::VectorEncoder;
use crate::word_vectors::WordVectors;

/// A text model that is ready: a network in ONNX format behind its tokenizer, or a table of word vectors.
#[derive(Debug)]
pub struct TextEncoder {
    id: String,
    dimension: usize,
    fingerprint: String,
    inner: Inner,
    head: Option<Box<VectorEncoder>>,
}

#[derive(Debug)]
enum Inner {
    Network(Box<Network>),
    Words(Box<WordEncoder>),
}

impl Inner {
    fn dimension(&self) -> usize {
        match self {
            Inner::Network(network) => network.dimension(),
            Inner::Words(words) => words.dimension(),
        }
    }
}

impl TextEncoder {
    /// Opens an entry of kind [`ModelKind::Text`] or [`ModelKind::WordVectors`], after its files were found to
    /// be the recorded ones. A network is run once on a short text, so that what cannot work fails here.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] for a model of images or one whose inputs are not those of a text model,
    /// [`Error::Checksum`] for changed files, [`Error::Value`] for settings that are not allowed, and all that
    /// sessions, tokenizers and word vectors report.
    pub fn open(entry: &ModelEntry, options: &SessionOptions) -> Result<TextEncoder, Error> {
        let inner = match entry.kind {
            ModelKind::Text => Inner::Network(Box::new(Network::open(entry, options)?)),
            ModelKind::WordVectors => Inner::Words(Box::new(open_words(entry)?)),
            ModelKind::Image => {
                return Err(Error::Unsuitable {
                    id: entry.id.clone(),
                    what: "describes images; texts need one of kind text or word-vectors".into(),
                });
            }
        };
        let mut dimension = inner.dimension();
        let head = match entry.head_path()? {
            None => None,
            Some(path) => {
                let head = VectorEncoder::head(&path, &entry.id, options)?;
                let probe = head.encode(&[vec![0.0; dimension]])?;
                dimension = probe.first().map_or(0, Vec::len);
                Some(Box::new(head))
            }
        };
        if let Some(recorded) = entry.dimension.filter(|&recorded| recorded != dimension) {
            return Err(Error::Unsuitable {
                id: entry.id.clone(),
                what: format!("gives {dimension} numbers, its entry says {recorded}"),
            });
        }
        Ok(TextEncoder {
            id: entry.id.clone(),
            dimension,
            fingerprint: fingerprint(entry, &inner),
            inner,
            head,
        })
    }

    /// Tries what breaks tokenizers, before a model is trusted.
    ///
    /// # Errors
    /// What the tokenizer does wrong.
    pub(crate) fn probe(&self) -> Result<(), Error> {
        match &self.inner {
            Inner::Network(network) => network.probe(),
            Inner::Words(_) => Ok(()),
        }
    }

    /// SHA-256, hexadecimal, of everything that decides the vectors: the model's file, its tokenizer, output,
    /// pooling and limit, or how word vectors are summed and with which statistics. Vectors of encoders whose
    /// fingerprints differ cannot be compared.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Describes texts. Networks take them in batches of like length; the result of a text does not depend on
    /// the others beyond rounding.
    ///
    /// # Errors
    /// When the model fails on one, or its numbers are not finite.
    pub fn encode_texts(&self, texts: &[&str]) -> Result<TextBatch, Error> {
        let mut batch = self.aggregate_texts(texts)?;
        match &self.head {
            None => batch
                .vectors
                .iter_mut()
                .for_each(|v| vizsla_vectors::l2_normalise(v)),
            Some(head) => {
                let encoded = head.encode(&batch.vectors)?;
                for (vector, encoded) in batch.vectors.iter_mut().zip(encoded) {
                    *vector = match vector.iter().all(|&x| x == 0.0) {
                        true => vec![0.0; self.dimension],
                        false => encoded,
                    };
                }
            }
        }
        Ok(batch)
    }

    /// What pooling or aggregation give, before the head if there is one, of whatever length: what a head is trained on.
    ///
    /// # Errors
    /// As [`TextEncoder::encode_texts`].
    pub fn aggregate_texts(&self, texts: &[&str]) -> Result<TextBatch, Error> {
        Ok(match &self.inner {
            Inner::Network(network) => network.encode(texts)?,
            Inner::Words(words) => {
                let mut batch = TextBatch::default();
                for text in texts {
                    let sum = words.sum(text)?;
                    batch.vectors.push(sum.vector);
                    batch.tokens += sum.tokens;
                    batch.out_of_vocabulary += sum.out_of_vocabulary;
                }
                batch
            }
        })
    }
}

fn open_words(entry: &ModelEntry) -> Result<WordEncoder, Error> {
    let vectors = WordVectors::open(&entry.verified_path()?)?;
    let settings = entry.text.clone().unwrap_or_default();
    let aggregation = settings.aggregation.unwrap_or_default();
    let statistics = match entry.statistics_path()? {
        Some(path) => Some(WordStatistics::open(&path)?),
        None => None,
    };
    let lower_case = settings.lower_case.unwrap_or(true);
    WordEncoder::new(vectors, aggregation, statistics, lower_case)
}

fn fingerprint(entry: &ModelEntry, inner: &Inner) -> String {
    let settings = entry.text.clone().unwrap_or_default();
    let mut parts = vec![
        entry.sha256.to_lowercase(),
        settings.tokenizer_sha256.to_lowercase(),
    ];
    match inner {
        Inner::Network(network) => {
            parts.push(format!("{:?}", settings.lower_case));
            parts.push(network.description());
        }
        Inner::Words(words) => parts.push(words.description()),
    }
    if settings.head.is_some() {
        parts.push(settings.head_sha256.to_lowercase());
    }
    let digest = sha2::Sha256::digest(parts.join("\n"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Encoder for TextEncoder {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn encode(&self, inputs: &[Input<'_>]) -> Result<Vec<Vec<f32>>, Error> {
        let texts: Option<Vec<&str>> = inputs
            .iter()
            .map(|input| match input {
                Input::Text(text) => Some(*text),
                Input::Image(_) => None,
            })
            .collect();
        let texts = texts.ok_or_else(|| Error::Unsuitable {
            id: self.id.clone(),
            what: "describes texts, not images".into(),
        })?;
        Ok(self.encode_texts(&texts)?.vectors)
    }
}
