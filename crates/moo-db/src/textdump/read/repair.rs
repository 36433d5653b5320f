//! What the file says of parents, locations and players, made consistent.
//!
//! Invariant: afterwards parents and locations name objects that exist, or nothing, and neither forms a cycle; every
//! repair is a warning. Locations and parents are believed before the chains that should mirror them.

use moo_model::Obj;
use moo_model::world::Flags;

use super::Draft;
use super::object::RawObject;
use crate::draft::{Warnings, place};

/// One of the two trees that objects form.
pub(super) struct Tree {
    name: &'static str,
    up: fn(&mut RawObject) -> &mut Obj,
    above: fn(&RawObject) -> Obj,
    first: fn(&RawObject) -> Obj,
    next: fn(&RawObject) -> Obj,
}

pub(super) const PARENTS: Tree = Tree {
    name: "parent",
    up: |object| &mut object.parent,
    above: |object| object.parent,
    first: |object| object.first_child,
    next: |object| object.next_sibling,
};

pub(super) const LOCATIONS: Tree = Tree {
    name: "location",
    up: |object| &mut object.location,
    above: |object| object.location,
    first: |object| object.first_content,
    next: |object| object.next_content,
};

impl Draft {
    pub fn get(&self, obj: Obj) -> Option<&RawObject> {
        self.objects[place(obj, self.objects.len())?].as_ref()
    }

    fn cut(&mut self, tree: &Tree, at: usize) {
        if let Some(object) = &mut self.objects[at] {
            *(tree.up)(object) = Obj::NOTHING;
        }
    }
}

/// Makes the draft consistent.
pub(super) fn repair(draft: &mut Draft, warnings: &mut Warnings) {
    for tree in [PARENTS, LOCATIONS] {
        drop_dangling(draft, &tree, warnings);
        break_cycles(draft, &tree, warnings);
    }
    repair_players(draft, warnings);
}

fn drop_dangling(draft: &mut Draft, tree: &Tree, warnings: &mut Warnings) {
    for at in 0..draft.objects.len() {
        let Some(object) = &draft.objects[at] else {
            continue;
        };
        let target = (tree.above)(object);
        if target != Obj::NOTHING && draft.get(target).is_none() {
            warnings.add(format!(
                "#{at}.{} was {target}, which does not exist: set to #-1",
                tree.name
            ));
            draft.cut(tree, at);
        }
    }
}

fn break_cycles(draft: &mut Draft, tree: &Tree, warnings: &mut Warnings) {
    // For each object, the walk in which it was met first; 0 before that.
    let mut met_in = vec![0usize; draft.objects.len()];
    for start in 0..draft.objects.len() {
        let walk = start + 1;
        let mut at = start;
        while met_in[at] == 0 {
            met_in[at] = walk;
            let Some(object) = &draft.objects[at] else { break };
            let Some(above) = place((tree.above)(object), draft.objects.len()) else {
                break;
            };
            if met_in[above] == walk {
                warnings.add(format!(
                    "#{at}.{} was #{above}, which leads back to #{at}: set to #-1",
                    tree.name
                ));
                draft.cut(tree, at);
                break;
            }
            at = above;
        }
    }
}

fn repair_players(draft: &mut Draft, warnings: &mut Warnings) {
    let mut listed = vec![false; draft.objects.len()];
    for player in std::mem::take(&mut draft.players) {
        let at = place(player, listed.len()).filter(|&at| draft.objects[at].is_some());
        match at {
            Some(at) if !listed[at] => {
                listed[at] = true;
                draft.players.push(player);
            }
            Some(_) => warnings.add(format!("{player} is listed as a player twice")),
            None => warnings.add(format!(
                "the player {player} does not exist: dropped from the list"
            )),
        }
    }
    for (at, object) in draft.objects.iter_mut().enumerate() {
        let Some(object) = object else { continue };
        match (object.flags.has(Flags::PLAYER), listed[at]) {
            (true, false) => {
                warnings.add(format!("#{at} has the player flag but was not listed: added"));
                draft.players.push(Obj(at as i64));
            }
            (false, true) => {
                warnings.add(format!("#{at} was listed as a player without the flag: flag set"));
                object.flags = object.flags.with(Flags::PLAYER, true);
            }
            _ => {}
        }
    }
}

/// For each object, the objects right below it: those that name it, in the order of the file's chain.
pub(super) fn members(draft: &Draft, tree: &Tree, warnings: &mut Warnings) -> Vec<Vec<Obj>> {
    let extent = draft.objects.len();
    let mut members = vec![Vec::new(); extent];
    let mut placed = vec![false; extent];
    for (at, object) in draft.objects.iter().enumerate() {
        let mut next = object.as_ref().map_or(Obj::NOTHING, tree.first);
        while next != Obj::NOTHING {
            let Some(below) = draft.get(next) else {
                warnings.add(format!(
                    "the chain of #{at} by {} names {next}, which does not exist",
                    tree.name
                ));
                break;
            };
            let index = next.0 as usize;
            if placed[index] || (tree.above)(below) != Obj(at as i64) {
                warnings.add(format!(
                    "the chain of #{at} by {} names {next}, which is elsewhere",
                    tree.name
                ));
                break;
            }
            placed[index] = true;
            members[at].push(next);
            next = (tree.next)(below);
        }
    }
    for (at, object) in draft.objects.iter().enumerate() {
        let above = object
            .as_ref()
            .and_then(|object| place((tree.above)(object), extent));
        if let (Some(above), false) = (above, placed[at]) {
            warnings.add(format!(
                "#{at} has #{above} as its {} but was not in its chain: added at the end",
                tree.name
            ));
            members[above].push(Obj(at as i64));
        }
    }
    members
}
