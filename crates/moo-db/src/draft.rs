//! A world that is being imported, up to the moment when it is a committed state.
//!
//! Invariant: the root that comes out has ranks that agree with the order of contents and children, below those that
//! any later commit gives.

use moo_model::Obj;
use moo_model::world::{Entry, LOCAL_RANKS, ObjectRecord, Root, Settings};
use triomphe::Arc;

/// The greatest number of warnings kept; more are only counted.
pub const WARNINGS_MAX: usize = 10_000;

/// What an import found odd and went on from, one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warnings {
    /// The first [`WARNINGS_MAX`] of them.
    pub lines: Vec<String>,
    /// How many more there were.
    pub omitted: u64,
}

impl Warnings {
    /// Adds a line, or counts it.
    pub(crate) fn add(&mut self, line: String) {
        if self.lines.len() < WARNINGS_MAX {
            self.lines.push(line);
        } else {
            self.omitted += 1;
        }
    }
}

/// Where an object number lies in a list of all objects; `None` for one that names no world object.
pub(crate) fn place(obj: Obj, extent: usize) -> Option<usize> {
    usize::try_from(obj.0).ok().filter(|&at| at < extent)
}

/// The committed state made of these records, whose contents and children agree with locations and parents.
pub(crate) fn root_of(mut objects: Vec<Option<ObjectRecord>>, players: Vec<Obj>, settings: Settings) -> Root {
    let mut highest_rank = LOCAL_RANKS;
    for at in 0..objects.len() {
        let Some(record) = &objects[at] else { continue };
        let (contents, children) = (record.contents.clone(), record.children.clone());
        for (&obj, rank) in contents.iter().zip(LOCAL_RANKS..) {
            highest_rank = highest_rank.max(rank);
            if let Some(inner) = record_mut(&mut objects, obj) {
                inner.location_rank = rank;
            }
        }
        for (&obj, rank) in children.iter().zip(LOCAL_RANKS..) {
            highest_rank = highest_rank.max(rank);
            if let Some(child) = record_mut(&mut objects, obj) {
                child.parent_rank = rank;
            }
        }
    }
    let defs = objects.iter().flatten().flat_map(|record| record.propdefs.iter());
    Root {
        prop_ids: defs.map(|def| def.id.0 + 1).max().unwrap_or(0),
        // The ranks of the next commit start at its number times LOCAL_RANKS, so it must be above all given here.
        stamp: highest_rank / LOCAL_RANKS,
        objects: objects.into_iter().map(|record| record.map(entry)).collect(),
        players: Arc::new(players),
        settings,
        ..Root::default()
    }
}

/// A record of a world that starts, as roots hold it.
pub(crate) fn entry(record: ObjectRecord) -> Arc<Entry> {
    Arc::new(Entry::new(Arc::new(record), 0, 0))
}

fn record_mut(objects: &mut [Option<ObjectRecord>], obj: Obj) -> Option<&mut ObjectRecord> {
    let at = place(obj, objects.len())?;
    objects[at].as_mut()
}
