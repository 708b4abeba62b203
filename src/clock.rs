//! Provider time: the one clock behind every instant that a message states or a provider decides on.
//!
//! Machine time (socket timeouts, injected delays, durations) never comes from here: it is
//! [`crate::stopwatch`]'s. Freezing the clock stops only provider time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{oneshot, watch};

/// The clock of one emulator: running with the system, running shifted, or frozen.
///
/// Clones share one state.
#[derive(Clone, Debug)]
pub struct Clock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    /// Told whenever the last [`Hold`] is gone.
    released: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    sleepers: BTreeMap<(Timestamp, u64), oneshot::Sender<Due>>,
    next_sleeper: u64,
    holds: usize,
}

/// How the clock relates to the system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Runs with the system clock, this far ahead of it (negative: behind).
    Running {
        /// Distance from the system clock.
        shift: SignedDuration,
    },
    /// Stands still until it is advanced, set or released.
    Frozen {
        /// The instant at which it stands.
        at: Timestamp,
    },
}

/// A refused change of the clock.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// The target lies outside the years that a timestamp can name.
    #[error(
        "moving the clock from {from} by {by} leaves the range of dates; use a smaller duration"
    )]
    OutOfRange {
        /// Where the clock stood.
        from: Timestamp,
        /// How far it was to move.
        by: SignedDuration,
    },
    /// `advance` only goes forward, because due work runs on the way.
    #[error("the clock advances forward only, got {by}; set it with an instant to go back")]
    Backwards {
        /// The negative duration.
        by: SignedDuration,
    },
}

/// Work that has become due. While it is held, [`Clock::advance`] waits: hold it until what the
/// work changed is committed.
#[derive(Debug)]
pub struct Due {
    /// The instant for which the work was waiting.
    pub at: Timestamp,
    _done: Option<oneshot::Sender<()>>,
}

/// Work that belongs to the present instant and is not finished. While one is held,
/// [`Clock::advance`] does not move on.
#[derive(Debug)]
pub struct Hold(Clock);

/// What [`Clock::advance`] finds at a step.
enum Step {
    /// Work of the present instant is not finished.
    Held,
    /// This sleeper is next.
    Wake(Timestamp, oneshot::Sender<Due>),
    /// Nothing more is due, and the clock has arrived.
    Arrived,
}

impl Clock {
    /// A clock that runs with the system.
    #[must_use]
    pub fn system() -> Self {
        Self::with(Mode::Running {
            shift: SignedDuration::ZERO,
        })
    }

    /// A clock that stands at `at`.
    #[must_use]
    pub fn frozen(at: Timestamp) -> Self {
        Self::with(Mode::Frozen { at })
    }

    fn with(mode: Mode) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    mode,
                    sleepers: BTreeMap::new(),
                    next_sleeper: 0,
                    holds: 0,
                }),
                changed: watch::Sender::new(0),
                released: watch::Sender::new(()),
            }),
        }
    }

    /// The provider's present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.state().mode.now()
    }

    /// How the clock runs at the moment.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.state().mode
    }

    /// Stops the clock at `at`, or where it stands.
    pub fn freeze(&self, at: Option<Timestamp>) {
        let mut state = self.state();
        let at = at.unwrap_or_else(|| state.mode.now());
        state.mode = Mode::Frozen { at };
        drop(state);
        self.tell();
    }

    /// Puts the clock at `at` without changing whether it runs.
    pub fn set(&self, at: Timestamp) {
        self.state().mode.move_to(at);
        self.tell();
    }

    /// Lets a frozen clock run on from where it stands.
    pub fn resume(&self) {
        let mut state = self.state();
        let now = state.mode.now();
        state.mode = Mode::Running {
            shift: now.duration_since(system_now()),
        };
        drop(state);
        self.tell();
    }

    /// Returns to the system's time.
    pub fn reset(&self) {
        self.state().mode = Mode::Running {
            shift: SignedDuration::ZERO,
        };
        self.tell();
    }

    /// Keeps [`Clock::advance`] where it is until the hold is dropped: taken before anybody can learn
    /// of the work, so that whoever advances next finds it done.
    #[must_use]
    pub fn hold(&self) -> Hold {
        self.state().holds += 1;
        Hold(self.clone())
    }

    /// Moves forward by `by`. Work that becomes due on the way runs in due order, each piece at its
    /// own instant, and is finished when this returns.
    ///
    /// # Errors
    /// A negative duration, or a target outside the range of dates.
    pub async fn advance(&self, by: SignedDuration) -> Result<Timestamp, ClockError> {
        if by.is_negative() {
            return Err(ClockError::Backwards { by });
        }
        let from = self.now();
        let target = from.checked_add(by).map_err(|_| ClockError::OutOfRange { from, by })?;
        self.work_off(Some(target)).await;
        self.tell();
        Ok(target)
    }

    /// Waits until everything is done that is due by now. The clock itself is left as it is.
    pub async fn settle(&self) {
        self.work_off(None).await;
    }

    /// Wakes what is due by `target`, one after the other, and waits for each; without a target, what
    /// is due by now.
    async fn work_off(&self, target: Option<Timestamp>) {
        // Subscribed before the first look, so that no release slips in between.
        let mut released = self.shared.released.subscribe();
        loop {
            match self.step(target) {
                // The sender lives as long as this clock.
                Step::Held => drop(released.changed().await),
                Step::Wake(at, wake) => {
                    let (done, finished) = oneshot::channel();
                    let due = Due {
                        at,
                        _done: Some(done),
                    };
                    if wake.send(due).is_ok() {
                        // The sender is dropped with the `Due`: the signal that the work is done.
                        let _ = finished.await;
                    }
                }
                Step::Arrived => return,
            }
        }
    }

    /// Waits until the clock shows `deadline`, by running or by being moved.
    pub async fn sleep_until(&self, deadline: Timestamp) -> Due {
        let mut changed = self.shared.changed.subscribe();
        loop {
            let (woken, remaining) = {
                let mut state = self.state();
                let now = state.mode.now();
                if now >= deadline {
                    return Due {
                        at: deadline,
                        _done: None,
                    };
                }
                let (wake, woken) = oneshot::channel();
                state.sleepers.retain(|_, waiting| !waiting.is_closed());
                let number = state.next_sleeper;
                state.next_sleeper += 1;
                state.sleepers.insert((deadline, number), wake);
                let remaining = match state.mode {
                    Mode::Running { .. } => Some(deadline.duration_since(now).unsigned_abs()),
                    Mode::Frozen { .. } => None,
                };
                (woken, remaining)
            };
            let machine_wait = async {
                match remaining {
                    Some(wait) => crate::stopwatch::pause(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                due = woken => if let Ok(due) = due { return due },
                _ = changed.changed() => {}
                () = machine_wait => {}
            }
        }
    }

    /// Steps to the earliest sleeper that is due by `target`, or else to `target` itself.
    fn step(&self, target: Option<Timestamp>) -> Step {
        let mut state = self.state();
        if state.holds > 0 {
            return Step::Held;
        }
        let until = target.unwrap_or_else(|| state.mode.now());
        match state.sleepers.first_entry() {
            Some(first) if first.key().0 <= until => {
                let ((at, _), wake) = first.remove_entry();
                if at > state.mode.now() {
                    state.mode.move_to(at);
                }
                Step::Wake(at, wake)
            }
            _ => {
                if let Some(target) = target {
                    state.mode.move_to(target);
                }
                Step::Arrived
            }
        }
    }

    fn tell(&self) {
        self.shared.changed.send_modify(|generation| *generation += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.holds -= 1;
        let last = state.holds == 0;
        drop(state);
        if last {
            self.0.shared.released.send_replace(());
        }
    }
}

impl Mode {
    fn now(self) -> Timestamp {
        match self {
            Self::Running { shift } => system_now().saturating_add(shift).unwrap_or(Timestamp::MAX),
            Self::Frozen { at } => at,
        }
    }

    fn move_to(&mut self, to: Timestamp) {
        match self {
            Self::Running { shift } => *shift = to.duration_since(system_now()),
            Self::Frozen { at } => *at = to,
        }
    }
}

/// The system's own time. Certificates that real clients judge must be valid by it too.
#[must_use]
pub fn system_now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the one place where provider time begins")]
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a small number of seconds")
    }

    #[tokio::test]
    async fn due_work_runs_in_due_order_each_at_its_own_instant() {
        let clock = Clock::frozen(at(1_000));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for second in [1_030, 1_010, 1_020] {
            let (clock, seen) = (clock.clone(), Arc::clone(&seen));
            tasks.push(tokio::spawn(async move {
                let due = clock.sleep_until(at(second)).await;
                tokio::task::yield_now().await;
                seen.lock().expect("no panic").push((second, clock.now()));
                drop(due);
            }));
        }
        while clock.state().sleepers.len() < 3 {
            tokio::task::yield_now().await;
        }

        clock.advance(SignedDuration::from_secs(25)).await.expect("forward");

        assert_eq!(*seen.lock().expect("no panic"), vec![(1_010, at(1_010)), (1_020, at(1_020))]);
        assert_eq!(clock.now(), at(1_025));
        clock.set(at(2_000));
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(seen.lock().expect("no panic").len(), 3);
    }

    #[tokio::test]
    async fn advancing_waits_until_the_work_of_the_present_instant_is_finished() {
        let clock = Clock::frozen(at(1_000));
        let (first, second) = (clock.hold(), clock.hold());
        let advancing = tokio::spawn({
            let clock = clock.clone();
            async move { clock.advance(SignedDuration::from_secs(10)).await }
        });

        for hold in [first, second] {
            for _turn in 0..10 {
                tokio::task::yield_now().await;
            }
            assert_eq!(clock.now(), at(1_000));
            drop(hold);
        }

        advancing.await.expect("no panic").expect("forward");
        assert_eq!(clock.now(), at(1_010));
    }

    #[tokio::test]
    async fn the_clock_does_not_advance_backwards_or_out_of_the_calendar() {
        let clock = Clock::frozen(at(0));

        let back = clock.advance(SignedDuration::from_secs(-1)).await;
        let far = clock.advance(SignedDuration::MAX).await;

        assert!(matches!(back, Err(ClockError::Backwards { .. })));
        assert!(matches!(far, Err(ClockError::OutOfRange { .. })));
        assert_eq!(clock.now(), at(0));
    }

    #[tokio::test]
    async fn a_resumed_clock_runs_on_from_where_it_stood() {
        let clock = Clock::frozen(at(500));

        clock.resume();

        let shown = clock.now();
        assert!(shown >= at(500) && shown < at(560), "{shown}");
        assert!(matches!(clock.mode(), Mode::Running { .. }));
    }
}
