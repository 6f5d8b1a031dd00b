//! Windows, standing and answers under both rulebooks.

use crate::objection::rules::*;
use crate::platform::calendar::Calendar;
use crate::platform::moment::Moment;
use crate::project::rulebook::{Rulebook, RulebookId};

fn book(id: &str) -> &'static Rulebook {
    Rulebook::find(&RulebookId::parse(id).unwrap()).unwrap()
}

fn at(text: &str) -> Moment {
    Moment::parse_beijing(text).unwrap()
}

fn facts() -> Facts {
    Facts {
        announced_at: Some(at("2025-09-01T09:00")),
        documents_from: at("2025-09-01T09:00"),
        bids_until: at("2025-09-22T09:30"),
        displayed: None,
        result_published_at: None,
    }
}

fn window_of(id: &str, subject: Subject, facts: &Facts) -> Option<Window> {
    window(book(id), subject, facts, Calendar::official()).unwrap()
}

#[test]
fn e13_the_documents_may_be_objected_to_until_ten_days_before_the_deadline() {
    let window = window_of("works-open-2026", Subject::Documents, &facts()).unwrap();
    // the whole of 12 September is still in time
    assert_eq!(window.until.beijing(), "2025-09-13 00:00:00");
    let file = |now: &str| may_file(Subject::Documents, Standing::TookDocuments, Some(&window), at(now));
    assert_eq!(file("2025-09-12T23:59:59"), Ok(()));
    assert!(matches!(file("2025-09-13T00:00:00"), Err(Refusal::TooLate { .. })));
    assert!(matches!(file("2025-09-01T08:59:59"), Err(Refusal::NotYet { .. })));
}

#[test]
fn in_procurement_the_documents_may_be_challenged_for_seven_working_days_after_the_notice_period() {
    // notice until Monday 8 September, then seven working days
    let window = window_of("procurement-open-2026", Subject::Documents, &facts()).unwrap();
    assert_eq!(window.until.beijing(), "2025-09-18 00:00:00");
}

#[test]
fn in_tendering_the_result_may_be_objected_to_while_the_candidates_are_on_display() {
    let mut facts = facts();
    assert_eq!(window_of("works-open-2026", Subject::Result, &facts), None);
    let not_yet = may_file(Subject::Result, Standing::Bid, None, at("2025-09-23T09:00"));
    assert_eq!(not_yet, Err(Refusal::NotYet { subject: Subject::Result }));
    facts.displayed = Some((at("2025-09-23T09:00"), at("2025-09-27T00:00")));
    let window = window_of("works-open-2026", Subject::Result, &facts).unwrap();
    let file = |now: &str| may_file(Subject::Result, Standing::Bid, Some(&window), at(now));
    assert_eq!(file("2025-09-26T23:59"), Ok(()));
    assert!(matches!(file("2025-09-27T00:00"), Err(Refusal::TooLate { .. })));
}

#[test]
fn in_procurement_the_result_may_be_challenged_for_seven_working_days_after_the_notice_ends() {
    let mut facts = facts();
    facts.displayed = Some((at("2025-09-10T09:00"), at("2025-09-11T00:00")));
    assert_eq!(window_of("procurement-open-2026", Subject::Result, &facts), None);
    facts.result_published_at = Some(at("2025-09-10T15:00"));
    // the notice ends on the 11th; seven working days later is the 22nd
    let window = window_of("procurement-open-2026", Subject::Result, &facts).unwrap();
    assert_eq!(window.until.beijing(), "2025-09-23 00:00:00");
}

#[test]
fn only_who_took_the_documents_or_bid_has_standing() {
    let window =
        Window { from: at("2025-09-01T00:00"), until: at("2025-10-01T00:00"), article: String::new() };
    let now = at("2025-09-10T00:00");
    let file = |subject, standing| may_file(subject, standing, Some(&window), now);
    assert_eq!(file(Subject::Documents, Standing::TookDocuments), Ok(()));
    assert_eq!(file(Subject::Documents, Standing::Bid), Ok(()));
    assert_eq!(file(Subject::Result, Standing::Bid), Ok(()));
    for (subject, standing) in [
        (Subject::Documents, Standing::None),
        (Subject::Result, Standing::TookDocuments),
        (Subject::Result, Standing::None),
    ] {
        assert_eq!(file(subject, standing), Err(Refusal::NoStanding { subject }));
    }
}

#[test]
fn answers_are_due_in_three_days_or_seven_working_days() {
    let due = |id: &str| {
        answer_due(book(id), Subject::Result, at("2025-09-10T15:00"), Calendar::official()).unwrap()
    };
    // the 13th is a Saturday, so that the third day rolls to Monday
    assert_eq!(due("works-open-2026").0.beijing(), "2025-09-16 00:00:00");
    assert_eq!(due("procurement-open-2026").0.beijing(), "2025-09-20 00:00:00");
    assert!(due("works-open-2026").1.contains("第五十四条"));
}

#[test]
fn only_tendering_suspends_until_the_answer() {
    assert!(suspends(book("works-open-2026")));
    assert!(!suspends(book("procurement-open-2026")));
}

#[test]
fn codes_are_read_back_and_texts_have_bounds() {
    for subject in Subject::ALL {
        assert_eq!(Subject::from_code(subject.code()), Some(subject));
    }
    for outcome in Outcome::ALL {
        assert_eq!(Outcome::from_code(outcome.code()), Some(outcome));
    }
    assert!(check_text("第二章的资质条件排斥了潜在投标人。", "text").is_ok());
    assert_eq!(check_text("  太短  ", "text"), Err(Refusal::TextTooShort { field: "text" }));
    assert!(check_text(&"长".repeat(TEXT_MAX + 1), "text").is_err());
}
