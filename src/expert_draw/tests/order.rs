//! The order of a draw: who may do what at each step, to the microsecond.

use super::*;
use crate::expert_draw::public_value::PublicValue;
use crate::expert_draw::rules::{Answer, Progress, Refusal, Step, Subject, may_schedule};
use crate::platform::moment::{HOUR, SECOND};
use crate::platform::refusal::Refused;

fn t2() -> Moment {
    t1().plus(MINUTE)
}

/// Four parties asked, nobody committed yet.
fn asked() -> Progress {
    let party = |name: &str| (name.to_owned(), None);
    Progress {
        draw: Id::from_bits(7),
        commits: ["agent", "supervisor", "centre", "entity"].map(party).into_iter().collect(),
        reveal_by: t1(),
        public_at: t2(),
        fixed_at: None,
        bound: vec![],
        reveals: Reveals::new(),
        entries: std::collections::BTreeMap::new(),
        drawn_at: None,
        failed_at: None,
    }
}

fn committed() -> Progress {
    let mut progress = asked();
    for party in PARTIES {
        let commit = commit_of(progress.draw, party, &secret_of(party));
        progress.commits.insert(party.into(), Some(commit));
    }
    progress
}

fn fixed() -> Progress {
    let mut progress = committed();
    progress.fixed_at = Some(t1().plus(-HOUR));
    progress.bound = PARTIES.map(str::to_owned).to_vec();
    progress
}

fn revealed() -> Progress {
    let mut progress = fixed();
    progress.reveals = reveals_of(&["agent", "centre"]);
    progress
}

fn read(entries: &[(&str, &str)]) -> Progress {
    let mut progress = revealed();
    let value = |text: &str| lottery().value(text).unwrap();
    progress.entries = entries.iter().map(|(party, text)| ((*party).into(), value(text))).collect();
    progress
}

#[test]
fn the_step_follows_from_facts_and_time() {
    let before = t1().plus(-1);
    assert_eq!(asked().step(before), Step::Committing);
    assert_eq!(committed().step(before), Step::ReadyToFix);
    assert_eq!(committed().step(t1()), Step::Failed);
    assert_eq!(fixed().step(before), Step::Revealing);
    assert_eq!(revealed().step(t1()), Step::Waiting);
    assert_eq!(revealed().step(t2().plus(-1)), Step::Waiting);
    assert_eq!(revealed().step(t2()), Step::Reading);
    assert_eq!(read(&[("agent", "123"), ("centre", "124")]).step(t2()), Step::Reading);
    let mut agreed = read(&[("agent", "123"), ("centre", "123")]);
    assert_eq!(agreed.step(t2()), Step::ReadyToDraw);
    agreed.drawn_at = Some(t2());
    assert_eq!(agreed.step(t2()), Step::Drawn);
    agreed.failed_at = Some(t2());
    assert_eq!(agreed.step(t2()), Step::Failed);
}

#[test]
fn a_party_commits_once_before_the_document_is_fixed_and_to_a_value_of_its_own() {
    let now = t1().plus(-HOUR);
    let commit = Hex([1; 32]);
    assert_eq!(asked().may_commit("agent", commit, now), Ok(()));
    assert_eq!(asked().may_commit("bidder", commit, now), Err(Refusal::NotAParty));
    assert_eq!(committed().may_commit("agent", commit, now), Err(Refusal::CommittedAlready));
    let copied = committed().commits["agent"].unwrap();
    assert_eq!(committed().may_commit("entity", copied, now), Err(Refusal::CopiedCommit));
    assert_eq!(fixed().may_commit("entity", commit, now), Err(Refusal::FixedAlready));
    assert_eq!(asked().may_commit("agent", commit, t1()), Err(Refusal::Failed));
}

#[test]
fn a_document_is_fixed_with_three_commitments_and_before_the_time_for_revealing_ends() {
    let mut two = committed();
    two.commits.insert("centre".into(), None);
    assert_eq!(two.may_fix(t1().plus(-1)), Err(Refusal::TooFewCommits));
    assert_eq!(committed().may_fix(t1().plus(-1)), Ok(()));
    assert_eq!(committed().may_fix(t1()), Err(Refusal::Failed));
    assert_eq!(fixed().may_fix(t1().plus(-1)), Err(Refusal::FixedAlready));
}

#[test]
fn a_secret_at_the_exact_end_is_late() {
    let secret = Hex(secret_of("supervisor"));
    assert_eq!(revealed().may_reveal("supervisor", &secret, t1().plus(-1)), Ok(()));
    assert_eq!(revealed().may_reveal("supervisor", &secret, t1()), Err(Refusal::RevealTooLate));
}

#[test]
fn a_secret_is_taken_once_from_a_bound_party_after_the_document_is_fixed() {
    let now = t1().plus(-1);
    let secret = Hex(secret_of("supervisor"));
    assert_eq!(committed().may_reveal("supervisor", &secret, now), Err(Refusal::NotFixed));
    assert_eq!(fixed().may_reveal("supervisor", &Hex([0; 32]), now), Err(Refusal::WrongSecret));
    assert_eq!(fixed().may_reveal("entity", &secret, now), Err(Refusal::NotBound));
    assert_eq!(fixed().may_reveal("bidder", &secret, now), Err(Refusal::NotAParty));
    assert_eq!(revealed().may_reveal("agent", &Hex(secret_of("agent")), now), Err(Refusal::RevealedAlready));
}

#[test]
fn nobody_knows_the_public_value_before_its_time() {
    let enter = |progress: &Progress, party, now| {
        progress.may_enter(party, &lottery(), "1 2 3", now).map(|value: PublicValue| value.text().to_owned())
    };
    assert_eq!(enter(&revealed(), "agent", t2().plus(-1)), Err(Refusal::PublicTooEarly));
    assert_eq!(enter(&revealed(), "agent", t2()), Ok("1 2 3".into()));
    assert_eq!(enter(&revealed(), "entity", t2()), Err(Refusal::NotAParty));
    assert_eq!(enter(&committed(), "agent", t1().plus(-1)), Err(Refusal::NotFixed));
    let mut drawn = revealed();
    drawn.drawn_at = Some(t2());
    assert_eq!(enter(&drawn, "agent", t2().plus(SECOND)), Err(Refusal::DrawnAlready));
}

#[test]
fn a_draw_happens_once_with_an_agreed_value_and_at_least_one_secret() {
    let agreed = [("agent", "1 2 3"), ("centre", "1,2,3"), ("supervisor", "9 9 9")];
    assert_eq!(read(&agreed).may_draw(t2()).unwrap().text(), "1 2 3");
    assert_eq!(read(&agreed).may_draw(t2().plus(-1)), Err(Refusal::PublicTooEarly));
    assert_eq!(read(&agreed[..1]).may_draw(t2()), Err(Refusal::NotConfirmed));
    assert_eq!(read(&agreed[1..]).may_draw(t2()), Err(Refusal::Split));
    assert_eq!(committed().may_draw(t1().plus(-1)), Err(Refusal::NotFixed));
    let mut silent = read(&agreed);
    silent.reveals.clear();
    assert_eq!(silent.may_draw(t2()), Err(Refusal::NobodyRevealed));
    let mut drawn = read(&agreed);
    drawn.drawn_at = Some(t2());
    assert_eq!(drawn.may_draw(t2()), Err(Refusal::DrawnAlready));
    let mut failed = read(&agreed);
    failed.failed_at = Some(t2());
    assert_eq!(failed.may_draw(t2()), Err(Refusal::Failed));
}

#[test]
fn the_times_of_a_draw_leave_room_between_its_steps() {
    let now = t1().plus(-HOUR);
    assert_eq!(may_schedule(&lottery(), t1(), t2(), now), Ok(()));
    assert_eq!(may_schedule(&lottery(), t1(), t2().plus(-1), now), Err(Refusal::Times));
    assert_eq!(may_schedule(&lottery(), now.plus(2 * MINUTE), t2(), now), Ok(()));
    assert_eq!(may_schedule(&lottery(), now.plus(2 * MINUTE - 1), t2(), now), Err(Refusal::Times));
}

#[test]
fn an_invitation_is_answered_once_and_passed_on_for_a_cause_only() {
    assert_eq!(Answer::Open.may_answer(), Ok(()));
    for answered in [Answer::Accepted, Answer::Declined, Answer::Replaced] {
        assert_eq!(answered.may_answer(), Err(Refusal::Answered));
    }
    assert_eq!(Answer::Accepted.may_replace("开标后发现与投标人有利害关系"), Ok(()));
    assert_eq!(Answer::Open.may_replace("  no "), Err(Refusal::NoCause));
    assert_eq!(Answer::Declined.may_replace("no answer in time"), Err(Refusal::NoSeat));
    for answer in Answer::ALL {
        assert_eq!(Answer::from_code(answer.code()), Some(answer));
    }
    for subject in [Subject::Experts, Subject::Coefficient] {
        assert_eq!(Subject::from_code(subject.code()), Some(subject));
    }
}

#[test]
fn a_refusal_names_its_article() {
    let refused = Refused::from(Refusal::DrawnAlready);
    assert_eq!((refused.status, refused.key.as_ref()), (409, "expert_draw.refusal.drawn_already"));
    assert_eq!(refused.article.as_deref(), Some("《招标投标法实施条例》第四十六条"));
}
