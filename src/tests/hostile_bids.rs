//! Bidders whose programs cheat, and a trustee who lies, beside honest bids on one lot. Everything that can be refused at
//! submission is; of the rest the hall and, from the evidence alone, the verifier name who is at fault; and the honest bids
//! are opened and read out as if nothing had been.

use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse, refused};
use crate::on_both_databases;
use crate::open_data::evidence::{self, Contents};
use crate::opening::protocol;
use crate::opening::rules::{Blame, Cause};
use crate::opening::store::{self as hall, BidRow};
use crate::opening::testing::{BidBox, bids_in};
use crate::platform::database::testing::Engine;
use crate::platform::digest::b64u;
use crate::platform::moment::Moment;
use crate::platform::refusal::Failure;
use crate::project::testing::facts;
use crate::sealed_bid::rules::Kept;
use crate::sealed_bid::testing::{Offer, bid, parameters, submit, upload};
use crate::sealing::boxes::release_box;
use crate::sealing::context::EnvelopeKind::{self, Single};
use crate::sealing::document::{Blob, Bytes};
use crate::sealing::release::Release;
use crate::sealing::shamir::Share;
use crate::sealing::signature::{Signer, SigningKey};
use crate::sealing::tests::hostile::{BLOCK, Hostile, first_file, mend};
use crate::tests::browser::runtime;
use crate::verify::{Known, verify};
use std::collections::BTreeMap;
use std::path::Path;

on_both_databases! {
    hostile_bids_and_a_lying_trustee_are_named_and_stop_nobody
    what_can_be_seen_from_outside_is_refused_at_submission
    liars_who_keep_bids_shut_are_held_against_no_bidder
}

fn signer(member: &Member) -> Signer {
    let key = SigningKey::from_pkcs8(&member.pkcs8).unwrap();
    Signer::new(key, vec![Blob(member.certificate.clone())]).unwrap()
}

fn begin(house: &TestHouse, member: &Member, filled: &BidBox) -> Hostile {
    Hostile::begin(&parameters(house, member, filled.lot, Single), &signer(member))
}

fn hand_in(house: &TestHouse, member: &Member, filled: &BidBox, made: Hostile) -> Result<Kept, Failure> {
    let made = made.signed(&signer(member));
    let uploaded = upload(house, member, &made.ciphertext);
    submit(house, member, filled.lot, &made.bid, uploaded)
}

/// The ciphertext that the platform keeps of an honest bid, as an insider would copy it.
fn copied(house: &TestHouse, kept: &Kept) -> Vec<u8> {
    let crate::sealed_bid::rules::Deed::Submitted { upload, .. } = &kept.record.deed else { panic!() };
    let door = house.door();
    let parts = door.read(|db| crate::sealed_bid::store::parts(db, *upload)).unwrap();
    let mut bytes = Vec::new();
    let reader = crate::sealed_bid::ciphertext::reader(door.files().clone(), parts);
    std::io::copy(&mut reader.unwrap(), &mut bytes).unwrap();
    bytes
}

/// What is done to an archive, and nothing of it can be seen before the opening.
pub(super) type Twist = fn(&mut Vec<u8>);

pub(super) const ARCHIVES: [(&str, Twist); 11] = [
    ("no-archive", |p| p[..4].copy_from_slice(b"PK\x03\x04")),
    ("garbage-before", |p| {
        p.rotate_right(BLOCK);
        p[..BLOCK].fill(0xa5);
    }),
    ("garbage-after", |p| *p.last_mut().unwrap() = 1),
    ("padding-not-zero", |p| {
        let first = first_file(p);
        p[first + BLOCK + 100] = 1;
    }),
    ("symbolic-link", |p| linked(p, b'2')),
    ("hard-link", |p| linked(p, b'1')),
    ("path-upwards", |p| {
        let first = first_file(p);
        p[first..first + 9].copy_from_slice(b"../passwd");
        mend(p, first);
    }),
    ("extra-entry", |p| {
        let first = first_file(p);
        let end = first + 2 * BLOCK + BLOCK + 5120;
        p.copy_within(first..first + 2 * BLOCK, end);
    }),
    ("reordered", |p| {
        let first = first_file(p);
        p[first..first + 3 * BLOCK + 5120].rotate_left(2 * BLOCK);
    }),
    ("entry-missing", |p| {
        let first = first_file(p);
        p[first + 2 * BLOCK..].fill(0);
    }),
    ("other-content", |p| {
        let first = first_file(p);
        p[first + BLOCK..first + BLOCK + 16].copy_from_slice(b"price 1111111.11");
    }),
];

fn linked(p: &mut [u8], kind: u8) {
    let first = first_file(p);
    p[first + 156] = kind;
    p[first + 157..first + 168].copy_from_slice(b"/etc/passwd");
    mend(p, first);
}

/// Hands all hostile bids in; gives who is to be found at fault for what.
fn gallery(house: &TestHouse, filled: &BidBox, honest: &Kept) -> BTreeMap<String, Cause> {
    let mut expected = BTreeMap::new();
    let content = || Cause::Content(String::new());
    let mut add = |name: &str, cause: Cause, make: &dyn Fn(&Member, Hostile) -> Hostile| {
        let member = house.member(Role::Bidder, name);
        let made = make(&member, begin(house, &member, filled));
        hand_in(house, &member, filled, made).unwrap_or_else(|refused| panic!("{name}: {refused}"));
        expected.insert(member.who.organisation.to_string(), cause);
    };
    for (name, twist) in ARCHIVES {
        add(name, content(), &|_, made| made.rewritten(twist));
    }
    add("false-box", Cause::BoxDiffers(3), &|_, mut made| {
        made.bid.manifest.lock.boxes[2].0[80] ^= 1;
        made
    });
    add("two-keys", Cause::BoxDiffers(3), &|member, made| {
        made.with_two_keys(&parameters(house, member, filled.lot, Single))
    });
    add("false-commitment", Cause::KeyDiffers, &|_, mut made| {
        made.bid.manifest.lock.commit_t = Bytes([9; 32]);
        made
    });
    add("false-share-commitment", Cause::CommitmentDiffers(3), &|_, mut made| {
        made.bid.manifest.lock.shares.as_mut().unwrap()[2] = Bytes([9; 32]);
        made
    });
    add("false-boxes", Cause::SharesDoNotFit, &|_, mut made| {
        made.bid.manifest.lock.boxes[0].0[80] ^= 1;
        made.bid.manifest.lock.boxes[1].0[80] ^= 1;
        made
    });
    let theirs = copied(house, honest);
    add("copied-ciphertext", content(), &|_, made| made.of_bytes(theirs.clone()));
    add("copied-bid", Cause::SharesDoNotFit, &|_, mut made| {
        made.bid.manifest.lock = honest.manifest().unwrap().lock.clone();
        made.of_bytes(theirs.clone())
    });
    let friend = house.member(Role::Bidder, "friend");
    add("others-signature", Cause::OtherSigner, &|member, _| {
        Hostile::begin(&parameters(house, member, filled.lot, Single), &signer(&friend))
    });
    expected
}

/// A release in which this trustee tells a wrong share of every bid whose box opens.
pub(super) fn lie(house: &TestHouse, filled: &BidBox, kind: EnvelopeKind, i: u8) -> Release {
    let (bundle, key) = (filled.claimed(house, kind), filled.key(i));
    let mut release = filled.made_believing(house, kind, i);
    for (line, manifest) in release.shares.iter_mut().zip(&bundle.manifests) {
        let c = manifest.ctx.hash();
        let own = &manifest.lock.boxes[usize::from(i) - 1].0;
        let Ok(share) = key.boxes.open_share(&c, i, own) else { continue };
        let mut bytes = *share.to_bytes();
        bytes[20] ^= 1;
        let share = Share::from_bytes(&bytes).unwrap();
        line.sealed = Some(Bytes(release_box(&c, &share, &bundle.session.0).unwrap()));
    }
    release.sig = key.sign.sign(&release.message()).unwrap();
    release
}

pub(super) fn publish(house: &TestHouse, filled: &BidBox, kind: EnvelopeKind) -> String {
    let (vault, facts) = (house.door().vault().clone(), facts(house, filled.lot));
    let record = house.door().read(|db| protocol::record_of(db, &vault, &facts, kind)).unwrap().unwrap();
    let agent = &filled.staff.agent;
    let (fields, authority, who) =
        (agent.sign(&record.statement()), house.authority().clone(), agent.who.clone());
    let lot = filled.lot;
    house.act(&agent.who, move |act| protocol::publish(act, &authority, &who, lot, kind, &fields)).unwrap();
    crate::platform::canonical::jcs_text(&record)
}

fn same(found: &Cause, expected: &Cause) -> bool {
    matches!((found, expected), (Cause::Content(_), Cause::Content(_))) || found == expected
}

fn hostile_bids_and_a_lying_trustee_are_named_and_stop_nobody(engine: Engine) {
    let house = TestHouse::new(engine);
    let mut filled = bids_in(&house, &["4800000.00", "4900000.00"]);
    house.at("2026-03-24 11:00:00");
    let third = house.member(Role::Bidder, "bidder3");
    let honest = bid(&house, &third, filled.lot, Single, &Offer::priced("4700000.00")).unwrap();
    filled.bidders.push(third);
    let expected = gallery(&house, &filled, &honest);
    filled.close(&house);
    filled.release(&house, Single, &[1, 2]);
    filled.hand_in(&house, Single, &lie(&house, &filled, Single, 3)).unwrap();
    filled.open(&house, Single, false).unwrap();

    let rows: Vec<BidRow> = house.door().read(|db| hall::bids(db, filled.lot, Single)).unwrap();
    assert_eq!(rows.len(), expected.len() + filled.bidders.len());
    let (mut at_fault, mut honest_rows) = (Vec::new(), 0);
    for row in &rows {
        let Some(cause) = expected.get(&row.organisation.to_string()) else {
            assert!(row.document.is_some() && row.liars == [3], "{:?}", row.not_opened);
            honest_rows += 1;
            continue;
        };
        let found = row.not_opened.as_ref().unwrap_or_else(|| panic!("opened, and should be {cause:?}"));
        assert!(found.blame == Blame::Bidder && same(&found.cause, cause), "{found:?} is not {cause:?}");
        assert!(row.document.is_none());
        at_fault.push(b64u(&row.m.0));
    }
    assert_eq!(honest_rows, 3);
    let closing = house.door().read(|db| hall::closing(db, filled.lot)).unwrap().unwrap();
    assert_eq!(closing.bidders as usize, rows.len(), "the count at the deadline stays");
    let record = publish(&house, &filled, Single);
    assert!(record.contains("4700000.00") && !record.contains("4444444.44"), "{record}");

    let lines = judged(&house, &filled);
    for m in &at_fault {
        let named = |line: &&String| {
            line.starts_with("ok   malformed") && line.contains(m) && line.ends_with("the bidder's fault")
        };
        assert_eq!(lines.iter().filter(named).count(), 1, "bid {m} is named once: {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.contains("3 were read out, 3 opened again")), "{lines:#?}");
    // the trustee, once for each bid whose key is proven, and nobody else
    let broken: Vec<&String> = lines.iter().filter(|line| line.starts_with("FAIL")).collect();
    assert!(broken.iter().all(|line| line.contains("the share of trustee 3 is not the one")), "{broken:#?}");
    assert!(broken.len() >= filled.bidders.len(), "{lines:#?}");
}

/// What a stranger says of the evidence of a lot.
fn judged(house: &TestHouse, filled: &BidBox) -> Vec<String> {
    let contents = Contents { ciphertexts: true, media: false };
    let facts = facts(house, filled.lot);
    let bundle = evidence::write(&house.house, &facts, contents, runtime().handle(), Vec::new()).unwrap();
    let (key, roots) = (Some(house.door().log_key().clone()), house.authority().roots().to_vec());
    let findings = verify(bundle, &Known { key, roots, ..Known::default() });
    findings.lines().iter().map(ToString::to_string).collect()
}

/// Two of three lie and the third, whose share would not have been enough, never comes: hall, record and verifier say the same,
/// and nobody is punished for it.
fn liars_who_keep_bids_shut_are_held_against_no_bidder(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["4800000.00", "4900000.00", "4700000.00"]);
    filled.close(&house);
    for i in [2, 3] {
        filled.hand_in(&house, Single, &lie(&house, &filled, Single, i)).unwrap();
    }
    filled.open(&house, Single, true).unwrap();
    let record = publish(&house, &filled, Single);
    assert_eq!(record.matches(r#""not_opened":{"blame":"unsettled","cause":"shares_missing"}"#).count(), 3);
    let lines = judged(&house, &filled);
    let shut = |line: &&String| line.starts_with("--   unsettled") && line.ends_with("held against nobody");
    assert_eq!(lines.iter().filter(shut).count(), 3, "{lines:#?}");
    let whose = "(not what was committed to: trustees 2, 3)";
    assert_eq!(lines.iter().filter(|line| line.contains(whose)).count(), 3, "{lines:#?}");
    let blamed = |line: &String| line.contains(" blame ") || line.contains(" malformed ");
    assert!(!lines.iter().any(blamed), "{lines:#?}");
}

fn what_can_be_seen_from_outside_is_refused_at_submission(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["4800000.00", "4900000.00", "4700000.00"]);
    house.at("2026-03-24 11:00:00");
    let cheat = house.member(Role::Bidder, "cheat");
    let key = |made: Result<Kept, Failure>| refused(made).key.into_owned();
    // a trustee set with a key of the platform's or the bidder's own, signed by nobody else
    let mut swapped = begin(&house, &cheat, &filled);
    swapped.bid.manifest.ctx.trustees = Bytes([7; 32]);
    assert_eq!(key(hand_in(&house, &cheat, &filled, swapped)), "sealed_bid.refusal.other_trustees");
    // a program from before share commitments, or one that leaves them out
    let mut old = begin(&house, &cheat, &filled);
    old.bid.manifest.lock.shares = None;
    assert_eq!(key(hand_in(&house, &cheat, &filled, old)), "sealed_bid.refusal.old_sealer");
    // a time of sealing outside the certificate's, by which everybody judges the signature later
    for created in ["1970-01-02 00:00", "2100-01-01 00:00"] {
        let mut dated = begin(&house, &cheat, &filled);
        dated.bid.manifest.created = Moment::parse_beijing(created).unwrap();
        assert_eq!(key(hand_in(&house, &cheat, &filled, dated)), "sealed_bid.refusal.sealers_clock");
    }
    // another bidder's whole bid, bytes and manifest, signed anew
    let victim = &filled.bidders[0];
    let door = house.door();
    let steps = door
        .read(|db| crate::sealed_bid::actions::own_bid(db, door.vault(), &victim.who, filled.lot, Single));
    let kept = steps.unwrap().remove(0);
    let mut replayed = begin(&house, &cheat, &filled).of_bytes(copied(&house, &kept));
    replayed.bid.manifest = kept.manifest().unwrap().clone();
    assert_eq!(key(hand_in(&house, &cheat, &filled, replayed)), "sealed_bid.refusal.other_tender");
    // the own first bid once more, after it was replaced
    let first = begin(&house, &cheat, &filled);
    let (again, bytes) = (first.bid.manifest.clone(), first.ciphertext.clone());
    hand_in(&house, &cheat, &filled, first).unwrap();
    bid(&house, &cheat, filled.lot, Single, &Offer::priced("4600000.00")).unwrap();
    let mut replayed = begin(&house, &cheat, &filled).of_bytes(bytes);
    replayed.bid.manifest = again;
    assert_eq!(key(hand_in(&house, &cheat, &filled, replayed)), "sealed_bid.refusal.other_revision");
    // a size that padding never gives would tell this bid from others
    let limits = crate::sealed_bid::uploads::Limits::of(house.door());
    let (who, size) = (cheat.who.clone(), 1_100_000);
    let odd = house.act(&cheat.who, move |act| crate::sealed_bid::uploads::create(act, &who, size, &limits));
    assert_eq!(refused(odd).key, "sealed_bid.refusal.wrong_size");
}

/// The table of `docs/security.md` names tests that are there.
#[test]
fn every_attack_of_the_table_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let table = page.split("| attack | test |").nth(1).unwrap();
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    let mut sources = String::new();
    for folder in
        ["src/sealing/tests", "src/opening/tests", "src/sealed_bid/tests", "src/verify/tests", "src/tests"]
    {
        for file in std::fs::read_dir(root.join(folder)).unwrap().flatten() {
            sources += &std::fs::read_to_string(file.path()).unwrap_or_default();
        }
    }
    assert!(rows.len() >= 15, "{table}");
    for row in rows {
        let column = row.split('|').nth(2).unwrap_or_default();
        let tests: Vec<&str> = column.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{row}");
        for test in tests {
            assert!(is_a_test(&sources, test), "there is no test {test}");
        }
    }
}

/// Whether `name` is a function with `#[test]`, or one that `on_both_databases!` makes two tests of.
fn is_a_test(sources: &str, name: &str) -> bool {
    let head = format!("fn {name}(");
    let lines: Vec<&str> = sources.lines().map(str::trim).collect();
    let Some(at) = lines.iter().position(|line| line.starts_with(&head)) else { return false };
    let marked = lines[..at].iter().rev().take_while(|line| line.starts_with('#') || line.starts_with("//"));
    let mut lists = sources.split("on_both_databases! {").skip(1);
    let listed = |list: &str| {
        list.split('}').next().is_some_and(|names| names.lines().any(|line| line.trim() == name))
    };
    let marked: Vec<&str> = marked.copied().collect();
    let runs = marked.contains(&"#[test]") && !marked.iter().any(|line| line.starts_with("#[ignore"));
    runs || lists.any(listed)
}

#[test]
fn a_function_that_nobody_runs_is_no_test() {
    let sources = "on_both_databases! {\n    runs_twice\n}\nfn runs_twice(engine: Engine) {}\n#[test]\n// why\nfn runs() {}\n#[test]\n#[ignore]\nfn sleeps() {}\nfn helps() {}\n#[test]\nfn other() { helps() }\n";
    for (name, is) in [
        ("runs_twice", true),
        ("runs", true),
        ("sleeps", false),
        ("helps", false),
        ("other", true),
        ("missing", false),
    ] {
        assert_eq!(is_a_test(sources, name), is, "{name}");
    }
}
