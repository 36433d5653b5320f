//! REST: what a program may ask without a socket, one request at a time. What is served is in `operations`, from which
//! `/openapi.json` is made as well.
//!
//! Most of it are the messages of the socket, with their fields taken from path, query and body, so they mean the same
//! and are read and answered by the same code. Invariants: whatever is refused is refused as one JSON object with the
//! status of its code; a browser changes nothing by its cookie but from a page that the settings allow.

mod answer;
mod call;
pub mod cookie;
mod document;
mod entrance;
mod hooks;
mod jobs;
mod operations;
mod own;
mod world;

use super::WebShared;
use super::websocket::upgrade::far_end;
use crate::protocol::client::Auth;
use actix_web::http::Method;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use answer::Refused;
use call::Call;
use operations::{Does, OPERATIONS, Operation};
use std::sync::Arc;

/// Everything under `/v1`, and what describes it.
pub fn routes(app: &mut ServiceConfig) {
    app.route("/openapi.json", web::get().to(document::openapi))
        .route("/schemas/{name}.json", web::get().to(document::schema));
    for (at, first) in OPERATIONS.iter().enumerate() {
        if OPERATIONS[..at].iter().any(|before| before.path == first.path) {
            continue;
        }
        let mut resource = web::resource(first.route()).default_service(web::to(wrong_method));
        for operation in OPERATIONS.iter().filter(|other| other.path == first.path) {
            let serve =
                move |request, body, shared: Data<Arc<WebShared>>| serve(operation, request, body, shared);
            resource = resource.route(web::method(operation.way.method()).to(serve));
        }
        app.service(resource);
    }
    app.route("/v1/{nothing:.*}", web::route().to(nothing_there));
}

async fn serve(
    operation: &'static Operation,
    request: HttpRequest,
    body: Payload,
    shared: Data<Arc<WebShared>>,
) -> HttpResponse {
    let shared = Arc::clone(shared.get_ref());
    let call = match Call::read(operation, request, body, shared).await {
        Ok(call) => call,
        Err(refused) => return refused.respond(),
    };
    admit(call).await.unwrap_or_else(Refused::respond)
}

/// Carries out what is asked, unless too many bad tokens came from there lately: each costs the daemon a signature.
async fn admit(call: Call) -> Result<HttpResponse, Refused> {
    if !matches!(call.auth, Auth::Player(_)) {
        return carry_out(call).await;
    }
    let shared = Arc::clone(&call.shared);
    let (_, address) = far_end(&call.request, &shared);
    if let Some(wait) = shared.proofs.wait(shared.now(), address) {
        return Err(entrance::busy(wait));
    }
    let answer = carry_out(call).await;
    if answer.as_ref().is_err_and(Refused::is_bad_token) {
        shared.proofs.miss(shared.now(), address);
    }
    answer
}

async fn carry_out(call: Call) -> Result<HttpResponse, Refused> {
    match call.operation.does {
        Does::Login => entrance::login(call).await,
        Does::Logout => Ok(entrance::logout(&call)),
        Does::Renew => entrance::renew(call).await,
        Does::Me => own::me(call).await,
        Does::History => own::history(call).await,
        Does::Presence => own::presence(call).await,
        Does::LogoutEverywhere => own::logout_everywhere(call).await,
        Does::Object => world::object(call).await,
        Does::Message(msg_type) => world::message(call, msg_type).await,
        Does::Typed => world::typed(call).await,
        Does::Jobs(wish) => jobs::serve(call, wish).await,
        Does::Hook => hooks::serve(call).await,
    }
}

async fn wrong_method(request: HttpRequest) -> HttpResponse {
    let pattern = request.match_pattern().unwrap_or_default();
    let allowed = OPERATIONS.iter().filter(|operation| operation.route() == pattern);
    let allowed: Vec<String> = allowed
        .map(|operation| operation.way.method().to_string())
        .collect();
    let mut response = Refused::new("METHOD_NOT_ALLOWED", "this path takes other methods").respond();
    if let Ok(allowed) = allowed.join(", ").parse() {
        response
            .headers_mut()
            .insert(actix_web::http::header::ALLOW, allowed);
    }
    response
}

async fn nothing_there(method: Method, request: HttpRequest) -> HttpResponse {
    let words = format!(
        "nothing is served at {method} {}; see /openapi.json",
        request.path()
    );
    Refused::new("NOT_FOUND", &words).respond()
}
