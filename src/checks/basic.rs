//! HTTP Basic authentication (RFC 7617).

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Failure;
use crate::crypto::hashes::same_secret;

/// Base64 as RFC 4648 §4 has it; padding may be missing, as some clients leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Judges an `Authorization` header against a user and a password. The password never stands in the
/// evidence.
///
/// # Errors
/// Evidence of what differs.
pub fn matches(header: &[u8], user: &str, password: &str) -> Result<(), Failure> {
    let expected = format!("Basic credentials of user \"{user}\"");
    let text = String::from_utf8_lossy(header);
    let (scheme, encoded) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Failure::new(expected, format!("the scheme \"{scheme}\"")));
    }
    let decoded = BASE64
        .decode(encoded.trim())
        .map_err(|error| Failure::new(&expected, format!("broken base64 ({error})")))?;
    let decoded = String::from_utf8(decoded)
        .map_err(|_| Failure::new(&expected, "credentials that are not UTF-8"))?;
    let Some((sent_user, sent_password)) = decoded.split_once(':') else {
        return Err(Failure::new(expected, "credentials without a colon"));
    };
    if !same_secret(sent_user.as_bytes(), user.as_bytes()) {
        return Err(Failure::new(expected, format!("user \"{sent_user}\"")));
    }
    if !same_secret(sent_password.as_bytes(), password.as_bytes()) {
        let hint = if sent_password.trim() == password {
            ", equal but for white space around it"
        } else {
            ""
        };
        return Err(Failure::new(
            format!("the password of user \"{user}\""),
            format!("another password of {} characters{hint}", sent_password.chars().count()),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_credentials_pass_and_wrong_ones_say_what_differs() {
        // printf 'shop:s3cret' | base64, and the same for each other pair.
        assert!(matches(b"Basic c2hvcDpzM2NyZXQ=", "shop", "s3cret").is_ok());
        assert!(matches(b"basic c2hvcDpzM2NyZXQ", "shop", "s3cret").is_ok());
        for (header, got) in [
            (&b"Bearer x"[..], "the scheme \"Bearer\""),
            (b"Basic ???", "broken base64"),
            (b"Basic c2hvcA==", "without a colon"),
            (b"Basic b3RoZXI6czNjcmV0", "user \"other\""),
            (b"Basic c2hvcDp3cm9uZw==", "another password of 5 characters"),
            (b"Basic c2hvcDpzM2NyZXQK", "equal but for white space"),
        ] {
            let failure = matches(header, "shop", "s3cret").expect_err(got);
            assert!(failure.got.contains(got), "{failure:?}");
        }
    }
}
