//! What people see of an opening besides the hall itself: the day's list, the wall, the printed record, the replay, and
//! each bid while it is decrypted.

use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::ledger::proof::Receipt;
use crate::on_both_databases;
use crate::opening::progress::BidStep;
use crate::opening::testing::{BidBox, bids_in, empty_box};
use crate::opening::{hall, jobs, store};
use crate::platform::database::testing::Engine;
use crate::platform::money::Fen;
use crate::project::store as projects;
use crate::project::testing::{Shape, announced, draft};
use crate::sealed_bid::testing::{Offer, bid};
use crate::sealing::context::EnvelopeKind as Kind;
use crate::tests::browser::{Browser, Served};
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

on_both_databases! {
    the_days_list_shows_dozens_of_openings_and_how_far_each_one_is
    dozens_of_boxes_due_at_one_moment_are_closed_by_the_clock_and_opened_at_once
    the_wall_shows_the_countdown_then_the_read_out_and_one_bid_alone
    the_record_is_read_and_printed_with_objections_answers_and_signatures
    the_replay_tells_every_step_from_the_log_and_proves_it
    each_bid_is_shown_while_it_is_decrypted_and_never_whose_it_is
    a_bid_waits_until_its_own_decryption_begins
    who_opens_what_is_being_opened_waits_for_it_and_nothing_is_decrypted_twice
}

const HALL: &str = "/opening/TEST-0001/1";
const DAY: &str = "/opening?day=2026-03-25";

fn the_days_list_shows_dozens_of_openings_and_how_far_each_one_is(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    house.at("2026-02-25 09:00:00");
    let many = Shape { number: "TEST-0030".into(), lots: 30, ..Shape::default() };
    announced(&house, &filled.staff, &many);
    draft(&house, &filled.staff, &Shape { number: "TEST-0099".into(), ..Shape::default() });
    house.at("2026-03-25 09:29:00");
    let served = Served::start(house);
    let mut public = served.visitor();
    let before = public.get(DAY).expect_status(200).text();
    for lot in (1..=30).map(|lot| format!("\"/opening/TEST-0030/{lot}\"")).chain([format!("\"{HALL}\"")]) {
        assert!(before.contains(&lot), "{lot} is not in {before}");
    }
    assert!(before.contains("共 31 个标段") && before.contains("未开始 31"), "{before}");
    assert!(!before.contains("TEST-0099"), "a draft is nobody's opening");
    assert!(!before.contains("bidder") && before.contains("<td class=\"num\">–</td>"), "{before}");
    filled.close(&served.house);
    let closed = public.get(DAY).text();
    assert!(closed.contains("等待密钥份额") && closed.contains("投标文件 0/2"), "{closed}");
    assert!(closed.contains("<td class=\"num\">3</td>") && closed.contains("正在封箱"), "{closed}");
    assert!(closed.contains("进行中 31"), "{closed}");
    filled.release(&served.house, Kind::Single, &[1, 3]);
    assert!(public.get(DAY).text().contains("投标文件 2/2"));
    filled.open(&served.house, Kind::Single, false).unwrap();
    assert!(public.get(DAY).text().contains("唱标与异议"));
    publish(&served, &filled);
    let over = public.get(DAY).text();
    assert!(over.contains("已结束 1") && over.contains("开标结束"), "{over}");
    assert!(public.get("/opening?day=2026-03-24").expect_status(200).text().contains("这一天没有开标"));
    // without a day, or with nonsense, it is today
    for address in ["/opening", "/opening?day=nonsense", "/opening?day=999999-01-01"] {
        assert!(public.get(address).expect_status(200).text().contains(HALL), "{address}");
    }
}

fn dozens_of_boxes_due_at_one_moment_are_closed_by_the_clock_and_opened_at_once(engine: Engine) {
    const LOTS: u8 = 24;
    let house = TestHouse::new(engine);
    let shape = Shape { lots: LOTS, deposit: Fen(0), ..Shape::default() };
    let mut filled = empty_box(&house, &shape);
    let tender = house.door().read(|db| projects::known_lot(db, filled.lot)).unwrap().tender;
    let lots = house.door().read(|db| projects::lots_of(db, tender)).unwrap();
    house.at("2026-03-24 10:00:00");
    for bidder in 1..=3 {
        let member = house.member(Role::Bidder, &format!("bidder{bidder}"));
        for lot in &lots {
            bid(&house, &member, lot.lot, Kind::Single, &Offer::priced(&format!("{bidder}.00"))).unwrap();
        }
    }
    house.at("2026-03-25 09:30:00");
    jobs::due(house.door()).unwrap();
    for lot in &lots {
        let closing = house.door().read(|db| store::closing(db, lot.lot)).unwrap();
        assert_eq!(closing.map(|closing| closing.bidders), Some(3), "lot {}", lot.lot_number);
        filled.lot = lot.lot;
        filled.release(&house, Kind::Single, &[1, 2]);
    }
    let served = Served::start(house);
    let mut agents: Vec<Browser> = lots.iter().map(|_| served.browser(&filled.staff.agent)).collect();
    std::thread::scope(|scope| {
        for (agent, lot) in agents.iter_mut().zip(&lots) {
            scope.spawn(move || {
                let hall = format!("/opening/TEST-0001/{}", lot.lot_number);
                agent.get(&hall).expect_status(200);
                agent.post(&format!("{hall}/single/open"), &[]).expect_status(303);
            });
        }
    });
    let mut public = served.visitor();
    for lot in &lots {
        let hall = public.get(&format!("/opening/TEST-0001/{}", lot.lot_number)).expect_status(200).text();
        assert!(["1.00", "2.00", "3.00"].iter().all(|price| hall.contains(price)), "lot {}", lot.lot_number);
    }
    assert!(public.get(DAY).text().matches("唱标与异议").count() >= usize::from(LOTS));
}

/// The agent signs and publishes the record.
fn publish(served: &Served, filled: &BidBox) {
    let mut agent = served.browser(&filled.staff.agent);
    agent.sign(&filled.staff.agent, HALL, &format!("{HALL}/single/publication"), &[]).expect_status(303);
}

/// From the closing to the open bids, with arrivals and two trustees.
fn opened(served: &Served, filled: &BidBox) {
    filled.close(&served.house);
    for member in [&filled.staff.agent, &filled.bidders[0], &filled.bidders[1]] {
        let mut browser = served.browser(member);
        browser.get(HALL);
        browser.post(&format!("{HALL}/arrival"), &[]).expect_status(303);
    }
    filled.release(&served.house, Kind::Single, &[1, 2]);
    served.house.at("2026-03-25 09:35:00");
    filled.open(&served.house, Kind::Single, false).unwrap();
}

fn the_wall_shows_the_countdown_then_the_read_out_and_one_bid_alone(engine: Engine) {
    let house = TestHouse::new(engine);
    let prices: Vec<String> = (1..=9).map(|number| format!("{number}00000.00")).collect();
    let filled = bids_in(&house, &prices.iter().map(String::as_str).collect::<Vec<_>>());
    let served = Served::start(house);
    let mut public = served.visitor();
    let wall = format!("{HALL}/screen");
    let before = public.get(&wall).expect_status(200).text();
    assert!(before.contains("data-countdown") && !before.contains("bidder"), "{before}");
    filled.close(&served.house);
    assert!(public.get(&wall).text().contains("<p class=\"screen-count\">9</p>"));
    filled.release(&served.house, Kind::Single, &[1, 2]);
    filled.open(&served.house, Kind::Single, false).unwrap();
    let first = public.get(&wall).text();
    assert!(
        first.contains("bidder8有限公司") && !first.contains("bidder9有限公司"),
        "eight rows fit: {first}"
    );
    assert!(first.contains("rel=\"next\"") && !first.contains("rel=\"prev\""), "{first}");
    let second = public.get(&format!("{wall}?envelope=single&from=9")).text();
    assert!(second.contains("bidder9有限公司") && !second.contains("bidder8有限公司"), "{second}");
    assert!(!second.contains("rel=\"next\"") && second.contains("rel=\"prev\""), "{second}");
    let alone = public.get(&format!("{wall}?envelope=single&bid=2")).text();
    assert!(alone.contains("bidder2有限公司") && alone.contains("200,000.00"), "{alone}");
    assert!(!alone.contains("bidder1有限公司") && !alone.contains("bidder3有限公司"), "{alone}");
    assert!(alone.contains("bid=1\"") && alone.contains("bid=3\""), "{alone}");
    // who turns too far stays at the last one
    assert!(public.get(&format!("{wall}?bid=99")).expect_status(200).text().contains("bidder9有限公司"));
}

fn the_record_is_read_and_printed_with_objections_answers_and_signatures(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    let served = Served::start(house);
    opened(&served, &filled);
    let mut public = served.visitor();
    let minutes = format!("{HALL}/single/record");
    public.get(&minutes).expect_status(409);
    let mut bidder = served.browser(&filled.bidders[0]);
    bidder.get(HALL);
    bidder.post(&format!("{HALL}/objection"), &[("words", "请核对封箱时间。")]).expect_status(303);
    let mut agent = served.browser(&filled.staff.agent);
    let hall = agent.get(HALL).text();
    let answer =
        hall.split("action=\"").find(|rest| rest.contains("/answer\"")).unwrap().split('"').next().unwrap();
    agent.post(answer, &[("words", "封箱检查点可以核对。")]).expect_status(303);
    publish(&served, &filled);
    bidder.sign(&filled.bidders[0], HALL, &format!("{HALL}/single/signature"), &[]).expect_status(303);
    let page = public.get(&minutes).expect_status(200).text();
    for shown in [
        "bidder3有限公司",
        "3.00",
        "请核对封箱时间。",
        "封箱检查点可以核对。",
        "2026-03-25 09:35:00",
        "电子签名",
    ] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    // two have signed; who was there and has not, finds room for a pen
    assert_eq!((page.matches("电子签名").count(), page.matches("class=\"pen\"").count()), (2, 1), "{page}");
    assert!(public.get(HALL).text().contains(&format!("\"{minutes}\"")));
}

fn the_replay_tells_every_step_from_the_log_and_proves_it(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    let served = Served::start(house);
    let mut public = served.visitor();
    let replay = format!("{HALL}/replay");
    public.get(&replay).expect_status(409);
    opened(&served, &filled);
    publish(&served, &filled);
    let first = public.get(&replay).expect_status(200).text();
    let order = [
        "封箱：3 家投标人",
        "投标文件的开标开始",
        "agent有限公司 签到",
        "bidder1有限公司 签到",
        "第 1 位保管人",
        "第 2 位保管人",
        "投标文件开启：打开 3 份，未能开启 0 份",
        "签署并公布开标记录",
    ];
    let all = first.split("class=\"timeline\"").nth(1).unwrap();
    let places: Vec<usize> =
        order.iter().map(|words| all.find(words).unwrap_or_else(|| panic!("{words}: {all}"))).collect();
    assert!(places.is_sorted(), "{places:?} {all}");
    assert!(
        first.contains("第 1 步，共 9 步") && !first.contains("唱标"),
        "nothing is open at the first step"
    );
    let last = public.get(&format!("{replay}?step=9")).expect_status(200).text();
    assert!(last.contains("唱标") && last.contains("签到 3 人") && last.contains("释放份额 2 次"), "{last}");
    assert!(last.contains("rel=\"prev\"") && !last.contains("rel=\"next\""));
    // what is told is what was logged, and the proof leads to it
    let opened_at = public.get(&format!("{replay}?step=8")).text();
    let address =
        opened_at.split("href=\"").find(|rest| rest.contains("/proof\"")).unwrap().split('"').next().unwrap();
    let receipt = Receipt::parse(&public.get(address).expect_status(200).bytes).unwrap();
    let logged = public.get(&address.replace("/proof", "/entry.json")).expect_status(200).bytes;
    assert!(String::from_utf8_lossy(&logged).contains("opening.bids_opened"));
    let door = served.house.door();
    let trusted = [door.log_key().clone()];
    receipt.verify(&logged, receipt.opening.kind, &door.config().origin, &trusted).unwrap();
    // entries that are not of this opening are not handed out here
    let other = served.house.member(Role::Supervisor, "watcher");
    let mut watcher = served.browser(&other);
    let listed = watcher.get("/supervision/TEST-0001/1").expect_status(200).text();
    let entry = listed.split("/supervision/entry/").last().unwrap().split('/').nth(1).unwrap();
    public.get(&format!("{replay}/{entry}/entry.json")).expect_status(404);
    public.get(&format!("{replay}/nonsense/proof")).expect_status(404);
}

fn each_bid_is_shown_while_it_is_decrypted_and_never_whose_it_is(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    let served = Served::start(house);
    let mut public = served.visitor();
    filled.close(&served.house);
    filled.release(&served.house, Kind::Single, &[1, 2]);
    let mut heard = served.house.door().hub().listen();
    let (follower, _) = served.progress.claim(served.house.door(), filled.lot, Kind::Single);
    follower.begin(3);
    served.house.clock.move_to(served.house.door().now().plus(1_000_000));
    follower.set(0, BidStep::Done);
    follower.set(1, BidStep::Opening(40));
    let running = public.get(HALL).expect_status(200).text();
    let bids = running.split("<ol class=\"running\">").nth(1).unwrap().split("</ol>").next().unwrap();
    for shown in ["value=\"100\"", "value=\"40\"", "value=\"0\"", "解密中", "等待", "完成"] {
        assert!(bids.contains(shown), "{shown} is not in {bids}");
    }
    assert!(!bids.contains("有限公司"), "{bids}");
    assert!(public.get(DAY).text().contains("投标文件 1/3"));
    assert!(public.get(&format!("{HALL}/screen")).text().contains("class=\"running\""));
    drop(follower);
    assert!(!public.get(HALL).text().contains("class=\"running\""));
    let mut topics = Vec::new();
    while let Ok(topic) = heard.try_recv() {
        topics.push(topic);
    }
    assert!(topics.len() >= 3 && topics.iter().all(|topic| topic.starts_with("opening/")), "{topics:?}");
    // the real opening tells the same, and leaves nothing behind
    filled.open(&served.house, Kind::Single, false).unwrap();
    assert!(served.progress.of(filled.lot, Kind::Single).is_empty());
}

/// The opening itself is watched: its bids lie behind pipes, so that each one whose decryption has begun stands still.
fn a_bid_waits_until_its_own_decryption_begins(engine: Engine) {
    let house = TestHouse::new(engine);
    let at_once = std::thread::available_parallelism().unwrap().get();
    let prices: Vec<String> = (1..=at_once + 2).map(|number| format!("{number}.00")).collect();
    let filled = bids_in(&house, &prices.iter().map(String::as_str).collect::<Vec<_>>());
    let served = Served::start(house);
    filled.close(&served.house);
    filled.release(&served.house, Kind::Single, &[1, 2]);
    let stored = |bidder| filled.stored(&served.house, Kind::Single, bidder);
    let stored: Vec<PathBuf> = filled.bidders.iter().map(stored).collect();
    for file in &stored {
        std::fs::rename(file, file.with_extension("kept")).unwrap();
        assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
    }
    let (progress, lot) = (served.progress.clone(), filled.lot);
    let opens = || {
        let (house, who) = (&served.house, &filled.staff.agent.who);
        hall::open_blocking(house.door(), house.authority(), who, lot, (Kind::Single, false), &progress)
    };
    let (steps, hall) = std::thread::scope(|scope| {
        let opening = scope.spawn(opens);
        let begun = |steps: &[BidStep]| steps.iter().filter(|step| **step != BidStep::Waiting).count();
        // what is seen is judged below: whoever panics here would leave the opening standing before its pipes
        let mut patience = 6000;
        while begun(&progress.of(lot, Kind::Single)) < at_once && !opening.is_finished() && patience > 0 {
            std::thread::sleep(std::time::Duration::from_millis(10));
            patience -= 1;
        }
        let seen = (progress.of(lot, Kind::Single), served.visitor().get(HALL));
        // those who stand still find a pipe and no ciphertext; the others find theirs
        for file in &stored {
            std::fs::rename(file, file.with_extension("pipe")).unwrap();
            std::fs::rename(file.with_extension("kept"), file).unwrap();
        }
        while !opening.is_finished() {
            for file in &stored {
                drop(File::options().read(true).write(true).open(file.with_extension("pipe")).unwrap());
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        opening.join().unwrap().unwrap();
        seen
    });
    let expected = |at: usize| if at < at_once { BidStep::Opening(0) } else { BidStep::Waiting };
    assert_eq!(steps, (0..at_once + 2).map(expected).collect::<Vec<_>>());
    let hall = hall.expect_status(200).text();
    let bids = hall.split("<ol class=\"running\">").nth(1).unwrap().split("</ol>").next().unwrap();
    let shown = [bids.matches("解密中").count(), bids.matches("等待").count()];
    assert_eq!(shown, [at_once, 2], "{bids}");
    let rows = served.house.door().read(|db| store::bids(db, lot, Kind::Single)).unwrap();
    assert!(rows.iter().filter(|row| row.document.is_some()).count() >= 2);
    assert!(progress.of(lot, Kind::Single).is_empty());
}

fn who_opens_what_is_being_opened_waits_for_it_and_nothing_is_decrypted_twice(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    let served = Served::start(house);
    filled.close(&served.house);
    filled.release(&served.house, Kind::Single, &[1, 2]);
    let (progress, lot) = (&served.progress, filled.lot);
    // the first one is at work
    let (follower, waited) = progress.claim(served.house.door(), lot, Kind::Single);
    assert!(!waited);
    follower.begin(3);
    follower.set(0, BidStep::Done);
    let agent = &filled.staff.agent;
    let mut browsers: Vec<_> = (0..3).map(|_| served.browser(agent)).collect();
    for browser in &mut browsers {
        browser.get(HALL).expect_status(200);
    }
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let tries: Vec<_> = browsers
            .iter_mut()
            .map(|browser| scope.spawn(|| browser.post(&format!("{HALL}/single/open"), &[]).status))
            .collect();
        std::thread::sleep(std::time::Duration::from_millis(500));
        assert!(tries.iter().all(|one| !one.is_finished()), "they wait");
        let shown = progress.of(lot, Kind::Single);
        assert_eq!(shown, [BidStep::Done, BidStep::Waiting, BidStep::Waiting], "the first one's progress");
        // it fails: one of those who wait opens the envelope, and for the others it is done
        drop(follower);
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses, [303; 3]);
    assert!(progress.of(lot, Kind::Single).is_empty());
    let bids = served.house.door().read(|db| store::opened_bids(db, lot, Kind::Single)).unwrap();
    assert_eq!(bids.len(), 3);
    assert_eq!(browsers[0].post(&format!("{HALL}/single/open"), &[]).status, 409, "later it is told");
}
