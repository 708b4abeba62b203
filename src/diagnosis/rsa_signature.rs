//! What an RSA PKCS#1 v1.5 signature says about its maker: the key was right or wrong, and which
//! text and hash were signed.

use crate::crypto::digest_recovery::recover;
use crate::crypto::hashes::{sha256, sha384, sha512};
use crate::crypto::keys::PublicKey;

/// Compares the digest inside a signature with texts that the signer may have meant.
///
/// Returns evidence if the key is the right one but text or hash is not.
#[must_use]
pub fn signed_otherwise(
    key: &PublicKey,
    signature: &[u8],
    wanted_hash: &str,
    texts: &[(&str, &[u8])],
) -> Option<String> {
    let recovered = recover(key, signature)?;
    for (name, text) in texts {
        let digest = match recovered.hash {
            "SHA-256" => sha256(text),
            "SHA-384" => sha384(text),
            "SHA-512" => sha512(text),
            _ => break,
        };
        if digest == recovered.digest {
            return Some(format!(
                "the signature was made with the right key, with {} over {name}",
                recovered.hash
            ));
        }
    }
    let hash_note = if recovered.hash == wanted_hash {
        String::new()
    } else {
        format!(" with {} instead of {wanted_hash}", recovered.hash)
    };
    Some(format!("the signature was made with the right key{hash_note}, but over another text"))
}
