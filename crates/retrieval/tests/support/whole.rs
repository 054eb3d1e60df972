//! Everything that reads a collection, tried on one whose catalog is any bytes.

use std::path::Path;

use vizsla_retrieval::{Collection, Filter, Query, SearchOptions, Silent};

/// Opens the collection and asks all that can be asked of it. Errors are answers; a panic or a hang is not.
pub fn ask_everything(place: &Path) {
    let Ok(collection) = Collection::open(place) else {
        return;
    };
    let _ = collection.verify(&Silent);
    let _ = collection.info();
    let _ = collection.captions();
    let _ = collection.facets(None);
    let _ = collection.positions();
    if let Ok(filter) = Filter::parse("width > 10 and label = 'dog'") {
        let _ = collection.images(Some(&filter), 0, 10);
    }
    let images = collection.list().unwrap_or_default();
    for image in images.iter().take(3) {
        let _ = collection.feature_places(image.image);
        let _ = collection.search(&Query::stored(image.image), &SearchOptions::default());
    }
    let _ = collection.search(&Query::text("a red dog"), &SearchOptions::default());
}
