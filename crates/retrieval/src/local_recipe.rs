//! Which local features are taken: the part `[local]` of a recipe.

use serde::{Deserialize, Serialize};
use vizsla_features::{DescriptorKind, Detectors, check_pair};

use crate::Codes;

/// Which local features are taken from an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct LocalRecipe {
    /// Whether local features are taken at all; without them there are no visual words and no verification.
    pub enabled: bool,
    /// What finds the features: one detector, or several that complement each other (`dog+mser`).
    pub detector: Detectors,
    /// What describes them; the codebook must be of the same kind.
    pub descriptor: DescriptorKind,
    /// Most features kept of a gallery image.
    pub budget: usize,
    /// Most features used of a query.
    pub query_budget: usize,
    /// How much is kept of their descriptors.
    pub codes: Codes,
    /// Whether a picture in little, at most 4 kB, is kept with the features of each image: what lies between features is compared by it, which
    /// tells a match from a part.
    pub look: bool,
    /// DoG contrast threshold, in the convention of Lowe 2004 (range of the image = 1, divided by layers).
    pub contrast_threshold: f32,
    /// Content hash of the codebook; empty = the built-in one.
    pub codebook: String,
    /// The network of learned features: a file, and in the recipe of a collection the content hash of its own copy; empty
    /// where a network is not needed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
}

/// As it is written: features of a network are named once.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    enabled: bool,
    detector: Option<Detectors>,
    descriptor: Option<DescriptorKind>,
    budget: usize,
    query_budget: usize,
    codes: Codes,
    look: bool,
    contrast_threshold: f32,
    codebook: String,
    model: String,
}

impl Default for LocalRecipe {
    fn default() -> Self {
        Self {
            enabled: true,
            detector: Detectors::default(),
            descriptor: DescriptorKind::RootSift,
            budget: 1200,
            query_budget: 1500,
            codes: Codes::Compact,
            look: true,
            contrast_threshold: 0.03,
            codebook: String::new(),
            model: String::new(),
        }
    }
}

impl Default for Written {
    fn default() -> Self {
        let usual = LocalRecipe::default();
        Self {
            enabled: usual.enabled,
            detector: None,
            descriptor: None,
            budget: usual.budget,
            query_budget: usual.query_budget,
            codes: usual.codes,
            look: usual.look,
            contrast_threshold: usual.contrast_threshold,
            codebook: usual.codebook,
            model: usual.model,
        }
    }
}

impl From<Written> for LocalRecipe {
    fn from(written: Written) -> Self {
        let mut local = Self {
            enabled: written.enabled,
            budget: written.budget,
            query_budget: written.query_budget,
            codes: written.codes,
            look: written.look,
            contrast_threshold: written.contrast_threshold,
            codebook: written.codebook,
            model: written.model,
            ..Self::default()
        };
        local.choose(written.detector, written.descriptor);
        local
    }
}

impl LocalRecipe {
    /// Takes what is named, and leaves the rest as it is; of features that a network finds and describes, either name stands for
    /// both.
    pub fn choose(&mut self, detector: Option<Detectors>, descriptor: Option<DescriptorKind>) {
        let own = descriptor.and_then(DescriptorKind::own_detector);
        let described = descriptor.or(detector.as_ref().and_then(Detectors::own_descriptor));
        if let Some(found) = detector.or(own.map(Detectors::from)) {
            self.detector = found;
        }
        self.descriptor = described.unwrap_or(self.descriptor);
    }

    /// Whether detector, descriptor and network go together; if not, what is possible.
    pub(crate) fn check(&self) -> Result<(), String> {
        for detector in self.detector.iter() {
            check_pair(detector, self.descriptor).map_err(|error| format!("local: {error}"))?;
        }
        let learned = self.descriptor.is_learned();
        if !(learned || self.model.is_empty()) {
            let learned = DescriptorKind::ALL.into_iter();
            let learned = learned.filter(|kind| kind.is_learned());
            let names: Vec<&str> = learned.map(DescriptorKind::name).collect();
            return Err(format!(
                "local.model is the network of learned features, and local.descriptor = {} needs none; leave it out, or set \
                 local.descriptor to {}",
                self.descriptor,
                names.join(" or ")
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use vizsla_features::Detector;

    use super::*;
    use crate::Recipe;

    fn read(local: &str) -> Result<LocalRecipe, String> {
        let recipe = Recipe::from_toml(&format!("[local]\n{local}"));
        recipe.map(|recipe| recipe.local).map_err(|e| e.to_string())
    }

    #[test]
    fn a_network_is_named_once_or_twice() {
        for text in [
            "descriptor = \"xfeat\"",
            "detector = \"xfeat\"",
            "detector = \"xfeat\"\ndescriptor = \"xfeat\"\nmodel = \"net.onnx\"",
        ] {
            let local = read(text).unwrap();
            assert_eq!(local.detector, Detector::Xfeat.into());
            assert_eq!(local.descriptor, DescriptorKind::Xfeat);
        }
        let local = read("model = \"net.onnx\"\ndescriptor = \"xfeat\"").unwrap();
        let recipe = Recipe {
            local,
            ..Recipe::default()
        };
        let again = Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap();
        assert_eq!(again, recipe);
        assert_eq!(again.local.model, "net.onnx");
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_what_does() {
        for text in [
            "detector = \"dog\"\ndescriptor = \"xfeat\"",
            "detector = \"xfeat\"\ndescriptor = \"sift\"",
            "detector = \"dog+xfeat\"",
        ] {
            let error = read(text).unwrap_err();
            assert!(
                error.contains("take xfeat for both, or for neither"),
                "{error}"
            );
        }
        let error = read("model = \"net.onnx\"").unwrap_err();
        assert!(error.contains("local.descriptor to xfeat"), "{error}");
        assert!(read("modell = \"net.onnx\"").is_err());
        assert!(
            read("detector = \"dog+dog\"")
                .unwrap_err()
                .contains("named twice")
        );
        let both = read("detector = \"dog+mser\"").unwrap();
        assert_eq!(both.detector.to_string(), "dog+mser");
    }
}
