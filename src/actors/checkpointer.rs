//! Dumps: the world written as a textdump while it runs on.
//!
//! A dump is taken from a snapshot on a thread of its own, and told to the world by `#0:checkpoint_started` and
//! `#0:checkpoint_finished`. One runs at a time; a wish that comes meanwhile has it followed by another.

use moo_db::textdump::{self, Dump};
use moo_model::Obj;
use moo_model::world::World;
use moo_tasks::outside::Outside;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Where dumps go, and what they are made of.
#[derive(Clone)]
pub struct Checkpointer {
    /// The world.
    pub world: Arc<World>,
    /// Who is connected.
    pub outside: Arc<Outside>,
    /// The file; `None` where neither the settings nor an import names one.
    pub file: Option<PathBuf>,
}

impl Checkpointer {
    /// Writes a dump, if there is a file for it; whether there is one now.
    pub async fn dump(&self) -> bool {
        let Some(file) = self.file.clone() else {
            tracing::info!("no dump is written: the settings name no file (database.dump_file)");
            return true;
        };
        let (world, outside) = (self.world.clone(), self.outside.clone());
        let written = spawn_blocking(move || write(&world, &outside, &file)).await;
        written.unwrap_or_else(|error| {
            tracing::error!(%error, "the thread of a dump has failed");
            false
        })
    }
}

fn write(world: &World, outside: &Outside, file: &Path) -> bool {
    let root = world.snapshot();
    let connections: Vec<(Obj, Obj)> = outside
        .connections
        .all()
        .iter()
        .rev()
        .map(|conn| (conn.object(), conn.listener))
        .collect();
    let dump = Dump {
        root: &root,
        forked: &[],
        connections: &connections,
    };
    match textdump::write_file(&dump, file) {
        Ok(warnings) => {
            for line in &warnings.lines {
                tracing::warn!("the dump differs from the world: {line}");
            }
            tracing::info!(file = %file.display(), "CHECKPOINTING finished: the world is dumped");
            true
        }
        Err(error) => {
            tracing::error!(file = %file.display(), %error, "the world could not be dumped");
            false
        }
    }
}

/// The file of an imported world's dumps: its own name with `.new` at the end.
pub fn beside(imported: &Path) -> PathBuf {
    let mut name = imported.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_stands_beside_its_import() {
        assert_eq!(beside(Path::new("/w/core.db")), Path::new("/w/core.db.new"));
    }
}
