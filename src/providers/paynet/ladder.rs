//! PayNet's checks as data: what each judges, where the provider or a standard says so, and what to
//! do; and the ladders that they make. `security.rs` climbs them.

use crate::checks::Check;

pub(super) static SOURCE_ADDRESS: Check = Check {
    id: "paynet.source_address",
    title: "The source address is on the allow-list",
    clause: "OSP \"Overview\", Pre-requisites: request PayNet to whitelist your address",
    why: "PayNet lets only registered addresses in.",
    fix: "Add the address to ip_allow_list (at the real portal: ask your IT team for a ticket).",
};

pub(super) static TOKEN_CONTENT_TYPE: Check = Check {
    id: "paynet.token_content_type",
    title: "The token request is a form",
    clause: "OSP \"Overview\", Step 1: application/x-www-form-urlencoded; RFC 6749 §4.4.2",
    why: "OAuth2 takes its parameters as a form, never as JSON.",
    fix: "Send Content-Type: application/x-www-form-urlencoded and the parameters as a form.",
};

pub(super) static TOKEN_FORM: Check = Check {
    id: "paynet.token_form",
    title: "The form has every parameter once, and credentials in one place",
    clause: "RFC 6749 §3.2 and §2.3",
    why: "Parameters must not be repeated, and a client must not use two ways to authenticate.",
    fix: "Send grant_type, client_id and client_secret once each, or the last two as Basic \
          credentials and not in the body.",
};

pub(super) static GRANT_TYPE: Check = Check {
    id: "paynet.grant_type",
    title: "The grant is client_credentials",
    clause: "OSP \"Overview\", Step 1: Client Credentials Flow; RFC 6749 §5.2",
    why: "The portal knows machine-to-machine access only.",
    fix: "Send grant_type=client_credentials.",
};

pub(super) static CLIENT: Check = Check {
    id: "paynet.client",
    title: "The client is known, and the secret is its own",
    clause: "OSP \"Overview\", Step 1: if the Client ID and Client Secret are correct; RFC 6749 §5.2",
    why: "Client ID and secret are what onboarding hands out.",
    fix: "Send the client_id and client_secret of a merchant of this sandbox, percent-encoded in the \
          form.",
};

pub(super) static SCOPE: Check = Check {
    id: "paynet.scope",
    title: "No scope is asked for that does not exist",
    clause: "RFC 6749 §3.3 and §5.2",
    why: "The provider names no scopes.",
    fix: "Leave scope out.",
};

pub(super) static BEARER: Check = Check {
    id: "paynet.bearer",
    title: "The bearer token was issued here to a known client",
    clause: "OSP \"Overview\", Step 3: Authorization; RFC 6750 §2.1",
    why: "The token says which client calls.",
    fix: "Send Authorization: Bearer with the access_token of POST /oauth/token.",
};

pub(super) static TOKEN_EXPIRY: Check = Check {
    id: "paynet.token_expiry",
    title: "The token has not expired",
    clause: "OSP \"Overview\", Step 1: expires_in",
    why: "A token works for token_lifetime_s.",
    fix: "Ask for a new token some time before expires_in is over.",
};

pub(super) static FIID: Check = Check {
    id: "paynet.fiid",
    title: "X-Fiid is sent where it is required",
    clause: "Financial Reports API, Responses: X-Fiid is required",
    why: "A client may act for several institutions.",
    fix: "Send X-Fiid with one of the client's institution ids.",
};

pub(super) static FIID_TIED: Check = Check {
    id: "paynet.fiid_tied",
    title: "The institution is one of the client's",
    clause: "Financial Reports API, Responses: Access to this resource is forbidden",
    why: "A client sees only the reports of institutions that it acts for.",
    fix: "Send an institution id that the merchant has (fiids in its credentials).",
};

pub(super) static TIMESTAMP: Check = Check {
    id: "paynet.timestamp",
    title: "X-Timestamp is sent",
    clause: "OSP \"Overview\", Step 3; Responses: Timestamp is required",
    why: "It is what X-Signature signs.",
    fix: "Send X-Timestamp with the Unix time in seconds.",
};

pub(super) static SIGNATURE_PRESENT: Check = Check {
    id: "paynet.signature_present",
    title: "X-Signature is sent",
    clause: "OSP \"Overview\", Step 3; Responses: Signature is required",
    why: "Every request is signed.",
    fix: "Send X-Signature: the HMAC-SHA256 of X-Timestamp under the client secret, in lower-case hex.",
};

pub(super) static TIMESTAMP_FORMAT: Check = Check {
    id: "paynet.timestamp_format",
    title: "X-Timestamp is Unix seconds: ten digits",
    clause: "OSP \"Overview\", Step 2: int(time.time())",
    why: "Milliseconds, fractions and dates are other texts, and give other signatures.",
    fix: "Send whole seconds, as int(time.time()) or date +%s gives them.",
};

pub(super) static TIMESTAMP_WINDOW: Check = Check {
    id: "paynet.timestamp_window",
    title: "X-Timestamp is near the present",
    clause: "Financial Reports API, Responses: Timestamp not within valid range",
    why: "A signature that was overheard must not work for long.",
    fix: "Make the timestamp anew for each request, and set the machine's clock.",
};

pub(super) static SIGNATURE: Check = Check {
    id: "paynet.signature",
    title: "X-Signature is the HMAC-SHA256 of X-Timestamp under the client secret",
    clause: "OSP \"Overview\", Step 2; Responses: Invalid signature",
    why: "Only who holds the secret can make it.",
    fix: "hmac_sha256(key = client secret, message = the very text of X-Timestamp), lower-case hex.",
};

pub(super) static RATE_LIMIT: Check = Check {
    id: "paynet.rate_limit",
    title: "The client has not asked too often",
    clause: "none: no limit is published",
    why: "With rate_limit a client's back-off can be tested.",
    fix: "Wait as long as Retry-After says.",
};

pub(super) static JSON_BODY: Check = Check {
    id: "paynet.json_body",
    title: "The body is a JSON object",
    clause: "Financial Reports API, Responses: E0012",
    why: "What cannot be read cannot be decided.",
    fix: "Send Content-Type: application/json and one JSON object.",
};

pub(super) static BODY_FIID_TIED: Check = Check {
    id: "paynet.body_fiid_tied",
    title: "The institution that the body names is one of the client's",
    clause: "Financial Reports API, Responses: Access to this resource is forbidden",
    why: "A client sees only the reports of institutions that it acts for.",
    fix: "Leave fiid out of the body, or send one that the merchant has (fiids in its credentials).",
};

pub(super) static GRAPHQL: Check = Check {
    id: "paynet.graphql",
    title: "The body is a GraphQL request with one operation and one root field",
    clause: "Financial Reports API, Responses: E0012; GraphQL over HTTP",
    why: "What cannot be read cannot be decided; the provider hides the details on purpose.",
    fix: "Send {\"query\": …, \"variables\": …} as application/json, with one operation that asks for \
          Report or Summary.",
};

pub(super) static LINK_KNOWN: Check = Check {
    id: "paynet.link_known",
    title: "The one-time token was issued here",
    clause: "official client: OTT invalid, Invalid token",
    why: "The link is all that a download needs.",
    fix: "Use the URL as it was answered, with \\u0026 decoded to &.",
};

pub(super) static LINK_UNUSED: Check = Check {
    id: "paynet.link_unused",
    title: "The one-time URL has not been used",
    clause: "official client, README: the URL can be used once",
    why: "A link is good for one download.",
    fix: "Ask for a new URL for each download, and fetch it with one GET.",
};

pub(super) static LINK_FRESH: Check = Check {
    id: "paynet.link_fresh",
    title: "The one-time URL has not expired",
    clause: "official client, README: an expired OTT needs a new request",
    why: "A link is good for a short while.",
    fix: "Fetch the URL at once, or ask for a new one.",
};

/// The ladder of both token endpoints.
pub(super) static TOKEN_CHECKS: [&Check; 6] =
    [&SOURCE_ADDRESS, &TOKEN_CONTENT_TYPE, &TOKEN_FORM, &GRANT_TYPE, &CLIENT, &SCOPE];

/// The guard before every report endpoint.
pub(super) static GUARD_CHECKS: [&Check; 11] = [
    &SOURCE_ADDRESS,
    &BEARER,
    &TOKEN_EXPIRY,
    &FIID,
    &FIID_TIED,
    &TIMESTAMP,
    &SIGNATURE_PRESENT,
    &TIMESTAMP_FORMAT,
    &TIMESTAMP_WINDOW,
    &SIGNATURE,
    &RATE_LIMIT,
];

/// The ladder of v1's download.
pub(super) static DOWNLOAD_CHECKS: [&Check; 13] = with_body(&[&JSON_BODY, &BODY_FIID_TIED]);

/// The ladder of v2's query.
pub(super) static QUERY_CHECKS: [&Check; 12] = with_body(&[&GRAPHQL]);

/// The guard, and behind it what is judged of the body.
const fn with_body<const N: usize>(body: &[&'static Check]) -> [&'static Check; N] {
    let mut all = [&SOURCE_ADDRESS; N];
    let mut at = 0;
    while at < N {
        let of_body = at.checked_sub(GUARD_CHECKS.len());
        all[at] = match of_body {
            Some(behind) => body[behind],
            None => GUARD_CHECKS[at],
        };
        at += 1;
    }
    all
}

/// The ladder of a one-time URL.
pub(super) static FILE_CHECKS: [&Check; 3] = [&LINK_KNOWN, &LINK_UNUSED, &LINK_FRESH];

/// Every check of this provider.
pub(super) static ALL: [&Check; 22] = [
    &SOURCE_ADDRESS,
    &TOKEN_CONTENT_TYPE,
    &TOKEN_FORM,
    &GRANT_TYPE,
    &CLIENT,
    &SCOPE,
    &BEARER,
    &TOKEN_EXPIRY,
    &FIID,
    &FIID_TIED,
    &TIMESTAMP,
    &SIGNATURE_PRESENT,
    &TIMESTAMP_FORMAT,
    &TIMESTAMP_WINDOW,
    &SIGNATURE,
    &RATE_LIMIT,
    &JSON_BODY,
    &BODY_FIID_TIED,
    &GRAPHQL,
    &LINK_KNOWN,
    &LINK_UNUSED,
    &LINK_FRESH,
];
