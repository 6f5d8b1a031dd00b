//! A draw from 100,000 experts. Promise: less than one second (anchor: none published anywhere).
//!
//! `cargo bench --bench draw`

use divan::Bencher;
use std::collections::BTreeMap;
use sunbid::expert_draw::draw::{
    Candidate, DrawDoc, DrawTyp, PartyCommit, Reveals, Stratum, commit_of, draw,
};
use sunbid::expert_draw::eligibility::{Avoidance, Conditions, DrawSalt, StratumRule, list_of};
use sunbid::expert_draw::hex_bytes::Hex;
use sunbid::expert_draw::pool::{Expert, Standing};
use sunbid::expert_draw::public_value::{PublicSource, PublicValue};
use sunbid::platform::digest::sha256;
use sunbid::platform::id::Id;
use sunbid::platform::moment::{MINUTE, Moment};

fn main() {
    divan::main();
}

fn hex16(i: usize) -> Hex<16> {
    let mut out = [0; 16];
    out.copy_from_slice(sha256(&[&i.to_be_bytes()]).split_at(16).0);
    Hex(out)
}

/// Five strata of equal size, 1,000 employers, three parties of whom all revealed.
fn case(experts: usize) -> Option<(DrawDoc, Reveals, PublicValue)> {
    let id = Id::from_bits(1);
    let mut parties = Vec::new();
    let mut reveals = BTreeMap::new();
    for name in ["agent", "centre", "supervisor"] {
        let secret = sha256(&[name.as_bytes()]);
        parties.push(PartyCommit { id: name.into(), commit: commit_of(id, name, &secret) });
        reveals.insert(name.to_owned(), Hex(secret));
    }
    let stratum = |i: usize| format!("speciality {}", i % 5);
    let one = |i: usize| Candidate { id: hex16(i), stratum: stratum(i), group: hex16(i % 1_000) };
    let mut candidates: Vec<Candidate> = (0..experts).map(one).collect();
    candidates.sort_unstable_by_key(|candidate| candidate.id);
    let public =
        PublicSource::Lottery { name: "daily".into(), issue: "1".into(), published_at: "newspapers".into() };
    let value = public.value("1 2 3").ok()?;
    let t1 = Moment::from_micros(0);
    let doc = DrawDoc {
        typ: DrawTyp::V1,
        id,
        tender: "T".into(),
        lot: "1".into(),
        parties,
        candidates,
        strata: (0..5).map(|i| Stratum { name: stratum(i), seats: 2 }).collect(),
        cap: 1,
        list: Hex([0; 32]),
        public,
        reveal_by: t1,
        public_at: t1.plus(MINUTE),
    };
    Some((doc, reveals, value))
}

#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 20)]
fn drawing(bencher: Bencher, experts: usize) {
    bencher
        .with_inputs(|| case(experts))
        .bench_values(|case| case.and_then(|(doc, reveals, value)| draw(&doc, &reveals, &value).ok()));
}

#[divan::bench(args = [1_000, 100_000], sample_count = 10)]
fn listing(bencher: Bencher, experts: usize) {
    let one = |i: usize| Expert {
        registry_id: format!("E{i:06}"),
        name: format!("name {i}"),
        specialities: vec![format!("A0{}", i % 5)],
        employer: format!("unit {}", i % 1_000),
        region: "210200".into(),
        standing: Standing::Active,
        phone: String::new(),
        former_employers: vec![],
        avoid_units: vec![],
    };
    let pool: Vec<Expert> = (0..experts).map(one).collect();
    let rule = |i: usize| StratumRule {
        name: format!("speciality {i}"),
        seats: 2,
        specialities: vec![format!("A0{i}")],
        regions: vec![],
    };
    let conditions = Conditions {
        strata: (0..5).map(rule).collect(),
        cap: 1,
        worked_years: 3,
        on: chrono::NaiveDate::default(),
    };
    bencher.bench(|| {
        list_of(Id::from_bits(1), &pool, &conditions, &Avoidance::default(), &DrawSalt::new([1; 32])).ok()
    });
}
