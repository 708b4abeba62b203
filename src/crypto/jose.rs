//! Compact JOSE (RFC 7515, 7516): one function a step, so that each step can be a check of its own.
//!
//! josekit does the cryptography. Taking tokens apart and judging their form is done here, because
//! an explanation must say which part was wrong, and because a `zip` header must be refused before
//! anything inflates it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwe::alg::rsaes::RsaesJweAlgorithm;
use josekit::jwe::enc::aescbc_hmac::AescbcHmacJweEncryption;
use josekit::jwe::enc::aesgcm::AesgcmJweEncryption;
use josekit::jwe::{JweContentEncryption, JweDecrypter, JweEncrypter, JweHeader};
use josekit::jws::alg::rsassa::RsassaJwsAlgorithm;
use josekit::jws::alg::rsassa_pss::RsassaPssJwsAlgorithm;
use josekit::jws::{JwsSigner, JwsVerifier};
use serde_json::{Map, Value};

use super::keys::{PrivateKey, PublicKey};
use crate::ids::Ids;
use crate::json;

/// Signature algorithms of RFC 7518 §3.3 and §3.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
}

/// Content encryptions of RFC 7518 §5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentEncryption {
    /// AES-128-CBC with HMAC-SHA-256.
    A128CbcHs256,
    /// AES-192-CBC with HMAC-SHA-384.
    A192CbcHs384,
    /// AES-256-CBC with HMAC-SHA-512.
    A256CbcHs512,
    /// AES-128-GCM.
    A128Gcm,
    /// AES-192-GCM.
    A192Gcm,
    /// AES-256-GCM.
    A256Gcm,
}

/// How a content key is wrapped. PACO takes only [`Self::RsaOaep`]; the others are tried when a
/// failure is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyWrapping {
    /// RSA-OAEP with SHA-1 and MGF1 with SHA-1.
    RsaOaep,
    /// RSA-OAEP with SHA-256.
    RsaOaep256,
    /// RSAES-PKCS1-v1_5.
    Rsa1_5,
}

/// The form of a token is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormFault {
    /// Too many or too few parts.
    #[error("{found} dot-separated parts instead of {wanted}")]
    Segments {
        /// Parts that a token of this kind has.
        wanted: usize,
        /// Parts that came.
        found: usize,
    },
    /// A part is not base64url.
    #[error("the {part} is not base64url without padding: {reason}")]
    Base64 {
        /// Name of the part.
        part: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The header is not a JSON object.
    #[error("the protected header is not usable: {0}")]
    Header(String),
    /// A part has a length that its algorithm does not allow.
    #[error("the {part} has {found} bytes, {wanted} are wanted")]
    Length {
        /// Name of the part.
        part: &'static str,
        /// Bytes that the algorithm wants.
        wanted: usize,
        /// Bytes that came.
        found: usize,
    },
}

/// Decryption failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecryptionFault {
    /// The content key did not come out of its RSA wrapping: another key, or another padding.
    #[error("the content key cannot be unwrapped with this key")]
    WrongKey,
    /// The content key came out with a length that the content encryption does not use.
    #[error("the unwrapped content key has {found} bytes, {wanted} are wanted")]
    ContentKeyLength {
        /// Bytes that the content encryption uses.
        wanted: usize,
        /// Bytes that came out.
        found: usize,
    },
    /// The authentication tag does not match: header, ciphertext, IV or tag were changed.
    #[error("the content key was unwrapped, but the authentication tag does not match")]
    Tag,
}

/// A JWE in compact form, taken apart.
#[derive(Clone, Debug)]
pub struct CompactJwe {
    /// The protected header.
    pub header: Map<String, Value>,
    protected: String,
    encrypted_key: Vec<u8>,
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

/// A JWS in compact form, taken apart. Nothing in it is verified yet.
#[derive(Clone, Debug)]
pub struct CompactJws {
    /// The protected header.
    pub header: Map<String, Value>,
    /// The payload.
    pub payload: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// What was signed: header and payload as they came.
    pub signing_input: String,
}

impl SignatureAlgorithm {
    /// All six, in the provider's order.
    pub const ALL: [Self; 6] =
        [Self::Rs256, Self::Rs384, Self::Rs512, Self::Ps256, Self::Ps384, Self::Ps512];

    /// The name in the `alg` header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
        }
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn signer(self, pkcs8_der: &[u8]) -> Option<Box<dyn JwsSigner>> {
        match self.kind() {
            Kind::Pkcs1(algorithm) => {
                algorithm.signer_from_der(pkcs8_der).ok().map(|signer| Box::new(signer) as _)
            }
            Kind::Pss(algorithm) => {
                algorithm.signer_from_der(pkcs8_der).ok().map(|signer| Box::new(signer) as _)
            }
        }
    }

    fn verifier(self, spki_der: &[u8]) -> Option<Box<dyn JwsVerifier>> {
        match self.kind() {
            Kind::Pkcs1(algorithm) => {
                algorithm.verifier_from_der(spki_der).ok().map(|verifier| Box::new(verifier) as _)
            }
            Kind::Pss(algorithm) => {
                algorithm.verifier_from_der(spki_der).ok().map(|verifier| Box::new(verifier) as _)
            }
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Rs256 => Kind::Pkcs1(RsassaJwsAlgorithm::Rs256),
            Self::Rs384 => Kind::Pkcs1(RsassaJwsAlgorithm::Rs384),
            Self::Rs512 => Kind::Pkcs1(RsassaJwsAlgorithm::Rs512),
            Self::Ps256 => Kind::Pss(RsassaPssJwsAlgorithm::Ps256),
            Self::Ps384 => Kind::Pss(RsassaPssJwsAlgorithm::Ps384),
            Self::Ps512 => Kind::Pss(RsassaPssJwsAlgorithm::Ps512),
        }
    }
}

enum Kind {
    Pkcs1(RsassaJwsAlgorithm),
    Pss(RsassaPssJwsAlgorithm),
}

impl ContentEncryption {
    /// All six, in the provider's order.
    pub const ALL: [Self; 6] = [
        Self::A128CbcHs256,
        Self::A192CbcHs384,
        Self::A256CbcHs512,
        Self::A128Gcm,
        Self::A192Gcm,
        Self::A256Gcm,
    ];

    /// The name in the `enc` header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A192CbcHs384 => "A192CBC-HS384",
            Self::A256CbcHs512 => "A256CBC-HS512",
            Self::A128Gcm => "A128GCM",
            Self::A192Gcm => "A192GCM",
            Self::A256Gcm => "A256GCM",
        }
    }

    /// The content encryption of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encryption| encryption.name() == name)
    }

    /// Decrypts content with a content key that is already unwrapped: the second half of
    /// [`CompactJwe::decrypt`], open to known answers that come without a token around them.
    ///
    /// # Errors
    /// A content key of another length, or content that was changed. An IV or a tag of a wrong
    /// length counts as changed, so that a tag cut short never passes, whoever forgot to look.
    pub fn open(
        self,
        content_key: &[u8],
        iv: &[u8],
        ciphertext: &[u8],
        authenticated: &[u8],
        tag: &[u8],
    ) -> Result<Vec<u8>, DecryptionFault> {
        if content_key.len() != self.key_bytes() {
            return Err(DecryptionFault::ContentKeyLength {
                wanted: self.key_bytes(),
                found: content_key.len(),
            });
        }
        if iv.len() != self.iv_bytes() || tag.len() != self.tag_bytes() {
            return Err(DecryptionFault::Tag);
        }
        self.implementation()
            .decrypt(content_key, Some(iv), ciphertext, authenticated, Some(tag))
            .map_err(|_authentication_gives_no_more_reason| DecryptionFault::Tag)
    }

    fn iv_bytes(self) -> usize {
        self.implementation().iv_len()
    }

    fn key_bytes(self) -> usize {
        self.implementation().key_len()
    }

    fn tag_bytes(self) -> usize {
        match self {
            Self::A192CbcHs384 => 24,
            Self::A256CbcHs512 => 32,
            Self::A128CbcHs256 | Self::A128Gcm | Self::A192Gcm | Self::A256Gcm => 16,
        }
    }

    fn implementation(self) -> &'static dyn JweContentEncryption {
        match self {
            Self::A128CbcHs256 => &AescbcHmacJweEncryption::A128cbcHs256,
            Self::A192CbcHs384 => &AescbcHmacJweEncryption::A192cbcHs384,
            Self::A256CbcHs512 => &AescbcHmacJweEncryption::A256cbcHs512,
            Self::A128Gcm => &AesgcmJweEncryption::A128gcm,
            Self::A192Gcm => &AesgcmJweEncryption::A192gcm,
            Self::A256Gcm => &AesgcmJweEncryption::A256gcm,
        }
    }
}

impl KeyWrapping {
    /// The name in the `alg` header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::Rsa1_5 => "RSA1_5",
        }
    }

    fn algorithm(self) -> RsaesJweAlgorithm {
        match self {
            Self::RsaOaep => RsaesJweAlgorithm::RsaOaep,
            Self::RsaOaep256 => RsaesJweAlgorithm::RsaOaep256,
            #[expect(deprecated, reason = "recognized when a failure is explained, never accepted")]
            Self::Rsa1_5 => RsaesJweAlgorithm::Rsa1_5,
        }
    }
}

impl CompactJwe {
    /// Takes a token apart. Its algorithms are not looked at.
    ///
    /// # Errors
    /// Not five parts, broken base64url, or a header that is no JSON object.
    pub fn parse(text: &str) -> Result<Self, FormFault> {
        let [header, encrypted_key, iv, ciphertext, tag] = segments::<5>(text)?;
        Ok(Self {
            header: protected_header(header)?,
            protected: header.to_owned(),
            encrypted_key: part("encrypted key", encrypted_key)?,
            iv: part("initialization vector", iv)?,
            ciphertext: part("ciphertext", ciphertext)?,
            tag: part("authentication tag", tag)?,
        })
    }

    /// Looks that IV and tag have the lengths of their algorithm; a GCM tag cut short would
    /// otherwise pass.
    ///
    /// # Errors
    /// A length that differs.
    pub fn lengths_fit(&self, encryption: ContentEncryption) -> Result<(), FormFault> {
        let fits = |part, wanted, found| {
            if wanted == found {
                Ok(())
            } else {
                Err(FormFault::Length {
                    part,
                    wanted,
                    found,
                })
            }
        };
        fits("initialization vector", encryption.iv_bytes(), self.iv.len())?;
        fits("authentication tag", encryption.tag_bytes(), self.tag.len())
    }

    /// Decrypts with `key`. Two RSA operations' worth of time is spent here: call it on the pool.
    ///
    /// # Errors
    /// The key does not fit, or the content was changed.
    pub fn decrypt(
        &self,
        key: &PrivateKey,
        wrapping: KeyWrapping,
        encryption: ContentEncryption,
    ) -> Result<Vec<u8>, DecryptionFault> {
        let content_key =
            key.unwrap_key(wrapping, &self.encrypted_key).ok_or(DecryptionFault::WrongKey)?;
        encryption.open(
            &content_key,
            &self.iv,
            &self.ciphertext,
            self.protected.as_bytes(),
            &self.tag,
        )
    }
}

impl CompactJws {
    /// Takes a token apart without verifying it.
    ///
    /// # Errors
    /// Not three parts, broken base64url, or a header that is no JSON object.
    pub fn parse(text: &str) -> Result<Self, FormFault> {
        let [header, payload, signature] = segments::<3>(text)?;
        Ok(Self {
            header: protected_header(header)?,
            payload: part("payload", payload)?,
            signature: part("signature", signature)?,
            signing_input: format!("{header}.{payload}"),
        })
    }

    /// Whether the signature was made over these very bytes with the private half of `key`.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey, algorithm: SignatureAlgorithm) -> bool {
        key.verifies(algorithm, self.signing_input.as_bytes(), &self.signature)
    }
}

/// Signs `payload` into a compact JWS. Spends an RSA private operation: call it on the pool.
///
/// # Panics
/// If `key` cannot sign with `algorithm`, which every RSA key of usual size can.
#[must_use]
pub fn sign(
    key: &PrivateKey,
    algorithm: SignatureAlgorithm,
    header: &Map<String, Value>,
    payload: &[u8],
) -> String {
    let signing_input = format!("{}.{}", encode_header(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = key
        .signer(algorithm)
        .and_then(|signer| signer.sign(signing_input.as_bytes()).ok())
        .expect("an RSA key signs");
    format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Encrypts `plaintext` into a compact JWE with RSA-OAEP.
///
/// # Panics
/// If `key` cannot wrap a content key, which every RSA key of usual size can.
#[must_use]
pub fn encrypt(
    key: &PublicKey,
    encryption: ContentEncryption,
    header: &Map<String, Value>,
    plaintext: &[u8],
) -> String {
    encrypt_with(key, KeyWrapping::RsaOaep, encryption, header, plaintext)
}

/// Encrypts with any wrapping: what a mistaken client does.
///
/// # Panics
/// As [`encrypt`].
#[must_use]
pub fn encrypt_with(
    key: &PublicKey,
    wrapping: KeyWrapping,
    encryption: ContentEncryption,
    header: &Map<String, Value>,
    plaintext: &[u8],
) -> String {
    let made_here;
    let encrypter: &dyn JweEncrypter = match wrapping {
        KeyWrapping::RsaOaep => key.encrypter().expect("an RSA key encrypts"),
        other => {
            made_here =
                other.algorithm().encrypter_from_der(key.spki_der()).expect("an RSA key encrypts");
            &made_here
        }
    };
    let implementation = encryption.implementation();
    let chance = Ids::system();
    let content_key = &chance.bytes::<64>()[..encryption.key_bytes()];
    let iv = &chance.bytes::<16>()[..encryption.iv_bytes()];
    let encrypted_key = encrypter
        .encrypt(content_key, &JweHeader::new(), &mut JweHeader::new())
        .ok()
        .flatten()
        .expect("an RSA key wraps a content key");
    let protected = encode_header(header);
    let (ciphertext, tag) = implementation
        .encrypt(content_key, Some(iv), plaintext, protected.as_bytes())
        .expect("key and IV have the algorithm's lengths");
    let tag = tag.unwrap_or_default();
    let parts =
        [&encrypted_key[..], iv, &ciphertext, &tag].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{protected}.{}", parts.join("."))
}

impl PublicKey {
    /// Whether `signature` was made over `message` with the private half.
    #[must_use]
    pub fn verifies(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        self.verifier(algorithm).is_some_and(|verifier| verifier.verify(message, signature).is_ok())
    }

    fn verifier(&self, algorithm: SignatureAlgorithm) -> Option<&dyn JwsVerifier> {
        self.verifiers[algorithm as usize]
            .get_or_init(|| algorithm.verifier(self.spki_der()))
            .as_deref()
    }

    fn encrypter(&self) -> Option<&dyn JweEncrypter> {
        self.encrypter
            .get_or_init(|| {
                let encrypter = RsaesJweAlgorithm::RsaOaep.encrypter_from_der(self.spki_der());
                encrypter.ok().map(|encrypter| Box::new(encrypter) as _)
            })
            .as_deref()
    }
}

impl PrivateKey {
    /// Unwraps a content key, of whatever length. `None`: it was not wrapped for this key, or not
    /// in this way.
    #[must_use]
    pub fn unwrap_key(&self, wrapping: KeyWrapping, wrapped: &[u8]) -> Option<Vec<u8>> {
        // josekit wants a content encryption here and does not look at it.
        let unused = ContentEncryption::A128Gcm.implementation();
        let unwrapped = self.decrypter(wrapping)?.decrypt(Some(wrapped), unused, &JweHeader::new());
        unwrapped.ok().map(Cow::into_owned)
    }

    fn signer(&self, algorithm: SignatureAlgorithm) -> Option<&dyn JwsSigner> {
        self.signers[algorithm as usize]
            .get_or_init(|| algorithm.signer(self.pkcs8_der()))
            .as_deref()
    }

    fn decrypter(&self, wrapping: KeyWrapping) -> Option<&dyn JweDecrypter> {
        self.decrypters[wrapping as usize]
            .get_or_init(|| {
                let decrypter = wrapping.algorithm().decrypter_from_der(self.pkcs8_der());
                decrypter.ok().map(|decrypter| Box::new(decrypter) as _)
            })
            .as_deref()
    }
}

fn segments<const N: usize>(text: &str) -> Result<[&str; N], FormFault> {
    // Counting first keeps a body of a million dots from becoming a million slices.
    let found = text.bytes().filter(|byte| *byte == b'.').count() + 1;
    let wrong = FormFault::Segments { wanted: N, found };
    if found != N {
        return Err(wrong);
    }
    let parts: Vec<&str> = text.split('.').collect();
    parts.try_into().map_err(|_| wrong)
}

fn part(name: &'static str, text: &str) -> Result<Vec<u8>, FormFault> {
    URL_SAFE_NO_PAD.decode(text).map_err(|error| FormFault::Base64 {
        part: name,
        reason: error.to_string(),
    })
}

fn protected_header(text: &str) -> Result<Map<String, Value>, FormFault> {
    let bytes = part("protected header", text)?;
    json::parse_object(&bytes).map_err(|fault| FormFault::Header(fault.to_string()))
}

fn encode_header(header: &Map<String, Value>) -> String {
    let text = serde_json::to_vec(header).expect("a map of JSON values is JSON");
    URL_SAFE_NO_PAD.encode(text)
}
