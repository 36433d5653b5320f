//! Links libsodium, which the CURVE of the bundled libzmq needs (its switches are in .cargo/config.toml).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg=-l:libsodium.a");
}
