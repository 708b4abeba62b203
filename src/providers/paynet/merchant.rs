//! A merchant of the portal: a client with its secret, and the institutions that it acts for.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::errors::TOO_MANY_REQUESTS;
use super::messages::message;
use super::reports::own_csv::{OwnCsv, without_card_numbers};
use super::reports::summary::Books;
use super::secrets::{Giveaway, giveaways};
use super::settings::Settings;
use crate::blueprint::enrolment::{inside, only_known, text, valid_id, wrong_kind};
use crate::blueprint::{Enrolment, EnrolmentError, Refusal, Reply};
use crate::checks::Failure;
use crate::crypto::hashes::{hmac_sha256, sha256};
use crate::ids::Ids;
use crate::limits;
use crate::store::MerchantRecord;

/// A merchant, its credentials parsed.
#[derive(Debug)]
pub(super) struct PaynetMerchant {
    pub client_id: String,
    pub client_secret: String,
    pub fiids: Vec<String>,
    pub settings: Arc<Settings>,
    /// Signs its tokens. Worked out from its credentials, so that nothing has to be stored.
    pub token_key: Vec<u8>,
    /// What must not be kept of what anybody sends.
    pub giveaways: Arc<[Giveaway]>,
    /// Its reports follow from this number: the same merchant always has the same ones.
    pub seed: u64,
    /// Its own transactions, in place of made ones.
    own: Option<Arc<OwnCsv>>,
    minute: Mutex<Minute>,
    /// Places of [`limits::REPORTS_WAITING`].
    queue: Arc<Semaphore>,
    /// Places of [`limits::REPORTS_OF_A_MERCHANT`].
    own_places: Arc<Semaphore>,
    /// Places of [`limits::REPORTS_AT_ONCE`], shared with all others.
    places: Arc<Semaphore>,
}

/// Requests of the present minute.
#[derive(Debug, Default)]
struct Minute {
    number: i64,
    admitted: HashSet<i64>,
}

/// The demo merchant's credentials: fixed, printed at every start, and worth nothing.
pub(super) const DEMO_CLIENT: &str = "demo-paynet";
const DEMO_SECRET: &str = "demoPaynetSecret0001";
pub(super) const DEMO_FIIDS: [&str; 2] = ["D0001", "DEMOMYKL"];

impl PaynetMerchant {
    /// What its reports are made from.
    pub(super) fn books(&self, rows_per_day: u64) -> Books {
        match &self.own {
            Some(own) => Books::Own(Arc::clone(own)),
            None => Books::Generated {
                seed: self.seed,
                rows_per_day: u32::try_from(rows_per_day).unwrap_or(u32::MAX),
            },
        }
    }

    /// The institution as the merchant has it; the case does not count.
    pub(super) fn fiid(&self, asked: &str) -> Option<&str> {
        self.fiids.iter().map(String::as_str).find(|known| known.eq_ignore_ascii_case(asked))
    }

    /// Whether one more request fits into this minute; if not, how many seconds of it are left. An
    /// exchange that is decided twice counts once.
    pub(super) fn admit(&self, limit: u64, seq: i64, now: Timestamp) -> Result<(), i64> {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let second = now.as_second();
        let number = second.div_euclid(60);
        if minute.number != number {
            *minute = Minute {
                number,
                admitted: HashSet::new(),
            };
        }
        if minute.admitted.contains(&seq) {
            return Ok(());
        }
        if minute.admitted.len() as u64 >= limit {
            return Err(60 - second.rem_euclid(60));
        }
        minute.admitted.insert(seq);
        Ok(())
    }

    /// Forgets the requests of this minute.
    pub(super) fn start_over(&self) {
        *self.minute.lock().unwrap_or_else(PoisonError::into_inner) = Minute::default();
    }

    /// Works something out of its reports, which may take seconds: on a thread for that, and with so
    /// many at once that the server has breath for others.
    pub(super) async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let merchant = Arc::clone(self);
        let Ok(waiting) = Arc::clone(&self.queue).try_acquire_owned() else {
            return Err(too_many());
        };
        let own = Arc::clone(&self.own_places).acquire_owned().await;
        let place = Arc::clone(&self.places).acquire_owned().await;
        let working = tokio::task::spawn_blocking(move || {
            let _places = (waiting, own, place);
            work(&merchant)
        });
        working.await.map_err(|error| Refusal::Internal {
            reason: format!("a report could not be worked out: {error}"),
        })
    }
}

/// The sandbox's own bound; the portal's is not known.
fn too_many() -> Refusal {
    let most = limits::REPORTS_WAITING;
    let reason = Failure::new(
        format!("at most {most} reports of one client that are worked out at once or wait"),
        "one more",
    )
    .fix("Ask for reports one after another, and wait for each answer.");
    Refusal::Business {
        reply: Reply::message(429, message(TOO_MANY_REQUESTS)).with_header("retry-after", "1"),
        reason,
    }
}

/// The demo merchant.
pub(super) fn demo() -> Enrolment {
    let credentials = json!({
        "client_id": DEMO_CLIENT,
        "client_secret": DEMO_SECRET,
        "fiids": DEMO_FIIDS,
    });
    Enrolment {
        provider: "paynet".to_owned(),
        id: Some("demo-paynet".to_owned()),
        label: Some("Demo client of PayNet's One Stop Portal".to_owned()),
        credentials: credentials.as_object().cloned().unwrap_or_default(),
        ..Enrolment::default()
    }
}

/// Works out a new merchant: takes what was asked for, makes the rest.
pub(super) fn enrol(
    provider_settings: &Map<String, Value>,
    enrolment: &Enrolment,
    ids: &Ids,
    at: Timestamp,
) -> Result<MerchantRecord, EnrolmentError> {
    let settings = Settings::resolve(&[provider_settings, &enrolment.settings])
        .map_err(|error| inside("settings", error))?;
    if enrolment.offices.is_some() {
        return Err(EnrolmentError {
            member: "offices".to_owned(),
            reason: "a client of PayNet has no offices; its institutions are credentials.fiids"
                .to_owned(),
        });
    }
    let asked = &enrolment.credentials;
    only_known("credentials", asked, &["client_id", "client_secret", "fiids", "transactions_csv"])?;
    let transactions = text(asked, "credentials.transactions_csv", "transactions_csv")?;
    let transactions = transactions.map(without_card_numbers);
    let id = match &enrolment.id {
        None => format!("paynet-{}", ids.tag(8)),
        Some(id) => valid_id("id", id)?,
    };
    let client_id = match text(asked, "credentials.client_id", "client_id")? {
        None => ids.tag(26),
        Some(given) => printable("credentials.client_id", given, 128)?,
    };
    let client_secret = match text(asked, "credentials.client_secret", "client_secret")? {
        None if settings.hard_secrets => {
            format!("{}&{}+{}%{}=", ids.tag(8), ids.tag(8), ids.tag(8), ids.tag(8))
        }
        None => ids.tag(40),
        Some(given) => printable("credentials.client_secret", given, 512)?,
    };
    let fiids = match asked.get("fiids") {
        None | Some(Value::Null) => {
            let digits = ids.digits(4);
            vec![format!("A{digits}"), format!("BANK{}KL", digits_as_letters(&digits[..2]))]
        }
        Some(Value::Array(items)) => items.iter().map(valid_fiid).collect::<Result<_, _>>()?,
        Some(other) => return Err(wrong_kind("credentials.fiids", "a list of texts", other)),
    };
    if fiids.is_empty() || fiids.len() > 100 {
        return Err(EnrolmentError {
            member: "credentials.fiids".to_owned(),
            reason: format!("has {} institutions, 1 to 100 are wanted", fiids.len()),
        });
    }
    let record = MerchantRecord {
        id,
        provider: "paynet".to_owned(),
        label: enrolment.label.clone(),
        settings: Value::Object(enrolment.settings.clone()),
        credentials: json!({
            "client_id": client_id,
            "client_secret": client_secret,
            "fiids": fiids,
            "transactions_csv": transactions,
        }),
        offices: json!([]),
        created_at: at,
    };
    let (merchant, _) = load(provider_settings, &record, &Arc::new(Semaphore::new(1)))?;
    match &merchant.own {
        Some(own) if !own.has_any_of(&merchant.fiids) => Err(EnrolmentError {
            member: "credentials.transactions_csv".to_owned(),
            reason: format!(
                "no row has an institution of the client ({}) as payer_fiid or receiver_fiid, so every \
                 report would be empty; the file has {}",
                merchant.fiids.join(", "),
                if own.some_fiids().is_empty() {
                    "no rows".to_owned()
                } else {
                    own.some_fiids().join(", ")
                }
            ),
        }),
        _ => Ok(record),
    }
}

/// Parses a stored merchant.
pub(super) fn load(
    provider_settings: &Map<String, Value>,
    record: &MerchantRecord,
    places: &Arc<Semaphore>,
) -> Result<(Arc<PaynetMerchant>, Vec<String>), EnrolmentError> {
    let empty = Map::new();
    let own = record.settings.as_object().unwrap_or(&empty);
    let settings =
        Settings::resolve(&[provider_settings, own]).map_err(|error| inside("settings", error))?;
    let credentials = &record.credentials;
    let word = |name: &str| credentials[name].as_str().unwrap_or_default().to_owned();
    let fiids: Vec<String> =
        serde_json::from_value(credentials["fiids"].clone()).map_err(|error| EnrolmentError {
            member: "credentials.fiids".to_owned(),
            reason: error.to_string(),
        })?;
    let (client_id, client_secret) = (word("client_id"), word("client_secret"));
    let token_key = hmac_sha256(client_secret.as_bytes(), b"sandgate tokens of paynet");
    let digest = sha256(client_id.as_bytes());
    let seed = digest.iter().take(8).fold(0, |seed, byte| (seed << 8) | u64::from(*byte));
    let own = credentials["transactions_csv"].as_str().map(|text| OwnCsv::read(text.as_bytes()));
    let own = own.transpose().map_err(|error| EnrolmentError {
        member: "credentials.transactions_csv".to_owned(),
        reason: error.to_string(),
    })?;
    let named_by = vec![client_id.clone()];
    let merchant = PaynetMerchant {
        giveaways: giveaways(&client_id, &client_secret).into(),
        client_id,
        client_secret,
        fiids,
        settings: Arc::new(settings),
        token_key,
        seed,
        own: own.map(Arc::new),
        minute: Mutex::default(),
        queue: Arc::new(Semaphore::new(limits::REPORTS_WAITING)),
        own_places: Arc::new(Semaphore::new(limits::REPORTS_OF_A_MERCHANT)),
        places: Arc::clone(places),
    };
    Ok((Arc::new(merchant), named_by))
}

fn digits_as_letters(digits: &str) -> String {
    digits.bytes().map(|digit| char::from(b'A' + (digit - b'0'))).collect()
}

/// A credential must fit into a form and a header: printable ASCII without blanks or a colon.
fn printable(member: &str, text: String, most: usize) -> Result<String, EnrolmentError> {
    let fits = (1..=most).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    if fits {
        return Ok(text);
    }
    Err(EnrolmentError {
        member: member.to_owned(),
        reason: format!("takes 1 to {most} printable ASCII characters, without blanks or a colon"),
    })
}

fn valid_fiid(value: &Value) -> Result<String, EnrolmentError> {
    let member = "credentials.fiids";
    let Some(fiid) = value.as_str() else {
        return Err(wrong_kind(member, "a list of texts", value));
    };
    let fits = (1..=20).contains(&fiid.len()) && fiid.bytes().all(|b| b.is_ascii_alphanumeric());
    if fits {
        return Ok(fiid.to_owned());
    }
    Err(EnrolmentError {
        member: member.to_owned(),
        reason: format!("\"{fiid}\" is no institution id: 1 to 20 letters and digits"),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn so_many_reports_of_a_client_may_wait_and_no_more() {
        let record = enrol(&Map::new(), &demo(), &Ids::seeded(1, 0), Timestamp::UNIX_EPOCH);
        let places = Arc::new(Semaphore::new(limits::REPORTS_AT_ONCE));
        let (merchant, _) = load(&Map::new(), &record.expect("the demo"), &places).expect("right");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let works: Vec<_> = (0..limits::REPORTS_WAITING)
                .map(|number| {
                    let (go, wait) = mpsc::channel::<()>();
                    let work = Arc::clone(&merchant);
                    let work = async move {
                        work.work(move |_| {
                            let _ = wait.recv();
                            number
                        })
                        .await
                    };
                    (go, tokio::spawn(work))
                })
                .collect();
            while merchant.queue.available_permits() > 0 {
                tokio::task::yield_now().await;
            }

            assert!(merchant.work(|_| ()).await.is_err(), "one too many");

            for (number, (go, work)) in works.into_iter().enumerate() {
                drop(go);
                let done = work.await.expect("no panic");
                assert!(done.is_ok_and(|done| done == number));
            }
            assert!(merchant.work(|_| ()).await.is_ok());
        });
    }
}
