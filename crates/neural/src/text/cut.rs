//! The words of a text.

/// The words of a text: runs of letters and digits, those with an apostrophe inside kept whole.
///
/// ```
/// let words: Vec<String> = vizsla_neural::words("The dog's RED ball, 2nd-hand", true).collect();
/// assert_eq!(words, ["the", "dog's", "red", "ball", "2nd", "hand"]);
/// ```
pub fn words(text: &str, lower_case: bool) -> impl Iterator<Item = String> {
    let apostrophe = |c: char| c == '\'' || c == '\u{2019}';
    text.split(move |c: char| !c.is_alphanumeric() && !apostrophe(c))
        .map(move |word| word.trim_matches(apostrophe))
        .filter(|word| !word.is_empty())
        .map(move |word| {
            let word = word.replace('\u{2019}', "'");
            if lower_case {
                word.to_lowercase()
            } else {
                word
            }
        })
}
