//! Tasks of the workspace: what CI runs, and what a developer runs before sending a change.
//!
//! Every task is a plain function of this binary, so that nothing but `cargo` is needed to run it:
//! `cargo xtask test`, `cargo xtask api`, `cargo xtask page`, `cargo xtask floors`, `cargo xtask dependencies`,
//! `cargo xtask deny`, `cargo xtask bench NAME`.

mod api;
mod bench;
mod check;
mod circles;
mod deny;
mod dependencies;
mod floors;
mod page;
mod process;
mod python;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>

tasks:
  test           formatting, floors, dependency list, licences and advisories, lints, unit,
                 integration and doc tests,
                 the API against its document, and the page in a browser
  api            check a running server against its OpenAPI document
  page           check the types of the page, and the page in a browser
  floors         fail when a crate imports a floor that docs/house.md forbids, or files of a
                 crate import each other in a circle
  dependencies   fail when a dependency has no line in docs/dependencies.md
  deny           check licences, sources and advisories of the lock file with cargo-deny
  bench NAME     compare with named peers; `cargo xtask bench` lists the names
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test"] => check::run(),
        ["api"] => api::run(),
        ["page"] => page::run(),
        ["floors"] => floors::run(),
        ["dependencies"] => dependencies::run(),
        ["deny"] => deny::run(),
        ["bench", rest @ ..] => bench::run(rest),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
