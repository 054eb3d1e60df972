//! Collections, their images, files, thumbnails, features and facets over HTTP.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{IMAGES, Photos, Running, id_of, names, picture};
use vizsla_pixels::{DecodeOptions, Format, decode_rgb};

#[test]
fn collections_say_what_they_hold_and_can() {
    let photos = Photos::new();
    let server = photos.serve();
    let reply = server.get("/v1/collections");
    assert!(!names(&reply, photos.dir.path()));
    let list = reply.good();
    let one = server.get("/v1/collections/photos").good();
    assert_eq!(list["collections"], json!([one]));
    assert_eq!(
        (&one["images"], &one["name"]),
        (&json!(IMAGES), &json!("photos"))
    );
    assert_eq!(one["channels"], json!(["words", "captions"]));
    assert_eq!(
        (&one["can_text"], &one["can_map"]),
        (&json!(true), &json!(false))
    );
    assert!(one["keys"].as_array().unwrap().contains(&json!("colour")));
    server.get("/v1/collections/cars").problem(404);
}

#[test]
fn images_are_listed_page_by_page() {
    let photos = Photos::new();
    let server = photos.serve();
    let reply = server.get("/v1/collections/photos/images?offset=2&limit=3");
    assert!(!names(&reply, photos.dir.path()));
    let page = reply.good();
    assert_eq!(
        (&page["total"], page["images"].as_array().unwrap().len()),
        (&json!(IMAGES), 3)
    );
    let image = &page["images"][0];
    assert_eq!(
        (&image["name"], &image["width"]),
        (&json!("002.png"), &json!(360))
    );
    assert_eq!(
        (&image["latitude"], &image["metadata"]["colour"]),
        (&json!(47.5), &json!("blue"))
    );
    assert_eq!(image["captions"], json!(["a blue drawing number 2"]));
    let alone = format!("/v1/collections/photos/images/{}", image["image"]);
    assert_eq!(server.get(&alone).good(), *image);
    let red = server
        .get("/v1/collections/photos/images?where=colour%20%3D%20%27red%27")
        .good();
    assert_eq!(red["total"], IMAGES / 4);
    for wrong in [
        "limit=0",
        "limit=201",
        "where=colour",
        "where=path%20is%20null",
    ] {
        server
            .get(&format!("/v1/collections/photos/images?{wrong}"))
            .problem(422);
    }
    for wrong in ["limit=x", "offset=-1", "sort=name"] {
        server
            .get(&format!("/v1/collections/photos/images?{wrong}"))
            .problem(400);
    }
    server
        .get("/v1/collections/photos/images/9999")
        .problem(404);
    server.get("/v1/collections/photos/images/one").problem(400);
}

#[test]
fn paths_are_shown_where_that_is_asked_for() {
    let photos = Photos::new();
    let mut config = photos.config();
    config.show_paths = true;
    let server = Running::start(config);
    let list = server
        .get("/v1/collections/photos/images?where=path%20like%20%27%25000.png%27")
        .good();
    let path = photos.folder().canonicalize().unwrap().join("000.png");
    assert_eq!(list["images"][0]["path"], path.to_str().unwrap());
    let found = server
        .search(json!({"parts": [{"image": list["images"][0]["image"]}]}))
        .good();
    assert_eq!(found["hits"][0]["path"], path.to_str().unwrap());
}

#[test]
fn the_file_of_an_image_is_given_while_it_is_what_was_indexed() {
    let photos = Photos::new();
    let server = photos.serve();
    let id = id_of(&server, "003.png");
    let at = format!("/v1/collections/photos/images/{id}/file");
    let file = server.get(&at);
    let path = photos.folder().join("003.png");
    assert_eq!(
        (file.status, &file.bytes),
        (200, &fs_err::read(&path).unwrap())
    );
    assert_eq!(file.header("content-type"), "image/png");
    assert!(file.header("content-security-policy").contains("sandbox"));
    let again = server.get_with(&at, &[("if-none-match", file.header("etag"))]);
    assert_eq!((again.status, again.bytes.len()), (304, 0));
    fs_err::write(&path, b"something else, and secret").unwrap();
    server.get(&at).problem(410);
    fs_err::remove_file(&path).unwrap();
    let problem = server.get(&at).problem(410);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("index the folder again")
    );
    server
        .get("/v1/collections/photos/images/9999/file")
        .problem(404);
}

/// How many thumbnails a cache keeps; the server's own folder for unfinished ones lies beside them.
fn kept(cache: &std::path::Path) -> usize {
    let entries = fs_err::read_dir(cache).unwrap();
    let pictures = entries.filter(|entry| entry.as_ref().unwrap().path().is_file());
    pictures.count()
}

#[test]
fn thumbnails_are_made_once() {
    let photos = Photos::new();
    let mut config = photos.config();
    let cache = photos.dir.path().join("cache");
    config.cache_dir = Some(cache.clone());
    let server = Running::start(config);
    let id = id_of(&server, "003.png");
    let at = |size: &str| format!("/v1/collections/photos/images/{id}/thumbnail{size}");
    let small = server.get(&at("?size=128"));
    assert_eq!(
        (small.status, small.header("content-type")),
        (200, "image/jpeg")
    );
    let seen = decode_rgb(&small.bytes, &DecodeOptions::default()).unwrap();
    assert_eq!(
        (seen.format, seen.full_width, seen.full_height),
        (Format::Jpeg, 128, 100)
    );
    assert_eq!(kept(&cache), 1);
    // It is there without the file.
    fs_err::remove_file(photos.folder().join("003.png")).unwrap();
    assert_eq!(server.get(&at("?size=128")).bytes, small.bytes);
    let known = [("if-none-match", small.header("etag"))];
    assert_eq!(server.get_with(&at("?size=128"), &known).status, 304);
    server.get(&at("")).problem(410);
    for wrong in ["?size=100", "?size=0"] {
        server.get(&at(wrong)).problem(422);
    }
    server.get(&at("?size=big")).problem(400);
    assert_eq!(kept(&cache), 1);
}

#[test]
fn features_and_facets_are_counted() {
    let photos = Photos::new();
    let server = photos.serve();
    let id = id_of(&server, "000.png");
    let features = server
        .get(&format!("/v1/collections/photos/images/{id}/features"))
        .good();
    let image = server
        .get(&format!("/v1/collections/photos/images/{id}"))
        .good();
    assert_eq!(features["width"], 360);
    let places = features["features"].as_array().unwrap();
    assert_eq!(image["features"], places.len());
    assert!(
        places
            .iter()
            .all(|place| place.as_array().unwrap().len() == 4)
    );

    let facets = server.get("/v1/collections/photos/facets").good();
    let of = |facets: &Value, key: &str| {
        let all = facets["facets"].as_array().unwrap();
        all.iter()
            .find(|facet| facet["key"] == key)
            .cloned()
            .unwrap()
    };
    let colour = of(&facets, "colour");
    assert_eq!(
        colour["values"],
        json!([{"value": "blue", "count": 6}, {"value": "red", "count": 2}])
    );
    let price = of(&facets, "price");
    assert_eq!(
        (&price["kind"], &price["min"], &price["max"]),
        (&json!("number"), &json!(0.0), &json!(70.0))
    );
    let taken = of(&facets, "taken");
    assert_eq!(
        (&taken["kind"], &taken["min"]),
        (&json!("date"), &json!("2024-01-01"))
    );
    let few = server
        .get("/v1/collections/photos/facets?where=price%20%3C%2030")
        .good();
    assert_eq!(of(&few, "colour")["values"][0]["count"], 2);
}

#[test]
fn several_collections_are_served_at_once() {
    let photos = Photos::new();
    let mut config = photos.config();
    let other = photos.dir.path().join("other pictures");
    let mut collection = vizsla_retrieval::Collection::builder(&other)
        .create()
        .unwrap();
    let folder = photos.dir.path().join("more");
    fs_err::create_dir_all(&folder).unwrap();
    picture(77).save_png(&folder.join("new.png")).unwrap();
    config.add_collection(other.to_str().unwrap()).unwrap();
    let server = Running::start(config);
    let list = server.get("/v1/collections/other%20pictures/images").good();
    assert_eq!(list["total"], 0);
    // What a writer commits is seen at once.
    collection
        .ingest(&[folder], &Default::default(), &vizsla_retrieval::Silent)
        .unwrap();
    let list = server.get("/v1/collections/other%20pictures/images").good();
    assert_eq!(list["total"], 1);
    let thumbnail = list["images"][0]["thumbnail"].as_str().unwrap();
    assert_eq!(server.get(thumbnail).status, 200);
}
