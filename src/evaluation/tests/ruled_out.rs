//! Bids that no member needs to vote on: without a price, without a deposit, with a second envelope that does not open.
//! They are rejected with their article, and the others go on.

use super::story::{PROCUREMENT, WORKS, inputs, review, score_all};
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse, refused};
use crate::deposit;
use crate::evaluation::actions;
use crate::evaluation::intake;
use crate::evaluation::method::Method;
use crate::evaluation::report::{Conclusion, Ranking, ReportInputs, recompute};
use crate::evaluation::responsiveness::Ground;
use crate::evaluation::ruled_out::{DepositFound, DepositStanding, NoPrice, WhyNoPrice, price_said};
use crate::evaluation::rules::System;
use crate::evaluation::testing::{convened_on, evaluation};
use crate::ledger::Actor;
use crate::on_both_databases;
use crate::opening::testing::{BidBox, bids_in_shape, empty_box};
use crate::platform::database::testing::Engine;
use crate::platform::money::Fen;
use crate::project::testing::{Shape, facts};
use crate::sealed_bid::testing::{Offer, bid, bid_spoilt};
use crate::sealing::context::EnvelopeKind as Kind;
use crate::sealing::document::Bytes;
use crate::sealing::stream::measure;
use rust_decimal::Decimal;

on_both_databases! {
    bids_without_a_readable_price_are_rejected_and_the_others_are_ranked
    a_second_envelope_that_does_not_open_costs_its_bidder_the_price_and_stops_no_other
    technical_scores_are_not_taken_back_once_prices_are_being_opened
    a_bid_whose_deposit_was_not_there_at_the_deadline_is_read_out_and_then_rejected
}

#[test]
fn a_price_is_an_amount_above_zero_or_the_reason_why_it_is_none() {
    let why = |said: Option<&str>| price_said(said).unwrap_err().why;
    assert_eq!(price_said(Some("9,800,000.00")), Ok(Fen(980_000_000)));
    assert_eq!(price_said(Some(" ¥0.01 ")), Ok(Fen(1)));
    assert_eq!(why(None), WhyNoPrice::Missing);
    assert_eq!(why(Some("  ")), WhyNoPrice::Missing);
    for said in ["面议", "-5", "1.234", "1e6", "九百八十万元", "99999999999999999999"] {
        assert_eq!(why(Some(said)), WhyNoPrice::Unreadable, "{said}");
    }
    assert_eq!(why(Some("0.00")), WhyNoPrice::NotPositive);
    assert_eq!(price_said(Some("面议")).unwrap_err().said, "面议");
}

/// Inputs with one more bid, made by `spoil` from a bid at 1 yuan, reviewed by all and scored as far as it is left.
fn with_one_more(system: System, toml: &str, prices: &[i64], spoil: impl Fn(&mut ReportInputs)) -> Ranking {
    let mut all = inputs(Method::from_toml(toml).unwrap(), system, &[prices, &[1]].concat());
    all.method.abnormal = None;
    spoil(&mut all);
    all.reviews = (1..=5).map(|i| review(&all, &format!("m{i}"), &[])).collect();
    score_all(&mut all);
    recompute(&all).unwrap()
}

fn unreadable(inputs: &mut ReportInputs) {
    let last = inputs.bids.last_mut().unwrap();
    last.price = Fen(0);
    last.no_price = Some(NoPrice { why: WhyNoPrice::Unreadable, said: "面议".into() });
}

#[test]
fn the_formulas_are_computed_without_a_bid_that_has_no_price() {
    let e4 = super::worked_examples::E4_BIDS;
    let works = with_one_more(System::Tendering, WORKS, &e4, unreadable);
    // E4 as it stands in the books: seven prices, one cut on each side, K = 3 %
    assert_eq!(works.working.unwrap().base.to_string(), "9040400.00");
    assert_eq!(works.candidates, ["b6", "b5", "b7"]);
    let rejection = &works.rejected["b8"][0];
    assert_eq!((rejection.ground, rejection.article.as_str()), (Ground::NoPrice, "ztb_r_51_6"));
    assert_eq!((rejection.of, rejection.reasons.as_slice()), (0, &["面议".to_owned()][..]));
    // E1: the lowest price of those that have one is the base
    let bought =
        with_one_more(System::GovernmentProcurement, PROCUREMENT, &[950_000, 1_000_000, 880_000], unreadable);
    assert_eq!(bought.lowest.unwrap().to_string(), "880000.00");
    assert_eq!(bought.rejected["b4"][0].article, "mof87_63_6");
    let scores: Vec<String> = bought.rows.iter().map(|row| row.price_score.unwrap().to_string()).collect();
    assert_eq!(scores, ["30.00", "27.79", "26.40"]);
}

#[test]
fn every_cause_has_its_ground_and_too_few_left_end_a_procurement() {
    for (why, ground, article) in [
        (WhyNoPrice::Missing, Ground::NoPrice, "mof87_63_6"),
        (WhyNoPrice::NotPositive, Ground::NoPrice, "mof87_63_6"),
        (WhyNoPrice::Revoked, Ground::EnvelopeRevoked, "mof87_63_6"),
        (WhyNoPrice::TakenBack, Ground::EnvelopeTakenBack, "mof87_63_6"),
    ] {
        let ranking = with_one_more(System::GovernmentProcurement, PROCUREMENT, &[2, 2], |inputs| {
            let last = inputs.bids.last_mut().unwrap();
            (last.price, last.no_price) = (Fen(0), Some(NoPrice { why, said: String::new() }));
        });
        assert_eq!(ranking.conclusion, Conclusion::TooFewResponsive);
        let rejection = &ranking.rejected["b3"][0];
        assert_eq!((rejection.ground, rejection.article.as_str()), (ground, article));
    }
    let ranking = with_one_more(System::GovernmentProcurement, PROCUREMENT, &[2, 2], |inputs| {
        let (demanded, held) = (Fen(100), Fen(99));
        let found = DepositFound { demanded, held, standing: DepositStanding::NotSecured };
        inputs.bids.last_mut().unwrap().deposit = Some(found);
    });
    let rejection = &ranking.rejected["b3"][0];
    assert_eq!((rejection.ground, rejection.article.as_str()), (Ground::NoDeposit, "mof87_63_1"));
    assert_eq!(rejection.reasons, ["0.99"]);
}

fn no_deposit() -> Shape {
    Shape { deposit: Fen(0), floats: Some(vec![Decimal::from(3)]), ..Shape::default() }
}

fn ground_of(house: &TestHouse, filled: &BidBox, bid: &str) -> (Ground, String) {
    let closed = evaluation(house, filled.lot).closed.unwrap();
    let rejection = &closed.report.result.rejected[bid][0];
    (rejection.ground, rejection.article.clone())
}

fn bids_without_a_readable_price_are_rejected_and_the_others_are_ranked(engine: Engine) {
    let house = TestHouse::new(engine);
    let prices = ["9000000.00", "面议", "9100000.00", "0.00", "9200000.00"];
    let mut filled = bids_in_shape(&house, &no_deposit(), &prices);
    let silent = house.member(Role::Bidder, "silent");
    bid(&house, &silent, filled.lot, Kind::Single, &Offer::technical("只有方案")).unwrap();
    filled.bidders.push(silent);
    let filled = filled.opened(&house);
    let committee = convened_on(&house, &filled);
    committee.start(&house, &filled.staff);
    committee.review(&house, &[]);
    committee.score(&house);
    committee.close(&house);
    committee.sign(&house);
    let closed = evaluation(&house, filled.lot).closed.unwrap();
    assert!(closed.report.holds());
    assert_eq!(closed.report.result.conclusion, Conclusion::Ranked);
    assert_eq!(closed.report.inputs.bids_at_deadline, 6, "the count at the deadline stays");
    let kept = &closed.report.result.working.as_ref().unwrap().kept;
    assert_eq!(kept, &[Fen(900_000_000), Fen(910_000_000), Fen(920_000_000)]);
    for bid in ["b2", "b4", "b6"] {
        assert_eq!(ground_of(&house, &filled, bid), (Ground::NoPrice, "ztb_r_51_6".into()));
    }
    let said = |bid: usize| closed.report.inputs.bids[bid].no_price.clone().unwrap();
    assert_eq!((said(1).why, said(1).said.as_str()), (WhyNoPrice::Unreadable, "面议"));
    assert_eq!((said(3).why, said(5).why), (WhyNoPrice::NotPositive, WhyNoPrice::Missing));
}

fn two_envelopes() -> Shape {
    Shape { deposit: Fen(0), ..Shape::procurement() }
}

/// Two envelopes of five bidders: the fourth spoilt the second one, the platform will damage the fifth's.
fn five_in_two_envelopes(house: &TestHouse) -> BidBox {
    let mut filled = bids_in_shape(house, &two_envelopes(), &["9000000.00", "9500000.00", "9800000.00"]);
    let spoiler = house.member(Role::Bidder, "bidder4");
    bid(house, &spoiler, filled.lot, Kind::Technical, &Offer::technical("方案4")).unwrap();
    let priced = Offer::priced("8000000.00");
    bid_spoilt(house, &spoiler, filled.lot, Kind::Commercial, &priced, |sealed, ciphertext| {
        ciphertext[5000] ^= 1;
        sealed.manifest.ct.root = Bytes(measure(ciphertext.as_slice()).unwrap().root);
    })
    .unwrap();
    let fifth = house.member(Role::Bidder, "bidder5");
    bid(house, &fifth, filled.lot, Kind::Technical, &Offer::technical("方案5")).unwrap();
    bid(house, &fifth, filled.lot, Kind::Commercial, &Offer::priced("8900000.00")).unwrap();
    filled.bidders.extend([spoiler, fifth]);
    filled.opened(house)
}

fn a_second_envelope_that_does_not_open_costs_its_bidder_the_price_and_stops_no_other(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = five_in_two_envelopes(&house);
    let committee = convened_on(&house, &filled);
    committee.start(&house, &filled.staff);
    committee.review(&house, &[]);
    assert_eq!(refused(filled.open(&house, Kind::Commercial, false)).key, "opening.refusal.not_closed");
    let take = || {
        let (lot, bidders) = (filled.lot, evaluation(&house, filled.lot).opened.bidders);
        house.door().write(Actor::system("test"), move |act| {
            let found = intake::prices(act.db(), lot, &bidders)?;
            actions::take_prices(act, lot, &found)
        })
    };
    committee.score(&house);
    assert_eq!(refused(take()).key, "evaluation.refusal.phase", "nothing is opened yet");
    filled.damage(&house, Kind::Commercial, &filled.bidders[4]);
    filled.release(&house, Kind::Commercial, &[1, 2]);
    filled.open(&house, Kind::Commercial, false).unwrap();
    take().unwrap();
    assert_eq!(refused(take()).key, "evaluation.refusal.phase", "once");
    committee.close(&house);
    committee.sign(&house);
    let closed = evaluation(&house, filled.lot).closed.unwrap();
    assert!(closed.report.holds());
    assert_eq!(closed.report.result.candidates, ["b1", "b2", "b3"]);
    assert_eq!(closed.report.result.lowest.unwrap().to_string(), "9000000.00", "not the spoilt 8000000");
    assert_eq!(ground_of(&house, &filled, "b4").0, Ground::EnvelopeRevoked);
    assert_eq!(ground_of(&house, &filled, "b5").0, Ground::EnvelopeTakenBack);
}

fn technical_scores_are_not_taken_back_once_prices_are_being_opened(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in_shape(&house, &two_envelopes(), &["9000000.00", "9500000.00", "9800000.00"]);
    let filled = filled.opened(&house);
    let committee = convened_on(&house, &filled);
    committee.start(&house, &filled.staff);
    committee.review(&house, &[]);
    for member in &committee.members[..6] {
        committee.score_as(&house, member, "0.75").unwrap();
    }
    let recall = |member: &Member| {
        let (lot, who) = (filled.lot, member.who.clone());
        house.act(&member.who, move |act| actions::recall_sheet(act, &who, lot, "业绩一项看错证书"))
    };
    recall(&committee.members[0]).unwrap();
    committee.score_as(&house, &committee.members[0], "0.75").unwrap();
    committee.score_as(&house, &committee.members[6], "0.75").unwrap();
    assert_eq!(refused(recall(&committee.members[0])).key, "evaluation.refusal.phase");
    assert_eq!(evaluation(&house, filled.lot).sheets.len(), 7);
}

fn a_bid_whose_deposit_was_not_there_at_the_deadline_is_read_out_and_then_rejected(engine: Engine) {
    let house = TestHouse::new(engine);
    let shape = Shape { floats: Some(vec![Decimal::from(3)]), ..Shape::default() };
    let mut filled = empty_box(&house, &shape);
    let treasurer = deposit::testing::treasury(&house);
    house.at("2026-03-24 10:00:00");
    for (number, price) in (1..).zip(["9000000.00", "9100000.00", "9200000.00", "9300000.00", "9400000.00"]) {
        let member = house.member(Role::Bidder, &format!("bidder{number}"));
        match number {
            1..=3 => drop(deposit::testing::paid(&house, &treasurer.who, &member.who, filled.lot)),
            // the fourth pays half, which waits in the work list; the fifth never asks for an account
            4 => {
                let demand = deposit::testing::asked(&house, &member.who, filled.lot);
                let half = deposit::testing::line(&demand, "HALF", "100000.00", house.door().now());
                deposit::testing::imported(&house, &treasurer.who, &deposit::testing::csv(&[half]));
            }
            _ => {}
        }
        bid(&house, &member, filled.lot, Kind::Single, &Offer::priced(price)).unwrap();
        filled.bidders.push(member);
    }
    let filled = filled.opened(&house);
    let committee = convened_on(&house, &filled);
    let known = evaluation(&house, filled.lot).opened;
    assert_eq!((known.bids_at_deadline, known.bids.len()), (5, 5), "counted and read out");
    let found = |bid: usize| known.bids[bid].deposit.clone().unwrap();
    assert_eq!(found(0).standing, DepositStanding::Secured);
    assert_eq!(found(0).held, facts(&house, filled.lot).terms.deposit);
    assert_eq!((found(3).standing, found(3).held), (DepositStanding::NotSecured, Fen(0)));
    assert_eq!((found(4).standing, found(4).held), (DepositStanding::NotSecured, Fen(0)));
    committee.start(&house, &filled.staff);
    committee.review(&house, &[]);
    committee.score(&house);
    committee.close(&house);
    committee.sign(&house);
    let result = evaluation(&house, filled.lot).closed.unwrap().report.result;
    assert_eq!(result.rows.len(), 3);
    for bid in ["b4", "b5"] {
        assert_eq!(ground_of(&house, &filled, bid), (Ground::NoDeposit, "ztb_r_51_6".into()));
    }
}
