//! Destinations that hang. Whatever else is due there by the instant at which that was found out is not
//! tried for a moment: each attempt would wait as long, and an advancing clock for all of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::limits;
use crate::stopwatch::Stopwatch;

/// The destinations that have let an attempt wait in vain.
#[derive(Debug, Default)]
pub(super) struct Silences(Mutex<HashMap<String, Silence>>);

#[derive(Debug)]
struct Silence {
    found_out: Timestamp,
    since: Stopwatch,
    said: String,
}

impl Silences {
    /// Remembers that an attempt waited in vain, and what was said of that.
    pub(super) fn note(&self, destination: &str, now: Timestamp, said: String) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, silence| silence.is_fresh());
        let silence = Silence {
            found_out: now,
            since: Stopwatch::start(),
            said,
        };
        known.insert(destination.to_owned(), silence);
    }

    /// Why an attempt that is due at `due` is not made. A later one is: by then the receiver may be
    /// well again.
    pub(super) fn why_not(&self, destination: &str, due: Option<Timestamp>) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silence = known.get(destination)?;
        let at_once = due.is_some_and(|due| due <= silence.found_out);
        (at_once && silence.is_fresh()).then(|| {
            format!("not tried, because another one just now waited in vain: {}", silence.said)
        })
    }
}

impl Silence {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < limits::NOTIFICATION_SILENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_counts_for_its_destination_and_for_what_is_due_by_then() {
        let silences = Silences::default();
        let at = |second| Timestamp::from_second(second).expect("a small number");
        silences.note("http://a:80", at(100), "it hangs".to_owned());

        for (destination, due, tried) in [
            ("http://a:80", at(100), false),
            ("http://a:80", at(40), false),
            ("http://a:80", at(101), true),
            ("http://b:80", at(100), true),
        ] {
            let reason = silences.why_not(destination, Some(due));
            assert_eq!(reason.is_none(), tried, "{destination} {due}: {reason:?}");
        }
    }
}
