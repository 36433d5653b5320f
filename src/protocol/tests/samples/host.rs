//! Samples of what hosts and the daemon say to each other.

use super::*;

fn listener() -> Listener {
    Listener {
        handler: WireObj(0),
        addr: s("[::]:7777"),
        host_type: HostType::Tcp,
        options: vec![(s("name"), value())],
    }
}

pub(in crate::protocol::tests) fn peer() -> Peer {
    let (content_types, attrs) = (vec![s("text/plain")], vec![(s("tls"), value())]);
    Peer {
        addr: s("::1"),
        local_port: 7777,
        remote_port: 50_000,
        content_types,
        attrs,
    }
}

fn held() -> HeldConn {
    let listener = WireObj(0);
    HeldConn {
        client: CLIENT,
        bound: [6; 16],
        attach_epoch: 2,
        last: POS,
        cmd_acked: 40,
        listener,
        peer: peer(),
    }
}

fn key() -> PubKey {
    PubKey {
        kid: s("k1"),
        ed25519: [8; 32],
        not_after: NOW,
    }
}

fn job() -> JobSpec {
    JobSpec {
        kind: s("mail"),
        target: JobTarget::User(PLAYER),
        data: value(),
        order_key: Some(s("o")),
        dedupe: None,
        not_before: Some(NOW),
        ttl_ms: 86_400_000,
        tries_max: 5,
        from: Some(PLAYER),
        confirm: Confirm::Queued,
    }
}

pub(in crate::protocol::tests) fn host_requests() -> Vec<HostToDaemonMessage> {
    use HostToDaemonMessage::*;
    let (build, token, world) = (s("0.1.0"), s("v4.public.x"), s("hall"));
    vec![
        Hello {
            versions: (1, 1),
            build,
            role: Role::Host,
            id: HOST,
            instance: 9,
            token,
            world,
        },
        RegisterHost {
            timestamp: 1,
            host_type: HostType::WebSocket,
            listeners: vec![listener()],
            probe: [7; 16],
            capacity: 10_000,
            skills: vec![s("mail")],
        },
        ReattachBatch { conns: vec![held()] },
        HostPong {
            ping: 1,
            timestamp: 2,
            listeners: vec![listener()],
            clients: 3,
            digest: 4,
            gone: vec![CLIENT],
            load: HostLoad {
                clients: 3,
                out_bytes: 5,
                cpu_percent: 6,
                lag_ms: 7,
            },
        },
        ClientList {
            clients: vec![(CLIENT, 2)],
            done: true,
        },
        EventAck {
            frame: 8,
            acks: vec![(CLIENT, 900)],
            paused: vec![CLIENT],
        },
        Replay {
            client: CLIENT,
            from: POS,
            to: Some(903),
            bytes_max: 65_536,
        },
        ValidateSession { sid: s("sid") },
        RenewToken { token: s("t") },
        JobPut { job: job() },
        JobTake {
            queues: vec![s("mail")],
            credits: 16,
        },
        JobAck {
            job: JOB,
            lease: 3,
            out: JobOut::Done(Some(value())),
        },
        JobExtend { job: JOB, lease: 3 },
        RequestPerformanceCounters,
        GetServerFeatures,
        DrainDone,
        DetachHost { reason: s("stop") },
    ]
}

#[expect(clippy::too_many_lines, reason = "a list of samples")]
pub(in crate::protocol::tests) fn host_replies() -> Vec<DaemonToHostReply> {
    use DaemonToHostReply::*;
    let limits = Limits {
        window: 512,
        frame_max: 8 << 20,
        linger_s: 300,
        input_lines: 64,
        input_bytes: 16_384,
        credit_bytes: 8 << 20,
    };
    let counters = vec![Counter {
        name: s("ticks"),
        count: 2,
        total_us: 3,
    }];
    let outcomes = [
        ReattachOutcome::Ok {
            attach_epoch: 3,
            head: POS,
        },
        ReattachOutcome::Fenced { current: 4 },
        ReattachOutcome::Expired,
        ReattachOutcome::Unknown,
        ReattachOutcome::Denied,
    ];
    vec![
        Welcome {
            version: 1,
            daemon_epoch: 7,
            world: s("hall"),
            now: NOW,
            ping_ms: 2_000,
            limits,
            keys: vec![key()],
            topic: b"c/2".to_vec(),
            host_token: s("t"),
        },
        Ack,
        Reject {
            reason: RejectReason::Draining,
            retry_after_ms: 500,
        },
        Reattached {
            results: outcomes.map(|outcome| (CLIENT, outcome)).to_vec(),
        },
        ReplayChunk {
            client: CLIENT,
            events: events()
                .into_iter()
                .map(|(event, route)| (900, route.cause, event))
                .collect(),
            done: true,
            lost: Some(2),
        },
        Session {
            sid: s("sid"),
            client: CLIENT,
            player: PLAYER,
            user: s("ada"),
            exp: NOW,
            generation: 1,
        },
        Renewed { token: s("t") },
        PerfCounters {
            timestamp: 1,
            groups: vec![CounterGroup {
                name: s("vm"),
                counters,
            }],
        },
        ServerFeatures(Features {
            server: s("moothall 0.1.0"),
            line_bytes_max: 65_536,
            switches: vec![(s("maps"), false)],
        }),
        JobStored {
            job: JOB,
            duplicate: false,
        },
    ]
}

pub(in crate::protocol::tests) fn directs() -> Vec<DaemonDirect> {
    use DaemonDirect::*;
    vec![
        JobAssign {
            job: JOB,
            lease: 3,
            lease_ms: 30_000,
            queue: s("mail"),
            attempt: 1,
            spec: job(),
        },
        ListClients,
        Fence {
            client: CLIENT,
            attach_epoch: 3,
        },
        CloseClient {
            client: CLIENT,
            reason: s("too slow"),
        },
        WorkerRequest {
            id: REQUEST,
            attempt: 1,
            perms: PLAYER,
            request: vec![value()],
            timeout_ms: 5_000,
            retry: RetryClass::Idempotent { max: 2 },
        },
        CancelRequest { id: REQUEST },
        Drain {
            deadline_ms: 2_000,
            why: s("update"),
        },
    ]
}

pub(in crate::protocol::tests) fn host_broadcasts() -> Vec<HostBroadcastEvent> {
    use HostBroadcastEvent::*;
    let options = vec![(s("print-messages"), value())];
    vec![
        Listen {
            handler: WireObj(0),
            host_type: HostType::Other(s("gopher")),
            port: 7_777,
            options,
        },
        Unlisten {
            host_type: HostType::Tcp,
            port: 7_777,
        },
        PingPong {
            ping: 1,
            timestamp: 2,
        },
        Keys { keys: vec![key()] },
        Revoked {
            subject: Subject::Player(PLAYER),
            generation: 2,
        },
        Draining { back_in_ms: 1_000 },
    ]
}
