//! The pages that a payer's browser sees: plain HTML that works without a script, with one style of
//! their own and nothing from elsewhere. What a merchant wrote stands in them as text alone.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::Uri;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::browser::creq_of;
use super::challenges;
use super::constants::{ANSWER_PATH, MAX_REDIRECT_DELAY_S};
use super::orders::{Challenge, Order};
use super::pages::return_url;
use super::payments::page_origin;
use super::results::returning;
use super::states::State;
use super::voids::shown;
use crate::blueprint::{Call, Reply, ReplyBody};
use crate::crypto::hashes::sha256;

const MEDIA: &str = "text/html; charset=utf-8";

/// The page of an order: its form while it is open, afterwards what became of it. `complaint` is
/// what was wrong with the form that came back.
pub(super) fn page(call: &Call, order: &Order, complaint: Option<&str>) -> Reply {
    match order.state {
        State::GatheringDetails | State::InProgress | State::Pending => {
            let body = html! {
                (summary(order))
                @if let Some(complaint) = complaint {
                    p.complaint role="alert" { (complaint) }
                }
                (payment_form(order))
                (other_form(order))
            };
            document(call, Some(order), "Payment", &body)
        }
        State::Challenged => interstitial(call, order),
        _ => ended(call, order),
    }
}

/// The access control server's page.
pub(super) fn challenge(call: &Call, order: &Order, challenge: &Challenge) -> Reply {
    let body = html! {
        h1 { "Confirm this payment" }
        p { "This page stands in for the card's bank. Nobody is asked for a code: choose how the \
             challenge ends." }
        (summary_list(order))
        form #answer method="post" action=(ANSWER_PATH) {
            input type="hidden" name="creq" value=(creq_of(&challenge.transaction_id));
            input type="hidden" name="threeDSSessionData" value=(challenge.session_data);
            div.buttons {
                button.main name="result" value="pass" { "Confirm: it is me" }
                button name="result" value="fail" { "Fail the authentication" }
                button name="result" value="timeout" { "Let the time run out" }
                button name="result" value="cancel" { "Cancel the payment" }
            }
        }
    };
    document(call, Some(order), "Payment confirmation", &body)
}

/// `challengeHTML`: a form for the merchant's own page, without a script.
pub(super) fn challenge_form(acs_url: &str, creq: &str, session_data: &str) -> String {
    html! {
        form method="post" action=(acs_url) {
            input type="hidden" name="creq" value=(creq);
            input type="hidden" name="threeDSSessionData" value=(session_data);
            button type="submit" { "Continue to your bank" }
        }
    }
    .into_string()
}

/// Sends the browser to one of the merchant's URLs: at once, or from a page with the result.
pub(super) fn returned(call: &Call, order: &Order, url: &str) -> Reply {
    let target = in_ascii(&returning(url, order));
    let delay = order.redirect_delay_s.filter(|seconds| *seconds > 0);
    let delay = delay.map(|seconds| seconds.min(MAX_REDIRECT_DELAY_S));
    let Some(seconds) = delay else {
        return Reply::empty(303)
            .with_header("location", target)
            .with_header("cache-control", "no-store");
    };
    let body = html! {
        h1 { (sentence(order)) }
        (summary_list(order))
        p { a #return href=(target) { "Back to the shop" } }
        p.small { "You are taken back in " (seconds) " seconds." }
    };
    let refresh = html! {
        meta http-equiv="refresh" content=(format!("{seconds};url={target}"));
    };
    document_with(call, Some(order), "Payment result", &refresh, &body)
}

/// What a browser sees that asks for nothing that was handed out.
pub(super) fn unknown(call: &Call) -> Reply {
    let body = html! {
        h1 { "This payment page does not exist" }
        p { "The link may be mistyped, or it belongs to another server. Go back to the shop and start \
             the payment again." }
    };
    let mut reply = document(call, None, "Payment not found", &body);
    reply.status = 404;
    reply
}

/// A refusal in words for the payer.
pub(super) fn refused(call: &Call, status: u16, title: &str, text: &str) -> Reply {
    let body = html! {
        h1 { (title) }
        p { (text) }
    };
    let mut reply = document(call, None, title, &body);
    reply.status = status;
    reply
}

fn payment_form(order: &Order) -> Markup {
    let by_card = order.is_paid_by_card();
    html! {
        form #card method="post" {
            @if let (true, Some(card), true) = (by_card, &order.card, order.stored_card.is_some()) {
                p { "The stored card ending in " strong { (card.last_four()) } " pays." }
            } @else if by_card {
                (field("cardNumber", "Card number", "cc-number", "numeric", "4706 8600 0000 2325", 23))
                div.pair {
                    (field("cardExpiryMMYY", "Expiry (MMYY)", "cc-exp", "numeric", "1228", 5))
                    (field("cvvCode", "Security code", "cc-csc", "numeric", "761", 4))
                }
                (field("cardHolderName", "Name on the card", "cc-name", "text", "", 100))
                p.small { "Any number that passes the Luhn check pays; 4000 0000 0000 0002 is declined. \
                           Use no real card." }
            } @else {
                p { "This page stands in for the wallet " strong { bdi { (order.payment_type.as_deref().unwrap_or("WALLET")) } } "." }
            }
            div.buttons {
                button.main name="action" value="pay" { "Pay " (amount(order)) }
                button name="action" value="decline" formnovalidate { "Decline it, as the bank" }
            }
        }
    }
}

fn field(
    name: &str,
    label: &str,
    autocomplete: &str,
    mode: &str,
    example: &str,
    longest: u16,
) -> Markup {
    let required = name != "cardHolderName";
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) type="text" inputmode=(mode) autocomplete=(autocomplete)
                placeholder=(example) maxlength=(longest) required[required];
        }
    }
}

fn other_form(order: &Order) -> Markup {
    html! {
        form #other method="post" {
            div.buttons {
                button name="action" value="cancel" { "Cancel the payment" }
                @if order.state != State::Pending {
                    button name="action" value="leave" { "Leave without a word" }
                }
            }
        }
    }
}

/// The way to the bank. A browser without scripts cannot be made to post by itself.
fn interstitial(call: &Call, order: &Order) -> Reply {
    let Some(challenge) = &order.challenge else {
        return ended(call, order);
    };
    let body = html! {
        h1 { "Your bank wants to know that it is you" }
        (summary_list(order))
        form #challenge method="post" action=(format!("{}{}", acs_origin(call), challenges::PATH)) {
            input type="hidden" name="creq" value=(creq_of(&challenge.transaction_id));
            input type="hidden" name="threeDSSessionData" value=(challenge.session_data);
            div.buttons { button.main type="submit" { "Continue to your bank" } }
        }
        @if !order.origin.direct { (other_form(order)) }
    };
    document(call, Some(order), "Payment confirmation", &body)
}

/// The bank has not answered: there is nothing to do but wait, and no form for it.
pub(super) fn pending(call: &Call, order: &Order) -> Reply {
    let body = html! {
        h1 { (sentence(order)) }
        (summary_list(order))
        p { "The bank has not answered yet: the payment is pending." }
    };
    document(call, Some(order), "Payment pending", &body)
}

fn ended(call: &Call, order: &Order) -> Reply {
    let body = html! {
        h1 { (sentence(order)) }
        (summary_list(order))
        @if let Some(url) = return_url(order) {
            // Whoever clicked twice sees this page, and wants back all the same.
            p { a #return href=(in_ascii(&returning(url, order))) { "Back to the shop" } }
        }
        p.small { "Nothing more can be done here." }
    };
    document(call, Some(order), "Payment", &body)
}

fn sentence(order: &Order) -> &'static str {
    match order.state {
        State::GatheringDetails | State::InProgress | State::Challenged | State::Pending => {
            "This payment is waiting"
        }
        State::Approved | State::Settled => "This payment is approved",
        State::Voided => "This payment was voided",
        State::RefundInReview | State::Refunded | State::RefundRejected | State::RefundExpired => {
            "This payment was made"
        }
        State::Rejected => "This payment was declined",
        State::VerificationFailed => "The payer could not be authenticated",
        State::SystemError => "This payment failed",
        State::ChallengeTimedOut | State::SessionExpired => "The time for the confirmation is over",
        State::Cancelled => "This payment was cancelled",
        State::Abandoned => "The payer has left this page",
        State::Expired => "This payment page has expired",
    }
}

fn summary(order: &Order) -> Markup {
    html! {
        h1 { "Pay " (amount(order)) }
        (summary_list(order))
    }
}

fn summary_list(order: &Order) -> Markup {
    html! {
        dl {
            dt { "Order" } dd { bdi { (order.order_no) } }
            dt { "For" } dd { bdi { (order.product_description) } }
            dt { "Amount" } dd { (amount(order)) }
        }
    }
}

fn amount(order: &Order) -> String {
    shown(&order.transaction_amount)
}

/// Where the access control server stands: on its own real host, where that is how the client came.
pub(super) fn acs_origin(call: &Call) -> String {
    match call.received().connection.front_door_host.as_deref() {
        Some(host) if host.contains("demo-") => format!("https://{}", super::HOST_ACS),
        _ => page_origin(call),
    }
}

fn document(call: &Call, order: Option<&Order>, title: &str, body: &Markup) -> Reply {
    document_with(call, order, title, &html! {}, body)
}

fn document_with(
    call: &Call,
    order: Option<&Order>,
    title: &str,
    head: &Markup,
    body: &Markup,
) -> Reply {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                (head)
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main { (body) }
                footer { "Sandgate, a double of the gateway: no money moves here." }
            }
        }
    };
    Reply {
        status: 200,
        headers: Vec::new(),
        body: ReplyBody::Raw(MEDIA, Bytes::from(page.into_string())),
    }
    .with_header("content-security-policy", policy(call, order))
    .with_header("cache-control", "no-store")
    .with_header("referrer-policy", "no-referrer")
    .with_header("x-content-type-options", "nosniff")
}

/// No script, no resource, one style; and forms may lead to this page, the bank and the merchant
/// only (a browser holds the redirect after a form against the list, too).
fn policy(call: &Call, order: Option<&Order>) -> String {
    static STYLE_HASH: LazyLock<String> =
        LazyLock::new(|| STANDARD.encode(sha256(STYLE.as_bytes())));
    let mut targets = vec![page_origin(call), acs_origin(call)];
    if let Some(order) = order {
        let urls = &order.notification_urls;
        targets.extend(
            [&urls.confirmation, &urls.failed, &urls.cancellation]
                .into_iter()
                .filter_map(|url| origin_of(url)),
        );
    }
    targets.sort();
    targets.dedup();
    format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'self' {}",
        *STYLE_HASH,
        targets.join(" ")
    )
}

/// Scheme and host of a merchant's URL, if they cannot end a directive or begin another.
fn origin_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str());
    // Who the browser is there says nothing about where it may go.
    let authority = authority.rsplit('@').next()?;
    let harmless =
        authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    harmless.then(|| format!("{scheme}://{authority}"))
}

/// A header takes ASCII only.
fn in_ascii(url: &str) -> String {
    use std::fmt::Write as _;

    url.bytes().fold(String::with_capacity(url.len()), |mut ascii, byte| {
        if byte.is_ascii_graphic() {
            ascii.push(char::from(byte));
        } else {
            let _ = write!(ascii, "%{byte:02X}");
        }
        ascii
    })
}

const STYLE: &str = "\
:root{color-scheme:light}*{box-sizing:border-box}\
body{margin:0;padding:1.5rem 1rem;background:#f2f4f7;color:#1c2430;\
font:1rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}\
main{max-width:30rem;margin:0 auto;padding:1.5rem;background:#fff;border:1px solid #d5dae1;\
border-radius:.75rem;overflow-wrap:anywhere}\
h1{margin:0 0 1rem;font-size:1.4rem;line-height:1.25}\
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:0 0 1.25rem}\
dt{color:#525d6b}dd{margin:0;font-weight:600}\
.field{margin:0 0 .9rem}.pair{display:grid;grid-template-columns:1fr 1fr;gap:1rem}\
label{display:block;margin:0 0 .25rem;font-weight:600}\
input{width:100%;padding:.6rem .7rem;border:1px solid #7b8796;border-radius:.4rem;font:inherit;\
color:inherit;background:#fff}input::placeholder{color:#66717f}\
.buttons{display:grid;gap:.6rem;margin:1rem 0 0}\
button{width:100%;padding:.7rem 1rem;border:1px solid #7b8796;border-radius:.4rem;background:#fff;\
color:#1c2430;font:inherit;font-weight:600;cursor:pointer}\
button.main{background:#14532d;border-color:#14532d;color:#fff}\
button:hover{background:#eef1f5}button.main:hover{background:#0f3f22}\
input:focus-visible,button:focus-visible,a:focus-visible{outline:3px solid #1d4ed8;outline-offset:2px}\
a{color:#1d4ed8;font-weight:600}.small{color:#525d6b;font-size:.9rem}\
.complaint{padding:.6rem .8rem;border:1px solid #b42318;border-radius:.4rem;color:#8a1c12;\
background:#fdf1f0}\
footer{max-width:30rem;margin:1rem auto 0;color:#525d6b;font-size:.85rem;text-align:center}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_that_could_change_the_policy_is_left_out() {
        assert_eq!(
            origin_of("https://shop.test:8443/ok?x=1"),
            Some("https://shop.test:8443".into())
        );
        assert_eq!(origin_of("http://[::1]:80/"), Some("http://[::1]:80".into()));
        assert_eq!(origin_of("https://a;script-src/x"), None);
        assert_eq!(origin_of("https://user@shop.test/"), Some("https://shop.test".into()));
    }

    #[test]
    fn a_location_is_ascii() {
        assert_eq!(in_ascii("https://shop.test/é?a=1"), "https://shop.test/%C3%A9?a=1");
    }
}
