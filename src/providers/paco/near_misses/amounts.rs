//! Mistakes with amounts: what `amountText`, `amount` and `decimalPlaces` say of each other.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::mistakes::{
    AMOUNT_IN_MINOR_UNITS, AMOUNT_ROUNDED, AMOUNT_TEXT_LENGTH, AMOUNT_TEXT_NOT_MULTIPLIED,
    AMOUNT_TEXT_OF_A_FLOAT, WRONG_DECIMAL_PLACES,
};
use super::{Scene, member, quoted};
use crate::diagnosis::{Mistake, Search};
use crate::money::{Amount, AmountError};

/// Each amount has at most one mistake; each mistake is shown by the first amount that has it.
pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    let mut found: Vec<(&'static Mistake, String)> = Vec::new();
    walk(&scene.request, "", &mut |path, amount| {
        let Some((mistake, evidence)) = Stated::read(amount).and_then(|stated| stated.mistake())
        else {
            return;
        };
        // Both readings fit the amount alone; the order tells which one is meant.
        let in_order =
            *mistake == AMOUNT_TEXT_NOT_MULTIPLIED && is_amount_of_the_order(scene, amount);
        let (mistake, evidence) = if in_order {
            let text = "amountText is that of the order; amount belongs in major units".to_owned();
            (&AMOUNT_IN_MINOR_UNITS, text)
        } else {
            (mistake, evidence)
        };
        found.push((mistake, format!("{path}: {evidence}")));
    });
    for mistake in [
        &AMOUNT_TEXT_NOT_MULTIPLIED,
        &AMOUNT_IN_MINOR_UNITS,
        &AMOUNT_TEXT_OF_A_FLOAT,
        &AMOUNT_TEXT_LENGTH,
        &AMOUNT_ROUNDED,
        &WRONG_DECIMAL_PLACES,
    ] {
        search.candidate(mistake, || {
            let shown = found.iter().find(|(known, _)| *known == mistake);
            shown.map(|(_, evidence)| evidence.clone())
        });
    }
}

/// Every object that has an `amountText`, with its path.
pub(super) fn walk(
    map: &Map<String, Value>,
    path: &str,
    look: &mut dyn FnMut(&str, &Map<String, Value>),
) {
    if member(map, "amountText").is_some() && !path.is_empty() {
        look(path, map);
    }
    for (name, value) in map {
        let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Object(inner) => walk(inner, &here, look),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Value::Object(inner) = item {
                        walk(inner, &format!("{here}[{index}]"), look);
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_amount_of_the_order(scene: &Scene<'_>, amount: &Map<String, Value>) -> bool {
    let text = member(amount, "amountText").and_then(Value::as_str);
    let order_no = scene.member("orderNo").and_then(Value::as_str);
    scene.evidence.related.iter().any(|transaction| {
        let state: Value = serde_json::from_str(&transaction.state).unwrap_or_default();
        let known = state["transaction_amount"]["amountText"].as_str();
        Some(transaction.key.as_str()) == order_no && known.is_some() && known == text
    })
}

/// An amount as it was stated: two numbers and the factor between them.
struct Stated<'v> {
    text: &'v str,
    amount: String,
    places: u8,
    /// The amount in minor units.
    minor: Result<u64, AmountError>,
}

impl<'v> Stated<'v> {
    fn read(amount: &'v Map<String, Value>) -> Option<Self> {
        let text = member(amount, "amountText")?.as_str()?.trim();
        let places = member(amount, "decimalPlaces")?.as_u64()?;
        let places = u8::try_from(places).ok().filter(|places| *places <= 6)?;
        let amount = match member(amount, "amount")? {
            Value::Number(number) => number.to_string(),
            Value::String(number) => number.trim().to_owned(),
            _ => return None,
        };
        Some(Self {
            text,
            minor: Amount::minor_units_of(&amount, places),
            amount,
            places,
        })
    }

    fn mistake(&self) -> Option<(&'static Mistake, String)> {
        let is_digits =
            !self.text.is_empty() && self.text.bytes().all(|byte| byte.is_ascii_digit());
        match (is_digits, &self.minor) {
            (true, Ok(minor)) => self.digits(self.text.parse().ok()?, *minor),
            (true, Err(AmountError::TooPrecise { .. })) => {
                self.too_precise(self.text.parse().ok()?)
            }
            (false, Ok(minor)) => self.no_digits(*minor),
            _ => None,
        }
    }

    fn digits(&self, stated: u64, minor: u64) -> Option<(&'static Mistake, String)> {
        let Self {
            text,
            amount,
            places,
            ..
        } = self;
        let factor = 10_u64.checked_pow(u32::from(*places))?;
        if stated == minor {
            return (text.len() != 12).then(|| {
                let said = format!("amountText has {} digits; write {minor:012}", text.len());
                (&AMOUNT_TEXT_LENGTH, said)
            });
        }
        if stated > 0
            && factor > 1
            && (stated == minor / factor || stated == minor.div_ceil(factor))
        {
            let mut said = format!(
                "amountText {text} is amount {amount} in major units; in minor units (x {factor}) \
                 it is {minor:012}"
            );
            if stated == minor / factor && minor.is_multiple_of(factor) {
                let meant = Amount {
                    minor: stated,
                    currency: String::new(),
                    exponent: *places,
                };
                let _ = write!(said, "; if {} is meant, amount is wrong instead", meant.major());
            }
            return Some((&AMOUNT_TEXT_NOT_MULTIPLIED, said));
        }
        if stated.abs_diff(minor) == 1 {
            let said = format!(
                "amountText {text} is one minor unit off amount {amount} ({minor:012}); round once, \
                 and work both out from whole minor units"
            );
            return Some((&AMOUNT_ROUNDED, said));
        }
        let fitting = (1..=4).find(|other| {
            other != places && Amount::minor_units_of(amount, *other) == Ok(stated)
        })?;
        let said = format!(
            "amountText {text} is amount {amount} with {fitting} decimal places, decimalPlaces says {places}"
        );
        Some((&WRONG_DECIMAL_PLACES, said))
    }

    /// `0.1 + 0.2` has more decimals than any currency.
    fn too_precise(&self, stated: u64) -> Option<(&'static Mistake, String)> {
        let exact: f64 = self.amount.parse().ok()?;
        let minor = exact * 10_f64.powi(i32::from(self.places));
        #[expect(clippy::cast_precision_loss, reason = "only how near it is counts")]
        let near = (stated as f64 - minor).abs() <= 1.0;
        near.then(|| {
            let said = format!(
                "amount {} has more than {} decimal places, as floating-point arithmetic leaves \
                 them; write it from amountText {}",
                self.amount, self.places, self.text
            );
            (&AMOUNT_ROUNDED, said)
        })
    }

    /// `320.05 * 100` printed as it is.
    fn no_digits(&self, minor: u64) -> Option<(&'static Mistake, String)> {
        let stated: f64 = self.text.replace(',', "").parse().ok()?;
        #[expect(clippy::cast_precision_loss, reason = "only how near it is counts")]
        let minor_f = minor as f64;
        let factor = 10_f64.powi(i32::from(self.places));
        let text = quoted(self.text);
        if (stated - minor_f).abs() < 1.0 {
            let said = format!("amountText {text} is no whole number of digits; write {minor:012}");
            return Some((&AMOUNT_TEXT_OF_A_FLOAT, said));
        }
        ((stated * factor - minor_f).abs() < 1.0).then(|| {
            let said = format!(
                "amountText {text} is amount {} in major units; in minor units it is {minor:012}",
                self.amount
            );
            (&AMOUNT_TEXT_NOT_MULTIPLIED, said)
        })
    }
}
