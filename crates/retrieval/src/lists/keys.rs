//! Names of columns and fields.

/// Most bytes of a key.
const MOST_KEY: usize = 200;

/// Names of the column or field that says which picture is meant.
pub const IMAGE: &[&str] = &[
    "image",
    "path",
    "file",
    "filename",
    "file_name",
    "image_name",
    "photo",
    "filepath",
    "file_path",
    "image_path",
    "imagepath",
    "image_file",
    "img",
    "img_path",
    "picture",
    "bild",
    "datei",
    "dateiname",
    "imagen",
    "archivo",
    "fichier",
    "immagine",
    "afbeelding",
    "bestand",
    "imagem",
    "arquivo",
];

/// Names of the column or field that holds a caption.
pub const CAPTION: &[&str] = &[
    "caption",
    "captions",
    "text",
    "comment",
    "description",
    "sentence",
    "sentences",
    "raw",
    "caption_str",
    "title",
    "alt",
    "beschreibung",
    "beschriftung",
    "bildunterschrift",
    "titel",
    "legende",
    "légende",
    "texte",
    "descripción",
    "descripcion",
    "texto",
    "leyenda",
    "descrizione",
    "didascalia",
    "testo",
    "beschrijving",
    "tekst",
    "bijschrift",
    "descrição",
    "legenda",
];

/// Names of the column or field that holds a label.
pub const LABEL: &[&str] = &[
    "label",
    "labels",
    "class",
    "class_name",
    "category",
    "klasse",
    "kategorie",
    "classe",
    "catégorie",
    "clase",
    "categoría",
    "etiqueta",
    "categoria",
    "etichetta",
];

/// A name of a column or field as it is compared and kept: in lower case, without control characters.
///
/// # Errors
/// It is longer than a name can reasonably be.
pub fn key(name: &str) -> Result<String, String> {
    let spaced = |c: char| {
        if c.is_control() || c == '\u{feff}' {
            ' '
        } else {
            c
        }
    };
    let key: String = name.chars().map(spaced).collect();
    let key = key.trim().to_lowercase();
    match key.len() > MOST_KEY {
        true => Err(format!("a name is longer than {MOST_KEY} bytes")),
        false => Ok(key),
    }
}
