//! The room as a whole, on both databases.

use crate::account::role::Role;
use crate::account::testing::{TestHouse, refused};
use crate::evaluation::actions::{self, Conflict};
use crate::evaluation::report::{Competition, StillCompetes};
use crate::evaluation::responsiveness::{Outcome, Verdict};
use crate::evaluation::score_sheet::Score;
use crate::evaluation::standing::{Decision, Opinion, Task};
use crate::evaluation::store::PaperKind;
use crate::evaluation::testing::{E4, convened, draft_of, evaluated, evaluation, invited};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::digest::{b64u, sha256};
use crate::project::phase::{Milestone, Phase};
use crate::project::testing::{announced_lot, facts, staff};

on_both_databases! {
    the_bids_of_e4_are_ranked_signed_and_reported
    a_committee_that_is_not_lawful_is_not_formed
    who_has_a_conflict_steps_down_and_an_alternate_takes_the_seat
    nothing_is_reviewed_before_the_start_or_scored_before_all_reviews
    a_signed_paper_is_not_signed_again_and_a_signature_of_other_text_does_not_count
    objective_items_must_agree_and_a_sheet_can_be_recalled
    a_dissent_needs_reasons_and_silence_counts_as_agreement
    few_bids_wait_for_the_committees_word_and_its_no_ends_the_evaluation
    only_people_on_the_committee_and_only_the_leader
    names_of_the_committee_can_not_be_read_from_their_table
}

fn task(
    house: &TestHouse,
    lot: crate::platform::id::Id<crate::project::rules::Lot>,
    who: &crate::account::who::Who,
) -> Task {
    let (known, facts) = (evaluation(house, lot), facts(house, lot));
    let started = facts.reached(Milestone::EvaluationStarted).is_some();
    known.task(known.seat_of(who.person).unwrap(), started, &known.inputs(&facts).unwrap())
}

fn the_bids_of_e4_are_ranked_signed_and_reported(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = evaluated(&house, &staff, lot);
    let known = evaluation(&house, lot);
    let closed = known.closed.as_ref().unwrap();
    assert!(closed.report.holds());
    assert_eq!(closed.report.result.candidates, ["b6", "b5", "b7"]);
    assert_eq!(closed.digest, b64u(&sha256(&[&closed.report.jcs()])));
    // 89.89: three quarters of 40 points and the price score of E4
    assert_eq!(closed.report.result.rows[0].total.unwrap().to_string(), "89.89");
    assert_eq!(facts(&house, lot).phase(house.door().now()), Phase::Evaluated);
    assert_eq!(task(&house, lot, &committee.members[0].who), Task::Done);
    for signed in known.sheets.iter().map(|sheet| sheet.signed.as_ref()) {
        let subject = crate::account::signature::check_kept(house.authority(), signed.unwrap()).unwrap();
        assert!(!subject.credit_code.is_empty());
    }
}

fn a_committee_that_is_not_lawful_is_not_formed(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let experts: Vec<_> = (1..=6).map(|i| house.member(Role::Expert, &format!("expert{i}"))).collect();
    let bidders: Vec<_> = (1..=3).map(|i| house.member(Role::Bidder, &format!("bidder{i}"))).collect();
    let opened = crate::evaluation::testing::opened(&bidders, &E4[..3]);
    let try_with = |count: usize, twice: bool| {
        let mut people: Vec<_> = experts.iter().take(count).map(invited).collect();
        if twice {
            people[1].holder = people[0].holder.clone();
        }
        let (who, opened) = (staff.agent.who.clone(), opened.clone());
        refused(house.act(&staff.agent.who, move |act| actions::convene(act, &who, lot, &opened, &people)))
            .key
    };
    assert_eq!(try_with(5, false), "project.refusal.not_in_this_phase", "bids are not even open");
    house.at("2026-03-25 10:30:00");
    house
        .door()
        .write(crate::ledger::Actor::system("test"), move |act| {
            crate::project::actions::reach(act, lot, Milestone::BiddingClosed)?;
            crate::project::actions::reach(act, lot, Milestone::Opened)
        })
        .unwrap();
    assert_eq!(try_with(6, false), "evaluation.refusal.committee_even");
    assert_eq!(try_with(3, false), "evaluation.refusal.committee_too_small");
    assert_eq!(try_with(5, true), "evaluation.refusal.committee_same_person_twice");
}

fn who_has_a_conflict_steps_down_and_an_alternate_takes_the_seat(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let mut committee = convened(&house, &staff, lot, &E4);
    let leader = committee.members.remove(0);
    let who = leader.who.clone();
    house.act(&leader.who, move |act| actions::declare(act, &who, lot, Conflict::Some)).unwrap();
    assert_eq!(task(&house, lot, &leader.who), Task::SteppedDown);
    let known = evaluation(&house, lot);
    assert_eq!(known.active().filter(|seat| seat.leader).count(), 1, "the next expert leads");
    let who = staff.agent.who.clone();
    let start = house.act(&staff.agent.who, move |act| actions::start(act, &who, lot));
    assert_eq!(refused(start).key, "evaluation.refusal.committee_even");
    let alternate = house.member(Role::Expert, "alternate");
    let (who, person) = (staff.agent.who.clone(), invited(&alternate));
    house.act(&staff.agent.who, move |act| actions::fill_seat(act, &who, lot, "m1", &person)).unwrap();
    assert_eq!(evaluation(&house, lot).seat_of(alternate.who.person).unwrap().member, "m8");
    committee.members.push(alternate);
    committee.start(&house, &staff);
    committee.review(&house, &[]);
    committee.score(&house);
    let (who, lead) = (committee.members[0].who.clone(), committee.members[0].who.clone());
    house.act(&lead, move |act| actions::close(act, &who, lot)).unwrap();
    assert_eq!(evaluation(&house, lot).closed.unwrap().report.inputs.seats.len(), 7);
    let (who, again) = (leader.who.clone(), leader.who.clone());
    let back = house.act(&again, move |act| actions::declare(act, &who, lot, Conflict::None));
    assert_eq!(refused(back).key, "evaluation.refusal.stepped_down");
}

fn nothing_is_reviewed_before_the_start_or_scored_before_all_reviews(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = convened(&house, &staff, lot, &E4);
    let member = &committee.members[0];
    let save = |item: &str| {
        let verdict =
            Verdict { bid: "b1".into(), item: item.into(), outcome: Outcome::Pass, reason: String::new() };
        let who = member.who.clone();
        house.act(&member.who, move |act| actions::save_review(act, &who, lot, vec![verdict]))
    };
    assert_eq!(refused(save("signed")).key, "evaluation.refusal.not_declared");
    committee.start(&house, &staff);
    save("signed").unwrap();
    let kept: Vec<Verdict> = draft_of(&house, lot, "m1", PaperKind::Review).unwrap();
    assert_eq!(kept.len(), 1);
    let score = || {
        let score = Score {
            bid: "b1".into(),
            item: "s1".into(),
            score: "8".parse::<rust_decimal::Decimal>().unwrap().into(),
        };
        let who = member.who.clone();
        house.act(&member.who, move |act| actions::save_scores(act, &who, lot, vec![score]))
    };
    assert_eq!(refused(score()).key, "evaluation.task.review");
    committee.review_as(&house, member, &[]);
    assert_eq!(task(&house, lot, &member.who), Task::WaitForReviews);
    assert_eq!(refused(score()).key, "evaluation.task.wait_reviews");
    for other in &committee.members[1..] {
        committee.review_as(&house, other, &[]);
    }
    score().unwrap();
}

fn a_signed_paper_is_not_signed_again_and_a_signature_of_other_text_does_not_count(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = convened(&house, &staff, lot, &E4);
    committee.start(&house, &staff);
    let member = &committee.members[1];
    let sign = |statement: &str| {
        let (fields, who, authority) =
            (member.sign(statement), member.who.clone(), house.authority().clone());
        refused(house.act(&member.who, move |act| actions::sign_review(act, &authority, &who, lot, &fields)))
            .key
    };
    assert_eq!(sign("{}"), "evaluation.refusal.incomplete");
    committee.review_as(&house, member, &[]);
    assert_eq!(sign("{}"), "evaluation.refusal.already_signed");
    committee
        .members
        .iter()
        .filter(|other| other.who != member.who)
        .for_each(|other| committee.review_as(&house, other, &[]));
    committee.score(&house);
    committee.close(&house);
    let (fields, who, authority) = (member.sign("{}"), member.who.clone(), house.authority().clone());
    let other_text =
        house.act(&member.who, move |act| actions::sign_report(act, &authority, &who, lot, &fields));
    assert_eq!(refused(other_text).key, "evaluation.refusal.signed_other_text");
}

fn objective_items_must_agree_and_a_sheet_can_be_recalled(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = convened(&house, &staff, lot, &E4);
    committee.start(&house, &staff);
    committee.review(&house, &[]);
    committee.score_as(&house, &committee.members[0], "0.5").unwrap();
    let other = committee.score_as(&house, &committee.members[1], "0.75");
    assert_eq!(refused(other).key, "evaluation.refusal.objective_differs");
    let member = &committee.members[0];
    let recall = |reason: &'static str| {
        let who = member.who.clone();
        house.act(&member.who, move |act| actions::recall_sheet(act, &who, lot, reason))
    };
    assert_eq!(refused(recall(" ")).field, Some("reason"));
    recall("业绩一项看错证书").unwrap();
    assert_eq!(refused(recall("再次")).key, "evaluation.refusal.phase");
    committee.score(&house);
    committee.close(&house);
    assert_eq!(evaluation(&house, lot).sheets.len(), 7);
}

fn a_dissent_needs_reasons_and_silence_counts_as_agreement(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = convened(&house, &staff, lot, &E4);
    committee.start(&house, &staff);
    committee.review(&house, &[]);
    committee.score(&house);
    committee.close(&house);
    let members = &committee.members;
    let empty = committee.sign_as(&house, &members[1], Opinion::Dissent, "  ");
    assert_eq!(refused(empty).key, "evaluation.refusal.reason_missing");
    committee.sign_as(&house, &members[1], Opinion::Dissent, "第一名的工期无法实现").unwrap();
    for member in &members[2..6] {
        committee.sign_as(&house, member, Opinion::Agree, "").unwrap();
    }
    let record = |who: &crate::account::who::Who| {
        let (actor, who) = (who.clone(), who.clone());
        house.act(&actor, move |act| actions::record_refusal(act, &who, lot, "m7"))
    };
    assert_eq!(refused(record(&members[2].who)).key, "evaluation.refusal.only_leader");
    assert_eq!(refused(record(&members[0].who)).key, "evaluation.task.sign", "the leader signs first");
    committee.sign_as(&house, &members[0], Opinion::Agree, "").unwrap();
    assert_eq!(facts(&house, lot).phase(house.door().now()), Phase::Evaluation);
    record(&members[0].who).unwrap();
    assert_eq!(facts(&house, lot).phase(house.door().now()), Phase::Evaluated);
    let known = evaluation(&house, lot);
    assert_eq!(known.opinion("m7"), Some(Opinion::Deemed));
    assert_eq!(known.opinion("m2"), Some(Opinion::Dissent));
}

fn few_bids_wait_for_the_committees_word_and_its_no_ends_the_evaluation(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = convened(&house, &staff, lot, &E4[..3]);
    committee.start(&house, &staff);
    committee.review(&house, &[("b1", "signed")]);
    assert_eq!(task(&house, lot, &committee.members[0].who), Task::Decide);
    assert_eq!(task(&house, lot, &committee.members[1].who), Task::WaitForDecision);
    let decide = |member: usize| {
        let who = committee.members[member].who.clone();
        let actor = who.clone();
        let word =
            Competition { enough: StillCompetes::No, reason: "两家报价相差不足千分之一".into() };
        house.act(&actor, move |act| actions::decide(act, &who, lot, &Decision::Competition(word)))
    };
    assert_eq!(refused(decide(1)).key, "evaluation.refusal.only_leader");
    decide(0).unwrap();
    // nothing is scored any more
    assert_eq!(task(&house, lot, &committee.members[0].who), Task::Close);
    committee.close(&house);
    let report = evaluation(&house, lot).closed.unwrap().report;
    assert_eq!(report.result.conclusion, crate::evaluation::report::Conclusion::NoCompetition);
    assert_eq!(report.result.rejected["b1"][0].against, 7);
}

fn only_people_on_the_committee_and_only_the_leader(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = convened(&house, &staff, lot, &E4);
    let stranger = house.member(Role::Expert, "stranger");
    let who = stranger.who.clone();
    let declared = house.act(&stranger.who, move |act| actions::declare(act, &who, lot, Conflict::None));
    assert_eq!(refused(declared).key, "evaluation.refusal.not_a_member");
    committee.start(&house, &staff);
    committee.review(&house, &[]);
    committee.score(&house);
    let second = &committee.members[1];
    let who = second.who.clone();
    let closed = house.act(&second.who, move |act| actions::close(act, &who, lot));
    assert_eq!(refused(closed).key, "evaluation.refusal.only_leader");
}

fn names_of_the_committee_can_not_be_read_from_their_table(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = convened(&house, &staff, lot, &E4);
    let rows = house.door().read(crate::evaluation::store::raw_seats).unwrap();
    assert_eq!(rows.len(), 7);
    for (tag, sealed) in rows {
        let sealed = String::from_utf8_lossy(&sealed).into_owned();
        for member in &committee.members {
            let id = member.who.person.to_string();
            assert!(!tag.contains(&id) && !sealed.contains(&id) && !sealed.contains(&member.who.name));
        }
    }
}
