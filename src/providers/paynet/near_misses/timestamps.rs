//! Mistakes with the time: its form, its zone, its age.

use jiff::Timestamp;
use serde_json::Value;

use super::Scene;
use super::mistakes::{
    CLOCK_SKEW, DATE_TEXT, FRACTION, LOCAL_TIME, MILLISECONDS, TIMESTAMP_OF_START,
};
use crate::diagnosis::Search;
use crate::providers::paynet::forms::bearer;
use crate::providers::paynet::tokens::Token;

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
    search.candidate(&TIMESTAMP_OF_START, || {
        let token = Token::read(bearer(scene.header("authorization")?.as_bytes())?).ok()?;
        let issued = token.claims.get("iat").and_then(Value::as_i64)?;
        ((second - issued).abs() <= 2 && off < 0)
            .then(|| format!("it is the second in which the token was issued, {} s ago", -off))
    });
    search.candidate(&LOCAL_TIME, || {
        const QUARTER: i64 = 900;
        let quarters = (off + off.signum() * 60) / QUARTER;
        let near = (off - quarters * QUARTER).abs() <= 60;
        (near && quarters != 0 && quarters.abs() <= 14 * 4).then(|| {
            let (hours, minutes) = (quarters.abs() / 4, quarters.abs() % 4 * 15);
            let way = if off > 0 { "ahead" } else { "behind" };
            let zone = if off == 28_800 { ", as a clock in Malaysia is ahead of UTC" } else { "" };
            format!("it is {hours} h {minutes} min {way}, a difference of zones{zone}")
        })
    });
    if !search.has(&LOCAL_TIME) && !search.has(&TIMESTAMP_OF_START) {
        search.candidate(&CLOCK_SKEW, || {
            let way = if off > 0 { "ahead of" } else { "behind" };
            let settings = scene.settings;
            Some(format!(
                "it is {} s {way} this server, which allows {} s behind and {} s ahead; the header \
                 Date of every answer shows the server's time",
                off.abs(),
                settings.skew_past.as_secs(),
                settings.skew_future.as_secs()
            ))
        });
    }
}
