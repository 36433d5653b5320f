//! The command lines of all our programs, read by one parser from one table of flags each.
//!
//! Invariant: a flag that stands for a setting only names its key; what the value may be is the setting's business.

use super::{Config, ConfigError, Setting, from_environment};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One flag of a program.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// As it is typed, with its dashes.
    pub name: &'static str,
    /// What follows it, for the help; empty for a switch.
    pub value: &'static str,
    /// The setting it lays over the configuration, or none when the program itself reads it.
    pub key: Option<&'static str>,
    /// One line for the help.
    pub help: &'static str,
}

/// One command of a program.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// As it is typed.
    pub name: &'static str,
    /// The words that follow it, for the help, each of which must be given, but for those in brackets: `<daemon|telnet|all>`, `[<id>]`.
    pub operands: &'static [&'static str],
    /// One line for the help.
    pub help: &'static str,
    /// The flags that only this command takes, beside those of the program.
    pub flags: &'static [Flag],
}

impl Command {
    /// A command that takes no words and no flags of its own.
    pub const fn plain(name: &'static str, help: &'static str) -> Command {
        Command {
            name,
            operands: &[],
            help,
            flags: &[],
        }
    }
}

/// A program: what it is called, what it does and what it takes.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The name typed in a shell.
    pub name: &'static str,
    /// One line for the help.
    pub about: &'static str,
    /// Its commands; the first is the default. Empty: the program takes none.
    pub commands: &'static [Command],
    /// The flags that all of its commands take.
    pub flags: &'static [Flag],
}

/// A command line that was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The command, or the first of the program's commands when none was given.
    pub command: &'static str,
    /// The words that the command takes, as many as it names.
    pub operands: Vec<String>,
    /// Settings in the order they were typed.
    pub settings: Vec<Setting>,
    /// The other flags by name, with their values; a switch has an empty one.
    pub others: BTreeMap<&'static str, String>,
}

impl Program {
    /// Reads the words after the program's name. A command's own flags follow it.
    pub fn parse(&self, words: impl IntoIterator<Item = String>) -> Result<Arguments, ConfigError> {
        let refused =
            |text: String| ConfigError(format!("{text}; `{} --help` shows what is understood", self.name));
        let mut arguments = Arguments::default();
        let mut command: Option<&Command> = None;
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let (name, attached) = match word.split_once('=') {
                Some((name, value)) if word.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
                _ => (word.clone(), None),
            };
            if name == "--help" || name == "-h" {
                arguments.others.insert("--help", String::new());
                continue;
            }
            let own = command
                .or(self.commands.first())
                .map_or(&[][..], |command| command.flags);
            let Some(flag) = self.flags.iter().chain(own).find(|flag| flag.name == name) else {
                let is_operand = |command: &Command| arguments.operands.len() < command.operands.len();
                match command {
                    _ if word.starts_with("--") => {
                        return Err(refused(format!("`{word}` is not understood")));
                    }
                    Some(command) if is_operand(command) => arguments.operands.push(word),
                    Some(_) => return Err(refused(format!("`{word}` is not understood"))),
                    None => {
                        let known = self.commands.iter().find(|command| command.name == word);
                        command = Some(known.ok_or_else(|| refused(format!("`{word}` is not understood")))?);
                    }
                }
                continue;
            };
            let text = match (flag.value.is_empty(), attached) {
                (true, Some(_)) => return Err(refused(format!("{} takes no value", flag.name))),
                (true, None) => String::new(),
                (false, Some(value)) => value,
                (false, None) => words
                    .next()
                    .ok_or_else(|| refused(format!("{} needs {} after it", flag.name, flag.value)))?,
            };
            match flag.key {
                Some(key) => arguments.settings.push(Setting {
                    key: key.to_owned(),
                    text,
                    source: flag.name.to_owned(),
                }),
                None => drop(arguments.others.insert(flag.name, text)),
            }
        }
        let command = command.or(self.commands.first());
        let missing = command.and_then(|command| command.operands.get(arguments.operands.len()));
        let missing = missing.filter(|name| !name.starts_with('['));
        if let Some(missing) = missing.filter(|_| !arguments.has("--help")) {
            let name = command.map_or("", |command| command.name);
            return Err(refused(format!("{name} needs {missing} after it")));
        }
        arguments.command = command.map_or("", |command| command.name);
        Ok(arguments)
    }

    /// The text of `--help`.
    pub fn help(&self) -> String {
        let commands = if self.commands.is_empty() {
            ""
        } else {
            " [COMMAND]"
        };
        let mut text = format!(
            "{}: {}\n\nusage: {}{commands} [FLAGS]\n",
            self.name, self.about, self.name
        );
        let row = |name: &str, help: &str| format!("{:<34} {help}\n", format!("  {name}"));
        if let Some(default) = self.commands.first() {
            text.push_str(&format!("\ncommands ({} when none is given):\n", default.name));
            for command in self.commands {
                let words = [&[command.name], command.operands].concat().join(" ");
                text.push_str(&row(&words, command.help));
                for flag in command.flags {
                    text.push_str(&row(&format!("  {} {}", flag.name, flag.value), flag.help));
                }
            }
        }
        text.push_str("\nflags:\n");
        for flag in self.flags {
            text.push_str(&row(&format!("{} {}", flag.name, flag.value), flag.help));
        }
        text + &row("--help", "show this")
    }
}

impl Arguments {
    /// A flag that is no setting.
    pub fn get(&self, flag: &str) -> Option<&str> {
        self.others.get(flag).map(String::as_str)
    }

    /// Whether a switch was given.
    pub fn has(&self, flag: &str) -> bool {
        self.others.contains_key(flag)
    }

    /// The flag as a path, or an error that says it is missing.
    pub fn required_path(&self, flag: &'static str) -> Result<PathBuf, ConfigError> {
        self.get(flag)
            .map(PathBuf::from)
            .ok_or_else(|| ConfigError(format!("{flag} is missing: it says which folder to use")))
    }

    /// The flag as a path that means the same in every folder.
    pub fn absolute_path(&self, flag: &str) -> Option<PathBuf> {
        self.get(flag)
            .map(|path| std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path)))
    }

    /// The configuration: the file of `--config`, then the environment, then the flags.
    pub fn config(&self) -> Result<Config, ConfigError> {
        // A variable that is not UTF-8 cannot name a setting of ours, all of which are text.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let mut settings = from_environment(variables)?;
        settings.extend(self.settings.iter().cloned());
        Config::load(self.get("--config").map(std::path::Path::new), &settings)
    }
}
