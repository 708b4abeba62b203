//! Groups finished exchanges into one commit, then lets their answers go.
//!
//! While one batch is being committed the next one gathers, so the batch grows with the load and a
//! lone exchange never waits for company.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::clock::{Clock, HeldBy, Hold};
use crate::limits;
use crate::store::{Committed, Delivery, Entry, Retention, Store, StoreError};

/// Hands exchanges to the database. Clones share one queue.
#[derive(Clone, Debug)]
pub struct Recorder {
    queue: mpsc::Sender<Work>,
    numbers: Arc<Numbers>,
    clock: Clock,
    tell_due: mpsc::UnboundedSender<Hold>,
}

#[derive(Debug)]
enum Work {
    Record(Box<Entry>, oneshot::Sender<Result<Committed, String>>),
    Delivered(i64, Delivery),
    Flush(oneshot::Sender<()>),
    Recount,
}

/// The numbers of the journal. An exchange is given one when it is received and is committed later,
/// perhaps after younger ones: whoever follows the journal must not go past a number under way.
#[derive(Debug)]
struct Numbers {
    given: Mutex<Given>,
    /// The number up to which nothing is under way any more.
    settled: watch::Sender<i64>,
}

#[derive(Debug)]
struct Given {
    last: i64,
    under_way: BTreeSet<i64>,
}

impl Given {
    fn settled(&self) -> i64 {
        self.under_way.first().map_or(self.last, |first| first - 1)
    }
}

/// A number of the journal, under way until it is dropped.
#[derive(Debug)]
pub struct Number {
    seq: i64,
    numbers: Arc<Numbers>,
}

impl Numbers {
    fn after(last: i64) -> Arc<Self> {
        let given = Given {
            last,
            under_way: BTreeSet::new(),
        };
        Arc::new(Self {
            given: Mutex::new(given),
            settled: watch::Sender::new(last),
        })
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> i64 {
        let mut given = self.given();
        given.last += 1;
        given.last
    }

    fn next_under_way(self: &Arc<Self>) -> Number {
        let mut given = self.given();
        given.last += 1;
        let seq = given.last;
        given.under_way.insert(seq);
        Number {
            seq,
            numbers: Arc::clone(self),
        }
    }
}

impl Number {
    /// The number itself.
    #[must_use]
    pub fn seq(&self) -> i64 {
        self.seq
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        let mut given = self.numbers.given();
        given.under_way.remove(&self.seq);
        let settled = given.settled();
        drop(given);
        self.numbers.settled.send_if_modified(|last| {
            let is_further = settled > *last;
            *last = settled.max(*last);
            is_further
        });
    }
}

/// Tells of commits, each time with a hold on the clock: it does not move on before whoever receives
/// this has looked.
pub type Told = mpsc::UnboundedReceiver<Hold>;

/// What a recorder tells of.
#[derive(Debug)]
pub struct Tidings {
    /// Notifications were queued.
    pub queued: Told,
    /// Time will move a transaction, perhaps at another instant than before.
    pub due: Told,
}

impl Recorder {
    /// Starts the recorder's task. It ends when the last handle is gone and its queue is empty.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn start(
        store: Arc<Store>,
        clock: Clock,
    ) -> Result<(Self, Tidings, JoinHandle<()>), StoreError> {
        let last = store.last_sequence().await?;
        let retained = Retained::load(&store).await?;
        let (queue, work) = mpsc::channel(limits::RECORDER_QUEUE);
        let (tell_queued, queued) = mpsc::unbounded_channel();
        let (tell_due, due) = mpsc::unbounded_channel();
        let telling = Telling {
            clock: clock.clone(),
            queued: tell_queued,
            due: tell_due.clone(),
        };
        let task = tokio::spawn(run(store, work, telling, retained));
        let recorder = Self {
            queue,
            numbers: Numbers::after(last),
            clock,
            tell_due,
        };
        Ok((recorder, Tidings { queued, due }, task))
    }

    /// The next number of the journal, for what is no exchange: nobody waits for it.
    #[must_use]
    pub fn next_sequence(&self) -> i64 {
        self.numbers.next()
    }

    /// The next number of the journal, for an exchange. It is dropped when that is committed, before
    /// its answer leaves.
    #[must_use]
    pub fn next_number(&self) -> Number {
        self.numbers.next_under_way()
    }

    /// Commits one exchange, together with whoever else waits.
    ///
    /// # Errors
    /// The reason why the commit failed; then nothing was written.
    pub async fn record(&self, entry: Entry) -> Result<Committed, String> {
        let (done, result) = oneshot::channel();
        let work = Work::Record(Box::new(entry), done);
        self.queue.send(work).await.map_err(|_| "the recorder has stopped".to_owned())?;
        result.await.unwrap_or_else(|_| Err("the recorder stopped before the commit".to_owned()))
    }

    /// Notes how an answer left. Best effort: it is outside the promise.
    pub fn delivered(&self, seq: i64, delivery: Delivery) {
        let _ = self.queue.try_send(Work::Delivered(seq, delivery));
    }

    /// Waits until all that was queued before is committed.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.queue.send(Work::Flush(done)).await.is_ok() {
            let _ = flushed.await;
        }
    }

    /// Counts the journal anew, because exchanges were cleared behind the recorder's back.
    pub async fn recount(&self) {
        let _ = self.queue.send(Work::Recount).await;
        self.flush().await;
    }

    /// Says that time may move transactions at other instants than before, although nothing was
    /// committed: a merchant's clock was shifted.
    pub fn due_has_changed(&self) {
        let _ = self.tell_due.send(self.clock.hold(HeldBy::Machine));
    }

    /// Follows the number up to which everything is committed that ever will be.
    #[must_use]
    pub fn settled(&self) -> watch::Receiver<i64> {
        self.numbers.settled.subscribe()
    }
}

/// Wakes whoever works through what is due.
struct Telling {
    clock: Clock,
    queued: mpsc::UnboundedSender<Hold>,
    due: mpsc::UnboundedSender<Hold>,
}

impl Telling {
    /// Before any answer leaves: whoever has read one may advance the clock.
    fn of(&self, entries: &[Entry]) {
        // Nobody listens any more when the emulator stops; the next start looks by itself.
        if entries.iter().any(Entry::queues_notifications) {
            let _ = self.queued.send(self.clock.hold(HeldBy::Machine));
        }
        if entries.iter().any(Entry::will_be_due) {
            let _ = self.due.send(self.clock.hold(HeldBy::Machine));
        }
    }
}

async fn run(
    store: Arc<Store>,
    mut work: mpsc::Receiver<Work>,
    telling: Telling,
    mut retained: Retained,
) {
    let mut batch = Vec::new();
    while gather(&mut work, &mut batch).await {
        let mut entries = Vec::new();
        let mut waiting = Vec::new();
        let mut delivered = Vec::new();
        let mut flushes = Vec::new();
        let mut recount = false;
        for item in batch.drain(..) {
            match item {
                Work::Record(entry, done) => {
                    entries.push(*entry);
                    waiting.push(done);
                }
                Work::Delivered(seq, delivery) => delivered.push((seq, delivery)),
                Work::Flush(done) => flushes.push(done),
                Work::Recount => recount = true,
            }
        }
        if !entries.is_empty() {
            match store.commit(&entries).await {
                Ok(outcomes) => {
                    telling.of(&entries);
                    let written = entries
                        .iter()
                        .zip(&outcomes)
                        .filter(|(_, outcome)| **outcome == Committed::Written)
                        .map(|(entry, _)| entry);
                    written.for_each(|entry| retained.add(entry));
                    for (done, outcome) in waiting.into_iter().zip(outcomes) {
                        // A receiver that is gone belongs to a task that was stopped.
                        let _ = done.send(Ok(outcome));
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "exchanges could not be committed");
                    for done in waiting {
                        let _ = done.send(Err(error.to_string()));
                    }
                }
            }
        }
        for (seq, delivery) in delivered {
            if let Err(error) = store.note_delivery(seq, delivery).await {
                tracing::warn!(%error, "a delivery could not be noted");
            }
        }
        if recount {
            match Retained::load(&store).await {
                Ok(counted) => retained = counted,
                Err(error) => tracing::warn!(%error, "the journal could not be counted"),
            }
        }
        if let Err(error) = retained.evict(&store).await {
            tracing::warn!(%error, "old exchanges could not be evicted");
        }
        for done in flushes {
            let _ = done.send(());
        }
    }
}

/// Waits for the first exchange, then lets those come along that are on their way at this instant, for
/// as long as some do: turns of the scheduler, no time. `false`: nothing will come any more.
async fn gather(work: &mut mpsc::Receiver<Work>, batch: &mut Vec<Work>) -> bool {
    if work.recv_many(batch, limits::RECORDER_BATCH).await == 0 {
        return false;
    }
    // In one turn a request is read, in the next it is worked on: only after both is nobody coming.
    let mut quiet_turns = 0;
    while quiet_turns < 2 && batch.len() < limits::RECORDER_BATCH {
        let gathered = batch.len();
        tokio::task::yield_now().await;
        while batch.len() < limits::RECORDER_BATCH
            && let Ok(item) = work.try_recv()
        {
            batch.push(item);
        }
        quiet_turns = if batch.len() > gathered { 0 } else { quiet_turns + 1 };
    }
    true
}

/// How much the journal holds, counted along so that the bounds cost nothing to keep.
#[derive(Debug, Default)]
struct Retained {
    by_merchant: HashMap<Option<String>, u64>,
    bytes: u64,
}

impl Retained {
    async fn load(store: &Store) -> Result<Self, StoreError> {
        let mut retained = Self::default();
        for held in store.retention().await? {
            retained.bytes += held.bytes;
            retained.by_merchant.insert(held.merchant, held.exchanges);
        }
        Ok(retained)
    }

    fn add(&mut self, entry: &Entry) {
        let Some(exchange) = &entry.exchange else {
            return;
        };
        let merchant = &exchange.summary.merchant;
        match self.by_merchant.get_mut(merchant) {
            Some(count) => *count += 1,
            None => {
                self.by_merchant.insert(merchant.clone(), 1);
            }
        }
        self.bytes += crate::store::stored_bytes(exchange) as u64;
    }

    fn subtract(&mut self, removed: &[Retention]) {
        for gone in removed {
            self.bytes = self.bytes.saturating_sub(gone.bytes);
            if let Some(count) = self.by_merchant.get_mut(&gone.merchant) {
                *count = count.saturating_sub(gone.exchanges);
            }
        }
    }

    async fn evict(&mut self, store: &Store) -> Result<(), StoreError> {
        let slack = u64::from(limits::EVICTION_BATCH);
        let over = self
            .by_merchant
            .iter()
            .find(|(_, count)| **count > limits::EXCHANGES_PER_MERCHANT + slack)
            .map(|(merchant, _)| merchant.clone());
        if let Some(merchant) = over {
            let removed =
                store.evict_oldest(Some(merchant.as_deref()), limits::EVICTION_BATCH).await?;
            if removed.is_empty() {
                // The journal was reset meanwhile: count again.
                *self = Self::load(store).await?;
            }
            self.subtract(&removed);
        }
        if self.bytes > limits::JOURNAL_BYTES {
            let removed = store.evict_oldest(None, limits::EVICTION_BATCH).await?;
            if removed.is_empty() {
                *self = Self::load(store).await?;
            }
            self.subtract(&removed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_settled_ends_before_the_first_number_under_way() {
        let numbers = Numbers::after(7);
        let mut settled = numbers.settled.subscribe();

        let (eight, nine) = (numbers.next_under_way(), numbers.next_under_way());
        let event = numbers.next();
        let eleven = numbers.next_under_way();

        assert_eq!((eight.seq(), nine.seq(), event, eleven.seq()), (8, 9, 10, 11));
        drop(nine);
        assert_eq!(*settled.borrow_and_update(), 7);
        drop(eight);
        assert_eq!(*settled.borrow_and_update(), 10);
        drop(numbers.next_under_way());
        assert!(!settled.has_changed().expect("the sender lives"), "eleven is under way");
        drop(eleven);
        assert_eq!(*settled.borrow_and_update(), 12);
    }
}
