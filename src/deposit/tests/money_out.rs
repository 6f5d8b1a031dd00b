//! Money out: freezing, refunds, batches, deposits that are kept. On both databases.

use super::desk::Desk;
use crate::account::testing::refused;
use crate::deposit::actions::{self, BatchOrder, Whose};
use crate::deposit::double_entry::Account;
use crate::deposit::records::{BatchRecord, Declared, Demand, RefundState};
use crate::deposit::rules::{ForfeitReason, RefundReason, State};
use crate::deposit::store;
use crate::deposit::testing::CENTRE_NUMBER;
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use crate::platform::refusal::Failure;
use crate::project::rulebook::Rulebook;
use crate::project::testing::Shape;
use chrono::NaiveDate;
use rust_decimal::Decimal;

on_both_databases! {
    a_deposit_is_frozen_at_the_deadline_and_found_by_its_lot_afterwards
    a_lot_that_is_not_opened_gives_every_deposit_back
    a_refund_batch_moves_the_debt_and_the_banks_notice_confirms_it
    bank_interest_goes_along_where_the_rulebook_says_so
    a_late_refund_under_the_procurement_law_costs_interest
    a_refund_that_the_bank_returns_is_due_again_to_a_corrected_account
    a_kept_deposit_is_owed_to_the_procuring_entity
    a_frozen_deposit_leaves_no_refund_behind
    winner_and_losers_can_be_told_apart
    a_refund_confirmed_by_hand_is_not_paid_twice_by_the_notice
    the_deposits_of_an_ended_tender_come_back_by_themselves
    whoever_paid_without_a_bid_gets_the_deposit_back_when_the_box_closes
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn order(on: &str, deposit_rate: &str, lending_rate: &str) -> BatchOrder {
    let rate = |text: &str| text.parse::<Decimal>().unwrap();
    BatchOrder {
        execute_on: day(on),
        deposit_rate: rate(deposit_rate),
        lending_rate: rate(lending_rate),
        day_base: 360,
    }
}

fn batch(desk: &Desk, order: BatchOrder) -> Result<BatchRecord, Failure> {
    desk.house.act(&desk.treasurer.who, move |act| actions::make_batch(act, &order)).map(|done| done.value)
}

fn close(desk: &Desk) -> usize {
    desk.house.at("2026-03-25 09:30:00");
    let lot = desk.lot;
    desk.house.act(&desk.staff.centre.who, move |act| actions::freeze_lot(act, lot)).unwrap().value
}

fn release(desk: &Desk, reason: RefundReason, due: &str) -> usize {
    let (lot, due) = (desk.lot, day(due));
    desk.house
        .act(&desk.staff.centre.who, move |act| actions::refunds_due(act, lot, reason, due))
        .unwrap()
        .value
}

fn states(desk: &Desk, demands: &[&Demand]) -> Vec<State> {
    demands.iter().map(|demand| desk.now(demand).state).collect()
}

fn a_deposit_is_frozen_at_the_deadline_and_found_by_its_lot_afterwards(engine: Engine) {
    let desk = Desk::new(engine);
    let (paid, unpaid) = (desk.paid(&desk.bidder("one")), desk.asked(&desk.bidder("two")));
    assert_eq!((close(&desk), close(&desk)), (1, 0), "twice does nothing more");
    assert_eq!(states(&desk, &[&paid, &unpaid]), [State::Frozen, State::Demanded]);
    let vault = desk.house.door().vault().clone();
    let of_lot = desk.house.door().read(|db| store::of_lot(db, &vault, desk.lot)).unwrap();
    assert_eq!(of_lot.len(), 2);
    let standing =
        desk.house.door().read(|db| store::state_of(db, &vault, desk.lot, paid.bidder)).unwrap().unwrap();
    assert_eq!((standing.deposit, standing.state, standing.held), (paid.id, State::Frozen, Fen(20_000_000)));
    desk.book();
}

fn a_lot_that_is_not_opened_gives_every_deposit_back(engine: Engine) {
    let desk = Desk::new(engine);
    let (one, two, unpaid) =
        (desk.paid(&desk.bidder("one")), desk.paid(&desk.bidder("two")), desk.asked(&desk.bidder("three")));
    close(&desk);
    assert_eq!(release(&desk, RefundReason::TooFewBids, "2026-03-30"), 2);
    assert_eq!(release(&desk, RefundReason::TooFewBids, "2026-03-30"), 0, "twice does nothing more");
    assert_eq!(states(&desk, &[&one, &two, &unpaid]), [State::RefundDue, State::RefundDue, State::Demanded]);
    assert!(
        desk.refunds()
            .iter()
            .all(|refund| refund.due_on == day("2026-03-30") && refund.principal == Fen(20_000_000))
    );
    desk.book();
}

fn a_refund_batch_moves_the_debt_and_the_banks_notice_confirms_it(engine: Engine) {
    let desk = Desk::new(engine);
    let (one, two) = (desk.paid(&desk.bidder("one")), desk.paid(&desk.bidder("two")));
    assert_eq!(refused(batch(&desk, order("2026-03-27", "0", "0"))).key, "deposit.refusal.no_refunds_due");
    close(&desk);
    release(&desk, RefundReason::TooFewBids, "2026-03-30");
    assert_eq!(
        refused(batch(&desk, order("2026-03-24", "0", "0"))).key,
        "deposit.refusal.execution_in_the_past"
    );
    assert_eq!(
        refused(batch(&desk, order("2026-03-27", "-1", "0"))).key,
        "deposit.refusal.interest_unreadable"
    );
    let made = batch(&desk, order("2026-03-27", "0", "0")).unwrap();
    assert_eq!((made.refunds.len(), made.total), (2, Fen(40_000_000)));
    assert!(super::bank_files::is_valid("pain.001.001.09", &made.xml));
    assert!(made.xml.contains(&one.declared.number) && made.xml.contains(CENTRE_NUMBER));
    assert_eq!(states(&desk, &[&one, &two]), [State::Instructed, State::Instructed]);
    let book = desk.book();
    assert_eq!((book.total(Account::Held), book.total(Account::Payable)), (Fen(0), Fen(-40_000_000)));
    assert_eq!(refused(batch(&desk, order("2026-03-27", "0", "0"))).key, "deposit.refusal.no_refunds_due");
    // the bank reports the first as a debit with our reference, once with a wrong amount
    let first = desk.refunds().remove(0);
    let report = |reference: &str, amount: &str| debit(reference, &first.id.to_string(), amount);
    let wrong = import_xml(&desk, &report("D0", "199999.99"));
    assert_eq!((wrong.confirmed, wrong.work_list), (0, 1));
    let right = import_xml(&desk, &report("D1", "200000.00"));
    assert_eq!((right.confirmed, right.work_list), (1, 0));
    assert_eq!(desk.refunds().len(), 1);
    let rest = desk.refunds()[0].id;
    desk.house.act(&desk.treasurer.who, move |act| actions::confirm_paid(act, rest)).unwrap();
    assert_eq!(states(&desk, &[&one, &two]), [State::Refunded, State::Refunded]);
    assert_eq!(desk.book().total(Account::Payable), Fen(0));
    assert_eq!(desk.bank(), -19_999_999, "the wrong report still waits to be explained");
    let again = desk.house.act(&desk.treasurer.who, move |act| actions::confirm_paid(act, rest));
    assert_eq!(refused(again).key, "deposit.refusal.refund_not_with_the_bank");
}

/// A camt.054 notice of one debit that carries our end-to-end reference.
fn debit(reference: &str, end_to_end: &str, amount: &str) -> String {
    let namespace = crate::deposit::camt054::NAMESPACE;
    let xml = format!(
        "<Document xmlns=\"{namespace}\"><BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-27T18:00:00Z</CreDtTm></GrpHdr>\
         <Ntfctn><Id>N</Id><Acct><Id><Othr><Id>{CENTRE_NUMBER}</Id></Othr></Id></Acct><Ntry><Amt Ccy=\"CNY\">{amount}</Amt>\
         <CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-27</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef>\
         <BkTxCd/><NtryDtls><TxDtls><Refs><EndToEndId>{end_to_end}</EndToEndId></Refs></TxDtls></NtryDtls></Ntry></Ntfctn>\
         </BkToCstmrDbtCdtNtfctn></Document>"
    );
    assert!(super::bank_files::is_valid("camt.054.001.08", &xml));
    xml
}

fn import_xml(desk: &Desk, xml: &str) -> crate::deposit::records::NoticeRecord {
    crate::deposit::testing::imported(&desk.house, &desk.treasurer.who, xml)
}

fn bank_interest_goes_along_where_the_rulebook_says_so(engine: Engine) {
    let desk = Desk::new(engine);
    desk.paid(&desk.bidder("one")); // on 2026-03-02
    close(&desk);
    release(&desk, RefundReason::ContractSigned, "2026-04-30");
    let made = batch(&desk, order("2026-04-01", "0.36", "0")).unwrap();
    // 200,000 x 0.36 % x 30 / 360
    assert_eq!((desk.refunds()[0].interest, made.total), (Fen(6_000), Fen(20_006_000)));
    assert_eq!(desk.book().total(Account::Interest), Fen(6_000));
}

fn a_late_refund_under_the_procurement_law_costs_interest(engine: Engine) {
    let desk = Desk::of(engine, &Shape::procurement());
    desk.paid(&desk.bidder("one"));
    close(&desk);
    release(&desk, RefundReason::NotAwarded, "2026-04-01");
    desk.house.at("2026-05-01 10:00:00");
    batch(&desk, order("2026-05-01", "9", "4.35")).unwrap();
    // twice example E10: 30 days late at 4.35 % x 1.2 on 200,000; bank interest is not passed on under this law
    assert_eq!(desk.refunds()[0].interest, Fen(87_000));
    desk.book();
}

fn a_refund_that_the_bank_returns_is_due_again_to_a_corrected_account(engine: Engine) {
    let desk = Desk::new(engine);
    let one = desk.paid(&desk.bidder("one"));
    close(&desk);
    release(&desk, RefundReason::TooFewBids, "2026-03-30");
    batch(&desk, order("2026-03-27", "3.6", "0")).unwrap();
    let refund = desk.refunds().remove(0);
    let corrected = Declared { number: "6200111".into(), ..one.declared.clone() };
    let id = refund.id;
    let sent = corrected.clone();
    desk.house
        .act(&desk.treasurer.who, move |act| actions::returned(act, id, Some(&sent), "账号户名不符"))
        .unwrap();
    assert_eq!(states(&desk, &[&one]), [State::RefundDue]);
    assert_eq!((desk.held(&one), desk.book().total(Account::Interest)), (Fen(20_000_000), Fen(0)));
    let due = desk.refunds().remove(0);
    assert_eq!(
        (due.state, due.to.clone(), due.returned.as_deref()),
        (RefundState::Due, corrected, Some("账号户名不符"))
    );
    let again = batch(&desk, order("2026-03-27", "0", "0")).unwrap();
    assert!(again.xml.contains("6200111"));
    desk.book();
}

fn a_kept_deposit_is_owed_to_the_procuring_entity(engine: Engine) {
    let desk = Desk::new(engine);
    let one = desk.paid(&desk.bidder("one"));
    let id = one.id;
    let keep = move |act: &mut crate::ledger::Act<'_>| {
        actions::forfeit(act, id, ForfeitReason::ContractRefused, "处理决定书 2026-7")
    };
    let early = desk.house.act(&desk.treasurer.who, keep);
    assert_eq!(refused(early).key, "deposit.refusal.state_paid", "only a frozen deposit can be kept");
    close(&desk);
    desk.house.act(&desk.treasurer.who, keep).unwrap();
    assert_eq!(states(&desk, &[&one]), [State::Forfeited]);
    assert_eq!(desk.book().total(Account::Forfeited), Fen(-20_000_000));
    assert_eq!(release(&desk, RefundReason::TooFewBids, "2026-03-30"), 0, "a kept deposit never comes back");
}

fn a_frozen_deposit_leaves_no_refund_behind(engine: Engine) {
    let desk = Desk::new(engine);
    let one = desk.paid(&desk.bidder("one"));
    close(&desk);
    release(&desk, RefundReason::NotAwarded, "2026-03-30");
    let id = one.id;
    desk.house.act(&desk.treasurer.who, move |act| actions::freeze(act, id, "监督部门通知 12 号")).unwrap();
    assert_eq!((states(&desk, &[&one]), desk.refunds().len()), (vec![State::Frozen], 0));
    assert_eq!(release(&desk, RefundReason::NotAwarded, "2026-04-02"), 1);
    assert_eq!(desk.refunds().len(), 1);
    desk.book();
}

fn winner_and_losers_can_be_told_apart(engine: Engine) {
    let desk = Desk::of(engine, &Shape::procurement());
    let (winner, loser) = (desk.paid(&desk.bidder("one")), desk.paid(&desk.bidder("two")));
    close(&desk);
    let (lot, won) = (desk.lot, [winner.bidder]);
    let book: &Rulebook = Shape::procurement().book();
    let awarded = Moment::parse_beijing("2026-04-02T16:00").unwrap();
    let due = actions::due_date(&book.deposit, RefundReason::NotAwarded, awarded).unwrap();
    assert_eq!(due, day("2026-04-10"), "five working days, and 6 April is a holiday");
    let count = desk
        .house
        .act(&desk.staff.centre.who, move |act| {
            actions::refunds_due_for(act, lot, Whose::AllBut(&won), RefundReason::NotAwarded, due)
        })
        .unwrap();
    assert_eq!(count.value, 1);
    assert_eq!(states(&desk, &[&winner, &loser]), [State::Frozen, State::RefundDue]);
    let far = Moment::parse_beijing("2031-04-02T16:00").unwrap();
    assert!(
        actions::due_date(&book.deposit, RefundReason::NotAwarded, far).is_err(),
        "a year without a calendar"
    );
}

fn a_refund_confirmed_by_hand_is_not_paid_twice_by_the_notice(engine: Engine) {
    let desk = Desk::new(engine);
    desk.paid(&desk.bidder("one"));
    close(&desk);
    release(&desk, RefundReason::TooFewBids, "2026-03-30");
    batch(&desk, order("2026-03-27", "0", "0")).unwrap();
    let refund = desk.refunds().remove(0).id;
    desk.house.act(&desk.treasurer.who, move |act| actions::confirm_paid(act, refund)).unwrap();
    assert_eq!(desk.bank(), 0);
    let report = import_xml(&desk, &debit("D1", &refund.to_string(), "200000.00"));
    assert_eq!((report.confirmed, report.work_list), (1, 0));
    assert_eq!(desk.bank(), 0);
    let second = import_xml(&desk, &debit("D2", &refund.to_string(), "200000.00"));
    assert_eq!(
        (second.confirmed, second.work_list),
        (0, 1),
        "a second debit with the same reference is a question for the bank"
    );
}

fn the_deposits_of_an_ended_tender_come_back_by_themselves(engine: Engine) {
    let desk = Desk::new(engine);
    let one = desk.paid(&desk.bidder("one"));
    crate::deposit::jobs::due(desk.house.door()).unwrap();
    assert_eq!(states(&desk, &[&one]), [State::Paid], "the tender still runs");
    let (entity, lot) = (desk.staff.entity.who.clone(), desk.lot);
    desk.house
        .act(&entity.clone(), move |act| crate::project::actions::cancel(act, &entity, lot, "资金未落实"))
        .unwrap();
    crate::deposit::jobs::due(desk.house.door()).unwrap();
    crate::deposit::jobs::due(desk.house.door()).unwrap();
    assert_eq!((states(&desk, &[&one]), desk.refunds().len()), (vec![State::RefundDue], 1));
    assert_eq!(
        desk.refunds()[0].due_on,
        day("2026-03-09"),
        "five days from Monday 2 March, rolled over the weekend"
    );
    desk.book();
}

fn whoever_paid_without_a_bid_gets_the_deposit_back_when_the_box_closes(engine: Engine) {
    let desk = Desk::new(engine);
    let (bids, idle) = (desk.paid(&desk.bidder("bids")), desk.paid(&desk.bidder("idle")));
    desk.house.at("2026-03-25 09:30:00");
    let (facts, in_the_box) = (crate::project::testing::facts(&desk.house, desk.lot), [bids.bidder]);
    desk.house
        .act(&desk.staff.centre.who, move |act| actions::bidding_closed(act, &facts, &in_the_box, true))
        .unwrap();
    assert_eq!(states(&desk, &[&bids, &idle]), [State::Frozen, State::RefundDue]);
    assert_eq!(desk.now(&idle).refund_reason, Some(RefundReason::NoBid));
    desk.book();
}
