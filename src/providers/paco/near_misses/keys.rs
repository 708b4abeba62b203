//! Mistakes with keys, key ids and algorithms, of the encryption and of the signature.

use serde_json::{Map, Value};

use super::mistakes::{
    ALG_NONE, ENCRYPTED_TO_OWN_KEY, ENCRYPTED_TO_SIGNING_KEY, ENVIRONMENTS_MIXED_UP,
    HMAC_SIGNATURE, KID_MISSING, KID_MISSPELT, KID_OF_THE_EXAMPLE, MISSPELT_TYP,
    OTHER_ALGORITHM_THAN_DECLARED, SIGNED_OTHER_TEXT, SIGNED_WITH_DEMO_KEY,
    SIGNED_WITH_ENCRYPTION_KEY, WRONG_KEY_ENCRYPTION,
};
use super::{Scene, loosely, quoted};
use crate::crypto::hashes::hmac_sha256_matches;
use crate::crypto::jose::{
    CompactJwe, CompactJws, ContentEncryption, KeyWrapping, SignatureAlgorithm,
};
use crate::diagnosis::Search;
use crate::diagnosis::rsa_signature::signed_otherwise;
use crate::providers::paco::constants::KID_OF_THE_EXAMPLE as EXAMPLE;
use crate::providers::paco::keys;
use crate::providers::paco::layers::{Layer, OpenedWith, Role};
use crate::providers::paco::settings::Environment;

pub(super) fn of_encryption(scene: &Scene<'_>, search: &mut Search) {
    let Some(Layer::Jwe { opened, jwe, .. }) = scene.peeled.layers.first() else {
        return;
    };
    let environment = scene.settings.environment;
    let named = |member: &str| jwe.header.get(member).and_then(Value::as_str);
    search.candidate(&WRONG_KEY_ENCRYPTION, || {
        wrong_key_encryption(named("alg"), opened.map(|opened| opened.wrapping))
    });
    search.candidate(&ENCRYPTED_TO_SIGNING_KEY, || {
        let opened = opened.filter(|opened| opened.role == Role::Signing)?;
        Some(format!("PACO's {} signing key opens it", opened.environment.name()))
    });
    search.candidate(&ENCRYPTED_TO_OWN_KEY, || {
        (scene.failed == "paco.decryption" && opened.is_none())
            .then(|| opened_by_the_merchant(scene, jwe))?
    });
    search.candidate(&ENVIRONMENTS_MIXED_UP, || {
        environments_mixed_up(environment, *opened, named("kid"), scene.failed)
    });
    if scene.failed == "paco.kid" {
        key_id(&jwe.header, environment, search);
    }
}

fn key_id(header: &Map<String, Value>, environment: Environment, search: &mut Search) {
    let wanted = || format!("kid in {} is {}", environment.name(), environment.kid());
    let kid = header.get("kid");
    search.candidate(&KID_MISSING, || {
        let missing = kid.is_none() || kid == Some(&Value::String(String::new()));
        missing.then(wanted)
    });
    search.candidate(&KID_OF_THE_EXAMPLE, || {
        let of_the_example = kid?.as_str()? == EXAMPLE;
        of_the_example.then(|| format!("it is an illustration, no environment's; {}", wanted()))
    });
    search.candidate(&KID_MISSPELT, || {
        let sent = kid?.as_str()?;
        (loosely(sent) == environment.kid())
            .then(|| format!("it is {}; {}", quoted(sent), wanted()))
    });
}

fn wrong_key_encryption(named: Option<&str>, found: Option<KeyWrapping>) -> Option<String> {
    match (named, found) {
        (Some("RSA-OAEP-256"), _) => Some(
            "alg is RSA-OAEP-256, which is OAEP with SHA-256; PACO takes RSA-OAEP, with SHA-1"
                .to_owned(),
        ),
        (Some("RSA1_5"), _) => Some("alg is RSA1_5; PACO takes RSA-OAEP only".to_owned()),
        (Some("RSA-OAEP"), Some(wrapping)) if wrapping != KeyWrapping::RsaOaep => Some(format!(
            "the header says RSA-OAEP, but the key was wrapped with {}",
            wrapping.name()
        )),
        _ => None,
    }
}

/// Whether one of the merchant's own keys opens a JWE, where its private half is known here.
fn opened_by_the_merchant(scene: &Scene<'_>, jwe: &CompactJwe) -> Option<String> {
    let encryption = jwe.header.get("enc").and_then(Value::as_str);
    let encryption = encryption.and_then(ContentEncryption::named)?;
    let merchant = scene.merchant.as_ref()?;
    let own = [("encryption", merchant.encryption.as_ref()), ("signing", Some(&merchant.signing))];
    own.into_iter().find_map(|(role, key)| {
        let private = key?.private()?;
        jwe.decrypt(private, KeyWrapping::RsaOaep, encryption).ok()?;
        Some(format!(
            "the merchant's own {role} key opens it; that pair is for answers, requests are \
             encrypted to PACO's encryption public key"
        ))
    })
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

pub(super) fn of_signature(scene: &Scene<'_>, search: &mut Search) {
    let Some(jws) = scene.jws() else {
        return;
    };
    let named = jws.header.get("alg").and_then(Value::as_str);
    search.candidate(&ALG_NONE, || {
        named
            .is_some_and(|name| name.eq_ignore_ascii_case("none"))
            .then(|| "sign with PS256 and the merchant's signing private key".to_owned())
    });
    search.candidate(&HMAC_SIGNATURE, || {
        let name = named.filter(|name| name.starts_with("HS"))?;
        Some(match scene.hmac_secret(jws, name) {
            Some(secret) => format!("alg is {name}, and the secret is {secret}"),
            None => format!("alg is {name}; PACO takes RS and PS algorithms only"),
        })
    });
    if scene.failed == "paco.signature" {
        wrong_signature(scene, jws, search);
    }
    search.candidate(&MISSPELT_TYP, || {
        (jws.header.contains_key("type") && !jws.header.contains_key("typ"))
            .then(|| "the standard member is typ; this alone is no reason for a refusal".to_owned())
    });
}

fn wrong_signature(scene: &Scene<'_>, jws: &CompactJws, search: &mut Search) {
    let named = jws.header.get("alg").and_then(Value::as_str);
    let (Some(merchant), Some(algorithm)) =
        (scene.merchant.as_ref(), named.and_then(SignatureAlgorithm::named))
    else {
        return;
    };
    let signing = merchant.signing.public();
    search.candidate(&SIGNED_WITH_ENCRYPTION_KEY, || {
        let key = merchant.encryption.as_ref()?.public();
        jws.is_signed_by(key, algorithm)
            .then(|| format!("the merchant's encryption key {} verifies the signature", key.id()))
    });
    search.candidate(&SIGNED_WITH_DEMO_KEY, || {
        let demo = keys::demo_signing();
        let differs = demo.public().spki_der() != signing.spki_der();
        (differs && jws.is_signed_by(demo.public(), algorithm)).then(|| {
            format!("this merchant's signing key is {}, not the demo merchant's", signing.id())
        })
    });
    search.candidate(&OTHER_ALGORITHM_THAN_DECLARED, || {
        let other = SignatureAlgorithm::ALL
            .into_iter()
            .filter(|other| *other != algorithm)
            .find(|other| jws.is_signed_by(signing, *other))?;
        Some(format!("the header says {}, the signature is {}", algorithm.name(), other.name()))
    });
    search.candidate(&SIGNED_OTHER_TEXT, || {
        let encoded = jws.signing_input.split_once('.').map_or("", |(_, payload)| payload);
        let texts: [(&str, &[u8]); 3] = [
            ("header.payload", jws.signing_input.as_bytes()),
            ("the payload alone, decoded", jws.payload.as_slice()),
            ("the payload alone, as base64url", encoded.as_bytes()),
        ];
        let wanted = match algorithm {
            SignatureAlgorithm::Rs256 | SignatureAlgorithm::Ps256 => "SHA-256",
            SignatureAlgorithm::Rs384 | SignatureAlgorithm::Ps384 => "SHA-384",
            SignatureAlgorithm::Rs512 | SignatureAlgorithm::Ps512 => "SHA-512",
        };
        signed_otherwise(signing, &jws.signature, wanted, &texts)
    });
}

impl Scene<'_> {
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
