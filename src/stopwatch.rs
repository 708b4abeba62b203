//! Machine time: how long things took and how long to wait on a socket. Monotonic, never frozen,
//! and never seen in a message.

use std::time::{Duration, Instant};

/// A running measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "the one place where machine time begins")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    pub(crate) fn elapsed_us(self) -> i64 {
        i64::try_from(self.0.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

/// Waits on the machine's clock: for faults and socket limits only.
#[expect(clippy::disallowed_methods, reason = "the one place where the machine waits")]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
