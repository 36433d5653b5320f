//! The options of a connection that decide what becomes of its lines.

use moo_model::{ErrorCode, Value};

/// The commands that the server itself answers, in the order in which the option lists them.
pub const INTRINSICS: [&str; 5] = [".program", "PREFIX", "OUTPUTPREFIX", "SUFFIX", "OUTPUTSUFFIX"];

/// The flush command where nothing else was said.
pub const FLUSH_COMMAND: &str = ".flush";

/// A connection's options.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Lines wait for `read()`.
    pub hold_input: bool,
    /// `#$#` means nothing.
    pub disable_oob: bool,
    /// Bytes come and go as binary strings. The host does that; here it is only remembered.
    pub binary: bool,
    /// The client shows what is typed. As for `binary`.
    pub client_echo: bool,
    /// The line that drops what waits; empty for none.
    pub flush_command: String,
    /// Which of [`INTRINSICS`] are answered.
    pub intrinsics: [bool; 5],
}

impl Options {
    /// The options of a new connection.
    pub fn new(flush_command: &str) -> Options {
        Options {
            hold_input: false,
            disable_oob: false,
            binary: false,
            client_echo: true,
            flush_command: flush_command.to_owned(),
            intrinsics: [true; 5],
        }
    }

    /// Sets an option. `E_INVARG` where there is no such option or it cannot have such a value.
    pub fn set(&mut self, name: &str, value: &Value) -> Result<(), ErrorCode> {
        match name.to_ascii_lowercase().as_str() {
            "hold-input" => self.hold_input = value.is_true(),
            "disable-oob" => self.disable_oob = value.is_true(),
            "binary" => self.binary = value.is_true(),
            "client-echo" => self.client_echo = value.is_true(),
            "flush-command" => self.flush_command = value.as_str().unwrap_or_default().to_owned(),
            "intrinsic-commands" => self.intrinsics = intrinsics(value)?,
            _ => return Err(ErrorCode::InvArg),
        }
        Ok(())
    }

    /// An option's value, if there is such an option.
    pub fn get(&self, name: &str) -> Option<Value> {
        Some(match name.to_ascii_lowercase().as_str() {
            "hold-input" => Value::truth(self.hold_input),
            "disable-oob" => Value::truth(self.disable_oob),
            "binary" => Value::truth(self.binary),
            "client-echo" => Value::truth(self.client_echo),
            "flush-command" => Value::str(&self.flush_command),
            "intrinsic-commands" => {
                let on = INTRINSICS.iter().zip(self.intrinsics).filter(|(_, on)| *on);
                Value::strings(on.map(|(name, _)| name))
            }
            _ => return None,
        })
    }

    /// All options, in the order in which `connection_options()` lists them.
    pub fn all(&self) -> Vec<(String, Value)> {
        let names = [
            "binary",
            "flush-command",
            "hold-input",
            "disable-oob",
            "intrinsic-commands",
            "client-echo",
        ];
        names
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), self.get(name)?)))
            .collect()
    }
}

/// Which commands a value asks for: a list of names, or a number for all or none.
fn intrinsics(value: &Value) -> Result<[bool; 5], ErrorCode> {
    if let Some(number) = value.as_int() {
        return Ok([number != 0; 5]);
    }
    let mut on = [false; 5];
    for name in value.as_list().ok_or(ErrorCode::InvArg)? {
        let name = name.as_str().ok_or(ErrorCode::InvArg)?;
        let place = INTRINSICS
            .iter()
            .position(|known| known.eq_ignore_ascii_case(name));
        on[place.ok_or(ErrorCode::InvArg)?] = true;
    }
    Ok(on)
}
