//! The room as a whole, on both databases.

use crate::account::testing::{TestHouse, refused};
use crate::deposit;
use crate::deposit::rules::State;
use crate::evaluation::report::Conclusion;
use crate::evaluation::testing::{Committee, E4, convened, evaluated};
use crate::message;
use crate::message::rules::Notice;
use crate::on_both_databases;
use crate::platform::canonical::jcs_text;
use crate::platform::database::testing::Engine;
use crate::project::phase::Phase;
use crate::project::testing::{Shape, Staff, announced, announced_lot, facts, staff};
use crate::publication::actions;
use crate::publication::notice::{CandidatesNotice, FailureNotice, LetterKind, NoticeKind, ResultNotice};
use crate::publication::rules::PassedOver;
use crate::publication::store;
use crate::publication::testing::{award, contract, display, report, result, signing};

on_both_databases! {
    candidates_are_displayed_awarded_and_published_with_letters_to_all
    an_award_waits_for_the_display_and_goes_to_the_first_unless_the_law_knows_a_cause
    a_notice_is_published_once_and_only_by_the_lots_own_people
    procurement_publishes_no_candidates_and_names_its_experts
    deposits_of_works_fall_due_with_the_contract
    an_evaluation_without_a_winner_is_published_as_failed_and_all_deposits_fall_due
}

fn works(house: &TestHouse) -> (Staff, Committee) {
    let staff = staff(house);
    let lot = announced_lot(house, &staff);
    let committee = evaluated(house, &staff, lot);
    (staff, committee)
}

fn candidates_are_displayed_awarded_and_published_with_letters_to_all(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, committee) = works(&house);
    let lot = committee.lot;
    display(&house, &staff, lot).unwrap();
    assert_eq!(facts(&house, lot).phase(house.door().now()), Phase::Publicity);
    let notice = house.door().read(|db| store::notice(db, lot, NoticeKind::Candidates)).unwrap().unwrap();
    // from Wednesday 25 March; the third day is Saturday, so that it runs to the end of Monday
    assert_eq!(notice.display_until.unwrap().beijing(), "2026-03-31 00:00:00");
    let document: CandidatesNotice = notice.document().unwrap();
    let names: Vec<&str> = document.candidates.iter().map(|line| line.bidder.as_str()).collect();
    assert_eq!(names, ["bidder6有限公司", "bidder5有限公司", "bidder7有限公司"]);
    assert_eq!(document.ranking.len(), 7);
    house.at("2026-03-31 00:00:00");
    award(&house, &staff, lot, "b6", None).unwrap();
    result(&house, &staff, lot).unwrap();
    assert_eq!(facts(&house, lot).phase(house.door().now()), Phase::Completed);
    let notice = house.door().read(|db| store::notice(db, lot, NoticeKind::Result)).unwrap().unwrap();
    let document: ResultNotice = notice.document().unwrap();
    assert_eq!(document.winner_credit_code, committee.bidders[5].who.credit_code);
    assert!(document.experts.is_empty(), "works do not name them");
    let vault = house.door().vault().clone();
    let letters: Vec<_> = committee
        .bidders
        .iter()
        .map(|bidder| {
            house.door().read(|db| store::letter(db, &vault, lot, bidder.who.organisation)).unwrap().unwrap()
        })
        .collect();
    assert!(letters.iter().all(|letter| letter.issued_at == notice.published_at), "at the same moment");
    assert_eq!(letters.iter().filter(|letter| letter.kind == LetterKind::Award).count(), 1);
    assert_eq!(letters[5].kind, LetterKind::Award);
    assert_eq!(letters[5].price_words, "玖佰零伍万元整");
    assert_eq!(letters[0].own.as_ref().unwrap().rank, 7);
    assert!(letters[5].contract_by.is_some() && letters[0].contract_by.is_none());
    message::jobs::due(house.door()).unwrap();
    let told = |at: usize| {
        let organisation = committee.bidders[at].who.organisation;
        let rows = house.door().read(|db| message::store::newest(db, &vault, organisation, 10)).unwrap();
        rows.into_iter().map(|row| row.content.notice).collect::<Vec<_>>()
    };
    assert_eq!((told(5), told(0)), (vec![Notice::Award], vec![Notice::Loss]));
}

fn an_award_waits_for_the_display_and_goes_to_the_first_unless_the_law_knows_a_cause(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, committee) = works(&house);
    let lot = committee.lot;
    assert_eq!(refused(award(&house, &staff, lot, "b6", None)).key, "publication.refusal.not_displayed");
    display(&house, &staff, lot).unwrap();
    house.at("2026-03-30 23:59:59");
    assert_eq!(refused(award(&house, &staff, lot, "b6", None)).key, "publication.refusal.display_running");
    house.at("2026-03-31 09:00:00");
    assert_eq!(refused(award(&house, &staff, lot, "b5", None)).key, "publication.refusal.first_must_win");
    award(&house, &staff, lot, "b5", Some(PassedOver::GaveUp)).unwrap();
    let known = house.door().read(|db| store::award(db, lot)).unwrap().unwrap();
    assert_eq!(known.decision.winner.bidder, "bidder5有限公司");
    assert!(refused(award(&house, &staff, lot, "b6", None)).key.starts_with("project.refusal"));
}

fn a_notice_is_published_once_and_only_by_the_lots_own_people(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, committee) = works(&house);
    let lot = committee.lot;
    let stranger = house.member(crate::account::role::Role::Agent, "stranger");
    let (_, closed) = report(&house, lot);
    let statement = actions::candidates_statement(&facts(&house, lot), &closed);
    let other = signing(&house, &stranger, &statement, move |act, authority, who, fields| {
        actions::publish_candidates(act, authority, who, lot, fields)
    });
    assert_eq!(refused(other).status, 403);
    let changed = statement.replace("9050000.00", "9050001.00");
    let forged = signing(&house, &staff.agent, &changed, move |act, authority, who, fields| {
        actions::publish_candidates(act, authority, who, lot, fields)
    });
    assert_eq!(refused(forged).key, "account.refusal.statement_changed");
    display(&house, &staff, lot).unwrap();
    assert_eq!(refused(display(&house, &staff, lot)).status, 409);
}

fn procurement_publishes_no_candidates_and_names_its_experts(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let envelopes = crate::project::terms::Envelopes::One;
    let lot = announced(&house, &staff, &Shape { envelopes, ..Shape::procurement() });
    let committee = evaluated(&house, &staff, lot);
    assert_eq!(refused(display(&house, &staff, lot)).key, "publication.refusal.no_display_here");
    let first = report(&house, lot).1.report.result.candidates[0].clone();
    award(&house, &staff, lot, &first, None).unwrap();
    result(&house, &staff, lot).unwrap();
    let notice = house.door().read(|db| store::notice(db, lot, NoticeKind::Result)).unwrap().unwrap();
    assert!(notice.display_until.is_some());
    let document: ResultNotice = notice.document().unwrap();
    assert_eq!(document.experts.len(), 7);
    assert!(document.experts.contains(&committee.members[0].who.name));
}

fn deposits_of_works_fall_due_with_the_contract(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let treasurer = deposit::testing::treasury(&house);
    // asked for and paid before the deadline by who will win and by who will not
    let payers: Vec<_> =
        ["bidder8", "bidder9"].map(|login| house.member(crate::account::role::Role::Bidder, login)).into();
    let demands: Vec<_> = payers
        .iter()
        .map(|bidder| deposit::testing::paid(&house, &treasurer.who, &bidder.who, lot))
        .collect();
    evaluated(&house, &staff, lot);
    display(&house, &staff, lot).unwrap();
    house.at("2026-03-31 09:00:00");
    award(&house, &staff, lot, "b6", None).unwrap();
    result(&house, &staff, lot).unwrap();
    assert!(deposit::testing::again(&house, &demands[0]).refund_due_on.is_none(), "not before the contract");
    house.at("2026-04-08 09:00:00");
    contract(&house, &staff, lot).unwrap();
    for demand in &demands {
        let now = deposit::testing::again(&house, demand);
        assert_eq!(now.state, State::RefundDue);
        assert_eq!(now.refund_due_on.unwrap().to_string(), "2026-04-13");
    }
}

fn an_evaluation_without_a_winner_is_published_as_failed_and_all_deposits_fall_due(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let treasurer = deposit::testing::treasury(&house);
    let payer = house.member(crate::account::role::Role::Bidder, "bidder9");
    let demand = deposit::testing::paid(&house, &treasurer.who, &payer.who, lot);
    let committee = convened(&house, &staff, lot, &E4[..3]);
    committee.start(&house, &staff);
    committee.review(&house, &[("b1", "signed"), ("b2", "signed"), ("b3", "signed")]);
    committee.close(&house);
    committee.sign(&house);
    let (_, closed) = report(&house, lot);
    assert_eq!(closed.report.result.conclusion, Conclusion::AllRejected);
    assert_eq!(refused(display(&house, &staff, lot)).key, "publication.refusal.nothing_ranked");
    let notice = actions::failure_notice(&facts(&house, lot), &closed, "所有投标被否决");
    signing(&house, &staff.agent, &jcs_text(&notice), move |act, authority, who, fields| {
        actions::publish_failure(act, authority, who, lot, fields)
    })
    .unwrap();
    assert_eq!(facts(&house, lot).phase(house.door().now()), Phase::Unsuccessful);
    let kept = house.door().read(|db| store::notice(db, lot, NoticeKind::Failure)).unwrap().unwrap();
    assert_eq!(kept.document::<FailureNotice>().unwrap().rejected.len(), 3);
    assert_eq!(deposit::testing::again(&house, &demand).state, State::RefundDue);
}
