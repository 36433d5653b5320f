//! What REST serves: one row for each method and path. Requests are routed by it, and the OpenAPI document is made from it.
//!
//! Invariant: what is served under `/v1` has a row here, and what has a row is served.

use crate::limits::{WEB_BODY_MAX, WEB_FRAME_MAX};
use actix_web::http::Method;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Nobody need be logged in.
    Anybody,
    /// A player, by a token, a session or the cookie.
    Player,
}

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
}

impl Way {
    /// The method.
    pub fn method(self) -> Method {
        match self {
            Way::Get => Method::GET,
            Way::Post => Method::POST,
            Way::Put => Method::PUT,
            Way::Delete => Method::DELETE,
        }
    }
}

/// What a field of a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number from 0 on.
    Number,
}

impl Kind {
    /// What it is in words.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Text => "a text",
            Kind::Flag => "true or false",
            Kind::Number => "a whole number, 0 or more",
        }
    }
}

/// A field of a query.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it means.
    pub says: &'static str,
}

const fn parameter(name: &'static str, kind: Kind, says: &'static str) -> Parameter {
    Parameter { name, kind, says }
}

/// What is asked about jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobWish {
    /// Store one.
    Put,
    /// List one's own.
    List,
    /// What is known of one.
    Info,
    /// Forget one.
    Cancel,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// See `entrance`.
    Login,
    /// Likewise.
    Renew,
    /// Likewise.
    Logout,
    /// See `own`.
    Me,
    /// Likewise.
    History,
    /// Likewise.
    Presence,
    /// Likewise.
    LogoutEverywhere,
    /// See `world`.
    Object,
    /// A message of the socket, of this type.
    Message(&'static str),
    /// A message for the world.
    Typed,
    /// See `jobs`.
    Jobs(JobWish),
    /// See `hooks`.
    Hook,
}

/// A method and a path.
#[derive(Debug)]
pub struct Operation {
    /// Its name in the document.
    pub id: &'static str,
    /// The method.
    pub way: Way,
    /// The path, with its fields in braces.
    pub path: &'static str,
    /// What it is for.
    pub says: &'static str,
    /// Who may ask.
    pub who: Who,
    /// The fields of the query.
    pub query: &'static [Parameter],
    /// The schema of its body, if it has one.
    pub takes: Option<&'static str>,
    /// Bytes of its body at most.
    pub body_max: usize,
    /// The schema of the answer; none if that has no body.
    pub gives: Option<&'static str>,
    /// The statuses that it may be refused with, beside those that any request may be.
    pub refused: &'static [u16],
    /// What is done.
    pub does: Does,
}

impl Operation {
    /// The path for the router: the last field of the path of hooks may have slashes.
    pub fn route(&self) -> String {
        self.path.replace("{path}", "{path:.*}")
    }

    /// Whether it sets or forgets the cookie.
    pub fn changes_browser(&self) -> bool {
        matches!(self.does, Does::Login | Does::Renew | Does::Logout)
    }

    /// Whether a program of the world runs for it, which may suspend.
    pub fn may_go_on(&self) -> bool {
        matches!(
            self.does,
            Does::Message("Eval" | "Call" | "Program" | "UpdateProperty")
                | Does::Typed
                | Does::Hook
                | Does::Jobs(_)
        )
    }

    /// Whether the answer has a tag.
    pub fn is_tagged(&self) -> bool {
        matches!(self.does, Does::Message("Verb" | "Property"))
    }

    /// Whether something is saved that had one.
    pub fn is_saving(&self) -> bool {
        self.way == Way::Put && self.who == Who::Player
    }

    const fn get(id: &'static str, path: &'static str, gives: &'static str, says: &'static str) -> Operation {
        Operation {
            id,
            way: Way::Get,
            path,
            says,
            who: Who::Player,
            query: &[],
            takes: None,
            body_max: 0,
            gives: Some(gives),
            refused: &[],
            does: Does::Message(id),
        }
    }

    const fn post(
        id: &'static str,
        path: &'static str,
        takes: &'static str,
        gives: &'static str,
        says: &'static str,
    ) -> Operation {
        Operation {
            way: Way::Post,
            takes: Some(takes),
            body_max: WEB_FRAME_MAX,
            ..Operation::get(id, path, gives, says)
        }
    }

    const fn put(
        id: &'static str,
        path: &'static str,
        takes: &'static str,
        gives: &'static str,
        says: &'static str,
    ) -> Operation {
        Operation {
            way: Way::Put,
            body_max: WEB_BODY_MAX,
            refused: &[404, 412, 422],
            ..Operation::post(id, path, takes, gives, says)
        }
    }

    const fn delete(
        id: &'static str,
        path: &'static str,
        gives: &'static str,
        says: &'static str,
    ) -> Operation {
        Operation {
            way: Way::Delete,
            ..Operation::get(id, path, gives, says)
        }
    }
}

const INHERITED: Parameter = parameter(
    "inherited",
    Kind::Flag,
    "Whether those of its ancestors are listed, too.",
);
const LIMIT: Parameter = parameter("limit", Kind::Number, "How many are wanted at most.");

/// What is done under `/v1/hooks`, by any of four methods.
const HOOK: Operation = Operation {
    who: Who::Anybody,
    body_max: WEB_FRAME_MAX,
    gives: None,
    does: Does::Hook,
    ..Operation::get(
        "hook",
        "/v1/hooks/{path}",
        "Nothing",
        "The world answers, by `#0:invoke_http_handler()`; GET, POST, PUT and DELETE alike.",
    )
};

/// All of them; those of one path stand together.
pub static OPERATIONS: &[Operation] = &[
    Operation {
        who: Who::Anybody,
        refused: &[409],
        does: Does::Login,
        ..Operation::post(
            "login",
            "/v1/login",
            "Login",
            "LoggedIn",
            "Logs a player in: gives a token, and sets the cookie. The player is not in the world before a socket attaches.",
        )
    },
    Operation {
        takes: None,
        does: Does::Renew,
        ..Operation::post(
            "renew",
            "/v1/renew",
            "",
            "Renewed",
            "Another token for the player of one that still holds, and the cookie; the old one holds until it ends. 30 days after a password was given, another one has to be.",
        )
    },
    Operation {
        who: Who::Anybody,
        takes: None,
        body_max: WEB_FRAME_MAX,
        gives: None,
        does: Does::Logout,
        ..Operation::post(
            "logout",
            "/v1/logout",
            "",
            "",
            "Forgets the cookie. The token holds until it ends, or until it is revoked.",
        )
    },
    Operation {
        does: Does::Me,
        ..Operation::get("me", "/v1/me", "Me", "Whose token it is.")
    },
    Operation::get(
        "Sessions",
        "/v1/sessions",
        "Sessions",
        "The player's own connections.",
    ),
    Operation {
        does: Does::LogoutEverywhere,
        ..Operation::delete(
            "LogoutEverywhere",
            "/v1/sessions",
            "LoggedOut",
            "Every token and session of the player dies, and every connection is closed.",
        )
    },
    Operation {
        query: &[
            parameter(
                "before_seq",
                Kind::Number,
                "Events before this one; without it, the newest.",
            ),
            parameter("after_seq", Kind::Number, "Events after this one."),
            parameter("seconds", Kind::Number, "Events of the last so many seconds."),
            LIMIT,
        ],
        does: Does::History,
        ..Operation::get(
            "History",
            "/v1/history",
            "History",
            "What the player was told before.",
        )
    },
    Operation {
        does: Does::Presence,
        ..Operation::get(
            "Presence",
            "/v1/presence",
            "Presence",
            "Who is there, and which rooms and channels.",
        )
    },
    Operation {
        query: &[
            parameter("after", Kind::Text, "Objects after this one, as `#97`."),
            LIMIT,
        ],
        ..Operation::get(
            "Objects",
            "/v1/objects",
            "Objects",
            "The objects of the world, by their numbers.",
        )
    },
    Operation {
        refused: &[404, 422],
        does: Does::Object,
        ..Operation::get(
            "Object",
            "/v1/objects/{object}",
            "Object",
            "An object, and the names of what it defines.",
        )
    },
    Operation {
        query: &[INHERITED],
        refused: &[404, 422],
        ..Operation::get(
            "Verbs",
            "/v1/objects/{object}/verbs",
            "Verbs",
            "An object's verbs.",
        )
    },
    Operation {
        refused: &[404, 422],
        ..Operation::get(
            "Verb",
            "/v1/objects/{object}/verbs/{verb}",
            "Verb",
            "A verb and its program.",
        )
    },
    Operation::put(
        "Program",
        "/v1/objects/{object}/verbs/{verb}",
        "Program",
        "Programmed",
        "Gives a verb a program. With `If-Match` only if the one before is still that.",
    ),
    Operation {
        query: &[INHERITED],
        refused: &[404, 422],
        ..Operation::get(
            "Properties",
            "/v1/objects/{object}/properties",
            "Properties",
            "An object's properties.",
        )
    },
    Operation {
        refused: &[404, 422],
        ..Operation::get(
            "Property",
            "/v1/objects/{object}/properties/{property}",
            "Property",
            "A property and its value.",
        )
    },
    Operation::put(
        "UpdateProperty",
        "/v1/objects/{object}/properties/{property}",
        "Update",
        "Updated",
        "Sets a property. With `If-Match` only if the value before is still that.",
    ),
    Operation {
        body_max: WEB_BODY_MAX,
        refused: &[404, 422],
        ..Operation::post(
            "Call",
            "/v1/objects/{object}/call/{verb}",
            "Arguments",
            "Called",
            "Calls a verb, for programmers.",
        )
    },
    Operation {
        refused: &[404, 422],
        ..Operation::post(
            "Eval",
            "/v1/eval",
            "Expression",
            "Value",
            "The value of an expression, for programmers.",
        )
    },
    Operation {
        does: Does::Typed,
        refused: &[422],
        ..Operation::post(
            "Typed",
            "/v1/messages",
            "TypedMessage",
            "Task",
            "A typed message for the world.",
        )
    },
    Operation {
        does: Does::Jobs(JobWish::List),
        ..Operation::get(
            "queued_jobs",
            "/v1/jobs",
            "Jobs",
            "The player's jobs that are not done.",
        )
    },
    Operation {
        does: Does::Jobs(JobWish::Put),
        refused: &[404, 422],
        ..Operation::post("enqueue_job", "/v1/jobs", "NewJob", "Stored", "Stores a job.")
    },
    Operation {
        does: Does::Jobs(JobWish::Info),
        refused: &[404, 422],
        ..Operation::get("job_info", "/v1/jobs/{id}", "Job", "What is known of a job.")
    },
    Operation {
        does: Does::Jobs(JobWish::Cancel),
        refused: &[404, 422],
        ..Operation::delete(
            "cancel_job",
            "/v1/jobs/{id}",
            "Cancelled",
            "Forgets a job that nobody has taken.",
        )
    },
    HOOK,
    Operation {
        id: "hook_post",
        way: Way::Post,
        ..HOOK
    },
    Operation {
        id: "hook_put",
        way: Way::Put,
        body_max: WEB_BODY_MAX,
        ..HOOK
    },
    Operation {
        id: "hook_delete",
        way: Way::Delete,
        ..HOOK
    },
];
