//! What goes over the wire, in the provider's own names.

use serde_json::{Value, json};

use super::constants::TOKEN_TYPE;

/// A token request, its secret included; it is never shown.
pub(super) struct TokenRequest {
    pub grant_type: String,
    pub client_id: String,
    pub client_secret: String,
    /// Whether the credentials came as Basic.
    pub in_header: bool,
    pub scope: Option<String>,
}

/// The answer to a token request: `access_token` stands first, because the official client counts on
/// it.
pub(super) fn token_answer(token: &str, lifetime_s: i64) -> Value {
    json!({"access_token": token, "token_type": TOKEN_TYPE, "expires_in": lifetime_s})
}

/// A refusal of the token endpoint (RFC 6749 §5.2).
pub(super) fn token_error(error: &str, description: &str) -> Value {
    json!({"error": error, "error_description": description})
}

/// A refusal of the guard.
pub(super) fn message(text: &str) -> Value {
    json!({"message": text})
}
