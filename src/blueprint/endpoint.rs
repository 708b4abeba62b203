//! One row of a provider's endpoint table.

use std::any::Any;

use hyper::http::Method;

use super::{BoxFuture, Call, Refusal, Reply, Verified};
use crate::checks::Check;
use crate::scenario::Outcome;
use crate::store::{Change, NewNotification};

/// An endpoint: how it is reached, what it checks, and its two steps, open and decide. Sealing is
/// the provider's, because refusals need it too.
pub struct Endpoint {
    /// The provider's own name for it.
    pub name: &'static str,
    /// HTTP method.
    pub method: Method,
    /// Path; a segment in braces is a parameter.
    pub path: &'static str,
    /// The ladder of checks, in order.
    pub checks: &'static [&'static Check],
    open: Box<dyn Fn(Call) -> Opening + Send + Sync>,
    decide: Box<dyn Fn(Call, Verified<Opened>, Outcome) -> Deciding + Send + Sync>,
}

type Opened = Box<dyn Any + Send>;
type Opening = BoxFuture<Result<Verified<Opened>, Refusal>>;
type Deciding = BoxFuture<Result<Decision, Refusal>>;

/// What an endpoint decided: nothing has happened yet.
#[derive(Debug)]
pub struct Decision {
    /// The reply.
    pub reply: Reply,
    /// State to change with it.
    pub changes: Vec<Change>,
    /// Callbacks to queue with it.
    pub notifications: Vec<NewNotification>,
}

impl Endpoint {
    /// Makes a row. `open` climbs the ladder and yields the typed request; `decide` is the business.
    pub fn new<R, O, OF, D, DF>(
        name: &'static str,
        method: Method,
        path: &'static str,
        checks: &'static [&'static Check],
        open: O,
        decide: D,
    ) -> Self
    where
        R: Send + 'static,
        O: Fn(Call) -> OF + Send + Sync + 'static,
        OF: Future<Output = Result<Verified<R>, Refusal>> + Send + 'static,
        D: Fn(Call, Verified<R>, Outcome) -> DF + Send + Sync + 'static,
        DF: Future<Output = Result<Decision, Refusal>> + Send + 'static,
    {
        Self {
            name,
            method,
            path,
            checks,
            open: Box::new(move |call| {
                let opening = open(call);
                Box::pin(async move {
                    opening.await.map(|request| request.map(|value| Box::new(value) as Opened))
                })
            }),
            decide: Box::new(move |call, request, outcome| {
                let request = request.map(|value| {
                    *value.downcast::<R>().expect("open and decide of one row agree on the type")
                });
                Box::pin(decide(call, request, outcome))
            }),
        }
    }

    /// Climbs the ladder.
    pub(crate) fn open(&self, call: Call) -> Opening {
        (self.open)(call)
    }

    /// Decides the business.
    pub(crate) fn decide(
        &self,
        call: Call,
        request: Verified<Opened>,
        outcome: Outcome,
    ) -> Deciding {
        (self.decide)(call, request, outcome)
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.name, self.method, self.path)
    }
}

impl Decision {
    /// A reply that changes nothing.
    #[must_use]
    pub fn reply(reply: Reply) -> Self {
        Self {
            reply,
            changes: Vec::new(),
            notifications: Vec::new(),
        }
    }
}
