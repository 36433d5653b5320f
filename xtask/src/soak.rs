//! The soak at full size: real programs under random faults, and the tally of what was lost and doubled.

use crate::cargo_command;
use std::path::Path;

/// The flags, the variables that carry them to the test, and what counts without them.
const FLAGS: [(&str, &str, &str); 4] = [
    ("--events", "MOOTHALL_SOAK_EVENTS", "1000000"),
    ("--clients", "MOOTHALL_SOAK_CLIENTS", "200"),
    ("--faults", "MOOTHALL_SOAK_FAULTS", "200"),
    ("--seed", "MOOTHALL_SOAK_SEED", "2026"),
];

/// Runs the soak with what the words say.
pub fn run(root: &Path, words: &[&str]) -> Result<(), String> {
    let test = [
        "test",
        "--locked",
        "-p",
        "moothall",
        "--test",
        "it",
        "soak::under_random_faults",
        "--",
        "--nocapture",
    ];
    let status = cargo_command()
        .args(test)
        .envs(sizes(words)?)
        .current_dir(root)
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err("the soak has failed: its tally and its seed are above".to_owned()),
    }
}

fn sizes(words: &[&str]) -> Result<Vec<(&'static str, String)>, String> {
    let mut sizes: Vec<_> = FLAGS
        .iter()
        .map(|(_, variable, size)| (*variable, (*size).to_owned()))
        .collect();
    for pair in words.chunks(2) {
        let known = FLAGS.iter().position(|(flag, ..)| *flag == pair[0]);
        let at = known.ok_or_else(|| {
            format!(
                "`{}` is not understood; the flags are --events --clients --faults --seed",
                pair[0]
            )
        })?;
        let number = pair.get(1).filter(|word| word.parse::<u64>().is_ok());
        let number = number.ok_or_else(|| format!("{} needs a number after it", pair[0]))?;
        sizes[at].1 = (*number).to_owned();
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_command_line_over_those_of_a_full_run() {
        let sizes = sizes(&["--seed", "7", "--clients", "3"]).expect("they are good");
        let value = |name: &str| {
            sizes
                .iter()
                .find(|(variable, _)| *variable == name)
                .map(|(_, size)| size.as_str())
        };
        assert_eq!(value("MOOTHALL_SOAK_SEED"), Some("7"));
        assert_eq!(value("MOOTHALL_SOAK_CLIENTS"), Some("3"));
        assert_eq!(value("MOOTHALL_SOAK_EVENTS"), Some("1000000"));
        assert!(super::sizes(&["--sed", "7"]).is_err());
        assert!(super::sizes(&["--seed"]).is_err());
        assert!(super::sizes(&["--seed", "x"]).is_err());
    }
}
