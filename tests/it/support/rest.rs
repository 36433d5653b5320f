//! `Rest`: a program that asks by REST, and holds each answer against the server's own OpenAPI document.
//!
//! Invariant: no answer is given to a test whose operation, status or body the document does not know.

use super::schema::Schemas;
use super::web::request;
use serde_json::{Value as Json, json};
use std::collections::HashSet;
use std::net::SocketAddr;

/// A server's REST.
pub struct Rest {
    address: SocketAddr,
    document: Json,
    schemas: Schemas,
    /// The operations that were asked for and did what they are for.
    done: HashSet<String>,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Asked {
    pub status: u16,
    /// In small letters.
    pub headers: String,
    /// The body, if it is JSON.
    pub body: Json,
    pub raw: String,
}

impl Asked {
    /// The code of a refusal.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A field that is a text.
    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        let text = self.body[name].as_str();
        text.unwrap_or_else(|| panic!("there is no `{name}` in {self:?}"))
            .to_owned()
    }
}

impl Rest {
    /// Reads the document.
    #[track_caller]
    pub fn new(address: SocketAddr) -> Rest {
        let page = request(address, "GET /openapi.json", "");
        assert_eq!(page.status, 200, "{page:?}");
        let document: Json = serde_json::from_str(&page.body).expect("the document is JSON");
        assert_eq!(document["openapi"], "3.1.0");
        Rest {
            address,
            schemas: Schemas::new(document["components"]["schemas"].clone()),
            document,
            done: HashSet::new(),
        }
    }

    #[track_caller]
    pub fn get(&mut self, path: &str, token: Option<&str>) -> Asked {
        self.ask("GET", path, token, None, &[])
    }

    #[track_caller]
    pub fn post(&mut self, path: &str, token: Option<&str>, body: Json) -> Asked {
        let body = Some(&body).filter(|body| !body.is_null());
        self.ask("POST", path, token, body, &[])
    }

    /// Saves; over the one with this tag, if there is one.
    #[track_caller]
    pub fn put(&mut self, path: &str, token: &str, body: Json, tag: Option<&str>) -> Asked {
        let tag = tag.map(|tag| format!("\"{tag}\""));
        let headers: Vec<_> = tag.iter().map(|tag| ("if-match", tag.as_str())).collect();
        self.ask("PUT", path, Some(token), Some(&body), &headers)
    }

    #[track_caller]
    pub fn eval(&mut self, token: &str, expression: &str) -> Asked {
        self.post("/v1/eval", Some(token), json!({"expression": expression}))
    }

    #[track_caller]
    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Json>,
        headers: &[(&str, &str)],
    ) -> Asked {
        let body = body.map_or_else(String::new, Json::to_string);
        self.send(method, path, token, &body, headers)
    }

    /// Asks with a body that need not be JSON.
    #[track_caller]
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Asked {
        let mut head = format!("{method} {path}");
        if let Some(token) = token {
            head += &format!("\nauthorization: Bearer {token}");
        }
        for (name, value) in headers {
            head += &format!("\n{name}: {value}");
        }
        let page = request(self.address, &head, body);
        let asked = Asked {
            status: page.status,
            headers: page.headers,
            body: serde_json::from_str(&page.body).unwrap_or_default(),
            raw: page.body,
        };
        self.hold(method, path, &asked);
        asked
    }

    /// Holds an answer against the document.
    #[track_caller]
    fn hold(&mut self, method: &str, path: &str, asked: &Asked) {
        let path = path.split('?').next().unwrap_or_default();
        let paths = self.document["paths"].as_object().expect("paths");
        let template = paths.keys().find(|template| fits(template, path));
        let template = template.unwrap_or_else(|| panic!("{path} is not in the document"));
        let operation = &paths[template][method.to_lowercase()];
        let name = operation["operationId"].as_str().expect("a name").to_owned();
        let responses = &operation["responses"];
        let known = [asked.status.to_string(), "default".to_owned()];
        let known = known.iter().find_map(|status| responses.get(status));
        let known = known.unwrap_or_else(|| panic!("{name} is not documented to answer {}", asked.status));
        let schema = &known["content"]["application/json"]["schema"];
        if schema.is_object() {
            assert!(
                asked.headers.contains("content-type: application/json"),
                "{asked:?}"
            );
            self.schemas
                .check(schema, &asked.body)
                .unwrap_or_else(|why| panic!("{name} answers {}: {why}", asked.body));
        }
        if asked.status < 400 || name.starts_with("hook") {
            self.done.insert(name);
        }
    }

    /// The operations of the document that no test has seen at work.
    pub fn never_asked(&self) -> Vec<String> {
        let paths = self.document["paths"].as_object().expect("paths");
        let operations = paths
            .values()
            .filter_map(Json::as_object)
            .flat_map(|path| path.values());
        let names = operations.filter_map(|operation| operation["operationId"].as_str());
        names
            .filter(|name| !self.done.contains(*name))
            .map(str::to_owned)
            .collect()
    }
}

/// Whether a path is one of these. Only the rest of a hook's path may have slashes.
fn fits(template: &str, path: &str) -> bool {
    if let Some(start) = template.strip_suffix("{path}") {
        return path.starts_with(start);
    }
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(part, given)| part.starts_with('{') || part == given)
}
