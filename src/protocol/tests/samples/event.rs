//! Samples of what reaches clients.

use super::*;

/// Something shown beside the lines.
pub(in crate::protocol::tests) fn presentation() -> Presentation {
    Presentation {
        content_type: s("text/html"),
        target: s("right"),
        content: value(),
        attrs: vec![(s("title"), value())],
    }
}

/// Every event, the first one a narrative of several lines, with a route.
#[expect(clippy::too_many_lines, reason = "a list of samples")]
pub(in crate::protocol::tests) fn events() -> Vec<(ClientEvent, Route)> {
    use ClientEvent::*;
    let lines = vec![
        Line::text("The Hall"),
        Line {
            body: LineBody::Text(s("> ")),
            no_newline: true,
            no_flush: false,
        },
        Line {
            body: LineBody::Bytes(vec![0, 255]),
            no_newline: true,
            no_flush: true,
        },
    ];
    let narrative = NarrativeEvent {
        author: PLAYER,
        content: Content::Lines(lines.clone()),
    };
    let events = [
        Narrative { event: narrative },
        RequestInput {
            request: REQUEST,
            metadata: vec![(s("prompt"), value())],
        },
        SystemMessage {
            player: PLAYER,
            message: s("soon"),
        },
        Disconnect {
            reason: s("booted"),
            lines,
        },
        TaskError {
            task: 55,
            error: SchedulerError::CommandExecutionError(CommandError::NoCommandMatch),
        },
        TaskSuccess {
            task: 55,
            result: value(),
        },
        TaskSuspended { task: 55 },
        PlayerSwitched {
            player: PLAYER,
            auth_token: s("a"),
            sid: s("sid"),
        },
        SetConnectionOption {
            connection: WireObj(-5),
            option: s("binary"),
            value: value(),
        },
        CredentialsUpdated {
            client_token: s("c"),
            auth_token: Some(s("a")),
            sid: s("sid"),
            bound: [8; 16],
        },
        Typed {
            json: b"{}".to_vec(),
            text: Some(s("{}")),
        },
        Gap { lost: 12 },
        ForceInput {
            line: s("look"),
            at_front: true,
        },
        FlushInput { show: true },
        Presentation {
            id: s("help"),
            shown: Some(presentation()),
        },
    ];
    let route = Route {
        frame: 8,
        to: vec![Recipient {
            client: CLIENT,
            attach_epoch: 2,
            seq: 900,
        }],
        cause: Some(Cause {
            task: 55,
            corr: 17,
            cmd_seq: 41,
        }),
        at: NOW,
    };
    events.into_iter().map(|event| (event, route.clone())).collect()
}
