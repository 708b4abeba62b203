//! What is inside a body, whoever sealed it and however wrongly: for masking and for diagnosis. The
//! ladder of checks never asks here.

use super::keys;
use super::settings::Environment;
use crate::crypto::jose::{
    CompactJwe, CompactJws, ContentEncryption, DecryptionFault, KeyWrapping,
};
use crate::crypto::keys::PrivateKey;
use crate::diagnosis::token_text;

/// A body, peeled as far as our keys reach.
#[derive(Debug)]
pub(super) struct Peeled {
    pub layers: Vec<Layer>,
    /// What is inside the innermost layer that could be opened.
    pub content: Vec<u8>,
    /// What was wrong with the body's text before it could be read.
    pub damage: Option<&'static str>,
}

impl Peeled {
    /// Of a body that nobody has to look into.
    pub(super) fn nothing() -> Self {
        Self {
            layers: Vec::new(),
            content: Vec::new(),
            damage: None,
        }
    }
}

/// One layer, from the outside in.
#[derive(Debug)]
pub(super) enum Layer {
    Jwe {
        jwe: Box<CompactJwe>,
        opened: Option<OpenedWith>,
        /// Whether one of our keys unwraps its content key, so that anybody can read it.
        reachable: bool,
    },
    Jws(Box<CompactJws>),
}

/// The key that opened a JWE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenedWith {
    pub environment: Environment,
    pub role: Role,
    pub wrapping: KeyWrapping,
}

/// The two roles of PACO's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Encryption,
    Signing,
}

/// Nested layers that are looked into: one more than is ever right.
const DEEPEST: usize = 3;

/// Peels a body. Tries up to six RSA private operations a JWE: call it on the pool.
pub(super) fn peel(body: &[u8], environment: Environment) -> Peeled {
    let mut peeled = Peeled {
        layers: Vec::new(),
        content: body.to_vec(),
        damage: None,
    };
    for depth in 0..DEEPEST {
        let Ok(mut text) = std::str::from_utf8(&peeled.content).map(ToOwned::to_owned) else {
            break;
        };
        if depth == 0
            && let Some((damage, repaired)) = token_text::damage(&text)
            && looks_sealed(&repaired)
        {
            peeled.damage = Some(damage);
            text = repaired;
        }
        if let Ok(jwe) = CompactJwe::parse(&text) {
            let (opened, reachable) = open(&jwe, environment);
            let (with, plaintext) = opened.unzip();
            peeled.layers.push(Layer::Jwe {
                jwe: Box::new(jwe),
                opened: with,
                reachable,
            });
            match plaintext {
                Some(plaintext) => peeled.content = plaintext,
                None => break,
            }
        } else if let Ok(jws) = CompactJws::parse(&text) {
            peeled.content.clone_from(&jws.payload);
            peeled.layers.push(Layer::Jws(Box::new(jws)));
        } else {
            break;
        }
    }
    peeled
}

fn looks_sealed(text: &str) -> bool {
    CompactJwe::parse(text).is_ok() || CompactJws::parse(text).is_ok()
}

/// Tries our keys, the right one first; says also whether one of them unwraps the content key.
fn open(jwe: &CompactJwe, environment: Environment) -> (Option<(OpenedWith, Vec<u8>)>, bool) {
    let named = jwe.header.get("enc").and_then(|enc| enc.as_str());
    let Some(encryption) = named.and_then(ContentEncryption::named) else {
        // Nobody knows how it is encrypted, so nobody can tell that it cannot be read.
        return (None, true);
    };
    let other = environment.other();
    let candidates = [
        (environment, Role::Encryption, KeyWrapping::RsaOaep),
        (other, Role::Encryption, KeyWrapping::RsaOaep),
        (environment, Role::Signing, KeyWrapping::RsaOaep),
        (other, Role::Signing, KeyWrapping::RsaOaep),
        (environment, Role::Encryption, KeyWrapping::RsaOaep256),
        (environment, Role::Encryption, KeyWrapping::Rsa1_5),
    ];
    let mut reachable = false;
    for (environment, role, wrapping) in candidates {
        match jwe.decrypt(key(environment, role), wrapping, encryption) {
            Ok(plaintext) => {
                return (
                    Some((
                        OpenedWith {
                            environment,
                            role,
                            wrapping,
                        },
                        plaintext,
                    )),
                    true,
                );
            }
            // RSA1_5 unwraps to chance where the key is another, so it tells nothing.
            Err(fault) => {
                reachable |= fault != DecryptionFault::WrongKey && wrapping != KeyWrapping::Rsa1_5;
            }
        }
    }
    // The demo merchant's keys are as public as ours.
    let demo = [keys::demo_encryption(), keys::demo_signing()];
    reachable |= demo.iter().any(|key| {
        let tried = jwe.decrypt(key, KeyWrapping::RsaOaep, encryption);
        tried.err() != Some(DecryptionFault::WrongKey)
    });
    (None, reachable)
}

fn key(environment: Environment, role: Role) -> &'static PrivateKey {
    let ours = keys::of(environment);
    match role {
        Role::Encryption => &ours.encryption,
        Role::Signing => &ours.signing,
    }
}
