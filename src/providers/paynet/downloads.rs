//! One-time URLs and the files behind them. A link holds the recipe of its file; the file is made
//! while it leaves, and of fifty who fetch it at once exactly one gets it.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::{iter, mem};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answers::{broken, merchant_of, told};
use super::constants::FILE_PATH;
use super::errors::OTT_INVALID;
use super::ladder::{FILE_CHECKS, LINK_FRESH, LINK_KNOWN, LINK_UNUSED};
use super::merchant::PaynetMerchant;
use super::messages::message;
use super::reports::Product;
use super::reports::calendar::{Month, Portion, read_date};
use super::reports::catalogue::{Contents, find_v1};
use super::reports::checksum::Checksum;
use super::reports::csv::{Columns, CsvBlocks, Dialect};
use super::reports::summary::Period;
use super::reports::{Only, Slice};
use super::security::{instant, shown};
use super::settings::Settings;
use crate::blueprint::{
    BodyStream, Call, Decision, Merchant, Pieces, Refusal, Reply, ReplyBody, Verified,
};
use crate::checks::Failure;
use crate::scenario::Outcome;
use crate::store::{Change, Issued, Transaction, TransactionChange};

/// What the store calls a link.
pub(super) const KIND: &str = "link";
pub(super) const UNUSED: &str = "unused";
pub(super) const EXPIRED: &str = "expired";
const USED: &str = "used";
const MEDIA: &str = "text/csv";

/// All that is needed to make a file again, byte for byte.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Recipe {
    pub fiid: String,
    pub product: String,
    /// A code of v1 with its cycle, or `I01`.
    pub report: String,
    pub date: String,
    /// The columns of v2's file; empty: all of them.
    pub fields: Vec<String>,
    pub dialect: Dialect,
    pub rows_per_day: u64,
}

/// A one-time link as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Link {
    pub name: String,
    pub recipe: Recipe,
    pub sum: Checksum,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    /// Whoever used it, as it named itself.
    pub used_by: Option<String>,
}

/// A link that is there to be used.
#[derive(Clone, Debug)]
pub(super) struct Fetch {
    key: String,
    version: i64,
    link: Link,
}

/// A new link: its URL, and what has to be written with the answer that names it.
pub(super) struct NewLink {
    pub url: String,
    pub expires_at: Timestamp,
    pub changes: Vec<Change>,
}

impl Recipe {
    /// The file, block by block.
    pub(super) fn blocks(&self, merchant: &PaynetMerchant) -> Result<CsvBlocks, String> {
        let damaged = |what: &str| format!("the recipe of a file has a {what} that does not exist");
        let books = merchant.books(self.rows_per_day);
        let dialect = self.dialect;
        let date = read_date(&self.date).ok_or_else(|| damaged("date"))?;
        let Some(report) = find_v1(&self.report) else {
            let product = Product::of_v2(&self.product).ok_or_else(|| damaged("product"))?;
            let names = self.fields.iter().map(String::as_str);
            let columns = Columns::select(dialect, names).map_err(|fault| fault.to_string())?;
            return Ok(books.itemised(&self.fiid, product, date, Slice::DAY, &columns));
        };
        let product = Product::of_v1(&self.product).ok_or_else(|| damaged("product"))?;
        let only: Only = report.code.only;
        let portion: Portion = report.portion;
        let period = match report.code.contents {
            Contents::Itemised => {
                let slice = Slice { portion, only };
                return Ok(books.itemised(
                    &self.fiid,
                    product,
                    date,
                    slice,
                    &Columns::all(dialect),
                ));
            }
            Contents::Summary => Period::Day(date, portion),
            Contents::Monthly => Period::Month(Month::of(date)),
        };
        let is_month = report.code.contents == Contents::Monthly;
        Ok(books.summary(&self.fiid, product, period, only).file(dialect, is_month))
    }

    /// Rows, size and MD5: the whole file is made once, on a thread that may take its time.
    pub(super) async fn sum(&self, merchant: &Arc<PaynetMerchant>) -> Result<Checksum, Refusal> {
        let recipe = self.clone();
        let making = merchant.work(move |merchant| recipe.blocks(merchant).map(Checksum::of));
        making.await?.map_err(|reason| Refusal::Internal { reason })
    }
}

/// Makes a link to a file.
pub(super) fn new_link(
    call: &Call,
    merchant: &Merchant,
    recipe: Recipe,
    sum: Checksum,
    lifetime: SignedDuration,
) -> Result<NewLink, Refusal> {
    let ott = call.services().ids.hex_128();
    let expires_at = call.now().saturating_add(lifetime).unwrap_or(Timestamp::MAX);
    let name = format!(
        "{}_{}_{}_{}.csv",
        recipe.product.to_ascii_uppercase(),
        recipe.report.to_ascii_uppercase(),
        recipe.fiid,
        recipe.date
    );
    let url = format!("{}{}?name={name}&ott={ott}", call.origin(), FILE_PATH);
    let link = Link {
        name,
        recipe,
        sum,
        expires_at,
        used_at: None,
        used_by: None,
    };
    let issued = Issued {
        provider: "paynet".to_owned(),
        name: ott.clone(),
        merchant: merchant.id().to_owned(),
        kind: KIND.to_owned(),
        key: ott.clone(),
    };
    let change = link_change(merchant.id(), ott, None, UNUSED, &link, call.now())?;
    Ok(NewLink {
        url,
        expires_at,
        changes: vec![change, Change::Issue(issued)],
    })
}

fn link_change(
    merchant: &str,
    key: String,
    decided_on: Option<i64>,
    status: &str,
    link: &Link,
    at: Timestamp,
) -> Result<Change, Refusal> {
    let state = serde_json::to_string(link).map_err(|error| Refusal::Internal {
        reason: format!("a link cannot be written: {error}"),
    })?;
    Ok(Change::Transaction(TransactionChange {
        merchant: merchant.to_owned(),
        provider: "paynet".to_owned(),
        kind: KIND,
        key,
        decided_on,
        status: status.to_owned(),
        state,
        at,
        due_at: None,
    }))
}

/// The ladder of a one-time URL.
pub(super) async fn fetch(call: Call) -> Result<Verified<Fetch>, Refusal> {
    let known = known(&call).await?;
    let found = call.step(&LINK_KNOWN, known)?;
    let link: Link = serde_json::from_str(&found.state).map_err(|error| Refusal::Internal {
        reason: format!("the link {} cannot be read: {error}", found.key),
    })?;
    call.set_subject(link.name.clone());
    call.set_opened(json!({"name": link.name}));
    let unused = match link.used_at {
        None => Ok(()),
        Some(at) => Err(Failure::new(
            "the first use of the link",
            format!(
                "another one: it was used at {}, {} s ago, by {}",
                instant(at.as_second()),
                (call.now().as_second() - at.as_second()).max(0),
                link.used_by.as_deref().unwrap_or("a client that did not name itself")
            ),
        )),
    };
    call.step(&LINK_UNUSED, unused)?;
    let (now, end) = (call.now(), link.expires_at);
    let fresh = if now < end {
        Ok(())
    } else {
        let late = now.as_second() - end.as_second();
        Err(Failure::new(
            format!("a use before {}", instant(end.as_second())),
            format!("one {late} s after the link expired"),
        ))
    };
    call.step(&LINK_FRESH, fresh)?;
    let fetch = Fetch {
        key: found.key.clone(),
        version: found.version,
        link,
    };
    call.verified(&FILE_CHECKS, fetch)
}

async fn known(call: &Call) -> Result<Result<Arc<Transaction>, Failure>, Refusal> {
    let wanted = "a one-time token that was issued here, in the parameter ott";
    let Some(issued) = call.issued() else {
        return Ok(Err(match super::security::one_time_token(call.received().target()) {
            None => Failure::new(wanted, "no parameter ott"),
            Some(ott) => Failure::new(wanted, format!("{}, which is unknown", shown(&ott))),
        }));
    };
    let found = call.services().store.transaction(&issued.merchant, KIND, &issued.key).await;
    match found {
        Ok(Some(found)) => Ok(Ok(found)),
        Ok(None) => Ok(Err(Failure::new(wanted, "a token whose link was cleared by a reset"))),
        Err(error) => Err(Refusal::Internal {
            reason: error.to_string(),
        }),
    }
}

/// What a rule's outcome means for a link.
fn refused_by_rule(settings: &Settings, outcome: Outcome) -> Result<(), Refusal> {
    match outcome {
        Outcome::Success => Ok(()),
        Outcome::AuthenticationFailed => {
            let reply = Reply::message(settings.ott_invalid_status, message(OTT_INVALID));
            Err(told(reply, outcome))
        }
        other => Err(broken(other)),
    }
}

/// `GET`: the file, once.
pub(super) async fn file(
    call: Call,
    settings: Arc<Settings>,
    fetch: Verified<Fetch>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    refused_by_rule(&settings, outcome)?;
    let merchant = merchant_of(&call)?;
    let Fetch { key, version, link } = fetch.into_inner();
    let used = Link {
        used_at: Some(call.now()),
        used_by: call
            .received()
            .header_text("user-agent")
            .map(|agent| agent.chars().take(200).collect()),
        ..link.clone()
    };
    let change = link_change(merchant.id(), key, Some(version), USED, &used, call.now())?;
    let gzip = settings.always_gzip || accepts_gzip(call.received().header_text("accept-encoding"));
    let parts = merchant.parts::<PaynetMerchant>();
    let mut reply = headed(&link, gzip);
    reply.body = ReplyBody::Stream(MEDIA, Box::new(streamed(link, parts, gzip)));
    let mut decision = Decision::reply(reply);
    decision.changes.push(change);
    Ok(decision)
}

/// `HEAD`: the same head, and the link stays unused (`ott_head`).
pub(super) async fn head(
    call: Call,
    settings: Arc<Settings>,
    fetch: Verified<Fetch>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    refused_by_rule(&settings, outcome)?;
    let gzip = settings.always_gzip || accepts_gzip(call.received().header_text("accept-encoding"));
    let link = fetch.into_inner().link;
    Ok(Decision::reply(headed(&link, gzip).with_header("content-type", MEDIA)))
}

/// A file's head. The name is quoted and there is one `=`, because the official client cuts there.
fn headed(link: &Link, gzip: bool) -> Reply {
    let reply = Reply::empty(200)
        .with_header("content-disposition", format!("attachment; filename=\"{}\"", link.name))
        .with_header("cache-control", "no-store")
        .with_header("vary", "accept-encoding");
    if gzip { reply.with_header("content-encoding", "gzip") } else { reply }
}

fn streamed(link: Link, merchant: Arc<PaynetMerchant>, gzip: bool) -> BodyStream {
    let recipe = json!({
        "recipe": link.recipe,
        "rows": link.sum.rows,
        "size": link.sum.size,
        "md5hash": link.sum.md5hash,
        "content_encoding": if gzip { "gzip" } else { "identity" },
    });
    let length = (!gzip).then_some(link.sum.size);
    BodyStream::new(recipe, length, move || match link.recipe.blocks(&merchant) {
        Err(reason) => Box::new(iter::once(Err(io::Error::other(reason)))) as Pieces,
        Ok(blocks) if gzip => Box::new(Gzipped {
            blocks,
            encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())),
        }),
        Ok(blocks) => Box::new(blocks.map(|block| Ok(Bytes::from(block)))),
    })
}

/// A file in one gzip stream, a piece for every block or two.
struct Gzipped {
    blocks: CsvBlocks,
    /// Until it has written its end.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl Gzipped {
    fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(encoder) = &mut self.encoder else { return Ok(None) };
        for block in self.blocks.by_ref() {
            encoder.write_all(&block)?;
            if !encoder.get_ref().is_empty() {
                return Ok(Some(mem::take(encoder.get_mut())));
            }
        }
        self.encoder.take().map(GzEncoder::finish).transpose()
    }
}

impl Iterator for Gzipped {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        self.piece().map(|piece| piece.map(Bytes::from)).transpose()
    }
}

/// Whether `Accept-Encoding` has gzip and does not weigh it nothing (RFC 9110 §12.5.3).
fn accepts_gzip(header: Option<&str>) -> bool {
    let mut any = false;
    for entry in header.unwrap_or_default().split(',') {
        let mut parts = entry.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default().to_ascii_lowercase();
        let refused = parts.any(|weight| {
            weight
                .strip_prefix("q=")
                .is_some_and(|weight| weight.parse::<f64>().is_ok_and(|weight| weight <= 0.0))
        });
        match coding.as_str() {
            "gzip" | "x-gzip" => return !refused,
            "*" => any = !refused,
            _ => {}
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for taken in ["gzip", "deflate, gzip", "GZIP;q=0.5", "*", "br, *;q=0.1"] {
            assert!(accepts_gzip(Some(taken)), "{taken}");
        }
        for not in ["", "deflate", "gzip;q=0", "*, gzip;q=0.0", "identity", "*;q=0"] {
            assert!(!accepts_gzip(Some(not)), "{not}");
        }
        assert!(!accepts_gzip(None));
    }
}
