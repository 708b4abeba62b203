//! The transactions that are read most, kept in memory as the database has them: an inquiry that is
//! repeated a thousand times reads its row once.
//!
//! Every commit forgets here what it changed before anybody is told, so a cached row is never older
//! than the last answer. A decision on a row that was outrun all the same is caught by its version.
//!
//! Also known is which names exist at all, as long as they are not too many: a payment asks for an
//! order that does not exist yet, and needs no database to learn that.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::transactions::Transaction;
use crate::limits;

/// Cached transactions by merchant, kind and key.
#[derive(Debug, Default)]
pub(super) struct TransactionCache {
    cached: Mutex<Cached>,
    /// Makes the digests of names. Two of one digest cost a needless read, no more.
    digests: RandomState,
}

#[derive(Debug, Default)]
struct Cached {
    rows: HashMap<String, Arc<Transaction>>,
    /// Grows when rows change or vanish: a row that was read before must not come back.
    generation: u64,
    /// Digests of all names that exist, and of some that did. Absent: too many to be kept.
    names: Option<HashSet<u64>>,
}

/// What is known here of a transaction.
pub(super) enum Known {
    /// The row as the database has it.
    Row(Arc<Transaction>),
    /// There is none.
    Absent,
    /// The database must be asked; the generation is what a later [`TransactionCache::keep`] must
    /// still find.
    Unknown(u64),
}

impl TransactionCache {
    /// A cache of a database that holds these names, each as merchant, kind and key.
    pub(super) fn knowing(names: &[(String, String, String)]) -> Self {
        let cache = Self::default();
        if names.len() <= limits::KNOWN_TRANSACTIONS {
            let digests = names
                .iter()
                .map(|(merchant, kind, key)| cache.digest(&name(merchant, kind, key)))
                .collect();
            cache.cached().names = Some(digests);
        }
        cache
    }

    /// What is known of a transaction.
    pub(super) fn look(&self, merchant: &str, kind: &str, key: &str) -> Known {
        let name = name(merchant, kind, key);
        let cached = self.cached();
        match (cached.rows.get(&name), &cached.names) {
            (Some(row), _) => Known::Row(Arc::clone(row)),
            (None, Some(names)) if !names.contains(&self.digest(&name)) => Known::Absent,
            (None, _) => Known::Unknown(cached.generation),
        }
    }

    /// Keeps a row that was read, unless rows have changed since.
    pub(super) fn keep(&self, row: &Arc<Transaction>, generation: u64) {
        let mut cached = self.cached();
        if cached.generation != generation {
            return;
        }
        let name = name(&row.merchant, &row.kind, &row.key);
        cached.make_room();
        cached.rows.insert(name, Arc::clone(row));
    }

    /// Forgets a row that was made, was changed or may be outrun; its name is known from now on.
    pub(super) fn forget(&self, merchant: &str, kind: &str, key: &str) {
        let name = name(merchant, kind, key);
        let mut cached = self.cached();
        cached.rows.remove(&name);
        cached.generation += 1;
        if let Some(names) = &mut cached.names {
            names.insert(self.digest(&name));
            if names.len() > limits::KNOWN_TRANSACTIONS {
                cached.names = None;
            }
        }
    }

    /// Forgets everything, because rows were removed.
    pub(super) fn clear(&self) {
        let mut cached = self.cached();
        cached.rows.clear();
        cached.generation += 1;
    }

    fn digest(&self, name: &str) -> u64 {
        self.digests.hash_one(name)
    }

    fn cached(&self) -> MutexGuard<'_, Cached> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cached {
    /// Starts anew when it is full: simpler than ages, and as good for a sandbox.
    fn make_room(&mut self) {
        if self.rows.len() >= limits::CACHED_TRANSACTIONS {
            self.rows.clear();
            self.generation += 1;
        }
    }
}

fn name(merchant: &str, kind: &str, key: &str) -> String {
    // A control character cannot stand in a merchant's id or in a kind.
    format!("{merchant}\u{1}{kind}\u{1}{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_absent(cache: &TransactionCache, key: &str) -> bool {
        matches!(cache.look("m", "order", key), Known::Absent)
    }

    #[test]
    fn what_was_never_made_is_known_to_be_absent_unless_too_much_exists() {
        let name = |key: usize| ("m".to_owned(), "order".to_owned(), key.to_string());
        let cache = TransactionCache::knowing(&[name(1)]);

        assert!(!is_absent(&cache, "1"));
        assert!(is_absent(&cache, "2"));
        cache.forget("m", "order", "2");
        assert!(!is_absent(&cache, "2"));

        let many: Vec<_> = (0..=limits::KNOWN_TRANSACTIONS).map(name).collect();
        assert!(!is_absent(&TransactionCache::knowing(&many), "x"));
    }
}
