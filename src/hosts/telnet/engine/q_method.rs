//! One direction of one option as RFC 1143 negotiates it (the "Q method").
//!
//! Invariant: a request that would change nothing is never sent and never answered, so two sides that both follow
//! these rules fall silent from every start state; and at most one request of ours is ever on its way.

/// Where one direction of an option stands. `Asked..` means that our request waits for its answer; `..Then..` that
/// we have changed our mind since and will ask for the opposite when that answer comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// Off, and nothing is under way.
    #[default]
    Off,
    /// On, and nothing is under way.
    On,
    /// We asked to switch it off.
    AskedOff,
    /// We asked to switch it off and want it on again.
    AskedOffThenOn,
    /// We asked to switch it on.
    AskedOn,
    /// We asked to switch it on and want it off again.
    AskedOnThenOff,
}

/// What to send after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Send {
    /// Nothing.
    Nothing,
    /// The word that switches on: WILL for our side, DO for the client's.
    Yes,
    /// The word that switches off: WONT for our side, DONT for the client's.
    No,
}

impl Side {
    /// Whether the option is in force in this direction. It is not while a request to switch it on is unanswered.
    pub fn is_on(self) -> bool {
        matches!(self, Side::On)
    }

    /// We want it on.
    pub fn want_on(&mut self) -> Send {
        let (next, send) = match *self {
            Side::Off => (Side::AskedOn, Send::Yes),
            Side::AskedOff => (Side::AskedOffThenOn, Send::Nothing),
            Side::AskedOnThenOff => (Side::AskedOn, Send::Nothing),
            same @ (Side::On | Side::AskedOn | Side::AskedOffThenOn) => (same, Send::Nothing),
        };
        *self = next;
        send
    }

    /// We want it off.
    pub fn want_off(&mut self) -> Send {
        let (next, send) = match *self {
            Side::On => (Side::AskedOff, Send::No),
            Side::AskedOn => (Side::AskedOnThenOff, Send::Nothing),
            Side::AskedOffThenOn => (Side::AskedOff, Send::Nothing),
            same @ (Side::Off | Side::AskedOff | Side::AskedOnThenOff) => (same, Send::Nothing),
        };
        *self = next;
        send
    }

    /// The other side wants it on, or says yes to us; `agree` is our consent to a request we did not make.
    pub fn heard_on(&mut self, agree: bool) -> Send {
        let (next, send) = match *self {
            Side::Off if agree => (Side::On, Send::Yes),
            Side::Off => (Side::Off, Send::No),
            // Our "off" answered by "on" breaks the protocol; RFC 1143 takes the option as off, without a word.
            Side::AskedOff => (Side::Off, Send::Nothing),
            Side::On | Side::AskedOffThenOn | Side::AskedOn => (Side::On, Send::Nothing),
            Side::AskedOnThenOff => (Side::AskedOff, Send::No),
        };
        *self = next;
        send
    }

    /// The other side wants it off, or says no to us. A switching-off may never be refused.
    pub fn heard_off(&mut self) -> Send {
        let (next, send) = match *self {
            Side::On => (Side::Off, Send::No),
            Side::AskedOffThenOn => (Side::AskedOn, Send::Yes),
            Side::Off | Side::AskedOff | Side::AskedOn | Side::AskedOnThenOff => (Side::Off, Send::Nothing),
        };
        *self = next;
        send
    }
}

#[cfg(test)]
pub(super) const EVERY_SIDE: [Side; 6] = [
    Side::Off,
    Side::On,
    Side::AskedOff,
    Side::AskedOffThenOn,
    Side::AskedOn,
    Side::AskedOnThenOff,
];
