//! What is inside a body, whoever sealed it and however wrongly: for masking and for diagnosis. The
//! ladder of checks never asks here.

use super::keys;
use super::settings::Environment;
use crate::crypto::jose::{CompactJwe, CompactJws, ContentEncryption, KeyWrapping};
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

/// One layer, from the outside in.
#[derive(Debug)]
pub(super) enum Layer {
    Jwe { jwe: Box<CompactJwe>, opened: Option<OpenedWith> },
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
            let opened = open(&jwe, environment);
            let (with, plaintext) = opened.unzip();
            peeled.layers.push(Layer::Jwe {
                jwe: Box::new(jwe),
                opened: with,
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

/// Tries our keys, the right one first.
fn open(jwe: &CompactJwe, environment: Environment) -> Option<(OpenedWith, Vec<u8>)> {
    let encryption = ContentEncryption::named(jwe.header.get("enc")?.as_str()?)?;
    jwe.lengths_fit(encryption).ok()?;
    let other = environment.other();
    let candidates = [
        (environment, Role::Encryption, KeyWrapping::RsaOaep),
        (other, Role::Encryption, KeyWrapping::RsaOaep),
        (environment, Role::Signing, KeyWrapping::RsaOaep),
        (other, Role::Signing, KeyWrapping::RsaOaep),
        (environment, Role::Encryption, KeyWrapping::RsaOaep256),
        (environment, Role::Encryption, KeyWrapping::Rsa1_5),
    ];
    candidates.into_iter().find_map(|(environment, role, wrapping)| {
        let plaintext = jwe.decrypt(key(environment, role), wrapping, encryption).ok()?;
        let with = OpenedWith {
            environment,
            role,
            wrapping,
        };
        Some((with, plaintext))
    })
}

fn key(environment: Environment, role: Role) -> &'static PrivateKey {
    let ours = keys::of(environment);
    match role {
        Role::Encryption => &ours.encryption,
        Role::Signing => &ours.signing,
    }
}
