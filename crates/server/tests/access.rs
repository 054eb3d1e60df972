//! Who may do what, from where; what is said of the API; headers that protect.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::{Photos, Running};
use vizsla_server::{Secret, Server};

const WRITE: &str = "write-write-write-write";
const READ: &str = "read-read-read-read-read";

fn guarded(photos: &Photos) -> Running {
    let mut config = photos.config();
    config.token = Some(Secret::new(WRITE).unwrap());
    config.read_token = Some(Secret::new(READ).unwrap());
    config.cors = vec!["https://shop.example".into()];
    Running::start(config)
}

#[test]
fn a_token_opens_the_api_and_nothing_else_does() {
    let photos = Photos::new();
    let server = guarded(&photos);
    let refused = server.get("/v1/collections");
    refused.problem(401);
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    for token in ["Bearer wrong-wrong-wrong-wrong", "Bearer", "Basic cmVhZA=="] {
        server
            .get_with("/v1/collections", &[("authorization", token)])
            .problem(401);
    }
    for token in [READ, WRITE] {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        assert_eq!(server.get_with("/v1/collections", &headers).status, 200);
        let scope = server.get_with("/v1/session", &headers).good()["scope"].clone();
        assert_eq!(scope, if token == READ { "read" } else { "write" });
    }
    let session = server.get("/v1/session").good();
    assert_eq!(
        (&session["scope"], &session["token_needed"]),
        (&json!("none"), &json!(true))
    );
    for open in ["/", "/docs", "/v1/openapi.json", "/assets/docs.js"] {
        assert_eq!(server.get(open).status, 200, "{open}");
    }
}

#[test]
fn a_cookie_stands_for_the_token_in_a_browser() {
    let photos = Photos::new();
    let server = guarded(&photos);
    server
        .post_json("/v1/session", &json!({"token": "wrong-wrong-wrong-wrong"}))
        .problem(401);
    let entered = server.post_json("/v1/session", &json!({"token": READ}));
    assert_eq!(entered.status, 204, "{}", entered.text());
    let cookie = entered.header("set-cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(READ) && !cookie.contains("Secure"));
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(
        server
            .get_with("/v1/collections", &[("cookie", cookie)])
            .status,
        200
    );
    // Another site cannot use it to ask for something.
    let body = json!({"parts": [{"image": 1}]}).to_string();
    let search = |origin: &str| {
        let headers = [
            ("cookie", cookie),
            ("origin", origin),
            ("content-type", "application/json"),
        ];
        server.post_with("/v1/collections/photos/search", &headers, body.as_bytes())
    };
    search("https://evil.example").problem(403);
    assert_eq!(search(&server.url("")).status, 200);
    let left = server.delete("/v1/session", &[("cookie", cookie)]);
    assert!(left.status == 204 && left.header("set-cookie").contains("Max-Age=0"));
    let entered = server.post_with(
        "/v1/session",
        &[
            ("content-type", "application/json"),
            ("x-forwarded-proto", "https"),
        ],
        json!({"token": WRITE}).to_string().as_bytes(),
    );
    assert!(entered.header("set-cookie").contains("Secure"));
}

#[test]
fn without_a_token_only_this_machine_is_served() {
    let photos = Photos::new();
    let mut config = photos.config();
    config.listen = "0.0.0.0:0".parse().unwrap();
    let error = Server::bind(config).err().unwrap().to_string();
    assert!(error.contains("--token-file"), "{error}");

    let server = photos.serve();
    assert_eq!(server.get("/v1/session").good()["scope"], "write");
    let port = server.address.port();
    let from = |name: &str, value: &str| server.get_with("/v1/collections", &[(name, value)]);
    assert_eq!(from("host", &format!("localhost:{port}")).status, 200);
    from("host", "evil.example").problem(403);
    from("origin", "https://evil.example").problem(403);
    from("sec-fetch-site", "cross-site").problem(403);
    assert_eq!(from("origin", &server.url("")).status, 200);
}

#[test]
fn another_site_can_start_nothing() {
    let photos = Photos::new();
    let server = photos.serve();
    let led = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
    ];
    let shown = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "no-cors"),
    ];
    for path in ["/", "/docs"] {
        assert_eq!(server.get_with(path, &led).status, 200, "{path}");
    }
    for path in [
        "/v1/collections",
        "/v1/collections/photos/map?method=umap",
        "/v1/collections/photos/facets?where=price%20%3E%201",
        "/v1/collections/photos/images?where=price%20%3E%201",
        "/v1/collections/photos/images/1/thumbnail",
        "/v1/jobs",
        "/metrics",
    ] {
        server.get_with(path, &led).problem(403);
        server.get_with(path, &shown).problem(403);
    }
    // A form of a page can send what is no JSON, and a browser need not name its origin.
    let form = |headers: &[(&str, &str)]| {
        let kind = [("content-type", "multipart/form-data; boundary=x")];
        let headers = [headers, &kind].concat();
        let body = b"--x\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\nx\r\n--x--\r\n";
        server.post_with("/v1/uploads", &headers, body)
    };
    form(&led).problem(403);
    form(&shown).problem(403);
    // A program, which says nothing of sites, is heard.
    form(&[]).problem(415);
    let own = [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "cors"),
    ];
    assert_eq!(server.get_with("/v1/collections", &own).status, 200);
    assert_eq!(server.get("/v1/collections").status, 200);
}

#[test]
fn a_cookie_is_not_for_other_pages_of_the_same_site() {
    let photos = Photos::new();
    let server = guarded(&photos);
    let entered = server.post_json("/v1/session", &json!({"token": READ}));
    let cookie = entered
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let get = |site: &str, mode: &str| {
        let headers = [
            ("cookie", cookie.as_str()),
            ("sec-fetch-site", site),
            ("sec-fetch-mode", mode),
        ];
        server.get_with("/v1/collections", &headers)
    };
    assert_eq!(get("same-origin", "cors").status, 200);
    assert_eq!(get("none", "navigate").status, 200);
    get("same-site", "no-cors").problem(403);
    get("same-site", "navigate").problem(403);
    // With the token in the header the page itself asks.
    let bearer = format!("Bearer {READ}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("sec-fetch-site", "cross-site"),
    ];
    assert_eq!(server.get_with("/v1/collections", &headers).status, 200);
}

#[test]
fn other_sites_are_answered_where_they_are_allowed() {
    let photos = Photos::new();
    let bearer = format!("Bearer {READ}");
    let ask = |server: &Running, origin: &str| {
        let headers = [("authorization", bearer.as_str()), ("origin", origin)];
        let reply = server.get_with("/v1/collections", &headers);
        reply.header("access-control-allow-origin").to_owned()
    };
    let server = guarded(&photos);
    assert_eq!(ask(&server, "https://shop.example"), "https://shop.example");
    assert_eq!(ask(&server, "https://evil.example"), "");
    assert_eq!(ask(&photos.serve(), "https://shop.example"), "");
    let mut config = photos.config();
    config.cors = vec!["shop.example/page".into()];
    let error = Server::bind(config).err().unwrap().to_string();
    assert!(error.contains("shop.example/page"), "{error}");
}

#[test]
fn answers_carry_headers_that_protect() {
    let photos = Photos::new();
    let server = photos.serve();
    let page = server.get("/");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(
        page.header("content-security-policy")
            .contains("script-src 'self'")
    );
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    let again = server.get_with("/", &[("if-none-match", page.header("etag"))]);
    assert_eq!((again.status, again.bytes.len()), (304, 0));
    let api = server.get("/v1/collections");
    assert_eq!(api.header("cache-control"), "no-store");
    assert_eq!(api.header("cross-origin-resource-policy"), "same-origin");
    server.get("/nothing").problem(404);
    server.get("/assets/../Cargo.toml").problem(404);
    let method = server.post("/v1/collections", "application/json", b"{}");
    method.problem(405);
    assert!(method.header("allow").contains("GET"));
}

#[test]
fn the_document_names_every_route_and_what_it_refers_to() {
    let photos = Photos::new();
    let document = photos.serve().get("/v1/openapi.json").good();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/v1/session",
        "/v1/collections",
        "/v1/collections/{collection}",
        "/v1/collections/{collection}/images",
        "/v1/collections/{collection}/images/{image}",
        "/v1/collections/{collection}/images/{image}/file",
        "/v1/collections/{collection}/images/{image}/thumbnail",
        "/v1/collections/{collection}/images/{image}/features",
        "/v1/collections/{collection}/facets",
        "/v1/collections/{collection}/search",
        "/v1/collections/{collection}/explain",
        "/v1/uploads",
        "/v1/uploads/{upload}",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("500"), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
        }
    }
}
