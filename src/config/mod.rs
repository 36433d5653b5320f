//! One `Config`: made in `bin/` from file < environment < flags, passed down, and never changed while running.
//!
//! `default.toml` is the only home of names, defaults and their meaning. A key that is not in it is refused wherever
//! it comes from, with its name and, for a file, its line.

pub mod arguments;
pub mod invitation;
mod jobs;
pub mod memory;
mod networks;
#[cfg(test)]
mod tests;
mod web;

use crate::limits::{RESPONSE_LEN_MAX, WORKERS_MAX};
pub use jobs::{JobStore, Jobs};
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::{Table, Value};
pub use web::Web;

/// The settings and their defaults, as an operator reads them: what `moothall default-config` prints.
pub const DEFAULTS: &str = include_str!("default.toml");

/// Variables that begin like ours but belong to the scripts around the programs, or to tests of faults.
const FOREIGN_VARIABLES: &[&str] = &[
    "MOOTHALL_CACHE",
    #[cfg(feature = "faults")]
    "MOOTHALL_FAULTS",
];

/// Every setting. The fields are described in `default.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml describes each field")]
pub struct Config {
    pub data: PathBuf,
    pub telnet: Telnet,
    pub web: Web,
    pub network: Network,
    pub daemon: Daemon,
    pub workers: Workers,
    pub jobs: Jobs,
    pub database: Database,
    pub tasks: Tasks,
    pub sessions: Sessions,
    pub processes: Processes,
    pub log: Log,
}

/// Settings of the telnet host.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml describes each field")]
pub struct Telnet {
    pub listen: SocketAddr,
    pub connections_max: u32,
    pub connects_per_address_max: u32,
    pub login_timeout_s: u32,
    pub line_len_max: usize,
    pub lines_per_second_max: u32,
    pub lines_burst_max: u32,
    pub bytes_per_second_max: u32,
    pub output_len_max: usize,
}

/// Where something listens, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub enum Listen {
    /// Nowhere.
    Off,
    /// The address that is bound.
    At(SocketAddr),
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "off" {
            return Ok(Listen::Off);
        }
        text.parse()
            .map(Listen::At)
            .map_err(|_| format!("`{text}` is neither ADDR:PORT nor `off`"))
    }
}

/// Where the daemon serves other machines.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml describes each field")]
pub struct Network {
    pub rpc: Listen,
    pub events: Listen,
    pub enroll: Listen,
    pub workers: Listen,
    pub keys: PathBuf,
}

/// Where a host finds a daemon on another machine.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml describes each field")]
pub struct Daemon {
    pub rpc: String,
    pub events: String,
    pub enroll: String,
    pub workers: String,
    pub identity: PathBuf,
}

/// Settings of the worker processes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml describes each field")]
pub struct Workers {
    pub count: u32,
    pub requests_max: u16,
    pub private_networks: String,
    pub ca_file: PathBuf,
    pub response_len_max: usize,
}

/// When a commit counts as kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Once it is written to the log; synced to disk on a timer.
    Relaxed,
    /// Once it is synced to disk.
    Strict,
}

/// Settings of the store.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml describes each field")]
pub struct Database {
    pub durability: Durability,
    pub memory: memory::Memory,
    pub dump_file: PathBuf,
}

/// Settings of the scheduler.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml describes each field")]
pub struct Tasks {
    pub executors: usize,
    pub attempts_max: u32,
}

/// Settings of the players' connections in the daemon.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml describes each field")]
pub struct Sessions {
    pub linger_s: u32,
}

/// Settings of the supervisor of processes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml describes each field")]
pub struct Processes {
    pub ready_timeout_s: u64,
    pub stop_timeout_s: u64,
    pub watchdog_timeout_s: u64,
    pub restarts_max: u32,
    pub restart_window_s: u64,
    pub retry_after_s: u64,
    pub orphan_timeout_s: u64,
}

/// Settings of the log.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml describes each field")]
pub struct Log {
    pub filter: String,
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A setting that was refused: says where it came from, what is wrong and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    /// An error found by whoever reads a value more closely than its type.
    pub fn new(text: String) -> ConfigError {
        ConfigError(text)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// One value from the environment or a flag, on its way to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// `section.name`, or a bare name.
    pub key: String,
    /// The value as it was typed.
    pub text: String,
    /// What a person calls its source: `--telnet`, `MOOTHALL_TELNET_LISTEN`.
    pub source: String,
}

impl Default for Config {
    fn default() -> Self {
        toml::from_str(DEFAULTS).expect("the defaults are a whole configuration: a test parses them")
    }
}

impl Config {
    /// Lays the file, then the settings in their order, over the defaults.
    pub fn load(file: Option<&Path>, settings: &[Setting]) -> Result<Config, ConfigError> {
        let mut table = default_table();
        let mut given = String::new();
        if let Some(path) = file {
            given = std::fs::read_to_string(path).map_err(|error| {
                ConfigError(format!(
                    "cannot read the configuration {}: {error}",
                    path.display()
                ))
            })?;
            lay_file_over(&mut table, &given, &path.display().to_string())?;
        }
        for setting in settings {
            apply(&mut table, setting)?;
        }
        let mut config: Config = table
            .try_into()
            .map_err(|error: toml::de::Error| ConfigError(error.message().to_owned()))?;
        if config.data.as_os_str().is_empty() {
            config.data = default_data_dir()?;
        }
        config.data = std::path::absolute(&config.data).map_err(|error| {
            ConfigError(format!(
                "the data folder {} has no path: {error}",
                config.data.display()
            ))
        })?;
        config.check().map_err(|(key, problem)| {
            let said_by = settings.iter().rev().find(|setting| setting.key == key);
            let line = line_of(&given, key);
            ConfigError(match (said_by, file, line) {
                (Some(setting), ..) => format!("{}: `{key}` {problem}", setting.source),
                (None, Some(path), Some(line)) => {
                    let path = path.display();
                    format!("the configuration {path}, line {line}: `{key}` {problem}")
                }
                _ => format!("`{key}` {problem}"),
            })
        })?;
        Ok(config)
    }

    /// Relations between values that their types cannot hold.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let positive = [
            ("telnet.connections_max", u64::from(self.telnet.connections_max)),
            ("telnet.login_timeout_s", u64::from(self.telnet.login_timeout_s)),
            ("telnet.line_len_max", self.telnet.line_len_max as u64),
            ("telnet.output_len_max", self.telnet.output_len_max as u64),
            ("web.connections_max", u64::from(self.web.connections_max)),
            ("web.login_timeout_s", u64::from(self.web.login_timeout_s)),
            ("web.silence_max_s", u64::from(self.web.silence_max_s)),
            ("tasks.attempts_max", u64::from(self.tasks.attempts_max)),
            ("workers.requests_max", u64::from(self.workers.requests_max)),
            ("processes.ready_timeout_s", self.processes.ready_timeout_s),
            ("processes.stop_timeout_s", self.processes.stop_timeout_s),
            ("processes.restarts_max", u64::from(self.processes.restarts_max)),
            ("processes.restart_window_s", self.processes.restart_window_s),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err((key, "is 0 and must be at least 1".to_owned()));
        }
        if self.processes.watchdog_timeout_s < 3 {
            let problem = "must be at least 3: signs of life come once a second";
            return Err(("processes.watchdog_timeout_s", problem.to_owned()));
        }
        if self.workers.count as usize > WORKERS_MAX {
            return Err(("workers.count", format!("is more than {WORKERS_MAX}")));
        }
        if self.workers.response_len_max > RESPONSE_LEN_MAX {
            return Err((
                "workers.response_len_max",
                format!("is more than {RESPONSE_LEN_MAX}"),
            ));
        }
        self.check_network()
    }
}

/// Picks the settings out of the environment; a `MOOTHALL_` variable that is no setting is refused.
pub fn from_environment(
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Vec<Setting>, ConfigError> {
    let keys = keys();
    let mut settings = Vec::new();
    for (name, text) in variables.filter(|(name, _)| name.starts_with("MOOTHALL_")) {
        if FOREIGN_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        match keys.iter().find(|key| variable_name(key) == name) {
            Some(key) => settings.push(Setting {
                key: key.clone(),
                text,
                source: name,
            }),
            None => {
                return Err(ConfigError(format!(
                    "the variable {name} names no setting; `moothall default-config` lists them all"
                )));
            }
        }
    }
    Ok(settings)
}

/// The variable of a key: `telnet.listen` is `MOOTHALL_TELNET_LISTEN`.
fn variable_name(key: &str) -> String {
    format!("MOOTHALL_{}", key.replace('.', "_").to_uppercase())
}

/// All keys, `section.name`.
fn keys() -> Vec<String> {
    let mut keys = Vec::new();
    for (name, value) in default_table() {
        match value {
            Value::Table(section) => keys.extend(section.keys().map(|inner| format!("{name}.{inner}"))),
            _ => keys.push(name),
        }
    }
    keys
}

fn default_table() -> Table {
    DEFAULTS
        .parse()
        .expect("the defaults are valid TOML: a test parses them")
}

/// Lays the text of a file over `table`, key by key, so that what is wrong can be said with its line.
fn lay_file_over(table: &mut Table, text: &str, path: &str) -> Result<(), ConfigError> {
    let given: Table = text.parse().map_err(|error: toml::de::Error| {
        ConfigError(format!("the configuration {path} is not TOML: {error}"))
    })?;
    for (name, value) in given {
        let leaves: Vec<(String, Value)> = match value {
            Value::Table(inner) => inner
                .into_iter()
                .map(|(key, value)| (format!("{name}.{key}"), value))
                .collect(),
            value => vec![(name, value)],
        };
        for (key, value) in leaves {
            put(table, &key, value).map_err(|problem| {
                let line = line_of(text, &key)
                    .map(|line| format!(", line {line}"))
                    .unwrap_or_default();
                ConfigError(format!("the configuration {path}{line}: `{key}` {problem}"))
            })?;
        }
    }
    Ok(())
}

/// Puts one typed text where its key belongs, read as the type that the default has.
fn apply(table: &mut Table, setting: &Setting) -> Result<(), ConfigError> {
    let Setting { key, text, source } = setting;
    let refused = |problem: String| ConfigError(format!("{source}: `{text}` {problem}"));
    let value = match place(table, key) {
        Some(Value::Integer(_)) => Value::Integer(
            text.parse()
                .map_err(|_| refused("is not a whole number".to_owned()))?,
        ),
        _ => Value::String(text.clone()),
    };
    put(table, key, value).map_err(refused)
}

/// Sets one key if it exists and the whole is still a configuration; otherwise says what is wrong with the value.
fn put(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    let old = match place(table, key) {
        Some(Value::Table(_)) => return Err(format!("is a section: write its settings under [{key}]")),
        Some(place) => std::mem::replace(place, value),
        None => return Err("is not a setting; `moothall default-config` lists them all".to_owned()),
    };
    table.clone().try_into::<Config>().map(drop).map_err(|error| {
        if let Some(place) = place(table, key) {
            *place = old;
        }
        format!("is refused: {}", error.message())
    })
}

/// Where the value of `section.name` or of a bare name stands.
fn place<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Value> {
    match key.split_once('.') {
        Some((section, name)) => table.get_mut(section)?.as_table_mut()?.get_mut(name),
        None => table.get_mut(key),
    }
}

/// The line, counted from 1, that sets `key` in a TOML text.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let mut section = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = format!("{}.", name.trim());
        } else if let Some((name, _)) = line.split_once('=')
            && format!("{section}{}", name.trim()) == key
        {
            return Some(index + 1);
        }
    }
    None
}

/// The folder of this user's data, by the XDG rules.
fn default_data_dir() -> Result<PathBuf, ConfigError> {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    from("XDG_DATA_HOME")
        .or_else(|| from("HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("moothall"))
        .ok_or_else(|| {
            ConfigError(
                "neither HOME nor XDG_DATA_HOME is set: say where the world lives with --data DIR".into(),
            )
        })
}
