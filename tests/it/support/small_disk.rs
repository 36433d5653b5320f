//! `SmallDisk`: a file system of its own, small enough to be filled. It needs the right to mount one; where that is
//! missing the test says so loudly and shows nothing.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A mounted tmpfs. Dropping it unmounts it, so it must outlive the server on it.
pub struct SmallDisk {
    folder: TempDir,
    filler: PathBuf,
}

impl SmallDisk {
    /// One of so many MiB; none, said loudly, where mounting is not allowed.
    pub fn mount(mib: u64) -> Option<SmallDisk> {
        let folder = tempfile::Builder::new()
            .prefix("moothall-disk-")
            .tempdir()
            .unwrap();
        let size = format!("size={mib}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "none"])
            .arg(folder.path())
            .status();
        if !mounted.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED, AND SO NOT SHOWN TO WORK: a small file system cannot be mounted here");
            return None;
        }
        let filler = folder.path().join("filler");
        Some(SmallDisk { folder, filler })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills it until only so many MiB are free.
    pub fn fill_up_to(&self, free_mib: u64) {
        let mut file = File::create(&self.filler).unwrap();
        let block = vec![7; 1 << 16];
        let mut len = 0u64;
        while file.write_all(&block).is_ok() {
            len += block.len() as u64;
        }
        file.set_len(len.saturating_sub(free_mib << 20)).unwrap();
    }

    /// Makes room again.
    pub fn clear(&self) {
        std::fs::remove_file(&self.filler).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, since a process that was killed a moment ago may still hold a file of it.
        let unmounted = Command::new("umount").arg("-l").arg(self.folder.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} could not be unmounted", self.folder.path().display());
        }
    }
}
