//! What reaches a client: the numbered events of its stream, and the frame that carries them to its host.
//!
//! Invariant: an event's bytes do not depend on who receives them, so one encoding serves the stored row and every
//! host. The enums are append-only; a variant's place is its number on the wire.

use bincode::{Decode, Encode};

use super::error::SchedulerError;
use super::{ClientId, ReqId, Wall, WireObj, WireValue};

/// A place in a connection's stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Encode, Decode)]
pub struct StreamPos {
    /// Changes only when history was really lost.
    pub era: u32,
    /// The first event is 1; 0 is before it.
    pub seq: u64,
}

/// What an event came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Cause {
    /// The task that wrote it.
    pub task: u64,
    /// The request that started the task; 0 = none.
    pub corr: u64,
    /// The command that started the task; 0 = none.
    pub cmd_seq: u64,
}

/// What a line is made of.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum LineBody {
    /// Text.
    Text(String),
    /// Bytes as they are, for a connection in binary mode.
    Bytes(Vec<u8>),
}

/// One `notify()`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub struct Line {
    /// What to write.
    pub body: LineBody,
    /// No end of line follows.
    pub no_newline: bool,
    /// It may be left out when the connection is choked.
    pub no_flush: bool,
}

impl Line {
    /// A line of text that ends as lines do.
    pub fn text(text: impl Into<String>) -> Line {
        Line {
            body: LineBody::Text(text.into()),
            no_newline: false,
            no_flush: false,
        }
    }
}

/// What a task told a connection.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct NarrativeEvent {
    /// On whose behalf it was written: the task's player, or #-1 for the server's own words.
    pub author: WireObj,
    /// What was told.
    pub content: Content,
}

/// The content of a narrative event.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum Content {
    /// All lines that one commit wrote to the connection, in order.
    Lines(Vec<Line>),
    /// Something richer than lines.
    Rich {
        /// Its media type.
        content_type: String,
        /// The content.
        value: WireValue,
        /// Hints for its display, by name.
        attrs: Vec<(String, WireValue)>,
        /// What a client shows that cannot show this.
        text: Option<String>,
    },
}

/// Something that a client shows beside its lines.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Presentation {
    /// Its media type.
    pub content_type: String,
    /// Where the client is to show it, in the client's own words.
    pub target: String,
    /// The content.
    pub content: WireValue,
    /// Hints for its display, by name.
    pub attrs: Vec<(String, WireValue)>,
}

/// An event of a connection's stream.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum ClientEvent {
    /// Something happened in the world. It does not say whom it is for, so that all who see the same share one event.
    Narrative {
        /// What happened.
        event: NarrativeEvent,
    },
    /// A task reads from this connection. The next line answers it, as `RequestedInput`.
    RequestInput {
        /// The question.
        request: ReqId,
        /// What is wanted (`prompt`, `echo`, `input_type`), by name.
        metadata: Vec<(String, WireValue)>,
    },
    /// The server itself has something to say.
    SystemMessage {
        /// The player it is for.
        player: WireObj,
        /// What to show.
        message: String,
    },
    /// The last event of a connection: show the lines and close the socket.
    Disconnect {
        /// Why, for the log and the JSON client (`booted`, `recycled`, `redirected`, `shutdown`, `timeout`).
        reason: String,
        /// What to show first.
        lines: Vec<Line>,
    },
    /// A command's task has ended in an error; its output came before. Ends the command's delimiters.
    TaskError {
        /// The task.
        task: u64,
        /// Why.
        error: SchedulerError,
    },
    /// A command's task has ended; its output came before. Ends the command's delimiters.
    TaskSuccess {
        /// The task.
        task: u64,
        /// What the verb returned.
        result: WireValue,
    },
    /// A command's task goes on in the background. Ends the command's delimiters.
    TaskSuspended {
        /// The task.
        task: u64,
    },
    /// The connection belongs to another player now.
    PlayerSwitched {
        /// The player.
        player: WireObj,
        /// Its auth token.
        auth_token: String,
        /// Its session.
        sid: String,
    },
    /// `set_connection_option()`: `hold-input`, `client-echo`, `binary`, `flush-command`, `intrinsic-commands`,
    /// `disable-oob` and the host's own.
    SetConnectionOption {
        /// The connection.
        connection: WireObj,
        /// The option.
        option: String,
        /// Its value; the host checks it.
        value: WireValue,
    },
    /// Tokens were renewed; the old ones hold 60 s longer.
    CredentialsUpdated {
        /// The client token.
        client_token: String,
        /// The auth token, after login.
        auth_token: Option<String>,
        /// The session.
        sid: String,
        /// What the host presents from now on in place of the tokens.
        bound: [u8; 16],
    },
    /// A typed message for a JSON client, ready to be sent.
    Typed {
        /// UTF-8 JSON.
        json: Vec<u8>,
        /// What a client shows that takes no typed messages.
        text: Option<String>,
    },
    /// Events were lost for good.
    Gap {
        /// How many.
        lost: u64,
    },
    /// `force_input()`: the connection's next input, as if the client had sent the line.
    ForceInput {
        /// The line.
        line: String,
        /// Whether it goes before the input that waits already.
        at_front: bool,
    },
    /// `flush_input()`: drop the input that waits at the host.
    FlushInput {
        /// Whether the player is told what was dropped.
        show: bool,
    },
    /// `present()`: something is shown under this id in place of what was, or no more.
    Presentation {
        /// The id.
        id: String,
        /// What; none for no more.
        shown: Option<Presentation>,
    },
}

/// One connection that an event is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Recipient {
    /// The connection.
    pub client: ClientId,
    /// The attach epoch that the daemon knows; a host that has another drops the event.
    pub attach_epoch: u32,
    /// The event's number in this connection's stream.
    pub seq: u64,
}

/// Where an event goes and what it came from.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Route {
    /// Counts the frames to this host from 1 at each registration.
    pub frame: u64,
    /// At most 2,000 connections of one host.
    pub to: Vec<Recipient>,
    /// What it came from, if a task.
    pub cause: Option<Cause>,
    /// When it was committed.
    pub at: Wall,
}

/// One event on its way to one host.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct EventFrame {
    /// The event; first, so that its stored bytes can be sent as they are.
    pub event: ClientEvent,
    /// Where it goes.
    pub route: Route,
}

/// What the daemon tells one host on its topic besides events.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum StreamControl {
    /// Proof that the event path works, published until `RegisterHost` brings it back.
    Probe {
        /// Random bytes.
        probe: [u8; 16],
    },
    /// The head of every stream with unacknowledged events, after each ping; also when a client takes events again, or the
    /// host has credit again.
    Heads {
        /// The last frame number sent to this host. It is acknowledged as an event's is, since frames that were lost cost
        /// credit too.
        frame: u64,
        /// At most 2,000 streams.
        heads: Vec<(ClientId, u64)>,
    },
}
