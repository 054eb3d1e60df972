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
        (
            b"1 99999999\na 0.5 1\n",
            "promises 99999999 numbers for each word, most lines have 2",
        ),
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

/// The words of a file of these bytes that is taken, and the first number of each.
fn taken(bytes: &[u8]) -> Vec<(String, f32)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors");
    fs_err::write(&path, bytes).unwrap();
    let vectors = WordVectors::open(&path).unwrap();
    assert_eq!(vectors.dimension(), 3);
    let first = |word: &str| vectors.vector(word).unwrap().unwrap()[0];
    let words = vectors.words();
    words.map(|word| (word.to_string(), first(&word))).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn texts_are_taken_as_other_programs_write_them() {
    let words = |words: &[&str]| -> Vec<(String, f32)> {
        let numbered = words.iter().zip([0.1, 0.2, 0.3]);
        numbered.map(|(word, x)| ((*word).to_owned(), x)).collect()
    };
    let plain = words(&["hello", "world"]);
    for text in [
        "2 3\nhello 0.1 1 -2\nworld 0.2 1e-3 2\n",
        "hello 0.1 1 -2\nworld 0.2 1e-3 2\n",
        "hello 0.1 1 -2\nworld 0.2 1e-3 2",
        "hello\t0.1\t1\t-2\nworld\t0.2\t1\t2\n",
        "2\t3\nhello\t0.1\t1\t-2\nworld\t0.2\t1\t2\n",
        "2 3\r\nhello 0.1 1 -2\r\nworld 0.2 1 2\r\n",
        "\u{feff}2 3\nhello 0.1 1 -2\nworld 0.2 1 2\n",
        "\u{feff}hello 0.1 1 -2\nworld 0.2 1 2\n",
        // Numbers in columns, and blanks at the ends.
        "hello   0.1   1   -2  \nworld   0.2   1    2  \n",
        // Fewer words were promised.
        "1 3\nhello 0.1 1 -2\nworld 0.2 1 2\n",
    ] {
        assert_eq!(taken(text.as_bytes()), plain, "{text:?}");
        assert_eq!(taken(&gzip(text.as_bytes())), plain, "{text:?}");
    }
    for (text, expected) in [
        // Words with blanks, of blanks, of nothing, and of numbers.
        (
            "3 3\nhello 0.1 1 2\nmy name 0.2 1 2\nis 0.3 1 2\n",
            ["hello", "my name", "is"],
        ),
        (
            "hello 0.1 1 2\n. . . 0.2 1 2\nat a@b.de 0.3 1 2\n",
            ["hello", ". . .", "at a@b.de"],
        ),
        (
            "3 3\nhello 0.1 1 2\n  0.2 1 2\nis 0.3 1 2\n",
            ["hello", " ", "is"],
        ),
        (
            "3 3\nhello 0.1 1 2\n 0.2 1 2\nis 0.3 1 2\n",
            ["hello", "", "is"],
        ),
        (" 0.1 1 2\nhello 0.2 1 2\nis 0.3 1 2\n", ["", "hello", "is"]),
        (
            "2004 0.1 1 2\n0.5 0.2 1 2\nwindows 10 0.3 1 2\n",
            ["2004", "0.5", "windows 10"],
        ),
        (
            "my name 0.1 1 2\nnan 0.2 1 2\n\u{a0} 0.3 1 2\n",
            ["my name", "nan", "\u{a0}"],
        ),
    ] {
        assert_eq!(taken(text.as_bytes()), words(&expected), "{text:?}");
    }
}

#[test]
fn a_large_packed_table_is_unpacked_beside_memory() {
    let mut text = String::new();
    for word in 0..700_000 {
        text.push_str(&format!("word{word:07} 0.1 0.{word}{} 2\n", "0".repeat(80)));
    }
    assert!(text.len() > 64 << 20);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors.gz");
    fs_err::write(&path, gzip(text.as_bytes())).unwrap();
    let vectors = WordVectors::open(&path).unwrap();
    assert_eq!((vectors.len(), vectors.dimension()), (700_000, 3));
    assert_eq!(vectors.vector("word0699999").unwrap().unwrap()[0], 0.1);
}

#[test]
fn other_files_are_told_by_name_and_never_taken_for_one_number_a_word() {
    let tar = [vec![b'a'; 257], b"ustar\0".to_vec(), vec![0; 300]].concat();
    let utf16: Vec<u8> = "\u{feff}hello 0.1 1 2\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (bytes, part) in [
        (
            &b"PK\x03\x04rest of it"[..],
            "a zip archive; unpack it first: `unzip",
        ),
        (&gzip(b"PK\x03\x04rest of it"), "a zip archive"),
        (&gzip(&tar), "a tar archive; unpack it first: `tar"),
        (&tar, "a tar archive"),
        (b"BZh91AY&SY", "bzip2; unpack"),
        (b"\xfd7zXZ\0\0", "xz; unpack"),
        (b"\x28\xb5\x2f\xfd__", "zstd; unpack"),
        (b"\x80\x04\x95rest", "a pickle of Python; save"),
        (b"\x93NUMPY\x01", "NumPy"),
        (&utf16, "UTF-16; write it as UTF-8"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid 1\n",
            "git lfs pull",
        ),
        (b"\n<!DOCTYPE html><html>", "a page of a web site"),
        (b"the 120\nof 80\nand 70\n", "1 numbers for each word"),
        (b"3 1\nthe 120\nof 80\nand 70\n", "1 numbers for each word"),
        (
            b"3 4\nthe 1 2\nof 1 2\nand 1 2\n",
            "promises 4 numbers for each word, most lines have 2",
        ),
        (
            b"4 2\nthe 1 2\nof 1 2\nand 1 2\n",
            "promises 4 words, 3 follow: it was cut off",
        ),
        (
            b"1 2\na \0\0\0\0\0\0\0\0b \0\0\0\0\0\0\0\0",
            "10 bytes follow behind them",
        ),
    ] {
        let message = refusal(bytes);
        assert!(message.contains(part), "{message}");
    }
    let mut cut = gzip(b"2 3\nhello 0.1 1 -2\nworld 0.2 1 2\n");
    cut.truncate(cut.len() - 12);
    assert!(refusal(&cut).contains("cannot be unpacked"));
}

/// Files of other programs, of which some have a word that is nothing.
#[test]
fn published_oddities_are_taken() {
    let folder = std::env::var_os("VIZSLA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = folder.join("cases/word_vectors");
    for (name, words) in [
        ("bom.vec", 2),
        ("cc.vec.gz", 2),
        ("count_more.vec", 3),
        ("emptytok.vec", 3),
        ("gensim2795.vec", 3),
        ("spacy737.vec", 3),
        ("tabs.txt", 2),
    ] {
        let path = folder.join(name);
        if !path.is_file() {
            println!("skipped, absent: {}", path.display());
            return;
        }
        let vectors = WordVectors::open(&path).unwrap();
        assert_eq!((vectors.len(), vectors.dimension()), (words, 4), "{name}");
        assert!(vectors.vector("hello").unwrap().is_some(), "{name}");
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
