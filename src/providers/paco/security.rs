//! The ladder of PACO's checks, one named check a line, value to value.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::answers::AnswerForm;
use super::claims::{
    claims, company_api_key, critical, expiry, is_paco_audience, issued_at, issued_by, lifetime,
    not_before, request_claim,
};
use super::constants::{JOSE_FAILURE_STATUS, KID_OF_THE_EXAMPLE, TOKEN_HEADERS};
use super::errors::NO_ENCRYPTION_KEY;
use super::fields::{self, Member, Rules};
use super::keys;
use super::ladder::{
    AUDIENCE, BASIC, CLAIMS, COMPANY_API_KEY, CONTENT_TYPE, CRIT, DECRYPTION, EXPIRY, FIELDS,
    HTTPS, INQUIRY_CHECKS, ISSUED_AT, ISSUER, JWE, JWE_ALG, JWE_ENC, JWS, JWS_ALG, KID, LIFETIME,
    MESSAGE_CHECKS, MESSAGE_ENCRYPTION, NOT_BEFORE, REQUEST, SEAL, SIGNATURE, SOURCE_ADDRESS,
    TOKEN,
};
use super::merchant::PacoMerchant;
use super::settings::{AllowList, BasicAuth, Environment, MessageEncryption, Settings};
use crate::blueprint::{Call, Received, Refusal, Reply, Scheme, Verified};
use crate::checks::{Failure, address, basic};
use crate::crypto::jose::{
    CompactJwe, CompactJws, ContentEncryption, DecryptionFault, KeyWrapping, SignatureAlgorithm,
};
use crate::json;

/// The form of a message, told by a media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageForm {
    Jose,
    Json,
}

/// Judges a message and yields the typed request.
pub(super) async fn message<T: DeserializeOwned>(
    call: Call,
    settings: Arc<Settings>,
    schema: &'static [Member],
    rules: Rules,
) -> Result<Verified<T>, Refusal> {
    call.judge(&HTTPS, over_https(&call, &settings))?;
    call.judge(&SOURCE_ADDRESS, from_listed_address(&call, &settings))?;
    let form = call.step(&CONTENT_TYPE, content_type(call.received()))?;
    call.judge(&MESSAGE_ENCRYPTION, sealed_where_required(&call, &settings, form))?;
    let merchant = call.step(&TOKEN, known_token(&call))?;
    call.judge(&BASIC, basic_credentials(&call, &settings, &merchant))?;
    match form {
        MessageForm::Jose => jose_request(&call, &settings, &merchant).await?,
        MessageForm::Json => json_request(&call)?,
    }
    call.proven();
    let request = call.opened().and_then(Value::as_object).ok_or_else(|| Refusal::Internal {
        reason: "a request that passed its ladder was not opened".to_owned(),
    })?;
    let bound = fields::bind(request, schema, settings.strict_names);
    let bound = bound.and_then(|bound| rules(&bound).map(|()| bound));
    let bound = call.step(&FIELDS, bound)?;
    let typed = serde_json::from_value(bound).map_err(|error| Refusal::Internal {
        reason: format!("a bound message has another type than its schema: {error}"),
    })?;
    let verified = call.verified(&MESSAGE_CHECKS, typed)?;
    can_be_answered(&call, &merchant)?;
    Ok(verified)
}

/// Whether the answer can have the form that the client wants. Judged before anything is decided:
/// what cannot be answered must not happen.
fn can_be_answered(call: &Call, merchant: &PacoMerchant) -> Result<(), Refusal> {
    let wants_seal = call.form::<AnswerForm>().is_some_and(|form| form.sealed.is_some());
    if !wants_seal || merchant.encryption.is_some() {
        return Ok(());
    }
    Err(Refusal::Business {
        reply: Reply::plain(JOSE_FAILURE_STATUS, &json!({"message": NO_ENCRYPTION_KEY})),
        reason: Failure::new(
            "an encryption public key of the merchant on file, to which the answer is sealed",
            "none",
        )
        .fix(
            "Upload encryption_public_key with the merchant, or ask for application/json in Accept",
        ),
    })
}

/// Judges an inquiry, whose request is the query.
pub(super) fn inquiry<T: DeserializeOwned>(
    call: &Call,
    settings: &Settings,
    schema: &'static [Member],
) -> Result<Verified<T>, Refusal> {
    call.judge(&HTTPS, over_https(call, settings))?;
    call.judge(&SOURCE_ADDRESS, from_listed_address(call, settings))?;
    let merchant = call.step(&TOKEN, known_token(call))?;
    call.judge(&BASIC, basic_credentials(call, settings, &merchant))?;
    call.proven();
    let query = parameters(call.received().uri.query().unwrap_or_default());
    note_subject(call, &Value::Object(query.clone()));
    call.set_opened(Value::Object(query.clone()));
    let bound = call.step(&FIELDS, fields::bind(&query, schema, settings.strict_names))?;
    let typed = serde_json::from_value(bound).map_err(|error| Refusal::Internal {
        reason: format!("a bound query has another type than its schema: {error}"),
    })?;
    call.verified(&INQUIRY_CHECKS, typed)
}

/// The sealed half of the ladder: from the JWE to the request object.
async fn jose_request(
    call: &Call,
    settings: &Settings,
    merchant: &Arc<PacoMerchant>,
) -> Result<(), Refusal> {
    let now = call.now();
    let jwe = call.step(&JWE, sealed_body(&call.received().body))?;
    call.step(&JWE_ALG, key_encryption(&jwe.header))?;
    let encryption = call.step(&JWE_ENC, content_encryption(&jwe))?;
    call.judge(&KID, key_id(&jwe.header, settings))?;
    let inner = call.step(&DECRYPTION, decrypted(call, settings, jwe, encryption).await)?;
    let jws = call.step(&JWS, signed_token(&inner))?;
    let algorithm = call.step(&JWS_ALG, signature_algorithm(&jws.header))?;
    call.step(&SIGNATURE, signed_by(&jws, merchant, algorithm))?;
    let mut claims = call.step(&CLAIMS, claims(&jws.payload))?;
    call.step(&AUDIENCE, is_paco_audience(&claims))?;
    call.step(&ISSUER, issued_by(&claims, merchant))?;
    call.judge(&COMPANY_API_KEY, company_api_key(&claims, merchant))?;
    call.judge(&NOT_BEFORE, not_before(&claims, now, settings))?;
    let issued = call.step(&ISSUED_AT, issued_at(&claims, now, settings))?;
    call.step(&EXPIRY, expiry(claims.get("exp"), "the claim exp", now, settings))?;
    call.judge(&LIFETIME, lifetime(issued, now, settings))?;
    call.judge(&CRIT, critical(&jws.header, now, settings))?;
    let request = call.step(&REQUEST, request_claim(&mut claims))?;
    note_request(call, request);
    call.set_beside(Value::Object(claims));
    call.set_form(AnswerForm {
        sealed: match wanted_form(call.received(), MessageForm::Jose) {
            MessageForm::Jose => Some((algorithm, encryption)),
            MessageForm::Json => None,
        },
    });
    Ok(())
}

/// The plain half: no seal to judge, only the body.
fn json_request(call: &Call) -> Result<(), Refusal> {
    for check in &MESSAGE_CHECKS[SEAL] {
        call.skip(check, "plain JSON was sent");
    }
    // Raised before the body is judged: even a refusal of the body has the wanted form.
    call.set_form(AnswerForm {
        sealed: match wanted_form(call.received(), MessageForm::Json) {
            MessageForm::Jose => Some((SignatureAlgorithm::Ps256, ContentEncryption::A128CbcHs256)),
            MessageForm::Json => None,
        },
    });
    let body = json::parse_object(&call.received().body);
    let request =
        body.map_err(|fault| Failure::new("a JSON object as the body", fault.to_string()));
    let request = call.step(&REQUEST, request)?;
    note_request(call, request);
    Ok(())
}

fn note_request(call: &Call, request: Map<String, Value>) {
    let request = Value::Object(request);
    note_subject(call, &request);
    call.set_opened(request);
}

fn note_subject(call: &Call, request: &Value) {
    let order = request
        .as_object()
        .and_then(|members| members.iter().find(|(name, _)| name.eq_ignore_ascii_case("orderNo")));
    if let Some(order) = order.and_then(|(_, value)| value.as_str()) {
        call.set_subject(order.chars().take(100).collect::<String>());
    }
}

pub(super) type Judged = Result<Option<Cow<'static, str>>, Failure>;

#[expect(clippy::unnecessary_wraps, reason = "every rung is judged to the same type")]
pub(super) fn skipped(reason: &'static str) -> Judged {
    Ok(Some(Cow::Borrowed(reason)))
}

pub(super) fn over_https(call: &Call, settings: &Settings) -> Judged {
    match (settings.https_only, call.received().connection.scheme) {
        (_, Scheme::Https) => Ok(None),
        (false, Scheme::Http) => skipped("https_only is off"),
        (true, Scheme::Http) => Err(Failure::new("HTTPS", "plain HTTP")),
    }
}

fn from_listed_address(call: &Call, settings: &Settings) -> Judged {
    let networks = match &settings.ip_allow_list {
        AllowList::Any => return skipped("ip_allow_list is any: every address counts as listed"),
        AllowList::Networks(networks) => networks,
    };
    let listed = address::is_listed(call.received().connection.peer.ip(), networks);
    match (listed, settings.environment) {
        (Ok(()), _) => Ok(None),
        (Err(_), Environment::Uat) => {
            skipped("the address is not listed, which UAT allows as long as the message is sealed")
        }
        (Err(failure), Environment::Prd) if networks.is_empty() => Err(failure.fix(
            "Production needs an explicit ip_allow_list: set it to the client's address, or to any \
             (sandgate serve --set paco.ip_allow_list=any).",
        )),
        (Err(failure), Environment::Prd) => Err(failure),
    }
}

fn is_listed(call: &Call, settings: &Settings) -> bool {
    match &settings.ip_allow_list {
        AllowList::Any => true,
        AllowList::Networks(networks) => {
            address::is_listed(call.received().connection.peer.ip(), networks).is_ok()
        }
    }
}

/// The form that a media type names. Parameters do not count, nor does the trailing semicolon that
/// the provider's page prints.
fn media_type(text: &str) -> Option<MessageForm> {
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/jose") {
        Some(MessageForm::Jose)
    } else if essence.eq_ignore_ascii_case("application/json") {
        Some(MessageForm::Json)
    } else {
        None
    }
}

fn content_type(received: &Received) -> Result<MessageForm, Failure> {
    let expected = "application/jose or application/json";
    match received.header_text("content-type") {
        None => Err(Failure::new(expected, "no Content-Type")),
        Some(text) => media_type(text).ok_or_else(|| Failure::new(expected, text)),
    }
}

/// The form of the answer: the media type that Accept prefers, else that of the request.
fn wanted_form(received: &Received, request: MessageForm) -> MessageForm {
    let mut best: Option<(f32, MessageForm)> = None;
    let accepts = received.headers.get_all("accept");
    let ranges = accepts.iter().filter_map(|value| value.to_str().ok());
    for range in ranges.flat_map(|value| value.split(',')) {
        let Some(form) = media_type(range) else {
            continue;
        };
        let quality = range
            .split(';')
            .find_map(|parameter| parameter.trim().strip_prefix("q="))
            .and_then(|quality| quality.trim().parse::<f32>().ok())
            .unwrap_or(1.0);
        if quality <= 0.0 {
            continue;
        }
        let better = match best {
            None => true,
            // Equally wanted forms leave the choice to the request's own.
            Some((so_far, _)) => quality > so_far || (quality >= so_far && form == request),
        };
        if better {
            best = Some((quality, form));
        }
    }
    best.map_or(request, |(_, form)| form)
}

fn sealed_where_required(call: &Call, settings: &Settings, form: MessageForm) -> Judged {
    if form == MessageForm::Jose {
        return Ok(None);
    }
    let plain = || Failure::new("a sealed message (application/jose)", "plain JSON");
    match (settings.message_encryption, settings.environment) {
        (MessageEncryption::Optional, _) => skipped("message_encryption is optional"),
        (MessageEncryption::Required, _) => Err(plain().detail("message_encryption is required")),
        (MessageEncryption::ByEnvironment, Environment::Prd) => {
            Err(plain().detail("production requires it"))
        }
        (MessageEncryption::ByEnvironment, Environment::Uat) if is_listed(call, settings) => {
            skipped("the address is allow-listed, so UAT takes plain JSON")
        }
        (MessageEncryption::ByEnvironment, Environment::Uat) => {
            Err(plain().detail("the source address is not allow-listed, so UAT requires it"))
        }
    }
}

/// The token as a request sends it: the first of the known headers counts.
pub(super) fn sent_token(received: &Received) -> Option<(&'static str, &[u8])> {
    TOKEN_HEADERS.into_iter().find_map(|name| received.header(name).map(|value| (name, value)))
}

fn known_token(call: &Call) -> Result<Arc<PacoMerchant>, Failure> {
    if let Some(merchant) = call.merchant() {
        return Ok(merchant.parts());
    }
    let expected = "the access token of a merchant, in the header token";
    match sent_token(call.received()) {
        None => Err(Failure::new(expected, "none of the headers token, CompanyApiKey, apiKey")),
        Some((name, value)) => {
            let text = String::from_utf8_lossy(value);
            let failure = Failure::new(
                expected,
                format!(
                    "\"{}\" in the header {}, which no merchant has",
                    shortened(&text),
                    as_documented(name)
                ),
            );
            Err(match token_damage(&text) {
                Some(damage) => {
                    failure.detail(damage).fix("Send the token bare, as it was issued.")
                }
                None => failure.fix(
                    "Send a token that a merchant has: `sandgate merchant list` names the \
                     merchants, `sandgate merchant show ID` their tokens.",
                ),
            })
        }
    }
}

/// A token header in the spelling of the documents.
fn as_documented(name: &str) -> &str {
    match name {
        "companyapikey" => "CompanyApiKey",
        "apikey" => "apiKey",
        other => other,
    }
}

pub(super) fn token_damage(text: &str) -> Option<&'static str> {
    if text.starts_with(['"', '\'']) {
        Some("the token is wrapped in quotes")
    } else if text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer ")) {
        Some("the token has Bearer in front of it; the header takes it bare")
    } else if text.len() == 32 && text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Some("access tokens are lower-case hex")
    } else if text.len() == 36 && text.matches('-').count() == 4 {
        Some("access tokens have no dashes")
    } else {
        None
    }
}

fn basic_credentials(call: &Call, settings: &Settings, merchant: &PacoMerchant) -> Judged {
    let sent = call.received().header("authorization");
    match (settings.basic_auth, sent) {
        (BasicAuth::Ignored, _) => skipped("basic_auth is ignored"),
        (BasicAuth::VerifyIfSent, None) => {
            skipped("none were sent, and basic_auth is verify_if_sent")
        }
        (BasicAuth::Required, None) => Err(Failure::new(
            format!("Basic credentials of user \"{}\"", merchant.basic_user),
            "no Authorization header",
        )
        .fix("Send Authorization: Basic with the user and password of the merchant.")),
        (BasicAuth::VerifyIfSent | BasicAuth::Required, Some(header)) => {
            basic::matches(header, &merchant.basic_user, &merchant.basic_password).map(|()| None)
        }
    }
}

fn sealed_body(body: &[u8]) -> Result<CompactJwe, Failure> {
    let expected = "a compact JWE of five base64url parts";
    if body.is_empty() {
        return Err(Failure::new(expected, "an empty body"));
    }
    let text =
        std::str::from_utf8(body).map_err(|_| Failure::new(expected, "bytes that are not text"))?;
    let jwe = CompactJwe::parse(text).map_err(|fault| Failure::new(expected, fault.to_string()))?;
    if let Some(zip) = jwe.header.get("zip") {
        return Err(Failure::new("a JWE without compression", format!("zip {zip}"))
            .fix("Leave zip out; PACO documents no compression."));
    }
    if let Some(crit) = jwe.header.get("crit") {
        return Err(Failure::new("no critical members in the JWE header", format!("crit {crit}"))
            .fix("Leave crit out of the JWE header."));
    }
    Ok(jwe)
}

fn key_encryption(header: &Map<String, Value>) -> Result<(), Failure> {
    match header.get("alg").and_then(Value::as_str) {
        Some("RSA-OAEP") => Ok(()),
        _ => Err(Failure::new("alg RSA-OAEP", member_text(header, "alg"))),
    }
}

fn content_encryption(jwe: &CompactJwe) -> Result<ContentEncryption, Failure> {
    let named = jwe.header.get("enc").and_then(Value::as_str);
    let encryption = named.and_then(ContentEncryption::named).ok_or_else(|| {
        let supported = ContentEncryption::ALL.map(ContentEncryption::name).join(", ");
        Failure::new(format!("enc one of {supported}"), member_text(&jwe.header, "enc"))
    })?;
    jwe.lengths_fit(encryption).map_err(|fault| {
        Failure::new(format!("parts of the lengths of {}", encryption.name()), fault.to_string())
    })?;
    Ok(encryption)
}

fn key_id(header: &Map<String, Value>, settings: &Settings) -> Judged {
    let environment = settings.environment;
    let sent = header.get("kid").and_then(Value::as_str);
    if sent == Some(environment.kid()) {
        return Ok(None);
    }
    if !settings.kid_strict {
        return skipped("kid_check is ignore");
    }
    let failure = Failure::new(
        format!("kid {} ({})", environment.kid(), environment.name()),
        member_text(header, "kid"),
    );
    let known = match sent {
        Some(kid) if kid == environment.other().kid() => {
            Some(format!("that is the kid of {}", environment.other().name()))
        }
        Some(KID_OF_THE_EXAMPLE) => {
            Some("that is the kid of the example in the documents, no environment's".to_owned())
        }
        _ => None,
    };
    Err(match known {
        Some(known) => failure.detail(known),
        None => failure,
    })
}

async fn decrypted(
    call: &Call,
    settings: &Settings,
    jwe: CompactJwe,
    encryption: ContentEncryption,
) -> Result<String, Failure> {
    let environment = settings.environment;
    let key = &keys::of(environment).encryption;
    let opened =
        call.services().rsa.run(move || jwe.decrypt(key, KeyWrapping::RsaOaep, encryption)).await;
    let plaintext = opened.map_err(|fault: DecryptionFault| {
        Failure::new(
            format!("a content key encrypted to PACO's {} encryption key", environment.name()),
            fault.to_string(),
        )
    })?;
    call.set_unsealed(plaintext.clone());
    String::from_utf8(plaintext).map_err(|_| {
        Failure::new("a compact JWS inside the JWE", "decrypted bytes that are not text")
    })
}

fn signed_token(inner: &str) -> Result<CompactJws, Failure> {
    CompactJws::parse(inner).map_err(|fault| {
        let failure = Failure::new("a compact JWS of three base64url parts", fault.to_string());
        if inner.trim_start().starts_with('{') {
            failure.detail("inside the JWE is bare JSON: the message is encrypted but not signed")
        } else {
            failure
        }
    })
}

fn signature_algorithm(header: &Map<String, Value>) -> Result<SignatureAlgorithm, Failure> {
    let named = header.get("alg").and_then(Value::as_str);
    named.and_then(SignatureAlgorithm::named).ok_or_else(|| {
        let supported = SignatureAlgorithm::ALL.map(SignatureAlgorithm::name).join(", ");
        Failure::new(format!("alg one of {supported}"), member_text(header, "alg"))
    })
}

fn signed_by(
    jws: &CompactJws,
    merchant: &PacoMerchant,
    algorithm: SignatureAlgorithm,
) -> Result<(), Failure> {
    let key = merchant.signing.public();
    if jws.is_signed_by(key, algorithm) {
        return Ok(());
    }
    Err(Failure::new(
        format!("a {} signature by the merchant's signing key {}", algorithm.name(), key.id()),
        format!(
            "a signature of {} bytes ({}…) that this key did not make over these bytes",
            jws.signature.len(),
            URL_SAFE_NO_PAD.encode(&jws.signature[..jws.signature.len().min(9)])
        ),
    ))
}

/// The parameters of a query or a form, decoded; the first of a name counts.
pub(super) fn parameters(text: &str) -> Map<String, Value> {
    let mut parameters = Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decoded(name);
        if !parameters.contains_key(&name) {
            parameters.insert(name, Value::String(percent_decoded(value)));
        }
    }
    parameters
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let hex =
            bytes.get(index + 1..index + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match (bytes[index], hex.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                index += 3;
            }
            (b'+', _) => {
                decoded.push(b' ');
                index += 1;
            }
            (byte, _) => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// A member as evidence: its JSON text, or that it is absent.
pub(super) fn member_text(map: &Map<String, Value>, name: &str) -> String {
    match map.get(name) {
        Some(value) => format!("{name} {}", shortened(&value.to_string())),
        None => format!("no {name}"),
    }
}

pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 200;
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
