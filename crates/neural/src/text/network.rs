//! A text network in ONNX format behind its tokenizer: BERT and its descendants, the text half of CLIP.

use std::path::Path;

use super::batch::TextBatch;
use super::token_pooling::TokenPooling;
use super::tokenizer::{Tokenized, Tokenizer};
use crate::error::Error;
use crate::models::ModelEntry;
use crate::onnx::{self, Graph, ValueInfo, nearest};
use crate::runtime::{Session, SessionOptions};
use crate::tensor::{ElementKind, Tensor, shape_text};

/// Tokens of one run, fillers included: bounds memory, and is enough to keep the cores busy.
const TOKENS_PER_RUN: usize = 2048;
/// Texts of one run.
const TEXTS_PER_RUN: usize = 32;

/// Outputs taken where the entry names none, the best first. Others give what the model declares first.
const OUTPUTS: [&str; 4] = [
    "sentence_embedding",
    "text_embeds",
    "last_hidden_state",
    "token_embeddings",
];

/// What an input of the network takes.
#[derive(Clone, Copy, Debug)]
enum Role {
    Ids,
    Mask,
    Types,
    Positions,
}

pub(super) struct Network {
    session: Session,
    tokenizer: Tokenizer,
    roles: Vec<(String, Role)>,
    pooling: TokenPooling,
    dimension: usize,
    /// Number of texts and of tokens that the network insists on.
    rows: Option<usize>,
    length: Option<usize>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("path", &self.session.path())
            .field("pooling", &self.pooling)
            .field("dimension", &self.dimension)
            .finish_non_exhaustive()
    }
}

impl Network {
    pub fn open(entry: &ModelEntry, options: &SessionOptions) -> Result<Network, Error> {
        let settings = entry.text.clone().unwrap_or_default();
        let session = open_session(entry, options)?;
        let roles = roles(entry, &session)?;
        let (rows, length) = fixed_shape(&session, &roles);
        let max_length = match (settings.max_length, length) {
            (Some(wanted), Some(fixed)) => Some(wanted.min(fixed)),
            (wanted, fixed) => wanted.or(fixed),
        };
        let tokenizer = Tokenizer::open(&entry.tokenizer_path()?, settings.lower_case, max_length)?;
        let wanted = settings.pooling;
        let mut network = Network {
            session,
            tokenizer,
            roles,
            pooling: wanted.unwrap_or(TokenPooling::Mean),
            dimension: 0,
            rows,
            length,
        };
        let probe = network.tokenizer.encode("a")?;
        let (shape, _) = network.run(&[&probe])?;
        network.pooling = match (wanted, shape.len()) {
            (None | Some(TokenPooling::Output), 2) => TokenPooling::Output,
            (None, 3) => TokenPooling::Mean,
            (Some(pooling), 3) if pooling != TokenPooling::Output => pooling,
            _ => return Err(network.output_error(&shape, wanted)),
        };
        network.dimension = *shape.last().unwrap_or(&0);
        Ok(network)
    }

    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// As [`Tokenizer::probe`].
    pub fn probe(&self) -> Result<(), Error> {
        self.tokenizer.probe()
    }

    /// What decides the vectors beside the files.
    pub fn description(&self) -> String {
        let outputs = self.session.outputs();
        let output = outputs.first().map_or("", |info| info.name.as_str());
        let length = self.tokenizer.max_length();
        format!("{output} {:?} {length}", self.pooling)
    }

    /// One vector for each text, not normalised.
    pub fn encode(&self, texts: &[&str]) -> Result<TextBatch, Error> {
        let tokenized: Vec<Tokenized> = texts
            .iter()
            .map(|text| self.tokenizer.encode(text))
            .collect::<Result<_, _>>()?;
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&i| (tokenized[i].ids.len(), i));
        let mut batch = TextBatch {
            vectors: vec![Vec::new(); texts.len()],
            tokens: tokenized.iter().map(|text| text.tokens).sum(),
            out_of_vocabulary: tokenized.iter().map(|text| text.unknown).sum(),
        };
        let mut rest = &order[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(self.texts_of_run(rest, &tokenized));
            rest = later;
            let rows: Vec<&Tokenized> = now.iter().map(|&i| &tokenized[i]).collect();
            let (shape, data) = self.run(&rows)?;
            for ((&i, row), values) in now.iter().zip(&rows).zip(parts(&data, &shape)) {
                batch.vectors[i] = self.pool(values, row.ids.len());
            }
        }
        Ok(batch)
    }

    /// How many of the texts, sorted by length, go into the next run.
    fn texts_of_run(&self, order: &[usize], tokenized: &[Tokenized]) -> usize {
        let most = self.rows.unwrap_or(TEXTS_PER_RUN);
        let fits = |&(n, &i): &(usize, &usize)| {
            let length = self.length.unwrap_or(tokenized[i].ids.len());
            n == 0 || (n + 1) * length <= TOKENS_PER_RUN
        };
        order.iter().enumerate().take(most).take_while(fits).count()
    }

    /// Runs the network on texts, filled up to the longest of them, or to what the network insists on.
    fn run(&self, texts: &[&Tokenized]) -> Result<(Vec<usize>, Vec<f32>), Error> {
        let longest = texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
        let length = self.length.unwrap_or(longest).max(longest);
        let rows = self.rows.unwrap_or(texts.len()).max(texts.len());
        let value = |role: Role, row: usize, at: usize| -> i64 {
            let id = texts.get(row).and_then(|text| text.ids.get(at));
            match role {
                Role::Ids => i64::from(id.copied().unwrap_or(self.tokenizer.padding())),
                Role::Mask => i64::from(id.is_some() || (row >= texts.len() && at == 0)),
                Role::Types => 0,
                Role::Positions => at as i64,
            }
        };
        let mut inputs = Vec::with_capacity(self.roles.len());
        for (name, role) in &self.roles {
            let places = (0..rows).flat_map(|row| (0..length).map(move |at| (row, at)));
            let data = places.map(|(row, at)| value(*role, row, at)).collect();
            inputs.push((name.as_str(), Tensor::i64(&[rows, length], data)?));
        }
        let output = self.session.run(&inputs)?.into_iter().next();
        let (shape, data) = output
            .and_then(Tensor::into_f32)
            .ok_or_else(|| self.output_error(&[], None))?;
        let fits = match shape[..] {
            [n, d] => n == rows && d > 0,
            [n, l, d] => n == rows && l == length && d > 0,
            _ => false,
        };
        if !fits || (self.dimension != 0 && shape.last() != Some(&self.dimension)) {
            return Err(self.output_error(&shape, None));
        }
        Ok((shape, data))
    }

    /// The vector of one text of `length` tokens from its part of the output.
    fn pool(&self, values: &[f32], length: usize) -> Vec<f32> {
        let tokens = values.chunks_exact(self.dimension).take(length);
        match self.pooling {
            TokenPooling::Output => values.to_vec(),
            TokenPooling::Cls => tokens.take(1).flatten().copied().collect(),
            TokenPooling::Last => tokens.skip(length - 1).flatten().copied().collect(),
            TokenPooling::Mean | TokenPooling::Sum => {
                let mut sum = vec![0.0; self.dimension];
                for token in tokens {
                    sum.iter_mut().zip(token).for_each(|(s, x)| *s += x);
                }
                let scale = match self.pooling {
                    TokenPooling::Sum => 1.0,
                    _ => 1.0 / length.max(1) as f32,
                };
                sum.iter_mut().for_each(|x| *x *= scale);
                sum
            }
        }
    }

    fn output_error(&self, shape: &[usize], wanted: Option<TokenPooling>) -> Error {
        let output = self.session.outputs().first();
        let advice = match (shape.len(), wanted) {
            (2, Some(_)) => "it is one vector for each text already, so the pooling is output",
            (3, Some(_)) => {
                "it has one vector for each token, so the pooling is cls, mean, sum or last"
            }
            _ => "name an output of texts x tokens x numbers or texts x numbers",
        };
        Error::Output {
            output: output.map_or_else(String::new, |info| info.name.clone()),
            what: match shape {
                [] => "is not of floating-point numbers".into(),
                _ => format!("has shape {}", shape_text(shape)),
            },
            advice: advice.into(),
            path: self.session.path().to_path_buf(),
        }
    }
}

/// The parts of the output that belong to each text.
fn parts<'a>(data: &'a [f32], shape: &[usize]) -> impl Iterator<Item = &'a [f32]> {
    data.chunks_exact(shape[1..].iter().product::<usize>().max(1))
}

fn open_session(entry: &ModelEntry, options: &SessionOptions) -> Result<Session, Error> {
    let path = entry.verified_path()?;
    let bytes = onnx::read(&path)?;
    let graph = Graph::parse(&bytes, &path)?;
    let outputs = vec![output_of_text(entry, &graph, &path)?];
    Session::of(&path, bytes, &graph, &outputs, options)
}

/// The output to read: the one that the entry names, or the best one that is made from nothing but tokens. In a file
/// that holds an image network too, the others stay unused.
fn output_of_text(entry: &ModelEntry, graph: &Graph, path: &Path) -> Result<String, Error> {
    let taken = |input: &&&str| {
        let info = graph.inputs.iter().find(|info| info.name == **input);
        info.is_some_and(takes_no_tokens)
    };
    let other = |name: &str| {
        let inputs = graph.inputs_of(name);
        inputs.iter().find(taken).map(|input| (*input).to_owned())
    };
    let declared = || graph.outputs.iter().map(|output| output.name.as_str());
    let of_tokens: Vec<&str> = declared().filter(|name| other(name).is_none()).collect();
    let name = match entry.output.as_deref() {
        Some(name) => {
            graph.check_value(name, path)?;
            name
        }
        None => {
            let known = OUTPUTS.into_iter().find(|name| of_tokens.contains(name));
            let first = of_tokens.first().copied().or(declared().next());
            known.or(first).unwrap_or_default()
        }
    };
    match other(name) {
        None => Ok(name.to_owned()),
        Some(input) => Err(Error::Output {
            output: name.to_owned(),
            what: format!("is made from '{input}' too, which takes no tokens"),
            advice: match of_tokens.is_empty() {
                true => "name a value inside of the model that is made from the text alone".into(),
                false => format!(
                    "name one that is made from the text alone: {}",
                    nearest(name, of_tokens)
                ),
            },
            path: path.to_path_buf(),
        }),
    }
}

/// True for an input that can be no tokens, masks or positions of texts.
fn takes_no_tokens(info: &ValueInfo) -> bool {
    match &info.shape {
        Some(shape) => shape.len() > 2,
        None => info.element.kind() == ElementKind::Float,
    }
}

/// Finds by their names what the inputs take.
fn roles(entry: &ModelEntry, session: &Session) -> Result<Vec<(String, Role)>, Error> {
    let names: Vec<&str> = session.inputs().iter().map(|i| i.name.as_str()).collect();
    let role = |name: &str| {
        let has = |part: &str| name.to_lowercase().contains(part);
        if has("mask") {
            Some(Role::Mask)
        } else if has("type") || has("segment") {
            Some(Role::Types)
        } else if has("position") {
            Some(Role::Positions)
        } else if has("id") || has("token") || has("text") || names.len() == 1 {
            Some(Role::Ids)
        } else {
            None
        }
    };
    let found: Option<Vec<(String, Role)>> = names
        .iter()
        .map(|name| Some(((*name).to_owned(), role(name)?)))
        .collect();
    let ids = |roles: &Vec<(String, Role)>| {
        let ids = roles.iter().filter(|(_, role)| matches!(role, Role::Ids));
        ids.count() == 1
    };
    found.filter(ids).ok_or_else(|| Error::Unsuitable {
        id: entry.id.clone(),
        what: format!(
            "has the inputs {}; a text model has input_ids, and at most attention_mask, token_type_ids and \
             position_ids besides",
            names.join(", ")
        ),
    })
}

/// The number of texts and of tokens, where the model declares fixed ones.
fn fixed_shape(session: &Session, roles: &[(String, Role)]) -> (Option<usize>, Option<usize>) {
    let ids = roles.iter().find(|(_, role)| matches!(role, Role::Ids));
    let info = ids.and_then(|(name, _)| session.inputs().iter().find(|i| i.name == *name));
    match info.and_then(|info| info.shape.as_deref()) {
        Some(&[rows, length]) => (rows, length),
        _ => (None, None),
    }
}
