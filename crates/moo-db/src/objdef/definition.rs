//! The objects that files define, each as it is written.

use std::collections::HashMap;

use moo_lang::Options;
use moo_model::world::{ArgSpec, Dialect, Flags, ObjSpec, PrepSpec, PropPerms, VerbPerms};
use moo_model::{Obj, Value, preposition};

use super::literal::Names;
use super::scan::Scanner;
use super::{Files, Problem, Problems};

const CONSTANTS: &str = "constants.moo";
const LAMBDA_LINE: &str = "// dialect: lambda";

/// Where something is written.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub file: String,
    pub line: u32,
}

impl Place {
    pub fn problem(&self, message: String) -> Problem {
        Problem {
            file: self.file.clone(),
            line: self.line,
            message,
        }
    }
}

pub(super) struct Definitions {
    pub dialect: Dialect,
    pub objects: Vec<ObjectDef>,
}

pub(super) struct ObjectDef {
    pub place: Place,
    pub obj: Obj,
    pub name: Value,
    pub parent: Obj,
    pub location: Obj,
    pub owner: Obj,
    pub flags: Flags,
    pub properties: Vec<PropertyDef>,
    pub overrides: Vec<OverrideDef>,
    pub verbs: Vec<VerbDef>,
}

pub(super) struct PropertyDef {
    pub place: Place,
    pub name: String,
    pub owner: Obj,
    pub perms: PropPerms,
    pub value: Value,
}

pub(super) struct OverrideDef {
    pub place: Place,
    pub name: String,
    pub perms: Option<(Obj, PropPerms)>,
    pub value: Option<Value>,
}

pub(super) struct VerbDef {
    pub names: String,
    pub owner: Obj,
    pub perms: VerbPerms,
    pub args: ArgSpec,
    /// The stored text of the program.
    pub source: String,
}

/// Reads all files of objects, the one with the constants first.
pub(super) fn read_all(
    files: &Files,
    is_builtin: &dyn Fn(&str) -> bool,
    problems: &mut Problems,
) -> Definitions {
    let constants = files.get(CONSTANTS).map_or("", String::as_str);
    let is_lambda = constants
        .lines()
        .next()
        .is_some_and(|line| line.trim() == LAMBDA_LINE);
    let mut reader = Reader {
        names: Names {
            constants: HashMap::new(),
            files,
        },
        is_builtin,
        objects: Vec::new(),
        problems,
    };
    let others = files
        .iter()
        .filter(|(path, _)| path.as_str() != CONSTANTS && path.ends_with(".moo"));
    for (path, text) in files.get_key_value(CONSTANTS).into_iter().chain(others) {
        reader.file(&mut Scanner::new(path, text));
    }
    Definitions {
        dialect: if is_lambda { Dialect::Lambda } else { Dialect::Moor },
        objects: reader.objects,
    }
}

struct Reader<'a> {
    names: Names<'a>,
    is_builtin: &'a dyn Fn(&str) -> bool,
    objects: Vec<ObjectDef>,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    /// `{ define | object }`. After a problem, reading goes on behind the object in which it lies.
    fn file(&mut self, scanner: &mut Scanner<'_>) {
        while !scanner.is_at_end() {
            let result = match scanner.word().to_ascii_lowercase().as_str() {
                "define" => self.define(scanner),
                "object" => self.object(scanner).map(|object| self.objects.push(object)),
                _ => Err(scanner.problem("expected `object` or `define`")),
            };
            if let Err(problem) = result {
                self.problems.add(problem);
                scanner.skip_past_line("endobject");
            }
        }
    }

    /// `NAME "=" literal [";"]`
    fn define(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        let name = scanner.word().to_string();
        if name.is_empty() {
            return Err(scanner.expected("a name"));
        }
        scanner.need("=")?;
        let value = self.names.literal(scanner)?;
        scanner.eat(";");
        match self.names.constants.get(&name) {
            Some(other) if *other != value => Err(scanner.problem(format!("{name} is already {other:?}"))),
            _ => {
                self.names.constants.insert(name, value);
                Ok(())
            }
        }
    }

    /// `ref [ meta ] { attr } { property | override | verb | method } "endobject"`
    fn object(&mut self, scanner: &mut Scanner<'_>) -> Result<ObjectDef, Problem> {
        let place = place(scanner);
        let obj = self.names.reference(scanner)?;
        self.metadata(scanner)?;
        let mut object = ObjectDef {
            place,
            obj,
            name: Value::empty_str(),
            parent: Obj::NOTHING,
            location: Obj::NOTHING,
            owner: Obj::NOTHING,
            flags: Flags::default(),
            properties: Vec::new(),
            overrides: Vec::new(),
            verbs: Vec::new(),
        };
        let mut seen = Vec::new();
        loop {
            let word = scanner.word().to_ascii_lowercase();
            match word.as_str() {
                "endobject" => return Ok(object),
                "property" => object.properties.push(self.property(scanner)?),
                "override" => object.overrides.push(self.override_(scanner)?),
                "verb" | "method" => {
                    let verb = self.verb(scanner, word == "method")?;
                    object.verbs.push(verb);
                }
                "" => {
                    return Err(scanner
                        .expected("an attribute, `property`, `override`, `verb`, `method` or `endobject`"));
                }
                _ if seen.contains(&word) => {
                    return Err(scanner.problem(format!("{word} is given twice for {obj}")));
                }
                _ => {
                    self.attribute(scanner, &word, &mut object)?;
                    seen.push(word);
                }
            }
        }
    }

    fn attribute(
        &self,
        scanner: &mut Scanner<'_>,
        name: &str,
        object: &mut ObjectDef,
    ) -> Result<(), Problem> {
        let flag = match name {
            "player" => Flags::PLAYER,
            "wizard" => Flags::WIZARD,
            "programmer" => Flags::PROGRAMMER,
            "fertile" => Flags::FERTILE,
            "readable" => Flags::READ,
            "writeable" => Flags::WRITE,
            "name" | "parent" | "location" | "owner" => Flags::default(),
            "parents" => return Err(scanner.problem("several parents are not supported yet")),
            _ => return Err(scanner.problem(format!("there is no attribute {name}"))),
        };
        scanner.need(":")?;
        match name {
            "name" => {
                object.name = self.names.literal(scanner)?;
                if object.name.as_str().is_none() {
                    return Err(scanner.problem("the name of an object is a string"));
                }
            }
            "parent" => object.parent = self.names.reference(scanner)?,
            "location" => object.location = self.names.reference(scanner)?,
            "owner" => object.owner = self.names.reference(scanner)?,
            _ => {
                let on = match scanner.word() {
                    "true" => true,
                    "false" => false,
                    _ => return Err(scanner.expected("`true` or `false`")),
                };
                object.flags = object.flags.with(flag, on);
            }
        }
        Ok(())
    }

    /// `pname perms [ meta ] [ "=" literal ] ";"`; without a value it is 0.
    fn property(&mut self, scanner: &mut Scanner<'_>) -> Result<PropertyDef, Problem> {
        let place = place(scanner);
        let name = name(scanner)?;
        let (owner, perms) = self.perms(scanner)?;
        self.metadata(scanner)?;
        let value = self.assigned(scanner)?.unwrap_or(Value::int(0));
        Ok(PropertyDef {
            place,
            name,
            owner,
            perms,
            value,
        })
    }

    /// `pname [ perms ] [ meta ] [ "=" literal ] ";"`
    fn override_(&mut self, scanner: &mut Scanner<'_>) -> Result<OverrideDef, Problem> {
        let place = place(scanner);
        let name = name(scanner)?;
        let perms = match scanner.peek() {
            Some('(') => Some(self.perms(scanner)?),
            _ => None,
        };
        self.metadata(scanner)?;
        let value = self.assigned(scanner)?;
        Ok(OverrideDef {
            place,
            name,
            perms,
            value,
        })
    }

    fn assigned(&self, scanner: &mut Scanner<'_>) -> Result<Option<Value>, Problem> {
        let value = match scanner.eat("=") {
            true => Some(self.names.literal(scanner)?),
            false => None,
        };
        scanner.need(";")?;
        Ok(value)
    }

    /// `"(" "owner" ":" ref "," "flags" ":" STRING ")"`
    fn perms(&self, scanner: &mut Scanner<'_>) -> Result<(Obj, PropPerms), Problem> {
        scanner.need("(")?;
        keyed(scanner, "owner")?;
        let owner = self.names.reference(scanner)?;
        scanner.need(",")?;
        keyed(scanner, "flags")?;
        let bits = letters(scanner, &[('r', 1), ('w', 2), ('c', 4)])?;
        scanner.need(")")?;
        Ok((owner, PropPerms(bits)))
    }

    /// `vname "(" spec prep spec ")" "owner" ":" ref "flags" ":" STRING [ meta ] body "endverb"`, or a method, which
    /// has `(this none this)` and, unless told otherwise, `rxd`.
    fn verb(&mut self, scanner: &mut Scanner<'_>, is_method: bool) -> Result<VerbDef, Problem> {
        let names = name(scanner)?;
        let args = if is_method {
            ArgSpec {
                dobj: ObjSpec::This,
                prep: PrepSpec::None,
                iobj: ObjSpec::This,
            }
        } else {
            arg_spec(scanner)?
        };
        keyed(scanner, "owner")?;
        let owner = self.names.reference(scanner)?;
        let mut perms = VerbPerms(VerbPerms::READ.0 | VerbPerms::EXEC.0 | VerbPerms::DEBUG.0);
        if !is_method || scanner.peek_word() == "flags" {
            keyed(scanner, "flags")?;
            perms = VerbPerms(letters(scanner, &[('r', 1), ('w', 2), ('x', 4), ('d', 8)])?);
        }
        self.metadata(scanner)?;
        let (body, first_line) = scanner.body(if is_method { "endmethod" } else { "endverb" })?;
        Ok(VerbDef {
            source: self.program(body, first_line, scanner.file, &names),
            names,
            owner,
            perms,
            args,
        })
    }

    /// The stored text of a body; empty, with problems noted, if it does not parse.
    fn program(&mut self, body: &str, first_line: u32, file: &str, names: &str) -> String {
        match moo_lang::parse(body, &Options::new(self.is_builtin)) {
            Ok(program) => moo_lang::store_text(&program),
            Err(errors) => {
                for error in errors.errors {
                    self.problems.add(Problem {
                        file: file.to_string(),
                        line: first_line + error.line - 1,
                        message: match error.hint {
                            Some(hint) => format!("in verb {names}: {} ({hint})", error.message),
                            None => format!("in verb {names}: {}", error.message),
                        },
                    });
                }
                String::new()
            }
        }
    }

    /// `"[" [ key "->" literal { "," key "->" literal } ] "]"`, which is dropped.
    fn metadata(&self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        if !scanner.eat("[") {
            return Ok(());
        }
        let mut first = true;
        while !scanner.eat("]") {
            if !std::mem::take(&mut first) {
                scanner.need(",")?;
            }
            name(scanner)?;
            scanner.need("->")?;
            self.names.literal(scanner)?;
        }
        Ok(())
    }
}

fn place(scanner: &mut Scanner<'_>) -> Place {
    Place {
        file: scanner.file.to_string(),
        line: scanner.line(),
    }
}

/// A bare or a quoted name.
fn name(scanner: &mut Scanner<'_>) -> Result<String, Problem> {
    if scanner.peek() == Some('"') {
        return scanner.string();
    }
    match scanner.word() {
        "" => Err(scanner.expected("a name")),
        word => Ok(word.to_string()),
    }
}

/// `key ":"`
fn keyed(scanner: &mut Scanner<'_>, key: &str) -> Result<(), Problem> {
    if scanner.peek_word() != key {
        return Err(scanner.expected(&format!("`{key}:`")));
    }
    scanner.word();
    scanner.need(":")
}

/// A string of letters that stand for bits.
fn letters(scanner: &mut Scanner<'_>, known: &[(char, u8)]) -> Result<u8, Problem> {
    let text = scanner.string()?;
    let mut bits = 0;
    for c in text.chars() {
        match known.iter().find(|(letter, _)| *letter == c) {
            Some((_, bit)) => bits |= bit,
            None => return Err(scanner.problem(format!("there is no flag {c}"))),
        }
    }
    Ok(bits)
}

/// `"(" spec prep spec ")"`
fn arg_spec(scanner: &mut Scanner<'_>) -> Result<ArgSpec, Problem> {
    scanner.need("(")?;
    let dobj = obj_spec(scanner)?;
    let prep = prep_spec(scanner)?;
    let iobj = obj_spec(scanner)?;
    scanner.need(")")?;
    Ok(ArgSpec { dobj, prep, iobj })
}

fn obj_spec(scanner: &mut Scanner<'_>) -> Result<ObjSpec, Problem> {
    match scanner.word().to_ascii_lowercase().as_str() {
        "this" => Ok(ObjSpec::This),
        "none" => Ok(ObjSpec::None),
        "any" => Ok(ObjSpec::Any),
        other => Err(scanner.problem(format!("expected `this`, `none` or `any`, found `{other}`"))),
    }
}

/// `none`, `any`, or a preposition: a word, words joined by hyphens, or a quoted phrase; of several with slashes
/// between them the first counts.
fn prep_spec(scanner: &mut Scanner<'_>) -> Result<PrepSpec, Problem> {
    let written = if scanner.peek() == Some('"') {
        scanner.string()?
    } else {
        scanner
            .take_while(|c| c.is_ascii_alphabetic() || matches!(c, '-' | '/'))
            .to_string()
    };
    let phrase = written.split('/').next().unwrap_or("").replace('-', " ");
    match phrase.to_ascii_lowercase().as_str() {
        "none" => Ok(PrepSpec::None),
        "any" => Ok(PrepSpec::Any),
        phrase => match preposition::find(phrase) {
            Some(index) => Ok(PrepSpec::Is(index)),
            None => Err(scanner.problem(format!("there is no preposition `{written}`"))),
        },
    }
}
