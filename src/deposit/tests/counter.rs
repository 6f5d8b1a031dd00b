//! The pages, over real HTTP: a bidder pays, the treasurer imports, decides and pays back.

use super::bank_files::is_valid;
use super::desk::Desk;
use crate::account::role::Role;
use crate::deposit::actions;
use crate::deposit::rules::RefundReason;
use crate::deposit::store;
use crate::deposit::testing::{CENTRE_NUMBER, csv, line};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::tests::browser::{Browser, Seen};
use bytes::Bytes;
use reqwest::Method;

on_both_databases! {
    a_bidder_pays_and_follows_the_deposit_on_its_page
    the_treasurer_decides_pays_back_and_sees_the_book_balance
    before_the_deadline_not_even_the_treasurer_is_told_who_pays
    one_deposit_can_be_frozen_released_and_kept_by_hand
    every_page_speaks_both_languages_and_shows_no_bare_key
    nobody_but_the_treasurer_and_the_bidder_is_shown_a_deposit
}

const LOT: &str = "/deposit/TEST-0001/1";
const DEADLINE: &str = "2026-03-25 09:30:00";

fn upload(browser: &mut Browser, csrf: &str, name: &str, content: &str) -> Seen {
    let body = format!(
        "--cut\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--cut\r\n\
         content-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: text/xml\r\n\r\n{content}\r\n--cut--\r\n"
    );
    let form = [("content-type", "multipart/form-data; boundary=cut")];
    browser.send(Method::POST, "/deposit/treasury/import", &form, Bytes::from(body))
}

fn a_bidder_pays_and_follows_the_deposit_on_its_page(engine: Engine) {
    let desk = Desk::served(engine);
    let (one, other) = (desk.bidder("one"), desk.bidder("other"));
    let (mut bidder, mut stranger) = (desk.browser(&one), desk.browser(&other));
    let mut treasurer = desk.browser(&desk.treasurer);
    let page = bidder.get(LOT).expect_status(200).text();
    assert!(page.contains("200,000.00") && page.contains("申请缴款账号"), "{page}");
    let wrong = bidder.post(LOT, &[("number", "6200123"), ("bank_code", "12"), ("bank_name", "某银行")]);
    let wrong = wrong.expect_status(422).text();
    assert!(wrong.contains("12 位联行号") && wrong.contains("6200123"), "the form keeps what was typed");
    let good = [("number", "6200123"), ("bank_code", "102222000123"), ("bank_name", "某银行大连支行")];
    assert_eq!(bidder.post(LOT, &good).location(), LOT);
    let vault = desk.house.door().vault().clone();
    let found = desk.house.door().read(|db| store::demand_of(db, &vault, desk.lot, one.who.organisation));
    let demand = found.unwrap().unwrap();
    let number = demand.account.grouped();
    assert!(bidder.get(LOT).text().contains(&number));
    assert!(!stranger.get(LOT).text().contains(&number), "nobody sees another's number");
    let notice = csv(&[line(&demand, "A1", "200000.00", desk.in_time())]);
    treasurer.get("/deposit/treasury/import").expect_status(200);
    let token = treasurer.csrf.clone();
    assert_eq!(upload(&mut treasurer, "forged", "n.csv", &notice).status, 403);
    assert_eq!(upload(&mut treasurer, &token, "n.csv", &notice).status, 303);
    let broken = upload(&mut treasurer, &token, "n.xml", "<Document>").expect_status(422).text();
    assert!(broken.contains("第 1 行："), "{broken}");
    assert!(bidder.get(LOT).text().contains("保证金已足额到账：200,000.00 元"));
    assert!(bidder.get("/deposit").text().contains("已缴"));
    assert!(stranger.get("/deposit").text().contains("还没有保证金"));
}

fn the_treasurer_decides_pays_back_and_sees_the_book_balance(engine: Engine) {
    let desk = Desk::served(engine);
    let paid = desk.paid(&desk.bidder("one"));
    let demand = desk.asked(&desk.bidder("two"));
    let foreign = line(&paid, "A9", "200000.00", desk.in_time())
        .replace(paid.account.as_str(), demand.account.as_str());
    let stray = format!("{CENTRE_NUMBER},{CENTRE_NUMBER},A8,in,12.34,2026-03-20,,,,");
    desk.import(&[foreign, stray]);
    let item = desk.work_list().into_iter().find(|item| item.movement.reference == "A9").unwrap().id;
    let mut treasurer = desk.browser(&desk.treasurer);
    let list = treasurer.get("/deposit/treasury/work-list").expect_status(200).text();
    assert!(list.contains("付款人不是投标人") && list.contains("不是本中心发出的缴款账号"));
    let path = format!("/deposit/treasury/work-list/{item}");
    treasurer.get(&path).expect_status(200);
    let id = demand.id.to_string();
    let no_choice = treasurer.post(&path, &[("why", "已核实")]).expect_status(422).text();
    assert!(no_choice.contains("请选择一种处理方式"));
    let choice = [("resolution", "assign"), ("deposit", id.as_str()), ("why", "母公司代付，已核实")];
    assert_eq!(treasurer.post(&path, &choice).status, 303);
    assert!(treasurer.get(&path).text().contains("母公司代付"));
    desk.house.at(DEADLINE);
    let mut treasurer = desk.browser(&desk.treasurer);
    let all = treasurer.get("/deposit/treasury/deposits?state=paid").expect_status(200).text();
    assert!(
        all.contains(&demand.bidder_name) && all.contains("招标投标法实施条例 第四十条第六项"),
        "one payer for two bidders"
    );
    let lot = desk.lot;
    desk.house.act(&desk.staff.centre.who, move |act| actions::freeze_lot(act, lot)).unwrap();
    let due = "2026-03-30".parse().unwrap();
    desk.house
        .act(&desk.staff.centre.who, move |act| actions::refunds_due(act, lot, RefundReason::TooFewBids, due))
        .unwrap();
    treasurer.get("/deposit/treasury/refunds").expect_status(200);
    let order =
        [("execute_on", "2026-03-27"), ("deposit_rate", "0.1"), ("lending_rate", "0"), ("day_base", "360")];
    assert_eq!(treasurer.post("/deposit/treasury/refunds", &order).status, 303);
    let page = treasurer.get("/deposit/treasury/refunds").expect_status(200).text();
    let link = page.split("/deposit/treasury/batches/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let xml = treasurer.get(&format!("/deposit/treasury/batches/{link}")).expect_status(200);
    assert!(is_valid("pain.001.001.09", &xml.text()));
    for refund in desk.refunds() {
        assert_eq!(
            treasurer.post(&format!("/deposit/treasury/refunds/{}/confirm", refund.id), &[]).status,
            303
        );
    }
    let book = treasurer.get("/deposit/treasury/book").expect_status(200).text();
    assert!(book.contains("借贷平衡"), "{book}");
    desk.book();
}

fn before_the_deadline_not_even_the_treasurer_is_told_who_pays(engine: Engine) {
    let desk = Desk::served(engine);
    let paid = desk.paid(&desk.bidder("one"));
    let mut treasurer = desk.browser(&desk.treasurer);
    let read =
        |treasurer: &mut Browser| treasurer.get("/deposit/treasury/deposits").expect_status(200).text();
    let (overview, with_one) = (treasurer.get("/deposit/treasury").text(), read(&mut treasurer));
    assert!(
        !with_one.contains(&paid.bidder_name) && !with_one.contains(&paid.account.grouped()),
        "{with_one}"
    );

    // others ask for numbers, and one pays from another's account
    let (two, three) = (desk.asked(&desk.bidder("two")), desk.asked(&desk.bidder("three")));
    assert_eq!(read(&mut treasurer), with_one, "the list tells one from three");
    assert_eq!(treasurer.get("/deposit/treasury").text(), overview, "and so does the overview");
    let foreign = line(&paid, "A9", "200000.00", desk.in_time());
    desk.import(&[foreign.replace(paid.account.as_str(), two.account.as_str())]);
    let item = format!("/deposit/treasury/work-list/{}", desk.work_list()[0].id);
    let told = treasurer.get(&item).expect_status(200).text();
    assert!(told.contains(&two.account.grouped()) && told.contains(&two.id.to_string()), "{told}");
    assert!(!told.contains(&two.bidder_name) && !told.contains("TEST-0001"), "{told}");
    assert!(!told.contains(&three.account.grouped()), "whose number was not paid to is not told");

    for demand in [&paid, &two] {
        let path = format!("/deposit/treasury/deposits/{}", demand.id);
        let refused = treasurer.get(&path).expect_status(409).text();
        assert!(
            refused.contains("招标投标法 第二十二条") && !refused.contains(&demand.bidder_name),
            "{refused}"
        );
        for (act, form) in [
            ("freeze", [("why", "x1")]),
            ("release", [("reason", "withdrawn")]),
            ("forfeit", [("why", "x1")]),
        ] {
            treasurer.post(&format!("{path}/{act}"), &form).expect_status(409);
        }
    }
    assert_eq!(desk.now(&paid).state, paid.state);

    desk.house.at(DEADLINE);
    let mut treasurer = desk.browser(&desk.treasurer);
    let all = read(&mut treasurer);
    for demand in [&paid, &two, &three] {
        assert!(all.contains(&demand.bidder_name) && all.contains("TEST-0001/1"), "{all}");
    }
    assert!(treasurer.get(&item).text().contains(&three.bidder_name));
    desk.book();
}

fn one_deposit_can_be_frozen_released_and_kept_by_hand(engine: Engine) {
    let desk = Desk::served(engine);
    let demand = desk.paid(&desk.bidder("one"));
    desk.house.at(DEADLINE);
    let mut treasurer = desk.browser(&desk.treasurer);
    let path = format!("/deposit/treasury/deposits/{}", demand.id);
    let page = treasurer.get(&path).expect_status(200).text();
    assert!(page.contains("/freeze") && !page.contains("/forfeit"), "only a frozen deposit can be kept");
    assert_eq!(treasurer.post(&format!("{path}/release"), &[("reason", "withdrawn")]).status, 303);
    assert!(treasurer.get(&path).text().contains("2026-03-30"), "five days from Wednesday 25 March");
    assert_eq!(treasurer.post(&format!("{path}/freeze"), &[("why", "")]).status, 422);
    assert_eq!(treasurer.post(&format!("{path}/freeze"), &[("why", "监督通知")]).status, 303);
    assert_eq!(treasurer.post(&format!("{path}/forfeit"), &[("reason", ""), ("why", "x1")]).status, 422);
    let keep = [("reason", "revoked_after_deadline"), ("why", "决定书 3 号")];
    assert_eq!(treasurer.post(&format!("{path}/forfeit"), &keep).status, 303);
    assert!(treasurer.get(&path).text().contains("决定书 3 号"));
    desk.book();
}

fn every_page_speaks_both_languages_and_shows_no_bare_key(engine: Engine) {
    let desk = Desk::served(engine);
    let one = desk.bidder("one");
    let demand = desk.asked(&one);
    desk.import(&[line(&demand, "A1", "1.00", desk.in_time()), "x".into()]);
    let item = desk.work_list()[0].id;
    desk.house.at(DEADLINE);
    let (mut bidder, mut treasurer) = (desk.browser(&one), desk.browser(&desk.treasurer));
    for lang in ["zh-CN", "en"] {
        bidder.get(&format!("/account/lang/{lang}"));
        treasurer.get(&format!("/account/lang/{lang}"));
        let mut pages = vec![bidder.get("/deposit"), bidder.get(LOT)];
        for page in ["", "/account", "/import", "/work-list", "/deposits", "/refunds", "/book"] {
            pages.push(treasurer.get(&format!("/deposit/treasury{page}")));
        }
        pages.push(treasurer.get(&format!("/deposit/treasury/work-list/{item}")));
        pages.push(treasurer.get(&format!("/deposit/treasury/deposits/{}", demand.id)));
        for page in pages {
            let text = page.expect_status(200).text();
            let body = text.split("<main").nth(1).unwrap();
            let bare =
                body.split("deposit.").skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
            assert!(!bare && !body.contains("%{"), "{body}");
        }
    }
}

fn nobody_but_the_treasurer_and_the_bidder_is_shown_a_deposit(engine: Engine) {
    let desk = Desk::served(engine);
    let demand = desk.paid(&desk.bidder("one"));
    let people = [&desk.staff.agent, &desk.staff.entity, &desk.staff.supervisor, &desk.staff.centre];
    let rival = desk.bidder("rival");
    for member in people.into_iter().chain([&rival]) {
        let mut browser = desk.browser(member);
        for path in ["/deposit", "/deposit/treasury/deposits", "/deposit/treasury/book", LOT] {
            let text = browser.get(path).text();
            assert!(
                !text.contains(&demand.bidder_name) && !text.contains(&demand.account.grouped()),
                "{path}"
            );
        }
        assert_eq!(browser.get("/deposit/treasury").status, 403);
    }
    assert_eq!(rival.who.role, Role::Bidder);
}
