//! What is said of a method.

use serde::Serialize;

/// What is said of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct About {
    /// What it does, in a line.
    pub what: &'static str,
    /// Where it was published; of this project where there is no paper.
    pub paper: &'static str,
    /// What it costs, beside the usual choice of its family.
    pub cost: &'static str,
    /// What is kept for it.
    pub memory: &'static str,
}

/// The name of a method, whether a recipe that says nothing has it, and what is said of it.
pub(super) type Named = (String, bool, About);
