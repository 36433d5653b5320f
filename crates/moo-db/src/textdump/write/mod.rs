//! Writing a textdump of version 4.
//!
//! Invariants: what is written can be read back; what the format cannot hold is replaced and reported, line by line; a
//! file of the wanted name is either the old one or a whole new one.

mod text;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use moo_lang::{Options, Style, parse, unparse};
use moo_model::Obj;
use moo_model::world::{ObjectRecord, PrepSpec, Root, VerbRecord};

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
    let verbs = || root.iter().flat_map(|(_, record)| record.verbs.iter());
    text.line("** LambdaMOO Database, Format Version 4 **")?;
    text.number(root.objects.len() as i64)?;
    text.number(verbs().filter(|verb| has_program(verb)).count() as i64)?;
    text.number(0)?;
    text.number(root.players.len() as i64)?;
    root.players.iter().try_for_each(|player| text.number(player.0))?;
    let next_contents = successors(root, |record| &record.contents[..]);
    let next_siblings = successors(root, |record| &record.children[..]);
    for (at, record) in root.objects.iter().enumerate() {
        let Some(record) = record else {
            text.line(&format!("#{at} recycled"))?;
            continue;
        };
        text.place = format!("#{at}");
        object(&mut text, root, record, (next_contents[at], next_siblings[at]))?;
    }
    for (obj, record) in root.iter() {
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
fn successors(root: &Root, members: impl Fn(&ObjectRecord) -> &[Obj]) -> Vec<Obj> {
    let mut next = vec![Obj::NOTHING; root.objects.len()];
    for (_, record) in root.iter() {
        for pair in members(record).windows(2) {
            if let Some(place) = crate::draft::place(pair[0], next.len()) {
                next[place] = pair[1];
            }
        }
    }
    next
}

fn object<W: Write>(
    text: &mut Text<'_, W>,
    root: &Root,
    record: &ObjectRecord,
    (next_content, next_sibling): (Obj, Obj),
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
        next_content,
        record.parent,
        first(&record.children),
        next_sibling,
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
    let mut definer = Some(record);
    while let Some(source) = definer {
        for def in source.propdefs.iter() {
            let slot = &record.slots[record
                .slot_index(def.id)
                .expect("an object has a slot for each property of its ancestors")];
            text.value(&slot.value)?;
            text.number(slot.owner.0)?;
            text.number(i64::from(slot.perms.0))?;
        }
        definer = root.get(source.parent).map(|parent| &**parent);
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
