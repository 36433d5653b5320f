//! How a request becomes a WebSocket: who may open one, and in which language it speaks.
//!
//! Invariant: a browser opens one only from pages that the settings allow.

use super::super::WebShared;
use super::super::band::{self, Band};
use super::super::reaper::Socket;
use super::super::rest::cookie;
use super::super::session::{self, Session};
use super::super::terminal::Terminal;
use super::WsConn;
use super::taken::{Taken, Watched};
use super::talk::Talk;
use crate::limits::WEB_LONG_FRAME_MAX;
use crate::protocol::host::Peer;
use actix_web::http::header;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use actix_web_actors::ws;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The subprotocols. Of those that a client offers it is the first that counts.
fn protocols() -> impl Iterator<Item = (&'static str, Option<Band>)> {
    let terminals = band::PROTOCOLS.into_iter();
    let terminals = terminals.map(|(name, band)| (name, Some(band)));
    [(session::PROTOCOL, None)].into_iter().chain(terminals)
}

/// What a JSON client can show, as the world is told.
const CONTENT_TYPES: [&str; 3] = ["application/json", "text/html", "text/plain"];

/// Opens a WebSocket.
pub async fn upgrade(
    request: HttpRequest,
    body: web::Payload,
    shared: web::Data<Arc<WebShared>>,
) -> Result<HttpResponse, Error> {
    if !is_allowed(&request, &shared) {
        return Ok(HttpResponse::Forbidden().body("this page may not open a socket here"));
    }
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let mut offered = offered
        .filter_map(|names| names.to_str().ok())
        .flat_map(|names| names.split(','))
        .map(str::trim);
    let known = |name: &str| protocols().find(|(known, _)| *known == name);
    let Some((protocol, band)) = offered.find_map(known) else {
        let names: Vec<_> = protocols().map(|(name, _)| name).collect();
        let words = format!(
            "a socket here speaks {}: name one in Sec-WebSocket-Protocol",
            names.join(" or ")
        );
        return Ok(HttpResponse::BadRequest().body(words));
    };
    let (mut peer, address) = far_end(&request, &shared);
    let cookie = cookie::token(&request);
    let taken = Arc::new(Taken::default());
    if let Some(socket) = request.conn_data::<Arc<Socket>>() {
        shared.reaper.watch(socket, &taken);
    }
    let talk = match band {
        Some(band) => {
            let takes_messages = band != Band::None;
            peer.content_types
                .retain(|kind| takes_messages && kind == "application/json");
            Talk::Terminal(Box::new(Terminal::new(band)))
        }
        None => Talk::Json(Box::new(Session::new(cookie))),
    };
    let conn = WsConn::new(Arc::clone(&shared), talk, (peer, address), Arc::clone(&taken));
    let response = ws::WsResponseBuilder::new(conn, &request, body)
        .protocols(&[protocol])
        .frame_size(WEB_LONG_FRAME_MAX)
        .start()?;
    Ok(response
        .map_body(|_, bytes| Watched::new(bytes, taken))
        .map_into_boxed_body())
}

/// The far end of a request's connection, as the world is told, and its address.
pub fn far_end(request: &HttpRequest, shared: &WebShared) -> (Peer, Option<IpAddr>) {
    let from = request.peer_addr();
    let address = from.map(|from| from.ip().to_canonical());
    let address = match address {
        Some(near) if near.is_loopback() => Some(behind_proxy(request).unwrap_or(near)),
        other => other,
    };
    let peer = Peer {
        addr: address.map_or_else(String::new, |address| address.to_string()),
        local_port: shared.address.port(),
        remote_port: from.map_or(0, |from| from.port()),
        content_types: CONTENT_TYPES.map(str::to_owned).to_vec(),
        attrs: Vec::new(),
    };
    (peer, address)
}

/// Whom a proxy on this machine asks for: the last address that it has put down. Nobody who comes through one is taken for
/// somebody at this machine, whatever it writes.
fn behind_proxy(request: &HttpRequest) -> Option<IpAddr> {
    let headers = request.headers();
    let forwarded = headers.get_all("x-forwarded-for").last();
    let is_proxied = ["forwarded", "x-real-ip", "via"]
        .iter()
        .any(|name| headers.contains_key(*name));
    let last = forwarded.map(|list| {
        list.to_str()
            .unwrap_or_default()
            .rsplit(',')
            .next()
            .unwrap_or_default()
    });
    match last {
        Some(last) => Some(last.trim().parse().unwrap_or(UNKNOWN)),
        None => is_proxied.then_some(UNKNOWN),
    }
}

/// Somebody whose address nobody knows.
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Whether a page that was loaded under this name of ours may be trusted to be ours. A name that leads to this machine may
/// have been made to (DNS rebinding), by a page that is somebody else's; an address cannot.
fn is_safe_name(request: &HttpRequest, host: &str) -> bool {
    let near = request
        .peer_addr()
        .is_none_or(|from| from.ip().to_canonical().is_loopback());
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    !near || name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Whether a request comes from a page of ours, from one that the settings name, or from no page at all.
pub fn is_allowed(request: &HttpRequest, shared: &WebShared) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return true;
    };
    let (Ok(origin), Some(host)) = (
        origin.to_str(),
        request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok()),
    ) else {
        return false;
    };
    let own = origin
        .split_once("://")
        .is_some_and(|(scheme, rest)| matches!(scheme, "http" | "https") && rest.eq_ignore_ascii_case(host));
    let own = own && is_safe_name(request, host);
    let mut named = shared.settings.origins.split(',').map(str::trim);
    own || named.any(|named| !named.is_empty() && named.eq_ignore_ascii_case(origin))
}
