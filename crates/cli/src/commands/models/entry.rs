//! An entry of the registry, told to people.

use vizsla_neural::{ModelEntry, ModelKind, ModelSource};

/// Where a model comes from, in one line.
pub(super) fn source(entry: &ModelEntry) -> String {
    match &entry.source {
        ModelSource::File { file } => file.display().to_string(),
        ModelSource::Hub {
            repository,
            revision,
            filename,
        } => format!("{repository}@{revision}/{filename}"),
        ModelSource::Shipped { .. } => "part of the program".to_owned(),
    }
}

/// Everything an entry says, one name and value a line.
pub(super) fn describe(entry: &ModelEntry) -> String {
    let mut lines = vec![
        ("id", entry.id.clone()),
        ("kind", entry.kind.to_string()),
        ("source", source(entry)),
        ("sha256", entry.sha256.clone()),
    ];
    let optional = [
        ("input", entry.input.clone()),
        ("layout", entry.layout.map(|layout| layout.to_string())),
        ("output", entry.output.clone()),
        ("pooling", entry.pooling.as_ref().map(ToString::to_string)),
        ("dimension", entry.dimension.map(|d| d.to_string())),
        ("side", entry.side.map(|side| format!("{side} pixels"))),
        ("space", entry.space.clone()),
        ("licence", entry.licence.clone()),
    ];
    lines.extend(optional.into_iter().filter_map(|(n, v)| Some((n, v?))));
    if entry.kind == ModelKind::Image {
        let p = &entry.preprocessing;
        let crop = p
            .crop
            .map_or(String::new(), |crop| format!(", crop {crop}"));
        lines.extend([
            (
                "resize",
                format!("{:?} {}{crop}, {:?}", p.resize, p.size, p.interpolation),
            ),
            (
                "values",
                format!(
                    "{:?}, x {} - {:?} / {:?}",
                    p.channels, p.scale, p.mean, p.std
                ),
            ),
        ]);
    }
    if let Some(text) = &entry.text {
        let optional = [
            (
                "tokenizer",
                text.tokenizer.as_ref().map(|t| t.display().to_string()),
            ),
            (
                "tokens",
                text.max_length.map(|length| format!("at most {length}")),
            ),
            (
                "token pooling",
                text.pooling.map(|pooling| pooling.to_string()),
            ),
            ("lower case", text.lower_case.map(|lower| lower.to_string())),
            ("aggregation", text.aggregation.map(|how| how.to_string())),
            (
                "statistics",
                text.statistics.as_ref().map(|s| s.display().to_string()),
            ),
        ];
        lines.extend(optional.into_iter().filter_map(|(n, v)| Some((n, v?))));
    }
    lines
        .iter()
        .map(|(name, value)| format!("{name:14}{value}\n"))
        .collect()
}
