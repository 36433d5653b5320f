//! The table of faults in docs/testing.md: every test that is called like a row stands in that row, and every test that
//! a row names exists.

use super::Finding;
use super::source::Source;
use std::collections::BTreeMap;

/// Where the table is.
pub const TABLE: &str = "docs/testing.md";

/// Compares the rows of the table with the tests that there are.
pub fn check(table: &str, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    for (line, text) in (1..).zip(table.lines()) {
        let Some(row) = text.strip_prefix("| F").and_then(|text| text.split(' ').next()) else {
            continue;
        };
        // Between two backticks is every second part.
        for test in text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| is_row_test(word))
        {
            if test.split('_').next() != Some(&format!("f{row}")) {
                findings.push(Finding::new(
                    TABLE,
                    line,
                    format!("`{test}` is of another row than F{row}"),
                ));
            }
            named.insert(test, line);
        }
    }
    let mut tests: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for source in sources {
        let pairs = source.tokens.windows(2).filter(|pair| pair[0].text == "fn");
        let of_rows = pairs.filter(|pair| is_row_test(&pair[1].text));
        tests.extend(of_rows.map(|pair| (pair[1].text.as_str(), (source.path.as_str(), pair[1].line))));
    }
    let missing = named.iter().filter(|(test, _)| !tests.contains_key(*test));
    findings
        .extend(missing.map(|(test, line)| Finding::new(TABLE, *line, format!("there is no test `{test}`"))));
    let unnamed = tests.iter().filter(|(test, _)| !named.contains_key(*test));
    findings.extend(unnamed.map(|(test, (path, line))| {
        Finding::new(
            path,
            *line,
            format!("`{test}` is not in the table of faults in {TABLE}"),
        )
    }));
    findings
}

/// Whether a name is `f`, the number of a row, and what holds.
fn is_row_test(name: &str) -> bool {
    let number = name.strip_prefix('f').and_then(|rest| rest.split_once('_'));
    number.is_some_and(|(number, _)| number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit()))
}
