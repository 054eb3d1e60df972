//! The `vizsla` binary: visual search from the command line.
//!
//! It parses arguments, calls the floors below and shows what they answer; it decides nothing about
//! images itself. One file under `commands` holds one verb.

mod commands;
mod demo;
mod interrupt;
mod output;
mod preview;

use std::process::ExitCode;

use clap::Parser;

use commands::{Command, Outcome};

/// Visual search: index a folder of photographs and find the same object again.
#[derive(Parser)]
#[command(name = "vizsla", version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    // Errors of usage end the program here with code 2, as clap does.
    let arguments = Arguments::parse();
    match arguments.command.run() {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::FAILURE,
        Ok(Outcome::Interrupted) => ExitCode::from(interrupt::EXIT_CODE),
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", output::told(&error));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
