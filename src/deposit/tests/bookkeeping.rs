//! States, caps, interest, and the book that balances.

use crate::deposit::bank_notice::{Arrival, Direction, Movement, Payer};
use crate::deposit::double_entry::{Account, Book, Entry, Posting, Unbalanced};
use crate::deposit::rules::*;
use crate::platform::moment::{Deadline, Moment};
use crate::platform::money::Fen;
use crate::platform::refusal::Refused;
use proptest::prelude::*;
use rust_decimal::Decimal;

#[test]
fn the_states_allow_exactly_these_steps() {
    use State::*;
    use Step::*;
    let steps = [Complete, Freeze, Release, Instruct, Confirm, Return, Forfeit];
    let lawful = [
        (Demanded, Complete, Paid),
        (Demanded, Release, RefundDue),
        (Paid, Freeze, Frozen),
        (RefundDue, Freeze, Frozen),
        (Paid, Release, RefundDue),
        (Frozen, Release, RefundDue),
        (Frozen, Forfeit, Forfeited),
        (RefundDue, Instruct, Instructed),
        (Instructed, Confirm, Refunded),
        (Instructed, Return, RefundDue),
    ];
    for state in State::ALL {
        for step in steps {
            let expected =
                lawful.iter().find(|(from, by, _)| (*from, *by) == (state, step)).map(|(_, _, to)| *to);
            assert_eq!(state.after(step, Fen(1)).ok(), expected, "{state:?} {step:?}");
        }
        assert_eq!(State::from_code(state.code()), Some(state));
        assert!(!state.is_final() || steps.iter().all(|step| state.after(*step, Fen(1)).is_err()));
    }
    assert!(Demanded.after(Release, Fen(0)).is_err(), "an unpaid demand has nothing to give back");
}

#[test]
fn a_demand_above_the_cap_is_refused_with_the_article() {
    let cap = Fen(60_000_000);
    assert!(check_demand(cap, cap, "x").is_ok());
    let refused: Refused =
        check_demand(Fen(60_000_001), cap, "招标投标法实施条例 第二十六条").unwrap_err().into();
    assert_eq!(refused.status, 422);
    assert_eq!(refused.article.as_deref(), Some("招标投标法实施条例 第二十六条"));
    assert!(refused.with.contains(&("cap", "600,000.00".to_string())));
    assert_eq!(check_demand(Fen(0), cap, "x"), Err(Refusal::AmountNotPositive));
}

#[test]
fn overdue_interest_is_that_of_example_e10_with_either_day_base() {
    let rate = Decimal::new(435, 2) * Decimal::new(12, 1); // 4.35 % x 1.2
    let principal = Fen(10_000_000);
    assert_eq!(interest(principal, 30, rate, 360), Some(Fen(43_500)));
    assert_eq!(interest(principal, 30, rate, 365), Some(Fen(42_904)));
    assert_eq!(interest(Fen(1), 180, Decimal::ONE_HUNDRED, 360), Some(Fen(1)), "half a fen rounds up");
    assert_eq!(interest(principal, 0, rate, 360), Some(Fen(0)));
    assert_eq!(interest(principal, 1, rate, 0), None);
}

#[test]
fn one_account_that_paid_for_two_bidders_is_signalled() {
    let paid = |bidder: u8, account: &str| (bidder, account.to_string());
    let payers =
        [paid(1, "6200 1"), paid(2, "7"), paid(3, "62001"), paid(2, "7"), paid(4, "8"), paid(5, "62001")];
    assert_eq!(same_payer(&payers), [vec![0, 2, 5]], "bidder 2 paying twice himself is no signal");
}

fn moved(amount: i64, direction: Direction, arrival: Arrival) -> Movement {
    Movement {
        account: "3300".into(),
        paid_to: "99".into(),
        reference: "A".into(),
        direction,
        amount: Fen(amount),
        arrival,
        payer: Payer::default(),
        end_to_end: None,
        remark: None,
        line: 1,
    }
}

#[test]
fn assigned_money_fills_the_deposit_and_the_rest_goes_back() {
    let deadline = Moment::parse_beijing("2026-11-02T09:30").unwrap();
    let early = Arrival::At(deadline.plus(-1));
    let divide = |amount, arrival| {
        assign(&moved(amount, Direction::In, arrival), Fen(100), Deadline(deadline))
            .map(|d| (d.to_deposit.0, d.back.0, d.completes))
    };
    assert_eq!(divide(40, early), Ok((40, 0, false)));
    assert_eq!(divide(100, early), Ok((100, 0, true)));
    assert_eq!(divide(130, early), Ok((100, 30, true)));
    assert_eq!(divide(100, Arrival::At(deadline)), Err(Refusal::LateMoneyCanNotBeAssigned));
    assert_eq!(
        divide(100, Arrival::On(deadline.beijing_date())),
        Ok((100, 0, true)),
        "the treasurer attests the time"
    );
    let out = moved(100, Direction::Out, early);
    assert_eq!(assign(&out, Fen(100), Deadline(deadline)), Err(Refusal::ResolutionDoesNotFit));
    let full = assign(&moved(1, Direction::In, early), Fen(0), Deadline(deadline));
    assert_eq!(full, Err(Refusal::NothingOutstanding));
}

fn posting(account: Account, part: &str, amount: i64) -> Posting {
    Posting { account, part: part.into(), amount: Fen(amount) }
}

#[test]
fn an_entry_that_does_not_balance_can_not_be_made() {
    use Account::*;
    let refused = |postings: Vec<Posting>| Entry::new(postings).unwrap_err();
    assert_eq!(refused(vec![posting(Bank, "", 1)]), Unbalanced::Count);
    assert_eq!(refused(vec![posting(Bank, "", 2), posting(Held, "a", -1)]), Unbalanced::Sum);
    assert_eq!(refused(vec![posting(Bank, "", 0), posting(Held, "a", 0)]), Unbalanced::Zero);
    assert_eq!(refused(vec![posting(Bank, "x", 1), posting(Held, "a", -1)]), Unbalanced::Part);
    assert_eq!(refused(vec![posting(Bank, "", 1), posting(Held, "", -1)]), Unbalanced::Part);
    let huge = vec![posting(Bank, "", i64::MAX), posting(Bank, "", i64::MAX), posting(Held, "a", -2)];
    assert_eq!(refused(huge), Unbalanced::Sum, "sums must not wrap around");
}

#[test]
fn the_trial_balance_shows_money_that_is_owed_less_than_nothing() {
    let mut book = Book::default();
    book.post(&credited("d", Fen(100)).unwrap());
    assert!(book.trial().balances());
    assert_eq!((book.trial().debit, book.trial().credit), (Fen(100), Fen(100)));
    book.post(&Entry::of((Account::Held, "d"), (Account::Payable, "r"), Fen(150)).unwrap());
    let trial = book.trial();
    assert_eq!(trial.impossible, [(Account::Held, "d".to_string())]);
    assert!(!trial.balances());
}

#[test]
fn a_single_posting_brings_the_trial_balance_out() {
    let mut book = Book::default();
    book.post(&credited("d", Fen(100)).unwrap());
    book.add(&posting(Account::Bank, "", 1));
    assert!(!book.trial().balances());
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let part = prop_oneof![Just("a"), Just("b"), Just("c")];
    (part, 1i64..1_000_000_000, 0u8..6).prop_map(|(part, amount, kind)| {
        let amount = Fen(amount);
        match kind {
            0 => credited(part, amount),
            1 => suspended(part, Direction::In, amount),
            2 => suspended(part, Direction::Out, amount),
            3 => Entry::of((Account::Held, part), (Account::Payable, part), amount),
            4 => Entry::of((Account::Payable, part), (Account::Bank, ""), amount),
            _ => Entry::of((Account::Held, part), (Account::Forfeited, ""), amount),
        }
        .unwrap()
    })
}

proptest! {
    #[test]
    fn any_entries_keep_debits_equal_to_credits(entries in proptest::collection::vec(any_entry(), 0..60)) {
        let mut book = Book::default();
        let mut undone = Book::default();
        for entry in &entries {
            book.post(entry);
            undone.post(entry);
        }
        let trial = book.trial();
        prop_assert_eq!(trial.debit, trial.credit);
        let owed: i64 = Account::ALL.iter().filter(|a| **a != Account::Bank).map(|a| book.total(*a).0).sum();
        prop_assert_eq!(book.total(Account::Bank).0, -owed, "the bank holds what is owed");
        for entry in entries.iter().rev() {
            undone.post(&entry.reversed());
        }
        prop_assert!(Account::ALL.iter().all(|a| undone.total(*a) == Fen(0)));
    }
}
