//! Patterns as the manual describes them, and hostile ones.

use super::run::TooComplex;
use super::*;

type Span = Option<(usize, usize)>;

#[track_caller]
fn search(subject: &str, pattern: &str, direction: Direction) -> Option<[Span; GROUPS + 1]> {
    Pattern::new(pattern, false)
        .expect("the pattern is well-formed")
        .find(subject, direction)
        .expect("the search is small")
        .groups
}

#[track_caller]
fn check(subject: &str, pattern: &str, expected: Span) {
    assert_eq!(
        search(subject, pattern, Direction::First).and_then(|groups| groups[0]),
        expected,
        "{pattern}"
    );
}

#[test]
fn the_first_match_is_found_greedily() {
    check("foobar", "o+", Some((1, 3)));
    check("foobar", "o*", Some((0, 0)));
    check("foobar", "O", Some((1, 2)));
    check("foobar", "x", None);
    check("aaa", "a+?", Some((0, 3)));
    check("", "", Some((0, 0)));
    check("a.b", "%.", Some((1, 2)));
    check("färbt", "rb", Some((2, 4)));
    check("abc", "^b%|c$", Some((2, 3)));
    check("xay", "%(^a%|a%)y", Some((1, 3)));
}

#[test]
fn sets_have_ranges_and_literal_edges() {
    check("x-y", "[a-]+", Some((1, 2)));
    check("a]b", "[]]", Some((1, 2)));
    check("abc1", "[^a-c]", Some((3, 4)));
    check("ABC", "[b-c]+", Some((1, 3)));
    check("a%b", "[%]", Some((1, 2)));
    check("q", "[^Q]", None);
}

#[test]
fn words_have_edges() {
    check("foo bar", "%<b", Some((4, 5)));
    check("foo bar", "o%>", Some((2, 3)));
    check("foo bar", "%bbar%b", Some((4, 7)));
    check("foo bar", "a%B", Some((5, 6)));
    check("a_1 b", "%w+", Some((0, 3)));
    check("ab c", "%W", Some((2, 3)));
}

#[test]
fn groups_are_remembered_and_referred_to() {
    let groups = search("foobar", "%(o+%)b%(x?%)", Direction::First).expect("it matches");
    assert_eq!(&groups[..4], &[Some((1, 4)), Some((1, 3)), Some((4, 4)), None]);
    check("abcabc", "%(abc%)%1", Some((0, 6)));
    check("abab", "%(a%|b%)%1", None);
    check("xyxy", "%(%(x%)y%)%1", Some((0, 4)));
    let groups = search("aab", "%(a%|b%)*", Direction::First).expect("it matches");
    assert_eq!(groups[1], Some((2, 3)));
}

#[test]
fn the_last_match_starts_furthest_right() {
    let last = |subject, pattern| search(subject, pattern, Direction::Last).and_then(|groups| groups[0]);
    assert_eq!(last("foobar", "o*b"), Some((3, 4)));
    assert_eq!(last("aaa", "a*"), Some((3, 3)));
    assert_eq!(last("foobar", "o"), Some((2, 3)));
    assert_eq!(last("foobar", "^f"), Some((0, 1)));
}

#[test]
fn malformed_patterns_are_refused() {
    for pattern in [
        "a^b",
        "a$b",
        "*",
        "+a",
        "%(",
        "%)",
        "a%",
        "[a",
        "[]",
        "%1",
        "%(a%1%)",
        "%|*",
        "%(?a%)",
        "%(%)%(%)%(%)%(%)%(%)%(%)%(%)%(%)%(%)%(%)",
    ] {
        assert!(Pattern::new(pattern, true).is_err(), "{pattern}");
    }
}

#[test]
fn loops_over_nothing_end() {
    check("aab", "%(a*%)*b", Some((0, 3)));
    check("aab", "%(a*%)+$", Some((3, 3)));
    check("b", "%(%b*%)*b", Some((0, 1)));
}

#[test]
fn hostile_patterns_are_given_up() {
    let subject = "a".repeat(40);
    let pattern = Pattern::new("%(a*%)*%(a*%)*%(a*%)*b", true).expect("it is well-formed");
    assert_eq!(pattern.find(&subject, Direction::First), Err(TooComplex));
    let deep = "%(a".repeat(3);
    assert!(Pattern::new(&deep, true).is_err());
    let many = "a?".repeat(200) + &"a".repeat(200);
    let pattern = Pattern::new(&many, true).expect("it is well-formed");
    assert!(pattern.find(&"a".repeat(200), Direction::First).is_err());
    let nested = "a".to_string() + &"*".repeat(5000);
    assert!(Pattern::new(&nested, true).is_ok());
}
