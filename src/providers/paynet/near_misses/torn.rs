//! Bearer tokens of which something is missing or changed. The key of their client is known, and so
//! what they were can be made again and compared.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Scene;
use super::mistakes::{CHANGED_TOKEN, CUT_TOKEN, DAMAGED_TOKEN, FOREIGN_TOKEN};
use crate::diagnosis::Search;
use crate::json;
use crate::providers::paynet::constants::TOKEN_ISSUER;
use crate::providers::paynet::merchant::PaynetMerchant;
use crate::providers::paynet::tokens::{Remains, header_text, readable_bytes, signature_text};

/// Letters of a signature: 32 bytes in base64url.
const SIGNATURE: usize = 43;

/// Letters of a signature that may differ from the right one by mistake rather than by key.
const FEW: usize = 2;

/// Longest claims in which every letter is tried.
const LONGEST_CLAIMS: usize = 400;

pub(super) fn all(scene: &Scene<'_>, sent: &str, search: &mut Search) {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if sent.is_empty() || !sent.bytes().all(is_letter) {
        return;
    }
    let parts: Vec<&str> = sent.split('.').collect();
    match parts[..] {
        [header] => search.candidate(&CUT_TOKEN, || {
            (header.len() >= 8 && header_text().starts_with(header)).then(|| {
                format!(
                    "its {} letters are the beginning of the first of a token's 3 parts",
                    sent.len()
                )
            })
        }),
        [header, claims] if header == header_text() => {
            search.candidate(&CUT_TOKEN, || Some(within_claims(sent, claims)));
        }
        [header, claims, signature] => {
            let Some(merchant) = &scene.merchant else {
                of_nobody(scene, (header, claims, signature), search);
                return;
            };
            let signed = &sent[..header.len() + 1 + claims.len()];
            by_signature(merchant, (signed, signature), search);
        }
        _ => {}
    }
}

/// The second dot is missing, and so is all behind it.
fn within_claims(sent: &str, claims: &str) -> String {
    let letters = sent.len();
    if json::parse_object(&readable_bytes(claims)).is_ok() {
        return format!(
            "it ends behind its claims, after {letters} letters: the dot and the {SIGNATURE} letters of \
             the signature are missing"
        );
    }
    format!(
        "it breaks off within its claims, after {letters} letters: the rest of them and the signature, \
         more than {SIGNATURE} letters, are missing"
    )
}

/// The client is known, and with it the signature that these claims would have.
fn by_signature(merchant: &PaynetMerchant, (signed, signature): (&str, &str), search: &mut Search) {
    let right = signature_text(&merchant.token_key, signed);
    let client = &merchant.client_id;
    search.candidate(&CUT_TOKEN, || {
        let (came, missing) = (signature.len(), SIGNATURE.checked_sub(signature.len())?);
        match missing {
            0 => None,
            1 if right.starts_with(signature) => Some("its last letter is missing".to_owned()),
            _ if right.starts_with(signature) => {
                Some(format!("its last {missing} letters are missing"))
            }
            _ => Some(format!(
                "its signature has {came} letters of {SIGNATURE}, and they are not how the right one \
                 begins: more of it was changed, or it is of another data folder"
            )),
        }
    });
    search.candidate(&DAMAGED_TOKEN, || {
        let more = signature.strip_prefix(&*right).filter(|more| !more.is_empty())?;
        Some(format!("it is right but for {} letters behind its end", more.len()))
    });
    if signature.len() != SIGNATURE {
        return;
    }
    search.candidate(&CHANGED_TOKEN, || {
        let places = differing(signature, &right);
        if places.len() <= FEW {
            let shown: Vec<String> = places.iter().map(ToString::to_string).collect();
            return Some(format!(
                "its claims are right, and its signature is but for letter {} of {SIGNATURE}",
                shown.join(" and letter ")
            ));
        }
        changed_claims(&merchant.token_key, signed, signature)
    });
    if !search.has(&CHANGED_TOKEN) {
        search.candidate(&FOREIGN_TOKEN, || {
            Some(format!(
                "the claims name client {client}, and the signature is not by its key here: the token is \
                 of another data folder, or older than the client's secret, or more than one letter of it \
                 was changed"
            ))
        });
    }
}

/// Places, counted from 1, at which two texts of one length differ.
fn differing(left: &str, right: &str) -> Vec<usize> {
    let pairs = left.bytes().zip(right.bytes()).enumerate();
    pairs.filter(|(_, (left, right))| left != right).map(|(at, _)| at + 1).collect()
}

/// The letter of header or claims with which the signature would be right. The signature vouches for
/// what is found.
fn changed_claims(key: &[u8], signed: &str, signature: &str) -> Option<String> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (header, claims) = signed.split_once('.')?;
    let right_header = header_text();
    if header != right_header {
        let is_right = signature_text(key, &format!("{right_header}.{claims}")) == signature;
        let place = differing(header, &right_header).first().copied().unwrap_or(header.len());
        return is_right.then(|| format!("it is right but for its header, from letter {place} on"));
    }
    if claims.len() > LONGEST_CLAIMS {
        return None;
    }
    let mut tried = signed.as_bytes().to_vec();
    for at in header.len() + 1..tried.len() {
        let came = tried[at];
        for letter in LETTERS {
            tried[at] = *letter;
            let text = std::str::from_utf8(&tried).ok()?;
            if *letter != came && signature_text(key, text) == signature {
                return Some(format!(
                    "its signature is right, and its claims are but for letter {} of {}",
                    at - header.len(),
                    claims.len()
                ));
            }
        }
        tried[at] = came;
    }
    None
}

/// The claims name nobody that is known here: another sandbox's client, or a name in which a letter was
/// changed.
fn of_nobody(
    scene: &Scene<'_>,
    (header, claims, signature): (&str, &str, &str),
    search: &mut Search,
) {
    search.candidate(&CHANGED_TOKEN, || {
        let read = readable_bytes(claims);
        scene.others.iter().find_map(|other| {
            let begins = format!(r#"{{"iss":"{TOKEN_ISSUER}","client_id":"{}","#, other.client_id);
            // A letter of base64 is a part of two bytes at most.
            let came = read.get(..begins.len())?;
            let differ = came.iter().zip(begins.as_bytes()).filter(|(a, b)| a != b).count();
            if !(1..=2).contains(&differ) {
                return None;
            }
            let restored = [begins.as_bytes(), &read[begins.len()..]].concat();
            let restored = format!("{header}.{}", URL_SAFE_NO_PAD.encode(restored));
            (signature_text(&other.token_key, &restored) == signature).then(|| {
                format!(
                    "its signature is right for client {}, and its claims are but for a letter of {}",
                    other.client_id,
                    claims.len()
                )
            })
        })
    });
    if search.has(&CHANGED_TOKEN) {
        return;
    }
    search.candidate(&FOREIGN_TOKEN, || {
        let named = Remains::of(&format!("{header}.{claims}")).client?;
        let client: String = named.chars().take(64).collect();
        Some(format!("the claims name client {client}, which is not known here"))
    });
}
