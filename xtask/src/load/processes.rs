//! What the kernel tells about a process: its processor time, memory and open files.

use std::fs;
use std::path::PathBuf;

/// One process.
pub struct Process {
    /// Its id.
    pub id: u32,
    /// What it is called, 15 bytes of it at most.
    pub name: String,
}

/// Memory of a process, in bytes.
pub struct Memory {
    /// All that is resident.
    pub resident: u64,
    /// The same, with what is shared counted in parts.
    pub proportional: u64,
}

impl Process {
    /// This process.
    pub fn this() -> Process {
        Process {
            id: std::process::id(),
            name: "load".to_owned(),
        }
    }

    /// A process and its children.
    pub fn family(parent: u32) -> Result<Vec<Process>, String> {
        let entries = fs::read_dir("/proc").map_err(|error| format!("cannot list processes: {error}"))?;
        let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let mut family: Vec<Process> = ids
            .filter_map(|id| {
                let fields = fields(id)?;
                let is_ours = id == parent || fields.get(1)?.parse() == Ok(parent);
                is_ours.then(|| name(id).map(|name| Process { id, name }))?
            })
            .collect();
        family.sort_by_key(|process| process.id);
        Ok(family)
    }

    /// Processor time so far, in seconds; 0 once it has ended.
    pub fn cpu_seconds(&self) -> f64 {
        let fields = fields(self.id).unwrap_or_default();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse().ok()).unwrap_or(0.0);
        let in_user_and_kernel: f64 = ticks(11) + ticks(12);
        in_user_and_kernel / rustix::param::clock_ticks_per_second() as f64
    }

    /// Its memory now.
    pub fn memory(&self) -> Result<Memory, String> {
        let text = self.read("smaps_rollup")?;
        let bytes = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            let number = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
            number
                .map(|kib| kib * 1024)
                .ok_or_else(|| format!("smaps_rollup of {} has no {key}", self.name))
        };
        Ok(Memory {
            resident: bytes("Rss:")?,
            proportional: bytes("Pss:")?,
        })
    }

    /// How many files it has open.
    pub fn open_files(&self) -> Result<usize, String> {
        let entries = fs::read_dir(self.path("fd"));
        entries
            .map(Iterator::count)
            .map_err(|error| format!("cannot count the files of {}: {error}", self.name))
    }

    fn read(&self, what: &str) -> Result<String, String> {
        fs::read_to_string(self.path(what))
            .map_err(|error| format!("cannot read {what} of {}: {error}", self.name))
    }

    fn path(&self, what: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{what}", self.id))
    }
}

fn name(id: u32) -> Option<String> {
    Some(
        fs::read_to_string(format!("/proc/{id}/comm"))
            .ok()?
            .trim()
            .to_owned(),
    )
}

/// The fields of `stat` after the name, which is in brackets and may hold anything: the state is the first.
fn fields(id: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}
