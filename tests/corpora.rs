//! Every corpus of the fuzz targets, through the functions that the fuzzer calls.
//!
//! A file here is a seed, or what once was too much for the code: it stays, so that it never is again.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;

/// What the fuzzer's thread has, too.
const STACK: usize = 8 << 20;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}

/// The names of what is in a folder below.
fn names(below: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder().join(below)).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("it can be read").file_name());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

#[test]
fn every_target_has_a_program_and_a_corpus_and_there_are_no_others() {
    let targets: BTreeSet<String> = fuzz::TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    let programs: BTreeSet<String> = names("fuzz_targets")
        .into_iter()
        .map(|file| file.trim_end_matches(".rs").to_owned())
        .collect();
    assert_eq!(programs, targets);
    assert_eq!(names("corpus"), targets);
}

#[test]
fn no_target_finds_a_fault_in_its_corpus() {
    for target in fuzz::TARGETS {
        let corpus = format!("corpus/{}", target.name);
        for file in names(&corpus) {
            let data = fs::read(folder().join(&corpus).join(&file)).expect("it can be read");
            let run = thread::Builder::new()
                .stack_size(STACK)
                .spawn(move || (target.run)(&data));
            let end = run.expect("a thread can be started").join();
            assert!(end.is_ok(), "{corpus}/{file}, with the message above");
        }
    }
}
