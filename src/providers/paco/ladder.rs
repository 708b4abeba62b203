//! PACO's checks as data: what each judges, where the provider says so, and what to do; and the
//! ladders that they make. `security.rs` climbs those of messages, `browser.rs` those of pages.

use std::sync::LazyLock;

use crate::checks::Check;

pub(super) static HTTPS: Check = Check {
    id: "paco.https",
    title: "The request came over HTTPS",
    clause: "devzone \"Integration\", API Protections: HTTPS required in PROD and Non-PROD",
    why: "Tokens and card data must not travel in clear.",
    fix: "Use the https:// base URL and trust the sandbox CA (GET /ca.pem on the admin port), or set \
          https_only = off.",
};

pub(super) static SOURCE_ADDRESS: Check = Check {
    id: "paco.source_address",
    title: "The source address is on the allow-list where one is needed",
    clause: "devzone \"Integration\", API Protections: IP whitelisting mandatory in production",
    why: "In production a token and keys are not enough; the caller must come from a known address.",
    fix: "Add the address to ip_allow_list (at the real gateway: ask 2C2P to allow-list it).",
};

pub(super) static CONTENT_TYPE: Check = Check {
    id: "paco.content_type",
    title: "Content-Type is application/jose or application/json",
    clause: "devzone \"Integration\", Message Encryption: Content-Type identifies the request's form",
    why: "The form of the message is told by its Content-Type alone.",
    fix: "Send Content-Type: application/jose for a sealed message, application/json for a plain one.",
};

pub(super) static MESSAGE_ENCRYPTION: Check = Check {
    id: "paco.message_encryption",
    title: "The message is sealed where that is required",
    clause: "devzone \"Integration\", API Protections: message encryption required in PROD, \
             conditionally in Non-PROD",
    why: "In production always, elsewhere unless the source address is allow-listed.",
    fix: "Sign and encrypt the request (Content-Type: application/jose), or have the address \
          allow-listed outside production.",
};

pub(super) static TOKEN: Check = Check {
    id: "paco.token",
    title: "The access token is a merchant's",
    clause: "devzone \"Integration\", Access Token: header name: token",
    why: "The token says which company calls; without a valid one all that is said is Access Denied.",
    fix: "Send the merchant's access token in the header token (CompanyApiKey and apiKey work too).",
};

pub(super) static BASIC: Check = Check {
    id: "paco.basic",
    title: "Basic credentials are the merchant's",
    clause: "devzone \"Integration\", API Protections: BASIC HTTP authentication for all clients",
    why: "The documents demand it; live clients mostly omit it, so it is judged only if sent unless \
          basic_auth = required.",
    fix: "Send Authorization: Basic with the user and password of the merchant, or leave it out.",
};

pub(super) static JWE: Check = Check {
    id: "paco.jwe",
    title: "The body is a JWE in compact form",
    clause: "RFC 7516 §7.1; devzone: JWE(JWS(payload))",
    why: "Five base64url parts; the protected header is a JSON object without zip or crit.",
    fix: "Send the compact JWE as the raw body: five dot-separated parts, no quotes, no line breaks.",
};

pub(super) static JWE_ALG: Check = Check {
    id: "paco.jwe_alg",
    title: "The key encryption is RSA-OAEP",
    clause: "devzone \"Integration\", JWE Algorithms: RSA-OAEP",
    why: "RSA-OAEP is OAEP with SHA-1; RSA-OAEP-256 is another algorithm.",
    fix: "Set alg to RSA-OAEP in the JWE header, and let the library use OAEP with SHA-1.",
};

pub(super) static JWE_ENC: Check = Check {
    id: "paco.jwe_enc",
    title: "The content encryption is supported",
    clause: "devzone \"Integration\", JWE Encryption Algorithms",
    why: "Six content encryptions are supported.",
    fix: "Set enc to A128CBC-HS256, which the documents tell merchants to use.",
};

pub(super) static KID: Check = Check {
    id: "paco.kid",
    title: "kid names PACO's encryption key of this environment",
    clause: "devzone \"Integration\", Environment-dependent Parameters: Key ID",
    why: "Each environment has one fixed kid; it locates the key that decrypts.",
    fix: "Set kid in the JWE header to this environment's value.",
};

pub(super) static DECRYPTION: Check = Check {
    id: "paco.decryption",
    title: "The message can be decrypted with PACO's encryption key",
    clause: "devzone \"Integration\", JOSE Encryption Workflow, step 5",
    why: "The content key must be encrypted to PACO's encryption public key, and nothing changed \
          since.",
    fix: "Encrypt to PACO's encryption public key of this environment (not its signing key, not \
          yours).",
};

pub(super) static JWS: Check = Check {
    id: "paco.jws",
    title: "Inside the JWE is a JWS in compact form",
    clause: "RFC 7515 §7.1; devzone: JWE(JWS(payload))",
    why: "Sign first, then encrypt the signed token as it is.",
    fix: "Sign the claims to a compact JWS and encrypt that string, not the bare claims.",
};

pub(super) static JWS_ALG: Check = Check {
    id: "paco.jws_alg",
    title: "The signature algorithm is supported",
    clause: "devzone \"Integration\", JWS Algorithms: RS256/384/512, PS256/384/512",
    why: "Only RSA signatures prove who signed; HS256 and none do not.",
    fix: "Sign with PS256, which the documents tell merchants to use.",
};

pub(super) static SIGNATURE: Check = Check {
    id: "paco.signature",
    title: "The signature is the merchant's",
    clause: "devzone \"Integration\", JOSE Encryption Workflow, step 6",
    why: "The request must be signed with the private key whose public half the merchant uploaded.",
    fix: "Sign with the merchant's signing private key, and upload its public half as the signing key.",
};

pub(super) static CLAIMS: Check = Check {
    id: "paco.claims",
    title: "The signed payload is a JSON object of claims",
    clause: "RFC 7519 §7.2",
    why: "The claims are one JSON object in UTF-8, each member once.",
    fix: "Sign the claims as one JSON object.",
};

pub(super) static AUDIENCE: Check = Check {
    id: "paco.audience",
    title: "aud is PacoAudience",
    clause: "devzone \"Integration\", Encryption Note 2.b",
    why: "The claim says for whom the message is.",
    fix: "Set the claim aud to exactly PacoAudience.",
};

pub(super) static ISSUER: Check = Check {
    id: "paco.issuer",
    title: "iss is the access token",
    clause: "devzone \"Integration\", Encryption Note 2.a: iss must be equal to API key",
    why: "The claim says who speaks; it must be the token of the header.",
    fix: "Set the claim iss to the merchant's access token.",
};

pub(super) static COMPANY_API_KEY: Check = Check {
    id: "paco.company_api_key",
    title: "The claim CompanyApiKey, if present, is the access token",
    clause: "the official sample's claim set; the documents do not name it",
    why: "Most clients send the token as a claim too; it must not contradict the header.",
    fix: "Set the claim CompanyApiKey to the access token, or leave it out.",
};

pub(super) static NOT_BEFORE: Check = Check {
    id: "paco.not_before",
    title: "nbf is not in the future",
    clause: "RFC 7519 §4.1.5",
    why: "A message is not valid before its time; a minute of clock skew is granted.",
    fix: "Use whole seconds of UTC, and synchronize the clock; now - 5 s is a safe nbf.",
};

pub(super) static ISSUED_AT: Check = Check {
    id: "paco.issued_at",
    title: "iat is present and not in the future",
    clause: "RFC 7519 §4.1.6; devzone example",
    why: "The lifetime of a message is counted from iat.",
    fix: "Set iat to the present second in UTC.",
};

pub(super) static EXPIRY: Check = Check {
    id: "paco.expiry",
    title: "exp is present and not past",
    clause: "devzone \"Integration\", Expiry; RFC 7519 §4.1.4",
    why: "An expired message may be a replayed one.",
    fix: "Make a new message for every request, with exp after now (iat + 3600 is usual).",
};

pub(super) static LIFETIME: Check = Check {
    id: "paco.lifetime",
    title: "The message is not older than the allowed lifetime",
    clause: "devzone \"Integration\", Expiry: 5 minutes; its example: 60 minutes",
    why: "However late exp is, a message is good for jose_max_lifetime_s from its iat.",
    fix: "Make a new message for every request.",
};

pub(super) static CRIT: Check = Check {
    id: "paco.crit",
    title: "crit, if present, names exp only, and the header has it",
    clause: "devzone \"Integration\", Expiry; RFC 7515 §4.1.11",
    why: "A critical header that is not understood must be refused.",
    fix: "Leave crit out, as every known client does.",
};

pub(super) static REQUEST: Check = Check {
    id: "paco.request",
    title: "The message holds the request object",
    clause: "devzone \"Integration\", JOSE Encryption Workflow, step 1.a",
    why: "A sealed request stands in the claim request; a plain one is the body itself.",
    fix: "Put the request body into the claim request (a plain JSON body is sent bare).",
};

pub(super) static FIELDS: Check = Check {
    id: "paco.fields",
    title: "The request's members are complete and well-formed",
    clause: "union of the fields in working clients; no public table of types exists",
    why: "PACO answers PC-B050095 without saying which member is wrong.",
    fix: "Correct the member that is named here.",
};

pub(super) static PAGE: Check = Check {
    id: "paco.page",
    title: "The page's id was handed out",
    clause: "the captured paymentPageURL: pid is the order's controllerInternalID",
    why: "A payer's browser has no token; the id in its link is all that it is known by.",
    fix: "Open the paymentPageURL or webPaymentUrl of an answer as it stands there.",
};

pub(super) static PAGE_FORM: Check = Check {
    id: "paco.page_form",
    title: "The page's form is filled in",
    clause: "Sandgate's own form; the real page's interface is internal to 2C2P",
    why: "A payment wants a card number, an expiry and a code; every button sends its name.",
    fix: "Fill in cardNumber, cardExpiryMMYY and cvvCode, and send action pay, decline, cancel or \
          leave.",
};

pub(super) static CREQ: Check = Check {
    id: "paco.creq",
    title: "creq names a challenge",
    clause: "EMV 3-D Secure: the browser posts a CReq, in base64url, to the acsURL",
    why: "The access control server recognises the payment by the transaction in the creq.",
    fix: "Post rawCreq of aresACSChallenge as the form field creq, unchanged, to its acsURL.",
};

pub(super) static SESSION_DATA: Check = Check {
    id: "paco.three_ds_session",
    title: "threeDSSessionData belongs to the challenge",
    clause: "EMV 3-D Secure: threeDSSessionData is posted beside the CReq",
    why: "It ties the browser to the payment that it was sent from.",
    fix: "Post threeDSSessionData of the same aresACSChallenge beside creq.",
};

pub(super) static CHALLENGE_ANSWER: Check = Check {
    id: "paco.challenge_answer",
    title: "The challenge is answered with one of its buttons",
    clause: "Sandgate's own form; a bank asks for a code instead",
    why: "The button says how the challenge ends.",
    fix: "Send result pass, fail, timeout or cancel.",
};

/// Every check, once.
pub(super) static ALL: LazyLock<Vec<&'static Check>> = LazyLock::new(|| {
    let pages = [&PAGE, &PAGE_FORM, &CREQ, &SESSION_DATA, &CHALLENGE_ANSWER];
    MESSAGE_CHECKS.into_iter().chain(pages).collect()
});

/// The ladders of the pages.
pub(super) static PAGE_CHECKS: &[&Check] = &[&HTTPS, &PAGE];
pub(super) static PAGE_FORM_CHECKS: &[&Check] = &[&HTTPS, &PAGE, &PAGE_FORM];
pub(super) static CHALLENGE_CHECKS: &[&Check] = &[&HTTPS, &CREQ, &SESSION_DATA];
pub(super) static ANSWER_CHECKS: &[&Check] = &[&HTTPS, &CREQ, &SESSION_DATA, &CHALLENGE_ANSWER];

/// The ladder of endpoints that take a message.
pub(super) static MESSAGE_CHECKS: [&Check; 25] = [
    &HTTPS,
    &SOURCE_ADDRESS,
    &CONTENT_TYPE,
    &MESSAGE_ENCRYPTION,
    &TOKEN,
    &BASIC,
    &JWE,
    &JWE_ALG,
    &JWE_ENC,
    &KID,
    &DECRYPTION,
    &JWS,
    &JWS_ALG,
    &SIGNATURE,
    &CLAIMS,
    &AUDIENCE,
    &ISSUER,
    &COMPANY_API_KEY,
    &NOT_BEFORE,
    &ISSUED_AT,
    &EXPIRY,
    &LIFETIME,
    &CRIT,
    &REQUEST,
    &FIELDS,
];

/// The rungs that judge a seal, which a plain message does not have.
pub(super) const SEAL: std::ops::Range<usize> = 6..23;

/// The ladder of `Inquiry/transactionStatus`, which is never sealed.
pub(super) static INQUIRY_CHECKS: [&Check; 5] = [&HTTPS, &SOURCE_ADDRESS, &TOKEN, &BASIC, &FIELDS];
