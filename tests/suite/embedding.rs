//! The emulator inside another program: several at once, from plain and from asynchronous code, and
//! gone without a trace when it is dropped.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use sandgate::{Config, Emulator, ExchangeFilter, RunningEmulator};
use serde_json::json;

use crate::harness::{Sandbox, agent, call};
use crate::shop::Shop;

const INQUIRY: &str = "/api/2.0/Inquiry/transactionStatus?orderNo=A1";

#[test]
fn two_emulators_at_once_share_nothing() {
    let (one, other) = (Sandbox::start(), Sandbox::start());
    let shop = Shop::new(&one, "shop");

    shop.pays(&one, "A1");
    let elsewhere = shop.inquiry("A1").send(&other);

    elsewhere.assert_status(401);
    other.admin_get("/merchants/shop").assert_status(404);
    assert_eq!(
        one.emulator.exchanges(ExchangeFilter::newest(9)).map(|all| all.len()).ok(),
        Some(1)
    );
    assert_ne!(one.emulator.base_url("paco"), other.emulator.base_url("paco"));
    other.emulator.clock().set("2030-01-01T00:00:00Z".parse().expect("an instant"));
    assert_eq!(one.admin_get("/clock").json()["now"], "2026-01-01T00:00:00Z");
}

#[test]
fn a_plain_test_needs_no_runtime() {
    let gateway = Emulator::builder().start().expect("it starts");
    let shop = gateway.create_merchant(&json!({"provider": "paco", "id": "shop"}));
    let token = shop.expect("a merchant")["credentials"]["access_token"].clone();

    let url = format!("{}{INQUIRY}", gateway.base_url("paco"));
    let token = token.as_str().expect("a token");
    let answer = call(&agent(), "GET", &url, &[("apiKey", token)], &[]);

    answer.assert_status(400);
    assert_eq!(gateway.credentials("shop").expect("it exists")["access_token"], token);
    let explained = gateway.explain(&answer.exchange()).expect("it is in the journal");
    assert_eq!(explained["verdict"], "refused");
    let refused = gateway.credentials("nobody").expect_err("there is no such merchant");
    assert_eq!(refused.status, 404);
    assert!(refused.detail.contains("shop"), "{refused}");
}

#[test]
fn it_works_from_inside_a_single_threaded_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();

    let verdict = runtime.expect("a runtime").block_on(async {
        let gateway = Emulator::builder().start().expect("it starts");
        gateway.create_merchant(&json!({"provider": "paco", "id": "shop"})).expect("a merchant");
        let rule = json!({"fail_check": "paco.token"});
        gateway.arm("shop", &rule).expect("a rule");
        // Blocks the only thread of this runtime: the emulator has its own.
        let url = format!("{}{INQUIRY}", gateway.base_url("paco"));
        let answer = call(&agent(), "GET", &url, &[], &[]);
        gateway.explain(&answer.exchange()).expect("it is in the journal")["verdict"].clone()
    });

    assert_eq!(verdict, "refused");
}

#[test]
fn its_ports_are_free_when_it_is_dropped() {
    let gateway = Emulator::builder().start().expect("it starts");
    let addresses: Vec<String> = gateway
        .base_urls()
        .values()
        .map(|url| url.rsplit('/').next().expect("host and port").to_owned())
        .collect();

    drop(gateway);

    assert_eq!(addresses.len(), 4, "{addresses:?}");
    for address in addresses {
        TcpListener::bind(&address).unwrap_or_else(|error| panic!("{address}: {error}"));
    }
}

#[test]
fn an_open_connection_does_not_hold_up_the_end() {
    let gateway = Emulator::builder().start().expect("it starts");
    let kept_alive = agent();
    let url = format!("{}{INQUIRY}", gateway.base_url("paco"));
    call(&kept_alive, "GET", &url, &[], &[]).assert_status(401);

    gateway.stop();

    assert!(kept_alive.get(&url).call().is_err(), "nobody answers any more");
}

#[test]
fn a_second_emulator_on_one_data_folder_is_refused_with_the_holder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let start = || Emulator::builder().data_dir(folder.path()).start();
    let first = start().expect("it starts");

    let refused = start().map(|_| "it started").expect_err("the folder is in use");

    assert!(refused.is_user_input());
    let said = refused.to_string();
    for part in
        [&*folder.path().display().to_string(), &std::process::id().to_string(), "--data-dir"]
    {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    drop(first);
    drop(start().expect("the folder is free again"));
}

#[test]
fn a_taken_port_is_refused_with_the_flag_to_use() {
    let first = Emulator::builder().start().expect("it starts");
    let port = first.base_url("admin").rsplit(':').next().and_then(|port| port.parse().ok());
    let taken = Config {
        port_base: port.expect("a port"),
        data: sandgate::config::DataFolder::Ephemeral,
        ..Config::default()
    };

    let refused = Emulator::builder().config(taken).start().map(|_| "it started");

    let said = refused.expect_err("the port is taken").to_string();
    assert!(said.contains(&port.unwrap_or_default().to_string()), "{said}");
    assert!(said.contains("--port-base"), "{said}");
}

#[test]
fn a_running_emulator_is_shared_by_threads() {
    fn is_shared<T: Send + Sync>(_: &T) {}
    let gateway: Arc<RunningEmulator> = Arc::new(Emulator::builder().start().expect("it starts"));
    let made = Mutex::new(Vec::new());
    is_shared(&*gateway);

    std::thread::scope(|scope| {
        for number in 0..8 {
            let (gateway, made) = (&gateway, &made);
            scope.spawn(move || {
                let asked = json!({"provider": "paco", "id": format!("shop-{number}")});
                let shop = gateway.create_merchant(&asked).expect("a merchant");
                let token = shop["credentials"]["access_token"].clone();
                made.lock().unwrap_or_else(PoisonError::into_inner).push(token);
            });
        }
    });

    let mut tokens = made.into_inner().unwrap_or_else(PoisonError::into_inner);
    tokens.sort_by_key(ToString::to_string);
    tokens.dedup();
    assert_eq!(tokens.len(), 8);
}

#[test]
fn a_seed_makes_two_emulators_alike_and_none_makes_them_differ() {
    let token = |seeded: bool| {
        let builder = Emulator::builder();
        let builder = if seeded { builder.seed(11) } else { builder };
        let gateway = builder.start().expect("it starts");
        let shop = gateway.create_merchant(&json!({"provider": "paco"})).expect("a merchant");
        shop["credentials"]["access_token"].clone()
    };

    assert_eq!(token(true), token(true));
    assert_ne!(token(false), token(false));
}
