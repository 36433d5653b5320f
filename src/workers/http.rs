//! HTTP for the world: one client, its connections, and where they may lead.
//!
//! Invariants: a connection goes only to an address that was judged for it, whether it stood in a URL, came from a name or
//! from a redirect; no body is held beyond its limit; nothing is sent to another place than the program named with what was
//! meant for the first one alone.

use super::address::Reach;
use super::request::{Ask, Got, check_url};
use crate::config::Workers;
use crate::protocol::WireValue;
use crate::protocol::error::WorkerError;
use moo_model::Value;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap,
    HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION, PRAGMA, RANGE, USER_AGENT,
};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Method, Response, StatusCode, Url};
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a server may take to be connected to.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Connections to one server that are kept for the next request, and for how long.
const IDLE_MAX: (usize, Duration) = (8, Duration::from_secs(60));

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// A word of the setting is no network.
    #[error("`workers.private_networks`: `{0}` is no network; write it like 10.0.0.0/8, or `all`")]
    Network(String),
    /// The file of certificates is of no use.
    #[error("`workers.ca_file`: {0}")]
    Certificates(String),
    /// The client cannot be made.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
}

/// An address was refused. Found again in the errors of whoever wanted to connect there.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not on the public network, and the operator has not allowed it")]
struct NotPublic(String);

/// Names to addresses that may be connected to.
struct Resolver(Arc<Reach>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| reach.holds(address.ip())).collect();
            if allowed.is_empty() {
                return Err(Box::new(NotPublic(name.as_str().to_owned())) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// What a worker makes requests with.
pub struct Http {
    client: Client,
    reach: Arc<Reach>,
    response_len_max: usize,
}

impl Http {
    /// A client as the settings want it.
    pub fn new(settings: &Workers) -> Result<Http, HttpError> {
        // Another one has been chosen before only where two clients are made, and it is the same.
        rustls::crypto::ring::default_provider().install_default().ok();
        let reach = Arc::new(Reach::read(&settings.private_networks).map_err(HttpError::Network)?);
        let certificates = certificates(&settings.ca_file)?;
        let client = builder(&reach).tls_certs_merge(certificates.clone()).build();
        let client = client.or_else(|error| {
            tracing::warn!(%error, "the system's certificates cannot be used; only those of workers.ca_file are");
            builder(&reach).tls_certs_only(certificates).build()
        });
        Ok(Http {
            client: client.map_err(|error| HttpError::Client(error.to_string()))?,
            reach,
            response_len_max: settings.response_len_max,
        })
    }

    /// Does what is asked. Dropping it ends the connection that it is on.
    pub async fn carry_out(&self, request: &[WireValue]) -> Result<Value, WorkerError> {
        let mut ask = Ask::read(request)?;
        let mut redirects = 0;
        let response = loop {
            self.check_address(&ask.url)?;
            let sent = self.client.request(ask.method.clone(), ask.url.clone());
            let sent = sent
                .headers(ask.headers.clone())
                .body(ask.body.clone())
                .send()
                .await;
            let response = sent.map_err(|error| failure(&error))?;
            let Some(target) = target_of(&response).filter(|_| ask.redirects_max > 0) else {
                break response;
            };
            redirects += 1;
            if redirects > ask.redirects_max {
                let words = format!("more than {} redirects", ask.redirects_max);
                return Err(WorkerError::RequestError(words));
            }
            if !follow(&mut ask, response.status(), target?) {
                break response;
            }
        };
        let form = ask.form;
        Ok(self.receive(response).await?.to_value(form))
    }

    /// Fails for an address in the URL that may not be connected to; names are judged as they are looked up.
    fn check_address(&self, url: &Url) -> Result<(), WorkerError> {
        check_url(url)?;
        let host = url.host_str().unwrap_or_default();
        let address = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        match address {
            Ok(address) if !self.reach.holds(address) => Err(WorkerError::PermissionDenied(
                NotPublic(host.to_owned()).to_string(),
            )),
            _ => Ok(()),
        }
    }

    async fn receive(&self, mut response: Response) -> Result<Got, WorkerError> {
        let too_long = || {
            WorkerError::RequestError(format!(
                "the response is longer than {} bytes",
                self.response_len_max
            ))
        };
        let announced = response.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |len| len > self.response_len_max) {
            return Err(too_long());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + chunk.len() > self.response_len_max {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Got {
            version: response.version(),
            status: response.status(),
            url: response.url().clone(),
            headers: std::mem::take(response.headers_mut()),
            body,
        })
    }
}

fn builder(reach: &Arc<Reach>) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("Moothall/", env!("CARGO_PKG_VERSION")))
        // A proxy would connect in our place, to whatever it is told.
        .no_proxy()
        // Redirects are followed here, where each is judged.
        .redirect(Policy::none())
        .dns_resolver(Arc::new(Resolver(Arc::clone(reach))))
        .connect_timeout(CONNECT_MAX)
        .pool_max_idle_per_host(IDLE_MAX.0)
        .pool_idle_timeout(IDLE_MAX.1)
}

/// The certificates of a file; none where none is named.
fn certificates(file: &Path) -> Result<Vec<Certificate>, HttpError> {
    if file.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let wrong = |why: String| HttpError::Certificates(format!("{}: {why}", file.display()));
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(found)
}

/// Where a response sends whoever asked, if it does.
fn target_of(response: &Response) -> Option<Result<Url, WorkerError>> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| is_redirect)?;
    let target = location
        .to_str()
        .ok()
        .and_then(|text| response.url().join(text).ok());
    Some(target.ok_or_else(|| WorkerError::RequestError("it leads to what is no URL".to_owned())))
}

/// Headers that a request keeps when it is led to another server. Any other may hold a secret of the first one.
const FOR_ANYBODY: [HeaderName; 9] = [
    ACCEPT,
    ACCEPT_ENCODING,
    ACCEPT_LANGUAGE,
    CACHE_CONTROL,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    PRAGMA,
    RANGE,
    USER_AGENT,
];

/// The next request of a chain: as browsers do, one that sent something is followed by one that asks, and what was meant
/// for one server is not shown to another. False where it cannot be made without that: then the redirect is the answer.
fn follow(ask: &mut Ask, status: StatusCode, target: Url) -> bool {
    let asks_anew = match status {
        StatusCode::SEE_OTHER => ask.method != Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => ask.method == Method::POST,
        _ => false,
    };
    if asks_anew {
        (ask.method, ask.body) = (Method::GET, Vec::new());
        remove(&mut ask.headers, &[CONTENT_TYPE, CONTENT_ENCODING]);
    }
    if target.origin() != ask.url.origin() {
        if !ask.body.is_empty() {
            return false;
        }
        let kept = FOR_ANYBODY
            .iter()
            .filter_map(|name| Some((name.clone(), ask.headers.get(name)?.clone())));
        ask.headers = kept.collect();
    }
    ask.url = target;
    true
}

fn remove(headers: &mut HeaderMap, names: &[HeaderName]) {
    names.iter().for_each(|name| drop(headers.remove(name)));
}

/// What went wrong, in the words of whoever noticed first.
fn failure(error: &reqwest::Error) -> WorkerError {
    let mut words = String::new();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(known) = cause {
        if let Some(refused) = known.downcast_ref::<NotPublic>() {
            return WorkerError::PermissionDenied(refused.to_string());
        }
        words = known.to_string();
        cause = known.source();
    }
    if error.is_timeout() {
        WorkerError::RequestTimedOut(words)
    } else if error.is_builder() {
        WorkerError::InvalidRequest(words)
    } else {
        WorkerError::RequestError(words)
    }
}
