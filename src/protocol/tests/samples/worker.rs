//! Samples of what workers and strangers say, and of the answers.

use super::*;

pub(in crate::protocol::tests) fn worker_requests() -> Vec<WorkerToDaemonMessage> {
    use WorkerToDaemonMessage::*;
    let (build, token, world) = (s("0.1.0"), s("v4.public.x"), s("hall"));
    vec![
        Hello {
            versions: (1, 1),
            build,
            role: Role::Worker,
            id: WORKER,
            instance: 9,
            token,
            world,
        },
        AttachWorker {
            worker_type: s("http"),
            token: s("t"),
            concurrency: 16,
            known: vec![(REQUEST, 1)],
        },
        Ready { credits: 4 },
        WorkerPong {
            ping: 1,
            in_flight: vec![REQUEST],
        },
        RequestResult {
            id: REQUEST,
            attempt: 1,
            result: value(),
        },
        RequestError {
            id: REQUEST,
            attempt: 1,
            error: WorkerError::RequestTimedOut(s("5 s")),
        },
        RenewToken { token: s("t") },
        DetachWorker { reason: s("stop") },
    ]
}

pub(in crate::protocol::tests) fn worker_replies() -> Vec<DaemonToWorkerReply> {
    use DaemonToWorkerReply::*;
    vec![
        Attached {
            worker: WORKER,
            token: s("t"),
        },
        Ack,
        Rejected(s("why")),
        AuthFailed(s("why")),
        InvalidPayload(s("why")),
        UnknownRequest(REQUEST),
        NotRegistered(WORKER),
    ]
}

pub(in crate::protocol::tests) fn enrollment() -> Vec<Enrollment> {
    let (token_id, service_type, hostname) = (s("e1"), s("web"), s("web-1"));
    let request = EnrollmentRequest {
        token_id,
        proof: [1; 32],
        curve_pk: [2; 32],
        service_type,
        hostname,
    };
    vec![
        Enrollment::Request(request),
        Enrollment::Enrolled {
            id: [3; 16],
            token: s("t"),
        },
        Enrollment::Refused(s("used already")),
    ]
}
