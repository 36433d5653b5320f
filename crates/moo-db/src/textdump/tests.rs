//! Worlds for tests.

use std::path::{Path, PathBuf};

use moo_model::world::Root;

/// A system object and a wizard, as small as a textdump can be.
pub(crate) const SMALL: &str = include_str!("../../testdata/small.db");

/// The world of [`SMALL`].
pub(crate) fn small_world() -> Root {
    super::read(SMALL.as_bytes(), &|_| true, &mut |_| {})
        .expect("it is a good file")
        .root
}

/// The public core that tests run against; it is no part of this repository. `MOOTHALL_WORLDS` names another folder.
pub(crate) fn lambda_core() -> Option<Vec<u8>> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/worlds");
    let folder = std::env::var_os("MOOTHALL_WORLDS").map_or_else(beside, PathBuf::from);
    let found = std::fs::read(folder.join("LambdaCore-20Jun18.db")).ok();
    if found.is_none() {
        eprintln!(
            "SKIPPED, AND SO NOT SHOWN TO WORK: {} holds no LambdaCore-20Jun18.db",
            folder.display()
        );
    }
    found
}
