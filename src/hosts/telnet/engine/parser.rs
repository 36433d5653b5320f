//! RFC 854/855 as a byte-driven parser: text on one side, telnet commands on the other.
//!
//! Invariant: what comes out does not depend on how the bytes were cut into pieces, except that a run of text may
//! be cut where a piece ends; and no byte of a telnet command ever comes out as text.

/// Starts every telnet command; doubled it is the byte 255 itself.
pub const IAC: u8 = 255;
/// "Stop", about the other side's option.
pub const DONT: u8 = 254;
/// "Start, please" or "yes, do", about the other side's option.
pub const DO: u8 = 253;
/// "I stop" or "no, I will not".
pub const WONT: u8 = 252;
/// "I would like to" or "yes, I will".
pub const WILL: u8 = 251;
/// Begins a subnegotiation.
pub const SB: u8 = 250;
/// Go ahead: a prompt ends here.
pub const GA: u8 = 249;
/// Erase line.
pub const EL: u8 = 248;
/// Erase character.
pub const EC: u8 = 247;
/// Are you there?
pub const AYT: u8 = 246;
/// Ends a subnegotiation.
pub const SE: u8 = 240;
/// End of record (RFC 885): a prompt ends here.
pub const EOR_MARK: u8 = 239;

/// The longest subnegotiation body that is kept, in bytes; a longer one is read to its end and thrown away.
pub const SUBNEGOTIATION_MAX: usize = 16 * 1024;

/// One thing the parser found.
#[derive(Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// Bytes that are not telnet's, never empty.
    Text(&'a [u8]),
    /// WILL, WONT, DO or DONT with its option.
    Negotiate {
        /// One of [`WILL`], [`WONT`], [`DO`], [`DONT`].
        verb: u8,
        /// The option's number.
        option: u8,
    },
    /// A finished subnegotiation, its doubled IACs made single.
    Subnegotiation {
        /// The option's number.
        option: u8,
        /// What stood between the option and IAC SE.
        body: &'a [u8],
    },
    /// A command of two bytes: AYT, EC, NOP and the like.
    Command(u8),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// The last text byte was a CR, so a NUL would belong to it.
    TextAfterCr,
    Iac,
    Verb(u8),
    SubOption,
    Sub(u8),
    SubIac(u8),
}

/// The parser's memory between two pieces of input.
#[derive(Debug, Default)]
pub struct Parser {
    state: State,
    /// The body of the subnegotiation being read; holds no memory outside of one.
    body: Vec<u8>,
    body_too_long: bool,
    /// BINARY is agreed for what the client sends: a NUL after a CR is data.
    pub cr_is_plain: bool,
}

impl Parser {
    /// Reads `input` to its end and hands each token to `take`.
    pub fn feed(&mut self, input: &[u8], mut take: impl FnMut(&mut Self, Token<'_>)) {
        let mut rest = input;
        while let Some(&first) = rest.first() {
            if matches!(self.state, State::Text | State::TextAfterCr) && first != IAC {
                rest = self.text(rest, &mut take);
            } else {
                self.step(first, &mut take);
                rest = &rest[1..];
            }
        }
    }

    /// Forgets a half-read command; what comes next is text.
    pub fn reset(&mut self) {
        self.state = State::Text;
        self.body = Vec::new();
        self.body_too_long = false;
    }

    /// Takes the run of text that `input` starts with (its first byte is not IAC) and gives back what follows it.
    fn text<'a>(&mut self, input: &'a [u8], take: &mut impl FnMut(&mut Self, Token<'_>)) -> &'a [u8] {
        let after_cr = self.state == State::TextAfterCr;
        self.state = State::Text;
        if after_cr && input[0] == 0 && !self.cr_is_plain {
            return &input[1..];
        }
        let end = input.iter().position(|&b| b == IAC).unwrap_or(input.len());
        // A run ends before the NUL of a CR NUL, which the next call swallows.
        let end = match input[..end].windows(2).position(|pair| pair == b"\r\0") {
            Some(at) if !self.cr_is_plain => at + 1,
            _ => end,
        };
        if input[end - 1] == b'\r' {
            self.state = State::TextAfterCr;
        }
        take(self, Token::Text(&input[..end]));
        &input[end..]
    }

    /// One byte of, or at the start of, a telnet command.
    fn step(&mut self, byte: u8, take: &mut impl FnMut(&mut Self, Token<'_>)) {
        match self.state {
            State::Text | State::TextAfterCr => self.state = State::Iac,
            State::Iac => self.command(byte, take),
            State::Verb(verb) => {
                self.state = State::Text;
                take(self, Token::Negotiate { verb, option: byte });
            }
            State::SubOption => self.state = State::Sub(byte),
            State::Sub(option) if byte == IAC => self.state = State::SubIac(option),
            State::Sub(_) => self.keep(byte),
            State::SubIac(option) if byte == IAC => {
                self.state = State::Sub(option);
                self.keep(byte);
            }
            State::SubIac(option) => {
                let body = std::mem::take(&mut self.body);
                let whole = byte == SE && !std::mem::take(&mut self.body_too_long);
                self.state = State::Text;
                if whole {
                    take(self, Token::Subnegotiation { option, body: &body });
                } else if byte != SE {
                    // The subnegotiation was never finished: drop it and obey the command that cut it short.
                    self.body_too_long = false;
                    self.command(byte, take);
                }
            }
        }
    }

    /// The byte after an IAC, outside a subnegotiation.
    fn command(&mut self, byte: u8, take: &mut impl FnMut(&mut Self, Token<'_>)) {
        self.state = match byte {
            WILL | WONT | DO | DONT => State::Verb(byte),
            SB => State::SubOption,
            _ => State::Text,
        };
        match byte {
            IAC => take(self, Token::Text(&[IAC])),
            WILL | WONT | DO | DONT | SB => {}
            _ => take(self, Token::Command(byte)),
        }
    }

    /// Adds a byte to the subnegotiation being read, unless that has already grown past its bound.
    fn keep(&mut self, byte: u8) {
        if self.body.len() == SUBNEGOTIATION_MAX {
            self.body_too_long = true;
            self.body = Vec::new();
        }
        if !self.body_too_long {
            self.body.push(byte);
        }
    }
}
