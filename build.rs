//! Links libsodium, which the CURVE of the bundled libzmq needs (its switches are in .cargo/config.toml), and lists the
//! files of the built-in world, so that they become part of the daemon.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg=-l:libsodium.a");
    println!("cargo:rerun-if-changed=worlds/hall");
    let world = Path::new("worlds/hall")
        .canonicalize()
        .expect("the built-in world is part of the source");
    let mut files = Vec::new();
    collect(&world, &mut files);
    files.sort();
    let mut list = String::from(
        "/// The files of the built-in world: paths and texts.\nstatic HALL: &[(&str, &str)] = &[\n",
    );
    for file in files {
        let name = file
            .strip_prefix(&world)
            .expect("it was found there")
            .to_string_lossy()
            .replace('\\', "/");
        writeln!(list, "    ({name:?}, include_str!({file:?})),").expect("a string takes everything");
    }
    list.push_str("];\n");
    let out = std::env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("hall.rs"), list).expect("cargo's own folder can be written");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder)
        .expect("the built-in world can be read")
        .flatten()
    {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
