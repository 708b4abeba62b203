//! The usual mistakes of PACO integrations, and what shows each.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::layers::{Layer, OpenedWith, Peeled, Role, peel};
use super::merchant::PacoMerchant;
use super::security::token_damage;
use super::settings::{ANSWER_ISSUER, Environment, REQUEST_AUDIENCE, Settings, TOKEN_HEADERS};
use crate::blueprint::Evidence;
use crate::crypto::hashes::hmac_sha256_matches;
use crate::crypto::jose::{CompactJws, KeyWrapping, SignatureAlgorithm};
use crate::diagnosis::instants::{finer_unit, from_seconds, spoken, zone_offset};
use crate::diagnosis::rsa_signature::signed_otherwise;
use crate::diagnosis::{NearMiss, Search};
use crate::json;
use crate::store::Verdict;

/// Everything that a candidate may look at.
struct Scene<'e> {
    evidence: &'e Evidence,
    failed: &'e str,
    merchant: Option<Arc<PacoMerchant>>,
    settings: &'e Settings,
    peeled: Peeled,
    claims: Map<String, Value>,
}

/// Which mistakes explain a recorded exchange.
pub(super) fn search(
    evidence: &Evidence,
    merchant: Option<Arc<PacoMerchant>>,
    settings: &Settings,
) -> Vec<NearMiss> {
    let failed = evidence
        .ladder
        .iter()
        .find(|rung| rung.verdict == crate::store::RungVerdict::Failed)
        .map_or("", |rung| &*rung.id);
    let on_inquiry = evidence.endpoint.as_deref() == Some("transactionStatus");
    if failed.is_empty() && !(on_inquiry && evidence.verdict != Verdict::Internal) {
        // Nothing failed, or only a rule made it fail: there is no mistake to look for.
        return Vec::new();
    }
    let peeled = peel(&evidence.body, settings.environment);
    let claims = json::parse_object(&peeled.content).unwrap_or_default();
    let scene = Scene {
        evidence,
        failed,
        merchant,
        settings,
        peeled,
        claims,
    };
    let mut search = Search::new();
    the_message_s_form(&scene, &mut search);
    its_layers(&scene, &mut search);
    its_keys(&scene, &mut search);
    its_signature(&scene, &mut search);
    its_claims(&scene, &mut search);
    its_instants(&scene, &mut search);
    search.found()
}

fn the_message_s_form(scene: &Scene<'_>, search: &mut Search) {
    search.candidate(
        "paco.jose_on_inquiry",
        "JOSE was applied to transactionStatus, which is never sealed",
        || {
            let sealed = !scene.peeled.layers.is_empty();
            let declared = scene
                .header("content-type")
                .is_some_and(|value| value.to_ascii_lowercase().starts_with("application/jose"));
            (scene.is_inquiry() && (sealed || declared)).then(|| {
                "Send it as GET with the token alone; the answer is plain JSON whatever Accept says"
                    .to_owned()
            })
        },
    );
    search.candidate(
        "paco.damaged_token_text",
        "The token's text was damaged on its way into the body",
        || {
            let damage = scene.peeled.damage.filter(|_| scene.failed == "paco.jwe")?;
            Some(format!("{damage}; without that, it can be read"))
        },
    );
    search.candidate(
        "paco.jose_sent_as_json",
        "A sealed body was declared as application/json",
        || {
            let declared = scene.header("content-type")?.to_ascii_lowercase();
            (declared.starts_with("application/json")
                && !scene.is_inquiry()
                && !scene.peeled.layers.is_empty())
            .then(|| {
                "the body is a compact JOSE token; send Content-Type: application/jose".to_owned()
            })
        },
    );
    search.candidate(
        "paco.json_sent_as_jose",
        "A plain JSON body was declared as application/jose",
        || {
            (scene.failed == "paco.jwe" && json::parse_object(&scene.evidence.body).is_ok())
                .then(|| "the body is a JSON object; sign and encrypt it first".to_owned())
        },
    );
    search.candidate(
        "paco.damaged_access_token",
        "The access token was changed on its way into the header",
        || {
            let sent = TOKEN_HEADERS.into_iter().find_map(|name| scene.header(name))?;
            let damage = token_damage(sent).filter(|_| scene.failed == "paco.token")?;
            Some(damage.to_owned())
        },
    );
    search.candidate("paco.bearer_token", "The access token was sent as a bearer token", || {
        let header = scene.header("authorization")?;
        (scene.failed == "paco.token" && header.to_ascii_lowercase().starts_with("bearer"))
            .then(|| "PACO takes the token bare, in the header token".to_owned())
    });
    search.candidate(
        "paco.request_wrapped_in_json",
        "A plain JSON body was wrapped in request",
        || {
            let body = json::parse_object(&scene.evidence.body).ok()?;
            (scene.failed == "paco.fields" && body.get("request").is_some_and(Value::is_object))
                .then(|| {
                    "request is the claim of a sealed message; a plain message is the body itself"
                        .to_owned()
                })
        },
    );
}

fn its_layers(scene: &Scene<'_>, search: &mut Search) {
    let layers = &scene.peeled.layers;
    search.candidate(
        "paco.layers_in_wrong_order",
        "The layers are in the wrong order: encrypted first, then signed",
        || match layers.as_slice() {
            [Layer::Jws(_), Layer::Jwe { .. }, ..] => Some(
                "the body is a JWS with a JWE inside; sign the claims first and encrypt the result"
                    .to_owned(),
            ),
            _ => None,
        },
    );
    search.candidate(
        "paco.encryption_missing",
        "The encryption is missing: the body is only signed",
        || match layers.as_slice() {
            [Layer::Jws(jws)] if jws.header.get("alg").and_then(Value::as_str) != Some("HS256") => {
                Some("the body is a JWS of three parts; encrypt it to PACO's key".to_owned())
            }
            _ => None,
        },
    );
    search.candidate(
        "paco.signature_missing",
        "The signature is missing: the claims are only encrypted",
        || match layers.as_slice() {
            [
                Layer::Jwe {
                    opened: Some(_), ..
                },
            ] if !scene.claims.is_empty() => Some(
                "inside the JWE are bare claims; sign them to a compact JWS and encrypt that"
                    .to_owned(),
            ),
            _ => None,
        },
    );
    search.candidate(
        "paco.v4_token",
        "A single HS256 token was sent, as another product of 2C2P takes it",
        || match layers.as_slice() {
            [Layer::Jws(jws)] if jws.header.get("alg").and_then(Value::as_str) == Some("HS256") => {
                Some("PACO takes a JWE with an RSA-signed JWS inside".to_owned())
            }
            _ => None,
        },
    );
}

fn its_keys(scene: &Scene<'_>, search: &mut Search) {
    let environment = scene.settings.environment;
    let outer = scene.peeled.layers.first();
    let (opened, header) = match outer {
        Some(Layer::Jwe { opened, jwe, .. }) => (*opened, Some(&jwe.header)),
        _ => (None, None),
    };
    let named = |member: &str| header.and_then(|header| header.get(member)).and_then(Value::as_str);
    search.candidate(
        "paco.wrong_key_encryption",
        "The content key is encrypted with another algorithm than RSA-OAEP",
        || match (named("alg"), opened.map(|opened| opened.wrapping)) {
            (Some("RSA-OAEP-256"), _) => Some(
                "alg is RSA-OAEP-256, which is OAEP with SHA-256; PACO takes RSA-OAEP, with SHA-1"
                    .to_owned(),
            ),
            (Some("RSA1_5"), _) => Some("alg is RSA1_5; PACO takes RSA-OAEP only".to_owned()),
            (Some("RSA-OAEP"), Some(wrapping)) if wrapping != KeyWrapping::RsaOaep => {
                Some(format!(
                    "the header says RSA-OAEP, but the key was wrapped with {}",
                    wrapping.name()
                ))
            }
            _ => None,
        },
    );
    search.candidate(
        "paco.encrypted_to_signing_key",
        "The message is encrypted to PACO's signing key instead of its encryption key",
        || {
            let opened = opened.filter(|opened| opened.role == Role::Signing)?;
            Some(format!("PACO's {} signing key opens it", opened.environment.name()))
        },
    );
    search.candidate("paco.environments_mixed_up", "UAT and PRD are mixed up", || {
        environments_mixed_up(environment, opened, named("kid"), scene.failed)
    });
    search.candidate("paco.kid_missing", "The JWE header has no kid, or an empty one", || {
        let kid = header?.get("kid");
        let missing = kid.is_none() || kid == Some(&Value::String(String::new()));
        (scene.failed == "paco.kid" && missing)
            .then(|| format!("kid in {} is {}", environment.name(), environment.kid()))
    });
}

fn environments_mixed_up(
    environment: Environment,
    opened: Option<OpenedWith>,
    kid: Option<&str>,
    failed: &str,
) -> Option<String> {
    let other = environment.other();
    let foreign_key = opened.is_some_and(|opened| opened.environment == other);
    let foreign_kid = kid == Some(other.kid());
    match (foreign_key, foreign_kid) {
        (true, true) => Some(format!(
            "key and kid are both those of {}; this is {}",
            other.name(),
            environment.name()
        )),
        (true, false) => Some(format!(
            "the message is encrypted to the {} key; this is {}",
            other.name(),
            environment.name()
        )),
        (false, true) if failed == "paco.kid" => Some(format!(
            "kid is that of {}, while the key is that of {}",
            other.name(),
            opened.map_or("neither environment", |opened| opened.environment.name())
        )),
        _ => None,
    }
}

fn its_signature(scene: &Scene<'_>, search: &mut Search) {
    let Some(jws) = scene.jws() else {
        return;
    };
    let named = jws.header.get("alg").and_then(Value::as_str);
    search.candidate("paco.alg_none", "The message is not signed: alg is none", || {
        named
            .is_some_and(|name| name.eq_ignore_ascii_case("none"))
            .then(|| "sign with PS256 and the merchant's signing private key".to_owned())
    });
    search.candidate(
        "paco.hmac_signature",
        "The message is signed with a shared secret instead of an RSA key",
        || {
            let name = named.filter(|name| name.starts_with("HS"))?;
            let secret = scene.hmac_secret(jws, name);
            Some(match secret {
                Some(secret) => format!("alg is {name}, and the secret is {secret}"),
                None => format!("alg is {name}; PACO takes RS and PS algorithms only"),
            })
        },
    );
    if scene.failed != "paco.signature" {
        return;
    }
    let (Some(merchant), Some(algorithm)) =
        (scene.merchant.as_ref(), named.and_then(SignatureAlgorithm::named))
    else {
        return;
    };
    search.candidate(
        "paco.signed_with_encryption_key",
        "The message is signed with the merchant's encryption key",
        || {
            let key = merchant.encryption.as_ref()?.public();
            jws.is_signed_by(key, algorithm).then(|| {
                format!("the merchant's encryption key {} verifies the signature", key.id())
            })
        },
    );
    search.candidate(
        "paco.other_algorithm_than_declared",
        "The signature was made with another algorithm than the header says",
        || {
            let key = merchant.signing.public();
            let other = SignatureAlgorithm::ALL
                .into_iter()
                .filter(|other| *other != algorithm)
                .find(|other| jws.is_signed_by(key, *other))?;
            Some(format!("the header says {}, the signature is {}", algorithm.name(), other.name()))
        },
    );
    search.candidate(
        "paco.signed_other_text",
        "The right key signed another text than header.payload",
        || {
            let payload = jws.payload.as_slice();
            let encoded = jws.signing_input.split_once('.').map_or("", |(_, payload)| payload);
            let texts: [(&str, &[u8]); 3] = [
                ("header.payload", jws.signing_input.as_bytes()),
                ("the payload alone, decoded", payload),
                ("the payload alone, as base64url", encoded.as_bytes()),
            ];
            let wanted = match algorithm {
                SignatureAlgorithm::Rs256 | SignatureAlgorithm::Ps256 => "SHA-256",
                SignatureAlgorithm::Rs384 | SignatureAlgorithm::Ps384 => "SHA-384",
                SignatureAlgorithm::Rs512 | SignatureAlgorithm::Ps512 => "SHA-512",
            };
            signed_otherwise(merchant.signing.public(), &jws.signature, wanted, &texts)
        },
    );
}

fn its_claims(scene: &Scene<'_>, search: &mut Search) {
    let claim = |name: &str| scene.claims.get(name).and_then(Value::as_str);
    search.candidate("paco.wrong_issuer", "iss is not the access token", || {
        (scene.failed == "paco.issuer").then(|| match claim("iss") {
            Some(ANSWER_ISSUER) => {
                "PacoIssuer is the issuer of answers; a request is issued by the access token"
                    .to_owned()
            }
            Some(other) => format!("iss is \"{other}\""),
            None => "iss is missing or no string".to_owned(),
        })
    });
    search.candidate("paco.wrong_audience", "aud is not PacoAudience", || {
        if scene.failed != "paco.audience" {
            return None;
        }
        Some(match claim("aud") {
            Some(other) if other.eq_ignore_ascii_case(REQUEST_AUDIENCE) => {
                format!("\"{other}\" differs in upper and lower case only")
            }
            Some(ANSWER_ISSUER) => "PacoIssuer is the issuer of answers".to_owned(),
            Some(other) if Some(other) == claim("iss") => {
                "aud holds the access token, which is the audience of answers".to_owned()
            }
            Some(other) => format!("aud is \"{other}\""),
            None => "aud is missing or no string".to_owned(),
        })
    });
    search.candidate(
        "paco.not_wrapped_in_request",
        "The payload is not wrapped in request",
        || {
            let bare = ["officeId", "orderNo", "apiRequest", "advSearchParams"]
                .into_iter()
                .find(|name| scene.claims.contains_key(*name))?;
            (scene.failed == "paco.request").then(|| {
                format!("{bare} stands beside iss and aud; it belongs into the claim request")
            })
        },
    );
    search.candidate("paco.misspelt_typ", "The JWS header says type instead of typ", || {
        let header = &scene.jws()?.header;
        (header.contains_key("type") && !header.contains_key("typ"))
            .then(|| "the standard member is typ; this alone is no reason for a refusal".to_owned())
    });
}

fn its_instants(scene: &Scene<'_>, search: &mut Search) {
    let now = scene.evidence.at;
    let times =
        ["iat", "nbf", "exp"].map(|name| (name, scene.claims.get(name).and_then(Value::as_f64)));
    let judged = ["paco.not_before", "paco.issued_at", "paco.expiry", "paco.lifetime"];
    if !judged.contains(&scene.failed) {
        return;
    }
    search.candidate("paco.wrong_time_unit", "A time is not in seconds", || {
        times.iter().find_map(|(name, value)| {
            let (unit, instant) = finer_unit((*value)?, now)?;
            Some(format!("{name} is {instant} when read as {unit}; JOSE times are seconds"))
        })
    });
    search.candidate("paco.time_as_text", "A time is a string instead of a number", || {
        ["iat", "nbf", "exp"].into_iter().find_map(|name| {
            scene.claims.get(name).and_then(Value::as_str).map(|text| {
                format!("{name} is the string \"{}\"", text.chars().take(40).collect::<String>())
            })
        })
    });
    let instant = |name: &str| -> Option<Timestamp> {
        scene.claims.get(name).and_then(Value::as_f64).and_then(from_seconds)
    };
    let is_seconds = |name: &str| {
        scene
            .claims
            .get(name)
            .and_then(Value::as_f64)
            .is_some_and(|number| finer_unit(number, now).is_none())
    };
    search.candidate("paco.local_time", "A time is local time taken for UTC", || {
        let name = if scene.failed == "paco.not_before" { "nbf" } else { "iat" };
        let offset = zone_offset(instant(name)?, now)?;
        let side = if offset.is_negative() { "behind" } else { "ahead of" };
        Some(format!("{name} is {} {side} UTC, a whole zone", spoken(offset)))
    });
    search.candidate("paco.expired", "The message has expired", || {
        let expired = instant("exp").filter(|exp| *exp < now && is_seconds("exp"));
        match scene.failed {
            "paco.expiry" => {
                let ago = spoken(now.duration_since(expired?));
                Some(format!("exp was {ago} ago; a message must be made anew for each request"))
            }
            "paco.lifetime" => {
                let age = spoken(now.duration_since(instant("iat")?));
                Some(format!(
                    "it was issued {age} ago; a message must be made anew for each request"
                ))
            }
            _ => None,
        }
    });
    search.candidate("paco.not_yet_valid", "The message is not valid yet", || {
        let name = match scene.failed {
            "paco.not_before" => "nbf",
            "paco.issued_at" => "iat",
            _ => return None,
        };
        let at = instant(name).filter(|at| *at > now && is_seconds(name))?;
        Some(format!(
            "{name} is {} ahead of this clock; synchronize the clocks or set {name} a little back",
            spoken(at.duration_since(now))
        ))
    });
}

impl Scene<'_> {
    fn is_inquiry(&self) -> bool {
        self.evidence.endpoint.as_deref() == Some("transactionStatus")
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.evidence
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn jws(&self) -> Option<&CompactJws> {
        self.peeled.layers.iter().find_map(|layer| match layer {
            Layer::Jws(jws) => Some(&**jws),
            Layer::Jwe { .. } => None,
        })
    }

    /// Which of the merchant's values keyed an HS256 signature.
    fn hmac_secret(&self, jws: &CompactJws, name: &str) -> Option<&'static str> {
        let merchant = self.merchant.as_ref().filter(|_| name == "HS256")?;
        let pem = merchant.signing.public().to_pem();
        let candidates: [(&'static str, &[u8]); 4] = [
            ("the access token", merchant.token.as_bytes()),
            ("the Basic password", merchant.basic_password.as_bytes()),
            ("the signing public key's PEM", pem.as_bytes()),
            ("the signing public key's PEM without its last line break", pem.trim_end().as_bytes()),
        ];
        candidates.into_iter().find_map(|(what, key)| {
            hmac_sha256_matches(key, jws.signing_input.as_bytes(), &jws.signature).then_some(what)
        })
    }
}
