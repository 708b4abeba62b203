//! Digests and keyed digests, by the `sha2`, `md-5` and `hmac` packages.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// SHA-384.
#[must_use]
pub fn sha384(bytes: &[u8]) -> Vec<u8> {
    Sha384::digest(bytes).to_vec()
}

/// SHA-512.
#[must_use]
pub fn sha512(bytes: &[u8]) -> Vec<u8> {
    Sha512::digest(bytes).to_vec()
}

/// HMAC-SHA256 of `message` under `key`.
///
/// # Panics
/// Never: HMAC takes keys of any length.
#[must_use]
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(message).finalize().into_bytes().to_vec()
}

/// Whether `tag` is the whole HMAC-SHA256 of `message` under `key`, compared in constant time.
#[must_use]
pub fn hmac_sha256_matches(key: &[u8], message: &[u8], tag: &[u8]) -> bool {
    Hmac::<Sha256>::new_from_slice(key)
        .is_ok_and(|mac| mac.chain_update(message).verify_slice(tag).is_ok())
}

/// Whether `tag` is the whole HMAC-SHA512 of `message` under `key`, compared in constant time.
#[must_use]
pub fn hmac_sha512_matches(key: &[u8], message: &[u8], tag: &[u8]) -> bool {
    Hmac::<Sha512>::new_from_slice(key)
        .is_ok_and(|mac| mac.chain_update(message).verify_slice(tag).is_ok())
}

/// Whether two secrets are the same, in a time that does not depend on where they differ.
#[must_use]
pub fn same_secret(left: &[u8], right: &[u8]) -> bool {
    // Comparing digests hides the lengths too.
    let (left, right) = (Sha256::digest(left), Sha256::digest(right));
    left.iter().zip(right.iter()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// SHA-256 over bytes that come piece by piece.
#[derive(Clone, Default)]
pub struct Sha256Stream(Sha256);

impl Sha256Stream {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes so far.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

/// MD5 over bytes that come piece by piece. It tells a damaged file from a whole one, which is what
/// providers publish it for; it proves nothing about who made the file.
#[derive(Clone, Default)]
pub struct Md5Stream(Md5);

impl Md5Stream {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything taken, in lower-case hex.
    #[must_use]
    pub fn finish(self) -> String {
        crate::ids::hex(&self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_gives_the_vectors_of_rfc_1321_however_the_bytes_are_cut() {
        for (text, digest) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
        ] {
            let mut whole = Md5Stream::default();
            whole.update(text.as_bytes());
            let mut pieces = Md5Stream::default();
            for byte in text.bytes() {
                pieces.update(&[byte]);
            }

            assert_eq!(whole.finish(), digest);
            assert_eq!(pieces.finish(), digest);
        }
    }
}
