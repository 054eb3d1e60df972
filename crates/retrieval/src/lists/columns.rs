//! Which separator a table has, and which column is what.
//!
//! A first line that names the columns decides. Where its names say nothing (another language, or no first line at all), the
//! columns that hold names of picture files tell themselves, and the one that is left is the text.

use super::pictures::{looks_like_picture, may_name};
use super::rows::{Row, Rows};
use super::{Looks, Refused, Role, key};

/// Separators and what they are called.
const SEPARATORS: [(u8, &str); 4] = [
    (b',', "commas"),
    (b';', "semicolons"),
    (b'\t', "tabs"),
    (b'|', "bars"),
];
/// Rows that are looked at to find out.
const SAMPLE: usize = 50;
/// Of so many cells one may look otherwise than its column.
const ODD_CELLS: usize = 5;

/// Where a table has what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// What stands between cells; `None` where a line is one name.
    pub separator: Option<u8>,
    /// Where the rows begin, in bytes, and the line of that place.
    pub start: (usize, u64),
    /// Whether the first row names the columns.
    pub header: bool,
    /// Names of the columns; empty for those without.
    pub keys: Vec<String>,
    /// The column of each role.
    pub places: Vec<Option<usize>>,
    /// What was found without a name; for a note.
    pub assumed: Option<String>,
}

/// Finds out how a table is laid out.
pub(super) fn layout(content: &str, roles: &[Role]) -> Result<Layout, Refused> {
    let (told, start) = separator_line(content);
    let body = &content[start.0..];
    let candidates: Vec<u8> = match told {
        Some(separator) => vec![separator],
        None => SEPARATORS.map(|(separator, _)| separator).to_vec(),
    };
    let samples: Vec<(u8, Vec<Row>)> = candidates
        .iter()
        .map(|&separator| (separator, Rows::new(body, separator).take(SAMPLE).collect()))
        .collect();
    for (separator, rows) in &samples {
        if let Some((keys, places)) = rows.first().and_then(|row| by_names(row, roles)) {
            return Ok(Layout {
                separator: Some(*separator),
                start,
                header: true,
                keys,
                places,
                assumed: None,
            });
        }
    }
    let mut best: Option<(usize, Layout)> = None;
    for (separator, rows) in &samples {
        let Some((agreeing, mut layout)) = by_looks(rows, roles) else {
            continue;
        };
        layout.separator = Some(*separator);
        layout.start = start;
        // Of equals the later one counts: a tab or bar hardly ever is part of a text.
        if best.as_ref().is_none_or(|(most, _)| agreeing >= *most) {
            best = Some((agreeing, layout));
        }
    }
    match best {
        Some((_, layout)) => Ok(layout),
        None => whole_lines(body, start, roles).ok_or_else(|| unnamed(&samples, roles, start.1)),
    }
}

/// The separator that a table wants, with or without `sep=;` in its first line (as Excel writes it), for rows of so many cells; and
/// where its rows begin.
pub(super) fn separator_for(content: &str, columns: usize) -> (u8, (usize, u64)) {
    let (told, start) = separator_line(content);
    let first = |separator: u8| Rows::new(&content[start.0..], separator).next();
    let fits = |separator: &u8| first(*separator).is_some_and(|row| row.cells.len() == columns);
    let known = SEPARATORS.map(|(separator, _)| separator);
    let separator = told.or_else(|| known.into_iter().find(fits));
    (separator.unwrap_or(b','), start)
}

/// The separator that a first line `sep=;` tells, and where what follows it begins.
fn separator_line(content: &str) -> (Option<u8>, (usize, u64)) {
    let blank = content.len() - content.trim_start_matches(['\r', '\n']).len();
    let skipped = 1 + content[..blank].matches('\n').count() as u64;
    let rest = &content[blank..];
    let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
    let line = rest[..end].trim_matches(['"', ' ']);
    let told = line
        .get(..4)
        .filter(|word| word.eq_ignore_ascii_case("sep="))
        .map(|_| &line[4..]);
    let separator = match told.map(str::as_bytes) {
        Some([one]) => Some(*one),
        Some(b"\\t" | []) => Some(b'\t'),
        _ => None,
    };
    let next = match rest[end..].starts_with("\r\n") {
        true => blank + end + 2,
        false => (blank + end + 1).min(content.len()),
    };
    match separator.filter(|one| one.is_ascii() && !matches!(one, b'"' | b'\r' | b'\n')) {
        Some(separator) => (Some(separator), (next, skipped + 1)),
        None => (None, (blank, skipped)),
    }
}

/// Columns from the names of a header; `None` when a role that is needed has none.
fn by_names(header: &Row, roles: &[Role]) -> Option<(Vec<String>, Vec<Option<usize>>)> {
    let keys = keys(header)?;
    let places = places(&keys, roles);
    let found = |(at, role): (usize, &Role)| {
        let other = at == 0 && keys.iter().any(|key| may_name(key));
        !role.needed || places[at].is_some() || other
    };
    roles
        .iter()
        .enumerate()
        .all(found)
        .then_some((keys, places))
}

fn keys(header: &Row) -> Option<Vec<String>> {
    let keys: Result<Vec<String>, String> = header.cells.iter().map(|cell| key(cell)).collect();
    keys.ok().filter(|keys| !keys.is_empty())
}

/// The place of each role among named fields; a field has one role.
pub(super) fn places<S: AsRef<str>>(keys: &[S], roles: &[Role]) -> Vec<Option<usize>> {
    let mut taken = Vec::new();
    for role in roles {
        let place = role.names.iter().find_map(|name| {
            let free = |(at, key): (usize, &S)| key.as_ref() == *name && !taken.contains(&Some(at));
            keys.iter()
                .enumerate()
                .find(|field| free((field.0, field.1)))
                .map(|(at, _)| at)
        });
        taken.push(place);
    }
    taken
}

/// The first rows of a table under one separator, and what their columns look like.
struct Sample<'a> {
    first: &'a Row,
    /// Rows of the usual width, without the first where there are others.
    body: Vec<&'a Row>,
    width: usize,
    /// Columns that hold names of picture files.
    pictures: Vec<usize>,
}

impl<'a> Sample<'a> {
    fn of(rows: &'a [Row]) -> Option<Self> {
        let width = usual_width(rows)?;
        let first = rows.first()?;
        let rest = if rows.len() == 1 { rows } else { &rows[1..] };
        let mut sample = Self {
            first,
            body: rest.iter().filter(|row| row.cells.len() == width).collect(),
            width,
            pictures: Vec::new(),
        };
        let picture = |&column: &usize| sample.most(column, &looks_like_picture);
        sample.pictures = (0..width).filter(picture).collect();
        (!sample.body.is_empty()).then_some(sample)
    }

    fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        let cells = self.body.iter().map(move |row| row.cells[column].as_str());
        cells.filter(|cell| !cell.is_empty())
    }

    /// Whether nearly all cells of a column that are not empty pass a test.
    fn most(&self, column: usize, fits: &dyn Fn(&str) -> bool) -> bool {
        let all = self.cells(column).count();
        let fitting = self.cells(column).filter(|cell| fits(cell)).count();
        all > 0 && (all - fitting) * ODD_CELLS <= all
    }

    /// The column of a role for which no name fits, among those that no other role has.
    fn column(&self, looks: Looks, taken: &[Option<usize>]) -> Option<usize> {
        let free = |column: &usize| !taken.contains(&Some(*column));
        match looks {
            Looks::Picture => self.pictures.iter().copied().find(free),
            Looks::Text | Looks::Any => {
                let left: Vec<usize> = (0..self.width)
                    .filter(free)
                    .filter(|column| !self.pictures.contains(column))
                    .filter(|column| self.cells(*column).next().is_some())
                    .collect();
                let number = |cell: &str| cell.parse::<f64>().is_ok();
                let texts = left.iter().filter(|&&column| !self.most(column, &number));
                match (left.as_slice(), texts.collect::<Vec<_>>().as_slice()) {
                    (_, [only]) => Some(**only),
                    ([only], _) if looks == Looks::Any => Some(*only),
                    _ => None,
                }
            }
            Looks::Named => None,
        }
    }

    /// Whether the first row names columns, though it may name none that is known.
    fn has_header(&self, rows: usize) -> bool {
        let picture = |&column: &usize| {
            let cell = self.first.cells.get(column);
            cell.is_some_and(|cell| looks_like_picture(cell))
        };
        rows > 1 && !self.pictures.iter().any(picture)
    }
}

/// Columns from what their cells look like, and how many rows have the same number of cells.
fn by_looks(rows: &[Row], roles: &[Role]) -> Option<(usize, Layout)> {
    let sample = Sample::of(rows).filter(|sample| sample.width > 1)?;
    // A line that is one name may hold separators: "Paris, 2019.jpg".
    let alone = roles.iter().filter(|role| role.needed).count() < 2;
    if alone && sample.pictures.first() != Some(&0) {
        return None;
    }
    let names = keys(sample.first).unwrap_or_default();
    let mut found = places(&names, roles);
    let header = found.iter().any(Option::is_some) || sample.has_header(rows.len());
    for (at, role) in roles.iter().enumerate() {
        found[at] = found[at].or_else(|| sample.column(role.looks, &found));
        if role.needed && found[at].is_none() {
            return None;
        }
    }
    let role_of = |column: usize| {
        let role = found.iter().position(|place| *place == Some(column));
        role.map_or_else(String::new, |role| roles[role].names[0].to_owned())
    };
    let layout = Layout {
        separator: None,
        start: (0, 1),
        header,
        keys: match header {
            true => names,
            false => (0..sample.width).map(role_of).collect(),
        },
        assumed: Some(assumption(header, roles, &found)),
        places: found.clone(),
    };
    let usual = |row: &&Row| row.cells.len() == sample.width;
    Some((rows.iter().filter(usual).count(), layout))
}

/// The number of cells that most rows have.
fn usual_width(rows: &[Row]) -> Option<usize> {
    let widths = rows
        .iter()
        .filter(|row| row.broken.is_none())
        .map(|row| row.cells.len());
    let mut counts = std::collections::BTreeMap::new();
    for width in widths {
        *counts.entry(width).or_insert(0_usize) += 1;
    }
    counts
        .into_iter()
        .max_by_key(|&(_, count)| count)
        .map(|(width, _)| width)
}

fn assumption(header: bool, roles: &[Role], places: &[Option<usize>]) -> String {
    let columns = roles.iter().zip(places).filter_map(|(role, place)| {
        place.map(|column| format!("column {} was taken as the {}", column + 1, role.names[0]))
    });
    let why = match header {
        true => "the first line has other names than those that are known",
        false => "the first line names no columns",
    };
    format!("{why}; {}", columns.collect::<Vec<_>>().join(", "))
}

/// A list of nothing but names, where only the picture is needed.
fn whole_lines(body: &str, start: (usize, u64), roles: &[Role]) -> Option<Layout> {
    if roles.iter().skip(1).any(|role| role.needed) {
        return None;
    }
    let first = body.lines().map(str::trim).find(|line| !line.is_empty())?;
    let picture = roles.first()?;
    let name = key(first.trim_matches('"')).ok()?;
    Some(Layout {
        separator: None,
        start,
        header: picture.names.contains(&name.as_str()),
        keys: vec![picture.names[0].to_owned()],
        places: roles
            .iter()
            .enumerate()
            .map(|(at, _)| (at == 0).then_some(0))
            .collect(),
        assumed: None,
    })
}

fn unnamed(samples: &[(u8, Vec<Row>)], roles: &[Role], line: u64) -> Refused {
    let headers = samples.iter().filter_map(|(_, rows)| rows.first());
    let shown = headers
        .max_by_key(|row| row.cells.len())
        .map_or_else(String::new, |row| {
            let cells = row
                .cells
                .iter()
                .take(12)
                .map(|cell| cell.chars().take(40).collect::<String>());
            cells.collect::<Vec<_>>().join(" · ")
        });
    let wanted: Vec<String> = roles
        .iter()
        .filter(|role| role.needed)
        .map(|role| {
            let names: Vec<&str> = role.names.iter().copied().take(8).collect();
            format!("one called {}", names.join(", "))
        })
        .collect();
    let separators = SEPARATORS.map(|(_, name)| name).join(", ");
    Refused::at(
        line,
        format!(
            "the first line must name the columns: {}, separated by {separators}; it names: {shown}",
            wanted.join(", and ")
        ),
    )
}
