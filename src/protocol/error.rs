//! Everything that can go wrong in a conversation, as types. What a person sees of it is in [`super::surface`].
//!
//! Invariant: the enums that travel are append-only; a variant's place is its number on the wire.

use bincode::{Decode, Encode};

use super::{ReqId, WireObj, WireValue};

/// The transport failed: what a host or a worker finds when it cannot get an answer at all. Never travels.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RpcError {
    /// The link to the daemon could not be set up.
    #[error("the link to the daemon could not be set up: {0}")]
    CouldNotInitiateSession(String),
    /// The daemon does not believe who we are.
    #[error("the daemon refused our token: {0}")]
    AuthenticationError(String),
    /// The frame could not be sent.
    #[error("the request could not be sent: {0}")]
    CouldNotSend(String),
    /// The socket failed while it was read.
    #[error("the answer could not be received: {0}")]
    CouldNotReceive(String),
    /// The link went away before the answer came.
    #[error("the link to the daemon was lost")]
    ConnectionLost,
    /// The answer makes no sense.
    #[error("the answer could not be read: {0}")]
    CouldNotDecode(String),
    /// No answer came in time.
    #[error("the daemon did not answer in time")]
    Timeout,
    /// It will work when tried again.
    #[error("the request may be tried again: {0}")]
    Recoverable(String),
    /// It will never work.
    #[error("the link cannot be used: {0}")]
    Fatal(String),
    /// The answer is to another question.
    #[error("the answer does not fit the request: {0}")]
    UnexpectedReply(String),
}

/// The daemon refuses a request.
#[derive(Clone, PartialEq, Debug, Encode, Decode, thiserror::Error)]
pub enum RpcMessageError {
    /// The connection exists already.
    #[error("the connection exists already")]
    AlreadyConnected,
    /// The request makes no sense.
    #[error("the request is not valid: {0}")]
    InvalidRequest(String),
    /// There is no such connection.
    #[error("there is no such connection")]
    NoConnection,
    /// The property of the system object cannot be read.
    #[error("the system property cannot be read: {0}")]
    ErrorCouldNotRetrieveSysProp(String),
    /// The login did not succeed.
    #[error("the login failed: {0}")]
    LoginTaskFailed(String),
    /// The session could not be set up.
    #[error("the session could not be set up: {0}")]
    CreateSessionFailed(String),
    /// The asker may not do this.
    #[error("permission denied")]
    PermissionDenied,
    /// The task that the request became has failed.
    #[error("{0}")]
    TaskError(SchedulerError),
    /// The object, verb or property was not found.
    #[error("not found: {0}")]
    EntityRetrievalError(String),
    /// A fault of the server.
    #[error("internal error: {0}")]
    InternalError(String),
    /// Too much at once.
    #[error("the server is busy; try again in {retry_after_ms} ms")]
    Busy {
        /// When to try again.
        retry_after_ms: u32,
    },
    /// The daemon is going down and will be back.
    #[error("the server is about to restart")]
    Draining,
    /// Another host has this connection.
    #[error("the connection has moved to another host (epoch {epoch})")]
    Fenced {
        /// The attach epoch that holds now.
        epoch: u32,
    },
    /// The token has expired.
    #[error("the token has expired")]
    TokenExpired,
    /// The request is too large.
    #[error("the request is larger than {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: u32,
    },
    /// The daemon does not know this kind of message.
    #[error("messages of kind {kind:#06x} are not supported")]
    Unsupported {
        /// The kind.
        kind: u16,
    },
    /// A queue is full.
    #[error("the queue is full")]
    QueueFull,
    /// Nothing can be kept, because the disk is full.
    #[error("nothing can be kept right now: the disk of the server is full")]
    ReadOnly,
    /// The world knows no typed message of this type.
    #[error("there are no messages of the type {0}")]
    UnknownType(String),
    /// The token does not hold: it was revoked, or is none.
    #[error("the token does not hold; log in again")]
    InvalidToken,
    /// It is not what the asker expected it to be.
    #[error("it was changed meanwhile; nothing was saved")]
    Changed {
        /// What it is now: a value, or the lines of a program.
        current: WireValue,
    },
}

/// A task could not be started or did not end well.
#[derive(Clone, PartialEq, Debug, Encode, Decode, thiserror::Error)]
pub enum SchedulerError {
    /// The scheduler is away.
    #[error("the scheduler does not respond")]
    SchedulerNotResponding,
    /// There is no such task.
    #[error("there is no task {0}")]
    TaskNotFound(u64),
    /// No task waits for this input.
    #[error("no task waits for input {0}")]
    InputRequestNotFound(ReqId),
    /// The task could not be started.
    #[error("the task could not be started: {0}")]
    CouldNotStartTask(String),
    /// The program does not compile.
    #[error("the program does not compile")]
    CompilationError(Vec<CompileFault>),
    /// The command could not be carried out.
    #[error("{0}")]
    CommandExecutionError(CommandError),
    /// The task ran into a limit.
    #[error("the task {0}")]
    TaskAbortedLimit(AbortLimit),
    /// A fault of the server ended the task.
    #[error("the task was ended by a fault of the server")]
    TaskAbortedError,
    /// The verb to call does not exist.
    #[error("there is no verb {verb} on the object")]
    TaskAbortedVerbNotFound {
        /// On this.
        object: WireValue,
        /// The verb.
        verb: String,
    },
    /// An error was raised and not caught.
    #[error("{}", .0.message)]
    TaskAbortedException(Exception),
    /// Somebody killed the task.
    #[error("the task was killed")]
    TaskAbortedCancelled,
    /// The verb could not be programmed.
    #[error("{0}")]
    VerbProgramFailed(VerbProgramError),
    /// The property cannot be read.
    #[error("the property cannot be read: {0}")]
    PropertyRetrievalFailed(String),
    /// The verb cannot be read.
    #[error("the verb cannot be read: {0}")]
    VerbRetrievalFailed(String),
    /// The object was not found.
    #[error("the object was not found: {0}")]
    ObjectResolutionFailed(String),
    /// A garbage collection failed.
    #[error("the garbage collection failed: {0}")]
    GarbageCollectionFailed(String),
}

/// Why a command could not be carried out.
#[derive(Clone, PartialEq, Debug, Encode, Decode, thiserror::Error)]
pub enum CommandError {
    /// It is not a command.
    #[error("the command could not be parsed")]
    CouldNotParseCommand,
    /// It names something that is not there.
    #[error("no object matches")]
    NoObjectMatch,
    /// No verb takes it.
    #[error("no command matches")]
    NoCommandMatch,
    /// The database failed.
    #[error("the database failed: {0}")]
    DatabaseError(String),
    /// The player may not do it.
    #[error("permission denied")]
    PermissionDenied,
}

/// The limit that a task ran into.
#[derive(Clone, PartialEq, Debug, Encode, Decode, thiserror::Error)]
pub enum AbortLimit {
    /// Too many ticks.
    #[error("ran out of ticks ({0})")]
    Ticks(u64),
    /// Too many milliseconds.
    #[error("ran out of time ({0} ms)")]
    Time(u64),
}

/// An error that was not caught. The traceback has been told to the player already, as part of the task's output.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Exception {
    /// What was raised, usually an error.
    pub code: WireValue,
    /// Its message.
    pub message: String,
    /// Its value.
    pub value: WireValue,
    /// The lines of the traceback.
    pub traceback: Vec<String>,
}

/// One fault in a program.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct CompileFault {
    /// From 1; 0 = no place.
    pub line: u32,
    /// From 1; 0 = no place.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

/// Why a verb could not be programmed.
#[derive(Clone, PartialEq, Debug, Encode, Decode, thiserror::Error)]
pub enum VerbProgramError {
    /// There is no such verb.
    #[error("there is no such verb on {}", moo_model::Obj(.0.0))]
    NoVerbToProgram(WireObj),
    /// The program does not compile.
    #[error("the program does not compile")]
    CompilationError(Vec<CompileFault>),
    /// The asker may not program it.
    #[error("permission denied")]
    PermissionDenied,
    /// The database failed.
    #[error("the database failed: {0}")]
    DatabaseError(String),
}

/// A worker could not do what was asked.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, thiserror::Error)]
pub enum WorkerError {
    /// The asker may not ask this.
    #[error("permission denied: {0}")]
    PermissionDenied(String),
    /// The request makes no sense.
    #[error("the request is not valid: {0}")]
    InvalidRequest(String),
    /// A fault of the worker.
    #[error("internal error: {0}")]
    InternalError(String),
    /// It took too long.
    #[error("the request timed out: {0}")]
    RequestTimedOut(String),
    /// The outside answered with an error.
    #[error("the request failed: {0}")]
    RequestError(String),
    /// The worker went away.
    #[error("the worker has gone: {0}")]
    WorkerDetached(String),
    /// No worker does this kind of work.
    #[error("there is no worker of kind {0}")]
    NoWorkerAvailable(String),
}

/// A task's dealings with connections failed. Never travels.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SessionError {
    /// The player has no connection.
    #[error("{} has no connection", moo_model::Obj(.0.0))]
    NoConnectionForPlayer(WireObj),
    /// The event could not be taken.
    #[error("the event could not be delivered: {0}")]
    DeliveryError(String),
    /// The output could not be stored with the commit.
    #[error("the output could not be committed: {0}")]
    CommitError(String),
    /// The token does not hold.
    #[error("the token does not hold")]
    InvalidToken,
}
