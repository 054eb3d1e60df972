//! The page: the template with data and thumbnails put in.

use serde::Serialize;

use super::item::unit_square;
use super::thumbnails::COLUMNS;
use super::{Legend, LegendEntry, MapItem, Thumbnails, base64};
use crate::error::Error;

const TEMPLATE: &str = include_str!("page.html");

/// What a map says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapText {
    /// Headline, such as the collection's name.
    pub title: String,
    /// How it was made, such as "UMAP of 2,688 images by clip".
    pub subtitle: String,
    /// What the colours stand for, such as "label".
    pub by: String,
}

/// What the script reads. Places are in 1/100,000 of the map's side.
#[derive(Serialize)]
struct Data<'a> {
    subtitle: &'a str,
    by: &'a str,
    side: u32,
    columns: usize,
    x: Vec<u32>,
    y: Vec<u32>,
    label: &'a [usize],
    sizes: &'a [[u32; 2]],
    path: Vec<&'a str>,
    caption: Vec<&'a str>,
    /// Left out where the legend's entry says it: the label of pictures under "other labels".
    name: Vec<&'a str>,
    legend: &'a [LegendEntry],
}

/// The whole page as HTML. It makes no request: its policy allows nothing but what is in it.
///
/// # Errors
/// The data cannot be written as JSON.
pub fn map_page(
    items: &[MapItem],
    thumbnails: &Thumbnails,
    text: &MapText,
) -> Result<String, Error> {
    let legend = Legend::of(items);
    let places = unit_square(items);
    let places = |axis: usize| {
        places
            .iter()
            .map(|p| (1e5 * p[axis]).round() as u32)
            .collect()
    };
    let other = |(item, &entry): (&'_ MapItem, &usize)| {
        let listed = item.label.as_deref() == legend.entries.get(entry).map(|e| e.name.as_str());
        !listed && item.label.is_some()
    };
    let rest = items.iter().zip(&legend.of_item);
    let data = Data {
        subtitle: &text.subtitle,
        by: &text.by,
        side: thumbnails.side,
        columns: COLUMNS,
        x: places(0),
        y: places(1),
        label: &legend.of_item,
        sizes: &thumbnails.sizes,
        path: items.iter().map(|item| item.path.as_str()).collect(),
        caption: items.iter().map(|item| item.caption.as_str()).collect(),
        name: rest
            .map(|pair| {
                if other(pair) {
                    pair.0.label.as_deref().unwrap_or("")
                } else {
                    ""
                }
            })
            .collect(),
        legend: &legend.entries,
    };
    let json = serde_json::to_string(&data)
        .map_err(|e| Error::Layout(format!("the map's data cannot be written ({e})")))?;
    // Inside a script element only "</" and "<!--" mean anything.
    let json = json.replace('<', "\\u003c");
    let mut sheets = String::new();
    for sheet in &thumbnails.sheets {
        sheets.push_str("<img class=sheet alt=\"\" src=\"data:image/jpeg;base64,");
        base64::append(&mut sheets, sheet);
        sheets.push_str("\">\n");
    }
    Ok(filled(&[
        ("{{title}}", &escaped(&text.title)),
        ("{{headline}}", &escaped(&text.title)),
        ("{{sheets}}", &sheets),
        ("{{data}}", &json),
    ]))
}

/// The template with each mark, in their order, replaced; what is put in is not looked at again.
fn filled(parts: &[(&str, &str)]) -> String {
    let mut rest = TEMPLATE;
    let mut page = String::new();
    for (mark, text) in parts {
        let (before, after) = rest.split_once(mark).unwrap_or((rest, ""));
        page.push_str(before);
        page.push_str(text);
        rest = after;
    }
    page.push_str(rest);
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(x: f32, path: &str, label: Option<&str>) -> MapItem {
        MapItem {
            position: [x, 0.0],
            path: path.into(),
            label: label.map(str::to_owned),
            caption: "a </script> of {{data}}".into(),
        }
    }

    fn text() -> MapText {
        MapText {
            title: "<holiday> & more".into(),
            subtitle: "PCA".into(),
            by: "label".into(),
        }
    }

    #[test]
    fn the_page_holds_everything_and_asks_for_nothing() {
        let items = [item(0.0, "a.jpg", Some("sea")), item(2.0, "b.jpg", None)];
        let page = map_page(&items, &Thumbnails::default(), &text()).expect("plain data");
        assert!(page.contains("<title>&lt;holiday&gt; &amp; more"));
        assert!(page.contains(r#""x":[0,100000]"#) && page.contains(r#""path":["a.jpg","b.jpg"]"#));
        assert_eq!(
            page.matches("</script>").count(),
            2,
            "a caption cannot end the data"
        );
        assert_eq!(page.matches("a \\u003c/script> of {{data}}").count(), 2);
        for mark in ["{{title}}", "{{headline}}", "{{sheets}}"] {
            assert!(!page.contains(mark), "{mark}");
        }
        for request in ["http:", "https:", "src=\"/", "@import", "fetch(", "XMLHttp"] {
            assert!(!page.contains(request), "{request}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn the_script_stays_small_and_marks_stand_in_order() {
        assert!(TEMPLATE.len() < 30_000, "{}", TEMPLATE.len());
        let places: Vec<Option<usize>> = ["{{title}}", "{{headline}}", "{{sheets}}", "{{data}}"]
            .iter()
            .map(|mark| TEMPLATE.find(mark))
            .collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted());
    }
}
