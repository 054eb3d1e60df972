//! `vizsla search --preview`: what reaches a terminal that can show pictures, and what one is told that cannot.

// Tests stop at the first surprise.
#![allow(clippy::expect_used, clippy::panic)]

mod workbench;

use workbench::Workbench;

fn indexed(pictures: u64) -> Workbench {
    let bench = Workbench::with_photos(pictures);
    bench.succeed(&["index", "photos", "--into", "p.vizsla"]);
    bench
}

#[test]
fn a_named_protocol_follows_the_table() {
    let bench = indexed(6);
    for (name, start, end) in [
        ("kitty", "\x1b_Ga=T,f=100,q=2,m=1;", "\x1b\\\n"),
        ("iterm", "\x1b]1337;File=inline=1;size=", "\x07\n"),
        ("sixel", "\x1bP0;1;0q\"1;1;642;", "\x1b\\\n"),
    ] {
        let preview = format!("--preview={name}");
        let run = bench.succeed(&["search", "p.vizsla", "photos/03.png", &preview]);
        let pictures = run.stdout.find('\x1b').expect("pictures");
        let (table, shown) = run.stdout.split_at(pictures);
        assert!(table.contains("photos/03.png"), "{table}");
        assert!(shown.starts_with(start), "{name}: {:?}", shown.get(..60));
        assert!(shown.ends_with(end), "{name}");
        // Four beside each other, the rest below.
        let hits = table.matches(".png").count();
        let strips = shown.matches(start.get(..3).expect("a start")).count();
        match name {
            "kitty" => assert_eq!(shown.matches("a=T").count(), hits.div_ceil(4)),
            _ => assert_eq!(strips, hits.div_ceil(4), "{name}, {hits} hits"),
        }
    }
}

#[test]
fn a_picture_that_is_gone_does_not_end_the_preview() {
    let bench = indexed(3);
    fs_err::remove_file(bench.path("photos/01.png")).expect("delete");
    let run = bench.succeed(&["search", "p.vizsla", "#2", "--preview=sixel"]);
    assert!(run.stdout.ends_with("\x1b\\\n"));
}

#[test]
fn a_pipe_is_no_terminal_and_gets_no_pictures() {
    let bench = indexed(2);
    bench
        .run(&["search", "p.vizsla", "photos/00.png", "--preview"])
        .fails_with(&["not a terminal", "--preview=sixel"]);
    let run = bench.run(&["search", "p.vizsla", "photos/00.png", "--preview=ascii"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("auto, kitty, iterm, sixel"),
        "{}",
        run.stderr
    );
}
