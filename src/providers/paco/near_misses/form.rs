//! Mistakes with the form of a message: headers, media types, wrappings, and the order of layers.

use serde_json::{Map, Value};

use super::mistakes::{
    BEARER_TOKEN, DAMAGED_ACCESS_TOKEN, DAMAGED_INNER_TOKEN, DAMAGED_TOKEN_TEXT,
    ENCRYPTION_MISSING, JOSE_ON_INQUIRY, JOSE_SENT_AS_JSON, JOSE_WRAPPED_IN_JSON,
    JSON_SENT_AS_JOSE, JSON_SERIALIZATION, LAYER_TWICE, LAYERS_IN_WRONG_ORDER,
    REQUEST_WRAPPED_IN_JSON, SIGNATURE_MISSING, TOKEN_IN_QUERY, V4_NAMES, V4_TOKEN,
};
use super::{Scene, is_inquiry, member, quoted};
use crate::crypto::jose::{CompactJwe, CompactJws};
use crate::diagnosis::{Search, token_text};
use crate::json;
use crate::providers::paco::constants::TOKEN_HEADERS;
use crate::providers::paco::layers::Layer;
use crate::providers::paco::security::token_damage;

/// Also where everything passed: PACO ignores the seal of an inquiry, and so nobody would notice.
pub(super) fn of_inquiries(scene: &Scene<'_>, search: &mut Search) {
    search.candidate(&JOSE_ON_INQUIRY, || {
        let sealed = !scene.peeled.layers.is_empty();
        (is_inquiry(scene.evidence) && (sealed || is_declared(scene, "application/jose"))).then(
            || {
                "Send it as GET with the token alone; the answer is plain JSON whatever Accept says"
                    .to_owned()
            },
        )
    });
}

pub(super) fn of_the_message(scene: &Scene<'_>, search: &mut Search) {
    search.candidate(&DAMAGED_TOKEN_TEXT, || {
        let damage = scene.peeled.damage.filter(|_| scene.failed == "paco.jwe")?;
        Some(format!("{damage}; without that, it can be read"))
    });
    search.candidate(&JOSE_SENT_AS_JSON, || {
        (is_declared(scene, "application/json")
            && !is_inquiry(scene.evidence)
            && !scene.peeled.layers.is_empty())
        .then(|| "the body is a compact JOSE token; send Content-Type: application/jose".to_owned())
    });
    search.candidate(&JOSE_WRAPPED_IN_JSON, || {
        let body = json::parse_object(&scene.evidence.body).ok()?;
        let is_token =
            |text: &str| CompactJwe::parse(text).is_ok() || CompactJws::parse(text).is_ok();
        let (name, _) = body.iter().find(|(_, value)| value.as_str().is_some_and(is_token))?;
        ["paco.jwe", "paco.fields"].contains(&scene.failed).then(|| {
            format!(
                "the token stands in the member {}; send it bare, as the whole body, with \
                 Content-Type: application/jose",
                quoted(name)
            )
        })
    });
    search.candidate(&JSON_SERIALIZATION, || json_serialization(scene));
    let wrapped = search.has(&JOSE_WRAPPED_IN_JSON) || search.has(&JSON_SERIALIZATION);
    search.candidate(&JSON_SENT_AS_JOSE, || {
        (scene.failed == "paco.jwe" && !wrapped && json::parse_object(&scene.evidence.body).is_ok())
            .then(|| "the body is a JSON object; sign and encrypt it first".to_owned())
    });
    search.candidate(&DAMAGED_ACCESS_TOKEN, || {
        let sent = TOKEN_HEADERS.into_iter().find_map(|name| scene.header(name))?;
        let damage = token_damage(sent).filter(|_| scene.failed == "paco.token")?;
        Some(damage.to_owned())
    });
    search.candidate(&BEARER_TOKEN, || {
        let header = scene.header("authorization")?;
        (scene.failed == "paco.token" && header.to_ascii_lowercase().starts_with("bearer"))
            .then(|| "PACO takes the token bare, in the header token".to_owned())
    });
    search.candidate(&TOKEN_IN_QUERY, || {
        let (_, query) = scene.evidence.target.split_once('?')?;
        let names = query.split('&').filter_map(|pair| pair.split('=').next());
        let name = names
            .into_iter()
            .find(|name| TOKEN_HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name)))?;
        let in_a_header = TOKEN_HEADERS.into_iter().any(|name| scene.header(name).is_some());
        (scene.failed == "paco.token" && !in_a_header)
            .then(|| format!("it stands in the query as {name}; PACO takes it in the header token"))
    });
    search.candidate(&REQUEST_WRAPPED_IN_JSON, || {
        let wrapped = scene.member("request").is_some_and(Value::is_object);
        (scene.failed == "paco.fields" && wrapped).then(|| {
            "request is the claim of a sealed message; a plain message is the body itself"
                .to_owned()
        })
    });
}

pub(super) fn of_its_layers(scene: &Scene<'_>, search: &mut Search) {
    let layers = scene.peeled.layers.as_slice();
    search.candidate(&LAYERS_IN_WRONG_ORDER, || match layers {
        [Layer::Jws(_), Layer::Jwe { .. }, ..] => Some(
            "the body is a JWS with a JWE inside; sign the claims first and encrypt the result"
                .to_owned(),
        ),
        _ => None,
    });
    search.candidate(&ENCRYPTION_MISSING, || match layers {
        [Layer::Jws(jws)] if jws.header.get("alg").and_then(Value::as_str) != Some("HS256") => {
            Some("the body is a JWS of three parts; encrypt it to PACO's key".to_owned())
        }
        _ => None,
    });
    let serialized = search.has(&JSON_SERIALIZATION);
    search.candidate(&SIGNATURE_MISSING, || match layers {
        [
            Layer::Jwe {
                opened: Some(_), ..
            },
        ] if !scene.claims.is_empty() && !serialized => Some(
            "inside the JWE are bare claims; sign them to a compact JWS and encrypt that"
                .to_owned(),
        ),
        _ => None,
    });
    search.candidate(&LAYER_TWICE, || match layers {
        [Layer::Jwe { .. }, Layer::Jwe { .. }, ..] => {
            Some("inside the JWE is a JWE again; encrypt once, around the JWS".to_owned())
        }
        [Layer::Jwe { .. }, Layer::Jws(_), Layer::Jws(_)] => {
            Some("what is signed is a JWS again; sign once, over the claims".to_owned())
        }
        _ => None,
    });
    search.candidate(&DAMAGED_INNER_TOKEN, || {
        let opened = matches!(
            layers,
            [Layer::Jwe {
                opened: Some(_),
                ..
            }]
        );
        let inner = std::str::from_utf8(&scene.peeled.content).ok().filter(|_| opened)?;
        let (damage, repaired) = token_text::damage(inner)?;
        CompactJws::parse(&repaired).ok()?;
        Some(format!("{damage}; what is encrypted is the JWS as it is, byte for byte"))
    });
    search.candidate(&V4_TOKEN, || {
        let alone = match layers {
            [Layer::Jws(jws)] => jws.header.get("alg").cloned(),
            // That product wants its token in a member payload.
            _ => json::parse_object(&scene.evidence.body)
                .ok()
                .and_then(|body| CompactJws::parse(body.get("payload")?.as_str()?).ok())
                .and_then(|jws| jws.header.get("alg").cloned()),
        };
        (alone?.as_str() == Some("HS256"))
            .then(|| "PACO takes a JWE with an RSA-signed JWS inside".to_owned())
    });
    search.candidate(&V4_NAMES, || {
        const NAMES: [(&str, &str); 6] = [
            ("merchantID", "the access token, with officeId for the office"),
            ("invoiceNo", "orderNo"),
            ("paymentChannel", "paymentType"),
            ("frontendReturnUrl", "notificationURLs.confirmationURL"),
            ("backendReturnUrl", "notificationURLs.backendURL"),
            ("currencyCode", "transactionAmount.currencyCode"),
        ];
        let inside = scene.claims.get("request").and_then(Value::as_object);
        let places = [Some(&scene.request), inside, Some(&scene.claims)];
        let (place, _) = places
            .into_iter()
            .flatten()
            .map(|place| (place, ["merchantID", "invoiceNo"]))
            .find(|(place, both)| both.iter().all(|name| member(place, name).is_some()))?;
        let known = NAMES.into_iter().filter(|(name, _)| member(place, name).is_some());
        let told: Vec<String> =
            known.map(|(name, here)| format!("{name} (here: {here})")).collect();
        Some(format!("it has {}", told.join(", ")))
    });
}

/// The members that only a token of many lines of JSON has.
fn json_serialization(scene: &Scene<'_>) -> Option<String> {
    let has = |object: &Map<String, Value>, names: &[&str]| {
        names.iter().all(|name| object.contains_key(*name))
    };
    let is_jws = |object: &Map<String, Value>| {
        has(object, &["payload", "signature"]) || has(object, &["payload", "signatures"])
    };
    let body = json::parse_object(&scene.evidence.body).unwrap_or_default();
    let sealed = matches!(scene.peeled.layers.as_slice(), [Layer::Jwe { .. }]);
    let what = if has(&body, &["ciphertext", "iv"]) {
        "the body is a JWE"
    } else if is_jws(&body) {
        "the body is a JWS"
    } else if sealed && is_jws(&scene.claims) {
        "inside the JWE is a JWS"
    } else {
        return None;
    };
    Some(format!(
        "{what} as a JSON object; let the library make the compact form (in node's jose: \
         CompactSign and CompactEncrypt)"
    ))
}

fn is_declared(scene: &Scene<'_>, media_type: &str) -> bool {
    scene
        .header("content-type")
        .is_some_and(|value| value.to_ascii_lowercase().starts_with(media_type))
}
