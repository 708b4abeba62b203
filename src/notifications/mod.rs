//! Callbacks out: queued in the commit of what they are about, delivered here. [`dispatcher`] chooses
//! what is due, [`attempt`] makes one attempt and has it recorded.
//!
//! A callback is delivered at least once: an attempt that a stop or the death of the process cuts off
//! before it is recorded, or that the database does not take down, is made again.

mod attempt;
mod dispatcher;
mod silences;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use self::silences::Silences;
use crate::blueprint::{Provider, Services};
use crate::outbound::Courier;
use crate::recorder::Recorder;

/// Everything that delivering needs.
pub(crate) struct Notifications {
    services: Arc<Services>,
    recorder: Recorder,
    providers: BTreeMap<&'static str, Arc<dyn Provider>>,
    courier: Arc<Courier>,
    /// Destinations of which the log has said already that they are not allowed.
    told: Mutex<HashSet<String>>,
    /// Destinations that have just let an attempt wait in vain.
    silences: Silences,
}

impl Notifications {
    pub(crate) fn new(
        services: Arc<Services>,
        recorder: Recorder,
        providers: &[Arc<dyn Provider>],
        courier: Arc<Courier>,
    ) -> Arc<Self> {
        Arc::new(Self {
            services,
            recorder,
            providers: providers.iter().map(|p| (p.id(), Arc::clone(p))).collect(),
            courier,
            told: Mutex::default(),
            silences: Silences::default(),
        })
    }
}
