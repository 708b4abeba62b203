//! Known answers made by other tools. Client and server share this project's cryptography, so two
//! of its own halves that agree prove nothing; a foreign answer does.
//!
//! Two sources: `fixtures/paco/vectors`, made by two JOSE libraries with the demo keys, and a folder
//! that `SANDGATE_VECTORS` names, with Wycheproof and the examples of RFC 7520.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sandgate::crypto::digest_recovery::recover;
use sandgate::crypto::hashes::{hmac_sha256_matches, hmac_sha512_matches, sha256, sha384, sha512};
use sandgate::crypto::jose::{
    CompactJwe, CompactJws, ContentEncryption, DecryptionFault, FormFault, KeyWrapping,
    SignatureAlgorithm, sign,
};
use sandgate::crypto::keys::{PrivateKey, PublicKey};
use sandgate::limits::SHORTEST_RSA_BITS;
use serde_json::Value;

/// Files of the two foreign JOSE libraries.
const FOREIGN: [&str; 2] = ["python-jwcrypto.json", "node-jose.json"];

/// Every mixture of six signature algorithms, six encryptions and two directions.
const CASES: usize = 72;

/// Answers of the shared vectors on which reasonable readers differ: file, number, reason. They are
/// not counted, whichever way Sandgate decides.
const DISPUTED: [(&str, u64, &str); 6] = [
    (
        "json_web_signature_test.json",
        346,
        "the key says PS256, the token PS384, and it is called valid; RFC 7517 §4.4 speaks against it",
    ),
    (
        "json_web_signature_test.json",
        349,
        "the private key's key_ops is the one text \"sign, verify\" instead of two, so that a strict \
         reader refuses the key",
    ),
    ("json_web_signature_test.json", 350, "as 346, with key_ops"),
    (
        "json_web_signature_test.json",
        353,
        "the key says use=enc; gateways exchange PEM keys, which say nothing of their use",
    ),
    ("json_web_signature_test.json", 355, "as 353, with key_ops instead of use"),
    (
        "json_web_crypto_test.json",
        46,
        "the signature is right and the key is weak (ROCA); judging how a key was made is not the \
         verification of a signature",
    ),
];

#[test]
fn every_token_of_two_foreign_libraries_opens_and_says_what_its_maker_put_in() {
    let keys = DemoKeys::read();
    for file in FOREIGN {
        let vectors = fixture(file);
        let cases = array(&vectors, "cases");
        assert_eq!(cases.len(), CASES, "{file}");
        for case in cases {
            let name = format!("{file}: {}", text(case, "name"));
            let (decryption, verification) = match text(case, "direction") {
                "request" => (&keys.uat_encryption, &keys.merchant_signing),
                "answer" => (&keys.merchant_encryption, &keys.uat_signing),
                other => panic!("{name}: unknown direction {other}"),
            };
            let signature = SignatureAlgorithm::named(text(case, "jws_alg")).expect(&name);
            let encryption = ContentEncryption::named(text(case, "jwe_enc")).expect(&name);

            let jwe = CompactJwe::parse(text(case, "token_compact")).expect(&name);
            jwe.lengths_fit(encryption).expect(&name);
            let opened = jwe.decrypt(decryption, KeyWrapping::RsaOaep, encryption).expect(&name);
            let jws = CompactJws::parse(utf8(&opened)).expect(&name);

            assert!(jws.is_signed_by(verification, signature), "{name}");
            assert_eq!(Value::Object(jwe.header), case["jwe_header"], "{name}");
            assert_eq!(Value::Object(jws.header.clone()), case["jws_header"], "{name}");
            let claims: Value = serde_json::from_slice(&jws.payload).expect(&name);
            assert_eq!(claims, case["claims"], "{name}");
            // The right token under a wrong rule must not pass, or the lines above prove nothing.
            for other in SignatureAlgorithm::ALL.into_iter().filter(|other| *other != signature) {
                assert!(!jws.is_signed_by(verification, other), "{name} as {}", other.name());
            }
        }
    }
}

#[test]
fn every_bad_token_of_two_foreign_libraries_is_refused_at_its_own_layer() {
    let keys = DemoKeys::read();
    for file in FOREIGN {
        let vectors = fixture(file);
        let refused = array(&vectors, "refused");
        assert!(refused.len() >= 25, "{file} lost its refusals: {}", refused.len());
        for refusal in refused {
            let name = text(refusal, "name");
            let layer = text(refusal, "layer");

            let found = keys.first_objection(text(refusal, "token_compact"));

            let wanted = match (layer, name) {
                ("form", _) => Objection::Form,
                // Which key ids are known is the provider's business; the token itself is sound.
                ("jwe-header", name) if name.starts_with("jwe-kid-") => Objection::NoneHere,
                ("jwe-header", "jwe-zip-def") => Objection::Compressed,
                ("jwe-header", _) => Objection::Wrapping,
                ("jwe-decrypt", name)
                    if name.ends_with("-tag-gcm") && !name.contains("tampered") =>
                {
                    Objection::Length
                }
                ("jwe-decrypt", "jwe-short-tag-cbc") => Objection::Length,
                ("jwe-decrypt", name)
                    if name.starts_with("jwe-encrypted-to-")
                        || name == "jwe-tampered-encrypted-key" =>
                {
                    Objection::Decryption(DecryptionFault::WrongKey)
                }
                ("jwe-decrypt", _) => Objection::Decryption(DecryptionFault::Tag),
                ("jws-form", _) => Objection::InnerForm,
                ("jws-header", "jws-crit-unknown") => Objection::Critical,
                ("jws-header", _) => Objection::Algorithm,
                ("jws-signature", _) => Objection::Signature,
                (other, _) => panic!("{file}: {name} names the unknown layer {other}"),
            };
            assert_eq!(found, wanted, "{file}: {name}");
        }
    }
}

#[test]
fn the_vectors_of_wycheproof_are_judged_as_their_authors_judge_them() {
    let Some(folder) = shared_vectors("wycheproof") else { return };
    let files = json_files(&folder);
    assert!(!files.is_empty(), "no vectors in {}", folder.display());
    for (file, vectors) in &files {
        let mut tally = Tally::of(file);

        match text(vectors, "schema") {
            "aead_test_schema_v1.json" => judge_content_encryption(vectors, &mut tally),
            "mac_test_schema_v1.json" => judge_hmac(vectors, &mut tally),
            "json_web_crypto_schema_v1.json"
            | "json_web_encryption_schema_v1.json"
            | "json_web_signature_schema_v1.json" => judge_tokens(vectors, &mut tally),
            "rsaes_oaep_decrypt_schema_v1.json" => judge_key_unwrapping(vectors, &mut tally),
            "rsassa_pkcs1_verify_schema_v1.json" => judge_signatures("RS", vectors, &mut tally),
            "rsassa_pss_verify_schema_v1.json" => judge_signatures("PS", vectors, &mut tally),
            other => panic!("{file}: nobody judges the schema {other}"),
        }

        tally.close();
    }
    for (file, number, _) in DISPUTED {
        let (_, vectors) = files.iter().find(|(name, _)| name == file).expect(file);
        let listed = tests_of(vectors).any(|(_, test)| test["tcId"].as_u64() == Some(number));
        assert!(listed, "{file} has no {number}: the list of disputed answers is out of date");
    }
}

#[test]
fn the_examples_of_rfc_7520_open_where_their_algorithms_are_accepted() {
    let Some(folder) = shared_vectors("rfc7520") else { return };
    let files = json_files(&folder);
    assert!(!files.is_empty(), "no vectors in {}", folder.display());
    for (file, example) in files {
        let mut tally = Tally::of(&file);
        if file.starts_with("6.") {
            let (inner, outer) = (&example["sign"], &example["encrypt"]);
            judge_signed_example(&inner["input"], &inner["output"], &mut tally);
            judge_encrypted_example(&outer["input"], &outer["output"], &mut tally);
            tally.judge("the inner token is the outer one's content", true, {
                inner["output"]["compact"] == outer["input"]["plaintext"]
            });
        } else if example["input"]["payload"].is_string() {
            judge_signed_example(&example["input"], &example["output"], &mut tally);
        } else {
            judge_encrypted_example(&example["input"], &example["output"], &mut tally);
        }
        tally.close();
    }
}

/// A signature of RFC 7520: it verifies, and where signing leaves nothing to chance, signing again
/// gives the same token.
fn judge_signed_example(input: &Value, output: &Value, tally: &mut Tally) {
    let key = PrivateKey::read(&input["key"].to_string()).expect("an RSA key");
    let compact = text(output, "compact");
    let algorithm = text(input, "alg");

    let accepted = accepts_signed(compact, key.public(), None);

    tally.judge(&format!("{algorithm} verifies"), true, accepted.is_some());
    let said = accepted.is_some_and(|payload| payload == text(input, "payload").as_bytes());
    tally.judge(&format!("{algorithm} carries its payload"), true, said);
    if algorithm == "RS256" {
        let token = CompactJws::parse(compact).expect("a compact JWS");
        let again = sign(&key, SignatureAlgorithm::Rs256, &token.header, &token.payload);
        tally.judge("RS256 signs to the same token", true, again == compact);
    }
}

/// An encryption of RFC 7520: RSA-OAEP opens, anything else is refused.
fn judge_encrypted_example(input: &Value, output: &Value, tally: &mut Tally) {
    let compact = text(output, "compact");
    let algorithm = text(input, "alg");
    let Ok(key) = PrivateKey::read(&input["key"].to_string()) else {
        // Key wrapping with AES: no key of that kind can even be given to Sandgate.
        tally.judge(&format!("{algorithm} finds no key"), true, input["key"]["kty"] != "RSA");
        return;
    };
    let plaintext = text(input, "plaintext").as_bytes();

    let opened = accepts_encrypted(compact, &key);

    let accepted = algorithm == "RSA-OAEP";
    tally.judge(&format!("{algorithm} opens"), accepted, opened.as_deref() == Some(plaintext));
    if !accepted {
        let explained = explains_encrypted(compact, &key);
        let explained = explained.as_deref() == Some(plaintext);
        tally.judge(&format!("{algorithm} is recognized for an explanation"), true, explained);
    }
}

/// JWS and JWE tokens with the JWK that should verify or open them. What Sandgate does not accept
/// (HS256, ES256, `RSA1_5`, RSA-OAEP-256, `none`, …) it must refuse, valid or not.
fn judge_tokens(vectors: &Value, tally: &mut Tally) {
    for group in array(vectors, "testGroups") {
        let public = group.get("public").unwrap_or(&group["private"]).to_string();
        let verification = PublicKey::read(&public, SHORTEST_RSA_BITS).ok().map(|(key, _)| key);
        let decryption = PrivateKey::read(&group["private"].to_string()).ok();
        let key_algorithm = group["private"]["alg"].as_str();
        for test in array(group, "tests") {
            let valid = test["result"] == "valid";
            let (accepted, wanted) = if let Some(token) = test.get("jws") {
                let token = written(token);
                let accepted = verification
                    .as_ref()
                    .is_some_and(|key| accepts_signed(&token, key, key_algorithm).is_some());
                let supported = key_algorithm.and_then(SignatureAlgorithm::named).is_some();
                (accepted, valid && supported)
            } else {
                let token = written(&test["jwe"]);
                let opened = decryption.as_ref().and_then(|key| accepts_encrypted(&token, key));
                let supported = key_algorithm == Some("RSA-OAEP");
                if supported && valid {
                    let said = opened.as_deref() == Some(&hex(text(test, "pt"))[..]);
                    tally.judge(&format!("the plaintext of {}", number(test)), true, said);
                } else if let Some(key) = decryption.as_ref().filter(|_| valid) {
                    let explained = explains_encrypted(&token, key);
                    let said = explained.as_deref() == Some(&hex(text(test, "pt"))[..]);
                    tally.judge(&format!("the explanation of {}", number(test)), true, said);
                }
                (opened.is_some(), valid && supported)
            };
            tally.judge_test(test, wanted, accepted);
        }
    }
}

/// AES-CBC-HMAC and AES-GCM: only IVs and keys of the length that RFC 7518 fixes.
fn judge_content_encryption(vectors: &Value, tally: &mut Tally) {
    let algorithm = text(vectors, "algorithm");
    for (group, test) in tests_of(vectors) {
        let name = match algorithm {
            "AES-GCM" => format!("A{}GCM", group["keySize"]),
            other => other.to_owned(),
        };
        let encryption = ContentEncryption::named(&name).expect("one of the six");
        let part = |member| hex(text(test, member));

        let opened =
            encryption.open(&part("key"), &part("iv"), &part("ct"), &part("aad"), &part("tag"));

        // GCM itself takes IVs of any length, JOSE only the usual 96 bits.
        let usual_iv = algorithm != "AES-GCM" || group["ivSize"] == 96;
        let wanted = test["result"] == "valid" && usual_iv;
        tally.judge_test(test, wanted, opened == Ok(part("msg")));
        if !wanted {
            tally.judge(&format!("{} stays shut", number(test)), true, opened.is_err());
        }
    }
}

/// HMAC: only whole tags, be the shortened ones as valid as they may.
fn judge_hmac(vectors: &Value, tally: &mut Tally) {
    type Matches = fn(&[u8], &[u8], &[u8]) -> bool;
    let (whole, matches): (u64, Matches) = match text(vectors, "algorithm") {
        "HMACSHA256" => (256, hmac_sha256_matches),
        "HMACSHA512" => (512, hmac_sha512_matches),
        other => panic!("nobody judges {other}"),
    };
    for (group, test) in tests_of(vectors) {
        let part = |member| hex(text(test, member));

        let accepted = matches(&part("key"), &part("msg"), &part("tag"));

        let wanted = test["result"] == "valid" && group["tagSize"] == whole;
        tally.judge_test(test, wanted, accepted);
    }
}

/// RSA-OAEP with SHA-1: only without a label, as JOSE uses it.
fn judge_key_unwrapping(vectors: &Value, tally: &mut Tally) {
    for group in array(vectors, "testGroups") {
        let key = PrivateKey::read(text(group, "privateKeyPem")).expect("an RSA key");
        for test in array(group, "tests") {
            let unwrapped = key.unwrap_key(KeyWrapping::RsaOaep, &hex(text(test, "ct")));

            let wanted = test["result"] == "valid" && text(test, "label").is_empty();
            tally.judge_test(test, wanted, unwrapped.is_some());
            if let Some(unwrapped) = unwrapped {
                let said = unwrapped == hex(text(test, "msg"));
                tally.judge(&format!("the message of {}", number(test)), true, said);
            }
        }
    }
}

/// RSA signatures, PKCS#1 v1.5 (`RS`) and PSS (`PS`), and the recovery of what the former signed.
fn judge_signatures(family: &str, vectors: &Value, tally: &mut Tally) {
    for group in array(vectors, "testGroups") {
        let (key, _) =
            PublicKey::read(text(group, "publicKeyPem"), SHORTEST_RSA_BITS).expect("an RSA key");
        let hash = text(group, "sha");
        let algorithm = SignatureAlgorithm::named(&hash.replace("SHA-", family)).expect("known");
        for test in array(group, "tests") {
            let (message, signature) = (hex(text(test, "msg")), hex(text(test, "sig")));

            let accepted = key.verifies(algorithm, &message, &signature);

            // "Acceptable" is a DigestInfo without its NULL, which RFC 8017 §9.2 demands.
            let wanted = test["result"] == "valid";
            tally.judge_test(test, wanted, accepted);
            if family == "RS" {
                let digest = match algorithm {
                    SignatureAlgorithm::Rs384 => sha384(&message),
                    SignatureAlgorithm::Rs512 => sha512(&message),
                    _ => sha256(&message),
                };
                let recovered = recover(&key, &signature)
                    .is_some_and(|found| found.hash == hash && found.digest == digest);
                tally.judge(&format!("the digest in {}", number(test)), wanted, recovered);
            }
        }
    }
}

/// Verifies a signed token as a gateway does. A key that names its algorithm serves no other one.
fn accepts_signed(token: &str, key: &PublicKey, key_algorithm: Option<&str>) -> Option<Vec<u8>> {
    let jws = CompactJws::parse(token).ok()?;
    let name = jws.header.get("alg")?.as_str()?;
    if key_algorithm.is_some_and(|wanted| wanted != name) {
        return None;
    }
    let algorithm = SignatureAlgorithm::named(name)?;
    jws.is_signed_by(key, algorithm).then_some(jws.payload)
}

/// Opens an encrypted token as a gateway does. The wrapping is RSA-OAEP whatever the header says, so
/// that a refusal never rests on the header alone.
fn accepts_encrypted(token: &str, key: &PrivateKey) -> Option<Vec<u8>> {
    let jwe = CompactJwe::parse(token).ok()?;
    let encryption = ContentEncryption::named(jwe.header.get("enc")?.as_str()?)?;
    jwe.lengths_fit(encryption).ok()?;
    jwe.decrypt(key, KeyWrapping::RsaOaep, encryption).ok()
}

/// Opens an encrypted token with the wrapping that its header names: how a refusal is explained.
fn explains_encrypted(token: &str, key: &PrivateKey) -> Option<Vec<u8>> {
    let jwe = CompactJwe::parse(token).ok()?;
    let encryption = ContentEncryption::named(jwe.header.get("enc")?.as_str()?)?;
    let wrapping = [KeyWrapping::RsaOaep, KeyWrapping::RsaOaep256, KeyWrapping::Rsa1_5]
        .into_iter()
        .find(|wrapping| jwe.header["alg"] == wrapping.name())?;
    jwe.decrypt(key, wrapping, encryption).ok()
}

/// What was wrong with a token, as far as the cryptography can tell.
#[derive(Debug, PartialEq)]
enum Objection {
    NoneHere,
    Form,
    Wrapping,
    Compressed,
    Length,
    Decryption(DecryptionFault),
    InnerForm,
    Critical,
    Algorithm,
    Signature,
}

struct DemoKeys {
    merchant_signing: PublicKey,
    merchant_encryption: PrivateKey,
    uat_signing: PublicKey,
    uat_encryption: PrivateKey,
}

impl DemoKeys {
    fn read() -> Self {
        let pem = |name: &str| {
            let path = fixtures().join("keys").join(format!("{name}.pem"));
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let public = |name| PublicKey::read(&pem(name), SHORTEST_RSA_BITS).expect(name).0;
        let private = |name| PrivateKey::read(&pem(name)).expect(name);
        Self {
            merchant_signing: public("merchant-signing.public"),
            merchant_encryption: private("merchant-encryption.private"),
            uat_signing: public("paco-uat-signing.public"),
            uat_encryption: private("paco-uat-encryption.private"),
        }
    }

    /// Climbs the ladder of a request to the gateway with its UAT keys.
    fn first_objection(&self, token: &str) -> Objection {
        let jwe = match CompactJwe::parse(token) {
            Ok(jwe) => jwe,
            Err(FormFault::Segments { .. }) => return Objection::Form,
            Err(other) => panic!("the token is broken in another way: {other}"),
        };
        let encryption = ContentEncryption::named(jwe.header["enc"].as_str().expect("an enc"))
            .expect("a known enc");
        let fits = jwe.lengths_fit(encryption);
        let opened = jwe.decrypt(&self.uat_encryption, KeyWrapping::RsaOaep, encryption);
        if jwe.header["alg"] != KeyWrapping::RsaOaep.name() {
            assert!(opened.is_err(), "opened with another wrapping than it was made with");
            return Objection::Wrapping;
        }
        if let Err(fault) = fits {
            assert!(matches!(fault, FormFault::Length { .. }), "{fault}");
            assert_eq!(opened, Err(DecryptionFault::Tag), "opened with a wrong length");
            return Objection::Length;
        }
        let opened = match opened {
            Ok(opened) => opened,
            Err(fault) => return Objection::Decryption(fault),
        };
        if jwe.header.contains_key("zip") {
            let inflated =
                std::str::from_utf8(&opened).is_ok_and(|text| CompactJws::parse(text).is_ok());
            assert!(!inflated, "the content was inflated before anybody could refuse it");
            return Objection::Compressed;
        }
        let Ok(jws) = CompactJws::parse(utf8(&opened)) else {
            return Objection::InnerForm;
        };
        let name = jws.header["alg"].as_str().expect("an alg");
        let Some(algorithm) = SignatureAlgorithm::named(name) else {
            return Objection::Algorithm;
        };
        if jws.header.contains_key("crit") {
            return Objection::Critical;
        }
        if !jws.is_signed_by(&self.merchant_signing, algorithm) {
            return Objection::Signature;
        }
        Objection::NoneHere
    }
}

/// Counts what was judged in one file.
struct Tally {
    file: String,
    judged: usize,
    disputed: usize,
    disagreements: Vec<String>,
}

impl Tally {
    fn of(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            judged: 0,
            disputed: 0,
            disagreements: Vec::new(),
        }
    }

    fn judge(&mut self, what: &str, wanted: bool, found: bool) {
        self.judged += 1;
        if wanted != found {
            self.disagreements.push(format!("{what}: wanted {wanted}, found {found}"));
        }
    }

    fn judge_test(&mut self, test: &Value, wanted: bool, found: bool) {
        let disputed =
            DISPUTED.iter().any(|(file, number, _)| *file == self.file && test["tcId"] == *number);
        if disputed {
            self.disputed += 1;
        } else {
            self.judge(&format!("{} ({})", number(test), test["comment"]), wanted, found);
        }
    }

    fn close(self) {
        say(&format!("{}: {} judged, {} disputed", self.file, self.judged, self.disputed));
        assert!(self.judged > 0, "{}: nothing was judged", self.file);
        assert!(
            self.disagreements.is_empty(),
            "{}: {} disagreements:\n{}",
            self.file,
            self.disagreements.len(),
            self.disagreements.join("\n")
        );
    }
}

/// Writes past the test harness, which would swallow it: what was judged, or skipped, should be
/// seen in every run.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "vectors: {line}");
}

fn shared_vectors(part: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's switch, not a setting of the library")]
    let folder = std::env::var_os("SANDGATE_VECTORS");
    let Some(folder) = folder.filter(|folder| !folder.is_empty()) else {
        say(&format!(
            "{part} skipped: SANDGATE_VECTORS names no folder (the files are not shipped with the \
             sources)"
        ));
        return None;
    };
    Some(Path::new(&folder).join(part))
}

fn json_files(folder: &Path) -> Vec<(String, Value)> {
    let entries = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("SANDGATE_VECTORS: {}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            (name, json(&path))
        })
        .collect();
    files.sort_by(|(left, _), (right, _)| left.cmp(right));
    files
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/paco")
}

fn fixture(name: &str) -> Value {
    json(&fixtures().join("vectors").join(name))
}

fn json(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn tests_of(vectors: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    array(vectors, "testGroups")
        .iter()
        .flat_map(|group| array(group, "tests").iter().map(move |test| (group, test)))
}

fn array<'v>(value: &'v Value, member: &str) -> &'v Vec<Value> {
    value[member].as_array().unwrap_or_else(|| panic!("no list {member}"))
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_else(|| panic!("no text {member} in {value}"))
}

fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("a token is text")
}

fn number(test: &Value) -> String {
    format!("#{}", test["tcId"])
}

/// A token as it would arrive; one in JSON serialization arrives as JSON.
fn written(token: &Value) -> String {
    token.as_str().map_or_else(|| token.to_string(), str::to_owned)
}

fn hex(digits: &str) -> Vec<u8> {
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(utf8(pair), 16).expect("hex digits"))
        .collect()
}
