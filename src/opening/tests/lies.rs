//! A trustee's program believes nothing that the log does not show: each lie of an operator, and the sentence that it gets.

use super::dual::{dual, locked_bids};
use super::operator::{Operator, Plan, Written};
use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::announcement::actions::{self as notices, Amendment};
use crate::ledger::note::{Note, SignerKey};
use crate::ledger::policy::Policy;
use crate::ledger::rotation::Rotation;
use crate::on_both_databases;
use crate::opening::testing::{bids_in, empty_box, trust};
use crate::platform::canonical::jcs;
use crate::platform::database::testing::Engine;
use crate::platform::moment::{DAY, HOUR, MINUTE, Moment, SECOND};
use crate::platform::web::lang::Lang;
use crate::project::schedule::{Schedule, Weight};
use crate::project::store as projects;
use crate::project::testing::Shape;
use crate::sealed_bid::testing::{Offer, bid};
use crate::sealing::context::EnvelopeKind as Kind;
use crate::sealing::document::Bytes;
use crate::sealing::drill::{self, make};
use crate::sealing::error::SealError;
use crate::sealing::release::{BundleTyp, OpeningBundle};
use serde::{Deserialize, Serialize};
use serde_json::json;

on_both_databases! {
    what_the_platform_hands_out_is_shown_by_the_log
    papers_that_differ_from_the_log_are_refused
    a_dual_lock_needs_the_bidders_end_in_the_log
    an_amended_time_is_the_one_that_counts
}

/// The code of what is untrue.
pub(super) fn untrue<T: std::fmt::Debug>(found: Result<T, SealError>) -> &'static str {
    match found {
        Err(SealError::Untrue(untrue)) => {
            let key = format!("opening.untrue.{}", untrue.code());
            for lang in [Lang::Chinese, Lang::English] {
                assert_ne!(lang.t(&key), key, "no sentence");
            }
            untrue.code()
        }
        Err(other) => panic!("{other}"),
        Ok(shown) => panic!("believed: {shown:?}"),
    }
}

/// Honest papers of a lot with three bids whose box is closed.
fn honest(engine: Engine) -> (TestHouse, OpeningBundle) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    filled.close(&house);
    let bundle = filled.bundle(&house, Kind::Single);
    (house, bundle)
}

fn what_the_platform_hands_out_is_shown_by_the_log(engine: Engine) {
    let (house, bundle) = honest(engine);
    assert_eq!(bundle.typ, BundleTyp::Opening);
    let bundle = OpeningBundle::read(&jcs(&bundle)).unwrap();
    let shown = bundle.check(&trust(&house), house.door().now()).unwrap();
    assert_eq!(shown.announced.opens_at, bundle.opens_at);
    assert_eq!(shown.announced.notices.len(), 1);
    assert_eq!(shown.closed_at, house.door().now());
    assert!(shown.checkpoint.size > bundle.bid_set.closing.size.0);
    // the trustee's own clock still counts
    assert!(bundle.check(&trust(&house), bundle.opens_at.plus(-1)).is_err());
}

fn an_amended_time_is_the_one_that_counts(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = empty_box(&house, &Shape::default());
    let (agent, now) = (filled.staff.agent.who.clone(), house.door().now());
    let facts = house.door().read(|db| projects::known_lot(db, filled.lot)).unwrap();
    let (tender, was) = (facts.tender, facts.schedule.unwrap());
    let schedule = Schedule { bids_until: was.bids_until.plus(2 * DAY), ..was };
    let amendment = Amendment { schedule, summary: "延期两天".into(), weight: Weight::AffectsBids };
    let checked = house.door().read(|db| notices::check_amended(db, tender, &amendment, now));
    let (notice, problems) = checked.unwrap();
    assert_eq!(problems, []);
    let (fields, authority) = (filled.staff.agent.sign(&notice.statement()), house.authority().clone());
    let amended = house.act(&filled.staff.agent.who, move |act| {
        notices::amend(act, &authority, &agent, tender, &amendment, &fields)
    });
    amended.unwrap();
    for price in ["1.00", "2.00", "3.00"] {
        let member = house.member(Role::Bidder, &format!("bidder{price}"));
        bid(&house, &member, filled.lot, Kind::Single, &Offer::priced(price)).unwrap();
    }
    filled.close(&house);
    let bundle = filled.bundle(&house, Kind::Single);
    let announced = bundle.check(&trust(&house), house.door().now()).unwrap().announced;
    assert_eq!((announced.opens_at, announced.notices.len()), (schedule.bids_until, 2));
    // without the amendment the first time would count, and the closing names the second notice
    let operator = Operator::of(&bundle);
    let hidden = operator.bundle(|plan| drop(plan.before.pop()));
    assert_eq!(untrue(hidden.check(&operator.trust(), house.door().now())), "other_time");
    let early = operator.bundle(|plan| {
        plan.before.pop();
        plan.bundle.opens_at = was.bids_until;
    });
    assert_eq!(untrue(early.check(&operator.trust(), house.door().now())), "no_notice");
}

fn papers_that_differ_from_the_log_are_refused(engine: Engine) {
    let (house, good) = honest(engine);
    let now = house.door().now();
    let said = |lie: &dyn Fn(&mut OpeningBundle)| {
        let mut bundle = good.clone();
        lie(&mut bundle);
        untrue(bundle.check(&trust(&house), now))
    };
    assert_eq!(said(&|b| b.opens_at = b.opens_at.plus(-HOUR)), "other_time");
    assert_eq!(said(&|b| b.session.0 = crate::sealing::boxes::BoxKey::random().public()), "other_session");
    let left_out = |b: &mut OpeningBundle| {
        b.bid_set.bids.remove(1);
        b.manifests.remove(1);
        b.log.as_mut().unwrap().bids.remove(1);
    };
    assert_eq!(said(&left_out), "other_bids");
    assert_eq!(said(&|b| drop(b.log.as_mut().unwrap().bids.pop())), "other_bids");
    assert_eq!(said(&|b| b.log.as_mut().unwrap().bids[0].blind.0[0] ^= 1), "bid_not_logged");
    assert_eq!(said(&|b| b.bid_set.bids.iter_mut().for_each(|bid| bid.leaf.0 -= 1)), "bid_not_logged");
    let last = |b: &mut OpeningBundle, change: &dyn Fn(&mut Vec<u8>)| {
        change(&mut b.log.as_mut().unwrap().entries.last_mut().unwrap().object.0);
    };
    assert_eq!(said(&|b| last(b, &|object| object[40] ^= 1)), "entry_not_logged");
    assert_eq!(said(&|b| b.log.as_mut().unwrap().entries.reverse()), "bad_entry");
    assert_eq!(said(&|b| drop(b.log.as_mut().unwrap().entries.remove(0))), "no_notice");
    assert_eq!(said(&|b| b.log.as_mut().unwrap().entries.retain(|e| e.number != 130)), "not_closed");
    assert_eq!(said(&|b| b.log.as_mut().unwrap().entries.retain(|e| e.number != 132)), "other_session");
    assert_eq!(said(&|b| b.log.as_mut().unwrap().closing.clear()), "split_view");
    assert_eq!(said(&|b| b.log.as_mut().unwrap().rotations = "changed\n".into()), "rotations");
    let forged = |b: &mut OpeningBundle| {
        let log = b.log.as_mut().unwrap();
        let note = Note::parse(log.checkpoint.as_bytes()).unwrap();
        let mut lines: Vec<&str> = note.text().lines().collect();
        let larger = (lines[1].parse::<u64>().unwrap() + 1).to_string();
        lines[1] = &larger;
        log.checkpoint = log.checkpoint.replace(note.text(), &format!("{}\n", lines.join("\n")));
    };
    assert_eq!(said(&forged), "forged");
    // papers without any proof are for a drill, whatever they call themselves
    assert_eq!(said(&|b| b.log = None), "drill_only");
    assert_eq!(said(&|b| b.typ = BundleTyp::Drill), "drill_only");
    assert_eq!(said(&|b| b.typ = BundleTyp::OldDrill), "drill_only");
    let key = Policy::of_log(SignerKey::generate(&house.door().config().origin).unwrap().verifier().clone());
    assert_eq!(untrue(good.check(&key, now)), "other_key");
    let elsewhere = Policy::of_log(SignerKey::generate("elsewhere.example/log").unwrap().verifier().clone());
    assert_eq!(untrue(good.check(&elsewhere, now)), "other_key");
}

#[test]
fn a_drill_takes_a_canary_and_an_opening_does_not() {
    let (house, good) = honest(Engine::Sqlite);
    let (now, trust) = (house.door().now(), trust(&house));
    let drilled = |found: &OpeningBundle| untrue(found.check_drill(&trust, now));
    assert_eq!(drilled(&good), "no_drill");
    let canary = make(&good.trustees, &house.door().config().origin, now).unwrap();
    let bundle = drill::bundle(&canary.manifest, &good.trustees, (&good.session.0, now), None);
    assert_eq!(drilled(&bundle), "old_drill", "it shows nothing of the log");
    assert_eq!(untrue(bundle.check(&trust, now)), "drill_only");
    let mut dressed = good.clone();
    for typ in [BundleTyp::Drill, BundleTyp::OldDrill] {
        (dressed.typ, dressed.log) = (typ, None);
        assert_eq!(drilled(&dressed), "no_drill");
        let mut opened = bundle.clone();
        (opened.typ, opened.log) = (typ, good.log.clone());
        assert_eq!(untrue(opened.check(&trust, now)), "drill_only");
        assert_eq!(drilled(&opened), "no_drill");
    }
}

/// An operator with the log's key, and what a trustee who pinned that log and one witness says of the papers.
struct Court {
    operator: Operator,
    now: Moment,
}

impl Court {
    fn new() -> Self {
        let (house, bundle) = honest(Engine::Sqlite);
        Self { operator: Operator::of(&bundle), now: house.door().now() }
    }

    fn says(&self, lie: impl FnOnce(&mut Plan)) -> &'static str {
        untrue(self.operator.bundle(lie).check(&self.operator.trust(), self.now))
    }
}

#[test]
fn whoever_writes_the_log_can_not_write_what_the_papers_say_as_they_like() {
    let court = Court::new();
    let true_one = court.operator.bundle(|_| ()).check(&court.operator.trust(), court.now).unwrap();
    assert_eq!(true_one.witnesses.len(), 1);
    let earlier = json!(true_one.announced.opens_at.plus(-HOUR));
    // an earlier time in the closing, or in all papers but the signed notice
    assert_eq!(court.says(|plan| plan.event(130)["deadline"] = earlier.clone()), "other_time");
    let early = |plan: &mut Plan| {
        plan.event(130)["deadline"] = earlier.clone();
        plan.bundle.opens_at = plan.bundle.opens_at.plus(-HOUR);
    };
    assert_eq!(court.says(early), "other_time");
    let rewritten = |plan: &mut Plan| {
        early(plan);
        let notice = &mut plan.event(33)["notice"];
        let mut said: serde_json::Value =
            serde_json::from_str(notice["statement"].as_str().unwrap()).unwrap();
        said["schedule"]["bids_until"] = earlier.clone();
        notice["statement"] = json!(said.to_string());
    };
    assert_eq!(court.says(rewritten), "notice_not_signed");
    // an amendment that is not shown, or is not there
    assert_eq!(court.says(|plan| plan.event(130)["notice"] = json!(2)), "no_notice");
    assert_eq!(court.says(|plan| plan.event(33)["version"] = json!(2)), "no_notice");
    assert_eq!(court.says(|plan| plan.before.clear()), "no_notice");
    assert_eq!(court.says(|plan| plan.after[0].document["at"] = earlier.clone()), "closed_early");
    assert_eq!(court.says(|plan| plan.event(130)["lot_number"] = json!("2")), "not_closed");
    assert_eq!(court.says(|plan| plan.event(130)["number"] = json!("T-OTHER")), "not_closed");
    let twice = |plan: &mut Plan| {
        let again = plan.after[0].clone();
        plan.after.push(again);
    };
    assert_eq!(court.says(twice), "not_closed");
    // a bid that came after the closing, one of another log, one that the closing does not know
    let late = |plan: &mut Plan| plan.late = plan.bids.split_off(2);
    assert_eq!(court.says(late), "bid_not_logged");
    let elsewhere = |plan: &mut Plan| plan.bids[0].ctx.origin = "elsewhere.example/log".into();
    assert_eq!(court.says(elsewhere), "other_log");
    assert_eq!(court.says(|plan| plan.event(130)["sets"] = json!([])), "other_bids");
    let other = json!(Bytes([7; 65]));
    assert_eq!(court.says(|plan| plan.event(132)["session"] = other.clone()), "other_session");
    assert_eq!(court.says(|plan| plan.event(132)["lot"] = json!("another")), "other_session");
}

#[test]
fn a_move_of_the_deadline_counts_only_if_it_goes_on_from_the_announced_time() {
    let court = Court::new();
    let announced = court.operator.bundle(|_| ()).opens_at;
    let moved = |plan: &mut Plan, was: Moment, now: Moment| {
        let tender = plan.event(33)["tender"].clone();
        let event = json!({"article": "x", "now": now, "outage": "x", "tender": tender, "was": was});
        let document = json!({"at": was, "event": event, "kind": "outage.deadline_moved"});
        plan.before.push(Written { number: 221, document });
        plan.bundle.opens_at = now;
        plan.event(130)["deadline"] = json!(now);
    };
    let later = announced.plus(2 * HOUR);
    let bundle = |lie: &dyn Fn(&mut Plan)| {
        let mut bundle = court.operator.bundle(|plan| {
            lie(plan);
            plan.after[0].document["at"] = json!(plan.bundle.opens_at);
        });
        let at = bundle.opens_at;
        let log = bundle.log.as_mut().unwrap();
        log.checkpoint = Note::parse(log.checkpoint.as_bytes())
            .map(|note| format!("{}\n{}\n", note.text(), note.signatures()[0]))
            .unwrap();
        court.operator.cosign(&mut bundle, at);
        bundle.check(&court.operator.trust(), at)
    };
    let shown = bundle(&|plan| moved(plan, announced, later)).unwrap();
    assert_eq!((shown.announced.opens_at, shown.announced.moved), (later, 1));
    assert_eq!(untrue(bundle(&|plan| moved(plan, announced, announced.plus(-HOUR)))), "other_time");
    assert_eq!(untrue(bundle(&|plan| moved(plan, announced.plus(HOUR), later))), "other_time");
}

#[test]
fn the_time_is_the_witnesses_and_a_log_has_one_version() {
    let court = Court::new();
    let (operator, now) = (&court.operator, court.now);
    let good = operator.bundle(|_| ());
    let says = |bundle: &OpeningBundle| untrue(bundle.check(&operator.trust(), now));
    let alone = |bundle: &OpeningBundle| {
        let note = Note::parse(bundle.log.as_ref().unwrap().checkpoint.as_bytes()).unwrap();
        format!("{}\n{}\n", note.text(), note.signatures()[0])
    };
    // nobody outside has seen it; or only before the opening time
    let mut unseen = good.clone();
    unseen.log.as_mut().unwrap().checkpoint = alone(&good);
    assert_eq!(says(&unseen), "not_cosigned");
    let mut early = unseen.clone();
    operator.cosign(&mut early, good.opens_at.plus(-SECOND));
    assert_eq!(says(&early), "old_cosigned");
    // a line that the witness did not make
    let mut false_line = good.clone();
    let log = false_line.log.as_mut().unwrap();
    let note = Note::parse(log.checkpoint.as_bytes()).unwrap();
    let mut lines = note.signatures().to_vec();
    *lines[1].value.last_mut().unwrap() ^= 1;
    log.checkpoint = format!("{}\n{}\n{}\n", note.text(), lines[0], lines[1]);
    assert_eq!(says(&false_line), "forged");
    // another history with the same bids, of which the witnesses know nothing; and their checkpoint under its proofs
    let mut fork = operator.bundle(|plan| plan.event(132)["tender"] = json!("another"));
    let seen = good.log.as_ref().unwrap().checkpoint.clone();
    let mut unknown = fork.clone();
    unknown.log.as_mut().unwrap().checkpoint = alone(&fork);
    assert_eq!(says(&unknown), "not_cosigned");
    fork.log.as_mut().unwrap().checkpoint = seen;
    assert_eq!(says(&fork), "split_view");
}

#[test]
fn a_changed_log_key_counts_only_with_a_note_that_both_keys_signed() {
    let court = Court::new();
    let (operator, now) = (&court.operator, court.now);
    let mut bundle = operator.bundle(|_| ());
    let next = SignerKey::generate(operator.log.verifier().name()).unwrap();
    let note = Note::parse(bundle.log.as_ref().unwrap().checkpoint.as_bytes()).unwrap();
    let resigned = Note::sign(note.text(), &[&next]).unwrap().with(note.signatures()[1].clone());
    bundle.log.as_mut().unwrap().checkpoint = resigned.to_string();
    assert_eq!(untrue(bundle.check(&operator.trust(), now)), "other_key");
    let rotation = Rotation::sign(&operator.log, &next, 1, &[9; 32]).unwrap();
    bundle.log.as_mut().unwrap().rotations = rotation.note.to_string();
    bundle.check(&operator.trust(), now).unwrap();
    // and back: whoever pinned the new key does not believe what the old one signs after the change
    let mut old = operator.bundle(|_| ());
    old.log.as_mut().unwrap().rotations = rotation.note.to_string();
    assert_eq!(untrue(old.check(&operator.trust(), now)), "other_key");
}

fn a_dual_lock_needs_the_bidders_end_in_the_log(engine: Engine) {
    let house = TestHouse::new(engine);
    let (filled, files) = locked_bids(&house, &dual(), &["1.00", "2.00", "3.00"], (0, None));
    filled.close(&house);
    filled.give_key(&house, Kind::Single, 1, &files[0]);
    house.clock.move_to(house.door().now().plus(30 * MINUTE));
    let good = filled.bundle(&house, Kind::Single);
    let now = house.door().now();
    good.check(&trust(&house), now).unwrap();
    let said = |lie: &dyn Fn(&mut OpeningBundle)| {
        let mut bundle = good.clone();
        lie(&mut bundle);
        untrue(bundle.check(&trust(&house), now))
    };
    // somebody who came is called absent, and the other way round
    let turned = |from: fn(&mut OpeningBundle) -> (Bytes<32>, bool)| {
        said(&move |b| {
            let (m, came) = from(b);
            let phase = b.bidders.as_mut().unwrap();
            let list = if came { &mut phase.released } else { &mut phase.absent };
            list.push(m);
            list.sort();
        })
    };
    assert_eq!(turned(|b| (b.bidders.as_mut().unwrap().released.remove(0), false)), "other_bidders");
    assert_eq!(turned(|b| (b.bidders.as_mut().unwrap().absent.remove(0), true)), "other_bidders");
    assert_eq!(
        said(&|b| b.bidders.as_mut().unwrap().until = now.plus(-MINUTE)),
        "other_bidders",
        "another end"
    );
    // the log itself says that they were absent before their time was over
    let operator = Operator::of(&good);
    let until = good.bidders.as_ref().unwrap().until;
    let declared = |at: Moment, seen: Moment| {
        operator.bundle_seen(seen, |plan| plan.after.last_mut().unwrap().document["at"] = json!(at))
    };
    let early = declared(until.plus(-SECOND), until);
    assert_eq!(untrue(early.check(&operator.trust(), now)), "bidders_early");
    // or says it of a time that the witnesses have not seen yet
    let unseen = declared(until, good.opens_at);
    assert_eq!(untrue(unseen.check(&operator.trust(), now)), "old_cosigned");
    let shorter = operator.bundle(|plan| plan.event(132)["bidders_until"] = json!(until.plus(MINUTE)));
    assert_eq!(untrue(shorter.check(&operator.trust(), now)), "bidders_early");
}

#[test]
fn the_papers_of_five_thousand_bids_are_checked_in_one_pass() {
    let house = TestHouse::new(Engine::Sqlite);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    filled.close(&house);
    let operator = Operator::of(&filled.bundle(&house, Kind::Single));
    let bundle = operator.bundle(|plan| {
        let first = plan.bids[0].clone();
        plan.bids = (0..5_000u32)
            .map(|i| {
                let mut manifest = first.clone();
                manifest.ctx.bid.0[..4].copy_from_slice(&i.to_be_bytes());
                manifest
            })
            .collect();
    });
    let text = jcs(&bundle);
    // about 2 KB for each bid with its three boxes, and 40 bytes for each level of the tree
    assert!(text.len() < 5_000 * 3_000, "{} bytes", text.len());
    let read = OpeningBundle::read(&text).unwrap();
    let shown = read.check(&operator.trust(), house.door().now()).unwrap();
    assert!(shown.checkpoint.size > 5_000);
}

/// One bundle for programs in other languages, and what they must say of it.
#[derive(Serialize, Deserialize)]
pub(super) struct Pinned {
    pub(super) name: String,
    /// The policy that the trustee pinned.
    pub(super) trust: String,
    pub(super) now: Moment,
    pub(super) bundle: OpeningBundle,
    /// The end of the sentence's key; empty if the bundle is true.
    pub(super) code: String,
}

impl Pinned {
    /// The code of what `check` finds untrue; empty if it believes the bundle.
    pub(super) fn judged<T: std::fmt::Debug>(
        &self,
        check: impl FnOnce(&OpeningBundle, &Policy, Moment) -> Result<T, SealError>,
    ) -> &'static str {
        match check(&self.bundle, &Policy::parse(&self.trust).unwrap(), self.now) {
            Ok(_) => "",
            found => untrue(found),
        }
    }
}

/// A true bundle of an operator, and lies about it.
fn lies_of(
    operator: &Operator,
    honest: &OpeningBundle,
) -> (OpeningBundle, Vec<(&'static str, OpeningBundle)>) {
    let until = honest.bidders.as_ref().unwrap().until;
    let made = |at: Moment, lie: &dyn Fn(&mut Plan)| operator.bundle_seen(at, lie);
    let good = made(until, &|_| ());
    let earlier = json!(good.opens_at.plus(-HOUR));
    let changed = |change: &dyn Fn(&mut OpeningBundle)| {
        let mut bundle = good.clone();
        change(&mut bundle);
        bundle
    };
    let list: Vec<(&'static str, OpeningBundle)> = vec![
        ("true", good.clone()),
        ("earlier time", changed(&|b| b.opens_at = b.opens_at.plus(-HOUR))),
        (
            "earlier deadline in the closing",
            made(until, &|plan| plan.event(130)["deadline"] = earlier.clone()),
        ),
        ("hidden amendment", made(until, &|plan| plan.event(130)["notice"] = json!(2))),
        ("closed early", made(until, &|plan| plan.after[0].document["at"] = earlier.clone())),
        ("other bids in the closing", made(until, &|plan| plan.event(130)["sets"] = json!([]))),
        ("a bid after the closing", changed(&|b| b.log.as_mut().unwrap().bids[1].blind.0[0] ^= 1)),
        ("other session", changed(&|b| b.session = b.trustees.members[0].hpke)),
        (
            "absent called present",
            changed(&|b| {
                let phase = b.bidders.as_mut().unwrap();
                let m = phase.absent.remove(0);
                phase.released.push(m);
                phase.released.sort();
            }),
        ),
        (
            "absent too early",
            made(until, &|plan| {
                plan.after.last_mut().unwrap().document["at"] = json!(until.plus(-SECOND));
            }),
        ),
        (
            "not cosigned",
            changed(&|b| {
                let log = b.log.as_mut().unwrap();
                let note = Note::parse(log.checkpoint.as_bytes()).unwrap();
                log.checkpoint = format!("{}\n{}\n", note.text(), note.signatures()[0]);
            }),
        ),
        ("cosigned before the opening", made(good.opens_at.plus(-SECOND), &|_| ())),
        ("cosigned before the bidders' end", made(good.opens_at, &|_| ())),
        ("split view", changed(&|b| b.log.as_mut().unwrap().closing.clear())),
        ("entry changed", changed(&|b| b.log.as_mut().unwrap().entries[0].object.0[40] ^= 1)),
        (
            "forged",
            changed(&|b| {
                let log = b.log.as_mut().unwrap();
                log.checkpoint = log.checkpoint.replacen("main\n", "main\n1", 1);
            }),
        ),
        ("without proof", changed(&|b| b.log = None)),
    ];
    (good, list)
}

/// Every lie of an operator with the log's key, for [`the_pinned_papers_are_judged_as_they_were`].
fn pinned() -> Vec<Pinned> {
    let house = TestHouse::new(Engine::Sqlite);
    let (filled, files) = locked_bids(&house, &dual(), &["1.00", "2.00", "3.00"], (0, None));
    filled.close(&house);
    filled.give_key(&house, Kind::Single, 1, &files[0]);
    house.clock.move_to(house.door().now().plus(30 * MINUTE));
    let (honest, now) = (filled.bundle(&house, Kind::Single), house.door().now());
    let operator = Operator::of(&honest);
    let (good, list) = lies_of(&operator, &honest);
    let trust = operator.trust();
    let mut all: Vec<Pinned> = list
        .into_iter()
        .map(|(name, bundle)| Pinned {
            name: name.into(),
            trust: trust.to_string(),
            now,
            code: String::new(),
            bundle,
        })
        .collect();
    let stranger = SignerKey::generate(operator.log.verifier().name()).unwrap();
    let other =
        trust.to_string().replace(&operator.log.verifier().to_string(), &stranger.verifier().to_string());
    let other = Pinned { name: "other log key".into(), trust: other, now, bundle: good, code: String::new() };
    all.push(other);
    for one in &mut all {
        one.code = one.judged(OpeningBundle::check).into();
    }
    all
}

/// `UPDATE=1` writes the file anew; browsers' tests and the Python check read it.
#[test]
fn the_pinned_papers_are_judged_as_they_were() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/opening-bundles.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, jcs(&pinned())).unwrap();
    }
    let all: Vec<Pinned> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(all.len() >= 18);
    for one in all {
        assert_eq!(one.judged(OpeningBundle::check), one.code, "{}", one.name);
        assert_eq!(one.code.is_empty(), one.name == "true", "{}", one.name);
    }
}
