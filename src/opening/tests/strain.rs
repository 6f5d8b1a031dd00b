//! What accidents and bad neighbours do to the line in which bids are handed in, and that it goes on all the same.

use super::rush::{Ready, on_the_eve, send_form};
use crate::account::testing::TestHouse;
use crate::ledger::door::LINE_MAX;
use crate::ledger::{Act, Actor};
use crate::on_both_databases;
use crate::opening::{actions, store};
use crate::platform::canonical::jcs_text;
use crate::platform::database::testing::{Engine, ask};
use crate::platform::database::{Place, READERS_MAX};
use crate::platform::moment::SECOND;
use crate::platform::refusal::Fault;
use crate::sealed_bid::actions::lane_gate;
use crate::sealed_bid::tus::location;
use crate::tests::browser::{Browser, Seen, Served, runtime};
use crate::tests::guards::patiently;
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::Duration;

on_both_databases! {
    a_bidder_who_hands_in_three_hundred_times_at_once_keeps_nobody_waiting
    a_refused_form_of_a_busy_bidder_can_be_handed_in_again
    forms_that_bring_a_byte_and_stay_take_nobodys_arrival_away
}

/// Ends all connections of the house to its PostgreSQL server, as a restart or a firewall does; how many there were.
fn cut(house: &TestHouse) -> usize {
    let mut outside = Place::parse(&house.door().config().database_url).unwrap().connect().unwrap();
    // waits for each until it has ended
    let ended = ask(
        &mut outside,
        "SELECT pg_terminate_backend(pid, 60000)::text AS said FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            .to_owned(),
    );
    assert!(ended.iter().all(|ended| ended == "true"), "{ended:?}");
    ended.len()
}

/// That a form was answered with a receipt, whose proof can be had.
fn expect_receipt(browser: &mut Browser, answer: Seen) {
    let receipt = answer.expect_status(303).location();
    let proof = browser.get(&format!("{receipt}/proof")).expect_status(200).text();
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1"), "a proof: {proof}");
}

#[test]
fn a_bid_gets_its_receipt_although_all_connections_to_the_database_were_cut_before_it() {
    let house = TestHouse::new(Engine::Postgres);
    let (_, ready, deadline) = on_the_eve(&house, 3);
    house.clock.move_to(deadline.plus(-60 * SECOND));
    let served = Served::start(house);
    let mut browsers: Vec<_> = ready.iter().map(|(member, ..)| served.browser(member)).collect();
    for (browser, ready) in browsers.iter_mut().zip(&ready) {
        let answer = send_form(browser, ready);
        expect_receipt(browser, answer);
        assert!(cut(&served.house) >= 3, "one to read, one to write, one for the sequencer");
        // who read or wrote a moment ago finds out at once, everybody later before they begin
        std::thread::sleep(Duration::from_millis(50));
        served.visitor().get("/tender/TEST-0001").expect_status(200);
    }
    served.house.door().tell_arrivals().expect("the word to other servers goes out on a new connection");
}

#[test]
fn acts_go_on_although_all_connections_were_cut_a_moment_ago() {
    let house = TestHouse::new(Engine::Postgres);
    let (door, together) = (house.door(), Barrier::new(6));
    let act = || door.write(Actor::system("test"), |act| Ok(act.now()));
    std::thread::scope(|scope| {
        let many: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    together.wait();
                    act().unwrap();
                })
            })
            .collect();
        many.into_iter().for_each(|one| one.join().unwrap());
    });
    cut(&house);
    for _ in 0..12 {
        act().expect("a connection that was lent a moment ago and is dead is not a fault of this act");
    }
}

/// A form as a browser would send it, byte for byte.
fn raw_form(served: &Served, browser: &Browser, (_, sealed, upload): &Ready) -> Vec<u8> {
    let (manifest, signature) = (jcs_text(&sealed.manifest), jcs_text(&sealed.signature));
    let upload = location(*upload);
    let fields = [
        ("manifest", &*manifest),
        ("signature", &*signature),
        ("upload", &*upload),
        ("csrf", &*browser.csrf),
    ];
    let body = serde_urlencoded::to_string(fields).unwrap();
    let host = served.base.strip_prefix("http://").unwrap();
    format!(
        "POST /sealed-bid/TEST-0001/1/single/submit HTTP/1.1\r\nHost: {host}\r\nOrigin: {}\r\nCookie: {}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        served.base,
        browser.cookie_header(),
        body.len()
    )
    .into_bytes()
}

fn connect(served: &Served) -> TcpStream {
    TcpStream::connect(served.base.strip_prefix("http://").unwrap()).unwrap()
}

/// The statuses of the answers that are here already.
fn here(answers: &[TcpStream]) -> Vec<String> {
    let mut first = [0; 12];
    let mut found = Vec::new();
    for answer in answers {
        answer.set_nonblocking(true).unwrap();
        if answer.peek(&mut first).is_ok_and(|read| read == first.len()) {
            found.push(String::from_utf8_lossy(&first[9..]).into_owned());
        }
    }
    found
}

fn count(statuses: &[String], status: &str) -> usize {
    statuses.iter().filter(|found| *found == status).count()
}

/// How many forms the bad neighbour sends at once.
const FORMS: usize = 300;

fn a_bidder_who_hands_in_three_hundred_times_at_once_keeps_nobody_waiting(engine: Engine) {
    let house = TestHouse::new(engine);
    let (filled, ready, deadline) = on_the_eve(&house, 6);
    house.clock.move_to(deadline.plus(-1));
    let served = Served::start(house);
    let (door, lot) = (served.house.door().clone(), filled.lot);
    let gate = |ready: &Ready| lane_gate(lot, ready.0.who.organisation);
    let (busy, others) = ready.split_first().unwrap();
    let other = others.iter().find(|other| gate(other) != gate(busy)).unwrap();
    let (eager, mut browser) = (served.browser(&busy.0), served.browser(&other.0));
    let form = raw_form(&served, &eager, busy);

    let (begun, has_begun) = mpsc::channel();
    let (go_on, until_told) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let mut streams = Vec::new();
    let before = std::thread::scope(|scope| {
        let (slow, gate) = (door.clone(), gate(busy));
        // an act of the busy bidder takes long
        scope.spawn(move || {
            let dawdle = slow.write(Actor::system("test"), move |act| {
                act.exclude(&gate)?;
                begun.send(()).unwrap();
                let _ = until_told.recv();
                Ok(())
            });
            dawdle.unwrap();
        });
        has_begun.recv().unwrap();
        for _ in 0..FORMS {
            let mut stream = connect(&served);
            stream.write_all(&form).unwrap();
            streams.push(stream);
        }
        // one is under way, so many wait, and the others are refused
        let full = || here(&streams).len() >= FORMS - LINE_MAX - 1 && door.on_the_way() <= LINE_MAX + 1;
        assert!(patiently(full), "{:?}", here(&streams));
        let waiting = door.on_the_way();
        scope.spawn(|| tell.send(send_form(&mut browser, other)).unwrap());
        let (go_on, patience) = (go_on, Duration::from_secs(60));
        let answer = match engine {
            Engine::Postgres => {
                let answer = told.recv_timeout(patience);
                served.house.clock.move_to(deadline);
                answer
            }
            // acts follow each other there: the slow one must end first
            Engine::Sqlite => {
                assert!(patiently(|| door.on_the_way() > waiting));
                served.house.clock.move_to(deadline);
                go_on.send(()).unwrap();
                told.recv_timeout(patience)
            }
        };
        let before = here(&streams);
        drop(go_on);
        answer.expect("the other one is answered although the busy one waits").expect_status(303);
        before
    });
    let unanswered = FORMS - before.len();
    assert!(count(&before, "429") >= FORMS - LINE_MAX - 1, "{before:?}");
    assert!(
        unanswered > LINE_MAX / 2,
        "the other one was answered, and {unanswered} of the busy one's were not"
    );

    assert!(patiently(|| here(&streams).len() == FORMS), "all are answered");
    let after = here(&streams);
    assert_eq!(count(&after, "303"), 1, "the form counts once, and in time: {after:?}");
    assert_eq!(count(&after, "422") + count(&after, "404") + count(&after, "429"), FORMS - 1, "{after:?}");
    assert_eq!(door.on_the_way(), 0);
    actions::close_box(&door, Actor::system("opening"), None, lot).unwrap();
    let closing = door.read(|db| store::closing(db, lot)).unwrap().unwrap();
    assert_eq!(closing.bidders, 2);
}

fn a_refused_form_of_a_busy_bidder_can_be_handed_in_again(engine: Engine) {
    let house = TestHouse::new(engine);
    let (_, ready, deadline) = on_the_eve(&house, 1);
    house.clock.move_to(deadline.plus(-60 * SECOND));
    let served = Served::start(house);
    let (door, line) = (served.house.door().clone(), ready[0].0.who.organisation);
    let mut browser = served.browser(&ready[0].0);
    let (begun, has_begun) = mpsc::channel();
    let (go_on, until_told) = mpsc::channel::<()>();
    // one act takes long and the line behind it is full
    let dawdler = door.clone();
    let long = runtime().spawn(async move {
        let dawdle = move |_: &mut Act<'_>| {
            begun.send(()).unwrap();
            let _ = until_told.recv();
            Ok(())
        };
        dawdler.act_in_line(Actor::system("test"), line, dawdle).await
    });
    has_begun.recv().unwrap();
    let waiting: Vec<_> = (0..=LINE_MAX)
        .map(|_| {
            let door = door.clone();
            runtime().spawn(async move { door.act_in_line(Actor::system("test"), line, |_| Ok(())).await })
        })
        .collect();
    // one of them finds no place: then the line is full
    assert!(patiently(|| waiting.iter().any(|act| act.is_finished())));
    let page = send_form(&mut browser, &ready[0]).expect_status(429).text();
    assert!(page.contains("64") && page.contains("重新加载") && page.contains("reload this page"), "{page}");
    drop(go_on);
    runtime().block_on(long).unwrap().unwrap();
    let ended: Vec<_> = waiting.into_iter().map(|act| runtime().block_on(act).unwrap()).collect();
    assert_eq!(ended.iter().filter(|ended| ended.is_err()).count(), 1, "one found no place");
    let answer = send_form(&mut browser, &ready[0]);
    expect_receipt(&mut browser, answer);
}

/// How many strangers have sent half a form and say nothing more.
const SILENT: usize = 1_100;

fn forms_that_bring_a_byte_and_stay_take_nobodys_arrival_away(engine: Engine) {
    let house = TestHouse::new(engine);
    let (_, ready, deadline) = on_the_eve(&house, 1);
    house.clock.move_to(deadline.plus(-1));
    let served = Served::start(house);
    let mut browser = served.browser(&ready[0].0);
    let door = served.house.door().clone();
    let half = b"POST /sealed-bid/TEST-0001/1/single/submit HTTP/1.1\r\nHost: t\r\nContent-Length: 65536\r\n\r\nmanifest=";
    let silent: Vec<_> = (0..SILENT)
        .map(|_| {
            let mut stream = connect(&served);
            stream.write_all(half).unwrap();
            stream
        })
        .collect();
    // the server has read what it reads of them
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(door.on_the_way(), 0, "half a form has not arrived");

    // nobody's session can be looked up for a while, so that no page and no form gets its turn
    let (reading, let_go) = (AtomicU32::new(0), AtomicBool::new(false));
    let answer = std::thread::scope(|scope| {
        for _ in 0..READERS_MAX {
            scope.spawn(|| {
                let held = door.read::<(), Fault>(|_| {
                    reading.fetch_add(1, Ordering::SeqCst);
                    assert!(patiently(|| let_go.load(Ordering::SeqCst)));
                    Ok(())
                });
                held.unwrap();
            });
        }
        assert!(patiently(|| reading.load(Ordering::SeqCst) == READERS_MAX));
        let sending = scope.spawn(|| send_form(&mut browser, &ready[0]));
        let arrived = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            door.on_the_way() == 1
        });
        served.house.clock.move_to(deadline);
        let_go.store(true, Ordering::SeqCst);
        let answer = sending.join().unwrap();
        assert!(arrived, "the form was here before the deadline");
        answer
    });
    let receipt = answer.expect_status(303).location();
    let page = browser.get(&receipt).expect_status(200).text();
    assert!(page.contains("2026-03-25 09:29:59"), "handed in when it had arrived: {page}");
    assert_eq!(here(&silent).len(), 0, "the others are still there");
}
