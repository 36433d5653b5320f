//! Says in words what to do when the RocksDB library is missing, instead of leaving it to the linker.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-env-changed=ROCKSDB_COMPILE");
    println!("cargo:rerun-if-env-changed=ROCKSDB_LIB_DIR");
    if env::var_os("ROCKSDB_COMPILE").is_some() {
        return;
    }
    let Some(folder) = env::var_os("ROCKSDB_LIB_DIR") else {
        return;
    };
    let folder = Path::new(&folder);
    let library = if env::var_os("ROCKSDB_STATIC").is_some() {
        "librocksdb.a"
    } else {
        "librocksdb.so"
    };
    println!("cargo:rerun-if-changed={}", folder.join(library).display());
    if !folder.join(library).exists() {
        println!(
            "cargo::error=RocksDB is not built yet: run ./scripts/setup once ({library} is not in {})",
            folder.display()
        );
    }
}
