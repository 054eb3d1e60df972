//! Options that a collection takes when it is made: its recipe and its codebook.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use vizsla_neural::{KeypointNetwork, PoolingRecipe, SessionOptions};
use vizsla_retrieval::{
    AggregateRecipe, Aggregation, Collection, Combined, DescriptorRecipe, GlobalRecipe, Pyramid,
    READY_RECIPES, Recipe, Scoring, TextRecipe, ready_recipe,
};
use vizsla_words::{Aggregator, Codebook, PyramidError};

use super::local::Local;

/// Options that only a new collection can take.
#[derive(Args)]
#[command(next_help_heading = "For a new collection")]
pub struct Making {
    /// Most features kept of an image, 1200 where nothing is said
    #[arg(long, value_name = "N")]
    budget: Option<usize>,
    /// Longest side at which images are analysed, in pixels
    #[arg(long, value_name = "PIXELS")]
    max_side: Option<u32>,
    /// Recipe to start from: a TOML file as printed by `vizsla info`, or a ready one of `vizsla methods recipe`
    #[arg(long, value_name = "FILE or NAME")]
    recipe: Option<PathBuf>,
    /// Codebook from `vizsla codebook train` in place of the built-in one
    #[arg(long, value_name = "FILE")]
    codebook: Option<PathBuf>,
    /// Leave local features out: no visual words, no geometric verification
    #[arg(long)]
    no_local: bool,
    /// One vector of each picture without a network
    ///
    /// bow, vlad, vlad_intra, or fisher, which needs --aggregator, sum its local features, also over the cells of a spatial pyramid,
    /// as in vlad_intra@1x1+2x2 or bow@1x1*0.25+2x2*0.25+4x4*0.5. rgb, hsv, lab, moments, layout,
    /// correlogram, lbp, lbp_ri, cs_lbp, gabor, cooccurrence, tamura, hog, phog, edges, hu, average_hash, difference_hash,
    /// dct_hash and wavelet_hash describe the whole picture; several are joined with weights, as in hsv@2x2*0.5+lbp*0.5.
    #[arg(long, value_name = "WHAT", conflicts_with = "encoder")]
    global: Option<Global>,
    #[command(flatten)]
    local: Local,
    /// Vocabulary from `vizsla codebook aggregate` for that sum; left out, one is learned from the codebook's words
    #[arg(long, value_name = "FILE", conflicts_with = "encoder")]
    aggregator: Option<PathBuf>,
    /// How the visual words of a query vote: hamming, hamming_wgc (the votes for an image must agree on one turn and one change of
    /// size), bow (tf-idf without signatures), asmk (all features of a word count as one)
    #[arg(long, value_name = "HOW")]
    scoring: Option<Scoring>,
    /// Image model of `vizsla models` for a global descriptor of each picture, in place of the small one that ships
    #[arg(long, value_name = "MODEL")]
    encoder: Option<String>,
    /// Leave out the network that ships: local features alone
    #[arg(long, conflicts_with_all = ["encoder", "global", "aggregator"])]
    no_encoder: bool,
    /// Longest side, in pixels, at which the image model sees pictures; left out, the model's own rule
    #[arg(long, value_name = "PIXELS", requires = "encoder")]
    encoder_side: Option<u32>,
    /// Sizes, relative to that side, whose descriptors are added up, such as 1,0.7071,0.5
    #[arg(
        long,
        value_name = "SCALES",
        value_delimiter = ',',
        requires = "encoder"
    )]
    scales: Vec<f32>,
    /// Value of the network that becomes the descriptor; left out, the model's entry says it
    #[arg(long, value_name = "NAME", requires = "encoder")]
    output: Option<String>,
    /// How a feature map becomes a vector: mac, spoc, spoc+centre, crow, r_mac:3, gem:3, netvlad:FILE, fisher:FILE
    #[arg(long, value_name = "POOLING", requires = "encoder")]
    pooling: Option<PoolingRecipe>,
    /// Power normalisation: 0.5 takes square roots, 1 does nothing
    #[arg(long, value_name = "ALPHA", requires = "encoder")]
    power: Option<f32>,
    /// Text model of `vizsla models` for the meaning of captions and of queries in words
    #[arg(long, value_name = "MODEL")]
    text_encoder: Option<String>,
}

/// A global descriptor that needs no network.
#[derive(Debug, Clone)]
enum Global {
    Summed(Aggregation, Option<Pyramid>),
    Whole(Combined),
}

impl FromStr for Global {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, pyramid) = match text.split_once('@') {
            Some((name, pyramid)) => (name, Some(pyramid)),
            None => (text, None),
        };
        if let Ok(summed) = name.parse() {
            let pyramid = pyramid.map(str::parse).transpose();
            let pyramid = pyramid.map_err(|error: PyramidError| error.to_string())?;
            return Ok(Self::Summed(summed, pyramid));
        }
        let sums = Aggregation::ALL.map(Aggregation::name).join(", ");
        let whole = text.parse().map(Self::Whole);
        whole.map_err(|error| format!("{error}; or {sums}, which sum local features"))
    }
}

impl Making {
    fn is_empty(&self) -> bool {
        self.budget.is_none()
            && self.max_side.is_none()
            && self.recipe.is_none()
            && self.codebook.is_none()
            && !self.no_local
            && self.global.is_none()
            && self.local.is_empty()
            && self.aggregator.is_none()
            && self.scoring.is_none()
            && self.encoder.is_none()
            && !self.no_encoder
            && self.text_encoder.is_none()
    }

    /// Opens the collection, or makes it with these options.
    ///
    /// # Errors
    /// The collection cannot be opened or made, or is there and was made with other options.
    pub fn open(&self, path: &Path) -> Result<Collection> {
        if Collection::find(path)? {
            let collection = Collection::open(path)?;
            if !self.is_empty() {
                self.check(&collection)?;
            }
            return Ok(collection);
        }
        let codebook = match &self.codebook {
            Some(file) => Arc::new(Codebook::open(file)?),
            None => Codebook::builtin(),
        };
        let aggregator = self.aggregator()?;
        let mut builder = Collection::builder(path)
            .recipe(self.recipe(self.base()?, aggregator.as_ref())?)
            .codebook(codebook);
        if let Some(aggregator) = aggregator {
            builder = builder.aggregator(Arc::new(aggregator));
        }
        if let Some(file) = self.local.model() {
            let network = KeypointNetwork::open(file, &SessionOptions::default())?;
            builder = builder.local_model(Arc::new(network));
        }
        Ok(builder.create()?)
    }

    /// The recipe of a new collection before anything is asked of it.
    fn base(&self) -> Result<Recipe> {
        let other = self.encoder.is_some() || self.global.is_some() || self.aggregator.is_some();
        Ok(match self.no_encoder || other {
            true => Recipe::default(),
            false => Recipe::standard()?,
        })
    }

    /// The recipe that these options ask for, with the vocabulary that they name, on top of a given one.
    fn recipe(&self, base: Recipe, aggregator: Option<&Aggregator>) -> Result<Recipe> {
        let mut recipe = match &self.recipe {
            Some(file) => named_recipe(file)?,
            None => base,
        };
        if let Some(budget) = self.budget {
            recipe.local.budget = budget;
        }
        if let Some(max_side) = self.max_side {
            recipe.pixels.max_side = max_side;
        }
        recipe.local.enabled &= !self.no_local;
        self.local.choose(&mut recipe.local)?;
        recipe.search.scoring = self.scoring.unwrap_or(recipe.search.scoring);
        if self.no_encoder {
            recipe.global = None;
        }
        if let Some(model) = &self.encoder {
            let base = match recipe.global.take() {
                Some(GlobalRecipe::Network(network)) => Some(network),
                _ => None,
            };
            recipe.global = Some(self.network(model, base).into());
        }
        if let Some(Global::Whole(whole)) = &self.global {
            if self.aggregator.is_some() {
                bail!(
                    "--aggregator is for bow, vlad, vlad_intra and fisher, not for `{whole}`; leave it out"
                );
            }
            let same = recipe.global.take().filter(
                |global| matches!(global, GlobalRecipe::Whole(kept) if kept.whole == *whole),
            );
            recipe.global = Some(same.unwrap_or_else(|| whole.clone().into()));
        } else if let Some(summed) = self.summed(recipe.global.as_ref(), aggregator)? {
            recipe.global = Some(summed.into());
        }
        if let Some(model) = &self.text_encoder {
            let same = recipe.text.take().filter(|text| text.model == *model);
            recipe.text = Some(same.unwrap_or_else(|| TextRecipe {
                model: model.clone(),
                ..TextRecipe::default()
            }));
        }
        recipe.check()?;
        Ok(recipe)
    }

    fn aggregator(&self) -> Result<Option<Aggregator>> {
        let open = |file: &PathBuf| Aggregator::open(file);
        Ok(self.aggregator.as_ref().map(open).transpose()?)
    }

    /// The sum over local features that these options ask for, on top of a given one.
    fn summed(
        &self,
        base: Option<&GlobalRecipe>,
        aggregator: Option<&Aggregator>,
    ) -> Result<Option<AggregateRecipe>> {
        let mut base = base.and_then(GlobalRecipe::aggregate).cloned();
        let (wanted, pyramid) = match &self.global {
            Some(Global::Summed(wanted, pyramid)) => (Some(*wanted), Some(pyramid)),
            _ => (None, None),
        };
        if let (Some(base), Some(pyramid)) = (&mut base, pyramid) {
            base.pyramid.clone_from(pyramid);
        }
        let new = || AggregateRecipe {
            pyramid: pyramid.cloned().flatten(),
            words: wanted.unwrap_or_default().usual_words(),
            ..AggregateRecipe::default()
        };
        let mut summed = match (wanted, aggregator) {
            (None, None) => return Ok(None),
            (_, Some(given)) => base.unwrap_or_else(new).with(given),
            (Some(wanted), None) => match base {
                Some(same) if same.aggregate == wanted => same,
                _ => new(),
            },
        };
        if let Some(wanted) = wanted {
            if aggregator.is_some() && summed.aggregate != wanted {
                bail!(
                    "the vocabulary of --aggregator is for `{}`, --global asks for `{wanted}`; leave --global out, or learn one \
                     with `vizsla codebook aggregate --aggregate {wanted}`",
                    summed.aggregate
                );
            }
            summed.aggregate = wanted;
        }
        Ok(Some(summed))
    }

    /// The network that these options ask for, on top of one of the same model.
    fn network(&self, model: &str, base: Option<DescriptorRecipe>) -> DescriptorRecipe {
        let same = base.filter(|base| base.model == model);
        let mut global = same.unwrap_or_else(|| DescriptorRecipe {
            model: model.to_owned(),
            ..DescriptorRecipe::default()
        });
        if let Some(side) = self.encoder_side {
            global.side = side;
        }
        if !self.scales.is_empty() {
            global.scales.clone_from(&self.scales);
        }
        if let Some(output) = &self.output {
            global.output.clone_from(output);
        }
        if let Some(pooling) = &self.pooling {
            global.pooling.clone_from(pooling);
        }
        if let Some(power) = self.power {
            global.power = power;
        }
        global
    }

    /// Features of one collection are made by one recipe: other options need another collection.
    fn check(&self, collection: &Collection) -> Result<()> {
        let info = collection.info()?;
        let kept = Recipe::from_toml(&info.recipe)?;
        let mut asked = self.recipe(kept.clone(), self.aggregator()?.as_ref())?;
        if let Some(GlobalRecipe::Network(global)) = &mut asked.global
            && let Some(name) = global.pooling.named()
            && let Ok(pooling) = name.open(&|file| PathBuf::from(file))
        {
            global.pooling = PoolingRecipe::Named(pooling.name());
        }
        if let Some(file) = self.local.model() {
            asked.local.model = KeypointNetwork::id_of(file)?;
        }
        let same_recipe = asked == kept;
        let same_codebook = match &self.codebook {
            Some(file) => Codebook::open(file)?.id() == info.codebook,
            None => true,
        };
        if !(same_recipe && same_codebook) {
            bail!(
                "the recipe and the codebook of a collection are fixed when it is made; leave the \
                 options out, or index into a new collection: {}",
                info.path.display()
            );
        }
        Ok(())
    }
}

/// The recipe of a file, or the ready one of that name.
fn named_recipe(file: &Path) -> Result<Recipe> {
    let ready = file.to_str().and_then(ready_recipe);
    let text = match (fs_err::read_to_string(file), ready) {
        (Ok(text), _) => text,
        (Err(error), Some(ready)) if error.kind() == ErrorKind::NotFound => ready.text.to_owned(),
        (Err(error), _) if error.kind() == ErrorKind::NotFound => {
            let names = READY_RECIPES.map(|ready| ready.name).join(", ");
            bail!("{error}; it is neither a file nor a ready recipe: {names}");
        }
        (Err(error), _) => return Err(error.into()),
    };
    Recipe::from_toml(&text).with_context(|| file.display().to_string())
}
