//! The admin API: JSON on a port of its own, one file per resource. It looks at the journal, makes
//! merchants, arms rules and moves the clock; no client of a provider ever needs it.

mod access;
mod calls;
mod clock;
mod exchanges;
mod explanation;
mod health;
mod merchants;
mod notifications;
mod problem;
mod query;
mod reset;
mod scenarios;
mod transactions;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Method, StatusCode};
use axum::middleware;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use self::problem::Problem;
use crate::blueprint::{Provider, Services};
use crate::limits;
use crate::outbound::Courier;
use crate::recorder::Recorder;

/// Everything that the admin API works on.
pub struct Admin {
    /// What requests to the providers use too.
    pub services: Arc<Services>,
    /// The providers that this emulator doubles.
    pub providers: Vec<Arc<dyn Provider>>,
    /// Tells when something new is in the journal.
    pub recorder: Recorder,
    /// Knows where notifications may go.
    pub courier: Arc<Courier>,
    /// Every listener's base URL, by its name: `admin`, `front_door`, and the providers' own.
    pub base_urls: BTreeMap<String, String>,
    /// The word behind the number in an exchange's id; it tells one data folder from another.
    pub tag: String,
    /// The sandbox CA's certificate, for clients that are to trust the TLS listeners.
    pub ca_pem: String,
    /// The bearer token that callers must show; `None` lets everybody in.
    pub token: Option<String>,
    /// Version of this build.
    pub version: &'static str,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Held while a merchant is added or removed, so that memory and database change together.
    pub enrolling: Mutex<()>,
    /// Cancelled when the emulator stops: lists that wait then answer with what they have.
    pub stop: CancellationToken,
}

/// Every path of the API, as the list at `/` and the nearest-path hint show it.
const PATHS: &[&str] = &[
    "GET /",
    "GET /health",
    "GET /ready",
    "GET /ca.pem",
    "GET /exchanges",
    "GET /exchanges/{id}",
    "GET /exchanges/{id}/explanation",
    "GET /exchanges/last/explanation",
    "GET /exchanges/last-refused/explanation",
    "GET /merchants",
    "POST /merchants",
    "GET /merchants/{id}",
    "DELETE /merchants/{id}",
    "GET /merchants/{id}/credentials-files",
    "GET /transactions",
    "GET /transactions/{merchant}/{kind}/{key}",
    "GET, POST /transactions/{merchant}/{kind}/{key}/events",
    "GET /notifications",
    "GET /notifications/{id}",
    "POST /notifications/{id}/resend",
    "GET /scenarios",
    "POST /scenarios/{name}/activate",
    "POST /scenarios/{name}/deactivate",
    "POST /scenarios/armed",
    "DELETE /scenarios/armed/{id}",
    "GET, POST /clock",
    "POST /reset",
    "POST /calls",
];

/// The whole API, ready to be served.
pub fn router(admin: Arc<Admin>) -> Router {
    // The token is asked for before anything else is looked at, be the path known or not; only what
    // a supervisor or a TLS client needs before it can know a token stays open.
    let guarded = Router::new()
        .merge(exchanges::routes())
        .merge(explanation::routes())
        .merge(merchants::routes())
        .merge(transactions::routes())
        .merge(notifications::routes())
        .merge(scenarios::routes())
        .merge(clock::routes())
        .merge(reset::routes())
        .merge(calls::routes())
        .merge(health::index())
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown_path)
        .layer(middleware::from_fn(access::ask_for_json))
        .layer(middleware::from_fn_with_state(Arc::clone(&admin), access::ask_for_token));
    Router::new()
        .merge(health::routes())
        .method_not_allowed_fallback(wrong_method)
        .fallback_service(guarded.with_state(Arc::clone(&admin)))
        .with_state(admin)
        // A body is held in memory whole, so its length is bounded before it is read: here, and not by
        // axum's extractors once more.
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(limits::ADMIN_BODY_BYTES))
        // A list that waits, or a clock that runs due work, ends before the caller gives up on us.
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            limits::ADMIN_REQUEST,
        ))
        // A fault of ours costs one answer, not the connection of everybody else.
        .layer(CatchPanicLayer::new())
        // The layers below and axum's own extractors answer in plain text; callers get one form.
        .layer(middleware::map_response(problem::in_one_form))
        // With -vv one sees what a test asked for and when.
        .layer(TraceLayer::new_for_http())
}

impl Admin {
    /// The provider of that id, or a problem that names the nearest one.
    fn provider(&self, id: &str) -> Result<&Arc<dyn Provider>, Problem> {
        self.providers.iter().find(|provider| provider.id() == id).ok_or_else(|| {
            let known: Vec<&str> = self.providers.iter().map(|provider| provider.id()).collect();
            Problem::bad_request(
                format!("there is no provider \"{id}\""),
                query::did_you_mean(id, &known),
            )
        })
    }

    /// An exchange's id from its number.
    fn exchange_id(&self, seq: i64) -> String {
        format!("{seq}-{}", self.tag)
    }

    /// An exchange's number from its id.
    fn sequence(&self, id: &str) -> Result<i64, Problem> {
        let parsed = id
            .split_once('-')
            .and_then(|(number, tag)| Some((number.parse::<i64>().ok().filter(|n| *n > 0)?, tag)));
        match parsed {
            Some((seq, tag)) if tag == self.tag => Ok(seq),
            Some((seq, tag)) => Err(Problem::not_found(
                format!(
                    "exchange {id} belongs to another data folder: its tag is \"{tag}\", this \
                     folder's is \"{}\"",
                    self.tag
                ),
                format!(
                    "ask the server that answered it, or look for {} if the number is right",
                    self.exchange_id(seq)
                ),
            )),
            None => Err(Problem::bad_request(
                format!("\"{id}\" is no exchange id"),
                format!(
                    "write a number, a dash and this folder's tag, as in {}; the answer's header \
                     sandgate-exchange holds it",
                    self.exchange_id(1)
                ),
            )),
        }
    }

    /// The base URL under which a provider's clients reach it.
    fn provider_url(&self, provider: &str) -> String {
        let public = self.services.public_urls.get(provider);
        public.or_else(|| self.base_urls.get(provider)).cloned().unwrap_or_default()
    }

    /// The base URLs that matter to a provider's clients.
    fn provider_urls(&self, provider: &str) -> BTreeMap<&str, String> {
        let further = format!("{provider}_");
        let mut urls: BTreeMap<&str, String> = self
            .base_urls
            .iter()
            .filter(|(name, _)| {
                *name == provider || name.starts_with(&further) || *name == "front_door"
            })
            .map(|(name, url)| (name.as_str(), url.clone()))
            .collect();
        if let Some((name, url)) = self.services.public_urls.get_key_value(provider) {
            urls.insert(name, url.clone());
        }
        urls
    }
}

async fn unknown_path(request: Request) -> Problem {
    let (method, path) = (request.method().as_str(), request.uri().path());
    Problem::not_found(
        format!("there is no {method} {path}"),
        format!("the nearest is {}; GET / lists them all", nearest(method, path)),
    )
}

async fn wrong_method(method: Method, request: Request) -> Problem {
    let path = request.uri().path();
    let same_path: Vec<&str> = PATHS.iter().copied().filter(|known| covers(known, path)).collect();
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{path} does not answer {method}"),
        format!("use {}", same_path.join(" or ")),
    )
}

/// Whether a line of [`PATHS`] covers a path as it came.
fn covers(known: &str, path: &str) -> bool {
    let template = known.split_once('/').map_or("", |(_, rest)| rest);
    let (mut wanted, mut came) = (template.split('/'), path.trim_start_matches('/').split('/'));
    loop {
        match (wanted.next(), came.next()) {
            (None, None) => return true,
            (Some(wanted), Some(came)) if wanted == came || wanted.starts_with('{') => {}
            _ => return false,
        }
    }
}

/// The line of [`PATHS`] that looks most like what was asked for.
fn nearest(method: &str, path: &str) -> &'static str {
    // Similarity is only worth computing for what could be a path of this API.
    let asked: String = format!("{method} {path}").chars().take(200).collect();
    let score = |known: &str| strsim::normalized_damerau_levenshtein(&filled(known, path), &asked);
    PATHS.iter().copied().max_by(|a, b| score(a).total_cmp(&score(b))).unwrap_or("GET /")
}

/// A line of [`PATHS`] with its parameters as they came, so that they do not count as differences.
fn filled(known: &str, path: &str) -> String {
    let came: Vec<&str> = path.split('/').collect();
    let segments: Vec<&str> = known
        .split('/')
        .enumerate()
        .map(|(index, segment)| match came.get(index) {
            Some(came) if segment.starts_with('{') => came,
            _ => segment,
        })
        .collect();
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_list_covers_the_paths_that_it_describes() {
        assert!(covers("GET /", "/"));
        assert!(covers("GET, POST /clock", "/clock"));
        assert!(covers("GET /exchanges/{id}/explanation", "/exchanges/1-abc/explanation"));
        assert!(!covers("GET /exchanges", "/exchanges/1-abc"));
        assert!(!covers("GET /exchanges/{id}", "/merchants/m"));
    }

    #[test]
    fn the_nearest_path_is_found_by_its_fixed_words() {
        assert_eq!(nearest("GET", "/merchant/a-rather-long-name"), "GET /merchants/{id}");
        assert_eq!(nearest("POST", "/scenario/x/activate"), "POST /scenarios/{name}/activate");
        assert_eq!(nearest("GET", "/exchange"), "GET /exchanges");
    }
}
