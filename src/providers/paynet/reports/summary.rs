//! The summaries S01, S02, D01 and M01: sums over the same transactions that the itemised file lists.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::calendar::{Month, Portion};
use super::csv::Dialect;
use super::generator::Day;
use super::own_csv::OwnCsv;
use super::{Only, Product, Slice};

/// Service tax on fees, in per cent. [assumed: the Malaysian rate]
const TAX_PERCENT: u64 = 8;

/// The code beside each tax. \[assumed\]
const TAX_CODE: &str = "SV-8";

/// Where a merchant's transactions come from.
#[derive(Clone, Debug)]
pub(crate) enum Books {
    /// Made from a seed.
    Generated {
        /// The merchant's seed.
        seed: u64,
        /// Transactions of each day, up to [`super::generator::MOST_ROWS_PER_DAY`].
        rows_per_day: u32,
    },
    /// Read from the merchant's own file.
    Own(Arc<OwnCsv>),
}

/// How money is written in summaries: published both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SummaryMoney {
    /// A string with two decimals.
    Text,
    /// A JSON number.
    Decimal,
}

/// What a summary counts of one approved transaction. Amounts in sen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub is_debit: bool,
    pub amount: u64,
    pub network_fee: u64,
    pub interchange_fee: u64,
    pub locaf_fee: u64,
}

/// Sums over the approved transactions of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub debit_volume: u64,
    pub debit_amount: u64,
    pub debit_interchange_fee: Fee,
    pub debit_network_fee: Fee,
    pub debit_locaf_fee: Fee,
    pub credit_volume: u64,
    pub credit_amount: u64,
    pub credit_interchange_fee: Fee,
}

/// A fee and its tax. The tax of a sum is the sum of the taxes, so that parts add up to the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fee {
    pub fee: u64,
    pub tax: u64,
}

impl Fee {
    fn add(&mut self, fee: u64) {
        self.fee += fee;
        self.tax += (fee * TAX_PERCENT + 50) / 100;
    }

    fn merge(&mut self, other: Self) {
        self.fee += other.fee;
        self.tax += other.tax;
    }
}

impl Tally {
    /// Counts one approved transaction. Network and locaf fees are the payer's; no source has them
    /// on the receiver's side.
    pub(crate) fn count(&mut self, one: &Counted) {
        if one.is_debit {
            self.debit_volume += 1;
            self.debit_amount += one.amount;
            self.debit_interchange_fee.add(one.interchange_fee);
            self.debit_network_fee.add(one.network_fee);
            self.debit_locaf_fee.add(one.locaf_fee);
        } else {
            self.credit_volume += 1;
            self.credit_amount += one.amount;
            self.credit_interchange_fee.add(one.interchange_fee);
        }
    }

    /// Takes in the sums of another part.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.debit_volume += other.debit_volume;
        self.debit_amount += other.debit_amount;
        self.debit_interchange_fee.merge(other.debit_interchange_fee);
        self.debit_network_fee.merge(other.debit_network_fee);
        self.debit_locaf_fee.merge(other.debit_locaf_fee);
        self.credit_volume += other.credit_volume;
        self.credit_amount += other.credit_amount;
        self.credit_interchange_fee.merge(other.credit_interchange_fee);
    }

    /// Debit less credit, in sen.
    pub(crate) fn net_total(&self) -> i128 {
        i128::from(self.debit_amount) - i128::from(self.credit_amount)
    }
}

/// The period of a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Period {
    /// A day or a cycle of it.
    Day(Date, Portion),
    /// A month.
    Month(Month),
}

/// A summary: one line for each transaction type, types without transactions included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    fiid: String,
    period: Period,
    lines: BTreeMap<String, Tally>,
}

impl Books {
    /// Sums a period up. A month of a million generated transactions a day is 31 million cheap
    /// functions of a counter, about a second of work: whoever serves it leaves the executor's
    /// threads alone meanwhile, and may keep the result, which never changes.
    pub(crate) fn summary(
        &self,
        fiid: &str,
        product: Product,
        period: Period,
        only: Only,
    ) -> Summary {
        let mut lines = BTreeMap::new();
        match period {
            Period::Day(date, portion) => {
                self.add(&mut lines, fiid, product, date, Slice { portion, only });
            }
            Period::Month(month) => {
                for date in month.days() {
                    let slice = Slice { only, ..Slice::DAY };
                    self.add(&mut lines, fiid, product, date, slice);
                }
            }
        }
        Summary {
            fiid: fiid.to_ascii_uppercase(),
            period,
            lines,
        }
    }

    fn add(
        &self,
        lines: &mut BTreeMap<String, Tally>,
        fiid: &str,
        product: Product,
        date: Date,
        slice: Slice,
    ) {
        match self {
            Self::Generated { seed, rows_per_day } => {
                let day = Day::new(*seed, fiid, product, date, *rows_per_day);
                for (kind, tally) in day.tallies(slice) {
                    lines.entry(kind.to_owned()).or_default().merge(&tally);
                }
            }
            Self::Own(file) => {
                for row in file.rows(fiid, product, date, slice) {
                    let tally = lines.entry(file.kind(row).to_owned()).or_default();
                    if let Some(counted) = file.counted(row, fiid) {
                        tally.count(&counted);
                    }
                }
            }
        }
    }
}

impl Summary {
    /// The names of a line's members, for a day and for a month. [public: D-new]
    pub(crate) fn members(is_month: bool) -> Vec<&'static str> {
        let empty = Tally::default();
        let head: &[&str] = if is_month { &MONTH_HEAD } else { &DAY_HEAD };
        head.iter()
            .copied()
            .chain(values(&empty, is_month).into_iter().map(|(name, _)| name))
            .collect()
    }

    /// Those that one of the two published versions has.
    pub(crate) fn members_in(
        dialect: Dialect,
        is_month: bool,
    ) -> impl Iterator<Item = &'static str> {
        Self::members(is_month).into_iter().filter(move |name| is_known(name, dialect))
    }

    /// All lines together.
    #[cfg(test)]
    pub(crate) fn total(&self) -> Tally {
        self.lines.values().fold(Tally::default(), |mut sum, line| {
            sum.merge(line);
            sum
        })
    }

    /// The lines as JSON objects.
    pub(crate) fn rows(&self, money: SummaryMoney, dialect: Dialect) -> Vec<Map<String, Value>> {
        self.lines
            .iter()
            .map(|(kind, tally)| {
                let (head, is_month) = self.head(kind);
                let values = values(tally, is_month).into_iter();
                head.into_iter()
                    .filter(|(name, _)| is_known(name, dialect))
                    .chain(values.map(|(name, value)| (name, value.json(money))))
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()
            })
            .collect()
    }

    fn head(&self, kind: &str) -> (Vec<(&'static str, Value)>, bool) {
        match self.period {
            Period::Day(date, portion) => {
                let window = portion.window().map_or(Value::Null, Value::from);
                let values =
                    [self.fiid.as_str().into(), date.to_string().into(), window, kind.into()];
                (DAY_HEAD.into_iter().zip(values).collect(), false)
            }
            Period::Month(month) => {
                let values = [self.fiid.as_str().into(), month.to_string().into(), kind.into()];
                (MONTH_HEAD.into_iter().zip(values).collect(), true)
            }
        }
    }
}

/// The older text knows no `settlement_window`. [public: D-new]
fn is_known(member: &str, dialect: Dialect) -> bool {
    dialect == Dialect::Newer || member != SETTLEMENT_WINDOW
}

const SETTLEMENT_WINDOW: &str = "settlement_window";
const DAY_HEAD: [&str; 4] = ["fiid", "settlement_date", SETTLEMENT_WINDOW, "transaction_type"];
const MONTH_HEAD: [&str; 3] = ["fiid", "month", "transaction_type"];

/// A value of a line.
enum Cell {
    Count(u64),
    Sen(i128),
    Code(&'static str),
}

impl Cell {
    fn json(&self, money: SummaryMoney) -> Value {
        match self {
            Self::Count(count) => (*count).into(),
            Self::Code(code) => (*code).into(),
            Self::Sen(sen) => {
                let text = decimal(*sen);
                match money {
                    SummaryMoney::Text => text.into(),
                    // The nearest double prints as these digits again up to 15 of them, which is
                    // more than any month has.
                    SummaryMoney::Decimal => text.parse::<f64>().map_or(Value::Null, Value::from),
                }
            }
        }
    }
}

/// Ringgit with two decimals.
fn decimal(sen: i128) -> String {
    let sign = if sen < 0 { "-" } else { "" };
    let sen = sen.unsigned_abs();
    format!("{sign}{}.{:02}", sen / 100, sen % 100)
}

/// Members in their published order; those of a month have the prefix `total_`. [public: D-new]
fn values(tally: &Tally, is_month: bool) -> Vec<(&'static str, Cell)> {
    let mut values = Vec::with_capacity(20);
    // Names are literals with the prefix in front, which a day leaves out.
    let mut push = |name: &'static str, cell| {
        values.push((if is_month { name } else { &name["total_".len()..] }, cell));
    };
    let sen = |amount: u64| Cell::Sen(i128::from(amount));
    push("total_debit_volume", Cell::Count(tally.debit_volume));
    push("total_debit_amount", sen(tally.debit_amount));
    push("total_debit_interchange_fee", sen(tally.debit_interchange_fee.fee));
    push("total_debit_interchange_fee_tax", sen(tally.debit_interchange_fee.tax));
    push("total_debit_interchange_fee_tax_code", Cell::Code(TAX_CODE));
    push("total_debit_network_fee", sen(tally.debit_network_fee.fee));
    push("total_debit_network_fee_tax", sen(tally.debit_network_fee.tax));
    push("total_debit_network_fee_tax_code", Cell::Code(TAX_CODE));
    push("total_debit_locaf_fee", sen(tally.debit_locaf_fee.fee));
    push("total_debit_locaf_fee_tax", sen(tally.debit_locaf_fee.tax));
    push("total_debit_locaf_fee_tax_code", Cell::Code(TAX_CODE));
    push("total_credit_volume", Cell::Count(tally.credit_volume));
    push("total_credit_amount", sen(tally.credit_amount));
    push("total_credit_interchange_fee", sen(tally.credit_interchange_fee.fee));
    push("total_credit_interchange_fee_tax", sen(tally.credit_interchange_fee.tax));
    push("total_credit_interchange_fee_tax_code", Cell::Code(TAX_CODE));
    push("total_net_total", Cell::Sen(tally.net_total()));
    values
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::providers::paynet::reports::calendar::read_month;

    fn books(seed: u64, rows_per_day: u32) -> Books {
        Books::Generated { seed, rows_per_day }
    }

    fn of_day(books: &Books, product: Product, portion: Portion) -> Summary {
        let period = Period::Day(date(2026, 2, 15), portion);
        books.summary("A1001", product, period, Only::Everything)
    }

    fn sum(parts: &[Tally]) -> Tally {
        parts.iter().fold(Tally::default(), |mut sum, part| {
            sum.merge(part);
            sum
        })
    }

    #[test]
    fn both_cycles_together_are_the_day_and_the_day_is_its_transactions() {
        for (seed, rows) in [(1, 0), (2, 1), (3, 7), (4, 1_000), (u64::MAX, 30_000)] {
            for product in [Product::San, Product::MyDebit, Product::Rpp] {
                let books = books(seed, rows);
                let day = of_day(&books, product, Portion::Day);
                let cycles = [Portion::First, Portion::Second]
                    .map(|portion| of_day(&books, product, portion));
                let mut listed = Tally::default();
                Day::new(seed, "A1001", product, date(2026, 2, 15), rows)
                    .transactions(Slice::DAY)
                    .filter(|facts| facts.is_approved)
                    .for_each(|facts| listed.count(&facts.counted()));

                for (kind, tally) in &day.lines {
                    let parts = [cycles[0].lines[kind], cycles[1].lines[kind]];
                    assert_eq!(sum(&parts), *tally);
                }
                assert_eq!(day.total(), listed);
            }
        }
    }

    #[test]
    fn the_days_of_a_month_add_up_to_it() {
        for (seed, month) in [(1, "2026-02"), (2, "2028-02"), (3, "2026-12")] {
            let books = books(seed, 200);
            let month = read_month(month).expect("a month");
            let summed =
                |period| books.summary("BKAAMYKL", Product::Rpp, period, Only::Everything).total();

            let days: Vec<Tally> =
                month.days().map(|date| summed(Period::Day(date, Portion::Day))).collect();

            assert_eq!(sum(&days), summed(Period::Month(month)));
            assert!(sum(&days).debit_volume > 2_000);
        }
    }

    #[test]
    fn parts_by_amount_and_by_side_add_up_too() {
        let books = books(5, 5_000);
        let period = Period::Day(date(2026, 2, 15), Portion::Day);
        let total = |only| books.summary("A1001", Product::San, period, only).total();

        let whole = total(Only::Everything);

        assert_eq!(sum(&[total(Only::UpTo5000), total(Only::Above5000)]), whole);
        assert_eq!(sum(&[total(Only::Acquired), total(Only::Issued)]), whole);
        assert!(total(Only::Foreign).debit_volume < whole.debit_volume / 10);
    }

    #[test]
    fn money_is_a_string_with_two_decimals_or_a_number() {
        let mut tally = Tally::default();
        tally.count(&Counted {
            is_debit: false,
            amount: 12_350,
            network_fee: 0,
            interchange_fee: 19,
            locaf_fee: 0,
        });
        let summary = Summary {
            fiid: "A1001".into(),
            period: Period::Day(date(2026, 2, 15), Portion::First),
            lines: BTreeMap::from([("PUR".to_owned(), tally)]),
        };

        let text = &summary.rows(SummaryMoney::Text, Dialect::Newer)[0];
        let decimal = &summary.rows(SummaryMoney::Decimal, Dialect::Newer)[0];

        assert_eq!(text["settlement_window"], "001");
        assert_eq!(text["credit_volume"], 1);
        assert_eq!(text["credit_amount"], "123.50");
        assert_eq!(text["credit_interchange_fee_tax"], "0.02");
        assert_eq!(text["net_total"], "-123.50");
        assert_eq!(text["debit_amount"], "0.00");
        assert_eq!(decimal["net_total"].to_string(), "-123.5");
        let names: Vec<&str> = text.keys().map(String::as_str).collect();
        assert_eq!(names, Summary::members(false));
    }

    #[test]
    fn a_month_has_its_own_names() {
        let period = Period::Month(read_month("2026-02").expect("a month"));
        let summary = books(1, 3).summary("a1001", Product::MyDebit, period, Only::Everything);

        let rows = summary.rows(SummaryMoney::Text, Dialect::Newer);

        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0]["fiid"], "A1001");
        assert_eq!(rows[0]["month"], "2026-02");
        assert_eq!(rows[0]["transaction_type"], "PUR");
        assert!(rows[0].contains_key("total_debit_interchange_fee_tax_code"));
        assert!(rows[0].contains_key("total_net_total"));
        assert!(!rows[0].contains_key("settlement_date"));
    }
}
