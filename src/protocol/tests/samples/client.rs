//! Samples of what is asked for clients, and of the answers.

use super::host::peer;
use super::*;

#[expect(clippy::too_many_lines, reason = "a list of samples")]
pub(in crate::protocol::tests) fn client_requests() -> Vec<HostClientToDaemonMessage> {
    use HostClientToDaemonMessage::*;
    let (handler, args) = (WireObj(0), || vec![value()]);
    let number = || ObjectRef::Number(PLAYER);
    let system = || ObjectRef::System(vec![s("room")]);
    let action = WorldAction::InvokeVerb {
        object: ObjectRef::Match(s("map")),
        verb: s("look"),
        args: args(),
    };
    vec![
        ConnectionEstablish {
            peer: peer(),
            handler,
        },
        Attach {
            connect_type: ConnectType::Connected,
            handler,
            peer: peer(),
            takeover: true,
        },
        Reattach {
            last: POS,
            peer: peer(),
        },
        LoginCommand {
            handler,
            connect_args: vec![s("co"), s("ada")],
            command: s("co ada"),
            do_attach: true,
        },
        Command {
            handler,
            command: s("look at the map"),
        },
        Eval {
            expression: s("1 + 1"),
        },
        InvokeVerb {
            object: number(),
            verb: s("look"),
            args: args(),
        },
        OutOfBand {
            handler,
            args: vec![s("mcp")],
            argstr: s("mcp version: 2.1"),
        },
        RequestedInput {
            request: REQUEST,
            input: value(),
        },
        Program {
            object: system(),
            verb: s("look"),
            code: vec![s("return 1;")],
        },
        UpdateProperty {
            object: number(),
            property: s("name"),
            value: value(),
        },
        BatchWorldState {
            actions: vec![(s("a"), action)],
            rollback: false,
        },
        Typed {
            msg_type: s("DirectMessage"),
            id: Some(s("1")),
            to: Some((s("user"), s("ada"))),
            data: value(),
        },
        CallSystemVerb {
            verb: s("server_started"),
            args: args(),
        },
        InvokeSystemHandler {
            handler_type: s("http"),
            args: args(),
        },
        RequestSysProp {
            object: system(),
            property: s("welcome"),
        },
        Verbs {
            object: number(),
            inherited: true,
        },
        Properties {
            object: number(),
            inherited: false,
        },
        Retrieve {
            object: number(),
            what: EntityType::Verb,
            name: s("look"),
        },
        Resolve { object: system() },
        ListObjects {
            after: Some(PLAYER),
            limit: 100,
        },
        RequestHistory {
            recall: HistoryRecall::After(POS, 50),
        },
        RequestCurrentPresentations,
        DismissPresentation { id: s("help") },
        SetClientAttribute {
            key: s("width"),
            value: Some(value()),
        },
        ClientPong {
            client_time: 1,
            rtt_us: 400,
        },
        Detach { disconnected: true },
        EnqueueJob {
            kind: s("mail"),
            data: value(),
            options: vec![(s("delay"), value())],
        },
        QueuedJobs { owner: Some(PLAYER) },
        JobInfo { job: JobId([7; 16]) },
        CancelJob { job: JobId([7; 16]) },
        ListSessions,
        LogoutEverywhere,
        RenewToken,
    ]
}

fn verb() -> VerbInfo {
    let args = [s("this"), s("none"), s("this")];
    VerbInfo {
        definer: PLAYER,
        names: vec![s("l*ook")],
        owner: PLAYER,
        flags: s("rxd"),
        args,
    }
}

fn property() -> PropInfo {
    PropInfo {
        definer: PLAYER,
        name: s("name"),
        owner: PLAYER,
        flags: s("rc"),
        clear: true,
    }
}

fn job() -> JobLine {
    JobLine {
        job: JobId([7; 16]),
        kind: s("mail"),
        to: s("world"),
        state: s("ready"),
        owner: PLAYER,
        tries: 1,
    }
}

fn attachment() -> Attachment {
    Attachment {
        client: CLIENT,
        client_token: s("c"),
        sid: s("sid"),
        bound: [6; 16],
        player: PLAYER,
        flags: 3,
        attach_epoch: 2,
        cmd_next: 42,
        head: POS,
        last: StreamPos { era: 1, seq: 880 },
        recovered: true,
    }
}

#[expect(clippy::too_many_lines, reason = "a list of samples")]
pub(in crate::protocol::tests) fn client_replies() -> Vec<DaemonToClientReply> {
    use DaemonToClientReply::*;
    let connect_type = ConnectType::Created;
    let login = LoginOk {
        auth_token: s("a"),
        connect_type,
        player: PLAYER,
        attach: Some(attachment()),
    };
    let object = ObjectInfo {
        obj: PLAYER,
        name: s("ada"),
        parent: WireObj(6),
        owner: PLAYER,
        location: WireObj(11),
        flags: 7,
    };
    let past = HistoricalEvent {
        pos: POS,
        at: NOW,
        event: ClientEvent::Gap { lost: 1 },
    };
    let narrative = NarrativeEvent {
        author: PLAYER,
        content: Content::Lines(vec![Line::text("told")]),
    };
    vec![
        NewConnection {
            client_token: s("c"),
            bound: [6; 16],
            connection: WireObj(-5),
            pos: POS,
        },
        LoginResult(Some(login)),
        AttachResult(attachment()),
        TaskSubmitted { task_id: 55 },
        Duplicate {
            cmd_seq: 41,
            outcome: CmdOutcome::Done(Ok(value())),
        },
        InputThanks,
        EvalResult(value()),
        ThanksPong { timestamp: 1 },
        SysPropValue(None),
        VerbList(vec![verb()]),
        PropertyList(vec![property()]),
        PropertyValue(property(), value()),
        VerbValue(verb(), vec![s("return 1;")]),
        ProgramResult(Err(VerbProgramError::NoVerbToProgram(PLAYER))),
        ResolveResult(value()),
        ObjectList(vec![object]),
        PropertyUpdated,
        BatchResult(vec![
            (s("a"), Ok(WorldResult::Value(value()))),
            (s("b"), Err(RpcMessageError::PermissionDenied)),
        ]),
        History {
            events: vec![past],
            more_before: true,
            total: 10,
        },
        Presentations(vec![(s("help"), presentation())]),
        PresentationDismissed,
        ClientAttributeSet,
        SystemHandler(Err(SchedulerError::TaskAbortedCancelled)),
        VerbCall {
            result: Ok(value()),
            output: vec![narrative],
        },
        Disconnected,
        JobEnqueued(JobId([7; 16])),
        JobList(vec![job()]),
        JobFacts(job(), NOW, s("it failed"), value()),
        JobCancelled,
        Sessions(vec![SessionInfo {
            client: CLIENT,
            is_current: true,
            host: s("web"),
            address: s("192.0.2.7"),
            connected_s: 310,
            idle_s: 2,
            is_lingering: false,
        }]),
        LoggedOutEverywhere { closed: 1 },
        TokenRenewed {
            auth_token: s("v4.public.x"),
        },
    ]
}
