//! Notices, amendments, documents, on both databases.

use super::actions::{self, Amendment, Stored};
use super::rules::{NoticeText, check_file_name};
use super::store;
use super::testing::{publish, published, text, write};
use crate::account::role::Role;
use crate::account::signature;
use crate::account::testing::{TestHouse, refused};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::files::Files;
use crate::platform::files::content::Content;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::project::phase::Phase;
use crate::project::rules::Tender;
use crate::project::schedule::{Schedule, Weight};
use crate::project::testing::{Shape, Staff, draft, facts, schedule, staff};
use crate::tests::browser::{Browser, Seen, Served};

on_both_databases! {
    a_published_notice_is_the_signed_statement
    a_notice_that_was_changed_between_reading_and_signing_is_refused
    nothing_is_published_while_a_problem_stands
    an_amendment_is_a_new_version_and_moves_the_deadline
    a_late_amendment_that_affects_bids_must_put_the_deadline_off
    an_old_version_stays_readable_word_for_word
    only_the_own_agent_publishes
    a_published_document_can_not_be_removed_and_a_waiting_one_can
    a_new_document_goes_out_with_the_next_amendment
    documents_are_issued_between_their_dates_and_later_only_to_who_has_them
    a_download_leaves_no_name_and_no_count_in_the_database
    a_document_that_is_gone_or_altered_in_storage_is_told_with_its_name
    an_agent_sets_up_checks_signs_and_publishes_a_tender_in_the_browser
    an_agent_amends_in_the_browser_and_is_told_the_earliest_deadline
}

fn at(text: &str) -> Moment {
    Moment::parse_beijing(text).unwrap()
}

fn later(days: i64) -> Schedule {
    Schedule { bids_until: schedule().bids_until.plus(days * crate::platform::moment::DAY), ..schedule() }
}

fn amend(
    house: &TestHouse,
    staff: &Staff,
    tender: Id<Tender>,
    amendment: Amendment,
) -> Result<u32, crate::platform::refusal::Failure> {
    let now = house.door().now();
    let ask = amendment.clone();
    let (notice, _) = house.door().read(|db| actions::check_amended(db, tender, &ask, now))?;
    let fields = staff.agent.sign(&notice.statement());
    let (who, authority) = (staff.agent.who.clone(), house.authority().clone());
    house.act(&staff.agent.who, move |act| {
        actions::amend(act, &authority, &who, tender, &amendment, &fields)
    })?;
    Ok(notice.version)
}

fn change(schedule: Schedule, weight: Weight) -> Amendment {
    Amendment { schedule, summary: "工期由 90 天改为 120 天".into(), weight }
}

fn a_published_notice_is_the_signed_statement(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, lot) = published(&house, &Shape::default());
    let facts = facts(&house, lot);
    assert_eq!(facts.phase(house.door().now()), Phase::Bidding);
    let newest = house.door().read(|db| store::newest(db, facts.tender)).unwrap().unwrap();
    assert_eq!(newest.signed.statement, newest.notice.statement());
    assert_eq!(newest.notice.documents.len(), 1);
    assert_eq!(newest.notice.lots[0].terms, facts.terms);
    let signer = signature::check_kept(house.authority(), &newest.signed).unwrap();
    assert_eq!(signer.credit_code, staff.agent.who.credit_code);
}

fn a_notice_that_was_changed_between_reading_and_signing_is_refused(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let tender = draft(&house, &staff, &Shape::default());
    write(&house, &staff, tender);
    let now = house.door().now();
    let read = house.door().read(|db| actions::check_draft(db, &staff.agent.who, tender, now)).unwrap();
    let fields = staff.agent.sign(&read.0.unwrap().statement());
    let who = staff.agent.who.clone();
    let other = NoticeText { contact: "另一个电话".into(), ..text() };
    house.act(&staff.agent.who, move |act| actions::write_draft(act, &who, tender, other)).unwrap();
    let (who, authority) = (staff.agent.who.clone(), house.authority().clone());
    let tried =
        house.act(&staff.agent.who, move |act| actions::publish(act, &authority, &who, tender, &fields));
    assert_eq!(refused(tried).key, "account.refusal.statement_changed");
}

fn nothing_is_published_while_a_problem_stands(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let tender = draft(&house, &staff, &Shape { lots: 0, ..Shape::default() });
    let now = at("2026-03-03T09:00:00");
    let (_, problems) =
        house.door().read(|db| actions::check_draft(db, &staff.agent.who, tender, now)).unwrap();
    let fields: Vec<_> = problems.iter().filter_map(|problem| problem.field).collect();
    assert_eq!(fields, ["scope", "qualification", "contact", "lots", "documents", "documents_from"]);
}

fn an_amendment_is_a_new_version_and_moves_the_deadline(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, lot) = published(&house, &Shape::default());
    let tender = facts(&house, lot).tender;
    house.at("2026-03-20 10:00:00");
    assert_eq!(amend(&house, &staff, tender, change(later(20), Weight::AffectsBids)).unwrap(), 2);
    assert_eq!(facts(&house, lot).plan().unwrap().bids_until, later(20).bids_until);
    let notices = house.door().read(|db| store::notices(db, tender)).unwrap();
    let change = notices[1].notice.change.clone().unwrap();
    assert_eq!(change.previous, notices[0].notice.digest());
    house.at("2026-03-25 09:30:00");
    assert_eq!(facts(&house, lot).phase(house.door().now()), Phase::Bidding);
}

fn a_late_amendment_that_affects_bids_must_put_the_deadline_off(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, lot) = published(&house, &Shape::default());
    let tender = facts(&house, lot).tender;
    house.at("2026-03-20 10:00:00");
    let tried = amend(&house, &staff, tender, change(later(5), Weight::AffectsBids));
    let refused_late = refused(tried);
    assert_eq!(refused_late.key, "project.refusal.clarification_too_late");
    // fifteen days from the 20th end on Saturday 4 April, inside the Qingming holiday
    assert!(refused_late.with.contains(&("earliest", "2026-04-07".into())), "{refused_late:?}");
    assert_eq!(amend(&house, &staff, tender, change(schedule(), Weight::Editorial)).unwrap(), 2);
    let back = Schedule {
        bids_until: at("2026-03-24T09:30:00"),
        documents_until: at("2026-03-24T09:30:00"),
        ..schedule()
    };
    let tried = amend(&house, &staff, tender, change(back, Weight::Editorial));
    assert_eq!(refused(tried).key, "project.refusal.deadline_brought_forward");
    house.at("2026-03-25 09:30:00");
    let tried = amend(&house, &staff, tender, change(later(30), Weight::AffectsBids));
    assert_eq!(refused(tried).key, "project.refusal.not_in_this_phase");
}

fn an_old_version_stays_readable_word_for_word(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, lot) = published(&house, &Shape::default());
    let tender = facts(&house, lot).tender;
    let before = house.door().read(|db| store::notices(db, tender)).unwrap()[0].signed.clone();
    amend(&house, &staff, tender, change(later(30), Weight::AffectsBids)).unwrap();
    let after = house.door().read(|db| store::notices(db, tender)).unwrap();
    assert_eq!(after[0].signed, before);
    assert_eq!(after.len(), 2);
}

fn only_the_own_agent_publishes(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let tender = draft(&house, &staff, &Shape::default());
    write(&house, &staff, tender);
    let rival = house.member(Role::Agent, "rival");
    let now = house.door().now();
    let notice =
        house.door().read(|db| actions::check_draft(db, &rival.who, tender, now)).unwrap().0.unwrap();
    let fields = rival.sign(&notice.statement());
    let (who, authority) = (rival.who.clone(), house.authority().clone());
    let tried = house.act(&rival.who, move |act| actions::publish(act, &authority, &who, tender, &fields));
    assert_eq!(refused(tried).key, "project.refusal.not_yours");
    publish(&house, &staff, tender);
    let (who, authority) = (staff.agent.who.clone(), house.authority().clone());
    let fields = staff.agent.sign("again");
    let tried =
        house.act(&staff.agent.who, move |act| actions::publish(act, &authority, &who, tender, &fields));
    assert_eq!(refused(tried).key, "project.refusal.not_in_this_phase");
}

fn add(
    house: &TestHouse,
    staff: &Staff,
    tender: Id<Tender>,
    name: &str,
    digit: &str,
) -> Id<super::rules::Document> {
    let who = staff.agent.who.clone();
    let file = Stored { name: name.into(), content: digit.repeat(64), kind: Content::Pdf, bytes: 10 };
    house.act(&staff.agent.who, move |act| actions::add_document(act, &who, tender, &file)).unwrap().value
}

fn a_published_document_can_not_be_removed_and_a_waiting_one_can(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, lot) = published(&house, &Shape::default());
    let tender = facts(&house, lot).tender;
    let public = house.door().read(|db| store::documents(db, tender)).unwrap()[0].id;
    let waiting = add(&house, &staff, tender, "补遗.pdf", "b");
    let remove = |document| {
        let who = staff.agent.who.clone();
        house.act(&staff.agent.who, move |act| actions::remove_document(act, &who, document))
    };
    assert_eq!(refused(remove(public)).key, "announcement.refusal.published");
    remove(waiting).unwrap();
    assert_eq!(refused(remove(waiting)).status, 404);
    add(&house, &staff, tender, "补遗二.pdf", "c");
}

fn a_new_document_goes_out_with_the_next_amendment(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, lot) = published(&house, &Shape::default());
    let tender = facts(&house, lot).tender;
    let bidder = house.member(Role::Bidder, "bidder");
    let waiting = add(&house, &staff, tender, "补遗.pdf", "b");
    let take = || {
        let who = bidder.who.clone();
        house.act(&bidder.who, move |act| actions::download(act, &who, waiting))
    };
    assert_eq!(refused(take()).status, 404);
    amend(&house, &staff, tender, change(later(30), Weight::AffectsBids)).unwrap();
    assert_eq!(take().unwrap().value.version, Some(2));
    let newest = house.door().read(|db| store::newest(db, tender)).unwrap().unwrap();
    assert_eq!(newest.notice.documents.last().unwrap().name, "补遗.pdf");
}

fn documents_are_issued_between_their_dates_and_later_only_to_who_has_them(engine: Engine) {
    let house = TestHouse::new(engine);
    let (_, lot) = published(&house, &Shape::default());
    let tender = facts(&house, lot).tender;
    let document = house.door().read(|db| store::documents(db, tender)).unwrap()[0].id;
    let (early, late) = (house.member(Role::Bidder, "early"), house.member(Role::Bidder, "late"));
    let take = |member: &crate::account::testing::Member| {
        let who = member.who.clone();
        house.act(&member.who, move |act| actions::download(act, &who, document))
    };
    take(&early).unwrap();
    house.at("2026-03-25 09:30:00");
    take(&early).unwrap();
    assert_eq!(refused(take(&late)).key, "announcement.refusal.not_issued");
}

fn a_download_leaves_no_name_and_no_count_in_the_database(engine: Engine) {
    let house = TestHouse::new(engine);
    let (_, lot) = published(&house, &Shape::default());
    let (one, two) = (facts(&house, lot).tender, house.member(Role::Bidder, "bidder"));
    let document = house.door().read(|db| store::documents(db, one)).unwrap()[0].id;
    let who = two.who.clone();
    house.act(&two.who, move |act| actions::download(act, &who, document)).unwrap();
    let vault = house.door().vault().clone();
    let mine = house.door().read(|db| store::downloaded_by(db, &vault, two.who.person)).unwrap();
    assert_eq!(mine, [one]);
    let rows = house.door().read(store::raw_downloads).unwrap();
    assert_eq!(rows.len(), 1);
    for secret in [two.who.person.to_string(), one.to_string(), lot.to_string()] {
        let (pair, person, body) = &rows[0];
        assert!(!pair.contains(&secret) && !person.contains(&secret));
        assert!(!String::from_utf8_lossy(body).contains(&secret));
    }
}

#[test]
fn file_names_lose_their_path_and_strange_signs_are_refused() {
    assert_eq!(check_file_name("C:\\标书\\招标文件.pdf").unwrap(), "招标文件.pdf");
    assert_eq!(check_file_name("../../etc/文件.txt").unwrap(), "文件.txt");
    for bad in ["", "a\nb.pdf", ".htaccess", "x\u{202e}fdp.exe", "a?.pdf"] {
        assert!(check_file_name(bad).is_err(), "{bad:?}");
    }
}

/// One multipart form with a token and a file.
fn upload(browser: &mut Browser, path: &str, name: &str, content: &[u8]) -> Seen {
    let boundary = "----sunbid-test";
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{}\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n",
        browser.csrf
    )
    .into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={boundary}");
    browser.send(reqwest::Method::POST, path, &[("content-type", &kind)], body.into())
}

const DATES: [(&str, &str); 4] = [
    ("documents_from", "2026-03-02T09:00"),
    ("documents_until", "2026-03-25T09:30"),
    ("questions_until", "2026-03-08T17:00"),
    ("bids_until", "2026-03-25T09:30"),
];

#[allow(clippy::too_many_lines)] // one walk, told from beginning to end
fn an_agent_sets_up_checks_signs_and_publishes_a_tender_in_the_browser(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let bidder = house.member(Role::Bidder, "bidder");
    let served = Served::start(house);
    let mut agent = served.browser(&staff.agent);
    let code = staff.entity.who.credit_code.clone();
    let basics = [
        ("name", "码头加固工程"),
        ("category", "port"),
        ("region", "210200"),
        ("entity_code", code.as_str()),
        ("number", "WEB-0001"),
    ];
    let wrong_law =
        agent.post("/project/new", &[basics.as_slice(), &[("rulebook", "procurement-open-2026")]].concat());
    assert!(wrong_law.expect_status(422).text().contains("bad-sentence"));
    let made = agent.post("/project/new", &[basics.as_slice(), &[("rulebook", "works-open-2026")]].concat());
    assert_eq!(made.expect_status(303).location(), "/project/WEB-0001");
    let lot = [
        ("name", "一标段"),
        ("budget", "10000000"),
        ("ceiling", "9800000"),
        ("deposit", "200000"),
        ("design", "no"),
        ("envelopes", "one"),
        ("method", "works_benchmark"),
        ("price_points", "60"),
        ("floats", "2 3 4"),
        ("above", "1"),
        ("below", "0.5"),
        ("trim_from", "5"),
        ("committee_size", "5"),
        ("committee_experts", "4"),
        ("minimum_bidders", "3"),
        ("specialities", "A080101"),
        ("item_name", "施工组织设计"),
        ("item_points", "40"),
        ("item_class", "technical"),
        ("item_kind", "subjective"),
    ];
    let mut dear = lot;
    dear[3].1 = "200000.01";
    let refused = agent.post("/project/WEB-0001/lot/new", &dear).expect_status(422).text();
    assert!(refused.contains("200,000.00") && refused.contains("第二十六条"), "{refused}");
    agent.post("/project/WEB-0001/lot/new", &lot).expect_status(303);
    assert!(agent.get("/project/WEB-0001/lot/1").text().contains("施工组织设计"));
    let mut short = DATES;
    short[3].1 = "2026-03-16T09:30";
    let refused = agent.post("/project/WEB-0001/schedule", &short).expect_status(422).text();
    assert!(refused.contains("2026-03-23") && refused.contains("第二十四条"), "{refused}");
    agent.post("/project/WEB-0001/schedule", &DATES).expect_status(303);
    let people: Vec<String> = [&staff.agent, &staff.entity, &staff.supervisor]
        .iter()
        .map(|member| member.who.person.to_string())
        .collect();
    let mut trustees: Vec<(&str, &str)> = people.iter().map(|person| ("trustees", person.as_str())).collect();
    agent
        .post("/project/WEB-0001/trustees", &[trustees.as_slice(), &[("threshold", "1")]].concat())
        .expect_status(422);
    trustees.push(("threshold", "2"));
    agent.post("/project/WEB-0001/trustees", &trustees).expect_status(303);
    let unready = agent.get("/announcement/WEB-0001/check").expect_status(200).text();
    assert!(!unready.contains("data-sign"), "nothing to sign while something is missing");
    let text = text();
    let words = [
        ("scope", text.scope.as_str()),
        ("qualification", &text.qualification),
        ("contact", &text.contact),
        ("remarks", ""),
    ];
    agent.post("/announcement/WEB-0001/write", &words).expect_status(303);
    agent.get("/announcement/WEB-0001/documents");
    let program =
        upload(&mut agent, "/announcement/WEB-0001/documents", "招标文件.pdf", b"MZ\x90\x00 a program");
    program.expect_status(422);
    agent.get("/announcement/WEB-0001/documents");
    let pdf = b"%PDF-1.7 the tender document";
    upload(&mut agent, "/announcement/WEB-0001/documents", "招标文件.pdf", pdf).expect_status(303);
    let path = "/announcement/WEB-0001/check";
    let done = agent.sign(&staff.agent, path, path, &[]).expect_status(303);
    assert_eq!(done.location(), "/announcement/WEB-0001/version/1?published=1");
    let shown = agent.get(&done.location()).expect_status(200).text();
    assert!(shown.contains("class=\"done\""));
    let mut reader = served.browser(&bidder);
    let notice = reader.get("/announcement/WEB-0001").expect_status(200).text();
    let form = notice.split("action=\"/announcement/WEB-0001/document/").nth(1).unwrap();
    let path = format!("/announcement/WEB-0001/document/{}", form.split('"').next().unwrap());
    let file = reader.post(&path, &[]).expect_status(200);
    assert_eq!(file.bytes.as_ref(), pdf);
    assert_eq!(file.headers["content-type"], "application/pdf");
}

fn an_agent_amends_in_the_browser_and_is_told_the_earliest_deadline(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, _) = published(&house, &Shape::default());
    let served = Served::start(house);
    served.house.at("2026-03-20 10:00:00");
    let mut agent = served.browser(&staff.agent);
    agent.get("/announcement/TEST-0001/amend").expect_status(200);
    let change = [("summary", "工期改为 120 天"), ("weight", "affects_bids")];
    let refused = agent.post("/announcement/TEST-0001/amend", &[change.as_slice(), &DATES].concat());
    assert!(refused.expect_status(422).text().contains("2026-04-07"));
    let mut later = DATES;
    later[3].1 = "2026-04-08T09:30";
    let form = [change.as_slice(), &later].concat();
    let check = agent.post("/announcement/TEST-0001/amend", &form).expect_status(200);
    let signed = staff.agent.sign(&check.field("statement").unwrap());
    let proof = [
        ("statement", signed.statement.as_str()),
        ("signature", signed.signature.as_str()),
        ("certificate", signed.certificate.as_str()),
    ];
    let done = agent.post("/announcement/TEST-0001/amend/publish", &[form.as_slice(), &proof].concat());
    assert_eq!(done.expect_status(303).location(), "/announcement/TEST-0001/version/2?published=1");
    let old = served.visitor().get("/announcement/TEST-0001/version/1").expect_status(200).text();
    assert!(old.contains("/announcement/TEST-0001/version/2"), "the old version points at the newest");
    assert!(served.visitor().get("/tender/TEST-0001").text().contains("2026-04-08 09:30"));
}

fn a_document_that_is_gone_or_altered_in_storage_is_told_with_its_name(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, lot) = published(&house, &Shape::default());
    let tender = facts(&house, lot).tender;
    let number = Shape::default().number;
    let document = house.door().read(|db| store::documents(db, tender)).unwrap().remove(0);
    let kept = std::path::Path::new(&house.door().config().files).join(Files::place_of(&document.content));
    let served = Served::start(house);
    let mut agent = served.browser(&staff.agent);
    let path = format!("/announcement/{number}/document/{}", document.id);
    let whole = agent.get(&path).expect_status(200).bytes;

    std::fs::write(&kept, b"%PDF-1.4 something else").unwrap();
    assert!(agent.get(&path).expect_status(503).text().contains("招标文件.pdf"));
    std::fs::remove_file(&kept).unwrap();
    let gone = agent.get(&path).expect_status(503).text();
    assert!(gone.contains("“招标文件.pdf”已登记") && gone.contains("can not be read from storage"), "{gone}");
    std::fs::write(&kept, &whole).unwrap();
    agent.get(&path).expect_status(200);
}
