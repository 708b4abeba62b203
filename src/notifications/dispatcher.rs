//! Starts attempts in the order in which they are due by the server's clock. It sleeps until the
//! next is due, a commit has queued one, or an attempt has ended; it never polls.
//!
//! Whatever it is told comes with a hold on the clock, which it keeps until it sleeps for what is due
//! next. So an advancing clock finds every attempt that it makes due, those that follow from
//! others included, and stands still while one is under way, as long as its patience lasts.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Notifications;
use crate::clock::{HeldBy, Hold};
use crate::limits;
use crate::outbound::DestinationError;
use crate::recorder::Told;
use crate::stopwatch::pause;
use crate::store::{DueNotification, StoreError};

/// The attempts under way.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<Ended>,
    /// Their callbacks.
    callbacks: HashSet<(i64, i64)>,
    /// How many go to each destination.
    by_destination: HashMap<String, usize>,
}

/// An attempt that is over.
struct Ended {
    callback: (i64, i64),
    /// Where it took places, and how many.
    destination: String,
    places: usize,
    hold: Hold,
}

impl Notifications {
    /// Delivers until it is told to stop, which cuts off what is under way.
    pub(crate) async fn run(
        self: Arc<Self>,
        mut queued: Told,
        first: Hold,
        stop: CancellationToken,
    ) {
        let clock = &self.services.clock;
        let mut under_way = UnderWay::default();
        // What was queued before the last stop is looked for before the clock may move.
        let mut holds = vec![first];
        loop {
            let next = match self.start_due(&mut under_way).await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%error, "due notifications could not be looked for");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = pause(limits::NOTIFICATION_LOOK_AGAIN) => continue,
                    }
                }
            };
            let mut sleep = pin!(async {
                match next {
                    Some(next) => clock.sleep_until(next).await,
                    None => std::future::pending().await,
                }
            });
            // The clock learns of the sleeper at its first poll; only then may it move on.
            let asleep = std::future::poll_fn(|context| {
                Poll::Ready(sleep.as_mut().poll(context).is_pending())
            });
            if !asleep.await {
                continue;
            }
            holds.clear();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _due = &mut sleep => holds.push(clock.hold(HeldBy::Machine)),
                Some(hold) = queued.recv() => {
                    holds.push(hold);
                    while let Ok(another) = queued.try_recv() {
                        holds.push(another);
                    }
                }
                Some(Ok(ended)) = under_way.tasks.join_next() => {
                    holds.push(clock.hold(HeldBy::Machine));
                    holds.push(under_way.end(ended));
                    while let Some(Ok(another)) = under_way.tasks.try_join_next() {
                        holds.push(under_way.end(another));
                    }
                }
            }
        }
    }

    /// Starts what is due and has a place, and says when the next one will be due.
    async fn start_due(
        self: &Arc<Self>,
        under_way: &mut UnderWay,
    ) -> Result<Option<Timestamp>, StoreError> {
        let store = &self.services.store;
        let now = self.services.clock.now();
        loop {
            let free = limits::NOTIFICATIONS_AT_ONCE.saturating_sub(under_way.tasks.len());
            if free == 0 {
                break;
            }
            // Those under way are still due in the database.
            let limit = free + under_way.callbacks.len();
            let due = store.due_notifications(now, &under_way.full(), limit).await?;
            let page_is_full = due.len() >= limit;
            let mut left_out = false;
            for due in due {
                left_out |= !self.start(under_way, due);
            }
            // Behind those whose destination has become full may stand others.
            if !(page_is_full && left_out) {
                break;
            }
        }
        store.next_notification(now).await
    }

    /// Starts an attempt. `false`: its destination is full.
    fn start(self: &Arc<Self>, under_way: &mut UnderWay, due: DueNotification) -> bool {
        let callback = (due.id, due.seq);
        if under_way.callbacks.contains(&callback) {
            return true;
        }
        let forbidden = match self.courier.destinations().judge(&due.url) {
            Err(DestinationError::Forbidden { reason, fix, .. }) => {
                Some(format!("{reason}; {fix}"))
            }
            Ok(_) | Err(_) => None,
        };
        let there = under_way.by_destination.entry(due.destination.clone()).or_default();
        if *there >= limits::NOTIFICATIONS_PER_DESTINATION {
            return false;
        }
        // All that are due there are blocked at once, so that it is full until that is done.
        let places = if forbidden.is_some() { limits::NOTIFICATIONS_PER_DESTINATION } else { 1 };
        *there += places;
        under_way.callbacks.insert(callback);
        // Blocking asks nobody else.
        let by = if forbidden.is_some() { HeldBy::Machine } else { HeldBy::Receivers };
        let hold = self.services.clock.hold(by);
        let this = Arc::clone(self);
        under_way.tasks.spawn(async move {
            let work = async {
                match forbidden {
                    Some(reason) => this.block(&due, reason).await,
                    None => this.attempt(&due).await,
                }
            };
            let failure = match AssertUnwindSafe(work).catch_unwind().await {
                Ok(Ok(())) => None,
                Ok(Err(reason)) => Some(reason),
                Err(_panic) => Some("a panic while delivering".to_owned()),
            };
            if let Some(reason) = &failure {
                tracing::error!(
                    notification = due.id,
                    %reason,
                    "an attempt was not recorded; it is made again"
                );
                pause(limits::NOTIFICATION_LOOK_AGAIN).await;
            }
            Ended {
                callback,
                destination: due.destination,
                places,
                hold,
            }
        });
        true
    }
}

impl UnderWay {
    fn full(&self) -> Vec<&str> {
        self.by_destination
            .iter()
            .filter(|(_, there)| **there >= limits::NOTIFICATIONS_PER_DESTINATION)
            .map(|(destination, _)| destination.as_str())
            .collect()
    }

    fn end(&mut self, ended: Ended) -> Hold {
        // One whose attempt could not be recorded is still due, and so made again.
        self.callbacks.remove(&ended.callback);
        if let Some(there) = self.by_destination.get_mut(&ended.destination) {
            *there -= ended.places;
            if *there == 0 {
                self.by_destination.remove(&ended.destination);
            }
        }
        ended.hold
    }
}
