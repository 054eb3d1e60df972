//! The same queries side by side for all runs.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::ReportOptions;
use super::pictures::{Frame, Pictures};
use super::read::{QueryResult, RunFolder, directions};
use super::short::short;
use crate::Error;
use crate::page::escaped;

/// Places of a list that are shown.
const PLACES: usize = 10;

/// A query with what each run made of it.
type Shared<'a> = (&'a str, Vec<&'a QueryResult>);

/// The section; empty when the runs have no query in common.
pub(super) fn section(
    runs: &[RunFolder],
    options: &ReportOptions,
    pictures: &mut Pictures,
) -> Result<String, Error> {
    let mut text = String::new();
    for direction in directions(runs) {
        let with: Vec<&RunFolder> = runs
            .iter()
            .filter(|run| run.board(&direction).is_some())
            .collect();
        let shared = shared(&with, &direction);
        let chosen = chosen(&shared, options.queries);
        if chosen.is_empty() {
            continue;
        }
        if !direction.is_empty() {
            let _ = writeln!(text, "<h3>{}</h3>", escaped(&direction));
        }
        let _ = writeln!(
            text,
            "<p class=\"soft\">{} of {} queries: those on which the runs differ most, and others from good to bad. Solid \
             green is relevant, dashed red is not.</p>",
            chosen.len(),
            shared.len()
        );
        for query in chosen {
            one(&mut text, &with, query, pictures)?;
        }
    }
    Ok(text)
}

/// Queries that all of these runs have, by name.
fn shared<'a>(runs: &[&'a RunFolder], direction: &str) -> Vec<Shared<'a>> {
    let mut all: BTreeMap<&str, Vec<&QueryResult>> = BTreeMap::new();
    for (number, run) in runs.iter().enumerate() {
        for query in run
            .board(direction)
            .into_iter()
            .flat_map(|board| &board.queries)
        {
            let of = all.entry(query.query.as_str()).or_default();
            if of.len() == number {
                of.push(query);
            }
        }
    }
    all.retain(|_, of| of.len() == runs.len());
    all.into_iter().collect()
}

/// Half of them where the runs differ most, the rest evenly from the best to the worst.
fn chosen<'a, 'b>(shared: &'b [Shared<'a>], count: usize) -> Vec<&'b Shared<'a>> {
    let precision =
        |(_, of): &Shared<'_>| of.iter().map(|q| q.average_precision).collect::<Vec<_>>();
    let spread = |query: &Shared<'_>| {
        let values = precision(query);
        let high = values.iter().copied().fold(f64::MIN, f64::max);
        high - values.iter().copied().fold(f64::MAX, f64::min)
    };
    let mean = |query: &Shared<'_>| precision(query).iter().sum::<f64>();
    let mut order: Vec<usize> = (0..shared.len()).collect();
    order.sort_by(|&a, &b| {
        spread(&shared[b])
            .total_cmp(&spread(&shared[a]))
            .then(a.cmp(&b))
    });
    let differing = match shared.first() {
        Some((_, of)) if of.len() > 1 => count / 2,
        _ => 0,
    };
    let most = order.iter().take(differing);
    let differing = most.filter(|&&at| spread(&shared[at]) > 0.0).count();
    let mut rest = order.split_off(differing);
    rest.sort_by(|&a, &b| {
        mean(&shared[b])
            .total_cmp(&mean(&shared[a]))
            .then(a.cmp(&b))
    });
    let wanted = count.saturating_sub(order.len()).min(rest.len());
    let evenly = (0..wanted)
        .map(|n| rest[n * rest.len().saturating_sub(1) / wanted.max(2).saturating_sub(1)]);
    order.extend(evenly);
    order.into_iter().map(|at| &shared[at]).collect()
}

fn one(
    text: &mut String,
    runs: &[&RunFolder],
    (name, of): &Shared<'_>,
    pictures: &mut Pictures,
) -> Result<(), Error> {
    let Some((first, result)) = runs.first().zip(of.first()) else {
        return Ok(());
    };
    let label = result.label.as_deref().unwrap_or_default();
    let heading = match label {
        "" => short(name).to_owned(),
        label => format!("{} ({label})", short(name)),
    };
    let _ = writeln!(
        text,
        "<h3>{}</h3>\n<div class=\"strip line\">",
        escaped(&heading)
    );
    text.push_str(&pictures.tile(first.picture(name), name, Frame::Plain, "query")?);
    text.push_str("</div>\n");
    for (run, result) in runs.iter().zip(of) {
        let _ = writeln!(
            text,
            "<div class=\"row\"><div class=\"name\">{} <span class=\"soft\">AP {:.3}</span></div>\
             <div class=\"strip line\" tabindex=\"0\">",
            escaped(&run.name),
            result.average_precision
        );
        for (place, image) in result.ranked.iter().take(PLACES).enumerate() {
            let frame = if image.relevant {
                Frame::Hit
            } else {
                Frame::Miss
            };
            let label = image.label.as_deref().unwrap_or_default();
            let caption = format!("{} · {:.3} {label}", place + 1, image.score);
            let path = run.picture(image.found());
            text.push_str(&pictures.tile(path, image.found(), frame, caption.trim_end())?);
        }
        text.push_str("</div></div>\n");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_chosen_where_runs_differ_and_over_the_whole_range() {
        let result = |value: f64| QueryResult {
            average_precision: value,
            ..QueryResult::default()
        };
        let first: Vec<QueryResult> = (0..9).map(|n| result(f64::from(n) / 10.0)).collect();
        let second: Vec<QueryResult> = (0..9)
            .map(|n| result(if n == 4 { 1.0 } else { f64::from(n) / 10.0 }))
            .collect();
        let names: Vec<String> = (0..9).map(|n| n.to_string()).collect();
        let both: Vec<Shared<'_>> = (0..9)
            .map(|n| (names[n].as_str(), vec![&first[n], &second[n]]))
            .collect();
        let picked: Vec<&str> = chosen(&both, 4).iter().map(|(name, _)| *name).collect();
        assert_eq!(picked, ["4", "8", "5", "0"]);
        let one: Vec<Shared<'_>> = (0..9)
            .map(|n| (names[n].as_str(), vec![&first[n]]))
            .collect();
        let picked: Vec<&str> = chosen(&one, 3).iter().map(|(name, _)| *name).collect();
        assert_eq!(picked, ["8", "4", "0"]);
        assert_eq!(chosen(&one, 1).len(), 1);
        assert!(chosen(&[], 3).is_empty());
    }
}
