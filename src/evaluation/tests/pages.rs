//! The pages over HTTP where things go wrong: the sentence says what, the status fits, and nothing that was typed is lost.

use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::evaluation::actions::{self, Conflict};
use crate::evaluation::intake;
use crate::evaluation::testing::{Committee, E4, convened, invited};
use crate::expert_draw;
use crate::expert_draw::actions::Accept;
use crate::expert_draw::rules::Answer;
use crate::expert_draw::testing as drawing;
use crate::ledger::Act;
use crate::on_both_databases;
use crate::opening::testing::{bids_in_shape, empty_box};
use crate::platform::database::testing::Engine;
use crate::platform::moment::SECOND;
use crate::project::terms::CommitteePlan;
use crate::project::testing::{Shape, Staff, announced_lot, facts, staff};
use crate::recording::rules::{FRESH, GRACE};
use crate::sealed_bid::testing::{Offer, bid};
use crate::sealing::context::EnvelopeKind;
use crate::tests::browser::{Browser, Seen, Served};
use rust_decimal::Decimal;

on_both_databases! {
    a_bad_score_is_told_beside_its_field_and_nothing_typed_is_lost
    a_review_needs_a_choice_for_every_item_and_a_reason_for_every_no
    while_somebody_is_not_recorded_nothing_is_kept_and_the_page_says_so
    who_does_not_sit_on_the_committee_finds_nothing_there
    a_signed_sheet_is_not_signed_again_but_may_be_taken_back_with_a_reason
    what_was_signed_must_be_what_was_shown_and_a_dissent_needs_reasons
    supervisors_read_the_files_of_the_bids_and_who_stepped_down_does_not
    the_seat_of_who_stepped_down_is_filled_by_the_next_alternate_of_the_draw
    a_list_of_ones_own_evaluations_says_whose_turn_it_is
}

const ROOM: &str = "/evaluation/TEST-0001/1";

struct Sitting {
    served: Served,
    staff: Staff,
    committee: Committee,
}

/// A committee of seven that has started, each recorded.
fn started(engine: Engine) -> Sitting {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = convened(&house, &staff, lot, &E4);
    committee.start(&house, &staff);
    Sitting { served: Served::start(house), staff, committee }
}

impl Sitting {
    fn member(&self, i: usize) -> (&Member, Browser) {
        let member = &self.committee.members[i];
        (member, self.served.browser(member))
    }

    fn post(&self, browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Seen {
        browser.post(&format!("{ROOM}/{path}"), fields)
    }
}

/// The names of the fields of a page that begin with `kind-`.
fn names(seen: &Seen, kind: &str) -> Vec<String> {
    let text = seen.text();
    let mut names: Vec<String> = Vec::new();
    for (at, start) in text.match_indices(&format!("name=\"{kind}-")) {
        let name = text[at + start.len() - kind.len() - 1..].split('"').next().unwrap().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    assert!(!names.is_empty(), "{text}");
    names
}

fn says(seen: &Seen, status: u16, sentence: &str) {
    assert_eq!(seen.status, status, "{}", seen.text());
    assert!(seen.text().contains(sentence), "{sentence}\n{}", seen.text());
}

fn a_bad_score_is_told_beside_its_field_and_nothing_typed_is_lost(engine: Engine) {
    let sitting = started(engine);
    sitting.committee.review(&sitting.served.house, &[]);
    let (_, mut browser) = sitting.member(0);
    let page = browser.get(&format!("{ROOM}/scores/b1")).expect_status(200);
    let fields = names(&page, "score");
    let (first, second) = (fields[0].as_str(), fields[1].as_str());
    let seen = sitting.post(&mut browser, "scores/b1", &[(first, "99"), (second, "")]);
    says(&seen, 422, "“施工组织设计”须在 0 至 30 分之间。");
    says(&seen, 422, "还没有填写：1 号 bidder1有限公司的“类似业绩”。");
    assert_eq!(seen.field(first).as_deref(), Some("99"), "what was typed is still there");
    let seen = sitting.post(&mut browser, "scores/b1", &[(first, "many"), (second, "8")]);
    says(&seen, 422, "“many”不是分数");
    let seen = sitting.post(&mut browser, "scores/b1", &[(first, "20.125"), (second, "8")]);
    says(&seen, 422, "最多保留");
    let seen = sitting.post(&mut browser, "scores/b1", &[(first, "２０．５"), (second, "8")]);
    assert_eq!(seen.location(), format!("{ROOM}/scores/b2"), "digits of a Chinese keyboard are digits");
    assert_eq!(browser.get(&format!("{ROOM}/scores/b1")).field(first).as_deref(), Some("20.5"));
    assert_eq!(sitting.post(&mut browser, "scores/b99", &[(first, "20"), (second, "8")]).status, 404);
    says(&browser.get(&format!("{ROOM}/scores/sign")), 422, "还没有填写：2 号 bidder2有限公司");
}

fn a_review_needs_a_choice_for_every_item_and_a_reason_for_every_no(engine: Engine) {
    let sitting = started(engine);
    let (_, mut browser) = sitting.member(1);
    let page = browser.get(&format!("{ROOM}/review/b1")).expect_status(200);
    let choices = names(&page, "outcome");
    let seen = sitting.post(&mut browser, "review/b1", &[(&choices[0], "pass")]);
    says(&seen, 422, "通过或不通过");
    let mut all: Vec<(&str, &str)> = choices.iter().map(|name| (name.as_str(), "pass")).collect();
    all[0].1 = "fail";
    let seen = sitting.post(&mut browser, "review/b1", &all);
    says(&seen, 422, "不通过，请写明理由");
    let reason = choices[0].replace("outcome-", "reason-");
    all.push((&reason, "没有签字"));
    let seen = sitting.post(&mut browser, "review/b1", &all);
    assert_eq!((seen.status, seen.location()), (303, format!("{ROOM}/review/b2")));
    assert_eq!(browser.get(&format!("{ROOM}/review/b1")).field(&reason).as_deref(), Some("没有签字"));
    let (_, mut late) = sitting.member(2);
    late.get(ROOM);
    let seen = sitting.post(&mut late, "declaration", &[("conflict", "none")]);
    says(&seen, 422, "请逐份审查投标文件");
    let seen = sitting.post(&mut late, "close", &[]);
    says(&seen, 403, "只有评标委员会组长可以进行这一步");
}

fn while_somebody_is_not_recorded_nothing_is_kept_and_the_page_says_so(engine: Engine) {
    let sitting = started(engine);
    let house = &sitting.served.house;
    sitting.committee.review(house, &[]);
    let (member, mut browser) = sitting.member(0);
    let fields = names(&browser.get(&format!("{ROOM}/scores/b1")), "score");
    let typed: Vec<(&str, &str)> = fields.iter().map(|name| (name.as_str(), "8")).collect();
    house.clock.move_to(house.door().now().plus(FRESH + GRACE + SECOND));
    let seen = sitting.post(&mut browser, "scores/b1", &typed);
    says(&seen, 422, "必需的录音录像没有在进行，评标暂停");
    assert_eq!(seen.field(&fields[0]).as_deref(), Some("8"), "what was typed is still there");
    let standing = browser.get(&recording(&seen)).expect_status(200);
    assert!(standing.text().contains("\"halted\""), "{}", standing.text());
    sitting.committee.go_live(house);
    assert_eq!(sitting.post(&mut browser, "scores/b1", &typed).status, 303);
    for bid in 2..=7 {
        assert_eq!(sitting.post(&mut browser, &format!("scores/b{bid}"), &typed).status, 303);
    }
    house.clock.move_to(house.door().now().plus(FRESH + GRACE + SECOND));
    let path = format!("{ROOM}/scores/sign");
    says(&browser.sign(member, &path, &path, &[]), 422, "评标暂停");
    sitting.committee.go_live(house);
    assert_eq!(browser.sign(member, &path, &path, &[]).location(), ROOM);
}

/// The address that the page's banner asks.
fn recording(seen: &Seen) -> String {
    let text = seen.text();
    text.split("data-recording-standing=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn who_does_not_sit_on_the_committee_finds_nothing_there(engine: Engine) {
    let sitting = started(engine);
    let house = &sitting.served.house;
    let other_agent = house.member(Role::Agent, "agent2");
    let mut outsiders = [
        sitting.served.browser(&house.member(Role::Expert, "stranger")),
        sitting.served.browser(&house.member(Role::Entity, "entity2")),
    ];
    for browser in &mut outsiders {
        for path in ["", "/review/b1", "/review/sign", "/scores/b1", "/report", "/bid/b1/1", "/events"] {
            assert_eq!(browser.get(&format!("{ROOM}{path}")).status, 404, "{path}");
        }
        for path in ["declaration", "review/b1", "scores/b1", "decision", "scores/recall"] {
            let seen = sitting.post(browser, path, &[("conflict", "none"), ("reason", "为什么")]);
            assert!(matches!(seen.status, 403 | 404), "{path}: {} {}", seen.status, seen.text());
        }
    }
    assert_eq!(sitting.served.browser(&other_agent).get(ROOM).status, 404);
    assert_eq!(sitting.served.browser(&sitting.committee.bidders[0]).get(ROOM).status, 403);
    let mut supervisor = sitting.served.browser(&sitting.staff.supervisor);
    let seen = supervisor.get(ROOM).expect_status(200);
    assert!(seen.text().contains("1 号成员") && !seen.text().contains("expert1先生"), "seats, no names");
}

fn a_signed_sheet_is_not_signed_again_but_may_be_taken_back_with_a_reason(engine: Engine) {
    let sitting = started(engine);
    let house = &sitting.served.house;
    sitting.committee.review(house, &[]);
    let (member, mut browser) = sitting.member(0);
    let fields = names(&browser.get(&format!("{ROOM}/scores/b1")), "score");
    let typed: Vec<(&str, &str)> = fields.iter().map(|name| (name.as_str(), "8")).collect();
    for bid in 1..=7 {
        sitting.post(&mut browser, &format!("scores/b{bid}"), &typed);
    }
    let path = format!("{ROOM}/scores/sign");
    let statement = browser.get(&path).field("statement").unwrap();
    assert_eq!(browser.sign(member, &path, &path, &[]).location(), ROOM);
    assert_eq!(browser.get(&path).location(), ROOM, "nothing left to sign");
    let signed = member.sign(&statement);
    let again = [
        ("statement", statement.as_str()),
        ("signature", signed.signature.as_str()),
        ("certificate", signed.certificate.as_str()),
    ];
    says(&browser.post(&path, &again), 409, "已经签署");
    says(&sitting.post(&mut browser, "scores/b1", &typed), 422, "已经签署");
    browser.get(ROOM);
    says(&sitting.post(&mut browser, "scores/recall", &[("reason", "")]), 422, "请写明理由");
    let seen = sitting.post(&mut browser, "scores/recall", &[("reason", "客观分看错了")]);
    assert_eq!(seen.location(), ROOM);
    assert_eq!(browser.get(&path).status, 200, "the sheet is filled in as before and may be changed");
    // the others' objective scores must agree
    sitting.committee.score_as(house, &sitting.committee.members[1], "0.75").unwrap();
    says(&browser.sign(member, &path, &path, &[]), 422, "“类似业绩”是客观分");
}

fn what_was_signed_must_be_what_was_shown_and_a_dissent_needs_reasons(engine: Engine) {
    let sitting = started(engine);
    let house = &sitting.served.house;
    sitting.committee.review(house, &[]);
    sitting.committee.score(house);
    sitting.committee.close(house);
    let (member, mut browser) = sitting.member(3);
    let page = format!("{ROOM}/report/sign");
    let shown = browser.get(&page).expect_status(200).field("statement").unwrap();
    let digest = shown.split("\"report\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let other = member.sign(&shown.replace(&digest, &"A".repeat(digest.len())));
    let fields = [
        ("statement", other.statement.as_str()),
        ("signature", other.signature.as_str()),
        ("certificate", other.certificate.as_str()),
    ];
    says(&browser.post(&page, &fields), 422, "签署的内容与页面显示的内容不一致");
    says(&browser.get(&format!("{page}?opinion=dissent&reason=%20")), 422, "不同意报告的，请写明理由");
    let dissent =
        format!("{page}?opinion=dissent&reason=%E6%89%93%E5%88%86%E4%BE%9D%E6%8D%AE%E4%B8%8D%E8%B6%B3");
    let seen = browser.sign(member, &dissent, &page, &[]);
    assert_eq!(seen.location(), format!("{ROOM}/report"));
    let seen = browser.get(&format!("{ROOM}/report")).expect_status(200);
    says(&seen, 200, "打分依据不足");
    says(&seen, 200, "4 号成员");
}

fn supervisors_read_the_files_of_the_bids_and_who_stepped_down_does_not(engine: Engine) {
    let house = TestHouse::new(engine);
    let committee = CommitteePlan { size: 5, experts: 5 };
    let shape = Shape { floats: Some(vec![Decimal::from(3)]), committee, ..Shape::default() };
    let bids = bids_in_shape(&house, &shape, &["9800000.00", "9600000.00", "9450000.00"]).opened(&house);
    let (lot, staff) = (bids.lot, bids.staff);
    let experts: Vec<Member> = (1..=5).map(|i| house.member(Role::Expert, &format!("expert{i}"))).collect();
    let (vault, known) = (house.door().vault().clone(), facts(&house, lot));
    let opened = house.door().read(|db| intake::opened(db, &vault, &known)).unwrap();
    let (who, people) = (staff.agent.who.clone(), experts.iter().map(invited).collect::<Vec<_>>());
    house.act(&staff.agent.who, move |act| actions::convene(act, &who, lot, &opened, &people)).unwrap();
    let gone = experts[4].who.clone();
    house.act(&experts[4].who, move |act| actions::declare(act, &gone, lot, Conflict::Some)).unwrap();
    let served = Served::start(house);
    let file = format!("{ROOM}/bid/b1/1");
    for reader in [&staff.supervisor, &experts[0]] {
        let seen = served.browser(reader).get(&file).expect_status(200);
        assert!(seen.text().contains("投标报价 9800000.00 元"), "{}", seen.text());
    }
    for other in [&experts[4], &staff.centre, &staff.agent] {
        assert!(matches!(served.browser(other).get(&file).status, 403 | 404));
    }
    let room = served.browser(&staff.supervisor).get(ROOM).expect_status(200);
    assert!(room.text().contains(&file), "the supervisor's page names the files");
    assert_eq!(served.browser(&experts[0]).get(&format!("{ROOM}/bid/b1/2")).status, 404);
    assert_eq!(served.browser(&experts[0]).get(&format!("{ROOM}/bid/b9/1")).status, 404);
}

fn a_list_of_ones_own_evaluations_says_whose_turn_it_is(engine: Engine) {
    let sitting = started(engine);
    let (_, mut browser) = sitting.member(0);
    says(&browser.get("/evaluation"), 200, "轮到您");
    let house = &sitting.served.house;
    sitting.committee.review(house, &[]);
    sitting.committee.score(house);
    sitting.committee.close(house);
    sitting.committee.sign(house);
    let seen = browser.get("/evaluation").expect_status(200);
    assert!(seen.text().contains("已经结束的评标") && !seen.text().contains("轮到您"));
    says(&browser.get(ROOM), 200, "评标已经完成");
}

fn the_seat_of_who_stepped_down_is_filled_by_the_next_alternate_of_the_draw(engine: Engine) {
    let house = TestHouse::new(engine);
    let shape = Shape {
        floats: Some(vec![Decimal::from(3)]),
        committee: CommitteePlan { size: 5, experts: 5 },
        ..Shape::default()
    };
    let mut bids = empty_box(&house, &shape);
    let (lot, staff) = (bids.lot, bids.staff.clone());
    house.at("2026-03-24 10:00:00");
    for (name, price) in [("bidder1", "9800000.00"), ("bidder2", "9600000.00"), ("bidder3", "9450000.00")] {
        let bidder = house.member(Role::Bidder, name);
        bid(&house, &bidder, lot, EnvelopeKind::Single, &Offer::priced(price)).unwrap();
        bids.bidders.push(bidder);
    }
    let experts = drawing::accepted_committee(&house, &staff, lot, 3, 2);
    bids.opened(&house);
    let served = Served::start(house);
    let house = &served.house;
    let mut agent = served.browser(&staff.agent);
    agent.get(ROOM).expect_status(200);
    assert_eq!(agent.post(&format!("{ROOM}/committee"), &[]).status, 303);
    let mut leaver = served.browser(&experts[1]);
    leaver.get(ROOM).expect_status(200);
    assert_eq!(leaver.post(&format!("{ROOM}/declaration"), &[("conflict", "some")]).status, 303);
    house.clock.move_to(house.door().now().plus(SECOND));
    says(&agent.get(ROOM), 200, "2 号成员已回避，席位空缺");
    let fill = |agent: &mut Browser| agent.post(&format!("{ROOM}/seat"), &[("left", "m2")]);
    says(&fill(&mut agent), 422, "还没有候补专家接受邀请");

    let vault = house.door().vault().clone();
    let members = || house.door().read(|db| expert_draw::actions::members(db, &vault, lot)).unwrap();
    let gone = members().into_iter().find(|member| member.person == Some(experts[1].who.person)).unwrap();
    let (draw, candidate, who) = (gone.draw, gone.candidate, staff.agent.who.clone());
    house
        .act(&staff.agent.who, move |act| {
            expert_draw::actions::pass_on(act, &who, draw, candidate, "与投标人有利害关系，回避")
        })
        .unwrap();
    let next = members().into_iter().find(|member| member.answer == Answer::Open).unwrap();
    let (login, registry) = (next.holder.registry_id.to_lowercase(), next.holder.registry_id.clone());
    let alternate = house.member_of(Role::Expert, &login, &next.holder.employer);
    let centre = staff.centre.who.clone();
    let link = move |act: &mut Act<'_>| expert_draw::actions::link_account(act, &centre, &login, &registry);
    house.act(&staff.centre.who, link).unwrap();
    let who = alternate.who.clone();
    let accept = move |act: &mut Act<'_>| expert_draw::actions::answer(act, &who, draw, Accept::Yes);
    house.act(&alternate.who, accept).unwrap();

    agent.get(ROOM);
    assert_eq!(fill(&mut agent).status, 303);
    let room = agent.get(ROOM).expect_status(200).text();
    assert!(room.contains("6 号成员") && !room.contains("席位空缺"), "{room}");
    assert_eq!(fill(&mut agent).status, 404, "one seat, one follower");
    says(&served.browser(&alternate).get(ROOM), 200, "您是 6 号成员");
}
