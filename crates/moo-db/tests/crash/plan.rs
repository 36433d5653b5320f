//! What each commit does: all of it follows from who makes it and which one of theirs it is.

/// How many objects the commits write to.
pub const CELLS: usize = 40;
/// The number of the first of them; before it come the class that defines their properties and two rooms.
pub const FIRST_CELL: usize = 3;
/// Objects from here on were created by commits.
pub const FIRST_MADE: usize = FIRST_CELL + CELLS;
/// The longest text that a commit writes: now and then, so that tables are written and logs change.
const TEXT_MAX: usize = 40_000;

/// A splitmix64 generator.
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound` - 1.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// A commit, by who makes it and which one of theirs it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Plan {
    /// The thread.
    pub thread: u64,
    /// Counted over all processes on the folder.
    pub seq: u64,
}

/// What a commit does beside writing to its three cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Nothing.
    None,
    /// Writes a long text to the first cell.
    Text,
    /// Moves the second cell to the other room.
    Move,
    /// Makes an object.
    Make,
    /// Recycles the oldest object that was made.
    Recycle,
    /// Makes the first cell a player, or no longer one.
    Player,
    /// Programs the verb of the first room.
    Program,
}

impl Plan {
    fn random(self) -> Random {
        Random(self.seq << 8 | self.thread)
    }

    /// The three objects whose properties it writes, by number.
    pub fn cells(self) -> [usize; 3] {
        let mut random = self.random();
        let first = random.below(CELLS);
        let second = (first + 1 + random.below(CELLS - 1)) % CELLS;
        let third = (0..CELLS).map(|step| (second + step) % CELLS);
        let third = third.into_iter().find(|cell| *cell != first && *cell != second);
        [first, second, third.expect("there are more than three")].map(|cell| FIRST_CELL + cell)
    }

    /// What it does beside.
    pub fn extra(self) -> Extra {
        match self.random().next() >> 32 & 15 {
            0 => Extra::Text,
            1 | 2 => Extra::Move,
            3 | 4 => Extra::Make,
            5 => Extra::Recycle,
            6 => Extra::Player,
            7 => Extra::Program,
            _ => Extra::None,
        }
    }

    /// Whether it ends the row of its thread's task instead of writing it.
    pub fn ends_task(self) -> bool {
        self.random().next() >> 40 & 3 == 0
    }

    /// The long text that it may write: long enough to be torn, and unlike every other.
    pub fn text(self) -> String {
        let mut random = self.random();
        let len = random.below(TEXT_MAX);
        let mut text = self.word();
        while text.len() < len {
            text += &format!(" {:x}", random.next());
        }
        text
    }

    /// Its name.
    pub fn word(self) -> String {
        format!("{}.{}", self.thread, self.seq)
    }

    /// The program that it may write.
    pub fn program(self) -> String {
        format!("return \"{}\";", self.word())
    }

    /// As the value of a row.
    pub fn to_bytes(self) -> Vec<u8> {
        [self.thread.to_be_bytes(), self.seq.to_be_bytes()].concat()
    }

    /// What such a row says.
    pub fn from_bytes(bytes: &[u8]) -> Option<Plan> {
        let (thread, seq) = bytes.split_first_chunk::<8>()?;
        Some(Plan {
            thread: u64::from_be_bytes(*thread),
            seq: u64::from_be_bytes(seq.try_into().ok()?),
        })
    }
}
