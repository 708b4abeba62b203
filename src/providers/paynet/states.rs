//! States of reports and one-time links, pure: state and event to state.

use crate::blueprint::{Driven, EventDoc, EventRefusal, Movement};

/// What a person can make happen.
pub(super) static EVENTS: &[EventDoc] = &[];

/// Makes an event happen.
pub(super) fn drive(_driven: Driven<'_>, event: &str) -> Result<Movement, EventRefusal> {
    Err(EventRefusal::Unknown(event.to_owned()))
}
