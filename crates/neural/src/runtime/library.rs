//! Finding and loading the shared library of ONNX Runtime.
//!
//! It is looked for where `ORT_DYLIB_PATH` says, in the library folders of the system, and in the
//! Python environments that the shell knows, since `pip install onnxruntime` is how most people have
//! it. Loading a library executes it, so a file is only handed to the loader when it looks like one
//! for this machine; what fails is remembered and said.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fs_err as fs;
use ort::environment::Environment;

/// Smallest file that can be the library; real ones have 10 MB and more.
const MIN_BYTES: u64 = 256 << 10;

/// The library of this process.
pub(super) struct Library {
    pub path: PathBuf,
    /// How it was found, as the end of "its library was found …".
    pub origin: String,
    pub version: String,
    pub environment: Environment,
}

/// The library, loaded on the first call; or why there is none.
pub(super) fn loaded() -> &'static Result<Library, String> {
    static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();
    LIBRARY.get_or_init(load)
}

/// A file that may be the library.
struct Candidate {
    path: PathBuf,
    origin: String,
}

fn load() -> Result<Library, String> {
    let mut failures = Vec::new();
    for candidate in candidates() {
        // The bindings assert what a foreign library may break.
        let broke = |panic| Err(format!("it broke while it was loaded: {panic}"));
        match vizsla_pixels::guarded(|| open(&candidate)).unwrap_or_else(broke) {
            Ok(library) => return Ok(library),
            Err(why) => failures.push(format!("{} ({why})", candidate.path.display())),
        }
    }
    let remedy = "install it (`pip install onnxruntime`) or set ORT_DYLIB_PATH to its library";
    Err(match failures.as_slice() {
        [] => format!("no library was found; {remedy}"),
        failures => format!("not usable: {}; {remedy}", failures.join(", ")),
    })
}

fn open(candidate: &Candidate) -> Result<Library, String> {
    let path = fs::canonicalize(&candidate.path).map_err(|error| error.to_string())?;
    look_at(&path)?;
    let environment = ort::init_from(&path)
        .map_err(|error| error.to_string())?
        .with_name("vizsla")
        .with_telemetry(false)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Library {
        version: version(&path),
        path,
        origin: candidate.origin.clone(),
        environment,
    })
}

/// Refuses what cannot be a shared library of this machine.
fn look_at(path: &Path) -> Result<(), String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("not a file".into());
    }
    if metadata.len() < MIN_BYTES {
        return Err(format!("{} bytes are too few", metadata.len()));
    }
    let mut head = [0; 20];
    fs::File::open(path)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head))
        .map_err(|error| error.to_string())?;
    let fits = if cfg!(windows) {
        head.starts_with(b"MZ")
    } else if cfg!(target_os = "macos") {
        head.starts_with(&[0xcf, 0xfa, 0xed, 0xfe]) || head.starts_with(&[0xca, 0xfe, 0xba, 0xbe])
    } else {
        let machine = match std::env::consts::ARCH {
            "x86_64" => Some(62),
            "aarch64" => Some(183),
            _ => None,
        };
        let its_own = u16::from_le_bytes([head[18], head[19]]);
        head.starts_with(b"\x7fELF") && machine.is_none_or(|machine| machine == its_own)
    };
    if !fits {
        return Err("not a shared library for this machine".into());
    }
    Ok(())
}

/// The version, from the file's name or from what the library says of its build.
fn version(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let from_name = name
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .trim_end_matches(|c: char| !c.is_ascii_digit());
    if from_name.contains('.') {
        return from_name.to_owned();
    }
    let build = ort::info();
    build
        .split("git-branch=rel-")
        .nth(1)
        .and_then(|rest| rest.split(',').next())
        .map_or_else(|| "of unknown version".to_owned(), str::to_owned)
}

fn candidates() -> Vec<Candidate> {
    if let Some(path) = variable("ORT_DYLIB_PATH") {
        return vec![Candidate {
            path,
            origin: "by ORT_DYLIB_PATH".into(),
        }];
    }
    let mut found = Vec::new();
    for (folder, origin) in system_folders() {
        gather(&folder, &origin, &mut found);
    }
    for (packages, origin) in python_packages() {
        gather(&packages.join("onnxruntime/capi"), &origin, &mut found);
    }
    found
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// Adds the libraries of a folder, the highest name (and so mostly the newest version) first.
fn gather(folder: &Path, origin: &str, found: &mut Vec<Candidate>) {
    let mut paths: Vec<PathBuf> = entries(folder)
        .into_iter()
        .filter(|path| is_library(path))
        .collect();
    paths.sort();
    found.extend(paths.into_iter().rev().map(|path| Candidate {
        path,
        origin: origin.to_owned(),
    }));
}

/// Names such as `libonnxruntime.so.1.23.2`, `libonnxruntime.dylib` and `onnxruntime.dll`, but none
/// of its companions such as `libonnxruntime_providers_shared.so`.
fn is_library(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = format!("{}onnxruntime.", std::env::consts::DLL_PREFIX);
    let suffix = std::env::consts::DLL_SUFFIX.trim_start_matches('.');
    name.strip_prefix(stem.as_str())
        .is_some_and(|rest| rest.split('.').any(|part| part == suffix))
}

/// The entries of a folder in order; nothing for a folder that cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
}

fn system_folders() -> Vec<(PathBuf, String)> {
    let mut folders = Vec::new();
    if let Ok(program) = std::env::current_exe()
        && let Some(folder) = program.parent()
    {
        folders.push((folder.to_path_buf(), "beside the program".to_owned()));
    }
    let listed = match std::env::consts::OS {
        "windows" => "PATH",
        "macos" => "DYLD_LIBRARY_PATH",
        _ => "LD_LIBRARY_PATH",
    };
    if let Some(paths) = std::env::var_os(listed) {
        let split = std::env::split_paths(&paths).filter(|path| path.is_absolute());
        folders.extend(split.map(|path| (path, format!("in {listed}"))));
    }
    if cfg!(unix) {
        let triple = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
        for folder in [
            "/usr/local/lib",
            "/opt/homebrew/lib",
            "/usr/lib64",
            "/usr/lib",
            &triple,
        ] {
            folders.push((folder.into(), "on the system".to_owned()));
        }
    }
    folders
}

/// The folders of packages of the Python environments that are active or installed.
fn python_packages() -> Vec<(PathBuf, String)> {
    let mut prefixes = Vec::new();
    for name in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        if let Some(prefix) = variable(name) {
            prefixes.push((prefix, format!("in the Python environment of {name}")));
        }
    }
    // The interpreter that the shell would start, without starting it.
    let programs = std::env::var_os("PATH").unwrap_or_default();
    let interpreter = std::env::split_paths(&programs)
        .flat_map(|folder| ["python3", "python"].map(|name| folder.join(name)))
        .find(|path| path.is_file());
    if let Some(prefix) = interpreter
        .as_deref()
        .and_then(|path| path.parent()?.parent())
    {
        prefixes.push((
            prefix.into(),
            "in the Python environment of PATH".to_owned(),
        ));
    }
    if let Some(home) = variable("HOME") {
        let origin = "in the Python packages of the user";
        prefixes.push((home.join(".local"), origin.to_owned()));
    }
    for prefix in ["/usr/local", "/usr"] {
        prefixes.push((prefix.into(), "in the Python of the system".to_owned()));
    }
    let mut packages = Vec::new();
    for (prefix, origin) in prefixes {
        packages.push((prefix.join("Lib/site-packages"), origin.clone()));
        for library in entries(&prefix.join("lib")).into_iter().rev() {
            let name = library.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("python3") {
                for folder in ["site-packages", "dist-packages"] {
                    packages.push((library.join(folder), origin.clone()));
                }
            }
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_library_itself_is_a_candidate() {
        if cfg!(all(unix, not(target_os = "macos"))) {
            assert!(is_library(Path::new("/x/libonnxruntime.so")));
            assert!(is_library(Path::new("/x/libonnxruntime.so.1.23.2")));
            assert!(!is_library(Path::new(
                "/x/libonnxruntime_providers_shared.so"
            )));
            assert!(!is_library(Path::new("/x/libonnxruntime.a")));
        }
    }

    #[test]
    fn what_is_no_library_is_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        fs::write(&path, b"text").unwrap();
        assert!(look_at(&path).unwrap_err().contains("too few"));
        fs::write(&path, vec![b'x'; 1 << 20]).unwrap();
        assert!(look_at(&path).unwrap_err().contains("not a shared library"));
        assert!(look_at(folder.path()).is_err());
    }

    #[test]
    fn the_version_is_in_the_name() {
        assert_eq!(version(Path::new("/x/libonnxruntime.so.1.23.2")), "1.23.2");
        assert_eq!(
            version(Path::new("/x/libonnxruntime.1.23.2.dylib")),
            "1.23.2"
        );
    }
}
