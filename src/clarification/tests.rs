//! Questions and answers, on both databases.

use super::actions;
use super::rules::{QUESTIONS_MAX, Question};
use super::store;
use crate::account::role::Role;
use crate::account::signature;
use crate::account::testing::{Member, TestHouse, refused};
use crate::announcement::testing::published;
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::platform::refusal::Failure;
use crate::project::rules::Tender;
use crate::project::schedule::Weight;
use crate::project::testing::{Shape, Staff, facts};

on_both_databases! {
    an_answer_is_signed_and_public_and_names_no_asker
    a_question_at_the_exact_deadline_is_late
    an_answer_that_affects_bids_needs_the_days_that_the_law_protects
    a_bidder_may_not_flood_the_agent
    only_the_own_agent_answers_and_only_once
    an_empty_question_is_refused
}

struct Story {
    house: TestHouse,
    staff: Staff,
    tender: Id<Tender>,
    bidder: Member,
}

fn begin(engine: Engine) -> Story {
    let house = TestHouse::new(engine);
    let (staff, lot) = published(&house, &Shape::default());
    let tender = facts(&house, lot).tender;
    let bidder = house.member(Role::Bidder, "bidder");
    Story { house, staff, tender, bidder }
}

impl Story {
    fn ask(&self, text: &str) -> Result<Id<Question>, Failure> {
        let (who, tender, text) = (self.bidder.who.clone(), self.tender, text.to_owned());
        Ok(self.house.act(&self.bidder.who, move |act| actions::ask(act, &who, tender, &text))?.value)
    }

    fn answer(&self, by: &Member, question: Id<Question>, text: &str, weight: Weight) -> Result<(), Failure> {
        let now = self.house.door().now();
        let read =
            self.house.door().read(|db| actions::check_answer(db, &by.who, question, text, weight, now))?;
        let fields = by.sign(&read.statement());
        let (who, authority, text) = (by.who.clone(), self.house.authority().clone(), text.to_owned());
        self.house.act(&by.who, move |act| {
            actions::answer(act, &authority, &who, question, (&text, weight), &fields)
        })?;
        Ok(())
    }
}

fn an_answer_is_signed_and_public_and_names_no_asker(engine: Engine) {
    let story = begin(engine);
    let question = story.ask("桥面铺装厚度是多少？\r\n图纸与清单不一致。").unwrap();
    let door = story.house.door();
    let waiting = door.read(|db| store::waiting(db, story.tender)).unwrap();
    assert_eq!(waiting[0].text, "桥面铺装厚度是多少？\n图纸与清单不一致。");
    story.answer(&story.staff.agent, question, "以图纸为准，80 毫米。", Weight::AffectsBids).unwrap();
    assert_eq!(door.read(|db| store::waiting(db, story.tender)).unwrap(), []);
    let answers = door.read(|db| store::answers(db, story.tender)).unwrap();
    assert_eq!(answers[0].answer.answer, "以图纸为准，80 毫米。");
    let signer = signature::check_kept(story.house.authority(), &answers[0].signed).unwrap();
    assert_eq!(signer.credit_code, story.staff.agent.who.credit_code);
    let person = story.bidder.who.person.to_string();
    assert!(!answers[0].signed.statement.contains(&person));
    assert!(door.read(store::raw_askers).unwrap().iter().all(|asker| !asker.contains(&person)));
    let vault = door.vault().clone();
    let mine = door.read(|db| store::asked_by(db, &vault, story.bidder.who.person, story.tender)).unwrap();
    assert_eq!(mine.len(), 1);
}

fn a_question_at_the_exact_deadline_is_late(engine: Engine) {
    let story = begin(engine);
    story.house.at("2026-03-08 16:59:59");
    story.ask("还来得及吗？").unwrap();
    story.house.at("2026-03-08 17:00:00");
    assert_eq!(refused(story.ask("来得及吗？")).key, "clarification.refusal.too_late");
}

fn an_answer_that_affects_bids_needs_the_days_that_the_law_protects(engine: Engine) {
    let story = begin(engine);
    let question = story.ask("工期能否延长？").unwrap();
    story.house.at("2026-03-12 10:00:00");
    let late = refused(story.answer(&story.staff.agent, question, "可以。", Weight::AffectsBids));
    assert_eq!((late.key.as_ref(), late.field), ("project.refusal.clarification_too_late", Some("weight")));
    assert!(late.with.contains(&("earliest", "2026-03-27".into())));
    story.answer(&story.staff.agent, question, "不能，见公告。", Weight::Editorial).unwrap();
}

fn a_bidder_may_not_flood_the_agent(engine: Engine) {
    let story = begin(engine);
    for number in 0..QUESTIONS_MAX {
        story.ask(&format!("问题 {number}")).unwrap();
    }
    assert_eq!(refused(story.ask("再问一个")).status, 429);
}

fn only_the_own_agent_answers_and_only_once(engine: Engine) {
    let story = begin(engine);
    let question = story.ask("付款方式？").unwrap();
    let rival = story.house.member(Role::Agent, "rival");
    let tried = story.answer(&rival, question, "随便", Weight::Editorial);
    assert_eq!(refused(tried).key, "project.refusal.not_yours");
    story.answer(&story.staff.agent, question, "按月支付。", Weight::Editorial).unwrap();
    let again = story.answer(&story.staff.agent, question, "按季支付。", Weight::Editorial);
    assert_eq!(refused(again).key, "clarification.refusal.answered");
}

fn an_empty_question_is_refused(engine: Engine) {
    let story = begin(engine);
    assert_eq!(refused(story.ask(" \r\n ")).key, "platform.refusal.field_missing");
    assert_eq!(refused(story.ask("a\u{0}b")).key, "clarification.refusal.text");
}
