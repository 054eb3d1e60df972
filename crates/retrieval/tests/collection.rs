//! A collection follows its folder and answers queries.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use support::{fill, ingest, open, picture, view};
use vizsla_retrieval::{
    Collection, Error, IngestOptions, Query, QueryImage, Region, Reporter, SearchOptions, Selector,
    Silent, StopFlag, Verdict,
};

const CODEBOOK: &str = "artefacts/codebook-00b4ad3e807d02ab200d39168f430c40.vzcb";

fn names(collection: &Collection) -> Vec<String> {
    let images = collection.list().unwrap();
    let mut names: Vec<String> = images
        .iter()
        .flat_map(|image| &image.paths)
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn best(collection: &Collection, query: &Path) -> (String, Verdict) {
    let answer = collection
        .search(&Query::file(query), &SearchOptions::default())
        .unwrap();
    let hit = &answer.hits[0];
    (
        hit.path.file_name().unwrap().to_string_lossy().into_owned(),
        hit.verdict,
    )
}

#[test]
fn the_same_object_is_found_from_another_view_and_a_stranger_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    fill(&folder, 12);
    let report = ingest(&place, &folder);
    assert_eq!((report.added, report.skipped.len()), (12, 0));
    let collection = open(&place);
    for seed in [1, 5, 9] {
        let query = dir.path().join("query.png");
        view(&picture(seed)).save_png(&query).unwrap();
        assert_eq!(
            best(&collection, &query),
            (format!("{:03}.png", seed - 1), Verdict::Match)
        );
    }
    let stranger = dir.path().join("stranger.png");
    picture(999).save_png(&stranger).unwrap();
    assert_eq!(best(&collection, &stranger).1, Verdict::NoMatch);
}

#[test]
fn a_region_finds_what_is_in_it_and_reports_where() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    fill(&folder, 6);
    ingest(&place, &folder);
    let collection = open(&place);
    let mut both = vizsla_pixels::Rgb::filled(740, 290, [128, 128, 128]).unwrap();
    both.paste(&picture(2), 0, 5);
    both.paste(&picture(4), 375, 5);
    let query = Query::image(QueryImage::Gray(both.to_gray()));
    let all = collection
        .search(&query, &SearchOptions::default())
        .unwrap();
    let matched: Vec<_> = all
        .hits
        .iter()
        .filter(|h| h.verdict == Verdict::Match)
        .map(|h| h.image)
        .collect();
    assert_eq!(matched.len(), 2, "both objects find their match");
    let right = Region {
        x: 375.0,
        y: 5.0,
        width: 360.0,
        height: 280.0,
    };
    let one = collection
        .search(&query.within(right), &SearchOptions::default())
        .unwrap();
    let hit = &one.hits[0];
    assert!(hit.path.ends_with("003.png") && hit.verdict == Verdict::Match);
    assert!(one.hits[1..].iter().all(|h| h.verdict == Verdict::NoMatch));
    // Query pixel (375 + x, 5 + y) is gallery pixel (x, y).
    let t = &hit.agreement.as_ref().unwrap().transform;
    let project = |x: f64, y: f64| {
        let w = t[2][0] * x + t[2][1] * y + t[2][2];
        (
            (t[0][0] * x + t[0][1] * y + t[0][2]) / w,
            (t[1][0] * x + t[1][1] * y + t[1][2]) / w,
        )
    };
    let (x, y) = project(375.0 + 100.0, 5.0 + 80.0);
    assert!((x - 100.0).abs() < 1.0 && (y - 80.0).abs() < 1.0, "{x} {y}");
}

#[test]
fn only_what_is_new_changed_moved_or_gone_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    fill(&folder, 5);
    assert_eq!(ingest(&place, &folder).added, 5);
    assert_eq!(ingest(&place, &folder).unchanged, 5);

    fs_err::rename(folder.join("000.png"), folder.join("moved.png")).unwrap();
    fs_err::copy(folder.join("001.png"), folder.join("copy.png")).unwrap();
    fs_err::remove_file(folder.join("002.png")).unwrap();
    picture(50).save_png(&folder.join("003.png")).unwrap();
    picture(51).save_png(&folder.join("new.png")).unwrap();

    let before = names(&open(&place));
    let dry = IngestOptions {
        dry_run: true,
        ..IngestOptions::default()
    };
    let rehearsal = open(&place)
        .ingest(std::slice::from_ref(&folder), &dry, &Silent)
        .unwrap();
    assert_eq!(names(&open(&place)), before, "a dry run writes nothing");
    let report = ingest(&place, &folder);
    for r in [&rehearsal, &report] {
        let counts = (
            r.unchanged,
            r.added,
            r.changed,
            r.moved,
            r.duplicates,
            r.gone,
        );
        assert_eq!(counts, (2, 1, 1, 1, 1, 1));
    }
    let collection = open(&place);
    let expected = [
        "001.png",
        "003.png",
        "004.png",
        "copy.png",
        "moved.png",
        "new.png",
    ];
    assert_eq!(names(&collection), expected);
    assert_eq!(collection.info().unwrap().images, 5);
    let query = dir.path().join("query.png");
    view(&picture(3)).save_png(&query).unwrap();
    assert_eq!(
        best(&collection, &query).1,
        Verdict::NoMatch,
        "what is gone is not found"
    );
    view(&picture(50)).save_png(&query).unwrap();
    assert_eq!(
        best(&collection, &query),
        ("003.png".into(), Verdict::Match)
    );
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
}

#[test]
fn an_empty_folder_removes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    fill(&folder, 3);
    ingest(&place, &folder);
    fs_err::remove_dir_all(&folder).unwrap();
    fs_err::create_dir(&folder).unwrap();
    let report = ingest(&place, &folder);
    assert_eq!((report.gone, report.warnings.len()), (0, 1));
    assert_eq!(names(&open(&place)).len(), 3);
}

#[test]
fn removing_takes_a_file_a_folder_or_an_image_and_names_what_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    fill(&folder.join("a"), 3);
    fill(&folder.join("b"), 2);
    ingest(&place, &folder);
    let mut collection = open(&place);
    assert_eq!(collection.info().unwrap().images, 3, "b holds copies");
    assert_eq!(
        collection
            .remove(&[Selector::Path(folder.join("b"))])
            .unwrap(),
        2
    );
    assert_eq!(collection.remove(&[Selector::Image(1)]).unwrap(), 1);
    let nobody = [Selector::Path(folder.join("nobody.png"))];
    assert!(matches!(
        collection.remove(&nobody),
        Err(Error::NotIndexed(_))
    ));
    assert_eq!(names(&collection), ["001.png", "002.png"]);
    assert_eq!(
        collection.optimize(false, &Silent).unwrap().segments_after,
        1
    );
    assert_eq!(collection.info().unwrap().tombstones, 0);
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
}

#[test]
fn small_batches_merge_and_answer_like_one_large() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("in");
    fill(&folder, 20);
    let (one, many) = (
        dir.path().join("one.vizsla"),
        dir.path().join("many.vizsla"),
    );
    ingest(&one, &folder);
    let small = IngestOptions {
        batch: 1,
        ..IngestOptions::default()
    };
    open(&many)
        .ingest(std::slice::from_ref(&folder), &small, &Silent)
        .unwrap();
    assert!(
        open(&many).info().unwrap().segments < 12,
        "segments of one size are merged"
    );
    let query = dir.path().join("query.png");
    view(&picture(7)).save_png(&query).unwrap();
    let answer = |place: &PathBuf| {
        let response = open(place)
            .search(&Query::file(&query), &SearchOptions::default())
            .unwrap();
        response
            .hits
            .iter()
            .map(|h| (h.image, h.score, h.shares.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(answer(&one), answer(&many));
    open(&many).optimize(true, &Silent).unwrap();
    assert_eq!(answer(&one), answer(&many));
}

#[test]
fn a_stopped_ingest_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    fill(&folder, 4);
    let flag = StopFlag::default();
    flag.stop();
    let report = open(&place)
        .ingest(
            std::slice::from_ref(&folder),
            &IngestOptions::default(),
            &flag,
        )
        .unwrap();
    assert!(report.interrupted && report.added == 0 && report.gone == 0);
    assert_eq!(ingest(&place, &folder).added, 4);
}

/// Asks to stop once so many files were looked into.
struct StopAfter {
    files: u64,
    seen: AtomicU64,
}

impl Reporter for StopAfter {
    fn advance(&self, steps: u64) {
        self.seen.fetch_add(steps, Ordering::SeqCst);
    }

    fn cancelled(&self) -> bool {
        self.seen.load(Ordering::SeqCst) >= self.files
    }
}

#[test]
fn images_come_in_path_order_however_often_the_work_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    fill(&folder, 24);
    let mut runs = 0;
    loop {
        let stop = StopAfter {
            files: 7,
            seen: AtomicU64::new(0),
        };
        let sources = std::slice::from_ref(&folder);
        let options = IngestOptions::default();
        let report = open(&place).ingest(sources, &options, &stop).unwrap();
        runs += 1;
        if !report.interrupted || runs == 30 {
            break;
        }
    }
    assert!((2..30).contains(&runs), "{runs} runs");
    let images = open(&place).list().unwrap();
    let order: Vec<_> = images.iter().map(|image| &image.paths[0]).collect();
    assert!(order.is_sorted() && order.len() == 24, "{order:?}");
    assert!(images.iter().zip(1..).all(|(image, id)| image.image == id));
}

#[test]
fn a_folder_that_is_indexed_under_its_new_name_has_moved() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("c.vizsla");
    let (old, new, copy) = (
        dir.path().join("a"),
        dir.path().join("b"),
        dir.path().join("c"),
    );
    fill(&old, 3);
    ingest(&place, &old);
    fs_err::rename(&old, &new).unwrap();
    let report = ingest(&place, &new);
    assert_eq!((report.moved, report.duplicates, report.added), (3, 0, 0));
    assert_eq!(names(&open(&place)), ["000.png", "001.png", "002.png"]);
    // Where the old files are still there, the new ones are copies.
    fill(&copy, 3);
    let report = ingest(&place, &copy);
    assert_eq!((report.moved, report.duplicates, report.added), (0, 3, 0));
}

#[cfg(unix)]
#[test]
fn what_lies_behind_a_link_that_leads_nowhere_for_now_stays_indexed() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    let (drive, away) = (dir.path().join("drive"), dir.path().join("away"));
    fill(&folder, 1);
    fs_err::create_dir(&drive).unwrap();
    picture(50).save_png(&drive.join("far.png")).unwrap();
    fs_err::os::unix::fs::symlink(&drive, folder.join("link")).unwrap();
    assert_eq!(ingest(&place, &folder).added, 2);
    fs_err::rename(&drive, &away).unwrap();
    assert_eq!(ingest(&place, &folder).gone, 0);
    assert_eq!(names(&open(&place)), ["000.png", "far.png"]);
    fs_err::rename(&away, &drive).unwrap();
    assert_eq!(ingest(&place, &folder).unchanged, 2);
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out_of_the_folder_that_bounds_an_ingest() {
    use fs_err::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let (root, place) = (dir.path().join("root"), dir.path().join("c.vizsla"));
    let (folder, secret) = (root.join("in"), dir.path().join("secret"));
    fill(&folder, 2);
    fill(&secret, 3);
    fs_err::create_dir(root.join("beside")).unwrap();
    picture(60).save_png(&root.join("beside/kept.png")).unwrap();
    symlink(&secret, folder.join("folder")).unwrap();
    symlink(secret.join("002.png"), folder.join("file.png")).unwrap();
    symlink(root.join("beside"), folder.join("inside")).unwrap();
    let options = IngestOptions {
        within: Some(root.clone()),
        ..IngestOptions::default()
    };
    let run = |sources: &[PathBuf]| open(&place).ingest(sources, &options, &Silent).unwrap();
    let report = run(std::slice::from_ref(&folder));
    assert_eq!((report.added, report.skipped.len()), (3, 2), "{report:?}");
    for skipped in &report.skipped {
        assert!(skipped.reason.contains("leads out"), "{skipped:?}");
    }
    let report = run(&[secret, folder.join("folder")]);
    assert_eq!((report.seen, report.skipped.len()), (0, 2), "{report:?}");
    // What was taken in without a bound stays when it is only not looked at.
    let free = ingest(&place, &folder);
    assert_eq!((free.added, free.duplicates), (1, 3), "{free:?}");
    assert_eq!(run(std::slice::from_ref(&folder)).gone, 0);
}

#[test]
fn a_sound_collection_is_sound_while_another_writes() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    fill(&folder, 4);
    ingest(&place, &folder);
    let reader = open(&place);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = open(&place);
            for round in 0..12 {
                let name = folder.join(format!("{:03}.png", round % 4));
                picture(100 + round).save_png(&name).unwrap();
                let sources = std::slice::from_ref(&folder);
                let options = IngestOptions::default();
                writer.ingest(sources, &options, &Silent).unwrap();
                writer.optimize(round % 2 == 0, &Silent).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        while !done.load(Ordering::SeqCst) {
            let problems = reader.verify(&Silent).unwrap().problems;
            assert!(problems.is_empty(), "{problems:?}");
        }
    });
}

#[test]
fn readers_go_on_while_one_writes_and_see_the_new_state_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    fill(&folder, 3);
    ingest(&place, &folder);
    let reader = open(&place);
    let query = dir.path().join("query.png");
    view(&picture(60)).save_png(&query).unwrap();
    assert_eq!(best(&reader, &query).1, Verdict::NoMatch);
    picture(60).save_png(&folder.join("late.png")).unwrap();
    let mut writer = open(&place);
    writer
        .ingest(
            std::slice::from_ref(&folder),
            &IngestOptions::default(),
            &Silent,
        )
        .unwrap();
    writer.optimize(false, &Silent).unwrap();
    assert_eq!(best(&reader, &query), ("late.png".into(), Verdict::Match));
}

#[test]
fn what_is_no_collection_is_said_to_be_none() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(
        Collection::open(dir.path().join("x")),
        Err(Error::Missing(_))
    ));
    let full = dir.path().join("full");
    fill(&full, 1);
    let made = Collection::builder(&full).create();
    assert!(matches!(made, Err(Error::Occupied(_))));
}

#[test]
fn damage_is_found_and_the_index_is_made_again_from_the_catalog() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, place) = (dir.path().join("in"), dir.path().join("c.vizsla"));
    fill(&folder, 4);
    ingest(&place, &folder);
    let segment = place.join("segments/00000001.vzsg");
    let good = fs_err::read(&segment).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 0x10;
    fs_err::write(&segment, &bad).unwrap();
    let problems = open(&place).verify(&Silent).unwrap().problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, segment);
    assert_eq!(problems[0].remedy, vizsla_retrieval::Remedy::Rebuild);
    fs_err::remove_file(&segment).unwrap();
    let query = Query::file(folder.join("000.png"));
    let error = open(&place)
        .search(&query, &SearchOptions::default())
        .unwrap_err();
    assert!(error.to_string().contains("00000001.vzsg"), "{error}");
    open(&place).optimize(true, &Silent).unwrap();
    assert!(open(&place).verify(&Silent).unwrap().problems.is_empty());
    assert_eq!(
        best(&open(&place), &folder.join("000.png")),
        ("000.png".into(), Verdict::Match)
    );
}

/// `tests/fixtures/collection-v1` was written by the program when catalogs had format 1: three pictures, a small codebook.
#[test]
fn a_collection_of_the_first_format_is_searched_and_lifted() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/collection-v1");
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("v1.vizsla");
    for file in [
        "catalog.db",
        "writer.lock",
        "segments/00000001.vzsg",
        CODEBOOK,
    ] {
        let to = place.join(file);
        fs_err::create_dir_all(to.parent().unwrap()).unwrap();
        fs_err::copy(fixture.join(file), to).unwrap();
    }
    let mut collection = Collection::open(&place).unwrap();
    assert_eq!(names(&collection), ["001.png", "002.png", "003.png"]);
    assert!(collection.verify(&Silent).unwrap().problems.is_empty());
    for image in 1..=3 {
        let found = collection
            .search(&Query::stored(image), &SearchOptions::default())
            .unwrap();
        let best = &found.hits[0];
        assert_eq!((best.image, best.verdict), (image, Verdict::Match));
    }
    let captions = dir.path().join("captions.csv");
    fs_err::write(&captions, "image,caption\n002.png,a second picture\n").unwrap();
    let report = collection.import_captions(&captions, &[]).unwrap();
    assert_eq!(report.added, 1);
    let found = collection
        .search(&Query::text("second"), &SearchOptions::default())
        .unwrap();
    assert_eq!(found.hits[0].image, 2);
}
