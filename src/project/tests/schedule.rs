//! Schedules and amendments against both rulebooks.

use chrono::NaiveDate;

use crate::platform::calendar::{Calendar, Period};
use crate::platform::moment::{DAY, HOUR, Moment};
use crate::platform::refusal::Refused;
use crate::project::rulebook::{Rulebook, RulebookId};
use crate::project::rules::{Refusal, ScheduleRule};
use crate::project::schedule::*;

fn book(id: &str) -> &'static Rulebook {
    Rulebook::find(&RulebookId::parse(id).unwrap()).unwrap()
}

fn works() -> &'static Rulebook {
    book("works-open-2026")
}

fn at(text: &str) -> Moment {
    Moment::parse_beijing(text).unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn schedule(from: &str, until: &str, questions: &str, bids: &str) -> Schedule {
    Schedule {
        documents_from: at(from),
        documents_until: at(until),
        questions_until: at(questions),
        bids_until: at(bids),
    }
}

/// Example E13: documents issued on 2025-09-01, bids due on 2025-09-22.
fn e13() -> Schedule {
    schedule("2025-09-01T09:00", "2025-09-22T09:30", "2025-09-05T17:00", "2025-09-22T09:30")
}

fn refusals(book: &Rulebook, schedule: &Schedule) -> Vec<Refusal> {
    check_schedule(book, Calendar::official(), schedule).err().unwrap_or_default()
}

fn earliest(refusals: &[Refusal], wanted: ScheduleRule) -> Option<NaiveDate> {
    refusals.iter().find_map(|refusal| match refusal {
        Refusal::TooEarly { rule, earliest, .. } if *rule == wanted => Some(*earliest),
        _ => None,
    })
}

#[test]
fn twenty_days_that_end_on_a_sunday_make_monday_the_earliest_deadline() {
    assert_eq!(refusals(works(), &e13()), []);
    let sunday =
        Schedule { bids_until: at("2025-09-21T09:30"), documents_until: at("2025-09-21T09:30"), ..e13() };
    let found = refusals(works(), &sunday);
    assert_eq!(earliest(&found, ScheduleRule::BidPreparation), Some(day("2025-09-22")));
}

#[test]
fn a_refusal_names_rule_article_field_and_earliest_day() {
    let short =
        Schedule { bids_until: at("2025-09-12T09:30"), documents_until: at("2025-09-12T09:30"), ..e13() };
    let found = refusals(works(), &short);
    assert_eq!(found.len(), 1);
    let refused: Refused = found[0].clone().into();
    assert_eq!(refused.key, "project.refusal.bid_preparation_too_short");
    assert_eq!(refused.article.as_deref(), Some("招标投标法 第二十四条"));
    assert_eq!(refused.field, Some("bids_until"));
    assert!(refused.with.contains(&("earliest", "2025-09-22".into())));
    assert!(refused.with.contains(&("period", "20 日".into())));
}

#[test]
fn the_last_day_for_a_clarification_and_for_an_objection_are_those_of_example_e13() {
    let calendar = Calendar::official();
    assert_eq!(last_clarification_day(works(), calendar, &e13()), Ok(day("2025-09-07")));
    let objections = document_objections_until(works(), calendar, &e13(), at("2025-09-02T08:00")).unwrap();
    assert_eq!(objections, at("2025-09-13T00:00"), "the whole of the 12th is in time");
}

#[test]
fn a_clarification_on_the_tenth_moves_the_deadline_to_the_twenty_fifth_at_the_same_hour() {
    let calendar = Calendar::official();
    let moved = deadline_after_amendment(works(), calendar, &e13(), at("2025-09-10T16:00")).unwrap();
    assert_eq!(moved, at("2025-09-25T09:30"));
    let kept = deadline_after_amendment(works(), calendar, &e13(), at("2025-09-07T23:59")).unwrap();
    assert_eq!(kept, e13().bids_until);
    let next_day = deadline_after_amendment(works(), calendar, &e13(), at("2025-09-08T00:00")).unwrap();
    assert_eq!(next_day, at("2025-09-23T09:30"));
}

#[test]
fn documents_are_issued_for_calendar_days_in_works_and_working_days_in_procurement() {
    let until = |text: &str| Schedule { documents_until: at(text), ..e13() };
    // five calendar days end on Saturday the 6th, which rolls to Monday the 8th
    let found = refusals(works(), &until("2025-09-07T18:00"));
    assert_eq!(earliest(&found, ScheduleRule::DocumentIssue), Some(day("2025-09-08")));
    assert_eq!(refusals(works(), &until("2025-09-08T00:00")), []);
    let wednesday = Schedule {
        documents_from: at("2025-09-03T09:00"),
        bids_until: at("2025-09-24T09:30"),
        ..until("2025-09-09T18:00")
    };
    assert_eq!(refusals(works(), &wednesday), []);
    let found = refusals(book("procurement-open-2026"), &wednesday);
    assert_eq!(earliest(&found, ScheduleRule::DocumentIssue), Some(day("2025-09-10")));
}

#[test]
fn all_violations_are_named_at_once() {
    let hasty = schedule("2025-09-01T09:00", "2025-09-03T09:00", "2025-09-02T09:00", "2025-09-04T09:00");
    let found = refusals(book("procurement-open-2026"), &hasty);
    for rule in [ScheduleRule::DocumentIssue, ScheduleRule::BidPreparation, ScheduleRule::NoticePeriod] {
        assert!(earliest(&found, rule).is_some(), "{rule:?}");
    }
}

#[test]
fn dates_in_the_wrong_order_are_refused() {
    let questions_late = Schedule { questions_until: at("2025-09-22T09:31"), ..e13() };
    assert_eq!(
        refusals(works(), &questions_late),
        [Refusal::TooLate { field: "questions_until", limit: e13().bids_until }]
    );
    let backwards = Schedule { questions_until: e13().documents_from, ..e13() };
    assert_eq!(
        refusals(works(), &backwards),
        [Refusal::OutOfOrder { field: "questions_until", after: e13().documents_from }]
    );
}

#[test]
fn a_schedule_into_a_year_without_a_table_is_uncertain() {
    let far = schedule("2026-12-20T09:00", "2027-01-20T09:30", "2026-12-25T17:00", "2027-01-20T09:30");
    assert_eq!(refusals(works(), &far), [Refusal::CalendarUncertain { year: 2027 }]);
}

#[test]
fn a_notice_may_go_out_later_on_the_day_its_documents_begin_but_not_on_the_next() {
    let announce = |now: &str| check_announcement(works(), Calendar::official(), &e13(), at(now));
    assert_eq!(announce("2025-08-28T10:00"), Ok(()));
    assert_eq!(announce("2025-09-01T23:59"), Ok(()));
    let late = announce("2025-09-02T00:00").unwrap_err();
    assert!(matches!(late[0], Refusal::InThePast { field: "documents_from", .. }));
}

#[test]
fn an_amendment_may_put_the_deadline_off_but_never_bring_it_forward() {
    let amend = |new: &Schedule, weight, now: &str| {
        check_amendment(works(), Calendar::official(), (&e13(), new), weight, at(now))
    };
    let later = Schedule { bids_until: at("2025-09-25T09:30"), ..e13() };
    assert_eq!(amend(&later, Weight::AffectsBids, "2025-09-10T10:00"), Ok(()));
    assert_eq!(amend(&e13(), Weight::Editorial, "2025-09-20T10:00"), Ok(()));
    let long = Schedule { bids_until: at("2025-10-20T09:30"), ..e13() };
    let back = check_amendment(
        works(),
        Calendar::official(),
        (&long, &e13()),
        Weight::Editorial,
        at("2025-09-05T10:00"),
    );
    assert_eq!(back, Err(vec![Refusal::DeadlineBroughtForward { was: long.bids_until }]));
    let found = amend(&e13(), Weight::AffectsBids, "2025-09-10T10:00").unwrap_err();
    assert_eq!(earliest(&found, ScheduleRule::Clarification), Some(day("2025-09-25")));
}

#[test]
fn an_amendment_cannot_change_when_the_documents_began() {
    let moved =
        Schedule { documents_from: at("2025-09-02T09:00"), bids_until: at("2025-09-30T09:30"), ..e13() };
    let amend = |now: &str| {
        check_amendment(works(), Calendar::official(), (&e13(), &moved), Weight::Editorial, at(now))
    };
    assert_eq!(amend("2025-08-30T10:00"), Ok(()));
    assert_eq!(amend("2025-09-01T09:00"), Err(vec![Refusal::IssueHasBegun { was: e13().documents_from }]));
}

#[test]
fn the_deadline_after_an_amendment_is_always_lawful() {
    let calendar = Calendar::official();
    for hours in 0..(20 * 24) {
        let now = e13().documents_from.plus(hours * HOUR);
        let bids_until = deadline_after_amendment(works(), calendar, &e13(), now).unwrap();
        let new = Schedule { bids_until, ..e13() };
        let checked = check_amendment(works(), calendar, (&e13(), &new), Weight::AffectsBids, now);
        assert_eq!(checked, Ok(()), "{}", now.beijing());
        let tighter = Schedule { bids_until: bids_until.plus(-DAY), ..new };
        assert!(check_amendment(works(), calendar, (&e13(), &tighter), Weight::AffectsBids, now).is_err());
    }
}

#[test]
fn questions_and_bids_at_the_exact_deadline_are_late() {
    let schedule = e13();
    assert!(schedule.bid_deadline().is_open(schedule.bids_until.plus(-1)));
    assert!(!schedule.bid_deadline().is_open(schedule.bids_until));
    assert!(!schedule.question_deadline().is_open(schedule.questions_until));
    assert!(schedule.issues_documents(schedule.documents_from));
    assert!(!schedule.issues_documents(schedule.documents_until));
}

#[test]
fn a_schedule_is_read_back_from_its_document_and_unknown_fields_are_refused() {
    let text = serde_json::to_string(&e13()).unwrap();
    assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), e13());
    let more = text.replace("{", "{\"extra\":1,");
    assert!(serde_json::from_str::<Schedule>(&more).is_err());
    assert_eq!(Period::calendar(5).chinese(), "5 日");
}
