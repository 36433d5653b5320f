//! What a host asks on behalf of one client, and the answers.
//!
//! Invariant: a frame's principal is the client. The enums are append-only; a variant's place is its number on the
//! wire. In [`ClientRequest`] and [`ClientReply`] the enum comes first, so a body starts with its variant.

use bincode::{Decode, Encode};

use super::error::{RpcMessageError, SchedulerError, VerbProgramError};
use super::event::{ClientEvent, NarrativeEvent, Presentation, StreamPos};
use super::host::Peer;
pub use super::info::{ObjectInfo, PropInfo, SessionInfo, VerbInfo};
use super::job::JobLine;
use super::{ClientId, JobId, ReqId, Wall, WireObj, WireValue};

/// By what right a request is made.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Auth {
    /// Nothing: `ConnectionEstablish`, and `InvokeSystemHandler` without a connection.
    None,
    /// Tokens, checked by their signatures: at establish, login and attach.
    Full {
        /// The client token.
        client: String,
        /// The auth token, after login.
        player: Option<String>,
    },
    /// The keyed hash of tokens that were checked before.
    Bound([u8; 16]),
    /// An auth token: for `Attach`, and for what is asked without a connection, as a REST call does.
    Player(String),
    /// A session: for `Reattach` to its connection, and for all that a player's token is for.
    Session(String),
}

/// How a player came to a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum ConnectType {
    /// Logged in.
    Connected,
    /// Logged in while another connection was open, which was taken over.
    Reconnected,
    /// Logged in as a new player.
    Created,
    /// Not through a login.
    NoConnect,
}

/// An object as a client may name it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum ObjectRef {
    /// By number.
    Number(WireObj),
    /// By a path of properties from `#0`: `$room` is `["room"]`.
    System(Vec<String>),
    /// By what the player would call it.
    Match(String),
}

/// What `Retrieve` looks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum EntityType {
    /// A property.
    Property,
    /// A verb.
    Verb,
}

/// Which part of a player's past is wanted, and how many events of it at most. A position is one of the past itself, as
/// [`HistoricalEvent::pos`] is, or one of the asking connection's stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum HistoryRecall {
    /// None.
    None,
    /// The events after this one.
    After(StreamPos, u32),
    /// The events before this one.
    Before(StreamPos, u32),
    /// The events of the last so many seconds.
    Seconds(u64, u32),
}

/// One step of a batch.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[expect(
    missing_docs,
    reason = "the fields are named for what they hold; the variants say the rest"
)]
pub enum WorldAction {
    /// Call a verb.
    InvokeVerb {
        object: ObjectRef,
        verb: String,
        args: Vec<WireValue>,
    },
    /// Set a property.
    UpdateProperty {
        object: ObjectRef,
        property: String,
        value: WireValue,
    },
    /// Read a property of the system object.
    RequestSysProp { object: ObjectRef, property: String },
    /// Give a verb a program.
    Program {
        object: ObjectRef,
        verb: String,
        code: Vec<String>,
    },
    /// Read a verb or a property.
    Retrieve {
        object: ObjectRef,
        what: EntityType,
        name: String,
    },
    /// List properties.
    Properties { object: ObjectRef, inherited: bool },
    /// List verbs.
    Verbs { object: ObjectRef, inherited: bool },
    /// Find an object.
    Resolve { object: ObjectRef },
    /// Go on only if a verb's program, or a property's value, is the one that this tag stands for (`moo_model::tag`; of a
    /// program: of the list of its lines). If not, nothing of the batch takes effect, whatever its `rollback` says.
    Expect {
        object: ObjectRef,
        what: EntityType,
        name: String,
        tag: String,
    },
    /// Set a property to what a text stands for that a program would write.
    UpdateLiteral {
        object: ObjectRef,
        property: String,
        literal: String,
    },
}

/// What a step of a batch gave.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[expect(
    missing_docs,
    reason = "the fields are named for what they hold; the variants say the rest"
)]
pub enum WorldResult {
    /// A value.
    Value(WireValue),
    /// A property.
    Property(PropInfo, WireValue),
    /// A verb and its program.
    Verb(VerbInfo, Vec<String>),
    /// Properties.
    Properties(Vec<PropInfo>),
    /// Verbs.
    Verbs(Vec<VerbInfo>),
    /// The verb was programmed.
    Programmed { object: WireObj, verb: String },
    /// The property was set.
    PropertyUpdated,
    /// It is what it was expected to be.
    Unchanged,
}

/// An event of the past.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct HistoricalEvent {
    /// Where it stands in the player's past, which spans connections: its era is 0, as that of no stream is.
    pub pos: StreamPos,
    /// When it happened.
    pub at: Wall,
    /// What happened.
    pub event: ClientEvent,
}

/// A login that succeeded.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct LoginOk {
    /// The auth token.
    pub auth_token: String,
    /// How.
    pub connect_type: ConnectType,
    /// Who.
    pub player: WireObj,
    /// The attachment, if it was asked for.
    pub attach: Option<Attachment>,
}

/// A connection that belongs to a player.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Attachment {
    /// The connection: another one than asked for, if a lingering one was adopted.
    pub client: ClientId,
    /// Its client token.
    pub client_token: String,
    /// Its session.
    pub sid: String,
    /// The keyed hash to present from now on, whatever the events up to `head` say.
    pub bound: [u8; 16],
    /// The player.
    pub player: WireObj,
    /// The player's flag bits (1 wizard, 2 programmer).
    pub flags: u16,
    /// The epoch under which this host has it.
    pub attach_epoch: u32,
    /// The number that the next command must carry.
    pub cmd_next: u64,
    /// The last event of the stream.
    pub head: StreamPos,
    /// The last event that is not kept any more: a client that knows nothing of the stream begins after it.
    pub last: StreamPos,
    /// Whether the connection goes on where its client left it; if a client that came back finds this false, events are
    /// lost, which a replay tells it as a `Gap`.
    pub recovered: bool,
}

/// What became of a numbered message.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum CmdOutcome {
    /// It became this task.
    Submitted {
        /// The task.
        task: u64,
    },
    /// It was answered with this.
    Done(Result<WireValue, SchedulerError>),
    /// It was done, and its answer is not kept.
    Forgotten,
}

/// A request on behalf of one client.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct ClientRequest {
    /// What is asked.
    pub message: HostClientToDaemonMessage,
    /// By what right.
    pub auth: Auth,
    /// The message's number, if its kind is numbered; else 0.
    pub cmd_seq: u64,
    /// The highest number up to which all were answered, also with refusals: none of them comes again, so the daemon need
    /// not wait for one that it never saw.
    pub cmd_acked: u64,
}

/// An answer to a client's request.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct ClientReply {
    /// The answer.
    pub reply: DaemonToClientReply,
    /// It is delivered after the stream's events up to this one.
    pub head: Option<StreamPos>,
}

/// A refusal of any request.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Refusal {
    /// Why.
    pub error: RpcMessageError,
    /// It is delivered after the stream's events up to this one.
    pub head: Option<StreamPos>,
}

/// What is asked on behalf of a client. Which variants are numbered is in [`super::kind`].
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[expect(
    missing_docs,
    reason = "the fields are named for what they hold; the variants say the rest"
)]
pub enum HostClientToDaemonMessage {
    /// A socket was accepted. Answered by `NewConnection`.
    ConnectionEstablish { peer: Peer, handler: WireObj },
    /// A player with an auth token wants a connection: under this id, or, if the player's own lingers or `takeover` says
    /// so whatever state it is in, that one, under the id that the answer says. Its right is `Auth::Player`, or
    /// `Auth::Full` for a connection that exists already. Answered by `AttachResult`.
    Attach {
        connect_type: ConnectType,
        handler: WireObj,
        peer: Peer,
        takeover: bool,
    },
    /// The client is back, at this host or another one, and has accepted the events up to `last`. Its right is its
    /// client token. Answered by `AttachResult`.
    Reattach { last: StreamPos, peer: Peer },
    /// A line before login, split into words. Without `do_attach` the connection stays nobody's, and the answer has a
    /// token to `Attach` with. Answered by `LoginResult`; by `TaskSubmitted` if somebody has logged in by an earlier line.
    /// What came of one that is answered by `Duplicate` is in the answer to a `Reattach`.
    LoginCommand {
        handler: WireObj,
        connect_args: Vec<String>,
        command: String,
        do_attach: bool,
    },
    /// A line after login. Answered by `TaskSubmitted` or `Duplicate`.
    Command { handler: WireObj, command: String },
    /// An expression to evaluate. Answered by `EvalResult`.
    Eval { expression: String },
    /// A verb to call. Answered by `VerbCall`.
    InvokeVerb {
        object: ObjectRef,
        verb: String,
        args: Vec<WireValue>,
    },
    /// An out-of-band line. Answered by `TaskSubmitted`.
    OutOfBand {
        handler: WireObj,
        args: Vec<String>,
        argstr: String,
    },
    /// The answer to `RequestInput`. Answered by `InputThanks`.
    RequestedInput { request: ReqId, input: WireValue },
    /// A verb's new program. Answered by `ProgramResult`.
    Program {
        object: ObjectRef,
        verb: String,
        code: Vec<String>,
    },
    /// A property's new value. Answered by `PropertyUpdated`.
    UpdateProperty {
        object: ObjectRef,
        property: String,
        value: WireValue,
    },
    /// Several actions in one transaction. Answered by `BatchResult`.
    BatchWorldState {
        actions: Vec<(String, WorldAction)>,
        rollback: bool,
    },
    /// A typed JSON message. Answered by `TaskSubmitted`.
    Typed {
        msg_type: String,
        id: Option<String>,
        to: Option<(String, String)>,
        data: WireValue,
    },
    /// A verb of the system object. Answered by `VerbCall`.
    CallSystemVerb { verb: String, args: Vec<WireValue> },
    /// A system handler, such as a web hook. Answered by `SystemHandler`.
    InvokeSystemHandler {
        handler_type: String,
        args: Vec<WireValue>,
    },
    /// Answered by `SysPropValue`.
    RequestSysProp { object: ObjectRef, property: String },
    /// Answered by `VerbList`.
    Verbs { object: ObjectRef, inherited: bool },
    /// Answered by `PropertyList`.
    Properties { object: ObjectRef, inherited: bool },
    /// Answered by `VerbValue` or `PropertyValue`.
    Retrieve {
        object: ObjectRef,
        what: EntityType,
        name: String,
    },
    /// Answered by `ResolveResult`.
    Resolve { object: ObjectRef },
    /// Answered by `ObjectList`.
    ListObjects { after: Option<WireObj>, limit: u16 },
    /// What the player was told before, on connections of hosts that can show it. Answered by `History`.
    RequestHistory { recall: HistoryRecall },
    /// Answered by `Presentations`.
    RequestCurrentPresentations,
    /// Answered by `PresentationDismissed`.
    DismissPresentation { id: String },
    /// A fact about the client, `connection_attributes()`. Answered by `ClientAttributeSet`.
    SetClientAttribute { key: String, value: Option<WireValue> },
    /// Answered by `ThanksPong`.
    ClientPong { client_time: u64, rtt_us: u32 },
    /// The client has gone, for good if `disconnected`. Answered by `Disconnected`.
    Detach { disconnected: bool },
    /// A job of the player's, with the options of `enqueue_job()` by their names. Answered by `JobEnqueued`.
    EnqueueJob {
        kind: String,
        data: WireValue,
        options: Vec<(String, WireValue)>,
    },
    /// The player's jobs that are not done, somebody's, or, for wizards who name nobody, everybody's. Answered by `JobList`.
    QueuedJobs { owner: Option<WireObj> },
    /// One job of the player's, dead or alive. Answered by `JobFacts`.
    JobInfo { job: JobId },
    /// Forget a job of the player's, unless somebody is at work on it. Answered by `JobCancelled`.
    CancelJob { job: JobId },
    /// The player's own connections. Answered by `Sessions`.
    ListSessions,
    /// Every token and session of the player dies, and every connection of theirs is closed. Answered by
    /// `LoggedOutEverywhere`.
    LogoutEverywhere,
    /// Another token for the player of a token that still holds, without a new password. Answered by `TokenRenewed`.
    RenewToken,
}

/// The answers.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[expect(
    missing_docs,
    reason = "the fields are named for what they hold; the variants say the rest"
)]
pub enum DaemonToClientReply {
    /// The connection exists.
    NewConnection {
        client_token: String,
        bound: [u8; 16],
        connection: WireObj,
        pos: StreamPos,
    },
    /// Whether the line logged a player in.
    LoginResult(Option<LoginOk>),
    /// The connection belongs to a player.
    AttachResult(Attachment),
    /// The message became a task.
    TaskSubmitted { task_id: u64 },
    /// The message had come before.
    Duplicate { cmd_seq: u64, outcome: CmdOutcome },
    /// The waiting task has its input.
    InputThanks,
    /// The expression's value.
    EvalResult(WireValue),
    /// Heard.
    ThanksPong { timestamp: u64 },
    /// The property's value, if there is one.
    SysPropValue(Option<WireValue>),
    /// The verbs.
    VerbList(Vec<VerbInfo>),
    /// The properties.
    PropertyList(Vec<PropInfo>),
    /// The property.
    PropertyValue(PropInfo, WireValue),
    /// The verb and its program.
    VerbValue(VerbInfo, Vec<String>),
    /// The object and verb that were programmed, or why not.
    ProgramResult(Result<(WireObj, String), VerbProgramError>),
    /// The object, as a value.
    ResolveResult(WireValue),
    /// The objects.
    ObjectList(Vec<ObjectInfo>),
    /// The property has the new value.
    PropertyUpdated,
    /// What each action gave.
    BatchResult(Vec<(String, Result<WorldResult, RpcMessageError>)>),
    /// The past.
    History {
        events: Vec<HistoricalEvent>,
        more_before: bool,
        total: u64,
    },
    /// What is shown, by id.
    Presentations(Vec<(String, Presentation)>),
    /// It is shown no more.
    PresentationDismissed,
    /// The fact is known.
    ClientAttributeSet,
    /// What the handler returned.
    SystemHandler(Result<WireValue, SchedulerError>),
    /// What the verb returned, and the beginning of what it told this connection. The stream has all of that too, so a
    /// client that shows its stream leaves it out here.
    VerbCall {
        result: Result<WireValue, SchedulerError>,
        output: Vec<NarrativeEvent>,
    },
    /// The connection is gone.
    Disconnected,
    /// The job is stored, under this id.
    JobEnqueued(JobId),
    /// The jobs, the oldest first.
    JobList(Vec<JobLine>),
    /// The job, and what more is known of it: when it was stored, what went wrong last, and its data.
    JobFacts(JobLine, Wall, String, WireValue),
    /// The job is gone.
    JobCancelled,
    /// The connections, the one that asks first.
    Sessions(Vec<SessionInfo>),
    /// So many connections are about to be closed.
    LoggedOutEverywhere { closed: u64 },
    /// The new auth token; the old one holds until it ends.
    TokenRenewed { auth_token: String },
}
