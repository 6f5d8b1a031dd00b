//! The flow table, over every step × phase × role × hold.

use std::collections::BTreeSet;

use crate::account::role::Role;
use crate::project::flow::*;
use crate::project::phase::*;
use crate::project::rules::{LotNumber, Refusal, TenderNumber, parse_lot_name};

const FREE: Hold = Hold { frozen: false, suspensions: 0, since: None };
const FROZEN: Hold = Hold { frozen: true, suspensions: 0, since: None };

fn allowed(step: Step, role: Role, phase: Phase, hold: Hold) -> bool {
    may(step, role, phase, hold).is_ok()
}

fn everything() -> impl Iterator<Item = (Step, Role, Phase)> {
    Step::ALL.iter().flat_map(|&step| {
        Role::ALL
            .into_iter()
            .flat_map(move |role| Phase::ALL.into_iter().map(move |phase| (step, role, phase)))
    })
}

#[test]
fn every_step_has_exactly_one_row_and_the_rows_are_in_the_order_of_the_steps_of_a_life() {
    for &step in Step::ALL {
        assert_eq!(FLOW.iter().filter(|row| row.step == step).count(), 1, "{step:?}");
    }
    assert_eq!(FLOW.len(), Step::ALL.len());
}

#[test]
fn what_is_not_in_the_table_is_refused_for_every_step_role_and_phase() {
    for (step, role, phase) in everything() {
        let row = row_of(step).unwrap();
        let lawful = row.who.contains(&role) && row.phases.contains(&phase);
        assert_eq!(allowed(step, role, phase, FREE), lawful, "{step:?} {role:?} {phase:?}");
        assert_eq!(allowed(step, role, phase, FROZEN), lawful && row.on_hold, "{step:?} {role:?} {phase:?}");
    }
}

#[test]
fn the_printed_flow_is_the_flow() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/flow.md");
    let printed = std::fs::read_to_string(path).unwrap();
    let head = printed.lines().take_while(|line| !line.starts_with("| `")).map(|line| format!("{line}\n"));
    let made: String = head.chain(FLOW.iter().map(|row| line(row) + "\n")).collect();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert!(printed == made, "docs/flow.md is stale: run the test again with UPDATE=1");
}

fn line(row: &Row) -> String {
    let words = |list: Vec<&str>| list.join(", ");
    format!(
        "| `{}` | {} | {} | {} | {} | {} | {} |",
        row.step.code(),
        words(row.who.iter().map(|role| role.code()).collect()),
        words(row.phases.iter().map(|phase| phase.code()).collect()),
        format!("{:?}", row.guard).chars().fold(String::new(), |mut text, c| {
            if c.is_uppercase() && !text.is_empty() {
                text.push(' ');
            }
            text.extend(c.to_lowercase());
            text
        }),
        row.milestone.map_or("", Milestone::code),
        if row.on_hold { "yes" } else { "" },
        row.article
    )
}

#[test]
fn only_a_bidder_touches_a_bid_and_only_while_bids_are_taken() {
    for step in [Step::SubmitBid, Step::ReplaceBid, Step::WithdrawBid] {
        let who: BTreeSet<_> = everything()
            .filter(|&(s, role, phase)| s == step && allowed(s, role, phase, FREE))
            .map(|(_, role, phase)| (role, phase))
            .collect();
        assert_eq!(who, BTreeSet::from([(Role::Bidder, Phase::Bidding)]));
        assert!(!allowed(step, Role::Bidder, Phase::Bidding, FROZEN));
    }
}

#[test]
fn no_share_leaves_a_trustee_before_the_deadline() {
    for role in Role::ALL {
        for phase in [Phase::Draft, Phase::Announced, Phase::Bidding] {
            assert!(!allowed(Step::ReleaseShares, role, phase, FREE));
            assert!(!allowed(Step::OpenBids, role, phase, FREE));
        }
    }
}

#[test]
fn nobody_outside_the_agency_can_do_anything_with_a_draft() {
    for (step, role, phase) in
        everything().filter(|(_, role, phase)| *phase == Phase::Draft && *role != Role::Agent)
    {
        assert!(!allowed(step, role, phase, FREE), "{step:?} {role:?}");
    }
}

#[test]
fn a_frozen_lot_moves_only_by_the_few_steps_that_a_freeze_leaves_open() {
    let open: BTreeSet<_> = everything()
        .filter(|&(step, role, phase)| allowed(step, role, phase, FROZEN))
        .map(|(step, _, _)| step)
        .collect();
    let expected = BTreeSet::from([
        Step::AmendNotice,
        Step::DownloadDocument,
        Step::AnswerQuestion,
        Step::ImportBankNotice,
        Step::RefundDeposits,
        Step::RaiseObjection,
        // opens nothing by itself, and the bidders' time runs on
        Step::ReleaseBidderKey,
        Step::AnswerObjection,
        Step::CancelTender,
        Step::Freeze,
        Step::Unfreeze,
    ]);
    assert_eq!(open, expected);
}

#[test]
fn every_milestone_is_reached_by_exactly_one_step() {
    for milestone in Milestone::ALL {
        let steps = FLOW.iter().filter(|row| row.milestone == Some(milestone)).count();
        assert_eq!(steps, 1, "{milestone:?}");
    }
}

#[test]
fn every_phase_that_is_not_final_has_a_way_on() {
    for phase in Phase::ALL.into_iter().filter(|phase| !phase.is_final()) {
        let ways = FLOW.iter().filter(|row| row.milestone.is_some() && row.phases.contains(&phase));
        assert!(ways.count() > 0, "{phase:?}");
    }
}

#[test]
fn only_a_supervisor_freezes() {
    for (step, role, phase) in everything().filter(|(step, ..)| matches!(step, Step::Freeze | Step::Unfreeze))
    {
        assert!(!allowed(step, role, phase, FREE) || role == Role::Supervisor);
    }
}

#[test]
fn the_clock_closes_the_box_and_declares_a_shortage_but_nothing_else() {
    for &step in Step::ALL {
        let lawful = matches!(step, Step::CloseBidding | Step::DeclareNotOpened);
        assert_eq!(may_clock(step, Phase::Opening, FREE).is_ok(), lawful, "{step:?}");
        assert!(may_clock(step, Phase::Bidding, FREE).is_err());
        assert!(may_clock(step, Phase::Opening, FROZEN).is_err());
    }
}

#[test]
fn the_reason_of_a_refusal_is_the_first_that_applies() {
    let refused = |role, phase, hold| may(Step::SubmitBid, role, phase, hold).unwrap_err();
    assert!(matches!(refused(Role::Agent, Phase::Draft, FROZEN), Refusal::NotYourStep { .. }));
    assert!(matches!(refused(Role::Bidder, Phase::Opening, FROZEN), Refusal::NotInThisPhase { .. }));
    assert!(matches!(refused(Role::Bidder, Phase::Bidding, FROZEN), Refusal::OnHold { .. }));
}

#[test]
fn tender_and_lot_numbers_are_read_in_one_form_only() {
    for good in ["DEMO-0001", "SB-2026-000042", "A1B2"] {
        assert_eq!(TenderNumber::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", "demo-0001", "DEMO", "-0001", "DEMO--0001", "DEMO-0001-", "DEMO 0001", "项目-0001", "A1"]
    {
        assert_eq!(TenderNumber::parse(bad), None, "{bad}");
    }
    assert_eq!(
        TenderNumber::parse(&TenderNumber::running(2026, 42).to_string()).unwrap().as_str(),
        "SB-2026-000042"
    );
    let (tender, lot) = parse_lot_name("DEMO-0001/1").unwrap();
    assert_eq!((tender.as_str(), lot), ("DEMO-0001", LotNumber::new(1).unwrap()));
    for bad in ["DEMO-0001", "DEMO-0001/0", "DEMO-0001/01", "DEMO-0001/100", "DEMO-0001/1/1"] {
        assert_eq!(parse_lot_name(bad), None, "{bad}");
    }
}

#[test]
fn every_phase_step_and_milestone_has_a_name_in_both_languages() {
    let phases = Phase::ALL.iter().map(|phase| format!("project.phase.{}", phase.code()));
    let steps = Step::ALL.iter().map(|step| format!("project.step.{}", step.code()));
    let milestones = Milestone::ALL.iter().map(|milestone| format!("project.milestone.{}", milestone.code()));
    for key in phases.chain(steps).chain(milestones) {
        for locale in ["zh-CN", "en"] {
            let name = rust_i18n::t!(key.as_str(), locale = locale);
            assert!(!name.contains(key.as_str()), "{locale} {key}");
        }
    }
}
