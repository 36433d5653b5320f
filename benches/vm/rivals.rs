//! The same loops in other languages: each is a program that runs one loop and prints the CPU seconds it took.

use std::io::Write;
use std::process::{Command, Stdio};

/// A language that has these loops.
pub struct Rival {
    /// Its interpreter.
    pub program: &'static str,
    /// The loops.
    source: &'static str,
    /// What starts the line of a loop's name in the source.
    entry: &'static str,
}

/// Lua, by which the targets are read.
pub const LUA: Rival = Rival {
    program: "lua5.4",
    source: include_str!("../lua/loops.lua"),
    entry: "loops[\"",
};

/// Python.
pub const PYTHON: Rival = Rival {
    program: "python3",
    source: include_str!("../python/loops.py"),
    entry: "@loop(\"",
};

impl Rival {
    /// Whether it has a loop of this name.
    pub fn has(&self, name: &str) -> bool {
        self.source.contains(&format!("{}{name}\"", self.entry))
    }

    /// The CPU time that the loop took, in seconds.
    pub fn run(&self, name: &str, n: i64) -> Result<f64, String> {
        let program = self.program;
        let mut child = Command::new(program)
            .args(["-", name, &n.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run {program}: {error}"))?;
        let mut stdin = child.stdin.take().expect("it was asked for");
        let written = stdin.write_all(self.source.as_bytes());
        drop(stdin);
        let output = child
            .wait_with_output()
            .map_err(|error| format!("{program}: {error}"))?;
        written.map_err(|error| format!("{program} does not read its program: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let text = text.trim();
        text.parse()
            .map_err(|_| format!("{program} printed `{text}` where seconds were expected"))
    }
}
