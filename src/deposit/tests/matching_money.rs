//! Which money pays which deposit.

use crate::deposit::bank_notice::{Arrival, Direction, Movement, Payer};
use crate::deposit::matching::{Expected, Finding, Reason, judge, same_account, same_name};
use crate::deposit::virtual_account::{BankRange, VirtualAccount};
use crate::platform::moment::{Deadline, Moment};
use crate::platform::money::Fen;
use proptest::prelude::*;

fn range() -> BankRange {
    BankRange::parse("998801").unwrap()
}

fn deadline() -> Moment {
    Moment::parse_beijing("2026-11-02T09:30").unwrap()
}

fn expected() -> Expected {
    Expected {
        awaited: true,
        outstanding: Fen(18_000_000),
        deadline: Deadline(deadline()),
        bidder_name: "甬江建设（集团）有限公司".into(),
        bidder_account: "6200 9876 5432".into(),
    }
}

fn payment() -> Movement {
    Movement {
        account: "3300".into(),
        paid_to: VirtualAccount::choose(&range(), [7; 16]).to_string(),
        reference: "A".into(),
        direction: Direction::In,
        amount: Fen(18_000_000),
        arrival: Arrival::At(deadline().plus(-1)),
        payer: Payer {
            name: Some("甬江建设(集团)有限公司".into()),
            account: Some("620098765432".into()),
            ..Payer::default()
        },
        end_to_end: None,
        remark: None,
        line: 1,
    }
}

fn check(change: impl Fn(&mut Movement, &mut Expected), reasons: &[Reason]) {
    let (mut movement, mut expected) = (payment(), expected());
    change(&mut movement, &mut expected);
    let found = judge(&movement, Some(&expected), &range());
    let wanted = if reasons.is_empty() { Finding::Pays } else { Finding::WorkList(reasons.to_vec()) };
    assert_eq!(found, wanted);
}

#[test]
fn money_that_fits_entirely_pays_the_deposit() {
    check(|_, _| {}, &[]);
}

#[test]
fn money_booked_at_the_exact_deadline_is_late() {
    check(|m, _| m.arrival = Arrival::At(deadline()), &[Reason::Late]);
    check(|m, _| m.arrival = Arrival::At(deadline().plus(-1)), &[]);
}

#[test]
fn a_booking_date_without_a_time_is_uncertain_on_the_day_of_the_deadline() {
    let on = |day: &str| Arrival::On(day.parse().unwrap());
    check(|m, _| m.arrival = on("2026-11-01"), &[]);
    check(|m, _| m.arrival = on("2026-11-02"), &[Reason::TimeUncertain]);
    check(|m, _| m.arrival = on("2026-11-03"), &[Reason::Late]);
    check(|m, _| m.arrival = Arrival::Unknown, &[Reason::TimeUncertain]);
}

#[test]
fn every_reason_is_named_not_only_the_first() {
    check(
        |m, _| {
            m.amount = Fen(17_999_999);
            m.payer.name = Some("别家建设有限公司".into());
            m.arrival = Arrival::At(deadline());
        },
        &[Reason::WrongPayer, Reason::Late, Reason::Underpaid],
    );
    check(|m, _| m.amount = Fen(18_000_001), &[Reason::Overpaid]);
    check(|_, e| e.awaited = false, &[Reason::NotAwaited]);
}

#[test]
fn the_payer_must_be_the_bidder_and_pay_from_the_declared_account() {
    check(|m, _| m.payer.account = Some("1".into()), &[Reason::OtherAccount]);
    check(|m, _| m.payer.account = None, &[Reason::PayerUnknown]);
    check(|m, _| m.payer.name = None, &[Reason::PayerUnknown]);
    check(|m, _| m.payer.name = Some("甬江建设集团有限公司".into()), &[Reason::WrongPayer]);
}

#[test]
fn a_name_in_the_remark_or_a_fitting_amount_never_matches_money() {
    let mut movement = payment();
    movement.paid_to = "3300".into();
    movement.remark = Some("甬江建设（集团）有限公司 投标保证金".into());
    assert_eq!(judge(&movement, None, &range()), Finding::WorkList(vec![Reason::UnknownAccount]));
}

#[test]
fn a_mistyped_number_is_told_from_a_number_that_is_not_ours() {
    let mut movement = payment();
    movement.paid_to = "99880100000000000000".into();
    assert_eq!(judge(&movement, None, &range()), Finding::WorkList(vec![Reason::CheckDigits]));
    movement.paid_to = "12345678901234567890".into();
    assert_eq!(judge(&movement, None, &range()), Finding::WorkList(vec![Reason::UnknownAccount]));
}

#[test]
fn money_that_goes_out_is_never_a_deposit() {
    let mut movement = payment();
    movement.direction = Direction::Out;
    assert_eq!(judge(&movement, Some(&expected()), &range()), Finding::WorkList(vec![Reason::UnknownDebit]));
}

#[test]
fn names_are_compared_as_written_alike_and_never_guessed() {
    assert!(same_name("ＡＢＣ　建设（集团）", "abc建设(集团)"));
    assert!(!same_name("甬江建设", "甬江建设有限公司"));
    assert!(!same_name("", ""));
    assert!(same_account("6200-98 76", "62009876"));
    assert!(!same_account("", " "));
}

#[test]
fn the_number_of_the_format_page_is_the_one_that_is_made() {
    assert_eq!(VirtualAccount::choose(&range(), [0; 16]).as_str(), "99880100000000000037");
    assert_eq!(VirtualAccount::choose(&range(), [0; 16]).grouped(), "9988 0100 0000 0000 0037");
}

proptest! {
    #[test]
    fn a_number_reads_back_and_one_wrong_digit_or_swap_is_caught(
        random in any::<[u8; 16]>(), place in 0usize..20, other in 1u8..10,
    ) {
        let number = VirtualAccount::choose(&range(), random);
        prop_assert_eq!(VirtualAccount::parse(&number.grouped()), Some(number.clone()));
        prop_assert!(range().holds(number.as_str()));
        let mut wrong = number.as_str().as_bytes().to_vec();
        wrong[place] = b'0' + (wrong[place] - b'0' + other) % 10;
        prop_assert_eq!(VirtualAccount::parse(std::str::from_utf8(&wrong).unwrap()), None);
        let mut swapped = number.as_str().as_bytes().to_vec();
        let next = (place + 1) % 20;
        swapped.swap(place, next);
        if place != 19 && swapped != number.as_str().as_bytes() {
            prop_assert_eq!(VirtualAccount::parse(std::str::from_utf8(&swapped).unwrap()), None);
        }
    }

    #[test]
    fn only_the_whole_and_punctual_amount_pays(amount in 1i64..40_000_000, shift in -5i64..5) {
        let (mut movement, expected) = (payment(), expected());
        movement.amount = Fen(amount);
        movement.arrival = Arrival::At(deadline().plus(shift));
        let pays = judge(&movement, Some(&expected), &range()) == Finding::Pays;
        prop_assert_eq!(pays, amount == 18_000_000 && shift < 0);
    }
}
