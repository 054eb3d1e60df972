//! Codebooks: training, assignment, signatures, the file.
#![allow(clippy::unwrap_used)]

mod descriptors;
mod sequence;

use descriptors::descriptors;
use vizsla_features::DescriptorKind;
use vizsla_vectors::l2_squared_u8;
use vizsla_words::{Clustering, Codebook, Error, MAX_WORDS, TrainConfig};

fn small(words: usize, seed: u64) -> Codebook {
    let config = TrainConfig {
        words,
        iterations: 4,
        refinements: 2,
        seed,
        ..TrainConfig::default()
    };
    Codebook::train(&descriptors(3, 300, 12_000, 20), &config, &|_| {}).unwrap()
}

/// Share of descriptors that are given the word an exhaustive search would give.
fn recall(codebook: &Codebook, descriptors: &[[u8; 128]]) -> f64 {
    let exact = descriptors.iter().filter(|d| {
        let word = codebook.assign(d);
        let found = l2_squared_u8(*d, &codebook.words()[word as usize]);
        codebook
            .words()
            .iter()
            .all(|w| l2_squared_u8(*d, w) >= found)
    });
    exact.count() as f64 / descriptors.len() as f64
}

#[test]
fn nearly_every_descriptor_gets_its_nearest_word() {
    let codebook = small(1024, 1);
    assert_eq!(codebook.len(), 1024);
    let queries = descriptors(3, 300, 13_000, 20).split_off(12_000);
    let share = recall(&codebook, &queries);
    assert!(share >= 0.95, "{share}");
}

#[test]
fn several_words_come_nearest_first() {
    let codebook = small(256, 1);
    let mut words = Vec::new();
    for descriptor in descriptors(8, 50, 100, 30) {
        codebook.assign_many(&descriptor, 5, &mut words);
        assert_eq!(words.len(), 5);
        assert_eq!(words[0].0, codebook.assign(&descriptor));
        assert!(words.windows(2).all(|w| w[0].1 <= w[1].1));
        for &(word, distance) in &words {
            assert_eq!(
                distance,
                l2_squared_u8(&descriptor, &codebook.words()[word as usize])
            );
        }
    }
}

#[test]
fn many_descriptors_get_the_words_that_each_gets_by_itself() {
    let cells = small(200, 1);
    let config = TrainConfig {
        words: 200,
        clustering: Clustering::Hierarchical,
        ..TrainConfig::default()
    };
    let tree = Codebook::train(&descriptors(3, 300, 3_000, 20), &config, &|_| {}).unwrap();
    let asked = descriptors(3, 300, 3_300, 20).split_off(3_000);
    for codebook in [cells, tree] {
        let words: Vec<u32> = asked.iter().map(|d| codebook.assign(d)).collect();
        assert_eq!(codebook.assign_each(&asked), words);
        for count in [1, 3, 20] {
            let (many, soft) = (
                codebook.assign_many_each(&asked, count),
                codebook.assign_soft_each(&asked, count, 60.0),
            );
            let (mut words, mut shares) = (Vec::new(), Vec::new());
            for ((descriptor, many), soft) in asked.iter().zip(many).zip(soft) {
                codebook.assign_many(descriptor, count, &mut words);
                codebook.assign_soft(descriptor, count, 60.0, &mut shares);
                assert_eq!((many, soft), (words.clone(), shares.clone()));
            }
        }
    }
}

#[test]
fn training_depends_on_descriptors_and_seed_only() {
    let (one, two, other) = (small(64, 1), small(64, 1), small(64, 2));
    assert_eq!(one.to_bytes(), two.to_bytes());
    assert_eq!(one.id(), two.id());
    assert_ne!(one.id(), other.id());
    assert_eq!(one.id().len(), 32);
}

#[test]
fn near_descriptors_have_near_signatures() {
    let codebook = small(64, 1);
    let (mut near, mut far) = (0, 0);
    let all = descriptors(3, 300, 400, 20);
    for pair in all.chunks_exact(2) {
        let word = codebook.assign(&pair[0]);
        let moved = pair[0].map(|x| x.saturating_add(x % 3));
        let signature = codebook.signature(&pair[0], word);
        near += signature.distance(codebook.signature(&moved, word));
        far += signature.distance(codebook.signature(&pair[1], word));
    }
    assert!(near * 4 < far, "{near} against {far}");
}

#[test]
fn a_file_gives_the_codebook_back() {
    let codebook = small(100, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.vzcb");
    codebook.save(&path).unwrap();
    let read = Codebook::open(&path).unwrap();
    assert_eq!(read.id(), codebook.id());
    assert_eq!(read.to_bytes(), codebook.to_bytes());
    for descriptor in descriptors(5, 20, 50, 40) {
        let word = codebook.assign(&descriptor);
        assert_eq!(read.assign(&descriptor), word);
        assert_eq!(
            read.signature(&descriptor, word),
            codebook.signature(&descriptor, word)
        );
    }
    assert!(matches!(
        Codebook::open(&folder.path().join("none")),
        Err(Error::Vectors(vizsla_vectors::Error::Io(_)))
    ));
}

#[test]
fn the_file_says_what_the_descriptors_are() {
    let config = |descriptor| TrainConfig {
        words: 24,
        seed: 7,
        descriptor,
        ..TrainConfig::default()
    };
    let trained = DescriptorKind::ALL.map(|kind| {
        let learned = descriptors(21, 40, 2000, 12);
        Codebook::train(&learned, &config(kind), &|_| {}).unwrap()
    });
    for (codebook, kind) in trained.iter().zip(DescriptorKind::ALL) {
        let bytes = codebook.to_bytes();
        let version = if kind == DescriptorKind::RootSift {
            1
        } else {
            2
        };
        assert_eq!(bytes[4..8], [version, 0, 0, 0]);
        let read = Codebook::from_bytes(&bytes).unwrap();
        assert_eq!((read.kind(), read.id()), (kind, codebook.id()));
        assert_eq!(read.words(), codebook.words());
    }
    assert_ne!(trained[0].id(), trained[1].id());
    assert_eq!(Codebook::builtin().kind(), DescriptorKind::RootSift);

    let sift = trained
        .iter()
        .find(|c| c.kind() == DescriptorKind::Sift)
        .unwrap();
    let of_number = |number: u32| {
        let mut bytes = sift.to_bytes();
        bytes[32..36].copy_from_slice(&number.to_le_bytes());
        let payload = crc32fast::hash(&bytes[32..]);
        bytes[24..28].copy_from_slice(&payload.to_le_bytes());
        let header = crc32fast::hash(&bytes[..28]);
        bytes[28..32].copy_from_slice(&header.to_le_bytes());
        Codebook::from_bytes(&bytes)
    };
    assert!(of_number(DescriptorKind::Sift.number()).is_ok());
    assert!(of_number(DescriptorKind::RootSift.number()).is_err());
    let error = of_number(77).unwrap_err();
    assert!(matches!(error, Error::UnknownDescriptor { number: 77, .. }));
    for length in [33, 35] {
        assert!(Codebook::from_bytes(&sift.to_bytes()[..length]).is_err());
    }
}

#[test]
fn impossible_trainings_are_refused() {
    let config = |words| TrainConfig {
        words,
        ..TrainConfig::default()
    };
    let few = descriptors(1, 5, 10, 5);
    assert!(matches!(
        Codebook::train(&few, &config(0), &|_| {}),
        Err(Error::WordCount(0))
    ));
    assert!(matches!(
        Codebook::train(&few, &config(1_100_000), &|_| {}),
        Err(Error::WordCount(1_100_000))
    ));
    assert!(matches!(
        Codebook::train(&few, &config(11), &|_| {}),
        Err(Error::TooFewDescriptors {
            found: 10,
            words: 11
        })
    ));
}

#[test]
fn the_builtin_codebook_can_be_used() {
    let codebook = Codebook::builtin();
    assert!(codebook.len() >= 16_384);
    assert!(codebook.to_bytes().len() <= 8 << 20);
    // Words moved a little stand for descriptors: most belong to the word they came from.
    let moved: Vec<[u8; 128]> = codebook
        .words()
        .iter()
        .step_by(codebook.len() / 200)
        .map(|word| word.map(|x| x.saturating_add(x % 13)))
        .collect();
    let share = recall(&codebook, &moved);
    assert!(share >= 0.95, "{share}");
}

#[test]
fn more_words_than_cells_hold_lie_in_cells_within_cells() {
    let descriptors = descriptors(9, 4_000, 70_000, 12);
    let config = TrainConfig {
        words: 66_000,
        iterations: 1,
        refinements: 0,
        ..TrainConfig::default()
    };
    let codebook = Codebook::train(&descriptors, &config, &|_| {}).unwrap();
    assert_eq!(codebook.len(), 66_000);
    let bytes = codebook.to_bytes();
    assert_eq!(bytes[4..8], [4, 0, 0, 0]);
    let read = Codebook::from_bytes(&bytes).unwrap();
    assert_eq!(read.id(), codebook.id());
    let asked = &descriptors[..200];
    let mut near = Vec::new();
    let mut right = 0;
    for (descriptor, several) in asked.iter().zip(read.assign_many_each(asked, 3)) {
        codebook.assign_many(descriptor, 3, &mut near);
        assert_eq!(several, near);
        assert_eq!(codebook.assign(descriptor), near[0].0);
        let nearest = codebook
            .words()
            .iter()
            .map(|word| l2_squared_u8(descriptor, word))
            .min();
        right += usize::from(nearest == Some(near[0].1));
    }
    assert!(right >= 180, "{right}");
    let most = TrainConfig {
        words: MAX_WORDS + 1,
        ..config
    };
    let refused = Codebook::train(&descriptors, &most, &|_| {});
    assert!(matches!(refused, Err(Error::WordCount(_))));
}
