//! PACO's own key pairs and the demo merchant's: public fixtures, parsed on first use and kept.

use std::sync::{Arc, LazyLock};

use super::settings::Environment;
use crate::crypto::keys::PrivateKey;

macro_rules! demo_key {
    ($name:literal) => {
        include_str!(concat!("../../../fixtures/paco/keys/", $name, ".private.pem"))
    };
}

/// The two key pairs that PACO has in one environment.
#[derive(Debug)]
pub(super) struct PacoKeys {
    pub signing: PrivateKey,
    pub encryption: PrivateKey,
}

static UAT: LazyLock<PacoKeys> = LazyLock::new(|| PacoKeys {
    signing: read(demo_key!("paco-uat-signing")),
    encryption: read(demo_key!("paco-uat-encryption")),
});

static PRD: LazyLock<PacoKeys> = LazyLock::new(|| PacoKeys {
    signing: read(demo_key!("paco-prd-signing")),
    encryption: read(demo_key!("paco-prd-encryption")),
});

static MERCHANT_SIGNING: LazyLock<Arc<PrivateKey>> =
    LazyLock::new(|| Arc::new(read(demo_key!("merchant-signing"))));

static MERCHANT_ENCRYPTION: LazyLock<Arc<PrivateKey>> =
    LazyLock::new(|| Arc::new(read(demo_key!("merchant-encryption"))));

/// PACO's keys in an environment.
pub(super) fn of(environment: Environment) -> &'static PacoKeys {
    match environment {
        Environment::Uat => &UAT,
        Environment::Prd => &PRD,
    }
}

/// The public demo pair with which merchants sign unless they bring their own.
pub(super) fn demo_signing() -> Arc<PrivateKey> {
    Arc::clone(&MERCHANT_SIGNING)
}

/// The public demo pair to which answers are encrypted unless merchants bring their own.
pub(super) fn demo_encryption() -> Arc<PrivateKey> {
    Arc::clone(&MERCHANT_ENCRYPTION)
}

fn read(pem: &str) -> PrivateKey {
    PrivateKey::read(pem).expect("the embedded demo keys are readable")
}
