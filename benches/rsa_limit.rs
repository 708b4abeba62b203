//! The limit: how many private RSA-4096 operations a second the linked OpenSSL does on one core.
//!
//! A PACO exchange costs two of them, one to open the request and one to sign the answer, so no
//! arrangement of the rest can answer more requests a core than half of this. It names OpenSSL
//! itself, because anything between would be measured too.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Padding;
use openssl::sign::Signer;

const SIGNING: &[u8] = include_bytes!("../fixtures/paco/keys/paco-uat-signing.private.pem");
const ENCRYPTION: &[u8] = include_bytes!("../fixtures/paco/keys/paco-uat-encryption.private.pem");

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    private_operations(&mut criterion);
    criterion.final_summary();
}

fn private_operations(criterion: &mut Criterion) {
    let signing = PKey::private_key_from_pem(SIGNING).expect("the demo key is readable");
    let encryption = PKey::private_key_from_pem(ENCRYPTION).expect("the demo key is readable");
    let encryption = encryption.rsa().expect("the demo key is an RSA key");
    let mut wrapped = vec![0; encryption.size() as usize];
    encryption
        .public_encrypt(&[7; 32], &mut wrapped, Padding::PKCS1_OAEP)
        .expect("a content key fits into one block");

    let mut group = criterion.benchmark_group("rsa_4096_private");
    group.throughput(Throughput::Elements(1));
    group.bench_function("sign_sha256", |bencher| {
        bencher.iter(|| {
            let mut signer = Signer::new(MessageDigest::sha256(), &signing).expect("signs");
            signer.sign_oneshot_to_vec(black_box(b"a message")).expect("signs")
        });
    });
    group.bench_function("decrypt_oaep", |bencher| {
        let mut content_key = vec![0; encryption.size() as usize];
        bencher.iter(|| {
            encryption
                .private_decrypt(black_box(&wrapped), &mut content_key, Padding::PKCS1_OAEP)
                .expect("decrypts")
        });
    });
    group.finish();
}
