//! What passes beside a terminal's text, in text frames of its own: GMCP, or messages in JSON, as mudstandards.org
//! describes them for WebSockets. The text itself is in binary frames then.
//!
//! Out: each typed message of the world, besides the words that stand for it in the text. In: an out-of-band line for the
//! world, `#$#gmcp` or `#$#json` and what was said, which is a task of `#0:do_out_of_band_command`.
//! Invariant: one frame is one line, and no more.

use serde_json::{Value, json};

/// The subprotocols of terminals, and what passes beside the text in each. The first name of each kind is the one that is
/// told to those who offer none that is known.
pub const PROTOCOLS: [(&str, Band); 5] = [
    ("v1.terminal.mudstandards.org", Band::None),
    ("gmcp.mudstandards.org", Band::Gmcp),
    ("v1.gmcp.mudstandards.org", Band::Gmcp),
    ("json.mudstandards.org", Band::Json),
    ("v1.json.mudstandards.org", Band::Json),
];

/// What is said of a message that is not in the form of its subprotocol.
const NO_GMCP: &str = "a text frame is to hold a GMCP message: Package.Message {\"some\": \"data\"}";
const NO_JSON: &str =
    "a text frame is to hold an object: {\"proto\": \"name\", \"id\": \"message\", \"data\": {}}";

/// What text frames hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Band {
    /// Text, as binary frames do.
    #[default]
    None,
    /// `Package.Message` and data in JSON.
    Gmcp,
    /// An object with `proto`, `id` and `data`.
    Json,
}

impl Band {
    /// A typed message of the world as a frame; none where there is no band, or for what is no typed message.
    pub fn frame(self, typed: &[u8]) -> Option<String> {
        let message: Value = match self {
            Band::None => return None,
            Band::Gmcp | Band::Json => serde_json::from_slice(typed).ok()?,
        };
        let kind = message.get("type")?.as_str()?;
        Some(match self {
            Band::Json => json!({"proto": "moothall", "id": kind, "data": message}).to_string(),
            Band::None | Band::Gmcp => format!("Moothall.{kind} {message}"),
        })
    }

    /// What the client said in a text frame, as a line for the world.
    ///
    /// # Errors
    /// What the form is that it should have had.
    pub fn line(self, text: &str) -> Result<String, &'static str> {
        match self {
            Band::Json => json_line(text).ok_or(NO_JSON),
            Band::None | Band::Gmcp => gmcp_line(text).ok_or(NO_GMCP),
        }
    }
}

fn gmcp_line(text: &str) -> Option<String> {
    let text = text.trim();
    let (name, data) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let is_name = is_word(name) && name.contains('.');
    let data = data.trim();
    let data = match data.is_empty() {
        true => String::new(),
        // Written anew, it has no ends of lines.
        false => format!(" {}", serde_json::from_str::<Value>(data).ok()?),
    };
    is_name.then(|| format!("#$#gmcp {name}{data}"))
}

fn json_line(text: &str) -> Option<String> {
    let message: Value = serde_json::from_str(text).ok()?;
    let word = |key: &str| {
        let word = message.get(key)?.as_str()?;
        is_word(word).then_some(word)
    };
    let (proto, id) = (word("proto")?, word("id")?);
    let data = message
        .get("data")
        .map_or_else(String::new, |data| format!(" {data}"));
    Some(format!("#$#json {proto} {id}{data}"))
}

/// Whether it is one word of a line, whatever the world makes of quotes.
fn is_word(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/');
    !text.is_empty() && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_beside_its_text_is_one_line_of_the_world() {
        let line = |band: Band, text| band.line(text).unwrap();
        assert_eq!(line(Band::Gmcp, "Core.Ping"), "#$#gmcp Core.Ping");
        assert_eq!(
            line(Band::Gmcp, "Char.Login {\n \"name\": \"An\\nn\"\r\n}"),
            r##"#$#gmcp Char.Login {"name":"An\nn"}"##
        );
        assert_eq!(
            line(
                Band::Json,
                r#"{"proto": "x", "id": "look", "data": {"at": [1, 2]}}"#
            ),
            r##"#$#json x look {"at":[1,2]}"##
        );
        assert_eq!(line(Band::Json, r#"{"proto":"x","id":"look"}"#), "#$#json x look");
    }

    #[test]
    fn what_has_not_its_form_is_refused_in_words() {
        for text in [
            "",
            "look",
            "Core.Hello {",
            "Core.\"Hello {}",
            "Core.Hello {} {}",
            "\n",
        ] {
            assert_eq!(Band::Gmcp.line(text), Err(NO_GMCP), "{text:?}");
        }
        for text in [
            "",
            "[]",
            "{}",
            r#"{"proto":"a b","id":"c"}"#,
            r#"{"proto":"a","id":7}"#,
            "look",
        ] {
            assert_eq!(Band::Json.line(text), Err(NO_JSON), "{text:?}");
        }
    }

    #[test]
    fn typed_messages_are_named_by_their_type() {
        let typed = br#"{"type":"GlobalMessage","message":"hi"}"#;
        assert_eq!(Band::None.frame(typed), None);
        let gmcp = Band::Gmcp.frame(typed).unwrap();
        let (name, data) = gmcp.split_once(' ').unwrap();
        assert_eq!(name, "Moothall.GlobalMessage");
        let message: Value = serde_json::from_slice(typed).unwrap();
        assert_eq!(serde_json::from_str::<Value>(data).unwrap(), message);
        let json = serde_json::from_str::<Value>(&Band::Json.frame(typed).unwrap()).unwrap();
        assert_eq!(
            json,
            json!({"proto": "moothall", "id": "GlobalMessage", "data": message})
        );
        assert_eq!(Band::Json.frame(b"{}"), None);
    }
}
