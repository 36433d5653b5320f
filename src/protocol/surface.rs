//! What a person, a program and the log see of each error. One row an error; nothing else decides it.
//!
//! Invariant: every variant of every error enum has its own row, by a match without a default.

use super::error::{
    AbortLimit, CommandError, RpcError, RpcMessageError, SchedulerError, SessionError, VerbProgramError,
    WorkerError,
};

/// How loud an error is in the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Part of everyday life.
    Debug,
    /// Worth knowing.
    Info,
    /// Somebody should look.
    Warn,
    /// A fault of ours.
    Error,
}

/// An error's row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Surface {
    /// The line that a telnet player sees; empty where the player has seen enough already.
    pub telnet: &'static str,
    /// The code in JSON.
    pub code: &'static str,
    /// The HTTP status.
    pub http: u16,
    /// The code that a WebSocket is closed with; 0 = it stays open.
    pub close: u16,
    /// Whether the same request may succeed later without a change.
    pub retryable: bool,
    /// How loud it is.
    pub log: Level,
}

macro_rules! surfaces {
    ($($row:ident $code:literal $http:literal $close:literal $retry:ident $log:ident $telnet:literal;)*) => {
        /// A row's place in [`SURFACE`].
        #[expect(missing_docs, reason = "named for the variants")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Row { $($row),* }

        /// The rows, by [`Row`].
        pub const SURFACE: &[Surface] = &[$(Surface {
            telnet: $telnet,
            code: $code,
            http: $http,
            close: $close,
            retryable: surfaces!(@ $retry),
            log: Level::$log,
        }),*];
    };
    (@ again) => { true };
    (@ final) => { false };
}

surfaces! {
    // The transport.
    LinkNotSetUp      "LINK_NOT_SET_UP"       503    0 again Warn  "The world is out of reach. Your input is kept.";
    LinkRefused       "LINK_REFUSED"          500    0 final Error "The world is out of reach.";
    NotSent           "NOT_SENT"              503    0 again Warn  "The world is out of reach. Your input is kept.";
    NotReceived       "NOT_RECEIVED"          503    0 again Warn  "The world is out of reach. Your input is kept.";
    LinkLost          "LINK_LOST"             503    0 again Info  "The world is out of reach. Your input is kept.";
    AnswerUnreadable  "ANSWER_UNREADABLE"     500    0 final Error "The server could not do that; it has been logged.";
    Timeout           "TIMEOUT"               503    0 again Warn  "The world is slow to answer. Your input is kept.";
    Recoverable       "TRY_AGAIN"             503    0 again Info  "That did not get through. Please try again.";
    LinkFatal         "LINK_FATAL"            500    0 final Error "The world is out of reach.";
    AnswerUnexpected  "ANSWER_UNEXPECTED"     500    0 final Error "The server could not do that; it has been logged.";
    // The daemon refuses.
    AlreadyConnected  "ALREADY_CONNECTED"     409    0 final Info  "You are connected already.";
    InvalidRequest    "INVALID_REQUEST"       400    0 final Info  "The server did not understand that.";
    NoConnection      "NO_CONNECTION"         410 4408 final Info  "This connection has ended.";
    NoSysProp         "NO_SYSTEM_PROPERTY"    404    0 final Debug "There is no such property.";
    LoginFailed       "LOGIN_FAILED"          401    0 final Info  "";
    NoSession         "SESSION_NOT_CREATED"   503    0 again Warn  "You cannot be logged in just now. Please try again.";
    PermissionDenied  "PERMISSION_DENIED"     403    0 final Debug "Permission denied.";
    NotFound          "NOT_FOUND"             404    0 final Debug "There is no such thing.";
    InternalError     "INTERNAL_ERROR"        500    0 final Error "The server could not do that; it has been logged.";
    Busy              "BUSY"                  429    0 again Info  "The server is busy. Please try again in a moment.";
    Draining          "DRAINING"              503    0 again Info  "The world is about to restart. Your input is kept.";
    Fenced            "FENCED"                409 4409 final Info  "You are connected from elsewhere now.";
    TokenExpired      "TOKEN_EXPIRED"         401    0 final Info  "Your login has expired. Please log in again.";
    TooLarge          "TOO_LARGE"             413    0 final Info  "That is too long.";
    Unsupported       "UNSUPPORTED"           501    0 final Warn  "The server cannot do that.";
    QueueFull         "QUEUE_FULL"            429    0 again Warn  "Too much is waiting already. Please try again later.";
    ReadOnly          "READ_ONLY"             503    0 again Error "Nothing can be kept right now: the server's disk is full. Please try again later.";
    UnknownType       "UNKNOWN_TYPE"          400    0 final Debug "There are no messages of that type.";
    ProofInvalid      "TOKEN_INVALID"         401    0 final Info  "Your login does not hold. Please log in again.";
    Changed           "CHANGED"               412    0 final Debug "It was changed meanwhile.";
    // The task.
    SchedulerAway     "SCHEDULER_AWAY"        503    0 again Error "The server is busy. Please try again in a moment.";
    TaskNotFound      "TASK_NOT_FOUND"        404    0 final Debug "There is no such task.";
    InputNotWanted    "INPUT_NOT_WANTED"      404    0 final Debug "Nothing waits for that answer any more.";
    TaskNotStarted    "TASK_NOT_STARTED"      500    0 again Error "The server could not do that; it has been logged.";
    DoesNotCompile    "COMPILATION_ERROR"     422    0 final Debug "";
    NotACommand       "NOT_A_COMMAND"         422    0 final Debug "I couldn't understand that.";
    NoObjectMatch     "NO_OBJECT_MATCH"       404    0 final Debug "I see no such thing here.";
    NoCommandMatch    "NO_COMMAND_MATCH"      404    0 final Debug "I couldn't understand that.";
    CommandDatabase   "COMMAND_DATABASE"      500    0 again Error "The server could not do that; it has been logged.";
    CommandDenied     "COMMAND_DENIED"        403    0 final Debug "Permission denied.";
    OutOfTicks        "OUT_OF_TICKS"          422    0 final Info  "";
    OutOfTime         "OUT_OF_TIME"           422    0 final Info  "";
    TaskBroken        "TASK_BROKEN"           500    0 final Error "The server could not finish that; it has been logged.";
    VerbNotFound      "VERB_NOT_FOUND"        404    0 final Debug "There is no such verb.";
    Exception         "EXCEPTION"             422    0 final Debug "";
    TaskKilled        "TASK_KILLED"           422    0 final Debug "";
    NoVerbToProgram   "NO_VERB_TO_PROGRAM"    404    0 final Debug "That object does not have that verb definition.";
    ProgramNotCompiled "PROGRAM_NOT_COMPILED" 422    0 final Debug "Verb not programmed.";
    ProgramDenied     "PROGRAM_DENIED"        403    0 final Debug "Permission denied.";
    ProgramDatabase   "PROGRAM_DATABASE"      500    0 again Error "The server could not do that; it has been logged.";
    PropertyUnread    "PROPERTY_NOT_READ"     404    0 final Debug "There is no such property.";
    VerbUnread        "VERB_NOT_READ"         404    0 final Debug "There is no such verb.";
    ObjectUnresolved  "OBJECT_NOT_FOUND"      404    0 final Debug "There is no such object.";
    CollectionFailed  "COLLECTION_FAILED"     500    0 again Error "The server could not do that; it has been logged.";
    // A worker.
    WorkDenied        "WORK_DENIED"           403    0 final Info  "Permission denied.";
    WorkInvalid       "WORK_INVALID"          400    0 final Info  "The request makes no sense.";
    WorkBroken        "WORK_BROKEN"           500    0 final Error "The request could not be carried out; it has been logged.";
    WorkTimedOut      "WORK_TIMED_OUT"        504    0 again Info  "The other side took too long.";
    WorkFailed        "WORK_FAILED"           502    0 final Info  "The other side refused.";
    WorkerGone        "WORKER_GONE"           502    0 again Warn  "The request was lost on its way.";
    NoWorker          "NO_WORKER"             503    0 again Warn  "Nobody does that kind of work at the moment.";
    // A session.
    NotConnected      "NOT_CONNECTED"         404    0 final Debug "That player is not connected.";
    NotDelivered      "NOT_DELIVERED"         503    0 again Warn  "That could not be delivered.";
    NotCommitted      "NOT_COMMITTED"         503    0 again Error "That could not be stored; nothing has changed.";
    TokenInvalid      "SESSION_INVALID"       401 4401 final Info  "Your login does not hold. Please log in again.";
}

/// An error that can be shown.
pub trait Surfaced {
    /// Its row.
    fn row(&self) -> Row;

    /// What is seen of it.
    fn surface(&self) -> &'static Surface {
        &SURFACE[self.row() as usize]
    }
}

impl Surfaced for RpcError {
    fn row(&self) -> Row {
        match self {
            RpcError::CouldNotInitiateSession(_) => Row::LinkNotSetUp,
            RpcError::AuthenticationError(_) => Row::LinkRefused,
            RpcError::CouldNotSend(_) => Row::NotSent,
            RpcError::CouldNotReceive(_) => Row::NotReceived,
            RpcError::ConnectionLost => Row::LinkLost,
            RpcError::CouldNotDecode(_) => Row::AnswerUnreadable,
            RpcError::Timeout => Row::Timeout,
            RpcError::Recoverable(_) => Row::Recoverable,
            RpcError::Fatal(_) => Row::LinkFatal,
            RpcError::UnexpectedReply(_) => Row::AnswerUnexpected,
        }
    }
}

impl Surfaced for RpcMessageError {
    fn row(&self) -> Row {
        match self {
            RpcMessageError::AlreadyConnected => Row::AlreadyConnected,
            RpcMessageError::InvalidRequest(_) => Row::InvalidRequest,
            RpcMessageError::NoConnection => Row::NoConnection,
            RpcMessageError::ErrorCouldNotRetrieveSysProp(_) => Row::NoSysProp,
            RpcMessageError::LoginTaskFailed(_) => Row::LoginFailed,
            RpcMessageError::CreateSessionFailed(_) => Row::NoSession,
            RpcMessageError::PermissionDenied => Row::PermissionDenied,
            RpcMessageError::TaskError(error) => error.row(),
            RpcMessageError::EntityRetrievalError(_) => Row::NotFound,
            RpcMessageError::InternalError(_) => Row::InternalError,
            RpcMessageError::Busy { .. } => Row::Busy,
            RpcMessageError::Draining => Row::Draining,
            RpcMessageError::Fenced { .. } => Row::Fenced,
            RpcMessageError::TokenExpired => Row::TokenExpired,
            RpcMessageError::TooLarge { .. } => Row::TooLarge,
            RpcMessageError::Unsupported { .. } => Row::Unsupported,
            RpcMessageError::QueueFull => Row::QueueFull,
            RpcMessageError::ReadOnly => Row::ReadOnly,
            RpcMessageError::UnknownType(_) => Row::UnknownType,
            RpcMessageError::InvalidToken => Row::ProofInvalid,
            RpcMessageError::Changed { .. } => Row::Changed,
        }
    }
}

impl Surfaced for SchedulerError {
    fn row(&self) -> Row {
        match self {
            SchedulerError::SchedulerNotResponding => Row::SchedulerAway,
            SchedulerError::TaskNotFound(_) => Row::TaskNotFound,
            SchedulerError::InputRequestNotFound(_) => Row::InputNotWanted,
            SchedulerError::CouldNotStartTask(_) => Row::TaskNotStarted,
            SchedulerError::CompilationError(_) => Row::DoesNotCompile,
            SchedulerError::CommandExecutionError(error) => error.row(),
            SchedulerError::TaskAbortedLimit(AbortLimit::Ticks(_)) => Row::OutOfTicks,
            SchedulerError::TaskAbortedLimit(AbortLimit::Time(_)) => Row::OutOfTime,
            SchedulerError::TaskAbortedError => Row::TaskBroken,
            SchedulerError::TaskAbortedVerbNotFound { .. } => Row::VerbNotFound,
            SchedulerError::TaskAbortedException(_) => Row::Exception,
            SchedulerError::TaskAbortedCancelled => Row::TaskKilled,
            SchedulerError::VerbProgramFailed(error) => error.row(),
            SchedulerError::PropertyRetrievalFailed(_) => Row::PropertyUnread,
            SchedulerError::VerbRetrievalFailed(_) => Row::VerbUnread,
            SchedulerError::ObjectResolutionFailed(_) => Row::ObjectUnresolved,
            SchedulerError::GarbageCollectionFailed(_) => Row::CollectionFailed,
        }
    }
}

impl Surfaced for CommandError {
    fn row(&self) -> Row {
        match self {
            CommandError::CouldNotParseCommand => Row::NotACommand,
            CommandError::NoObjectMatch => Row::NoObjectMatch,
            CommandError::NoCommandMatch => Row::NoCommandMatch,
            CommandError::DatabaseError(_) => Row::CommandDatabase,
            CommandError::PermissionDenied => Row::CommandDenied,
        }
    }
}

impl Surfaced for VerbProgramError {
    fn row(&self) -> Row {
        match self {
            VerbProgramError::NoVerbToProgram(_) => Row::NoVerbToProgram,
            VerbProgramError::CompilationError(_) => Row::ProgramNotCompiled,
            VerbProgramError::PermissionDenied => Row::ProgramDenied,
            VerbProgramError::DatabaseError(_) => Row::ProgramDatabase,
        }
    }
}

impl Surfaced for WorkerError {
    fn row(&self) -> Row {
        match self {
            WorkerError::PermissionDenied(_) => Row::WorkDenied,
            WorkerError::InvalidRequest(_) => Row::WorkInvalid,
            WorkerError::InternalError(_) => Row::WorkBroken,
            WorkerError::RequestTimedOut(_) => Row::WorkTimedOut,
            WorkerError::RequestError(_) => Row::WorkFailed,
            WorkerError::WorkerDetached(_) => Row::WorkerGone,
            WorkerError::NoWorkerAvailable(_) => Row::NoWorker,
        }
    }
}

impl Surfaced for SessionError {
    fn row(&self) -> Row {
        match self {
            SessionError::NoConnectionForPlayer(_) => Row::NotConnected,
            SessionError::DeliveryError(_) => Row::NotDelivered,
            SessionError::CommitError(_) => Row::NotCommitted,
            SessionError::InvalidToken => Row::TokenInvalid,
        }
    }
}
