//! The transactions of a fiid's day, made from a seed. Each row is a function of its number alone:
//! any cycle can be made without the rows before it, and nothing is kept in memory.

use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;

use super::calendar::{Portion, second_cycle_begins};
use super::csv::Column;
use super::summary::{Counted, Tally};
use super::{Only, Product, Slice};

/// Most rows of a day.
pub(crate) const MOST_ROWS_PER_DAY: u32 = 1_000_000;

/// What a day is made from.
#[derive(Clone, Debug)]
pub(crate) struct Day {
    key: u64,
    fiid: Arc<str>,
    product: Product,
    date: Date,
    rows: u32,
}

/// The facts of one transaction, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Its number in the day, from 0.
    pub row: u32,
    /// Milliseconds since midnight in Malaysia.
    pub millis: u32,
    /// The purchase that it takes back.
    pub original: Option<u32>,
    /// Whether the fiid pays.
    pub is_debit: bool,
    /// Whether it went through. What did not costs no fees and counts in no summary.
    pub is_approved: bool,
    /// Amounts in sen; the first includes the cash that was handed out.
    pub amount: u64,
    pub cashout_amount: u64,
    pub cashout_fee: u64,
    pub network_fee: u64,
    pub interchange_fee: u64,
    pub locaf_fee: u64,
    /// The payer's currency if it is not the ringgit: its place in [`CURRENCIES`] and millionths of
    /// a ringgit for one unit.
    pub foreign: Option<(usize, u64)>,
    /// What the texts are drawn from.
    bits: u64,
}

/// ISO 4217 numeric codes with millionths of a ringgit, about right.
const CURRENCIES: [(&str, u64); 5] =
    [("702", 3_290_000), ("764", 131_000), ("360", 268), ("840", 4_410_000), ("156", 612_000)];

/// The ringgit. [public: D-new]
const LOCAL_CURRENCY: &str = "458";

const RPP_BANKS: [&str; 6] =
    ["BKAAMYKL", "BKBBMYKL", "BKCCMYKL", "BKDDMYKL", "BKEEMYKL", "BKFFMYKL"];
const CARD_BANKS: [&str; 6] = ["A1001", "B2002", "C3003", "D4004", "E5005", "F6006"];
// A comma and a quotation mark are among them, because such names occur and parsers trip over them.
const SHOPS: [&str; 8] = [
    "KEDAI RUNCIT MAJU",
    "RESTORAN SERI PAGI",
    "STESEN MINYAK UTARA",
    "FARMASI, KLINIK & OPTIK",
    "KEDAI BUKU \"ILMU\"",
    "PASAR MINI SENTOSA",
    "BENGKEL KERETA JAYA",
    "BUTIK MELATI",
];
const PEOPLE: [&str; 8] = [
    "PEMBAYAR SATU",
    "PEMBAYAR DUA",
    "PEMBAYAR TIGA",
    "PEMBAYAR EMPAT",
    "PEMBAYAR LIMA",
    "PEMBAYAR ENAM",
    "PEMBAYAR TUJUH",
    "PEMBAYAR LAPAN",
];
const CITIES: [(&str, &str); 6] = [
    ("KUALA LUMPUR", "KUL"),
    ("GEORGE TOWN", "PNG"),
    ("JOHOR BAHRU", "JHR"),
    ("KUCHING", "SWK"),
    ("IPOH", "PRK"),
    ("MELAKA", "MLK"),
];
const SHOP_KINDS: [&str; 6] = ["5411", "5812", "5541", "5912", "5942", "7538"];
const DECLINES: [&str; 4] = ["51", "55", "61", "91"];

/// How many of 256 transactions fall into each hour.
const HOURS: [u8; 24] =
    [3, 2, 1, 1, 1, 2, 4, 8, 12, 14, 16, 18, 21, 20, 17, 15, 15, 17, 19, 18, 14, 9, 6, 3];

/// For each of the 256 parts of the day's transactions: the hour, and how many parts lie before it.
const HOUR_OF_PART: [(usize, u64); 256] = {
    let mut parts = [(0, 0); 256];
    let (mut hour, mut part, mut before) = (0, 0, 0);
    while hour < 24 {
        let end = part + HOURS[hour] as usize;
        while part < end {
            parts[part] = (hour, before as u64);
            part += 1;
        }
        before = end;
        hour += 1;
    }
    parts
};

const HOUR_MILLIS: u64 = 3_600_000;

/// The finaliser of `splitmix64`: a bijection that scatters a counter over all 64 bits.
const fn scattered(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The `count` bits from `from` on.
const fn bits(of: u64, from: u32, count: u32) -> u64 {
    (of >> from) & ((1 << count) - 1)
}

fn pick<T: Copy, const N: usize>(list: [T; N], bits: u64) -> T {
    list[usize::try_from(bits % N as u64).unwrap_or(0)]
}

impl Day {
    /// The day of a fiid in a product. More than [`MOST_ROWS_PER_DAY`] rows are cut to it.
    pub(crate) fn new(seed: u64, fiid: &str, product: Product, date: Date, rows: u32) -> Self {
        // Fiids are one whichever their case. [assumed: fiid_case]
        let fiid = fiid.to_ascii_uppercase();
        let texts = fiid.bytes().chain(product.code().bytes());
        let named = texts.fold(scattered(seed ^ STEP), |key, byte| {
            scattered(key.wrapping_add(STEP) ^ u64::from(byte))
        });
        let (year, month, day) = (date.year(), date.month(), date.day());
        let days = i64::from(year) * 512 + i64::from(month) * 32 + i64::from(day);
        Self {
            key: scattered(named ^ days.unsigned_abs().wrapping_mul(STEP)),
            fiid: fiid.into(),
            product,
            date,
            rows: rows.min(MOST_ROWS_PER_DAY),
        }
    }

    /// The numbers of the rows in a part of the day.
    pub(crate) fn range(&self, portion: Portion) -> Range<u32> {
        let boundary = second_cycle_begins(self.product) * 1000;
        match portion {
            Portion::Day => 0..self.rows,
            Portion::First => 0..self.rows_before(boundary),
            Portion::Second => self.rows_before(boundary)..self.rows,
        }
    }

    /// The transactions of a slice, in time order.
    pub(crate) fn transactions(&self, slice: Slice) -> impl Iterator<Item = Facts> {
        self.range(slice.portion)
            .map(|row| self.facts(row))
            .filter(move |facts| facts.is_in(slice.only))
    }

    /// The sums over a slice, for each transaction type.
    pub(crate) fn tallies(&self, slice: Slice) -> [(&'static str, Tally); 2] {
        let mut sums = [Tally::default(), Tally::default()];
        for facts in self.transactions(slice).filter(|facts| facts.is_approved) {
            sums[usize::from(facts.original.is_some())].count(&facts.counted());
        }
        let [purchases, reversals] = sums;
        [(self.kind(false), purchases), (self.kind(true), reversals)]
    }

    /// Times never fall while numbers rise, so that the border is found by halving.
    fn rows_before(&self, millis: u32) -> u32 {
        let mut range = 0..self.rows;
        while !range.is_empty() {
            let middle = range.start + (range.end - range.start) / 2;
            if self.millis(middle) < millis {
                range.start = middle + 1;
            } else {
                range.end = middle;
            }
        }
        range.start
    }

    fn draws(&self, row: u32) -> (u64, u64) {
        let at = self.key.wrapping_add(u64::from(row).wrapping_mul(2).wrapping_mul(STEP));
        (scattered(at), scattered(at.wrapping_add(STEP)))
    }

    fn millis(&self, row: u32) -> u32 {
        self.millis_of(row, self.draws(row).0)
    }

    /// Row and chance give a place within the day's transactions, and the hours' weights its time.
    fn millis_of(&self, row: u32, draw: u64) -> u32 {
        let place =
            ((u64::from(row) << 24 | bits(draw, 0, 24)) << 16) / u64::from(self.rows.max(1));
        // `place` counts 2^40ths of the day's transactions; its first 8 bits name a part.
        let (hour, before) = HOUR_OF_PART[usize::try_from(bits(place, 32, 8)).unwrap_or(0)];
        let into = place - (before << 32);
        let hour_parts = u64::from(HOURS[hour]);
        let millis = ((into >> 8) * HOUR_MILLIS / hour_parts) >> 24;
        u32::try_from(hour as u64 * HOUR_MILLIS + millis).unwrap_or(u32::MAX)
    }

    /// One transaction.
    pub(crate) fn facts(&self, row: u32) -> Facts {
        let (first, second) = self.draws(row);
        let millis = self.millis_of(row, first);
        if let Some(original) = self.taken_back(row, second) {
            let (first, second) = self.draws(original);
            let purchase = self.purchase(original, first, second);
            return Facts {
                row,
                millis,
                original: Some(original),
                // The money goes back the way it came, and the scheme takes nothing for it.
                is_debit: !purchase.is_debit,
                cashout_amount: 0,
                cashout_fee: 0,
                network_fee: 0,
                interchange_fee: 0,
                locaf_fee: 0,
                ..purchase
            };
        }
        Facts {
            millis,
            ..self.purchase(row, first, second)
        }
    }

    /// Four in a hundred take back one of the 64 rows before, if that is an approved purchase.
    fn taken_back(&self, row: u32, second: u64) -> Option<u32> {
        if row == 0 || !wants_to_take_back(second) {
            return None;
        }
        let back = u32::try_from(bits(second, 8, 6)).unwrap_or(0) % row.min(64) + 1;
        let original = row - back;
        let (_, second) = self.draws(original);
        (!wants_to_take_back(second) && is_approved(second)).then_some(original)
    }

    fn purchase(&self, row: u32, first: u64, second: u64) -> Facts {
        let is_approved = is_approved(second);
        let is_debit = bits(second, 20, 1) == 1;
        let (low, high) = match bits(first, 24, 3) {
            0..=3 => (100, 5_000),
            4 | 5 => (5_000, 50_000),
            6 => (50_000, 200_000),
            _ => (200_000, 1_000_000),
        };
        let spent = low + ((bits(first, 27, 32) * (high - low)) >> 32);
        let has_cashout = self.product == Product::MyDebit && bits(second, 21, 5) == 0;
        let cashout_amount = if has_cashout { 5_000 * (1 + bits(second, 26, 2)) } else { 0 };
        let amount = spent + cashout_amount;
        let fee = |is_due: bool, sen: u64| if is_approved && is_due { sen } else { 0 };
        let interchange = match self.product {
            Product::Rpp => 5 + bits(second, 28, 4),
            // 0.15 per cent, half a sen and more rounded up.
            Product::MyDebit | Product::San => (amount * 15 + 5_000) / 10_000,
        };
        let foreign = (bits(second, 32, 5) == 0).then(|| {
            let currency = usize::try_from(bits(second, 37, 8)).unwrap_or(0) % CURRENCIES.len();
            let usual = CURRENCIES[currency].1;
            (currency, usual - usual / 100 + usual * bits(second, 45, 8) / 12_800)
        });
        Facts {
            row,
            millis: 0,
            original: None,
            is_debit,
            is_approved,
            amount,
            cashout_amount,
            cashout_fee: fee(has_cashout, 50),
            network_fee: fee(is_debit, 7 + 4 * bits(second, 53, 2)),
            interchange_fee: fee(true, interchange),
            locaf_fee: fee(is_debit && bits(second, 55, 3) == 0, 10),
            foreign,
            bits: first ^ second.rotate_left(32),
        }
    }

    /// The transaction type. [public: D-new; `011` assumed]
    fn kind(&self, is_reversal: bool) -> &'static str {
        match (self.product, is_reversal) {
            (Product::Rpp, false) => "010",
            (Product::Rpp, true) => "011",
            (_, false) => "PUR",
            (_, true) => "RPRER",
        }
    }

    /// Writes the value of a column, and says whether there is one.
    pub(crate) fn write(&self, facts: &Facts, column: Column, into: &mut Vec<u8>) -> bool {
        let bits_of = |from: u32, count: u32| bits(facts.bits, from, count);
        let is_card = self.product != Product::Rpp;
        // What belongs to one side does not depend on which way the money goes: a reversal has its
        // purchase's draws, and the two sides change places.
        let shop_pays = facts.original.is_some();
        match column {
            Column::SettlementCycle => {
                let is_first = facts.millis < second_cycle_begins(self.product) * 1000;
                let cycle = if is_first { Portion::First } else { Portion::Second };
                text(into, cycle.window().unwrap_or_default())
            }
            Column::Product => text(into, self.product.code()),
            Column::TransactionType => text(into, self.kind(facts.original.is_some())),
            Column::InitiationTime | Column::TranDatetime => self.time(into, facts.millis),
            Column::CompletionTime => {
                let took = u32::try_from(200 + bits_of(0, 11)).unwrap_or(0);
                self.time(into, (facts.millis + took).min(86_399_999))
            }
            Column::PayerFiid | Column::ReceiverFiid => {
                let is_ours = facts.is_debit == (column == Column::PayerFiid);
                if is_ours { text(into, &self.fiid) } else { text(into, self.other_bank(facts)) }
            }
            Column::PayerId | Column::ReceiverId => {
                let is_shop = shop_pays == (column == Column::PayerId);
                if is_shop {
                    into.push(b'M');
                    digits(into, bits_of(12, 20) % 1_000_000, 9)
                } else if is_card {
                    // The shape of a masked number; no card has it.
                    text(into, "000000******");
                    digits(into, bits_of(32, 14) % 10_000, 4)
                } else {
                    digits(into, bits_of(20, 40) % 1_000_000_000_000, 12)
                }
            }
            Column::PayerName | Column::ReceiverName => {
                let is_shop = shop_pays == (column == Column::PayerName);
                text(into, pick(if is_shop { SHOPS } else { PEOPLE }, bits_of(8, 3)))
            }
            Column::Mcc => text(into, pick(SHOP_KINDS, bits_of(12, 8))),
            Column::TraceId => digits(into, u64::from(facts.row) % 1_000_000, 6),
            Column::ReferenceId => self.reference(into, facts.row),
            Column::TransactionStatus => {
                text(into, if facts.is_approved { "Approved" } else { "Declined" })
            }
            Column::ResponseCode => {
                text(into, if facts.is_approved { "00" } else { pick(DECLINES, bits_of(4, 2)) })
            }
            Column::TransactionAmount => money(into, facts.amount),
            Column::CashoutAmount => money(into, facts.cashout_amount),
            Column::CashoutFee => money(into, facts.cashout_fee),
            Column::NetworkFee => money(into, facts.network_fee),
            Column::InterchangeFee => money(into, facts.interchange_fee),
            Column::LocafFee => money(into, facts.locaf_fee),
            Column::ForeignCurrency => {
                text(into, facts.foreign.map_or(LOCAL_CURRENCY, |(at, _)| CURRENCIES[at].0))
            }
            Column::FxRate => {
                let rate = facts.foreign.map_or(1_000_000, |(_, rate)| rate);
                number(into, rate / 1_000_000);
                into.push(b'.');
                digits(into, rate % 1_000_000, 6)
            }
            Column::FxReferenceNumber => {
                facts.foreign.is_some() && {
                    text(into, "FX");
                    digits(into, bits_of(16, 33) % 10_000_000_000, 10)
                }
            }
            Column::ForeignAmount => facts
                .foreign
                .is_some_and(|(_, rate)| money(into, (facts.amount * 1_000_000 + rate / 2) / rate)),
            Column::ApprovalCode => {
                facts.is_approved && digits(into, bits_of(40, 20) % 1_000_000, 6)
            }
            Column::Mti => is_card && text(into, if shop_pays { "0420" } else { "0200" }),
            Column::Eci => is_card && bits_of(30, 3) == 0 && text(into, "05"),
            Column::Pcde => is_card && text(into, if shop_pays { "200000" } else { "000000" }),
            Column::Tpan => {
                is_card && bits_of(33, 2) == 0 && {
                    text(into, "TOKEN");
                    digits(into, bits_of(8, 40) % 10_000_000_000, 10)
                }
            }
            Column::RvCode => shop_pays && text(into, "4021"),
            Column::OemId => false,
            Column::EntryMode => {
                is_card && text(into, if bits_of(35, 1) == 0 { "051" } else { "071" })
            }
            Column::TermCity => is_card && text(into, pick(CITIES, bits_of(36, 8)).0),
            Column::TermState => is_card && text(into, pick(CITIES, bits_of(36, 8)).1),
            Column::OriginalReferenceId => {
                facts.original.is_some_and(|original| self.reference(into, original))
            }
        }
    }

    fn other_bank(&self, facts: &Facts) -> &'static str {
        let banks = if self.product == Product::Rpp { RPP_BANKS } else { CARD_BANKS };
        let at = bits(facts.bits, 24, 16);
        let drawn = pick(banks, at);
        if *drawn == *self.fiid { pick(banks, at + 1) } else { drawn }
    }

    /// Unique in the fiid's day of this product.
    fn reference(&self, into: &mut Vec<u8>, row: u32) -> bool {
        number(into, u64::from(self.date.year().unsigned_abs()));
        digits(into, u64::from(self.date.month().unsigned_abs()), 2);
        digits(into, u64::from(self.date.day().unsigned_abs()), 2);
        text(into, self.product.code());
        digits(into, u64::from(row), 9)
    }

    /// Local time without zone. [public: D-new]
    fn time(&self, into: &mut Vec<u8>, millis: u32) -> bool {
        digits(into, u64::from(self.date.year().unsigned_abs()), 4);
        into.push(b'-');
        digits(into, u64::from(self.date.month().unsigned_abs()), 2);
        into.push(b'-');
        digits(into, u64::from(self.date.day().unsigned_abs()), 2);
        let seconds = u64::from(millis / 1000);
        for (before, value) in [(b'T', seconds / 3600), (b':', seconds / 60 % 60)] {
            into.push(before);
            digits(into, value, 2);
        }
        into.push(b':');
        digits(into, seconds % 60, 2);
        into.push(b'.');
        digits(into, u64::from(millis % 1000), 3)
    }
}

impl Facts {
    /// Whether it belongs to a report's transactions.
    pub(crate) fn is_in(&self, only: Only) -> bool {
        only.takes(self.is_debit, self.foreign.is_some(), self.amount)
    }

    /// What summaries count of it.
    pub(crate) fn counted(&self) -> Counted {
        Counted {
            is_debit: self.is_debit,
            amount: self.amount,
            network_fee: self.network_fee,
            interchange_fee: self.interchange_fee,
            locaf_fee: self.locaf_fee,
        }
    }
}

fn wants_to_take_back(second: u64) -> bool {
    bits(second, 0, 8) < 10
}

fn is_approved(second: u64) -> bool {
    bits(second, 14, 6) >= 2
}

fn text(into: &mut Vec<u8>, text: &str) -> bool {
    into.extend_from_slice(text.as_bytes());
    true
}

/// Exactly `width` digits.
fn digits(into: &mut Vec<u8>, mut value: u64, width: usize) -> bool {
    let start = into.len();
    into.resize(start + width, b'0');
    for place in into[start..].iter_mut().rev() {
        *place = b'0' + (value % 10) as u8;
        value /= 10;
    }
    true
}

fn number(into: &mut Vec<u8>, value: u64) -> bool {
    digits(into, value, value.checked_ilog10().unwrap_or(0) as usize + 1)
}

/// Ringgit with two decimals.
fn money(into: &mut Vec<u8>, sen: u64) -> bool {
    number(into, sen / 100);
    into.push(b'.');
    digits(into, sen % 100, 2)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const PRODUCTS: [Product; 3] = [Product::San, Product::MyDebit, Product::Rpp];

    fn day(seed: u64, product: Product, rows: u32) -> Day {
        Day::new(seed, "a1001", product, date(2026, 2, 15), rows)
    }

    fn part(portion: Portion) -> Slice {
        Slice {
            portion,
            ..Slice::DAY
        }
    }

    #[test]
    fn the_same_input_gives_the_same_day_and_any_other_another() {
        let rows = |day: &Day| day.transactions(Slice::DAY).collect::<Vec<_>>();
        let one = day(7, Product::Rpp, 50);

        assert_eq!(rows(&one), rows(&day(7, Product::Rpp, 50)));
        assert_eq!(rows(&one), rows(&Day::new(7, "A1001", Product::Rpp, date(2026, 2, 15), 50)));
        for other in [
            day(8, Product::Rpp, 50),
            day(7, Product::MyDebit, 50),
            day(7, Product::Rpp, 51),
            Day::new(7, "a1002", Product::Rpp, date(2026, 2, 15), 50),
            Day::new(7, "a1001", Product::Rpp, date(2026, 2, 16), 50),
        ] {
            assert_ne!(rows(&one), rows(&other));
        }
    }

    #[test]
    fn a_cycle_made_alone_is_the_same_part_of_the_day() {
        for (seed, rows) in [(1, 0), (2, 1), (3, 2), (4, 999), (5, 20_000)] {
            for product in PRODUCTS {
                let day = day(seed, product, rows);
                let whole: Vec<Facts> = day.transactions(Slice::DAY).collect();
                let mut parts: Vec<Facts> = day.transactions(part(Portion::First)).collect();
                let boundary = second_cycle_begins(product) * 1000;
                assert!(parts.iter().all(|facts| facts.millis < boundary));
                let second: Vec<Facts> = day.transactions(part(Portion::Second)).collect();
                assert!(second.iter().all(|facts| facts.millis >= boundary));
                parts.extend(second);

                assert_eq!(parts, whole);
                assert!(whole.is_sorted_by_key(|facts| facts.millis));
                assert!(whole.iter().all(|facts| facts.millis < 86_400_000));
            }
        }
    }

    #[test]
    fn a_day_has_some_of_everything() {
        let rows: Vec<Facts> = day(3, Product::MyDebit, 50_000).transactions(Slice::DAY).collect();
        let share = |wanted: &dyn Fn(&Facts) -> bool| {
            rows.iter().filter(|facts| wanted(facts)).count() * 1000 / rows.len()
        };

        assert!((20..50).contains(&share(&|facts| facts.original.is_some())));
        assert!((20..40).contains(&share(&|facts| !facts.is_approved)));
        assert!((450..550).contains(&share(&|facts| facts.is_debit)));
        assert!((20..40).contains(&share(&|facts| facts.foreign.is_some())));
        assert!((20..40).contains(&share(&|facts| facts.cashout_amount > 0)));
        assert!((50..150).contains(&share(&|facts| facts.amount > 500_000)));
        assert!(share(&|facts| facts.millis < 6 * 3_600_000) < 60);
    }

    #[test]
    fn a_reversal_takes_back_an_approved_purchase_before_it() {
        let day = day(11, Product::Rpp, 20_000);
        let mut seen = 0;
        for facts in day.transactions(Slice::DAY) {
            let Some(original) = facts.original else { continue };
            let purchase = day.facts(original);
            seen += 1;
            assert!(original < facts.row && facts.row - original <= 64);
            assert!(purchase.original.is_none() && purchase.is_approved && facts.is_approved);
            assert_eq!(facts.amount, purchase.amount);
            assert_eq!(facts.is_debit, !purchase.is_debit);
        }
        assert!(seen > 300, "{seen}");
    }

    #[test]
    fn more_rows_than_the_most_are_cut() {
        assert_eq!(day(1, Product::Rpp, u32::MAX).range(Portion::Day).end, MOST_ROWS_PER_DAY);
    }

    #[test]
    fn numbers_are_written_exactly() {
        let mut into = Vec::new();
        money(&mut into, 5);
        into.push(b' ');
        money(&mut into, 123_456_789);
        into.push(b' ');
        number(&mut into, 0);
        digits(&mut into, 42, 4);

        assert_eq!(into, b"0.05 1234567.89 00042");
    }
}
