//! A PACO merchant: access token, Basic credentials, two public keys, offices, settings.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::keys;
use super::settings::{Environment, RefundPolicy, Settings};
use crate::blueprint::enrolment::{inside, only_known, text, valid_id, wrong_kind};
use crate::blueprint::{Enrolled, Enrolment, EnrolmentError, OfficeSpec};
use crate::crypto::keys::{PrivateKey, PublicKey};
use crate::ids::Ids;
use crate::limits;
use crate::store::MerchantRecord;

/// A merchant, its credentials parsed.
#[derive(Debug)]
pub(super) struct PacoMerchant {
    pub token: String,
    pub basic_user: String,
    pub basic_password: String,
    pub signing: MerchantKey,
    pub encryption: Option<MerchantKey>,
    pub offices: Vec<Office>,
    settings: [Arc<Settings>; 3],
}

/// A merchant's key: the private half too, where it is a demo key or was made here.
#[derive(Debug)]
pub(super) enum MerchantKey {
    Pair(Arc<PrivateKey>),
    PublicOnly(PublicKey),
}

/// An office, its settings resolved.
#[derive(Clone, Debug)]
pub(super) struct Office {
    pub id: String,
    pub page_lifetime: SignedDuration,
    pub auto_settle: bool,
    pub refund_policy: RefundPolicy,
    pub refund_review: bool,
}

/// The demo merchant's credentials: fixed, printed at every start, and worth nothing.
pub(super) const DEMO_TOKEN: &str = "5a6d0b3e9c4f4e1f8a7b2c1d3e4f5a6b";
const DEMO_USER: &str = "demo-paco";
const DEMO_PASSWORD: &str = "sandbox-only";
pub(super) const DEMO_OFFICES: [&str; 3] = ["DEMO_NEPAL", "DEMO_AUTOSETTLE", "DEMO_MANUAL"];

impl MerchantKey {
    pub(super) fn public(&self) -> &PublicKey {
        match self {
            Self::Pair(pair) => pair.public(),
            Self::PublicOnly(public) => public,
        }
    }

    pub(super) fn private(&self) -> Option<&PrivateKey> {
        match self {
            Self::Pair(pair) => Some(pair),
            Self::PublicOnly(_) => None,
        }
    }
}

impl PacoMerchant {
    /// The settings that hold: those of the configured environment, or of the one whose real host
    /// was addressed.
    pub(super) fn settings(&self, addressed: Option<Environment>) -> Arc<Settings> {
        let index = match addressed {
            None => 0,
            Some(Environment::Uat) => 1,
            Some(Environment::Prd) => 2,
        };
        Arc::clone(&self.settings[index])
    }

    pub(super) fn office(&self, id: &str) -> Option<&Office> {
        self.offices.iter().find(|office| office.id == id)
    }
}

/// The demo merchant.
pub(super) fn demo() -> Enrolment {
    let credentials = json!({
        "access_token": DEMO_TOKEN,
        "basic": {"user": DEMO_USER, "password": DEMO_PASSWORD},
        "keys": "demo",
    });
    Enrolment {
        provider: "paco".to_owned(),
        id: Some("demo-paco".to_owned()),
        label: Some("Demo merchant of 2C2P PACO".to_owned()),
        credentials: credentials.as_object().cloned().unwrap_or_default(),
        ..Enrolment::default()
    }
}

/// Works out a new merchant: takes what was asked for, makes the rest.
pub(super) fn enrol(
    provider_settings: &Map<String, Value>,
    enrolment: &Enrolment,
    ids: &Ids,
    at: Timestamp,
) -> Result<MerchantRecord, EnrolmentError> {
    let settings = Settings::resolve(&[provider_settings, &enrolment.settings], None)
        .map_err(|error| inside("settings", error))?;
    let asked = &enrolment.credentials;
    only_known("credentials", asked, &["access_token", "basic", "keys"])?;
    let access_token = match text(asked, "credentials.access_token", "access_token")? {
        None => ids.hex_128(),
        Some(token) => valid_token(token)?,
    };
    let id = match &enrolment.id {
        None => format!("paco-{}", ids.tag(8)),
        Some(id) => valid_id("id", id)?,
    };
    let basic = match asked.get("basic") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(basic)) => basic.clone(),
        Some(other) => return Err(wrong_kind("credentials.basic", "an object", other)),
    };
    only_known("credentials.basic", &basic, &["user", "password"])?;
    let user = text(&basic, "credentials.basic.user", "user")?.unwrap_or_else(|| id.clone());
    if user.contains(':') {
        return Err(EnrolmentError {
            member: "credentials.basic.user".to_owned(),
            reason: "must not hold a colon, which ends the user in Basic credentials".to_owned(),
        });
    }
    let password =
        text(&basic, "credentials.basic.password", "password")?.unwrap_or_else(|| ids.hex_128());
    let stored_keys = enrol_keys(asked.get("keys"), settings.shortest_key_bits)?;
    let offices = match &enrolment.offices {
        None => default_offices(),
        Some(offices) => offices.clone(),
    };
    let record = MerchantRecord {
        id,
        provider: "paco".to_owned(),
        label: enrolment.label.clone(),
        settings: Value::Object(enrolment.settings.clone()),
        credentials: json!({
            "access_token": access_token,
            "basic": {"user": user, "password": password},
            "keys": stored_keys,
        }),
        offices: serde_json::to_value(offices).expect("offices are JSON"),
        created_at: at,
    };
    load(provider_settings, &record)?;
    Ok(record)
}

/// Parses a stored merchant.
pub(super) fn load(
    provider_settings: &Map<String, Value>,
    record: &MerchantRecord,
) -> Result<Enrolled, EnrolmentError> {
    let empty = Map::new();
    let own = record.settings.as_object().unwrap_or(&empty);
    let resolve = |environment| {
        Settings::resolve(&[provider_settings, own], environment)
            .map(Arc::new)
            .map_err(|error| inside("settings", error))
    };
    let settings =
        [resolve(None)?, resolve(Some(Environment::Uat))?, resolve(Some(Environment::Prd))?];
    let offices: Vec<OfficeSpec> =
        serde_json::from_value(record.offices.clone()).map_err(|error| EnrolmentError {
            member: "offices".to_owned(),
            reason: error.to_string(),
        })?;
    let offices = load_offices(provider_settings, own, offices)?;
    let credentials = &record.credentials;
    let token = credentials["access_token"].as_str().unwrap_or_default().to_owned();
    let (signing, encryption) = load_keys(&credentials["keys"])?;
    let merchant = PacoMerchant {
        basic_user: credentials["basic"]["user"].as_str().unwrap_or_default().to_owned(),
        basic_password: credentials["basic"]["password"].as_str().unwrap_or_default().to_owned(),
        token: token.clone(),
        signing,
        encryption,
        offices,
        settings,
    };
    Ok(Enrolled {
        parts: Arc::new(merchant),
        named_by: vec![token],
        magic_values: true,
    })
}

fn load_offices(
    provider_settings: &Map<String, Value>,
    merchant_settings: &Map<String, Value>,
    offices: Vec<OfficeSpec>,
) -> Result<Vec<Office>, EnrolmentError> {
    if offices.is_empty() {
        return Err(EnrolmentError {
            member: "offices".to_owned(),
            reason: "a merchant needs at least one office; leave the member out for the usual ones"
                .to_owned(),
        });
    }
    let mut loaded: Vec<Office> = Vec::with_capacity(offices.len());
    for office in offices {
        let member = format!("offices[{}]", office.id);
        let length = office.id.chars().count();
        if length == 0 || length > super::constants::MAX_OFFICE_ID {
            return Err(EnrolmentError {
                member,
                reason: format!("an office id has 1 to 20 characters, this one has {length}"),
            });
        }
        if loaded.iter().any(|known| known.id == office.id) {
            return Err(EnrolmentError {
                member,
                reason: "is named twice".to_owned(),
            });
        }
        Settings::only_office_settings(&office.settings).map_err(|error| inside(&member, error))?;
        let layers = [provider_settings, merchant_settings, &office.settings];
        let settings = Settings::resolve(&layers, None).map_err(|error| inside(&member, error))?;
        loaded.push(Office {
            id: office.id,
            page_lifetime: settings.page_lifetime,
            auto_settle: settings.auto_settle,
            refund_policy: settings.refund_policy,
            refund_review: settings.refund_review,
        });
    }
    Ok(loaded)
}

fn default_offices() -> Vec<OfficeSpec> {
    DEMO_OFFICES
        .iter()
        .map(|id| {
            let mut office = OfficeSpec {
                id: (*id).to_owned(),
                settings: Map::new(),
            };
            if *id == "DEMO_AUTOSETTLE" {
                office.settings.insert("auto_settle".to_owned(), json!("on"));
            }
            office
        })
        .collect()
}

/// What is stored of keys: the word `demo`, or PEM of each with notes about its form.
fn enrol_keys(asked: Option<&Value>, shortest_bits: u32) -> Result<Value, EnrolmentError> {
    match asked {
        None | Some(Value::Null) => Ok(json!("demo")),
        Some(Value::String(word)) if word == "demo" => Ok(json!("demo")),
        Some(Value::String(word)) if word == "generate" => {
            let pair = || {
                let key = PrivateKey::generate(4096);
                json!({"public": key.public().to_pem(), "private": key.to_pem()})
            };
            Ok(json!({"signing": pair(), "encryption": pair()}))
        }
        Some(Value::Object(uploaded)) => {
            let names = ["signing_public_key", "encryption_public_key"];
            only_known("credentials.keys", uploaded, &names)?;
            let read = |name: &str| -> Result<Option<Value>, EnrolmentError> {
                let member = format!("credentials.keys.{name}");
                let text = match uploaded.get(name) {
                    None | Some(Value::Null) => return Ok(None),
                    Some(Value::String(text)) => text.clone(),
                    // A JWK may come as an object instead of its text.
                    Some(Value::Object(jwk)) => Value::Object(jwk.clone()).to_string(),
                    Some(other) => return Err(wrong_kind(&member, "a string or a JWK", other)),
                };
                let (key, arrival) =
                    PublicKey::read(&text, shortest_bits).map_err(|problem| EnrolmentError {
                        member: member.clone(),
                        reason: problem.to_string(),
                    })?;
                is_not_paco_s(&member, &key)?;
                let mut stored = json!({"public": key.to_pem()});
                if let Some(note) = arrival.note() {
                    stored["note"] = json!(note);
                }
                Ok(Some(stored))
            };
            let signing = read(names[0])?.ok_or_else(|| EnrolmentError {
                member: "credentials.keys.signing_public_key".to_owned(),
                reason: "is missing; without it no request can be verified".to_owned(),
            })?;
            let encryption = read(names[1])?;
            if encryption.as_ref().is_some_and(|key| key["public"] == signing["public"]) {
                return Err(EnrolmentError {
                    member: "credentials.keys.encryption_public_key".to_owned(),
                    reason: "is the same key as signing_public_key; the portal takes two key pairs"
                        .to_owned(),
                });
            }
            Ok(json!({"signing": signing, "encryption": encryption}))
        }
        Some(other) => Err(EnrolmentError {
            member: "credentials.keys".to_owned(),
            reason: format!(
                "{} is none of \"demo\", \"generate\", or an object with signing_public_key and \
                 encryption_public_key",
                // A long text is likely a key, perhaps a private one, and is not repeated.
                match other {
                    Value::String(text) if text.len() > 40 => {
                        format!("a text of {} characters", text.len())
                    }
                    Value::Object(_) | Value::Array(_) => crate::json::kind(other).to_owned(),
                    short => short.to_string(),
                }
            ),
        }),
    }
}

/// PACO's own public keys lie beside the merchant's, and are taken for them.
fn is_not_paco_s(member: &str, key: &PublicKey) -> Result<(), EnrolmentError> {
    for environment in [Environment::Uat, Environment::Prd] {
        let ours = keys::of(environment);
        for (role, own) in [("signing", &ours.signing), ("encryption", &ours.encryption)] {
            if own.public().spki_der() == key.spki_der() {
                return Err(EnrolmentError {
                    member: member.to_owned(),
                    reason: format!(
                        "is PACO's own {} {role} key; upload the public half of a pair that the \
                         merchant made",
                        environment.name()
                    ),
                });
            }
        }
    }
    Ok(())
}

fn load_keys(stored: &Value) -> Result<(MerchantKey, Option<MerchantKey>), EnrolmentError> {
    if stored == "demo" {
        return Ok((
            MerchantKey::Pair(keys::demo_signing()),
            Some(MerchantKey::Pair(keys::demo_encryption())),
        ));
    }
    let damaged = |member: &str, reason: String| EnrolmentError {
        member: format!("credentials.keys.{member}"),
        reason,
    };
    let read = |member: &str| -> Result<Option<MerchantKey>, EnrolmentError> {
        let key = &stored[member];
        if let Some(pem) = key["private"].as_str() {
            let pair =
                PrivateKey::read(pem).map_err(|problem| damaged(member, problem.to_string()))?;
            return Ok(Some(MerchantKey::Pair(Arc::new(pair))));
        }
        let Some(pem) = key["public"].as_str() else {
            return Ok(None);
        };
        let (public, _) = PublicKey::read(pem, limits::SHORTEST_RSA_BITS)
            .map_err(|problem| damaged(member, problem.to_string()))?;
        Ok(Some(MerchantKey::PublicOnly(public)))
    };
    let signing = read("signing")?.ok_or_else(|| damaged("signing", "is missing".to_owned()))?;
    Ok((signing, read("encryption")?))
}

fn valid_token(token: String) -> Result<String, EnrolmentError> {
    let is_hex = token.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if token.len() == 32 && is_hex {
        return Ok(token);
    }
    Err(EnrolmentError {
        member: "credentials.access_token".to_owned(),
        reason: format!(
            "an access token is 32 lower-case hex digits, this is \"{token}\"; leave it out to \
             have one made"
        ),
    })
}
