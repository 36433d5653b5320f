//! What a JSON client may get wrong, and what it is told: each message by its code, each fault of the socket by the code
//! that it is closed with. The rows are docs/json.md, word for word.

use crate::support::server::{Options, Server};
use crate::support::web::Web;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// Malformed messages of one socket, fewer than those that end it.
const AT_ONCE: usize = 15;

/// Messages that are refused, with their codes. The socket stays open.
const ROWS: [(&str, &str); 60] = [
    ("", "BAD_JSON"),
    (" ", "BAD_JSON"),
    ("hello", "BAD_JSON"),
    ("{", "BAD_JSON"),
    ("}", "BAD_JSON"),
    (r#"{"type":"Ping""#, "BAD_JSON"),
    (r#"{"type":"Ping",}"#, "BAD_JSON"),
    (r#"{'type':'Ping'}"#, "BAD_JSON"),
    (r#"{"type":"Ping"}{"type":"Ping"}"#, "BAD_JSON"),
    (r#"{"type":"\ud800"}"#, "BAD_JSON"),
    (r#"{"type":NaN}"#, "BAD_JSON"),
    ("null", "INVALID_MESSAGE"),
    ("17", "INVALID_MESSAGE"),
    (r#""Ping""#, "INVALID_MESSAGE"),
    ("[]", "INVALID_MESSAGE"),
    (r#"[{"type":"Ping"}]"#, "INVALID_MESSAGE"),
    ("{}", "INVALID_MESSAGE"),
    (r#"{"type":null}"#, "INVALID_MESSAGE"),
    (r#"{"type":17}"#, "INVALID_MESSAGE"),
    (r#"{"type":["Ping"]}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Ping","id":17}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Ping","id":""}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Ping","id":{}}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Login"}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Login","name":"Ann"}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Login","name":"","password":"x"}"#, "INVALID_MESSAGE"),
    (
        r#"{"type":"Login","name":["Ann"],"password":"x"}"#,
        "INVALID_MESSAGE",
    ),
    (
        r#"{"type":"Create","name":"Ann","password":17}"#,
        "INVALID_MESSAGE",
    ),
    (r#"{"type":"Attach","token":17}"#, "INVALID_MESSAGE"),
    (
        r#"{"type":"Attach","token":"x","takeover":"yes"}"#,
        "INVALID_MESSAGE",
    ),
    (r#"{"type":"Resume","pos":{"era":0,"seq":0}}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Resume","session":"x"}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Resume","session":"x","pos":7}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Ack"}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Ack","pos":{"era":-1,"seq":0}}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Ack","pos":{"era":0,"seq":"1"}}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Command"}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Command","line":7}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Command","line":"look\nlook"}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Command","line":"look","n":"1"}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Eval","expression":null}"#, "INVALID_MESSAGE"),
    (
        r#"{"type":"Call","object":"me","verb":"look","args":7}"#,
        "INVALID_MESSAGE",
    ),
    (
        r#"{"type":"Call","object":"me","verb":"","args":[]}"#,
        "INVALID_MESSAGE",
    ),
    (
        r#"{"type":"Call","object":7,"verb":"look","args":[]}"#,
        "INVALID_MESSAGE",
    ),
    (
        r#"{"type":"Input","request":"nonsense","value":1}"#,
        "INVALID_MESSAGE",
    ),
    (
        r#"{"type":"Program","object":"me","verb":"x","code":"return 1;"}"#,
        "INVALID_MESSAGE",
    ),
    (
        r#"{"type":"Program","object":"me","verb":"x","code":[1]}"#,
        "INVALID_MESSAGE",
    ),
    (
        r#"{"type":"Verbs","object":"me","inherited":1}"#,
        "INVALID_MESSAGE",
    ),
    (r#"{"type":"Objects","after":"lamp"}"#, "INVALID_MESSAGE"),
    (r#"{"type":"History","limit":-1}"#, "INVALID_MESSAGE"),
    (r#"{"type":"Dismiss"}"#, "INVALID_MESSAGE"),
    (
        r#"{"type":"GlobalMessage","from":"Ann","message":"x"}"#,
        "INVALID_MESSAGE",
    ),
    (
        r#"{"type":"GlobalMessage","from":{"id":7},"message":"x"}"#,
        "INVALID_MESSAGE",
    ),
    (
        r#"{"type":"GlobalMessage","from":{"id":"a"},"message":7}"#,
        "INVALID_MESSAGE",
    ),
    (
        r#"{"type":"DirectMessage","from":{"id":"a"},"message":"x"}"#,
        "INVALID_MESSAGE",
    ),
    (
        r#"{"type":"DirectMessage","to":"ann","message":"x"}"#,
        "INVALID_MESSAGE",
    ),
    (
        r#"{"type":"DirectMessage","to":{"type":"ChatRoom","id":"a"},"message":"x"}"#,
        "INVALID_MESSAGE",
    ),
    (
        r#"{"type":"ChatRoomMessage","to":{"type":"User","id":"a"},"message":"x"}"#,
        "INVALID_MESSAGE",
    ),
    (r#"{"type":"GameAction","payload":{}}"#, "INVALID_MESSAGE"),
    (
        r#"{"type":"GameAction","game":"g","payload":[]}"#,
        "INVALID_MESSAGE",
    ),
];

#[test]
fn each_malformed_message_is_answered_by_its_code_and_the_socket_stays_open() {
    let server = Server::start(Options::web());
    for (number, rows) in ROWS.chunks(AT_ONCE).enumerate() {
        let mut web = Web::character(server.web(), &format!("Clumsy{number}"));
        for (text, code) in rows {
            web.send_text(text);
            let error = web.wait(text, |message| {
                (message["type"] == "Error").then(|| message.clone())
            });
            assert_eq!(error["code"], *code, "{text}: {error}");
        }
        let deep = format!(
            "{{\"type\":\"Ping\",\"x\":{}1{}}}",
            "[".repeat(64),
            "]".repeat(64)
        );
        web.send_text(&deep);
        let error = web.wait("depth", |message| {
            (message["type"] == "Error").then(|| message.clone())
        });
        assert_eq!(error["code"], "TOO_DEEP", "{error}");
        assert_eq!(web.ask(json!({"type": "Ping"}))["type"], "Pong");
    }
    let mut web = Web::open(server.web());
    for _ in 0..20 {
        web.send_text("nonsense");
    }
    assert_eq!(web.closed(), 4400);
}

#[test]
fn a_fault_of_the_socket_closes_it_with_its_code() {
    let server = Server::start(Options::web());
    let frame = |opcode, bytes: &[u8], is_last| {
        Message::Frame(Frame::message(bytes.to_vec(), OpCode::Data(opcode), is_last))
    };
    let rows = [
        (vec![Message::binary(vec![1, 2, 3])], 1003),
        (vec![frame(Data::Binary, b"{}", false)], 1003),
        (vec![frame(Data::Text, b"{\"type\":\"\xff\"}", true)], 1007),
        (
            vec![
                frame(Data::Text, b"\xc3", false),
                frame(Data::Continue, b"\x28", true),
            ],
            1007,
        ),
        (vec![Message::text("x".repeat(64 * 1024 + 1))], 1009),
        (vec![Message::text("x".repeat(1024 * 1024 + 1))], 1009),
        (
            vec![
                frame(Data::Text, &[b'x'; 40_000], false),
                frame(Data::Continue, &[b'x'; 40_000], false),
            ],
            1009,
        ),
        (vec![frame(Data::Continue, b"x", true)], 1002),
    ];
    for (number, (messages, code)) in rows.into_iter().enumerate() {
        let mut web = Web::open(server.web());
        for message in messages {
            web.send(message);
        }
        assert_eq!(web.closed(), code, "row {number}");
    }
    // Fragments that do not end hold up nobody, and a whole message in pieces is heard.
    let mut unfinished = Web::open(server.web());
    unfinished.send(frame(Data::Text, b"{\"type\":", false));
    let mut other = Web::open(server.web());
    assert_eq!(other.ask(json!({"type": "Ping"}))["type"], "Pong");
    unfinished.send(frame(Data::Continue, b"\"Ping\",\"id\":\"p\"}", true));
    assert_eq!(unfinished.answer("p")["type"], "Pong");
}
