//! "Which of the two is closer?": judgements of triplets, as in Gordo & Larlus 2017.

use std::collections::BTreeMap;
use std::path::Path;

use vizsla_retrieval::lists;

use super::judgements::JudgedPair;
use crate::datasets::read_text;
use crate::error::Error;

/// The columns of such a table.
const HEADER: [&str; 5] = ["query", "a", "b", "votes_a", "votes_b"];

/// A query, two candidates, and how many people found each of them closer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triplet {
    /// Name of the query.
    pub query: String,
    /// Name of the first candidate.
    pub a: String,
    /// Name of the second candidate.
    pub b: String,
    /// People who found the first one closer.
    pub votes_a: u32,
    /// People who found the second one closer.
    pub votes_b: u32,
}

/// Reads a table with the header `query,a,b,votes_a,votes_b`, of any separator; names are as in the similarities they are compared with.
///
/// # Errors
/// The file cannot be read, or a column is missing or not a number.
pub fn load_triplets(file: &Path) -> Result<Vec<Triplet>, Error> {
    let mut rows = lists::rows(&read_text(file)?, HEADER.len()).into_iter();
    let header = rows.next().map(|(_, cells)| cells).unwrap_or_default();
    if header != HEADER {
        let (wanted, found) = (HEADER.join(","), header.join(","));
        let problem = format!("expected the header {wanted}; it is {found}");
        return Err(Error::invalid(problem, file));
    }
    let mut triplets = Vec::new();
    for (line, cells) in rows {
        let [query, a, b, votes_a, votes_b] = cells.as_slice() else {
            let problem = format!("line {line}: expected 5 columns, there are {}", cells.len());
            return Err(Error::invalid(problem, file));
        };
        let votes = |cell: &String| {
            cell.parse().map_err(|_| {
                let problem = format!("line {line}: \"{cell}\" is no number of votes");
                Error::invalid(problem, file)
            })
        };
        triplets.push(Triplet {
            query: query.clone(),
            a: a.clone(),
            b: b.clone(),
            votes_a: votes(votes_a)?,
            votes_b: votes(votes_b)?,
        });
    }
    if triplets.is_empty() {
        return Err(Error::invalid("no triplet in it", file));
    }
    Ok(triplets)
}

/// Triplets from graded pairs: for every picture each two captions whose mean grades differ. A judge votes for the
/// caption with the higher grade, and for neither when both are graded the same.
pub fn triplets_of_judgements<'a>(
    judged: impl IntoIterator<Item = &'a JudgedPair>,
) -> Vec<Triplet> {
    let mut of_image: BTreeMap<&str, Vec<&JudgedPair>> = BTreeMap::new();
    for pair in judged {
        of_image.entry(&pair.image).or_default().push(pair);
    }
    let mut triplets = Vec::new();
    for (image, pairs) in of_image {
        for (i, a) in pairs.iter().enumerate() {
            for b in pairs[i + 1..].iter().filter(|b| a.mean() != b.mean()) {
                let votes = |x: &JudgedPair, y: &JudgedPair| {
                    let above = x.ratings.iter().zip(&y.ratings).filter(|(x, y)| x > y);
                    above.count() as u32
                };
                triplets.push(Triplet {
                    query: image.to_owned(),
                    a: a.caption.clone(),
                    b: b.caption.clone(),
                    votes_a: votes(a, b),
                    votes_b: votes(b, a),
                });
            }
        }
    }
    triplets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_judge_votes_for_the_caption_graded_higher() {
        let pair = |caption: &str, ratings: [f64; 3]| JudgedPair {
            image: "a.jpg".into(),
            caption: caption.into(),
            ratings: ratings.to_vec(),
        };
        let judged = [
            pair("x#0", [1.0, 2.0, 3.0]),
            pair("y#0", [2.0, 2.0, 1.0]),
            pair("z#0", [1.0, 3.0, 2.0]),
        ];
        let triplets = triplets_of_judgements(&judged);
        let votes: Vec<_> = triplets
            .iter()
            .map(|t| (t.a.as_str(), t.b.as_str(), t.votes_a, t.votes_b))
            .collect();
        // x and z have the same mean
        assert_eq!(votes, [("x#0", "y#0", 1, 1), ("y#0", "z#0", 1, 2)]);
    }

    #[test]
    fn tables_are_read_and_broken_ones_named() {
        let folder = tempfile::tempdir().expect("temp dir");
        let file = folder.path().join("t.csv");
        let load = |text: &str| {
            fs_err::write(&file, text).expect("file");
            load_triplets(&file)
        };
        let triplets = load("query,a,b,votes_a,votes_b\nq,x,y,4,1\n").expect("one line");
        assert_eq!((triplets[0].votes_a, triplets[0].votes_b), (4, 1));
        for (text, says) in [
            ("query,a,b,votes_a\nq,x,y,4\n", "it is query,a,b,votes_a"),
            ("query,a,b,votes_a,votes_b\nq,x,y,-1,2\n", "line 2"),
            (
                "query,a,b,votes_a,votes_b\nq,x,y\n",
                "line 2: expected 5 columns",
            ),
            ("query,a,b,votes_a,votes_b\n", "no triplet"),
        ] {
            let message = load(text).expect_err(text).to_string();
            assert!(message.contains(says), "{message}");
        }
    }
}
