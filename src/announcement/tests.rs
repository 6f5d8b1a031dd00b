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
use crate::platform::files::content::Content;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::project::phase::Phase;
use crate::project::rules::Tender;
use crate::project::schedule::{Schedule, Weight};
use crate::project::testing::{Shape, Staff, draft, facts, schedule, staff};

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
