//! The transactions that are read most, kept in memory as the database has them: an inquiry that is
//! repeated a thousand times reads its row once.
//!
//! Every commit forgets here what it changed before anybody is told, so a cached row is never older
//! than the last answer. A decision on a row that was outrun all the same is caught by its version.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::transactions::Transaction;
use crate::limits;

/// Cached transactions by merchant, kind and key.
#[derive(Debug, Default)]
pub(super) struct TransactionCache {
    cached: Mutex<Cached>,
}

#[derive(Debug, Default)]
struct Cached {
    rows: HashMap<String, Arc<Transaction>>,
    /// Grows when rows change or vanish: a row that was read before must not come back.
    generation: u64,
}

impl TransactionCache {
    /// The row, and the generation that a later [`Self::keep`] must still find.
    pub(super) fn look(
        &self,
        merchant: &str,
        kind: &str,
        key: &str,
    ) -> Result<Arc<Transaction>, u64> {
        let cached = self.cached();
        cached.rows.get(&name(merchant, kind, key)).cloned().ok_or(cached.generation)
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

    /// Forgets a row that was changed or may be outrun.
    pub(super) fn forget(&self, merchant: &str, kind: &str, key: &str) {
        let mut cached = self.cached();
        cached.rows.remove(&name(merchant, kind, key));
        cached.generation += 1;
    }

    /// Forgets everything, because rows were removed.
    pub(super) fn clear(&self) {
        let mut cached = self.cached();
        cached.rows.clear();
        cached.generation += 1;
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
