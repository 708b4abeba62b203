//! Who may use the admin API: everybody, or whoever shows the bearer token; and what may be sent to it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::Admin;
use super::problem::Problem;
use crate::crypto::hashes::same_secret;

/// Lets a request through if no token is set, or if it shows the right one.
pub(super) async fn ask_for_token(
    State(admin): State<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(token) = &admin.token else {
        return match foreign_page(&request) {
            None => next.run(request).await,
            Some(found) => elsewhere(&found),
        };
    };
    let shown = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, shown)| shown.trim());
    match shown {
        Some(shown) if same_secret(shown.as_bytes(), token.as_bytes()) => next.run(request).await,
        Some(_) => refusal("the bearer token is not this server's"),
        None => refusal("the admin API of this server wants a bearer token, and none came"),
    }
}

/// Lets a change through only if what it carries can be meant for this API: JSON, what curl and fetch
/// call a text unless told otherwise, or no name at all. Whoever makes a server post something else, such as
/// a notification, changes nothing here. A form that a web page posts shows its Origin.
pub(super) async fn ask_for_json(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    match foreign_media(request.headers()).filter(|_| !reads) {
        None => next.run(request).await,
        Some(found) => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("the admin API takes JSON, and this came with Content-Type {found}"),
            "send Content-Type: application/json, or none",
        )
        .into_response(),
    }
}

fn foreign_media(headers: &HeaderMap) -> Option<String> {
    const TAKEN: [&str; 3] =
        ["application/json", "application/x-www-form-urlencoded", "text/plain"];
    headers
        .get_all(header::CONTENT_TYPE)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .find(|value| {
            let media = value.split(';').next().unwrap_or_default().trim();
            !TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(media))
        })
}

/// Without a token the API is for programs on this machine. A web page in a browser on it is none:
/// it shows by its Origin, or by a Host that was made to point here (DNS rebinding).
fn foreign_page(request: &Request) -> Option<String> {
    let text =
        |name| request.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    if let Some(origin) = text(header::ORIGIN) {
        return Some(format!("Origin {origin}"));
    }
    let host = text(header::HOST)?;
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let name = name.map_or(&*host, |(name, _)| name);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let at_home = name.eq_ignore_ascii_case("localhost") || address.is_ok();
    (!at_home).then(|| format!("Host {host}"))
}

fn elsewhere(found: &str) -> Response {
    Problem::new(
        StatusCode::FORBIDDEN,
        format!(
            "the admin API does not answer web pages or other names, and this came with {found}"
        ),
        "call it by its address or as localhost, without an Origin; start the server with \
         --admin-token to reach it by another name",
    )
    .into_response()
}

fn refusal(detail: &str) -> Response {
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        detail,
        "send Authorization: Bearer with the token that the server printed at its start; the \
         command line takes it as --admin-token or SANDGATE_ADMIN_TOKEN",
    );
    ([(header::WWW_AUTHENTICATE, "Bearer realm=\"sandgate admin\"")], problem).into_response()
}
