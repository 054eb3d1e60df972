//! What is said of the ready recipes.

use super::about::{About, Named};
use crate::READY_RECIPES;

pub(super) fn systems() -> Vec<Named> {
    let told = READY_RECIPES.map(|ready| {
        let about = About {
            what: ready.what,
            paper: ready.paper,
            cost: "that of its parts",
            memory: "that of its parts",
        };
        (ready.name.to_owned(), false, about)
    });
    told.to_vec()
}
