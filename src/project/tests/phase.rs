//! Where a lot stands.

use crate::platform::id::Id;
use crate::platform::moment::{HOUR, Moment};
use crate::project::phase::*;
use crate::project::schedule::Schedule;

fn at(text: &str) -> Moment {
    Moment::parse_beijing(text).unwrap()
}

fn plan() -> Schedule {
    Schedule {
        documents_from: at("2026-03-02T09:00"),
        documents_until: at("2026-03-23T09:30"),
        questions_until: at("2026-03-06T17:00"),
        bids_until: at("2026-03-23T09:30"),
    }
}

fn history(of: &[(Milestone, &str)]) -> Vec<Reached> {
    let reached = |(entry, (milestone, time)): (usize, &(Milestone, &str))| Reached {
        milestone: *milestone,
        at: at(time),
        entry: Id::from_bits(entry as u128),
    };
    of.iter().enumerate().map(reached).collect()
}

fn phase_at(of: &[(Milestone, &str)], now: &str) -> Phase {
    phase(Some(&plan()), &history(of), at(now))
}

const OUT: (Milestone, &str) = (Milestone::Announced, "2026-03-01T10:00");

#[test]
fn a_tender_is_a_draft_until_it_is_announced() {
    assert_eq!(phase_at(&[], "2026-03-10T10:00"), Phase::Draft);
    assert_eq!(phase(None, &[], at("2026-03-10T10:00")), Phase::Draft);
}

#[test]
fn the_clock_alone_moves_an_announced_lot_to_bidding_and_opening() {
    assert_eq!(phase_at(&[OUT], "2026-03-02T08:59:59"), Phase::Announced);
    assert_eq!(phase_at(&[OUT], "2026-03-02T09:00:00"), Phase::Bidding);
    assert_eq!(phase_at(&[OUT], "2026-03-23T09:29:59"), Phase::Bidding);
    assert_eq!(phase_at(&[OUT], "2026-03-23T09:30:00"), Phase::Opening);
}

#[test]
fn milestones_move_a_lot_through_the_rest_of_its_life() {
    let life = [
        (Milestone::BiddingClosed, Phase::Opening),
        (Milestone::ExpertsDrawn, Phase::Opening),
        (Milestone::Opened, Phase::Evaluation),
        (Milestone::EvaluationStarted, Phase::Evaluation),
        (Milestone::SecondOpened, Phase::Evaluation),
        (Milestone::Evaluated, Phase::Evaluated),
        (Milestone::CandidatesPublished, Phase::Publicity),
        (Milestone::Awarded, Phase::Awarded),
        (Milestone::ResultPublished, Phase::Completed),
        (Milestone::ContractSigned, Phase::Completed),
    ];
    let mut so_far = vec![OUT];
    for (milestone, expected) in life {
        so_far.push((milestone, "2026-03-23T10:00"));
        assert_eq!(phase_at(&so_far, "2026-03-24T10:00"), expected, "{milestone:?}");
    }
}

#[test]
fn a_lot_that_is_not_opened_or_called_off_is_over_whatever_the_time() {
    assert_eq!(
        phase_at(&[OUT, (Milestone::NotOpened, "2026-03-23T09:31")], "2026-03-23T09:31"),
        Phase::Unsuccessful
    );
    assert_eq!(
        phase_at(&[OUT, (Milestone::Cancelled, "2026-03-05T09:31")], "2026-03-06T09:31"),
        Phase::Cancelled
    );
    assert_eq!(phase_at(&[(Milestone::Cancelled, "2026-02-05T09:31")], "2026-03-06T09:31"), Phase::Cancelled);
}

#[test]
fn a_deadline_that_goes_by_during_a_hold_closes_nothing() {
    let held = [OUT, (Milestone::Suspended, "2026-03-20T10:00")];
    assert_eq!(phase_at(&held, "2026-03-25T10:00"), Phase::Bidding);
    let lifted = [held[0], held[1], (Milestone::Resumed, "2026-03-25T10:00")];
    assert_eq!(phase_at(&lifted, "2026-03-25T10:00"), Phase::Opening);
}

#[test]
fn a_hold_after_the_deadline_leaves_the_phase_alone() {
    let held = [OUT, (Milestone::Frozen, "2026-03-23T09:30")];
    assert_eq!(phase_at(&held, "2026-03-23T09:31"), Phase::Opening);
}

#[test]
fn holds_are_counted_and_a_freeze_outlasts_an_answered_objection() {
    let both = history(&[
        (Milestone::Suspended, "2026-03-10T10:00"),
        (Milestone::Suspended, "2026-03-11T10:00"),
        (Milestone::Frozen, "2026-03-12T10:00"),
        (Milestone::Resumed, "2026-03-13T10:00"),
        (Milestone::Resumed, "2026-03-14T10:00"),
        (Milestone::Unfrozen, "2026-03-15T10:00"),
    ]);
    let is_held: Vec<bool> = (0..=both.len()).map(|n| hold(&both[..n]).is_held()).collect();
    assert_eq!(is_held, [false, true, true, true, true, true, false]);
    assert_eq!(hold(&both[..5]).since, Some(at("2026-03-10T10:00")));
    assert_eq!(hold(&both).since, None);
}

#[test]
fn time_never_moves_a_lot_backwards() {
    let order = [Phase::Announced, Phase::Bidding, Phase::Opening];
    let mut last = Phase::Announced;
    for hours in 0..(30 * 24) {
        let now = phase(Some(&plan()), &history(&[OUT]), OUT_AT.plus(hours * HOUR));
        assert!(order.contains(&now) && now >= last);
        last = now;
    }
    assert_eq!(last, Phase::Opening);
}

const OUT_AT: Moment = Moment::from_micros(1_772_330_400_000_000);

#[test]
fn codes_are_read_back() {
    for milestone in Milestone::ALL {
        assert_eq!(Milestone::from_code(milestone.code()), Some(milestone));
    }
    for phase in Phase::ALL {
        assert_eq!(Phase::from_code(phase.code()), Some(phase));
    }
}
