//! Who may use the admin API: everybody, or whoever shows the bearer token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
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
        return next.run(request).await;
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

fn refusal(detail: &str) -> Response {
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        detail,
        "send Authorization: Bearer with the token that the server printed at its start; the \
         command line takes it as --admin-token or SANDGATE_ADMIN_TOKEN",
    );
    ([(header::WWW_AUTHENTICATE, "Bearer realm=\"sandgate admin\"")], problem).into_response()
}
