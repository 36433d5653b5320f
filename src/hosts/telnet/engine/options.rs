//! The table of telnet options: what each is called, whether we take it up, and when we speak of it first.
//!
//! Invariant: everything the engine decides about an option follows from its row here; an option without a row is
//! refused in both directions. Supporting another option means adding a row (and whatever reads its events).

/// BINARY (RFC 856): eight-bit data, and a CR that is just a byte.
pub const BINARY: u8 = 0;
/// ECHO (RFC 857): whoever says WILL echoes. We say it around passwords only, so that the client shows nothing.
pub const ECHO: u8 = 1;
/// SUPPRESS-GO-AHEAD (RFC 858): no GA after a prompt.
pub const SGA: u8 = 3;
/// TIMING-MARK (RFC 860): our refusal is itself the mark a client waits for.
pub const TIMING_MARK: u8 = 6;
/// END-OF-RECORD (RFC 885): the mark after a prompt that most clients of virtual worlds prefer.
pub const EOR: u8 = 25;
/// LINEMODE (RFC 1184): refused, because the line editor is ours.
pub const LINEMODE: u8 = 34;

/// Which requests of the other side we agree to, for one direction of one option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Agree whenever the other side asks.
    Agree,
    /// Refuse what the other side asks for; we may still ask for it ourselves and take the yes.
    OwnWishOnly,
    /// Never.
    Refuse,
}

/// When we start a negotiation without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// As soon as the connection opens.
    AtOnce,
    /// After the first telnet byte of the client, so that one that knows no telnet never sees an option.
    OnceTelnet,
    /// Only when the host has a reason.
    WhenNeeded,
}

/// One option: both directions of it.
#[derive(Clone, Copy, Debug)]
pub struct OptionRow {
    /// The option's number on the wire.
    pub code: u8,
    /// What people call it.
    pub name: &'static str,
    /// Our side: may we perform it (WILL)?
    pub us: Consent,
    /// The client's side: may the client perform it (DO)?
    pub him: Consent,
    /// When we say WILL unasked.
    pub offer_will: Offer,
    /// When we say DO unasked.
    pub offer_do: Offer,
}

/// The most rows a table may have; the engine keeps two bytes of state for each.
pub const ROWS_MAX: usize = 24;

const fn row(code: u8, name: &'static str, us: Consent, him: Consent) -> OptionRow {
    OptionRow {
        code,
        name,
        us,
        him,
        offer_will: Offer::WhenNeeded,
        offer_do: Offer::WhenNeeded,
    }
}

/// The options the telnet host knows.
pub static TABLE: &[OptionRow] = &[
    row(BINARY, "BINARY", Consent::Agree, Consent::Agree),
    row(ECHO, "ECHO", Consent::OwnWishOnly, Consent::Refuse),
    row(SGA, "SGA", Consent::Agree, Consent::Agree),
    row(TIMING_MARK, "TIMING-MARK", Consent::Refuse, Consent::Refuse),
    OptionRow {
        offer_will: Offer::OnceTelnet,
        ..row(EOR, "EOR", Consent::Agree, Consent::Refuse)
    },
    row(LINEMODE, "LINEMODE", Consent::Refuse, Consent::Refuse),
];
