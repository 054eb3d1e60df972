//! Python programs that checks and benchmarks call: each list of pinned versions in a virtual environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use fs_err as fs;

use crate::process::succeed;

/// Makes the virtual environment, or brings it to the versions of the list; returns its Python.
pub fn environment(requirements: &Path, folder: &Path) -> Result<PathBuf> {
    let wanted = fs::read_to_string(requirements)?;
    let python = folder.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    let stamp = folder.join("requirements.installed");
    if python.is_file() && fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    let base = base_python()?;
    println!(
        "installing what {} lists into {}",
        requirements.display(),
        folder.display()
    );
    succeed(Command::new(base).args(["-m", "venv"]).arg(folder))?;
    install(&python, requirements)?;
    fs::write(&stamp, wanted)?;
    Ok(python)
}

fn install(python: &Path, requirements: &Path) -> Result<()> {
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ];
    succeed(Command::new(python).args(pip).arg(requirements))
}

fn base_python() -> Result<&'static str> {
    let names = ["python3", "python"];
    let works = |name: &&&str| {
        let test = "import venv, sys; sys.exit(sys.version_info < (3, 10))";
        Command::new(name)
            .args(["-c", test])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    match names.iter().find(works) {
        Some(name) => Ok(name),
        None => bail!("this needs Python 3.10 or later with its venv module; none was found"),
    }
}
