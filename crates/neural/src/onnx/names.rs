//! Names that were meant: the nearest ones first, a bounded number of them.

/// Names shown in one message.
const SHOWN: usize = 12;

/// "there are 'a', 'b' and 40 more", the names most like `wanted` first.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let wanted = wanted.to_lowercase();
    let mut ranked: Vec<(usize, usize, &str)> = names
        .into_iter()
        .enumerate()
        .map(|(place, name)| (distance(&wanted, &name.to_lowercase()), place, name))
        .collect();
    if ranked.is_empty() {
        return "there are none".to_owned();
    }
    let all = ranked.len();
    ranked.sort();
    let shown: Vec<String> = ranked
        .iter()
        .take(SHOWN)
        .map(|(_, _, name)| format!("'{name}'"))
        .collect();
    let more = match all - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("there are {}{more}", shown.join(", "))
}

/// Levenshtein's distance, names cut at 64 characters; a name that holds the wanted one is near.
fn distance(wanted: &str, name: &str) -> usize {
    if !wanted.is_empty() && name.contains(wanted) {
        return 0;
    }
    let name: Vec<char> = name.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (i, w) in wanted.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &n) in name.iter().enumerate() {
            let replaced = diagonal + usize::from(w != n);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first_and_the_list_is_bounded() {
        assert_eq!(distance("kitten", "sitting"), 3);
        let names: Vec<String> = (0..40).map(|i| format!("layer_{i}")).collect();
        let text = nearest("Layer_7x", names.iter().map(String::as_str));
        assert!(text.starts_with("there are 'layer_7', "), "{text}");
        assert!(text.ends_with(" and 28 more"), "{text}");
        assert_eq!(nearest("x", []), "there are none");
    }
}
