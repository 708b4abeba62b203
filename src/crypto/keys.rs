//! RSA keys: read in every form in which people keep them, parsed once and kept.

use std::fmt;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use josekit::jwe::{JweDecrypter, JweEncrypter};
use josekit::jws::{JwsSigner, JwsVerifier};
use openssl::bn::BigNum;
use openssl::pkey::{Id, PKey, Private, Public};
use openssl::rsa::{Rsa, RsaPrivateKeyBuilder};
use openssl::x509::X509;
use serde_json::Value;

use super::hashes::sha256;
use super::key_text::{self, KeyText};
use crate::{ids, json, limits};

/// A public RSA key with its parsed uses.
pub struct PublicKey {
    spki_der: Vec<u8>,
    bits: u32,
    pub(super) verifiers: [OnceLock<Option<Box<dyn JwsVerifier>>>; 6],
    pub(super) encrypter: OnceLock<Option<Box<dyn JweEncrypter>>>,
}

/// A private RSA key with its parsed uses.
pub struct PrivateKey {
    pkcs8_der: Vec<u8>,
    public: PublicKey,
    pub(super) signers: [OnceLock<Option<Box<dyn JwsSigner>>>; 6],
    pub(super) decrypters: [OnceLock<Option<Box<dyn JweDecrypter>>>; 3],
}

/// How a public key arrived: its form, and what had to be mended in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyArrival {
    /// The form.
    pub form: PublicKeyForm,
    /// What was wrong with the text, one clause each.
    pub mended: Vec<&'static str>,
}

/// The form in which a public key arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKeyForm {
    /// PEM of an X.509 `SubjectPublicKeyInfo`.
    SpkiPem,
    /// `SubjectPublicKeyInfo` as base64 of its DER, without armour.
    SpkiBase64,
    /// PKCS#1 `RSAPublicKey`, in PEM or base64.
    Pkcs1,
    /// A whole X.509 certificate.
    Certificate,
    /// A JSON Web Key.
    Jwk,
}

/// Why an uploaded public key is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Nothing was sent.
    #[error("the key is empty; send the public key as PEM, base64 DER or JWK")]
    Empty,
    /// The private half was sent.
    #[error(
        "this is {what}; upload only its public half (openssl pkey -in key.pem -pubout) and treat \
         the private key as disclosed"
    )]
    Private {
        /// What it is, more closely.
        what: &'static str,
    },
    /// The text cannot be read as any kind of key.
    #[error("the key cannot be read: {reason}; {fix}")]
    Damaged {
        /// What was wrong with it.
        reason: String,
        /// What to do.
        fix: &'static str,
    },
    /// A key of another algorithm.
    #[error("the key is {found}, the provider works with RSA keys only")]
    NotRsa {
        /// What it is.
        found: String,
    },
    /// The modulus is too short.
    #[error(
        "the key has {bits} bits, at least {wanted} are wanted; make one with openssl genrsa {wanted}"
    )]
    TooShort {
        /// Length of its modulus.
        bits: u32,
        /// The shortest that is accepted.
        wanted: u32,
    },
    /// The modulus is too long to work with.
    #[error("the key has {bits} bits, at most {limit} are read")]
    TooLong {
        /// Length of its modulus.
        bits: u32,
        /// The longest that is accepted.
        limit: u32,
    },
}

impl KeyArrival {
    /// What was mended or converted, where the portal wants another text than the one that came.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let mut said: Vec<&str> = self.mended.clone();
        let (converted, command) = match self.form {
            PublicKeyForm::SpkiPem | PublicKeyForm::SpkiBase64 => (None, ""),
            PublicKeyForm::Pkcs1 => (
                Some("it was converted from PKCS#1"),
                " (openssl rsa -RSAPublicKey_in -in key.pem -pubout)",
            ),
            PublicKeyForm::Certificate => (
                Some("it was taken out of an X.509 certificate"),
                " (openssl x509 -in cert.pem -pubkey -noout)",
            ),
            PublicKeyForm::Jwk => (Some("it was converted from a JWK"), ""),
        };
        said.extend(converted);
        (!said.is_empty()).then(|| {
            format!(
                "accepted here: {}; the provider's portal wants X.509 SubjectPublicKeyInfo, as PEM \
                 or bare base64{command}",
                said.join("; ")
            )
        })
    }
}

impl PublicKey {
    /// Reads an RSA public key in any usual form.
    ///
    /// # Errors
    /// A private, damaged, foreign or too short key, with the reason.
    pub fn read(text: &str, shortest_bits: u32) -> Result<(Self, KeyArrival), KeyProblem> {
        let (key, arrival) = parse_public(text)?;
        let bits = key.bits();
        if bits < shortest_bits {
            return Err(KeyProblem::TooShort {
                bits,
                wanted: shortest_bits,
            });
        }
        if bits > limits::LONGEST_RSA_BITS {
            return Err(KeyProblem::TooLong {
                bits,
                limit: limits::LONGEST_RSA_BITS,
            });
        }
        usable(&key)?;
        let spki_der = key.public_key_to_der().map_err(|_| unreadable("its parts do not fit"))?;
        Ok((Self::from_parts(spki_der, bits), arrival))
    }

    fn from_parts(spki_der: Vec<u8>, bits: u32) -> Self {
        Self {
            spki_der,
            bits,
            verifiers: Default::default(),
            encrypter: OnceLock::new(),
        }
    }

    /// The key as DER of its `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// The key as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        armour("PUBLIC KEY", &self.spki_der)
    }

    /// Length of the modulus.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// A stable name for the key: the first 128 bits of the SHA-256 of its DER, in hex.
    #[must_use]
    pub fn id(&self) -> String {
        ids::hex(&sha256(&self.spki_der)[..16])
    }
}

impl PrivateKey {
    /// Reads an RSA private key: PEM (PKCS#8 or PKCS#1) or JWK.
    ///
    /// # Errors
    /// A damaged or foreign key, with the reason.
    pub fn read(text: &str) -> Result<Self, KeyProblem> {
        let text = text.trim();
        let key = if text.starts_with('{') {
            private_from_jwk(text)?
        } else {
            PKey::private_key_from_pem(text.as_bytes())
                .map_err(|_| unreadable("no private key was found in it"))?
        };
        Self::from_pkey(&key)
    }

    /// Makes a new key of `bits` bits, which takes a large part of a second at 4096.
    ///
    /// # Panics
    /// If OpenSSL cannot generate keys, which it always can.
    #[must_use]
    pub fn generate(bits: u32) -> Self {
        let rsa = Rsa::generate(bits).expect("OpenSSL generates RSA keys");
        let key = PKey::from_rsa(rsa).expect("an RSA key is a key");
        Self::from_pkey(&key).expect("a fresh RSA key is readable")
    }

    fn from_pkey(key: &PKey<Private>) -> Result<Self, KeyProblem> {
        if key.id() != Id::RSA {
            return Err(KeyProblem::NotRsa {
                found: format!("{:?}", key.id()),
            });
        }
        let damaged = |_| unreadable("its parts do not fit");
        Ok(Self {
            pkcs8_der: key.private_key_to_pkcs8().map_err(damaged)?,
            public: PublicKey::from_parts(key.public_key_to_der().map_err(damaged)?, key.bits()),
            signers: Default::default(),
            decrypters: Default::default(),
        })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key as DER of its PKCS#8 structure.
    #[must_use]
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8_der
    }

    /// The key as PKCS#8 PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        armour("PRIVATE KEY", &self.pkcs8_der)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} bits, {})", self.bits, self.id())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} bits, {})", self.public.bits, self.public.id())
    }
}

/// DER as one line of base64, the form in which PACO hands out keys.
#[must_use]
pub fn bare_base64(der: &[u8]) -> String {
    STANDARD.encode(der)
}

fn armour(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem + &format!("-----END {label}-----\n")
}

fn parse_public(text: &str) -> Result<(PKey<Public>, KeyArrival), KeyProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(KeyProblem::Empty);
    }
    if text.starts_with('{') {
        let form = PublicKeyForm::Jwk;
        let mended = Vec::new();
        return public_from_jwk(text).map(|key| (key, KeyArrival { form, mended }));
    }
    let KeyText {
        label,
        der,
        mut mended,
    } = key_text::read(text)?;
    let label = label.as_deref();
    if is_private_der(&der) {
        let what = match label {
            Some(_) => "a private key under the label of a public one",
            None => "a private key",
        };
        return Err(KeyProblem::Private { what });
    }
    // OpenSSL reads the front and does not look at what follows.
    if key_text::outer_length(&der) != Some(der.len()) {
        return Err(key_text::flaw(&der));
    }
    let (key, form) = public_from_der(&der, label.is_some())?;
    match (form, label) {
        (PublicKeyForm::SpkiPem, Some("RSA PUBLIC KEY")) => mended.push(
            "X.509 SubjectPublicKeyInfo stood under the label RSA PUBLIC KEY, where strict parsers \
             look for PKCS#1",
        ),
        (PublicKeyForm::Pkcs1, Some("PUBLIC KEY")) => {
            mended.push(
                "PKCS#1 stood under the label PUBLIC KEY, where strict parsers look for SPKI",
            );
        }
        _ => {}
    }
    Ok((key, KeyArrival { form, mended }))
}

fn public_from_der(
    der: &[u8],
    armoured: bool,
) -> Result<(PKey<Public>, PublicKeyForm), KeyProblem> {
    if let Ok(rsa) = Rsa::public_key_from_der_pkcs1(der) {
        let key = PKey::from_rsa(rsa).map_err(|_| unreadable("its parts do not fit"))?;
        return Ok((key, PublicKeyForm::Pkcs1));
    }
    if let Ok(key) = PKey::public_key_from_der(der) {
        let form = if armoured { PublicKeyForm::SpkiPem } else { PublicKeyForm::SpkiBase64 };
        return only_rsa(key).map(|key| (key, form));
    }
    if let Ok(certificate) = X509::from_der(der) {
        let key = certificate
            .public_key()
            .map_err(|_| unreadable("the certificate's key cannot be read"))?;
        return only_rsa(key).map(|key| (key, PublicKeyForm::Certificate));
    }
    Err(key_text::flaw(der))
}

fn is_private_der(der: &[u8]) -> bool {
    PKey::private_key_from_der(der).is_ok() || PKey::private_key_from_pkcs8(der).is_ok()
}

fn only_rsa(key: PKey<Public>) -> Result<PKey<Public>, KeyProblem> {
    match key.id() {
        Id::RSA => Ok(key),
        Id::EC => Err(KeyProblem::NotRsa {
            found: "an elliptic-curve key".to_owned(),
        }),
        Id::ED25519 | Id::ED448 | Id::X25519 | Id::X448 => Err(KeyProblem::NotRsa {
            found: "an Edwards-curve key".to_owned(),
        }),
        Id::RSA_PSS => Err(KeyProblem::NotRsa {
            found: "bound to RSASSA-PSS by its algorithm id; make a plain RSA key".to_owned(),
        }),
        Id::DSA => Err(KeyProblem::NotRsa {
            found: "a DSA key".to_owned(),
        }),
        other => Err(KeyProblem::NotRsa {
            found: format!("a key of type {}", other.as_raw()),
        }),
    }
}

fn public_from_jwk(text: &str) -> Result<PKey<Public>, KeyProblem> {
    let jwk = jwk_object(text)?;
    if ["d", "p", "q", "k"].iter().any(|member| jwk.contains_key(*member)) {
        return Err(KeyProblem::Private {
            what: "the JWK of a private key",
        });
    }
    let key = Rsa::from_public_components(jwk_number(&jwk, "n")?, jwk_number(&jwk, "e")?)
        .and_then(PKey::from_rsa)
        .map_err(|_| unreadable("n and e make no RSA key"))?;
    Ok(key)
}

fn private_from_jwk(text: &str) -> Result<PKey<Private>, KeyProblem> {
    let jwk = jwk_object(text)?;
    let number = |member| jwk_number(&jwk, member);
    let built = RsaPrivateKeyBuilder::new(number("n")?, number("e")?, number("d")?)
        .and_then(|builder| {
            match (number("p"), number("q"), number("dp"), number("dq"), number("qi")) {
                (Ok(p), Ok(q), Ok(dp), Ok(dq), Ok(qi)) => {
                    builder.set_factors(p, q)?.set_crt_params(dp, dq, qi)
                }
                _ => Ok(builder),
            }
        })
        .and_then(|builder| PKey::from_rsa(builder.build()));
    built.map_err(|_| unreadable("its members make no RSA key"))
}

fn jwk_object(text: &str) -> Result<serde_json::Map<String, Value>, KeyProblem> {
    let jwk = json::parse_object(text.as_bytes()).map_err(|fault| KeyProblem::Damaged {
        reason: format!("it starts like a JWK, but {fault}"),
        fix: "send one JSON Web Key object with kty, n and e",
    })?;
    if jwk.contains_key("keys") {
        return Err(KeyProblem::Damaged {
            reason: "it is a key set".to_owned(),
            fix: "send the one key, not the set around it",
        });
    }
    match jwk.get("kty").and_then(Value::as_str) {
        Some("RSA") => Ok(jwk),
        Some(other) => Err(KeyProblem::NotRsa {
            found: format!("a JWK with kty {other}"),
        }),
        None => Err(KeyProblem::Damaged {
            reason: "it is a JSON object without kty".to_owned(),
            fix: "send one JSON Web Key object with kty, n and e",
        }),
    }
}

fn jwk_number(jwk: &serde_json::Map<String, Value>, member: &str) -> Result<BigNum, KeyProblem> {
    jwk.get(member)
        .and_then(Value::as_str)
        .and_then(|text| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok())
        .filter(|bytes| !bytes.is_empty() && bytes.len() <= limits::LONGEST_RSA_BITS as usize / 8)
        .and_then(|bytes| BigNum::from_slice(&bytes).ok())
        .ok_or_else(|| KeyProblem::Damaged {
            reason: format!("the JWK member \"{member}\" is missing or no base64url number"),
            fix: "send one JSON Web Key object with kty, n and e",
        })
}

/// Whether operations with the key can work: an odd modulus, an odd exponent of usual size.
fn usable(key: &PKey<Public>) -> Result<(), KeyProblem> {
    let rsa = key.rsa().map_err(|_| unreadable("its parts do not fit"))?;
    let exponent = rsa.e();
    let sound = rsa.n().is_bit_set(0)
        && exponent.is_bit_set(0)
        && exponent.num_bits() > 1
        && exponent.num_bits() <= 64;
    if sound { Ok(()) } else { Err(unreadable("its modulus or exponent is none that RSA uses")) }
}

fn unreadable(reason: &str) -> KeyProblem {
    KeyProblem::Damaged {
        reason: reason.to_owned(),
        fix: "send an RSA public key as PEM, base64 DER or JWK",
    }
}
