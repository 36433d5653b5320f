//! Verb names: which words a verb's name string answers to.

use crate::text::fold;

/// Whether a word matches one of the space-separated alternatives.
///
/// Without `*` an alternative must equal the word; `foo*bar` answers to every prefix of `foobar` from `foo` on;
/// `foo*` to every word that starts with `foo`; `*` to everything. Case does not matter.
pub fn matches(names: &str, word: &str) -> bool {
    if names.is_ascii() && word.is_ascii() {
        return any_matches(names, word);
    }
    any_matches(&fold(names), &fold(word))
}

fn any_matches(names: &str, word: &str) -> bool {
    names
        .split(' ')
        .any(|name| !name.is_empty() && matches_one(name.as_bytes(), word.as_bytes()))
}

fn matches_one(name: &[u8], word: &[u8]) -> bool {
    let Some(star) = name.iter().position(|&b| b == b'*') else {
        return name.eq_ignore_ascii_case(word);
    };
    let (stem, rest) = (&name[..star], &name[star + 1..]);
    if word.len() < stem.len() || !word[..stem.len()].eq_ignore_ascii_case(stem) {
        return false;
    }
    let tail = &word[stem.len()..];
    rest.is_empty() || tail.len() <= rest.len() && rest[..tail.len()].eq_ignore_ascii_case(tail)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_marks_the_shortest_form() {
        for (word, expected) in [
            ("foo", true),
            ("foob", true),
            ("FOOBAR", true),
            ("foobarx", false),
            ("fo", false),
        ] {
            assert_eq!(matches("foo*bar", word), expected, "{word}");
        }
        assert!(matches("b*", "bzzz") && matches("*", "anything") && matches("get t*ake", "ta"));
        assert!(
            !matches("foo*bar", "foo*bar"),
            "a star in the word is an ordinary character"
        );
        assert!(!matches("", ""));
        assert!(matches("élé*phant", "ÉLÉPH") && !matches("élé*phant", "ÉL"));
    }
}
