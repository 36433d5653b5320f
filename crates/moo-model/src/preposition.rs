//! The table of prepositions: which phrases a typed command may join its objects with.
//!
//! Invariant: a row's place is its number in textdumps, in `ArgSpec`s and in what `verb_args()` prints; rows are never
//! reordered. Within a row, and between rows, the order is the order in which a command is searched.

/// The phrases of each preposition, in lower case, by its number.
pub const PREPOSITIONS: [&[&str]; 15] = [
    &["with", "using"],
    &["at", "to"],
    &["in front of"],
    &["in", "inside", "into"],
    &["on top of", "on", "onto", "upon"],
    &["out of", "from inside", "from"],
    &["over"],
    &["through"],
    &["under", "underneath", "beneath"],
    &["behind"],
    &["beside"],
    &["for", "about"],
    &["is"],
    &["as"],
    &["off", "off of"],
];

/// The number of the preposition that has this phrase, in any case.
pub fn find(phrase: &str) -> Option<u8> {
    let row = PREPOSITIONS
        .iter()
        .position(|phrases| phrases.iter().any(|known| known.eq_ignore_ascii_case(phrase)))?;
    u8::try_from(row).ok()
}

/// The preposition's phrases with slashes between them, as `verb_args()` prints them.
pub fn name(number: u8) -> Option<String> {
    Some(PREPOSITIONS.get(usize::from(number))?.join("/"))
}

/// The first preposition in a command's words: its number and the places of its words, `from..to`.
///
/// Places are tried from the left; at each place the table in order.
pub fn search<S: AsRef<str>>(words: &[S]) -> Option<(u8, usize, usize)> {
    (0..words.len()).find_map(|from| {
        let rest = &words[from..];
        (0u8..).zip(PREPOSITIONS).find_map(|(number, phrases)| {
            let len = phrases.iter().find_map(|phrase| phrase_len(phrase, rest))?;
            Some((number, from, from + len))
        })
    })
}

/// How many words the phrase takes, if the words start with it.
fn phrase_len<S: AsRef<str>>(phrase: &str, words: &[S]) -> Option<usize> {
    let mut len = 0;
    for part in phrase.split(' ') {
        if !words.get(len)?.as_ref().eq_ignore_ascii_case(part) {
            return None;
        }
        len += 1;
    }
    Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leftmost_place_and_then_the_first_row_wins() {
        let search = |text: &str| search(&text.split(' ').collect::<Vec<_>>());
        assert_eq!(search("a on top of b"), Some((4, 1, 4)));
        assert_eq!(search("a off of b"), Some((14, 1, 2)));
        assert_eq!(search("foo for about bar"), Some((11, 1, 2)));
        assert_eq!(search("a IN FRONT of b"), Some((2, 1, 4)));
        assert_eq!(search("a in fact"), Some((3, 1, 2)));
        assert_eq!(search("nothing here"), None);
        assert_eq!(search("from inside"), Some((5, 0, 2)));
    }

    #[test]
    fn numbers_and_names_agree() {
        assert_eq!(find("Inside"), Some(3));
        assert_eq!(name(4).as_deref(), Some("on top of/on/onto/upon"));
        assert_eq!((find("near"), name(15)), (None, None));
    }
}
