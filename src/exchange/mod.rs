//! The life of one request: [`serve`] shows it in one function, the files beside it hold its steps.

mod bounds;
mod fault;
mod receive;
mod record;
mod serve;
mod unserved;

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::blueprint::{AnswerBody, BoxFuture, Connection, Provider, Reception, Services};
use crate::limits;
use crate::recorder::Recorder;

/// Everything that the life of a request needs.
pub(crate) struct Exchanges {
    services: Arc<Services>,
    recorder: Recorder,
    providers: BTreeMap<&'static str, Arc<dyn Provider>>,
    /// Tag of the data folder, the second half of every exchange id.
    tag: String,
    /// Whether answers carry the header `sandgate-exchange`.
    header: bool,
    large_bodies: Semaphore,
    /// Places in which pieces of long bodies are made.
    pieces: Arc<Semaphore>,
    under_way: TaskTracker,
}

impl Exchanges {
    pub(crate) fn new(
        services: Arc<Services>,
        recorder: Recorder,
        providers: &[Arc<dyn Provider>],
        tag: String,
        header: bool,
    ) -> Self {
        Self {
            services,
            recorder,
            providers: providers.iter().map(|p| (p.id(), Arc::clone(p))).collect(),
            tag,
            header,
            large_bodies: Semaphore::new(limits::LARGE_BODIES_AT_ONCE),
            pieces: Arc::new(Semaphore::new(limits::PIECES_AT_ONCE)),
            under_way: TaskTracker::new(),
        }
    }

    /// Waits until every exchange that has begun is recorded.
    pub(crate) async fn drained(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }

    fn id(&self, seq: i64) -> String {
        format!("{seq}-{}", self.tag)
    }
}

impl Reception for Exchanges {
    fn serve(
        self: Arc<Self>,
        connection: Connection,
        request: hyper::Request<Incoming>,
    ) -> BoxFuture<Option<hyper::Response<AnswerBody>>> {
        Box::pin(serve::serve(self, connection, request))
    }

    fn handshake_failed(self: Arc<Self>, connection: Connection, reason: String) -> BoxFuture<()> {
        Box::pin(unserved::handshake_failed(self, connection, reason))
    }

    fn unreadable(
        self: Arc<Self>,
        connection: Connection,
        prefix: Vec<u8>,
        reason: String,
    ) -> BoxFuture<()> {
        Box::pin(unserved::unreadable(self, connection, prefix, reason))
    }
}
