//! What an RSA PKCS#1 v1.5 signature really signs: a raw public-key operation brings the digest
//! back, which tells "wrong key" from "wrong text" and names the hash that was used.

use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, RsaPublicKey};

use super::keys::PublicKey;

/// The digest inside a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredDigest {
    /// Name of the hash in the signature's `DigestInfo`.
    pub hash: &'static str,
    /// The digest that the signer signed.
    pub digest: Vec<u8>,
}

/// `DigestInfo` prefixes of RFC 8017 §9.2, note 1.
const DIGEST_INFOS: [(&str, &[u8], usize); 4] = [
    (
        "SHA-1",
        &[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14],
        20,
    ),
    (
        "SHA-256",
        &[
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x01, 0x05, 0x00, 0x04, 0x20,
        ],
        32,
    ),
    (
        "SHA-384",
        &[
            0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x02, 0x05, 0x00, 0x04, 0x30,
        ],
        48,
    ),
    (
        "SHA-512",
        &[
            0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x03, 0x05, 0x00, 0x04, 0x40,
        ],
        64,
    ),
];

/// Recovers the digest, if `signature` was made with the private half of `key`.
#[must_use]
pub fn recover(key: &PublicKey, signature: &[u8]) -> Option<RecoveredDigest> {
    let key = RsaPublicKey::from_public_key_der(key.spki_der()).ok()?;
    if signature.len() != key.size() {
        return None;
    }
    let number = BigUint::from_bytes_be(signature);
    if &number >= key.n() {
        return None;
    }
    let opened = rsa::hazmat::rsa_encrypt(&key, &number).ok()?.to_bytes_be();
    // The encoding is 00 01 FF … FF 00 DigestInfo; the leading zero vanishes in the number. More
    // than one would be an encoding for a shorter key, which verifies nowhere.
    if opened.len() + 1 != key.size() {
        return None;
    }
    let rest = opened.strip_prefix(&[0x01])?;
    let padding = rest.iter().take_while(|byte| **byte == 0xff).count();
    let info = rest[padding..].strip_prefix(&[0x00])?;
    DIGEST_INFOS.iter().find_map(|(hash, prefix, length)| {
        let digest = info.strip_prefix(*prefix)?;
        (digest.len() == *length).then(|| RecoveredDigest {
            hash,
            digest: digest.to_vec(),
        })
    })
}
