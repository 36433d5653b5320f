//! `$server_options`: the limits and switches that the world sets for its server.
//!
//! Invariant: a missing or wrongly typed option means its default. The cached part is read by
//! [`ServerOptions::load`] only, at start and when `load_server_options()` is called.

use std::collections::HashSet;
use std::sync::LazyLock;

use moo_model::world::Transaction;
use moo_model::{Obj, Symbol, Value};

/// The default of `max_string_concat`, in bytes.
pub const MAX_STRING_CONCAT: usize = 33_554_423;
/// The least value that `max_string_concat` may be set to.
pub const MIN_STRING_CONCAT: usize = 1_015;
/// The default of `max_list_concat`, in elements.
pub const MAX_LIST_CONCAT: usize = 4_194_302;
/// The least value that `max_list_concat` may be set to.
pub const MIN_LIST_CONCAT: usize = 1_022;
/// The default of `max_map_value_bytes`.
pub const MAX_MAP_BYTES: usize = 64_537_861;
/// The least value that `max_map_value_bytes` may be set to.
pub const MIN_MAP_BYTES: usize = 1_021;
/// What an entry of a map counts as, in bytes, whatever its value.
pub const MAP_ENTRY_BYTES: usize = 64;
/// The least, and the usual, depth of calls.
pub const STACK_DEPTH: usize = 50;
/// The greatest depth of calls that `max_stack_depth` may ask for.
pub const STACK_DEPTH_MAX: usize = 10_000;

/// The cached options.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Built-in functions, by name, whose calls go to `#0:bf_name`.
    pub protected_functions: HashSet<&'static str>,
    /// Built-in properties, by name, that only wizards may read or set.
    pub protected_properties: HashSet<&'static str>,
    /// The longest string an operation may make, in bytes.
    pub max_string_concat: usize,
    /// The longest list an operation may make, in elements.
    pub max_list_concat: usize,
    /// The largest map an operation may make, in entries: `max_map_value_bytes`, at [`MAP_ENTRY_BYTES`] to each.
    pub max_map_entries: usize,
    /// Whether going past these raises `E_QUOTA` rather than ending the task.
    pub max_concat_catchable: bool,
    /// Whether `"1"` may stand for a verb's number.
    pub numeric_verb_names: bool,
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        ServerOptions {
            protected_functions: HashSet::new(),
            protected_properties: HashSet::new(),
            max_string_concat: MAX_STRING_CONCAT,
            max_list_concat: MAX_LIST_CONCAT,
            max_map_entries: MAX_MAP_BYTES / MAP_ENTRY_BYTES,
            max_concat_catchable: false,
            numeric_verb_names: false,
        }
    }
}

/// The built-in properties that may be protected.
pub const BUILTIN_PROPERTIES: [&str; 9] = [
    "name",
    "owner",
    "programmer",
    "wizard",
    "r",
    "w",
    "f",
    "location",
    "contents",
];

impl ServerOptions {
    /// Reads the cached options from the world. `functions` are the names of all built-in functions.
    pub fn load(tx: &mut Transaction, functions: impl Iterator<Item = &'static str>) -> ServerOptions {
        let mut is_protected =
            |name: &str| option(tx, &format!("protect_{name}")).is_some_and(|v| v.is_true());
        let protected_functions = functions.filter(|name| is_protected(name)).collect();
        let protected_properties = BUILTIN_PROPERTIES
            .into_iter()
            .filter(|name| is_protected(name))
            .collect();
        let size = |tx: &mut Transaction, name: &str, least: usize, default: usize| match int_option(tx, name)
        {
            Some(n) => usize::try_from(n).unwrap_or(0).clamp(least, default),
            None => default,
        };
        ServerOptions {
            protected_functions,
            protected_properties,
            max_string_concat: size(tx, "max_string_concat", MIN_STRING_CONCAT, MAX_STRING_CONCAT),
            max_list_concat: size(tx, "max_list_concat", MIN_LIST_CONCAT, MAX_LIST_CONCAT),
            max_map_entries: size(tx, "max_map_value_bytes", MIN_MAP_BYTES, MAX_MAP_BYTES) / MAP_ENTRY_BYTES,
            max_concat_catchable: option(tx, "max_concat_catchable").is_some_and(|v| v.is_true()),
            numeric_verb_names: option(tx, "support_numeric_verbname_strings").is_some_and(|v| v.is_true()),
        }
    }
}

/// An option's value, from the object that `#0.server_options` names.
pub fn option(tx: &mut Transaction, name: &str) -> Option<Value> {
    option_of(tx, Obj::SYSTEM, name)
}

/// An option's value, from the object that `holder.server_options` names.
pub fn option_of(tx: &mut Transaction, holder: Obj, name: &str) -> Option<Value> {
    let options = options_of(tx, holder)?;
    value_in(tx, options, name)
}

/// The object that `holder.server_options` names.
fn options_of(tx: &mut Transaction, holder: Obj) -> Option<Obj> {
    static SERVER_OPTIONS: LazyLock<Symbol> = LazyLock::new(|| Symbol::new("server_options"));
    let link = tx.find_property(holder, *SERVER_OPTIONS).ok()?;
    tx.property_value(&link).as_obj()
}

fn value_in(tx: &mut Transaction, options: Obj, name: &str) -> Option<Value> {
    let property = tx.find_property(options, Symbol::find(name)?).ok()?;
    Some(tx.property_value(&property))
}

/// An integer option.
pub fn int_option(tx: &mut Transaction, name: &str) -> Option<i64> {
    option(tx, name)?.as_int()
}

/// How many background tasks a programmer may have: the property of this name on the programmer, else the option; `None`
/// is no limit.
pub fn queued_task_limit(tx: &mut Transaction, progr: Obj) -> Option<i64> {
    let own = tx.find_property(progr, Symbol::new("queued_task_limit")).ok();
    let own = own.and_then(|property| tx.property_value(&property).as_int());
    own.or_else(|| int_option(tx, "queued_task_limit"))
        .filter(|&limit| limit >= 0)
}

/// How deep calls may go: `max_stack_depth` where that is more than usual.
pub fn stack_depth(tx: &mut Transaction) -> usize {
    depth_of(int_option(tx, "max_stack_depth"))
}

fn depth_of(asked: Option<i64>) -> usize {
    let asked = asked.and_then(|n| usize::try_from(n).ok()).unwrap_or(STACK_DEPTH);
    asked.clamp(STACK_DEPTH, STACK_DEPTH_MAX)
}

/// What a task may use before it is ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SliceLimits {
    /// Ticks.
    pub ticks: i64,
    /// CPU seconds.
    pub seconds: f64,
    /// Depth of calls.
    pub depth: usize,
}

/// The limits of a foreground or background slice, as `$server_options` and the dialect say.
pub fn slice_limits(tx: &mut Transaction, foreground: bool) -> SliceLimits {
    use moo_model::world::Dialect;
    let lambda = tx.settings().dialect == Dialect::Lambda;
    let (ticks, seconds) = match (foreground, lambda) {
        (true, true) => (30_000, 5),
        (true, false) => (60_000, 5),
        (false, true) => (15_000, 3),
        (false, false) => (30_000, 3),
    };
    let (ticks_name, seconds_name) = match foreground {
        true => ("fg_ticks", "fg_seconds"),
        false => ("bg_ticks", "bg_seconds"),
    };
    let options = options_of(tx, Obj::SYSTEM);
    let mut asked = |name| value_in(tx, options?, name)?.as_int();
    SliceLimits {
        ticks: asked(ticks_name).filter(|&n| n >= 100).unwrap_or(ticks),
        seconds: asked(seconds_name).filter(|&n| n >= 1).unwrap_or(seconds) as f64,
        depth: depth_of(asked("max_stack_depth")),
    }
}
