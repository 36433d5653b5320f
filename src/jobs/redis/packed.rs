//! A job as it lies on Redis: its facts, packed as the scripts pack and unpack them (MessagePack), and behind them what to do.
//!
//! Invariant: the facts stand in the order that `library.lua` gives them; what cannot be read is told, never guessed.

/// What is known of a job besides what to do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Facts {
    /// The name of its queue.
    pub queue: String,
    /// The most of its tries.
    pub tries_max: u8,
    /// Its order key; empty if it has none.
    pub order_key: String,
    /// What it takes up.
    pub size: u64,
    /// The world that it is from.
    pub world: String,
    /// The number of its owner there; empty if it has none.
    pub owner: String,
    /// When it is due, and how long it is kept, in milliseconds.
    pub due: u64,
    pub ttl: u64,
    /// Its number in the call that puts it.
    pub number: u64,
    /// The tries that have ended.
    pub tries: u8,
}

/// How many facts there are.
const FACTS: usize = 16;

fn put_number(bytes: &mut Vec<u8>, number: u64) {
    match u8::try_from(number) {
        Ok(small) if small < 0x80 => bytes.push(small),
        _ => {
            bytes.push(0xCF);
            bytes.extend(number.to_be_bytes());
        }
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(0xDB);
    let length = u32::try_from(text.len()).expect("names and keys are short");
    bytes.extend(length.to_be_bytes());
    bytes.extend(text.as_bytes());
}

impl Facts {
    /// A job that is put, and what to do.
    pub fn pack(&self, spec: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128 + spec.len());
        bytes.extend([0xDC, 0, FACTS as u8]);
        put_text(&mut bytes, &self.queue);
        put_number(&mut bytes, self.tries_max.into());
        put_text(&mut bytes, &self.order_key);
        put_number(&mut bytes, self.size);
        put_text(&mut bytes, &self.world);
        put_text(&mut bytes, &self.owner);
        for number in [self.due, self.ttl, self.number] {
            put_number(&mut bytes, number);
        }
        // It will be in its stream, under an entry that follows from its turn and number; nothing went wrong yet, and all
        // other times follow from these.
        put_text(&mut bytes, "placed");
        put_text(&mut bytes, "");
        put_number(&mut bytes, self.tries.into());
        put_text(&mut bytes, "");
        bytes.extend([0, 0, 0]);
        bytes.extend(spec);
        bytes
    }

    /// A job that is there, and what to do.
    pub fn unpack(bytes: &[u8]) -> Option<(Facts, &[u8])> {
        let mut rest = bytes.strip_prefix(&[0xDC, 0, FACTS as u8])?;
        let mut parts = Vec::with_capacity(FACTS);
        for _ in 0..FACTS {
            let (part, after) = part(rest)?;
            parts.push(part);
            rest = after;
        }
        let number = |at: usize| parts[at].number();
        let text = |at: usize| parts[at].text();
        let facts = Facts {
            queue: text(0)?,
            tries_max: u8::try_from(number(1)?).ok()?,
            order_key: text(2)?,
            size: number(3)?,
            world: text(4)?,
            owner: text(5)?,
            due: number(6)?,
            ttl: number(7)?,
            number: number(8)?,
            tries: u8::try_from(number(11)?).ok()?,
        };
        Some((facts, rest))
    }
}

enum Part<'a> {
    Number(u64),
    Text(&'a [u8]),
}

impl Part<'_> {
    fn number(&self) -> Option<u64> {
        match self {
            Part::Number(number) => Some(*number),
            Part::Text(_) => None,
        }
    }

    fn text(&self) -> Option<String> {
        match self {
            Part::Number(_) => None,
            Part::Text(text) => String::from_utf8(text.to_vec()).ok(),
        }
    }
}

/// The next part, and what follows it.
fn part(bytes: &[u8]) -> Option<(Part<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let width = match tag {
        0..=0x7F => return Some((Part::Number(tag.into()), rest)),
        0xA0..=0xBF => return text(rest, usize::from(tag & 0x1F)),
        0xCC | 0xD9 => 1,
        0xCD | 0xDA => 2,
        0xCE | 0xDB => 4,
        0xCF => 8,
        _ => return None,
    };
    let (word, rest) = rest.split_at_checked(width)?;
    let number = word.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    match tag {
        0xD9..=0xDB => text(rest, usize::try_from(number).ok()?),
        _ => Some((Part::Number(number), rest)),
    }
}

fn text(bytes: &[u8], length: usize) -> Option<(Part<'_>, &[u8])> {
    let (text, rest) = bytes.split_at_checked(length)?;
    Some((Part::Text(text), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_as_it_was_packed_and_no_part_of_one_is() {
        let facts = Facts {
            queue: "w:here:user:7".into(),
            tries_max: 255,
            order_key: "é".repeat(100),
            size: 1 << 40,
            world: "here".into(),
            owner: "-7".into(),
            due: u64::MAX,
            ttl: 86_400_000,
            number: 200,
            tries: 3,
        };
        let bytes = facts.pack(b"what to do");
        assert_eq!(Facts::unpack(&bytes), Some((facts, &b"what to do"[..])));
        for cut in 0..bytes.len() - b"what to do".len() {
            assert_eq!(Facts::unpack(&bytes[..cut]), None);
        }
    }

    #[test]
    fn what_a_script_has_packed_anew_is_read_as_well() {
        // Scripts write texts and numbers as short as they can.
        let mut bytes = vec![0xDC, 0, 16, 0xA3];
        bytes.extend(b"any\xCC\xC8\xD9\x21");
        bytes.extend([b'k'; 0x21]);
        bytes.extend(b"\xCD\x01\x4A\xA1w\xA0\xCE\x05\x26\x5C\x00\xCF\x00\x00\x00\x01\x00\x00\x00\x00\x07");
        bytes.extend(b"\xA6placed\xA3\x31-\x32\x02\xDA\x00\x02no\x00\x00\x00spec");
        let (facts, spec) = Facts::unpack(&bytes).expect("it is whole");
        assert_eq!(
            (facts.queue.as_str(), facts.tries_max, facts.size),
            ("any", 200, 330)
        );
        assert_eq!((facts.due, facts.ttl, facts.number), (86_400_000, 1 << 32, 7));
        assert_eq!(
            (facts.order_key.len(), facts.tries, spec),
            (0x21, 2, &b"spec"[..])
        );
    }
}
