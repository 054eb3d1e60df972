//! One image of a ranked list.

/// One image that a searcher returned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// Position in [`Dataset::gallery`], or in [`Dataset::captions`] when the query asks for captions.
    pub gallery: usize,
    /// Score; only its record is kept, the order of the list is the ranking.
    pub score: f64,
    /// Whether the searcher calls it a match.
    pub matched: bool,
    /// log10 of the number of false alarms of the verified geometry; smaller is surer. `None` (or a value that is
    /// NaN or infinitely large) where no geometry was found.
    pub log10_nfa: Option<f64>,
}

impl Ranked {
    /// −log10 NFA, at most the largest finite number; minus infinity without geometry.
    pub(crate) fn confidence(&self) -> f64 {
        match self.log10_nfa {
            Some(nfa) if !nfa.is_nan() => (-nfa).min(f64::MAX),
            _ => f64::NEG_INFINITY,
        }
    }
}
