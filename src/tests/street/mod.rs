//! The whole street. Ten stories are walked by people in their browsers, over HTTP, on both databases: a lawful day, and
//! nine days on which something happens that the law has an answer for. Most end with the evidence, judged offline.
//! `day` has the people and the beginning, `bids`, `hall` and `committee` what they do on their pages.
//!
//! The demonstration is told too, every example tender by real acts, and the finished one is judged from its evidence alone.

mod bids;
mod command_line;
mod committee;
pub mod day;
mod deadline;
mod hall;
mod lawful_day;
mod money;
mod newcomer;
mod objected;
mod spoilt;
mod tied;
mod trustees;

use crate::account::testing::TestHouse;
use crate::demo;
use crate::evaluation;
use crate::on_both_databases;
use crate::open_data::evidence::{self, Contents};
use crate::platform::database::testing::Engine;
use crate::platform::refusal::Failure;
use crate::project::phase::Phase;
use crate::project::rules::parse_lot_name;
use crate::project::standing::LotFacts;
use crate::project::store;
use crate::tests::browser::Served;
use crate::verify::{Known, verify};

on_both_databases! { the_demonstration_stands_in_every_phase_and_its_evidence_holds }

fn facts(house: &TestHouse, name: &str) -> LotFacts {
    let (number, lot) = parse_lot_name(name).unwrap();
    let found = house.door().read(|db| {
        let id = store::find(db, &number, lot)?.unwrap();
        store::known_lot(db, id)
    });
    found.unwrap_or_else(|failure: Failure| panic!("{failure}"))
}

fn the_ranking_is_example_e4(house: &TestHouse, lot: &LotFacts) {
    // example E4: the sixth bid is nearest to the base of 9,040,400.00
    let (_, closed) = crate::publication::testing::report(house, lot.lot);
    let scores: Vec<(String, String)> = closed
        .report
        .result
        .rows
        .iter()
        .map(|row| (row.bid.clone(), row.price_score.map(|score| score.to_string()).unwrap_or_default()))
        .collect();
    let ranked: Vec<(&str, &str)> =
        scores.iter().map(|(bid, score)| (bid.as_str(), score.as_str())).collect();
    let by_hand = [
        ("b6", "59.89"),
        ("b5", "58.23"),
        ("b7", "58.12"),
        ("b4", "57.13"),
        ("b3", "55.47"),
        ("b2", "53.81"),
        ("b1", "51.60"),
    ];
    assert_eq!(ranked, by_hand);
    assert_eq!(closed.report.result.working.as_ref().unwrap().base.to_string(), "9040400.00");
    assert!(evaluation::report::recompute(&closed.report.inputs).is_ok());
}

fn the_demonstration_stands_in_every_phase_and_its_evidence_holds(engine: Engine) {
    let house = TestHouse::configured(engine, |config| config.demo = true);
    let now = demo::beginning();
    demo::tell_all(&house, now);
    house.clock.move_to(now);
    let phases = [
        ("DEMO-0001/1", Phase::Completed),
        ("DEMO-0002/1", Phase::Unsuccessful),
        ("DEMO-0003/1", Phase::Publicity),
        ("DEMO-0004/1", Phase::Evaluation),
        ("DEMO-0005/1", Phase::Evaluation),
        ("DEMO-0006/1", Phase::Bidding),
        ("DEMO-0007/1", Phase::Bidding),
        ("DEMO-0008/1", Phase::Draft),
        ("DEMO-0009/1", Phase::Bidding),
        ("DEMO-0010/1", Phase::Opening),
        ("DEMO-0011/1", Phase::Evaluated),
        ("DEMO-0012/1", Phase::Awarded),
        ("DEMO-0013/1", Phase::Cancelled),
        ("DEMO-0014/1", Phase::Announced),
        ("DEMO-0015/1", Phase::Bidding),
    ];
    for (name, phase) in phases {
        assert_eq!(facts(&house, name).phase(now), phase, "{name}");
    }
    for phase in Phase::ALL {
        assert!(phases.iter().any(|(_, shown)| *shown == phase), "no example is in {phase:?}");
    }

    let lot = facts(&house, "DEMO-0001/1");
    the_ranking_is_example_e4(&house, &lot);
    let runtime = crate::tests::browser::runtime().handle();
    let contents = Contents { ciphertexts: true, media: true };
    let bundle = evidence::write(&house.house, &lot, contents, runtime, Vec::new()).unwrap();
    let findings = verify(bundle.clone(), &Known::default());
    let lines: Vec<String> = findings.lines().iter().map(ToString::to_string).collect();
    assert!(findings.all_hold(), "{}", lines.join("\n"));
    for check in ["closing", "bids", "opening", "draw", "evaluation", "recording", "deposits"] {
        assert!(
            lines.iter().any(|line| line.starts_with(&format!("ok   {check}"))),
            "{check}: {}",
            lines.join("\n")
        );
    }

    // the coefficient of another example was drawn in its hall, decided its ranking, and is drawn again from the evidence
    let drawn = facts(&house, "DEMO-0003/1");
    let (_, closed) = crate::publication::testing::report(&house, drawn.lot);
    let k = closed.report.inputs.drawn["k"];
    assert_eq!(closed.report.result.working.as_ref().unwrap().coefficients, [k]);
    let small = Contents { ciphertexts: false, media: false };
    let judged = evidence::write(&house.house, &drawn, small, runtime, Vec::new()).unwrap();
    let lines: Vec<String> =
        verify(judged, &Known::default()).lines().iter().map(ToString::to_string).collect();
    let said = format!("k = {k}");
    assert!(lines.iter().any(|line| line.starts_with("ok   draw") && line.contains(&said)), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("ok   evaluation")), "{lines:?}");

    // one altered byte anywhere in the middle is found
    let mut altered = bundle.clone();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    let findings = verify(altered, &Known::default());
    assert!(!findings.all_hold());

    let served = Served::start(house);
    newcomer::reads_every_document(&served, &phases.map(|(name, _)| name.split('/').next().unwrap()));
    newcomer::finds_a_living_centre(&served, &phases.map(|(name, _)| name));
    newcomer::pays_a_deposit(&served);
    newcomer::opens_the_tender_whose_bids_are_in(&served);
}
