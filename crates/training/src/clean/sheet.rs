//! The contact sheet of what was dropped: beside a few of the kept pictures, so that an eye can judge.

use std::fmt::Write;

use vizsla_pixels::{Color, ContactSheet, Rgb, Tile};

use super::outcome::{CleanClass, Cleaning, Dropped, Kept};
use crate::Error;
use crate::page::{embedded, escaped, page as whole_page, thumbnail};

/// Side of a thumbnail on the page, pixels.
const SIDE: u32 = 132;
/// Kept pictures that stand for a class.
const SHOWN: usize = 3;
/// Dropped pictures of a class that are shown, and of all classes.
const OF_CLASS: usize = 12;
const OF_ALL: usize = 1500;
/// Rows and columns of the drawing.
const ROWS: usize = 40;
const COLUMNS: usize = 6;
const TILE: usize = 160;
const KEPT: Color = [0, 130, 95];
const DROPPED: Color = [200, 68, 43];

/// The page: a section for each class that lost pictures.
pub(super) fn page(cleaning: &Cleaning) -> Result<String, Error> {
    let lost: Vec<&CleanClass> = losing(cleaning).collect();
    let mut body = format!(
        "<header class=\"top\"><h1>Dropped from {}</h1>\n<p>{} of {} pictures were dropped from {} of {} classes; {} \
         stay. Green: what is kept, with the box of the object. Red, dashed: what was dropped, with the reason.</p>\
         </header>\n<main>\n",
        escaped(&cleaning.folder.display().to_string()),
        cleaning.dropped,
        cleaning.images,
        lost.len(),
        cleaning.classes.len(),
        cleaning.kept
    );
    let mut left = OF_ALL;
    for class in &lost {
        let shown = class.dropped.len().min(OF_CLASS).min(left);
        left -= shown;
        section(&mut body, cleaning, class, shown)?;
    }
    body.push_str("</main>\n");
    Ok(whole_page("Dropped pictures", &body))
}

fn losing(cleaning: &Cleaning) -> impl Iterator<Item = &CleanClass> {
    let classes = cleaning.classes.iter();
    classes.filter(|class| !class.dropped.is_empty())
}

fn section(
    body: &mut String,
    cleaning: &Cleaning,
    class: &CleanClass,
    shown: usize,
) -> Result<(), Error> {
    let _ = writeln!(
        body,
        "<h2>{}</h2>\n<p class=\"soft\">{} kept, {} dropped</p>\n<div class=\"strip\">",
        escaped(name(class)),
        class.kept.len(),
        class.dropped.len()
    );
    for kept in class.kept.iter().take(if shown > 0 { SHOWN } else { 0 }) {
        let picture = kept_thumbnail(cleaning, kept, SIDE);
        let caption = format!("{} — kept, {} edges", kept.image, kept.edges.len());
        tile(body, "good", picture.as_ref(), &caption)?;
    }
    for dropped in class.dropped.iter().take(shown) {
        let picture = thumbnail(&cleaning.folder.join(&dropped.image), SIDE);
        let picture = picture.map(|(picture, _)| picture);
        tile(body, "bad", picture.as_ref(), &caption(dropped).join(" — "))?;
    }
    body.push_str("</div>\n");
    let rest = class.dropped.get(shown..).unwrap_or_default();
    if !rest.is_empty() {
        let _ = writeln!(body, "<details><summary>{} more</summary><ul>", rest.len());
        for dropped in rest {
            let _ = writeln!(body, "<li>{}</li>", escaped(&caption(dropped).join(" — ")));
        }
        body.push_str("</ul></details>\n");
    }
    Ok(())
}

fn tile(body: &mut String, kind: &str, picture: Option<&Rgb>, caption: &str) -> Result<(), Error> {
    let picture = match picture {
        Some(picture) => embedded(picture, caption)?,
        None => "<div class=\"none\">cannot be read</div>".to_owned(),
    };
    let _ = writeln!(
        body,
        "<figure class=\"tile {kind}\"><div class=\"frame\">{picture}</div><figcaption>{}</figcaption></figure>",
        escaped(caption)
    );
    Ok(())
}

fn name(class: &CleanClass) -> &str {
    match class.class.as_str() {
        "" => "in no class",
        name => name,
    }
}

/// The file, the reason, and where it would belong.
fn caption(dropped: &Dropped) -> Vec<String> {
    let mut lines = vec![dropped.image.clone(), dropped.reason.to_string()];
    if let Some(home) = &dropped.belongs_to {
        lines.push(format!("belongs to {}", home.class));
    }
    lines
}

/// A kept picture with the box of the object drawn in.
fn kept_thumbnail(cleaning: &Cleaning, kept: &Kept, side: u32) -> Option<Rgb> {
    let (mut picture, factor) = thumbnail(&cleaning.folder.join(&kept.image), side)?;
    let place = |x: u32, y: u32| (x as f32 * factor, y as f32 * factor);
    let object = kept.object;
    let corners = [
        place(object.x, object.y),
        place(object.x + object.width, object.y),
        place(object.x + object.width, object.y + object.height),
        place(object.x, object.y + object.height),
    ];
    picture.polyline(&corners, true, [40, 230, 160], 2.0);
    Some(picture)
}

/// The drawing: a row for each class that lost pictures, the first kept picture in front.
pub(super) fn picture(cleaning: &Cleaning) -> Result<Rgb, Error> {
    let lost = losing(cleaning);
    let mut rows = Vec::new();
    for class in lost.take(ROWS) {
        let kept = class.kept.iter().take(1);
        let kept = kept.map(|kept| {
            (
                kept_thumbnail(cleaning, kept, TILE as u32),
                KEPT,
                vec![kept.image.clone(), "kept".to_owned()],
            )
        });
        let dropped = class.dropped.iter().take(COLUMNS - 1).map(|dropped| {
            let picture = thumbnail(&cleaning.folder.join(&dropped.image), TILE as u32);
            (
                picture.map(|(picture, _)| picture),
                DROPPED,
                caption(dropped),
            )
        });
        let mut row = Vec::new();
        for (image, frame, caption) in kept.chain(dropped) {
            let image = match image {
                Some(image) => image,
                None => Rgb::filled(TILE, TILE, [90, 90, 90])?,
            };
            row.push(Tile {
                image,
                caption,
                frame: Some(frame),
            });
        }
        rows.push(row);
    }
    let sheet = ContactSheet {
        headline: format!("{} of {} dropped", cleaning.dropped, cleaning.images),
        tile_side: TILE,
        rows,
    };
    Ok(sheet.draw()?)
}
