//! The stories of the example tenders: one for every phase of a tender's life, and one that is finished, whose seven
//! bids are those of example E4 so that its ranking can be checked by hand.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a story that does not go as written stops at once

use super::cast::Cast;
use super::keys;
use crate::account::testing::{Member, TestHouse};
use crate::announcement;
use crate::announcement::testing::{publish, write};
use crate::clarification::actions as asking;
use crate::deposit;
use crate::deposit::actions::BatchOrder;
use crate::evaluation::committee::SeatKind;
use crate::evaluation::standing::Holder;
use crate::evaluation::testing::Committee;
use crate::evaluation::{actions as evaluating, intake};
use crate::expert_draw::actions::{self as drawing, Accept};
use crate::expert_draw::coefficient::numbers_to_draw;
use crate::expert_draw::pool::{Expert, Standing};
use crate::expert_draw::testing::{drawn_from_pool, drawn_number, import_people};
use crate::objection::actions as objecting;
use crate::objection::rules::{Outcome as Found, Subject};
use crate::opening::protocol;
use crate::opening::testing::BidBox;
use crate::opening::{actions as hall, rules::Outcome};
use crate::platform::calendar::Calendar;
use crate::platform::canonical::jcs_text;
use crate::platform::id::Id;
use crate::platform::moment::{DAY, HOUR, MINUTE, Moment};
use crate::platform::money::Fen;
use crate::project::place::Category;
use crate::project::rulebook::Method;
use crate::project::rules::{Lot, Tender};
use crate::project::schedule::Weight;
use crate::project::terms::{CommitteePlan, DualLock, Envelopes};
use crate::project::testing::{Shape, draft, facts, schedule_from};
use crate::publication::testing as publishing;
use crate::recording;
use crate::sealed_bid::rules::envelopes_of;
use crate::sealed_bid::testing::{Offer, bid, bid_dual};
use crate::sealed_bid::trustees_testing::ready_set;
use crate::sealing::context::EnvelopeKind;
use rust_decimal::Decimal;

/// The prices of example E4, in yuan, in the order of the bidders: the sixth wins.
pub const E4: [&str; 7] =
    ["9800000.00", "9600000.00", "9450000.00", "9300000.00", "9200000.00", "9050000.00", "8700000.00"];

/// The tender whose coefficient is drawn in the hall.
const DRAWN_AT_OPENING: &str = "DEMO-0003";

/// The tenders whose bids are in and not all open: their trustees' key files are kept, for newcomers to open them.
pub const SHUT: [&str; 4] = ["DEMO-0006", "DEMO-0009", "DEMO-0010", LOCKED_TWICE];

/// The tender whose bids are in and locked with their bidders' keys too: those key files are kept as well.
pub const LOCKED_TWICE: &str = "DEMO-0015";

/// The tenders whose bids are locked twice; the bids of the first are open.
const DUAL: [&str; 2] = ["DEMO-0011", LOCKED_TWICE];

/// The tender under the procurement law, with a technical and a commercial envelope.
const TWO_ENVELOPES: &str = "DEMO-0009";

/// The tender to whose result a bidder objects.
const OBJECTED: &str = "DEMO-0001";

/// What bidders ask, and what the agent answers.
const QUESTIONS: [(&str, &str); 2] = [
    (
        "招标文件没有写明踏勘现场的集合地点，请问在哪里集合？",
        "请于公告载明的踏勘日上午 9:00 在项目现场东门集合。",
    ),
    ("类似业绩的时间以合同签订日还是竣工验收日为准？", "以竣工验收日为准，请附验收证明。"),
];

/// The same for goods.
const QUESTIONS_ON_GOODS: [(&str, &str); 2] = [
    ("招标文件没有写明样品的送达地点，请问送到哪里？", "本项目不要求提供样品，以技术参数和检测报告为准。"),
    ("质保期从到货之日还是验收合格之日起算？", "从验收合格之日起算，不少于三年。"),
];

/// Why a tender was given up.
const GIVEN_UP: &str = "建设用地规划调整，项目规模变化，需重新招标。";

const OBJECTION: &str = "我公司认为第一中标候选人所报类似业绩的验收证明不完整，请予核查。";
const OBJECTION_ANSWER: &str = "经核查，验收证明齐全，原件与投标文件一致，评标结果不变。";

/// How far a story goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    Draft,
    /// Announced; documents go out later.
    Noticed,
    Announced,
    /// Given up by the entity while bids were awaited.
    Cancelled,
    BidsIn,
    /// The box is closed, the trustees are asked to release.
    Closed,
    Opened,
    Evaluating,
    Evaluated,
    OnDisplay,
    Awarded,
    Finished,
}

/// One example tender.
pub struct Story {
    pub number: &'static str,
    pub title: &'static str,
    pub category: Category,
    /// When its documents go out.
    pub start: Moment,
    pub prices: &'static [&'static str],
    pub committee: CommitteePlan,
    pub until: Until,
}

impl Story {
    fn shape(&self) -> Shape {
        let works = self.works();
        if self.number == TWO_ENVELOPES {
            return Shape {
                method: Method::GpComprehensive,
                envelopes: Envelopes::Two,
                floats: None,
                ..works
            };
        }
        works
    }

    fn works(&self) -> Shape {
        let mut schedule = schedule_from(self.start);
        if self.until == Until::Announced {
            // still time to ask
            schedule.questions_until = self.start.plus(9 * DAY);
        }
        Shape {
            number: self.number.into(),
            title: self.title.into(),
            category: self.category,
            method: Method::WorksBenchmark,
            envelopes: Envelopes::One,
            deposit: Fen(20_000_000),
            lots: 1,
            schedule,
            dual: DUAL.contains(&self.number).then_some(DualLock { minutes: 30 }),
            custody: (2, 3),
            // one tender leaves its coefficient to a draw at the opening; E4 is computed with three per cent
            floats: (self.number != DRAWN_AT_OPENING).then(|| vec![Decimal::from(3)]),
            committee: self.committee,
        }
    }
}

/// The stories, oldest first. Their times are such that each stands in its phase at `now`, and that documents go out and
/// bids are opened on days on which people work.
pub fn stories(now: Moment) -> Vec<Story> {
    let day = |days: i64| now.plus(days * DAY);
    let story = |number, title, category, start, prices, until| Story {
        number,
        title,
        category,
        start,
        prices,
        committee: CommitteePlan { size: 7, experts: 5 },
        until,
    };
    let four = &E4[2..6];
    vec![
        story("DEMO-0001", "滨海路跨河桥维修工程", Category::Municipal, day(-62), &E4, Until::Finished),
        story(
            "DEMO-0002",
            "城北中学教学楼加固工程",
            Category::Construction,
            day(-34),
            &E4[..2],
            Until::Opened,
        ),
        story("DEMO-0003", "东港渔业码头护岸工程", Category::Port, day(-26), four, Until::OnDisplay),
        story(
            "DEMO-0004",
            "环湖绿道二期工程",
            Category::Municipal,
            day(-26).plus(4 * HOUR + 30 * MINUTE),
            four,
            Until::Evaluating,
        ),
        story(
            "DEMO-0005",
            "清河堤防除险加固工程",
            Category::Water,
            day(-23).plus(-80 * MINUTE),
            four,
            Until::Opened,
        ),
        story("DEMO-0006", "省道 205 线路面大修工程", Category::Highway, day(-21), four, Until::BidsIn),
        story("DEMO-0007", "体育公园景观照明工程", Category::Municipal, day(-6), &[], Until::Announced),
        story("DEMO-0008", "青年宫外立面改造工程", Category::Construction, day(2), &[], Until::Draft),
        story("DEMO-0009", "县第三中学教学设备采购", Category::Goods, day(-19), four, Until::BidsIn),
        story(
            "DEMO-0010",
            "滨江污水泵站改造工程",
            Category::Municipal,
            day(-23).plus(-40 * MINUTE),
            four,
            Until::Closed,
        ),
        story(
            "DEMO-0011",
            "市档案馆消防系统改造工程",
            Category::Construction,
            day(-26).plus(2 * HOUR),
            four,
            Until::Evaluated,
        ),
        story("DEMO-0012", "南岭隧道照明节能改造工程", Category::Highway, day(-34), four, Until::Awarded),
        story("DEMO-0013", "湿地公园游客中心工程", Category::Construction, day(-13), &[], Until::Cancelled),
        story("DEMO-0014", "老旧小区雨污分流工程", Category::Municipal, day(1), &[], Until::Noticed),
        story(
            LOCKED_TWICE,
            "东风水库大坝安全监测工程",
            Category::Water,
            day(-21).plus(HOUR),
            four,
            Until::BidsIn,
        ),
    ]
}

/// Fills the experts' pool and connects every expert with their account.
pub fn fill_pool(house: &TestHouse, cast: &Cast) {
    let expert = |(index, member): (usize, &Member)| Expert {
        registry_id: registry_id(index),
        name: member.who.name.clone(),
        specialities: vec![if index.is_multiple_of(2) { "A080101" } else { "B0101" }.into()],
        employer: super::cast::expert_employer(index),
        region: "210200".into(),
        standing: Standing::Active,
        phone: String::new(),
        former_employers: vec![],
        avoid_units: vec![],
    };
    import_people(house, &cast.staff, cast.experts.iter().enumerate().map(expert).collect());
    for (index, member) in cast.experts.iter().enumerate() {
        let (who, login) = (cast.staff.centre.who.clone(), member.who.login.clone());
        let link = move |act: &mut crate::ledger::Act<'_>| {
            drawing::link_account(act, &who, &login, &registry_id(index))
        };
        house.act(&cast.staff.centre.who, link).unwrap();
    }
}

fn registry_id(index: usize) -> String {
    format!("E{:05}", index + 1)
}

/// Tells one story from its beginning as far as it goes; gives the box of bids, if the story has one.
pub fn tell(house: &TestHouse, cast: &Cast, story: &Story) -> Option<BidBox> {
    let (staff, shape) = (&cast.staff, story.shape());
    // a draft is written days before its documents shall go out
    let ahead = if story.until <= Until::Noticed { 4 * DAY } else { HOUR };
    house.clock.move_to(story.start.plus(-ahead));
    let tender = draft(house, staff, &shape);
    write(house, staff, tender);
    if story.until == Until::Draft {
        return None;
    }
    publish(house, staff, tender);
    if story.until == Until::Noticed {
        return None;
    }
    let lot = house.door().read(|db| crate::project::store::lots_of(db, tender)).unwrap()[0].lot;
    house.clock.move_to(story.start.plus(HOUR));
    if matches!(story.until, Until::Announced | Until::BidsIn) {
        ask(house, cast, tender, story);
    }
    if story.until == Until::Announced {
        // its trustees have not given their keys yet: whoever walks on from here does, in three browsers
        return None;
    }
    if story.until == Until::Cancelled {
        give_up(house, cast, lot, story.start.plus(3 * DAY));
        return None;
    }
    house.clock.move_to(story.start.plus(4 * DAY));
    let trustees = [&staff.agent, &staff.entity, &staff.supervisor];
    let boxes = ready_set(house, tender, &trustees);
    if SHUT.contains(&story.number) {
        keys::keep(house, story.number, &trustees, &boxes);
    }
    let bidders: Vec<Member> = cast.bidders.iter().take(story.prices.len()).cloned().collect();
    let mut box_ = BidBox { staff: staff.clone(), lot, boxes, bidders, bidder_keys: Vec::new() };
    house.clock.move_to(story.start.plus(14 * DAY));
    hand_in(house, cast, story, tender, &mut box_);
    if story.until == Until::BidsIn {
        return Some(box_);
    }
    if story.until == Until::Closed {
        box_.close(house);
        return Some(box_);
    }
    // bidders and experts come the day before and on the day
    house.clock.move_to(shape.schedule.bids_until.plus(-DAY));
    draw_experts(house, cast, lot);
    house.clock.move_to(shape.schedule.bids_until.plus(-20 * MINUTE));
    if open(house, cast, &box_) == Outcome::TooFew {
        pay_back(house, cast);
        return Some(box_);
    }
    if story.until == Until::Opened {
        return Some(box_);
    }
    house.clock.move_to(shape.schedule.bids_until.plus(2 * HOUR));
    evaluate(house, cast, lot, story.until);
    if story.until >= Until::Evaluated {
        finish(house, cast, lot, story);
    }
    Some(box_)
}

/// Bidders pay, take the documents and hand in what the story says.
fn hand_in(house: &TestHouse, cast: &Cast, story: &Story, tender: Id<Tender>, box_: &mut BidBox) {
    let lot = box_.lot;
    let terms = facts(house, lot).terms;
    for (bidder, price) in box_.bidders.iter().zip(story.prices) {
        house.clock.move_to(house.door().now().plus(7 * MINUTE));
        deposit::testing::paid(house, &cast.treasurer.who, &bidder.who, lot);
        take_documents(house, bidder, tender);
        for kind in envelopes_of(&terms) {
            let offer = match kind {
                EnvelopeKind::Technical => Offer::technical("教学设备技术方案、供货与培训计划"),
                EnvelopeKind::Single | EnvelopeKind::Commercial => Offer::priced(price),
            };
            if terms.dual.is_some() {
                box_.bidder_keys.push(bid_dual(house, bidder, lot, *kind, (&offer, None)));
            } else {
                bid(house, bidder, lot, *kind, &offer).unwrap();
            }
        }
    }
    if story.number == LOCKED_TWICE {
        keys::keep_bidders(house, box_);
    }
}

/// The entity ends the tender for good.
fn give_up(house: &TestHouse, cast: &Cast, lot: Id<Lot>, at: Moment) {
    house.clock.move_to(at);
    let entity = &cast.staff.entity.who;
    let who = entity.clone();
    house.act(entity, move |act| crate::project::actions::cancel(act, &who, lot, GIVEN_UP)).unwrap();
}

/// Two bidders ask and are answered the same day.
fn ask(house: &TestHouse, cast: &Cast, tender: Id<Tender>, story: &Story) {
    let start = story.start;
    let questions = if story.category == Category::Goods { QUESTIONS_ON_GOODS } else { QUESTIONS };
    let agent = &cast.staff.agent;
    for ((days, (question, answer)), bidder) in (2..).zip(questions).zip(&cast.bidders) {
        house.clock.move_to(start.plus(days * DAY));
        let who = bidder.who.clone();
        let asked = house.act(&bidder.who, move |act| asking::ask(act, &who, tender, question));
        let asked = asked.unwrap().value;
        house.clock.move_to(start.plus(days * DAY + 6 * HOUR));
        let now = house.door().now();
        let read = house
            .door()
            .read(|db| asking::check_answer(db, &agent.who, asked, answer, Weight::Editorial, now));
        publishing::signing(house, agent, &read.unwrap().statement(), move |act, authority, who, fields| {
            asking::answer(act, authority, who, asked, (answer, Weight::Editorial), fields)
        })
        .unwrap();
    }
}

/// A bidder takes everything that was published.
fn take_documents(house: &TestHouse, bidder: &Member, tender: Id<Tender>) {
    for row in house.door().read(|db| announcement::store::documents(db, tender)).unwrap() {
        let who = bidder.who.clone();
        house.act(&bidder.who, move |act| announcement::actions::download(act, &who, row.id)).unwrap();
    }
}

/// The treasurer orders all refunds that are due for the next working morning and sees them paid.
fn pay_back(house: &TestHouse, cast: &Cast) {
    house.clock.move_to(next_morning(house.door().now()));
    let order = BatchOrder {
        execute_on: house.door().now().beijing_date(),
        deposit_rate: Decimal::new(35, 2),
        lending_rate: Decimal::new(3, 0),
        day_base: 360,
    };
    let treasurer = &cast.treasurer.who;
    house.act(treasurer, move |act| deposit::actions::make_batch(act, &order)).unwrap();
    let vault = house.door().vault().clone();
    for refund in house.door().read(|db| deposit::store::open_refunds(db, &vault)).unwrap() {
        house.act(treasurer, move |act| deposit::actions::confirm_paid(act, refund.id)).unwrap();
    }
}

/// Nine o'clock on the next day on which people work.
fn next_morning(now: Moment) -> Moment {
    let tomorrow = now.beijing_date().succ_opt().unwrap();
    let day = Calendar::official().working_day_from(tomorrow).unwrap();
    Moment::parse_beijing(&format!("{day}T09:00:00")).unwrap()
}

fn draw_experts(house: &TestHouse, cast: &Cast, lot: Id<Lot>) {
    let draw = drawn_from_pool(house, &cast.staff, lot, 3, 2);
    for member in seated(house, cast, lot) {
        let who = member.who.clone();
        house.act(&member.who, move |act| drawing::answer(act, &who, draw, Accept::Yes)).unwrap();
    }
}

/// The experts of the pool who hold seats, in the order of the draw.
fn seated(house: &TestHouse, cast: &Cast, lot: Id<Lot>) -> Vec<Member> {
    let vault = house.door().vault().clone();
    let members = house.door().read(|db| drawing::members(db, &vault, lot)).unwrap();
    let of = |person| cast.experts.iter().find(|expert| Some(expert.who.person) == person).unwrap().clone();
    members.into_iter().map(|member| of(member.person)).collect()
}

/// Everybody signs in, the box is closed, two trustees release, the agent opens, the record is signed and published.
pub fn open(house: &TestHouse, cast: &Cast, box_: &BidBox) -> Outcome {
    let (lot, staff) = (box_.lot, &cast.staff);
    let deadline = facts(house, lot).schedule.unwrap().bids_until;
    house.clock.move_to(deadline);
    let outcome = box_.close(house);
    if outcome == Outcome::TooFew {
        return outcome;
    }
    for member in box_.bidders.iter().chain([&staff.agent, &staff.entity, &staff.supervisor]) {
        let who = member.who.clone();
        house.act(&member.who, move |act| hall::sign_in(act, &who, lot)).unwrap();
    }
    let envelope = box_.first(house);
    house.clock.move_to(deadline.plus(5 * MINUTE));
    for (i, file) in (1..).zip(&box_.bidder_keys) {
        box_.give_key(house, envelope, i, file);
    }
    box_.release(house, envelope, &[1, 2]);
    box_.open(house, envelope, false).unwrap();
    let facts = facts(house, lot);
    for (name, _) in numbers_to_draw(&facts.terms.evaluation) {
        drawn_number(house, staff, lot, &name);
    }
    house.clock.move_to(deadline.plus(20 * MINUTE));
    let vault = house.door().vault().clone();
    let record = house.door().read(|db| protocol::record_of(db, &vault, &facts, envelope)).unwrap().unwrap();
    for (place, member) in [&staff.agent, &box_.bidders[0], &staff.supervisor].into_iter().enumerate() {
        let (fields, authority, who) =
            (member.sign(&record.statement()), house.authority().clone(), member.who.clone());
        let sign = move |act: &mut crate::ledger::Act<'_>| {
            if place == 0 {
                protocol::publish(act, &authority, &who, lot, envelope, &fields)
            } else {
                protocol::sign(act, &authority, &who, lot, envelope, &fields)
            }
        };
        house.act(&member.who, sign).unwrap();
    }
    outcome
}

/// The committee is formed from the draw, recorded, reviews and scores; the last member signs the report unless the story
/// stops before.
fn evaluate(house: &TestHouse, cast: &Cast, lot: Id<Lot>, until: Until) {
    let staff = &cast.staff;
    let (vault, now_facts) = (house.door().vault().clone(), facts(house, lot));
    let holder = |member: &Member| Holder {
        person: member.who.person,
        name: member.who.name.clone(),
        organisation: member.who.organisation_name.clone(),
    };
    let delegates: Vec<Holder> = cast.delegates.iter().map(holder).collect();
    let opened = house.door().read(|db| intake::opened(db, &vault, &now_facts)).unwrap();
    let invited = house.door().read(|db| intake::invited(db, &vault, &now_facts, &delegates)).unwrap();
    assert_eq!(invited.iter().filter(|seat| seat.kind == SeatKind::Expert).count(), 5);
    let who = staff.agent.who.clone();
    house.act(&staff.agent.who, move |act| evaluating::convene(act, &who, lot, &opened, &invited)).unwrap();
    let mut members = seated(house, cast, lot);
    members.extend(cast.delegates.iter().cloned());
    let committee = Committee { lot, members, bidders: cast.bidders.clone() };
    committee.start(house, staff);
    committee.review(house, &[]);
    if until == Until::Evaluating {
        return;
    }
    committee.score(house);
    committee.close(house);
    committee.sign(house);
    let sessions = house.door().read(|db| recording::store::sessions_of(db, lot)).unwrap();
    for session in sessions {
        recording::testing::run(recording::actions::finish(house.door(), session.id)).unwrap();
    }
}

fn finish(house: &TestHouse, cast: &Cast, lot: Id<Lot>, story: &Story) {
    let staff = &cast.staff;
    if story.until < Until::OnDisplay {
        return;
    }
    let shown = next_morning(house.door().now());
    house.clock.move_to(shown);
    publishing::display(house, staff, lot).unwrap();
    if story.until < Until::Awarded {
        return;
    }
    if story.number == OBJECTED {
        object(house, cast, lot, shown.plus(3 * DAY));
    }
    house.clock.move_to(shown.plus(5 * DAY));
    let (_, closed) = publishing::report(house, lot);
    let first = closed.report.result.candidates.first().unwrap().clone();
    publishing::award(house, staff, lot, &first, None).unwrap();
    if story.until < Until::Finished {
        return;
    }
    publishing::result(house, staff, lot).unwrap();
    house.clock.move_to(house.door().now().plus(7 * DAY));
    publishing::contract(house, staff, lot).unwrap();
    pay_back(house, cast);
}

/// A bidder objects to the result; the agent answers the next day.
fn object(house: &TestHouse, cast: &Cast, lot: Id<Lot>, at: Moment) {
    house.clock.move_to(at);
    let paper = objecting::objection_of(&facts(house, lot), Subject::Result, OBJECTION);
    let objector = &cast.bidders[4];
    let case = publishing::signing(house, objector, &jcs_text(&paper), move |act, authority, who, fields| {
        objecting::file(act, authority, who, lot, Subject::Result, fields)
    })
    .unwrap();
    house.clock.move_to(at.plus(DAY));
    let paper = objecting::answer_of(case, Found::Dismissed, OBJECTION_ANSWER);
    let agent = &cast.staff.agent;
    publishing::signing(house, agent, &jcs_text(&paper), move |act, authority, who, fields| {
        objecting::answer(act, authority, who, case, fields)
    })
    .unwrap();
}
