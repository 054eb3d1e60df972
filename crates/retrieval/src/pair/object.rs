//! What parts of the correspondences between two pictures agree on, in the pixels of the whole pictures.

use std::collections::HashSet;

use vizsla_features::{
    Correspondence, Fundamental, GeometryConfig, GeometryFinding, GeometryMethod, GroundSource,
    GuidedConfig, Transform, TwoViewGeometry, TwoViewModel, Verification, fit, fit_fundamental,
    match_guided,
};
use vizsla_pixels::Rgb;

use crate::agreement::{Seen, agreement, compare, figures, is_proven, verdict as of_agreement};
use crate::described_picture::DescribedPicture;
use crate::{Agreement, PointPair, Region, SearchRecipe, Verdict, ground};

/// What part of the correspondences between two pictures agrees on.
#[derive(Debug, Clone)]
pub struct PairObject {
    /// The family of the geometry; `None` of what only neighbours bear out.
    pub model: Option<TwoViewModel>,
    /// What relates the two pictures, in full-resolution pixels; fitted to the guided pairs where there are some.
    pub geometry: Option<TwoViewGeometry>,
    /// The pairs that agree, in full-resolution pixels: the guided ones where there are some, or else the inliers.
    pub pairs: Vec<PointPair>,
    /// How many of the tentative pairs agree.
    pub inliers: usize,
    /// How many pairs guided matching found; `None` where it was not asked for.
    pub guided: Option<usize>,
    /// log10 of the expected number of as good agreements of the tentative pairs by chance.
    pub log10_nfa: Option<f64>,
    /// What a map of the plane says of the two pictures. Coverage, bound and inliers are those of the tentative pairs.
    pub agreement: Option<Agreement>,
}

impl PairObject {
    /// The map of the plane from the first picture to the second, where it is one.
    pub fn transform(&self) -> Option<&Transform> {
        self.geometry.as_ref()?.transform()
    }

    /// The fundamental matrix of the two pictures, where it is one.
    pub fn fundamental(&self) -> Option<&Fundamental> {
        self.geometry.as_ref()?.fundamental()
    }

    fn verdict(&self, recipe: &SearchRecipe) -> Verdict {
        let proved = match (&self.agreement, self.log10_nfa) {
            (Some(agreement), _) => return of_agreement(agreement, recipe),
            (None, Some(bound)) => bound <= recipe.verdict_log10_nfa,
            (None, None) => false,
        };
        match proved {
            true => Verdict::Match,
            false => Verdict::NoMatch,
        }
    }
}

/// A picture that was described as a whole.
fn seen(described: &DescribedPicture) -> Seen {
    let [width, height] = described.size.map(f64::from);
    let whole = Region {
        x: 0.0,
        y: 0.0,
        width,
        height,
    };
    Seen::of(&described.features, whole, described.zoom())
}

/// Whether one of the objects is proved; `None` of a method that proves nothing.
pub(super) fn verdict(
    objects: &[PairObject],
    geometry: &GeometryConfig,
    recipe: &SearchRecipe,
) -> Option<Verdict> {
    if geometry.method() == GeometryMethod::LocalConsistency {
        return None;
    }
    let verdicts = objects.iter().map(|object| object.verdict(recipe));
    Some(verdicts.min().unwrap_or(Verdict::NoMatch))
}

/// Two pictures that are compared.
pub(super) struct Pair<'a> {
    left: &'a DescribedPicture,
    right: &'a DescribedPicture,
    seen: [Seen; 2],
    /// The first picture, to be laid under the second, and the second in little.
    ground: Option<(GroundSource, Rgb)>,
    recipe: &'a SearchRecipe,
}

/// Features of both pictures that a guided pair has.
#[derive(Default)]
struct Taken {
    left: HashSet<u32>,
    right: HashSet<u32>,
}

/// What guided matching made of a geometry.
struct Guided {
    pairs: Vec<Correspondence>,
    geometry: TwoViewGeometry,
}

impl<'a> Pair<'a> {
    pub(super) fn new(
        left: &'a DescribedPicture,
        right: &'a DescribedPicture,
        recipe: &'a SearchRecipe,
    ) -> Self {
        let size = (f64::from(left.size[0]), f64::from(left.size[1]));
        let source = GroundSource::new(left.picture.clone(), size).ok();
        Self {
            left,
            right,
            seen: [seen(left), seen(right)],
            ground: source.zip(ground::fitted(&right.picture)),
            recipe,
        }
    }

    /// What parts of the correspondences agree on.
    pub(super) fn objects(
        &self,
        correspondences: &[Correspondence],
        geometry: &GeometryConfig,
        guided: Option<&GuidedConfig>,
    ) -> Vec<PairObject> {
        let [from, to] = [self.seen[0].size, self.seen[1].size];
        let found = geometry.find(correspondences, from, to);
        let mut taken = Taken::default();
        let object = |finding| self.object(correspondences, finding, guided, &mut taken);
        found.into_iter().map(object).collect()
    }

    fn object(
        &self,
        correspondences: &[Correspondence],
        finding: GeometryFinding,
        config: Option<&GuidedConfig>,
        taken: &mut Taken,
    ) -> PairObject {
        let model = finding.geometry.map(|(model, _)| model);
        let guided = (config.zip(finding.geometry))
            .map(|(config, (model, found))| self.guided(model, &found, config, taken));
        let mut agreement = self.agreement(correspondences, &finding);
        let inliers = finding.inliers.iter();
        let mut pairs: Vec<Correspondence> = inliers
            .filter_map(|&at| correspondences.get(at as usize).copied())
            .collect();
        let (tentative, mut geometry) = (pairs.len(), finding.geometry);
        let count = guided.as_ref().map(|guided| guided.pairs.len());
        if let Some((model, guided)) = model.zip(guided).filter(|(_, g)| !g.pairs.is_empty()) {
            let refitted = GeometryFinding {
                geometry: Some((model, guided.geometry)),
                inliers: (0..guided.pairs.len() as u32).collect(),
                log10_nfa: finding.log10_nfa,
            };
            geometry = refitted.geometry;
            let again = self.agreement(&guided.pairs, &refitted);
            // Guided pairs lie where they should because they were looked for there: what proves is tentative.
            agreement = again.zip(agreement).map(|(again, first)| Agreement {
                tentative: first.tentative,
                inliers: first.inliers,
                coverage: first.coverage,
                extent: first.extent,
                ..again
            });
            pairs = guided.pairs;
        }
        PairObject {
            model,
            geometry: geometry.and_then(|(_, found)| self.whole(&found, agreement.as_ref())),
            pairs: self.points(&pairs),
            inliers: tentative,
            guided: count,
            log10_nfa: finding.log10_nfa,
            agreement,
        }
    }

    /// A geometry of the analysed pictures as one of the whole ones.
    fn whole(
        &self,
        geometry: &TwoViewGeometry,
        agreement: Option<&Agreement>,
    ) -> Option<TwoViewGeometry> {
        match geometry {
            TwoViewGeometry::Plane(_) => {
                let full = Transform(agreement?.transform);
                Some(TwoViewGeometry::Plane(full))
            }
            TwoViewGeometry::Epipolar(f) => Some(TwoViewGeometry::Epipolar(self.full(f)?)),
        }
    }

    fn points(&self, pairs: &[Correspondence]) -> Vec<PointPair> {
        let [left, right] = &self.seen;
        let point = |pair: &Correspondence| PointPair {
            query: left.full(pair.from.x, pair.from.y),
            gallery: right.full(pair.to.x, pair.to.y),
        };
        pairs.iter().map(point).collect()
    }

    /// What a finding says of the two pictures, where it is a map of the plane.
    fn agreement(
        &self,
        correspondences: &[Correspondence],
        finding: &GeometryFinding,
    ) -> Option<Agreement> {
        let (model, geometry) = finding.geometry.as_ref()?;
        let verification = Verification {
            transform: *geometry.transform()?,
            inliers: finding.inliers.clone(),
            log10_nfa: finding.log10_nfa?,
            model: model.plane()?,
        };
        let [left, right] = &self.seen;
        let mut found = agreement(correspondences, &verification, left, right);
        if let Some((source, little)) = self
            .ground
            .as_ref()
            .filter(|_| is_proven(&found, self.recipe))
        {
            let size = (right.region.width, right.region.height);
            compare(&mut found, source, &left.region, little, size);
            found.sameness = figures(&found).map(|own| own.alone());
        }
        Some(found)
    }

    /// Matches again where a geometry allows, but no feature that an earlier object has, and fits the geometry to what is found.
    fn guided(
        &self,
        model: TwoViewModel,
        found: &TwoViewGeometry,
        config: &GuidedConfig,
        taken: &mut Taken,
    ) -> Guided {
        let (a, b) = (&self.left.features, &self.right.features);
        let mut matches = match_guided(a, b, found, config);
        matches.retain(|pair| !taken.left.contains(&pair.a) && !taken.right.contains(&pair.b));
        let correspondence = |at: &vizsla_features::RatedMatch| Correspondence {
            from: a.keypoints[at.a as usize].frame(),
            to: b.keypoints[at.b as usize].frame(),
            weight: 1.0,
        };
        let all: Vec<Correspondence> = matches.iter().map(correspondence).collect();
        let fitted = match model.plane() {
            Some(plane) => fit(&all, plane).map(TwoViewGeometry::Plane),
            None => fit_fundamental(&all).map(TwoViewGeometry::Epipolar),
        };
        let near = |geometry: &TwoViewGeometry, pair: &Correspondence| {
            let (from, to) = ((pair.from.x, pair.from.y), (pair.to.x, pair.to.y));
            geometry.squared_error(from, to) < config.radius.powi(2)
        };
        // A fit that leaves most of its own pairs was drawn away by wrong ones.
        let keeps = |fitted: &TwoViewGeometry| {
            2 * all.iter().filter(|pair| near(fitted, pair)).count() >= all.len()
        };
        let geometry = fitted.filter(keeps).unwrap_or(*found);
        let mut pairs = Vec::new();
        for (pair, at) in all.into_iter().zip(&matches) {
            if near(&geometry, &pair) {
                taken.left.insert(at.a);
                taken.right.insert(at.b);
                pairs.push(pair);
            }
        }
        Guided { pairs, geometry }
    }

    /// A fundamental matrix of the analysed pictures as one of the whole ones.
    fn full(&self, f: &Fundamental) -> Option<Fundamental> {
        let [left, right] = &self.seen;
        let shrink = |zoom: f64| Transform::enlargement(zoom).inverse();
        let (left, right) = (shrink(left.zoom)?, shrink(right.zoom)?);
        let turned = Fundamental(right.0).transposed();
        let full = Transform(turned.0).compose(&Transform(f.0)).compose(&left);
        Fundamental(full.0).normalised()
    }
}

#[cfg(test)]
mod tests {
    use vizsla_features::Features;
    use vizsla_pixels::Rgb;

    use super::*;

    /// A picture of so many analysed pixels, twice as large in full.
    fn halved(width: u32, height: u32) -> DescribedPicture {
        let features = Features {
            width,
            height,
            ..Features::default()
        };
        DescribedPicture {
            picture: Rgb::filled(width as usize, height as usize, [0; 3]).unwrap(),
            size: [2 * width, 2 * height],
            features,
        }
    }

    #[test]
    fn points_of_whole_pictures_lie_on_the_lines_of_the_whole_matrix() {
        let (left, right) = (halved(50, 40), halved(60, 30));
        let f = Fundamental([[0.0, 1e-3, -0.2], [2e-3, 0.0, 0.3], [0.1, -0.4, 1.0]]);
        let recipe = SearchRecipe::default();
        let full = Pair::new(&left, &right, &recipe).full(&f).unwrap();
        // Centres of pixels have whole coordinates.
        let whole = |v: f64| (v + 0.5) * 2.0 - 0.5;
        for (x, y, u, v) in [(3.0, 7.0, 9.0, 2.0), (40.0, 30.0, 11.0, 25.0)] {
            let (a, b) = f.line_distances((x, y), (u, v));
            let (p, q) = full.line_distances((whole(x), whole(y)), (whole(u), whole(v)));
            assert!((2.0 * a - p).abs() < 1e-9 && (2.0 * b - q).abs() < 1e-9);
        }
    }
}
