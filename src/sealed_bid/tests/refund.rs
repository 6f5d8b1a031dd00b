//! Whoever withdraws before the deadline has the deposit back in the lawful time, and may bid again.

use super::{Box1, box1, offer};
use crate::account::testing::Member;
use crate::deposit::actions::{self as deposit, BatchOrder};
use crate::deposit::records::{Demand, RefundState};
use crate::deposit::rules::{RefundReason, State};
use crate::deposit::{store, testing as money};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::money::Fen;
use crate::project::testing::Shape;
use crate::sealed_bid::testing::{Offer, bid, withdraw};
use crate::sealing::context::EnvelopeKind as Kind;
use rust_decimal::Decimal;

on_both_databases! {
    whoever_withdraws_is_due_the_deposit_five_days_later_without_waiting_for_the_closing
    under_the_procurement_law_the_days_are_working_days_and_both_envelopes_must_be_withdrawn
    whoever_bids_again_binds_the_deposit_again
    whoever_was_paid_back_may_pay_again
    without_a_deposit_a_withdrawal_owes_nothing
}

fn paid(x: &Box1, treasurer: &Member) -> Demand {
    money::paid(&x.house, &treasurer.who, &x.first.who, x.lot)
}

fn due(x: &Box1) -> Vec<(String, Fen, RefundState)> {
    let vault = x.house.door().vault().clone();
    let open = x.house.door().read(|db| store::open_refunds(db, &vault)).unwrap();
    open.into_iter().map(|refund| (refund.due_on.to_string(), refund.principal, refund.state)).collect()
}

fn whoever_withdraws_is_due_the_deposit_five_days_later_without_waiting_for_the_closing(engine: Engine) {
    let x = box1(engine, &Shape::default());
    let treasurer = money::treasury(&x.house);
    let demand = paid(&x, &treasurer);
    bid(&x.house, &x.first, x.lot, Kind::Single, &offer()).unwrap();
    assert_eq!(due(&x), []);
    x.house.at("2026-03-11 16:00:00");
    withdraw(&x.house, &x.first, x.lot, Kind::Single).unwrap();
    let now = money::again(&x.house, &demand);
    assert_eq!((now.state, now.refund_reason), (State::RefundDue, Some(RefundReason::Withdrawn)));
    // five calendar days from Wednesday the 11th (条例第三十五条)
    assert_eq!(due(&x), [("2026-03-16".into(), Fen(20_000_000), RefundState::Due)]);
    // the closing of the box changes nothing about it
    x.house.at("2026-03-25 09:30:00");
    let lot = x.lot;
    x.house.act(&x.staff.centre.who, move |act| deposit::freeze_lot(act, lot)).unwrap();
    assert_eq!(money::again(&x.house, &demand), now);
}

fn under_the_procurement_law_the_days_are_working_days_and_both_envelopes_must_be_withdrawn(engine: Engine) {
    let x = box1(engine, &Shape::procurement());
    let treasurer = money::treasury(&x.house);
    let demand = paid(&x, &treasurer);
    bid(&x.house, &x.first, x.lot, Kind::Technical, &Offer::technical("方案")).unwrap();
    bid(&x.house, &x.first, x.lot, Kind::Commercial, &offer()).unwrap();
    x.house.at("2026-03-11 16:00:00");
    withdraw(&x.house, &x.first, x.lot, Kind::Technical).unwrap();
    assert_eq!(money::again(&x.house, &demand).state, State::Paid, "the other envelope still stands");
    withdraw(&x.house, &x.first, x.lot, Kind::Commercial).unwrap();
    // five working days from Wednesday the 11th
    assert_eq!(due(&x), [("2026-03-18".into(), Fen(20_000_000), RefundState::Due)]);
}

fn whoever_bids_again_binds_the_deposit_again(engine: Engine) {
    let x = box1(engine, &Shape::default());
    let treasurer = money::treasury(&x.house);
    let demand = paid(&x, &treasurer);
    for _ in 0..2 {
        bid(&x.house, &x.first, x.lot, Kind::Single, &offer()).unwrap();
        assert_eq!(money::again(&x.house, &demand).state, State::Paid);
        withdraw(&x.house, &x.first, x.lot, Kind::Single).unwrap();
        assert_eq!(due(&x).len(), 1);
    }
    bid(&x.house, &x.first, x.lot, Kind::Single, &offer()).unwrap();
    assert_eq!(due(&x), []);
    let now = money::again(&x.house, &demand);
    assert_eq!((now.state, now.refund_reason, now.refund_due_on), (State::Paid, None, None));
    let lot = x.lot;
    x.house.at("2026-03-25 09:30:00");
    x.house.act(&x.staff.centre.who, move |act| deposit::freeze_lot(act, lot)).unwrap();
    assert_eq!(money::again(&x.house, &demand).state, State::Frozen);
}

fn whoever_was_paid_back_may_pay_again(engine: Engine) {
    let x = box1(engine, &Shape::default());
    let treasurer = money::treasury(&x.house);
    let demand = paid(&x, &treasurer);
    bid(&x.house, &x.first, x.lot, Kind::Single, &offer()).unwrap();
    withdraw(&x.house, &x.first, x.lot, Kind::Single).unwrap();
    let order = BatchOrder {
        execute_on: "2026-03-12".parse().unwrap(),
        deposit_rate: Decimal::ZERO,
        lending_rate: Decimal::ZERO,
        day_base: 360,
    };
    x.house.act(&treasurer.who, move |act| deposit::make_batch(act, &order)).unwrap();
    // the money is on its way: the new bid stands, but without a deposit
    bid(&x.house, &x.first, x.lot, Kind::Single, &offer()).unwrap();
    assert_eq!(money::again(&x.house, &demand).state, State::Instructed);
    let vault = x.house.door().vault().clone();
    let refund = x.house.door().read(|db| store::open_refunds(db, &vault)).unwrap()[0].id;
    x.house.act(&treasurer.who, move |act| deposit::confirm_paid(act, refund)).unwrap();
    assert_eq!(money::again(&x.house, &demand).state, State::Refunded);
    let again = money::asked(&x.house, &x.first.who, x.lot);
    assert_eq!((again.id, again.state, again.outstanding()), (demand.id, State::Demanded, Fen(20_000_000)));
    let line = money::line(&again, "SECOND", &again.amount.plain(), x.house.door().now());
    assert_eq!(money::imported(&x.house, &treasurer.who, &money::csv(&[line])).credited, 1);
    let now = money::again(&x.house, &demand);
    assert!(now.state.is_secured());
    assert_eq!((now.held, now.credited), (Fen(20_000_000), Fen(40_000_000)));
}

fn without_a_deposit_a_withdrawal_owes_nothing(engine: Engine) {
    let x = box1(engine, &Shape::default());
    money::treasury(&x.house);
    money::asked(&x.house, &x.first.who, x.lot);
    for member in [&x.first, &x.second] {
        bid(&x.house, member, x.lot, Kind::Single, &offer()).unwrap();
        withdraw(&x.house, member, x.lot, Kind::Single).unwrap();
    }
    assert_eq!(due(&x), []);
}
