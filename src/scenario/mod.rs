//! What should happen: rules that choose outcomes and faults.
//!
//! Precedence: armed by a test or the admin API, those of one merchant first → active scenario files
//! → magic values → the default success. Rules speak a shared vocabulary; each provider turns it into
//! its own codes.

mod engine;
mod file;
mod matching;

pub use self::engine::{Armed, Engine, Facts, KnownChecks, Plan, RuleUse, ScenarioError};
pub use self::file::{
    Effect, Fault, Misbehaviour, Outcome, RawReply, Rule, ScenarioFile, ScriptedError, When,
};

/// What a refusal wanted that a scenario made: the request itself was right.
pub const NOTHING_WRONG: &str = "nothing else: the request is right";
