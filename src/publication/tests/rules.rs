//! Periods, awards and refunds under both rulebooks.

use crate::platform::calendar::Calendar;
use crate::platform::moment::Moment;
use crate::project::rulebook::{Rulebook, RulebookId};
use crate::publication::rules::*;

fn book(id: &str) -> &'static Rulebook {
    Rulebook::find(&RulebookId::parse(id).unwrap()).unwrap()
}

fn works() -> &'static Rulebook {
    book("works-open-2026")
}

fn procurement() -> &'static Rulebook {
    book("procurement-open-2026")
}

fn at(text: &str) -> Moment {
    Moment::parse_beijing(text).unwrap()
}

fn calendar() -> &'static Calendar {
    Calendar::official()
}

fn facts(display: Option<Display>) -> AwardFacts {
    let candidates = ["b6", "b5", "b7"].map(String::from).to_vec();
    AwardFacts { candidates, displayed: display.is_some(), display, unanswered: 0 }
}

fn displayed() -> Display {
    candidate_display(works(), at("2026-11-02T15:00"), calendar()).unwrap().unwrap()
}

#[test]
fn candidates_are_displayed_within_three_days_for_three_days_and_the_first_day_is_not_counted() {
    let due = candidates_due(works(), at("2026-11-02T10:00"), calendar()).unwrap().unwrap();
    assert_eq!(due.by.beijing(), "2026-11-06 00:00:00");
    assert_eq!(displayed().until.beijing(), "2026-11-06 00:00:00");
    assert!(displayed().article.contains("第五十四条"));
}

#[test]
fn a_display_that_would_end_on_a_day_off_runs_on_to_the_next_working_day() {
    // the third day is Sunday 8 November 2026
    let display = candidate_display(works(), at("2026-11-05T09:00"), calendar()).unwrap().unwrap();
    assert_eq!(display.until.beijing(), "2026-11-10 00:00:00");
}

#[test]
fn procurement_displays_no_candidates_but_a_result_for_one_working_day() {
    let moment = at("2026-11-06T15:00");
    assert_eq!(candidate_display(procurement(), moment, calendar()), Ok(None));
    assert_eq!(candidates_due(procurement(), moment, calendar()), Ok(None));
    // from Friday to Monday
    let display = result_display(procurement(), moment, calendar()).unwrap().unwrap();
    assert_eq!(display.until.beijing(), "2026-11-10 00:00:00");
    assert_eq!(result_display(works(), moment, calendar()), Ok(None));
    let due = award_due(procurement(), moment, calendar()).unwrap().unwrap();
    assert_eq!(due.by.beijing(), "2026-11-14 00:00:00");
    let due = result_due(procurement(), moment, calendar()).unwrap().unwrap();
    assert_eq!(due.by.beijing(), "2026-11-11 00:00:00");
}

#[test]
fn a_contract_is_due_thirty_days_after_the_award() {
    for book in [works(), procurement()] {
        let due = contract_due(book, at("2026-11-02T10:00"), calendar()).unwrap();
        assert_eq!(due.by.beijing(), "2026-12-03 00:00:00");
    }
}

#[test]
fn an_award_waits_for_the_very_end_of_the_display() {
    let facts = facts(Some(displayed()));
    let award = |now: &str| may_award(works(), &facts, "b6", None, at(now));
    assert!(matches!(award("2026-11-05T23:59:59"), Err(Refusal::DisplayRunning { .. })));
    assert_eq!(award("2026-11-06T00:00:00"), Ok(()));
}

#[test]
fn an_award_without_a_display_is_refused_in_tendering_and_lawful_in_procurement() {
    let facts = facts(None);
    let now = at("2026-11-06T10:00");
    assert_eq!(may_award(works(), &facts, "b6", None, now), Err(Refusal::NotDisplayed));
    assert_eq!(may_award(procurement(), &facts, "b6", None, now), Ok(()));
}

#[test]
fn an_unanswered_objection_stops_the_award_where_the_law_suspends() {
    let mut facts = facts(Some(displayed()));
    facts.unanswered = 1;
    let now = at("2026-11-09T10:00");
    assert!(matches!(may_award(works(), &facts, "b6", None, now), Err(Refusal::Unanswered { count: 1, .. })));
    assert_eq!(may_award(procurement(), &facts, "b6", None, now), Ok(()));
}

#[test]
fn the_first_rank_wins_unless_the_law_knows_a_cause() {
    let facts = facts(Some(displayed()));
    let now = at("2026-11-09T10:00");
    assert!(matches!(may_award(works(), &facts, "b5", None, now), Err(Refusal::FirstMustWin { .. })));
    assert_eq!(may_award(works(), &facts, "b5", Some(PassedOver::GaveUp), now), Ok(()));
    assert_eq!(may_award(works(), &facts, "b1", Some(PassedOver::GaveUp), now), Err(Refusal::NotACandidate));
}

#[test]
fn refunds_run_from_the_contract_in_tendering_and_from_the_award_for_losers_in_procurement() {
    let awarded = Happened { awarded_at: Some(at("2026-11-02T10:00")), ..Happened::default() };
    let signed = Happened { contract_signed_at: Some(at("2026-11-16T10:00")), ..awarded };
    let due = |book, whose, happened: &Happened| {
        refund_due(book, whose, happened, calendar()).unwrap().map(|due| due.by.beijing())
    };
    assert_eq!(due(works(), Whose::Loser, &awarded), None);
    assert_eq!(
        due(works(), Whose::Loser, &signed).unwrap(),
        "2026-11-24 00:00:00",
        "the 21st and 22nd are off"
    );
    assert_eq!(due(works(), Whose::Winner, &signed).unwrap(), "2026-11-24 00:00:00");
    assert_eq!(due(procurement(), Whose::Loser, &awarded).unwrap(), "2026-11-10 00:00:00");
    assert_eq!(due(procurement(), Whose::Winner, &awarded), None);
    assert_eq!(due(procurement(), Whose::Winner, &signed).unwrap(), "2026-11-24 00:00:00");
}

#[test]
fn a_tender_that_ends_without_an_award_gives_everybody_their_deposit_back() {
    let ended = Happened { ended_at: Some(at("2026-11-02T10:00")), ..Happened::default() };
    for book in [works(), procurement()] {
        for whose in [Whose::Winner, Whose::Loser] {
            assert!(refund_due(book, whose, &ended, calendar()).unwrap().is_some());
        }
    }
}

#[test]
fn a_period_that_runs_into_a_year_without_a_calendar_is_not_guessed() {
    let late = at("2026-12-30T10:00");
    assert_eq!(candidate_display(works(), late, calendar()), Err(Refusal::CalendarUncertain { year: 2027 }));
}

#[test]
fn causes_are_read_back_from_their_codes() {
    for cause in PassedOver::ALL {
        assert_eq!(PassedOver::from_code(cause.code()), Some(cause));
    }
}
