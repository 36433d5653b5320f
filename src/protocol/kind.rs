//! The table of kinds: what every message may weigh, whether it is numbered, whether it may be sent again, and what
//! answers it.
//!
//! Invariant: a family's rows stand in the order of its enum's variants, so a row's place is the variant's number.

use crate::limits::{
    BODY_CONTROL_MAX as CONTROL, BODY_EVENT_MAX as EVENT, BODY_HELLO_MAX as HELLO, BODY_LIST_MAX as LIST,
    BODY_PROGRAM_MAX as PROGRAM, BODY_REPLY_MAX as REPLY,
};

/// A kind of message: the family in the high byte, the variant in the low one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct Kind(pub u16);

impl Kind {
    /// The kind of a family's variant.
    pub const fn new(family: Family, variant: u8) -> Kind {
        Kind((family as u16) << 8 | variant as u16)
    }

    /// The family's number, known or not.
    pub const fn family(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The variant's number in its family.
    pub const fn variant(self) -> u8 {
        (self.0 & 0xFF) as u8
    }

    /// The kind's row; `None` if this version does not know the kind.
    pub fn row(self) -> Option<&'static Row> {
        let family = usize::from(self.family()).checked_sub(1)?;
        TABLE.get(family)?.1.get(usize::from(self.variant()))
    }
}

/// When a request may be sent again although an answer to it may be on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resend {
    /// Never: the asker is told that the link was lost.
    Never,
    /// Always: it only reads, or doing it twice changes nothing more.
    Always,
    /// Always, because its number makes the second one find the first one's answer.
    Numbered,
}

/// Which of a host's two request sockets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Lane {
    /// Commands, and whatever else somebody waits for.
    Interactive = 0,
    /// Programs, listings, replays and history, which must not delay a command.
    Bulk = 1,
}

impl Lane {
    /// Both.
    pub const ALL: [Lane; 2] = [Lane::Interactive, Lane::Bulk];
}

/// A kind's row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The variant's name.
    pub name: &'static str,
    /// Bytes of its body at most.
    pub body_max: usize,
    /// Whether it may be sent again.
    pub resend: Resend,
    /// The variants of the answering family that may come; `Refusal` may always come.
    pub replies: &'static [&'static str],
}

impl Row {
    /// The socket that a host sends it over: the bulk one for what is long or has a long answer.
    pub fn lane(&self) -> Lane {
        match self.name {
            "Replay" | "Program" | "BatchWorldState" | "Retrieve" | "RequestHistory" | "Verbs"
            | "Properties" | "ListObjects" => Lane::Bulk,
            _ => Lane::Interactive,
        }
    }

    /// Whether it carries a `cmd_seq`.
    pub fn is_numbered(&self) -> bool {
        self.resend == Resend::Numbered
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $family:ident = $number:literal {
        $($name:ident $limit:ident $resend:ident [$($reply:ident)*])*
    })*) => {
        /// The families, each the variants of one enum. Numbered from 1 without a hole.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Family {
            $($(#[$doc])* $family = $number,)*
        }

        /// All families with their rows.
        pub const TABLE: &[(Family, &[Row])] = &[$((Family::$family, &[$(Row {
            name: stringify!($name),
            body_max: $limit,
            resend: Resend::$resend,
            replies: &[$(stringify!($reply)),*],
        }),*])),*];
    };
}

kinds! {
    /// [`super::host::HostToDaemonMessage`], answered by `DaemonToHost`.
    HostToDaemon = 1 {
        Hello                      HELLO   Always [Welcome Reject]
        RegisterHost               CONTROL Always [Ack Reject]
        ReattachBatch              LIST    Always [Reattached Reject]
        HostPong                   CONTROL Never  []
        ClientList                 LIST    Always [Ack]
        EventAck                   LIST    Never  []
        Replay                     CONTROL Always [ReplayChunk]
        ValidateSession            CONTROL Always [Session]
        RenewToken                 CONTROL Always [Renewed]
        JobPut                     PROGRAM Never  [JobStored]
        JobTake                    CONTROL Never  [Ack]
        JobAck                     PROGRAM Always [Ack]
        JobExtend                  CONTROL Always [Ack]
        RequestPerformanceCounters CONTROL Always [PerfCounters]
        GetServerFeatures          CONTROL Always [ServerFeatures]
        DrainDone                  CONTROL Always [Ack]
        DetachHost                 CONTROL Always [Ack]
    }
    /// [`super::host::DaemonToHostReply`].
    DaemonToHost = 2 {
        Welcome        CONTROL Never []
        Ack            CONTROL Never []
        Reject         CONTROL Never []
        Reattached     LIST    Never []
        ReplayChunk    REPLY   Never []
        Session        CONTROL Never []
        Renewed        CONTROL Never []
        PerfCounters   LIST    Never []
        ServerFeatures CONTROL Never []
        JobStored      CONTROL Never []
    }
    /// [`super::host::DaemonDirect`].
    DaemonDirect = 3 {
        JobAssign     PROGRAM Never []
        ListClients   CONTROL Never []
        Fence         CONTROL Never []
        CloseClient   CONTROL Never []
        WorkerRequest PROGRAM Never []
        CancelRequest CONTROL Never []
        Drain         CONTROL Never []
    }
    /// [`super::client::ClientRequest`], answered by `DaemonToClient`.
    HostClientToDaemon = 4 {
        ConnectionEstablish         CONTROL Always   [NewConnection]
        Attach                      CONTROL Always   [AttachResult]
        Reattach                    CONTROL Always   [AttachResult]
        LoginCommand                CONTROL Numbered [LoginResult TaskSubmitted Duplicate]
        Command                     CONTROL Numbered [TaskSubmitted Duplicate]
        Eval                        CONTROL Numbered [EvalResult TaskSubmitted Duplicate]
        InvokeVerb                  PROGRAM Numbered [VerbCall TaskSubmitted Duplicate]
        OutOfBand                   CONTROL Numbered [TaskSubmitted Duplicate]
        RequestedInput              PROGRAM Numbered [InputThanks Duplicate]
        Program                     PROGRAM Numbered [ProgramResult TaskSubmitted Duplicate]
        UpdateProperty              PROGRAM Numbered [PropertyUpdated TaskSubmitted Duplicate]
        BatchWorldState             PROGRAM Numbered [BatchResult TaskSubmitted Duplicate]
        Typed                       CONTROL Numbered [TaskSubmitted Duplicate]
        CallSystemVerb              PROGRAM Numbered [VerbCall TaskSubmitted Duplicate]
        InvokeSystemHandler         PROGRAM Numbered [SystemHandler TaskSubmitted Duplicate]
        RequestSysProp              CONTROL Always   [SysPropValue]
        Verbs                       CONTROL Always   [VerbList]
        Properties                  CONTROL Always   [PropertyList]
        Retrieve                    CONTROL Always   [VerbValue PropertyValue]
        Resolve                     CONTROL Always   [ResolveResult]
        ListObjects                 CONTROL Always   [ObjectList]
        RequestHistory              CONTROL Always   [History]
        RequestCurrentPresentations CONTROL Always   [Presentations]
        DismissPresentation         CONTROL Always   [PresentationDismissed]
        SetClientAttribute          CONTROL Always   [ClientAttributeSet]
        ClientPong                  CONTROL Never    [ThanksPong]
        Detach                      CONTROL Always   [Disconnected]
        EnqueueJob                  PROGRAM Numbered [JobEnqueued TaskSubmitted Duplicate]
        QueuedJobs                  CONTROL Always   [JobList]
        JobInfo                     CONTROL Always   [JobFacts]
        CancelJob                   CONTROL Numbered [JobCancelled TaskSubmitted Duplicate]
        ListSessions                CONTROL Always   [Sessions]
        LogoutEverywhere            CONTROL Always   [LoggedOutEverywhere]
        RenewToken                  CONTROL Always   [TokenRenewed]
    }
    /// [`super::client::ClientReply`].
    DaemonToClient = 5 {
        NewConnection         CONTROL Never []
        LoginResult           CONTROL Never []
        AttachResult          CONTROL Never []
        TaskSubmitted         CONTROL Never []
        Duplicate             REPLY   Never []
        InputThanks           CONTROL Never []
        EvalResult            REPLY   Never []
        ThanksPong            CONTROL Never []
        SysPropValue          REPLY   Never []
        VerbList              REPLY   Never []
        PropertyList          REPLY   Never []
        PropertyValue         REPLY   Never []
        VerbValue             REPLY   Never []
        ProgramResult         REPLY   Never []
        ResolveResult         REPLY   Never []
        ObjectList            REPLY   Never []
        PropertyUpdated       CONTROL Never []
        BatchResult           REPLY   Never []
        History               REPLY   Never []
        Presentations         REPLY   Never []
        PresentationDismissed CONTROL Never []
        ClientAttributeSet    CONTROL Never []
        SystemHandler         REPLY   Never []
        VerbCall              REPLY   Never []
        Disconnected          CONTROL Never []
        JobEnqueued           CONTROL Never []
        JobList               REPLY   Never []
        JobFacts              REPLY   Never []
        JobCancelled          CONTROL Never []
        Sessions              LIST    Never []
        LoggedOutEverywhere   CONTROL Never []
        TokenRenewed          CONTROL Never []
    }
    /// [`super::client::Refusal`], in place of any answer.
    Refusal = 6 {
        AlreadyConnected             CONTROL Never []
        InvalidRequest               CONTROL Never []
        NoConnection                 CONTROL Never []
        ErrorCouldNotRetrieveSysProp CONTROL Never []
        LoginTaskFailed              CONTROL Never []
        CreateSessionFailed          CONTROL Never []
        PermissionDenied             CONTROL Never []
        TaskError                    REPLY   Never []
        EntityRetrievalError         CONTROL Never []
        InternalError                CONTROL Never []
        Busy                         CONTROL Never []
        Draining                     CONTROL Never []
        Fenced                       CONTROL Never []
        TokenExpired                 CONTROL Never []
        TooLarge                     CONTROL Never []
        Unsupported                  CONTROL Never []
        QueueFull                    CONTROL Never []
        ReadOnly                     CONTROL Never []
        UnknownType                  CONTROL Never []
        InvalidToken                 CONTROL Never []
        Changed                      REPLY   Never []
    }
    /// [`super::event::EventFrame`], by its event.
    Event = 7 {
        Narrative           EVENT Never []
        RequestInput        EVENT Never []
        SystemMessage       EVENT Never []
        Disconnect          EVENT Never []
        TaskError           EVENT Never []
        TaskSuccess         EVENT Never []
        TaskSuspended       EVENT Never []
        PlayerSwitched      EVENT Never []
        SetConnectionOption EVENT Never []
        CredentialsUpdated  EVENT Never []
        Typed               EVENT Never []
        Gap                 EVENT Never []
        ForceInput          EVENT Never []
        FlushInput          EVENT Never []
        Presentation        EVENT Never []
    }
    /// [`super::event::StreamControl`].
    Stream = 8 {
        Probe CONTROL Never []
        Heads LIST    Never []
    }
    /// [`super::broadcast::HostBroadcastEvent`].
    HostBroadcast = 9 {
        Listen   CONTROL Never []
        Unlisten CONTROL Never []
        PingPong CONTROL Never []
        Keys     CONTROL Never []
        Revoked  CONTROL Never []
        Draining CONTROL Never []
    }
    /// [`super::broadcast::ClientsBroadcastEvent`].
    ClientsBroadcast = 10 {
        PingPong CONTROL Never []
        System   CONTROL Never []
    }
    /// [`super::worker::WorkerToDaemonMessage`], answered by `DaemonToWorkerReply`.
    WorkerToDaemon = 11 {
        Hello         HELLO   Always [Ack Rejected AuthFailed]
        AttachWorker  CONTROL Always [Attached Rejected AuthFailed]
        Ready         CONTROL Never  [Ack NotRegistered]
        WorkerPong    CONTROL Never  [NotRegistered]
        RequestResult PROGRAM Always [Ack UnknownRequest NotRegistered]
        RequestError  CONTROL Always [Ack UnknownRequest NotRegistered]
        RenewToken    CONTROL Always [Attached AuthFailed]
        DetachWorker  CONTROL Always [Ack]
    }
    /// [`super::worker::DaemonToWorkerReply`].
    DaemonToWorkerReply = 12 {
        Attached       CONTROL Never []
        Ack            CONTROL Never []
        Rejected       CONTROL Never []
        AuthFailed     CONTROL Never []
        InvalidPayload CONTROL Never []
        UnknownRequest CONTROL Never []
        NotRegistered  CONTROL Never []
    }
    /// [`super::worker::DaemonToWorkerMessage`].
    DaemonToWorker = 13 {
        PingWorkers CONTROL Never []
        PleaseDie   CONTROL Never []
        Draining    CONTROL Never []
    }
    /// [`super::enroll::Enrollment`].
    Enrollment = 14 {
        Request  HELLO   Always [Enrolled Refused]
        Enrolled CONTROL Never  []
        Refused  CONTROL Never  []
    }
}

impl Family {
    /// The family that answers this one's requests.
    pub const fn answered_by(self) -> Option<Family> {
        match self {
            Family::HostToDaemon => Some(Family::DaemonToHost),
            Family::HostClientToDaemon => Some(Family::DaemonToClient),
            Family::WorkerToDaemon => Some(Family::DaemonToWorkerReply),
            Family::Enrollment => Some(Family::Enrollment),
            _ => None,
        }
    }
}
