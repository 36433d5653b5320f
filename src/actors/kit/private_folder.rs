//! Folders that are their owner's alone: a world holds passwords and private talk, and whoever reaches a socket in `run/`
//! is obeyed.
//!
//! Invariant: after [`prepare`] nobody but the owner can enter the folder.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Makes the folder, or closes one that is open to others, which the log tells. Fails for one that is not ours to close.
pub fn prepare(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mode = fs::metadata(folder)?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let opened = format!("it is open to others (mode {mode:o})");
    fs::set_permissions(folder, Permissions::from_mode(mode & 0o700)).map_err(|error| {
        let told = format!("{opened} and cannot be closed: {error}; run `chmod 700` on it as its owner");
        io::Error::new(error.kind(), told)
    })?;
    tracing::warn!(
        folder = %folder.display(),
        "the folder was open to others (mode {mode:o}) and is its owner's alone now; whoever could read it may know the \
         world's passwords"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(folder: &Path) -> u32 {
        fs::metadata(folder).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_folder_and_a_loose_one_become_their_owner_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (new, loose) = (folder.path().join("a/b"), folder.path().join("loose"));
        fs::create_dir(&loose).unwrap();
        for before in [0o755, 0o770, 0o701, 0o777] {
            fs::set_permissions(&loose, Permissions::from_mode(before)).unwrap();
            prepare(&loose).unwrap();
            assert_eq!(mode(&loose), 0o700, "{before:o}");
        }
        prepare(&new).unwrap();
        assert_eq!(mode(&new), 0o700);
        prepare(&new).unwrap();
        assert!(prepare(Path::new("/proc/self/fd/0/x")).is_err());
    }
}
