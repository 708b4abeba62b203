//! Mistakes with instants: the wrong unit, the wrong zone, and how far off a clock is.

use jiff::{SignedDuration, Timestamp};

/// Whether a number of seconds only makes sense as a finer unit: "milliseconds", with the instant
/// that it would be.
#[must_use]
pub fn finer_unit(number: f64, now: Timestamp) -> Option<(&'static str, Timestamp)> {
    [("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)].into_iter().find_map(
        |(unit, factor)| {
            let instant = from_seconds(number / factor)?;
            // A wrong unit is off by decades; a year's tolerance keeps expired tokens recognizable.
            is_near(instant, now, SignedDuration::from_hours(24 * 366)).then_some((unit, instant))
        },
    )
}

/// Whether an instant is off by whole quarter hours, as when local time is taken for UTC.
#[must_use]
pub fn zone_offset(instant: Timestamp, now: Timestamp) -> Option<SignedDuration> {
    const QUARTER: i64 = 15 * 60;
    const TOLERANCE: i64 = 90;
    let off = instant.duration_since(now).as_secs();
    let quarters = (off + off.signum() * QUARTER / 2) / QUARTER;
    let rest = (off - quarters * QUARTER).abs();
    let hours = off.abs() / 3600;
    (quarters != 0 && rest <= TOLERANCE && hours <= 14)
        .then(|| SignedDuration::from_secs(quarters * QUARTER))
}

/// Seconds since 1970, fractions included, as an instant.
#[must_use]
pub fn from_seconds(seconds: f64) -> Option<Timestamp> {
    if !seconds.is_finite() {
        return None;
    }
    let duration = SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(duration).ok()
}

/// A duration as people say it: "2 h 5 min", "45 s".
#[must_use]
pub fn spoken(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().unsigned_abs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} days {hours} h"),
    }
}

fn is_near(instant: Timestamp, now: Timestamp, within: SignedDuration) -> bool {
    instant.duration_since(now).abs() <= within
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_767_225_600).expect("valid")
    }

    #[test]
    fn finer_units_are_recognized_and_seconds_are_not() {
        assert_eq!(
            finer_unit(1_767_225_600_000.0, now()).map(|(unit, at)| (unit, at.as_second())),
            Some(("milliseconds", 1_767_225_600))
        );
        assert_eq!(finer_unit(1_767_225_600.0, now()), None);
        assert_eq!(finer_unit(f64::NAN, now()), None);
        assert_eq!(finer_unit(1e300, now()), None);
    }

    #[test]
    fn local_time_taken_for_utc_shows_its_zone() {
        let nepal = SignedDuration::from_mins(5 * 60 + 45);
        let shown = now().saturating_add(nepal).expect("in range");

        assert_eq!(zone_offset(shown, now()), Some(nepal));
        assert_eq!(zone_offset(now(), now()), None);
        let odd = now().saturating_add(SignedDuration::from_secs(4_000)).expect("in range");
        assert_eq!(zone_offset(odd, now()), None);
    }

    #[test]
    fn durations_are_said_as_people_say_them() {
        assert_eq!(spoken(SignedDuration::from_secs(-45)), "45 s");
        assert_eq!(spoken(SignedDuration::from_secs(7_500)), "2 h 5 min");
        assert_eq!(spoken(SignedDuration::from_hours(50)), "2 days 2 h");
    }
}
