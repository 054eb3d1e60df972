//! Word vectors: equal to the `fasttext` package's, every format, and files that are broken.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use serde_json::Value;
use vizsla_neural::{Error, WordFormat, WordVectors};

/// A file of the shared data, or `None` with a message where that is absent.
fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("VIZSLA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = root.join("word_vectors").join(name);
    if !path.is_file() {
        println!("skipped, absent: {}", path.display());
        return None;
    }
    Some(path)
}

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/reference")
        .join(name)
}

/// Compares a model with what `word_vectors.py` wrote down.
fn compare(path: &Path) {
    let text = fs_err::read_to_string(reference("word_vectors.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let expected = &all[path.file_name().unwrap().to_str().unwrap()];
    let vectors = WordVectors::open(path).unwrap();
    assert_eq!(vectors.format(), WordFormat::FastText);
    assert_eq!(vectors.dimension() as u64, expected["dimension"]);
    assert_eq!(vectors.len() as u64, expected["words"]);
    for row in expected["vectors"].as_array().unwrap() {
        let word = row["word"].as_str().unwrap();
        assert_eq!(vectors.contains(word), row["known"], "{word}");
        // The package gives zeros where there is no vector.
        let zeros = vec![0.0; vectors.dimension()];
        let vector = vectors.vector(word).unwrap().unwrap_or(zeros);
        for (x, y) in vector.iter().zip(row["first"].as_array().unwrap()) {
            assert_eq!(*x, y.as_f64().unwrap() as f32, "{word}");
        }
        let length = norm(&vector);
        assert!(
            (length - row["norm"].as_f64().unwrap()).abs() < 1e-9,
            "{word}"
        );
    }
}

fn norm(vector: &[f32]) -> f64 {
    let squares = vector.iter().map(|&x| f64::from(x).powi(2));
    squares.sum::<f64>().sqrt()
}

#[test]
fn models_made_by_the_script_agree_with_the_package() {
    for name in ["tiny_skipgram.bin", "tiny_supervised.bin"] {
        compare(&reference(name));
    }
}

#[test]
fn published_models_agree_with_the_package() {
    for name in [
        "crime-and-punishment.bin",
        "lee_fasttext_new.bin",
        "non_ascii_fasttext.bin",
        "pang_lee_polarity_fasttext.bin",
    ] {
        if let Some(path) = shared(name) {
            compare(&path);
        }
    }
}

#[test]
fn text_and_binary_of_one_model_agree() {
    let names = ["crime-and-punishment.bin", "crime-and-punishment.vec"];
    let [Some(bin), Some(vec)] = names.map(shared) else {
        return;
    };
    let (bin, vec) = (
        WordVectors::open(&bin).unwrap(),
        WordVectors::open(&vec).unwrap(),
    );
    assert_eq!(vec.format(), WordFormat::TextWithHeader);
    let words: Vec<_> = bin.words().collect();
    assert_eq!(words, vec.words().collect::<Vec<_>>());
    for word in words {
        let a = bin.vector(&word).unwrap().unwrap();
        let b = vec.vector(&word).unwrap().unwrap();
        assert!(
            a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4),
            "{word}"
        );
    }
}

#[test]
fn every_format_is_recognised() {
    for (name, format, words, dimension, first) in [
        (
            "euclidean_vectors.bin",
            WordFormat::Word2VecBinary,
            2747,
            10,
            0.42145327,
        ),
        (
            "word2vec_pre_kv_c",
            WordFormat::TextWithHeader,
            1750,
            10,
            -0.561106,
        ),
        (
            "lee_fasttext.vec",
            WordFormat::TextWithHeader,
            1762,
            10,
            -0.65992,
        ),
        ("test_glove.txt", WordFormat::Text, 76, 50, 0.418),
    ] {
        let Some(path) = shared(name) else { return };
        let vectors = WordVectors::open(&path).unwrap();
        assert_eq!(vectors.format(), format, "{name}");
        assert_eq!(
            (vectors.len(), vectors.dimension()),
            (words, dimension),
            "{name}"
        );
        let the = vectors.vector("the").unwrap().unwrap();
        assert_eq!(the[0], first, "{name}");
        assert_eq!(vectors.vector("no such word").unwrap(), None);
        assert!(!vectors.has_subwords());
    }
}

/// The message of the error that a file of these bytes gives.
fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors");
    fs_err::write(&path, bytes).unwrap();
    let error = WordVectors::open(&path).unwrap_err();
    assert!(matches!(
        error,
        Error::Damaged { .. } | Error::WrongKind { .. }
    ));
    let message = error.to_string();
    assert!(message.ends_with("vectors"), "{message}");
    message
}

#[test]
fn broken_texts_are_refused_with_their_line() {
    for (text, part) in [
        (&b""[..], "read are fastText"),
        (b"just prose in a file\nof two lines\n", "read are fastText"),
        (
            b"2 2\na 0.5 1\nb 0.5\n",
            "line 3, byte 12: 1 numbers, 2 were expected",
        ),
        (
            b"2 2\na 0.5 1\nb 0.5 1 2\n",
            "line 3, byte 12: more than 2 numbers",
        ),
        (b"3 2\na 0.5 1\nb 0.5 1\n", "promises 3 words, 2 follow"),
        (b"a 0.5 1\nb 1\n", "line 2, byte 8: 1 numbers"),
        (b"1 99999999\na 0.5 1\n", "dimension 99999999"),
        (
            b"meren -1 0 1\nzee\xc3n 1 0 -1\n",
            "line 2, byte 13: the word 'zee\u{fffd}n' is not",
        ),
        (b"1 2\na \0\0\0\0", "promises 1 words of 2 numbers"),
        (
            b"2 1\nlonger \0\0\0\0bb \0\0",
            "word 2 of 2, byte 15: the file ends",
        ),
        (
            b"2 1\na \0\0\0\0b\xff \0\0\0\0",
            "word 2 of 2, byte 10: 'b\u{fffd}' is not",
        ),
    ] {
        let message = refusal(text);
        assert!(message.contains(part), "{message}");
    }
    for name in [
        "utf8-incomplete.bin",
        "utf8-incomplete.dims",
        "utf8-incomplete.txt",
    ] {
        let Some(path) = shared(name) else { return };
        let message = WordVectors::open(&path).unwrap_err().to_string();
        assert!(
            message.contains("zee") && message.contains("UTF-8"),
            "{message}"
        );
    }
}

#[test]
fn a_number_that_is_none_is_found_when_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors");
    fs_err::write(&path, "2 2\na 0.5 1\nb 0.5 x1\nb").unwrap();
    assert!(WordVectors::open(&path).is_err());
    fs_err::write(&path, "3 2\na 0.5 1\nb 0.5 x1\nc nan 1\n").unwrap();
    let vectors = WordVectors::open(&path).unwrap();
    assert_eq!(vectors.vector("a").unwrap(), Some(vec![0.5, 1.0]));
    let message = vectors.vector("b").unwrap_err().to_string();
    assert!(
        message.contains("line 3: 'x1' is not a number"),
        "{message}"
    );
    let message = vectors.vector("c").unwrap_err().to_string();
    assert!(
        message.contains("'c' has values that are not finite"),
        "{message}"
    );
}

#[test]
fn truncated_and_changed_models_never_panic() {
    let bytes = fs_err::read(reference("tiny_supervised.bin")).unwrap();
    for end in (0..bytes.len()).step_by(17) {
        refusal(&bytes[..end]);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors");
    // What comes before the matrix, and its sizes.
    for at in (0..100).chain(500..556) {
        let mut changed = bytes.clone();
        changed[at] = if at % 2 == 0 { 0x7f } else { 0xff };
        fs_err::write(&path, &changed).unwrap();
        if let Ok(vectors) = WordVectors::open(&path) {
            let _ = vectors.vector("dog");
            let _ = vectors.vector("unknown");
        }
    }
    let mut quantised = bytes;
    let matrix = quantised.len() - (2 * 4 * 6 + 17) - (126 * 4 * 6 + 17);
    quantised[matrix] = 1;
    assert!(refusal(&quantised).contains(".ftz"));
}

/// Ranks from 1, equal values sharing their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |x: f64| {
        let below = values.iter().filter(|&&y| y < x).count();
        let equal = values.iter().filter(|&&y| y == x).count();
        below as f64 + (equal as f64 + 1.0) / 2.0
    };
    values.iter().map(|&x| rank(x)).collect()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let product = |p: &[f64], mp: f64, q: &[f64], mq: f64| -> f64 {
        p.iter().zip(q).map(|(x, y)| (x - mp) * (y - mq)).sum()
    };
    product(a, ma, b, mb) / (product(a, ma, a, ma) * product(b, mb, b, mb)).sqrt()
}

#[test]
fn similarities_agree_in_rank_with_people_where_both_words_are_known() {
    let (Some(pairs), Some(path)) = (shared("wordsim353.tsv"), shared("lee_fasttext_new.bin"))
    else {
        return;
    };
    let vectors = WordVectors::open(&path).unwrap();
    let (mut people, mut cosines) = (Vec::new(), Vec::new());
    for line in fs_err::read_to_string(pairs).unwrap().lines() {
        let parts: Vec<&str> = line.split('\t').collect();
        if line.starts_with('#') || !parts[..2].iter().all(|word| vectors.contains(word)) {
            continue;
        }
        let [a, b] = [0, 1].map(|i| vectors.vector(parts[i]).unwrap().unwrap());
        let dot: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(x * y)).sum();
        people.push(parts[2].parse::<f64>().unwrap());
        cosines.push(dot / (norm(&a) * norm(&b)));
    }
    let spearman = correlation(&ranks(&people), &ranks(&cosines));
    println!("{} pairs known, Spearman {spearman:.3}", people.len());
    // The model learnt from 300 short documents: what it must show is that words meet their own vectors.
    assert!(people.len() >= 10 && spearman.is_finite());
}
