//! Which path leads where, and what every answer carries.
//!
//! Invariant: every answer forbids a browser what it does not need, and whatever is not listed here does not exist.

use super::websocket::upgrade;
use super::{health, page, rest};
use crate::limits::WEB_BODY_MAX;
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, ServiceConfig};

/// Where WebSockets are opened.
pub const SOCKET_PATH: &str = "/ws";

/// Everything that is served.
pub fn routes(app: &mut ServiceConfig) {
    app.app_data(web::PayloadConfig::new(WEB_BODY_MAX))
        .route(SOCKET_PATH, web::get().to(upgrade::upgrade))
        .route("/livez", web::get().to(health::live))
        .route("/readyz", web::get().to(health::ready))
        .route("/metrics", web::get().to(health::metrics))
        .configure(rest::routes)
        .default_service(web::get().to(page::serve));
}

/// What every answer forbids a browser.
pub fn security() -> DefaultHeaders {
    DefaultHeaders::new()
        .add(("content-security-policy", page::POLICY))
        .add(("x-content-type-options", "nosniff"))
        .add(("x-frame-options", "DENY"))
        .add(("referrer-policy", "no-referrer"))
        .add(("cross-origin-opener-policy", "same-origin"))
        .add(("cross-origin-resource-policy", "same-origin"))
        .add(("permissions-policy", "camera=(), geolocation=(), microphone=()"))
}
