//! The papers of an opening, changed from the inside: the bytes are a list of changes to an honest bundle, which reach into
//! its entries, proofs, notes and texts and write them anew in lawful form. However it was changed, the check does not panic,
//! and what it lets pass says what the honest bundle says.

use crate::ledger::policy::Policy;
use crate::platform::canonical::jcs;
use crate::platform::digest::{b64u, from_b64u};
use crate::platform::moment::Moment;
use crate::sealing::log_proof::Shown;
use crate::sealing::release::{BiddersPhase, OpeningBundle};
use serde_json::Value;
use std::sync::LazyLock;

/// The bundles that programs in other languages judge too.
const PINNED: &str = include_str!("../../../tests/foreign/opening-bundles.json");
/// At most so many changes in one list.
const CHANGES_MAX: usize = 12;
/// A list does not grow beyond this.
const LIST_MAX: usize = 256;

/// An honest bundle, and what a trustee knows beside it.
struct Honest {
    papers: Value,
    trust: Policy,
    now: Moment,
    facts: Facts,
}

/// What a trustee acts on.
#[derive(PartialEq, Debug)]
struct Facts {
    opens_at: Moment,
    session: [u8; 65],
    bid_set: [u8; 32],
    bids: Vec<[u8; 32]>,
    trustees: [u8; 32],
    bidders: Option<BiddersPhase>,
    shown: Shown,
}

fn facts(bundle: &OpeningBundle, shown: Shown) -> Facts {
    Facts {
        opens_at: bundle.opens_at,
        session: bundle.session.0,
        bid_set: bundle.bid_set.hash(),
        bids: bundle.manifests.iter().map(|manifest| manifest.id()).collect(),
        trustees: bundle.trustees.hash(),
        bidders: bundle.bidders.clone(),
        shown,
    }
}

static HONEST: LazyLock<Honest> = LazyLock::new(|| {
    let all: Value = serde_json::from_str(PINNED).expect("a list of bundles");
    let one = all.as_array().and_then(|all| all.iter().find(|one| one["name"] == "true"));
    let one = one.expect("a true bundle");
    let text = |name: &str| one[name].as_str().expect("a text");
    let trust = Policy::parse(text("trust")).expect("a policy");
    let now = Moment::parse(text("now")).expect("a moment");
    let bundle = OpeningBundle::read(&jcs(&one["bundle"])).expect("a bundle");
    let shown = bundle.check(&trust, now).expect("a true bundle is believed");
    Honest { papers: one["bundle"].clone(), trust, now, facts: facts(&bundle, shown) }
});

/// Whether the changed papers are believed.
pub fn check(changes: &[u8]) -> bool {
    let (mut papers, mut changes) = (HONEST.papers.clone(), Changes(changes));
    for _ in 0..CHANGES_MAX {
        if changes.0.is_empty() {
            break;
        }
        // most of what decides is in the log's part
        let part = if changes.below(2) == 0 { papers.get_mut("log") } else { None };
        match part {
            Some(log) => change(log, &mut changes),
            None => change(&mut papers, &mut changes),
        }
    }
    let Ok(bundle) = OpeningBundle::read(&jcs(&papers)) else { return false };
    let Ok(shown) = bundle.check(&HONEST.trust, HONEST.now) else { return false };
    assert_eq!(facts(&bundle, shown), HONEST.facts, "papers are believed that say something else");
    true
}

/// What is to be changed, and how, byte for byte. Behind its end everything is 0.
struct Changes<'a>(&'a [u8]);

impl Changes<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, end: usize) -> usize {
        let wide = if end > 256 { usize::from(self.next()) << 8 } else { 0 };
        (wide | usize::from(self.next())) % end.max(1)
    }
}

fn change(value: &mut Value, changes: &mut Changes<'_>) {
    match value {
        Value::Object(members) => {
            let (one, other) = (changes.below(members.len()), changes.below(members.len()));
            let name = |at: usize| members.keys().nth(at).cloned().unwrap_or_default();
            let (one, other) = (name(one), name(other));
            match changes.below(12) {
                0 => drop(members.remove(&one)),
                1 => drop(members.insert(format!("{one}x"), Value::Null)),
                2 => {
                    let theirs = members.get(&other).cloned().unwrap_or_default();
                    members.insert(one, theirs);
                }
                _ => members.get_mut(&one).into_iter().for_each(|inside| change(inside, changes)),
            }
        }
        Value::Array(list) => change_list(list, changes),
        Value::String(text) => *text = changed_text(text, changes),
        Value::Number(_) => *value = Value::from(changes.next()),
        Value::Bool(_) | Value::Null => *value = Value::from("x"),
    }
}

fn change_list(list: &mut Vec<Value>, changes: &mut Changes<'_>) {
    let (one, other) = (changes.below(list.len()), changes.below(list.len()));
    if list.is_empty() {
        return list.push(Value::from(b64u(&[changes.next(); 32])));
    }
    match changes.below(12) {
        0 => drop(list.remove(one)),
        1 => list.insert(one, list[other].clone()),
        2 => list.swap(one, other),
        3 => list.reverse(),
        4 => list.truncate(one),
        5 => list.extend(vec![list[one].clone(); changes.below(LIST_MAX)]),
        6 => list[one] = list[other].clone(),
        _ => change(&mut list[one], changes),
    }
    list.truncate(LIST_MAX);
}

/// A text is a number, a moment, bytes in Base64url, a document in those bytes, a document itself, or just text.
fn changed_text(text: &str, changes: &mut Changes<'_>) -> String {
    let by = i64::from(changes.next()) - 128;
    if let Ok(number) = text.parse::<i64>() {
        return number.wrapping_add(by).to_string();
    }
    if let Some(moment) = Moment::parse(text) {
        return moment.plus(by.wrapping_mul(60_000_000)).rfc3339();
    }
    if let Ok(mut inner @ Value::Object(_)) = serde_json::from_str(text) {
        change(&mut inner, changes);
        return inner.to_string();
    }
    if let Some(mut bytes) = from_b64u(text).filter(|bytes| bytes.len() > 8) {
        match serde_json::from_slice(&bytes) {
            Ok(mut inner @ Value::Object(_)) if changes.below(4) != 0 => {
                change(&mut inner, changes);
                bytes = jcs(&inner);
            }
            _ => bend(&mut bytes, changes),
        }
        return b64u(&bytes);
    }
    let mut bytes = text.as_bytes().to_vec();
    bend(&mut bytes, changes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn bend(bytes: &mut Vec<u8>, changes: &mut Changes<'_>) {
    let (at, how) = (changes.below(bytes.len()), changes.below(7));
    let Some(slot) = bytes.get_mut(at) else { return bytes.push(changes.next()) };
    match how {
        0 => *slot ^= 1 << changes.below(8),
        1 => *slot = changes.next(),
        2 => bytes.insert(at, changes.next()),
        3 => drop(bytes.remove(at)),
        4 => bytes.truncate(at),
        5 => bytes.extend_from_within(at..),
        // a line once more, or another in its place
        _ => {
            let line: Vec<u8> =
                bytes[at..].split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default().to_vec();
            let to = changes.below(bytes.len());
            bytes.splice(to..to, line);
        }
    }
}
