//! Values as files of objects write them.

use std::collections::HashMap;

use moo_model::value::map::is_key;
use moo_model::{ErrorCode, Map, Obj, Value};

use super::scan::Scanner;
use super::{Files, Problem};

/// How deep lists and maps may nest.
const DEPTH_MAX: usize = 250;

/// The types by their numbers, as programs and literals name them.
const TYPES: [(&str, i64); 7] = [
    ("TYPE_INT", 0),
    ("TYPE_OBJ", 1),
    ("TYPE_STR", 2),
    ("TYPE_ERR", 3),
    ("TYPE_LIST", 4),
    ("TYPE_FLOAT", 9),
    ("TYPE_MAP", 10),
];

/// What literals may refer to.
pub(super) struct Names<'a> {
    pub constants: HashMap<String, Value>,
    pub files: &'a Files,
}

impl Names<'_> {
    /// Reads a literal.
    pub fn literal(&self, scanner: &mut Scanner<'_>) -> Result<Value, Problem> {
        self.nested(scanner, DEPTH_MAX)
    }

    fn nested(&self, scanner: &mut Scanner<'_>, depth_left: usize) -> Result<Value, Problem> {
        match scanner.peek() {
            Some('"') => scanner.string().map(Value::string),
            Some('#') => object(scanner).map(Value::obj),
            Some('{' | '[') if depth_left == 0 => {
                Err(scanner.problem(format!("lists and maps nest deeper than {DEPTH_MAX}")))
            }
            Some('{') => self.list(scanner, depth_left - 1),
            Some('[') => self.map(scanner, depth_left - 1),
            Some('<') => Err(scanner.problem("flyweights are not supported yet")),
            Some('\'') => Err(scanner.problem("symbols are not supported yet")),
            Some(c) if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => number(scanner),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => self.named(scanner),
            _ => Err(scanner.expected("a value")),
        }
    }

    fn list(&self, scanner: &mut Scanner<'_>, depth_left: usize) -> Result<Value, Problem> {
        scanner.need("{")?;
        let mut items = Vec::new();
        while !scanner.eat("}") {
            if !items.is_empty() {
                scanner.need(",")?;
            }
            items.push(self.nested(scanner, depth_left)?);
        }
        if scanner.eat("=>") {
            return Err(scanner.problem("functions as values are not supported yet"));
        }
        Ok(Value::list(items))
    }

    fn map(&self, scanner: &mut Scanner<'_>, depth_left: usize) -> Result<Value, Problem> {
        scanner.need("[")?;
        let mut map = Map::new();
        let mut is_first = true;
        while !scanner.eat("]") {
            if !std::mem::take(&mut is_first) {
                scanner.need(",")?;
            }
            let key = self.nested(scanner, depth_left)?;
            if !is_key(&key) {
                return Err(scanner.problem("neither a list nor a map can be a key of a map"));
            }
            scanner.need("->")?;
            map.insert(key, self.nested(scanner, depth_left)?);
        }
        Ok(Value::map(map))
    }

    fn named(&self, scanner: &mut Scanner<'_>) -> Result<Value, Problem> {
        let name = scanner.word();
        if let Some(value) = self.constants.get(name) {
            return Ok(value.clone());
        }
        if let Some(code) = ErrorCode::from_name(name) {
            return Ok(Value::err(code));
        }
        if let Some((_, number)) = TYPES.iter().find(|(known, _)| *known == name) {
            return Ok(Value::int(*number));
        }
        match name {
            "true" => Ok(Value::truth(true)),
            "false" => Ok(Value::truth(false)),
            "include" => self.include(scanner).map(Value::str),
            "include_bin" => Err(scanner.problem("binary values are not supported yet")),
            _ => Err(scanner.problem(format!("{name} is defined nowhere"))),
        }
    }

    /// The text of the file that is named here, relative to the folder of this file.
    fn include(&self, scanner: &mut Scanner<'_>) -> Result<&str, Problem> {
        scanner.need("!")?;
        scanner.need("(")?;
        let named = scanner.string()?;
        scanner.need(")")?;
        let folder = scanner.file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut path: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        for part in named.split('/') {
            match part {
                "." => {}
                ".." if path.pop().is_some() => {}
                ".." | "" => return Err(scanner.problem(format!("{named} leads out of the world's folder"))),
                _ => path.push(part),
            }
        }
        match self.files.get(&path.join("/")) {
            Some(text) => Ok(text),
            None => Err(scanner.problem(format!("there is no text file {named}"))),
        }
    }

    /// Reads an object number, or a constant that holds one.
    pub fn reference(&self, scanner: &mut Scanner<'_>) -> Result<Obj, Problem> {
        if scanner.peek() == Some('#') {
            return object(scanner);
        }
        let name = scanner.word();
        match self.constants.get(name) {
            Some(value) => match value.as_obj() {
                Some(obj) => Ok(obj),
                None => Err(scanner.problem(format!("{name} is defined, but is no object"))),
            },
            None if name.is_empty() => Err(scanner.expected("an object")),
            None => Err(scanner.problem(format!("{name} is defined nowhere"))),
        }
    }
}

/// `#12` or `#-1`
fn object(scanner: &mut Scanner<'_>) -> Result<Obj, Problem> {
    scanner.need("#")?;
    let number = scanner.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    match number.parse() {
        Ok(number) => Ok(Obj::numbered(number)),
        Err(_) => Err(scanner.problem(format!(
            "#{number} is no object number; other kinds of objects are not supported yet"
        ))),
    }
}

fn number(scanner: &mut Scanner<'_>) -> Result<Value, Problem> {
    let mut text = String::new();
    loop {
        text.push_str(scanner.take_while(|c| c.is_ascii_alphanumeric() || c == '.'));
        let in_exponent = text.ends_with(['e', 'E']);
        let sign = scanner.take_while(|c| matches!(c, '-' | '+'));
        if !text.is_empty() && !in_exponent && !sign.is_empty() {
            return Err(scanner.problem("a number is malformed"));
        }
        text.push_str(sign);
        if sign.is_empty() || sign.len() > 1 {
            break;
        }
    }
    let float = text.contains(['.', 'e', 'E']).then(|| text.parse::<f64>());
    match float {
        None => text.parse().map(Value::int).ok(),
        Some(float) => float.ok().filter(|f| f.is_finite()).map(Value::float),
    }
    .ok_or_else(|| scanner.problem(format!("{text} is no number that a value can hold")))
}
