//! The cookie that a login leaves in a browser.
//!
//! Invariant: no script can read it, no other site has it sent along with what changes something, and over https nobody but
//! this very host can have set it.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

/// Its name over https, where browsers believe it of this host alone.
const SECURE: &str = "__Host-sid";

/// Its name over plain http, as on one's own machine, where they would not keep the other.
const PLAIN: &str = "sid";

/// How long it is kept: as long as a player's token holds.
const LIFE: Duration = Duration::hours(12);

/// Whether the browser speaks https, as a proxy on this machine says.
fn is_secure(request: &HttpRequest) -> bool {
    let near = request
        .peer_addr()
        .is_some_and(|from| from.ip().to_canonical().is_loopback());
    let scheme = request.headers().get("x-forwarded-proto");
    near && scheme.is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
}

fn name(request: &HttpRequest) -> &'static str {
    match is_secure(request) {
        true => SECURE,
        false => PLAIN,
    }
}

/// The token in it.
pub fn token(request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie(name(request))?;
    Some(cookie.value().to_owned()).filter(|token| !token.is_empty())
}

/// The cookie with this token.
pub fn set(request: &HttpRequest, token: &str) -> Cookie<'static> {
    Cookie::build(name(request), token.to_owned())
        .path("/")
        .http_only(true)
        .secure(is_secure(request))
        .same_site(SameSite::Lax)
        .max_age(LIFE)
        .finish()
}

/// What has a browser forget it.
pub fn forget(request: &HttpRequest) -> Cookie<'static> {
    let mut cookie = set(request, "");
    cookie.make_removal();
    cookie
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use std::net::SocketAddr;

    fn request(from: &str, scheme: &str) -> HttpRequest {
        let from: SocketAddr = from.parse().expect("an address");
        let request = TestRequest::default().peer_addr(from);
        request
            .insert_header(("x-forwarded-proto", scheme))
            .to_http_request()
    }

    #[test]
    fn over_https_it_is_bound_to_this_host_and_over_http_it_is_kept_at_all() {
        let set = |from, scheme| super::set(&request(from, scheme), "t").to_string();
        let secure = set("127.0.0.1:5", "https");
        assert!(
            secure.starts_with("__Host-sid=t; ") && secure.contains("Secure"),
            "{secure}"
        );
        let plain = set("127.0.0.1:5", "http");
        assert!(
            plain.starts_with("sid=t; ") && !plain.contains("Secure"),
            "{plain}"
        );
        assert!(plain.contains("HttpOnly") && plain.contains("SameSite=Lax") && plain.contains("Path=/"));
        assert_eq!(
            set("192.0.2.7:5", "https"),
            plain,
            "only a proxy of ours is believed"
        );
    }

    #[test]
    fn over_https_only_the_one_counts_that_no_other_host_can_have_set() {
        let token = |scheme, cookies| {
            let request = TestRequest::default().peer_addr("127.0.0.1:5".parse().expect("an address"));
            let request = request.insert_header(("x-forwarded-proto", scheme));
            super::token(&request.insert_header(("cookie", cookies)).to_http_request())
        };
        let both = "sid=planted; __Host-sid=own";
        assert_eq!(token("https", both).as_deref(), Some("own"));
        assert_eq!(token("https", "sid=planted"), None);
        assert_eq!(token("http", both).as_deref(), Some("planted"));
        assert_eq!(token("http", "sid="), None, "one that was forgotten is none");
    }
}
