//! Texts: tokens as `transformers` numbers them, vectors as PyTorch gives them, sums of word vectors.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::Digest;
use vizsla_neural::{
    Aggregation, Encoder, Input, ModelEntry, ModelKind, RuntimeChoice, SessionOptions, TextEncoder,
    TextSettings, TokenPooling, Tokenizer, WordEncoder, WordStatistics, WordVectors,
};

fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("VIZSLA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = root.join(name);
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

fn expected(name: &str) -> Value {
    let text = fs_err::read_to_string(reference(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    let values = value.as_array().unwrap().iter();
    values.map(|x| x.as_f64().unwrap() as f32).collect()
}

/// Caption `line` of Flickr8k as it stands in the file.
fn captions(lines: &[usize]) -> Option<Vec<String>> {
    let text = fs_err::read_to_string(shared("flickr8k/captions.txt")?).unwrap();
    let all: Vec<&str> = text.lines().collect();
    let caption = |&line: &usize| all[line].split_once(',').unwrap().1.to_owned();
    Some(lines.iter().map(caption).collect())
}

fn check_ids(name: &str, tokenizer: &Tokenizer) {
    let all = expected("tokenizers_ids.json");
    let strings = all["strings"].as_array().unwrap().iter();
    let strings: Vec<String> = strings.map(|s| s.as_str().unwrap().to_owned()).collect();
    let lines = all["lines"].as_array().unwrap().iter();
    let lines: Vec<usize> = lines.map(|n| n.as_u64().unwrap() as usize).collect();
    let mut sets = vec![("strings", strings)];
    if !all["ids"][name]["lines"].is_null() {
        sets.extend(captions(&lines).map(|captions| ("lines", captions)));
    }
    for (set, texts) in sets {
        let rows = all["ids"][name][set].as_array().unwrap();
        assert_eq!(rows.len(), texts.len());
        for (text, ids) in texts.iter().zip(rows) {
            let ids = ids.as_array().unwrap().iter();
            let ids: Vec<u32> = ids.map(|id| id.as_u64().unwrap() as u32).collect();
            assert_eq!(tokenizer.encode(text).unwrap().ids, ids, "{name}: {text:?}");
        }
    }
}

#[test]
fn numbers_of_bert_are_those_of_transformers() {
    let Some(path) = shared("bert/vocab.txt") else {
        return;
    };
    check_ids("bert", &Tokenizer::open(&path, None, None).unwrap());
    let cased = Tokenizer::open(&path, Some(false), None).unwrap();
    check_ids("bert_cased", &cased);
}

#[test]
fn numbers_of_clip_are_those_of_transformers() {
    let Some(path) = shared("clip/bpe_simple_vocab_16e6.txt.gz") else {
        return;
    };
    let tokenizer = Tokenizer::open(&path, None, None).unwrap();
    assert_eq!((tokenizer.max_length(), tokenizer.padding()), (77, 49407));
    check_ids("clip", &tokenizer);
}

#[test]
fn numbers_of_a_unigram_tokenizer_are_those_of_transformers() {
    let tokenizer = Tokenizer::open(&reference("tiny_unigram.json"), None, None).unwrap();
    check_ids("unigram", &tokenizer);
}

#[test]
fn long_texts_are_cut_and_unknown_words_counted() {
    let path = reference("tiny_vocab.txt");
    let tokenizer = Tokenizer::open(&path, None, Some(5)).unwrap();
    let text = tokenizer.encode("A zebra, a dog and a cat").unwrap();
    assert_eq!((text.ids.len(), text.tokens, text.unknown), (5, 3, 1));
    let message = Tokenizer::open(&path, None, Some(1))
        .unwrap_err()
        .to_string();
    assert!(message.contains("max_length"), "{message}");
}

fn sha256(path: &Path) -> String {
    let digest = sha2::Sha256::digest(fs_err::read(path).unwrap());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn entry(kind: ModelKind, model: &Path, settings: TextSettings) -> ModelEntry {
    let mut entry = ModelEntry::for_file("m", kind, model, &sha256(model));
    let tokenizer = settings.tokenizer.as_ref();
    let tokenizer_sha256 =
        tokenizer.map_or_else(String::new, |name| sha256(&model.with_file_name(name)));
    entry.text = Some(TextSettings {
        tokenizer_sha256,
        ..settings
    });
    entry
}

fn network(model: &Path, tokenizer: &str, pooling: Option<&str>) -> ModelEntry {
    let settings = TextSettings {
        tokenizer: Some(tokenizer.into()),
        pooling: pooling.map(|name| name.parse().unwrap()),
        ..TextSettings::default()
    };
    entry(ModelKind::Text, model, settings)
}

fn options() -> SessionOptions {
    SessionOptions {
        runtime: RuntimeChoice::Rten,
        threads: 1,
    }
}

#[test]
fn a_small_bert_agrees_with_pytorch() {
    let rows = expected("tiny_text_models.json");
    let rows = rows.as_array().unwrap();
    let texts: Vec<&str> = rows
        .iter()
        .map(|row| row["text"].as_str().unwrap())
        .collect();
    let mut fingerprints = Vec::new();
    for pooling in ["cls", "mean", "last"] {
        let entry = network(
            &reference("tiny_bert.onnx"),
            "tiny_vocab.txt",
            Some(pooling),
        );
        let encoder = TextEncoder::open(&entry, &options()).unwrap();
        assert_eq!(encoder.dimension(), 12);
        assert!(!fingerprints.contains(&encoder.fingerprint().to_owned()));
        fingerprints.push(encoder.fingerprint().to_owned());
        let batch = encoder.encode_texts(&texts).unwrap();
        let sum = |name: &str| {
            rows.iter()
                .map(|row| row[name].as_u64().unwrap())
                .sum::<u64>()
        };
        assert_eq!(batch.tokens as u64, sum("tokens"));
        assert_eq!(batch.out_of_vocabulary as u64, sum("unknown"));
        for ((text, vector), row) in texts.iter().zip(&batch.vectors).zip(rows) {
            let close = vector.iter().zip(floats(&row[pooling]));
            assert!(
                close.into_iter().all(|(x, y)| (x - y).abs() < 2e-5),
                "{text}"
            );
            // Alone it is the same as among longer ones, whose fillers the mask hides.
            let alone = encoder.encode(&[Input::Text(text)]).unwrap();
            assert!(
                alone[0]
                    .iter()
                    .zip(vector)
                    .all(|(x, y)| (x - y).abs() < 1e-5)
            );
        }
    }
    let entry = network(
        &reference("tiny_bert.onnx"),
        "tiny_vocab.txt",
        Some("output"),
    );
    let message = TextEncoder::open(&entry, &options())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("1x3x12") && message.contains("cls, mean, sum or last"),
        "{message}"
    );
}

#[test]
fn the_text_half_of_a_pair_names_colours() {
    let entry = network(&reference("tiny_clip_text.onnx"), "tiny_vocab.txt", None);
    let encoder = TextEncoder::open(&entry, &options()).unwrap();
    let batch = encoder
        .encode_texts(&["A red wall", "a cat", "RED"])
        .unwrap();
    let third = 1.0 / 3.0;
    let red = [2.0 * third, -third, -third, third - 0.5];
    let length = red.iter().map(|x: &f32| x * x).sum::<f32>().sqrt();
    for vector in [&batch.vectors[0], &batch.vectors[2]] {
        assert!(
            vector
                .iter()
                .zip(red)
                .all(|(x, y)| (x - y / length).abs() < 1e-6)
        );
    }
    assert_eq!(batch.vectors[1], [0.0; 4]);
}

#[test]
fn what_is_no_text_model_is_refused() {
    let model = reference("tiny_clip_image.onnx");
    let entry = network(&model, "tiny_vocab.txt", None);
    let message = TextEncoder::open(&entry, &options())
        .unwrap_err()
        .to_string();
    assert!(message.contains("pixel_values"), "{message}");
    let mut entry = network(&reference("tiny_bert.onnx"), "tiny_vocab.txt", None);
    entry.output = Some("last_hiden_state".into());
    let message = TextEncoder::open(&entry, &options())
        .unwrap_err()
        .to_string();
    assert!(message.contains("last_hidden_state"), "{message}");
    entry.kind = ModelKind::Image;
    assert!(TextEncoder::open(&entry, &options()).is_err());
    for (unknown, known) in [
        ("pooling = 'max'", TokenPooling::NAMES),
        ("aggregation = 'max'", Aggregation::NAMES),
    ] {
        let message = toml::from_str::<TextSettings>(unknown)
            .unwrap_err()
            .to_string();
        assert!(message.contains(known), "{message}");
    }
    let mut entry = network(&reference("tiny_bert.onnx"), "tiny_vocab.txt", None);
    entry.dimension = Some(7);
    let message = TextEncoder::open(&entry, &options())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("gives 12 numbers, its entry says 7"),
        "{message}"
    );
}

/// -1 or 1, by the last bit of a mixed number; as in `export_minilm.py`.
fn sign(x: u32) -> f64 {
    let x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    let x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    1.0 - 2.0 * f64::from((x ^ (x >> 16)) & 1)
}

#[test]
fn minilm_agrees_with_sentence_transformers() {
    let Some(folder) = std::env::var_os("VIZSLA_MINILM").map(PathBuf::from) else {
        println!("skipped: VIZSLA_MINILM names no folder made by tests/reference/export_minilm.py");
        return;
    };
    let rows = expected("minilm.json");
    let rows = rows.as_array().unwrap();
    let lines = rows
        .iter()
        .map(|row| row["line"].as_u64().unwrap() as usize);
    let Some(texts) = captions(&lines.collect::<Vec<_>>()) else {
        return;
    };
    // As the script reads them: without the quotes of CSV.
    let texts: Vec<String> = texts
        .iter()
        .map(|text| text.trim().trim_matches('"').replace("\"\"", "\""))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let entry = network(&folder.join("model.onnx"), "tokenizer.json", None);
    let encoder = TextEncoder::open(&entry, &options()).unwrap();
    let vectors = encoder.encode_texts(&texts).unwrap().vectors;
    let mut lowest = 1.0f64;
    for (vector, row) in vectors.iter().zip(rows) {
        let first = floats(&row["first"]);
        assert!(vector.iter().zip(&first).all(|(x, y)| (x - y).abs() < 1e-4));
        let products = floats(&row["products"]);
        let squared: f64 = (0..32u32)
            .map(|k| {
                let terms = (0..).zip(vector);
                let product: f64 = terms.map(|(i, &x)| sign(32 * i + k) * f64::from(x)).sum();
                (product - f64::from(products[k as usize])).powi(2)
            })
            .sum::<f64>()
            / 32.0;
        lowest = lowest.min(1.0 - squared / 2.0);
    }
    println!("lowest cosine of {} captions: {lowest:.8}", rows.len());
    assert!(lowest > 0.9999, "{lowest}");
}

fn tiny_words(aggregation: &str) -> TextEncoder {
    let settings = TextSettings {
        aggregation: Some(aggregation.parse().unwrap()),
        ..TextSettings::default()
    };
    let entry = entry(
        ModelKind::WordVectors,
        &reference("tiny_skipgram.bin"),
        settings,
    );
    TextEncoder::open(&entry, &options()).unwrap()
}

fn norm(vector: &[f32]) -> f32 {
    vector.iter().map(|x| x * x).sum::<f32>().sqrt()
}

#[test]
fn word_vectors_are_summed() {
    let table = WordVectors::open(&reference("tiny_skipgram.bin")).unwrap();
    let vector = |word: &str| table.vector(word).unwrap().unwrap();
    let (dog, field, dogs) = (vector("dog"), vector("field"), vector("dogs"));
    for aggregation in ["sum", "mean"] {
        let batch = tiny_words(aggregation)
            .encode_texts(&["Dog, FIELD; dogs!", "..."])
            .unwrap();
        assert_eq!((batch.tokens, batch.out_of_vocabulary), (3, 1));
        let sum: Vec<f32> = (0..6).map(|i| dog[i] + field[i] + dogs[i]).collect();
        let length = norm(&sum);
        let close = batch.vectors[0].iter().zip(&sum);
        assert!(
            close
                .into_iter()
                .all(|(x, s)| (x - s / length).abs() < 1e-6)
        );
        assert_eq!(batch.vectors[1], [0.0; 6]);
    }
    let batch = tiny_words("sif").encode_texts(&["dog field"]).unwrap();
    let weight = |word: &str| {
        let probability = table.count(word).unwrap() as f64 / table.tokens().unwrap() as f64;
        (1e-3 / (1e-3 + probability)) as f32
    };
    let sum: Vec<f32> = (0..6)
        .map(|i| weight("dog") * dog[i] + weight("field") * field[i])
        .collect();
    let close = batch.vectors[0].iter().zip(&sum);
    assert!(
        close
            .into_iter()
            .all(|(x, s)| (x - s / norm(&sum)).abs() < 1e-5)
    );
}

#[test]
fn weights_come_from_statistics() {
    let open = || WordVectors::open(&reference("tiny_skipgram.bin")).unwrap();
    let texts = [
        "dog street",
        "dog river",
        "dog snow",
        "cat river",
        "bird street",
    ];
    let refused = WordEncoder::new(open(), Aggregation::TfIdf, None, true).unwrap_err();
    assert!(refused.to_string().contains("word statistics"), "{refused}");
    let statistics = WordStatistics::learn(texts, true);
    let cased = WordEncoder::new(open(), Aggregation::TfIdf, Some(statistics.clone()), false);
    assert!(cased.unwrap_err().to_string().contains("lower_case = true"));
    let sif = Aggregation::Sif { a: 1e-3 };
    let mut encoder = WordEncoder::new(open(), sif, Some(statistics), true).unwrap();
    let share = encoder.learn_common(&texts).unwrap();
    assert!(share > 0.5 && share <= 1.0, "{share}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("statistics");
    let learnt = encoder.statistics().unwrap();
    learnt.save(&path).unwrap();
    let settings = TextSettings {
        aggregation: Some("sif".parse().unwrap()),
        statistics: Some(path.clone()),
        ..TextSettings::default()
    };
    let mut entry = entry(
        ModelKind::WordVectors,
        &reference("tiny_skipgram.bin"),
        settings,
    );
    entry.record_files().unwrap();
    let encoder = TextEncoder::open(&entry, &options()).unwrap();
    for vector in encoder.encode_texts(&texts).unwrap().vectors {
        let along: f32 = vector.iter().zip(learnt.common()).map(|(x, y)| x * y).sum();
        assert!(along.abs() < 1e-4 && (norm(&vector) - 1.0).abs() < 1e-5);
    }
    let mut other = fs_err::read(&path).unwrap();
    other.push(b'\n');
    fs_err::write(&path, other).unwrap();
    let changed = TextEncoder::open(&entry, &options())
        .unwrap_err()
        .to_string();
    assert!(
        changed.contains("the word statistics of model"),
        "{changed}"
    );
}
