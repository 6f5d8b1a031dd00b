//! Money in: account numbers, imports, the work list. On both databases.

use super::desk::Desk;
use crate::account::testing::refused;
use crate::deposit::actions::{self, Decision};
use crate::deposit::double_entry::Account;
use crate::deposit::matching::Reason;
use crate::deposit::records::{Declared, Outcome};
use crate::deposit::rules::{Resolution, State};
use crate::deposit::store;
use crate::deposit::testing::{CENTRE_NUMBER, csv, declared, line};
use crate::deposit::virtual_account::VirtualAccount;
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::money::Fen;
use crate::project::testing::Shape;
use diesel::prelude::*;

on_both_databases! {
    a_bidder_gets_one_number_for_a_lot_and_the_same_again
    no_number_is_given_after_the_deadline_or_where_nothing_is_asked
    an_account_that_no_bank_would_accept_is_refused
    money_that_fits_is_credited_and_the_same_file_credits_nothing_more
    a_reference_that_comes_again_with_another_amount_is_a_conflict
    a_reference_that_comes_again_with_another_payers_account_is_a_conflict
    money_of_a_wrong_payer_waits_for_the_treasurer
    money_at_the_exact_deadline_is_late_and_can_only_go_back
    parts_of_a_deposit_add_up_and_what_exceeds_goes_back
    unmatched_money_is_never_lost_and_never_guessed
    an_item_is_settled_once
    concurrent_imports_of_the_same_money_credit_it_once
    a_notice_about_another_account_is_refused
    money_for_a_cancelled_tender_is_not_a_deposit
    nothing_in_the_database_links_a_bidder_to_a_lot
}

fn decision(resolution: Resolution) -> Decision {
    Decision { resolution, deposit: None, payee: None, why: "已与银行核实".into() }
}

fn a_bidder_gets_one_number_for_a_lot_and_the_same_again(engine: Engine) {
    let desk = Desk::of(engine, &Shape { lots: 2, ..Shape::default() });
    let (one, other) = (desk.bidder("one"), desk.bidder("other"));
    let first = desk.asked(&one);
    assert_eq!(desk.asked(&one), first);
    assert_ne!(desk.asked(&other).account, first.account);
    assert_eq!((first.amount, first.state), (Fen(20_000_000), State::Demanded));
    assert!(
        VirtualAccount::parse(first.account.as_str()).is_some()
            && first.account.as_str().starts_with("998801")
    );
    // the paying account may change while no money has come
    let (bidder, name, lot) = (one.who.organisation, one.who.organisation_name.clone(), desk.lot);
    let moved = Declared { number: "7777 8888".into(), ..declared(&one.who) };
    desk.house.act(&one.who, move |act| actions::request_account(act, (bidder, &name), lot, &moved)).unwrap();
    assert_eq!(desk.now(&first).declared.number, "77778888");
    desk.import(&[line(&desk.now(&first), "A1", "200000.00", desk.in_time())]);
    assert_eq!(desk.now(&first).state, State::Paid);
    desk.asked(&one);
    assert_eq!(desk.now(&first).declared.number, "77778888", "not after the money came");
}

fn no_number_is_given_after_the_deadline_or_where_nothing_is_asked(engine: Engine) {
    let desk = Desk::new(engine);
    let one = desk.bidder("one");
    let (bidder, name, lot) = (one.who.organisation, one.who.organisation_name.clone(), desk.lot);
    let from = declared(&one.who);
    desk.house.at("2026-03-25 09:30:00");
    let late =
        desk.house.act(&one.who, move |act| actions::request_account(act, (bidder, &name), lot, &from));
    assert_eq!(refused(late).status, 409);
    let free = Desk::of(engine, &Shape { deposit: Fen(0), ..Shape::default() });
    let one = free.bidder("one");
    let (bidder, name, lot) = (one.who.organisation, one.who.organisation_name.clone(), free.lot);
    let from = declared(&one.who);
    let asked =
        free.house.act(&one.who, move |act| actions::request_account(act, (bidder, &name), lot, &from));
    assert_eq!(refused(asked).key, "deposit.refusal.no_deposit_demanded");
}

fn an_account_that_no_bank_would_accept_is_refused(engine: Engine) {
    let desk = Desk::new(engine);
    let one = desk.bidder("one");
    type Change = fn(&mut Declared);
    let changes: [(Change, &str); 4] = [
        (|d| d.number = "12".into(), "number"),
        (|d| d.number = "62<>".into(), "number"),
        (|d| d.bank_code = "12345".into(), "bank_code"),
        (|d| d.bank_name = " ".into(), "bank_name"),
    ];
    for (change, field) in changes {
        let mut wrong = declared(&one.who);
        change(&mut wrong);
        let (bidder, name, lot) = (one.who.organisation, one.who.organisation_name.clone(), desk.lot);
        let asked =
            desk.house.act(&one.who, move |act| actions::request_account(act, (bidder, &name), lot, &wrong));
        assert_eq!(refused(asked).field, Some(field));
    }
}

fn money_that_fits_is_credited_and_the_same_file_credits_nothing_more(engine: Engine) {
    let desk = Desk::new(engine);
    let demand = desk.asked(&desk.bidder("one"));
    let lines = [line(&demand, "A1", "200000.00", desk.in_time())];
    let first = desk.import(&lines);
    assert_eq!((first.credited, first.duplicates, first.work_list), (1, 0, 0));
    let again = desk.import(&lines);
    assert_eq!((again.credited, again.duplicates, again.work_list), (0, 1, 0));
    // another file, the same money with other words: still the same money
    let renamed = line(&demand, "A1", "200000.00", desk.in_time()).replace("有限公司", "公司");
    assert_eq!(desk.import(&[renamed]).duplicates, 1);
    let paid = desk.now(&demand);
    assert_eq!((paid.state, paid.held), (State::Paid, Fen(20_000_000)));
    assert_eq!((desk.bank(), desk.held(&demand)), (20_000_000, Fen(20_000_000)));
    assert!(desk.work_list().is_empty());
}

fn a_reference_that_comes_again_with_another_amount_is_a_conflict(engine: Engine) {
    let desk = Desk::new(engine);
    let demand = desk.asked(&desk.bidder("one"));
    desk.import(&[line(&demand, "A1", "200000.00", desk.in_time())]);
    let again = desk.import(&[line(&demand, "A1", "200000.01", desk.in_time())]);
    assert_eq!((again.conflicts.as_slice(), again.work_list), (["A1".to_string()].as_slice(), 0));
    assert_eq!(desk.bank(), 20_000_000);
}

fn a_reference_that_comes_again_with_another_payers_account_is_a_conflict(engine: Engine) {
    let desk = Desk::new(engine);
    let demand = desk.asked(&desk.bidder("one"));
    let whole = line(&demand, "A1", "200000.00", desk.in_time());
    desk.import(std::slice::from_ref(&whole));
    let own = demand.declared.number.clone();
    let again = desk.import(&[whole.replace(&own, "6200000000000000001")]);
    assert_eq!((again.conflicts.as_slice(), again.duplicates), (["A1".to_string()].as_slice(), 0));
    assert_eq!((again.credited, again.work_list), (0, 0));
    // the same account in groups of four, or left out, is no contradiction
    let apart =
        own.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four)).collect::<Vec<_>>().join(" ");
    for written in [apart, String::new()] {
        let same = desk.import(&[whole.replace(&own, &written)]);
        assert_eq!((same.duplicates, same.conflicts.len()), (1, 0), "{written:?}");
    }
    assert_eq!((desk.bank(), desk.held(&demand)), (20_000_000, Fen(20_000_000)));
    // money whose payer the bank names only later: the first to be named is taken as a completion
    let nameless = whole.replace("A1", "A2").replace(&own, "");
    assert_eq!(desk.import(&[nameless]).work_list, 1);
    assert_eq!(desk.import(&[whole.replace("A1", "A2")]).duplicates, 1);
}

fn money_of_a_wrong_payer_waits_for_the_treasurer(engine: Engine) {
    let desk = Desk::new(engine);
    let (one, other) = (desk.bidder("one"), desk.bidder("other"));
    let (demand, paid) = (desk.asked(&one), desk.paid(&other));
    // the other bidder pays for the first
    let foreign = line(&paid, "A1", "200000.00", desk.in_time())
        .replace(paid.account.as_str(), demand.account.as_str());
    assert_eq!(desk.import(&[foreign]).work_list, 1);
    assert_eq!(desk.now(&demand).state, State::Demanded);
    let item = desk.work_list().remove(0);
    assert_eq!(item.outcome, Outcome::Waiting(vec![Reason::WrongPayer]));
    assert_eq!(desk.book().total(Account::Suspense), Fen(-20_000_000));
    let without_reason = Decision { why: " ".into(), ..decision(Resolution::Assign) };
    assert_eq!(refused(desk.resolve(&item, without_reason)).key, "deposit.refusal.reason_missing");
    let assigned = Decision { deposit: Some(demand.id), ..decision(Resolution::Assign) };
    desk.resolve(&item, assigned).unwrap();
    assert_eq!(desk.now(&demand).state, State::Paid);
    assert_eq!(desk.book().total(Account::Suspense), Fen(0));
    // one account paid for two bidders: the sign is there
    let vault = desk.house.door().vault().clone();
    let groups = desk.house.door().read(|db| store::same_payers(db, &vault, desk.lot)).unwrap();
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [2]);
}

fn money_at_the_exact_deadline_is_late_and_can_only_go_back(engine: Engine) {
    let desk = Desk::new(engine);
    let demand = desk.asked(&desk.bidder("one"));
    desk.house.at("2026-03-25 10:00:00");
    desk.import(&[line(&demand, "A1", "200000.00", desk.deadline())]);
    let item = desk.work_list().remove(0);
    assert_eq!(item.outcome, Outcome::Waiting(vec![Reason::Late]));
    let assign = Decision { deposit: Some(demand.id), ..decision(Resolution::Assign) };
    assert_eq!(refused(desk.resolve(&item, assign)).key, "deposit.refusal.late_money");
    desk.resolve(&item, decision(Resolution::SendBack)).unwrap();
    let refunds = desk.refunds();
    assert_eq!((refunds.len(), refunds[0].principal, &refunds[0].to), (1, Fen(20_000_000), &demand.declared));
    assert_eq!(desk.book().total(Account::Payable), Fen(-20_000_000));
    // a moment earlier it would have been in time, although it is imported only now
    desk.import(&[line(&demand, "A2", "200000.00", desk.deadline().plus(-1))]);
    assert_eq!(desk.now(&demand).state, State::Paid);
    desk.book();
}

fn parts_of_a_deposit_add_up_and_what_exceeds_goes_back(engine: Engine) {
    let desk = Desk::new(engine);
    let demand = desk.asked(&desk.bidder("one"));
    desk.import(&[line(&demand, "A1", "150000.00", desk.in_time())]);
    let part = desk.work_list().remove(0);
    assert_eq!(part.outcome, Outcome::Waiting(vec![Reason::Underpaid]));
    let to_it = Decision { deposit: Some(demand.id), ..decision(Resolution::Assign) };
    desk.resolve(&part, to_it.clone()).unwrap();
    let partly = desk.now(&demand);
    assert_eq!(
        (partly.state, partly.held, partly.outstanding()),
        (State::Demanded, Fen(15_000_000), Fen(5_000_000))
    );
    // exactly what is missing is credited at once; here it is a fen too much
    desk.import(&[line(&demand, "A2", "50000.01", desk.in_time())]);
    let more = desk.work_list().remove(0);
    assert_eq!(more.outcome, Outcome::Waiting(vec![Reason::Overpaid]));
    desk.resolve(&more, to_it).unwrap();
    assert_eq!((desk.now(&demand).state, desk.held(&demand)), (State::Paid, Fen(20_000_000)));
    assert_eq!(desk.refunds()[0].principal, Fen(1));
    assert_eq!(desk.bank(), 20_000_001);
}

fn unmatched_money_is_never_lost_and_never_guessed(engine: Engine) {
    let desk = Desk::new(engine);
    let demand = desk.asked(&desk.bidder("one"));
    let good = line(&demand, "A1", "200000.00", desk.in_time());
    let to_main = good.replace(demand.account.as_str(), CENTRE_NUMBER);
    let mistyped = good.replace(demand.account.as_str(), "99880100000000000000").replace("A1", "A2");
    let nameless = format!("{CENTRE_NUMBER},{},A3,in,200000.00,2026-03-20,,,,", demand.account);
    let interest = format!("{CENTRE_NUMBER},{CENTRE_NUMBER},A4,in,12.34,2026-03-20,,,,");
    let charge = format!("{CENTRE_NUMBER},{CENTRE_NUMBER},A5,out,1.50,2026-03-20,,,,");
    let record = desk.import(&[to_main, mistyped, nameless, interest, charge, "x,y".into()]);
    assert_eq!((record.credited, record.work_list, record.bad_lines.len()), (0, 5, 1));
    let list = desk.work_list();
    let reason = |reference: &str| {
        let item = list.iter().find(|item| item.movement.reference == reference).unwrap();
        let Outcome::Waiting(reasons) = &item.outcome else { panic!("{reference} does not wait") };
        (item, reasons.clone())
    };
    assert_eq!(reason("A1").1, [Reason::UnknownAccount]);
    assert_eq!(reason("A2").1, [Reason::CheckDigits]);
    assert_eq!(reason("A3").1, [Reason::PayerUnknown]);
    assert_eq!(reason("A5").1, [Reason::UnknownDebit]);
    assert_eq!(desk.bank(), 60_000_000 + 1234 - 150);
    assert_eq!(
        refused(desk.resolve(reason("A3").0, decision(Resolution::SendBack))).key,
        "deposit.refusal.payee_unknown"
    );
    assert_eq!(
        refused(desk.resolve(reason("A5").0, decision(Resolution::SendBack))).key,
        "deposit.refusal.resolution_does_not_fit"
    );
    assert_eq!(
        refused(desk.resolve(reason("A4").0, decision(Resolution::Charge))).key,
        "deposit.refusal.resolution_does_not_fit"
    );
    desk.resolve(reason("A4").0, decision(Resolution::Interest)).unwrap();
    desk.resolve(reason("A5").0, decision(Resolution::Charge)).unwrap();
    desk.resolve(reason("A1").0, decision(Resolution::SendBack)).unwrap();
    let payee = Some(demand.declared.clone());
    desk.resolve(reason("A3").0, Decision { payee, ..decision(Resolution::SendBack) }).unwrap();
    let book = desk.book();
    assert_eq!((book.total(Account::Interest), book.total(Account::Charges)), (Fen(-1234), Fen(150)));
    assert_eq!(desk.work_list().len(), 1, "the mistyped one still waits");
}

fn an_item_is_settled_once(engine: Engine) {
    let desk = Desk::new(engine);
    let demand = desk.asked(&desk.bidder("one"));
    desk.import(&[line(&demand, "A1", "150000.00", desk.in_time())]);
    let item = desk.work_list().remove(0);
    desk.resolve(&item, decision(Resolution::SendBack)).unwrap();
    let again = desk.resolve(&item, decision(Resolution::SendBack));
    assert_eq!(refused(again).key, "deposit.refusal.already_resolved");
    assert_eq!(desk.refunds().len(), 1);
    desk.book();
}

fn concurrent_imports_of_the_same_money_credit_it_once(engine: Engine) {
    let desk = Desk::new(engine);
    let demands: Vec<_> = (0..4).map(|i| desk.asked(&desk.bidder(&format!("bidder-{i}")))).collect();
    let lines: Vec<String> = demands
        .iter()
        .enumerate()
        .map(|(i, demand)| line(demand, &format!("A{i}"), "200000.00", desk.in_time()))
        .collect();
    let (door, treasurer, text) = (desk.house.door(), &desk.treasurer.who, csv(&lines));
    let records: Vec<_> = std::thread::scope(|scope| {
        let import = || {
            let read = actions::read_notice("n.csv", text.as_bytes()).unwrap();
            door.write(treasurer.actor(), move |act| actions::import(act, "t", &read)).unwrap().value
        };
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(import)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let credited: u32 = records.iter().map(|record| record.credited).sum();
    let duplicates: u32 = records.iter().map(|record| record.duplicates).sum();
    assert_eq!((credited, duplicates), (4, 20));
    assert_eq!(desk.bank(), 80_000_000);
    assert!(demands.iter().all(|demand| desk.now(demand).state == State::Paid));
}

fn a_notice_about_another_account_is_refused(engine: Engine) {
    let desk = Desk::new(engine);
    let demand = desk.asked(&desk.bidder("one"));
    let foreign = line(&demand, "A1", "200000.00", desk.in_time()).replacen(CENTRE_NUMBER, "12345678", 1);
    let read = actions::read_notice("n.csv", csv(&[foreign]).as_bytes()).unwrap();
    let done = desk.house.act(&desk.treasurer.who, move |act| actions::import(act, "t", &read));
    assert_eq!(refused(done).key, "deposit.refusal.foreign_account");
    assert_eq!(desk.bank(), 0);
    let empty = actions::read_notice("n.csv", csv(&[]).as_bytes()).unwrap_err();
    assert_eq!(empty, crate::deposit::rules::Refusal::NothingToImport);
}

fn money_for_a_cancelled_tender_is_not_a_deposit(engine: Engine) {
    let desk = Desk::new(engine);
    let demand = desk.asked(&desk.bidder("one"));
    let (entity, lot) = (desk.staff.entity.who.clone(), desk.lot);
    desk.house
        .act(&entity.clone(), move |act| crate::project::actions::cancel(act, &entity, lot, "资金未落实"))
        .unwrap();
    desk.import(&[line(&demand, "A1", "200000.00", desk.in_time())]);
    assert_eq!(desk.work_list()[0].outcome, Outcome::Waiting(vec![Reason::NotAwaited]));
    assert_eq!(desk.now(&demand).state, State::Demanded);
    desk.book();
}

/// Dumps every column of every deposit table and of the log, and looks for what must not be there.
fn nothing_in_the_database_links_a_bidder_to_a_lot(engine: Engine) {
    let desk = Desk::new(engine);
    let one = desk.bidder("one");
    let demand = desk.paid(&one);
    desk.asked(&desk.bidder("other"));
    let mut dump: Vec<u8> = Vec::new();
    let mut add = |rows: Vec<(String, Vec<u8>)>| {
        for (text, bytes) in rows {
            dump.extend(text.into_bytes());
            dump.extend(bytes);
        }
    };
    desk.house
        .door()
        .read(|db| {
            use store::{deposit_demand as d, deposit_movement as m, deposit_posting as p};
            add(d::table
                .select((d::id.concat(d::tag).concat(d::account_tag).concat(d::bidder_tag), d::sealed))
                .load(db)?);
            assert_eq!(d::table.filter(d::lot_tag.is_not_null()).count().get_result::<i64>(db)?, 0);
            add(m::table.select((m::id.concat(m::key_tag), m::sealed)).load(db)?);
            let lines: Vec<Vec<u8>> = p::table.select(p::sealed).load(db)?;
            add(lines.iter().map(|line| (String::new(), line.clone())).collect());
            let lengths: std::collections::BTreeSet<usize> = d::table
                .select(d::sealed)
                .load::<Vec<u8>>(db)?
                .iter()
                .chain(&m::table.select(m::sealed).load::<Vec<u8>>(db)?)
                .map(Vec::len)
                .collect();
            assert_eq!(lengths.len(), 1, "not even lengths tell rows apart: {lengths:?}");
            Ok::<_, crate::platform::refusal::Fault>(())
        })
        .unwrap();
    let found = |text: &str| dump.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(found(&demand.id.to_string()), "the dump is the right one");
    for secret in [
        desk.lot.to_string(),
        one.who.organisation.to_string(),
        one.who.organisation_name.clone(),
        demand.account.to_string(),
        demand.declared.number.clone(),
        "20000000".into(),
        "200000.00".into(),
    ] {
        assert!(!found(&secret), "{secret} stands in the database");
    }
}
