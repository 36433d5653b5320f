//! Samples of every error that travels.

use super::*;

/// Every refusal.
pub(in crate::protocol::tests) fn refusals() -> Vec<RpcMessageError> {
    use RpcMessageError::*;
    vec![
        AlreadyConnected,
        InvalidRequest(s("why")),
        NoConnection,
        ErrorCouldNotRetrieveSysProp(s("why")),
        LoginTaskFailed(s("why")),
        CreateSessionFailed(s("why")),
        PermissionDenied,
        TaskError(SchedulerError::SchedulerNotResponding),
        EntityRetrievalError(s("why")),
        InternalError(s("why")),
        Busy { retry_after_ms: 100 },
        Draining,
        Fenced { epoch: 3 },
        TokenExpired,
        TooLarge { limit: 65_536 },
        Unsupported { kind: 0x01FF },
        QueueFull,
        ReadOnly,
        UnknownType(s("Telepathy")),
        InvalidToken,
        Changed { current: value() },
    ]
}

/// Every way a task fails, and every way one of those that wrap another does.
pub(in crate::protocol::tests) fn scheduler_errors() -> Vec<SchedulerError> {
    use SchedulerError::*;
    let fault = || {
        vec![CompileFault {
            line: 1,
            column: 2,
            message: s("expected ;"),
        }]
    };
    let exception = Exception {
        code: value(),
        message: s("Type mismatch"),
        value: value(),
        traceback: vec![s("t")],
    };
    vec![
        SchedulerNotResponding,
        TaskNotFound(55),
        InputRequestNotFound(REQUEST),
        CouldNotStartTask(s("why")),
        CompilationError(fault()),
        CommandExecutionError(CommandError::CouldNotParseCommand),
        CommandExecutionError(CommandError::NoObjectMatch),
        CommandExecutionError(CommandError::NoCommandMatch),
        CommandExecutionError(CommandError::DatabaseError(s("why"))),
        CommandExecutionError(CommandError::PermissionDenied),
        TaskAbortedLimit(AbortLimit::Ticks(60_000)),
        TaskAbortedLimit(AbortLimit::Time(5_000)),
        TaskAbortedError,
        TaskAbortedVerbNotFound {
            object: value(),
            verb: s("look"),
        },
        TaskAbortedException(exception),
        TaskAbortedCancelled,
        VerbProgramFailed(VerbProgramError::NoVerbToProgram(PLAYER)),
        VerbProgramFailed(VerbProgramError::CompilationError(fault())),
        VerbProgramFailed(VerbProgramError::PermissionDenied),
        VerbProgramFailed(VerbProgramError::DatabaseError(s("why"))),
        PropertyRetrievalFailed(s("why")),
        VerbRetrievalFailed(s("why")),
        ObjectResolutionFailed(s("why")),
        GarbageCollectionFailed(s("why")),
    ]
}

/// Every way a worker fails.
pub(in crate::protocol::tests) fn worker_errors() -> Vec<WorkerError> {
    use WorkerError::*;
    vec![
        PermissionDenied(s("why")),
        InvalidRequest(s("why")),
        InternalError(s("why")),
        RequestTimedOut(s("why")),
        RequestError(s("why")),
        WorkerDetached(s("why")),
        NoWorkerAvailable(s("http")),
    ]
}
