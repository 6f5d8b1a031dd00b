//! Lists against the computed phase, paging, search, and the public pages over HTTP.

use std::collections::BTreeSet;

use super::duties::{self, Duty};
use super::pages::PHASES;
use super::store::{self, Query, Sort};
use super::timeline::{Place, timeline, turn};
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::announcement::testing::{publish, published, published_by, write};
use crate::on_both_databases;
use crate::opening::testing::{BidBox, bids_in};
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::platform::moment::{DAY, Moment};
use crate::platform::money::Fen;
use crate::project;
use crate::project::phase::{Milestone, Phase};
use crate::project::rules::Lot;
use crate::project::testing::{Shape, Staff, announced, draft, facts, schedule, staff};
use crate::sealed_bid::drill::Readiness;
use crate::sealed_bid::testing::{Offer, bid};
use crate::sealed_bid::trustees_store::complete_set;
use crate::sealed_bid::trustees_testing::{Boxes, give_key, hold_drill, sign};
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::EnvelopeKind;
use crate::tests::browser::Served;

on_both_databases! {
    a_list_of_a_phase_holds_exactly_the_lots_in_that_phase_at_every_moment
    pages_follow_each_other_without_a_gap_or_a_repetition
    a_word_finds_exactly_the_lots_that_have_it
    filters_narrow_together
    drafts_are_never_shown
    what_happened_last_comes_first
    a_timeline_has_one_next_step_and_says_whose_turn_it_is
    the_public_pages_can_be_read_by_anybody_in_both_languages
    every_role_has_a_desk
    a_bidder_finds_the_lots_of_their_bids_and_the_agent_what_comes_next
    a_trustee_reads_on_the_desk_when_it_is_their_turn_and_what_to_do
}

const HISTORIES: [&[Milestone]; 12] = [
    &[],
    &[Milestone::BiddingClosed],
    &[Milestone::BiddingClosed, Milestone::Opened],
    &[Milestone::BiddingClosed, Milestone::Opened, Milestone::Evaluated],
    &[Milestone::Opened, Milestone::Evaluated, Milestone::CandidatesPublished],
    &[Milestone::Opened, Milestone::Evaluated, Milestone::Awarded],
    &[Milestone::Opened, Milestone::Awarded, Milestone::ResultPublished, Milestone::ContractSigned],
    &[Milestone::BiddingClosed, Milestone::NotOpened],
    &[Milestone::Opened, Milestone::Unsuccessful],
    &[Milestone::Cancelled],
    &[Milestone::Frozen],
    &[Milestone::Suspended, Milestone::Suspended, Milestone::Resumed],
];

fn many(house: &TestHouse, staff: &Staff) -> Vec<Id<Lot>> {
    let mut lots = Vec::new();
    for (place, history) in HISTORIES.into_iter().enumerate() {
        let number = format!("MANY-{place:04}");
        let lot = announced(house, staff, &Shape { number, ..Shape::default() });
        for &milestone in history {
            house.act(&staff.agent.who, move |act| project::actions::reach(act, lot, milestone)).unwrap();
        }
        house.clock.move_to(house.door().now().plus(1_000_000));
        lots.push(lot);
    }
    lots
}

fn listed(house: &TestHouse, query: &Query, now: Moment) -> Vec<String> {
    let rows = house.door().read(|db| store::lots(db, query, now, 100)).unwrap();
    rows.into_iter().map(|row| row.lot).collect()
}

fn a_list_of_a_phase_holds_exactly_the_lots_in_that_phase_at_every_moment(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    // before the documents are issued; no list is ever read at a moment before a hold that it knows of
    house.at("2026-03-01 10:00:00");
    let lots = many(&house, &staff);
    let plan = schedule();
    for now in [
        plan.documents_from.plus(-1),
        plan.documents_from,
        plan.questions_until,
        plan.bids_until.plus(-1),
        plan.bids_until,
        plan.bids_until.plus(40 * DAY),
    ] {
        for phase in PHASES {
            let found: BTreeSet<String> =
                listed(&house, &Query { phase: Some(phase), ..Query::default() }, now).into_iter().collect();
            let expected: BTreeSet<String> = lots
                .iter()
                .filter(|&&lot| facts(&house, lot).phase(now) == phase)
                .map(Id::to_string)
                .collect();
            assert_eq!(found, expected, "{phase:?} at {}", now.beijing());
        }
        let rows = house.door().read(|db| store::lots(db, &Query::default(), now, 100)).unwrap();
        for row in rows {
            let lot = Id::parse(&row.lot).unwrap();
            assert_eq!(row.phase, facts(&house, lot).phase(now));
        }
    }
}

fn pages_follow_each_other_without_a_gap_or_a_repetition(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    many(&house, &staff);
    let now = schedule().documents_from.plus(DAY);
    for sort in [Sort::Newest, Sort::Deadline] {
        let mut seen = Vec::new();
        let mut query = Query { sort, ..Query::default() };
        loop {
            let rows = house.door().read(|db| store::lots(db, &query, now, 5)).unwrap();
            let Some(last) = rows.last() else { break };
            query.after = Some(last.key(sort));
            seen.extend(rows.into_iter().map(|row| row.lot));
        }
        assert_eq!(seen, listed(&house, &Query { sort, ..Query::default() }, now));
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), HISTORIES.len());
    }
}

fn a_word_finds_exactly_the_lots_that_have_it(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let bridge = announced(&house, &staff, &Shape::default()).to_string();
    let desks = announced(&house, &staff, &Shape::procurement()).to_string();
    let now = house.door().now();
    let found = |word: &str| listed(&house, &Query { word: word.into(), ..Query::default() }, now);
    assert_eq!(found("桥梁"), std::slice::from_ref(&bridge));
    assert_eq!(found("教学设备"), std::slice::from_ref(&desks));
    assert_eq!(found("test-0002"), std::slice::from_ref(&desks));
    assert_eq!(found("桥梁 设备"), [] as [&str; 0]);
    assert_eq!(found("没有这种东西"), [] as [&str; 0]);
    assert_eq!(found("有限公司").len(), 2);
    assert_eq!(found("").len(), 2);
    assert_eq!(found("' OR 1=1 --"), [] as [&str; 0]);
}

fn filters_narrow_together(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    announced(&house, &staff, &Shape::default());
    let desks = announced(&house, &staff, &Shape::procurement()).to_string();
    let now = house.door().now();
    let query = Query {
        category: Some("goods".into()),
        region: Some("210200".into()),
        word: "采购".into(),
        sort: Sort::Deadline,
        ..Query::default()
    };
    assert_eq!(listed(&house, &query, now), [desks]);
    assert_eq!(listed(&house, &Query { region: Some("110000".into()), ..query }, now), [] as [&str; 0]);
}

fn drafts_are_never_shown(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    draft(&house, &staff, &Shape::default());
    let now = house.door().now();
    assert_eq!(listed(&house, &Query::default(), now), [] as [&str; 0]);
    assert_eq!(house.door().read(|db| store::news(db, None, 10)).unwrap(), []);
}

fn what_happened_last_comes_first(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lots = many(&house, &staff);
    let news = house.door().read(|db| store::news(db, None, 100)).unwrap();
    assert!(news.windows(2).all(|pair| pair[0].at >= pair[1].at));
    let results = house.door().read(|db| store::news(db, Some(Milestone::ResultPublished), 10)).unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!(facts(&house, lots[6]).name(), format!("{}/{}", results[0].number, results[0].lot_number));
}

fn a_timeline_has_one_next_step_and_says_whose_turn_it_is(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    for lot in many(&house, &staff) {
        let facts = facts(&house, lot);
        let book = facts.book().unwrap();
        for now in
            [schedule().questions_until.plus(-1), schedule().bids_until, schedule().bids_until.plus(40 * DAY)]
        {
            let line = timeline(&facts, book, now);
            let next = line.iter().filter(|point| point.place == Place::Next).count();
            let phase = facts.phase(now);
            assert!(next <= 1 && (next == 1 || phase.is_final()), "{phase:?} {line:?}");
            let dated: Vec<_> = line.iter().filter_map(|point| point.at).collect();
            assert!(dated.windows(2).all(|pair| pair[0] <= pair[1]));
            for trustees in [Readiness::NoSet, Readiness::Untried, Readiness::Trying, Readiness::Done] {
                let key = turn(&facts, &trustees, now);
                let theirs = matches!(key.as_str(), "portal.turn.trustees" | "portal.turn.drill");
                let before = matches!(phase, Phase::Announced | Phase::Bidding) && !facts.hold().is_held();
                assert_eq!(theirs, before && trustees != Readiness::Done, "{key} in {phase:?}");
                for locale in ["zh-CN", "en"] {
                    assert!(!rust_i18n::t!(key.as_str(), locale = locale).contains(&key), "{key}");
                }
            }
        }
    }
}

fn the_public_pages_can_be_read_by_anybody_in_both_languages(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, _) = published(&house, &Shape::default());
    let hidden = draft(
        &house,
        &staff,
        &Shape { number: "HIDDEN-1".into(), title: "还没公告的项目".into(), ..Shape::default() },
    );
    write(&house, &staff, hidden);
    let served = Served::start(house);
    let mut visitor = served.visitor();
    for lang in ["zh-CN", "en"] {
        visitor.get(&format!("/account/lang/{lang}"));
        let paths = [
            "/",
            "/tenders",
            "/tenders?word=%E6%A1%A5%E6%A2%81&phase=bidding&sort=deadline&after=x",
            "/tender/TEST-0001",
            "/announcement/TEST-0001",
            "/announcement/TEST-0001/version/1",
            "/clarification/TEST-0001",
            "/feed.atom",
        ];
        for path in paths {
            let text = visitor.get(path).expect_status(200).text();
            assert!(text.contains("滨海路桥梁维修工程"), "{path}");
            assert!(!text.contains("HIDDEN-1") && !text.contains("还没公告"), "{path}");
            let raw = ["project.", "portal.", "announcement.", "clarification.", "platform."];
            assert!(
                !raw.iter().any(|key| text.contains(&format!("{lang}.{key}"))),
                "{path} shows a raw key: {text}"
            );
        }
    }
    visitor.get("/tender/HIDDEN-1").expect_status(404);
    visitor.get("/tender/NOSUCH-1").expect_status(404);
    let csv = visitor.get("/tenders.csv").expect_status(200);
    let mut lines = csv::Reader::from_reader(csv.bytes.as_ref());
    let rows: Vec<csv::StringRecord> = lines.records().map(Result::unwrap).collect();
    assert_eq!((rows.len(), &rows[0][0], &rows[0][6]), (1, "TEST-0001", "10000000.00"));
    publish(&served.house, &staff, hidden);
    visitor.get("/tender/HIDDEN-1").expect_status(200);
}

fn every_role_has_a_desk(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, _) = published(&house, &Shape::default());
    let served = Served::start(house);
    for member in [&staff.agent, &staff.entity, &staff.supervisor, &staff.centre] {
        served.browser(member).get("/desk").expect_status(200);
    }
    let mut agent = served.browser(&staff.agent);
    assert!(agent.get("/desk").text().contains("TEST-0001/1"));
    let mut bidder = served.browser(&served.house.member(crate::account::role::Role::Bidder, "bidder"));
    assert!(!bidder.get("/desk").expect_status(200).text().contains("TEST-0001/1"));
    let notice = bidder.get("/announcement/TEST-0001").expect_status(200).text();
    let form = notice.split("action=\"/announcement/TEST-0001/document/").nth(1).unwrap();
    let path = format!("/announcement/TEST-0001/document/{}", form.split('"').next().unwrap());
    // the test's document was never stored as a file: the download is kept, then its content is missing
    assert_ne!(bidder.post(&path, &[]).status, 403);
    assert!(bidder.get("/desk").text().contains("TEST-0001/1"));
}

fn a_bidder_finds_the_lots_of_their_bids_and_the_agent_what_comes_next(engine: Engine) {
    let house = TestHouse::new(engine);
    let bids = bids_in(&house, &["9000000.00", "9100000.00", "9200000.00"]).opened(&house);
    let facts = facts(&house, bids.lot);
    let now = house.door().now();
    assert_eq!(turn(&facts, &Readiness::Done, now), "portal.turn.draw");
    let served = Served::start(house);
    let desk = served.browser(&bids.bidders[0]).get("/desk").expect_status(200).text();
    assert!(desk.contains(&facts.name()) && desk.contains("抽取评标专家"), "{desk}");
    // once the bids are closed a notice is amended no more, and the next rooms are one click away
    let own = served
        .browser(&bids.staff.agent)
        .get(&format!("/project/{}", facts.number))
        .expect_status(200)
        .text();
    assert!(!own.contains("/amend\""), "{own}");
    for room in ["expert-draw", "opening", "evaluation", "publication"] {
        assert!(own.contains(&format!("href=\"/{room}/{}\"", facts.name())), "{room}");
    }
    let hall = served.visitor().get(&format!("/opening/{}", facts.name())).expect_status(200).text();
    assert!(hall.contains("9,100,000.00"), "amounts are read out with their thousands apart");
}

fn a_trustee_reads_on_the_desk_when_it_is_their_turn_and_what_to_do(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = published_by(&house, &staff, &Shape { deposit: Fen(0), ..Shape::default() });
    let tender = facts(&house, lot).tender;
    let seats = staff.clone();
    let trustees = seats.trustees();
    let served = Served::start(house);
    let house = &served.house;
    let duties = |member: &Member| {
        let now = house.door().now();
        let found = house.door().read(|db| duties::of(db, &member.who, now)).unwrap();
        found.into_iter().map(|waiting| (waiting.duty, waiting.href)).collect::<Vec<_>>()
    };
    let desk = |member: &Member| served.browser(member).get("/desk").expect_status(200).text();
    let (keys, hall) = ("/sealed-bid/TEST-0001/trustees".to_owned(), "/opening/TEST-0001/1".to_owned());
    assert_eq!(duties(trustees[1]), [(Duty::Key, keys.clone())]);
    assert!(desk(trustees[1]).contains("提交您的保管密钥") && desk(trustees[1]).contains(&keys));
    assert!(duties(&staff.centre).is_empty() && !desk(&staff.centre).contains("轮到您了"));
    let own: Vec<BoxKey> = trustees.iter().map(|_| BoxKey::random()).collect();
    trustees.iter().zip(&own).for_each(|(trustee, key)| give_key(house, tender, trustee, &key.public()));
    assert_eq!(duties(trustees[1]), [(Duty::Signature, keys.clone())]);
    assert!(desk(trustees[1]).contains("签署保管人名单"));
    trustees.iter().for_each(|trustee| sign(house, tender, trustee));
    let set = house.door().read(|db| complete_set(db, tender)).unwrap().unwrap();
    let boxes = Boxes { keys: own, set };
    assert_eq!(duties(trustees[1]), [(Duty::Drill, keys.clone())]);
    assert!(desk(trustees[1]).contains("完成解密演练"));
    hold_drill(house, tender, &trustees, &boxes);
    assert!(duties(trustees[1]).is_empty() && !desk(trustees[1]).contains("轮到您了"));

    house.at("2026-03-24 10:00:00");
    let filled = BidBox { staff, lot, boxes, bidders: Vec::new(), bidder_keys: Vec::new() };
    for number in 1..=3 {
        let member = house.member(Role::Bidder, &format!("bidder{number}"));
        bid(house, &member, lot, EnvelopeKind::Single, &Offer::priced("9000000.00")).unwrap();
    }
    assert!(duties(filled.trustee(2)).is_empty());
    filled.close(house);
    assert_eq!(duties(filled.trustee(2)), [(Duty::Release, hall.clone())]);
    let shown = desk(filled.trustee(2));
    assert!(shown.contains("等您释放密钥份额") && shown.contains(&format!("href=\"{hall}\"")), "{shown}");
    filled.release(house, EnvelopeKind::Single, &[2]);
    assert!(duties(filled.trustee(2)).is_empty(), "once is enough");
    assert_eq!(duties(filled.trustee(1)), [(Duty::Release, hall)]);
    filled.release(house, EnvelopeKind::Single, &[1]);
    filled.open(house, EnvelopeKind::Single, false).unwrap();
    assert!(duties(filled.trustee(3)).is_empty(), "it is open without the third");
}
