//! Sandgate: an offline double of payment gateways that answers as they answer, refuses as they
//! refuse, and, unlike them, remembers and explains why.
//!
//! ```
//! use sandgate::{Emulator, ExchangeFilter};
//!
//! let gateway = Emulator::builder().start()?;
//!
//! // A merchant is a world of its own, found by its credential.
//! let shop = gateway.create_merchant(&serde_json::json!({"provider": "paco"}))?;
//! assert_eq!(shop["credentials"]["access_token"].as_str().map(str::len), Some(32));
//!
//! // Point the client under test at `gateway.base_url("paco")`, then look at what arrived.
//! let arrived = gateway.exchanges(ExchangeFilter::newest(10))?;
//! assert!(arrived.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The path of a request
//!
//! `listener` (socket, TLS) → `exchange::serve` (one function shows the whole life) → the provider's
//! endpoint table → its ladder of [`checks`] → [`scenario`] → the provider's business → sealing →
//! [`recorder`] (one commit) → the answer leaves.
//!
//! # Words
//!
//! *exchange*: one request and its answer · *check*: one named security step · *verdict* · *refusal*:
//! the provider's no · *near miss*: the usual mistake that explains it · *merchant*: whoever holds
//! credentials · *transaction*: a state row such as an order · *outcome*: what the business decides ·
//! *fault*: how the transport misbehaves · *scenario, rule* · *notification*: a callback out ·
//! *endpoint* · *setting*, *named constant*, *profile* · *front door*: the port that finds the provider
//! by its real host name.
//!
//! # Layers
//!
//! Imports go downward only: `cli → emulator → admin → listener, exchange, timers, providers →
//! blueprint, recorder → diagnosis, checks, scenario → outbound, crypto, store → clock, config, ids,
//! json, limits, masking, money, stopwatch`.

pub mod admin;
pub mod blueprint;
pub mod checks;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod diagnosis;
pub mod emulator;
mod exchange;
pub mod ids;
pub mod json;
pub mod limits;
mod listener;
pub mod masking;
pub mod money;
mod notifications;
pub mod outbound;
mod providers;
pub mod recorder;
pub mod scenario;
mod stopwatch;
pub mod store;
mod timers;

pub use crate::config::Config;
pub use crate::emulator::{Emulator, EmulatorBuilder, RunningEmulator, StartError};
#[doc(hidden)]
pub use crate::providers::provider_docs;
pub use crate::store::ExchangeFilter;
