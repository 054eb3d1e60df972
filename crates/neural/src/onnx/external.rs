//! The files beside a model that hold weights of it.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::Error;

/// Where the weights that a model calls `name` are. They must be a file of its folder: not one above it, and not one that
/// a link leads to, except where the model itself is such a link into the same folder (as in the caches of hubs).
///
/// # Errors
/// [`Error::WrongKind`], which names the place, when they are somewhere else; [`Error::Io`] when they are not there.
pub(crate) fn resolve(model: &Path, name: &str) -> Result<PathBuf, Error> {
    check_name(model, name)?;
    let wrong = |what: String| outside(model, what);
    let folder = model
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let path = folder.unwrap_or(Path::new(".")).join(name);
    let target = fs_err::canonicalize(&path)?;
    let of_model = fs_err::canonicalize(model)?;
    let below = |folder: io::Result<PathBuf>| folder.is_ok_and(|folder| target.starts_with(folder));
    let same = of_model
        .parent()
        .is_some_and(|folder| target.starts_with(folder));
    let own = fs_err::canonicalize(folder.unwrap_or(Path::new(".")));
    if !(same || below(own)) {
        let what = format!("its weights in '{name}' are a link to {}", target.display());
        return Err(wrong(what));
    }
    if !target.is_file() {
        return Err(wrong(format!("its weights in '{name}' are no file")));
    }
    Ok(path)
}

/// Checks that a name leads nowhere but into the folder, whatever is there.
///
/// # Errors
/// As [`resolve`].
pub(super) fn check_name(model: &Path, name: &str) -> Result<(), Error> {
    let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    match !name.is_empty() && Path::new(name).components().all(inside) {
        true => Ok(()),
        false => Err(outside(
            model,
            format!("its weights are said to be in '{name}'"),
        )),
    }
}

fn outside(model: &Path, what: String) -> Error {
    Error::WrongKind {
        expected: "model that keeps to its folder",
        what,
        path: model.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_stay_in_the_folder_of_the_model() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        fs_err::create_dir_all(home.join("part")).unwrap();
        for name in ["home/m.onnx", "home/w", "home/part/w", "secret"] {
            fs_err::write(folder.path().join(name), "x").unwrap();
        }
        let model = home.join("m.onnx");
        for name in ["w", "./w", "part/w"] {
            assert!(resolve(&model, name).is_ok(), "{name}");
        }
        let absolute = folder.path().join("secret").display().to_string();
        for name in ["../secret", "part/../../secret", &absolute, "", ".", "part"] {
            assert!(
                matches!(resolve(&model, name), Err(Error::WrongKind { .. })),
                "{name}"
            );
        }
        assert!(matches!(resolve(&model, "absent"), Err(Error::Io(_))));
    }

    #[test]
    #[cfg(unix)]
    fn links_lead_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, shown) = (folder.path().join("blobs"), folder.path().join("shown"));
        fs_err::create_dir_all(&blobs).unwrap();
        fs_err::create_dir_all(&shown).unwrap();
        for name in ["blobs/1", "blobs/2", "secret"] {
            fs_err::write(folder.path().join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink("../blobs/1", shown.join("m.onnx")).unwrap();
        std::os::unix::fs::symlink("../blobs/2", shown.join("w")).unwrap();
        std::os::unix::fs::symlink("../secret", shown.join("s")).unwrap();
        // As the caches of hubs are laid out.
        assert!(resolve(&shown.join("m.onnx"), "w").is_ok());
        let error = resolve(&shown.join("m.onnx"), "s").unwrap_err().to_string();
        assert!(error.contains("'s' are a link to"), "{error}");
        // A model that is no link itself has no such cache.
        fs_err::write(shown.join("plain.onnx"), "x").unwrap();
        assert!(resolve(&shown.join("plain.onnx"), "w").is_err());
    }
}
