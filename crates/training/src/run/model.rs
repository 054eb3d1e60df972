//! The network of a run: a backbone, a pooling, a whitening layer, a head, a vector of length 1.

use burn::tensor::Device;
use vizsla_neural::{
    ImageEncoder, ModelEntry, ModelKind, PoolingName, Preprocessing, Preset, Registry, Resize,
    SessionOptions,
};
use vizsla_vectors::Projection;

use super::backbone::BackboneName;
use super::config::ModelConfig;
use super::trained::Trained;
use crate::error::Error;
use crate::network::{
    Builder, Kind, Network, Operator, Parameters, head, mobilenet_v1, pooling, resnet, vgg16,
    whitening,
};

/// What names of the pooling, the whitening layer and the head begin with.
const OURS: [&str; 3] = ["pooling.", "whitening.", "head."];

/// A network with its weights, and how images are prepared for it.
pub(super) struct Model {
    pub network: Network,
    pub parameters: Parameters,
    pub preprocessing: Preprocessing,
    /// Side of the squares that it takes, where it takes nothing else.
    pub fixed_side: Option<u32>,
}

impl Model {
    /// Backbone and pooling as configured.
    ///
    /// # Errors
    /// When there is no such model, or its parts do not fit.
    pub fn open(config: &ModelConfig, seed: u64, device: &Device) -> Result<Model, Error> {
        let (backbone, weights, mut preprocessing) = backbone(config, seed, device)?;
        let pool = config.pooling.plain()?;
        let of_regions = |part: &PoolingName| matches!(part, PoolingName::RMac { .. });
        let regions = config.pooling.parts().iter().any(of_regions);
        preprocessing.size = config.side;
        (preprocessing.resize, preprocessing.crop) = match regions {
            true => (Resize::Shortest, Some(config.side)),
            false => (Resize::Longest, None),
        };
        let network = match backbone.output() {
            Kind::Map { channels } => backbone.then(OURS[0], pooling(&pool, channels)?)?,
            Kind::Vectors { .. } => backbone,
        };
        let parameters = Parameters::initial(&network, seed, device).with(&weights)?;
        let mut model = Model {
            network,
            parameters,
            preprocessing,
            fixed_side: regions.then_some(config.side),
        };
        model.choose(&config.train)?;
        Ok(model)
    }

    /// Adds a whitening layer.
    ///
    /// # Errors
    /// When the projection is of other vectors.
    pub fn whiten(
        &mut self,
        projection: &Projection,
        config: &ModelConfig,
        seed: u64,
        device: &Device,
    ) -> Result<(), Error> {
        let dimension = projection.output();
        self.add("", whitening(projection)?, seed, device)?;
        self.add("whitening.", length_one(dimension)?, seed, device)?;
        self.choose(&config.train)
    }

    /// Adds the head and brings the vector to length 1.
    ///
    /// # Errors
    /// When sizes are out of range.
    pub fn finish(
        &mut self,
        config: &ModelConfig,
        seed: u64,
        device: &Device,
    ) -> Result<(), Error> {
        if config.dimension > 0 {
            let sizes: Vec<usize> = [self.network.dimension()]
                .into_iter()
                .chain(config.hidden.iter().copied())
                .chain([config.dimension])
                .collect();
            self.add(OURS[2], head(&sizes, config.dropout)?, seed, device)?;
            self.add(OURS[2], length_one(config.dimension)?, seed, device)?;
        }
        self.choose(&config.train)
    }

    fn add(
        &mut self,
        prefix: &str,
        part: Network,
        seed: u64,
        device: &Device,
    ) -> Result<(), Error> {
        self.network = self.network.clone().then(prefix, part)?;
        let initial = Parameters::initial(&self.network, seed, device);
        self.parameters = initial.with(&self.parameters)?;
        Ok(())
    }

    /// Marks what is trained.
    fn choose(&mut self, train: &Trained) -> Result<(), Error> {
        let ours = |name: &str| OURS.iter().any(|prefix| name.starts_with(prefix));
        match train {
            Trained::All => self.parameters.train_where(|_| true),
            Trained::Head => self.parameters.train_where(ours),
            Trained::From(first) => {
                let names: Vec<String> = self.parameters.names().map(str::to_owned).collect();
                let Some(place) = names
                    .iter()
                    .position(|name| name.starts_with(first.as_str()))
                else {
                    let allowed = format!(
                        "no parameter begins so; there are {} and more",
                        names
                            .iter()
                            .rev()
                            .take(6)
                            .cloned()
                            .collect::<Vec<_>>()
                            .join(", ")
                    );
                    return Err(Error::setting("model.train", train, allowed));
                };
                let trained = &names[place..];
                self.parameters
                    .train_where(|name| ours(name) || trained.iter().any(|n| n == name));
            }
        }
        Ok(())
    }

    /// Number of nodes that can be run once and for all.
    pub fn frozen(&self) -> usize {
        self.network.frozen(&self.parameters)
    }
}

/// A network of one node that brings vectors to length 1.
pub(super) fn length_one(dimension: usize) -> Result<Network, Error> {
    let mut builder = Builder::new(Kind::Vectors { dimension });
    builder.node("length", Operator::L2Normalise, &[Builder::INPUT], &[]);
    builder.finish()
}

/// The backbone by its name, with its weights and its preparation of images.
fn backbone(
    config: &ModelConfig,
    seed: u64,
    device: &Device,
) -> Result<(Network, Parameters, Preprocessing), Error> {
    let preset = |default: Preset| config.preset.unwrap_or(default).preprocessing();
    let named = match &config.backbone {
        BackboneName::Resnet(layers) => Some((resnet(*layers)?, Preset::Torchvision)),
        BackboneName::Vgg16 => Some((vgg16()?, Preset::Torchvision)),
        BackboneName::MobilenetV1(width) => Some((mobilenet_v1(*width)?, Preset::Keras)),
        BackboneName::Unnamed | BackboneName::File(_) | BackboneName::Model(_) => None,
    };
    if let Some((network, default)) = named {
        let weights = match &config.weights {
            Some(path) => Parameters::open(&network, path, device)?,
            None => Parameters::initial(&network, seed, device),
        };
        return Ok((network, weights, preset(default)));
    }
    let mut entry = entry(&config.backbone)?;
    if config.preset.is_some() {
        entry.preprocessing = preset(Preset::Torchvision);
    }
    let output = match config.output.clone().or(entry.output.clone()) {
        Some(output) => output,
        None => {
            let found = ImageEncoder::find_outputs(&entry, &SessionOptions::default())?;
            let found = found.map.or(found.vector).map(|found| found.name);
            found.ok_or_else(|| {
                Error::setting(
                    "model.output",
                    "not given",
                    "no feature map was found; name one",
                )
            })?
        }
    };
    let path = entry.verified_path()?;
    let (network, weights) = Network::from_onnx(&path, Some(&output), device)?;
    Ok((network, weights, entry.preprocessing))
}

/// The entry of a model by its id in the registry, or of a file.
fn entry(name: &BackboneName) -> Result<ModelEntry, Error> {
    let path = match name {
        BackboneName::File(path) => path,
        BackboneName::Model(id) => return Ok(Registry::default_registry()?.get(id)?),
        _ => {
            let allowed = format!("name {}", BackboneName::NAMES);
            return Err(Error::setting("model.backbone", "empty", allowed));
        }
    };
    let mut entry = ModelEntry::for_file("backbone", ModelKind::Image, path, "");
    if !path.is_file() {
        return Err(Error::invalid("there is no such model", path));
    }
    entry.sha256 = entry.digest()?;
    Ok(entry)
}
