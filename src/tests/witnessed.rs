//! The log under outside eyes: real witnesses over HTTP, a real time-stamping authority, a monitor, and a platform that
//! rewrites its history.

use super::browser::{Served, runtime};
use crate::account::testing::{TestHouse, refused};
use crate::cli::log::witness::{self, Witness};
use crate::ledger::note::{SignerKey, VerifierKey, WitnessKey};
use crate::ledger::policy::Policy;
use crate::ledger::store;
use crate::ledger::tests::timestamp::StampAuthority;
use crate::ledger::witnessing;
use crate::on_both_databases;
use crate::open_data::evidence::{self, Contents};
use crate::opening::testing::{BidBox, bids_in, signed_box};
use crate::platform::database::testing::Engine;
use crate::platform::moment::{Clock, Moment, SECOND};
use crate::platform::refusal::Fault;
use crate::project::testing::{Shape, facts};
use crate::sealed_bid::drill;
use crate::sealing::error::SealError;
use crate::verify::{Known, verify};
use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpResponse, HttpServer, web};
use clap::Parser;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

on_both_databases! {
    no_bid_is_opened_before_outsiders_have_seen_the_closing
    a_drill_tries_the_witnesses_and_follows_a_changed_key
    a_monitor_sees_that_history_was_rewritten
    a_monitor_that_is_told_to_sees_that_a_log_stands_still
    a_witness_that_takes_long_keeps_no_other_waiting
}

const ORIGIN: &str = "log.test.example/main";

/// A free port, and the address at which it will be served.
fn port() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Runs a server in a thread of its own.
fn serve(start: impl FnOnce() -> Result<Server, Fault> + Send + 'static) -> ServerHandle {
    let (to, handle) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = start().unwrap();
            to.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    handle.recv().unwrap()
}

fn serve_witness(key: WitnessKey, log: &SignerKey, state: PathBuf, listener: TcpListener) -> ServerHandle {
    let witness = Witness::new(key, vec![log.verifier().clone()], state, Clock::real()).unwrap();
    serve(move || witness::start(Arc::new(witness), listener))
}

fn serve_authority(authority: Arc<StampAuthority>, listener: TcpListener) -> ServerHandle {
    serve(move || {
        let data = web::Data::from(authority);
        let answer = |authority: web::Data<StampAuthority>, body: web::Bytes| async move {
            let reply = web::block(move || authority.answer(&body)).await.unwrap();
            HttpResponse::Ok().content_type("application/timestamp-reply").body(reply)
        };
        let server =
            HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(answer)));
        Ok(server.workers(1).shutdown_timeout(1).listen(listener)?.run())
    })
}

/// Two witnesses, of which both are needed, and an authority; the second witness is not up yet.
pub(super) struct Outside {
    folder: tempfile::TempDir,
    log: SignerKey,
    second: Option<(WitnessKey, TcpListener)>,
    authority: Arc<StampAuthority>,
    running: Vec<ServerHandle>,
    stamp_url: String,
}

impl Outside {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = SignerKey::generate(ORIGIN).unwrap();
        let (first, second) =
            (WitnessKey::generate("one.example/w").unwrap(), WitnessKey::generate("two.example/w").unwrap());
        let (first_key, second_key) = (first.verifier().to_string(), second.verifier().to_string());
        let (listener, first_url) = port();
        let running = serve_witness(first, &log, folder.path().join("one"), listener);
        let (reserved, second_url) = port();
        let policy = format!(
            "log {}\nwitness one {first_key} {first_url}\nwitness two {second_key} {second_url}\ngroup both all one two\nquorum both\n",
            log.verifier()
        );
        fs::write(folder.path().join("policy"), policy).unwrap();
        let authority = Arc::new(StampAuthority::new());
        let (listener, stamp_url) = port();
        let stamping = serve_authority(authority.clone(), listener);
        Self {
            folder,
            log,
            second: Some((second, reserved)),
            authority,
            running: vec![running, stamping],
            stamp_url,
        }
    }

    /// With both witnesses up.
    pub fn with_all_up() -> Self {
        let mut outside = Self::new();
        let (key, listener) = outside.second.take().unwrap();
        let state = outside.folder.path().join("two");
        outside.running.push(serve_witness(key, &outside.log, state, listener));
        outside
    }

    pub fn policy_text(&self) -> String {
        fs::read_to_string(self.policy()).unwrap()
    }

    pub fn stop(self) {
        for handle in self.running {
            runtime().block_on(handle.stop(false));
        }
    }

    fn policy(&self) -> PathBuf {
        self.folder.path().join("policy")
    }

    /// A platform whose log these people watch.
    pub fn house(&self, engine: Engine) -> TestHouse {
        TestHouse::configured(engine, |config| {
            fs::create_dir_all(&config.keys).unwrap();
            fs::write(config.keys.join("log-signer.key"), self.log.to_file().as_bytes()).unwrap();
            config.log_policy = self.policy().display().to_string();
            config.timestamp_url = self.stamp_url.clone();
            config.timestamp_roots = self.authority.file("ca.pem").display().to_string();
        })
    }
}

pub(super) fn ask_outside(house: &TestHouse) {
    runtime().block_on(witnessing::due(house.door())).unwrap_or_else(|failure| panic!("{failure}"));
}

pub(super) fn bundle(house: &TestHouse, bids: &BidBox) -> Vec<u8> {
    let contents = Contents { ciphertexts: true, media: false };
    evidence::write(&house.house, &facts(house, bids.lot), contents, runtime().handle(), Vec::new()).unwrap()
}

pub(super) fn lines(bundle: Vec<u8>, known: &Known) -> (bool, String) {
    let findings = verify(bundle, known);
    let lines: Vec<String> = findings.lines().iter().map(ToString::to_string).collect();
    (findings.all_hold(), lines.join("\n"))
}

fn no_bid_is_opened_before_outsiders_have_seen_the_closing(engine: Engine) {
    let outside = Outside::new();
    let house = outside.house(engine);
    let bids = bids_in(&house, &["100.00", "101.00", "102.00"]);
    ask_outside(&house);
    bids.close(&house);
    let envelope = bids.first(&house);
    let release = bids.made_believing(&house, envelope, 1);
    // one of two witnesses is away: nothing may be opened yet, and everybody can see why
    ask_outside(&house);
    assert_eq!(refused(bids.hand_in(&house, envelope, &release)).key, "opening.refusal.not_witnessed");
    assert_eq!(refused(bids.try_bundle(&house, envelope)).key, "opening.refusal.not_witnessed");
    let closing = house.door().read(|db| store::closings(db, 1)).unwrap().remove(0);
    assert!(!closing.met && closing.stamped_at.is_some());

    // it comes back and is asked again
    let Outside { second, folder, log, mut running, authority, .. } = outside;
    let (key, reserved) = second.unwrap();
    let state = folder.path().join("two");
    running.push(serve_witness(key, &log, state, reserved));
    ask_outside(&house);
    bids.hand_in(&house, envelope, &release).unwrap();
    bids.release(&house, envelope, &[2]);
    bids.open(&house, envelope, false).unwrap();
    ask_outside(&house);

    // receipts and evidence carry what the outsiders said
    let policy = Policy::parse(&fs::read_to_string(folder.path().join("policy")).unwrap()).unwrap();
    let known = Known { policy: Some(policy.clone()), stamp_roots: authority.roots(), ..Known::default() };
    let (hold, said) = lines(bundle(&house, &bids), &known);
    assert!(hold, "{said}");
    assert!(
        said.contains("ok   witnesses") && said.contains("one at ") && said.contains("two at "),
        "{said}"
    );
    assert!(said.contains("ok   timestamp"), "{said}");

    // the same evidence does not satisfy people who believe other witnesses or authorities
    let stranger = WitnessKey::generate("three.example/w").unwrap();
    let text = format!("log {}\nwitness three {}\nquorum three\n", log.verifier(), stranger.verifier());
    let other = Known { policy: Some(Policy::parse(&text).unwrap()), ..known.clone() };
    assert!(lines(bundle(&house, &bids), &other).1.contains("FAIL witnesses"));
    let other = Known { stamp_roots: StampAuthority::new().roots(), ..known };
    assert!(lines(bundle(&house, &bids), &other).1.contains("FAIL timestamp"));

    let served = Served::start(house);
    let mut visitor = served.visitor();
    let page = visitor.get("/log").expect_status(200).text();
    assert!(page.contains("one.example/w") && page.contains(&format!("/log/closing/{}", closing.size)));
    let cosigned = visitor.get("/log/witnessed").expect_status(200).text();
    assert_eq!(policy.judge(cosigned.as_bytes()).unwrap().cosigners.len(), 2);
    let stamp = visitor.get(&format!("/log/closing/{}/timestamp", closing.size)).expect_status(200);
    let note = visitor.get(&format!("/log/closing/{}", closing.size)).expect_status(200).text();
    let (text, _) = note.split_once("\n\n").unwrap();
    assert!(authority.accepts(&stamp.bytes, &format!("{text}\n")));
    visitor.get("/log/closing/1").expect_status(404);
    for handle in running {
        runtime().block_on(handle.stop(false));
    }
}

fn a_drill_tries_the_witnesses_and_follows_a_changed_key(engine: Engine) {
    let outside = Outside::new();
    let house = outside.house(engine);
    let filled = signed_box(&house, &Shape::default());
    let (tender, who) = (facts(&house, filled.lot).tender, filled.trustee(1).who.clone());
    let pinned = Policy::parse(&house.door().told_policy()).unwrap();
    house.act(&filled.trustee(1).who, move |act| drill::begin(act, ORIGIN, &who, tender)).unwrap();
    // by the trustee's own clock, as the witnesses go by theirs
    let tried_by = |trust: &Policy| {
        let bundle = house.door().read(|db| drill::bundle(house.door(), db, tender)).unwrap();
        bundle.check_drill(trust, Clock::real().now())
    };
    let tried = || tried_by(&pinned);
    // a trustee who needs one of the two only
    let lines = pinned.to_string();
    let kept: Vec<&str> = lines.lines().filter(|line| !line.starts_with("quorum")).collect();
    let lenient = Policy::parse(&format!("{}\nquorum one\n", kept.join("\n"))).unwrap();
    let code = || match tried() {
        Err(SealError::Untrue(untrue)) => untrue.code(),
        other => panic!("{other:?}"),
    };
    // nobody has signed yet; then one of two, which is too few; then both
    assert_eq!(code(), "not_cosigned");
    assert!(tried_by(&lenient).is_err());
    ask_outside(&house);
    assert_eq!(code(), "not_cosigned");
    let ready = tried_by(&lenient).expect("what one has signed is handed out");
    assert_eq!(ready.witnesses.len(), 1);
    let Outside { second, folder, log, mut running, .. } = outside;
    let (key, reserved) = second.unwrap();
    running.push(serve_witness(key, &log, folder.path().join("two"), reserved));
    ask_outside(&house);
    let ready = tried().unwrap();
    let names: Vec<&str> = ready.witnesses.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    // the log changes its key: who pinned the old one is led to the new one, in a drill as at an opening
    house.door().rotate_log().unwrap_or_else(|failure| panic!("{failure}"));
    house.member(crate::account::role::Role::Bidder, "later");
    ask_outside(&house);
    assert_ne!(house.door().log_key(), *log.verifier());
    assert!(tried().unwrap().checkpoint.size > ready.checkpoint.size);
    for handle in running {
        runtime().block_on(handle.stop(false));
    }
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: crate::cli::log::Args,
}

pub(super) fn watch(served: &Served, state: &Path) -> Result<String, String> {
    watch_with(served, state, &served.house.door().log_key())
}

/// One round of a monitor that was given this key.
pub(super) fn watch_with(served: &Served, state: &Path, key: &VerifierKey) -> Result<String, String> {
    watch_asking(served, state, key, &[])
}

fn watch_asking(served: &Served, state: &Path, key: &VerifierKey, more: &[&str]) -> Result<String, String> {
    let (url, key) = (format!("{}/log", served.base), key.to_string());
    let state = state.display().to_string();
    let words = ["log", "watch", &url, "--key", &key, "--state", &state, "--once"];
    let args = Command::try_parse_from(words.iter().chain(more)).unwrap().args;
    let mut out = Vec::new();
    let done = crate::cli::log::run(&args, &mut out);
    done.map(|()| String::from_utf8(out).unwrap()).map_err(|e| e.to_string())
}

fn a_monitor_sees_that_history_was_rewritten(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("seen");
    let served = Served::start(TestHouse::new(engine));
    served.house.member(crate::account::role::Role::Bidder, "early");
    let first = watch(&served, &state).unwrap();
    served.house.member(crate::account::role::Role::Bidder, "late");
    let second = watch(&served, &state).unwrap();
    assert!(first.contains("entries (+") && second.contains("entries (+"), "{first}{second}");
    assert!(watch(&served, &state).unwrap().contains("(+0)"));

    // the operator restores a forged past under the same key: what was seen cannot be unsaid
    let seen = fs::read_to_string(&state).unwrap();
    let door = served.house.door();
    let head = door.read(store::head).unwrap().unwrap();
    let forged = fs::read_to_string(door.config().keys.join("log-signer.key")).unwrap();
    let forged = SignerKey::parse(&forged).unwrap();
    let lie = crate::ledger::checkpoint::Checkpoint { origin: ORIGIN.into(), size: head.size, root: [7; 32] };
    let lie = crate::ledger::note::Note::sign(&lie.to_string(), &[&forged]).unwrap();
    fs::write(&state, lie.to_string()).unwrap();
    let alarm = watch(&served, &state).unwrap_err();
    assert!(alarm.contains("ALARM") && alarm.contains("do not extend"), "{alarm}");
    let shown = fs::read_to_string(state.with_extension("alarm")).unwrap();
    assert!(shown.contains(&lie.to_string()), "both checkpoints are the proof");
    fs::write(&state, seen).unwrap();
    assert!(watch(&served, &state).is_ok());
}

fn a_monitor_that_is_told_to_sees_that_a_log_stands_still(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("seen");
    let served = Served::start(TestHouse::new(engine));
    served.house.member(crate::account::role::Role::Bidder, "early");
    let key = served.house.door().log_key();
    let round = || watch_asking(&served, &state, &key, &["--max-age", "600"]);
    round().unwrap();
    assert!(round().unwrap().contains("(+0)"), "it has not stood still for long");
    // ten minutes ago, and one second more
    let grown = state.with_extension("grown");
    let since = Moment::parse(fs::read_to_string(&grown).unwrap().trim()).unwrap();
    fs::write(&grown, since.plus(-601 * SECOND).rfc3339()).unwrap();
    let alarm = round().unwrap_err();
    assert!(alarm.contains("ALARM: the log was not seen to grow since"), "{alarm}");
    assert!(watch(&served, &state).unwrap().contains("(+0)"), "nobody asked");
    served.house.member(crate::account::role::Role::Bidder, "late");
    assert!(round().unwrap().contains("entries (+"));
    assert!(round().unwrap().contains("(+0)"), "it has grown just now");
    // nobody answers any more
    fs::write(&grown, since.plus(-601 * SECOND).rfc3339()).unwrap();
    let (listener, gone) = port();
    drop(listener);
    let words =
        ["log", "watch", &gone, "--key", &key.to_string(), "--state", &state.display().to_string(), "--once"];
    let args = Command::try_parse_from(words.into_iter().chain(["--max-age", "600"])).unwrap().args;
    let alarm = crate::cli::log::run(&args, &mut Vec::new()).unwrap_err().to_string();
    assert!(alarm.contains("ALARM: the log was not seen to grow since"), "{alarm}");
}

/// Passes connections on to `to`, each after `first` has been done.
fn door_before(to: String, first: impl Fn() + Send + 'static) -> String {
    let (listener, url) = port();
    let to = to.strip_prefix("http://").unwrap().to_owned();
    std::thread::spawn(move || {
        for inside in listener.incoming().map_while(Result::ok) {
            first();
            let outside = std::net::TcpStream::connect(&to).unwrap();
            for (mut from, mut into) in
                [(inside.try_clone().unwrap(), outside.try_clone().unwrap()), (outside, inside)]
            {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut into);
                    let _ = into.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    url
}

/// The first witness answers only when the second has been asked too.
fn a_witness_that_takes_long_keeps_no_other_waiting(engine: Engine) {
    let outside = Outside::with_all_up();
    let policy = outside.policy_text();
    let url = |name: &str| {
        let line = policy.lines().find(|line| line.starts_with(&format!("witness {name} "))).unwrap();
        line.rsplit(' ').next().unwrap().to_owned()
    };
    let (told, asked) = mpsc::channel();
    let slow = door_before(url("one"), move || asked.recv().unwrap());
    let quick = door_before(url("two"), move || told.send(()).unwrap());
    fs::write(outside.policy(), policy.replace(&url("one"), &slow).replace(&url("two"), &quick)).unwrap();
    let house = outside.house(engine);
    house.member(crate::account::role::Role::Bidder, "early");
    ask_outside(&house);
    let met = house.door().read(store::newest_met).unwrap();
    assert!(met.is_some(), "both have cosigned");
    outside.stop();
}
