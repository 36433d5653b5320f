//! Writing a textdump of version 4.
//!
//! Invariants: what is written can be read back; what the format cannot hold is replaced and reported, line by line; a
//! file of the wanted name is either the old one or a whole new one.

mod text;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use moo_lang::{Options, Style, parse, unparse};
use moo_model::Obj;
use moo_model::world::{Entry, ObjectRecord, PrepSpec, PropDef, Root, VerbRecord};
use triomphe::Arc;

use super::ForkedTask;
use crate::draft::Warnings;
use text::Text;

/// What a dump is made of.
#[derive(Clone, Copy)]
pub struct Dump<'a> {
    /// The world.
    pub root: &'a Root,
    /// The tasks that wait to be started.
    pub forked: &'a [ForkedTask],
    /// Who is connected: the player, or a negative number before login, and the object that listens.
    pub connections: &'a [(Obj, Obj)],
}

/// Writes a dump to a file: first under another name beside it, then, once it is on the disk, in its place. Gives what
/// had to be replaced.
///
/// # Errors
/// Whatever the disk has against it; then an older file of this name is as it was.
pub fn write_file(dump: &Dump<'_>, path: &Path) -> io::Result<Warnings> {
    let beside = beside(path);
    let result = write_new(dump, &beside).and_then(|warnings| {
        fs::rename(&beside, path)?;
        sync_folder(path)?;
        Ok(warnings)
    });
    if result.is_err() {
        // What is left of it is of no use, and the disk may be full.
        let _ = fs::remove_file(&beside);
    }
    result
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    path.with_file_name(name)
}

fn write_new(dump: &Dump<'_>, path: &Path) -> io::Result<Warnings> {
    let mut out = BufWriter::new(File::create(path)?);
    let warnings = write(dump, &mut out)?;
    out.into_inner()?.sync_all()?;
    Ok(warnings)
}

/// A rename lasts once its folder is on the disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Writes a dump. Gives what had to be replaced.
///
/// # Errors
/// What writing to `out` gives.
pub fn write(dump: &Dump<'_>, out: &mut impl Write) -> io::Result<Warnings> {
    let root = dump.root;
    let mut text = Text::new(out, root.settings.latin1);
    let has_program = |verb: &VerbRecord| !verb.code.source.is_empty();
    let mut programs = 0;
    for item in root.iter() {
        let (_, record) = item.map_err(io::Error::other)?;
        programs += record.verbs.iter().filter(|verb| has_program(verb)).count();
    }
    text.line("** LambdaMOO Database, Format Version 4 **")?;
    text.number(root.objects.len() as i64)?;
    text.number(programs as i64)?;
    text.number(0)?;
    text.number(root.players.len() as i64)?;
    root.players.iter().try_for_each(|player| text.number(player.0))?;
    let mut objects = Objects::new(root);
    for at in 0..root.objects.len() {
        text.place = format!("#{at}");
        match root.get(Obj(at as i64)).map_err(io::Error::other)? {
            Some(record) => objects.write(&mut text, at, &record)?,
            None => text.line(&format!("#{at} recycled"))?,
        }
    }
    for item in root.iter() {
        let (obj, record) = item.map_err(io::Error::other)?;
        let with_index = record.verbs.iter().enumerate();
        for (index, verb) in with_index.filter(|(_, verb)| has_program(verb)) {
            text.place = format!("{obj}:{}", verb.names.as_str().unwrap_or(""));
            text.line(&format!("{obj}:{index}"))?;
            program(&mut text, &verb.code.source)?;
        }
    }
    text.line("0 clocks")?;
    text.line(&format!("{} queued tasks", dump.forked.len()))?;
    for task in dump.forked {
        text.place = format!("task {}", task.id);
        forked(&mut text, task)?;
    }
    text.line("0 suspended tasks")?;
    text.line(&format!(
        "{} active connections with listeners",
        dump.connections.len()
    ))?;
    for (player, listener) in dump.connections {
        text.line(&format!("{} {}", player.0, listener.0))?;
    }
    text.finish()
}

/// For each object, the one that comes after it among its fellows.
fn successors(root: &Root, members: impl Fn(&Entry) -> &[Obj]) -> Vec<Obj> {
    let mut next = vec![Obj::NOTHING; root.objects.len()];
    for (_, entry) in root.entries() {
        for pair in members(entry).windows(2) {
            if let Some(place) = crate::draft::place(pair[0], next.len()) {
                next[place] = pair[1];
            }
        }
    }
    next
}

/// What objects define, nearest ancestor first: which values an object has, and in which order.
type Definitions = Arc<Vec<PropDef>>;

/// The writer of objects. Most objects share their ancestors, so what those define is read once.
struct Objects<'a> {
    root: &'a Root,
    next_contents: Vec<Obj>,
    next_siblings: Vec<Obj>,
    classes: HashMap<Obj, (Obj, Definitions)>,
}

impl<'a> Objects<'a> {
    fn new(root: &'a Root) -> Objects<'a> {
        Objects {
            root,
            next_contents: successors(root, Entry::contents),
            next_siblings: successors(root, Entry::children),
            classes: HashMap::new(),
        }
    }

    fn write<W: Write>(
        &mut self,
        text: &mut Text<'_, W>,
        at: usize,
        record: &ObjectRecord,
    ) -> io::Result<()> {
        let first = |members: &[Obj]| members.first().copied().unwrap_or(Obj::NOTHING);
        let place = text.place.clone();
        text.line(&place)?;
        text.string(record.name.as_str().unwrap_or(""))?;
        text.line("")?;
        text.number(i64::from(record.flags.0))?;
        for obj in [
            record.owner,
            record.location,
            first(&record.contents),
            self.next_contents[at],
            record.parent,
            first(&record.children),
            self.next_siblings[at],
        ] {
            text.number(obj.0)?;
        }
        text.number(record.verbs.len() as i64)?;
        record.verbs.iter().try_for_each(|verb| verb_header(text, verb))?;
        text.number(record.propdefs.len() as i64)?;
        for def in record.propdefs.iter() {
            text.string(def.name.as_str().unwrap_or(""))?;
        }
        text.number(record.slots.len() as i64)?;
        slots(text, record, &record.propdefs)?;
        let mut above = record.parent;
        while let Some((parent, defs)) = self.class(above)? {
            slots(text, record, &defs)?;
            above = parent;
        }
        Ok(())
    }

    /// The parent of an ancestor, and what it defines.
    fn class(&mut self, obj: Obj) -> io::Result<Option<(Obj, Definitions)>> {
        if let Some(known) = self.classes.get(&obj) {
            return Ok(Some(known.clone()));
        }
        let found = self.root.get(obj).map_err(io::Error::other)?;
        let class = found.map(|record| (record.parent, record.propdefs.clone()));
        if let Some(class) = &class {
            self.classes.insert(obj, class.clone());
        }
        Ok(class)
    }
}

/// An object's values of the properties that one of its ancestors, or it itself, defines.
fn slots<W: Write>(text: &mut Text<'_, W>, record: &ObjectRecord, defs: &[PropDef]) -> io::Result<()> {
    for def in defs {
        let at = record.slot_index(def.id).ok_or_else(|| {
            let name = def.name.as_str().unwrap_or("");
            io::Error::other(format!(
                "{} has no slot for .{name}: the store is damaged, restore a backup",
                text.place
            ))
        })?;
        let slot = &record.slots[at];
        text.value(&slot.value)?;
        text.number(slot.owner.0)?;
        text.number(i64::from(slot.perms.0))?;
    }
    Ok(())
}

fn verb_header<W: Write>(text: &mut Text<'_, W>, verb: &VerbRecord) -> io::Result<()> {
    let bits = i64::from(verb.perms.0) | (verb.args.dobj as i64) << 4 | (verb.args.iobj as i64) << 6;
    text.string(verb.names.as_str().unwrap_or(""))?;
    text.number(verb.owner.0)?;
    text.number(bits)?;
    text.number(match verb.args.prep {
        PrepSpec::Any => -2,
        PrepSpec::None => -1,
        PrepSpec::Is(index) => i64::from(index),
    })
}

/// A program as its dumped lines; one that does not parse as the text it is.
fn program<W: Write>(text: &mut Text<'_, W>, source: &str) -> io::Result<()> {
    // In stored text every unknown function is called through `call_function` already.
    match parse(source, &Options::loading(&|_| true)) {
        Ok(program) => {
            for line in unparse(&program, &Style::DUMP) {
                text.string(&line)?;
            }
        }
        // Not `lines()`, which drops an empty last one.
        Err(_) => source.split('\n').try_for_each(|line| text.string(line))?,
    }
    text.line(".")
}

fn forked<W: Write>(text: &mut Text<'_, W>, task: &ForkedTask) -> io::Result<()> {
    let who = &task.activation;
    text.line(&format!("0 {} {} {}", task.first_line, task.start, task.id))?;
    // The reference server writes these constants, and skips them when it reads.
    text.line("0\n-111")?;
    let debug = if who.debug { 8 } else { 0 };
    text.line(&format!(
        "{} -7 -8 {} -9 {} {} -10 {debug}",
        who.this.0, who.player.0, who.programmer.0, who.definer.0
    ))?;
    text.line("No\nMore\nParse\nInfos")?;
    text.string(&who.verb)?;
    text.string(&who.verb_names)?;
    text.line(&format!("{} variables", task.variables.len()))?;
    for (name, value) in &task.variables {
        text.string(name)?;
        text.variable(value)?;
    }
    program(text, &task.body)
}

#[cfg(test)]
mod tests;
