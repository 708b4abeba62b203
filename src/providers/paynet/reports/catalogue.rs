//! The catalogue of reports, v1 and v2, and which of them a client is entitled to.

use serde_json::{Value, json};

use super::calendar::Portion;
use super::{Only, Product};

/// A report code of v1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct V1Code {
    /// The code without a cycle.
    pub code: &'static str,
    /// Its subject. [public: GH]
    pub subject: &'static str,
    /// The products that have it. All are listed for SAN; the provider's examples use some with
    /// MYDEBIT. [public: GH]
    pub products: &'static [Product],
    /// Whether `_C1` and `_C2` may follow.
    pub has_cycles: bool,
    /// What stands in the file.
    pub contents: Contents,
    /// Which transactions it counts.
    pub only: Only,
}

/// What stands in a file of v1. The columns are not published: itemised codes have the columns of
/// v2's itemised file, the others those of its summaries. \[assumed\]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// One row a transaction.
    Itemised,
    /// One row for each transaction type.
    Summary,
    /// The same over the month in which the date lies.
    Monthly,
}

const SAN: &[Product] = &[Product::San];
const BOTH: &[Product] = &[Product::San, Product::MyDebit];

const fn row(
    code: &'static str,
    subject: &'static str,
    products: &'static [Product],
    contents: Contents,
    only: Only,
) -> V1Code {
    V1Code {
        code,
        subject,
        products,
        has_cycles: false,
        contents,
        only,
    }
}

const fn in_cycles(code: V1Code) -> V1Code {
    V1Code {
        has_cycles: true,
        ..code
    }
}

use Contents::{Itemised, Monthly, Summary};
use Only::{Above5000, Acquired, Everything, Foreign, Issued, UpTo5000};

/// Every code of v1. [public: GH]
pub(crate) static V1: [V1Code; 24] = [
    row("AIR02", "acquirer itemised", BOTH, Itemised, Acquired),
    row("IIR03", "issuer itemised", SAN, Itemised, Issued),
    in_cycles(row("BSR01", "bank settlement", SAN, Summary, Everything)),
    in_cycles(row("SETL01", "settlement", BOTH, Summary, Everything)),
    in_cycles(row("SETL02", "net settlement", BOTH, Summary, Everything)),
    row("RECON", "reconciliation file", SAN, Itemised, Everything),
    row("BFR04", "daily bank fee", SAN, Summary, Everything),
    row("BFMR05", "monthly bank fee", SAN, Monthly, Everything),
    row("DIT308", "instant transfer detail", SAN, Itemised, Everything),
    row("SIT307", "instant transfer summary", SAN, Summary, Everything),
    row("SFCUP", "forex summary CUP", SAN, Summary, Foreign),
    row("SFDISC", "forex summary Discover", SAN, Summary, Foreign),
    row("DFCUP", "daily forex UPI/CUP", SAN, Summary, Foreign),
    row("FFCUP", "forex fee", SAN, Summary, Foreign),
    row("STMUPI", "monthly UPI fee", SAN, Monthly, Foreign),
    row("STAT09", "transaction detail, all", SAN, Itemised, Everything),
    row("STAT09ACQ", "transaction detail, acquirer", SAN, Itemised, Acquired),
    row("STAT09ISS", "transaction detail, issuer", SAN, Itemised, Issued),
    row("ST1527", "monthly fee summary", SAN, Monthly, Everything),
    row("ST1528", "monthly transfers up to RM 5 000", SAN, Monthly, UpTo5000),
    row("ST1529", "monthly transfers above RM 5 000", SAN, Monthly, Above5000),
    row("STD1527", "daily fee summary", SAN, Summary, Everything),
    row("STD1528", "daily transfers up to RM 5 000", SAN, Summary, UpTo5000),
    row("STD1529", "daily transfers above RM 5 000", SAN, Summary, Above5000),
];

/// A report code of v1 with its cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct V1Report {
    /// The code.
    pub code: &'static V1Code,
    /// The cycle of its suffix; the whole day without one.
    pub portion: Portion,
}

impl V1Report {
    /// The code as it is requested: `SETL01_C1`.
    pub(crate) fn name(self) -> String {
        let suffix = match self.portion {
            Portion::Day => "",
            Portion::First => "_C1",
            Portion::Second => "_C2",
        };
        format!("{}{suffix}", self.code.code)
    }
}

/// Finds a code of v1, in any case. A cycle only where the code has cycles.
pub(crate) fn find_v1(text: &str) -> Option<V1Report> {
    let upper = text.to_ascii_uppercase();
    let (code, portion) = if let Some(code) = upper.strip_suffix("_C1") {
        (code, Portion::First)
    } else if let Some(code) = upper.strip_suffix("_C2") {
        (code, Portion::Second)
    } else {
        (upper.as_str(), Portion::Day)
    };
    let code = V1.iter().find(|row| row.code == code)?;
    (portion == Portion::Day || code.has_cycles).then_some(V1Report { code, portion })
}

/// Every report of v1, cycles as entries of their own.
pub(crate) fn v1_reports() -> impl Iterator<Item = V1Report> {
    V1.iter().flat_map(|code| {
        let portions: &[Portion] = if code.has_cycles {
            &[Portion::Day, Portion::First, Portion::Second]
        } else {
            &[Portion::Day]
        };
        portions.iter().map(move |portion| V1Report {
            code,
            portion: *portion,
        })
    })
}

/// A report of v2. [public: D-new]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum V2Kind {
    /// `I01`: the itemised file.
    Itemised,
    /// `S01`: the summary of cycle 1.
    First,
    /// `S02`: the summary of cycle 2.
    Second,
    /// `D01`: the summary of a day.
    Day,
    /// `M01`: the summary of a month.
    Month,
}

impl V2Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Itemised, Self::First, Self::Second, Self::Day, Self::Month];

    /// The code after the product.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Itemised => "I01",
            Self::First => "S01",
            Self::Second => "S02",
            Self::Day => "D01",
            Self::Month => "M01",
        }
    }

    /// Finds a code, in any case.
    pub(crate) fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code().eq_ignore_ascii_case(text))
    }

    /// The part of the day that it sums or lists.
    pub(crate) fn portion(self) -> Portion {
        match self {
            Self::First => Portion::First,
            Self::Second => Portion::Second,
            Self::Itemised | Self::Day | Self::Month => Portion::Day,
        }
    }
}

/// The full code of a report of v2: `RPP-I01`.
pub(crate) fn v2_code(product: Product, kind: V2Kind) -> String {
    format!("{}-{}", product.code(), kind.code())
}

/// Which reports a client may have: all, or those included, less those excluded. A code stands for
/// its cycles too. [public: GH]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entitlement {
    /// If there is a list, only these.
    pub include: Option<Vec<String>>,
    /// None of these.
    pub exclude: Vec<String>,
}

impl Entitlement {
    /// Whether the code, full with its cycle or product, is among them.
    pub(crate) fn allows(&self, code: &str) -> bool {
        let whole = code.split_once("_C").map_or(code, |(whole, _)| whole);
        let names = |list: &[String]| {
            list.iter().any(|one| one.eq_ignore_ascii_case(code) || one.eq_ignore_ascii_case(whole))
        };
        self.include.as_deref().is_none_or(names) && !names(&self.exclude)
    }
}

/// The answer to `GET /v1/reports/types`: what the client is not entitled to is left out. [public:
/// GH]
pub(crate) fn v1_types(entitlement: &Entitlement) -> Value {
    let data: Vec<Value> = v1_reports()
        .filter(|report| entitlement.allows(&report.name()))
        .map(|report| {
            let cycle = match report.portion {
                Portion::Day => "",
                Portion::First => ", cycle 1 (AM)",
                Portion::Second => ", cycle 2 (PM)",
            };
            let products: Vec<&str> =
                report.code.products.iter().map(|product| product.v1_name()).collect();
            json!({
                "type": report.name(),
                "name": format!("{}{cycle}", capitalised(report.code.subject)),
                "description": format!("{} report{cycle}", capitalised(report.code.subject)),
                "supported_products": products,
            })
        })
        .collect();
    json!({"success": true, "data": data})
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_any_case_and_cycles_only_where_there_are_cycles() {
        let found = find_v1("setl01_c2").expect("known");

        assert_eq!((found.name().as_str(), found.portion), ("SETL01_C2", Portion::Second));
        assert_eq!(find_v1("SETL01").map(|report| report.portion), Some(Portion::Day));
        for text in ["AIR02_C1", "SETL01_C3", "SETL03", "", "_C1", "SETL01_C1_C1", "SETL01 "] {
            assert_eq!(find_v1(text), None, "{text}");
        }
        assert_eq!(V2Kind::find("m01"), Some(V2Kind::Month));
        assert_eq!(V2Kind::find("I02"), None);
        assert_eq!(v2_code(Product::Rpp, V2Kind::First), "RPP-S01");
    }

    #[test]
    fn every_code_stands_once_and_can_be_found() {
        for report in v1_reports() {
            assert_eq!(find_v1(&report.name()), Some(report));
            assert!(report.code.products.contains(&Product::San), "{}", report.name());
        }
        assert_eq!(v1_reports().count(), 24 + 3 * 2);
    }

    #[test]
    fn what_a_client_may_not_have_is_left_out() {
        let lists = |include: Option<&[&str]>, exclude: &[&str]| Entitlement {
            include: include.map(|list| list.iter().map(|&code| code.to_owned()).collect()),
            exclude: exclude.iter().map(|&code| code.to_owned()).collect(),
        };
        let types = |entitlement: &Entitlement| -> Vec<String> {
            v1_types(entitlement)["data"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|entry| entry["type"].as_str().expect("a code").to_owned())
                .collect()
        };

        assert_eq!(types(&Entitlement::default()).len(), 30);
        assert_eq!(
            types(&lists(Some(&["setl01", "RECON"]), &["SETL01_C2"])),
            ["SETL01", "SETL01_C1", "RECON"]
        );
        assert!(!lists(None, &["rpp-m01"]).allows("RPP-M01"));
        assert!(lists(None, &["RPP-M01"]).allows("RPP-D01"));
        assert!(types(&lists(Some(&[]), &[])).is_empty());
    }

    #[test]
    fn an_entry_has_the_published_members() {
        let answer = v1_types(&Entitlement {
            include: Some(vec!["AIR02".into()]),
            exclude: vec![],
        });

        assert_eq!(
            answer.to_string(),
            r#"{"success":true,"data":[{"type":"AIR02","name":"Acquirer itemised","description":"Acquirer itemised report","supported_products":["SAN","MYDEBIT"]}]}"#
        );
    }
}
