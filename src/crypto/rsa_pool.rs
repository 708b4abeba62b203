//! Where RSA private operations run: one thread a core, never the reactor.
//!
//! The threads are the pool's own and take work from one queue, so that under load they go from one
//! operation to the next without waiting for the reactor to notice that a place is free.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// Bounds how many RSA operations run at once. Clones share one queue, and the threads end with the
/// last of them.
#[derive(Clone, Debug)]
pub struct RsaPool {
    queue: Sender<Work>,
}

impl RsaPool {
    /// A pool of one thread for each core.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn one_thread_a_core() -> std::io::Result<Self> {
        let cores = available_parallelism().map_or(1, std::num::NonZero::get);
        let (queue, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _core in 0..cores {
            let waiting = Arc::clone(&waiting);
            std::thread::Builder::new()
                .name("sandgate-rsa".to_owned())
                .spawn(move || work_through(&waiting))?;
        }
        Ok(Self { queue })
    }

    /// Runs `work` as soon as a thread is free.
    ///
    /// # Panics
    /// If `work` panics, which is our fault and becomes the provider's 500 further up.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, result) = oneshot::channel();
        let work = Box::new(move || {
            // Nobody waits any more if the runtime is shutting down.
            let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
        });
        self.queue.send(work).expect("the threads outlive the pool");
        match result.await.expect("every work in the queue is done") {
            Ok(value) => value,
            Err(panic) => resume_unwind(panic),
        }
    }
}

fn work_through(waiting: &Mutex<Receiver<Work>>) {
    loop {
        // One thread waits in the queue, the others for its place there.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(work) => work(),
            Err(_the_pool_is_gone) => return,
        }
    }
}
