//! A running emulator in the hands of its host.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use axum::body::Body;
use http_body_util::BodyExt as _;
use hyper::http::{Method, Request, header};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tower::ServiceExt as _;

use super::assemble::Assembly;
use super::{AdminRefusal, StartError};
use crate::blueprint::{Provider, Services};
use crate::clock::Clock;
use crate::config::Config;
use crate::limits;
use crate::store::{ExchangeFilter, ExchangeSummary, StoreError};

/// A running emulator. Dropping it stops it; its ports are free afterwards.
#[must_use = "dropping a running emulator stops it: keep it in a variable for as long as it is needed"]
pub struct RunningEmulator {
    base_urls: BTreeMap<String, String>,
    admin_token: Option<String>,
    ca_pem: String,
    tag: String,
    services: Arc<Services>,
    providers: Vec<Arc<dyn Provider>>,
    admin: axum::Router,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts an emulator on a thread and a runtime of its own.
pub(super) fn start(config: Config) -> Result<RunningEmulator, StartError> {
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new()
        .name("sandgate".to_owned())
        .spawn(move || run(config, &tell, stopped))
        .map_err(StartError::Runtime)?;
    let started = told.recv().unwrap_or_else(|_| {
        Err(StartError::Runtime(std::io::Error::other("its thread ended before it had started")))
    });
    let started = match started {
        Ok(started) => started,
        Err(error) => {
            let _ = thread.join();
            return Err(error);
        }
    };
    Ok(RunningEmulator {
        base_urls: started.base_urls,
        admin_token: started.admin_token,
        ca_pem: started.ca_pem,
        tag: started.tag,
        services: started.services,
        providers: started.providers,
        admin: started.admin,
        runtime: started.runtime,
        stop: Some(stop),
        thread: Some(thread),
    })
}

struct Started {
    base_urls: BTreeMap<String, String>,
    admin_token: Option<String>,
    ca_pem: String,
    tag: String,
    services: Arc<Services>,
    providers: Vec<Arc<dyn Provider>>,
    admin: axum::Router,
    runtime: Handle,
}

fn run(
    config: Config,
    tell: &mpsc::Sender<Result<Started, StartError>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = match Builder::new_multi_thread().enable_all().thread_name("sandgate").build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = tell.send(Err(StartError::Runtime(error)));
            return;
        }
    };
    runtime.block_on(async {
        let assembly = match Assembly::start(config).await {
            Ok(assembly) => assembly,
            Err(error) => {
                let _ = tell.send(Err(error));
                return;
            }
        };
        let started = Started {
            base_urls: assembly.base_urls.clone(),
            admin_token: assembly.admin_token.clone(),
            ca_pem: assembly.ca_pem.clone(),
            tag: assembly.tag.clone(),
            services: Arc::clone(&assembly.services),
            providers: assembly.providers.clone(),
            admin: assembly.admin.clone(),
            runtime: Handle::current(),
        };
        if tell.send(Ok(started)).is_ok() {
            // Told to stop, or its host is gone: both mean the same.
            let _ = stopped.await;
        }
        assembly.stop().await;
    });
    // Everything is recorded. What still runs cannot be cancelled, such as a name's look-up.
    runtime.shutdown_timeout(limits::THREADS_DRAIN);
}

impl RunningEmulator {
    /// Base URLs of all listeners by name: `admin`, `paco`, `front_door`.
    #[must_use]
    pub fn base_urls(&self) -> &BTreeMap<String, String> {
        &self.base_urls
    }

    /// The base URL of one listener.
    ///
    /// # Panics
    /// If there is no listener of that name.
    #[must_use]
    pub fn base_url(&self, listener: &str) -> &str {
        self.base_urls.get(listener).map_or_else(
            || {
                let known: Vec<&str> = self.base_urls.keys().map(String::as_str).collect();
                panic!("there is no listener \"{listener}\"; there are {}", known.join(", "))
            },
            String::as_str,
        )
    }

    /// The bearer token of the admin API, if it wants one.
    #[must_use]
    pub fn admin_token(&self) -> Option<&str> {
        self.admin_token.as_deref()
    }

    /// Certificate of the sandbox CA, for clients that use HTTPS.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The clock, to freeze, set and advance.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.services.clock
    }

    /// What the emulator's steps use: the database, the merchants, the rules.
    #[must_use]
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// The providers that it doubles: their endpoints, their checks, and a correct caller of each.
    #[must_use]
    pub fn providers(&self) -> &[Arc<dyn Provider>] {
        &self.providers
    }

    /// Creates a merchant: `{"provider": "paco"}` and whatever else shall not be left to chance.
    /// Returns it with its credentials and base URLs.
    ///
    /// # Errors
    /// What the admin API refuses, with the fix.
    pub fn create_merchant(&self, merchant: &Value) -> Result<Value, AdminRefusal> {
        self.admin("POST", "/merchants", Some(merchant))
    }

    /// A merchant's credentials.
    ///
    /// # Errors
    /// If there is no such merchant.
    pub fn credentials(&self, merchant: &str) -> Result<Value, AdminRefusal> {
        self.admin("GET", &format!("/merchants/{merchant}"), None)
            .map(|merchant| merchant["credentials"].clone())
    }

    /// Arms a rule for a merchant; it applies once unless it says otherwise.
    ///
    /// # Errors
    /// What the admin API refuses, with the fix.
    pub fn arm(&self, merchant: &str, rule: &Value) -> Result<Value, AdminRefusal> {
        let request = json!({"merchant": merchant, "rule": rule});
        self.admin("POST", "/scenarios/armed", Some(&request))
    }

    /// Recorded exchanges, newest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn exchanges(&self, filter: ExchangeFilter) -> Result<Vec<ExchangeSummary>, StoreError> {
        let services = Arc::clone(&self.services);
        self.wait_for(async move { services.store.exchanges(&filter).await })
    }

    /// The id of a recorded exchange, as its answer carried it in the header `sandgate-exchange`.
    #[must_use]
    pub fn exchange_id(&self, exchange: &ExchangeSummary) -> String {
        format!("{}-{}", exchange.seq, self.tag)
    }

    /// Why an exchange ended as it did; the argument is the header `sandgate-exchange` of its answer.
    ///
    /// # Errors
    /// If there is no such exchange.
    pub fn explain(&self, exchange: &str) -> Result<Value, AdminRefusal> {
        self.admin("GET", &format!("/exchanges/{exchange}/explanation"), None)
    }

    /// Calls the admin API without a socket.
    ///
    /// # Errors
    /// What the admin API refuses, with the fix.
    pub fn admin(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, AdminRefusal> {
        let refused = |detail: String| AdminRefusal {
            status: 400,
            detail,
        };
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).map_err(|e| refused(e.to_string()))?)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.admin_token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.body(body).map_err(|error| refused(error.to_string()))?;
        let router = self.admin.clone();
        self.wait_for(async move {
            let Ok(response) = router.oneshot(request).await;
            let status = response.status();
            let bytes = response
                .into_body()
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes)
                .unwrap_or_default();
            let value: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            if status.is_success() {
                return Ok(value);
            }
            let part = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            Err(AdminRefusal {
                status: status.as_u16(),
                detail: format!("{}; {}", part("detail"), part("fix")),
            })
        })
    }

    /// Stops the emulator and waits until it has ended.
    pub fn stop(mut self) {
        self.end();
    }

    /// Runs work on the emulator's own threads and waits for it: from a plain test and from inside
    /// another runtime alike.
    fn wait_for<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (done, result) = mpsc::channel();
        self.runtime.spawn(async move {
            let _ = done.send(work.await);
        });
        result.recv().expect("the emulator runs as long as its handle exists")
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the emulator's thread ended with a panic");
        }
    }
}

impl fmt::Debug for RunningEmulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningEmulator")
            .field("base_urls", &self.base_urls)
            .finish_non_exhaustive()
    }
}

impl Drop for RunningEmulator {
    fn drop(&mut self) {
        self.end();
    }
}
