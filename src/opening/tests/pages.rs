use crate::account::testing::TestHouse;
use crate::expert_draw::coefficient::CoefficientRecord;
use crate::expert_draw::testing::{drawn, drawn_number};
use crate::on_both_databases;
use crate::opening::testing::bids_in;
use crate::platform::canonical::{from_jcs, jcs_text};
use crate::platform::database::testing::Engine;
use crate::sealing::context::EnvelopeKind as Kind;
use crate::tests::browser::Served;

on_both_databases! {
    the_hall_tells_nothing_before_the_deadline_and_reads_out_after_the_opening
    a_page_that_is_shown_while_the_session_is_renewed_can_still_be_sent
    the_number_that_is_drawn_in_the_hall_is_seen_by_everybody_and_stands_in_the_record
}

const HALL: &str = "/opening/TEST-0001/1";

fn the_hall_tells_nothing_before_the_deadline_and_reads_out_after_the_opening(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["9500000.00", "9300000.00", "9800000.50"]);
    let served = Served::start(house);
    let house = &served.house;
    let mut public = served.visitor();
    let before = public.get(HALL).expect_status(200).text();
    assert!(before.contains("data-countdown") && !before.contains("bidder1"));
    house.at("2026-03-25 09:30:00");
    let mut agent = served.browser(&filled.staff.agent);
    assert!(agent.get(HALL).expect_status(200).text().contains("/closing"));
    agent.post(&format!("{HALL}/closing"), &[]).expect_status(303);
    let mut bidder = served.browser(&filled.bidders[0]);
    bidder.get(HALL);
    bidder.post(&format!("{HALL}/arrival"), &[]).expect_status(303);
    for i in [1u8, 2] {
        let mut trustee = served.browser(filled.trustee(i));
        let shown = trustee.get(HALL).expect_status(200).text();
        assert!(shown.contains("data-release=\"TEST-0001\""));
        trustee.get(&format!("{HALL}/single/bundle.json")).expect_status(200);
        let release = jcs_text(&filled.made(house, Kind::Single, i));
        trustee.get(HALL);
        trustee.post(&format!("{HALL}/single/release"), &[("release", &release)]).expect_status(303);
    }
    bidder.get(&format!("{HALL}/single/bundle.json")).expect_status(403);
    let waiting = public.get(HALL).expect_status(200).text();
    assert!(
        waiting.contains("bidder1") && !waiting.contains("9,300,000.00") && !waiting.contains("9300000.00")
    );
    agent.get(HALL);
    agent.post(&format!("{HALL}/single/open"), &[]).expect_status(303);
    let after = public.get(HALL).expect_status(200).text();
    assert!(["9,500,000.00", "9,300,000.00", "9,800,000.50"].iter().all(|price| after.contains(price)));
    public.get(&format!("{HALL}/single/record.json")).expect_status(409);
    agent.sign(&filled.staff.agent, HALL, &format!("{HALL}/single/publication"), &[]).expect_status(303);
    let record = public.get(&format!("{HALL}/single/record.json")).expect_status(200).text();
    assert!(record.contains("9800000.50") && record.contains("bidder1"));
}

fn a_page_that_is_shown_while_the_session_is_renewed_can_still_be_sent(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    house.at("2026-03-25 09:00:00");
    let served = Served::start(house);
    let mut agent = served.browser(&filled.staff.agent);
    served.house.at("2026-03-25 09:30:00");
    agent.get(HALL).expect_status(200);
    agent.post(&format!("{HALL}/closing"), &[]).expect_status(303);
}

fn the_number_that_is_drawn_in_the_hall_is_seen_by_everybody_and_stands_in_the_record(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    let experts = drawn(&house, &filled.staff, filled.lot, 3, 2);
    let filled = filled.opened(&house);
    let served = Served::start(house);
    let (mut public, mut agent) = (served.visitor(), served.browser(&filled.staff.agent));
    let before = public.get(HALL).expect_status(200).text();
    assert!(before.contains("0.01、0.02、0.03、0.04、0.05") && before.contains("尚未设置抽取"), "{before}");
    assert!(!before.contains("/expert-draw/"), "the public sets nothing up");
    assert!(agent.get(HALL).text().contains("href=\"/expert-draw/TEST-0001/1\""));
    let draw = drawn_number(&served.house, &filled.staff, filled.lot, "k");
    let record = format!("{HALL}/draws/{draw}/record.json");
    let after = public.get(HALL).expect_status(200).text();
    assert!(after.contains(&record) && after.contains("5 2 8") && after.contains("福彩3D"), "{after}");
    let file = public.get(&record).expect_status(200).text();
    let drawn: CoefficientRecord = from_jcs(file.as_bytes()).unwrap();
    assert_eq!(drawn.check(), Ok(()));
    assert!(after.contains(&format!("<strong>k = {}</strong>", drawn.result.value)), "{after}");
    // the experts' draw names people and is not read here
    public.get(&format!("{HALL}/draws/{experts}/record.json")).expect_status(404);
    agent.sign(&filled.staff.agent, HALL, &format!("{HALL}/single/publication"), &[]).expect_status(303);
    let signed = public.get(&format!("{HALL}/single/record.json")).expect_status(200).text();
    let line =
        format!("\"drawn\":[{{\"draw\":\"{draw}\",\"name\":\"k\",\"value\":\"{}\"}}]", drawn.result.value);
    assert!(signed.contains(&line), "{line} is not in {signed}");
}
