//! The sandbox's certificate authority: made on first start into the data folder, never committed,
//! and the issuer of every server certificate that Sandgate shows.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SanType,
};

use super::hashes::sha256;
use crate::ids;

/// A certificate authority for this data folder alone.
#[derive(Debug)]
pub struct SandboxCa {
    certificate_pem: String,
    certificate_der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// A server certificate with its key.
#[derive(Clone, Debug)]
pub struct ServerIdentity {
    /// The certificate, then its issuer, as DER.
    pub chain_der: Vec<Vec<u8>>,
    /// The key as PKCS#8 DER.
    pub key_der: Vec<u8>,
}

/// Why an authority cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "the sandbox CA cannot be {doing}: {reason}; remove its two files from the data folder to have a new one made (clients must then trust the new one)"
)]
pub struct CaError {
    doing: &'static str,
    reason: String,
}

impl SandboxCa {
    /// Makes a new authority, valid for any instant that a sandbox clock is likely to show.
    ///
    /// # Errors
    /// If no key can be made.
    pub fn generate() -> Result<(Self, String), CaError> {
        let failed = |error: rcgen::Error| CaError {
            doing: "made",
            reason: error.to_string(),
        };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let key_pem = key.serialize_pem();
        let params = authority(&key);
        let certificate = params.self_signed(&key).map_err(failed)?;
        let ca = Self {
            certificate_pem: certificate.pem(),
            certificate_der: certificate.der().to_vec(),
            issuer: Issuer::new(params, key),
        };
        Ok((ca, key_pem))
    }

    /// Reads an authority back from its two PEM files.
    ///
    /// # Errors
    /// If a file is damaged or the two do not belong together.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, CaError> {
        let unreadable = |reason: String| CaError {
            doing: "read",
            reason,
        };
        let key = KeyPair::from_pem(key_pem).map_err(|error| unreadable(error.to_string()))?;
        let certificate = openssl::x509::X509::from_pem(certificate_pem.as_bytes())
            .map_err(|error| unreadable(error.to_string()))?;
        let certificate_der =
            certificate.to_der().map_err(|error| unreadable(error.to_string()))?;
        let certified = certificate.public_key().and_then(|public| public.public_key_to_der()).ok();
        if certified.as_deref() != Some(&key.subject_public_key_info()) {
            return Err(unreadable("certificate and key do not belong together".to_owned()));
        }
        Ok(Self {
            certificate_pem: certificate_pem.to_owned(),
            certificate_der,
            // The parameters follow from the key alone, so they need not be read back.
            issuer: Issuer::new(authority(&key), key),
        })
    }

    /// The authority's certificate, for clients to trust.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Issues a server certificate for DNS names and IP addresses.
    ///
    /// # Errors
    /// If a name cannot stand in a certificate.
    pub fn issue_server(
        &self,
        names: &[String],
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> Result<ServerIdentity, CaError> {
        let failed = |error: rcgen::Error| CaError {
            doing: "used to issue a server certificate",
            reason: error.to_string(),
        };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named("Sandgate sandbox server");
        params.subject_alt_names = names
            .iter()
            .map(|name| match name.parse() {
                Ok(address) => Ok(SanType::IpAddress(address)),
                Err(_) => name.as_str().try_into().map(SanType::DnsName),
            })
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        params.not_before = calendar(not_before);
        params.not_after = calendar(not_after);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(ServerIdentity {
            chain_der: vec![certificate.der().to_vec(), self.certificate_der.clone()],
            key_der: key.serialize_der(),
        })
    }
}

/// From when to when a certificate is valid.
///
/// # Errors
/// If the text is no certificate.
pub fn validity(certificate_pem: &str) -> Result<(Timestamp, Timestamp), CaError> {
    let unreadable = |error: openssl::error::ErrorStack| CaError {
        doing: "read",
        reason: error.to_string(),
    };
    let certificate =
        openssl::x509::X509::from_pem(certificate_pem.as_bytes()).map_err(unreadable)?;
    let epoch = openssl::asn1::Asn1Time::from_unix(0).map_err(unreadable)?;
    let instant = |at: &openssl::asn1::Asn1TimeRef| {
        let since = epoch.diff(at).map_err(unreadable)?;
        let seconds = i64::from(since.days) * 86_400 + i64::from(since.secs);
        Ok(Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH))
    };
    Ok((instant(certificate.not_before())?, instant(certificate.not_after())?))
}

fn authority(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Two data folders must not have authorities of one name, or clients that trust both mix them up.
    let tag = &ids::hex(&sha256(&key.subject_public_key_info()))[..8];
    params.distinguished_name =
        named(&format!("Sandgate sandbox CA {tag} (trust it in tests only)"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = rcgen::date_time_ymd(2000, 1, 1);
    params.not_after = rcgen::date_time_ymd(2099, 12, 31);
    params
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Sandgate");
    name.push(DnType::CommonName, common_name);
    name
}

/// The same instant in the type that rcgen uses, clipped to what a certificate can say.
fn calendar(at: Timestamp) -> time::OffsetDateTime {
    // A certificate says years from 1950 (as UTCTime) to 9999.
    let earliest = rcgen::date_time_ymd(1950, 1, 1);
    let latest = rcgen::date_time_ymd(9999, 12, 31);
    time::OffsetDateTime::from_unix_timestamp(at.as_second())
        .unwrap_or(if at < Timestamp::UNIX_EPOCH { earliest } else { latest })
        .clamp(earliest, latest)
}
