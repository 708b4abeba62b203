//! Merchants in memory: each with its credentials parsed once, found by what a request names.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::store::MerchantRecord;

/// A merchant ready for work.
#[derive(Debug)]
pub struct Merchant {
    /// As it is stored.
    pub record: MerchantRecord,
    /// Whether magic values choose what happens to its requests.
    pub magic_values: bool,
    parts: Arc<dyn Any + Send + Sync>,
    shift_us: AtomicI64,
}

/// What a caller asks for when it creates a merchant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// Id of the provider.
    pub provider: String,
    /// Name of the merchant; one is made if absent.
    #[serde(default)]
    pub id: Option<String>,
    /// What a person calls it.
    #[serde(default)]
    pub label: Option<String>,
    /// Settings that differ from the provider's.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Credentials to use; what is absent is made.
    #[serde(default)]
    pub credentials: Map<String, Value>,
    /// Offices; absent: the provider's usual ones.
    #[serde(default)]
    pub offices: Option<Vec<OfficeSpec>>,
}

/// An office of a merchant.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct OfficeSpec {
    /// Its id.
    pub id: String,
    /// Settings that differ from the merchant's.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

/// A merchant's stored parts, worked out by its provider.
#[derive(Debug)]
pub struct Enrolled {
    /// The provider's own parsed form of credentials and settings.
    pub parts: Arc<dyn Any + Send + Sync>,
    /// What a request may name it by.
    pub named_by: Vec<String>,
    /// Whether magic values choose what happens to its requests.
    pub magic_values: bool,
}

/// Why a merchant cannot be created.
#[derive(Debug, thiserror::Error)]
#[error("{member}: {reason}")]
pub struct EnrolmentError {
    /// The member of the request that is wrong.
    pub member: String,
    /// What is wrong, what is wanted, what to do.
    pub reason: String,
}

impl Merchant {
    /// Puts a stored merchant and what its provider worked out of it together; and what requests
    /// may name it by.
    #[must_use]
    pub fn new(record: MerchantRecord, enrolled: Enrolled) -> (Self, Vec<String>) {
        let merchant = Self {
            record,
            magic_values: enrolled.magic_values,
            parts: enrolled.parts,
            shift_us: AtomicI64::new(0),
        };
        (merchant, enrolled.named_by)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.record.id
    }

    /// The provider's own form of it.
    ///
    /// # Panics
    /// If asked for another provider's form, which is a fault in that provider's code.
    #[must_use]
    pub fn parts<T: Any + Send + Sync>(&self) -> Arc<T> {
        Arc::clone(&self.parts)
            .downcast()
            .unwrap_or_else(|_| panic!("merchant {} has no parts of that type", self.record.id))
    }

    /// How far its clock is from the server's.
    #[must_use]
    pub fn shift(&self) -> SignedDuration {
        SignedDuration::from_micros(self.shift_us.load(Ordering::Relaxed))
    }

    /// Sets how far its clock is from the server's.
    pub fn set_shift(&self, shift: SignedDuration) {
        let micros = i64::try_from(shift.as_micros()).unwrap_or(i64::MAX);
        self.shift_us.store(micros, Ordering::Relaxed);
    }

    /// Its own instant when the server's clock shows `server`.
    #[must_use]
    pub fn now(&self, server: Timestamp) -> Timestamp {
        server.saturating_add(self.shift()).unwrap_or(server)
    }
}

/// All merchants, by id and by what requests name them by.
#[derive(Debug, Default)]
pub struct Merchants {
    present: RwLock<Directory>,
}

#[derive(Debug, Default)]
struct Directory {
    by_id: HashMap<String, (Arc<Merchant>, Vec<String>)>,
    /// By provider, then by what a request names.
    by_name: HashMap<String, HashMap<String, Arc<Merchant>>>,
}

impl Merchants {
    /// Adds a merchant. A credential that another one holds already stays with that one.
    ///
    /// # Errors
    /// Names the merchant that holds one of the credentials.
    pub fn add(&self, merchant: Arc<Merchant>, named_by: Vec<String>) -> Result<(), String> {
        let mut directory = self.present.write().unwrap_or_else(PoisonError::into_inner);
        let provider = &merchant.record.provider;
        let names = directory.by_name.entry(provider.clone()).or_default();
        if let Some(holder) = named_by.iter().find_map(|name| names.get(name)) {
            return Err(holder.record.id.clone());
        }
        names.extend(named_by.iter().map(|name| (name.clone(), Arc::clone(&merchant))));
        directory.by_id.insert(merchant.record.id.clone(), (merchant, named_by));
        Ok(())
    }

    /// Forgets a merchant.
    pub fn remove(&self, id: &str) {
        let mut directory = self.present.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((merchant, names)) = directory.by_id.remove(id)
            && let Some(known) = directory.by_name.get_mut(&merchant.record.provider)
        {
            known.retain(|name, _| !names.contains(name));
        }
    }

    /// The merchant of that id.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<Arc<Merchant>> {
        let directory = self.present.read().unwrap_or_else(PoisonError::into_inner);
        directory.by_id.get(id).map(|(merchant, _)| Arc::clone(merchant))
    }

    /// The merchant that a provider's credential names.
    #[must_use]
    pub fn named(&self, provider: &str, credential: &str) -> Option<Arc<Merchant>> {
        let directory = self.present.read().unwrap_or_else(PoisonError::into_inner);
        directory.by_name.get(provider)?.get(credential).cloned()
    }

    /// All of them, by id.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Merchant>> {
        let directory = self.present.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> =
            directory.by_id.values().map(|(merchant, _)| Arc::clone(merchant)).collect();
        all.sort_by(|a, b| a.record.id.cmp(&b.record.id));
        all
    }
}
