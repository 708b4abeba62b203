//! Provider time: the one clock behind every instant that a message states or a provider decides on.
//!
//! Machine time (socket timeouts, injected delays, durations) never comes from here: it is
//! [`crate::stopwatch`]'s. Freezing the clock stops only provider time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    /// Told whenever the last [`Hold`] of a kind is gone.
    released: watch::Sender<()>,
    /// One advance at a time: the next one starts from where the last has arrived.
    advancing: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    sleepers: BTreeMap<(Timestamp, u64), oneshot::Sender<Due>>,
    next_sleeper: u64,
    /// Held by work that takes no longer than the database, and by what waits for receivers.
    machine: usize,
    receivers: usize,
    /// How often the clock was frozen, set, resumed or reset: what an advance set out from is gone then.
    generation: u64,
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
    /// Somebody froze, set, resumed or reset the clock before `advance` had arrived.
    #[error("the clock was changed meanwhile, so this advance has stopped at {at}")]
    Changed {
        /// What the clock shows now.
        at: Timestamp,
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
pub struct Hold(Clock, HeldBy);

/// What an unfinished piece of work waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBy {
    /// For nothing but this machine.
    Machine,
    /// For somebody else, who may hang.
    Receivers,
}

/// What [`Clock::advance`] finds at a step.
enum Step {
    /// Work of the present instant is not finished.
    Held(HeldBy),
    /// This sleeper is next.
    Wake(Timestamp, oneshot::Sender<Due>),
    /// Nothing more is due, and the clock has arrived.
    Arrived,
    /// The clock is no longer the one from which the advance set out.
    Changed,
}

/// Where an advance goes, and from which clock.
#[derive(Clone, Copy)]
struct Journey {
    /// How the clock is to stand or run at the end. A running one arrives later by as much as the way
    /// took: else it would jump back.
    goal: Mode,
    generation: u64,
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
                    machine: 0,
                    receivers: 0,
                    generation: 0,
                }),
                changed: watch::Sender::new(0),
                released: watch::Sender::new(()),
                advancing: tokio::sync::Mutex::default(),
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
        self.change(|mode| Mode::Frozen {
            at: at.unwrap_or_else(|| mode.now()),
        });
    }

    /// Puts the clock at `at` without changing whether it runs.
    pub fn set(&self, at: Timestamp) {
        self.change(|mode| mode.moved_to(at));
    }

    /// Lets a frozen clock run on from where it stands.
    pub fn resume(&self) {
        self.change(|mode| Mode::Running {
            shift: mode.now().duration_since(system_now()),
        });
    }

    /// Returns to the system's time.
    pub fn reset(&self) {
        self.change(|_| Mode::Running {
            shift: SignedDuration::ZERO,
        });
    }

    fn change(&self, to: impl FnOnce(Mode) -> Mode) {
        let mut state = self.state();
        state.mode = to(state.mode);
        state.generation += 1;
        drop(state);
        self.tell();
    }

    /// Keeps [`Clock::advance`] where it is until the hold is dropped: taken before anybody can learn
    /// of the work, so that whoever advances next finds it done.
    #[must_use]
    pub fn hold(&self, by: HeldBy) -> Hold {
        *self.state().holds(by) += 1;
        Hold(self.clone(), by)
    }

    /// Moves forward by `by`. Work that becomes due on the way runs in due order, each piece at its
    /// own instant, and is finished when this returns; but for all deliveries together no more than
    /// `patience` is waited, so that a receiver which hangs holds up nobody for good.
    ///
    /// # Errors
    /// A negative duration, a target outside the range of dates, or a clock that was changed on the way.
    pub async fn advance(
        &self,
        by: SignedDuration,
        patience: Duration,
    ) -> Result<Timestamp, ClockError> {
        if by.is_negative() {
            return Err(ClockError::Backwards { by });
        }
        let _one_at_a_time = self.shared.advancing.lock().await;
        let (mode, generation) = {
            let state = self.state();
            (state.mode, state.generation)
        };
        let from = mode.now();
        let target = from.checked_add(by).map_err(|_| ClockError::OutOfRange { from, by })?;
        let goal = match mode {
            Mode::Running { shift } => Mode::Running { shift: shift + by },
            Mode::Frozen { .. } => Mode::Frozen { at: target },
        };
        let arrived = self.work_off(Some(Journey { goal, generation }), patience).await;
        self.tell();
        let at = self.now();
        if arrived { Ok(at) } else { Err(ClockError::Changed { at }) }
    }

    /// Waits until time has moved everything that is due by now. Deliveries are begun and not waited
    /// for, and the clock itself is left as it is.
    pub async fn settle(&self) {
        self.work_off(None, Duration::ZERO).await;
    }

    /// Wakes what is due on a journey, one after the other, and waits for each; without one, what is
    /// due by now. `false`: the journey has lost its ground.
    async fn work_off(&self, journey: Option<Journey>, patience: Duration) -> bool {
        // Subscribed before the first look, so that neither a release nor a change slips in between.
        let mut released = self.shared.released.subscribe();
        let mut changed = self.shared.changed.subscribe();
        let waited_enough = crate::stopwatch::pause(patience);
        tokio::pin!(waited_enough);
        let mut patient = journey.is_some();
        loop {
            match self.step(journey, patient) {
                Step::Held(by) => tokio::select! {
                    // The senders live as long as this clock.
                    _ = released.changed() => {}
                    _ = changed.changed() => {}
                    () = &mut waited_enough, if by == HeldBy::Receivers => patient = false,
                },
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
                Step::Arrived => return true,
                Step::Changed => return false,
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

    /// Steps to the earliest sleeper that is due on the journey, or else to its end.
    fn step(&self, journey: Option<Journey>, patient: bool) -> Step {
        let mut state = self.state();
        if journey.is_some_and(|journey| journey.generation != state.generation) {
            return Step::Changed;
        }
        if state.machine > 0 {
            return Step::Held(HeldBy::Machine);
        }
        if patient && state.receivers > 0 {
            return Step::Held(HeldBy::Receivers);
        }
        let now = state.mode.now();
        let until = journey.map_or(now, |journey| journey.goal.now());
        match state.sleepers.first_entry() {
            Some(first) if first.key().0 <= until => {
                let ((at, _), wake) = first.remove_entry();
                if at > now {
                    state.mode = state.mode.moved_to(at);
                }
                Step::Wake(at, wake)
            }
            _ => {
                if let Some(journey) = journey.filter(|_| until > now) {
                    state.mode = journey.goal;
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

impl State {
    fn holds(&mut self, by: HeldBy) -> &mut usize {
        match by {
            HeldBy::Machine => &mut self.machine,
            HeldBy::Receivers => &mut self.receivers,
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.0.state();
        let holds = state.holds(self.1);
        *holds -= 1;
        let last = *holds == 0;
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

    fn moved_to(self, at: Timestamp) -> Self {
        match self {
            Self::Running { .. } => Self::Running {
                shift: at.duration_since(system_now()),
            },
            Self::Frozen { .. } => Self::Frozen { at },
        }
    }
}

/// The system's own time. Certificates that real clients judge must be valid by it too, and a client
/// that takes its time from the machine can be told from one whose clock is wrong.
#[must_use]
pub fn system_now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the one place where provider time begins")]
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than the slowest machine needs.
    const PATIENCE: Duration = Duration::from_secs(60);

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

        clock.advance(SignedDuration::from_secs(25), PATIENCE).await.expect("forward");

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
        let (first, second) = (clock.hold(HeldBy::Machine), clock.hold(HeldBy::Receivers));
        let advancing = tokio::spawn({
            let clock = clock.clone();
            async move { clock.advance(SignedDuration::from_secs(10), PATIENCE).await }
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
    async fn deliveries_are_waited_for_only_so_long_and_by_an_advance_alone() {
        let clock = Clock::frozen(at(1_000));
        let _hangs = clock.hold(HeldBy::Receivers);

        clock.settle().await;
        let arrived = clock.advance(SignedDuration::from_secs(10), Duration::from_millis(5)).await;

        assert_eq!(arrived.expect("forward"), at(1_010));
    }

    #[tokio::test]
    async fn a_change_stops_an_advance_where_it_is_and_stays() {
        for running in [false, true] {
            let clock = if running { Clock::system() } else { Clock::frozen(at(1_000)) };
            let _hangs = clock.hold(HeldBy::Receivers);
            let advancing = tokio::spawn({
                let clock = clock.clone();
                async move { clock.advance(SignedDuration::from_secs(10), PATIENCE).await }
            });
            for _turn in 0..10 {
                tokio::task::yield_now().await;
            }

            clock.freeze(Some(at(5_000)));

            let stopped = advancing.await.expect("no panic");
            assert!(
                matches!(stopped, Err(ClockError::Changed { at: shown }) if shown == at(5_000))
            );
            assert_eq!(clock.now(), at(5_000));
        }
    }

    #[tokio::test]
    async fn a_running_clock_arrives_ahead_by_the_whole_step_however_long_it_waited() {
        let clock = Clock::system();
        let hangs = clock.hold(HeldBy::Receivers);
        let by = SignedDuration::from_millis(20);
        let advancing = tokio::spawn({
            let clock = clock.clone();
            async move { clock.advance(by, PATIENCE).await }
        });
        crate::stopwatch::pause(Duration::from_millis(60)).await;
        let before = clock.now();
        drop(hangs);

        let arrived = advancing.await.expect("no panic").expect("forward");

        assert!(arrived >= before.checked_add(by).expect("in range"), "{before} {arrived}");
        assert_eq!(clock.mode(), Mode::Running { shift: by });
    }

    #[tokio::test]
    async fn advances_at_one_moment_add_up() {
        let clock = Clock::frozen(at(1_000));
        let by = SignedDuration::from_secs(10);

        let (first, second) =
            tokio::join!(clock.advance(by, PATIENCE), clock.advance(by, PATIENCE));

        assert_eq!([first.expect("forward"), second.expect("forward")], [at(1_010), at(1_020)]);
    }

    #[tokio::test]
    async fn the_clock_does_not_advance_backwards_or_out_of_the_calendar() {
        let clock = Clock::frozen(at(0));

        let back = clock.advance(SignedDuration::from_secs(-1), PATIENCE).await;
        let far = clock.advance(SignedDuration::MAX, PATIENCE).await;

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
