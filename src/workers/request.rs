//! What `worker_request("http", ...)` asks, read from values, and the answer as values.
//!
//! Invariant: what a program says wrongly is said to be its mistake, in words that name the part; a body goes out as the
//! bytes that the program meant, and comes back whole or not at all.

use crate::protocol::WireValue;
use crate::protocol::error::WorkerError;
use moo_model::{Map, Value, binary};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url, Version};

/// Bytes of a URL.
const URL_LEN_MAX: usize = 8 * 1024;
/// Redirects that are followed where the options say nothing, and at most.
const REDIRECTS: (usize, usize) = (10, 20);
/// Headers that are the connection's own business.
const FORBIDDEN: [&str; 8] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// In which form a program wants the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A map, with the body as a binary string.
    Binary,
    /// A map, with the body as a list of lines of text.
    Lines,
    /// The body alone, as a binary string.
    Page,
    /// The same with the headers before it.
    PageWithHeaders,
}

/// A request, well-formed.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// Where.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// How the answer is to look.
    pub form: Form,
    /// Redirects that are followed.
    pub redirects_max: usize,
}

/// What came back.
#[derive(Debug)]
pub struct Got {
    /// The version of the protocol.
    pub version: Version,
    /// The status.
    pub status: StatusCode,
    /// Where it came from, after all redirects.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, unpacked.
    pub body: Vec<u8>,
}

fn invalid(words: impl Into<String>) -> WorkerError {
    WorkerError::InvalidRequest(words.into())
}

fn text<'a>(value: &'a Value, what: &str) -> Result<&'a str, WorkerError> {
    value
        .as_str()
        .ok_or_else(|| invalid(format!("the {what} must be a string")))
}

impl Ask {
    /// Reads `{method, url [, headers [, body]], options}`.
    pub fn read(request: &[WireValue]) -> Result<Ask, WorkerError> {
        let values: Result<Vec<Value>, _> = request.iter().map(WireValue::open).collect();
        let values = values.map_err(|error| invalid(error.to_string()))?;
        let Some((options, [method, url, rest @ ..])) = values.split_last() else {
            return Err(invalid("it takes {method, url [, headers [, body]]}"));
        };
        if rest.len() > 2 {
            return Err(invalid(
                "it takes {method, url [, headers [, body]]}, and no more",
            ));
        }
        let options = options.as_map().cloned().unwrap_or_default();
        let option = |name: &str| options.get(&Value::str(name));
        let is_binary = option("binary").is_some_and(Value::is_true);
        Ok(Ask {
            method: read_method(text(method, "method")?)?,
            url: read_url(text(url, "URL")?)?,
            headers: rest.first().map_or(Ok(HeaderMap::new()), read_headers)?,
            body: rest
                .get(1)
                .map_or(Ok(Vec::new()), |body| read_body(body, is_binary))?,
            form: option("as").map_or(Ok(Form::Binary), read_form)?,
            redirects_max: match option("redirects") {
                None => REDIRECTS.0,
                Some(most) => {
                    let most = most.as_int().and_then(|most| usize::try_from(most).ok());
                    most.filter(|&most| most <= REDIRECTS.1).ok_or_else(|| {
                        invalid(format!("`redirects` is a number from 0 to {}", REDIRECTS.1))
                    })?
                }
            },
        })
    }
}

fn read_method(name: &str) -> Result<Method, WorkerError> {
    let method = Method::from_bytes(name.to_ascii_uppercase().as_bytes()).ok();
    method
        .filter(|method| *method != Method::CONNECT)
        .ok_or_else(|| invalid(format!("`{name}` is no method of HTTP that can be used")))
}

/// Reads the URL of a request or a redirect's target that is whole.
fn read_url(text: &str) -> Result<Url, WorkerError> {
    if text.len() > URL_LEN_MAX {
        return Err(invalid(format!("the URL is longer than {URL_LEN_MAX} bytes")));
    }
    let url = Url::parse(text).map_err(|error| invalid(format!("the URL cannot be read: {error}")))?;
    check_url(&url).map(|()| url)
}

/// Fails for what is not HTTP.
pub fn check_url(url: &Url) -> Result<(), WorkerError> {
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(()),
        scheme => Err(invalid(format!(
            "`{scheme}:` is not fetched, only http and https"
        ))),
    }
}

/// Headers as a map of strings, or as a list of pairs where one comes several times.
fn read_headers(given: &Value) -> Result<HeaderMap, WorkerError> {
    let mut headers = HeaderMap::new();
    let mut add = |name: &Value, value: &Value| {
        let (name, value) = (text(name, "name of a header")?, text(value, "value of a header")?);
        let known = HeaderName::from_bytes(name.as_bytes()).ok();
        let known = known
            .filter(|known| !FORBIDDEN.contains(&known.as_str()) && !known.as_str().starts_with("proxy-"));
        let known = known.ok_or_else(|| invalid(format!("`{name}` is no header that can be set")))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| invalid(format!("the value of `{name}` is not a line of text")))?;
        headers.append(known, value);
        Ok(())
    };
    if let Some(map) = given.as_map() {
        map.iter().try_for_each(|(name, value)| add(name, value))?;
        return Ok(headers);
    }
    let pairs = given
        .as_list()
        .ok_or_else(|| invalid("the headers must be a map or a list of pairs"))?;
    for pair in pairs {
        match pair.as_list() {
            Some([name, value]) => add(name, value)?,
            _ => return Err(invalid("each header must be {name, value}")),
        }
    }
    Ok(headers)
}

/// A body as a string, or as a list of lines; of a binary string if it is said to be one.
fn read_body(given: &Value, is_binary: bool) -> Result<Vec<u8>, WorkerError> {
    if let Some(lines) = given.as_list() {
        let lines: Result<Vec<&str>, _> = lines.iter().map(|line| text(line, "lines of the body")).collect();
        return Ok(lines?.join("\n").into_bytes());
    }
    let body = text(given, "body")?;
    match is_binary {
        true => binary::to_bytes(body, false).ok_or_else(|| invalid("the body is no binary string")),
        false => Ok(body.as_bytes().to_vec()),
    }
}

fn read_form(named: &Value) -> Result<Form, WorkerError> {
    match named.as_str() {
        Some("binary") => Ok(Form::Binary),
        Some("lines") => Ok(Form::Lines),
        Some("page") => Ok(Form::Page),
        Some("page with headers") => Ok(Form::PageWithHeaders),
        _ => Err(invalid("`as` is \"binary\" or \"lines\"")),
    }
}

impl Got {
    /// As the program wants it.
    pub fn to_value(&self, form: Form) -> Value {
        match form {
            Form::Page => Value::string(binary::from_bytes(&self.body)),
            Form::PageWithHeaders => {
                let whole = [self.head().as_bytes(), &self.body].concat();
                Value::string(binary::from_bytes(&whole))
            }
            Form::Binary => self.map(Value::string(binary::from_bytes(&self.body))),
            Form::Lines => self.map(lines(&self.body)),
        }
    }

    fn map(&self, body: Value) -> Value {
        let entries = [
            ("status", Value::int(i64::from(self.status.as_u16()))),
            (
                "reason",
                Value::str(self.status.canonical_reason().unwrap_or_default()),
            ),
            ("url", Value::str(self.url.as_str())),
            ("headers", headers(&self.headers)),
            ("body", body),
        ];
        let entries = entries.into_iter().map(|(name, value)| (Value::str(name), value));
        Value::map(entries.collect())
    }

    /// The status line and the headers as they are written, with the empty line after them.
    fn head(&self) -> String {
        let mut head = format!("{:?} {}\r\n", self.version, self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {}\r\n", shown(value)));
        }
        head + "\r\n"
    }
}

/// A header's value; what is no text in it is left out.
fn shown(value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    text.chars().filter(|c| !c.is_control()).collect()
}

/// The headers by name, in lower case; one that came several times as the list of its values.
fn headers(headers: &HeaderMap) -> Value {
    let mut map = Map::new();
    for name in headers.keys() {
        let mut values: Vec<Value> = headers
            .get_all(name)
            .iter()
            .map(|value| Value::string(shown(value)))
            .collect();
        let value = match values.len() {
            1 => values.remove(0),
            _ => Value::list(values),
        };
        map.insert(Value::str(name.as_str()), value);
    }
    Value::map(map)
}

/// The lines of a text. What is no text in it is replaced, and control characters other than tabs are left out, since no
/// string of a world has them.
fn lines(body: &[u8]) -> Value {
    let text = String::from_utf8_lossy(body);
    let clean = |line: &str| {
        line.chars()
            .filter(|&c| c == '\t' || !c.is_control())
            .collect::<String>()
    };
    Value::list(text.lines().map(|line| Value::string(clean(line))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(values: Vec<Value>) -> Result<Ask, String> {
        let request: Vec<WireValue> = values.iter().map(WireValue::new).collect();
        Ask::read(&request).map_err(|error| error.to_string())
    }

    fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
        Value::map(
            entries
                .into_iter()
                .map(|(name, value)| (Value::str(name), value))
                .collect(),
        )
    }

    #[test]
    fn a_request_is_read_from_values() {
        let headers = map([("X-One", Value::str("1"))]);
        let options = map([
            ("binary", Value::int(1)),
            ("as", Value::str("lines")),
            ("redirects", Value::int(0)),
        ]);
        let read = ask(vec![
            Value::str("post"),
            Value::str("http://example.org/a b"),
            headers,
            Value::str("a~00~FF"),
            options,
        ])
        .expect("it is well-formed");
        assert_eq!(
            (read.method, read.url.as_str()),
            (Method::POST, "http://example.org/a%20b")
        );
        assert_eq!(
            (read.body, read.form, read.redirects_max),
            (vec![b'a', 0, 255], Form::Lines, 0)
        );
        assert_eq!(read.headers["x-one"], "1");
        let lines = Value::strings(["one", "two"]);
        let pairs = Value::list(vec![
            Value::strings(["Cookie", "a"]),
            Value::strings(["cookie", "b"]),
        ]);
        let read = ask(vec![
            Value::str("PUT"),
            Value::str("https://x"),
            pairs,
            lines,
            map([]),
        ])
        .expect("so is this");
        assert_eq!(read.headers.get_all("cookie").iter().count(), 2);
        assert_eq!(read.body, b"one\ntwo");
    }

    #[test]
    fn what_is_wrong_with_a_request_is_named() {
        let (get, url) = (Value::str("GET"), Value::str("http://x"));
        let none = || map([]);
        let cases = [
            (vec![none()], "{method, url"),
            (vec![get.clone(), Value::int(5), none()], "URL must be a string"),
            (
                vec![get.clone(), Value::str("ftp://x"), none()],
                "`ftp:` is not fetched",
            ),
            (
                vec![get.clone(), Value::str("nowhere"), none()],
                "URL cannot be read",
            ),
            (vec![Value::str("CONNECT"), url.clone(), none()], "no method"),
            (
                vec![get.clone(), url.clone(), map([("Host", Value::str("y"))]), none()],
                "`Host`",
            ),
            (
                vec![
                    get.clone(),
                    url.clone(),
                    map([("a", Value::str("b\r\nc: d"))]),
                    none(),
                ],
                "not a line",
            ),
            (
                vec![get.clone(), url.clone(), none(), Value::int(1), none()],
                "body must be",
            ),
            (
                vec![get.clone(), url.clone(), map([("as", Value::str("pdf"))])],
                "`as`",
            ),
            (
                vec![get.clone(), url.clone(), map([("redirects", Value::int(99))])],
                "`redirects`",
            ),
        ];
        for (values, words) in cases {
            let error = ask(values).expect_err(words);
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn an_answer_looks_as_it_was_asked_for() {
        let mut headers = HeaderMap::new();
        headers.append("set-cookie", HeaderValue::from_static("a"));
        headers.append("set-cookie", HeaderValue::from_static("b"));
        headers.append("server", HeaderValue::from_static("test"));
        let got = Got {
            version: Version::HTTP_11,
            status: StatusCode::NOT_FOUND,
            url: Url::parse("http://x/").expect("it is one"),
            headers,
            body: b"one\r\ntwo \xFF\x07\n".to_vec(),
        };
        let shown = |form| moo_model::literal::to_literal(&got.to_value(form));
        assert_eq!(shown(Form::Page), "\"one~0D~0Atwo ~FF~07~0A\"");
        assert!(
            shown(Form::PageWithHeaders).starts_with("\"HTTP/1.1 404 Not Found~0D~0Aset-cookie: a~0D~0A")
        );
        let map = got.to_value(Form::Lines);
        let of = |name: &str| map.as_map().and_then(|map| map.get(&Value::str(name))).cloned();
        assert_eq!(of("status"), Some(Value::int(404)));
        assert_eq!(of("body"), Some(Value::strings(["one", "two \u{FFFD}"])));
        let headers = of("headers").expect("there are some");
        let of = |name: &str| {
            headers
                .as_map()
                .and_then(|map| map.get(&Value::str(name)))
                .cloned()
        };
        assert_eq!(of("server"), Some(Value::str("test")));
        assert_eq!(of("set-cookie"), Some(Value::strings(["a", "b"])));
    }
}
