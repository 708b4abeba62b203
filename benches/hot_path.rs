//! What every PACO exchange passes: opening and sealing one message, and its share of a commit.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use jiff::Timestamp;
use sandgate::crypto::jose::{
    self, CompactJwe, CompactJws, ContentEncryption, KeyWrapping, SignatureAlgorithm,
};
use sandgate::crypto::keys::{PrivateKey, PublicKey};
use sandgate::store::{
    Attribution, Change, Entry, ExchangeDetail, ExchangeSummary, LadderRung, RungVerdict, Store,
    TransactionChange, Verdict,
};
use serde_json::{Map, Value, json};

const SIGNING: SignatureAlgorithm = SignatureAlgorithm::Ps256;
const ENCRYPTION: ContentEncryption = ContentEncryption::A128CbcHs256;

/// Entries in one commit: what gathers while the last commit runs under load.
const BATCH: i64 = 64;

/// Bytes of a usual sealed message.
const SEALED_BODY_BYTES: usize = 3_000;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    messages(&mut criterion);
    commits(&mut criterion);
    criterion.final_summary();
}

fn messages(criterion: &mut Criterion) {
    let decryption = private(include_str!("../fixtures/paco/keys/paco-uat-encryption.private.pem"));
    let signing = private(include_str!("../fixtures/paco/keys/paco-uat-signing.private.pem"));
    let merchant_signing =
        private(include_str!("../fixtures/paco/keys/merchant-signing.private.pem"));
    let verification = public(include_str!("../fixtures/paco/keys/merchant-signing.public.pem"));
    let encryption = public(include_str!("../fixtures/paco/keys/merchant-encryption.public.pem"));
    let claims = claims();
    let request = seal(&merchant_signing, decryption.public(), &claims);

    let mut group = criterion.benchmark_group("paco_message");
    group.throughput(Throughput::Elements(1));
    group.bench_function("open", |bencher| {
        bencher.iter(|| open(&decryption, &verification, black_box(&request)));
    });
    group.bench_function("seal", |bencher| {
        bencher.iter(|| seal(&signing, &encryption, black_box(&claims)));
    });
    group.finish();
}

fn open(decryption: &PrivateKey, verification: &PublicKey, token: &str) -> Vec<u8> {
    let jwe = CompactJwe::parse(token).expect("a compact JWE");
    jwe.lengths_fit(ENCRYPTION).expect("whole parts");
    let signed = jwe.decrypt(decryption, KeyWrapping::RsaOaep, ENCRYPTION).expect("opens");
    let signed = String::from_utf8(signed).expect("a token is text");
    let jws = CompactJws::parse(&signed).expect("a compact JWS");
    assert!(jws.is_signed_by(verification, SIGNING), "the signature is right");
    jws.payload
}

fn seal(signing: &PrivateKey, encryption: &PublicKey, claims: &[u8]) -> String {
    let signed = jose::sign(signing, SIGNING, &header(SIGNING.name(), None), claims);
    let header = header(KeyWrapping::RsaOaep.name(), Some(ENCRYPTION.name()));
    jose::encrypt(encryption, ENCRYPTION, &header, signed.as_bytes())
}

fn commits(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = runtime.block_on(Store::open(&folder.path().join("bench.db"))).expect("opens");
    let mut last = 0;

    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(BATCH.unsigned_abs()));
    group.bench_function("commit_64", |bencher| {
        bencher.iter_batched(
            || {
                last += BATCH;
                (last - BATCH + 1..=last).map(entry).collect::<Vec<Entry>>()
            },
            |entries| runtime.block_on(store.commit(&entries)).expect("commits"),
            BatchSize::SmallInput,
        );
    });
    group.finish();
    runtime.block_on(store.close());
}

fn entry(seq: i64) -> Entry {
    let at = Timestamp::from_second(seq).expect("a small number of seconds");
    let rung = |id: &str| LadderRung {
        id: id.to_owned().into(),
        verdict: RungVerdict::Passed,
        expected: None,
        got: None,
        detail: None,
        fix: None,
    };
    Entry {
        seq,
        exchange: Some(ExchangeDetail {
            summary: ExchangeSummary {
                seq,
                at,
                provider: "paco".into(),
                merchant: Some("demo-paco".to_owned()),
                attribution: Attribution::Proven,
                endpoint: Some("payment".into()),
                method: "POST".to_owned(),
                target: "/api/2.0/Payment/prePaymentUi".to_owned(),
                status: Some(200),
                verdict: Verdict::Accepted,
                failed_check: None,
                subject: Some(format!("ORDER{seq}")),
                duration_us: 4_000,
            },
            peer: "127.0.0.1:40000".to_owned(),
            origin: "http://127.0.0.1:7401".to_owned(),
            front_door: None,
            request_headers: vec![("content-type".to_owned(), "application/jose".to_owned())],
            request_body: vec![b'e'; SEALED_BODY_BYTES],
            request_note: None,
            opened_request: Some(json!({"request": {"orderNo": format!("ORDER{seq}")}})),
            ladder: (0..12).map(|step| rung(&format!("paco.step_{step}"))).collect(),
            reason: None,
            scenario: None,
            answer_headers: vec![("content-type".to_owned(), "application/jose".to_owned())],
            answer_body: vec![b'e'; SEALED_BODY_BYTES],
            answer_note: None,
            opened_answer: Some(json!({"response": {"orderNo": format!("ORDER{seq}")}}).into()),
            near_misses: None,
            delivery: None,
        }),
        changes: vec![Change::Transaction(TransactionChange {
            merchant: "demo-paco".to_owned(),
            provider: "paco".into(),
            kind: "order",
            key: format!("ORDER{seq}"),
            decided_on: None,
            status: "pending".to_owned(),
            state: "{}".to_owned(),
            at,
            due_at: None,
        })],
        notifications: Vec::new(),
    }
}

fn claims() -> Vec<u8> {
    json!({
        "iss": "5a6d0b3e9c4f4e1f8a7b2c1d3e4f5a6b",
        "aud": "PacoAudience",
        "iat": 1_767_225_600,
        "nbf": 1_767_225_600,
        "exp": 1_767_229_200,
        "request": {
            "officeId": "DEMO_OFFICE",
            "orderNo": "BENCH-1",
            "productDescription": "A description of usual length for an order in a shop",
            "transactionAmount": {"amountText": "000000100000", "currencyCode": "THB"},
        },
    })
    .to_string()
    .into_bytes()
}

fn header(algorithm: &str, encryption: Option<&str>) -> Map<String, Value> {
    let mut header = Map::new();
    header.insert("alg".to_owned(), algorithm.into());
    if let Some(encryption) = encryption {
        header.insert("enc".to_owned(), encryption.into());
    }
    header
}

fn private(pem: &str) -> PrivateKey {
    PrivateKey::read(pem).expect("the demo key is readable")
}

fn public(pem: &str) -> PublicKey {
    PublicKey::read(pem, 2048).expect("the demo key is readable").0
}
