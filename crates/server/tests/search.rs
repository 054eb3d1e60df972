//! Searching over HTTP: every form of a query, and what is wrong with others.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{IMAGES, Photos, id_of, names, view};

#[test]
fn a_picture_that_is_sent_once_is_searched_with_many_times() {
    let photos = Photos::new();
    let server = photos.serve();
    let sent = server.post("/v1/uploads", "image/png", &view(3));
    assert_eq!(sent.status, 201, "{}", sent.text());
    let upload = sent.json();
    assert_eq!(
        (&upload["width"], &upload["height"]),
        (&json!(380), &json!(330))
    );
    let id = upload["upload"].as_str().unwrap();

    let reply = server.search(json!({"parts": [{"upload": id}]}));
    assert!(!names(&reply, photos.dir.path()), "{}", reply.text());
    let answer = reply.good();
    let best = &answer["hits"][0];
    assert_eq!(
        (&best["name"], &best["verdict"]),
        (&json!("002.png"), &json!("match"))
    );
    assert!(best["agreement"]["inliers"].as_u64().unwrap() > 10);
    assert_eq!(best["agreement"]["outline"].as_array().unwrap().len(), 4);
    assert_eq!(
        (&best["latitude"], &best["longitude"]),
        (&json!(47.5), &json!(2.0))
    );
    assert_eq!(answer["query_size"], json!([380, 330]));
    let stages: Vec<&str> = answer["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["stage"].as_str().unwrap())
        .collect();
    assert!(
        stages.contains(&"describe") && stages.contains(&"verify"),
        "{stages:?}"
    );
    for what in ["thumbnail", "file"] {
        assert_eq!(server.get(best[what].as_str().unwrap()).status, 200);
    }

    let boxed = json!({"parts": [{"upload": id, "region": {"x": 60, "y": 40, "width": 250, "height": 230}}]});
    assert_eq!(server.search(boxed).good()["hits"][0]["name"], "002.png");
    let outside =
        json!({"parts": [{"upload": id, "region": {"x": 900, "y": 0, "width": 10, "height": 10}}]});
    let problem = server.search(outside).problem(422);
    assert!(
        problem["detail"].as_str().unwrap().contains("380 × 330"),
        "{problem}"
    );

    let shown = server.get(&format!("/v1/uploads/{id}"));
    assert_eq!((shown.status, shown.bytes), (200, view(3)));
    server.get("/v1/uploads/0123456789abcdef").problem(404);
}

#[test]
fn a_form_carries_the_question_and_its_pictures() {
    let photos = Photos::new();
    let server = photos.serve();
    let question =
        json!({"parts": [{"upload": "seen"}, {"upload": "not this", "weight": -0.5}], "limit": 3});
    let question = question.to_string();
    let (seen, other) = (view(5), view(6));
    let fields = [
        ("query", None, question.as_bytes()),
        ("seen", Some("a.png"), &seen[..]),
        ("not this", Some("b.png"), &other[..]),
    ];
    let answer = server.form("/v1/collections/photos/search", &fields).good();
    assert_eq!(answer["hits"][0]["name"], "004.png");
    assert!(answer["hits"].as_array().unwrap().len() <= 3);
    let nameless = server.form("/v1/collections/photos/search", &fields[1..]);
    nameless.problem(422);
    let broken = server.post(
        "/v1/collections/photos/search",
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Disp",
    );
    broken.problem(400);
}

#[test]
fn stored_images_words_and_expressions_are_searched_with() {
    let photos = Photos::new();
    let server = photos.serve();
    let id = id_of(&server, "006.png");
    let answer = server.search(json!({"parts": [{"image": id}]})).good();
    assert_eq!(answer["hits"][0]["image"], id);
    let region = json!({"x": 20, "y": 20, "width": 300, "height": 220});
    let answer = server
        .search(json!({"parts": [{"image": id, "region": region}]}))
        .good();
    assert_eq!(
        (&answer["hits"][0]["image"], &answer["hits"][0]["verdict"]),
        (&json!(id), &json!("match"))
    );

    let answer = server
        .search(json!({"parts": [{"text": "red"}], "channels": ["captions"]}))
        .good();
    assert_eq!(answer["total"], IMAGES / 4);
    assert_eq!(
        answer["hits"][0]["caption"]["text"],
        "a red drawing number 0"
    );
    let captions = json!({"query": "'number 3'", "target": "captions"});
    assert_eq!(server.search(captions).good()["hits"][0]["name"], "003.png");

    let both = json!({"query": format!("#{id} + 0.5*'blue drawing'")});
    assert_eq!(server.search(both).good()["hits"][0]["image"], id);
    let file = photos.folder().join("000.png");
    for query in [
        format!("file:'{}'", file.display()),
        "./in/000.png".into(),
        "#1 - /etc/passwd.png".into(),
    ] {
        let problem = server.search(json!({"query": query})).problem(422);
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("cannot name a file"),
            "{problem}"
        );
    }
}

#[test]
fn answers_are_paged_cut_off_and_filtered() {
    let photos = Photos::new();
    let server = photos.serve();
    let id = id_of(&server, "001.png");
    let ask = |more: Value| {
        let mut question = json!({"parts": [{"image": id}]});
        question
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        server.search(question).good()
    };
    let whole = ask(json!({}));
    let hits = whole["hits"].as_array().unwrap();
    assert_eq!(whole["total"], hits.len());
    assert!(hits.len() > 2, "{whole}");
    let page = ask(json!({"offset": 1, "limit": 1}));
    assert_eq!(
        (&page["hits"][0]["image"], &page["offset"]),
        (&hits[1]["image"], &json!(1))
    );
    assert_eq!(
        (page["hits"].as_array().unwrap().len(), &page["total"]),
        (1, &whole["total"])
    );
    assert_eq!(ask(json!({"matches_only": true}))["total"], 1);
    let least = hits[1]["score"].as_f64().unwrap();
    assert_eq!(ask(json!({"min_score": least}))["total"], 2);
    let unverified = ask(json!({"verify": false}));
    assert_eq!(unverified["hits"][0]["verdict"], "no_match");
    // The mirror image of a stored image is made of its file, which a first look has no use for.
    let turned = ask(json!({"mirrored": true, "quick": true}));
    assert_eq!(turned["hits"][0]["verdict"], "match");
    assert_eq!(
        (&turned["notes"], &turned["settled"]),
        (&json!([]), &json!(false))
    );
    let red = ask(json!({"where": "colour = 'red'"}));
    for hit in red["hits"].as_array().unwrap() {
        assert!(["000.png", "004.png"].contains(&hit["name"].as_str().unwrap()));
    }
}

#[test]
fn questions_that_make_no_sense_are_told_so() {
    let photos = Photos::new();
    let server = photos.serve();
    let part = json!({"image": 1});
    let many: Vec<&Value> = std::iter::repeat_n(&part, 33).collect();
    let terms: Vec<String> = (0..10_000).map(|n| format!("#{n}")).collect();
    let region = json!({"x": 0, "y": 0, "width": 9, "height": 9});
    for question in [
        json!({}),
        json!({"parts": []}),
        json!({"parts": many}),
        json!({"parts": [part], "query": "#1"}),
        json!({"parts": [{}]}),
        json!({"parts": [{"text": "a", "image": 1}]}),
        json!({"parts": [{"text": "x".repeat(1001)}]}),
        json!({"parts": [{"text": " "}]}),
        json!({"parts": [{"text": "a", "region": region}]}),
        json!({"parts": [{"image": 1, "weight": 0}]}),
        json!({"parts": [{"image": 1, "weight": -1}]}),
        json!({"parts": [{"vector": [1.0, 2.0]}]}),
        json!({"parts": [part], "limit": 0}),
        json!({"parts": [part], "limit": 201}),
        json!({"parts": [part], "offset": 10_001}),
        json!({"parts": [part], "channels": ["global"]}),
        json!({"parts": [part], "where": "no such key = 1"}),
        json!({"parts": [part], "where": "path contains 'in'"}),
        json!({"parts": [part], "where": "x".repeat(70_000)}),
        json!({"query": terms.join(" + ")}),
        json!({"query": "'open"}),
        json!({"parts": [part], "colour": "red"}),
        json!({"parts": [{"image": "one"}]}),
    ] {
        server.search(question).problem(422);
    }
    server
        .search(json!({"parts": [{"image": 12345}]}))
        .problem(404);
    server
        .search(json!({"parts": [{"upload": "none"}]}))
        .problem(404);
    let path = "/v1/collections/photos/search";
    server
        .post(path, "application/json", b"{\"parts\": [")
        .problem(400);
    server.post(path, "text/plain", b"{}").problem(415);
    server
        .post_json("/v1/collections/cars/search", &json!({}))
        .problem(404);
    let long = json!({"query": "x".repeat(2 << 20)});
    server.search(long).problem(413);
}

#[test]
fn pictures_that_are_none_or_too_large_or_too_small_are_told_so() {
    let photos = Photos::new();
    let mut config = photos.config();
    (config.max_body, config.max_pixels) = (1, 1);
    let server = support::Running::start(config);
    let upload = |bytes: &[u8]| server.post("/v1/uploads", "application/octet-stream", bytes);
    upload(b"these are words").problem(415);
    upload(b"").problem(415);
    let whole = view(1);
    upload(&whole[..whole.len() / 2]).problem(422);
    let problem = upload(&vec![0; 2 << 20]).problem(413);
    assert!(
        problem["detail"].as_str().unwrap().contains("1 MiB"),
        "{problem}"
    );
    let wide = vizsla_pixels::Rgb::filled(1100, 1000, [9; 3]).unwrap();
    let problem = upload(&wide.encode_png().unwrap()).problem(413);
    assert!(
        problem["detail"].as_str().unwrap().contains("1000000"),
        "{problem}"
    );
    server
        .form("/v1/uploads", &[("picture", Some("a.png"), &whole)])
        .problem(422);
    let form = server.form("/v1/uploads", &[("file", Some("a.png"), &whole)]);
    assert_eq!(form.status, 201, "{}", form.text());

    let question = br#"{"parts": [{"upload": "a"}]}"#;
    let wide = wide.encode_png().unwrap();
    let fields = [
        ("query", None, &question[..]),
        ("a", Some("a.png"), &wide[..]),
    ];
    server
        .form("/v1/collections/photos/search", &fields)
        .problem(413);

    let dot = vizsla_pixels::Rgb::filled(1, 1, [200, 0, 0]).unwrap();
    let sent = upload(&dot.encode_png().unwrap()).json();
    let answer = server
        .search(json!({"parts": [{"upload": sent["upload"]}]}))
        .good();
    assert_eq!(answer["total"], 0);
    assert!(
        answer["notes"][0].as_str().unwrap().contains("too small"),
        "{answer}"
    );
}

#[test]
fn what_agrees_is_explained_as_numbers_and_as_a_drawing() {
    let photos = Photos::new();
    let server = photos.serve();
    let upload = server.post("/v1/uploads", "image/png", &view(3)).json()["upload"].clone();
    let image = id_of(&server, "002.png");
    let asked = json!({"part": {"upload": upload}, "image": image, "kind": "matches"});
    let path = "/v1/collections/photos/explain";
    let matches = server.post_json(path, &asked).good();
    let pairs = matches["pairs"].as_array().unwrap();
    assert!(pairs.len() > 10 && matches["inliers"] == pairs.len());
    assert_eq!(
        (&matches["query_size"], &matches["size"]),
        (&json!([380, 330]), &json!([360, 280]))
    );
    assert!(matches["transform"][0][0].is_number());
    let png = [
        ("content-type", "application/json"),
        ("accept", "image/png"),
    ];
    let drawing = server.post_with(path, &png, asked.to_string().as_bytes());
    assert_eq!(
        (drawing.status, drawing.header("content-type")),
        (200, "image/png")
    );
    let options = vizsla_pixels::DecodeOptions::default();
    assert!(
        vizsla_pixels::decode_rgb(&drawing.bytes, &options)
            .unwrap()
            .full_width
            > 700
    );

    let stranger =
        json!({"part": {"image": id_of(&server, "005.png")}, "image": image, "kind": "matches"});
    let nothing = server.post_json(path, &stranger).good();
    assert_eq!(
        (&nothing["inliers"], &nothing["transform"]),
        (&json!(0), &Value::Null)
    );
    let text = [
        ("content-type", "application/json"),
        ("accept", "text/html"),
    ];
    server
        .post_with(path, &text, asked.to_string().as_bytes())
        .problem(406);
    let heat = json!({"part": {"upload": upload}, "image": image, "kind": "heat"});
    let problem = server.post_json(path, &heat).problem(422);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("no global descriptor"),
        "{problem}"
    );
    let words = json!({"part": {"text": "red"}, "image": image, "kind": "matches"});
    server.post_json(path, &words).problem(422);
    let unknown = json!({"part": {"upload": upload}, "image": 999, "kind": "matches"});
    server.post_json(path, &unknown).problem(404);
}
