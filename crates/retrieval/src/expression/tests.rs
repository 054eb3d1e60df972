use super::*;
use crate::Region;

fn text(weight: f64, text: &str) -> ExpressionPart {
    ExpressionPart {
        weight,
        what: ExpressionItem::Text(text.into()),
    }
}

fn image(weight: f64, path: &str, region: Option<[f64; 4]>) -> ExpressionPart {
    let region = region.map(|[x, y, width, height]| Region {
        x,
        y,
        width,
        height,
    });
    ExpressionPart {
        weight,
        what: ExpressionItem::Image {
            path: path.into(),
            region,
        },
    }
}

#[test]
fn a_query_mixes_words_regions_and_stored_images() {
    let parts =
        parse_expression("2*'red umbrella' + ./street.jpg@120,80,300,220 - ./car.jpg + 0.5 * #17")
            .unwrap();
    assert_eq!(
        parts,
        [
            text(2.0, "red umbrella"),
            image(1.0, "./street.jpg", Some([120.0, 80.0, 300.0, 220.0])),
            image(-1.0, "./car.jpg", None),
            ExpressionPart {
                weight: 0.5,
                what: ExpressionItem::Stored(17)
            },
        ]
    );
}

#[test]
fn names_and_texts_keep_their_signs() {
    for (query, part) in [
        ("a-b+c.jpg", image(1.0, "a-b+c.jpg", None)),
        (
            "- C:\\photos\\x.png",
            image(-1.0, "C:\\photos\\x.png", None),
        ),
        ("me@home.jpg", image(1.0, "me@home.jpg", None)),
        ("icon@2x.png", image(1.0, "icon@2x.png", None)),
        (
            "file:\"my photo.jpg\"@1,2,3,4.5",
            image(1.0, "my photo.jpg", Some([1.0, 2.0, 3.0, 4.5])),
        ),
        ("file:odd.jpg", image(1.0, "file:odd.jpg", None)),
        ("+1e-3*'x'", text(0.001, "x")),
        ("\"it's\"", text(1.0, "it's")),
        ("'it\\'s \\\\ \\n'", text(1.0, "it's \\ \\n")),
        ("“red — umbrella”", text(1.0, "red — umbrella")),
        ("− 'minus'", text(-1.0, "minus")),
    ] {
        assert_eq!(parse_expression(query).unwrap(), [part], "{query}");
    }
    assert_eq!(parse_expression("'a'-'b'+'c'").unwrap().len(), 3);
}

#[test]
fn errors_point_at_the_column() {
    for (query, column, part) in [
        ("", 1, "expected here"),
        ("  ", 3, "expected here"),
        ("'a' +", 6, "expected here"),
        ("'a' + - 'b'", 7, "one sign"),
        ("'a' 'b'", 5, "+ or -"),
        ("'don't'", 6, "apostrophe"),
        ("red umbrella", 1, "'red'"),
        ("umbrella", 1, "quotes"),
        ("'größe' + 'b", 11, "not closed"),
        ("2 'a'", 1, "2*'"),
        ("'a'*2", 4, "before"),
        ("'a' *2", 5, "weight stands before"),
        ("*'a'", 1, "before the star"),
        ("0*'a'", 1, "weight 0"),
        ("1e9*'a'", 1, "weight lies between"),
        ("''", 1, "no words"),
        ("#x", 1, "#17"),
        ("#0", 1, "#17"),
        ("'a' + #99999999999999999999", 7, "#17"),
        ("@1,2,3,4", 1, "before its region"),
        ("./a.jpg@1,2,3", 9, "four numbers"),
        ("./a.jpg@1,2,,4", 13, "no number"),
        ("./a.jpg@1,2,0,4", 9, "above 0"),
        ("file:'a.jpg'@b", 14, "no number"),
        ("file:''", 1, "empty"),
        ("a.jpg my photo.jpg", 7, "file:'my photo.jpg'"),
    ] {
        let error = parse_expression(query).unwrap_err();
        assert_eq!(error.column, column, "{query}: {error}");
        assert!(error.message.contains(part), "{query}: {error}");
        assert!(error.to_string().ends_with('^'));
    }
}

#[test]
fn long_queries_are_bounded() {
    let terms = |count: usize| vec!["'a'"; count].join(" + ");
    assert_eq!(parse_expression(&terms(256)).unwrap().len(), 256);
    let error = parse_expression(&terms(10_000)).unwrap_err();
    assert_eq!(error.column, 256 * 6 + 1);
    assert!(error.message.contains("256 parts"));
    assert!(error.to_string().len() < 300);
    let long = format!("'{}'", "ä".repeat(100_000));
    assert!(
        parse_expression(&long)
            .unwrap_err()
            .message
            .contains("100000")
    );
    for deep in ["(", "'", "-", "@", "#", "file:'"] {
        assert!(parse_expression(&deep.repeat(10_000)).is_err());
    }
}

/// xorshift (Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

#[test]
fn what_is_written_is_read_again() {
    let mut dice = Dice(7);
    let signs: Vec<char> = "ab'\"\\ +-*@#,.é“\n1".chars().collect();
    for _ in 0..2_000 {
        let parts: Vec<ExpressionPart> = (0..1 + dice.below(4))
            .map(|_| {
                let sign = if dice.below(2) == 0 { 1.0 } else { -1.0 };
                let weight = sign * (1 + dice.below(40)) as f64 / 8.0;
                let random: String = (0..1 + dice.below(9))
                    .map(|_| signs[dice.below(signs.len())])
                    .collect();
                let word = format!("{random}x");
                match dice.below(4) {
                    0 => text(weight, &word),
                    1 => image(weight, &word, None),
                    2 => image(weight, &word, Some([dice.below(9) as f64, 0.5, 1.25, 4.0])),
                    _ => ExpressionPart {
                        weight,
                        what: ExpressionItem::Stored(1 + dice.below(99) as i64),
                    },
                }
            })
            .collect();
        let written: Vec<String> = parts.iter().map(ToString::to_string).collect();
        let written = written.join(" ");
        assert_eq!(parse_expression(&written).as_ref(), Ok(&parts), "{written}");
    }
}

#[test]
fn no_text_brings_the_parser_down() {
    let mut dice = Dice(3);
    let pieces = [
        "'", "\"", "\\", "#", "@", "1", ",", "+", "-", "*", " ", "a", ".", "é", "file:", "“",
        "\u{0}", "/",
    ];
    for _ in 0..20_000 {
        let query: String = (0..dice.below(14))
            .map(|_| pieces[dice.below(pieces.len())])
            .collect();
        match parse_expression(&query) {
            Ok(parts) => assert!(
                parts
                    .iter()
                    .all(|part| part.weight != 0.0 && part.weight.is_finite())
            ),
            Err(error) => assert!(
                error.column <= query.chars().count() + 1,
                "{query:?}: {error}"
            ),
        }
    }
}
