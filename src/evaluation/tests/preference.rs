//! 中小企业声明: declared in the bid, read out at the opening, used for comparison only.

use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::evaluation::actions;
use crate::evaluation::intake;
use crate::evaluation::price_score::Enterprise;
use crate::evaluation::testing::{convened_on, evaluation};
use crate::ledger::Actor;
use crate::on_both_databases;
use crate::opening::store;
use crate::opening::testing::empty_box;
use crate::platform::database::testing::Engine;
use crate::platform::money::Fen;
use crate::project::rulebook::Rulebook;
use crate::project::testing::Shape;
use crate::sealed_bid::rules::{ENTERPRISE, ENTERPRISES, fields_of};
use crate::sealed_bid::testing::{Offer, bid, parameters};
use crate::sealing::context::EnvelopeKind as Kind;

on_both_databases! {
    a_declared_small_enterprise_is_preferred_in_the_comparison_and_paid_its_own_price
}

#[test]
fn the_declaration_is_asked_where_the_rulebook_knows_a_preference_and_never_beside_the_price_of_two_envelopes()
 {
    for book in Rulebook::all() {
        let knows = book.evaluation.small_business_deduction.is_some();
        assert_eq!(fields_of(Kind::Single, book).contains(&ENTERPRISE), knows, "{}", book.id.as_str());
        assert_eq!(fields_of(Kind::Technical, book).contains(&ENTERPRISE), knows);
        assert_eq!(fields_of(Kind::Commercial, book), ["price"]);
    }
    let read: Vec<Option<Enterprise>> = ENTERPRISES.iter().map(|word| Enterprise::from_code(word)).collect();
    assert!(read.iter().all(Option::is_some), "bid forms and evaluation documents use the same words");
    assert_eq!(Enterprise::from_code("SMALL"), None);
}

fn a_declared_small_enterprise_is_preferred_in_the_comparison_and_paid_its_own_price(engine: Engine) {
    let house = TestHouse::new(engine);
    let shape = Shape { deposit: Fen(0), ..Shape::procurement() };
    let mut filled = empty_box(&house, &shape);
    house.at("2026-03-24 10:00:00");
    let offers = [
        ("9000000.00", "ordinary"),
        ("9500000.00", "small"),
        ("9800000.00", "consortium"),
        // another word is read out and gets nothing
        ("9900000.00", "tiny"),
    ];
    for (number, (price, enterprise)) in (1..).zip(offers) {
        let member = house.member(Role::Bidder, &format!("bidder{number}"));
        let asked = parameters(&house, &member, filled.lot, Kind::Technical).fields;
        assert!(asked.iter().any(|field| field == ENTERPRISE), "{asked:?}");
        let technical = Offer::technical("方案").declaring(enterprise);
        bid(&house, &member, filled.lot, Kind::Technical, &technical).unwrap();
        bid(&house, &member, filled.lot, Kind::Commercial, &Offer::priced(price)).unwrap();
        filled.bidders.push(member);
    }
    let filled = filled.opened(&house);
    let read_out = house.door().read(|db| store::bids(db, filled.lot, Kind::Technical)).unwrap();
    let said = |i: usize| read_out[i].document.as_ref().unwrap().form[ENTERPRISE].clone();
    assert_eq!([said(0), said(1), said(3)], ["ordinary", "small", "tiny"]);
    let committee = convened_on(&house, &filled);
    committee.start(&house, &filled.staff);
    committee.review(&house, &[]);
    committee.score(&house);
    filled.release(&house, Kind::Commercial, &[1, 2]);
    filled.open(&house, Kind::Commercial, false).unwrap();
    let (lot, bidders) = (filled.lot, evaluation(&house, filled.lot).opened.bidders);
    let take = move |act: &mut crate::ledger::Act<'_>| {
        let found = intake::prices(act.db(), lot, &bidders)?;
        actions::take_prices(act, lot, &found)
    };
    house.door().write(Actor::system("test"), take).unwrap();
    committee.close(&house);
    committee.sign(&house);
    let report = evaluation(&house, lot).closed.unwrap().report;
    let classes: Vec<Enterprise> = report.inputs.bids.iter().map(|bid| bid.enterprise).collect();
    use Enterprise::{Consortium, Ordinary, Small};
    assert_eq!(classes, [Ordinary, Small, Consortium, Ordinary]);
    // ten per cent off 9.5 million and four off 9.8 million, as the terms say
    assert_eq!(report.result.lowest.unwrap().to_string(), "8550000.00");
    let first = &report.result.rows[0];
    assert_eq!((first.bid.as_str(), first.price), ("b2", Fen(950_000_000)));
    assert_eq!(first.price_score.unwrap().to_string(), "30.00");
    let third = report.result.rows.iter().find(|row| row.bid == "b3").unwrap();
    assert_eq!(third.compared.to_string(), "9408000.00");
}
