//! Amounts in minor units with the currency's exponent. No floating point anywhere.

use std::fmt;

/// An amount of money: minor units, ISO 4217 code, and how many decimals the minor unit has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Amount {
    /// The amount in minor units, never negative.
    pub minor: u64,
    /// ISO 4217 alphabetic code.
    pub currency: String,
    /// Decimal places of the minor unit.
    pub exponent: u8,
}

/// Why a decimal number is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a plain non-negative decimal number.
    #[error("\"{0}\" is not a non-negative decimal number")]
    NotDecimal(String),
    /// More decimals than the currency has.
    #[error("\"{text}\" has more than {exponent} decimal places")]
    TooPrecise {
        /// The number as it came.
        text: String,
        /// How many decimals are possible.
        exponent: u8,
    },
    /// Larger than any gateway's amount.
    #[error("\"{0}\" is too large for an amount")]
    TooLarge(String),
}

impl Amount {
    /// Reads major units written as a decimal number, in the form in which JSON writes numbers.
    ///
    /// # Errors
    /// A number that is negative, malformed, too precise for `exponent`, or too large.
    pub fn minor_units_of(text: &str, exponent: u8) -> Result<u64, AmountError> {
        let not_decimal = || AmountError::NotDecimal(text.to_owned());
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().map_err(|_| not_decimal())?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(not_decimal());
        }
        let fraction_digits = i32::try_from(fraction.len()).unwrap_or(i32::MAX);
        // Value = digits x 10^(power - fraction digits); minor units multiply by 10^exponent.
        let scale = power.saturating_sub(fraction_digits).saturating_add(i32::from(exponent));
        let significant = digits.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(0);
        }
        let minor = if scale >= 0 {
            if scale > 18 {
                return Err(AmountError::TooLarge(text.to_owned()));
            }
            format!("{significant}{}", "0".repeat(scale.unsigned_abs() as usize))
        } else {
            let cut = scale.unsigned_abs() as usize;
            if cut > 64 {
                return Err(AmountError::TooPrecise {
                    text: text.to_owned(),
                    exponent,
                });
            }
            let padded = format!("{significant:0>width$}", width = cut + 1);
            let (kept, dropped) = padded.split_at(padded.len() - cut);
            if dropped.bytes().any(|digit| digit != b'0') {
                return Err(AmountError::TooPrecise {
                    text: text.to_owned(),
                    exponent,
                });
            }
            kept.to_owned()
        };
        minor.parse().map_err(|_| AmountError::TooLarge(text.to_owned()))
    }

    /// The amount in major units, as JSON would write it without trailing zeros.
    #[must_use]
    pub fn major(&self) -> String {
        let text = self.to_major_fixed();
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    }

    fn to_major_fixed(&self) -> String {
        let exponent = usize::from(self.exponent);
        let digits = format!("{:0>width$}", self.minor, width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency, self.to_major_fixed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_numbers_become_minor_units_exactly() {
        for (text, exponent, minor) in [
            ("125.5", 2, 12_550),
            ("0.1", 2, 10),
            ("1", 2, 100),
            ("1000", 0, 1000),
            ("1.0", 0, 1),
            ("1e3", 2, 100_000),
            ("12550e-2", 2, 12_550),
            ("0", 2, 0),
            ("320.05", 2, 32_005),
            ("0.290", 2, 29),
        ] {
            assert_eq!(Amount::minor_units_of(text, exponent), Ok(minor), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_reason() {
        for text in ["", "-1", "abc", "1.2.3", "1e", "NaN", "."] {
            assert!(
                matches!(Amount::minor_units_of(text, 2), Err(AmountError::NotDecimal(_))),
                "{text}"
            );
        }
        assert!(matches!(Amount::minor_units_of("0.105", 2), Err(AmountError::TooPrecise { .. })));
        assert!(matches!(Amount::minor_units_of("1e400", 2), Err(AmountError::TooLarge(_))));
        assert!(matches!(
            Amount::minor_units_of("1e-999999999999", 2),
            Err(AmountError::NotDecimal(_))
        ));
    }

    #[test]
    fn amounts_are_written_in_major_units() {
        let amount = Amount {
            minor: 12_550,
            currency: "NPR".into(),
            exponent: 2,
        };

        assert_eq!(amount.major(), "125.5");
        assert_eq!(amount.to_string(), "NPR 125.50");
    }
}
