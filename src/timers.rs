//! Moves transactions when their time comes: pages expire, payments settle, reviews end. Whoever
//! reads a transaction sees it moved anyway; here it is written down, and what follows is queued.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::blueprint::{Driven, Merchant, Provider, Services};
use crate::clock::{Due, Hold};
use crate::limits;
use crate::recorder::{Recorder, Told};
use crate::stopwatch::pause;
use crate::store::{Entry, StoreError, Transaction, Whose};

/// Transactions that are read at a time.
const BATCH: u32 = 100;

/// Works through what is due, in due order.
pub(crate) struct Timers {
    services: Arc<Services>,
    recorder: Recorder,
    providers: BTreeMap<&'static str, Arc<dyn Provider>>,
}

impl Timers {
    pub(crate) fn new(
        services: &Arc<Services>,
        recorder: &Recorder,
        providers: &[Arc<dyn Provider>],
    ) -> Self {
        Self {
            services: Arc::clone(services),
            recorder: recorder.clone(),
            providers: providers.iter().map(|p| (p.id(), Arc::clone(p))).collect(),
        }
    }

    /// Works until it is told to stop.
    pub(crate) async fn run(self, mut told: Told, first: Hold, stop: CancellationToken) {
        // What is held keeps the clock from advancing until the next sleep has begun.
        let mut held = vec![Held::Hold(first)];
        let mut failures = 0;
        loop {
            let next = match self.next_due().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(%error, "what is due cannot be read; it is read again soon");
                    failures += 1;
                    if look_again(&mut held, &mut told, failures, &stop).await {
                        continue;
                    }
                    return;
                }
            };
            let clock = self.services.clock.clone();
            let sleep = async {
                match next {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::pin!(sleep);
            let begun = std::future::poll_fn(|context| {
                Poll::Ready(match sleep.as_mut().poll(context) {
                    Poll::Ready(due) => Some(due),
                    Poll::Pending => None,
                })
            });
            let due = match begun.await {
                Some(due) => due,
                None => {
                    held.clear();
                    failures = 0;
                    tokio::select! {
                        due = &mut sleep => due,
                        Some(hold) = told.recv() => {
                            held.push(Held::Hold(hold));
                            while let Ok(another) = told.try_recv() {
                                held.push(Held::Hold(another));
                            }
                            continue;
                        }
                        () = stop.cancelled() => return,
                    }
                }
            };
            if stop.is_cancelled() {
                return;
            }
            let at = due.at;
            held.push(Held::Due(due));
            match self.work_off(at).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    tracing::error!(%error, "what is due cannot be moved; it is tried again soon");
                    failures += 1;
                    if !look_again(&mut held, &mut told, failures, &stop).await {
                        return;
                    }
                }
            }
        }
    }

    /// The earliest instant, on the server's clock, at which something is due.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let store = &self.services.store;
        let shifted = self.shifted();
        let others = ids(&shifted);
        let first = store.due_transactions(Whose::AllBut(&others), Timestamp::MAX, 1).await?;
        let mut earliest = first.first().map(|(at, _)| *at);
        for merchant in &shifted {
            let first =
                store.due_transactions(Whose::Only(merchant.id()), Timestamp::MAX, 1).await?;
            let at = first.first().and_then(|(at, _)| at.checked_sub(merchant.shift()).ok());
            earliest = [earliest, at].into_iter().flatten().min();
        }
        Ok(earliest)
    }

    /// Moves everything that is due at an instant of the server's clock.
    async fn work_off(&self, at: Timestamp) -> Result<(), StoreError> {
        let store = &self.services.store;
        let shifted = self.shifted();
        let others = ids(&shifted);
        loop {
            let mut due = store.due_transactions(Whose::AllBut(&others), at, BATCH).await?;
            for merchant in &shifted {
                let whose = Whose::Only(merchant.id());
                due.extend(store.due_transactions(whose, merchant.now(at), BATCH).await?);
            }
            if due.is_empty() {
                return Ok(());
            }
            for (due_at, transaction) in due {
                self.move_on(due_at, &transaction).await?;
            }
        }
    }

    /// Moves one transaction. If somebody else was quicker, it is looked at again.
    async fn move_on(&self, at: Timestamp, transaction: &Transaction) -> Result<(), StoreError> {
        let merchant = self.services.merchants.by_id(&transaction.merchant);
        let provider = self.providers.get(transaction.provider.as_str());
        let (Some(merchant), Some(provider)) = (merchant, provider) else {
            // Nobody is left to whom it could matter.
            return self.services.store.forget_due(transaction).await;
        };
        let seq = self.recorder.next_sequence();
        let driven = Driven {
            services: &self.services,
            merchant: &merchant,
            transaction,
            at,
            seq,
        };
        // A provider that panics over one transaction moves the others all the same.
        let moved = catch_unwind(AssertUnwindSafe(|| provider.time_moves(driven)));
        let moved = match moved {
            Ok(moved) => moved.map_err(|refusal| refusal.to_string()),
            Err(_panic) => Err("a panic in the provider".to_owned()),
        };
        let movement = match moved {
            Ok(movement) => movement,
            Err(reason) => {
                tracing::error!(
                    merchant = transaction.merchant,
                    kind = transaction.kind,
                    key = transaction.key,
                    %reason,
                    "time cannot move a transaction; it stays as it is"
                );
                return self.services.store.forget_due(transaction).await;
            }
        };
        let entry = Entry {
            seq,
            exchange: None,
            changes: movement.changes,
            notifications: movement.notifications,
        };
        match self.recorder.record(entry).await {
            Ok(_) => Ok(()),
            Err(reason) => Err(StoreError::Unwritten { reason }),
        }
    }

    fn shifted(&self) -> Vec<Arc<Merchant>> {
        let mut shifted = self.services.merchants.all();
        shifted.retain(|merchant| !merchant.shift().is_zero());
        shifted
    }
}

/// What keeps the clock from advancing.
enum Held {
    Hold(#[expect(dead_code, reason = "it is held, not looked at")] Hold),
    Due(#[expect(dead_code, reason = "it is held, not looked at")] Due),
}

/// Waits before a database is asked again that has failed. The clock is held up by the first failure
/// only: one that stays must not stop it for good. `false`: there is nothing to wait for any more.
async fn look_again(
    held: &mut Vec<Held>,
    told: &mut Told,
    failures: u32,
    stop: &CancellationToken,
) -> bool {
    if failures > 1 {
        held.clear();
        while told.try_recv().is_ok() {}
    }
    tokio::select! {
        () = pause(limits::NOTIFICATION_LOOK_AGAIN) => true,
        () = stop.cancelled() => false,
    }
}

fn ids(merchants: &[Arc<Merchant>]) -> Vec<String> {
    merchants.iter().map(|merchant| merchant.id().to_owned()).collect()
}
