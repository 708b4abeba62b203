//! Many at once for one order: exactly one wins, whoever it is.

use std::sync::Barrier;
use std::thread;

use serde_json::Value;

use crate::harness::{Answer, Sandbox};
use crate::shop::{Outgoing, Shop, code};

const AT_ONCE: usize = 50;

#[test]
fn of_fifty_voids_and_settlements_at_once_exactly_one_succeeds() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    shop.pays(&sandbox, "A1");
    let requests: Vec<Outgoing> = (0..AT_ONCE)
        .map(|number| match number % 2 {
            0 => shop.void("A1").sealed(),
            _ => shop.settlement("A1").sealed(),
        })
        .collect();

    let answers = at_once(&sandbox, &requests);

    let winners: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(winners.len(), 1, "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
    for loser in answers.iter().filter(|answer| answer.status != 200) {
        loser.assert_status(400);
        assert_eq!(code(&shop.says(loser)), "PC-B050013");
    }
    let won = shop.says(winners[0])["data"]["paymentStatusInfo"].clone();
    let state = format!("{}/{}", text(&won["paymentStatus"]), text(&won["paymentStep"]));
    assert_eq!(shop.state(&sandbox, "A1"), state);
    let stored = sandbox.admin_get("/transactions/shop/order/A1").json();
    assert_eq!(stored["status"], state);
    for (endpoint, count) in [("Void", AT_ONCE / 2), ("Settlement", AT_ONCE / 2)] {
        let listed = sandbox.admin_get(&format!("/exchanges?endpoint={endpoint}&limit=100"));
        assert_eq!(listed.json()["items"].as_array().map(Vec::len), Some(count), "{endpoint}");
    }
    let accepted = sandbox.admin_get("/exchanges?verdict=accepted&limit=100").json();
    let of_winner = accepted["items"].as_array().into_iter().flatten().filter(|item| {
        ["Void", "Settlement"].contains(&item["endpoint"].as_str().unwrap_or_default())
    });
    let ids: Vec<&str> = of_winner.map(|item| text(&item["id"])).collect();
    assert_eq!(ids, [winners[0].exchange()]);
}

#[test]
fn of_fifty_payments_with_one_order_number_at_once_exactly_one_is_made() {
    let sandbox = Sandbox::start();
    let shop = Shop::new(&sandbox, "shop");
    let requests: Vec<Outgoing> = (0..AT_ONCE)
        .map(|number| match number % 2 {
            0 => shop.payment("A1").sealed(),
            _ => shop.page("A1").sealed(),
        })
        .collect();

    let answers = at_once(&sandbox, &requests);

    let winners: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(winners.len(), 1);
    for loser in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(code(&shop.says(loser)), "PC-B050095");
    }
    let state = match code(&shop.says(winners[0])) {
        "PC-B050000" => "A/PA",
        _ => "PCPS/GP",
    };
    assert_eq!(shop.state(&sandbox, "A1"), state);
    let shown = sandbox.admin_get("/transactions/shop/order/A1").json();
    // A version is the number of the exchange that wrote the row: the winner's, and no other's.
    let number = winners[0].exchange();
    let number = number.split('-').next().unwrap_or_default();
    assert_eq!(shown["version"].to_string(), number, "{shown}");
}

/// Sends all of them at the same moment.
fn at_once(sandbox: &Sandbox, requests: &[Outgoing]) -> Vec<Answer> {
    let start = Barrier::new(requests.len());
    thread::scope(|scope| {
        let clients: Vec<_> = requests
            .iter()
            .map(|request| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    request.send(sandbox)
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("a client")).collect()
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
