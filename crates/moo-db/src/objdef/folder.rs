//! The files of a world's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Files;

/// The greatest size of all files together, in bytes.
const BYTES_MAX: u64 = 1 << 30;
/// How deep folders may nest.
const DEPTH_MAX: usize = 32;

/// Why a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file or folder cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no file of objects.
    #[error("{path} holds no file that ends in `.moo`", path = path.display())]
    NoObjects {
        /// The folder.
        path: PathBuf,
    },
    /// It is too much to be a world.
    #[error("{path} holds more than 1 GiB, or folders nested deeper than 32", path = path.display())]
    TooLarge {
        /// The folder.
        path: PathBuf,
    },
}

/// Reads the text files of a folder and of the folders in it. Symbolic links and files that are not UTF-8 are left
/// out, unless such a file is named `.moo`.
pub fn read_folder(folder: &Path) -> Result<Files, FolderError> {
    let mut files = Files::new();
    let mut bytes_left = BYTES_MAX;
    let mut pending = vec![(folder.to_path_buf(), String::new(), 0)];
    while let Some((path, prefix, depth)) = pending.pop() {
        for entry in fs::read_dir(&path).map_err(|source| io_error(&path, source))? {
            let entry = entry.map_err(|source| io_error(&path, source))?;
            let kind = entry
                .file_type()
                .map_err(|source| io_error(&entry.path(), source))?;
            let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else {
                continue;
            };
            if kind.is_dir() && depth < DEPTH_MAX {
                pending.push((entry.path(), name + "/", depth + 1));
            } else if kind.is_file() {
                let metadata = entry
                    .metadata()
                    .map_err(|source| io_error(&entry.path(), source))?;
                bytes_left = bytes_left
                    .checked_sub(metadata.len())
                    .ok_or_else(|| too_large(folder))?;
                files.extend(read_text(&entry.path(), &name)?.map(|text| (name, text)));
            } else if kind.is_dir() {
                return Err(too_large(folder));
            }
        }
    }
    if files.keys().any(|name| name.ends_with(".moo")) {
        Ok(files)
    } else {
        Err(FolderError::NoObjects {
            path: folder.to_path_buf(),
        })
    }
}

fn read_text(path: &Path, name: &str) -> Result<Option<String>, FolderError> {
    let bytes = fs::read(path).map_err(|source| io_error(path, source))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) if !name.ends_with(".moo") => Ok(None),
        Err(_) => Err(io_error(
            path,
            io::Error::new(io::ErrorKind::InvalidData, "the file is not UTF-8"),
        )),
    }
}

fn io_error(path: &Path, source: io::Error) -> FolderError {
    FolderError::Io {
        path: path.to_path_buf(),
        source,
    }
}

fn too_large(folder: &Path) -> FolderError {
    FolderError::TooLarge {
        path: folder.to_path_buf(),
    }
}
