//! Mistakes in asking for a token, and in carrying it.

use jiff::SignedDuration;
use serde_json::Value;

use super::Scene;
use super::mistakes::{
    BASIC_AT_REPORT, CREDENTIALS_IN_QUERY, CREDENTIALS_TWICE, DAMAGED_TOKEN, EMPTY_TOKEN,
    EXPIRED_TOKEN, JSON_TOKEN_REQUEST, NEWLINE_IN_BASIC, NO_SCHEME, NULL_TOKEN, OTHER_SECRET,
    SECRET_ENCODED_TWICE, SECRET_NOT_ENCODED, SPACE_AROUND_SECRET, SWAPPED_CREDENTIALS,
    TOKEN_TO_THE_LAST, WRONG_TOKEN_PATH,
};
use super::timestamps::moved_by;
use super::torn;
use crate::diagnosis::Search;
use crate::diagnosis::instants::spoken;
use crate::json;
use crate::providers::paynet::forms::{basic, bearer, decoded, pairs, query_parameter};
use crate::providers::paynet::tokens::{Claims, Token, nothing};
use crate::store::Verdict;

/// Seconds around a token's expiry in which it shows that its client counts on every one of them.
const LAST_SECONDS: i64 = 5;

/// Mistakes at the token endpoints.
pub(super) fn asking(scene: &Scene<'_>, search: &mut Search) {
    let evidence = scene.evidence;
    if evidence.verdict == Verdict::NotFound {
        search.candidate(&WRONG_TOKEN_PATH, || {
            evidence.reason.clone().filter(|reason| reason.contains("POST /"))
        });
        return;
    }
    if scene.failed.is_empty() {
        return;
    }
    search.candidate(&JSON_TOKEN_REQUEST, || {
        let map = json::parse_object(&evidence.body).ok()?;
        map.contains_key("grant_type")
            .then(|| "the body is a JSON object with grant_type".to_owned())
    });
    search.candidate(&CREDENTIALS_IN_QUERY, || {
        let found = query_parameter(&evidence.target, "client_id")
            .or_else(|| query_parameter(&evidence.target, "grant_type"));
        found.map(|_| "the URL has a query with the parameters, and the body lacks them".to_owned())
    });
    let header = scene.header("authorization").and_then(|header| basic(header.as_bytes()));
    search.candidate(&CREDENTIALS_TWICE, || {
        (scene.failed == "paynet.token_form" && scene.got().starts_with("an Authorization header"))
            .then(|| {
                let form = pairs(&evidence.body).unwrap_or_default();
                let empty =
                    form.iter().any(|(name, value)| name == "client_secret" && value.is_empty());
                let what = if empty { "an empty client_secret" } else { "a client_secret" };
                format!("the header has Basic credentials, and the form {what}")
            })
    });
    let sent = sent_credentials(scene, header);
    let Some((id, secret)) = sent else {
        not_encoded(scene, search);
        return;
    };
    if !matches!(scene.failed, "paynet.client" | "paynet.token_form") {
        return;
    }
    search.candidate(&SWAPPED_CREDENTIALS, || {
        let known = scene.others.iter().chain(&scene.merchant);
        let mut known =
            known.filter(|other| other.client_id == secret && other.client_secret == id);
        known.next().map(|other| format!("swapped, they are those of {}", other.client_id))
    });
    not_encoded(scene, search);
    let Some(merchant) = &scene.merchant else {
        return;
    };
    let right = &merchant.client_secret;
    search.candidate(&NEWLINE_IN_BASIC, || {
        (secret.trim_end_matches(['\n', '\r']) == right
            && secret != *right
            && scene.header("authorization").is_some())
        .then(|| "the credentials are right but for a line break at their end".to_owned())
    });
    if !search.has(&NEWLINE_IN_BASIC) {
        search.candidate(&SPACE_AROUND_SECRET, || {
            (secret.trim() == right && secret != *right)
                .then(|| "the secret is right without the white space around it".to_owned())
        });
    }
    search.candidate(&SECRET_ENCODED_TWICE, || {
        let once = decoded(secret.as_bytes()).ok()?;
        (once == *right && secret != *right)
            .then(|| "decoded once more, the secret is right".to_owned())
    });
    search.candidate(&OTHER_SECRET, || {
        let other = scene.others.iter().find(|other| other.client_secret == secret)?;
        Some(format!("it is the secret of client {}", other.client_id))
    });
}

fn not_encoded(scene: &Scene<'_>, search: &mut Search) {
    let (Some(merchant), "paynet.client" | "paynet.token_form") = (&scene.merchant, scene.failed)
    else {
        return;
    };
    search.candidate(&SECRET_NOT_ENCODED, || {
        let right = &merchant.client_secret;
        let body = String::from_utf8_lossy(&scene.evidence.body);
        let special = right.bytes().any(|byte| b"&+%=".contains(&byte));
        (special && body.contains(&format!("client_secret={right}")))
            .then(|| "the secret stands in the body as it is, with & + or % in it".to_owned())
    });
}

type Basic = Option<Result<(String, String), String>>;

fn sent_credentials(scene: &Scene<'_>, header: Basic) -> Option<(String, String)> {
    if let Some(Ok((user, password))) = header {
        return Some((user, password));
    }
    if let Ok(map) = json::parse_object(&scene.evidence.body) {
        let text = |name: &str| map.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        return Some((text("client_id")?, text("client_secret")?));
    }
    let form = pairs(&scene.evidence.body).ok()?;
    let value =
        |wanted: &str| form.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    Some((value("client_id")?, value("client_secret")?))
}

/// Mistakes with the token at a report endpoint.
pub(super) fn bearing(scene: &Scene<'_>, search: &mut Search) {
    let Some(header) = scene.header("authorization") else {
        return;
    };
    if let Some(claims) = scene.claims() {
        near_its_end(scene, &claims, search);
    }
    if scene.failed != "paynet.bearer" {
        return;
    }
    search.candidate(&BASIC_AT_REPORT, || {
        let (user, _) = basic(header.as_bytes())?.ok()?;
        let known = scene.others.iter().any(|other| other.client_id == user);
        let whose = if known { " of a client that is known here" } else { "" };
        Some(format!("the header has Basic credentials{whose}; they belong to the token endpoint"))
    });
    search.candidate(&NO_SCHEME, || {
        Token::read(header.trim())
            .is_ok()
            .then(|| "the header is a token and nothing else".to_owned())
    });
    search.candidate(&EMPTY_TOKEN, || {
        header.trim().eq_ignore_ascii_case("bearer").then(|| {
            "the header is the word Bearer and nothing else: the variable that should hold the token is \
             empty, or was never set"
                .to_owned()
        })
    });
    search.candidate(&NULL_TOKEN, || {
        let nothing = nothing(bearer(header.as_bytes())?)?;
        let made_by = match nothing {
            "null" => "jq and JavaScript make",
            "None" => "Python makes",
            "nil" => "Go and Ruby make",
            _ => "JavaScript makes",
        };
        Some(format!(
            "{nothing} is what {made_by} of an answer without access_token: the token request probably \
             failed, so look at its exchange (sandgate exchange list --verdict refused), and let the client \
             look at the status before it reads the token"
        ))
    });
    search.candidate(&DAMAGED_TOKEN, || {
        let sent = bearer(header.as_bytes())?;
        let clean: String = sent
            .chars()
            .filter(|letter| !letter.is_whitespace() && !"\"'\\".contains(*letter))
            .collect();
        let clean = clean.strip_prefix("Bearer").unwrap_or(&clean);
        (clean != sent && Token::read(clean).is_ok())
            .then(|| "without quotes, white space and a second \"Bearer\" it is a token".to_owned())
    });
    if !search.has(&DAMAGED_TOKEN)
        && let Some(sent) = bearer(header.as_bytes())
    {
        torn::all(scene, sent, search);
    }
}

/// A token that is still good by this machine's clock, where the sandbox's is ahead of it.
fn clock_advanced(scene: &Scene<'_>, token: &Claims) -> Option<String> {
    let by = moved_by(scene).filter(SignedDuration::is_positive)?;
    let machine = scene.evidence.machine_at?.as_second();
    (token.issued..token.expiry).contains(&machine).then(|| {
        format!(
            ". The sandbox's clock is {} ahead of this machine's, by which the token is good for {} s \
             more: if the clock was advanced since it was issued, ask for a new one after that",
            spoken(by),
            token.expiry - machine
        )
    })
}

/// A client that renews its token when it is over is a moment late now and then.
fn near_its_end(scene: &Scene<'_>, token: &Claims, search: &mut Search) {
    let now = scene.evidence.at.as_second();
    if scene.failed == "paynet.token_expiry" {
        let late = now - token.expiry;
        let mistake = if late <= LAST_SECONDS { &TOKEN_TO_THE_LAST } else { &EXPIRED_TOKEN };
        search.candidate(mistake, || {
            Some(format!(
                "issued {} s ago for {} s, it expired {late} s ago; renew it some time before that{}",
                now - token.issued,
                token.expiry - token.issued,
                clock_advanced(scene, token).unwrap_or_default()
            ))
        });
    }
    search.candidate(&TOKEN_TO_THE_LAST, || {
        let left = token.expiry - now;
        let is_last = scene.evidence.verdict == Verdict::Accepted && left <= LAST_SECONDS;
        is_last.then(|| {
            format!(
                "it was good for {left} s more; if the client uses its tokens up to the last second, a \
                 request that takes a little longer comes too late: renew them some time before"
            )
        })
    });
}
