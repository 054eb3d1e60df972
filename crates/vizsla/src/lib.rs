//! Visual search: index photographs and find the same object again, from another photograph or from a region
//! drawn in one.
//!
//! This crate has no code of its own. It gathers the floors of the system under one name for programs that embed
//! it; each module is a crate that can be used alone. What most programs need stands at the top.
//!
//! | to | use |
//! |---|---|
//! | make or open a collection | [`Collection::builder`] |
//! | find what looks alike too, by the network that ships | [`Recipe::standard`] |
//! | take in folders, files, or pictures held in memory | [`Collection::ingest`], [`Collection::add`] |
//! | search by pictures, regions, words, examples | [`Collection::search`] with a [`Query`] |
//! | compare two pictures without a collection, by any way of matching and any geometry | [`match_pictures`] |
//! | see what visual words mean | [`shared_words`] |
//! | show why something was found | [`draw_agreement`], [`Collection::likeness`] |
//! | widen a query by what it finds, or order otherwise | [`SearchOptions::stages`] of [`StageRecipe`]s |
//! | learn a vocabulary of one's own | [`learn_codebook`], [`learn_aggregator`] |
//! | measure a collection on data with ground truth | [`evaluation::measure`] |
//! | lay a collection out on a plane | [`evaluation::MapLayout`] |
//! | train networks | `training`, with the feature of that name |
//!
//! An error of a collection says what can be done about it as a [`Remedy`], so that each program tells it in its own words.
//!
//! ```
//! use vizsla::evaluation::{load_files, measure};
//! use vizsla::pixels::{DecodeOptions, Rgb, decode_rgb};
//! use vizsla::{
//!     Collection, IngestOptions, MatchOptions, Query, QueryImage, SearchOptions, Silent, Source,
//!     StageName, Verdict, draw_agreement, match_pictures,
//! };
//!
//! # fn picture() -> Result<Rgb, vizsla::pixels::Error> {
//! #     let mut picture = Rgb::filled(360, 280, [120, 130, 125])?;
//! #     let mut state = 7u32;
//! #     let mut next = |below: u32| {
//! #         state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
//! #         (state >> 8) % below
//! #     };
//! #     for _ in 0..160 {
//! #         let colour = [next(256) as u8, next(256) as u8, next(256) as u8];
//! #         let (x, y) = (i64::from(next(360)), i64::from(next(280)));
//! #         picture.fill_rectangle(x, y, 4 + next(30) as usize, 4 + next(30) as usize, colour);
//! #     }
//! #     Ok(picture)
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let photos = folder.path().join("photos");
//! # std::fs::create_dir(&photos)?;
//! # let scene = picture()?;
//! # scene.save_png(&photos.join("scene.png"))?;
//! # let bytes = scene.crop(40, 30, 260, 200)?.encode_png()?;
//!
//! // A folder, and a picture that is in no file.
//! let mut collection = Collection::builder(folder.path().join("my.vizsla")).create()?;
//! collection.ingest(&[photos.clone()], &IngestOptions::default(), &Silent)?;
//! # let red = Rgb::filled(64, 48, [200, 30, 30])?.encode_png()?;
//! let held = Source::Bytes { name: "red", bytes: &red };
//! collection.add(&[held], &IngestOptions::default(), &Silent)?;
//! assert_eq!(collection.info()?.images, 2);
//!
//! // A search with the bytes of a picture, and why its first result was found.
//! let query = Query::image(QueryImage::Bytes(bytes.clone()));
//! let found = collection.search(&query, &SearchOptions::default())?;
//! let first = &found.hits[0];
//! assert_eq!(first.verdict, Verdict::Match);
//! let agreement = first.agreement.as_ref().ok_or("no geometry")?;
//! assert!(agreement.inliers > 10 && agreement.pairs.len() == agreement.inliers);
//!
//! // Again, widened by the places that verified results have in common with it; then what each result shares with the
//! // query, drawn.
//! let options = SearchOptions {
//!     stages: Some(vec!["verify".parse()?, "expand:regions".parse()?]),
//!     ..SearchOptions::default()
//! };
//! let wider = collection.search(&query, &options)?;
//! assert_eq!(wider.hits[0].image, first.image);
//! assert!(wider.stages.iter().any(|stage| stage.stage == StageName::Expand));
//! let options = DecodeOptions::default();
//! let left = decode_rgb(&bytes, &options)?;
//! let right = decode_rgb(&std::fs::read(&first.path)?, &options)?;
//! draw_agreement((&left).into(), (&right).into(), &agreement.pairs, Some(agreement.transform), agreement.cells())?
//!     .save_png(&folder.path().join("explained.png"))?;
//!
//! // The same verdict without a collection, and a drawing of it.
//! let part = Source::Bytes { name: "part", bytes: &bytes };
//! let pair = match_pictures(part, Source::File(&first.path), &MatchOptions::default())?;
//! assert_eq!(pair.verdict, Some(Verdict::Match));
//! pair.draw()?.save_png(&folder.path().join("why.png"))?;
//!
//! // How well it finds things, on pictures whose answers are known.
//! let queries = folder.path().join("queries");
//! # std::fs::create_dir(&queries)?;
//! # std::fs::write(queries.join("part.png"), &bytes)?;
//! # std::fs::write(folder.path().join("truth.json"), r#"{"part.png": ["scene.png"]}"#)?;
//! let dataset = load_files(&photos, &queries, &folder.path().join("truth.json"))?;
//! let mut gallery = Collection::builder(folder.path().join("gallery.vizsla")).create()?;
//! let measured = measure(&dataset, &mut gallery, &SearchOptions::default(), &Silent)?;
//! let run = measured.ok_or("stopped")?.run;
//! assert_eq!(run.report.metrics.get("map"), Some(&1.0));
//! # Ok(())
//! # }
//! ```

#[doc(inline)]
pub use vizsla_evaluation as evaluation;
#[doc(inline)]
pub use vizsla_features as features;
#[doc(inline)]
pub use vizsla_neural as neural;
#[doc(inline)]
pub use vizsla_pixels as pixels;
#[doc(inline)]
pub use vizsla_retrieval as retrieval;
#[cfg(feature = "training")]
#[doc(inline)]
pub use vizsla_training as training;
#[doc(inline)]
pub use vizsla_vectors as vectors;
#[doc(inline)]
pub use vizsla_words as words;

pub use vizsla_retrieval::{
    Agreement, Collection, CollectionBuilder, Error, Filter, Hit, IngestOptions, IngestReport,
    MatchOptions, ModelOptions, PairObject, PictureMatch, Query, QueryImage, Recipe, Region,
    Remedy, Reporter, SearchOptions, SearchResponse, SharedWords, SharedWordsOptions, Silent,
    Source, StageName, StageRecipe, Verdict, draw_agreement, draw_objects, learn_aggregator,
    learn_codebook, match_pictures, shared_words,
};
pub use vizsla_words::Codebook;
