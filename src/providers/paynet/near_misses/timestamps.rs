//! Mistakes with the time: its form, its zone, its age.

use jiff::{SignedDuration, Timestamp};

use super::Scene;
use super::mistakes::{
    CLOCK_SKEW, DATE_TEXT, FRACTION, LOCAL_TIME, MILLISECONDS, SANDBOX_CLOCK_MOVED,
    TIMESTAMP_OF_START,
};
use crate::diagnosis::Search;
use crate::diagnosis::instants::spoken;
use crate::providers::paynet::security::instant;

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    let Some(text) = scene.header("x-timestamp").map(str::trim) else {
        return;
    };
    let now = scene.evidence.at.as_second();
    if scene.failed == "paynet.timestamp_format" {
        search.candidate(&MILLISECONDS, || {
            let millis = text.parse::<i64>().ok().filter(|_| text.len() == 13)?;
            Some(format!("{text} has 13 digits: in seconds it is {}", millis / 1000))
        });
        search.candidate(&FRACTION, || {
            let (whole, rest) = text.split_once(['.', ','])?;
            let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            (digits(whole) && digits(rest)).then(|| format!("{text} is {whole} with a fraction"))
        });
        search.candidate(&DATE_TEXT, || {
            let at = text
                .parse::<Timestamp>()
                .ok()
                .or_else(|| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok())?;
            Some(format!("{text} in Unix seconds is {}", at.as_second()))
        });
    }
    if scene.failed != "paynet.timestamp_window" {
        return;
    }
    let Ok(second) = text.parse::<i64>() else {
        return;
    };
    let off = second - now;
    search.candidate(&SANDBOX_CLOCK_MOVED, || moved(scene, second));
    if search.has(&SANDBOX_CLOCK_MOVED) {
        return;
    }
    search.candidate(&TIMESTAMP_OF_START, || {
        let issued = scene.claims()?.issued;
        ((second - issued).abs() <= 2 && off < 0)
            .then(|| format!("it is the second in which the token was issued, {} s ago", -off))
    });
    if search.has(&TIMESTAMP_OF_START) {
        return;
    }
    let (seconds, way) = (off.abs(), if off > 0 { "ahead of" } else { "behind" });
    search.candidate(&LOCAL_TIME, || {
        let minutes = zone_like(off)?;
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        let sign = if minutes > 0 { '+' } else { '-' };
        let whose = if minutes == 480 { ", which is Malaysia's" } else { "" };
        Some(format!(
            "it is {seconds} s ({hours} h {rest} min) {way} this server, the difference of a zone, \
             UTC{sign}{hours:02}:{rest:02}{whose}; Unix seconds are the same in all zones"
        ))
    });
    // Beside a zone too: nothing but the number tells the one from the other.
    search.candidate(&CLOCK_SKEW, || {
        let settings = scene.settings;
        Some(format!(
            "it is {seconds} s {way} this server, which allows {} s behind and {} s ahead; the \
             header Date of every answer shows the server's time",
            settings.skew_past.as_secs(),
            settings.skew_future.as_secs()
        ))
    });
}

/// How far two clocks of one machine may be apart in one exchange: reading them takes its time.
const SAME_CLOCK_S: i64 = 5;

/// How far the sandbox's clock, or this merchant's, is from the machine's, if it was moved.
pub(super) fn moved_by(scene: &Scene<'_>) -> Option<SignedDuration> {
    let off = scene.evidence.at.duration_since(scene.evidence.machine_at?);
    (off.as_secs().abs() > SAME_CLOCK_S).then_some(off)
}

/// A client that takes its time from the machine, as it should in life, and a sandbox that does not.
fn moved(scene: &Scene<'_>, second: i64) -> Option<String> {
    /// Farther from the machine's clock, the client's is one of its own.
    const NEAR_S: i64 = 30;
    let evidence = scene.evidence;
    let by = moved_by(scene)?;
    let machine = evidence.machine_at?.as_second();
    let settings = scene.settings;
    let (past, future) = (settings.skew_past.as_secs(), settings.skew_future.as_secs());
    // It would have been taken, had nobody moved the clock.
    let fits = (machine - past..=machine + future).contains(&second);
    let apart = (second - machine).abs();
    if !fits || apart > NEAR_S {
        return None;
    }
    let merchant = evidence.merchant.as_ref();
    let shifted = merchant.filter(|merchant| !merchant.shift().is_zero());
    let whose = shifted.map_or_else(
        || "the sandbox's clock".to_owned(),
        |merchant| format!("the clock of merchant {}", merchant.id()),
    );
    let back = match shifted {
        None => "sandgate clock reset".to_owned(),
        Some(merchant) => {
            let own = format!("sandgate clock reset --merchant {}", merchant.id());
            let server = by.saturating_sub(merchant.shift());
            // Both may have been moved, and then one way back is half of it.
            if server.as_secs().abs() > SAME_CLOCK_S {
                format!("{own} and sandgate clock reset")
            } else {
                own
            }
        }
    };
    Some(format!(
        "X-Timestamp is within {apart} s of this machine's clock; {whose} shows {}, which is {} {}. \
         Take the time from the Date header of an answer of the sandbox, or put the clock back: {back}",
        instant(evidence.at.as_second()),
        spoken(by),
        if by.is_positive() { "ahead" } else { "behind" },
    ))
}

/// The zone's difference from UTC, in minutes, that a difference in seconds looks like.
fn zone_like(off: i64) -> Option<i64> {
    const WHOLE_HOURS: std::ops::RangeInclusive<i64> = -12..=14;
    /// From Tehran to Chatham in its summer; then Newfoundland in winter and summer, the Marquesas.
    const OTHERS: [i64; 13] = [210, 270, 330, 345, 390, 525, 570, 630, 765, 825, -210, -150, -570];
    /// Between a client's reading of its clock and the arrival.
    const TOLERANCE: i64 = 60;
    let whole = WHOLE_HOURS.filter(|hours| *hours != 0).map(|hours| hours * 60);
    whole.chain(OTHERS).find(|minutes| (off - minutes * 60).abs() <= TOLERANCE)
}

#[cfg(test)]
mod tests {
    use super::zone_like;

    #[test]
    fn only_differences_that_zones_have_look_like_zones() {
        for (off, minutes) in
            [(28_800, 480), (-3_570, -60), (50_400, 840), (20_700, 345), (-12_600, -210)]
        {
            assert_eq!(zone_like(off), Some(minutes), "{off}");
        }
        for off in [0, 59, -400, 900, -900, 1_800, 4_000, -19_800, 54_000, -46_800, i64::MAX / 2] {
            assert_eq!(zone_like(off), None, "{off}");
        }
    }
}
