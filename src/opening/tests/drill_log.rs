//! A drill finds what would stop a trustee at the opening: another log key, witnesses who do not sign or whose clocks are
//! behind, papers that the log does not show. And it is never taken for an opening.

use super::lies::{Pinned, untrue};
use super::operator::signed;
use crate::account::testing::TestHouse;
use crate::ledger::leaf;
use crate::ledger::note::{Note, SignerKey, WitnessKey};
use crate::ledger::policy::Policy;
use crate::ledger::rotation::Rotation;
use crate::ledger::tests::MemoryLog;
use crate::ledger::tree;
use crate::on_both_databases;
use crate::opening::testing::{BidBox, signed_box, trust};
use crate::platform::canonical::jcs;
use crate::platform::database::testing::Engine;
use crate::platform::moment::{DAY, MINUTE, Moment, SECOND};
use crate::project::testing::{Shape, facts};
use crate::sealed_bid::drill;
use crate::sealing::boxes::BoxKey;
use crate::sealing::document::{Bytes, Count};
use crate::sealing::drill as canary;
use crate::sealing::release::{BundleTyp, OpeningBundle};
use serde_json::json;

on_both_databases! { what_a_drill_hands_out_is_shown_by_the_log }

/// A drill that the first trustee has begun.
fn begun(engine: Engine) -> (TestHouse, BidBox, OpeningBundle) {
    let house = TestHouse::new(engine);
    let filled = signed_box(&house, &Shape::default());
    let tender = facts(&house, filled.lot).tender;
    let (who, origin) = (filled.trustee(1).who.clone(), house.door().config().origin.clone());
    house.act(&filled.trustee(1).who, move |act| drill::begin(act, &origin, &who, tender)).unwrap();
    let bundle = house.door().read(|db| drill::bundle(house.door(), db, tender)).unwrap();
    (house, filled, bundle)
}

fn what_a_drill_hands_out_is_shown_by_the_log(engine: Engine) {
    let (house, filled, bundle) = begun(engine);
    assert_eq!(bundle.typ, BundleTyp::Drill);
    let (bundle, now) = (OpeningBundle::read(&jcs(&bundle)).unwrap(), house.door().now());
    let ready = bundle.check_drill(&trust(&house), now).unwrap();
    assert_eq!(ready.checkpoint.origin, house.door().config().origin);
    bundle.release_in_drill(&filled.key(2), &trust(&house), now).unwrap();
    assert_eq!(untrue(bundle.check(&trust(&house), now)), "drill_only");
    // the trustee's own clock counts as at the opening
    assert!(bundle.check_drill(&trust(&house), bundle.opens_at.plus(-1)).is_err());
    let origin = &house.door().config().origin;
    let other = Policy::of_log(SignerKey::generate(origin).unwrap().verifier().clone());
    assert_eq!(untrue(bundle.check_drill(&other, now)), "other_key");
}

#[test]
fn witnesses_who_do_not_sign_are_found_at_the_drill() {
    let (house, _, bundle) = begun(Engine::Sqlite);
    let witness = WitnessKey::generate("witness.example/w").unwrap();
    let asked = format!("log {}\nwitness one {}\nquorum one\n", house.door().log_key(), witness.verifier());
    let asked = Policy::parse(&asked).unwrap();
    assert_eq!(untrue(bundle.check_drill(&asked, house.door().now())), "not_cosigned");
}

/// An operator with a log of one entry, and a witness whom the trustee believes.
struct Operator {
    log: SignerKey,
    witness: WitnessKey,
    honest: OpeningBundle,
    now: Moment,
}

impl Operator {
    fn new() -> Self {
        let (house, _, honest) = begun(Engine::Sqlite);
        let log = SignerKey::generate(&house.door().config().origin).unwrap();
        let witness = WitnessKey::generate("witness.example/w").unwrap();
        Self { log, witness, honest, now: house.door().now() }
    }

    fn trust(&self) -> Policy {
        let (log, witness) = (self.log.verifier(), self.witness.verifier());
        Policy::parse(&format!("log {log}\nwitness one {witness}\nquorum one\n")).unwrap()
    }

    /// The drill in this operator's log, after `lie`; cosigned at `at`, if at all.
    fn bundle(&self, at: Option<Moment>, lie: impl FnOnce(&mut OpeningBundle)) -> OpeningBundle {
        let mut bundle = self.honest.clone();
        lie(&mut bundle);
        let Some(log) = &mut bundle.drill else { return bundle };
        let begun = &mut log.begun;
        let leaves = [[7; 32], leaf::hash(&begun.blind.0, begun.number, &begun.object.0), [8; 32]];
        begun.index = Count(1);
        let proof = tree::inclusion_proof(&MemoryLog::with(&leaves), 1, 3).unwrap();
        begun.proof = proof.into_iter().map(Bytes).collect();
        let note = Note::parse(signed(&self.log, &leaves).as_bytes()).unwrap();
        let seconds = |at: Moment| u64::try_from(at.micros() / SECOND).unwrap();
        let line = at.map(|at| self.witness.cosign(note.text(), seconds(at)));
        log.checkpoint = line.map_or(note.clone(), |line| note.with(line)).to_string();
        log.policy = self.trust().to_string();
        bundle
    }
}

/// Changes what the drill's entry says.
fn retold(bundle: &mut OpeningBundle, field: &str, value: &serde_json::Value) {
    let object = &mut bundle.drill.as_mut().unwrap().begun.object.0;
    let mut document: serde_json::Value = serde_json::from_slice(object).unwrap();
    document["event"][field] = value.clone();
    *object = jcs(&document);
}

/// The entry names another canary first and the true one after it: who reads JSON carelessly takes either.
fn said_twice(bundle: &mut OpeningBundle) {
    let object = &mut bundle.drill.as_mut().unwrap().begun.object.0;
    let text = String::from_utf8(object.clone()).unwrap();
    let other = jcs(&Bytes([7; 32]));
    let twice = text.replacen("\"m\":", &format!("\"m\":{},\"m\":", String::from_utf8(other).unwrap()), 1);
    assert_ne!(text, twice);
    *object = twice.into_bytes();
}

fn lies(operator: &Operator) -> Vec<(&'static str, OpeningBundle)> {
    let at = operator.honest.opens_at;
    let lie = |lie: &dyn Fn(&mut OpeningBundle)| operator.bundle(Some(at), lie);
    let good = lie(&|_| ());
    let after = |change: &dyn Fn(&mut OpeningBundle)| {
        let mut bundle = good.clone();
        change(&mut bundle);
        bundle
    };
    let next = SignerKey::generate(operator.log.verifier().name()).unwrap();
    let rotation = Rotation::sign(&operator.log, &next, 1, &[9; 32]).unwrap().note.to_string();
    let mut followed = good.clone();
    let log = followed.drill.as_mut().unwrap();
    let note = Note::parse(log.checkpoint.as_bytes()).unwrap();
    let resigned = Note::sign(note.text(), &[&next]).unwrap().with(note.signatures()[1].clone());
    (log.checkpoint, log.rotations) = (resigned.to_string(), rotation.clone());
    let other_key = json!(Bytes(BoxKey::random().public()));
    vec![
        ("true", good.clone()),
        ("a witness's clock a little behind", operator.bundle(Some(at.plus(-50 * SECOND)), |_| ())),
        ("nobody cosigned", operator.bundle(None, |_| ())),
        ("a witness's clock far behind", operator.bundle(Some(at.plus(-2 * MINUTE)), |_| ())),
        ("cosigned almost a day ago", good.clone()),
        ("cosigned more than a day ago", good.clone()),
        (
            "a false signature",
            after(&|b| {
                let log = b.drill.as_mut().unwrap();
                log.checkpoint = log.checkpoint.replacen("\n3\n", "\n4\n", 1);
            }),
        ),
        ("no chain of keys", after(&|b| b.drill.as_mut().unwrap().rotations = "changed\n".into())),
        (
            "signed with a key that was changed",
            after(&|b| b.drill.as_mut().unwrap().rotations = rotation.clone()),
        ),
        ("signed with the key that followed", followed),
        ("another canary in the log", lie(&|b| retold(b, "m", &json!(Bytes([7; 32]))))),
        ("another session in the log", lie(&|b| retold(b, "session", &other_key))),
        ("an entry of another kind", lie(&|b| b.drill.as_mut().unwrap().begun.number = 82)),
        ("an entry that is not in the log", after(&|b| b.drill.as_mut().unwrap().begun.blind.0[0] ^= 1)),
        ("an entry that says one thing twice", lie(&said_twice)),
        ("version 1", after(&|b| (b.typ, b.drill) = (BundleTyp::OldDrill, None))),
        ("version 3 without a log", after(&|b| b.drill = None)),
        ("called an opening", after(&|b| b.typ = BundleTyp::Opening)),
        ("another lot", after(&|b| b.bid_set.lot = "1".into())),
        ("sealed for another log", {
            let canary = canary::make(&good.trustees, "elsewhere.example/log", operator.now).unwrap();
            lie(&|b| {
                let session = (&b.session.0, b.opens_at);
                *b = canary::bundle(&canary.manifest, &good.trustees, session, b.drill.clone());
                retold(b, "m", &json!(Bytes(canary.manifest.id())));
            })
        }),
    ]
}

/// What a drill's bundle is found to be. In an opening none may be believed.
fn judged(one: &Pinned) -> &'static str {
    assert_eq!(one.judged(OpeningBundle::check), "drill_only", "{}", one.name);
    one.judged(OpeningBundle::check_drill)
}

/// `UPDATE=1` writes the file anew; browsers' tests and the Python check read it.
#[test]
fn the_pinned_drills_are_judged_as_they_were() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/drill-bundles.json");
    if std::env::var_os("UPDATE").is_some() {
        let operator = Operator::new();
        let (trust, now) = (operator.trust().to_string(), operator.now);
        let made = lies(&operator).into_iter().map(|(name, bundle)| {
            let now = match name {
                "cosigned almost a day ago" => bundle.opens_at.plus(DAY - SECOND),
                "cosigned more than a day ago" => bundle.opens_at.plus(DAY + SECOND),
                _ => now,
            };
            let mut one =
                Pinned { name: name.into(), trust: trust.clone(), now, bundle, code: String::new() };
            one.code = judged(&one).into();
            one
        });
        let all: Vec<Pinned> = made.collect();
        std::fs::write(&path, jcs(&all)).unwrap();
    }
    let all: Vec<Pinned> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let codes: Vec<&str> = all.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "",
            "",
            "not_cosigned",
            "slow_witness",
            "",
            "stale_cosigned",
            "forged",
            "rotations",
            "other_key",
            "",
            "other_drill",
            "other_drill",
            "other_drill",
            "entry_not_logged",
            "bad_entry",
            "old_drill",
            "old_drill",
            "no_drill",
            "no_drill",
            "other_log",
        ]
    );
    for one in all {
        assert_eq!(judged(&one), one.code, "{}", one.name);
    }
}
