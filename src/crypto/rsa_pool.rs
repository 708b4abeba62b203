//! Where RSA private operations run: at most one a core at a time, never on the reactor.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

/// Bounds how many RSA operations run at once.
#[derive(Clone, Debug)]
pub struct RsaPool {
    places: Arc<Semaphore>,
}

impl RsaPool {
    /// A pool of one place for each core.
    #[must_use]
    pub fn one_place_a_core() -> Self {
        let cores = available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            places: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Runs `work` on a blocking thread as soon as a place is free.
    ///
    /// # Panics
    /// If `work` panics, which is our fault and becomes the provider's 500 further up.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let place =
            Arc::clone(&self.places).acquire_owned().await.expect("the pool is never closed");
        let result = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        })
        .await;
        match result {
            Ok(value) => value,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => std::future::pending().await,
            },
        }
    }
}
