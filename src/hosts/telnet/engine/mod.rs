//! The telnet protocol without a socket: bytes in, text and events out, answers collected on the side.
//!
//! It imports only std, reads no clock and never blocks. Invariants: the events do not depend on how the input was
//! cut; an option without a row in the table is always refused; no sequence of input makes it answer for ever.

pub mod options;
pub mod parser;
pub mod q_method;

use options::{Consent, Offer, OptionRow, ROWS_MAX};
use parser::{DO, DONT, EOR_MARK, GA, IAC, Parser, Token, WILL, WONT};
use q_method::{Send, Side};

/// Whose side of an option is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The host: WILL and WONT.
    Us,
    /// The client: DO and DONT.
    Him,
}

/// What a piece of input meant.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Bytes for the line editor, never empty.
    Text(&'a [u8]),
    /// An option came into force or went out of it.
    Option {
        /// Whose side of it.
        party: Party,
        /// Its number.
        option: u8,
        /// In force now?
        on: bool,
    },
    /// A subnegotiation of an option that is in force on either side.
    Subnegotiation {
        /// Its number.
        option: u8,
        /// The body, doubled IACs made single.
        body: &'a [u8],
    },
    /// A two-byte command; see [`parser`] for those with a meaning.
    Command(u8),
}

/// The state of every known option of one connection. Both arrays run beside the table.
#[derive(Debug)]
struct Agreements {
    table: &'static [OptionRow],
    us: [Side; ROWS_MAX],
    him: [Side; ROWS_MAX],
    /// What is to be sent, in order.
    answers: Vec<u8>,
    /// The client has sent a telnet command, so it will understand ours.
    spoken: bool,
}

/// One connection's telnet state.
#[derive(Debug)]
pub struct Engine {
    parser: Parser,
    agreements: Agreements,
}

impl Engine {
    /// A fresh connection that knows the options of `table` (at most [`ROWS_MAX`] rows). What it wants to say at
    /// once is waiting in [`Engine::answers`].
    pub fn new(table: &'static [OptionRow]) -> Engine {
        assert!(
            table.len() <= ROWS_MAX,
            "the option table has more rows than the engine has room for"
        );
        let mut agreements = Agreements {
            table,
            us: [Side::Off; ROWS_MAX],
            him: [Side::Off; ROWS_MAX],
            answers: Vec::new(),
            spoken: false,
        };
        agreements.offer(Offer::AtOnce);
        Engine {
            parser: Parser::default(),
            agreements,
        }
    }

    /// Reads `input` to its end and hands each event to `take`. Answers are collected in [`Engine::answers`].
    pub fn receive(&mut self, input: &[u8], mut take: impl FnMut(Event<'_>)) {
        let agreements = &mut self.agreements;
        self.parser.feed(input, |parser, token| {
            if !matches!(token, Token::Text(_)) {
                agreements.hear_first();
            }
            match token {
                Token::Text(text) => take(Event::Text(text)),
                Token::Command(command) => take(Event::Command(command)),
                Token::Negotiate { verb, option } => {
                    if let Some(event) = agreements.hear(verb, option) {
                        parser.cr_is_plain = agreements.is_on(Party::Him, options::BINARY);
                        take(event);
                    }
                }
                Token::Subnegotiation { option, body } => {
                    if agreements.is_on(Party::Us, option) || agreements.is_on(Party::Him, option) {
                        take(Event::Subnegotiation { option, body });
                    }
                }
            }
        });
    }

    /// Asks for an option to be switched on or off. Nothing happens if the table refuses it or it is so already.
    pub fn ask(&mut self, party: Party, option: u8, on: bool) {
        self.agreements.ask(party, option, on);
    }

    /// Whether an option is in force.
    pub fn is_on(&self, party: Party, option: u8) -> bool {
        self.agreements.is_on(party, option)
    }

    /// Whether the client has shown that it speaks telnet.
    pub fn is_telnet(&self) -> bool {
        self.agreements.spoken
    }

    /// The bytes that are to go to the client, as they are; the caller takes them out.
    pub fn answers(&mut self) -> &mut Vec<u8> {
        &mut self.agreements.answers
    }

    /// Forgets a half-read telnet command, because the stream stops being telnet here.
    pub fn interrupt(&mut self) {
        self.parser.reset();
    }

    /// What marks the end of a prompt for this client; empty if nothing does.
    pub fn prompt_mark(&self) -> &'static [u8] {
        if self.is_on(Party::Us, options::EOR) {
            &[IAC, EOR_MARK]
        } else if self.is_on(Party::Us, options::SGA) || !self.is_telnet() {
            &[]
        } else {
            &[IAC, GA]
        }
    }
}

impl Agreements {
    fn position(&self, option: u8) -> Option<usize> {
        self.table.iter().position(|row| row.code == option)
    }

    fn is_on(&self, party: Party, option: u8) -> bool {
        self.position(option).is_some_and(|at| match party {
            Party::Us => self.us[at].is_on(),
            Party::Him => self.him[at].is_on(),
        })
    }

    fn hear_first(&mut self) {
        if !self.spoken {
            self.spoken = true;
            self.offer(Offer::OnceTelnet);
        }
    }

    fn offer(&mut self, when: Offer) {
        for row in self.table {
            if row.offer_will == when {
                self.ask(Party::Us, row.code, true);
            }
            if row.offer_do == when {
                self.ask(Party::Him, row.code, true);
            }
        }
    }

    fn ask(&mut self, party: Party, option: u8, on: bool) {
        let Some(at) = self.position(option) else { return };
        let (side, consent) = match party {
            Party::Us => (&mut self.us[at], self.table[at].us),
            Party::Him => (&mut self.him[at], self.table[at].him),
        };
        if on && consent == Consent::Refuse {
            return;
        }
        let send = if on { side.want_on() } else { side.want_off() };
        self.send(party, send, option);
    }

    /// One WILL, WONT, DO or DONT of the client; gives the event if an option came or went.
    fn hear(&mut self, verb: u8, option: u8) -> Option<Event<'static>> {
        let party = if matches!(verb, DO | DONT) {
            Party::Us
        } else {
            Party::Him
        };
        let on = matches!(verb, DO | WILL);
        let Some(at) = self.position(option) else {
            if on {
                self.send(party, Send::No, option);
            }
            return None;
        };
        let (side, consent) = match party {
            Party::Us => (&mut self.us[at], self.table[at].us),
            Party::Him => (&mut self.him[at], self.table[at].him),
        };
        let before = side.is_on();
        let send = if on {
            side.heard_on(consent == Consent::Agree)
        } else {
            side.heard_off()
        };
        let after = side.is_on();
        self.send(party, send, option);
        (before != after).then_some(Event::Option {
            party,
            option,
            on: after,
        })
    }

    fn send(&mut self, party: Party, send: Send, option: u8) {
        let verb = match (party, send) {
            (_, Send::Nothing) => return,
            (Party::Us, Send::Yes) => WILL,
            (Party::Us, Send::No) => WONT,
            (Party::Him, Send::Yes) => DO,
            (Party::Him, Send::No) => DONT,
        };
        self.answers.extend_from_slice(&[IAC, verb, option]);
    }
}

/// Appends `text` to `out` with every IAC doubled, so that the client reads it as data.
pub fn quote_iac(text: &[u8], out: &mut Vec<u8>) {
    for (index, run) in text.split(|&byte| byte == IAC).enumerate() {
        if index > 0 {
            out.extend_from_slice(&[IAC, IAC]);
        }
        out.extend_from_slice(run);
    }
}

#[cfg(test)]
mod tests;
