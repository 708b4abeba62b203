//! The reports: which there are, what stands in them, and how they are written. All of it is made
//! from a merchant's seed or own file, without a clock, a file or a socket.

pub(crate) mod calendar;
pub(crate) mod catalogue;
pub(crate) mod checksum;
pub(crate) mod csv;
pub(crate) mod generator;
pub(crate) mod own_csv;
pub(crate) mod summary;

use calendar::Portion;

/// The payment networks that have reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Product {
    /// The shared ATM network: reports of v1.
    San,
    /// The debit card scheme: reports of v1 and v2.
    MyDebit,
    /// The real-time retail payments platform: reports of v2.
    Rpp,
}

impl Product {
    /// The product in a request to v1, in any case. [public: GH]
    pub(crate) fn of_v1(text: &str) -> Option<Self> {
        [Self::San, Self::MyDebit].into_iter().find(|one| one.v1_name().eq_ignore_ascii_case(text))
    }

    /// The product in a request to v2. Any case, as in v1. [public: D-gen; case assumed]
    pub(crate) fn of_v2(text: &str) -> Option<Self> {
        [Self::MyDebit, Self::Rpp].into_iter().find(|one| one.code().eq_ignore_ascii_case(text))
    }

    /// Its name in v1; RPP has none there.
    pub(crate) fn v1_name(self) -> &'static str {
        match self {
            Self::San => "SAN",
            Self::MyDebit => "MYDEBIT",
            Self::Rpp => "RPP",
        }
    }

    /// Its code in v2 and in the column `product`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::San => "SAN",
            Self::MyDebit => "MYD",
            Self::Rpp => "RPP",
        }
    }
}

/// Which transactions of a fiid a report counts. v1 publishes no contents; this division follows
/// the subjects of its codes. \[assumed\]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Only {
    /// All of them.
    Everything,
    /// Those in which the fiid receives.
    Acquired,
    /// Those in which the fiid pays.
    Issued,
    /// Those in a foreign currency.
    Foreign,
    /// Those up to RM 5 000.
    UpTo5000,
    /// Those above RM 5 000.
    Above5000,
}

impl Only {
    const BOUND_SEN: u64 = 500_000;

    fn takes(self, is_debit: bool, is_foreign: bool, amount: u64) -> bool {
        match self {
            Self::Everything => true,
            Self::Acquired => !is_debit,
            Self::Issued => is_debit,
            Self::Foreign => is_foreign,
            Self::UpTo5000 => amount <= Self::BOUND_SEN,
            Self::Above5000 => amount > Self::BOUND_SEN,
        }
    }
}

/// Rows of one day that a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slice {
    /// The whole day or one cycle.
    pub portion: Portion,
    /// Which of its transactions.
    pub only: Only,
}

impl Slice {
    /// A whole day.
    pub(crate) const DAY: Self = Self {
        portion: Portion::Day,
        only: Only::Everything,
    };
}

/// Known answers: `fixtures/paynet/reports/check.py` recomputed them from the files beside it.
#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use jiff::civil::date;
    use serde_json::Value;

    use super::checksum::Checksum;
    use super::csv::{Columns, CsvBlocks, Dialect};
    use super::own_csv::OwnCsv;
    use super::summary::{Books, Period, SummaryMoney, Tally};
    use super::*;

    const GENERATED: Books = Books::Generated {
        seed: 20_260_215,
        rows_per_day: 300,
    };

    const FILES: [(&str, Product, Dialect); 3] = [
        ("myd_newer.csv", Product::MyDebit, Dialect::Newer),
        ("myd_older.csv", Product::MyDebit, Dialect::Older),
        ("rpp_newer.csv", Product::Rpp, Dialect::Newer),
    ];

    fn path(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/paynet/reports").join(name)
    }

    fn file(books: &Books, product: Product, dialect: Dialect) -> CsvBlocks {
        books.itemised("A1001", product, date(2026, 2, 15), Slice::DAY, &Columns::all(dialect))
    }

    /// Rewrites the files; then run the script. Only after a deliberate change.
    #[test]
    #[ignore = "writes into the fixtures"]
    fn write_the_files_anew() {
        for (name, product, dialect) in FILES {
            let bytes: Vec<u8> = file(&GENERATED, product, dialect).flatten().collect();
            fs::write(path(name), bytes).expect("written");
        }
    }

    #[test]
    fn another_tool_finds_the_same_rows_sizes_digests_and_sums() {
        let expected = fs::read(path("expected.json")).expect("the script's result");
        let expected: Value = serde_json::from_slice(&expected).expect("JSON");
        for (name, product, dialect) in FILES {
            let written = fs::read(path(name)).expect("a fixture");
            let own = Books::Own(Arc::new(OwnCsv::read(&written).expect("a file")));
            for books in [&GENERATED, &own] {
                let bytes: Vec<u8> = file(books, product, dialect).flatten().collect();
                assert!(bytes == written, "{name} is no longer what is written");
                let checksum = Checksum::of(file(books, product, dialect));
                assert_eq!(checksum.json(), expected[name]["checksum"]);
                for (part, portion) in
                    [("day", Portion::Day), ("001", Portion::First), ("002", Portion::Second)]
                {
                    let period = Period::Day(date(2026, 2, 15), portion);
                    let summary = books.summary("A1001", product, period, Only::Everything);
                    holds(&summary.total(), &expected[name]["sums"][part]);
                    let of_lines: u64 = summary
                        .rows(SummaryMoney::Text, Dialect::Newer)
                        .iter()
                        .filter_map(|line| line["debit_volume"].as_u64())
                        .sum();
                    assert_eq!(of_lines, summary.total().debit_volume);
                }
            }
        }
    }

    fn holds(total: &Tally, expected: &Value) {
        let money = |sen: i128| {
            let sign = if sen < 0 { "-" } else { "" };
            format!("{sign}{}.{:02}", sen.abs() / 100, sen.abs() % 100)
        };
        assert_eq!(expected["debit_volume"], total.debit_volume);
        assert_eq!(expected["credit_volume"], total.credit_volume);
        assert_eq!(expected["net_total"], money(total.net_total()));
        for (name, sen) in [
            ("debit_amount", total.debit_amount),
            ("debit_interchange_fee", total.debit_interchange_fee.fee),
            ("debit_interchange_fee_tax", total.debit_interchange_fee.tax),
            ("debit_network_fee", total.debit_network_fee.fee),
            ("debit_network_fee_tax", total.debit_network_fee.tax),
            ("credit_amount", total.credit_amount),
            ("credit_interchange_fee", total.credit_interchange_fee.fee),
            ("credit_interchange_fee_tax", total.credit_interchange_fee.tax),
        ] {
            assert_eq!(expected[name], money(sen.into()), "{name}");
        }
    }
}
